#!/bin/sh
# Stands in for `sluice run -c FILE --ready-file PATH`: refuses a document that says so, otherwise is ready and ends
# with 0 when it is told to. The addresses that it claims to have bound are those of its environment.
if grep -q "bad: true" "$3"; then echo "$3:3: it says so itself" >&2; exit 1; fi
echo "more arguments: $6"
sleep 60 >/dev/null 2>&1 &
trap 'echo draining >&2; kill $!; exit 0' TERM
echo "{\"admin\":\"$ADMIN\",\"listeners\":{\"web\":\"$WEB\"}}" > ready.tmp
mv ready.tmp "$5"
wait

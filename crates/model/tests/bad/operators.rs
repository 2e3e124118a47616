//! Who may ask at the admin address.

use super::check;

const HASH: &str = "blake3:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Compares all problems of a list of operators, of which `HASH` is the hash of some token.
#[track_caller]
fn check_operators(lines: &str, expected: &[&str]) {
    check(&format!("version: 1\noperators:\n{}", lines.replace("HASH", &format!("\"{HASH}\""))), expected);
}

#[test]
fn good_ones() {
    let other = HASH.replace("abcdef", "ABCDE0");
    check_operators(
        &format!(
            "  - {{ name: ci, role: operator, token: {{ hash: HASH }} }}\n  \
             - {{ name: grafana, role: viewer, token: {{ hash: \"{other}\" }}, not_after: \"2027-01-01\" }}\n"
        ),
        &[],
    );
    check_operators("  []\n", &[]);
}

#[test]
fn all_that_is_wrong_with_operators() {
    check_operators(
        "  - { name: ci, role: Operator, token: { hash: slo_abc } }\n  \
           - { name: admin, role: admin, token: { hash: HASH } }\n  \
           - { role: viewer, token: HASH, not_after: soon, until: never }\n  \
           - { name: admin, role: viewer, token: {} }\n  \
           - root\n",
        &[
            "3:23: error: unknown value `Operator`; did you mean `operator`?",
            "3:48: error: expected a BLAKE3 hash: `blake3:` and 64 hexadecimal digits; it is what `printf %s \"$SECRET\" | b3sum` prints, and not the secret itself",
            "4:13: error: `admin` is whoever has the admin token; call them by the name of who they are",
            "5:5: error: missing key `name`",
            "5:28: error: expected a map with the `hash` of a token, found a text; `sluice operator new` prints both",
            "5:114: error: expected a date such as `2026-01-31`, or a moment such as `2026-01-31T09:00:00Z`, found the text `soon`",
            "5:120: error: unknown key `until`; known here: `name`, `role`, `token`, `not_after`",
            "6:13: error: there are two operators with the name `admin`, the first at 4:13; give each a name of its own",
            "6:41: error: missing key `hash`",
            "7:5: error: expected a map with keys such as `name`, found the text `root`",
        ],
    );
}

#[test]
fn whose_token_it_is_must_be_known() {
    let upper = HASH.to_uppercase().replace("BLAKE3", "blake3");
    check_operators(
        &format!(
            "  - {{ name: a, role: admin, token: {{ hash: HASH }} }}\n  \
             - {{ name: b, role: viewer, token: {{ hash: \"{upper}\" }} }}\n"
        ),
        &[
            "4:45: error: two operators have the same token, the first at 3:44; make each its own with `sluice operator new`",
        ],
    );
}

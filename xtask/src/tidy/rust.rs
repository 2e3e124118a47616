//! Rules for Rust files that the compiler and clippy do not know.

use std::path::Path;

use super::{Problem, Source};

/// A file that is longer does more than one thing.
const MAX_LINES: usize = 700;

/// Crates that open no socket: an address in their tests is data.
const PURE: &[&str] = &["expression", "model", "message", "route", "policy", "policies", "snapshot"];

pub(super) fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(long_file(source));
    for index in 0..source.lines.len() {
        problems.extend(unreasoned_unsafe(source, index));
        problems.extend(port_of_a_test(source, index));
        problems.extend(stray_metric(source, index));
    }
    problems
}

fn problem(source: &Source, index: usize, what: String, why: &'static str, instead: &str) -> Problem {
    Problem { file: source.path.to_path_buf(), line: index + 1, what, why, instead: instead.to_owned() }
}

fn long_file(source: &Source) -> Option<Problem> {
    // What follows the last line break is no line.
    let length = source.lines.len() - 1;
    if length <= MAX_LINES || source.allows("long-file", 0) {
        return None;
    }
    Some(problem(
        source,
        MAX_LINES,
        format!("the file has {length} lines, {MAX_LINES} are allowed"),
        "what does not fit into one head is read by nobody",
        "make it a folder with one file for each thing that it does; for a table of data say `// tidy-allow-file long-file: <reason>`",
    ))
}

/// `unsafe` as a word of the code, with no reason near it. `unsafe_code` and the like are other words.
fn unreasoned_unsafe(source: &Source, index: usize) -> Option<Problem> {
    let mut words = source.lines[index].code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let reasoned =
        || source.note_at(index, |line| ["SAFETY:", "# Safety"].iter().any(|mark| line.comment.contains(mark)));
    if !words.any(|word| word == "unsafe") || reasoned() {
        return None;
    }
    Some(problem(
        source,
        index,
        "`unsafe` without a reason".into(),
        "whoever changes the code nearby must know what it relies on",
        "say it right above in a comment `// SAFETY: …` (`# Safety` in the documentation of an unsafe fn or trait), or do without",
    ))
}

fn port_of_a_test(source: &Source, index: usize) -> Option<Problem> {
    if !is_test(source, index) || is_pure(source.path) || source.allows("fixed-port", index) {
        return None;
    }
    let line = &source.lines[index];
    let port = line.strings.iter().chain([&line.code]).find_map(|text| fixed_port(text))?;
    Some(problem(
        source,
        index,
        format!("a test with the fixed port {port}"),
        "tests run beside each other and beside whatever the machine already serves",
        "bind port 0 and ask for the address; for a port that is data and never bound say `// tidy-allow fixed-port: <reason>`",
    ))
}

fn stray_metric(source: &Source, index: usize) -> Option<Problem> {
    if may_name_metrics(source.path) || is_test(source, index) || source.allows("metric-name", index) {
        return None;
    }
    let name = source.lines[index].strings.iter().find(|text| text.starts_with("sluice_"))?;
    Some(problem(
        source,
        index,
        format!("the metric name `{name}` outside telemetry"),
        "one list of metric names is the list that operators can trust",
        "declare it in crates/telemetry/src and take it from there; for another kind of name say `// tidy-allow metric-name: <reason>`",
    ))
}

fn is_test(source: &Source, index: usize) -> bool {
    let path = source.path;
    source.lines[index].in_test
        || path.file_name().is_some_and(|name| name == "tests.rs")
        || path.iter().any(|part| part == "tests" || part == "testkit")
}

fn is_pure(path: &Path) -> bool {
    let mut parts = path.iter().filter_map(|part| part.to_str());
    parts.next() == Some("crates") && parts.next().is_some_and(|name| PURE.contains(&name))
}

/// The crate that declares them, and the tools that read what a gateway prints.
fn may_name_metrics(path: &Path) -> bool {
    ["crates/telemetry/src", "bench", "xtask", "fuzz"].iter().any(|folder| path.starts_with(folder))
}

/// The port in `text` that stands behind an address of this machine and is neither 0 nor a placeholder.
fn fixed_port(text: &str) -> Option<&str> {
    const HOSTS: &[&str] = &[
        "127.0.0.1:",
        "0.0.0.0:",
        "localhost:",
        "[::1]:",
        "[::]:",
        "[127, 0, 0, 1], ",
        "[0, 0, 0, 0], ",
        "Addr::LOCALHOST, ",
        "Addr::UNSPECIFIED, ",
    ];
    HOSTS.iter().find_map(|host| {
        text.match_indices(host).find_map(|(start, _)| {
            let rest = &text[start + host.len()..];
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            Some(&rest[..end]).filter(|port| port.bytes().any(|digit| digit != b'0'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exactly these lines are at fault.
    #[track_caller]
    fn expect(path: &str, text: &str, lines: &[usize]) {
        let problems = check(&Source::read(Path::new(path), text));
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), lines, "{problems:#?}");
    }

    #[test]
    fn unsafe_needs_a_reason() {
        let text = "fn a() { unsafe { b() } }\n// SAFETY: b is pure\nunsafe { b() }\nlet unsafe_code = \"unsafe\"; // unsafe\n";
        expect("crates/proxy/src/a.rs", text, &[1]);
        expect("crates/proxy/src/a.rs", "/// # Safety\n/// Not twice.\n#[inline]\npub unsafe fn c() {}\n", &[]);
    }

    #[test]
    fn ports_of_tests_are_not_fixed() {
        // tidy-allow fixed-port: what the rule looks for
        let text = "let a = \"127.0.0.1:8080\";\nlet b = \"127.0.0.1:0\";\nlet c = \"http://127.0.0.1:{port}\";\nlet d = ([127, 0, 0, 1], 80);\n";
        expect("tests/tests/a.rs", text, &[1, 4]);
        expect("crates/proxy/src/a.rs", text, &[]);
        expect("crates/model/tests/a.rs", text, &[]);
    }

    #[test]
    fn metric_names_live_in_telemetry() {
        let text = "const NAME: &str = \"sluice_requests_total\";\n";
        expect("crates/proxy/src/a.rs", text, &[1]);
        expect("crates/telemetry/src/names.rs", text, &[]);
        expect("tests/tests/metrics.rs", text, &[]);
    }

    #[test]
    fn a_file_has_an_end() {
        expect("crates/proxy/src/a.rs", &"\n".repeat(MAX_LINES), &[]);
        expect("crates/proxy/src/a.rs", &"\n".repeat(MAX_LINES + 1), &[MAX_LINES + 1]);
    }
}

//! Documents that are wrong: each with every problem that it has, and nothing else.

mod captures;
mod consumers;
mod discovery;
mod failures;
mod listeners;
mod logs;
mod operators;
mod routes;
mod sides;
mod tests;
mod tracing;
mod upstreams;
mod yaml;

use model::Report;

/// Compares all problems of a document, one to a line as `line:column severity: message; hint`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let environment = |name: &str| (name == "PORT").then(|| "8080".to_owned());
    let mut report = Report::default();
    let root = model::parse("test", text, &environment, &mut report);
    let model = root.and_then(|root| model::check(&root, &mut report));
    report.sort();
    let problems: Vec<String> = report
        .problems
        .iter()
        .map(|problem| problem.to_string().replace("test:", ""))
        .filter(|line| !line.ends_with("there are no listeners, so nothing is served"))
        .collect();
    assert_eq!(problems, expected, "\n{text}");
    assert_eq!(model.is_none(), report.has_errors(), "\n{text}");
}

/// The same for a document of one listener, one upstream and one route `r`, to which `lines` are added.
#[track_caller]
fn check_route(lines: &str, expected: &[&str]) {
    let head = "version: 1\nlisteners: [{ name: web, address: 127.0.0.1:0 }]\n\
                upstreams: [{ name: users, endpoints: [127.0.0.1:9001] }]\nroutes:\n  - name: r\n";
    check(&format!("{head}{lines}"), expected);
}

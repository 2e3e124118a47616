//! `sluice check`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use model::{Problem, Report, Severity};
use serde_json::{Value, json};

use crate::{builtins::Known, failure::Failure, output};

/// Reports all that is wrong with a document, and the files that it names
///
/// Problems go to standard error, one per line, in the form that editors jump to: `file:line:column: error: message`.
/// Nothing is listened on and nobody is connected to. The exit code is 0 if the document can be served, otherwise 1;
/// warnings do not stand in the way.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice check -c sluice.yaml")]
pub(crate) struct Check {
    /// The document
    #[arg(short, long, value_name = "FILE", default_value = "sluice.yaml")]
    config: PathBuf,
    /// Print the problems as one JSON object on standard output
    #[arg(long)]
    json: bool,
}

// === impl Check ===

impl Check {
    pub(super) fn run(self, kinds: &Known) -> Result<ExitCode, Failure> {
        let report = control::check(&self.config, kinds);
        if self.json {
            output::print(format!("{:#}\n", as_json(&self.config, &report)).as_bytes())?;
        } else {
            for problem in &report.problems {
                eprintln!("{problem}");
            }
            conclude(&self.config, &report)?;
        }
        Ok(if report.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// The last line, where the answer is looked for: good news on standard output, bad news with the problems.
fn conclude(document: &Path, report: &Report) -> Result<(), Failure> {
    let (errors, warnings) = (count(report, Severity::Error), count(report, Severity::Warning));
    let document = document.display();
    let warned = match warnings {
        0 => String::new(),
        _ => format!("{warnings} warning{}", plural(warnings)),
    };
    match (errors, warnings) {
        (0, 0) => output::print(format!("{document}: good\n").as_bytes()),
        (0, _) => output::print(format!("{document}: good, with {warned}\n").as_bytes()),
        _ => {
            let and = if warnings == 0 { "" } else { ", " };
            eprintln!("{document}: {errors} error{}{and}{warned}", plural(errors));
            Ok(())
        }
    }
}

fn count(report: &Report, severity: Severity) -> usize {
    report.problems.iter().filter(|problem| problem.severity == severity).count()
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn as_json(document: &Path, report: &Report) -> Value {
    json!({
        "file": document.display().to_string(),
        "good": !report.has_errors(),
        "errors": count(report, Severity::Error),
        "warnings": count(report, Severity::Warning),
        "problems": report.problems.iter().map(problem_as_json).collect::<Vec<_>>(),
    })
}

fn problem_as_json(problem: &Problem) -> Value {
    json!({
        "severity": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "file": &*problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "message": problem.message,
        "hint": problem.hint,
    })
}

use clap::{Args, ValueEnum};
use model::yaml;
use serde_json::Value;

use crate::{failure::Failure, output};

/// As what an answer is printed.
#[derive(Debug, Args)]
pub(crate) struct Form {
    /// How it is printed
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = Shape::Table)]
    output: Shape,
    /// The same as `-o json`
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// For people
    Table,
    /// For programs
    Json,
    /// For files
    Yaml,
}

// === impl Form ===

impl Form {
    pub(crate) fn is_for_people(&self) -> bool {
        !self.json && self.output == Shape::Table
    }

    /// Prints what was told, or `text` for people.
    pub(crate) fn tell(&self, told: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = match self.output {
            _ if self.json => pretty(told),
            Shape::Json => pretty(told),
            Shape::Yaml => yaml(told),
            Shape::Table => text(),
        };
        output::print(text.as_bytes())
    }
}

fn pretty(told: &Value) -> String {
    format!("{told:#}\n")
}

//! `docs/policies.md`

use std::fmt::Write;

use policy::{Kind, Stage};

use crate::{Page, document, head, row, settings::Settings};

const INTRODUCTION: &str = "\
A policy is a map with one key, its kind, whose value are the settings. It stands in a list `policies`: of the `gateway`, of
a listener, of a route or of an upstream. On the way in, policies run in the order of their stages; within a stage those of
the gateway come first, then those of the listener, the route and the upstream, and then it goes by the order written. On the
way out they run in reverse. [Concepts](concepts.md#policies-and-stages) says more.
";

pub(crate) fn page() -> Page {
    let kinds = policies::kinds();
    let schema = document::schema();
    let mut text = INTRODUCTION.to_owned();
    text += &stages(&kinds);
    for kind in &kinds {
        let manual = kind.manual();
        let (name, stage) = (kind.name(), stage(kind.stage()));
        _ = write!(text, "\n## {name}\n\n{} (stage: {stage}).\n\n", sentence(manual.summary));
        _ = write!(text, "{}\n\n```yaml\n{}```\n\n", manual.description, manual.example);
        let mut settings = Settings::new(&schema, "reference.md", "###");
        settings.keys_of(name, &schema["$defs"][name]);
        text += &settings.into_text();
    }
    Page { name: "policies.md", title: "Policies", source: "`crates/policies`", text }
}

/// Those that hold any kind, in the order in which they run.
fn stages(kinds: &[Box<dyn Kind>]) -> String {
    let mut text = format!("\n{}", head(&["stage", "kinds"]));
    for of in [Stage::Identify, Stage::Authorize, Stage::Protect, Stage::Limit, Stage::Cache, Stage::Transform] {
        let names = kinds.iter().filter(|kind| kind.stage() == of).map(|kind| format!("[`{0}`](#{0})", kind.name()));
        let names = names.collect::<Vec<_>>().join(", ");
        text += &row(&[&stage(of), if names.is_empty() { "none yet" } else { &names }]);
    }
    text
}

fn stage(stage: Stage) -> String {
    format!("{stage:?}").to_lowercase()
}

/// With a capital in front.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

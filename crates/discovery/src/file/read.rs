//! What a file of instances says, in JSON or YAML: ours, or that of Prometheus (`file_sd`).

use std::{collections::BTreeMap, sync::Arc};

use model::{EndpointAddress, FromText, Node, Report, TextOr, Value, values::EndpointTarget};
use serde::Deserialize;
use upstream::discovery::{Answer, Flaw, Instance, Status};

/// An instance as we write it; in short its address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ours {
    address: EndpointTarget,
    /// Default: the address.
    id: Option<String>,
    weight: Option<u32>,
    tier: Option<u32>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    status: Said,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    #[default]
    Up,
    Draining,
    Down,
}

/// Instances as Prometheus reads them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// What cannot be understood of single instances is told with the rest.
pub(super) fn read(name: &str, text: &str) -> Result<Answer, String> {
    let mut report = Report::default();
    // What others write has nothing to do with our environment.
    let node = model::parse(name, text, &|_| None, &mut report);
    let node = node.filter(|_| !report.has_errors()).ok_or_else(|| first(&report, name))?;
    let Value::List(items) = &node.value else { return Err(format!("{name}: expected a list of instances")) };
    let mut answer = Answer::default();
    for item in items {
        if item.get("targets").is_some() {
            targets(item, &mut answer);
        } else {
            ours(item, &mut answer);
        }
    }
    Ok(answer)
}

fn ours(item: &Node, answer: &mut Answer) {
    let mut report = Report::default();
    match model::decode::<TextOr<Ours>>(item, &mut report) {
        Some(TextOr(ours)) => answer.instances.push(ours.into()),
        None => answer.flaws.push(flaw(item, &report)),
    }
}

fn targets(item: &Node, answer: &mut Answer) {
    let mut report = Report::default();
    let Some(Targets { targets, labels }) = model::decode::<Targets>(item, &mut report) else {
        return answer.flaws.push(flaw(item, &report));
    };
    // Those that begin so are Prometheus' own.
    let labels: Vec<_> = labels
        .into_iter()
        .filter(|(key, _)| !key.starts_with("__"))
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    for target in targets {
        match EndpointTarget::from_text(&target) {
            Ok(EndpointTarget(address)) => {
                let id = target.into();
                answer.instances.push(Instance {
                    id,
                    address,
                    weight: 1,
                    tier: 0,
                    labels: labels.clone(),
                    status: Status::Up,
                });
            }
            Err(detail) => answer.flaws.push(Flaw { id: target.into(), detail }),
        }
    }
}

/// Named by its place.
fn flaw(item: &Node, report: &Report) -> Flaw {
    let place = &item.place;
    Flaw { id: format!("{}:{}", place.line, place.column).into(), detail: first(report, "an instance") }
}

fn first(report: &Report, what: &str) -> String {
    report.problems.first().map_or_else(|| format!("{what} cannot be read"), ToString::to_string)
}

// === impl Ours ===

impl FromText for Ours {
    const EXPECTED: &'static str = "an address such as `127.0.0.1:9001`, or a map with `address`";

    fn from_text(text: &str) -> Result<Self, String> {
        let address = EndpointTarget::from_text(text)?;
        Ok(Self { address, id: None, weight: None, tier: None, labels: BTreeMap::new(), status: Said::Up })
    }
}

impl From<Ours> for Instance {
    fn from(ours: Ours) -> Self {
        let Ours { address: EndpointTarget(address), id, weight, tier, labels, status } = ours;
        Self {
            id: id.map_or_else(|| id_of(&address), Into::into),
            address,
            weight: weight.unwrap_or(1),
            tier: tier.unwrap_or(0),
            // Sorted, because a `BTreeMap` is.
            labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            status: match status {
                Said::Up => Status::Up,
                Said::Draining => Status::Draining,
                Said::Down => Status::Down,
            },
        }
    }
}

fn id_of(address: &EndpointAddress) -> Arc<str> {
    address.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Instances and flaws, a line each.
    fn lines(text: &str) -> Vec<String> {
        let Answer { instances, flaws } = read("f", text).unwrap();
        let instances = instances.iter().map(|instance| {
            let Instance { id, address, weight, tier, labels, status } = instance;
            let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{id} {address} {weight} {tier} {} {status:?}", labels.join(","))
        });
        instances.chain(flaws.iter().map(|flaw| format!("{}: {}", flaw.id, flaw.detail))).collect()
    }

    #[test]
    fn ours_in_json_and_yaml() {
        let json = r#"[
            {"address": "10.0.0.1:80", "weight": 3, "labels": {"version": "v2", "zone": "a"}},
            {"address": "users.internal:80", "id": "u", "tier": 1, "status": "draining"}
        ]"#;
        let yaml = "\
- { address: 10.0.0.1:80, weight: 3, labels: { zone: a, version: v2 } }
- address: users.internal:80
  id: u
  tier: 1
  status: draining
";
        for text in [json, yaml] {
            let expected = ["10.0.0.1:80 10.0.0.1:80 3 0 version=v2,zone=a Up", "u users.internal:80 1 1  Draining"];
            assert_eq!(lines(text), expected, "{text}");
        }
        assert_eq!(lines("[10.0.0.1:80]"), ["10.0.0.1:80 10.0.0.1:80 1 0  Up"]);
        assert_eq!(lines("[]"), [""; 0]);
    }

    #[test]
    fn those_of_prometheus() {
        let text = r#"[
            {"targets": ["10.0.0.1:80", "b:81"], "labels": {"zone": "a", "__meta_x": "y"}},
            {"targets": ["10.0.0.2:80"]}
        ]"#;
        let expected =
            ["10.0.0.1:80 10.0.0.1:80 1 0 zone=a Up", "b:81 b:81 1 0 zone=a Up", "10.0.0.2:80 10.0.0.2:80 1 0  Up"];
        assert_eq!(lines(text), expected);
    }

    #[test]
    fn what_is_wrong_with_one_leaves_the_others() {
        let text = "\
- { address: 10.0.0.1:80 }
- { adress: 10.0.0.2:80 }
- { address: 10.0.0.3:80, status: gone }
- { targets: [a] }
- 7
";
        let expected = [
            "10.0.0.1:80 10.0.0.1:80 1 0  Up",
            "2:3: f:2:5: error: unknown key `adress`; did you mean `address`?",
            "3:3: f:3:35: error: unknown value `gone`; known here: `up`, `draining`, `down`",
            // tidy-allow fixed-port: the message shows one
            "a: expected an address such as `127.0.0.1:9001`, `users.internal:9001` or `unix:/run/x.sock`, found the text `a`; add the port: `a:80`",
            // tidy-allow fixed-port: as above
            "5:3: f:5:3: error: expected an address such as `127.0.0.1:9001`, or a map with `address`, found the number 7",
        ];
        assert_eq!(lines(text), expected);
    }

    #[test]
    fn what_is_no_list_is_no_answer() {
        for text in ["", "{}", "[", "a: b", "- a\nb"] {
            assert!(read("f", text).is_err(), "{text}");
        }
    }
}

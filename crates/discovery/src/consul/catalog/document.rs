//! From tags to documents.
//!
//! | tag | means |
//! |---|---|
//! | `sluice.enable=true` | the service is an upstream of its name |
//! | `sluice.route.NAME.path=/users/{id}` | it has a route for this path … |
//! | `sluice.route.NAME.path_prefix=/users` | … or for all paths below this one |
//! | `sluice.route.NAME.hosts=a.example.com,b.example.com` | the route is for these hosts |
//! | `sluice.route.NAME.methods=GET,POST` | … and for these methods |
//! | `sluice.route.NAME.priority=5` | … before others of a lower priority |
//!
//! The route is called `SERVICE.NAME`.

use std::collections::BTreeMap;

use model::{Further, Report, Severity};
use serde_json::{Map, Value, json};

/// What the tags of services that want to be served come to: documents, or what is wrong with the first tag that is.
///
/// Each is a document of its own, so that what is wrong with one service is no business of the others.
pub(super) fn documents(
    services: &BTreeMap<String, Vec<String>>,
) -> impl Iterator<Item = (&str, Result<Further, String>)> {
    services.iter().filter_map(|(service, tags)| {
        let wanted = Wanted::read(tags).map(|wanted| wanted.is_enabled.then_some(wanted)).transpose()?;
        Some((&**service, wanted.and_then(|wanted| document(service, wanted))))
    })
}

/// What stands in places where files have their path.
pub(super) fn name(service: &str) -> String {
    format!("consul catalog, service {service}")
}

/// What the tags of a service say.
#[derive(Default)]
struct Wanted<'t> {
    is_enabled: bool,
    /// By name and key.
    routes: BTreeMap<&'t str, BTreeMap<&'t str, &'t str>>,
}

/// What all tags begin with that are ours.
const OURS: &str = "sluice.";

const KEYS: [&str; 5] = ["path", "path_prefix", "hosts", "methods", "priority"];

// === impl Wanted ===

impl<'t> Wanted<'t> {
    fn read(tags: &'t [String]) -> Result<Self, String> {
        let mut wanted = Self::default();
        let ours = tags.iter().filter_map(|tag| tag.strip_prefix(OURS));
        let settings: Vec<_> = ours.map(|tag| tag.split_once('=').unwrap_or((tag, ""))).collect();
        // Whatever others say who do not want to be served is not looked at.
        match settings.iter().find(|(key, _)| *key == "enable") {
            Some((_, "true")) => wanted.is_enabled = true,
            Some((_, "false")) | None => return Ok(wanted),
            Some((_, other)) => return Err(format!("`sluice.enable={other}`: expected `true` or `false`")),
        }
        settings
            .into_iter()
            .filter(|(key, _)| *key != "enable")
            .try_for_each(|(key, value)| wanted.route(key, value))?;
        Ok(wanted)
    }

    /// Takes in `route.NAME.KEY=VALUE`.
    fn route(&mut self, setting: &'t str, value: &'t str) -> Result<(), String> {
        let split = setting.strip_prefix("route.").and_then(|setting| setting.rsplit_once('.'));
        let Some((name, key)) = split.filter(|(name, _)| !name.is_empty()) else {
            return Err(format!("`sluice.{setting}`: expected `sluice.enable` or `sluice.route.NAME.KEY`"));
        };
        if !KEYS.contains(&key) {
            let known = KEYS.map(|key| format!("`{key}`")).join(", ");
            return Err(format!("`sluice.{setting}`: there is no key `{key}`; there are {known}"));
        }
        if value.is_empty() {
            return Err(format!("`sluice.{setting}`: there is no value; write `sluice.{setting}=VALUE`"));
        }
        match self.routes.entry(name).or_default().insert(key, value) {
            // Instances that are being replaced one by one by others with other tags, perhaps.
            Some(other) if other != value => Err(format!("`sluice.{setting}` is both `{other}` and `{value}`")),
            _ => Ok(()),
        }
    }
}

fn document(service: &str, Wanted { routes, .. }: Wanted<'_>) -> Result<Further, String> {
    let upstream = json!({ "name": service, "discovery": { "consul": { "service": service } } });
    let routes = routes.into_iter().map(|(name, keys)| route(service, name, &keys)).collect::<Result<Vec<_>, _>>()?;
    let mut text = format!("upstreams:\n- {upstream}\n");
    if !routes.is_empty() {
        text.push_str("routes:\n");
        routes.iter().for_each(|route| text.extend(["- ", &route.to_string(), "\n"]));
    }
    // Holes are for operators to leave: what tags call one must not be filled with what only the gateway knows.
    let text = text.replace("${", "$${");
    let name = name(service);
    checked(&name, &text)?;
    Ok(Further { name: name.into(), text: text.into() })
}

fn route(service: &str, name: &str, keys: &BTreeMap<&str, &str>) -> Result<Value, String> {
    let of = |key: &str, why: String| format!("`sluice.route.{name}.{key}`: {why}");
    let mut matches = Map::new();
    match (keys.get("path"), keys.get("path_prefix")) {
        (Some(_), Some(_)) => {
            return Err(of("path_prefix", "there is a `path` already; a route has one of both".into()));
        }
        (Some(path), None) => drop(matches.insert("path".to_owned(), json!(path))),
        (None, Some(prefix)) => drop(matches.insert("path".to_owned(), json!({ "prefix": prefix }))),
        (None, None) if keys.contains_key("hosts") => {}
        (None, None) => return Err(of("path", "the route needs a path or hosts; it would take every request".into())),
    }
    for key in ["hosts", "methods"] {
        if let Some(list) = keys.get(key) {
            let list: Vec<_> = list.split(',').map(str::trim).collect();
            matches.insert(key.to_owned(), json!(list));
        }
    }
    let mut route = json!({ "name": format!("{service}.{name}"), "match": matches, "upstream": service });
    if let Some(priority) = keys.get("priority") {
        let priority: i32 = priority.parse().map_err(|_| of("priority", format!("`{priority}` is no whole number")))?;
        route["priority"] = json!(priority);
    }
    Ok(route)
}

/// Whether it is good by itself.
fn checked(name: &str, text: &str) -> Result<(), String> {
    let mut report = Report::default();
    let root = model::parse(name, &format!("{text}version: 1\n"), &|_| None, &mut report);
    root.and_then(|root| model::check(&root, &mut report));
    match report.problems.iter().find(|problem| problem.severity == Severity::Error) {
        None => Ok(()),
        // Its place would be one in a text that nobody has seen.
        Some(problem) => Err(problem.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(service: &str, tags: &[&str]) -> Option<Result<Further, String>> {
        let tags = tags.iter().map(ToString::to_string).collect();
        let services = BTreeMap::from([(service.to_owned(), tags)]);
        documents(&services).next().map(|(_, document)| document)
    }

    #[test]
    fn tags_become_upstreams_and_routes() {
        let tags = [
            "prod",
            "sluice.enable=true",
            "sluice.route.api.path_prefix=/users",
            "sluice.route.api.hosts=a.example.com, *.example.org",
            "sluice.route.api.methods=GET,POST",
            "sluice.route.api.priority=-5",
            "sluice.route.one.v2.path=/user/{id}",
        ];
        let document = read("users", &tags).unwrap().unwrap();
        assert_eq!(&*document.name, "consul catalog, service users");
        assert_eq!(
            &*document.text,
            concat!(
                "upstreams:\n",
                r#"- {"discovery":{"consul":{"service":"users"}},"name":"users"}"#,
                "\nroutes:\n",
                r#"- {"match":{"hosts":["a.example.com","*.example.org"],"methods":["GET","POST"],"path":{"prefix":"/users"}},"name":"users.api","priority":-5,"upstream":"users"}"#,
                "\n",
                r#"- {"match":{"path":"/user/{id}"},"name":"users.one.v2","upstream":"users"}"#,
                "\n",
            )
        );
    }

    #[test]
    fn services_that_do_not_ask_for_it_are_not_served() {
        for tags in [&[][..], &["prod"], &["sluice.enable=false", "sluice.nonsense"], &["sluice.route.a.path=/"]] {
            assert_eq!(read("users", tags), None, "{tags:?}");
        }
        assert_eq!(
            &*read("users", &["sluice.enable=true"]).unwrap().unwrap().text,
            "upstreams:\n- {\"discovery\":{\"consul\":{\"service\":\"users\"}},\"name\":\"users\"}\n"
        );
    }

    #[test]
    fn what_is_wrong_says_where_and_why() {
        for (tags, why) in [
            (&["sluice.enable=yes"][..], "`sluice.enable=yes`: expected `true` or `false`"),
            (&["sluice.enable=true", "sluice.routes.a.path=/"], "`sluice.routes.a.path`: expected `sluice.enable` or"),
            (&["sluice.enable=true", "sluice.route.path=/"], "`sluice.route.path`: expected"),
            (
                &["sluice.enable=true", "sluice.route.a.paths=/"],
                "there is no key `paths`; there are `path`, `path_prefix`",
            ),
            (&["sluice.enable=true", "sluice.route.a.path"], "there is no value; write `sluice.route.a.path=VALUE`"),
            (
                &["sluice.enable=true", "sluice.route.a.path=/a", "sluice.route.a.path=/b"],
                "`sluice.route.a.path` is both `/a` and `/b`",
            ),
            (
                &["sluice.enable=true", "sluice.route.a.path=/a", "sluice.route.a.path_prefix=/b"],
                "a route has one of both",
            ),
            (&["sluice.enable=true", "sluice.route.a.methods=GET"], "it would take every request"),
            (
                &["sluice.enable=true", "sluice.route.a.path=/", "sluice.route.a.priority=high"],
                "`high` is no whole number",
            ),
            // What documents have checks for is checked as there.
            (&["sluice.enable=true", "sluice.route.a.path=nowhere"], "nowhere"),
            (&["sluice.enable=true", "sluice.route.a.path=/", "sluice.route.a.methods=GE T"], "GE T"),
            (&["sluice.enable=true", "sluice.route.a.hosts=a b"], "a b"),
        ] {
            let error = read("users", tags).unwrap().unwrap_err();
            assert!(error.contains(why), "{tags:?}: {error}");
        }
        assert!(read("a b", &["sluice.enable=true"]).unwrap().is_err());
    }

    /// A service could be told the secrets of the gateway by its own route.
    #[test]
    fn holes_stay_text() {
        let tags = ["sluice.enable=true", "sluice.route.a.path=/${HOME}/${PATH:-x}"];
        let Further { name, text } = match read("users", &tags).unwrap() {
            Ok(document) => document,
            // Such a path may be refused, as long as it is not filled in.
            Err(error) => return assert!(error.contains("${"), "{error}"),
        };
        let mut report = Report::default();
        let root = model::parse(&name, &text, &|_| Some("filled".to_owned()), &mut report);
        assert!(!format!("{root:?}").contains("filled"), "{root:?}");
    }
}

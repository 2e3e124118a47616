//! Documents in files, with those that they include, and what is merged with them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::HeaderName;
use model::{
    Address, Balance, CertificateFiles, ClientAuth, Discovery, Further, Gateway, HttpLog, Include, Kept, LogSink,
    Model, Node, OtlpLog, Part, Place, Policy, Registered, Registries, Report, Service, StickyCookie, UpstreamTls,
    Value, values::SecretSource,
};

use crate::{Files, Refusal, further, overlay};

/// Where the operator's own document stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Main {
    /// In a file, with those that it includes. Paths are relative to its folder.
    File(PathBuf),
    /// Nowhere: all of it is what the API keeps. Paths are relative to `folder`; operators are listened to at `admin`, unless
    /// it says otherwise.
    Kept { folder: PathBuf, admin: Address },
}

/// What a document is made of, in the order in which it counts.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'s> {
    pub(crate) main: &'s Main,
    /// What the API keeps, as text. It always counts.
    pub(crate) overlay: Option<&'s Arc<str>>,
    /// They have a say if the others ask for a catalog.
    pub(crate) further: &'s [Further],
}

/// A part of a document, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) whose: Whose,
    pub(crate) written: Further,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    File,
    Api,
    Catalog,
}

/// What was read, whether or not it is any good.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// `None`: `report` says why.
    pub(crate) model: Option<Model>,
    pub(crate) report: Report,
    /// If there is no model: the policies that it would have held, so that what is wrong with them is told as well.
    pub(crate) policies: Vec<Policy>,
    /// Likewise, those that do not come with the gateway.
    pub(crate) balancers: Vec<Registered>,
    /// Every file that has a say, to be watched.
    pub(crate) files: Files,
    /// What need not be read again the next time, once this is live.
    pub(crate) kept: Kept,
    /// All that could be read, the operator's own first.
    pub(crate) texts: Vec<Text>,
}

/// What all of a document is, if there is no file.
const EMPTY: &str = "version: 1\n";

/// Reads and checks a document.
///
/// `kept` is that of the document that is live: what stands in both is not looked at again.
pub(crate) fn load(sources: Sources<'_>, kept: &Kept) -> Loaded {
    again(sources, kept).unwrap_or_else(|| load_with_tree(sources).0)
}

/// In pieces, as long as nothing is wrong.
fn again(sources: Sources<'_>, kept: &Kept) -> Option<Loaded> {
    let mut loaded = Loaded::default();
    let mut parts = own_parts(sources.main, &mut loaded)?;
    if let Some(text) = sources.overlay {
        let part = Part::read(overlay::NAME, text.to_string(), &further::nothing)?;
        if overlay::has_too_much(part.rest(), sources.main) {
            return None;
        }
        parts.push((Whose::Api, part));
    }
    if parts.iter().any(|(_, part)| further::are_wanted(part.rest())) {
        for Further { name, text } in sources.further {
            parts.push((Whose::Catalog, Part::read(name, text.to_string(), &further::nothing)?));
        }
    }
    loaded.texts = parts.iter().map(|(whose, part)| Text { whose: *whose, written: part.written() }).collect();
    let parts = parts.into_iter().map(|(_, part)| part).collect();
    scheduling::give_way();
    let (model, kept) = model::check_again(parts, &environment, kept, &mut loaded.report)?;
    loaded.kept = kept;
    loaded.settle(model, sources.main.folder());
    Some(loaded)
}

/// The operator's own, as far as it stands in files.
fn own_parts(main: &Main, loaded: &mut Loaded) -> Option<Vec<(Whose, Part)>> {
    let Main::File(path) = main else {
        return Some(vec![(Whose::File, Part::read(&main.name(), EMPTY.to_owned(), &further::nothing)?)]);
    };
    let part = |path: &Path, files: &mut Files| {
        files.note(path.to_owned());
        Part::read(&path.display().to_string(), fs::read_to_string(path).ok()?, &environment)
    };
    let mut parts = vec![(Whose::File, part(path, &mut loaded.files)?)];
    for include in model::includes(parts[0].1.rest()) {
        for path in included(&include, main.folder(), loaded) {
            parts.push((Whose::File, part(&path, &mut loaded.files)?));
        }
    }
    Some(parts)
}

/// As a whole, with all that is wrong, and with the document as it is written, included files and all; `None` if it
/// cannot be read.
pub(crate) fn load_with_tree(sources: Sources<'_>) -> (Loaded, Option<Node>) {
    let mut loaded = Loaded::default();
    let Some(own) = own_tree(sources.main, &mut loaded) else { return (loaded, None) };
    let mut root = own;
    if let Some(text) = sources.overlay {
        loaded.texts.push(Text::of(Whose::Api, overlay::NAME, text));
        root = overlay::merge(root, sources.main, text, &mut loaded.report);
    }
    if further::are_wanted(&root) {
        loaded.texts.extend(sources.further.iter().map(|it| Text::of(Whose::Catalog, &it.name, &it.text)));
        root = further::merge(root, sources.further, &mut loaded.report);
    }
    match model::check(&root, &mut loaded.report) {
        Some(model) => loaded.settle(model, sources.main.folder()),
        None => {
            loaded.policies = policies(&root);
            let upstreams = root.get("upstreams").map(Node::items).unwrap_or_default();
            loaded.balancers = upstreams.iter().filter_map(model::registered_balance).collect();
        }
    }
    (loaded, Some(root))
}

/// The operator's own, as far as it stands in files.
fn own_tree(main: &Main, loaded: &mut Loaded) -> Option<Node> {
    let Main::File(path) = main else {
        let text = Text::of(Whose::File, &main.name(), &EMPTY.into());
        let node = text.parse(&mut loaded.report);
        loaded.texts.push(text);
        return node;
    };
    let root = loaded.read(path)?;
    let mut others = Vec::new();
    for include in model::includes(&root) {
        for path in included(&include, main.folder(), loaded) {
            others.extend(loaded.read(&path));
        }
    }
    Some(model::merge(root, others, &mut loaded.report))
}

/// The document that was read from these, as it is written; `None` if one of them could not be read.
pub(crate) fn tree(main: &Main, texts: &[Text]) -> Option<Node> {
    let report = &mut Report::default();
    let of = |whose| texts.iter().filter(move |text| text.whose == whose);
    let own = of(Whose::File).map(|text| text.parse(report)).collect::<Option<Vec<_>>>()?;
    let mut own = own.into_iter();
    let mut root = model::merge(own.next()?, own.collect(), report);
    for overlay in of(Whose::Api) {
        root = overlay::merge(root, main, &overlay.written.text, report);
    }
    let further: Vec<_> = of(Whose::Catalog).map(|text| text.written.clone()).collect();
    Some(further::merge(root, &further, report))
}

/// The document at `path` as it is written, with those that it includes. Nothing is checked but that it can be read.
///
/// # Errors
/// What stands in the way of reading it.
pub fn read_document(path: &Path) -> Result<Node, Refusal> {
    let mut loaded = Loaded::default();
    match own_tree(&Main::File(path.to_owned()), &mut loaded) {
        Some(root) if !loaded.report.has_errors() => Ok(root),
        _ => Err(Refusal::Document(loaded.report)),
    }
}

/// What the files say of the whole process; as it is by default, if they are no good.
pub(crate) fn gateway(main: &Main) -> Gateway {
    let mut loaded = Loaded::default();
    let parts =
        own_parts(main, &mut loaded).map(|parts| parts.into_iter().map(|(_, part)| part.rest().clone()).collect());
    let roots = parts.unwrap_or_else(|| own_tree(main, &mut Loaded::default()).into_iter().collect::<Vec<_>>());
    let Some(gateway) = roots.iter().find_map(|root| root.entries().iter().find(|(key, _)| key.name == "gateway"))
    else {
        return Gateway::default();
    };
    let version = roots.iter().find_map(|root| root.entries().iter().find(|(key, _)| key.name == "version"));
    let entries = version.into_iter().chain([gateway]).cloned().collect();
    let root = Node { place: gateway.0.place.clone(), value: Value::Map(entries) };
    let Some(model) = model::check(&root, &mut Report::default()) else { return Gateway::default() };
    loaded.settle(model, main.folder());
    loaded.model.unwrap_or_default().gateway
}

fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// The files that are included, by name.
fn included(include: &Include, folder: &Path, loaded: &mut Loaded) -> Vec<PathBuf> {
    let pattern = folder.join(&include.pattern);
    if is_pattern(&pattern) {
        loaded.files.note(pattern);
    }
    resolve(include, folder, &mut loaded.report)
}

/// All policies that are well formed; the check of the document has said what is wrong with the others.
fn policies(root: &Node) -> Vec<Policy> {
    let lists = ["listeners", "upstreams", "routes"].into_iter().filter_map(|list| root.get(list));
    let parents = root.get("gateway").into_iter().chain(lists.flat_map(Node::items));
    let written = parents.filter_map(|parent| parent.get("policies")).flat_map(Node::items);
    written.filter_map(policy).collect()
}

fn policy(node: &Node) -> Option<Policy> {
    let [(key, settings)] = node.entries() else { return None };
    let mut settings = settings.clone();
    if settings.value == Value::Null {
        settings.value = Value::Map(Vec::new());
    }
    Some(Policy { kind: key.name.as_str().into(), place: key.place.clone(), settings })
}

/// What a file holds, if that is text.
fn text_of(path: &Path, report: &mut Report) -> Option<Text> {
    let name = path.display().to_string();
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Some(Text::of(Whose::File, &name, &text.into())),
            Err(error) => {
                let line =
                    1 + error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
                let place = Place { line: u32::try_from(line - 1).unwrap_or(1), ..start_of(&name) };
                report.error(&place, "the file is not UTF-8");
                None
            }
        },
        Err(error) => {
            report.error(&start_of(&name), format!("cannot read the file: {error}"));
            None
        }
    }
}

fn start_of(name: &str) -> Place {
    Place { file: name.into(), line: 1, column: 1 }
}

/// The files that a pattern means, by name.
fn resolve(include: &Include, folder: &Path, report: &mut Report) -> Vec<PathBuf> {
    let pattern = folder.join(&include.pattern);
    if !is_pattern(&pattern) {
        return vec![pattern];
    }
    let paths = match matching(&pattern) {
        Ok(paths) => paths,
        Err(error) => {
            let parent = pattern.parent().unwrap_or(Path::new(""));
            report.error(&include.place, format!("cannot list {}: {error}", parent.display()));
            return Vec::new();
        }
    };
    if paths.is_empty() {
        report.warning(&include.place, format!("no file matches `{}`", include.pattern));
    }
    paths
}

/// Whether a path stands for any number of files.
pub(crate) fn is_pattern(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().contains(&b'*'))
}

/// The files that match a pattern, by name.
pub(crate) fn matching(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let parent = pattern.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let mut paths = Vec::new();
    for entry in fs::read_dir(parent)? {
        let file = entry?.file_name();
        if is_meant(&name, &file.to_string_lossy()) {
            paths.push(pattern.with_file_name(file));
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether `name` matches `pattern`, in which `*` stands for any run of characters; hidden files must be named.
fn is_meant(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

/// All files that the model names.
fn files_of(model: &mut Model) -> Vec<&mut PathBuf> {
    let mut files = Vec::new();
    for tls in model.listeners.iter_mut().filter_map(|listener| listener.tls.as_mut()) {
        for CertificateFiles { cert, key } in &mut tls.certificates {
            files.extend([cert, key]);
        }
        match &mut tls.client_auth {
            ClientAuth::None => {}
            ClientAuth::Request { ca } | ClientAuth::Require { ca } => files.push(ca),
        }
    }
    for upstream in &mut model.upstreams {
        if let Some(tls) = &mut upstream.tls {
            files.extend(&mut tls.ca);
            if let Some(CertificateFiles { cert, key }) = &mut tls.client_certificate {
                files.extend([cert, key]);
            }
        }
        if let Balance::Sticky(StickyCookie { secret: Some(SecretSource::File(file)), .. }) = &mut upstream.balance {
            files.push(file);
        }
    }
    for log in &mut model.gateway.access_logs {
        match &mut log.sink {
            LogSink::Http(HttpLog { headers, tls, .. }) => files.extend(files_of_receiver(headers, tls)),
            LogSink::Otlp(OtlpLog { collector, .. }) => {
                files.extend(files_of_receiver(&mut collector.headers, &mut collector.tls));
            }
            LogSink::Stdout | LogSink::File { .. } | LogSink::Syslog(_) => {}
        }
    }
    if let Some(collector) = model.gateway.tracing.as_mut().and_then(|tracing| tracing.otlp.as_mut()) {
        files.extend(files_of_receiver(&mut collector.headers, &mut collector.tls));
    }
    files.extend(files_of_registries(&mut model.gateway.registries));
    files
}

/// Of whoever is told of exchanges.
fn files_of_receiver<'m>(
    headers: &'m mut [(HeaderName, SecretSource)],
    tls: &'m mut UpstreamTls,
) -> impl Iterator<Item = &'m mut PathBuf> {
    let secrets = headers.iter_mut().filter_map(|(_, source)| match source {
        SecretSource::File(file) => Some(file),
        _ => None,
    });
    let identity = tls.client_certificate.iter_mut().flat_map(|CertificateFiles { cert, key }| [cert, key]);
    secrets.chain(&mut tls.ca).chain(identity)
}

fn files_of_registries(registries: &mut Registries) -> Vec<&mut PathBuf> {
    let Registries { consul, etcd, eureka, registry, .. } = registries;
    let passwords = [&mut etcd.user, &mut eureka.user].into_iter().flatten().map(|(_, password)| password);
    let tokens = consul.token.iter_mut().chain(registry.iter_mut().filter_map(|registry| registry.token.as_mut()));
    let secrets = tokens.chain(passwords).filter_map(|secret| match secret {
        SecretSource::File(file) => Some(file),
        _ => None,
    });
    let mut files: Vec<_> = secrets.collect();
    for tls in [&mut consul.tls, &mut etcd.tls, &mut eureka.tls] {
        files.extend(&mut tls.ca);
        if let Some(CertificateFiles { cert, key }) = &mut tls.client_certificate {
            files.extend([cert, key]);
        }
    }
    files
}

// === impl Main ===

impl Main {
    /// What paths are relative to.
    pub fn folder(&self) -> &Path {
        match self {
            Self::File(path) => path.parent().unwrap_or(Path::new("")),
            Self::Kept { folder, .. } => folder,
        }
    }

    /// What stands in places for the whole.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Kept { folder, .. } => folder.join(overlay::FILE).display().to_string(),
        }
    }
}

// === impl Text ===

impl Text {
    fn of(whose: Whose, name: &str, text: &Arc<str>) -> Self {
        Self { whose, written: Further { name: name.into(), text: text.clone() } }
    }

    fn parse(&self, report: &mut Report) -> Option<Node> {
        let Further { name, text } = &self.written;
        match self.whose {
            Whose::File => model::parse(name, text, &environment, report),
            Whose::Api | Whose::Catalog => model::parse(name, text, &further::nothing, report),
        }
    }
}

// === impl Loaded ===

impl Loaded {
    /// Reads a file of the operator's, and keeps its text.
    fn read(&mut self, path: &Path) -> Option<Node> {
        self.files.note(path.to_owned());
        let text = text_of(path, &mut self.report)?;
        let node = text.parse(&mut self.report);
        self.texts.push(text);
        node
    }

    /// Takes in a model whose paths are relative to `folder`.
    fn settle(&mut self, mut model: Model, folder: &Path) {
        for file in files_of(&mut model) {
            *file = folder.join(&*file);
            self.files.note(file.clone());
        }
        // Written, not read: nobody needs to watch it.
        for log in &mut model.gateway.access_logs {
            if let LogSink::File { path, .. } = &mut log.sink {
                *path = folder.join(&*path);
            }
        }
        // Whoever asks them watches them: that they change is no reason for a reload.
        for upstream in &mut model.upstreams {
            if let Some(Discovery { service: Service::File(path), .. }) = &mut upstream.discovery {
                *path = folder.join(&*path);
            }
        }
        self.model = Some(model);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn load(path: &Path, kept: &Kept, further: &[Further]) -> Loaded {
        super::load(Sources { main: &Main::File(path.to_owned()), overlay: None, further }, kept)
    }

    fn again(path: &Path, kept: &Kept, further: &[Further]) -> Option<Loaded> {
        super::again(Sources { main: &Main::File(path.to_owned()), overlay: None, further }, kept)
    }

    fn load_with_tree(path: &Path, further: &[Further]) -> (Loaded, Option<Node>) {
        super::load_with_tree(Sources { main: &Main::File(path.to_owned()), overlay: None, further })
    }

    /// The examples hold whatever documents hold, so nothing of it is for the slow way alone.
    #[test]
    fn every_example_is_read_in_pieces_as_it_is_read_as_a_whole() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let mut kept = Kept::default();
        let mut count = 0;
        for path in matching(&folder.join("*.yaml")).unwrap() {
            let (whole, first) = (load_with_tree(&path, &[]).0, again(&path, &kept, &[]).expect("in pieces"));
            let second = again(&path, &first.kept, &[]).expect("in pieces");
            for loaded in [&first, &second] {
                assert_eq!(told(loaded), told(&whole), "{}", path.display());
            }
            let routes = [first, second].map(|loaded| (loaded.model.unwrap().routes, kept = loaded.kept).0);
            let stands_alone = |route: &model::Route| {
                let has_fixed_name = !matches!(route.action, model::Action::Named(_));
                has_fixed_name && route.destinations().all(|to| to.subset.is_none())
            };
            for (first, second) in routes[0].iter().zip(&routes[1]).filter(|(first, _)| stands_alone(first)) {
                assert!(Arc::ptr_eq(&first.value, &second.value), "{}", first.name);
            }
            count += 1;
        }
        assert!(count > 5, "{count}");
    }

    fn told(loaded: &Loaded) -> (String, Vec<&Place>, Vec<model::Problem>, &Files) {
        let routes = loaded.model.iter().flat_map(|model| &model.routes);
        let places = routes.map(|route| &route.place).collect();
        (format!("{:?}", loaded.model), places, loaded.report.problems.clone(), &loaded.files)
    }

    /// What is wrong is told by the slow way, and nothing is kept of it.
    #[test]
    fn a_document_that_is_wrong_is_read_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sluice.yaml");
        let write = |routes: &str| fs::write(&path, format!("version: 1\nroutes:\n{routes}")).unwrap();
        write("- { name: a, respond: {} }\n- { name: a, respond: {} }\n");
        assert!(again(&path, &Kept::default(), &[]).is_none());
        let loaded = load(&path, &Kept::default(), &[]);
        let messages: Vec<&str> = loaded.report.problems.iter().map(|problem| &*problem.message).collect();
        assert!(messages.iter().any(|message| message.starts_with("there are two routes with the name `a`")));
        assert!(loaded.model.is_none());
    }

    fn further(service: &str, text: &str) -> Further {
        Further { name: format!("consul catalog, service {service}").into(), text: text.into() }
    }

    /// A document that asks for a catalog, and what of it and these is loaded: once in pieces or as it can be, once as a whole.
    fn beside(main: &str, further: &[Further]) -> [Loaded; 2] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sluice.yaml");
        fs::write(&path, format!("version: 1\n{main}")).unwrap();
        let loaded = [load(&path, &Kept::default(), further), load_with_tree(&path, further).0];
        assert_eq!(told(&loaded[0]), told(&loaded[1]));
        loaded
    }

    fn names(loaded: &Loaded) -> (Vec<&str>, Vec<&str>) {
        let model = loaded.model.as_ref().unwrap_or_else(|| panic!("{:?}", loaded.report.problems));
        let upstreams = model.upstreams.iter().map(|upstream| &*upstream.name).collect();
        (upstreams, model.routes.iter().map(|route| &*route.name).collect())
    }

    const ASKS: &str = "gateway: { discovery: { consul: { catalog: true } } }\n";
    const USERS: &str = "upstreams:\n- {\"name\":\"users\",\"discovery\":{\"consul\":{\"service\":\"users\"}}}\nroutes:\n- {\"name\":\"users.a\",\"match\":{\"headers\":[{\"name\":\"x\",\"exact\":\"$${HOME}\"}]},\"upstream\":\"users\"}\n";

    #[test]
    fn further_documents_count_where_they_are_asked_for() {
        let others = [further("users", USERS)];
        for loaded in beside(&format!("{ASKS}routes:\n- {{ name: own, respond: {{}} }}\n"), &others) {
            assert_eq!(names(&loaded), (vec!["users"], vec!["own", "users.a"]));
            let model = loaded.model.unwrap();
            assert_eq!(model.routes[1].place.to_string(), "consul catalog, service users:4:3");
            assert!(format!("{:?}", model.routes[1]).contains("${HOME}"), "{:?}", model.routes[1]);
        }
        for main in ["", "gateway: { discovery: { consul: { catalog: false } } }\n"] {
            for loaded in beside(&format!("{main}routes: []\n"), &others) {
                assert_eq!(names(&loaded), (vec![], vec![]), "{main}");
            }
        }
    }

    #[test]
    fn what_files_say_wins_over_further_documents() {
        let others = [further("users", USERS), further("more", &USERS.replace("users.a", "users.b"))];
        let main = format!(
            "{ASKS}upstreams: [{{ name: users, endpoints: [a.internal:80] }}]\nroutes: [{{ name: users.a, respond: {{}} }}]\n"
        );
        for loaded in beside(&main, &others) {
            assert_eq!(names(&loaded), (vec!["users"], vec!["users.a", "users.b"]));
            let upstream = &loaded.model.as_ref().unwrap().upstreams[0];
            assert_eq!((upstream.endpoints.len(), upstream.discovery.is_some()), (1, false));
            let warnings: Vec<_> = loaded.report.problems.iter().map(ToString::to_string).collect();
            let of = |what: &str| warnings.iter().filter(|warning| warning.contains(what)).count();
            assert_eq!(
                (of("the upstream `users` is left out"), of("the route `users.a` is left out")),
                (2, 1),
                "{warnings:?}"
            );
            assert!(
                warnings.iter().any(|warning| warning.starts_with("consul catalog, service more:2:11: warning: ")),
                "{warnings:?}"
            );
        }
    }

    /// A file, and an overlay behind it: what is kept the second time is of the first.
    fn over(main: &str, overlay: &serde_json::Value, kept: &Kept) -> (Option<Loaded>, Loaded) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sluice.yaml");
        fs::write(&path, format!("version: 1\n{main}")).unwrap();
        let text = overlay::text(&serde_json::from_value(overlay.clone()).unwrap()).into();
        let main = Main::File(path);
        let sources = Sources { main: &main, overlay: Some(&text), further: &[] };
        (super::again(sources, kept), super::load_with_tree(sources).0)
    }

    #[test]
    fn an_overlay_is_read_in_pieces_and_what_stays_is_kept() {
        let main = "listeners: [{ name: web, address: \"127.0.0.1:0\" }]\nroutes:\n- { name: own, respond: {} }\n";
        let route = |name: &str, status: u16| json!({ "name": name, "match": { "headers": [{ "name": "x", "exact": "${HOME}" }] }, "respond": { "status": status } });
        let overlay = |status| {
            json!({
                "version": 1,
                "upstreams": [{ "name": "users", "endpoints": ["unix:/x"] }],
                "routes": [route("a", 200), route("b", status), route("c", 200)],
            })
        };
        let (first, whole) = over(main, &overlay(200), &Kept::default());
        let first = first.expect("in pieces");
        assert_eq!(names(&first), (vec!["users"], vec!["own", "a", "b", "c"]));
        assert_eq!(whole.texts.len(), first.texts.len());
        let (second, whole) = over(main, &overlay(204), &first.kept);
        let second = second.expect("in pieces");
        assert_eq!(second.report.problems, whole.report.problems);
        let routes = [&first, &second, &whole].map(|loaded| loaded.model.as_ref().unwrap().routes.clone());
        let told = |routes: &[model::Placed<model::Route>]| {
            format!("{:?}", routes.iter().map(|route| &*route.value).collect::<Vec<_>>())
        };
        assert_eq!(told(&routes[1]), told(&routes[2]));
        let is_kept: Vec<_> =
            routes[0].iter().zip(&routes[1]).map(|(one, other)| Arc::ptr_eq(&one.value, &other.value)).collect();
        assert_eq!(
            is_kept[1..],
            [true, false, true],
            "the file has another name each time, which says nothing of its own"
        );
        assert!(format!("{:?}", routes[1][1].value).contains("${HOME}"));
    }

    /// What is not the overlay's to say is told by the slow way.
    #[test]
    fn what_an_overlay_must_not_say_is_not_read_in_pieces() {
        let gateway = json!({ "gateway": { "workers": 3 } });
        for (main, overlay, told) in [
            ("gateway: { workers: 1 }\n", &gateway, "`gateway` is left out: there is one at"),
            ("routes: []\n", &gateway, "`gateway` is left out: it belongs to"),
            ("routes: []\n", &json!({ "include": ["x.yaml"] }), "an included file cannot include others"),
        ] {
            let (quick, whole) = over(main, overlay, &Kept::default());
            assert!(quick.is_none());
            let problems: Vec<_> = whole.report.problems.iter().map(ToString::to_string).collect();
            assert!(problems.iter().any(|it| it.starts_with("api:") && it.contains(told)), "{problems:?}");
            assert!(whole.model.is_none_or(|model| model.gateway.workers.is_none_or(|workers| workers.get() == 1)));
        }
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, name, expected) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", ".a.yaml", false),
            ("*.yaml", "a.yml", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "ac", false),
            ("*", "a", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(is_meant(pattern, name), expected, "{pattern} {name}");
        }
    }
}

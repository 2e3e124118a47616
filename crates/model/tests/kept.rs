//! Documents that are read again say the same as those that are read as a whole, whatever was changed in between.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use model::{Kept, Model, Node, Part, Problem, Report};

/// SplitMix64: small, seeded, the same everywhere.
struct Random(u64);

/// A document of two files in the making.
#[derive(Debug, Clone)]
struct Written {
    head: Vec<String>,
    tail: Vec<String>,
    /// Of the main file, and of the one that it includes.
    routes: [Vec<String>; 2],
    indent: usize,
    line_end: &'static str,
}

const NAMES: [&str; 2] = ["main.yaml", "other.yaml"];

/// Routes in many shapes, of which `NAME` is replaced. Those from [`GOOD`] on are wrong, or odd.
const ROUTES: [&str; 19] = [
    "- { name: NAME, upstream: users }",
    "- name: NAME\n  upstream: users",
    "-\n  name: NAME\n  match: { path: /a }\n  respond: {}",
    "-   name: NAME\n    match:\n      path: \"/users/{id:int}\"\n    upstream: orders",
    "- name: NAME # a comment\n  # another one\n\n  upstream: users\n\n# and one at the margin",
    "- name: NAME\n  respond:\n    body: |\n      - a\n\n       # no comment\n    status: 200",
    "- name: NAME\n  respond:\n    body: |+\n      routes:\n\n\n",
    "- name: NAME\n  respond: { body: \"a\n\n    b ${HOLE} 'c'\" }",
    "- name: NAME\n  respond: { body: 'it''s\n    - b' }",
    "- name: NAME\n  match: { sni: [a.example] }\n  listeners: [plain]\n  upstream: users",
    "- name: NAME\n  policies:\n    - headers: { request: { set: { x: \"é\" } } }\n  upstream: users",
    "- {name: NAME,\n    upstream: users\n  }",
    "- name: NAME\n  upstream: { name: users, labels: { version: v1 } }",
    "- name: NAME\n  upstream: users\n  mirror: orders",
    // From here on.
    "- name: NAME\n  upstream: nobody",
    "- name: NAME\n  respond: { body: \"never closed }",
    "- name: NAME\n  upstream: &anchor users",
    "- name: NAME\n  upstream: *anchor",
    "- name: NAME\n  respond: { body: '${UNSET}' }\n...",
];
const GOOD: usize = 14;

#[test]
fn what_is_read_again_is_what_is_read_as_a_whole() {
    let (mut again, mut good) = (0, 0);
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut written = Written::new(&mut random);
        let mut kept = Kept::default();
        for _ in 0..12 {
            let texts = written.texts();
            let (whole, quick) = (read_whole(&texts), read_again(&texts, &mut kept));
            good += usize::from(whole.0.is_some());
            if let Some((model, warnings)) = quick {
                again += 1;
                let expected = whole.0.unwrap_or_else(|| panic!("seed {seed}: {:#?}\n{texts:#?}", whole.1));
                assert_eq!(told(&model), told(&expected), "seed {seed}: {texts:#?}");
                assert_eq!(warnings, whole.1, "seed {seed}: {texts:#?}");
            }
            written.change(&mut random);
        }
    }
    assert!(good > 150, "too few documents are good: {good}");
    assert!(again * 10 > good * 9, "only {again} of {good} good documents were read in pieces");
}

/// Only what changed is checked again; the rest is the very same.
#[test]
fn unchanged_routes_are_kept() {
    let mut kept = Kept::default();
    let text = |routes: &str| {
        [
            format!("version: 1\nlisteners: [{{ name: web, address: 127.0.0.1:0 }}]\nroutes:\n{routes}"),
            "routes:\n- { name: z, respond: {} }\n".to_owned(),
        ]
    };
    let route = |name: &str| format!("  - name: {name}\n    respond: {{}}\n");
    let routes = |model: &Model| model.routes.clone();
    let mut read = |routes: String| read_again(&text(&routes), &mut kept).expect("a good document").0;

    let before = routes(&read([route("a"), route("b"), route("c")].concat()));
    // A line more above two of them, one changed, one new, and one that has moved to the front.
    let changed = ["\n".to_owned(), route("c"), route("a"), route("b").replace("{}", "{ status: 204 }"), route("d")];
    let after = routes(&read(changed.concat()));
    let find = |name: &str| after.iter().find(|route| *route.name == *name).unwrap();
    let is_same = |index: usize, name: &str| std::sync::Arc::ptr_eq(&before[index].value, &find(name).value);
    assert!(is_same(0, "a") && is_same(2, "c") && is_same(3, "z") && !is_same(1, "b"));
    let places: Vec<String> = after.iter().map(|route| route.place.to_string()).collect();
    assert_eq!(places, ["main.yaml:5:5", "main.yaml:7:5", "main.yaml:9:5", "main.yaml:11:5", "other.yaml:2:3"]);

    // A document that is wrong forgets nothing.
    assert!(read_again(&text("  - name: a\n"), &mut kept).is_none());
    let (model, _) = read_again(&text(&changed.concat()), &mut kept).unwrap();
    assert!(model.routes.iter().zip(&after).all(|(one, other)| std::sync::Arc::ptr_eq(&one.value, &other.value)));
}

/// An index means another upstream, or another listener: then nothing of what was known holds.
#[test]
fn what_routes_refer_to_is_looked_up_again_if_it_changed() {
    let mut kept = Kept::default();
    for (listeners, upstreams) in [
        (["web", "other"], ["a", "b"]),
        (["web", "other"], ["b", "a"]),
        (["other", "web"], ["b", "a"]),
        (["other", "web"], ["b", "c"]),
    ] {
        let list = |names: [&str; 2], rest: &str| names.map(|name| format!("{{ name: {name}, {rest} }}")).join(", ");
        let main = format!(
            "version: 1\nlisteners: [{}]\nupstreams: [{}]\nroutes:\n- {{ name: r, upstream: b, listeners: [web] }}\n",
            list(listeners, "address: 127.0.0.1:0"),
            list(upstreams, "endpoints: [\"unix:/x\"]"),
        );
        let texts = [main, String::new()];
        let (model, _) = read_again(&texts, &mut kept).unwrap();
        assert_eq!(told(&model), told(&read_whole(&texts).0.unwrap()));
    }
}

/// A route that names a consumer means nothing without it.
#[test]
fn consumers_that_routes_name_must_be_there_still() {
    let mut kept = Kept::default();
    let text = |consumers: &str| {
        let main = format!(
            "version: 1\nlisteners: [{{ name: web, address: 127.0.0.1:0 }}]\n\
             upstreams: [{{ name: a, endpoints: [\"unix:/x\"] }}]\nconsumers: [{consumers}]\nroutes:\n\
             - {{ name: r, split: {{ to: [{{ upstream: a, cohort: {{ consumers: [alice] }} }}] }} }}\n"
        );
        [main, String::new()]
    };
    for (consumers, is_good) in
        [("{ name: alice }", true), ("{ name: bob }, { name: alice }", true), ("{ name: bob }", false), ("", false)]
    {
        let texts = text(consumers);
        assert_eq!(
            read_again(&texts, &mut kept).map(|(model, _)| told(&model)),
            read_whole(&texts).0.map(|model| told(&model))
        );
        assert_eq!(read_whole(&texts).0.is_some(), is_good, "{consumers}");
    }
}

fn environment(name: &str) -> Option<String> {
    (name == "HOLE").then(|| "filled".to_owned())
}

fn read_whole(texts: &[String; 2]) -> (Option<Model>, Vec<Problem>) {
    let mut report = Report::default();
    let mut parse = |index: usize| model::parse(NAMES[index], &texts[index], &environment, &mut report);
    let (main, other) = (parse(0), parse(1));
    let model = main.and_then(|main| {
        let root: Node = model::merge(main, other.into_iter().collect(), &mut report);
        model::check(&root, &mut report)
    });
    let model = model.filter(|_| !report.has_errors());
    report.sort();
    (model, report.problems)
}

fn read_again(texts: &[String; 2], kept: &mut Kept) -> Option<(Model, Vec<Problem>)> {
    let part = |index: usize| Part::read(NAMES[index], texts[index].clone(), &environment);
    let parts = vec![part(0)?, part(1)?];
    let mut report = Report::default();
    let (model, fresh) = model::check_again(parts, &environment, kept, &mut report)?;
    *kept = fresh;
    report.sort();
    Some((model, report.problems))
}

/// All that a model says. What stands within routes is asked where it stands now.
fn told(model: &Model) -> Vec<String> {
    let Model { gateway, listeners, upstreams, routes, consumers, tests, operators } = model;
    let places = regex::Regex::new(r"Place \{[^}]*\}").unwrap();
    let routes = routes.iter().map(|route| {
        let value = format!("{:?}", route.value);
        let within: Vec<_> = route.policies.iter().map(|policy| route.within(&policy.place).to_string()).collect();
        format!("{} {within:?} {}", route.place, places.replace_all(&value, ""))
    });
    let others = [format!("{gateway:?}"), format!("{listeners:?}"), format!("{upstreams:?}")];
    let others = others.into_iter().chain([format!("{consumers:?}"), format!("{tests:?}"), format!("{operators:?}")]);
    others.chain(routes).collect()
}

// === impl Random ===

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn route(&mut self) -> String {
        let shapes = if self.one_in(40) { ROUTES.len() } else { GOOD };
        let name = if self.one_in(30) { "twin".to_owned() } else { format!("r{}", self.below(1 << 30)) };
        ROUTES[self.below(shapes)].replace("NAME", &name)
    }
}

// === impl Written ===

impl Written {
    fn new(random: &mut Random) -> Self {
        let head = [
            "version: 1",
            "listeners:\n  - { name: web, address: 127.0.0.1:0 }\n  - { name: plain, address: 127.0.0.1:0 }",
            "upstreams:\n  - { name: users, endpoints: [127.0.0.1:1] }\n  - { name: orders, endpoints: [127.0.0.1:2] }",
        ];
        let mut list = |most: usize| (0..random.below(most)).map(|_| random.route()).collect::<Vec<_>>();
        let routes = [list(8), list(4)];
        Self {
            head: head.map(str::to_owned).to_vec(),
            tail: Vec::new(),
            routes,
            indent: random.below(3),
            line_end: if random.one_in(8) { "\r\n" } else { "\n" },
        }
    }

    fn texts(&self) -> [String; 2] {
        let list = |routes: &Vec<String>| match routes.is_empty() {
            true => Vec::new(),
            false => {
                let indented = |line: &str| match line {
                    "" | "..." | "# and one at the margin" => line.to_owned(),
                    line => " ".repeat(self.indent) + line,
                };
                let routes = routes.iter().flat_map(|route| route.split('\n')).map(indented);
                ["routes: # those of one file".to_owned(), String::new()].into_iter().chain(routes).collect()
            }
        };
        let lines = |lines: Vec<String>| {
            lines.iter().flat_map(|line| line.split('\n')).map(|line| line.to_owned() + self.line_end).collect()
        };
        let main = [&self.head[..], &list(&self.routes[0]), &self.tail].concat();
        [lines(main), lines(list(&self.routes[1]))]
    }

    /// One to three changes.
    fn change(&mut self, random: &mut Random) {
        for _ in 0..=random.below(3) {
            let file = random.below(2);
            let routes = &mut self.routes[file];
            let at = random.below(routes.len() + 1);
            match random.below(14) {
                0..=2 => routes.insert(at, random.route()),
                3 | 4 if at < routes.len() => drop(routes.remove(at)),
                5 | 6 if at < routes.len() => routes[at] = random.route(),
                7 if at < routes.len() => {
                    let moved = routes.remove(at);
                    self.routes[random.below(2)].push(moved);
                }
                8 if at < routes.len() => routes[at] += "\n# a comment more",
                9 => self.head.insert(1, "# a line more".to_owned()),
                10 => self.head[0] = format!("version: {}", if random.one_in(4) { 2 } else { 1 }),
                11 => {
                    let last = self.head.len() - 1;
                    let name = ["more", "users", "orders"][random.below(3)];
                    self.head[last] += &format!("\n  - {{ name: {name}, endpoints: [127.0.0.1:3] }}");
                }
                12 => self.head.retain(|part| !part.contains("version") || !random.0.is_multiple_of(8)),
                _ => {
                    self.tail =
                        vec![["", "gateway: { grace: 5s }", "routes: []", "# the end"][random.below(4)].to_owned()];
                }
            }
            if self.head.is_empty() || !self.head[0].starts_with("version") {
                self.head.insert(0, "version: 1".to_owned());
            }
        }
    }
}

//! Routes and requests at random, from so few words that they meet.

use super::{Request, naive, request, route};

/// SplitMix64: small, seeded, the same everywhere.
pub(crate) struct Random(pub(crate) u64);

/// What sets of routes are made of, so that some sets meet a lot in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flavour {
    pub(crate) priorities: bool,
    pub(crate) predicates: bool,
    pub(crate) patterns: bool,
    /// All routes are for the same few paths, and differ in their fields.
    pub(crate) crowd: bool,
    /// How many words paths and hosts are made of.
    pub(crate) words: u64,
}

const METHODS: [&str; 4] = ["GET", "POST", "DELETE", "PURGE"];
/// Of each type some, so that a segment may look like several.
const HOLES: [&str; 9] =
    ["{x}", "{y}", "{x:int}", "{x:hex}", "{y:alpha}", "{y:slug}", "{x:slug}", "{x:date}", "{x:uuid}"];
const SEGMENTS: [&str; 10] = [
    "7",
    "-7",
    "ff",
    "FF",
    "a-7",
    "A.7",
    "2026-08-05",
    "0b5a3f04-7c36-4a51-8e0f-2f5d1f6f9a77",
    "0B5A3F04-7C36-4A51-8E0F-2F5D1F6F9A77",
    "%C3%A9",
];
const VALUES: [&str; 4] = ["a", "b", "ab", "a/b"];
const SENT: [&str; 8] = ["a", "b", "ab", "a/b", "%61", "%61b", "a%2Fb", "b+a"];
const REGEXES: [&str; 14] = [
    "^/a",
    "/b$",
    "^/[a-z]+/(?<x>[a-z]+)",
    "^/(?<x>a)?(?<y>b)?",
    "a+/",
    "^/a/.*/b$",
    "(?i)A/B",
    "^/(?:a|b)/",
    "^/.$",
    "/a/b",
    "b/",
    "(?:a/)+b",
    "^/[ab]/[ab]/[ab]$",
    "c0",
];

// === impl Random ===

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    pub(crate) fn flavour(&mut self) -> Flavour {
        Flavour {
            priorities: self.one_in(3),
            predicates: !self.one_in(3),
            patterns: !self.one_in(3),
            crowd: self.one_in(6),
            words: self.pick(&[2, 3, 4, 40]),
        }
    }

    pub(crate) fn routes(&mut self, number: usize, flavour: Flavour) -> Vec<model::Route> {
        (0..number).map(|index| route(&format!("r{index}"), &self.route_line(flavour))).collect()
    }

    pub(crate) fn request(&mut self, flavour: Flavour) -> Request {
        request(&self.request_line(flavour))
    }

    fn route_line(&mut self, flavour: Flavour) -> String {
        if flavour.crowd {
            return self.crowded_line(flavour);
        }
        let mut line = String::new();
        if !self.one_in(3) {
            let number = 1 + self.below(3);
            let hosts: Vec<_> = (0..number).map(|_| self.host_pattern(flavour)).collect();
            line += &format!(" host:{}", hosts.join(","));
        }
        line += &self.path_pattern(flavour);
        if flavour.priorities && self.one_in(4) {
            line += &format!(" priority:{}", self.below(5) as i64 - 2);
        }
        if flavour.predicates {
            line += &self.predicates();
        }
        line
    }

    fn crowded_line(&mut self, flavour: Flavour) -> String {
        let mut line = self.pick(&["", "exact:/a", "prefix:/a", "template:/{x}/b", "regex:^/a"]).to_owned();
        for kind in ["header:x", "header:y", "query:x", "cookie:x"] {
            if self.one_in(2) {
                line += &format!(" {kind}={}", self.pick(&VALUES));
            }
        }
        if flavour.predicates { line + &self.predicates() } else { line }
    }

    fn predicates(&mut self) -> String {
        let mut line = String::new();
        if self.one_in(3) {
            line += &format!(" method:{}", self.pick(&METHODS));
        }
        if self.one_in(6) {
            line += &format!(" listener:{}", self.below(2));
        }
        if self.one_in(8) {
            line += &format!(" ip:{}", self.pick(&["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "0.0.0.0/0"]));
        }
        if self.one_in(8) {
            line += &format!(" sni:{}", self.pick(&["a.t", "*.t", "*.a.t,b.t"]));
        }
        if self.one_in(8) {
            line += &format!(" time:{}", self.pick(&["600", "600,1200", ",1200", ",,5-15", ",,15-5", "300,,10-1440"]));
        }
        if self.one_in(8) {
            line += &format!(" when:{}", self.pick(&naive::WHEN).0);
        }
        for kind in ["header", "query", "cookie"] {
            while self.one_in(5) {
                line += &format!(" {kind}:{}", self.field_pattern());
            }
        }
        line
    }

    fn field_pattern(&mut self) -> String {
        let (name, value) = (self.pick(&["x", "y"]), self.pick(&VALUES));
        match self.below(6) {
            0 => format!("{name}={value}"),
            1 => format!("{name}^={value}"),
            2 => format!("{name}~=^{value}$"),
            3 => format!("{name}=a|{value}"),
            4 => format!("{name}!"),
            _ => name.to_owned(),
        }
    }

    fn word(&mut self, flavour: Flavour) -> String {
        match self.below(flavour.words) {
            0 => "a".to_owned(),
            1 => "b".to_owned(),
            number => format!("c{}", number - 2),
        }
    }

    fn segment(&mut self, flavour: Flavour) -> String {
        if self.one_in(6) { self.pick(&SEGMENTS).to_owned() } else { self.word(flavour) }
    }

    fn host(&mut self, flavour: Flavour) -> String {
        let labels = 1 + self.below(3);
        (0..labels).map(|_| self.word(flavour) + ".").collect::<String>() + "t"
    }

    fn host_pattern(&mut self, flavour: Flavour) -> String {
        match self.below(4) {
            0 => "*.t".to_owned(),
            1 => format!("*.{}", self.host(flavour)),
            _ => self.host(flavour),
        }
    }

    fn path(&mut self, flavour: Flavour) -> String {
        let depth = self.below(5);
        let path: String = (0..depth).map(|_| format!("/{}", self.segment(flavour))).collect();
        if path.is_empty() || self.one_in(8) { path + "/" } else { path }
    }

    fn path_pattern(&mut self, flavour: Flavour) -> String {
        let path = self.path(flavour);
        match self.below(if flavour.patterns { 8 } else { 6 }) {
            0 => String::new(),
            1 => format!(" exact:{path}"),
            2 | 3 if path.len() > 1 => format!(" prefix:{}", path.trim_end_matches('/')),
            2 | 3 => " prefix:/".to_owned(),
            4 | 5 => format!(" template:{}", self.holes(&path, &HOLES, "/{rest...}")),
            6 => format!(" wildcard:{}", self.holes(&path, &["*", "**", "a*"], "/**")),
            _ if self.one_in(2) => format!(" regex:^{path}"),
            _ => format!(" regex:{}", self.pick(&REGEXES)),
        }
    }

    fn holes(&mut self, path: &str, holes: &[&str], end: &str) -> String {
        let mut text = String::new();
        for segment in path[1..].split('/') {
            text += "/";
            text += if !segment.is_empty() && self.one_in(3) { self.pick(holes) } else { segment };
        }
        if self.one_in(4) { text.trim_end_matches('/').to_owned() + end } else { text }
    }

    fn request_line(&mut self, flavour: Flavour) -> String {
        let host = if self.one_in(12) {
            self.pick(&["t", ".t", "a", "a..t", "*.t", ""]).to_owned()
        } else {
            self.host(flavour)
        };
        let path = if flavour.crowd {
            self.pick(&["/a", "/a/b", "/"]).to_owned()
        } else if self.one_in(40) {
            self.pick(&["//", "/a//b", "/A/B"]).to_owned()
        } else {
            self.path(flavour)
        };
        let mut line = format!("{} {host}{path}", self.pick(&METHODS));
        if self.one_in(2) {
            let pairs: Vec<_> = (0..self.below(4)).map(|_| self.pair()).collect();
            line += &format!("?{}", pairs.join("&"));
        }
        for _ in 0..self.below(3) {
            line += &format!(" {}={}", self.pick(&["x", "y"]), self.pick(&VALUES));
        }
        for _ in 0..self.below(3) {
            line +=
                &format!(" cookie={}={};␣{}={}", self.pick(&["x", "z"]), self.pick(&VALUES), "y", self.pick(&VALUES));
        }
        line += self.pick(&["", " listener:1"]);
        line += self.pick(&["", " sni:a.t", " sni:b.t", " sni:b.a.t", " sni:t"]);
        line += self.pick(&["", " now:299", " now:300", " now:600", " now:899", " now:1199", " now:1200"]);
        line + self.pick(&["", " ip:10.1.2.3", " ip:10.2.0.1", " ip:2001:db8::1", " ip:::ffff:10.1.0.1"])
    }

    fn pair(&mut self) -> String {
        let name = self.pick(&["x", "y", "%78", "z"]).replace("%78", "x");
        if self.one_in(5) { name } else { format!("{name}={}", self.pick(&SENT)) }
    }
}

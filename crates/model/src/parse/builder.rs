//! Events to tree.

use std::{collections::HashMap, mem, sync::Arc};

use granit_parser::{Event, ScalarStyle, Span, Tag};

use super::{
    DEEPEST,
    environment::{self, Fault},
    scalar,
    syntax::{Stop, position},
};
use crate::{Key, Node, Place, Report, Value};

/// How much aliases may add to a document, by [`weight`]: enough for honest reuse, too little for a bomb.
const EXPANSION: usize = 32 << 20;

/// Maps up to this size are searched for duplicate keys without a table.
const SMALL: usize = 16;

pub(super) struct Builder<'p> {
    file: Arc<str>,
    /// Lines before the text.
    before: u32,
    /// Lists and maps around the text.
    around: usize,
    environment: &'p dyn Fn(&str) -> Option<String>,
    has_holes: bool,
    report: &'p mut Report,
    /// The lists and maps that are open, outermost first.
    open: Vec<Open>,
    anchors: HashMap<usize, Anchor>,
    expanded: usize,
    documents: usize,
    root: Option<Node>,
}

struct Open {
    place: Place,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        /// The key whose value comes next.
        key: Option<Key>,
    },
}

/// What `*name` stands for.
struct Anchor {
    node: Node,
    weight: usize,
}

// === impl Builder ===

impl<'p> Builder<'p> {
    pub(super) fn new(
        start: Place,
        environment: &'p dyn Fn(&str) -> Option<String>,
        has_holes: bool,
        report: &'p mut Report,
    ) -> Self {
        Self {
            file: start.file,
            before: start.line - 1,
            around: 0,
            environment,
            has_holes,
            report,
            open: Vec::new(),
            anchors: HashMap::new(),
            expanded: 0,
            documents: 0,
            root: None,
        }
    }

    /// The text stands within so many lists and maps.
    pub(super) fn within(&mut self, around: usize) {
        self.around = around;
    }

    pub(super) fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => self.begin_document(span),
            Event::SequenceStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "seq", "a list", span)?;
                self.enter(span, anchor, Inside::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "map", "a map", span)?;
                self.enter(span, anchor, Inside::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(span),
            Event::Scalar(text, style, anchor, tag) => {
                if self.awaits_key() {
                    return self.take_key(text.into_owned(), style, anchor, span);
                }
                let place = self.place(span);
                let value = self.scalar(text.into_owned(), style, tag.as_deref(), &place, span)?;
                self.add(Node { place, value }, anchor, span)
            }
            Event::Alias(id) => self.expand(id, span),
            _ => Ok(()),
        }
    }

    pub(super) fn fail(self, stop: Stop) {
        let place = Place { file: self.file, line: stop.line, column: stop.column };
        match stop.hint {
            Some(hint) => self.report.error_with_hint(&place, stop.message, hint),
            None => self.report.error(&place, stop.message),
        }
    }

    /// Whether something in the text has a name that aliases may use.
    pub(super) fn has_anchors(&self) -> bool {
        !self.anchors.is_empty()
    }

    pub(super) fn finish(self) -> Option<Node> {
        self.root
    }

    fn begin_document(&mut self, span: &Span) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents > 1 {
            let hint = Some("put it into a file of its own and name that under `include`");
            return Err(Stop::new(&span.start, "a second document (`---`) in one file", hint));
        }
        Ok(())
    }

    fn enter(&mut self, span: &Span, anchor: usize, inside: Inside) -> Result<(), Stop> {
        if self.awaits_key() {
            return Err(Stop::new(&span.start, "a key must be a text, not a list or a map", None));
        }
        if self.around + self.open.len() >= DEEPEST {
            let message = "lists and maps are nested too deeply";
            return Err(Stop::new(&span.start, message, Some("at most 64 levels are read")));
        }
        let place = self.place(span);
        self.open.push(Open { place, anchor, inside });
        Ok(())
    }

    fn leave(&mut self, span: &Span) -> Result<(), Stop> {
        let Some(Open { place, anchor, inside }) = self.open.pop() else { return Ok(()) };
        let value = match inside {
            Inside::List(items) => Value::List(items),
            Inside::Map { entries, .. } => Value::Map(self.without_duplicates(entries)),
        };
        self.add(Node { place, value }, anchor, span)
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, node: Node, anchor: usize, span: &Span) -> Result<(), Stop> {
        if anchor != 0 {
            let weight = weight(&node);
            self.charge(weight, span)?;
            self.anchors.insert(anchor, Anchor { node: node.clone(), weight });
        }
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Map { entries, key }) => {
                if let Some(key) = key.take() {
                    entries.push((key, node));
                }
            }
        }
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { inside: Inside::Map { key: None, .. }, .. }))
    }

    fn take_key(&mut self, name: String, style: ScalarStyle, anchor: usize, span: &Span) -> Result<(), Stop> {
        if name == "<<" && style == ScalarStyle::Plain {
            let hint = Some("write the keys out, or alias a whole value: `policies: *common`");
            return Err(Stop::new(&span.start, "merge keys (`<<`) are not part of YAML 1.2", hint));
        }
        if anchor != 0 {
            return Err(Stop::new(&span.start, "a key cannot carry an anchor", None));
        }
        let place = self.place(span);
        if let Some(Open { inside: Inside::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(Key { place, name });
        }
        Ok(())
    }

    fn expand(&mut self, id: usize, span: &Span) -> Result<(), Stop> {
        if self.awaits_key() {
            return Err(Stop::new(&span.start, "an alias cannot be a key", Some("write the key out")));
        }
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(Stop::new(&span.start, "an alias within the value that it stands for", None));
        };
        let (node, weight) = (anchor.node.clone(), anchor.weight);
        if self.open.len() + depth(&node) > DEEPEST {
            let message = "this alias nests lists and maps too deeply";
            return Err(Stop::new(&span.start, message, Some("at most 64 levels are read")));
        }
        self.charge(weight, span)?;
        self.add(node, 0, span)
    }

    fn charge(&mut self, weight: usize, span: &Span) -> Result<(), Stop> {
        self.expanded = self.expanded.saturating_add(weight);
        if self.expanded > EXPANSION {
            let hint = Some("anchors and aliases may add 32 MiB to a document");
            return Err(Stop::new(&span.start, "aliases make this document too large", hint));
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        tag: Option<&Tag>,
        place: &Place,
        span: &Span,
    ) -> Result<Value, Stop> {
        let text = if self.has_holes && text.contains("${") { self.fill(&text, place) } else { text };
        let Some(tag) = tag else {
            return Ok(if style == ScalarStyle::Plain { scalar::plain(text) } else { Value::Text(text) });
        };
        match (tag.core_suffix(), scalar::plain(text.clone())) {
            (Some("str"), _) => Ok(Value::Text(text)),
            (Some("null"), value @ Value::Null)
            | (Some("bool"), value @ Value::Bool(_))
            | (Some("int"), value @ Value::Integer(_))
            | (Some("float"), value @ (Value::Float(_) | Value::Integer(_))) => Ok(value),
            (Some(tag), _) => Err(Stop::new(&span.start, format!("`{text}` is not what its tag `!!{tag}` says"), None)),
            (None, _) => Err(unknown_tag(tag, span)),
        }
    }

    fn fill(&mut self, text: &str, place: &Place) -> String {
        let (filled, faults) = environment::fill(text, self.environment);
        for fault in &faults {
            match fault {
                Fault::Unset(name) => self.report.error_with_hint(
                    place,
                    format!("the environment variable `{name}` is not set"),
                    format!("set it, or give a default: `${{{name}:-default}}`"),
                ),
                Fault::Unclosed => {
                    self.report.error_with_hint(place, "`${` without `}`", "write `$${` for a literal `${`");
                }
                Fault::BadName(name) => self.report.error_with_hint(
                    place,
                    format!("`{name}` cannot be the name of an environment variable"),
                    "write `$${` for a literal `${`",
                ),
            }
        }
        if !faults.is_empty() {
            self.report.doubt(place);
        }
        filled
    }

    /// Keeps the first of several equal keys and reports the others.
    fn without_duplicates(&mut self, mut entries: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
        let duplicates = if entries.len() <= SMALL { few(&entries) } else { many(&entries) };
        for (duplicate, first) in &duplicates {
            let (key, first) = (&entries[*duplicate].0, &entries[*first].0.place);
            let message = format!("the key `{}` is given twice, first at {}:{}", key.name, first.line, first.column);
            self.report.error_with_hint(&key.place, message, "keep one of them");
        }
        let mut duplicates = duplicates.into_iter().map(|(index, _)| index).peekable();
        if duplicates.peek().is_some() {
            let all = mem::take(&mut entries).into_iter().enumerate();
            entries = all.filter(|(index, _)| duplicates.next_if_eq(index).is_none()).map(|(_, entry)| entry).collect();
        }
        entries
    }

    fn place(&self, span: &Span) -> Place {
        let (line, column) = position(&span.start);
        Place { file: self.file.clone(), line: self.before + line, column }
    }
}

/// The index of each duplicate with that of the first, ascending.
fn few(entries: &[(Key, Node)]) -> Vec<(usize, usize)> {
    let first = |index: usize| entries[..index].iter().position(|(key, _)| key.name == entries[index].0.name);
    (1..entries.len()).filter_map(|index| Some((index, first(index)?))).collect()
}

fn many(entries: &[(Key, Node)]) -> Vec<(usize, usize)> {
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    let mut duplicates = Vec::new();
    for (index, (key, _)) in entries.iter().enumerate() {
        let first = *seen.entry(&key.name).or_insert(index);
        if first != index {
            duplicates.push((index, first));
        }
    }
    duplicates
}

fn check_tag(tag: Option<&Tag>, expected: &str, found: &str, span: &Span) -> Result<(), Stop> {
    match tag {
        None => Ok(()),
        Some(tag) => match tag.core_suffix() {
            Some(suffix) if suffix == expected => Ok(()),
            Some(suffix) => Err(Stop::new(&span.start, format!("{found} is not what its tag `!!{suffix}` says"), None)),
            None => Err(unknown_tag(tag, span)),
        },
    }
}

fn unknown_tag(tag: &Tag, span: &Span) -> Stop {
    Stop::new(&span.start, format!("the tag `{}` is not known", tag.original()), Some("leave it out"))
}

/// Bytes that a node takes in memory, roughly.
fn weight(node: &Node) -> usize {
    size_of::<Node>()
        + match &node.value {
            Value::Text(text) => text.len(),
            Value::List(items) => items.iter().map(weight).sum(),
            Value::Map(entries) => {
                entries.iter().map(|(key, node)| size_of::<Key>() + key.name.len() + weight(node)).sum()
            }
            _ => 0,
        }
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| depth(node)).max().unwrap_or(0),
        _ => 0,
    }
}

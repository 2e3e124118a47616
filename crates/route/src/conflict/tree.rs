//! Routes by the segments of their paths, to find those that can meet another one.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::{Route, ValueMatch};

use crate::shape::{Part, Shape};

/// Trees, one for each set of routes, with all their nodes in one place.
#[derive(Debug, Default)]
pub(super) struct Trees<'r> {
    nodes: Vec<Node<'r>>,
    literals: HashMap<(u32, &'r str), u32, FixedState>,
}

#[derive(Debug, Default)]
struct Node<'r> {
    /// Of every literal segment.
    children: Vec<u32>,
    /// Of any segment.
    any: Option<u32>,
    /// Routes whose paths end here.
    ends: Crowd<'r>,
    /// Routes whose paths may go on from here.
    opens: Crowd<'r>,
}

/// The routes of a node. Where they are many, most often one field tells them apart.
#[derive(Debug, Default)]
struct Crowd<'r> {
    all: Vec<u32>,
    divided: Option<Box<Divided<'r>>>,
}

#[derive(Debug)]
struct Divided<'r> {
    field: FieldName<'r>,
    /// Routes that want exactly this value of the field, by value.
    by_value: HashMap<&'r str, Vec<u32>, FixedState>,
    /// All others.
    rest: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum FieldName<'r> {
    Header(&'r str),
    Query(&'r str),
    Cookie(&'r str),
}

/// From so many on, a crowd is divided.
const CROWDED: usize = 16;

/// How much may still be done.
#[derive(Debug)]
pub(super) struct Steps(pub(super) usize);

// === impl Steps ===

impl Steps {
    /// False: no more.
    pub(super) fn take(&mut self) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

// === impl Trees ===

impl<'r> Trees<'r> {
    /// A tree of some routes, by its root.
    pub(super) fn plant(
        &mut self,
        routes: &'r [&'r Route],
        shapes: &[Shape<'r>],
        members: impl Iterator<Item = u32>,
    ) -> u32 {
        let root = self.node();
        let mut crowded = Vec::new();
        for route in members {
            let shape = &shapes[route as usize];
            let node = self.leaf(root, &shape.parts);
            let Node { ends, opens, .. } = &mut self.nodes[node as usize];
            let crowd = if shape.open { opens } else { ends };
            crowd.all.push(route);
            if crowd.all.len() == CROWDED {
                crowded.push(node);
            }
        }
        for node in crowded {
            let Node { ends, opens, .. } = &mut self.nodes[node as usize];
            [ends, opens].into_iter().for_each(|crowd| crowd.divide(routes));
        }
        root
    }

    fn node(&mut self) -> u32 {
        self.nodes.push(Node::default());
        // The table of the same routes has no more nodes than 32 bits can number.
        (self.nodes.len() - 1) as u32
    }

    fn leaf(&mut self, root: u32, parts: &[Part<'r>]) -> u32 {
        let mut at = root;
        for part in parts {
            let known = match part {
                Part::Text(text) => self.literals.get(&(at, *text)).copied(),
                Part::Any => self.nodes[at as usize].any,
            };
            at = known.unwrap_or_else(|| {
                let child = self.node();
                match part {
                    Part::Text(text) => {
                        self.literals.insert((at, text), child);
                        self.nodes[at as usize].children.push(child);
                    }
                    Part::Any => self.nodes[at as usize].any = Some(child),
                }
                child
            });
        }
        at
    }

    /// Visits the routes of a tree that may meet `route` in their paths and ask for no more segments than it does.
    pub(super) fn visit(
        &self,
        root: u32,
        route: &'r Route,
        shape: &Shape<'r>,
        steps: &mut Steps,
        visit: &mut impl FnMut(u32),
    ) {
        self.go(root, route, &shape.parts, steps, visit);
    }

    fn go(&self, node: u32, route: &'r Route, parts: &[Part<'r>], steps: &mut Steps, visit: &mut impl FnMut(u32)) {
        let Node { children, any, ends, opens } = &self.nodes[node as usize];
        opens.visit(route, steps, visit);
        let Some((part, parts)) = parts.split_first() else {
            ends.visit(route, steps, visit);
            return;
        };
        let literal = match part {
            Part::Text(text) => self.literals.get(&(node, *text)).map(std::slice::from_ref).unwrap_or_default(),
            Part::Any => children,
        };
        for child in literal.iter().chain(any) {
            if !steps.take() {
                return;
            }
            self.go(*child, route, parts, steps, visit);
        }
    }
}

// === impl Crowd ===

impl<'r> Crowd<'r> {
    fn divide(&mut self, routes: &'r [&'r Route]) {
        if self.all.len() < CROWDED {
            return;
        }
        let mut number: HashMap<FieldName<'r>, usize, FixedState> = HashMap::default();
        let fields = self.all.iter().flat_map(|route| exact_fields(routes[*route as usize]));
        fields.for_each(|(field, _)| *number.entry(field).or_default() += 1);
        let field = self.all.iter().flat_map(|route| exact_fields(routes[*route as usize])).map(|(field, _)| field);
        let Some(field) = field.max_by_key(|field| number[field]) else { return };
        let mut divided = Divided { field, by_value: HashMap::default(), rest: Vec::new() };
        for route in &self.all {
            match value(routes[*route as usize], field) {
                Some(value) => divided.by_value.entry(value).or_default().push(*route),
                None => divided.rest.push(*route),
            }
        }
        self.divided = Some(Box::new(divided));
    }

    /// Visits those that no single value of one field keeps from meeting `route`.
    fn visit(&self, route: &Route, steps: &mut Steps, visit: &mut impl FnMut(u32)) {
        let (some, rest) = match &self.divided {
            Some(divided) => match value(route, divided.field) {
                Some(value) => (divided.by_value.get(value).map(Vec::as_slice).unwrap_or_default(), &*divided.rest),
                None => (&*self.all, &[][..]),
            },
            None => (&*self.all, &[][..]),
        };
        for other in some.iter().chain(rest) {
            if !steps.take() {
                return;
            }
            visit(*other);
        }
    }
}

/// The fields of which a route wants exactly one value.
fn exact_fields(route: &Route) -> impl Iterator<Item = (FieldName<'_>, &str)> {
    let matching = &route.matching;
    let headers = matching.headers.iter().map(|it| (FieldName::Header(it.name.as_str()), &it.value));
    let query = matching.query.iter().map(|it| (FieldName::Query(&it.name), &it.value));
    let cookies = matching.cookies.iter().map(|it| (FieldName::Cookie(&it.name), &it.value));
    headers.chain(query).chain(cookies).filter_map(|(field, wanted)| match wanted {
        ValueMatch::Exact(value) => Some((field, &**value)),
        _ => None,
    })
}

fn value<'r>(route: &'r Route, field: FieldName<'_>) -> Option<&'r str> {
    exact_fields(route).find(|(known, _)| *known == field).map(|(_, value)| value)
}

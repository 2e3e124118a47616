use std::{collections::HashMap, ops::Range, sync::Arc};

use super::part::File;
use crate::{
    Action, Place, Placed, Problem, Report, Route,
    check::{Known, check_route},
    parse::{Item, parse_item},
};

/// The routes of a file as they were checked.
#[derive(Debug)]
pub(super) struct Routes {
    text: Arc<str>,
    all: Vec<KeptRoute>,
}

#[derive(Debug, Clone)]
struct KeptRoute {
    /// In [`Routes::text`].
    text: Range<usize>,
    /// The number of its first line.
    line: u32,
    route: Placed<Route>,
    /// What it means depends on no other route, on no upstream that may come and on no consumer. Subsets are counted in the
    /// order in which routes name them; a name with holes may fit further upstreams.
    stands_alone: bool,
    warnings: Box<[Problem]>,
}

// === impl Routes ===

impl Routes {
    /// Checks the routes whose text was not there `before`. `None` if anything is wrong with one of them.
    pub(super) fn read(
        file: &File,
        before: Option<&Arc<Self>>,
        known: &mut Known<'_>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Arc<Self>> {
        let is_same = |before: &&Arc<Self>| before.text == file.text && before.all.iter().all(|kept| kept.stands_alone);
        if let Some(before) = before.filter(is_same) {
            return Some(before.clone());
        }
        let same = match before {
            Some(before) => before.same(file),
            None => vec![None; file.items.len()],
        };
        let start = file.start();
        let mut all = Vec::with_capacity(file.items.len());
        for (item, same) in file.items.iter().zip(same) {
            all.push(match same {
                Some(route) if route.can_move(item) => route.moved(item),
                _ => KeptRoute::read(item, &start, &file.text, known, environment)?,
            });
        }
        Some(Arc::new(Self { text: file.text.clone(), all }))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Placed<Route>> {
        self.all.iter().map(|kept| kept.route.clone())
    }

    pub(super) fn warn(&self, report: &mut Report) {
        self.all.iter().flat_map(|kept| &kept.warnings).for_each(|warning| report.add(warning.clone()));
    }

    /// For each item of a file the route that has the same text here. Most stand in the same order, from the
    /// beginning or from the end; only the others are looked for.
    fn same(&self, file: &File) -> Vec<Option<&KeptRoute>> {
        let is_same = |item: &Item, kept: &KeptRoute| file.text[item.text.clone()] == self.text[kept.text.clone()];
        let (old, new) = (&self.all[..], &file.items[..]);
        let front = new.iter().zip(old).take_while(|(item, kept)| is_same(item, kept)).count();
        let (old_rest, new_rest) = (&old[front..], &new[front..]);
        let pairs = new_rest.iter().rev().zip(old_rest.iter().rev());
        let back = pairs.take_while(|(item, kept)| is_same(item, kept)).count();
        let (old_middle, new_middle) = (&old_rest[..old_rest.len() - back], &new_rest[..new_rest.len() - back]);
        let by_text: HashMap<_, _> = old_middle.iter().map(|kept| (&self.text[kept.text.clone()], kept)).collect();
        let middle = new_middle.iter().map(|item| by_text.get(&file.text[item.text.clone()]).copied());
        let front = old[..front].iter().map(Some);
        front.chain(middle).chain(old[old.len() - back..].iter().map(Some)).collect()
    }
}

// === impl KeptRoute ===

impl KeptRoute {
    fn read(
        item: &Item,
        start: &Place,
        text: &str,
        known: &mut Known<'_>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let mut report = Report::default();
        let start = Place { line: item.line, ..start.clone() };
        let node = parse_item(start, &text[item.text.clone()], environment, &mut report)?;
        if !report.problems.is_empty() {
            return None;
        }
        let route = check_route(&node, known, &mut report)?;
        if report.has_errors() {
            return None;
        }
        let has_fixed_name = !matches!(route.action, Action::Named(_));
        let names_consumers = matches!(&route.action, Action::Split(split) if split.names_consumers());
        let stands_alone = has_fixed_name && !names_consumers && route.destinations().all(|to| to.subset.is_none());
        let warnings = report.problems.into();
        Some(Self { text: item.text.clone(), line: item.line, route, stands_alone, warnings })
    }

    /// Warnings may tell of lines in their words, so they are only right where they were found.
    fn can_move(&self, item: &Item) -> bool {
        self.stands_alone && (item.line == self.line || self.warnings.is_empty())
    }

    /// The same route where it stands now.
    fn moved(&self, item: &Item) -> Self {
        let route = self.route.moved(self.line, item.line);
        Self { text: item.text.clone(), line: item.line, route, ..self.clone() }
    }
}

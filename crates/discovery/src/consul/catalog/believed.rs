//! Which answers of the catalog count.
//!
//! As with endpoints: one that is empty, or leaves less than half of the services, is held, and believed if it stays so. A
//! catalog without any service, Consul's own included, is none and never believed. A service whose tags are no good is left
//! out, or stays as it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use model::Further;
use tokio::time::Instant;

use super::document::{documents, name};

pub(super) struct Believed {
    hold: Duration,
    /// By the name of the document.
    good: BTreeMap<Arc<str>, Further>,
    /// What is wrong with services at the moment.
    bad: BTreeMap<String, String>,
    held: Option<Held>,
}

/// An answer that is not believed yet.
struct Held {
    /// `None`: never.
    due: Option<Instant>,
    good: BTreeMap<Arc<str>, Further>,
}

/// What is worth telling.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The documents are others.
    Changed,
    Held {
        has: usize,
        had: usize,
    },
    /// The next answer was none that had to be held.
    Released,
    Bad {
        service: String,
        why: String,
        /// What it said before is good.
        is_kept: bool,
    },
    Good {
        service: String,
    },
}

// === impl Believed ===

impl Believed {
    pub(super) fn new(known: Vec<Further>, hold: Duration) -> Self {
        let good = known.into_iter().map(|document| (document.name.clone(), document)).collect();
        Self { hold, good, bad: BTreeMap::new(), held: None }
    }

    /// Whatever is believed, by name.
    pub(super) fn documents(&self) -> Vec<Further> {
        self.good.values().cloned().collect()
    }

    pub(super) fn answered(&mut self, services: &BTreeMap<String, Vec<String>>, now: Instant) -> Vec<News> {
        let mut news = Vec::new();
        let good = self.judge(services, &mut news);
        let (has, had) = (good.len(), self.good.len());
        let is_none = services.is_empty();
        let is_suspicious = is_none && had > 0 || has * 2 < had && !self.hold.is_zero();
        if !is_suspicious {
            if self.held.take().is_some() {
                news.push(News::Released);
            }
            news.extend(self.believe(good));
            return news;
        }
        let due = match &self.held {
            _ if is_none => None,
            // What is held is no better for having changed.
            Some(Held { due: Some(due), .. }) => Some(*due),
            _ => Some(now + self.hold),
        };
        if self.held.replace(Held { due, good }).is_none() {
            news.push(News::Held { has, had });
        }
        news
    }

    /// When what is held is to be believed.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.as_ref()?.due
    }

    /// What is held stayed so for long enough.
    pub(super) fn tick(&mut self) -> Vec<News> {
        let Some(held) = self.held.take() else { return Vec::new() };
        self.believe(held.good).into_iter().collect()
    }

    fn believe(&mut self, good: BTreeMap<Arc<str>, Further>) -> Option<News> {
        let is_other = good != self.good;
        self.good = good;
        is_other.then_some(News::Changed)
    }

    /// The good documents, those that were good before included.
    fn judge(&mut self, services: &BTreeMap<String, Vec<String>>, news: &mut Vec<News>) -> BTreeMap<Arc<str>, Further> {
        let mut good = BTreeMap::new();
        let mut bad = BTreeMap::new();
        let mut well = BTreeSet::new();
        for (service, document) in documents(services) {
            match document {
                Ok(document) => {
                    well.insert(service);
                    good.insert(document.name.clone(), document);
                }
                Err(why) => {
                    let before = self.good.get(&*name(service)).cloned();
                    let is_kept = before.is_some();
                    good.extend(before.map(|document| (document.name.clone(), document)));
                    if self.bad.get(service) != Some(&why) {
                        news.push(News::Bad { service: service.to_owned(), why: why.clone(), is_kept });
                    }
                    bad.insert(service.to_owned(), why);
                }
            }
        }
        let mended = self.bad.keys().filter(|service| well.contains(&***service));
        news.extend(mended.map(|service| News::Good { service: service.clone() }));
        self.bad = bad;
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(30);

    /// Services that are served, and Consul's own.
    fn services(names: &[&str]) -> BTreeMap<String, Vec<String>> {
        let mut services = BTreeMap::from([("consul".to_owned(), Vec::new())]);
        services.extend(names.iter().map(|name| (name.to_string(), vec!["sluice.enable=true".to_owned()])));
        services
    }

    fn names(believed: &Believed) -> Vec<String> {
        let prefix = name("");
        believed.documents().iter().map(|document| document.name[prefix.len()..].to_owned()).collect()
    }

    #[test]
    fn what_changes_is_believed() {
        let (mut believed, now) = (Believed::new(Vec::new(), HOLD), Instant::now());
        assert_eq!(believed.answered(&services(&["a", "b"]), now), [News::Changed]);
        assert_eq!(believed.answered(&services(&["a", "b"]), now), []);
        assert_eq!(believed.answered(&services(&["b"]), now), [News::Changed]);
        assert_eq!(names(&believed), ["b"]);
        let mut anew = Believed::new(believed.documents(), HOLD);
        assert_eq!(anew.answered(&services(&["b"]), now), []);
    }

    #[test]
    fn what_is_suspicious_is_held() {
        let (mut believed, now) = (Believed::new(Vec::new(), HOLD), Instant::now());
        believed.answered(&services(&["a", "b", "c"]), now);
        assert_eq!(believed.answered(&services(&["a"]), now), [News::Held { has: 1, had: 3 }]);
        assert_eq!(believed.due(), Some(now + HOLD));
        // It goes on, and is something else that is as suspicious.
        assert_eq!(believed.answered(&services(&["b"]), now + HOLD / 2), []);
        assert_eq!((names(&believed).len(), believed.due()), (3, Some(now + HOLD)));
        assert_eq!(believed.tick(), [News::Changed]);
        assert_eq!((names(&believed), believed.due()), (vec!["b".to_owned()], None));

        believed.answered(&services(&[]), now);
        assert_eq!(believed.answered(&services(&["b"]), now), [News::Released]);
        assert_eq!((names(&believed), believed.due()), (vec!["b".to_owned()], None));
    }

    /// Consul itself is a service: where there is none at all, somebody else answers.
    #[test]
    fn no_catalog_is_never_believed() {
        let (mut believed, now) = (Believed::new(Vec::new(), Duration::ZERO), Instant::now());
        believed.answered(&services(&["a"]), now);
        assert_eq!(believed.answered(&BTreeMap::new(), now), [News::Held { has: 0, had: 1 }]);
        assert_eq!((names(&believed).len(), believed.due()), (1, None));
        assert_eq!(believed.answered(&services(&[]), now), [News::Released, News::Changed]);
    }

    #[test]
    fn what_is_wrong_with_one_service_is_no_business_of_others() {
        let (mut believed, now) = (Believed::new(Vec::new(), HOLD), Instant::now());
        let mut wrong = services(&["a", "b"]);
        wrong.get_mut("a").unwrap().push("sluice.nonsense=1".to_owned());
        let news = believed.answered(&wrong, now);
        assert!(
            matches!(&news[..], [News::Bad { service, is_kept: false, .. }, News::Changed] if service == "a"),
            "{news:?}"
        );
        assert_eq!(names(&believed), ["b"]);
        assert_eq!(believed.answered(&wrong, now), []);

        let good = services(&["a", "b"]);
        assert_eq!(believed.answered(&good, now), [News::Good { service: "a".to_owned() }, News::Changed]);
        // What it said before serves on.
        let news = believed.answered(&wrong, now);
        assert!(matches!(&news[..], [News::Bad { is_kept: true, .. }]), "{news:?}");
        assert_eq!(names(&believed), ["a", "b"]);
    }
}

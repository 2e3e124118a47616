//! Whose objects are, and what is expected of them.

use std::collections::{HashMap, HashSet};

use model::{Model, Place};
use revisions::{
    Document,
    edit::{self, Edit, List},
};
use snapshot::{ChangeError, Expected, Owner};

use super::objects::tag;
use crate::{Control, Main, source::Whose};

// === impl Control ===

impl Control {
    /// Whether all is still so as somebody saw it. `seen` is the latest revision, with `document`.
    pub(super) fn check_expected(
        &self,
        expected: &[Expected],
        seen: u64,
        document: &Document,
    ) -> Result<(), ChangeError> {
        for expected in expected {
            let why = match expected {
                Expected::Revision(number) => {
                    (*number != seen).then(|| format!("revision {seen} is the latest by now, not {number}"))
                }
                Expected::Object { list, name, tag } => {
                    let is = self.tag_of(*list, name, document);
                    let what = format!("{} `{name}`", list.singular());
                    match (tag, &is) {
                        (None, Some(_)) => Some(format!("there is a {what}")),
                        (Some(_), None) => Some(format!("there is no {what} any more")),
                        _ => (is != *tag).then(|| format!("the {what} is another one by now")),
                    }
                }
            };
            if let Some(why) = why {
                return Err(ChangeError::Unexpected(why));
            }
        }
        Ok(())
    }

    /// Whether whatever is edited is the API's, or nobody's yet.
    pub(super) fn check_ours(&self, edits: &[Edit], document: &Document) -> Result<(), ChangeError> {
        let mut kept: HashMap<List, HashSet<&str>> = HashMap::new();
        for edit in edits {
            let (list, name) = match edit {
                Edit::Create { list, object } => (list, edit::name_of(object)),
                Edit::Put { list, name, .. } | Edit::Patch { list, name, .. } | Edit::Delete { list, name } => {
                    (list, Some(&**name))
                }
                Edit::PatchGateway { .. } => match &self.main {
                    Main::Kept { .. } => continue,
                    Main::File(file) => {
                        let why = format!("`gateway` belongs to {}: change it there", file.display());
                        return Err(ChangeError::ReadOnly(why));
                    }
                },
                Edit::Replace { .. } => continue,
            };
            // What has no name is for the edit to refuse. What files name as well may be taken away.
            let names = || document.objects(*list).filter_map(edit::name_of).collect();
            let mut is_kept = |name: &&str| match edits.len() {
                1 => document.object(*list, name).is_some(),
                _ => kept.entry(*list).or_insert_with(names).contains(name),
            };
            let Some(name) = name.filter(|name| !is_kept(name)) else { continue };
            if let Some(owner) = self.owner(*list, name)
                && owner != Owner::Api
            {
                return Err(ChangeError::NotOurs { list: *list, name: name.to_owned(), owner });
            }
        }
        Ok(())
    }

    /// Whose object of the document that is live has this name.
    fn owner(&self, list: List, name: &str) -> Option<Owner> {
        let state = self.state();
        let place = place(&state.model, list, name)?;
        let whose = state.texts.iter().find(|text| text.written.name == place.file);
        Some(owner(whose.map_or(Whose::File, |text| text.whose), place))
    }

    fn tag_of(&self, list: List, name: &str, document: &Document) -> Option<String> {
        match document.object(list, name) {
            Some(object) => Some(tag(object)),
            None => self.object(list, name).map(|told| told.tag),
        }
    }
}

/// The owner of what stands in a place of such a part.
pub(super) fn owner(whose: Whose, place: &Place) -> Owner {
    match whose {
        Whose::Api => Owner::Api,
        Whose::File => Owner::File { place: place.to_string() },
        Whose::Catalog => Owner::Catalog { place: place.to_string() },
    }
}

fn place<'m>(model: &'m Model, list: List, name: &str) -> Option<&'m Place> {
    match list {
        List::Listeners => model.listeners.iter().find(|it| *it.name == *name).map(|it| &it.place),
        List::Upstreams => model.upstreams.iter().find(|it| *it.name == *name).map(|it| &it.place),
        List::Routes => model.routes.iter().find(|it| *it.name == *name).map(|it| &it.place),
        List::Consumers => model.consumers.iter().find(|it| *it.name == *name).map(|it| &it.place),
        List::Operators => model.operators.iter().find(|it| *it.name == *name).map(|it| &it.place),
    }
}

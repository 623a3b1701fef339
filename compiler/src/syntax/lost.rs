//! What could not be read, as later stages see it: which of their diagnostics only repeat that.

use rustc_hash::{FxHashMap, FxHashSet};

use super::ast::{File, Lost};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Places, Span};

/// What is lost in all files, by what is asked of it.
#[derive(Debug, Default)]
pub(crate) struct Consequences<'f> {
    /// The lost places.
    inside: Places,
    /// Files with a `default` that could not be read.
    unset: FxHashSet<FileId>,
    /// Where not even the name is known.
    nameless: Scopes,
    /// Where a name may mean what could not be read.
    names: FxHashMap<&'f str, Scopes>,
}

/// Where something is in scope.
#[derive(Debug, Default)]
struct Scopes {
    everywhere: bool,
    places: Places,
}

impl<'f> Consequences<'f> {
    pub(crate) fn new(files: &'f [File]) -> Consequences<'f> {
        let lost = || files.iter().flat_map(|file| &file.lost);
        let mut names: FxHashMap<&str, Vec<&Lost>> = FxHashMap::default();
        for one in lost() {
            one.names.iter().for_each(|name| names.entry(name).or_default().push(one));
        }
        let unset = lost().filter(|lost| lost.names.iter().any(|name| name == "default"));
        Consequences {
            inside: lost().map(|lost| lost.span).collect(),
            unset: unset.map(|lost| lost.span.file).collect(),
            nameless: Scopes::of(lost().filter(|lost| lost.names.is_empty())),
            names: names.into_iter().map(|(name, lost)| (name, Scopes::of(lost.into_iter()))).collect(),
        }
    }

    /// Whether a later stage's diagnostic only repeats that something could not be read.
    pub(crate) fn have(&self, diagnostic: &Diagnostic) -> bool {
        // The parser's own are never consequences.
        if diagnostic.code.starts_with("WF0") {
            return false;
        }
        // A type with an unknown part comes from another mistake.
        if ["<?", ", ?", ": ?", "(?", "found ?"].iter().any(|part| diagnostic.message.contains(part)) {
            return true;
        }
        let at = diagnostic.span;
        let unset = matches!(diagnostic.code, "WF4001" | "WF4004") && self.unset.contains(&at.file);
        // What may be done where does not depend on what a name stands for.
        let known = !diagnostic.code.starts_with("WF2");
        let unfound = diagnostic.code == "WF1001" && self.nameless.hold(at);
        self.inside.hold(at) || unset || known && (unfound || self.is_about_lost(&diagnostic.message, at))
    }

    /// Whether a message speaks of a lost name, where it is in scope: ``.. `name` ..`` or `.. in name`.
    fn is_about_lost(&self, message: &str, at: Span) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let lost = |name: &str| self.names.get(name).is_some_and(|scopes| scopes.hold(at));
        // What stands between two backticks, though they may not be a pair.
        let parts = message.split('`').count();
        let quoted = message.split('`').enumerate().filter(|(n, _)| *n > 0 && n + 1 < parts).map(|(_, part)| part);
        let last = message.rsplit_once(' ').filter(|(before, _)| before.ends_with(" in")).map(|(_, name)| name);
        quoted.chain(last).any(lost)
    }
}

impl Scopes {
    fn of<'f>(lost: impl Iterator<Item = &'f Lost>) -> Scopes {
        let mut everywhere = false;
        let places = lost.filter_map(|lost| {
            everywhere |= lost.scope.is_none();
            lost.scope
        });
        let places = places.collect();
        Scopes { everywhere, places }
    }

    fn hold(&self, at: Span) -> bool {
        self.everywhere || self.places.hold(at)
    }
}

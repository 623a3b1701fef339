//! A name that is not in sight and is declared in another module of the project.

use super::{Item, ModuleId, World};
use crate::diagnostic::{Diagnostic, Fix};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::DefKind;

/// What a name that is not in sight stands for where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Value,
    /// A value that is called with items of a list, or the like.
    Lambda,
    /// What stands before a point: a value, or a type with functions or variants.
    Path,
    /// What is called: a function, an activity, a workflow, or what makes a record or an error.
    Call,
    Type,
    Error,
    Activity,
    Workflow,
    /// What is assigned to: nothing of another module.
    Variable,
}

impl Wanted {
    /// The word of a diagnostic for it, if there is one.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Wanted::Value | Wanted::Lambda | Wanted::Path => "",
            Wanted::Call => "function",
            Wanted::Type => "type",
            Wanted::Error => "error",
            Wanted::Activity => "activity",
            Wanted::Workflow => "workflow",
            Wanted::Variable => "variable",
        }
    }
}

impl World<'_> {
    /// Says where a name is declared that cannot be seen from a module, and imports it if there is one place. `None` if
    /// nothing of the name is declared that could be meant.
    pub(crate) fn elsewhere(&self, module: ModuleId, name: &str, wanted: Wanted, d: &Diagnostic) -> Option<Diagnostic> {
        let declares = |m: &ModuleId| {
            let item = self.modules[*m].names.get(name).map(|(item, _)| *item);
            item.is_some_and(|item| self.may_be(item, wanted)) && self.declares(*m, name)
        };
        let declared: Vec<ModuleId> = (0..self.modules.len()).filter(declares).collect();
        let public: Vec<ModuleId> =
            declared.iter().copied().filter(|m| self.modules[*m].public.get(name) == Some(&true)).collect();
        match (public.as_slice(), declared.as_slice()) {
            ([], []) => None,
            ([], [private, ..]) => {
                let (path, (_, span)) = (&self.modules[*private].path, self.modules[*private].names[name]);
                let help = format!("write `pub` before it there, and here `import {path} {{ {name} }}`");
                Some(d.clone().also(span, format!("private in `{path}`")).help(help))
            }
            ([only], _) => {
                let path = &self.modules[*only].path;
                let fix = Fix {
                    title: format!("import `{name}` from `{path}`"),
                    edits: vec![self.import_edit(module, path, name)],
                    safe: true,
                };
                Some(d.clone().help(format!("import it: `import {path} {{ {name} }}`")).fix(fix))
            }
            (several, _) => {
                let ways = several.iter().map(|m| format!("`import {} {{ {name} }}`", self.modules[*m].path));
                Some(d.clone().help(format!("import one: {}", ways.collect::<Vec<_>>().join(" or "))))
            }
        }
    }

    /// `billing.hidden` of a module that is imported and has no such name, or keeps it to itself. `path` is as written.
    pub(crate) fn not_in_module(&self, module: ModuleId, path: &str, span: Span) -> Option<Diagnostic> {
        let known = &self.modules[module].modules;
        let mut ends = path.match_indices('.').map(|(at, _)| at).collect::<Vec<_>>();
        ends.reverse();
        let (end, target) = ends.into_iter().find_map(|at| Some((at, *known.get(&path[..at])?)))?;
        let name = path[end + 1..].split('.').next().unwrap_or_default();
        let start = span.start + end as u32 + 1;
        let span = Span { start, end: start + name.len() as u32, ..span };
        let target = &self.modules[target];
        if let (Some((_, declared)), Some(false)) = (target.names.get(name), target.public.get(name)) {
            let d = Diagnostic::error("WF1001", span, format!("`{name}` is private to `{}`", target.path));
            let d = d.label("cannot be seen from here").also(*declared, "declared here without `pub`");
            return Some(d.help(format!("write `pub` before the declaration of `{name}`")));
        }
        let d = Diagnostic::error("WF1001", span, format!("cannot find `{name}` in module `{}`", target.path));
        let public = || target.names.keys().copied().filter(|name| target.public.get(name) == Some(&true)).collect();
        let d = d.label("not declared there");
        Some(match self.near(name, public) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d,
        })
    }

    /// Whether an item can stand where something is wanted.
    fn may_be(&self, item: Item, wanted: Wanted) -> bool {
        let is_type = matches!(item, Item::Type(_) | Item::Alias(_));
        match wanted {
            Wanted::Value => matches!(item, Item::Const(_)),
            Wanted::Lambda => matches!(item, Item::Const(_) | Item::Fn(_)),
            Wanted::Path => matches!(item, Item::Const(_)) || is_type,
            Wanted::Call => matches!(item, Item::Fn(_) | Item::Activity(_) | Item::Workflow(_)) || is_type,
            Wanted::Type => is_type,
            Wanted::Error => matches!(item, Item::Type(id) if self.types.def(id).kind == DefKind::Error),
            Wanted::Activity => matches!(item, Item::Activity(_)),
            Wanted::Workflow => matches!(item, Item::Workflow(_)),
            Wanted::Variable => false,
        }
    }

    /// Whether a module declares a name, and did not import it.
    fn declares(&self, module: ModuleId, name: &str) -> bool {
        let Some((_, span)) = self.modules[module].names.get(name) else { return false };
        let imports = self.files[module].items.iter().filter(|item| matches!(item.decl, ast::Decl::Import { .. }));
        let mut imported = imports.filter(|item| item.span.start <= span.start && span.end <= item.span.end);
        imported.next().is_none()
    }

    /// Where and how a file names what it takes from a module.
    fn import_edit(&self, module: ModuleId, path: &str, name: &str) -> (Span, String) {
        let items = &self.files[module].items;
        let mut last = None;
        for item in items {
            let ast::Decl::Import { path: of, names, .. } = &item.decl else { continue };
            if of.text == path
                && let Some(behind) = names.last()
            {
                return (Span { start: behind.span.end, ..behind.span }, format!(", {name}"));
            }
            last = Some(item.span);
        }
        match last {
            Some(last) => (Span { start: last.end, ..last }, format!("\nimport {path} {{ {name} }}")),
            None => {
                let first = items.first().map_or(0, |item| item.span.start);
                let file = crate::source::FileId(module as u16);
                (Span { file, start: first, end: first }, format!("import {path} {{ {name} }}\n\n"))
            }
        }
    }
}

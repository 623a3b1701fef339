//! Names on the wire, and what is deprecated: what annotations of declarations say.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use weft_bytecode::verify::STORED_NAME_BYTES_MAX;

use super::{Item, ModuleId, WorkflowItem, World};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{self, Annotation};
use crate::types::{VariantDef, Wire};

impl<'a> World<'a> {
    /// The name on the wire: `@name("..")`, else the declaration's own.
    pub(crate) fn wire_name(&self, annotations: &[Annotation], name: &ast::Name) -> String {
        match self.given_name(annotations) {
            Some((given, _)) => given,
            None => {
                self.require_storable(&name.text, name.span);
                name.text.clone()
            }
        }
    }

    /// What `@name("..")` gives, and where.
    fn given_name(&self, annotations: &[Annotation]) -> Option<(String, Span)> {
        let annotation = annotations.iter().find(|a| a.name.text == "name")?;
        if let Some(text) = text_of(annotation).filter(|text| !text.is_empty()) {
            self.require_storable(text, annotation.span);
            return Some((text.to_owned(), annotation.span));
        }
        self.report(
            Diagnostic::error("WF1002", annotation.span, "`@name` takes one plain string")
                .label("expected a name")
                .help("`@name(\"old_name\")` keeps the name that open runs and clients know"),
        );
        None
    }

    /// WF1022.
    fn require_storable(&self, name: &str, span: Span) {
        let long = name.len() > STORED_NAME_BYTES_MAX;
        if !long && !name.chars().any(char::is_control) {
            return;
        }
        let label = match long {
            true => format!("{} bytes, {STORED_NAME_BYTES_MAX} are allowed", name.len()),
            false => "a control character is in it".to_owned(),
        };
        self.report(
            Diagnostic::error("WF1022", span, "this cannot be a name on the wire")
                .label(label)
                .why("databases keep such names, and look for them")
                .help("choose a shorter name of printable characters"),
        );
    }

    /// Names on the wire of something with fields, which begin with those of `head`.
    pub(super) fn wire(&self, annotations: &[Annotation], params: &[ast::Param], head: &[&str]) -> Wire {
        let name = self.given_name(annotations).map(|(name, _)| name.as_str().into());
        if params.iter().all(|p| p.annotations.is_empty()) {
            return Wire { name, fields: Vec::new() };
        }
        let mut fields: Vec<Rc<str>> = head.iter().map(|name| (*name).into()).collect();
        let mut declared = FxHashSet::default();
        let mut taken: FxHashSet<String> = head.iter().map(|name| (*name).to_owned()).collect();
        for param in params.iter().filter(|p| !p.name.text.is_empty()) {
            if !declared.insert(&param.name.text) {
                continue;
            }
            let own = || (param.name.text.clone(), param.name.span);
            let (name, span) = self.given_name(&param.annotations).unwrap_or_else(own);
            if !taken.insert(name.clone()) {
                self.report(equal(&name, span, "fields"));
            }
            fields.push(name.as_str().into());
        }
        Wire { name, fields }
    }

    /// Variants are told apart by their names on the wire.
    pub(super) fn refuse_equal_variants(&self, written: &[ast::VariantDecl], variants: &[VariantDef]) {
        let mut seen = FxHashSet::default();
        for variant in variants {
            let name = variant.wire.own(&variant.name);
            if seen.insert(name) {
                continue;
            }
            if let Some(at) = written.iter().find(|w| *w.name.text == *variant.name) {
                self.report(equal(name, at.name.span, "variants"));
            }
        }
    }

    /// Members of a workflow are told apart by their names on the wire, those of a kind among each other.
    pub(crate) fn refuse_equal_members(&self, members: &[(String, Span)], what: &str) {
        let mut seen = FxHashSet::default();
        for (name, span) in members {
            if !seen.insert(name) {
                self.report(equal(name, *span, what));
            }
        }
    }

    /// Remembers what is marked `@deprecated` in a file.
    pub(super) fn note_deprecated(&mut self, module: ModuleId, file: &'a ast::File) {
        for item in &file.items {
            let (Some(says), Some(name)) = (deprecation(&item.annotations), name_of(item)) else { continue };
            if let Some((found, _)) = self.modules[module].names.get(name.text.as_str()) {
                self.deprecated.insert(*found, (says, item.span));
            }
        }
    }

    /// The name of an item, where it is declared.
    pub(crate) fn home(&self, item: Item) -> Option<Span> {
        match item {
            Item::Type(id) => self.types.def(id).span,
            Item::Alias(index) => Some(self.aliases[index as usize].name.span),
            Item::Fn(index) => Some(self.functions[index as usize].decl.name.span),
            Item::Activity(index) => Some(self.activities[index as usize].name.span),
            Item::Workflow(index) => Some(self.workflows[index as usize].decl.name.span),
            Item::Const(index) => Some(self.consts[index as usize].name.span),
            Item::Refused => None,
        }
    }

    /// WF3011, where something is used that is marked `@deprecated`.
    pub(crate) fn used(&self, item: Item, span: Span) {
        if let Some(home) = self.home(item) {
            self.notes.mention(span, home);
        }
        if self.deprecated.is_empty() {
            return;
        }
        let Some((says, home)) = self.deprecated.get(&item) else { return };
        // What is deprecated may go on using itself.
        if home.file == span.file && (home.start..home.end).contains(&span.start) {
            return;
        }
        let name = self.sources[usize::from(span.file.0)].text.get(span.start as usize..span.end as usize);
        self.report(deprecated(name.unwrap_or("this"), says, span));
    }
}

impl World<'_> {
    /// WF3011, where a signal, query, update or state of another run is used that is marked `@deprecated`. The workflow itself
    /// may go on using it.
    pub(crate) fn member_used(&self, workflow: usize, name: &ast::Name) {
        if self.notes.wanted() {
            let members = self.workflows.get(workflow).map_or(&[][..], |item| &item.decl.members);
            let declared = members.iter().filter_map(ast::Member::name).find(|member| member.text == name.text);
            declared.into_iter().for_each(|declared| self.notes.mention(name.span, declared.span));
        }
        let members = self.deprecated_members.get_or_init(|| self.find_deprecated_members());
        if let Some(says) = members.get(workflow).and_then(|of_workflow| of_workflow.get(name.text.as_str())) {
            self.report(deprecated(&name.text, says, name.span));
        }
    }
}

impl<'a> World<'a> {
    /// What the members of each workflow say that are marked `@deprecated`.
    fn find_deprecated_members(&self) -> Vec<FxHashMap<&'a str, Rc<str>>> {
        let of_one = |workflow: &WorkflowItem<'a>| {
            let mut found = FxHashMap::default();
            for member in &workflow.decl.members {
                if let (Some(name), Some(says)) = (member_name(member), deprecation(&member.annotations)) {
                    found.entry(name).or_insert(says);
                }
            }
            found
        };
        self.workflows.iter().map(of_one).collect()
    }
}

fn member_name(member: &ast::Member) -> Option<&str> {
    use ast::MemberKind::*;
    match &member.kind {
        State { name, .. } | Signal { name, .. } | Query { name, .. } | Update { name, .. } => Some(&name.text),
        Missing => None,
    }
}

/// The name that an item declares.
fn name_of(item: &ast::Item) -> Option<&ast::Name> {
    use ast::Decl::*;
    match &item.decl {
        Const { name, .. }
        | Alias { name, .. }
        | Record { name, .. }
        | Error { name, .. }
        | Enum { name, .. }
        | Activity { name, .. } => Some(name),
        Fn(decl) | Flow(decl) => Some(&decl.name),
        Workflow(decl) => Some(&decl.name),
        Import { .. } | Default { .. } | Schedule { .. } | Test { .. } | Missing => None,
    }
}

/// WF3011.
pub(crate) fn deprecated(name: &str, says: &str, span: Span) -> Diagnostic {
    let d = Diagnostic::warning("WF3011", span, format!("`{name}` is deprecated")).label("not for new code");
    if says.is_empty() { d } else { d.help(says.to_owned()) }
}

/// What `@deprecated` says, if it is there.
pub(crate) fn deprecation(annotations: &[Annotation]) -> Option<Rc<str>> {
    let annotation = annotations.iter().find(|a| a.name.text == "deprecated")?;
    Some(text_of(annotation).unwrap_or("").into())
}

/// The one plain string that an annotation takes.
pub(crate) fn text_of(annotation: &Annotation) -> Option<&str> {
    let [arg] = annotation.args.as_slice() else { return None };
    match &arg.value.kind {
        ast::ExprKind::String(lit) => match lit.parts.as_slice() {
            [] => Some(""),
            [ast::StringPart::Text(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// WF1006.
fn equal(name: &str, span: Span, what: &str) -> Diagnostic {
    Diagnostic::error("WF1006", span, format!("two {what} are called `{name}` on the wire"))
        .label("second one")
        .why("clients, workers and histories would take one for the other")
        .help("give one of them another name with `@name(\"..\")`")
}

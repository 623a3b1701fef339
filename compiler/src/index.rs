//! What the names in the sources mean: for whoever looks at them, as an editor does.
//!
//! The stages note on the way what they find out anyway (`Notes`, nothing where nobody asks); [`Index`] is what is left of
//! it when the project is checked. It holds for broken sources as far as they can be read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use weft_bytecode::options::{ACTIVITY_CALL_OPTIONS, CHILD_CALL_OPTIONS};

use crate::hir;
use crate::source::{FileId, Span};
use crate::stdlib;
use crate::syntax::ast::{self, Decl, MemberKind};
use crate::types::world::World;
use crate::types::{Kind, Ty};

/// What is noted while a project is checked.
#[derive(Debug, Default)]
pub(crate) struct Notes(Option<RefCell<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    mentions: Vec<(Span, Span)>,
    locals: Vec<(Span, Ty, bool)>,
    values: Vec<(Span, Ty)>,
    receivers: Vec<(Span, Ty)>,
}

impl Notes {
    pub(crate) fn new(wanted: bool) -> Notes {
        Notes(wanted.then(RefCell::default))
    }

    /// Whether anybody asks.
    pub(crate) fn wanted(&self) -> bool {
        self.0.is_some()
    }

    /// What stands at `span` means what is declared at `home`, which is the place of its name.
    pub(crate) fn mention(&self, span: Span, home: Span) {
        self.with(|noted| noted.mentions.push((span, home)));
    }

    /// A local is declared.
    pub(crate) fn local(&self, name: Span, ty: Ty, var: bool) {
        self.with(|noted| noted.locals.push((name, ty, var)));
    }

    /// An expression has a type.
    pub(crate) fn value(&self, span: Span, ty: Ty) {
        self.with(|noted| noted.values.push((span, ty)));
    }

    /// What stands behind a point at `name` belongs to a value of a type. The name may be missing yet.
    pub(crate) fn receiver(&self, name: Span, ty: Ty) {
        self.with(|noted| noted.receivers.push((name, ty)));
    }

    fn with(&self, note: impl FnOnce(&mut Noted)) {
        if let Some(noted) = &self.0 {
            note(&mut noted.borrow_mut());
        }
    }
}

/// What something declared is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum What {
    Const,
    Alias,
    Record,
    Enum,
    Error,
    Fn,
    Flow,
    Activity,
    Workflow,
    Schedule,
    State,
    Signal,
    Query,
    Update,
    Field,
    Variant,
    Parameter,
    Variable,
}

/// Something that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name, where it is declared.
    pub name: Span,
    /// What it is.
    pub what: What,
    /// Its declaration in one line, as it is written: `fn cost(line: Line) -> Decimal`.
    pub head: String,
    /// Its doc comment; empty if it has none.
    pub doc: String,
    /// The item it is declared in, for what is seen inside of it only.
    pub inside: Option<Span>,
    /// Whether the world knows it by this name, because no `@name` says otherwise.
    pub on_wire: bool,
}

/// Options that `with { … }` of a declaration takes; none where it takes none.
pub fn options_of(what: What) -> &'static [&'static str] {
    match what {
        What::Activity => hir::options::ACTIVITY,
        What::Workflow => hir::options::WORKFLOW,
        _ => &[],
    }
}

/// Options that `with { … }` of a call takes.
pub fn call_options_of(what: What) -> &'static [&'static str] {
    match what {
        What::Activity => ACTIVITY_CALL_OPTIONS,
        What::Workflow => CHILD_CALL_OPTIONS,
        _ => &[],
    }
}

/// What can stand behind a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belonging {
    /// Its name.
    pub name: String,
    /// What it is: `-> List<Int>`, `: String`.
    pub detail: String,
    /// Whether it is called.
    pub called: bool,
}

/// What the names in a project's sources mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Everything declared, by the place of its name.
    declared: BTreeMap<(FileId, u32), Declared>,
    /// Names by file in order, each with where what it means is declared. Declarations mean themselves.
    names: BTreeMap<FileId, Vec<(Span, Span)>>,
    /// Expressions by file in order of their start, the outer first, with the name of their type by number.
    values: BTreeMap<FileId, Vec<(Span, u32)>>,
    /// Places behind a point by file in order, with a type by number.
    receivers: BTreeMap<FileId, Vec<(Span, u32)>>,
    /// Types by number: how they are written, what belongs to their values.
    types: Vec<(String, Vec<Belonging>)>,
}

impl Index {
    /// What is declared and is called by the name at a byte of a file, and the place of that name.
    pub fn at(&self, file: FileId, offset: usize) -> Option<(Span, &Declared)> {
        let names = self.names.get(&file)?;
        let before = names.partition_point(|(span, _)| span.start as usize <= offset);
        // A name ends where the cursor behind it stands.
        let (span, home) = names[..before].last().filter(|(span, _)| offset <= span.end as usize)?;
        Some((*span, self.declared.get(&(home.file, home.start))?))
    }

    /// All places where something is called by its name, its declaration among them.
    pub fn mentions(&self, of: &Declared) -> Vec<Span> {
        let all = self.names.values().flatten();
        all.filter(|(_, home)| *home == of.name).map(|(span, _)| *span).collect()
    }

    /// The type of the smallest expression around a byte, and its place.
    pub fn type_at(&self, file: FileId, offset: usize) -> Option<(Span, &str)> {
        let values = self.values.get(&file)?;
        let before = values.partition_point(|(span, _)| span.start as usize <= offset);
        let around = values[..before].iter().rev().find(|(span, _)| offset < span.end as usize);
        around.map(|(span, ty)| (*span, self.types[*ty as usize].0.as_str()))
    }

    /// What can stand behind the point whose name begins at or around a byte; `None` if there is no point, or nothing is
    /// known of what is before it.
    pub fn belongings(&self, file: FileId, offset: usize) -> Option<&[Belonging]> {
        let receivers = self.receivers.get(&file)?;
        let before = receivers.partition_point(|(span, _)| span.start as usize <= offset);
        let (_, ty) = receivers[..before].last().filter(|(span, _)| offset <= span.end as usize)?;
        Some(&self.types[*ty as usize].1)
    }

    /// The names of a file in order, with what each means.
    pub fn names_of(&self, file: FileId) -> impl Iterator<Item = (Span, &Declared)> {
        let names = self.names.get(&file).into_iter().flatten();
        names.filter_map(|(span, home)| Some((*span, self.declared.get(&(home.file, home.start))?)))
    }

    /// Everything declared, by file and place.
    pub fn declared(&self) -> impl Iterator<Item = &Declared> {
        self.declared.values()
    }

    pub(crate) fn of(world: &World<'_>) -> Index {
        let Some(noted) = &world.notes.0 else { return Index::default() };
        let noted = noted.take();
        let mut index = Index::default();
        for file in world.files {
            file.items.iter().for_each(|item| index.declare(item, world));
        }
        for (name, ty, var) in noted.locals {
            let words = if var { "var" } else { "let" };
            let text = text(world, name);
            let key = (name.file, name.start);
            match index.declared.get_mut(&key) {
                // A parameter, which says its type itself.
                Some(_) => {}
                None => {
                    let head = match world.types.kind(ty) {
                        Kind::Unknown => format!("{words} {text}"),
                        _ => format!("{words} {text}: {}", world.types.name(ty)),
                    };
                    let inside = item_around(world, name);
                    let (what, doc, on_wire) = (What::Variable, String::new(), false);
                    let declared = Declared { name, what, head, doc, inside, on_wire };
                    index.declared.insert(key, declared);
                }
            }
        }
        let mut names: Vec<(Span, Span)> =
            index.declared.values().map(|declared| (declared.name, declared.name)).collect();
        for (span, home) in noted.mentions {
            let (span, name) = (last_name(world, span), text(world, home));
            // What is built in has no place of its own.
            if text(world, span) == name && index.declared.contains_key(&(home.file, home.start)) {
                names.push((span, home));
            }
        }
        names.sort_unstable_by_key(|(span, home)| (span.file, span.start, span.end, home.file, home.start));
        names.dedup();
        for (span, home) in names {
            index.names.entry(span.file).or_default().push((span, home));
        }
        let mut numbers: FxHashMap<Ty, u32> = FxHashMap::default();
        let mut number = |ty: Ty, types: &mut Vec<(String, Vec<Belonging>)>| {
            *numbers.entry(ty).or_insert_with(|| {
                types.push((world.types.name(ty), belongings(world, ty)));
                types.len() as u32 - 1
            })
        };
        let known = |(_, ty): &(Span, Ty)| *ty != Ty::UNKNOWN;
        for (span, ty) in noted.values.into_iter().filter(known) {
            let ty = number(ty, &mut index.types);
            index.values.entry(span.file).or_default().push((span, ty));
        }
        for (span, ty) in noted.receivers.into_iter().filter(known) {
            let ty = number(ty, &mut index.types);
            index.receivers.entry(span.file).or_default().push((span, ty));
        }
        index.values.values_mut().for_each(|all| all.sort_by_key(|(span, _)| (span.start, u32::MAX - span.end)));
        index.receivers.values_mut().for_each(|all| all.sort_by_key(|(span, _)| (span.start, span.end)));
        index
    }

    fn declare(&mut self, item: &ast::Item, world: &World<'_>) {
        let (inside, whole) = (None, Some(item.span));
        let head = |word: &str, name: &ast::Name, end: u32| {
            let span = Span { end: end.max(name.span.end), ..name.span };
            one_line(&format!("{word} {}", text(world, span)))
        };
        match &item.decl {
            Decl::Const { name, ty, .. } => {
                let end = ty.as_ref().map_or(name.span.end, |ty| ty.span.end);
                self.add(name, What::Const, head("const", name, end), &item.doc, inside);
            }
            Decl::Alias { name, ty, .. } => {
                self.add(name, What::Alias, head("type", name, ty.span.end), &item.doc, inside);
            }
            Decl::Record { name, fields, .. } => {
                self.add(name, What::Record, head("record", name, item.span.end), &item.doc, inside);
                self.params(fields, What::Field, inside, world);
                fields.iter().for_each(|field| self.wired(&field.name, &field.annotations));
            }
            Decl::Error { name, fields } => {
                self.add(name, What::Error, head("error", name, item.span.end), &item.doc, inside);
                self.params(fields, What::Field, inside, world);
                fields.iter().for_each(|field| self.wired(&field.name, &field.annotations));
            }
            Decl::Enum { name, variants, .. } => {
                self.add(name, What::Enum, head("enum", name, item.span.end), &item.doc, inside);
                for variant in variants {
                    let end = variant.fields.last().map_or(variant.name.span.end, |field| field.ty.span.end);
                    let close = if variant.fields.is_empty() { "" } else { ")" };
                    let head = format!("{}{close} in enum {}", head("variant", &variant.name, end), name.text);
                    self.add(&variant.name, What::Variant, head, &variant.doc, inside);
                    self.params(&variant.fields, What::Field, inside, world);
                    self.wired(&variant.name, &variant.annotations);
                }
            }
            Decl::Fn(decl) | Decl::Flow(decl) => {
                let (what, word) =
                    if matches!(item.decl, Decl::Fn(_)) { (What::Fn, "fn") } else { (What::Flow, "flow") };
                self.add(&decl.name, what, head(word, &decl.name, decl.sig.span.end), &item.doc, inside);
                self.params(&decl.sig.params, What::Parameter, whole, world);
            }
            Decl::Activity { name, sig, .. } => {
                self.add(name, What::Activity, head("activity", name, sig.span.end), &item.doc, inside);
                self.params(&sig.params, What::Parameter, inside, world);
                self.wired(name, &item.annotations);
            }
            Decl::Workflow(decl) => {
                let words = head("workflow", &decl.name, decl.sig.span.end);
                self.add(&decl.name, What::Workflow, words, &item.doc, inside);
                self.params(&decl.sig.params, What::Parameter, whole, world);
                decl.members.iter().for_each(|member| self.member(member, whole, world));
                self.wired(&decl.name, &item.annotations);
            }
            Decl::Schedule { name, .. } => {
                self.add(name, What::Schedule, head("schedule", name, name.span.end), &item.doc, inside);
            }
            Decl::Import { .. } | Decl::Default { .. } | Decl::Test { .. } | Decl::Missing => {}
        }
    }

    fn member(&mut self, member: &ast::Member, whole: Option<Span>, world: &World<'_>) {
        let head = |word: &str, name: &ast::Name, end: u32| {
            let span = Span { end: end.max(name.span.end), ..name.span };
            one_line(&format!("{word} {}", text(world, span)))
        };
        match &member.kind {
            MemberKind::State { public, indexed, name, ty, .. } => {
                let words = match (public, indexed) {
                    (true, true) => "pub indexed state",
                    (true, false) => "pub state",
                    (false, true) => "indexed state",
                    (false, false) => "state",
                };
                let end = ty.as_ref().map_or(name.span.end, |ty| ty.span.end);
                self.add(name, What::State, head(words, name, end), &member.doc, whole);
            }
            MemberKind::Signal { name, params, .. } => {
                let end = params.last().map_or(name.span.end, |param| param.ty.span.end);
                let close = if params.is_empty() { "()" } else { ")" };
                let words = format!("{}{close}", head("signal", name, end));
                self.add(name, What::Signal, words, &member.doc, whole);
                self.params(params, What::Parameter, whole, world);
            }
            MemberKind::Query { name, params, result, .. } => {
                self.add(name, What::Query, head("query", name, result.span.end), &member.doc, whole);
                self.params(params, What::Parameter, whole, world);
            }
            MemberKind::Update { name, sig, .. } => {
                self.add(name, What::Update, head("update", name, sig.span.end), &member.doc, whole);
                self.params(&sig.params, What::Parameter, whole, world);
            }
            MemberKind::Missing => {}
        }
        let seen = !matches!(&member.kind, MemberKind::State { public: false, indexed: false, .. });
        if let Some(name) = member.name().filter(|_| seen) {
            self.wired(name, &member.annotations);
        }
    }

    fn params(&mut self, params: &[ast::Param], what: What, inside: Option<Span>, world: &World<'_>) {
        for param in params {
            let span = Span { end: param.ty.span.end.max(param.name.span.end), ..param.name.span };
            self.add(&param.name, what, one_line(text(world, span)), &param.doc, inside);
        }
    }

    fn add(&mut self, name: &ast::Name, what: What, head: String, doc: &str, inside: Option<Span>) {
        if !name.text.is_empty() {
            let (doc, on_wire) = (doc.to_owned(), false);
            let declared = Declared { name: name.span, what, head, doc, inside, on_wire };
            self.declared.insert((name.span.file, name.span.start), declared);
        }
    }

    /// Says of a name that the world knows it, unless it has another one there.
    fn wired(&mut self, name: &ast::Name, annotations: &[ast::Annotation]) {
        if let Some(declared) = self.declared.get_mut(&(name.span.file, name.span.start)) {
            declared.on_wire = annotations.iter().all(|annotation| annotation.name.text != "name");
        }
    }
}

/// The item that a place is in.
fn item_around(world: &World<'_>, place: Span) -> Option<Span> {
    let items = &world.files.get(usize::from(place.file.0))?.items;
    let before = items.partition_point(|item| item.span.start <= place.start);
    items[..before].last().map(|item| item.span)
}

fn text<'w>(world: &'w World<'_>, span: Span) -> &'w str {
    let source = world.sources.get(usize::from(span.file.0));
    source.and_then(|source| source.text.get(span.start as usize..span.end as usize)).unwrap_or_default()
}

/// The name in `shop.billing.Receipt<Int>` that says what is meant.
fn last_name(world: &World<'_>, span: Span) -> Span {
    let whole = text(world, span);
    let end = whole.find(['<', '(', ' ', '\n']).unwrap_or(whole.len());
    let start = whole[..end].rfind('.').map_or(0, |at| at + 1);
    Span { start: span.start + start as u32, end: span.start + end as u32, ..span }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What belongs to the values of a type.
fn belongings(world: &World<'_>, ty: Ty) -> Vec<Belonging> {
    let types = &world.types;
    let mut all = Vec::new();
    let fields = types.fields(ty).unwrap_or_default();
    let field =
        |name: &str, ty: Ty| Belonging { name: name.into(), detail: format!(": {}", types.name(ty)), called: false };
    all.extend(fields.iter().map(|(name, ty)| field(name, *ty)));
    let kind = types.kind(ty);
    if let Kind::Run(wire) = &kind
        && let Some(workflow) = world.workflow_of_wire(wire)
    {
        for signal in world.signals_of(workflow) {
            let params = signal.params.iter().map(|p| format!("{}: {}", p.name, types.name(p.ty)));
            let detail = format!("({})", params.collect::<Vec<_>>().join(", "));
            all.push(Belonging { name: signal.name.clone(), detail, called: true });
        }
    }
    for row in stdlib::methods(&kind) {
        let params = row.params.iter().map(|p| format!("{}: {}", p.name, p.shape.name(types, row.vars)));
        let params = params.collect::<Vec<_>>().join(", ");
        let result = row.result.name(types, row.vars);
        let detail = if row.field { format!(": {result}") } else { format!("({params}) -> {result}") };
        all.push(Belonging { name: row.name.to_owned(), detail, called: !row.field });
    }
    all
}

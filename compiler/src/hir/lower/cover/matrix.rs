//! Rows of patterns, looked at column by column: which rows some value gets to, and which value gets to none.
//!
//! Rows are sorted by the form that their first pattern looks for, all at once. So a `match` over a thousand variants is
//! read a few times as a whole, and not once for each of its arms.

use rustc_hash::FxHashMap;

use super::Steps;
use crate::hir::{Pattern, PatternKind, Value};
use crate::types::{Kind, Ty, Types};

/// What a pattern looks for in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form<'p> {
    Bool(bool),
    None,
    Some,
    Variant(u16),
    Fields,
    Int(i64),
    /// Its bits.
    Float(u64),
    /// Of a string or decimal.
    Text(&'p str),
}

/// Fields of an example that are written out one by one.
const FIELDS_MAX: usize = 8;
/// Bytes of what an example says of the fields of one form; past this, only that there are some.
const TEXT_MAX: usize = 300;

/// Behind the last pattern of a row, and the last column.
const END: u32 = u32::MAX;

/// A pattern of a row, and where the one behind it is.
#[derive(Debug, Clone, Copy)]
struct Cell<'p> {
    pattern: &'p Pattern,
    always: bool,
    next: u32,
}

/// A row of patterns, and what becomes of a value that they match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    first: u32,
    /// How many of its patterns do not match everything.
    looks: u32,
    /// What it is marked by when a value gets to it.
    id: u32,
    /// Rows of one arm follow each other.
    arm: u32,
    /// Whether what matches may go on to the next arm.
    guarded: bool,
}

/// A row that looks for one form of what is in the first column.
struct Own<'p> {
    /// What is behind the first column.
    row: Row,
    pattern: &'p Pattern,
    /// How many rows that take every form stand above it.
    above: usize,
}

/// The rows that look for one form of what is in the first column.
struct Group<'p> {
    form: Form<'p>,
    /// Where the form stands among those of its type.
    place: usize,
    own: Vec<Own<'p>>,
    /// Whether the last of them takes all values of the form: nothing gets to what is below.
    closed: bool,
}

/// What rows look for in the first column.
struct Split<'p> {
    /// In the order of the forms.
    groups: Vec<Group<'p>>,
    /// The rows that take every form, which belong to each group. Only a group that is looked at has copies of them.
    rest: Vec<Row>,
    /// Forms of the type; none if there is no end of them.
    forms: Option<usize>,
}

impl Split<'_> {
    /// The first form that no group looks for.
    fn missing(&self) -> Option<usize> {
        let gap = self.groups.iter().enumerate().find(|(n, group)| group.place != *n).map(|(n, _)| n);
        let first = gap.unwrap_or(self.groups.len());
        self.forms.is_none_or(|forms| first < forms).then_some(first)
    }
}

/// What no row matches.
pub(super) struct Left {
    /// Examples, each of them surely one.
    pub(super) texts: Vec<String>,
    /// Whether the steps were not enough to find all that there may be.
    pub(super) gave_up: bool,
}

/// The patterns of one question.
pub(super) struct Matrix<'w, 'p> {
    types: &'w Types,
    steps: &'w Steps,
    cells: Vec<Cell<'p>>,
    /// The type of each column, and where the one behind it is.
    columns: Vec<(Ty, u32)>,
    /// The ids of rows that some value gets to.
    reached: Vec<bool>,
    /// Whether the steps were not enough: then every row counts as reached, and no example as found.
    gave_up: bool,
}

impl<'w, 'p> Matrix<'w, 'p> {
    /// For values of one type.
    pub(super) fn new(types: &'w Types, steps: &'w Steps, ty: Ty) -> Matrix<'w, 'p> {
        let columns = vec![(ty, END)];
        Matrix { types, steps, cells: Vec::new(), columns, reached: Vec::new(), gave_up: false }
    }

    /// A row of one pattern, behind those made before.
    pub(super) fn row(&mut self, pattern: &'p Pattern, arm: usize, guarded: bool) -> Row {
        let (first, looks) = self.cell(pattern, END);
        self.reached.push(false);
        Row { first, looks, id: self.reached.len() as u32 - 1, arm: arm as u32, guarded }
    }

    /// Whether a value gets to each of the rows, in the order in which they were made.
    pub(super) fn reached(mut self, rows: Vec<Row>) -> Vec<bool> {
        self.reach(rows, 0);
        if self.gave_up {
            self.reached.fill(true);
        }
        self.reached
    }

    /// Each form of a value of which some value gets to no row, with an example; or one example where there is no end of
    /// forms.
    pub(super) fn all_left(mut self, rows: Vec<Row>) -> Left {
        let mut texts = Vec::new();
        let ty = self.columns[0].0;
        if self.forms(ty).is_none() {
            texts.extend(self.left(rows, 0).map(|mut texts| texts.remove(0)));
        } else if rows.iter().all(|row| row.looks > 0)
            && let Some(Split { groups, rest, forms }) = self.split(&rows, ty)
        {
            let mut groups = groups.into_iter().peekable();
            for place in 0..forms.unwrap_or(0) {
                match groups.next_if(|group| group.place == place) {
                    Some(group) => texts.extend(self.left_in(&group, &rest, ty, END).map(|mut texts| texts.remove(0))),
                    None => texts.push(self.untouched(ty, place)),
                }
            }
        }
        Left { texts, gave_up: self.gave_up }
    }

    /// Marks the rows that values get to.
    fn reach(&mut self, mut rows: Vec<Row>, mut column: u32) {
        let ty = loop {
            let mut gone = 0;
            while let Some(row) = rows.get(gone).copied().filter(|row| row.looks == 0) {
                self.reached[row.id as usize] = true;
                if !row.guarded {
                    return;
                }
                // Its other alternatives have the same guard.
                gone += rows[gone..].iter().take_while(|other| other.arm == row.arm).count();
            }
            rows.drain(..gone);
            if let Some(last) = rows.iter().position(|row| row.looks == 0 && !row.guarded) {
                rows.truncate(last + 1);
            }
            while rows.last().is_some_and(|row| self.reached[row.id as usize]) {
                rows.pop();
            }
            if rows.is_empty() || self.gave_up {
                return;
            }
            if !self.take(rows.len()) {
                return;
            }
            let (ty, next) = self.columns[column as usize];
            if rows.iter().any(|row| !self.cells[row.first as usize].always) {
                break ty;
            }
            rows.iter_mut().for_each(|row| row.first = self.cells[row.first as usize].next);
            column = next;
        };
        let next = self.columns[column as usize].1;
        let Some(split) = self.split(&rows, ty) else { return };
        drop(rows);
        // First what no pattern names: after that, most rows that take every form are known to be reached.
        if split.missing().is_some() {
            self.reach(split.rest.clone(), next);
        }
        let mut rest = split.rest.as_slice();
        for group in split.groups {
            // Of rows at the end that are reached there is nothing more to find out.
            while let Some((_, before)) = rest.split_last().filter(|(last, _)| self.reached[last.id as usize]) {
                rest = before;
            }
            let (cells, columns) = (self.cells.len(), self.columns.len());
            let above = group.own.last().map_or(0, |own| own.above);
            let Some((rows, column)) = self.enter(&group, &split.rest[..rest.len().max(above)], ty, next) else {
                return;
            };
            self.reach(rows, column);
            self.cells.truncate(cells);
            self.columns.truncate(columns);
        }
    }

    /// An example that no row matches, column by column. None if there is none, or the steps are not enough to find it.
    fn left(&mut self, mut rows: Vec<Row>, mut column: u32) -> Option<Vec<String>> {
        let mut skipped = 0;
        let ty = loop {
            if rows.iter().any(|row| row.looks == 0) {
                return None;
            }
            if rows.is_empty() {
                return Some(self.anything(skipped + self.count(column)));
            }
            if !self.take(rows.len()) {
                return None;
            }
            let (ty, next) = self.columns[column as usize];
            if rows.iter().any(|row| !self.cells[row.first as usize].always) {
                break ty;
            }
            rows.iter_mut().for_each(|row| row.first = self.cells[row.first as usize].next);
            (column, skipped) = (next, skipped + 1);
        };
        let next = self.columns[column as usize].1;
        let split = self.split(&rows, ty)?;
        drop(rows);
        let missing = split.missing();
        let Split { groups, rest, forms } = split;
        // Where there is no end of forms, one that no pattern names says all: it gets to the rows that take every form.
        let groups = if forms.is_some() { groups } else { Vec::new() };
        let (before, behind) = groups.split_at(missing.unwrap_or(groups.len()).min(groups.len()));
        let mut found = before.iter().find_map(|group| self.left_in(group, &rest, ty, next));
        if let Some(missing) = missing.filter(|_| found.is_none()) {
            found = self.left(rest.clone(), next).map(|tail| {
                let first = if forms.is_some() { self.untouched(ty, missing) } else { String::from("_") };
                std::iter::once(first).chain(tail).collect()
            });
            found = found.or_else(|| behind.iter().find_map(|group| self.left_in(group, &rest, ty, next)));
        }
        found.map(|texts| self.anything(skipped).into_iter().chain(texts).collect())
    }

    /// An example of one form that no row matches, with what is in the columns behind it.
    fn left_in(&mut self, group: &Group<'p>, rest: &[Row], ty: Ty, next: u32) -> Option<Vec<String>> {
        let (cells, columns) = (self.cells.len(), self.columns.len());
        let (rows, column) = self.enter(group, rest, ty, next)?;
        let used = self.used(group);
        let found = self.left(rows, column);
        self.cells.truncate(cells);
        self.columns.truncate(columns);
        let mut texts = found?;
        let tail = texts.split_off(used.len());
        let mut fields = self.anything(self.arity(ty, group.place));
        for (index, text) in used.into_iter().zip(texts) {
            // A pattern may name more than its type has, which was said.
            if let Some(field) = fields.get_mut(usize::from(index)) {
                *field = text;
            }
        }
        Some(std::iter::once(self.text(ty, group.place, &fields)).chain(tail).collect())
    }

    /// Takes steps; false if there are not enough.
    fn take(&mut self, steps: usize) -> bool {
        self.gave_up |= !self.steps.take(steps);
        !self.gave_up
    }

    /// Sorts rows by what they look for in the first column; none if the steps are not enough.
    fn split(&mut self, rows: &[Row], ty: Ty) -> Option<Split<'p>> {
        let mut groups: Vec<Group<'p>> = Vec::new();
        let mut known: FxHashMap<Form<'p>, usize> = FxHashMap::default();
        let mut rest: Vec<Row> = Vec::new();
        let forms = self.forms(ty);
        let mut alternatives = Vec::new();
        for row in rows {
            let cell = self.cells[row.first as usize];
            let behind = Row { first: cell.next, looks: row.looks - u32::from(!cell.always), ..*row };
            if cell.always {
                rest.push(behind);
                continue;
            }
            alternatives.clear();
            split(cell.pattern, &mut alternatives);
            // The row itself was paid for.
            if !self.take(alternatives.len().saturating_sub(1)) {
                return None;
            }
            for pattern in &alternatives {
                let form = form(pattern);
                let Some((form, place)) = form.and_then(|form| Some((form, self.place(ty, form)?))) else {
                    // It does not fit its type, and that was said.
                    self.reached[row.id as usize] = true;
                    continue;
                };
                let at = *known.entry(form).or_insert_with(|| {
                    groups.push(Group { form, place, own: Vec::new(), closed: false });
                    groups.len() - 1
                });
                let group = &mut groups[at];
                if !group.closed {
                    group.own.push(Own { row: behind, pattern, above: rest.len() });
                    group.closed = behind.looks == 0 && !behind.guarded && looks_only_for_form(pattern);
                }
            }
        }
        if forms.is_some() {
            groups.sort_by_key(|group| group.place);
        } else {
            (0..).zip(&mut groups).for_each(|(n, group)| group.place = n);
        }
        Some(Split { groups, rest, forms })
    }

    /// The fields that a pattern of the group looks at, in order.
    fn used(&self, group: &Group<'p>) -> Vec<u16> {
        let mut used = Vec::new();
        for own in &group.own {
            parts(own.pattern, |index, part| {
                if !always(part) {
                    used.push(index);
                }
            });
        }
        used.sort_unstable();
        used.dedup();
        used
    }

    /// The rows of a group, among them those that take every form, with what they look at inside the form in front; and
    /// the first of their columns. None if the steps are not enough: nothing is copied that was not paid for.
    fn enter(&mut self, group: &Group<'p>, rest: &[Row], ty: Ty, next: u32) -> Option<(Vec<Row>, u32)> {
        let above = group.own.last().map_or(0, |own| own.above);
        let rest = if group.closed { &rest[..above] } else { rest };
        let count = group.own.len() + rest.len();
        let fields: usize = group.own.iter().map(|own| part_count(own.pattern)).sum();
        if !self.take(count + fields) {
            return None;
        }
        let used = self.used(group);
        if !self.take(used.len() * count) {
            return None;
        }
        let mut column = next;
        for index in used.iter().rev() {
            self.columns.push((self.field(ty, group.form, *index), column));
            column = self.columns.len() as u32 - 1;
        }
        let mut rows = Vec::with_capacity(count);
        let mut slots: Vec<&'p Pattern> = Vec::new();
        let mut copied = 0;
        for own in &group.own {
            for row in &rest[copied..own.above] {
                rows.push(self.in_front(*row, std::iter::repeat_n(&WILD, used.len())));
            }
            copied = own.above;
            slots.clear();
            slots.resize(used.len(), &WILD);
            parts(own.pattern, |index, part| {
                if let Ok(at) = used.binary_search(&index) {
                    slots[at] = part;
                }
            });
            rows.push(self.in_front(own.row, slots.iter().rev().copied()));
        }
        for row in &rest[copied..] {
            rows.push(self.in_front(*row, std::iter::repeat_n(&WILD, used.len())));
        }
        Some((rows, column))
    }

    /// A row with patterns in front, the last of them first.
    fn in_front(&mut self, mut row: Row, patterns: impl Iterator<Item = &'p Pattern>) -> Row {
        for pattern in patterns {
            let (first, looks) = self.cell(pattern, row.first);
            (row.first, row.looks) = (first, row.looks + looks);
        }
        row
    }

    /// Puts a pattern in front of others; and whether it looks at its value.
    fn cell(&mut self, pattern: &'p Pattern, next: u32) -> (u32, u32) {
        let always = always(pattern);
        self.cells.push(Cell { pattern, always, next });
        (self.cells.len() as u32 - 1, u32::from(!always))
    }

    fn anything(&self, columns: usize) -> Vec<String> {
        vec![String::from("_"); columns]
    }

    /// Columns from one on.
    fn count(&self, column: u32) -> usize {
        std::iter::successors(self.columns.get(column as usize), |(_, next)| self.columns.get(*next as usize)).count()
    }

    // ---- the forms of a type

    /// How many forms a value of the type can have, if they are few.
    fn forms(&self, ty: Ty) -> Option<usize> {
        Some(match self.types.kind(ty) {
            Kind::Bool | Kind::Option(_) | Kind::Result(_) => 2,
            // One that is declared later is taken by what takes everything, and by nothing else.
            Kind::Enum(id) => {
                let open = self.types.def(self.types.origin(id)).open;
                self.types.def(id).variants.len() + usize::from(open)
            }
            Kind::Tuple(_) | Kind::Record(_) | Kind::Shape(_) => 1,
            _ => return None,
        })
    }

    /// Where a form stands among those of a type; none if it is no form of it.
    fn place(&self, ty: Ty, form: Form<'p>) -> Option<usize> {
        match (self.types.kind(ty), form) {
            (Kind::Bool, Form::Bool(yes)) => Some(usize::from(!yes)),
            (Kind::Option(_), Form::None) => Some(0),
            (Kind::Option(_), Form::Some) => Some(1),
            (Kind::Enum(_) | Kind::Result(_), Form::Variant(index)) => Some(usize::from(index)),
            (Kind::Tuple(_) | Kind::Record(_) | Kind::Shape(_), Form::Fields) => Some(0),
            (_, Form::Int(_) | Form::Float(_) | Form::Text(_)) if self.forms(ty).is_none() => Some(0),
            _ => None,
        }
    }

    /// The type of a field of a form.
    fn field(&self, ty: Ty, form: Form<'p>, index: u16) -> Ty {
        let at = usize::from(index);
        let found = match (self.types.kind(ty), form) {
            (Kind::Option(inner), _) => Some(inner),
            (Kind::Result(item), Form::Variant(0)) => Some(item),
            (Kind::Result(_), _) => Some(Ty::FAILURE),
            (Kind::Enum(id), Form::Variant(variant)) => {
                let def = self.types.def(id);
                def.variants.get(usize::from(variant)).and_then(|v| v.fields.get(at)).map(|field| field.ty)
            }
            (Kind::Record(id), _) => self.types.def(id).fields.get(at).map(|field| field.ty),
            (Kind::Tuple(items), _) => items.get(at).copied(),
            (Kind::Shape(fields), _) => fields.get(at).map(|field| field.1),
            _ => None,
        };
        found.unwrap_or(Ty::UNKNOWN)
    }

    /// Fields of a form.
    fn arity(&self, ty: Ty, place: usize) -> usize {
        match self.types.kind(ty) {
            Kind::Option(_) => place,
            Kind::Result(_) => 1,
            Kind::Enum(id) => self.types.def(id).variants.get(place).map_or(0, |variant| variant.fields.len()),
            Kind::Record(id) => self.types.def(id).fields.len(),
            Kind::Tuple(items) => items.len(),
            Kind::Shape(fields) => fields.len(),
            _ => 0,
        }
    }

    /// A form in words, of which no pattern looks at anything.
    fn untouched(&self, ty: Ty, place: usize) -> String {
        self.text(ty, place, &self.anything(self.arity(ty, place)))
    }

    fn text(&self, ty: Ty, place: usize, fields: &[String]) -> String {
        let name = match self.types.kind(ty) {
            Kind::Bool => String::from(if place == 0 { "true" } else { "false" }),
            Kind::Option(_) if place == 0 => String::from("none"),
            Kind::Option(_) => {
                return match fields {
                    [one] if one == "_" => String::from("value"),
                    _ => fields_in_words(fields),
                };
            }
            Kind::Result(_) => String::from(if place == 0 { "Ok" } else { "Failed" }),
            Kind::Enum(id) => {
                self.types.def(id).variants.get(place).map_or_else(|| String::from("_"), |v| v.name.to_string())
            }
            Kind::Record(id) => self.types.def(self.types.origin(id)).name.to_string(),
            Kind::Shape(_) => return String::from("{ .. }"),
            _ => String::new(),
        };
        if fields.is_empty() { name } else { format!("{name}({})", fields_in_words(fields)) }
    }
}

/// Stands for a field that no pattern looks at.
static WILD: Pattern = Pattern {
    kind: PatternKind::Wildcard,
    ty: Ty::UNKNOWN,
    span: crate::source::Span { file: crate::source::FileId(0), start: 0, end: 0 },
};

/// Whether a pattern matches whatever it sees.
pub(super) fn always(pattern: &Pattern) -> bool {
    match &pattern.kind {
        PatternKind::Wildcard | PatternKind::Bind(_) => true,
        PatternKind::As(inner, _) => always(inner),
        PatternKind::Or(alternatives) => alternatives.iter().any(always),
        PatternKind::Fields(fields) => fields.iter().all(|(_, p)| always(p)),
        PatternKind::Value(_) | PatternKind::None | PatternKind::Some(_) | PatternKind::Variant(..) => false,
    }
}

/// The alternatives of a pattern that stand at its top.
pub(super) fn split<'p>(pattern: &'p Pattern, out: &mut Vec<&'p Pattern>) {
    match &pattern.kind {
        PatternKind::Or(alternatives) => alternatives.iter().for_each(|p| split(p, out)),
        PatternKind::As(inner, _) => split(inner, out),
        _ => out.push(pattern),
    }
}

/// What a pattern looks for that is no alternative; nothing if it takes everything or cannot be one.
pub(super) fn form(pattern: &Pattern) -> Option<Form<'_>> {
    Some(match &pattern.kind {
        PatternKind::Value(value) => match value {
            Value::Bool(yes) => Form::Bool(*yes),
            Value::Int(n) | Value::Duration(n) => Form::Int(*n),
            // The two zeros are equal.
            Value::Float(x) => Form::Float(if *x == 0.0 { 0 } else { x.to_bits() }),
            Value::String(text) | Value::Decimal(text) => Form::Text(text),
            _ => return None,
        },
        PatternKind::None => Form::None,
        PatternKind::Some(_) => Form::Some,
        PatternKind::Variant(index, _) => Form::Variant(*index),
        PatternKind::Fields(_) => Form::Fields,
        PatternKind::Wildcard | PatternKind::Bind(_) | PatternKind::Or(_) | PatternKind::As(..) => return None,
    })
}

/// Fields with commas between them. Where they are many, those side by side of which nothing is known are told as `..`.
fn fields_in_words(fields: &[String]) -> String {
    let short = match fields.len() {
        ..=FIELDS_MAX => fields.join(", "),
        _ => {
            let runs = fields.chunk_by(|one, next| one == "_" && next == "_");
            let words = runs.map(|run| if run.len() > 1 { ".." } else { run[0].as_str() });
            words.collect::<Vec<_>>().join(", ")
        }
    };
    if short.len() > TEXT_MAX { String::from("..") } else { short }
}

/// Whether a pattern that is no alternative takes all values of its form.
fn looks_only_for_form(pattern: &Pattern) -> bool {
    let mut only = true;
    parts(pattern, |_, part| only = only && always(part));
    only
}

/// Parts of a pattern that is no alternative.
fn part_count(pattern: &Pattern) -> usize {
    match &pattern.kind {
        PatternKind::Some(_) => 1,
        PatternKind::Variant(_, fields) => fields.len(),
        PatternKind::Fields(fields) => fields.len(),
        _ => 0,
    }
}

/// The parts of a pattern that is no alternative.
pub(super) fn parts<'p>(pattern: &'p Pattern, mut each: impl FnMut(u16, &'p Pattern)) {
    match &pattern.kind {
        PatternKind::Some(inner) => each(0, inner),
        PatternKind::Variant(_, fields) => (0..).zip(fields).for_each(|(n, field)| each(n, field)),
        PatternKind::Fields(fields) => fields.iter().for_each(|(n, field)| each(*n, field)),
        _ => {}
    }
}

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

/// The rows that look for one form of what is in the first column.
struct Group<'p> {
    form: Form<'p>,
    /// Where the form stands among those of its type.
    place: usize,
    /// With the pattern that looks for it; none where the row takes every form.
    rows: Vec<(Row, Option<&'p Pattern>)>,
    /// How many of the rows that take every form are among them.
    taken: usize,
}

/// What rows look for in the first column.
struct Split<'p> {
    /// In the order of the forms.
    groups: Vec<Group<'p>>,
    /// The rows that take every form.
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

/// The patterns of one question.
pub(super) struct Matrix<'w, 'p> {
    types: &'w Types,
    steps: &'w Steps,
    cells: Vec<Cell<'p>>,
    /// The type of each column, and where the one behind it is.
    columns: Vec<(Ty, u32)>,
    /// The ids of rows that some value gets to.
    reached: Vec<bool>,
    /// Whether the steps were not enough: then every row counts as reached.
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
    pub(super) fn all_left(&mut self, rows: Vec<Row>) -> Vec<String> {
        let ty = self.columns[0].0;
        let Some(forms) = self.forms(ty) else {
            return self.left(rows, 0).map(|mut texts| texts.remove(0)).into_iter().collect();
        };
        if rows.iter().any(|row| row.looks == 0) {
            return Vec::new();
        }
        let split = self.split(&rows, ty);
        let mut groups = split.groups.into_iter().peekable();
        let mut found = Vec::new();
        for place in 0..forms {
            match groups.next_if(|group| group.place == place) {
                Some(group) => found.extend(self.left_in(&group, ty, END).map(|mut texts| texts.remove(0))),
                None => found.push(self.untouched(ty, place)),
            }
        }
        found
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
            if !self.steps.take(rows.len()) {
                self.gave_up = true;
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
        let mut split = self.split(&rows, ty);
        // First what no pattern names: after that, most rows that take every form are known to be reached.
        if split.missing().is_some() {
            self.reach(std::mem::take(&mut split.rest), next);
        }
        for group in split.groups {
            let (cells, columns) = (self.cells.len(), self.columns.len());
            let (rows, column) = self.enter(&group, ty, next);
            self.reach(rows, column);
            self.cells.truncate(cells);
            self.columns.truncate(columns);
        }
    }

    /// An example that no row matches, column by column.
    fn left(&mut self, mut rows: Vec<Row>, mut column: u32) -> Option<Vec<String>> {
        let mut skipped = 0;
        let ty = loop {
            if rows.iter().any(|row| row.looks == 0) {
                return None;
            }
            if rows.is_empty() || !self.steps.take(rows.len()) {
                return Some(self.anything(skipped + self.count(column)));
            }
            let (ty, next) = self.columns[column as usize];
            if rows.iter().any(|row| !self.cells[row.first as usize].always) {
                break ty;
            }
            rows.iter_mut().for_each(|row| row.first = self.cells[row.first as usize].next);
            (column, skipped) = (next, skipped + 1);
        };
        let next = self.columns[column as usize].1;
        let mut split = self.split(&rows, ty);
        let missing = split.missing();
        let finite = split.forms.is_some();
        let (mut before, behind) = (std::mem::take(&mut split.groups), missing.map(|_| Vec::new()));
        let mut behind = behind.unwrap_or_default();
        if let Some(missing) = missing {
            behind = before.split_off(missing.min(before.len()));
        }
        // Where there is no end of forms, one that no pattern names says all: it gets to the rows that take every form.
        let groups = |groups: Vec<Group<'p>>| groups.into_iter().filter(move |_| finite);
        let mut found = groups(before).find_map(|group| self.left_in(&group, ty, next));
        if let Some(missing) = missing.filter(|_| found.is_none()) {
            found = self.left(std::mem::take(&mut split.rest), next).map(|tail| {
                let first = if finite { self.untouched(ty, missing) } else { String::from("_") };
                std::iter::once(first).chain(tail).collect()
            });
            found = found.or_else(|| groups(behind).find_map(|group| self.left_in(&group, ty, next)));
        }
        found.map(|texts| self.anything(skipped).into_iter().chain(texts).collect())
    }

    /// An example of one form that no row matches, with what is in the columns behind it.
    fn left_in(&mut self, group: &Group<'p>, ty: Ty, next: u32) -> Option<Vec<String>> {
        let (cells, columns) = (self.cells.len(), self.columns.len());
        let used = self.used(group);
        let (rows, column) = self.enter(group, ty, next);
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

    /// Sorts rows by what they look for in the first column.
    fn split(&mut self, rows: &[Row], ty: Ty) -> Split<'p> {
        let mut groups: Vec<Group<'p>> = Vec::new();
        let mut known: FxHashMap<Form<'p>, usize> = FxHashMap::default();
        let mut wild: Vec<Row> = Vec::new();
        let forms = self.forms(ty);
        let mut alternatives = Vec::new();
        for row in rows {
            let cell = self.cells[row.first as usize];
            let behind = Row { first: cell.next, looks: row.looks - u32::from(!cell.always), ..*row };
            if cell.always {
                wild.push(behind);
                continue;
            }
            alternatives.clear();
            split(cell.pattern, &mut alternatives);
            for pattern in &alternatives {
                let form = form(pattern);
                let Some((form, place)) = form.and_then(|form| Some((form, self.place(ty, form)?))) else {
                    // It does not fit its type, and that was said.
                    self.reached[row.id as usize] = true;
                    continue;
                };
                let at = *known.entry(form).or_insert_with(|| {
                    groups.push(Group { form, place, rows: Vec::new(), taken: 0 });
                    groups.len() - 1
                });
                let group = &mut groups[at];
                group.rows.extend(wild[group.taken..].iter().map(|row| (*row, None)));
                group.taken = wild.len();
                group.rows.push((behind, Some(*pattern)));
            }
        }
        for group in &mut groups {
            group.rows.extend(wild[group.taken..].iter().map(|row| (*row, None)));
        }
        if forms.is_some() {
            groups.sort_by_key(|group| group.place);
        } else {
            (0..).zip(&mut groups).for_each(|(n, group)| group.place = n);
        }
        Split { groups, rest: wild, forms }
    }

    /// The fields that a pattern of the group looks at, in order.
    fn used(&self, group: &Group<'p>) -> Vec<u16> {
        let mut used = Vec::new();
        for pattern in group.rows.iter().filter_map(|(_, pattern)| *pattern) {
            parts(pattern, |index, part| {
                if !always(part) {
                    used.push(index);
                }
            });
        }
        used.sort_unstable();
        used.dedup();
        used
    }

    /// The rows of a group with what they look at inside the form in front; and the first of their columns.
    fn enter(&mut self, group: &Group<'p>, ty: Ty, next: u32) -> (Vec<Row>, u32) {
        let used = self.used(group);
        let mut column = next;
        for index in used.iter().rev() {
            self.columns.push((self.field(ty, group.form, *index), column));
            column = self.columns.len() as u32 - 1;
        }
        let mut rows = Vec::with_capacity(group.rows.len());
        let mut slots: Vec<&'p Pattern> = Vec::new();
        for (row, pattern) in &group.rows {
            slots.clear();
            slots.resize(used.len(), &WILD);
            if let Some(pattern) = pattern {
                parts(pattern, |index, part| {
                    if let Ok(at) = used.binary_search(&index) {
                        slots[at] = part;
                    }
                });
            }
            let mut row = *row;
            for pattern in slots.iter().rev() {
                let (first, looks) = self.cell(pattern, row.first);
                (row.first, row.looks) = (first, row.looks + looks);
            }
            rows.push(row);
        }
        // What is too much ends where the rows are looked at.
        self.steps.take(used.len() * rows.len());
        (rows, column)
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
                    _ => fields.join(", "),
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
        if fields.is_empty() { name } else { format!("{name}({})", fields.join(", ")) }
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

/// The parts of a pattern that is no alternative.
fn parts<'p>(pattern: &'p Pattern, mut each: impl FnMut(u16, &'p Pattern)) {
    match &pattern.kind {
        PatternKind::Some(inner) => each(0, inner),
        PatternKind::Variant(_, fields) => (0..).zip(fields).for_each(|(n, field)| each(n, field)),
        PatternKind::Fields(fields) => fields.iter().for_each(|(n, field)| each(*n, field)),
        _ => {}
    }
}

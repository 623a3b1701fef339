//! Filters as conditions of a statement, for the two databases that speak SQL. Each test is true or false, never unknown:
//! what is missing is looked for first.

use crate::filter::{Field, Filter, Is, Key, Op, Test, search};

/// What the databases write differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A condition in the making: its text and what is bound to its places.
#[derive(Debug)]
pub(super) struct Condition {
    dialect: Dialect,
    pub(super) sql: String,
    pub(super) binds: Vec<Key>,
    /// Places that the statement has bound before.
    before: usize,
}

impl Condition {
    /// A condition behind a statement with `before` places.
    pub(super) fn of(filter: &Filter, dialect: Dialect, before: usize) -> Condition {
        let mut condition = Condition { dialect, sql: String::new(), binds: Vec::new(), before };
        condition.filter(filter);
        condition
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(all) if all.is_empty() => self.sql.push_str("1 = 1"),
            Filter::Any(any) if any.is_empty() => self.sql.push_str("1 = 0"),
            Filter::All(all) => self.joined(all, " and "),
            Filter::Any(any) => self.joined(any, " or "),
            Filter::Not(inner) => {
                self.sql.push_str("not (");
                self.filter(inner);
                self.sql.push(')');
            }
            Filter::Test(test) => self.test(test),
        }
    }

    fn joined(&mut self, filters: &[Filter], between: &str) {
        self.sql.push('(');
        for (at, filter) in filters.iter().enumerate() {
            if at > 0 {
                self.sql.push_str(between);
            }
            self.filter(filter);
        }
        self.sql.push(')');
    }

    fn test(&mut self, Test { field, is }: &Test) {
        let column = match field {
            Field::Workflow => "workflow",
            Field::WorkflowId => "workflow_id",
            Field::RunId => "run",
            Field::Status => "status",
            // A closed run is not parked.
            Field::Stuck => "0",
            Field::Started => "started",
            Field::Closed => "closed",
            Field::Duration => "(closed - started)",
            Field::Events | Field::Parent | Field::Attribute(..) => return self.searched(field, is),
        };
        match is {
            Is::Null => self.sql.push_str("1 = 0"),
            Is::NotNull => self.sql.push_str("1 = 1"),
            _ => self.compare(column, is),
        }
    }

    /// A test of a value of the search document.
    fn searched(&mut self, field: &Field, is: &Is) {
        let place = search::place(field).unwrap_or_default();
        let list = matches!(field, Field::Attribute(_, kind) if kind.is_list());
        let (value, is_there) = match self.dialect {
            Dialect::Sqlite => {
                let at = self.bind(Key::Text(format!("$.\"{place}\"")));
                (format!("json_extract(search, {at})"), format!("json_type(search, {at}) is not null"))
            }
            Dialect::Postgres => {
                let at = self.bind(Key::Text(place));
                let there = format!("(search::json -> {at}) is not null");
                // The collation goes last, so that it is that of the comparison.
                (format!("(search::json ->> {at}) collate \"C\""), there)
            }
        };
        match is {
            Is::Null => self.sql.push_str(&format!("not ({is_there})")),
            Is::NotNull => self.sql.push_str(&is_there),
            _ if list => self.any_element(&is_there, is),
            _ => {
                self.sql.push_str(&format!("({is_there} and "));
                self.compare(&value, is);
                self.sql.push(')');
            }
        }
    }

    /// A test of a list: whether an element passes, or that none does.
    fn any_element(&mut self, is_there: &str, is: &Is) {
        let (negated, each) = match is {
            Is::Compare(Op::Unequal, key) => (true, Is::Compare(Op::Equal, key.clone())),
            Is::NotIn(keys) => (true, Is::In(keys.clone())),
            Is::NotStartsWith(prefix) => (true, Is::StartsWith(prefix.clone())),
            other => (false, other.clone()),
        };
        // The place was bound last.
        let at = self.place(self.binds.len());
        let (from, value) = match self.dialect {
            Dialect::Sqlite => (format!("json_each(search, {at})"), "value"),
            Dialect::Postgres => {
                (format!("json_array_elements_text(search::json -> {at}) element"), "element collate \"C\"")
            }
        };
        let not = if negated { "not " } else { "" };
        self.sql.push_str(&format!("({is_there} and {not}exists (select 1 from {from} where "));
        self.compare(value, &each);
        self.sql.push_str("))");
    }

    /// A test of an expression that has a value.
    fn compare(&mut self, value: &str, is: &Is) {
        match is {
            Is::Null => self.sql.push_str("1 = 0"),
            Is::NotNull => self.sql.push_str("1 = 1"),
            Is::Compare(op, key) => {
                let sign = match op {
                    Op::Equal => "=",
                    Op::Unequal => "<>",
                    Op::Less => "<",
                    Op::LessOrEqual => "<=",
                    Op::Greater => ">",
                    Op::GreaterOrEqual => ">=",
                };
                let at = self.bind(key.clone());
                self.sql.push_str(&format!("{value} {sign} {at}"));
            }
            Is::In(keys) | Is::NotIn(keys) => {
                let places: Vec<String> = keys.iter().map(|key| self.bind(key.clone())).collect();
                let not = if matches!(is, Is::NotIn(_)) { "not " } else { "" };
                self.sql.push_str(&format!("{value} {not}in ({})", places.join(", ")));
            }
            Is::StartsWith(prefix) | Is::NotStartsWith(prefix) => {
                let at = self.bind(Key::Text(prefix.clone()));
                let not = if matches!(is, Is::NotStartsWith(_)) { "not " } else { "" };
                // Both count characters, so that a beginning is compared with as many.
                self.sql.push_str(&match self.dialect {
                    Dialect::Sqlite => format!("{not}(substr({value}, 1, length({at})) = {at})"),
                    Dialect::Postgres => format!("{not}(left({value}, length({at})) = {at})"),
                });
            }
        }
    }

    fn bind(&mut self, key: Key) -> String {
        self.binds.push(key);
        self.place(self.binds.len())
    }

    /// The n-th place of the condition, with a type where the database has to be told.
    fn place(&self, n: usize) -> String {
        let at = self.before + n;
        match (self.dialect, &self.binds[n - 1]) {
            (Dialect::Sqlite, _) => format!("?{at}"),
            (Dialect::Postgres, Key::Int(_)) => format!("${at}::bigint"),
            (Dialect::Postgres, Key::Text(_)) => format!("${at}::text"),
        }
    }
}

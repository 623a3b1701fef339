//! Tasks for tests: a program with one activity, built by hand, since this crate cannot compile.

use std::sync::Arc;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use weft_bytecode::options::{ActivityOptions, HttpTarget, OptionValue, Part, Target, Template};
use weft_bytecode::types::builtin;
use weft_bytecode::{ActivityDef, Field, Program, Span, Type, TypeId};
use weft_protocol::event::RunRef;
use weft_protocol::policy::ResolvedActivity;
use weft_protocol::{EventId, PartitionId, Payload, RunId, Timestamp, WorkflowId};

use super::ActivityTask;

/// An activity under construction.
pub(crate) struct Fixture {
    program: Program,
    params: Vec<Field>,
    def: ActivityDef,
    pub(crate) deadline: Option<Timestamp>,
}

impl Fixture {
    pub(crate) fn new(target: Target) -> Fixture {
        let program = Program {
            edition: "2026".into(),
            project: "test".into(),
            types: builtin::all(),
            constants: Vec::new(),
            functions: Vec::new(),
            activities: Vec::new(),
            workflows: Vec::new(),
            patches: Vec::new(),
            schedules: Vec::new(),
            sources: Vec::new(),
        };
        let def = ActivityDef {
            name: "act".into(),
            args: builtin::UNIT,
            result: builtin::UNIT,
            throws: Vec::new(),
            progress: None,
            options: ActivityOptions { timeout_ms: Some(30_000), ..ActivityOptions::new(target) },
            folder: String::new(),
            span: Span { file: 0, start: 0, end: 0 },
            doc: String::new(),
        };
        Fixture { program, params: Vec::new(), def, deadline: None }
    }

    /// `"POST http://host/{id}"`.
    pub(crate) fn http(target: &str) -> Fixture {
        Fixture::new(http_target(target))
    }

    /// A command line in words.
    pub(crate) fn exec(words: &[&str]) -> Fixture {
        Fixture::new(Target::Exec(words.iter().map(|word| template(word)).collect()))
    }

    pub(crate) fn ty(&mut self, ty: Type) -> TypeId {
        self.program.types.push(ty);
        TypeId(self.program.types.len() as u16 - 1)
    }

    pub(crate) fn record(&mut self, fields: &[(&str, TypeId)]) -> TypeId {
        self.ty(Type::Record { name: Some("Record".into()), fields: fields_of(fields) })
    }

    pub(crate) fn param(mut self, name: &str, ty: TypeId) -> Fixture {
        self.params.extend(fields_of(&[(name, ty)]));
        self
    }

    pub(crate) fn result(mut self, ty: TypeId) -> Fixture {
        self.def.result = ty;
        self
    }

    pub(crate) fn result_record(mut self, fields: &[(&str, TypeId)]) -> Fixture {
        self.def.result = self.record(fields);
        self
    }

    /// `throws name { own… }`.
    pub(crate) fn throws(mut self, name: &str, own: &[(&str, TypeId)]) -> Fixture {
        let mut fields = fields_of(&[("message", builtin::STRING), ("cause", builtin::OPTION_FAILURE)]);
        fields.extend(fields_of(own));
        let ty = self.ty(Type::Error { name: name.into(), fields });
        self.def.throws.push(ty);
        self
    }

    pub(crate) fn errors(mut self, errors: &[(i32, &str)]) -> Fixture {
        self.def.options.errors = errors.iter().map(|(code, name)| (*code, (*name).into())).collect();
        self
    }

    pub(crate) fn folder(mut self, folder: &str) -> Fixture {
        self.def.folder = folder.into();
        self
    }

    pub(crate) fn with_http(mut self, change: impl FnOnce(&mut HttpTarget)) -> Fixture {
        if let Target::Http(target) = &mut self.def.options.target {
            change(target);
        }
        self
    }

    pub(crate) fn task(mut self, args: &Value) -> ActivityTask {
        let params = std::mem::take(&mut self.params);
        self.def.args = self.ty(Type::Record { name: None, fields: params });
        let options = &self.def.options;
        let options = ResolvedActivity {
            timeout_ms: options.timeout_ms,
            heartbeat_ms: options.heartbeat_ms,
            ..ResolvedActivity::default()
        };
        self.program.activities.push(self.def);
        ActivityTask {
            namespace: "default".into(),
            run: RunRef { workflow_id: WorkflowId::from("order-7/ä"), run_id: RunId::new(PartitionId(1), 7) },
            workflow: "order".into(),
            scheduled: EventId(5),
            attempt: 2,
            program: Arc::new(self.program),
            activity: 0,
            args: Payload::from(args),
            options,
            deadline: self.deadline,
            progress: None,
            cancel: CancellationToken::new(),
        }
    }
}

fn fields_of(fields: &[(&str, TypeId)]) -> Vec<Field> {
    fields.iter().map(|(name, ty)| Field { name: (*name).into(), ty: *ty, default: None }).collect()
}

/// `"a{b.c}d"` as the compiler gives it.
pub(crate) fn template(text: &str) -> Template {
    let parts = text.split(['{', '}']).enumerate().filter(|(_, piece)| !piece.is_empty());
    let parts = parts.map(|(i, piece)| match i % 2 {
        0 => Part::Text(piece.into()),
        _ => Part::Hole(piece.split('.').map(String::from).collect()),
    });
    Template { parts: parts.collect() }
}

fn http_target(target: &str) -> Target {
    let (method, url) = target.split_once(' ').expect("a method and a URL");
    Target::Http(Box::new(HttpTarget {
        method: method.into(),
        url: template(url),
        body: None,
        form: None,
        query: None,
        headers: None,
        bearer: None,
    }))
}

/// A record of option values.
pub(crate) fn options(fields: &[(&str, OptionValue)]) -> OptionValue {
    OptionValue::Record(fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
}

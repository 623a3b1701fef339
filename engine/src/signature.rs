//! What a client may send to a workflow, as data: so that the command line can read `key=value` and agents can see what
//! is asked without having the source.

use weft_bytecode::types::{Field, Type, TypeId};
use weft_bytecode::wire::default_of;
use weft_bytecode::{Program, WorkflowDef};
use weft_protocol::api::{MessageSignature, ParamSignature, TextForm, WorkflowSignature};

/// The signature of a workflow of a program.
pub fn of(program: &Program, def: &WorkflowDef) -> WorkflowSignature {
    let message = |name: &str, args: TypeId, result: Option<TypeId>| MessageSignature {
        name: name.into(),
        params: params(program, program.fields(args), LEVELS_MAX),
        result: result.map(|ty| program.type_name(ty)),
    };
    WorkflowSignature {
        name: def.name.clone(),
        doc: def.doc.clone(),
        params: params(program, program.fields(def.args), LEVELS_MAX),
        result: program.type_name(def.result),
        signals: def.signals.iter().map(|s| message(&s.name, s.args, None)).collect(),
        queries: def.queries.iter().map(|q| message(&q.name, q.args, Some(q.result))).collect(),
        updates: def.updates.iter().map(|u| message(&u.name, u.args, Some(u.result))).collect(),
    }
}

/// Levels of records inside records that a signature shows; a record may hold itself.
const LEVELS_MAX: usize = 4;

fn params(program: &Program, fields: &[Field], levels: usize) -> Vec<ParamSignature> {
    let param = |field: &Field| ParamSignature {
        name: field.name.clone(),
        ty: program.type_name(field.ty),
        required: default_of(program, field).is_none(),
        form: text_form(program, field.ty),
        fields: match program.ty(field.ty) {
            Type::Record { fields, .. } if levels > 0 => params(program, fields, levels - 1),
            _ => Vec::new(),
        },
    };
    fields.iter().map(param).collect()
}

/// How the text of an argument is read; an optional as what it may hold.
fn text_form(program: &Program, ty: TypeId) -> TextForm {
    match program.ty(ty) {
        Type::Option(inner) => text_form(program, *inner),
        Type::String | Type::Bytes | Type::Duration | Type::Time | Type::Date | Type::Decimal => TextForm::Text,
        Type::Enum { variants, .. } if variants.iter().all(|v| v.fields.is_empty()) => TextForm::Text,
        _ => TextForm::Json,
    }
}

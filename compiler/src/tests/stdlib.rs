//! The table of the standard library is what its files say; `BLESS=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use weft_bytecode::op::Native;

use crate::source::FileId;
use crate::syntax::ast::{
    Annotation, Decl, ExprKind, FnDecl, Item, Number, StmtKind, StringLit, StringPart, TypeExpr, TypeKind,
};
use crate::{Severity, stdlib, syntax};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn the_table_is_what_the_files_say() {
    let path = Path::new(ROOT).join("compiler/src/stdlib/table.rs");
    let made = table();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "stdlib/*.wf says something else than compiler/src/stdlib/table.rs; BLESS=1 renews it");
}

fn table() -> String {
    let mut out = String::from(
        "//! Made from `stdlib/*.wf` by `BLESS=1 cargo test -p weft-compiler stdlib`; not edited by hand.\n\n\
         use weft_bytecode::op::Native as N;\n\nuse super::Body::{Lowered, Native};\nuse super::Shape::*;\nuse super::*;\n",
    );
    let mut modules = Vec::new();
    let mut files: Vec<_> =
        std::fs::read_dir(Path::new(ROOT).join("stdlib")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "wf")) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let (parsed, said) = syntax::parse(FileId(0), &text);
        let wrong: Vec<_> = said.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(wrong.is_empty(), "stdlib/{name}.wf: {wrong:?}");
        if name == "core" {
            assert!(
                parsed.items.iter().all(|item| matches!(&item.decl, Decl::Fn(decl) if body(decl, name) == "Lowered"))
            );
            continue;
        }
        writeln!(out, "\npub(super) const {}_ROWS: &[Row] = &[", name.to_uppercase()).unwrap();
        for item in &parsed.items {
            row(&mut out, name, item);
        }
        out.push_str("];\n");
        modules.push(name.to_owned());
    }
    out.push_str("\n/// Modules by the name before the point.\npub(super) const MODULES: &[(&str, &[Row])] = &[\n");
    for name in &modules {
        writeln!(out, "    ({:?}, {}_ROWS),", spoken(name), name.to_uppercase()).unwrap();
    }
    out.push_str("];\n");
    out
}

/// How a module is called: a built-in type's has its name.
fn spoken(module: &str) -> String {
    const TYPES: [&str; 12] =
        ["int", "float", "decimal", "string", "list", "map", "set", "json", "duration", "time", "date", "weekday"];
    match TYPES.contains(&module) {
        true => module[..1].to_uppercase() + &module[1..],
        false => module.to_owned(),
    }
}

fn row(out: &mut String, module: &str, item: &Item) {
    let Decl::Fn(decl) = &item.decl else { panic!("stdlib/{module}.wf: a declaration that is no `fn`") };
    let at = format!("stdlib/{module}.wf: {}", decl.name.text);
    assert!(item.public, "{at} is not `pub`");
    let vars: Vec<&str> = decl.generics.iter().map(|name| name.text.as_str()).collect();
    assert!(vars.len() <= stdlib::VARS_MAX, "{at}: more type variables than VARS_MAX");
    let mut params = decl.sig.params.as_slice();
    let mut me = "None".to_owned();
    if let Some((first, rest)) = params.split_first().filter(|(first, _)| first.name.text == "self") {
        me = format!("Some({})", shape(&first.ty, &vars, &at));
        params = rest;
    }
    let params: Vec<String> = params
        .iter()
        .map(|p| {
            let default =
                p.default.as_ref().map_or("None".into(), |d| format!("Some(Default::{})", default(&d.kind, &at)));
            format!("Param {{ name: {:?}, shape: {}, default: {default} }}", p.name.text, shape(&p.ty, &vars, &at))
        })
        .collect();
    let result = decl.sig.result.as_ref().map_or("UNIT".into(), |ty| shape(ty, &vars, &at));
    let (fields, needs): (Vec<_>, Vec<_>) = item.annotations.iter().partition(|a| a.name.text == "field");
    let need = needs.first().map_or("None".into(), |a| need(a, &vars, &at));
    let field = !fields.is_empty();
    writeln!(
        out,
        "    Row {{ name: {:?}, vars: &{vars:?}, me: {me}, params: &[{}], result: {result}, need: {need}, field: {field}, body: {} }},",
        decl.name.text,
        params.join(", "),
        body(decl, &at),
    )
    .unwrap();
}

fn need(annotation: &Annotation, vars: &[&str], at: &str) -> String {
    let var = match annotation.args.first().map(|arg| &arg.value.kind) {
        Some(ExprKind::Name(name)) => vars.iter().position(|var| var == name),
        _ => None,
    };
    let var = var.unwrap_or_else(|| panic!("{at}: an annotation names a type variable"));
    match annotation.name.text.as_str() {
        "ordered" => format!("Some(Need::Ordered({var}))"),
        "summable" => format!("Some(Need::Summable({var}))"),
        other => panic!("{at}: @{other} is not known"),
    }
}

fn default(kind: &ExprKind, at: &str) -> String {
    match kind {
        ExprKind::Number(Number::Int(value)) => format!("Int({value})"),
        ExprKind::String(text) => format!("Text({:?})", plain(text)),
        ExprKind::List(items) if items.is_empty() => "Empty".into(),
        other => panic!("{at}: a default is a number or text, not {other:?}"),
    }
}

fn plain(text: &StringLit) -> String {
    match text.parts.as_slice() {
        [] => String::new(),
        [StringPart::Text(text)] => text.clone(),
        _ => panic!("a plain text was expected"),
    }
}

fn body(decl: &FnDecl, at: &str) -> String {
    if let [stmt] = decl.body.stmts.as_slice()
        && let StmtKind::Expr { expr, .. } = &stmt.kind
        && let ExprKind::Call { callee, args, .. } = &expr.kind
        && let ExprKind::Name(name) = &callee.kind
    {
        match (name.as_str(), args.as_slice()) {
            ("lowered", []) => return "Lowered".into(),
            ("native", [arg]) => {
                let ExprKind::String(text) = &arg.value.kind else { panic!("{at}: the name of a native is a text") };
                let text = plain(text);
                let native = Native::ALL.iter().find(|n| n.name() == text);
                let native = native.unwrap_or_else(|| panic!("{at}: there is no native `{text}`"));
                return format!("Native(N::{native:?})");
            }
            _ => {}
        }
    }
    panic!("{at}: the body is `native(\"..\")` or `lowered()`")
}

fn shape(ty: &TypeExpr, vars: &[&str], at: &str) -> String {
    let all = |tys: &[TypeExpr]| tys.iter().map(|ty| shape(ty, vars, at)).collect::<Vec<_>>();
    match &ty.kind {
        TypeKind::Option(inner) => format!("Option(&{})", shape(inner, vars, at)),
        TypeKind::Tuple(items) => format!("Tuple(&[{}])", all(items).join(", ")),
        TypeKind::Fn { params, result } => format!("Fn(&[{}], &{})", all(params).join(", "), shape(result, vars, at)),
        TypeKind::Path { name, args } => {
            let name = name.text.as_str();
            if let Some(var) = vars.iter().position(|var| *var == name) {
                return format!("Var({var})");
            }
            match (name, all(args).as_slice()) {
                ("List" | "Set", [item]) => format!("{name}(&{item})"),
                ("Map", [key, value]) => format!("Map(&{key}, &{value})"),
                (_, []) => name.to_uppercase(),
                _ => panic!("{at}: the type {name} is not known"),
            }
        }
        other => panic!("{at}: a type of the library cannot be {other:?}"),
    }
}

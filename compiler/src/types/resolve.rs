//! Types as written → types.

use crate::diagnostic::{Diagnostic, Fix};
use crate::syntax::ast::{TypeExpr, TypeKind};
use crate::types::extent;
use crate::types::generic::{Scope, written};
use crate::types::world::{Item, ModuleId, Wanted, World};
use crate::types::{Kind, Ty};

/// Built-in types without parameters.
const PLAIN: &[(&str, Ty)] = &[
    ("Int", Ty::INT),
    ("Decimal", Ty::DECIMAL),
    ("Float", Ty::FLOAT),
    ("String", Ty::STRING),
    ("Bool", Ty::BOOL),
    ("Bytes", Ty::BYTES),
    ("Duration", Ty::DURATION),
    ("Time", Ty::TIME),
    ("Date", Ty::DATE),
    ("Json", Ty::JSON),
    ("Unit", Ty::UNIT),
    ("Failure", Ty::FAILURE),
    ("Retry", Ty::RETRY),
    ("Secret", Ty::SECRET),
];

/// Built-in types with parameters, and how many.
const GENERIC: &[(&str, usize)] = &[("List", 1), ("Map", 2), ("Set", 1), ("Result", 1), ("Run", 1), ("Task", 1)];

/// Types of other languages that have no single name here.
const FOREIGN_FORMS: &[(&str, &str)] = &[
    ("Optional", "a type that may be `none` is written `Int?`"),
    ("Option", "a type that may be `none` is written `Int?`"),
    ("Maybe", "a type that may be `none` is written `Int?`"),
    ("Nullable", "a type that may be `none` is written `Int?`"),
    ("Union", "declare an `enum`, or write `Int?` for a type that may be `none`"),
    ("Promise", "calls wait by themselves: write the type of the result alone"),
    ("Future", "calls wait by themselves: write the type of the result alone"),
    ("Awaitable", "calls wait by themselves: write the type of the result alone"),
    ("Tuple", "a tuple type is written `(Int, String)`"),
    ("tuple", "a tuple type is written `(Int, String)`"),
    ("Callable", "a function type is written `(Int) => String`"),
    ("Function", "a function type is written `(Int) => String`"),
    ("object", "declare a `record`, or take it as `Json`"),
    ("Object", "declare a `record`, or take it as `Json`"),
];

/// Names that other languages give our types.
const FOREIGN: &[(&str, &str)] = &[
    ("int", "Int"),
    ("Integer", "Int"),
    ("number", "Int"),
    ("i64", "Int"),
    ("long", "Int"),
    ("float", "Float"),
    ("double", "Float"),
    ("Double", "Float"),
    ("f64", "Float"),
    ("str", "String"),
    ("string", "String"),
    ("Str", "String"),
    ("bool", "Bool"),
    ("boolean", "Bool"),
    ("Boolean", "Bool"),
    ("void", "Unit"),
    ("None", "Unit"),
    ("DateTime", "Time"),
    ("Timestamp", "Time"),
    ("datetime", "Time"),
    ("timedelta", "Duration"),
    ("any", "Json"),
    ("Any", "Json"),
    ("list", "List"),
    ("Array", "List"),
    ("Vec", "List"),
    ("dict", "Map"),
    ("Dict", "Map"),
    ("HashMap", "Map"),
];

impl<'a> World<'a> {
    /// The type that an expression of types means in a module.
    pub(crate) fn resolve(&self, module: ModuleId, expr: &'a TypeExpr) -> Ty {
        self.resolve_in(module, &[], expr)
    }

    /// As [`World::resolve`], where names of type parameters mean something.
    pub(crate) fn resolve_in(&self, module: ModuleId, scope: &Scope, expr: &'a TypeExpr) -> Ty {
        let ty = self.resolve_any(module, scope, expr);
        if self.types.is_too_large(ty) {
            // Aliases double it with every line, so it must not get any further.
            self.report(extent::too_large(expr.span));
            return Ty::UNKNOWN;
        }
        ty
    }

    fn resolve_any(&self, module: ModuleId, scope: &Scope, expr: &'a TypeExpr) -> Ty {
        match &expr.kind {
            TypeKind::Missing => Ty::UNKNOWN,
            TypeKind::Option(inner) => self.types.option(self.resolve_in(module, scope, inner)),
            TypeKind::Tuple(items) => match items.as_slice() {
                [] => Ty::UNIT,
                [one] => self.resolve_in(module, scope, one),
                many => {
                    let items: Vec<Ty> = many.iter().map(|t| self.resolve_in(module, scope, t)).collect();
                    self.types.tuple(&items)
                }
            },
            TypeKind::Fn { params, result } => {
                let params: Vec<Ty> = params.iter().map(|t| self.resolve_in(module, scope, t)).collect();
                let result = self.resolve_in(module, scope, result);
                self.types.intern(Kind::Fn(params.into(), result))
            }
            TypeKind::Record(params) => {
                for param in params {
                    if let Some(annotation) = param.annotations.first() {
                        let d = Diagnostic::error("WF1014", annotation.span, "a structural record has no annotations");
                        self.report(d.label("not allowed here").help("declare a `record` with a name"));
                    }
                    if let Some(default) = &param.default {
                        self.report(
                            Diagnostic::error("WF1014", default.span, "a structural record has no defaults")
                                .label("not allowed here")
                                .help("declare a `record` with a name, or make the field optional with `?`"),
                        );
                    }
                }
                let fields: Vec<_> = params
                    .iter()
                    .filter(|p| !p.name.text.is_empty())
                    .map(|p| (p.name.text.as_str().into(), self.resolve_in(module, scope, &p.ty)))
                    .collect();
                self.types.shape(&fields)
            }
            TypeKind::Path { name, args } => {
                if name.text.is_empty() {
                    return Ty::UNKNOWN;
                }
                self.path(module, scope, expr, &name.text, args)
            }
        }
    }

    fn path(&self, module: ModuleId, scope: &Scope, expr: &'a TypeExpr, name: &str, args: &'a [TypeExpr]) -> Ty {
        if let Some((_, ty)) = scope.iter().find(|(n, _)| **n == *name) {
            self.expect_args(expr, name, args, 0);
            return *ty;
        }
        if let Some((_, ty)) = PLAIN.iter().find(|(n, _)| *n == name) {
            self.expect_args(expr, name, args, 0);
            return *ty;
        }
        if let Some((_, count)) = GENERIC.iter().find(|(n, _)| *n == name) {
            if !self.expect_args(expr, name, args, *count) {
                return Ty::UNKNOWN;
            }
            return self.generic(module, scope, name, args);
        }
        let found = self.lookup(module, name);
        if let Some(item) = found {
            self.used(item, expr.span);
        }
        match found {
            Some(Item::Type(id)) => {
                let def = self.types.def(id);
                let Some(generics) = &def.generics else {
                    self.expect_args(expr, name, args, 0);
                    return self.types.def_ty(id);
                };
                if !self.expect_made(expr, &written(&def), args, generics.names.len()) {
                    return Ty::UNKNOWN;
                }
                self.types.instance(id, &self.type_args(module, scope, args))
            }
            Some(Item::Alias(index)) => {
                let Some(generics) = self.alias_generics(index) else {
                    self.expect_args(expr, name, args, 0);
                    return self.alias_ty(index);
                };
                let whole = format!("{name}<{}>", generics.names.join(", "));
                if !self.expect_made(expr, &whole, args, generics.names.len()) {
                    return Ty::UNKNOWN;
                }
                let args = self.type_args(module, scope, args);
                self.types.subst(self.alias_ty(index), generics.owner, &args)
            }
            Some(Item::Refused) => Ty::UNKNOWN,
            Some(Item::Fn(_) | Item::Activity(_) | Item::Workflow(_) | Item::Const(_)) => {
                self.report(
                    Diagnostic::error("WF1002", expr.span, format!("`{name}` is not a type")).label("expected a type"),
                );
                Ty::UNKNOWN
            }
            None => {
                if let Some(n) = crate::types::BUILTIN_ERRORS.iter().position(|b| *b == name) {
                    return self.types.def_ty(crate::types::DefId(n as u32));
                }
                if name == "Weekday" {
                    return self.types.def_ty(crate::types::DefId::WEEKDAY);
                }
                self.unknown_type(module, expr, name);
                Ty::UNKNOWN
            }
        }
    }

    fn unknown_type(&self, module: ModuleId, expr: &TypeExpr, name: &str) {
        if let Some(d) = self.not_in_module(module, name, expr.span) {
            return self.report(d);
        }
        let mut d = Diagnostic::error("WF1001", expr.span, format!("cannot find type `{name}`")).label("not declared");
        if let Some(d) = self.elsewhere(module, name, Wanted::Type, &d) {
            return self.report(d);
        }
        if let Some((_, ours)) = FOREIGN.iter().find(|(theirs, _)| *theirs == name) {
            let mut span = expr.span;
            span.end = span.start + name.len() as u32;
            d = d.help(format!("here it is `{ours}`")).fix(Fix {
                title: format!("replace with `{ours}`"),
                edits: vec![(span, (*ours).to_owned())],
                safe: true,
            });
            return self.report(d);
        }
        if let Some((_, ours)) = FOREIGN_FORMS.iter().find(|(theirs, _)| *theirs == name) {
            return self.report(d.help(*ours));
        }
        let known = || {
            let declared = self.names(module, |item| matches!(item, Item::Type(_) | Item::Alias(_)));
            let builtin = PLAIN.iter().map(|(n, _)| *n).chain(GENERIC.iter().map(|(n, _)| *n));
            declared.into_iter().chain(builtin).collect()
        };
        if let Some(near) = self.near(name, known) {
            d = d.help(format!("did you mean `{near}`?"));
        }
        self.report(d);
    }

    fn generic(&self, module: ModuleId, scope: &Scope, name: &str, args: &'a [TypeExpr]) -> Ty {
        if name == "Run" {
            return self.run_type(module, &args[0]);
        }
        let tys: Vec<Ty> = args.iter().map(|t| self.resolve_in(module, scope, t)).collect();
        if tys.contains(&Ty::UNKNOWN) {
            return Ty::UNKNOWN;
        }
        match name {
            "List" => self.types.list(tys[0]),
            "Set" => self.types.intern(Kind::Set(tys[0])),
            "Map" => self.types.map(tys[0], tys[1]),
            "Result" => self.types.intern(Kind::Result(tys[0])),
            _ => self.types.intern(Kind::Task(tys[0])),
        }
    }

    /// `Run<W>`: its argument is a workflow, not a type.
    fn run_type(&self, module: ModuleId, arg: &TypeExpr) -> Ty {
        let TypeKind::Path { name, .. } = &arg.kind else { return Ty::UNKNOWN };
        match self.lookup(module, &name.text) {
            Some(Item::Workflow(index)) => {
                self.types.intern(Kind::Run(self.workflows[index as usize].wire.as_str().into()))
            }
            Some(Item::Refused) => Ty::UNKNOWN,
            _ if name.text.is_empty() => Ty::UNKNOWN,
            _ => {
                self.report(
                    Diagnostic::error("WF1001", arg.span, format!("cannot find workflow `{}`", name.text))
                        .label("`Run` takes the name of a workflow"),
                );
                Ty::UNKNOWN
            }
        }
    }

    /// What stands for the parameters of a declaration: data.
    fn type_args(&self, module: ModuleId, scope: &Scope, args: &'a [TypeExpr]) -> Vec<Ty> {
        let resolved = args.iter().map(|arg| {
            let ty = self.resolve_in(module, scope, arg);
            self.require_data(ty, arg.span, "a record or enum");
            ty
        });
        resolved.collect()
    }

    /// WF1015, where a declaration of the project has other type parameters than are given.
    fn expect_made(&self, expr: &TypeExpr, whole: &str, args: &[TypeExpr], want: usize) -> bool {
        if args.len() == want {
            return true;
        }
        let plural = if want == 1 { "" } else { "s" };
        let message = format!("`{whole}` takes {want} type argument{plural}");
        let d = Diagnostic::error("WF1015", expr.span, message).label(format!("found {}", args.len()));
        self.report(d.help(format!("write a type for each, as in `{}`", example(whole, want))));
        false
    }

    fn expect_args(&self, expr: &TypeExpr, name: &str, args: &[TypeExpr], want: usize) -> bool {
        if args.len() == want {
            return true;
        }
        let message = match want {
            0 => format!("`{name}` takes no type arguments"),
            1 => format!("`{name}` takes one type argument"),
            n => format!("`{name}` takes {n} type arguments"),
        };
        let help = match name {
            "Map" => "`Map<String, Int>`",
            "List" | "Set" | "Result" => "`List<String>`",
            "Run" => "`Run<order>`, with the name of a workflow",
            _ => "leave them out",
        };
        self.report(Diagnostic::error("WF1015", expr.span, message).label(format!("found {}", args.len())).help(help));
        false
    }
}

/// `Pair<Int, String>` for `Pair<A, B>`.
fn example(whole: &str, count: usize) -> String {
    let (name, _) = whole.split_once('<').unwrap_or((whole, ""));
    let args: Vec<&str> = ["Int", "String"].into_iter().cycle().take(count).collect();
    format!("{name}<{}>", args.join(", "))
}

/// Whether a name means a type without being declared.
pub(crate) fn is_builtin(name: &str) -> bool {
    PLAIN.iter().any(|(n, _)| *n == name) || GENERIC.iter().any(|(n, _)| *n == name)
}

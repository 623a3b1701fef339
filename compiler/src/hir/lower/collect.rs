//! Std methods that take lambdas: `xs.map(x => ..)`. They become loops here, so no function value is made.

use weft_bytecode::op::Native;

use super::{Fence, Lower};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Gather, LocalId, Pattern, PatternKind};
use crate::source::Span;
use crate::syntax::ast::{self, Arg};
use crate::types::world::Item;
use crate::types::{Kind, Ty};

impl<'a> Lower<'_, 'a> {
    pub(super) fn collect(&mut self, object: Expr, name: &str, args: &'a [Arg], want: Ty, span: Span) -> Expr {
        let from = object.ty;
        let items = if name == "map_values" { object } else { self.as_list(object) };
        let item = match self.kind_of(from) {
            Kind::Map(_, value) if name == "map_values" => value,
            _ => self.types().element(items.ty).unwrap_or(Ty::UNKNOWN),
        };
        let count = if name == "fold" { 2 } else { 1 };
        if args.len() != count || args.iter().any(|a| a.name.is_some()) {
            let message = format!("`{name}` takes {count} argument{}", if count == 1 { "" } else { "s" });
            let help = match name {
                "fold" => "`xs.fold(0, (sum, x) => sum + x)`".to_owned(),
                "count" => "`xs.length()`, or `xs.count(x => ..)` for those that pass a test".to_owned(),
                name => format!("`xs.{name}(x => ..)`"),
            };
            self.report(Diagnostic::error("WF1010", span, message).label("wrong number").help(help));
            return self.error(span);
        }
        if name == "fold" {
            return self.fold(items, item, args, want, span);
        }
        let result = match name {
            "filter" | "find" | "any" | "all" | "count" | "partition" | "take_while" | "drop_while" => Ty::BOOL,
            "map" => match self.kind_of(self.types().inner(want).unwrap_or(want)) {
                Kind::List(item) => item,
                _ => Ty::UNKNOWN,
            },
            _ => Ty::UNKNOWN,
        };
        let (pattern, body) = self.lambda(&args[0].value, item, result);
        let (gather, ty) = match name {
            "map" => (Gather::Map, self.types().list(body.ty)),
            "filter" => (Gather::Filter, items.ty),
            "find" => (Gather::Find, self.types().option(item)),
            "any" => (Gather::Any, Ty::BOOL),
            "all" => (Gather::All, Ty::BOOL),
            "flat_map" => (Gather::FlatMap, body.ty),
            "count" => (Gather::Filter, items.ty),
            "sum_by" => (Gather::Map, self.types().list(body.ty)),
            "take_while" => (Gather::TakeWhile, items.ty),
            "drop_while" => (Gather::DropWhile, items.ty),
            "partition" => (Gather::Keyed(Native::ListPartition), self.types().tuple(&[items.ty, items.ty])),
            "sort_by" => (Gather::Keyed(Native::ListSortKeys), items.ty),
            "min_by" => (Gather::Keyed(Native::ListMinKeys), self.types().option(item)),
            "max_by" => (Gather::Keyed(Native::ListMaxKeys), self.types().option(item)),
            "distinct_by" => (Gather::Keyed(Native::ListDistinctKeys), items.ty),
            "key_by" => (Gather::Keyed(Native::MapOfKeys), self.types().map(body.ty, item)),
            "map_values" => match self.kind_of(from) {
                Kind::Map(key, _) => (Gather::Values, self.types().map(key, body.ty)),
                _ => (Gather::Values, Ty::UNKNOWN),
            },
            _ => (Gather::Keyed(Native::GroupKeys), self.types().map(body.ty, items.ty)),
        };
        if body.ty == Ty::UNKNOWN || body.ty == Ty::NEVER {
            return self.error(span);
        }
        if gather == Gather::FlatMap && !matches!(self.kind_of(body.ty), Kind::List(_)) {
            let message = format!("`flat_map` needs lists, this lambda gives {}", self.name_of(body.ty));
            self.report(Diagnostic::error("WF1002", body.span, message).label("not a List").help("use `map`"));
            return self.error(span);
        }
        if !self.body_serves(name, &body) {
            return self.error(span);
        }
        let made = body.ty;
        let kind = ExprKind::Gather { gather, items: Box::new(items), item: pattern, body: Box::new(body) };
        let gathered = Expr { kind, ty, span };
        // Some are another method of what is gathered.
        let (native, ty) = match (name, self.kind_of(from)) {
            ("count", _) => (Native::ListLength, Ty::INT),
            ("sum_by", _) => (Native::ListSum, made),
            ("filter", Kind::Map(..)) => (Native::ListToMap, from),
            _ => return gathered,
        };
        Expr { kind: ExprKind::Native(native, vec![gathered]), ty, span }
    }

    /// Whether what the lambda gives is of use for the method; says why not.
    fn body_serves(&self, name: &str, body: &Expr) -> bool {
        let types = self.types();
        let (wrong, label) = match name {
            "sort_by" | "min_by" | "max_by" => (!types.is_ordered(body.ty), "cannot be sorted by this"),
            "sum_by" => (!types.is_summable(body.ty), "cannot be added"),
            _ => return true,
        };
        if wrong {
            let lacks = if name == "sum_by" { "cannot be added" } else { "has no order" };
            let message = format!("{} {lacks}", self.name_of(body.ty));
            self.report(Diagnostic::error("WF1002", body.span, message).label(label));
        }
        !wrong
    }

    /// A set as a list of its elements, a map as one of its entries.
    fn as_list(&self, object: Expr) -> Expr {
        match self.kind_of(object.ty) {
            Kind::Set(item) => {
                let (span, ty) = (object.span, self.types().list(item));
                Expr { kind: ExprKind::Native(Native::SetToList, vec![object]), ty, span }
            }
            Kind::Map(key, value) => {
                let (span, pair) = (object.span, self.types().tuple(&[key, value]));
                Expr { kind: ExprKind::Native(Native::MapEntries, vec![object]), ty: self.types().list(pair), span }
            }
            _ => object,
        }
    }

    fn fold(&mut self, items: Expr, item: Ty, args: &'a [Arg], want: Ty, span: Span) -> Expr {
        let init = if want == Ty::UNKNOWN || want == Ty::UNIT {
            self.infer(&args[0].value)
        } else {
            let init = self.expr(&args[0].value, want);
            self.settled(init)
        };
        let ty = init.ty;
        let ast::ExprKind::Lambda { params, body } = &args[1].value.kind else {
            return self.fold_with(items, item, init, &args[1].value, span);
        };
        if params.len() != 2 {
            let d = Diagnostic::error("WF1010", args[1].value.span, "the lambda of `fold` takes two values");
            self.report(d.label("wrong number of parameters").help("`xs.fold(0, (sum, x) => sum + x)`"));
            return self.error(span);
        }
        let (acc, pattern, body) = self.inlined(|this| {
            let before = this.locals.len();
            let acc = this.declare(&params[0], ty, false);
            let local = this.declare(&params[1], item, false);
            this.bound_once(before);
            let pattern = this.simple_bind(local, item, params[1].span);
            (acc, pattern, this.check(body, ty))
        });
        self.folded(items, init, acc, pattern, body, span)
    }

    fn fold_with(&mut self, items: Expr, item: Ty, init: Expr, function: &'a ast::Expr, span: Span) -> Expr {
        let ty = init.ty;
        let acc = self.temp("sum", ty, span);
        let local = self.temp("item", item, span);
        let args = vec![self.read_local(acc, span), self.read_local(local, span)];
        let Some(body) = self.apply(function, args, ty) else { return self.error(span) };
        let pattern = self.simple_bind(local, item, span);
        self.folded(items, init, acc, pattern, body, span)
    }

    fn folded(&self, items: Expr, init: Expr, acc: LocalId, item: Pattern, body: Expr, span: Span) -> Expr {
        let ty = init.ty;
        let (items, init, body) = (Box::new(items), Box::new(init), Box::new(body));
        Expr { kind: ExprKind::Fold { items, init, acc, item, body }, ty, span }
    }

    /// Lowers code that runs for each element.
    fn inlined<R>(&mut self, inner: impl FnOnce(&mut Self) -> R) -> R {
        let floor = std::mem::replace(&mut self.floor, self.locals.len() as u32);
        self.fences.push(Some(Fence::Lambda));
        let out = self.repeated(|this| this.scoped(inner));
        self.fences.pop();
        self.floor = floor;
        out
    }

    /// What is done with each element: a pattern for it and an expression.
    fn lambda(&mut self, arg: &'a ast::Expr, item: Ty, result: Ty) -> (Pattern, Expr) {
        let ast::ExprKind::Lambda { params, body } = &arg.kind else {
            let local = self.temp("item", item, arg.span);
            let value = self.read_local(local, arg.span);
            let body = self.apply(arg, vec![value], result).unwrap_or_else(|| self.error(arg.span));
            return (self.simple_bind(local, item, arg.span), body);
        };
        self.inlined(|this| {
            let pattern = match (params.as_slice(), this.kind_of(item)) {
                ([one], _) => {
                    let local = this.declare(one, item, false);
                    this.simple_bind(local, item, one.span)
                }
                (many, Kind::Tuple(tys)) if tys.len() == many.len() => {
                    let before = this.locals.len();
                    let fields = many.iter().zip(tys.iter()).enumerate().map(|(n, (name, ty))| {
                        let local = this.declare(name, *ty, false);
                        (n as u16, Pattern { kind: PatternKind::Bind(local), ty: *ty, span: name.span })
                    });
                    let kind = PatternKind::Fields(fields.collect());
                    this.bound_once(before);
                    Pattern { kind, ty: item, span: arg.span }
                }
                (many, _) => {
                    for name in many {
                        this.declare(name, Ty::UNKNOWN, false);
                    }
                    let message =
                        format!("this lambda takes {} values, one {} is passed", many.len(), this.name_of(item));
                    this.report(Diagnostic::error("WF1010", arg.span, message).label("wrong number of parameters"));
                    Pattern { kind: PatternKind::Wildcard, ty: item, span: arg.span }
                }
            };
            let body = if result == Ty::UNKNOWN { this.infer(body) } else { this.check(body, result) };
            (pattern, body)
        })
    }

    /// A function by name in place of a lambda.
    fn apply(&mut self, function: &'a ast::Expr, args: Vec<Expr>, result: Ty) -> Option<Expr> {
        let span = function.span;
        let path = self.path_of(function);
        if let Some(Item::Fn(index)) = path.as_deref().and_then(|path| self.world.lookup(self.module, path)) {
            let item = &self.world.functions[index as usize];
            if item.flow {
                self.report(
                    Diagnostic::error("WF2005", span, format!("a lambda cannot wait for `{}`", item.decl.name.text))
                        .label("a `flow` may wait")
                        .help("use a `for` loop, or `parallel for` to run them side by side"),
                );
                return None;
            }
            let takes = item.sig.params.len();
            if takes != args.len() {
                let message = format!("`{}` takes {takes} values, {} are passed", item.decl.name.text, args.len());
                self.report(Diagnostic::error("WF1010", span, message).label("wrong number of parameters"));
                return None;
            }
            let given: Vec<Ty> = args.iter().map(|a| a.ty).collect();
            let (index, params, found) = self.function_given(index, &given, result, span);
            let args = args.into_iter().zip(&params).map(|(a, p)| self.coerce(a, p.ty)).collect();
            let call = Expr { kind: ExprKind::Call(index, args), ty: found, span };
            return Some(self.coerce(call, result));
        }
        if let ast::ExprKind::Name(name) = &function.kind
            && let Some(id) = self.find_local(name)
        {
            let local = self.read_local(id, span);
            if let Kind::Fn(params, found) = self.kind_of(local.ty)
                && params.len() == args.len()
            {
                let args = args.into_iter().zip(params.iter()).map(|(a, p)| self.coerce(a, *p)).collect();
                let call = Expr { kind: ExprKind::CallLocal(id, args), ty: found, span };
                return Some(self.coerce(call, result));
            }
        }
        let given: Vec<Ty> = args.iter().map(|a| a.ty).collect();
        let want = self.types().intern(Kind::Fn(given.into(), result));
        let found = self.expr(function, want);
        if found.ty != Ty::UNKNOWN {
            self.report(
                Diagnostic::error("WF1002", span, format!("expected a lambda, found {}", self.name_of(found.ty)))
                    .label("not a function")
                    .help("`x => ..`"),
            );
        }
        None
    }
}

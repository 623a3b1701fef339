//! Every place in a tree with the place around it.

use weft_compiler::source::Span;
use weft_compiler::syntax::ast::*;

/// Calls `each(outer, inner)` for every node below an item.
pub(crate) fn file(file: &File, whole: Span, each: &mut dyn FnMut(Span, Span)) {
    for i in &file.items {
        each(whole, i.span);
        Walk { each }.item(i);
    }
}

struct Walk<'e> {
    each: &'e mut dyn FnMut(Span, Span),
}

impl Walk<'_> {
    fn item(&mut self, item: &Item) {
        let at = item.span;
        for a in &item.annotations {
            (self.each)(at, a.span);
            self.args(a.span, &a.args);
        }
        match &item.decl {
            Decl::Import { path, names, alias } => {
                self.name(at, path);
                names.iter().chain(alias).for_each(|n| self.name(at, n));
            }
            Decl::Default { with, .. } => self.with(at, with),
            Decl::Const { name, ty, value } => {
                self.name(at, name);
                ty.iter().for_each(|t| self.ty(at, t));
                self.expr(at, value);
            }
            Decl::Alias { name, generics, ty } => {
                self.name(at, name);
                generics.iter().for_each(|n| self.name(at, n));
                self.ty(at, ty);
            }
            Decl::Record { name, generics, fields } => {
                self.name(at, name);
                generics.iter().for_each(|n| self.name(at, n));
                self.params(at, fields);
            }
            Decl::Error { name, fields } => {
                self.name(at, name);
                self.params(at, fields);
            }
            Decl::Enum { name, generics, variants } => {
                self.name(at, name);
                generics.iter().for_each(|n| self.name(at, n));
                for v in variants {
                    self.name(at, &v.name);
                    self.params(at, &v.fields);
                }
            }
            Decl::Fn(f) | Decl::Flow(f) => {
                self.name(at, &f.name);
                self.sig(at, &f.sig);
                self.block(at, &f.body);
            }
            Decl::Activity { name, sig, with } => {
                self.name(at, name);
                self.sig(at, sig);
                with.iter().for_each(|w| self.with(at, w));
            }
            Decl::Workflow(w) => {
                self.name(at, &w.name);
                self.sig(at, &w.sig);
                w.with.iter().for_each(|w| self.with(at, w));
                (self.each)(at, w.body.span);
                w.members.iter().for_each(|m| self.member(w.body.span, m));
                self.block(at, &w.body);
            }
            Decl::Schedule { name, runs, args, with } => {
                self.name(at, name);
                self.name(at, runs);
                self.args(at, args);
                self.with(at, with);
            }
            Decl::Test { name, body } => {
                self.string(at, name);
                self.block(at, body);
            }
            Decl::Missing => {}
        }
    }

    fn member(&mut self, at: Span, member: &Member) {
        (self.each)(at, member.span);
        let at = member.span;
        match &member.kind {
            MemberKind::State { name, ty, value, .. } => {
                self.name(at, name);
                ty.iter().for_each(|t| self.ty(at, t));
                value.iter().for_each(|v| self.expr(at, v));
            }
            MemberKind::Signal { name, params, body } => {
                self.name(at, name);
                self.params(at, params);
                body.iter().for_each(|b| self.block(at, b));
            }
            MemberKind::Query { name, params, result, body } => {
                self.name(at, name);
                self.params(at, params);
                self.ty(at, result);
                self.block(at, body);
            }
            MemberKind::Update { name, sig, with, check, body } => {
                self.name(at, name);
                self.sig(at, sig);
                with.iter().for_each(|w| self.with(at, w));
                check.iter().chain([body]).for_each(|b| self.block(at, b));
            }
            MemberKind::Missing => {}
        }
    }

    fn name(&mut self, at: Span, name: &Name) {
        (self.each)(at, name.span);
    }

    fn sig(&mut self, at: Span, sig: &Sig) {
        (self.each)(at, sig.span);
        self.params(sig.span, &sig.params);
        sig.result.iter().for_each(|t| self.ty(sig.span, t));
        sig.throws.iter().for_each(|n| self.name(sig.span, n));
    }

    fn params(&mut self, at: Span, params: &[Param]) {
        for p in params {
            self.name(at, &p.name);
            self.ty(at, &p.ty);
            p.default.iter().for_each(|d| self.expr(at, d));
        }
    }

    fn with(&mut self, at: Span, with: &With) {
        (self.each)(at, with.span);
        for (name, value) in &with.options {
            self.name(with.span, name);
            self.expr(with.span, value);
        }
    }

    fn ty(&mut self, at: Span, ty: &TypeExpr) {
        (self.each)(at, ty.span);
        let at = ty.span;
        match &ty.kind {
            TypeKind::Path { name, args } => {
                self.name(at, name);
                args.iter().for_each(|t| self.ty(at, t));
            }
            TypeKind::Tuple(list) => list.iter().for_each(|t| self.ty(at, t)),
            TypeKind::Fn { params, result } => {
                params.iter().for_each(|t| self.ty(at, t));
                self.ty(at, result);
            }
            TypeKind::Record(fields) => self.params(at, fields),
            TypeKind::Option(inner) => self.ty(at, inner),
            TypeKind::Missing => {}
        }
    }

    fn block(&mut self, at: Span, block: &Block) {
        (self.each)(at, block.span);
        let mut last = block.span.start;
        for stmt in &block.stmts {
            assert!(stmt.span.start >= last, "statements stand in order");
            last = stmt.span.end;
            self.stmt(block.span, stmt);
        }
    }

    fn stmt(&mut self, at: Span, stmt: &Stmt) {
        (self.each)(at, stmt.span);
        let at = stmt.span;
        match &stmt.kind {
            StmtKind::Let { pattern, ty, value, undo, .. } => {
                self.pattern(at, pattern);
                ty.iter().for_each(|t| self.ty(at, t));
                self.expr(at, value);
                undo.iter().for_each(|e| self.expr(at, e));
            }
            StmtKind::Assign { place, value, .. } => {
                self.expr(at, place);
                self.expr(at, value);
            }
            StmtKind::While { cond, body } => {
                self.expr(at, cond);
                self.block(at, body);
            }
            StmtKind::For { pattern, items, body } => {
                self.pattern(at, pattern);
                self.expr(at, items);
                self.block(at, body);
            }
            StmtKind::Sleep { value, .. } | StmtKind::Advance { value, .. } => self.expr(at, value),
            StmtKind::Defer(b) | StmtKind::OnCancel(b) | StmtKind::Block(b) => self.block(at, b),
            StmtKind::Expr { expr, undo } => {
                self.expr(at, expr);
                undo.iter().for_each(|e| self.expr(at, e));
            }
            StmtKind::Assert(e) => self.expr(at, e),
            StmtKind::Mock { path, patterns, times, arm, .. } => {
                self.name(at, path);
                patterns.iter().for_each(|p| self.pattern(at, p));
                times.iter().for_each(|t| self.expr(at, t));
                self.expr(at, arm);
            }
            StmtKind::Crash | StmtKind::Junk => {}
        }
    }

    fn args(&mut self, at: Span, args: &[Arg]) {
        for arg in args {
            arg.name.iter().for_each(|n| self.name(at, n));
            self.expr(at, &arg.value);
        }
    }

    fn string(&mut self, at: Span, string: &StringLit) {
        (self.each)(at, string.span);
        for part in &string.parts {
            if let StringPart::Hole(e) = part {
                self.expr(string.span, e);
            }
        }
    }

    fn expr(&mut self, at: Span, expr: &Expr) {
        (self.each)(at, expr.span);
        let at = expr.span;
        use ExprKind::*;
        match &expr.kind {
            Name(_) | Number(_) | Bool(_) | None | Break | Continue | Missing => {}
            Type(ty) => self.ty(at, ty),
            String(s) => self.string(at, s),
            List(list) | Tuple(list) | Race(list) => list.iter().for_each(|e| self.expr(at, e)),
            Map(entries) => entries.iter().for_each(|(k, v)| {
                self.expr(at, k);
                self.expr(at, v);
            }),
            Record { spreads, slots } => {
                spreads.iter().for_each(|e| self.expr(at, e));
                slots.iter().for_each(|(n, v)| {
                    self.name(at, n);
                    v.iter().for_each(|v| self.expr(at, v));
                });
            }
            Call { callee, args, with } => {
                self.expr(at, callee);
                self.args(at, args);
                with.iter().for_each(|w| self.with(at, w));
            }
            Index { object, index } => {
                self.expr(at, object);
                self.expr(at, index);
            }
            Access { object, name, .. } => {
                self.expr(at, object);
                self.name(at, name);
            }
            Catch { body, pattern, handler } => {
                self.expr(at, body);
                self.pattern(at, pattern);
                self.expr(at, handler);
            }
            Not(e) | Neg(e) | Spawn(e) | Await(e) | Start(e) | Send(e) | Throw(e) => self.expr(at, e),
            Sleep { value, .. } => self.expr(at, value),
            Binary { left, right, .. } => {
                self.expr(at, left);
                self.expr(at, right);
            }
            Lambda { params, body } => {
                params.iter().for_each(|n| self.name(at, n));
                self.expr(at, body);
            }
            Block(b) | SpawnBlock(b) => self.block(at, b),
            If { let_pattern, cond, then, otherwise } => {
                let_pattern.iter().for_each(|p| self.pattern(at, p));
                self.expr(at, cond);
                self.block(at, then);
                otherwise.iter().for_each(|e| self.expr(at, e));
            }
            Match { value, arms } => {
                self.expr(at, value);
                for arm in arms {
                    self.pattern(at, &arm.pattern);
                    arm.guard.iter().for_each(|g| self.expr(at, g));
                    self.expr(at, &arm.body);
                }
            }
            ParallelBlock { args, branches } => {
                self.args(at, args);
                branches.iter().for_each(|e| self.expr(at, e));
            }
            ParallelFor { args, pattern, items, body } => {
                self.args(at, args);
                self.pattern(at, pattern);
                self.expr(at, items);
                self.block(at, body);
            }
            Select(branches) => {
                for b in branches {
                    (self.each)(at, b.span);
                    match &b.source {
                        SelectSource::Receive { signal, patterns } => {
                            self.name(b.span, signal);
                            patterns.iter().flatten().for_each(|p| self.pattern(b.span, p));
                        }
                        SelectSource::Await { task, pattern } => {
                            self.expr(b.span, task);
                            pattern.iter().for_each(|p| self.pattern(b.span, p));
                        }
                        SelectSource::After(e) | SelectSource::At(e) | SelectSource::When(e) => self.expr(b.span, e),
                    }
                    self.expr(b.span, &b.body);
                }
            }
            Try { body, catches } => {
                self.block(at, body);
                for (pattern, block) in catches {
                    self.pattern(at, pattern);
                    self.block(at, block);
                }
            }
            Saga(body) => self.block(at, body),
            Within { limit, body, otherwise } => {
                self.expr(at, limit);
                self.block(at, body);
                otherwise.iter().for_each(|e| self.expr(at, e));
            }
            Patch { id, body, otherwise, .. } => {
                self.string(at, id);
                self.block(at, body);
                otherwise.iter().for_each(|b| self.block(at, b));
            }
            WaitUntil { cond, timeout, otherwise } => {
                self.expr(at, cond);
                timeout.iter().chain(otherwise).for_each(|e| self.expr(at, e));
            }
            Receive { signal, timeout, otherwise } => {
                self.name(at, signal);
                timeout.iter().chain(otherwise).for_each(|e| self.expr(at, e));
            }
            Return(e) => e.iter().for_each(|e| self.expr(at, e)),
            ContinueAsNew(args) => self.args(at, args),
        }
    }

    fn pattern(&mut self, at: Span, pattern: &Pattern) {
        (self.each)(at, pattern.span);
        let at = pattern.span;
        match &pattern.kind {
            PatternKind::String(s) => self.string(at, s),
            PatternKind::Path { name, args } => {
                self.name(at, name);
                args.iter().flatten().for_each(|p| self.pattern(at, p));
            }
            PatternKind::Tuple(list) | PatternKind::Or(list) => list.iter().for_each(|p| self.pattern(at, p)),
            PatternKind::Record { fields, .. } => fields.iter().for_each(|n| self.name(at, n)),
            PatternKind::As { pattern, name } => {
                self.pattern(at, pattern);
                self.name(at, name);
            }
            PatternKind::Wildcard
            | PatternKind::Number(_)
            | PatternKind::Bool(_)
            | PatternKind::None
            | PatternKind::Missing => {}
        }
    }
}

//! Expressions.

use super::*;

impl Builder<'_> {
    /// An expression of any rule; `None` if the rule is none.
    pub(super) fn any_expr(&mut self, pair: P<'_>) -> Option<Expr> {
        Some(match pair.as_rule() {
            Rule::expr | Rule::cond | Rule::expr_n => self.expr(pair),
            Rule::never => self.never(pair),
            Rule::postfix => self.postfix(pair),
            Rule::primary => self.primary(pair),
            Rule::arm => self.arm(pair),
            Rule::r#if | Rule::elif => self.if_expr(pair),
            Rule::block => {
                let block = self.block(pair);
                Expr { span: block.span, kind: ExprKind::Block(block) }
            }
            Rule::number => {
                let span = self.span(&pair);
                Expr { kind: ExprKind::Number(self.number(pair.as_str())), span }
            }
            _ => return None,
        })
    }

    pub(super) fn expr(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        let kids = pair.into_inner();
        // A chain of operators leans to one side, as deep as it is long.
        let by = match kids.len() {
            few @ 0..8 => few.max(1),
            _ => kids.clone().filter(|k| k.as_rule() != Rule::postfix).count().max(1),
        };
        if !self.enter(by, span) {
            return no_expr(span);
        }
        let expr = deep(|| self.operators(kids, span));
        self.leave(by);
        expr
    }

    fn operators(&mut self, kids: Pairs<'_, Rule>, span: Span) -> Expr {
        let mut kids = kids.peekable();
        match kids.peek().map(|k| k.as_rule()) {
            Some(Rule::never | Rule::expr) => {
                let first = kids.next().and_then(|k| self.any_expr(k));
                return first.unwrap_or_else(|| no_expr(span));
            }
            Some(Rule::lambda) => return kids.next().map_or_else(|| no_expr(span), |k| self.lambda(k)),
            _ => {}
        }
        // Operands and operators by turns; prefixes stand before their operand.
        let mut tree = Precedence::default();
        let mut prefixes: Vec<P<'_>> = Vec::new();
        for kid in kids {
            match kid.as_rule() {
                Rule::prefix | Rule::foreign_prefix => prefixes.push(kid),
                Rule::infix | Rule::foreign_infix => tree.operator(binary_op(kid.as_str())),
                Rule::foreign_not_in => tree.not_in(self.span(&kid)),
                _ => {
                    let place = self.span(&kid);
                    let mut operand = self.any_expr(kid).unwrap_or_else(|| no_expr(place));
                    while let Some(prefix) = prefixes.pop() {
                        let span = self.span(&prefix).to(operand.span);
                        let inner = Box::new(operand);
                        let kind = match prefix.as_str() {
                            "-" => ExprKind::Neg(inner),
                            "!" | "not" => ExprKind::Not(inner),
                            // `new` changes nothing.
                            _ => inner.kind,
                        };
                        operand = Expr { kind, span };
                    }
                    tree.operand(operand);
                }
            }
        }
        if let Some(chained) = tree.chained {
            self.diagnostics.push(
                Diagnostic::error("WF0012", chained, "comparisons cannot be chained")
                    .why("`a < b < c` would compare the truth of `a < b` with `c`")
                    .help("write `a < b && b < c`"),
            );
            return no_expr(span);
        }
        let (expr, negated) = tree.finish();
        negated.into_iter().for_each(|(left, word, right)| self.not_in(left, word, right));
        expr.unwrap_or_else(|| no_expr(span))
    }

    pub(super) fn arm(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        let Some(kid) = pair.into_inner().next() else { return no_expr(span) };
        if kid.as_rule() != Rule::sleep {
            return self.any_expr(kid).unwrap_or_else(|| no_expr(span));
        }
        let until = kid.clone().into_inner().any(|k| k.as_rule() == Rule::kw_until);
        let value = Box::new(self.only_expr(kid));
        Expr { kind: ExprKind::Sleep { until, value }, span }
    }

    fn never(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        let (mut word, mut args, mut value) = (Rule::kw_break, None, None);
        for kid in pair.into_inner() {
            match kid.as_rule() {
                rule @ (Rule::kw_continue | Rule::kw_break | Rule::kw_throw) => word = rule,
                Rule::kw_new => args = Some(Vec::new()),
                Rule::args => args = Some(self.args(kid)),
                Rule::r#return => {
                    let value = kid.into_inner().next().map(|k| Box::new(self.only_expr(k)));
                    return Expr { kind: ExprKind::Return(value), span };
                }
                Rule::expr => value = Some(self.expr(kid)),
                Rule::missing_expr => value = Some(no_expr(self.span(&kid))),
                _ => {}
            }
        }
        let kind = match (word, args) {
            (Rule::kw_continue, Some(args)) => ExprKind::ContinueAsNew(args),
            (Rule::kw_continue, None) => ExprKind::Continue,
            (Rule::kw_throw, _) => ExprKind::Throw(Box::new(value.unwrap_or_else(|| no_expr(span)))),
            _ => ExprKind::Break,
        };
        Expr { kind, span }
    }

    fn lambda(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        let (mut params, mut body) = (Vec::new(), no_expr(span));
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::name => params.push(self.name(&kid)),
                // `_`: nobody can name it.
                Rule::wildcard => params.push(Name { text: String::new(), span: self.span(&kid) }),
                Rule::arm => body = self.arm(kid),
                _ => {}
            }
        }
        Expr { kind: ExprKind::Lambda { params, body: Box::new(body) }, span }
    }

    pub(super) fn args(&mut self, pair: P<'_>) -> Vec<Arg> {
        let mut args = Vec::new();
        for kid in pair.into_inner() {
            if kid.as_rule() != Rule::arg {
                continue;
            }
            let span = self.span(&kid);
            let mut arg = Arg { name: None, value: no_expr(span) };
            for part in kid.into_inner() {
                match part.as_rule() {
                    Rule::word => arg.name = Some(self.name(&part)),
                    Rule::expr => arg.value = self.expr(part),
                    Rule::missing_expr => arg.value = no_expr(self.span(&part)),
                    _ => {}
                }
            }
            args.push(arg);
        }
        args
    }

    fn postfix(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        let kids = pair.into_inner();
        let by = kids.len();
        if !self.enter(by, span) {
            return no_expr(span);
        }
        let expr = deep(|| self.steps(kids, span));
        self.leave(by);
        expr
    }

    fn steps(&mut self, kids: Pairs<'_, Rule>, span: Span) -> Expr {
        let mut expr = no_expr(span);
        for kid in kids {
            if self.base + kid.as_span().start() >= self.cut {
                break;
            }
            let place = expr.span.to(self.span(&kid));
            match kid.as_rule() {
                Rule::primary => expr = self.primary(kid),
                Rule::call => {
                    let args = kid.into_inner().find(|k| k.as_rule() == Rule::args);
                    let args = args.map_or_else(Vec::new, |a| self.args(a));
                    let kind = ExprKind::Call { callee: Box::new(expr), args, with: None };
                    expr = Expr { kind, span: place };
                }
                Rule::with_n => {
                    let options = kid.into_inner().next().map(|w| self.with(w));
                    if let ExprKind::Call { with, .. } = &mut expr.kind {
                        *with = options;
                        expr.span = place;
                    }
                }
                Rule::index => {
                    let index = Box::new(self.only_expr(kid));
                    expr = Expr { kind: ExprKind::Index { object: Box::new(expr), index }, span: place };
                }
                Rule::access => expr = self.access(expr, kid),
                Rule::catch => expr = self.catch(expr, kid),
                _ => {}
            }
        }
        expr
    }

    fn access(&mut self, object: Expr, pair: P<'_>) -> Expr {
        let span = object.span.to(self.span(&pair));
        let optional = pair.as_str().starts_with('?');
        let mut name = self.no_name(Span { start: span.end, ..span });
        for kid in pair.into_inner() {
            if matches!(kid.as_rule(), Rule::word | Rule::number) {
                name = self.name(&kid);
            }
        }
        // `t.0.1` reads `0.1` as one number: it is two steps.
        if let Some((first, second)) = name.text.split_once('.') {
            let middle = name.span.start + first.len() as u32;
            let outer = Name { text: first.to_owned(), span: Span { end: middle, ..name.span } };
            let inner = Name { text: second.to_owned(), span: Span { start: middle + 1, ..name.span } };
            let kind = ExprKind::Access { object: Box::new(object), optional, name: outer };
            let object = Expr { kind, span: Span { end: middle, ..span } };
            return Expr { kind: ExprKind::Access { object: Box::new(object), optional: false, name: inner }, span };
        }
        Expr { kind: ExprKind::Access { object: Box::new(object), optional, name }, span }
    }

    fn catch(&mut self, body: Expr, pair: P<'_>) -> Expr {
        let place = self.span(&pair);
        let (mut pattern, mut handler, mut later) = (no_pattern(place), no_expr(place), Vec::new());
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::pattern => pattern = self.pattern(kid),
                Rule::missing_pattern => pattern = no_pattern(self.span(&kid)),
                Rule::arm => {
                    later = catches_behind(kid.clone());
                    let cut = later.first().map_or(self.cut, |first| self.base + first.as_span().start());
                    let outer = std::mem::replace(&mut self.cut, cut);
                    handler = self.arm(kid);
                    self.cut = outer;
                }
                Rule::missing_arm => handler = no_expr(self.span(&kid)),
                _ => {}
            }
        }
        let span = Span { end: handler.span.end.max(pattern.span.end), ..body.span };
        let mut expr =
            Expr { kind: ExprKind::Catch { body: Box::new(body), pattern, handler: Box::new(handler) }, span };
        let by = later.len();
        if by > 0 && !self.enter(by, place) {
            return no_expr(place);
        }
        for next in later {
            expr = deep(|| self.catch(expr, next));
        }
        self.leave(by);
        expr
    }

    fn primary(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        let mut kids = pair.into_inner();
        let Some(mut kid) = kids.next() else { return no_expr(span) };
        if kid.as_rule() == Rule::foreign_string_prefix
            && let Some(string) = kids.next()
        {
            kid = string;
        }
        if kid.as_rule() == Rule::foreign_block
            && let Some(block) = kids.next()
        {
            return Expr { kind: ExprKind::Block(self.block(block)), span };
        }
        let kind = match kid.as_rule() {
            Rule::name if is_null(kid.as_str()) => {
                self.null(&kid);
                ExprKind::None
            }
            Rule::name => ExprKind::Name(kid.as_str().to_owned()),
            Rule::kw_true => ExprKind::Bool(true),
            Rule::kw_false => ExprKind::Bool(false),
            Rule::kw_none => ExprKind::None,
            Rule::number => ExprKind::Number(self.number(kid.as_str())),
            Rule::string => ExprKind::String(self.string(kid)),
            Rule::foreign_quotes => ExprKind::String(self.foreign_string(&kid)),
            Rule::bracket => self.bracket(kid),
            Rule::tuple => self.tuple(kid),
            Rule::recordx => self.record(kid),
            Rule::literal => self.literal(kid),
            Rule::r#if => return self.if_expr(kid),
            Rule::r#match => self.match_expr(kid),
            Rule::parallel => self.parallel(kid),
            Rule::race => ExprKind::Race(self.branches(kid)),
            Rule::select => self.select(kid),
            Rule::r#try => self.try_expr(kid),
            Rule::saga => {
                let span = self.span(&kid);
                let block = kid.into_inner().find(|kid| kid.as_rule() == Rule::block);
                ExprKind::Saga(block.map_or_else(|| no_block(span), |block| self.block(block)))
            }
            Rule::within | Rule::wait | Rule::receive => self.waiting(kid),
            Rule::patch => self.patch(kid),
            Rule::task => self.task(kid),
            _ => ExprKind::Missing,
        };
        Expr { kind, span }
    }

    fn bracket(&mut self, pair: P<'_>) -> ExprKind {
        let (mut items, mut entries, mut map) = (Vec::new(), Vec::new(), false);
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::empty_map => map = true,
                Rule::entry => {
                    let mut parts = Vec::new();
                    for part in kid.into_inner() {
                        match part.as_rule() {
                            Rule::missing_expr => parts.push(no_expr(self.span(&part))),
                            _ => parts.extend(self.any_expr(part)),
                        }
                    }
                    let value = if parts.len() > 1 { parts.pop() } else { None };
                    let Some(first) = parts.pop() else { continue };
                    match value {
                        Some(value) => entries.push((first, value)),
                        None => items.push(first),
                    }
                }
                _ => {}
            }
        }
        if map || !entries.is_empty() {
            for item in items {
                self.diagnostics.push(
                    Diagnostic::error("WF0001", item.span, "expected `:` and a value, as in the other entries")
                        .help("a map is `[key: value, key: value]`, a list `[a, b]`"),
                );
                let value = no_expr(Span { start: item.span.end, ..item.span });
                entries.push((item, value));
            }
            ExprKind::Map(entries)
        } else {
            ExprKind::List(items)
        }
    }

    fn tuple(&mut self, pair: P<'_>) -> ExprKind {
        let mut items = Vec::new();
        for kid in pair.into_inner() {
            items.extend(self.any_expr(kid));
        }
        match (items.len(), items.pop()) {
            (1, Some(only)) => only.kind,
            (_, last) => ExprKind::Tuple(items.into_iter().chain(last).collect()),
        }
    }

    fn record(&mut self, pair: P<'_>) -> ExprKind {
        let (mut spreads, mut slots, mut quoted) = (Vec::new(), Vec::new(), false);
        for slot in pair.into_inner() {
            quoted |= slot.as_rule() == Rule::quoted;
            if slot.as_rule() != Rule::slot {
                continue;
            }
            let (mut name, mut value) = (None, None);
            for kid in slot.into_inner() {
                match kid.as_rule() {
                    Rule::word => name = Some(self.name(&kid)),
                    Rule::expr => value = Some(self.expr(kid)),
                    Rule::missing_expr => value = Some(no_expr(self.span(&kid))),
                    _ => {}
                }
            }
            match name {
                Some(name) => slots.push((name, value)),
                None => spreads.extend(value),
            }
        }
        // Whether a record or a map was meant is not known.
        if quoted { ExprKind::Missing } else { ExprKind::Record { spreads, slots } }
    }

    /// `Line { sku: "a" }`, meant as the call `Line(sku: "a")`.
    fn literal(&mut self, pair: P<'_>) -> ExprKind {
        let mut callee = no_expr(self.span(&pair));
        let mut args = Vec::new();
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::name => callee = Expr { kind: ExprKind::Name(kid.as_str().to_owned()), span: self.span(&kid) },
                Rule::recordx => {
                    let ExprKind::Record { slots, .. } = self.record(kid) else { return ExprKind::Missing };
                    for (name, value) in slots {
                        let short = || Expr { kind: ExprKind::Name(name.text.clone()), span: name.span };
                        let value = value.unwrap_or_else(short);
                        args.push(Arg { name: Some(name), value });
                    }
                }
                _ => {}
            }
        }
        ExprKind::Call { callee: Box::new(callee), args, with: None }
    }

    fn if_expr(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        if !self.enter(1, span) {
            return no_expr(span);
        }
        let expr = deep(|| self.shallow_if(pair, span));
        self.leave(1);
        expr
    }

    fn shallow_if(&mut self, pair: P<'_>, span: Span) -> Expr {
        let (mut let_pattern, mut cond, mut then, mut otherwise) = (None, no_expr(span), None, None);
        let mut in_else = false;
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::kw_else => in_else = true,
                Rule::pattern => let_pattern = Some(self.pattern(kid)),
                Rule::missing_pattern => let_pattern = Some(no_pattern(self.span(&kid))),
                Rule::expr => cond = self.expr(kid),
                Rule::cond => cond = equals(cond, self.expr(kid)),
                Rule::missing_expr => cond = no_expr(self.span(&kid)),
                Rule::block if !in_else => then = Some(self.block(kid)),
                Rule::missing_block if !in_else => then = Some(no_block(self.span(&kid))),
                Rule::missing_block => otherwise = Some(Box::new(no_expr(self.span(&kid)))),
                Rule::block | Rule::r#if | Rule::elif => otherwise = self.any_expr(kid).map(Box::new),
                _ => {}
            }
        }
        let then = then.unwrap_or_else(|| no_block(span));
        Expr { kind: ExprKind::If { let_pattern, cond: Box::new(cond), then, otherwise }, span }
    }

    fn match_expr(&mut self, pair: P<'_>) -> ExprKind {
        let span = self.span(&pair);
        let (mut value, mut arms) = (no_expr(span), Vec::new());
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::expr => value = self.expr(kid),
                Rule::missing_expr => value = no_expr(self.span(&kid)),
                Rule::case => {
                    let place = self.span(&kid);
                    let mut arm = MatchArm { pattern: no_pattern(place), guard: None, body: no_expr(place) };
                    for part in kid.into_inner() {
                        match part.as_rule() {
                            Rule::pattern => arm.pattern = self.pattern(part),
                            Rule::foreign_else => {
                                arm.pattern = Pattern { kind: PatternKind::Wildcard, span: self.span(&part) };
                            }
                            Rule::cond => arm.guard = Some(self.expr(part)),
                            Rule::missing_expr => arm.guard = Some(no_expr(self.span(&part))),
                            Rule::arm => arm.body = self.arm(part),
                            Rule::missing_arm => arm.body = no_expr(self.span(&part)),
                            _ => {}
                        }
                    }
                    arms.push(arm);
                }
                _ => {}
            }
        }
        ExprKind::Match { value: Box::new(value), arms }
    }

    fn branches(&mut self, pair: P<'_>) -> Vec<Expr> {
        let mut list = Vec::new();
        for kid in pair.into_inner() {
            list.extend(self.branch(kid));
        }
        list
    }

    /// A branch of `parallel` or `race`. Statements are no branch, but what they mean is known.
    fn branch(&mut self, pair: P<'_>) -> Option<Expr> {
        if pair.as_rule() != Rule::stmt {
            return self.any_expr(pair);
        }
        let stmt = self.stmt(pair);
        let span = stmt.span;
        let block = match stmt.kind {
            StmtKind::Block(block) => block,
            _ => Block { stmts: vec![stmt], span },
        };
        Some(Expr { kind: ExprKind::Block(block), span })
    }

    fn parallel(&mut self, pair: P<'_>) -> ExprKind {
        let span = self.span(&pair);
        let (mut args, mut branches, mut is_for) = (Vec::new(), Vec::new(), false);
        let (mut pattern, mut items, mut body) = (no_pattern(span), no_expr(span), no_block(span));
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::args => args = self.args(kid),
                Rule::kw_for => is_for = true,
                Rule::pattern => pattern = self.pattern(kid),
                Rule::missing_pattern => pattern = no_pattern(self.span(&kid)),
                Rule::expr if is_for => items = self.expr(kid),
                Rule::missing_expr => items = no_expr(self.span(&kid)),
                Rule::expr | Rule::stmt => branches.extend(self.branch(kid)),
                Rule::block => body = self.block(kid),
                _ => {}
            }
        }
        if is_for {
            ExprKind::ParallelFor { args, pattern, items: Box::new(items), body }
        } else {
            ExprKind::ParallelBlock { args, branches }
        }
    }

    fn select(&mut self, pair: P<'_>) -> ExprKind {
        let mut branches = Vec::new();
        for kid in pair.into_inner() {
            if kid.as_rule() != Rule::branch {
                continue;
            }
            let span = self.span(&kid);
            let (mut source, mut body) = (SelectSource::When(no_expr(span)), no_expr(span));
            for part in kid.into_inner() {
                match part.as_rule() {
                    Rule::source => source = self.source(part),
                    Rule::arm => body = self.arm(part),
                    Rule::missing_arm => body = no_expr(self.span(&part)),
                    _ => {}
                }
            }
            branches.push(SelectBranch { source, body, span });
        }
        ExprKind::Select(branches)
    }

    fn source(&mut self, pair: P<'_>) -> SelectSource {
        let span = self.span(&pair);
        let (mut word, mut signal) = (Rule::kw_when, self.no_name(span));
        let (mut patterns, mut pattern, mut value) = (None, None, no_expr(span));
        for kid in pair.into_inner() {
            match kid.as_rule() {
                rule @ (Rule::kw_receive | Rule::kw_await | Rule::kw_after | Rule::kw_at | Rule::kw_when) => {
                    word = rule;
                }
                Rule::name => signal = self.name(&kid),
                Rule::pattern_args => patterns = Some(self.nested_patterns(kid)),
                Rule::pattern => pattern = Some(self.pattern(kid)),
                Rule::missing_pattern => pattern = Some(no_pattern(self.span(&kid))),
                Rule::missing_expr => value = no_expr(self.span(&kid)),
                _ => {
                    if let Some(expr) = self.any_expr(kid) {
                        value = expr;
                    }
                }
            }
        }
        match word {
            Rule::kw_receive => SelectSource::Receive { signal, patterns },
            Rule::kw_await => SelectSource::Await { task: value, pattern },
            Rule::kw_after => SelectSource::After(value),
            Rule::kw_at => SelectSource::At(value),
            _ => SelectSource::When(value),
        }
    }

    fn try_expr(&mut self, pair: P<'_>) -> ExprKind {
        let span = self.span(&pair);
        let (mut body, mut catches) = (no_block(span), Vec::new());
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::block => body = self.block(kid),
                Rule::clause => {
                    let place = self.span(&kid);
                    let (mut pattern, mut block) = (no_pattern(place), no_block(place));
                    for part in kid.into_inner() {
                        match part.as_rule() {
                            Rule::pattern => pattern = self.pattern(part),
                            Rule::block => block = self.block(part),
                            _ => {}
                        }
                    }
                    catches.push((pattern, block));
                }
                _ => {}
            }
        }
        ExprKind::Try { body, catches }
    }

    /// `within`, `wait until`, `receive`: a value, perhaps a timeout, perhaps an `else`.
    fn waiting(&mut self, pair: P<'_>) -> ExprKind {
        let rule = pair.as_rule();
        let span = self.span(&pair);
        let (mut signal, mut body) = (self.no_name(span), no_block(span));
        let (mut first, mut timeout, mut otherwise, mut in_timeout) = (None, None, None, false);
        for kid in pair.into_inner() {
            let expr = match kid.as_rule() {
                Rule::name => {
                    signal = self.name(&kid);
                    continue;
                }
                Rule::kw_timeout => {
                    in_timeout = true;
                    continue;
                }
                Rule::block => {
                    body = self.block(kid);
                    continue;
                }
                Rule::r#else => {
                    otherwise = Some(Box::new(self.only_expr(kid)));
                    continue;
                }
                Rule::expr => self.expr(kid),
                Rule::missing_expr => no_expr(self.span(&kid)),
                _ => continue,
            };
            if in_timeout { timeout = Some(Box::new(expr)) } else { first = Some(Box::new(expr)) }
        }
        let value = first.unwrap_or_else(|| Box::new(no_expr(span)));
        match rule {
            Rule::within => ExprKind::Within { limit: value, body, otherwise },
            Rule::wait => ExprKind::WaitUntil { cond: value, timeout, otherwise },
            _ => ExprKind::Receive { signal, timeout, otherwise },
        }
    }

    fn patch(&mut self, pair: P<'_>) -> ExprKind {
        let span = self.span(&pair);
        let (mut deprecated, mut mode, mut in_else) = (false, None, false);
        let mut id = StringLit { parts: Vec::new(), span };
        let (mut body, mut otherwise) = (no_block(span), None);
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::kw_deprecated => deprecated = true,
                Rule::kw_each => mode = Some(PatchWord::Each),
                Rule::kw_sticky => mode = Some(PatchWord::Sticky),
                Rule::kw_else => in_else = true,
                Rule::string => id = self.string(kid),
                Rule::block if in_else => otherwise = Some(self.block(kid)),
                Rule::block => body = self.block(kid),
                Rule::missing_block if in_else => otherwise = Some(no_block(self.span(&kid))),
                _ => {}
            }
        }
        ExprKind::Patch { deprecated, id, mode, body, otherwise }
    }

    fn task(&mut self, pair: P<'_>) -> ExprKind {
        let span = self.span(&pair);
        let (mut word, mut value) = (Rule::kw_spawn, no_expr(span));
        for kid in pair.into_inner() {
            match kid.as_rule() {
                rule @ (Rule::kw_spawn | Rule::kw_await | Rule::kw_start | Rule::kw_send) => word = rule,
                Rule::block => return ExprKind::SpawnBlock(self.block(kid)),
                Rule::missing_expr => value = no_expr(self.span(&kid)),
                _ => {
                    if let Some(expr) = self.any_expr(kid) {
                        value = expr;
                    }
                }
            }
        }
        let value = Box::new(value);
        match word {
            Rule::kw_spawn => ExprKind::Spawn(value),
            Rule::kw_await if matches!(value.kind, ExprKind::Call { .. }) => {
                self.awaited_call(span, &value);
                value.kind
            }
            Rule::kw_await => awaiting(*value),
            Rule::kw_start => ExprKind::Start(value),
            _ => ExprKind::Send(value),
        }
    }
}

/// The `catch`es right behind the last operand of a handler: they are for all that stands before, the handler and what
/// it is for.
fn catches_behind(handler: P<'_>) -> Vec<P<'_>> {
    let mut last = Some(handler);
    while let Some(pair) = last {
        match pair.as_rule() {
            Rule::arm | Rule::expr | Rule::expr_n | Rule::never | Rule::r#return | Rule::primary | Rule::task => {
                last = pair.into_inner().next_back();
            }
            Rule::postfix => {
                let kids: Vec<_> = pair.into_inner().collect();
                let first = kids.iter().rposition(|kid| kid.as_rule() != Rule::catch).map_or(0, |n| n + 1);
                if first < kids.len() {
                    return kids.into_iter().skip(first).collect();
                }
                last = kids.into_iter().next_back();
            }
            _ => return Vec::new(),
        }
    }
    Vec::new()
}

/// `await task catch E => x` catches what the task throws where it is awaited.
fn awaiting(value: Expr) -> ExprKind {
    match value.kind {
        ExprKind::Catch { body, pattern, handler } => {
            let span = body.span;
            let body = Box::new(Expr { kind: awaiting(*body), span });
            ExprKind::Catch { body, pattern, handler }
        }
        _ => ExprKind::Await(Box::new(value)),
    }
}

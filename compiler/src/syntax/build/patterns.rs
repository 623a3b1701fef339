//! Patterns and types.

use super::*;

impl Builder<'_> {
    pub(super) fn pattern(&mut self, pair: P<'_>) -> Pattern {
        let span = self.span(&pair);
        if !self.enter(1, span) {
            return no_pattern(span);
        }
        let pattern = deep(|| self.shallow_pattern(pair, span));
        self.leave(1);
        pattern
    }

    fn shallow_pattern(&mut self, pair: P<'_>, span: Span) -> Pattern {
        let mut ones = Vec::new();
        let mut name = None;
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::one => ones.push(self.one_pattern(kid)),
                Rule::name => name = Some(self.name(&kid)),
                _ => {}
            }
        }
        let pattern = match (ones.len(), ones.pop()) {
            (1, Some(one)) => one,
            (_, Some(last)) => {
                let span = ones[0].span.to(last.span);
                ones.push(last);
                Pattern { kind: PatternKind::Or(ones), span }
            }
            (_, None) => return no_pattern(span),
        };
        match name {
            Some(name) => Pattern { kind: PatternKind::As { pattern: Box::new(pattern), name }, span },
            None => pattern,
        }
    }

    fn one_pattern(&mut self, pair: P<'_>) -> Pattern {
        let span = self.span(&pair);
        let mut kind = PatternKind::Missing;
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::negative => kind = PatternKind::Number(self.number(kid.as_str())),
                Rule::number => kind = PatternKind::Number(self.number(kid.as_str())),
                Rule::string => kind = PatternKind::String(self.string(kid)),
                Rule::kw_true => kind = PatternKind::Bool(true),
                Rule::kw_false => kind = PatternKind::Bool(false),
                Rule::kw_none => kind = PatternKind::None,
                Rule::wildcard => kind = PatternKind::Wildcard,
                Rule::path if is_null(kid.as_str()) => {
                    self.null(&kid);
                    kind = PatternKind::None;
                }
                Rule::path => kind = PatternKind::Path { name: self.name(&kid), args: None },
                Rule::pattern_args => {
                    let list = self.nested_patterns(kid);
                    if let PatternKind::Path { args, .. } = &mut kind {
                        *args = Some(list);
                    }
                }
                Rule::pattern_tuple => {
                    let mut list = self.nested_patterns(kid);
                    kind = match (list.len(), list.pop()) {
                        (1, Some(only)) => only.kind,
                        (_, last) => PatternKind::Tuple(list.into_iter().chain(last).collect()),
                    };
                }
                Rule::pattern_record => {
                    let (mut fields, mut rest) = (Vec::new(), false);
                    for part in kid.into_inner() {
                        match part.as_rule() {
                            Rule::word => fields.push(self.name(&part)),
                            Rule::rest => rest = true,
                            _ => {}
                        }
                    }
                    kind = PatternKind::Record { fields, rest };
                }
                _ => {}
            }
        }
        Pattern { kind, span }
    }

    pub(super) fn nested_patterns(&mut self, pair: P<'_>) -> Vec<Pattern> {
        let mut list = Vec::new();
        for kid in pair.into_inner() {
            if kid.as_rule() == Rule::patterns {
                list = self.patterns(kid);
            }
        }
        list
    }

    pub(super) fn patterns(&mut self, pair: P<'_>) -> Vec<Pattern> {
        let mut list = Vec::new();
        for kid in pair.into_inner() {
            if kid.as_rule() == Rule::pattern {
                list.push(self.pattern(kid));
            }
        }
        list
    }

    pub(super) fn ty(&mut self, pair: P<'_>) -> TypeExpr {
        let span = self.span(&pair);
        if !self.enter(1, span) {
            return no_type(span);
        }
        let ty = deep(|| self.shallow_type(pair, span));
        self.leave(1);
        ty
    }

    fn shallow_type(&mut self, pair: P<'_>, span: Span) -> TypeExpr {
        let mut kind = TypeKind::Missing;
        let mut optional = None;
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::path => kind = TypeKind::Path { name: self.name(&kid), args: Vec::new() },
                Rule::type_paren => kind = TypeKind::Tuple(self.types(kid)),
                Rule::result_arrow => {
                    if let TypeKind::Tuple(params) = kind {
                        let place = self.span(&kid);
                        kind = TypeKind::Fn { params, result: Box::new(no_type(place)) };
                    }
                }
                Rule::fields => kind = TypeKind::Record(self.params(kid)),
                Rule::r#type | Rule::missing_type => {
                    let ty = if kid.as_rule() == Rule::r#type { self.ty(kid) } else { no_type(self.span(&kid)) };
                    match &mut kind {
                        TypeKind::Path { args, .. } => args.push(ty),
                        TypeKind::Fn { result, .. } => **result = ty,
                        _ => {}
                    }
                }
                Rule::foreign_array => {
                    let name = Name { text: "List".to_owned(), span };
                    kind = TypeKind::Path { name, args: vec![TypeExpr { kind, span }] };
                }
                Rule::optional => optional = Some(self.span(&kid)),
                _ => {}
            }
        }
        // Parentheses around one type only group.
        if let TypeKind::Tuple(list) = &mut kind
            && list.len() == 1
            && let Some(only) = list.pop()
        {
            kind = only.kind;
        }
        match optional {
            Some(mark) => {
                let inner = TypeExpr { kind, span: Span { end: mark.start, ..span } };
                TypeExpr { kind: TypeKind::Option(Box::new(inner)), span }
            }
            None => TypeExpr { kind, span },
        }
    }

    fn types(&mut self, pair: P<'_>) -> Vec<TypeExpr> {
        let mut list = Vec::new();
        for kid in pair.into_inner() {
            if kid.as_rule() == Rule::r#type {
                list.push(self.ty(kid));
            }
        }
        list
    }
}

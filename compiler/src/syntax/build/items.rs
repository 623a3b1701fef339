//! Declarations and members of workflows.

use super::*;

/// What may be found among the children of a declaration, by kind; each declaration takes what it knows.
#[derive(Default)]
struct Parts {
    doc: String,
    annotations: Vec<Annotation>,
    names: Vec<Name>,
    path: Option<Name>,
    generics: Vec<Name>,
    fields: Vec<Param>,
    variants: Vec<VariantDecl>,
    sig: Option<Sig>,
    with: Option<With>,
    blocks: Vec<Block>,
    args: Vec<Arg>,
    ty: Option<TypeExpr>,
    value: Option<Expr>,
    string: Option<StringLit>,
    kind: Option<DefaultKind>,
    members: Vec<Member>,
    public: bool,
    indexed: bool,
    checked: bool,
}

impl Parts {
    fn name(&mut self, or: Name) -> Name {
        if self.names.is_empty() { or } else { self.names.remove(0) }
    }
}

impl Builder<'_> {
    pub(super) fn item(&mut self, pair: P<'_>) -> Item {
        let span = self.span(&pair);
        let mut item = Item { doc: String::new(), annotations: Vec::new(), public: false, decl: Decl::Missing, span };
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::doc => add_doc(&mut item.doc, kid.as_str()),
                Rule::annot => item.annotations.push(self.annotation(kid)),
                Rule::kw_pub => item.public = true,
                _ => {
                    if let Some(decl) = self.decl(kid) {
                        item.decl = decl;
                    }
                }
            }
        }
        item
    }

    fn decl(&mut self, pair: P<'_>) -> Option<Decl> {
        let rule = pair.as_rule();
        let span = self.span(&pair);
        let after_word = Span { start: span.end, ..span };
        let mut parts = match rule {
            Rule::import
            | Rule::default
            | Rule::r#const
            | Rule::alias
            | Rule::record
            | Rule::error
            | Rule::r#enum
            | Rule::r#fn
            | Rule::flow
            | Rule::activity
            | Rule::workflow
            | Rule::schedule
            | Rule::test => self.parts(pair),
            _ => return None,
        };
        let none = self.no_name(span);
        let no_sig = Sig { params: Vec::new(), result: None, throws: Vec::new(), span: after_word };
        let no_with = With { options: Vec::new(), span: after_word };
        Some(match rule {
            Rule::import => {
                let path = parts.path.take().unwrap_or(none);
                Decl::Import { path, names: parts.generics, alias: parts.names.pop() }
            }
            Rule::default => {
                Decl::Default { kind: parts.kind.unwrap_or(DefaultKind::Missing), with: parts.with.unwrap_or(no_with) }
            }
            Rule::r#const => Decl::Const {
                name: parts.name(none),
                ty: parts.ty,
                value: parts.value.unwrap_or_else(|| no_expr(after_word)),
            },
            Rule::alias => Decl::Alias {
                name: parts.name(none),
                generics: parts.generics,
                ty: parts.ty.unwrap_or_else(|| no_type(after_word)),
            },
            Rule::record => Decl::Record { name: parts.name(none), generics: parts.generics, fields: parts.fields },
            Rule::error => Decl::Error { name: parts.name(none), fields: parts.fields },
            Rule::r#enum => Decl::Enum { name: parts.name(none), generics: parts.generics, variants: parts.variants },
            Rule::r#fn | Rule::flow => {
                let decl = FnDecl {
                    name: parts.name(none),
                    generics: parts.generics,
                    sig: parts.sig.unwrap_or(no_sig),
                    body: parts.blocks.pop().unwrap_or_else(|| no_block(span)),
                };
                if rule == Rule::flow { Decl::Flow(decl) } else { Decl::Fn(decl) }
            }
            Rule::activity => {
                Decl::Activity { name: parts.name(none), sig: parts.sig.unwrap_or(no_sig), with: parts.with }
            }
            Rule::workflow => Decl::Workflow(WorkflowDecl {
                name: parts.name(none),
                sig: parts.sig.unwrap_or(no_sig),
                with: parts.with,
                members: parts.members,
                body: parts.blocks.pop().unwrap_or_else(|| no_block(span)),
            }),
            Rule::schedule => Decl::Schedule {
                name: parts.name(none.clone()),
                runs: parts.path.unwrap_or(none),
                args: parts.args,
                with: parts.with.unwrap_or(no_with),
            },
            _ => Decl::Test {
                name: parts.string.unwrap_or(StringLit { parts: Vec::new(), span: after_word }),
                body: parts.blocks.pop().unwrap_or_else(|| no_block(span)),
            },
        })
    }

    /// Sorts the children of a declaration or member by kind.
    fn parts(&mut self, pair: P<'_>) -> Parts {
        let mut parts = Parts::default();
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::doc => add_doc(&mut parts.doc, kid.as_str()),
                Rule::annot => {
                    let annotation = self.annotation(kid);
                    parts.annotations.push(annotation);
                }
                Rule::name => parts.names.push(self.name(&kid)),
                Rule::missing_name => {
                    let span = self.span(&kid);
                    parts.names.push(Name { text: String::new(), span });
                }
                Rule::path => parts.path = Some(self.name(&kid)),
                Rule::generics | Rule::import_names => parts.generics = self.names(kid),
                Rule::fields => parts.fields = self.params(kid),
                Rule::params => parts.fields = self.params(kid),
                Rule::variant => {
                    let variant = self.variant(kid);
                    parts.variants.push(variant);
                }
                Rule::sig => parts.sig = Some(self.sig(kid)),
                Rule::with | Rule::bare_with => parts.with = Some(self.with(kid)),
                Rule::body | Rule::block => {
                    let block = self.body(kid);
                    parts.blocks.push(block);
                }
                Rule::missing_block | Rule::missing_body => {
                    let span = self.span(&kid);
                    parts.blocks.push(no_block(span));
                }
                Rule::wf_block => {
                    let (members, block) = self.wf_block(kid);
                    parts.members = members;
                    parts.blocks.push(block);
                }
                Rule::args => parts.args = self.args(kid),
                Rule::r#type => parts.ty = Some(self.ty(kid)),
                Rule::missing_type => {
                    let span = self.span(&kid);
                    parts.ty = Some(no_type(span));
                }
                Rule::expr => parts.value = Some(self.expr(kid)),
                Rule::missing_expr => {
                    let span = self.span(&kid);
                    parts.value = Some(no_expr(span));
                }
                Rule::string => parts.string = Some(self.string(kid)),
                Rule::kw_activity => parts.kind = Some(DefaultKind::Activity),
                Rule::kw_workflow => parts.kind = Some(DefaultKind::Workflow),
                Rule::kw_pub => parts.public = true,
                Rule::kw_indexed => parts.indexed = true,
                Rule::kw_check => parts.checked = true,
                _ => {}
            }
        }
        parts
    }

    fn names(&mut self, pair: P<'_>) -> Vec<Name> {
        let mut names = Vec::new();
        for kid in pair.into_inner() {
            if kid.as_rule() == Rule::name {
                names.push(self.name(&kid));
            }
        }
        names
    }

    fn annotation(&mut self, pair: P<'_>) -> Annotation {
        let span = self.span(&pair);
        let mut parts = self.parts(pair);
        let none = self.no_name(span);
        Annotation { name: parts.name(none), args: parts.args, span }
    }

    fn variant(&mut self, pair: P<'_>) -> VariantDecl {
        let span = self.span(&pair);
        let mut parts = self.parts(pair);
        let none = self.no_name(span);
        let (doc, annotations) = (std::mem::take(&mut parts.doc), std::mem::take(&mut parts.annotations));
        VariantDecl { doc, annotations, name: parts.name(none), fields: parts.fields }
    }

    fn sig(&mut self, pair: P<'_>) -> Sig {
        let mut sig = Sig { params: Vec::new(), result: None, throws: Vec::new(), span: self.span(&pair) };
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::params => sig.params = self.params(kid),
                Rule::r#type => sig.result = Some(self.ty(kid)),
                Rule::missing_type => {
                    let span = self.span(&kid);
                    sig.result = Some(no_type(span));
                }
                Rule::path => sig.throws.push(self.name(&kid)),
                _ => {}
            }
        }
        sig
    }

    /// The parameters of `params`, or the fields of `fields`.
    pub(super) fn params(&mut self, pair: P<'_>) -> Vec<Param> {
        let mut params = Vec::new();
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::param => params.push(self.param(kid)),
                Rule::field => {
                    let (mut doc, mut annotations) = (String::new(), Vec::new());
                    for part in kid.into_inner() {
                        match part.as_rule() {
                            Rule::doc => add_doc(&mut doc, part.as_str()),
                            Rule::annot => annotations.push(self.annotation(part)),
                            Rule::param => {
                                let (doc, annotations) = (std::mem::take(&mut doc), std::mem::take(&mut annotations));
                                params.push(Param { doc, annotations, ..self.param(part) });
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        params
    }

    fn param(&mut self, pair: P<'_>) -> Param {
        let span = self.span(&pair);
        let (doc, annotations) = (String::new(), Vec::new());
        let mut param = Param { doc, annotations, name: self.no_name(span), ty: no_type(span), default: None };
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::word => param.name = self.name(&kid),
                Rule::r#type => param.ty = self.ty(kid),
                Rule::expr => param.default = Some(self.expr(kid)),
                Rule::missing_expr => {
                    let span = self.span(&kid);
                    param.default = Some(no_expr(span));
                }
                _ => {}
            }
        }
        param
    }

    pub(super) fn with(&mut self, pair: P<'_>) -> With {
        let mut with = With { options: Vec::new(), span: self.span(&pair) };
        for opt in pair.into_inner() {
            if opt.as_rule() != Rule::opt {
                continue;
            }
            let span = self.span(&opt);
            let (mut name, mut value) = (self.no_name(span), no_expr(span));
            for kid in opt.into_inner() {
                match kid.as_rule() {
                    Rule::word => name = self.name(&kid),
                    Rule::expr => value = self.expr(kid),
                    Rule::r#type | Rule::missing_type => {
                        let span = self.span(&kid);
                        let ty = if kid.as_rule() == Rule::r#type { self.ty(kid) } else { no_type(span) };
                        value = Expr { kind: ExprKind::Type(Box::new(ty)), span };
                    }
                    // `on_cancel: wait`: words that begin an expression elsewhere.
                    Rule::opt_word => {
                        for word in kid.into_inner() {
                            let span = self.span(&word);
                            value = Expr { kind: ExprKind::Name(word.as_str().to_owned()), span };
                        }
                    }
                    Rule::missing_expr => value = no_expr(self.span(&kid)),
                    _ => {}
                }
            }
            with.options.push((name, value));
        }
        with
    }

    /// `= expr` or a block.
    fn body(&mut self, pair: P<'_>) -> Block {
        if pair.as_rule() == Rule::block {
            return self.block(pair);
        }
        let span = self.span(&pair);
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::block => return self.block(kid),
                Rule::expr => {
                    let expr = self.expr(kid);
                    let span = expr.span;
                    return Block { stmts: vec![Stmt { kind: StmtKind::Expr { expr, undo: None }, span }], span };
                }
                Rule::missing_expr => {
                    let span = self.span(&kid);
                    let kind = StmtKind::Expr { expr: no_expr(span), undo: None };
                    return Block { stmts: vec![Stmt { kind, span }], span };
                }
                _ => {}
            }
        }
        no_block(span)
    }

    fn wf_block(&mut self, pair: P<'_>) -> (Vec<Member>, Block) {
        let span = self.span(&pair);
        let (mut members, mut stmts) = (Vec::new(), Vec::new());
        for kid in pair.into_inner() {
            if kid.as_rule() == Rule::member {
                members.push(self.member(kid));
            } else {
                self.stmt_into(kid, &mut stmts);
            }
        }
        self.lone_words(&mut stmts);
        (members, Block { stmts, span })
    }

    fn member(&mut self, pair: P<'_>) -> Member {
        let span = self.span(&pair);
        let mut member = Member { doc: String::new(), annotations: Vec::new(), kind: MemberKind::Missing, span };
        for kid in pair.into_inner() {
            match kid.as_rule() {
                Rule::doc => add_doc(&mut member.doc, kid.as_str()),
                Rule::annot => member.annotations.push(self.annotation(kid)),
                Rule::state | Rule::signal | Rule::query | Rule::update => member.kind = self.member_kind(kid),
                _ => {}
            }
        }
        member
    }

    fn member_kind(&mut self, pair: P<'_>) -> MemberKind {
        let rule = pair.as_rule();
        let span = self.span(&pair);
        let after_word = Span { start: span.end, ..span };
        let mut parts = self.parts(pair);
        let none = self.no_name(span);
        let name = parts.name(none);
        match rule {
            Rule::state => MemberKind::State {
                public: parts.public,
                indexed: parts.indexed,
                name,
                ty: parts.ty,
                value: parts.value,
            },
            Rule::signal => MemberKind::Signal { name, params: parts.fields, body: parts.blocks.pop() },
            Rule::query => MemberKind::Query {
                name,
                params: parts.fields,
                result: parts.ty.unwrap_or_else(|| no_type(after_word)),
                body: parts.blocks.pop().unwrap_or_else(|| no_block(span)),
            },
            _ => {
                let body = parts.blocks.pop().unwrap_or_else(|| no_block(span));
                let check = if parts.checked { parts.blocks.pop() } else { None };
                let sig =
                    parts.sig.unwrap_or(Sig { params: Vec::new(), result: None, throws: Vec::new(), span: after_word });
                MemberKind::Update { name, sig, with: parts.with, check, body }
            }
        }
    }
}

/// Appends a line of a doc comment, without its slashes and the space after them.
fn add_doc(doc: &mut String, line: &str) {
    if !doc.is_empty() {
        doc.push('\n');
    }
    let line = line.trim_start_matches('/').trim_end();
    doc.push_str(line.strip_prefix(' ').unwrap_or(line));
}

//! The outline of a file: what it declares, and what is inside.

use tower_lsp::ls_types::{DocumentSymbol, SymbolKind};
use weft_compiler::Span;
use weft_compiler::syntax::ast::{Decl, File, Item, Member, MemberKind, Name, Param};

use crate::proto::View;

/// The declarations of a file in their order. Imports, defaults and what cannot be read have no name and are left out.
pub(crate) fn outline(file: &File, view: View<'_>) -> Vec<DocumentSymbol> {
    file.items.iter().filter_map(|item| declared(item, view)).collect()
}

fn declared(item: &Item, view: View<'_>) -> Option<DocumentSymbol> {
    let fields = |all: &[Param]| all.iter().filter_map(|field| leaf(&field.name, SymbolKind::FIELD, view)).collect();
    let (name, kind, detail, inside): (_, _, _, Vec<DocumentSymbol>) = match &item.decl {
        Decl::Const { name, .. } => (name, SymbolKind::CONSTANT, "const", Vec::new()),
        Decl::Alias { name, .. } => (name, SymbolKind::INTERFACE, "type", Vec::new()),
        Decl::Record { name, fields: all, .. } => (name, SymbolKind::STRUCT, "record", fields(all)),
        Decl::Error { name, fields: all } => (name, SymbolKind::STRUCT, "error", fields(all)),
        Decl::Enum { name, variants, .. } => {
            let variants = variants.iter().filter_map(|variant| leaf(&variant.name, SymbolKind::ENUM_MEMBER, view));
            (name, SymbolKind::ENUM, "enum", variants.collect())
        }
        Decl::Fn(decl) => (&decl.name, SymbolKind::FUNCTION, "fn", Vec::new()),
        Decl::Flow(decl) => (&decl.name, SymbolKind::FUNCTION, "flow", Vec::new()),
        Decl::Activity { name, .. } => (name, SymbolKind::METHOD, "activity", Vec::new()),
        Decl::Workflow(decl) => {
            let members = decl.members.iter().filter_map(|part| member(part, view)).collect();
            (&decl.name, SymbolKind::CLASS, "workflow", members)
        }
        Decl::Schedule { name, .. } => (name, SymbolKind::EVENT, "schedule", Vec::new()),
        Decl::Test { name, .. } => {
            let text = &view.text[name.span.start as usize..name.span.end as usize];
            let shown = text.trim_matches('"');
            return symbol(shown, SymbolKind::METHOD, "test", item.span, name.span, Vec::new(), view);
        }
        Decl::Import { .. } | Decl::Default { .. } | Decl::Missing => return None,
    };
    symbol(&name.text, kind, detail, item.span, name.span, inside, view)
}

fn member(member: &Member, view: View<'_>) -> Option<DocumentSymbol> {
    let (name, kind, detail) = match &member.kind {
        MemberKind::State { name, .. } => (name, SymbolKind::FIELD, "state"),
        MemberKind::Signal { name, .. } => (name, SymbolKind::EVENT, "signal"),
        MemberKind::Query { name, .. } => (name, SymbolKind::METHOD, "query"),
        MemberKind::Update { name, .. } => (name, SymbolKind::METHOD, "update"),
        MemberKind::Missing => return None,
    };
    symbol(&name.text, kind, detail, member.span, name.span, Vec::new(), view)
}

fn leaf(name: &Name, kind: SymbolKind, view: View<'_>) -> Option<DocumentSymbol> {
    symbol(&name.text, kind, "", name.span, name.span, Vec::new(), view)
}

fn symbol(
    name: &str,
    kind: SymbolKind,
    detail: &str,
    whole: Span,
    name_span: Span,
    inside: Vec<DocumentSymbol>,
    view: View<'_>,
) -> Option<DocumentSymbol> {
    // Clients refuse a symbol without a name, and one whose name is outside of it.
    if name.is_empty() {
        return None;
    }
    let whole = Span { start: whole.start.min(name_span.start), end: whole.end.max(name_span.end), ..whole };
    #[allow(deprecated, reason = "the protocol's type has the field")]
    Some(DocumentSymbol {
        name: name.to_owned(),
        detail: (!detail.is_empty()).then(|| detail.to_owned()),
        kind,
        tags: None,
        deprecated: None,
        range: view.range(whole),
        selection_range: view.range(name_span),
        children: (!inside.is_empty()).then_some(inside),
    })
}

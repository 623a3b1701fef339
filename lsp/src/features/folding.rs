//! What can be folded: declarations, members of workflows, runs of imports, comments of several lines.

use tower_lsp::ls_types::{FoldingRange, FoldingRangeKind};
use weft_compiler::Span;
use weft_compiler::syntax::ast::{Decl, File};

use crate::proto::View;

/// The folds of a file, outer ones first.
pub(crate) fn folds(file: &File, view: View<'_>) -> Vec<FoldingRange> {
    let mut folds = Vec::new();
    let mut imports: Option<Span> = None;
    for item in &file.items {
        if matches!(item.decl, Decl::Import { .. }) {
            imports = Some(imports.map_or(item.span, |first| first.to(item.span)));
            continue;
        }
        folds.extend(imports.take().and_then(|span| lines(span, Some(FoldingRangeKind::Imports), view)));
        folds.extend(lines(item.span, None, view));
        if let Decl::Workflow(decl) = &item.decl {
            folds.extend(decl.members.iter().filter_map(|member| lines(member.span, None, view)));
        }
    }
    folds.extend(imports.and_then(|span| lines(span, Some(FoldingRangeKind::Imports), view)));
    folds.extend(comments(view));
    folds
}

/// A fold over whole lines; none where there is but one.
fn lines(span: Span, kind: Option<FoldingRangeKind>, view: View<'_>) -> Option<FoldingRange> {
    let range = view.range(span);
    let (start_line, end_line) = (range.start.line, range.end.line);
    (start_line < end_line).then(|| FoldingRange { start_line, end_line, kind, ..FoldingRange::default() })
}

/// Lines one below the other that are comments and nothing else.
fn comments(view: View<'_>) -> Vec<FoldingRange> {
    let mut folds = Vec::new();
    let mut first: Option<u32> = None;
    let mut last = 0;
    let all = view.text.lines().chain(std::iter::once(""));
    for (number, line) in (0u32..).zip(all) {
        if line.trim_start().starts_with("//") {
            first.get_or_insert(number);
            last = number;
        } else if let Some(start_line) = first.take().filter(|first| *first < last) {
            let kind = Some(FoldingRangeKind::Comment);
            folds.push(FoldingRange { start_line, end_line: last, kind, ..FoldingRange::default() });
        }
    }
    folds
}

//! Colors for what syntax alone cannot know: which names are activities, workflows, signals, state.

use tower_lsp::ls_types::{SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokensLegend};
use weft_compiler::FileId;
use weft_compiler::index::What;

use crate::findings::Findings;

/// Kinds of tokens, in the order of their numbers.
const KINDS: [SemanticTokenType; 9] = [
    SemanticTokenType::FUNCTION,
    SemanticTokenType::METHOD,
    SemanticTokenType::CLASS,
    SemanticTokenType::EVENT,
    SemanticTokenType::PROPERTY,
    SemanticTokenType::PARAMETER,
    SemanticTokenType::VARIABLE,
    SemanticTokenType::TYPE,
    SemanticTokenType::ENUM_MEMBER,
];
/// Modifiers: bit 0 where something waits, bit 1 where a name is declared, bit 2 for what does not change.
const MODIFIERS: [SemanticTokenModifier; 3] =
    [SemanticTokenModifier::ASYNC, SemanticTokenModifier::DECLARATION, SemanticTokenModifier::READONLY];

/// What the numbers mean.
pub(crate) fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend { token_types: KINDS.to_vec(), token_modifiers: MODIFIERS.to_vec() }
}

/// The names of a file that lie between two bytes.
pub(crate) fn between(findings: &Findings, file: FileId, bytes: std::ops::Range<usize>) -> Option<Vec<SemanticToken>> {
    let view = findings.view(file)?;
    let mut tokens = Vec::new();
    let (mut line, mut column) = (0, 0);
    for (span, declared) in findings.index.names_of(file) {
        if (span.end as usize) < bytes.start || span.start as usize >= bytes.end {
            continue;
        }
        let (kind, waits) = match declared.what {
            What::Fn => (0, 0),
            What::Flow => (0, 1),
            What::Activity => (1, 1),
            What::Query | What::Update => (1, 0),
            What::Workflow => (2, 1),
            What::Signal | What::Schedule => (3, 0),
            What::State | What::Field => (4, 0),
            What::Parameter => (5, 0),
            What::Variable => (6, 0),
            What::Alias | What::Record | What::Enum | What::Error => (7, 0),
            What::Variant => (8, 0),
            What::Const => (6, 4),
        };
        let declares = if span == declared.name { 2 } else { 0 };
        let range = view.range(span);
        let (start, length) = (range.start, range.end.character.saturating_sub(range.start.character));
        let delta_line = start.line - line;
        let delta_start = if delta_line == 0 { start.character - column } else { start.character };
        (line, column) = (start.line, start.character);
        tokens.push(SemanticToken {
            delta_line,
            delta_start,
            length,
            token_type: kind,
            token_modifiers_bitset: waits | declares,
        });
    }
    Some(tokens)
}

//! Which arguments a call takes, while it is written.

use tower_lsp::ls_types::{
    Documentation, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel, SignatureHelp, SignatureInformation,
};

use crate::findings::Place;

/// Bytes before the cursor in which the call begins.
const CALL_BYTES_MAX: usize = 4_096;

/// The signature of the innermost call around a place.
pub(crate) fn help(place: Place<'_>) -> Option<SignatureHelp> {
    let before = place.before();
    let (open, argument) = call_around(before)?;
    let callee = Place { offset: before[..open].trim_end().len(), ..place };
    let (_, declared) = callee.named()?;
    let head = &declared.head;
    let (first, last) = (head.find('(')?, closing(head)?);
    let params = pieces(&head[first + 1..last]);
    let parameters = params.iter().map(|(start, end)| ParameterInformation {
        label: ParameterLabel::LabelOffsets([units(head, first + 1 + start), units(head, first + 1 + end)]),
        documentation: None,
    });
    let doc = MarkupContent { kind: MarkupKind::Markdown, value: declared.doc.clone() };
    Some(SignatureHelp {
        signatures: vec![SignatureInformation {
            label: head.clone(),
            documentation: (!declared.doc.is_empty()).then_some(Documentation::MarkupContent(doc)),
            parameters: Some(parameters.collect()),
            active_parameter: None,
        }],
        active_signature: Some(0),
        active_parameter: Some(argument as u32),
    })
}

/// Labels are counted in UTF-16, whatever positions are counted in.
fn units(text: &str, offset: usize) -> u32 {
    text[..offset].chars().map(|char| char.len_utf16() as u32).sum()
}

/// Where the parenthesis of the innermost open call is, and which of its arguments this is, from 0. Text in strings is passed
/// over from its end, so the place itself must not be in one.
fn call_around(before: &str) -> Option<(usize, usize)> {
    let (mut depth, mut commas, mut text) = (0usize, 0, false);
    let window = before.len().saturating_sub(CALL_BYTES_MAX);
    for (at, byte) in before.bytes().enumerate().rev().take_while(|(at, _)| *at >= window) {
        match byte {
            b'"' => text = !text,
            _ if text => {}
            b')' | b']' | b'}' => depth += 1,
            b'[' | b'{' if depth == 0 => return None,
            b'(' if depth == 0 => return Some((at, commas)),
            b'(' | b'[' | b'{' => depth -= 1,
            b',' if depth == 0 => commas += 1,
            _ => {}
        }
    }
    None
}

/// Where the parenthesis that is opened first is closed.
fn closing(head: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in head.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The pieces between the outer commas, without the space around them.
fn pieces(params: &str) -> Vec<(usize, usize)> {
    let (mut pieces, mut depth, mut start) = (Vec::new(), 0i32, 0);
    let mut add = |start: usize, end: usize| {
        let piece = &params[start..end];
        let lead = piece.len() - piece.trim_start().len();
        if !piece.trim().is_empty() {
            pieces.push((start + lead, start + lead + piece.trim().len()));
        }
    };
    for (at, byte) in params.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b'>' if at > 0 && params.as_bytes()[at - 1] == b'=' => {}
            b')' | b']' | b'}' | b'>' => depth -= 1,
            b',' if depth == 0 => {
                add(start, at);
                start = at + 1;
            }
            _ => {}
        }
    }
    add(start, params.len());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_open_call_is_found() {
        assert_eq!(call_around("f(a, g(b, \"x, (\", "), Some((6, 2)));
        assert_eq!(call_around("f(a, g(b), [1, 2], "), Some((1, 3)));
        assert_eq!(call_around("f(a)"), None);
        assert_eq!(call_around("if x { "), None);
    }

    #[test]
    fn parameters_are_what_stands_between_outer_commas() {
        let text = "a: Map<String, Int>, f: (Int, Int) => Int, c: Int = 2";
        let found: Vec<&str> = pieces(text).into_iter().map(|(start, end)| &text[start..end]).collect();
        assert_eq!(found, ["a: Map<String, Int>", "f: (Int, Int) => Int", "c: Int = 2"]);
        assert_eq!(pieces(" "), []);
    }
}

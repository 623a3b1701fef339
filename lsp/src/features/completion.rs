//! What can be written at a place.

use tower_lsp::ls_types::{
    CompletionItem, CompletionItemKind, Documentation, InsertTextFormat, MarkupContent, MarkupKind,
};
use weft_compiler::index::{self, Declared, What};

use crate::findings::Place;
use crate::proto::floor;

/// Bytes before the cursor in which `with {` is looked for.
const OPTIONS_BYTES_MAX: usize = 4_096;

/// Words that begin declarations, with what is written behind them.
const ITEMS: [(&str, &str); 12] = [
    ("workflow", "workflow ${1:name}(${2}) -> ${3:String} {\n  $0\n}"),
    ("activity", "activity ${1:name}(${2}) -> ${3:String} with { queue: \"${4:default}\", timeout: ${5:30s} }"),
    ("record", "record ${1:Name} { ${2:field}: ${3:String} }"),
    ("enum", "enum ${1:Name} { ${2:One}, ${3:Two} }"),
    ("error", "error ${1:Name} { ${2:reason}: ${3:String} }"),
    ("fn", "fn ${1:name}(${2}) -> ${3:Int} = $0"),
    ("flow", "flow ${1:name}(${2}) -> ${3:String} {\n  $0\n}"),
    ("const", "const ${1:name} = $0"),
    ("type", "type ${1:Name} = $0"),
    ("import", "import ${1:module} { $0 }"),
    ("schedule", "schedule ${1:name} runs ${2:workflow}() with { cron: \"${3:0 9 * * 1-5}\" }"),
    ("test", "test \"${1:what is shown}\" {\n  $0\n}"),
];

/// Words of bodies.
const WORDS: [(&str, &str); 36] = [
    ("let", "let ${1:name} = $0"),
    ("var", "var ${1:name} = $0"),
    ("if", "if ${1:condition} {\n  $0\n}"),
    ("else", "else {\n  $0\n}"),
    ("match", "match ${1:value} {\n  $0\n}"),
    ("for", "for ${1:item} in ${2:items} {\n  $0\n}"),
    ("while", "while ${1:condition} {\n  $0\n}"),
    ("return", "return $0"),
    ("throw", "throw $0"),
    ("try", "try {\n  $0\n} catch ${1:Failure} as e {\n}"),
    ("catch", "catch ${1:Failure} as e => $0"),
    ("sleep", "sleep ${1:1h}"),
    ("wait until", "wait until ${1:condition} timeout ${2:48h} else $0"),
    ("receive", "receive ${1:signal}"),
    ("select", "select {\n  $0\n}"),
    ("parallel", "parallel { $0 }"),
    ("parallel for", "parallel for ${1:item} in ${2:items} { $0 }"),
    ("race", "race { $0 }"),
    ("spawn", "spawn $0"),
    ("await", "await $0"),
    ("within", "within ${1:10m} { $0 }"),
    ("saga", "saga {\n  $0\n}"),
    ("undo", "undo $0"),
    ("defer", "defer { $0 }"),
    ("on cancel", "on cancel { $0 }"),
    ("start", "start $0"),
    ("send", "send $0"),
    ("continue as new", "continue as new($0)"),
    ("patch", "patch \"${1:id}\" {\n  $0\n}"),
    ("state", "state ${1:name}: ${2:Type} = $0"),
    ("signal", "signal ${1:name}(${2}) {\n  $0\n}"),
    ("query", "query ${1:name}() -> ${2:Type} = $0"),
    ("update", "update ${1:name}(${2}) -> ${3:Type} {\n  $0\n}"),
    ("true", "true"),
    ("false", "false"),
    ("none", "none"),
];

/// What can stand at a place. The client filters by what is typed already.
pub(crate) fn at(place: Place<'_>, snippets: bool) -> Vec<CompletionItem> {
    let before = place.before();
    let typed = before.len() - before.trim_end_matches(|char: char| char.is_alphanumeric() || char == '_').len();
    let start = before.len() - typed;
    let head = &before[..start];
    if in_comment_or_text(head) {
        return Vec::new();
    }
    if let Some(object) = head.strip_suffix('.').map(|object| object.strip_suffix('?').unwrap_or(object)) {
        return behind_point(place, start, object);
    }
    if let Some(options) = options(place, head) {
        let option = |name: &&str| item(name, CompletionItemKind::PROPERTY, "option", Some((*name, ": $0")), snippets);
        return options.iter().map(option).collect();
    }
    let mut items = Vec::new();
    let line = head.rsplit('\n').next().unwrap_or_default();
    if line.is_empty() && !inside_item(place, start) {
        items.extend(
            ITEMS.iter().map(|(word, text)| item(word, CompletionItemKind::KEYWORD, "", Some((text, "")), snippets)),
        );
        return items;
    }
    for declared in place.findings.index.declared() {
        if visible(place, declared, start) {
            items.push(named(place, declared));
        }
    }
    items.extend(
        WORDS.iter().map(|(word, text)| item(word, CompletionItemKind::KEYWORD, "", Some((text, "")), snippets)),
    );
    items
}

/// What belongs to the value, or the enum, before a point.
fn behind_point(place: Place<'_>, start: usize, object: &str) -> Vec<CompletionItem> {
    let index = &place.findings.index;
    let head = Place { offset: object.len(), ..place };
    if let Some((_, declared)) = head.named()
        && declared.what == What::Enum
    {
        let of = format!(" in enum {}", place.findings.text(declared.name));
        let variants = index.declared().filter(|variant| variant.what == What::Variant && variant.head.ends_with(&of));
        return variants.map(|variant| named(place, variant)).collect();
    }
    let belonging = index.belongings(place.file, start).unwrap_or_default();
    let kind = |called| if called { CompletionItemKind::METHOD } else { CompletionItemKind::FIELD };
    belonging.iter().map(|b| item(&b.name, kind(b.called), &b.detail, None, false)).collect()
}

/// The options that can be given here, if this is inside of a `with { … }` and a name is wanted.
fn options(place: Place<'_>, head: &str) -> Option<&'static [&'static str]> {
    let window = floor(head, head.len().saturating_sub(OPTIONS_BYTES_MAX));
    let (mut depth, mut open) = (0usize, None);
    for (at, byte) in head.bytes().enumerate().skip(window).rev() {
        match byte {
            b'}' | b')' | b']' => depth += 1,
            b'{' if depth == 0 => {
                open = Some(at);
                break;
            }
            b'(' | b'[' if depth == 0 => return None,
            b'{' | b'(' | b'[' => depth -= 1,
            _ => {}
        }
    }
    let of = head[..open?].trim_end().strip_suffix("with")?.trim_end();
    let last = head[open? + 1..].trim_end_matches([' ', '\t']);
    if !(last.is_empty() || last.ends_with([',', '\n'])) {
        return None;
    }
    // A declaration, whose keyword stands before its name; else the call of what is declared.
    let line = of.rsplit("\n").find(|line| !line.starts_with([' ', '\t', ')']))?;
    let line = line.strip_prefix("default ").unwrap_or(line);
    for (word, what) in [("activity", What::Activity), ("workflow", What::Workflow)] {
        if line.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) && !of.ends_with("}") {
            let of_line = line.len() == of.len() || of[..of.len() - line.len()].ends_with('\n');
            if of_line || !of.contains('{') {
                return Some(index::options_of(what));
            }
        }
    }
    let callee = of.strip_suffix(')').map(opening)?;
    let (_, declared) = Place { offset: callee?, ..place }.named()?;
    Some(index::call_options_of(declared.what)).filter(|options| !options.is_empty())
}

/// Where the parenthesis was opened that a text has left open at its end.
fn opening(call: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in call.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth == 0 => return Some(at),
            b'(' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether something can be named here.
fn visible(place: Place<'_>, declared: &Declared, start: usize) -> bool {
    match declared.inside {
        None => declared.what != What::Field && declared.what != What::Parameter,
        Some(item) => {
            let here = item.file == place.file && (item.start as usize..=item.end as usize).contains(&start);
            let local = matches!(declared.what, What::Variable | What::Parameter);
            here && (!local || (declared.name.end as usize) < start)
        }
    }
}

fn inside_item(place: Place<'_>, start: usize) -> bool {
    // A line in the first column is outside of every declaration that is closed before it.
    place.before()[..start].matches('{').count() > place.before()[..start].matches('}').count()
}

/// Whether what follows a text is a comment or the text of a string.
fn in_comment_or_text(head: &str) -> bool {
    let line = head.rsplit('\n').next().unwrap_or_default();
    let (mut text, mut holes, mut last) = (false, 0, b' ');
    for byte in line.bytes() {
        match byte {
            b'"' if last != b'\\' && holes == 0 => text = !text,
            b'{' if text => holes += 1,
            b'}' if text && holes > 0 => holes -= 1,
            b'/' if last == b'/' && !text => return true,
            _ => {}
        }
        last = byte;
    }
    text && holes == 0
}

fn named(place: Place<'_>, declared: &Declared) -> CompletionItem {
    let kind = match declared.what {
        What::Const => CompletionItemKind::CONSTANT,
        What::Alias => CompletionItemKind::INTERFACE,
        What::Record | What::Error => CompletionItemKind::STRUCT,
        What::Enum => CompletionItemKind::ENUM,
        What::Variant => CompletionItemKind::ENUM_MEMBER,
        What::Fn | What::Flow => CompletionItemKind::FUNCTION,
        What::Workflow => CompletionItemKind::CLASS,
        What::Activity | What::Query | What::Update => CompletionItemKind::METHOD,
        What::Schedule | What::Signal => CompletionItemKind::EVENT,
        What::State | What::Field => CompletionItemKind::FIELD,
        What::Parameter | What::Variable => CompletionItemKind::VARIABLE,
    };
    let mut made = item(place.findings.text(declared.name), kind, &declared.head, None, false);
    if !declared.doc.is_empty() {
        let doc = MarkupContent { kind: MarkupKind::Markdown, value: declared.doc.clone() };
        made.documentation = Some(Documentation::MarkupContent(doc));
    }
    // What is near comes first.
    made.sort_text = Some(match declared.inside {
        Some(_) => format!("0{}", made.label),
        None if declared.name.file == place.file => format!("1{}", made.label),
        None => format!("2{}", made.label),
    });
    made
}

fn item(
    label: &str,
    kind: CompletionItemKind,
    detail: &str,
    snippet: Option<(&str, &str)>,
    snippets: bool,
) -> CompletionItem {
    let (insert_text, insert_text_format) = match snippet {
        Some((text, rest)) if snippets => (Some(format!("{text}{rest}")), Some(InsertTextFormat::SNIPPET)),
        _ => (None, None),
    };
    CompletionItem {
        label: label.to_owned(),
        kind: Some(kind),
        detail: (!detail.is_empty()).then(|| detail.to_owned()),
        sort_text: Some(format!("3{label}")),
        insert_text,
        insert_text_format,
        ..CompletionItem::default()
    }
}

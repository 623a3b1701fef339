/**
 * @file The grammar of Weft (`.wf`) for editors.
 *
 * The authority is `compiler/src/syntax/grammar.pest`; this grammar accepts every text that one accepts without an error,
 * and a little more: an editor shows text while it is typed. `tests/tests/trees.rs` holds the two together.
 *
 * @license Apache-2.0
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

// How tightly things bind, weak to strong. `UNARY` is also that of `await`, `start`, `send` and `spawn`.
const PREC = { LOW: -1, OR: 1, AND: 2, COMPARE: 3, ELSE: 4, RANGE: 5, ADD: 6, MULTIPLY: 7, UNARY: 8, POSTFIX: 9 };

// Words that begin an expression or a statement, and may all the same name a field, an argument or an option.
const WORDS = [
  "advance", "assert", "await", "break", "continue", "crash", "defer", "deprecated", "false", "for", "if", "let", "match",
  "mock", "none", "on", "parallel", "patch", "race", "receive", "return", "saga", "select", "send", "sleep", "spawn",
  "start", "state", "throw", "true", "try", "var", "wait", "while", "within",
];

// Words that begin a statement only before certain others; else they are names.
const SOFT = ["advance", "crash", "deprecated", "indexed", "mock", "on", "state"];

/** One or more, with commas between, and one behind if wanted. */
const list = (rule) => seq(rule, repeat(seq(",", rule)), optional(","));

/** A declaration: annotations, perhaps `pub`, and the rest. */
const declared = ($, ...rest) => seq(repeat($.annotation), ...rest);

module.exports = grammar({
  name: "weft",

  word: ($) => $.identifier,

  externals: ($) => [
    // Nothing, between `return` and a value that begins on its line.
    $._value_on_line,
    // Nothing, where a declaration begins in the first column: blocks that are not closed end there.
    $._declaration_begins,
    // Never given: says that the parser is looking for a way out of an error.
    $._recovering,
  ],

  extras: ($) => [/[ \t\r\n\uFEFF]/, $.comment, $.doc_comment],

  supertypes: ($) => [$.declaration, $.member, $.statement, $.expression, $.pattern, $.type],

  conflicts: ($) => [
    // `(a, b` is a tuple, or the parameters of a lambda: `=>` tells.
    [$._operation, $._lambda_parameter],
  ],

  rules: {
    source_file: ($) => repeat($.declaration),

    comment: (_) => token(/\/\/([^\/\r\n][^\r\n]*|\/\/[^\r\n]*)?/),
    doc_comment: (_) => token(/\/\/\/([^\/\r\n][^\r\n]*)?/),

    identifier: (_) => /[A-Za-z_][A-Za-z0-9_]*/,

    // Declarations

    declaration: ($) =>
      choice(
        $.import_declaration,
        $.default_declaration,
        $.const_declaration,
        $.type_declaration,
        $.record_declaration,
        $.enum_declaration,
        $.error_declaration,
        $.fn_declaration,
        $.flow_declaration,
        $.activity_declaration,
        $.workflow_declaration,
        $.schedule_declaration,
        $.test_declaration,
      ),

    annotation: ($) =>
      seq("@", field("name", $.identifier), optional(seq("(", optional(list($._argument)), ")"))),

    import_declaration: ($) =>
      declared(
        $,
        "import",
        field("module", $.path),
        optional(choice(field("names", $.import_names), seq("as", field("alias", $.identifier)))),
      ),
    import_names: ($) => seq("{", optional(list($.identifier)), "}"),
    path: ($) => seq($.identifier, repeat(seq(".", $.identifier))),

    default_declaration: ($) =>
      declared($, "default", choice("activity", "workflow"), field("options", $.options)),

    const_declaration: ($) =>
      declared(
        $,
        optional("pub"),
        "const",
        field("name", $.identifier),
        optional(seq(":", field("type", $.type))),
        "=",
        field("value", $.expression),
      ),

    type_declaration: ($) =>
      declared(
        $,
        optional("pub"),
        "type",
        field("name", $.identifier),
        field("type_parameters", optional($.type_parameters)),
        "=",
        field("type", $.type),
      ),

    record_declaration: ($) =>
      declared(
        $,
        optional("pub"),
        "record",
        field("name", $.identifier),
        field("type_parameters", optional($.type_parameters)),
        field("fields", $.fields),
      ),

    error_declaration: ($) =>
      declared($, optional("pub"), "error", field("name", $.identifier), field("fields", optional($.fields))),

    fields: ($) => seq("{", repeat(seq($.field, optional(","))), close($)),
    field: ($) =>
      seq(
        repeat($.annotation),
        field("name", alias($.identifier, $.property_identifier)),
        ":",
        field("type", $.type),
        optional(seq("=", field("default", $.expression))),
      ),

    enum_declaration: ($) =>
      declared(
        $,
        optional("pub"),
        "enum",
        field("name", $.identifier),
        field("type_parameters", optional($.type_parameters)),
        field("variants", $.variants),
      ),
    variants: ($) => seq("{", repeat(seq($.variant, optional(","))), close($)),
    variant: ($) =>
      seq(repeat($.annotation), field("name", $.identifier), field("parameters", optional($.parameters))),

    fn_declaration: ($) => declared($, optional("pub"), "fn", ...callable($), body($)),
    flow_declaration: ($) => declared($, optional("pub"), "flow", ...callable($), body($)),

    activity_declaration: ($) =>
      declared($, "activity", field("name", $.identifier), ...signature($), field("options", optional($.options))),

    workflow_declaration: ($) =>
      declared(
        $,
        "workflow",
        field("name", $.identifier),
        ...signature($),
        field("options", optional($.options)),
        field("body", $.workflow_body),
      ),

    schedule_declaration: ($) =>
      declared(
        $,
        "schedule",
        field("name", $.identifier),
        "runs",
        field("workflow", $.path),
        field("arguments", alias($._spaced_arguments, $.arguments)),
        field("options", $.options),
      ),

    test_declaration: ($) => declared($, "test", field("name", $.string), field("body", $.block)),

    // Members of workflows

    workflow_body: ($) => seq("{", repeat(choice($.member, seq($.statement, optional(";")))), close($)),

    member: ($) =>
      choice($.state_declaration, $.signal_declaration, $.query_declaration, $.update_declaration),

    state_declaration: ($) =>
      prec.right(
        declared(
          $,
          choice(seq(optional("pub"), optional("indexed"), "state")),
          field("name", $.identifier),
          optional(seq(":", field("type", $.type))),
          optional(seq("=", field("value", $.expression))),
        ),
      ),

    signal_declaration: ($) =>
      prec.right(
        declared(
          $,
          "signal",
          field("name", $.identifier),
          field("parameters", $.parameters),
          field("body", optional($.block)),
        ),
      ),

    query_declaration: ($) =>
      declared(
        $,
        "query",
        field("name", $.identifier),
        field("parameters", $.parameters),
        "->",
        field("result", $.type),
        body($),
      ),

    update_declaration: ($) =>
      declared(
        $,
        "update",
        field("name", $.identifier),
        ...signature($),
        field("options", optional($.options)),
        optional(seq("check", field("check", $.block))),
        field("body", $.block),
      ),

    // Parts of declarations

    parameters: ($) => seq("(", optional(list($.parameter)), close($, ")")),
    parameter: ($) =>
      seq(
        field("name", $.identifier),
        ":",
        field("type", $.type),
        optional(seq("=", field("default", $.expression))),
      ),
    throws: ($) => seq("throws", $.path, repeat(seq(",", $.path))),
    type_parameters: ($) => seq("<", $.identifier, repeat(seq(",", $.identifier)), ">"),

    options: ($) => seq("with", "{", repeat(seq($.option, optional(","))), close($)),
    option: ($) =>
      choice(
        seq(field("name", alias("progress", $.property_identifier)), ":", field("type", $.type)),
        seq(
          field("name", alias($.identifier, $.property_identifier)),
          ":",
          field("value", choice($.expression, alias(choice("try", "wait"), $.identifier))),
        ),
      ),

    // Types

    type: ($) => choice($.named_type, $.tuple_type, $.function_type, $.record_type, $.optional_type),
    named_type: ($) => prec.right(seq(field("name", $.path), field("arguments", optional($.type_arguments)))),
    type_arguments: ($) => seq("<", $.type, repeat(seq(",", $.type)), ">"),
    tuple_type: ($) => seq("(", optional(list($.type)), ")"),
    function_type: ($) => prec.right(seq(field("parameters", $.tuple_type), "=>", field("result", $.type))),
    record_type: ($) => $.fields,
    optional_type: ($) => prec(1, seq($.type, "?")),

    // Statements

    block: ($) => prec(1, seq("{", repeat(seq($.statement, optional(";"))), close($))),

    statement: ($) =>
      choice(
        $.let_statement,
        $.while_statement,
        $.for_statement,
        $.sleep_statement,
        $.defer_statement,
        $.on_cancel_statement,
        $.assert_statement,
        $.advance_statement,
        $.crash_statement,
        $.mock_statement,
        $.assignment,
        $.expression_statement,
        $.block,
      ),

    let_statement: ($) =>
      prec.right(
        seq(
          choice("let", "var"),
          field("pattern", $.pattern),
          optional(seq(":", field("type", $.type))),
          "=",
          field("value", $.expression),
          optional($.undo_clause),
        ),
      ),
    undo_clause: ($) => seq("undo", $._arm),

    while_statement: ($) => seq("while", field("condition", $.expression), field("body", $.block)),
    for_statement: ($) =>
      seq("for", field("pattern", $.pattern), "in", field("value", $.expression), field("body", $.block)),
    sleep_statement: ($) => prec.right(seq("sleep", optional("until"), $.expression)),
    defer_statement: ($) => seq("defer", field("body", $.block)),
    on_cancel_statement: ($) => prec(1, seq("on", "cancel", field("body", $.block))),

    assert_statement: ($) => prec.right(seq("assert", $.expression)),
    advance_statement: ($) => prec.right(1, seq("advance", optional("until"), $.expression)),
    crash_statement: (_) => prec(1, "crash"),
    mock_statement: ($) =>
      prec.right(
        1,
        seq(
          "mock",
          field("activity", $.path),
          "(",
          optional(choice($.rest_pattern, list($.pattern))),
          ")",
          optional(seq("times", field("times", $._number))),
          "=>",
          field("answer", $._arm),
        ),
      ),

    assignment: ($) =>
      prec.right(
        seq(
          field("left", $.expression),
          field("operator", choice("=", "+=", "-=", "*=", "/=")),
          field("right", $.expression),
          optional($.undo_clause),
        ),
      ),
    expression_statement: ($) => prec.right(seq($.expression, optional($.undo_clause))),

    // What stands behind `=>`, `else` or `undo`.
    _arm: ($) => choice($.block, $.sleep_statement, $.expression),

    // Expressions

    expression: ($) => choice($._never, $.lambda_expression, $._operation),

    _never: ($) =>
      choice($.return_expression, $.throw_expression, $.break_expression, $.continue_expression),
    return_expression: ($) => prec.right(PREC.LOW, seq("return", optional(seq($._value_on_line, $.expression)))),
    throw_expression: ($) => prec.right(PREC.LOW, seq("throw", $.expression)),
    break_expression: (_) => "break",
    continue_expression: ($) =>
      prec.right(
        seq(
          "continue",
          optional(seq("as", "new", field("arguments", alias($._spaced_arguments, $.arguments)))),
        ),
      ),

    lambda_expression: ($) =>
      prec.right(
        PREC.LOW,
        seq(
          field("parameters", choice($._lambda_parameter, $.lambda_parameters)),
          "=>",
          field("body", $._arm),
        ),
      ),
    lambda_parameters: ($) =>
      prec(1, seq("(", optional(seq($._lambda_parameter, repeat(seq(",", $._lambda_parameter)))), ")")),
    _lambda_parameter: ($) => choice($.identifier, $.wildcard),
    wildcard: (_) => "_",

    _operation: ($) =>
      choice(
        $.binary_expression,
        $.unary_expression,
        $.call_expression,
        $.index_expression,
        $.field_expression,
        $.catch_expression,
        $.if_expression,
        $.match_expression,
        $.parallel_expression,
        $.race_expression,
        $.select_expression,
        $.try_expression,
        $.within_expression,
        $.saga_expression,
        $.patch_expression,
        $.wait_expression,
        $.receive_expression,
        $.spawn_expression,
        $.await_expression,
        $.start_expression,
        $.send_expression,
        $.identifier,
        $._soft_name,
        $._literal,
        $.list_expression,
        $.map_expression,
        $.tuple_expression,
        $.record_expression,
      ),

    _soft_name: ($) => prec(-1, alias(choice(...SOFT), $.identifier)),

    binary_expression: ($) =>
      choice(
        ...[
          [PREC.OR, "||"],
          [PREC.AND, "&&"],
          [PREC.COMPARE, choice("==", "!=", "<", "<=", ">", ">=", "in")],
          [PREC.ELSE, "??"],
          [PREC.RANGE, ".."],
          [PREC.ADD, choice("+", "-")],
          [PREC.MULTIPLY, choice("*", "/", "%")],
        ].map(([level, operator]) =>
          prec.left(
            level,
            seq(field("left", $._operation), field("operator", operator), field("right", choice($._operation, $._never))),
          ),
        ),
      ),

    unary_expression: ($) =>
      prec(PREC.UNARY, seq(field("operator", choice("!", "-")), field("operand", $._operation))),

    call_expression: ($) =>
      prec.right(
        PREC.POSTFIX,
        seq(
          field("function", $._operation),
          field("arguments", $.arguments),
          field("options", optional($.options)),
        ),
      ),
    // The `(` of a call touches what is called.
    arguments: ($) => seq(token.immediate("("), optional(list($._argument)), close($, ")")),
    _spaced_arguments: ($) => seq("(", optional(list($._argument)), ")"),
    _argument: ($) => choice($.expression, $.named_argument),
    named_argument: ($) => seq(field("name", $._any_word), ":", field("value", $.expression)),
    _any_word: ($) => alias(choice($.identifier, ...WORDS), $.property_identifier),

    index_expression: ($) =>
      prec(PREC.POSTFIX, seq(field("value", $._operation), token.immediate("["), field("index", $.expression), "]")),

    field_expression: ($) =>
      prec(
        PREC.POSTFIX,
        seq(
          field("value", $._operation),
          field("operator", choice(".", "?.")),
          field("field", choice(alias($.identifier, $.property_identifier), $.integer)),
        ),
      ),

    // Begins as tightly as a call, ends as late as it can.
    catch_expression: ($) =>
      prec.right(
        PREC.LOW,
        seq(
          prec(PREC.POSTFIX, seq(field("value", $._operation), "catch")),
          field("pattern", $.pattern),
          "=>",
          field("handler", $._arm),
        ),
      ),

    if_expression: ($) =>
      prec.right(
        seq(
          "if",
          optional(seq("let", field("pattern", $.pattern), "=")),
          field("condition", $.expression),
          field("consequence", $.block),
          optional(seq("else", field("alternative", choice($.block, $.if_expression)))),
        ),
      ),

    match_expression: ($) =>
      seq("match", field("value", $.expression), field("body", $.match_block)),
    match_block: ($) => seq("{", repeat(seq($.match_arm, optional(","))), close($)),
    match_arm: ($) =>
      prec.right(
        seq(
          field("pattern", $.pattern),
          optional(seq("if", field("guard", $._operation))),
          "=>",
          field("value", $._arm),
        ),
      ),

    parallel_expression: ($) =>
      seq(
        "parallel",
        optional(field("arguments", choice($.arguments, alias($._spaced_arguments, $.arguments)))),
        choice(
          seq("for", field("pattern", $.pattern), "in", field("value", $.expression), field("body", $.block)),
          field("branches", $.branches),
        ),
      ),
    race_expression: ($) => seq("race", field("branches", $.branches)),
    branches: ($) => seq("{", repeat(seq($.expression, optional(","))), close($)),

    select_expression: ($) => seq("select", field("body", $.select_block)),
    select_block: ($) => seq("{", repeat(seq($.select_arm, optional(","))), close($)),
    select_arm: ($) => prec.right(seq(field("source", $._source), "=>", field("value", $._arm))),
    _source: ($) => choice($.receive_source, $.await_source, $.after_source, $.at_source, $.when_source),
    receive_source: ($) =>
      seq("receive", field("signal", $.identifier), optional(seq("(", optional(list($.pattern)), ")"))),
    await_source: ($) => seq("await", field("task", $._operation), optional(seq("as", field("pattern", $.pattern)))),
    after_source: ($) => seq("after", $._operation),
    at_source: ($) => seq("at", $._operation),
    when_source: ($) => seq("when", $._operation),

    try_expression: ($) => prec.right(seq("try", field("body", $.block), repeat1($.catch_clause))),
    catch_clause: ($) => seq("catch", field("pattern", $.pattern), field("body", $.block)),

    within_expression: ($) =>
      prec.right(
        seq("within", field("limit", $.expression), field("body", $.block), optional($.else_clause)),
      ),
    saga_expression: ($) => seq("saga", field("body", $.block)),
    patch_expression: ($) =>
      prec.right(
        seq(
          optional("deprecated"),
          "patch",
          field("id", $.string),
          optional(choice("each", "sticky")),
          field("body", $.block),
          optional(seq("else", field("alternative", $.block))),
        ),
      ),

    wait_expression: ($) =>
      prec.right(
        PREC.LOW,
        seq(
          "wait",
          "until",
          field("condition", $.expression),
          optional(seq("timeout", field("timeout", $.expression))),
          optional($.else_clause),
        ),
      ),
    receive_expression: ($) =>
      prec.right(
        PREC.LOW,
        seq(
          "receive",
          field("signal", $.identifier),
          optional(seq("timeout", field("timeout", $.expression))),
          optional($.else_clause),
        ),
      ),
    else_clause: ($) => prec.right(PREC.LOW, seq("else", $._arm)),

    spawn_expression: ($) => prec(PREC.UNARY, seq("spawn", choice($.block, $._operation))),
    await_expression: ($) => prec(PREC.UNARY, seq("await", $._operation)),
    start_expression: ($) => prec(PREC.UNARY, seq("start", $._operation)),
    send_expression: ($) => prec(PREC.UNARY, seq("send", $._operation)),

    list_expression: ($) => seq("[", optional(list($.expression)), "]"),
    map_expression: ($) => seq("[", choice(":", list($.map_entry)), "]"),
    map_entry: ($) => seq(field("key", $.expression), ":", field("value", $.expression)),
    tuple_expression: ($) => seq("(", optional(list($.expression)), ")"),

    record_expression: ($) => seq("{", optional(list($._slot)), "}"),
    _slot: ($) => choice($.field_initializer, $.spread, alias($._shorthand, $.shorthand_field)),
    field_initializer: ($) => seq(field("name", $._any_word), ":", field("value", $.expression)),
    // `{ name }` alone behind `=>` is a block.
    _shorthand: ($) => prec(-1, $.identifier),
    spread: ($) => seq("...", $.expression),

    // Literals

    _literal: ($) => choice($.string, $._number, $.true, $.false, $.none),
    true: (_) => "true",
    false: (_) => "false",
    none: (_) => "none",
    _number: ($) => choice($.integer, $.decimal, $.duration, $.size),
    integer: (_) => /[0-9][0-9_]*/,
    decimal: (_) => /[0-9][0-9_]*\.[0-9][0-9_]*/,
    duration: (_) => /([0-9][0-9_]*(ms|s|m|h|d|w))+/,
    size: (_) => /[0-9][0-9_]*(KiB|MiB|GiB)/,

    string: ($) =>
      choice(
        seq('"', repeat(choice($.string_content, $.escape_sequence, $.interpolation)), token.immediate('"')),
        seq(
          '"""',
          repeat(choice(alias(choice($._text_content, $._text_quotes), $.string_content), $.escape_sequence, $.interpolation)),
          token.immediate('"""'),
        ),
      ),
    string_content: (_) => token.immediate(prec(1, /[^"\n{\\]+/)),
    _text_content: (_) => token.immediate(prec(1, /[^"{\\]+/)),
    // Not before the end, which is longer.
    _text_quotes: (_) => token.immediate(/""?/),
    escape_sequence: (_) => token.immediate(prec(1, /\{\{|\\(u\{[0-9A-Fa-f]*\}|[^\n])/)),
    interpolation: ($) => seq(token.immediate("{"), $.expression, "}"),

    // Patterns

    pattern: ($) => choice($.or_pattern, $.as_pattern, $._simple_pattern),
    as_pattern: ($) =>
      seq(field("pattern", choice($.or_pattern, $._simple_pattern)), "as", field("name", $.identifier)),
    or_pattern: ($) => prec.left(seq(choice($.or_pattern, $._simple_pattern), "|", $._simple_pattern)),
    _simple_pattern: ($) =>
      choice(
        $.negative_number,
        $._literal,
        $.wildcard,
        $.path,
        $.variant_pattern,
        $.tuple_pattern,
        $.record_pattern,
      ),
    negative_number: ($) => seq("-", $._number),
    variant_pattern: ($) => seq(field("name", $.path), "(", optional(list($.pattern)), ")"),
    tuple_pattern: ($) => seq("(", list($.pattern), ")"),
    record_pattern: ($) =>
      seq(
        "{",
        alias($.identifier, $.shorthand_field),
        repeat(seq(",", alias($.identifier, $.shorthand_field))),
        optional(seq(",", $.rest_pattern)),
        optional(","),
        "}",
      ),
    rest_pattern: (_) => "..",
  },
});

/** The end of what a bracket began: its other half, or a declaration in the first column, which nothing can hold. */
function close($, bracket = "}") {
  return choice(bracket, $._declaration_begins);
}

/** Name, type parameters and signature of a `fn` or `flow`. */
function callable($) {
  return [
    field("name", $.identifier),
    field("type_parameters", optional($.type_parameters)),
    ...signature($),
  ];
}

/** Parameters, result, failures. */
function signature($) {
  return [
    field("parameters", $.parameters),
    optional(seq("->", field("result", $.type))),
    field("throws", optional($.throws)),
  ];
}

/** `= expression`, or a block. */
function body($) {
  return choice(seq("=", field("body", $.expression)), field("body", $.block));
}

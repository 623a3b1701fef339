; Which nodes are shown how. Where two patterns fit, the later one holds.

(identifier) @variable

; Keywords

[
  "const"
  "default"
  "let"
  "var"
  "on"
  "cancel"
  "defer"
  "undo"
  "with"
  "check"
  "runs"
  "test"
  "mock"
  "advance"
  "assert"
  "times"
  "state"
  "signal"
  "query"
  "update"
  "activity"
  "schedule"
  "as"
  "new"
  "each"
  "sticky"
  "deprecated"
  "patch"
  "saga"
] @keyword

[
  "record"
  "enum"
  "error"
  "type"
] @keyword.type

[
  "fn"
  "flow"
  "workflow"
] @keyword.function

[
  "pub"
  "indexed"
] @keyword.modifier

"import" @keyword.import

(crash_statement) @keyword
(break_expression) @keyword.repeat
(continue_expression "continue" @keyword.repeat)

[
  "if"
  "else"
  "match"
  "select"
  "when"
] @keyword.conditional

[
  "for"
  "while"
] @keyword.repeat

"return" @keyword.return

[
  "throw"
  "throws"
  "try"
  "catch"
] @keyword.exception

[
  "await"
  "spawn"
  "start"
  "send"
  "receive"
  "wait"
  "until"
  "timeout"
  "sleep"
  "after"
  "at"
  "within"
  "parallel"
  "race"
] @keyword.coroutine

"in" @keyword.operator

; What is made or matched under an upper name is a record, a variant or an error.

((identifier) @constructor
  (#match? @constructor "^[A-Z]"))
(variant name: (identifier) @constructor)

; Types

(named_type name: (path (identifier) @type .))
((named_type name: (path . (identifier) @type.builtin .))
  (#any-of? @type.builtin
    "Int" "Decimal" "Float" "String" "Bytes" "Bool" "Unit" "Duration" "Time" "Date" "Json" "List" "Map" "Set" "Result"
    "Run" "Task" "Retry" "Secret" "Failure"))
(record_declaration name: (identifier) @type)
(enum_declaration name: (identifier) @type)
(error_declaration name: (identifier) @type)
(type_declaration name: (identifier) @type.definition)
(type_parameters (identifier) @type)
(throws (path (identifier) @type .))

; Functions, and what is called like one

(fn_declaration name: (identifier) @function)
(flow_declaration name: (identifier) @function)
(activity_declaration name: (identifier) @function)
(workflow_declaration name: (identifier) @function)
(schedule_declaration name: (identifier) @function)
(signal_declaration name: (identifier) @function.method)
(query_declaration name: (identifier) @function.method)
(update_declaration name: (identifier) @function.method)
(mock_statement activity: (path (identifier) @function .))
(schedule_declaration workflow: (path (identifier) @function.call .))

((call_expression function: (identifier) @function.call)
  (#match? @function.call "^[a-z_]"))
(call_expression
  function: (field_expression field: (property_identifier) @function.method.call))

; Names that are told by where they stand

(parameter name: (identifier) @variable.parameter)
(lambda_expression parameters: (identifier) @variable.parameter)
(lambda_parameters (identifier) @variable.parameter)
(state_declaration name: (identifier) @variable.member)
(field name: (property_identifier) @variable.member)
(field_expression field: (property_identifier) @variable.member)
(call_expression
  function: (field_expression field: (property_identifier) @function.method.call))
(field_initializer name: (property_identifier) @variable.member)
(shorthand_field) @variable.member
(named_argument name: (property_identifier) @variable.parameter)
(option name: (property_identifier) @property)
(option value: (identifier) @constant)
(const_declaration name: (identifier) @constant)
(import_declaration module: (path (identifier) @module))
(import_declaration alias: (identifier) @module)
(annotation "@" @attribute name: (identifier) @attribute)

; Literals

(string) @string
(string_content) @string
(escape_sequence) @string.escape
(interpolation
  "{" @punctuation.special
  "}" @punctuation.special)
(integer) @number
(size) @number
(duration) @number
(decimal) @number.float
[
  (true)
  (false)
] @boolean
(none) @constant.builtin
(wildcard) @character.special
(rest_pattern) @character.special

(comment) @comment
(doc_comment) @comment.documentation

; Signs

[
  "="
  "+="
  "-="
  "*="
  "/="
  "=="
  "!="
  "<="
  ">="
  "&&"
  "||"
  "??"
  ".."
  "..."
  "+"
  "-"
  "*"
  "/"
  "%"
  "!"
  "|"
  "=>"
  "->"
] @operator
(binary_expression operator: ["<" ">"] @operator)
(optional_type "?" @operator)

["(" ")" "[" "]" "{" "}"] @punctuation.bracket
(type_arguments ["<" ">"] @punctuation.bracket)
(type_parameters ["<" ">"] @punctuation.bracket)
["," "." "?." ":" ";"] @punctuation.delimiter
(interpolation ["{" "}"] @punctuation.special)

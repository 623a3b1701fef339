; Scopes, and which names are bound and used in them.

[
  (source_file)
  (fn_declaration)
  (flow_declaration)
  (workflow_declaration)
  (signal_declaration)
  (query_declaration)
  (update_declaration)
  (test_declaration)
  (block)
  (lambda_expression)
  (for_statement)
  (match_arm)
  (select_arm)
  (catch_clause)
] @local.scope

(const_declaration name: (identifier) @local.definition.constant)
(fn_declaration name: (identifier) @local.definition.function)
(flow_declaration name: (identifier) @local.definition.function)
(activity_declaration name: (identifier) @local.definition.function)
(workflow_declaration name: (identifier) @local.definition.function)
(record_declaration name: (identifier) @local.definition.type)
(enum_declaration name: (identifier) @local.definition.type)
(error_declaration name: (identifier) @local.definition.type)
(type_declaration name: (identifier) @local.definition.type)
(state_declaration name: (identifier) @local.definition.var)
(parameter name: (identifier) @local.definition.parameter)
(lambda_expression parameters: (identifier) @local.definition.parameter)
(lambda_parameters (identifier) @local.definition.parameter)
(let_statement pattern: (path . (identifier) @local.definition.var .))
(for_statement pattern: (path . (identifier) @local.definition.var .))
(tuple_pattern (path . (identifier) @local.definition.var .))
(variant_pattern (path . (identifier) @local.definition.var .))
(as_pattern name: (identifier) @local.definition.var)
(shorthand_field) @local.definition.var

(identifier) @local.reference

; Declarations, and what refers to them.

(fn_declaration name: (identifier) @name) @definition.function
(flow_declaration name: (identifier) @name) @definition.function
(activity_declaration name: (identifier) @name) @definition.function
(workflow_declaration name: (identifier) @name) @definition.class
(schedule_declaration name: (identifier) @name) @definition.constant
(signal_declaration name: (identifier) @name) @definition.method
(query_declaration name: (identifier) @name) @definition.method
(update_declaration name: (identifier) @name) @definition.method
(state_declaration name: (identifier) @name) @definition.field
(const_declaration name: (identifier) @name) @definition.constant
(record_declaration name: (identifier) @name) @definition.class
(enum_declaration name: (identifier) @name) @definition.class
(error_declaration name: (identifier) @name) @definition.class
(type_declaration name: (identifier) @name) @definition.type
(variant name: (identifier) @name) @definition.constant

(call_expression function: (identifier) @name) @reference.call
(call_expression function: (field_expression field: (property_identifier) @name)) @reference.call
(named_type name: (path (identifier) @name .)) @reference.type

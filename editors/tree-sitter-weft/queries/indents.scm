; Where lines are indented, in the words of nvim-treesitter. README.md says what Helix calls these.

[
  (fields)
  (variants)
  (workflow_body)
  (block)
  (match_block)
  (select_block)
  (branches)
  (options)
  (import_names)
  (parameters)
  (arguments)
  (list_expression)
  (map_expression)
  (tuple_expression)
  (record_expression)
] @indent.begin

["}" ")" "]"] @indent.branch @indent.end

[
  (comment)
  (doc_comment)
  (string)
] @indent.auto

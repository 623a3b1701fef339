; What can be folded.

[
  (fields)
  (variants)
  (workflow_body)
  (block)
  (match_block)
  (select_block)
  (branches)
  (options)
  (arguments)
  (list_expression)
  (map_expression)
  (record_expression)
  (string)
] @fold

(import_declaration)+ @fold
(comment)+ @fold
(doc_comment)+ @fold

; Where text of another language stands.

([(comment) (doc_comment)] @injection.content
  (#set! injection.language "comment"))

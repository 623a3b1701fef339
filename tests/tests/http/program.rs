//! The program that the tests of the routes run.

use weft_compiler::{Defaults, Project, Source};

const SHOP: &str = r#"
error Declined { code: String }

activity charge(id: String, n: Int) -> Int throws Declined with {
  queue: "payments", timeout: 10s, heartbeat: 5s
  retry: backoff(first: 1ms, factor: 2, max: 1s)
  on_cancel: "wait"
}

/// Takes the money.
workflow order(id: String, n: Int, note: String?) -> Int throws Declined with { id: "order-{id}" } {
  pub state seen = 0
  signal mark(n: Int) { seen = n }
  signal note(text: String) {}
  signal go()
  query plus(n: Int) -> Int = seen + n

  let charged = charge(id, n)
  receive go
  return charged
}
"#;

/// The program, as it is deployed.
pub(crate) fn encoded() -> Vec<u8> {
    compiled("shop", SHOP)
}

/// A program from its source.
pub(crate) fn compiled(name: &str, text: &str) -> Vec<u8> {
    let source = Source { path: format!("{name}.wf"), text: text.into() };
    let project =
        Project { name: name.into(), edition: "2026".into(), sources: vec![source], defaults: Defaults::default() };
    let analysis = weft_compiler::compile(&project);
    let program = analysis.program.unwrap_or_else(|| panic!("{:#?}", analysis.diagnostics));
    weft_bytecode::codec::encode(&program)
}

//! What is known of an optional, and what ends that: a program that is accepted must never meet none where it was excluded.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "an assignment behind `&&` undoes what was known",
        source: r#"fn f(b: Bool) -> Bool = b
workflow main() -> Int {
  var x: Int? = 1
  if x != none {
    let b = f(true) && if true { x = none
      true } else { false }
    return x + 1
  }
  return 0
}"#,
        says: &[r#"7 WF1003 `x` may be none"#],
    },
    Row {
        name: "the right side of `&&` undoes what the left side tested",
        source: r#"workflow main() -> Int {
  var x: Int? = 1
  if x != none && (if true { x = none
      true } else { false }) {
    return x + 1
  }
  return 0
}"#,
        says: &[r#"5 WF1003 `x` may be none"#],
    },
    Row {
        name: "the right side of `||` undoes what the left side tested",
        source: r#"workflow main() -> Int {
  var x: Int? = 3
  if x == none || (if true { x = none
     false } else { false }) { return 0 }
  return x + 1
}"#,
        says: &[r#"5 WF1003 `x` may be none"#],
    },
    Row {
        name: "the guard of an arm before undoes what was known",
        source: r#"workflow main() -> Int {
  var x: Int? = 1
  if x != none {
    return match 5 {
      5 if (if true { x = none
         false } else { false }) => 1
      _ => x + 1
    }
  }
  return 0
}"#,
        says: &[r#"7 WF1003 `x` may be none"#],
    },
    Row {
        name: "a guard may change what is matched",
        source: r#"workflow main() -> Int {
  var x: Int? = 3
  return match x {
    none => 0
    n if (if true { x = none
       false } else { false }) => n
    m => x + m
  }
}"#,
        says: &[r#"7 WF1003 `x` may be none"#],
    },
    Row {
        name: "the right side of `??` may not have run",
        source: r#"fn f(a: Int?) -> Int? = a
workflow main() -> Int {
  var b: Int? = none
  let y = f(1) ?? match 1 { _ => { b = 5
    1 } }
  return b + y
}"#,
        says: &[r#"6 WF1003 `b` may be none"#],
    },
    Row {
        name: "arguments behind `?.` may not have been evaluated",
        source: r#"fn f(a: List<Int>?) -> List<Int>? = a
workflow main() -> Int {
  var b: Int? = none
  let y = f(none)?.push(match 1 { _ => { b = 5
    1 } })
  return b + 1
}"#,
        says: &[r#"6 WF1003 `b` may be none"#],
    },
    Row {
        name: "a literal on the left side hides no assignment on the right",
        source: r#"workflow main() -> Int {
  var b: Int? = 5
  if b != none {
    let y = 1 + (if true { b = none
      1 } else { 2 })
    return b + y
  }
  return 0
}"#,
        says: &[r#"6 WF1003 `b` may be none"#],
    },
    Row {
        name: "`break` leaves a loop with nothing known",
        source: r#"fn f(a: Int?) -> Int? = a
workflow main() -> Int {
  let y: Int? = f(none)
  while true {
    let z = y ?? break
  }
  return y + 1
}"#,
        says: &[r#"7 WF1003 `y` may be none"#],
    },
    Row {
        name: "a loop may not run at all",
        source: r#"fn f(a: Int?) -> Int? = a
workflow main() -> Int {
  let y: Int? = f(none)
  for i in 0..0 {
    let z = y ?? return 7
  }
  return y + 1
}"#,
        says: &[r#"7 WF1003 `y` may be none"#],
    },
    Row {
        name: "the `else` of a wait may not have run",
        source: r#"workflow main() -> Int {
  var b: Int? = none
  wait until true timeout 1s else { b = 5 }
  return b + 1
}"#,
        says: &[r#"4 WF1003 `b` may be none"#],
    },
    Row {
        name: "the left side of `in` is evaluated first",
        source: r#"workflow main() -> Int {
  var x: Int? = 3
  if x != none {
    let c = (if true { x = none
      4 } else { 4 }) in [x]
    return 0
  }
  return 0
}"#,
        says: &[r#"5 WF1003 this may be none"#],
    },
    Row {
        name: "what nothing has changed is still known",
        source: r#"workflow main() -> Int {
  let x: Int? = 3
  if x == none { return 0 }
  let ok = x > 1 && x < 10
  var n = 0
  while n < 3 { n += x }
  for i in 0..2 { n += x }
  let y: Int? = 5
  if y != none && x + y > 3 { n += y }
  let z = match n { 1 if x > 3 => x, _ => x + 1 }
  var w: Int? = 4
  let v = w ?? return 1
  return n + z + w
}"#,
        says: &[],
    },
];

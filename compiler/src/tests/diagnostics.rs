//! What the compiler says, mistake by mistake: sources and `line CODE message`.

use super::{analyze, said};
use crate::Severity;

mod narrowing;

struct Row {
    name: &'static str,
    source: &'static str,
    says: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row {
        name: "unknown name",
        source: r#"workflow w(order: Int) -> Int { return ordr + 1 }"#,
        says: &[r#"1 WF1001 cannot find `ordr`"#],
    },
    Row { name: "unknown fn", source: r#"workflow w() { foo(1) }"#, says: &[r#"1 WF1001 cannot find function `foo`"#] },
    Row {
        name: "type mismatch",
        source: r#"workflow w(x: Int) -> String { return x }"#,
        says: &[r#"1 WF1002 expected String, found Int"#],
    },
    Row { name: "may be none", source: r#"fn f(x: Int?) -> Int = x + 1"#, says: &[r#"1 WF1003 `x` may be none"#] },
    Row {
        name: "may be none field",
        source: r#"record R { a: Int }
fn f(x: R?) -> Int = x.a"#,
        says: &[r#"2 WF1003 `x` may be none"#],
    },
    Row {
        name: "missing arg",
        source: r#"activity a(x: Int, y: String) with { queue: "q", timeout: 1s }
workflow w() { a(1) }"#,
        says: &[r#"2 WF1004 missing argument `y: String` in `a`"#],
    },
    Row {
        name: "unknown arg, too many",
        source: r#"activity a(x: Int) with { queue: "q", timeout: 1s }
workflow w() { a(y: 1)
 a(1, 2) }"#,
        says: &[r#"2 WF1001 `a` has no argument `y`"#, r#"3 WF1010 `a` takes 1 argument, found 2"#],
    },
    Row {
        name: "match, nothing left for an arm",
        source: r#"enum E { A, B(n: Int) }
record R { ok: Bool, e: E }
fn a(e: E) -> Int = match e { A => 1, A => 2, B(1) | B(1) => 3, B(1 | 2) => 4, B(_) => 5, _ => 6 }
fn b(x: Int?) -> Int = match x { none => 1, none => 2, 1 | 2 | 1 => 3, 2 => 4, v if v > 5 => 5, v => v, _ => 6 }
fn c(b: Bool, s: String) -> Int = match (b, s) { (true, "x") => 1, (_, "x") => 2, (false, "x") => 3, (_, t) => 4 }
fn d(r: R) -> Int = match r { R(true, B(_)) => 1, R(false, A) => 2, R(true, A) => 3, R(_, A) => 4 }
fn e(e: E) -> Int = match e { X => 1, A => 2, B(_) => 3 }
fn g<T>(x: T?) -> Int = match x { none => 1, _ => 2, y => 3 }
fn h(r: R, n: Int) -> Int = match (n, r) { (1, R(true, _)) => 1, (_, R(_, B(2))) => 2 }
workflow w(n: Int?, s: String?) -> Int { return g(n) + g(s) }"#,
        says: &[
            r#"3 WF3004 this arm never matches"#,
            r#"3 WF3004 this alternative never matches"#,
            r#"3 WF3004 this arm never matches"#,
            r#"4 WF3004 this arm never matches"#,
            r#"4 WF3004 this arm never matches"#,
            r#"4 WF3004 this arm never matches"#,
            r#"5 WF3004 this arm never matches"#,
            r#"6 WF1005 match does not cover `R(false, B(_))`"#,
            r#"6 WF3004 this arm never matches"#,
            r#"7 WF1001 cannot find variant `X` in `E`"#,
            r#"8 WF3004 this arm never matches"#,
            r#"9 WF1005 match does not cover `(_, R(_, A))`"#,
        ],
    },
    Row {
        name: "the smallest number has remainder 0 by -1, as when it runs",
        source: "const MIN = -9223372036854775808\nconst R = MIN % -1\nconst Z = MIN % 0\nfn f() -> Int = R",
        says: &[r#"3 WF1016 a constant cannot be computed"#],
    },
    Row {
        name: "match",
        source: r#"enum E { A, B(n: Int), C }
fn f(e: E) -> Int = match e { A => 1 }
fn g(x: Int?) -> Int = match x { none => 1, 5 => 2 }
fn h(b: Bool, c: Bool) -> Int = match (b, c) { (true, _) => 1, (_, true) => 2 }"#,
        says: &[
            r#"2 WF1005 match does not cover `B(_)`, `C`"#,
            r#"3 WF1005 match does not cover `value`"#,
            r#"4 WF1005 match does not cover `(false, false)`"#,
        ],
    },
    Row {
        name: "lambda kept",
        source: r#"fn f() -> Int {
  let g = x => x + 1
  return 1
}"#,
        says: &[r#"2 WF1007 a lambda cannot be kept in a variable"#],
    },
    Row {
        name: "effects",
        source: r#"activity check(x: Int) -> Int with { queue: "q", timeout: 1s }
workflow w(x: Int) -> Int {
  state n = 0
  state m = now()
  query q() -> Int = check(1)
  query r() -> Int { n = 2
    return n }
  signal s() { check(2) }
  signal t() { n = 1 }
  wait until check(4) > n
  let ys = [1].map(y => check(y))
  let zs = [1].map(y => random())
  return 1
}
fn pure() -> Time = now()
fn logs() { log.info("x") }
fn calls() -> Int = check(3)"#,
        says: &[
            r#"4 WF2006 the initial value of state cannot read the clock"#,
            r#"5 WF2001 a query cannot call the activity `check`"#,
            r#"6 WF2002 a query cannot change `n`"#,
            r#"8 WF2004 a signal handler cannot call the activity `check`"#,
            r#"10 WF2001 a condition cannot call the activity `check`"#,
            r#"11 WF2005 a lambda cannot call the activity `check`"#,
            r#"12 WF2002 a lambda cannot draw a random number"#,
            r#"15 WF2003 `fn pure` cannot read the clock"#,
            r#"16 WF2003 `fn logs` cannot write the log"#,
            r#"17 WF2003 `fn calls` cannot call the activity `check`"#,
        ],
    },
    Row {
        name: "updates",
        source: r#"error Full
activity seat() -> Int with { queue: "q", timeout: 30s }
workflow w(limit: Int) {
  state n: Int = 0
  update a(k: Int) -> Int throws Full check { if n + k > limit { throw Full() } } { n += seat() return n }
  update b() check { n = 1 } { n = 2 }
  update c() check { seat() } { n = 2 }
  update d() check { throw Full() } { throw Full() }
  update e() with { concurrent: true } { wait until n > 3 }
  update f() with { concurent: true } { for i in 0..3 { sleep 1s } }
  update e() { }
  update g() { patch "p" { sleep 1s } }
  update h() -> Int { n = 1 }
  state m: Int = 0
  update i() { wait until m > 3 }
  update j() { wait until n > 3 }
  state k: Int = 0
  update l() with { concurrent: true } { k = 1 }
  update o() { wait until k > 3 }
  wait until n > 3
}"#,
        says: &[
            r#"6 WF2002 a check cannot change `n`"#,
            r#"7 WF2001 a check cannot call the activity `seat`"#,
            r#"8 WF3008 `Full` may escape the check of `w.d`"#,
            r#"8 WF3008 `Full` may escape `w.d`"#,
            r#"10 WF4002 unknown option `concurent` for an update"#,
            r#"11 WF1006 `e` is declared twice"#,
            r#"12 WF5001 `patch "p"` is in an update, which may come any number of times; say when it is decided"#,
            r#"13 WF1002 the body ends without a value of type Int"#,
            r#"15 WF3001 nothing can change this condition while it waits"#,
            r#"16 WF3001 nothing can change this condition while it waits"#,
        ],
    },
    Row {
        name: "branches",
        source: r#"workflow w() -> Int {
  var n = 0
  parallel for i in 0..3 { n += i }
  return n
}"#,
        says: &[r#"3 WF2007 `n` is written by concurrent branches"#],
    },
    Row {
        name: "waits",
        source: r#"workflow w() {
  state x: Int?
  signal lost(a: Int)
  signal handled() { }
  receive handled
  wait until x
}"#,
        says: &[
            r#"3 WF3002 signal `lost` is never handled or received"#,
            r#"5 WF3006 `handled` has a handler, so it has no mailbox to receive from"#,
            r#"6 WF3001 nothing can change this condition while it waits"#,
        ],
    },
    Row {
        name: "what tasks throw",
        source: r#"error E
activity a() -> Int throws E with { queue: "q", timeout: 1s }
workflow w(c: Bool) { let t = spawn a() if c { await t catch E => 0 } }
workflow v(c: Bool) -> Int { let t = spawn a() if c { return 1 } return await t catch E => 0 }
workflow u() { let t = spawn a() select { await t => { } after 1h => { } } }
workflow s() { let t = spawn a() try { sleep 1s await t } catch E { } }
workflow r() { try { spawn a() } catch E { } }
workflow q() { for i in 0..2 { let t = spawn a() if i == 1 { break } await t catch E => 0 } }
workflow p() { let t = spawn a() try { log.info("x") await t sleep 1s } catch E { } }
workflow o(c: Bool) { let t = spawn a() if c { await t catch E => 0 } else { await t catch E => 1 } }
workflow n() { for i in 0..2 { let t = spawn a() for j in 0..2 { break } await t catch E => 0 } }
workflow m() { try { within 1m { let t = spawn a() } } catch E { } }
workflow l() throws E { let t = spawn a() if true { await t } }"#,
        says: &[
            r#"3 WF3008 `E` may escape `w`"#,
            r#"4 WF3008 `E` may escape `v`"#,
            r#"5 WF3008 `E` may escape `u`"#,
            r#"6 WF3008 `E` may escape `s`"#,
            r#"7 WF3008 `E` may escape `r`"#,
            r#"7 WF3009 nothing in there throws `E`"#,
            r#"8 WF3008 `E` may escape `q`"#,
        ],
    },
    Row {
        name: "throws",
        source: r#"error E { a: Int }
error F {}
activity a() throws E with { queue: "q", timeout: 1s }
workflow w() { a() }
workflow v() { a() catch E => ()
  try { sleep 1s } catch F { } }"#,
        says: &[r#"4 WF3008 `E` may escape `w`"#, r#"6 WF3009 nothing in there throws `F`"#],
    },
    Row {
        name: "options",
        source: r#"activity a(x: Int) with { queue: "q" }
activity b(x: Int) with { timeout: 5s }
activity c(x: Int) with { queue: "q", timout: 5s }
activity d(x: Int) with { queue: "q", http: "GET http://x", timeout: 5s }
activity e(x: Int) with { http: "GET http://h/{y}", timeout: 5s }
activity f(x: Int) with { queue: "q", timeout: 5s, heartbeat: 5s }
activity g(x: Int) with { queue: "q", timeout: 5s, total_timeout: 1s }
activity h(x: Int) with { exec: "python 'x", timeout: 5s }
activity i(x: Int) with { http: "FETCH x", timeout: 5s }
activity j(x: Int) with { queue: "q", timeout: 5s, retry: backoff(first: 5s, max: 1s) }
activity k(x: Int) with { queue: "q", timeout: 5s, priority: 6 }
activity l(x: Int) with { queue: "q", timeout: 5s, body: { x } }
workflow w(id: String) with { id: "w-{id}-{now()}" } { }"#,
        says: &[
            r#"1 WF4001 activity `a` has neither `timeout` nor `total_timeout`"#,
            r#"2 WF4004 `b` does not say where it runs"#,
            r#"3 WF4002 unknown option `timout` for an activity"#,
            r#"4 WF4004 `d` says twice where it runs"#,
            r#"5 WF4006 `y` in this template is not a parameter"#,
            r#"6 WF4003 heartbeat 5s is not shorter than timeout 5s"#,
            r#"7 WF4005 total_timeout 1s is shorter than one timeout 5s"#,
            r#"8 WF4011 the command line cannot be split into words"#,
            r#"9 WF4010 `http` takes a method and a URL"#,
            r#"10 WF4010 this retry policy cannot be used"#,
            r#"11 WF4010 priority 6 is not one of 1 to 5"#,
            r#"12 WF4002 `body` belongs to `http` activities"#,
            r#"13 WF2009 a run id must not depend on `now()`"#,
        ],
    },
    Row {
        name: "patch",
        source: r#"workflow w() {
  for i in 0..3 { patch "a" { } }
  patch "b" { }
  patch "b" { }
  patch "c{1}" { }
}"#,
        says: &[
            r#"2 WF5001 `patch "a"` is inside a loop; say when it is decided"#,
            r#"3 WF5001 `patch "b"` is used at 2 sites; say when it is decided"#,
            r#"4 WF5001 `patch "b"` is used at 2 sites; say when it is decided"#,
            r#"5 WF5002 a patch id must be a plain string"#,
        ],
    },
    Row {
        name: "a deprecated patch decides nothing",
        source: r#"flow a() { deprecated patch "p" { sleep 1s } }
workflow w() -> Int { for i in 0..3 { a() }
  a()
  let n = deprecated patch "q" { 1 }
  let m: String = deprecated patch "r" each { 1 }
  deprecated patch "s{n}" { }
  return n }
workflow v() { patch "p" { } }
fn f() -> Int { deprecated patch "t" { 1 } }
workflow u() { deprecated patch "o" { sleep 1s } else { sleep 2s } }"#,
        says: &[
            r#"5 WF1002 expected String, found Int"#,
            r#"6 WF5002 a patch id must be a plain string"#,
            r#"8 WF5002 patch "p" is deprecated at one place and decides at another"#,
            r#"9 WF2003 `fn f` cannot have a `deprecated patch`"#,
            r#"10 WF5003 a deprecated patch has no old code"#,
        ],
    },
    Row {
        name: "patches where the run comes by more than once",
        source: r#"activity act() with { queue: "q", timeout: 5s }
flow g<T>(x: T) -> T { patch "generic" { act() }
  return x }
flow h() { patch "spawned" { act() } }
workflow w(xs: List<Int>, b: Bool) {
  signal poke() { patch "handler" { } }
  state go = false
  parallel for x in xs { patch "beside" { act() } }
  for x in xs { g(1) }
  spawn { for x in xs { patch "task" { act() } } }
  parallel { h(), h() }
  for x in xs { spawn h() }
  if b { patch "arm" { act() } } else { patch "arm" { act() } }
  defer { patch "end" { act() } }
  for x in xs { defer { patch "ends" { act() } } }
  select { after 1s => { patch "selected" { act() } } }
  for x in xs { select { after 1s => { patch "waited" { act() } } } }
  patch "outer" { patch "inner" { act() } }
  patch "x" each { }
  patch "x" sticky { }
}"#,
        says: &[
            r#"2 WF5001 `patch "generic"` is in a flow that is called in a loop; say when it is decided"#,
            r#"4 WF5001 `patch "spawned"` is in a flow that is called in a loop; say when it is decided"#,
            r#"6 WF2004 a signal handler cannot decide a patch"#,
            r#"8 WF5001 `patch "beside"` is inside a loop; say when it is decided"#,
            r#"10 WF5001 `patch "task"` is inside a loop; say when it is decided"#,
            r#"13 WF5001 `patch "arm"` is used at 2 sites; say when it is decided"#,
            r#"13 WF5001 `patch "arm"` is used at 2 sites; say when it is decided"#,
            r#"15 WF5001 `patch "ends"` is inside a loop; say when it is decided"#,
            r#"17 WF5001 `patch "waited"` is inside a loop; say when it is decided"#,
            r#"20 WF5002 patch "x" is decided in two ways"#,
        ],
    },
    Row {
        name: "a patch behind two calls, one of them in a loop",
        source: r#"flow a() { patch "p" { sleep 1s } }
flow b() { a() }
workflow w() { for i in 0..3 { b() } }"#,
        says: &[r#"1 WF5001 `patch "p"` is in a flow that is called in a loop; say when it is decided"#],
    },
    Row {
        name: "a patch reached on two ways",
        source: r#"flow a() { patch "p" { sleep 1s } }
flow b() { a() }
flow c() { a() }
workflow w() { b()
  c() }"#,
        says: &[r#"1 WF5001 `patch "p"` is in a flow that is called at 2 places; say when it is decided"#],
    },
    Row {
        name: "a patch in a flow that calls itself by another",
        source: r#"flow a(n: Int) { patch "p" { sleep 1s }
  if n > 0 { b(n) } }
flow b(n: Int) { a(n - 1) }
workflow w() { a(3) }"#,
        says: &[r#"1 WF5001 `patch "p"` is in a flow that calls itself; say when it is decided"#],
    },
    Row {
        name: "two workflows share no run, so no decision",
        source: r#"flow a() { patch "p" { sleep 1s } }
workflow v() { a()
  patch "q" { sleep 1s } }
workflow w() { a()
  patch "q" { sleep 1s } }"#,
        says: &[],
    },
    Row {
        name: "sites in a workflow and in a flow of it",
        source: r#"flow a() { patch "p" { sleep 1s } }
workflow v() { a() }
workflow w() { a()
  patch "p" { sleep 2s } }"#,
        says: &[
            r#"1 WF5001 `patch "p"` is used at 2 sites; say when it is decided"#,
            r#"4 WF5001 `patch "p"` is used at 2 sites; say when it is decided"#,
        ],
    },
    Row {
        name: "a patch in a flow that nothing calls",
        source: r#"flow a() { for i in 0..3 { patch "p" { sleep 1s } }
  patch "q" { sleep 1s } }"#,
        says: &[r#"1 WF5001 `patch "p"` is inside a loop; say when it is decided"#],
    },
    Row {
        name: "duplicates",
        source: r#"record A { x: Int }
record A { y: Int }
fn f(x: Int, x: Int) -> Int = x
enum B { C, C }
workflow w() { state s = 1
 state s = 2 }"#,
        says: &[
            r#"2 WF1006 `A` is declared twice"#,
            r#"3 WF1006 `x` is declared twice"#,
            r#"4 WF1006 `C` is declared twice"#,
            r#"6 WF1006 `s` is declared twice"#,
        ],
    },
    Row {
        name: "assign",
        source: r#"fn f(x: Int) -> Int {
  x = 2
  let y = 1
  y += 1
  z = 3
  return x
}"#,
        says: &[
            r#"2 WF1011 cannot assign to `x`"#,
            r#"4 WF1011 cannot assign to `y`"#,
            r#"5 WF1001 cannot find variable `z`"#,
        ],
    },
    Row {
        name: "methods",
        source: r#"fn f(xs: List<Int>) -> Int = xs.len()
fn g(s: String) -> Int = s.sum()
fn h(xs: List<String>) -> Int = xs.sum()
fn i(s: String) -> String = s + 1
fn j(xs: List<Int>) -> Int = xs[0].foo"#,
        says: &[
            r#"1 WF1001 cannot find method `len` of List<Int>"#,
            r#"2 WF1001 cannot find method `sum` of String"#,
            r#"3 WF1002 `sum` needs elements that can be added; these are String"#,
            r#"4 WF1002 `+` is not defined for String and Int"#,
            r#"5 WF1001 cannot find field `foo` in Int"#,
        ],
    },
    Row {
        name: "unreachable and no return",
        source: r#"fn f() -> Int {
  return 1
  let x = 2
}
fn g(x: Int) -> Int { if x > 1 { return 2 } }
fn h() { break }"#,
        says: &[
            r#"3 WF3004 unreachable code"#,
            r#"5 WF1002 the body ends without a value of type Int"#,
            r#"6 WF1019 `break` outside of a loop"#,
        ],
    },
    Row {
        name: "secret",
        source: r#"const s = secret("X")
workflow w() { let x = secret("Y")
 log.info("{x}") }"#,
        says: &[
            r#"1 WF2008 a Secret may only be used in activity options"#,
            r#"2 WF2008 a Secret may only be used in activity options"#,
        ],
    },
    Row {
        name: "types",
        source: r#"fn f(x: int, y: List<Int, Int>, z: Strng, m: Map<Int>) -> Foo.Bar = x
type T = T
record R { r: R }"#,
        says: &[
            r#"1 WF1001 cannot find type `int`"#,
            r#"1 WF1015 `List` takes one type argument"#,
            r#"1 WF1001 cannot find type `Strng`"#,
            r#"1 WF1015 `Map` takes 2 type arguments"#,
            r#"1 WF1001 cannot find type `Foo.Bar`"#,
            r#"2 WF1013 type `T` is an alias of itself"#,
            r#"3 WF1013 `R` contains itself without end"#,
        ],
    },
    Row {
        name: "five mistakes",
        source: r#"workflow five(a: Int) -> String {
  let x: String = a
  let y = unknown_thing
  let z = a.field
  if a { log.info("x") }
  return y.anything.at_all
}"#,
        says: &[
            r#"2 WF1002 expected String, found Int"#,
            r#"3 WF1001 cannot find `unknown_thing`"#,
            r#"4 WF1001 cannot find field `field` in Int"#,
            r#"5 WF1002 expected Bool, found Int"#,
        ],
    },
    Row {
        name: "numbers",
        source: r#"fn f() -> Int = 99999999999999999999
fn g() -> Float = 1.5 + 1
fn h(x: Float, d: Decimal) -> Float = x * d
const big = 9223372036854775807 + 1"#,
        says: &[
            r#"1 WF1016 `99999999999999999999` is too large for an Int, which has 64 bits"#,
            r#"3 WF1002 `*` is not defined for Float and Decimal"#,
            r#"4 WF1016 this cannot be computed"#,
        ],
    },
    Row {
        name: "record literals",
        source: r#"record P { a: Int, b: String = "x", c: Bool }
fn f() -> P = { a: 1, d: 2 }
fn g() -> P = P(1, c: true, c: false)
fn h(p: P) -> P = { ...p, a: "x" }"#,
        says: &[
            r#"2 WF1001 cannot find field `d` in P"#,
            r#"3 WF1006 `c` is given twice"#,
            r#"4 WF1002 expected Int, found String"#,
        ],
    },
    Row {
        name: "narrowing",
        source: r#"record R { a: Int?, b: Int }
activity a() with { queue: "q", timeout: 1s }
workflow w(r: R, o: Int?) -> Int {
  state s: Int?
  signal set(v: Int) { s = v }
  if r.a != none && r.a > 1 { return r.a + 1 }
  if o == none { return 0 }
  let p = o + 1
  wait until s
  let q = s + 1
  a()
  return s + p + q
}"#,
        says: &[r#"12 WF1003 `s` may be none"#],
    },
    Row {
        name: "narrowing of a var ends with an assignment",
        source: r#"fn next(x: Int) -> Int? = x
fn f() -> Int {
  var x: Int? = next(1)
  if x != none {
    x = next(2)
    return x
  }
  while x != none { x = next(x) }
  return 1
}"#,
        says: &[r#"6 WF1003 `x` may be none"#],
    },
    Row {
        name: "hidden by a loop",
        source: r#"workflow w() -> Int {
  var x: Int? = 1
  x = none
  for i in 0..2 { x = i }
  return x
}"#,
        says: &[r#"5 WF1003 `x` may be none"#],
    },
    Row {
        name: "return from a branch",
        source: r#"workflow w() -> Int {
  parallel { if true { return 1 } }
  let a = [1].map(x => { return 2 })
  return 3
}"#,
        says: &[r#"2 WF1019 `return` cannot leave a concurrent branch"#, r#"3 WF1019 `return` cannot leave a lambda"#],
    },
    Row {
        name: "states",
        source: r#"workflow w() {
  state a: Int
  state b = none
  indexed state c = [1, 2]
  state d: (Int) => Int = x => x
  signal cancel() { }
}"#,
        says: &[
            r#"2 WF1004 state `a` has no initial value"#,
            r#"3 WF1002 the type of this cannot be told"#,
            r#"4 WF1002 List<Int> cannot be a search attribute"#,
            r#"5 WF1007 a lambda cannot be kept in state"#,
            r#"6 WF1006 a signal cannot be called `cancel`"#,
        ],
    },
    Row {
        name: "with on a plain call",
        source: r#"fn f(x: Int) -> Int = x
workflow w() { f(1) with { timeout: 1s }
 start f(2)
 nowhere(1) with { id: "x" } }"#,
        says: &[
            r#"2 WF4002 `with` belongs to calls of activities and workflows"#,
            r#"3 WF1002 `f` is not a workflow"#,
            r#"4 WF1001 cannot find function `nowhere`"#,
        ],
    },
    Row {
        name: "unknown things do not cascade",
        source: r#"workflow w(x: Nope, y: List<Nope>) -> Nope {
  let a = x.field.other + 1
  for z in y { a.go(z) }
  let b = gone(a)
  if b { return b }
  match b { 1 => 2, _ => 3 }
  return { a, b }
}"#,
        says: &[
            r#"1 WF1001 cannot find type `Nope`"#,
            r#"1 WF1001 cannot find type `Nope`"#,
            r#"1 WF1001 cannot find type `Nope`"#,
            r#"4 WF1001 cannot find function `gone`"#,
        ],
    },
    Row {
        name: "lints",
        source: r#"record Cart { total_price: Float, weight: Float }
activity upload(data: Bytes) with { queue: "q", timeout: 1s }"#,
        says: &[
            r#"1 WF1008 Float used for `total_price`"#,
            r#"2 WF4008 Bytes argument `data` may exceed the 2 MiB payload limit"#,
        ],
    },
    Row {
        name: "lambdas are no data",
        source: r#"record R { f: (Int) => Int }
flow f(g: (Int) => Int) -> Int { return g(1) }
fn h() -> (Int) => Int = x => x
fn i(r: Retry) -> Int = 1
activity a() with { queue: "q", timeout: 1s }
workflow w(n: Int) { a() with { retry: backoff(first: n * 1s) } }"#,
        says: &[
            r#"1 WF1007 a lambda cannot be kept in a field"#,
            r#"2 WF1007 a lambda cannot be kept in an argument"#,
            r#"3 WF1007 a lambda cannot be kept in a result"#,
            r#"4 WF1007 a Retry policy cannot be kept in an argument"#,
            r#"6 WF1017 a retry policy must be known while compiling"#,
        ],
    },
    Row {
        name: "negative patterns",
        source: r#"fn f(d: Duration, n: Int) -> Int = match d { - 1m => 1, -90s => 2, _ => match n { - 5 => 3, -6 => 4, _ => n } }"#,
        says: &[],
    },
    Row {
        name: "more refused",
        source: r#"workflow w(n: Int) {
  send n.note("x")
}
record G<T> { x: T }
type Pair<T> = (T, T)
fn f(g: G<Int>) -> Int = 1
flow g<T>(x: T) -> Int { return 1 }
fn h() -> Int = f(G(2))
test "t" { mock f(..) => 1
  assert true }
schedule s runs nothing() with { cron: "x" }"#,
        says: &[
            r#"2 WF1002 expected a run, found Int"#,
            r#"9 WF1002 `f` is not an activity"#,
            r#"11 WF1001 cannot find workflow `nothing`"#,
            r#"11 WF4009 cron: 1 field; there are 5 (minute, hour, day of month, month, day of week), 6 (and year) or 7 (second first, and year)"#,
        ],
    },
    Row {
        name: "characters that are not seen",
        source: "fn a() -> Int = 1 \u{0}+ 2\r\nfn b() -> String = \"\u{7}\t\" // \u{9b}\nfn c() -> Int = 1 // x\r\nfn d() -> Int\u{200b} = 1",
        says: &[
            "1 WF0013 a control character, U+0000, cannot stand in a file",
            "2 WF0013 a control character, U+0007, cannot stand in a file",
            "2 WF0013 a control character, U+009B, cannot stand in a file",
            "4 WF0001 expected a body: `= expression` or `{ .. }`, found the character U+200B, which is not seen",
        ],
    },
    Row {
        name: "arms of other types",
        source: r#"workflow a(x: Int) -> Int {
  let u = if x > 1 { 1 } else if x > 0 { none } else { 2 }
  let v: Int? = match x { 1 => none, _ => x }
  let w: Int = if x > 1 { 1 } else { none }
  let s = if x > 1 { "a" } else { 2 }
  return u ?? v ?? 0
}"#,
        says: &[r#"4 WF1003 this may be none"#, r#"5 WF1002 expected String, found Int"#],
    },
];

fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(narrowing::ROWS)
}

#[test]
fn each_mistake_is_said_once_and_at_its_place() {
    for row in rows() {
        assert_eq!(said(row.source), row.says, "{}", row.name);
    }
}

#[test]
fn every_diagnostic_says_something_at_its_place() {
    for row in rows() {
        for d in analyze(row.source).diagnostics {
            let parser = d.code.starts_with("WF000") || d.code.starts_with("WF001");
            assert!(parser || !d.label.is_empty(), "{}: {} has no label", row.name, d.code);
            assert!(d.span.end as usize <= row.source.len(), "{}: {} is outside of the source", row.name, d.code);
            assert!(!d.message.ends_with('.'), "{}: {} ends with a full stop", row.name, d.code);
        }
    }
}

#[test]
fn errors_hold_the_program_back_and_warnings_do_not() {
    for row in rows() {
        let analysis = analyze(row.source);
        let errors = analysis.diagnostics.iter().any(|d| d.severity == Severity::Error);
        assert_eq!(analysis.program.is_none(), errors, "{}", row.name);
    }
}

#[test]
fn guessing_at_unknown_names_has_a_bound() {
    let (declared, unknown) = (1_000, 300);
    let mut source = String::new();
    for n in 0..declared {
        source.push_str(&format!("fn known_number_{n}() -> Int = {n}\n"));
    }
    for n in 0..unknown {
        source.push_str(&format!("fn user_{n}() -> Int = knwon_number_{n} + 1\n"));
    }
    let diagnostics = analyze(&source).diagnostics;
    assert_eq!(diagnostics.len(), unknown, "each is reported");
    let guessed = diagnostics.iter().filter(|d| d.fix.is_some()).count();
    assert!(guessed >= 10, "the first are guessed at: {guessed}");
    assert!(guessed * declared <= crate::types::world::COMPARISONS_MAX, "{guessed} guesses among {declared} names");
}

/// Applies the edits of a fix.
fn fixed(source: &str) -> String {
    let analysis = analyze(source);
    let mut edits: Vec<_> = analysis.diagnostics.into_iter().filter_map(|d| d.fix).flat_map(|f| f.edits).collect();
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = source.to_owned();
    for (span, new) in edits {
        text.replace_range(span.start as usize..span.end as usize, &new);
    }
    text
}

#[test]
fn fixes_mend() {
    let rows = [
        "fn f(x: int) -> Int = x",
        "workflow w(order: Int) -> Int { return ordr + 1 }",
        "fn f(x: Int) -> String = x",
        "fn f() -> Int {\n  let y = 1\n  y += 1\n  return y\n}",
        "fn f(xs: List<Int>) -> Int = xs.len()",
        "activity a() with { queue: \"q\", timout: 5s }",
        "activity a() with { queue: \"q\", timeout: 5s }\nworkflow w() { for i in 0..3 { patch \"a\" { a() } } }",
    ];
    for row in rows {
        assert_ne!(said(row), Vec::<String>::new(), "{row}");
        assert_eq!(said(&fixed(row)), Vec::<String>::new(), "{row}");
    }
}

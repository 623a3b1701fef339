//! Waits, fibers and scopes.

use weft_bytecode::op::Op;
use weft_bytecode::options::OnCancel;
use weft_bytecode::types::builtin::{INT, STRING, UNIT};

use super::asm::*;
use crate::step::Then;

#[test]
fn an_activity_is_scheduled_awaited_and_returned() {
    let mut p = P::new();
    let args = p.record(None, &[("name", STRING), ("times", INT)]);
    let greet = p.activity("greet", args, STRING, OnCancel::Try);
    let mut body = F::new("main", &[], STRING);
    let name = p.text(&mut body, "Ann \"A\"");
    let times = body.int(INT, -3);
    let (record, handle, result) = (body.reg(args), body.reg(INT), body.reg(STRING));
    body.with(Op::New, record, 0, &[name, times]);
    body.with(Op::ScheduleActivity, handle, greet, &[record]);
    body.op(Op::Await, result, handle, 0).ret(result);
    let mut run = p.main(body);
    assert_eq!(run.start(), Then::Waiting);
    assert_eq!(run.commands(), r#"0#1 activity 0 {"name":"Ann \"A\"","times":-3}"#);
    assert_eq!(run.vm.waits().len(), 1);
    assert_eq!(done(run.complete("0#1", "\"hello\"")), "\"hello\"");
    assert_eq!(run.vm.waits(), []);
}

#[test]
fn steps_follow_each_other() {
    let mut p = P::new();
    let args = p.record(None, &[]);
    let noop = p.activity("noop", args, UNIT, OnCancel::Try);
    let mut body = F::new("main", &[], UNIT);
    let (record, handle, result) = (body.reg(args), body.reg(INT), body.reg(UNIT));
    for _ in 0..3 {
        body.with(Op::New, record, 0, &[]);
        body.with(Op::ScheduleActivity, handle, noop, &[record]);
        body.op(Op::Await, result, handle, 0);
    }
    body.ret(result);
    let mut run = p.main(body);
    run.start();
    run.complete("0#1", "null");
    run.complete("0#2", "null");
    assert_eq!(run.commands(), "0#1 activity 0 {}; 0#2 activity 0 {}; 0#3 activity 0 {}");
    assert_eq!(done(run.complete("0#3", "null")), "null");
}

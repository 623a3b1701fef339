//! Objects: construction, reading, updates in place and by copy, collection.

use weft_bytecode::op::{Native, Op};
use weft_bytecode::types::builtin::{BOOL, FAILURE, FLOAT, INT, JSON, STRING, TIMEOUT, UNIT};
use weft_bytecode::{Constant, Field, Type, TypeId, Variant};

use super::asm::*;
use crate::step::{Then, TrapKind};

#[test]
fn records_and_tuples_have_fields() {
    let mut p = P::new();
    let point = p.record(Some("Point"), &[("x", INT), ("label", STRING)]);
    let pair = p.ty(Type::Tuple(vec![INT, point]));
    let mut f = F::new("main", &[], pair);
    let (x, label) = (f.int(INT, 7), p.text(&mut f, "p"));
    let (r, t, got) = (f.reg(point), f.reg(pair), f.reg(INT));
    f.with(Op::New, r, 0, &[x, label]);
    f.op(Op::Field, got, r, 0);
    f.with(Op::New, t, 0, &[got, r]).ret(t);
    assert_eq!(p.main(f).result(), r#"[7,{"x":7,"label":"p"}]"#);
}

/// `var a = [1]; share(a); let b = a; change(a)`: gives `(a, b)`.
fn shared_update(shared: bool, change: impl FnOnce(&mut P, &mut F, u16, TypeId)) -> String {
    let mut p = P::new();
    let list = p.ty(Type::List(INT));
    let pair = p.ty(Type::Tuple(vec![list, list]));
    let mut f = F::new("main", &[], pair);
    let one = f.int(INT, 1);
    let (a, b, t) = (f.reg(list), f.reg(list), f.reg(pair));
    f.with(Op::NewList, a, 0, &[one]);
    f.op(Op::Move, b, a, 0);
    if shared {
        f.op(Op::Share, a, 0, 0);
    }
    change(&mut p, &mut f, a, list);
    f.with(Op::New, t, 0, &[a, b]).ret(t);
    p.main(f).result()
}

#[test]
fn an_update_of_what_others_see_copies_it_first() {
    let set = |_: &mut P, f: &mut F, a: u16, _: TypeId| {
        let (zero, nine) = (f.int(INT, 0), f.int(INT, 9));
        f.op(Op::SetIndex, a, zero, nine);
    };
    assert_eq!(shared_update(true, set), "[[9],[1]]");
    // Nobody said that there are two owners, so both names see it: sharing is the compiler's duty.
    assert_eq!(shared_update(false, set), "[[9],[9]]");
    let push = |_: &mut P, f: &mut F, a: u16, _: TypeId| {
        for n in 0..6 {
            let n = f.int(INT, n);
            f.op(Op::Push, a, n, 0);
        }
    };
    assert_eq!(shared_update(true, push), "[[1,0,1,2,3,4,5],[1]]");
}

#[test]
fn what_is_read_out_of_a_shared_object_is_shared_too() {
    let mut p = P::new();
    let inner = p.record(Some("Inner"), &[("n", INT)]);
    let outer = p.record(Some("Outer"), &[("inner", inner)]);
    let pair = p.ty(Type::Tuple(vec![outer, outer]));
    let mut f = F::new("main", &[], pair);
    let (one, two) = (f.int(INT, 1), f.int(INT, 2));
    let (i, a, b, part, t) = (f.reg(inner), f.reg(outer), f.reg(outer), f.reg(inner), f.reg(pair));
    f.with(Op::New, i, 0, &[one]);
    f.with(Op::New, a, 0, &[i]);
    f.op(Op::Share, a, 0, 0).op(Op::Move, b, a, 0);
    // b.inner.n = 2
    f.op(Op::Field, part, b, 0).op(Op::SetField, part, 0, two).op(Op::SetField, b, 0, part);
    f.with(Op::New, t, 0, &[a, b]).ret(t);
    assert_eq!(p.main(f).result(), r#"[{"inner":{"n":1}},{"inner":{"n":2}}]"#);
}

#[test]
fn a_copy_shares_what_it_refers_to() {
    let mut p = P::new();
    let row = p.ty(Type::List(INT));
    let table = p.ty(Type::List(row));
    let pair = p.ty(Type::Tuple(vec![table, table]));
    let mut f = F::new("main", &[], pair);
    let (zero, one, nine) = (f.int(INT, 0), f.int(INT, 1), f.int(INT, 9));
    let (r0, r1, a, b, part, t) = (f.reg(row), f.reg(row), f.reg(table), f.reg(table), f.reg(row), f.reg(pair));
    f.with(Op::NewList, r0, 0, &[zero]).with(Op::NewList, r1, 0, &[one]);
    f.with(Op::NewList, a, 0, &[r0, r1]);
    f.op(Op::Share, a, 0, 0).op(Op::Move, b, a, 0);
    // b[0] = b[1] copies b; then b[1][0] = 9 must not reach a.
    f.op(Op::Index, part, b, one).op(Op::SetIndex, b, zero, part);
    f.op(Op::Index, part, b, one).op(Op::SetIndex, part, zero, nine).op(Op::SetIndex, b, one, part);
    f.with(Op::New, t, 0, &[a, b]).ret(t);
    assert_eq!(p.main(f).result(), "[[[0],[1]],[[1],[9]]]");
}

#[test]
fn indexes_are_checked() {
    for (index, fine) in [(0, true), (1, false), (-1, false)] {
        let mut p = P::new();
        let list = p.ty(Type::List(INT));
        let mut f = F::new("main", &[], INT);
        let (one, i) = (f.int(INT, 1), f.int(INT, index));
        let (l, got) = (f.reg(list), f.reg(INT));
        f.with(Op::NewList, l, 0, &[one]);
        let pc = f.pc();
        f.op(Op::Index, got, l, i).ret(got);
        let mut run = p.main(f);
        if fine {
            assert_eq!(run.result(), "1");
        } else {
            assert_eq!(run.trap(), (TrapKind::Index, pc));
        }
    }
}

#[test]
fn variants_and_results() {
    let mut p = P::new();
    let field = |name: &str, ty| Field { name: name.into(), ty, default: None };
    let shape = p.ty(Type::Enum {
        name: "Shape".into(),
        variants: vec![
            Variant { name: "Empty".into(), fields: vec![] },
            Variant { name: "Circle".into(), fields: vec![field("r", INT)] },
        ],
    });
    let result = p.ty(Type::Result(INT));
    let all = p.ty(Type::Tuple(vec![shape, shape, INT, INT, result]));
    let mut f = F::new("main", &[], all);
    let five = f.int(INT, 5);
    let (e, c, tag, r, ok, t) = (f.reg(shape), f.reg(shape), f.reg(INT), f.reg(INT), f.reg(result), f.reg(all));
    f.with(Op::NewVariant, e, 0, &[]).with(Op::NewVariant, c, 1, &[five]);
    f.op(Op::Tag, tag, c, 0).op(Op::VariantField, r, c, 1 << 8);
    f.with(Op::NewVariant, ok, 0, &[r]);
    f.with(Op::New, t, 0, &[e, c, tag, r, ok]).ret(t);
    assert_eq!(p.main(f).result(), r#"["Empty",{"kind":"Circle","r":5},1,5,{"ok":5}]"#);
}

#[test]
fn a_field_of_another_variant_is_a_broken_program() {
    let mut p = P::new();
    let field = |name: &str, ty| Field { name: name.into(), ty, default: None };
    let variant = |name: &str, ty| Variant { name: name.into(), fields: vec![field("v", ty)] };
    let either = p.ty(Type::Enum { name: "Either".into(), variants: vec![variant("A", INT), variant("B", STRING)] });
    let mut f = F::new("main", &[], STRING);
    let five = f.int(INT, 5);
    let (e, s) = (f.reg(either), f.reg(STRING));
    f.with(Op::NewVariant, e, 0, &[five]).op(Op::VariantField, s, e, 1 << 8).ret(s);
    assert_eq!(p.main(f).trap().0, TrapKind::Corrupt);
}

#[test]
fn optionals_box_scalars() {
    let mut p = P::new();
    let (oi, os) = (p.ty(Type::Option(INT)), p.ty(Type::Option(STRING)));
    let all = p.ty(Type::Tuple(vec![oi, oi, os, INT, BOOL]));
    let mut f = F::new("main", &[], all);
    let (zero, text) = (f.int(INT, 0), p.text(&mut f, "t"));
    let (some, none, name, back, same, t) = (f.reg(oi), f.reg(oi), f.reg(os), f.reg(INT), f.reg(BOOL), f.reg(all));
    f.op(Op::Some, some, zero, 0).op(Op::LoadNone, none, 0, 0).op(Op::Some, name, text, 0);
    f.op(Op::Unwrap, back, some, 0).op(Op::Equal, same, some, none);
    f.with(Op::New, t, 0, &[some, none, name, back, same]).ret(t);
    assert_eq!(p.main(f).result(), r#"[0,null,"t",0,false]"#);
}

#[test]
fn unwrapping_none_is_unreachable() {
    let mut p = P::new();
    let oi = p.ty(Type::Option(INT));
    let mut f = F::new("main", &[], INT);
    let (none, back) = (f.reg(oi), f.reg(INT));
    f.op(Op::LoadNone, none, 0, 0).op(Op::Unwrap, back, none, 0).ret(back);
    assert_eq!(p.main(f).trap(), (TrapKind::Unreachable, 2));
}

#[test]
fn unreachable_and_untold_are_traps() {
    let mut f = F::new("main", &[], UNIT);
    f.op(Op::Unreachable, 0, 0, 0);
    assert_eq!(P::new().main(f).trap(), (TrapKind::Unreachable, 1));
}

#[test]
fn maps_keep_order_and_grow() {
    let mut p = P::new();
    let map = p.ty(Type::Map(INT, STRING));
    let mut f = F::new("main", &[], map);
    let m = f.reg(map);
    f.with(Op::NewMap, m, 0, &[]);
    let text = p.text(&mut f, "v");
    for n in (0..40).rev() {
        let key = f.int(INT, n * 7 % 20);
        f.op(Op::SetKey, m, key, text);
    }
    let again = p.text(&mut f, "w");
    let key = f.int(INT, 13);
    f.op(Op::SetKey, m, key, again).ret(m);
    let expected: Vec<String> = (20..40)
        .rev()
        .map(|n| n * 7 % 20)
        .map(|key| format!("[{key},\"{}\"]", if key == 13 { "w" } else { "v" }))
        .collect();
    assert_eq!(p.main(f).result(), format!("[{}]", expected.join(",")));
}

#[test]
fn an_updated_map_does_not_change_its_copy() {
    let mut p = P::new();
    let map = p.ty(Type::Map(STRING, INT));
    let pair = p.ty(Type::Tuple(vec![map, map]));
    let mut f = F::new("main", &[], pair);
    let (one, two, k) = (f.int(INT, 1), f.int(INT, 2), p.text(&mut f, "k"));
    let (a, b, t) = (f.reg(map), f.reg(map), f.reg(pair));
    f.with(Op::NewMap, a, 0, &[k, one]).op(Op::Share, a, 0, 0).op(Op::Move, b, a, 0);
    f.op(Op::SetKey, a, k, two);
    f.with(Op::New, t, 0, &[a, b]).ret(t);
    assert_eq!(p.main(f).result(), r#"[{"k":2},{"k":1}]"#);
}

#[test]
fn sets_drop_what_they_have() {
    let mut p = P::new();
    let set = p.ty(Type::Set(STRING));
    let mut f = F::new("main", &[], set);
    let (a, b, again) = (p.text(&mut f, "a"), p.text(&mut f, "b"), p.text(&mut f, "a"));
    let s = f.reg(set);
    f.with(Op::NewList, s, 0, &[a, b, again]).ret(s);
    assert_eq!(p.main(f).result(), r#"["a","b"]"#);
}

#[test]
fn text_is_put_together_from_all_kinds() {
    let mut p = P::new();
    let list = p.ty(Type::List(STRING));
    let os = p.ty(Type::Option(STRING));
    let mut f = F::new("main", &[], STRING);
    let (n, yes, text) = (f.int(INT, -4), f.int(BOOL, 1), p.text(&mut f, "q\"t"));
    let k = p.constant(Constant::Decimal("19.9".into()));
    let d = f.reg(weft_bytecode::types::builtin::DECIMAL);
    f.wide(Op::LoadConst, d, k);
    let k = p.constant(Constant::Scalar(1.0f64.to_bits()));
    let x = f.reg(FLOAT);
    f.wide(Op::LoadConst, x, k);
    let after = f.int(weft_bytecode::types::builtin::DURATION, 5_400_000);
    let (l, none, out) = (f.reg(list), f.reg(os), f.reg(STRING));
    f.with(Op::NewList, l, 0, &[text]).op(Op::LoadNone, none, 0, 0);
    f.with(Op::Concat, out, 0, &[n, text, yes, text, d, text, x, text, after, text, l, none]).ret(out);
    assert_eq!(p.main(f).result(), r#""-4q\"ttrueq\"t19.9q\"t1.0q\"t1h30mq\"t[\"q\\\"t\"]none""#);
}

#[test]
fn constants_of_each_kind() {
    let mut p = P::new();
    let all = p.ty(Type::Tuple(vec![STRING, weft_bytecode::types::builtin::BYTES, JSON, INT]));
    let constants = [
        Constant::String("ü".into()),
        Constant::Bytes(vec![1, 2]),
        Constant::Json(r#"{"a":[1,2.5,null]}"#.into()),
        Constant::Scalar(5),
    ];
    let types = [STRING, weft_bytecode::types::builtin::BYTES, JSON, INT];
    let mut f = F::new("main", &[], all);
    let mut regs = vec![];
    for (constant, ty) in constants.into_iter().zip(types) {
        let (k, reg) = (p.constant(constant), f.reg(ty));
        f.wide(Op::LoadConst, reg, k);
        regs.push(reg);
    }
    let t = f.reg(all);
    f.with(Op::New, t, 0, &regs).ret(t);
    assert_eq!(p.main(f).result(), r#"["ü","AQI=",{"a":[1,2.5,null]},5]"#);
}

#[test]
fn errors_are_cast_after_a_look() {
    let mut p = P::new();
    let declined = p.error("Declined", &[("code", STRING)]);
    let mut f = F::new("main", &[], STRING);
    let (message, code) = (p.text(&mut f, "no"), p.text(&mut f, "51"));
    let none = f.reg(weft_bytecode::types::builtin::OPTION_FAILURE);
    f.op(Op::LoadNone, none, 0, 0);
    let (e, any, is, back, got) = (f.reg(declined), f.reg(FAILURE), f.reg(BOOL), f.reg(declined), f.reg(STRING));
    f.with(Op::New, e, 0, &[message, none, code]).op(Op::Cast, any, e, 0);
    f.op(Op::IsError, is, any, declined.0);
    let (no, end) = (f.label(), f.label());
    f.jump(Op::JumpIfNot, is, no);
    f.op(Op::Cast, back, any, 0).op(Op::Field, got, back, 2);
    f.jump(Op::Jump, 0, end);
    f.here(no).op(Op::Move, got, message, 0);
    f.here(end).ret(got);
    assert_eq!(p.main(f).result(), "\"51\"");
}

#[test]
fn a_wrong_cast_is_a_broken_program() {
    let mut p = P::new();
    let declined = p.error("Declined", &[]);
    let mut f = F::new("main", &[], UNIT);
    let message = p.text(&mut f, "no");
    let none = f.reg(weft_bytecode::types::builtin::OPTION_FAILURE);
    f.op(Op::LoadNone, none, 0, 0);
    let (e, any, back, unit) = (f.reg(declined), f.reg(FAILURE), f.reg(TIMEOUT), f.int(UNIT, 0));
    f.with(Op::New, e, 0, &[message, none]).op(Op::Cast, any, e, 0).op(Op::Cast, back, any, 0).ret(unit);
    assert_eq!(p.main(f).trap().0, TrapKind::Corrupt);
}

/// Many ops on objects in one program.
pub(super) fn everything() -> weft_bytecode::Program {
    let mut p = P::new();
    let inner = p.record(Some("Inner"), &[("n", INT), ("s", STRING)]);
    let list = p.ty(Type::List(inner));
    let map = p.ty(Type::Map(STRING, INT));
    let oi = p.ty(Type::Option(INT));
    let or = p.ty(Type::Option(inner));
    let set = p.ty(Type::Set(INT));
    let field = |name: &str, ty| Field { name: name.into(), ty, default: None };
    let shape = p.ty(Type::Enum {
        name: "Shape".into(),
        variants: vec![
            Variant { name: "Empty".into(), fields: vec![] },
            Variant { name: "Named".into(), fields: vec![field("s", STRING), field("n", INT)] },
        ],
    });
    let all = p.ty(Type::Tuple(vec![list, map, oi, or, set, shape, STRING]));
    let mut f = F::new("main", &[], all);
    let (zero, one, text, key) = (f.int(INT, 0), f.int(INT, 1), p.text(&mut f, "t"), p.text(&mut f, "k"));
    let (r, l, m) = (f.reg(inner), f.reg(list), f.reg(map));
    f.with(Op::New, r, 0, &[one, text]).with(Op::NewList, l, 0, &[r]).op(Op::Share, r, 0, 0);
    f.op(Op::SetField, r, 0, zero).op(Op::Push, l, r, 0).op(Op::Index, r, l, one).op(Op::SetIndex, l, zero, r);
    f.with(Op::NewMap, m, 0, &[text, one]).op(Op::SetKey, m, key, zero);
    let (i, n, x, s, e) = (f.reg(oi), f.reg(or), f.reg(INT), f.reg(set), f.reg(shape));
    f.op(Op::Some, i, one, 0).op(Op::Some, n, r, 0).op(Op::Unwrap, x, i, 0);
    f.with(Op::NewList, s, 0, &[x, zero]).with(Op::NewVariant, e, 1, &[text, x]);
    let (tag, name, yes, out, t) = (f.reg(INT), f.reg(STRING), f.reg(BOOL), f.reg(STRING), f.reg(all));
    f.op(Op::Tag, tag, e, 0).op(Op::VariantField, name, e, 1 << 8).op(Op::Less, yes, name, key);
    let got = f.native(Native::MapGet, oi, &[m, key]);
    let sum = f.native(Native::Range, list_of_int(&mut p), &[zero, one, one]);
    f.op(Op::Equal, yes, i, got).with(Op::Concat, out, 0, &[l, m, name, sum, yes]);
    f.with(Op::New, t, 0, &[l, m, got, n, s, e, out]).ret(t);
    (**p.main(f).loaded.program()).clone()
}

fn list_of_int(p: &mut P) -> TypeId {
    p.ty(Type::List(INT))
}

#[test]
fn everything_runs() {
    let loaded = crate::Loaded::new(everything());
    assert!(loaded.is_ok(), "{:?}", loaded.err());
}

/// A loop that makes `rounds` lists of `size` and keeps the last.
fn garbage(p: &mut P, rounds: i32, size: i32) -> F {
    let list = p.ty(Type::List(INT));
    let mut f = F::new("main", &[], INT);
    let (i, one, zero, size, max) = (f.int(INT, 0), f.int(INT, 1), f.int(INT, 0), f.int(INT, size), f.int(INT, rounds));
    let (more, kept, n) = (f.reg(BOOL), f.reg(list), f.reg(INT));
    f.with(Op::NewList, kept, 0, &[]);
    let (head, end) = (f.label(), f.label());
    f.here(head).wide(Op::Fuel, 0, 6);
    f.op(Op::LtInt, more, i, max).jump(Op::JumpIfNot, more, end);
    f.with(Op::CallNative, kept, Native::Range as u16, &[zero, size, one]);
    f.op(Op::AddInt, i, i, one).jump(Op::Jump, 0, head);
    f.here(end).with(Op::CallNative, n, Native::ListLength as u16, &[kept]).ret(n);
    f
}

#[test]
fn garbage_is_collected() {
    let mut p = P::new();
    p.limits.heap_bytes_max = 1 << 20;
    let f = garbage(&mut p, 200, 10_000);
    let mut run = p.main(f);
    // 16 MB in all, 80 kB at a time.
    assert_eq!(run.result(), "10000");
}

#[test]
fn memory_has_a_limit() {
    let mut p = P::new();
    p.limits.heap_bytes_max = 1 << 16;
    let f = garbage(&mut p, 2, 10_000);
    assert!(matches!(p.main(f).start(), Then::Trapped(trap) if trap.kind == TrapKind::Memory));
    let mut p = P::new();
    let f = garbage(&mut p, 1, i32::MAX);
    assert!(matches!(p.main(f).start(), Then::Trapped(trap) if trap.kind == TrapKind::Memory));
}

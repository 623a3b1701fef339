//! What looking at values costs, and that it ends: values share their parts, so a small one may be long to walk through.

use weft_bytecode::op::{Native, Op};
use weft_bytecode::types::builtin::{BOOL, INT, JSON, OPTION_JSON, STRING};
use weft_bytecode::{Type, TypeId};

use super::asm::*;
use crate::step::TrapKind;

/// `record Node { left: Node?, right: Node? }` and its optional.
fn node(p: &mut P) -> (TypeId, TypeId) {
    let node = TypeId(p.program.types.len() as u16 + 1);
    let option = p.ty(Type::Option(node));
    assert_eq!(p.record(Some("Node"), &[("left", option), ("right", option)]), node);
    (node, option)
}

/// A value whose every level refers to the one below twice.
fn doubled(f: &mut F, (node, option): (TypeId, TypeId), levels: usize) -> u16 {
    let (below, value) = (f.reg(option), f.reg(node));
    f.op(Op::LoadNone, below, 0, 0);
    for _ in 0..levels {
        f.with(Op::New, value, 0, &[below, below]).op(Op::Some, below, value, 0).op(Op::Share, below, 0, 0);
    }
    value
}

#[test]
fn comparing_shared_parts_uses_up_the_fuel() {
    let mut p = P::new();
    p.limits.fuel_activation_max = 100_000;
    let types = node(&mut p);
    let mut f = F::new("main", &[], BOOL);
    let (a, b, same) = (doubled(&mut f, types, 22), doubled(&mut f, types, 22), f.reg(BOOL));
    let pc = f.pc();
    f.op(Op::Equal, same, a, b).ret(same);
    assert_eq!(p.main(f).trap(), (TrapKind::Fuel, pc));
}

#[test]
fn hashing_shared_parts_uses_up_the_fuel() {
    let mut p = P::new();
    p.limits.fuel_activation_max = 100_000;
    let types = node(&mut p);
    let (list, set) = (p.ty(Type::List(types.0)), p.ty(Type::Set(types.0)));
    let mut f = F::new("main", &[], set);
    let (value, items, got) = (doubled(&mut f, types, 22), f.reg(list), f.reg(set));
    // With room for more than a scan, the set hashes.
    f.with(Op::NewList, items, 0, &[value; 20]);
    let pc = f.pc();
    f.with(Op::CallNative, got, Native::ListToSet as u16, &[items]).ret(got);
    assert_eq!(p.main(f).trap(), (TrapKind::Fuel, pc));
}

/// A set in a set in a set: each looks its elements up in the other.
#[test]
fn comparing_sets_within_sets_has_a_depth() {
    let mut p = P::new();
    let record = TypeId(p.program.types.len() as u16 + 1);
    let set = p.ty(Type::Set(record));
    assert_eq!(p.record(Some("Nest"), &[("inner", set)]), record);
    let mut f = F::new("main", &[], BOOL);
    let same = f.reg(BOOL);
    let nests = [(); 2].map(|()| {
        let (inner, nest) = (f.reg(set), f.reg(record));
        f.with(Op::NewList, inner, 0, &[]).with(Op::New, nest, 0, &[inner]);
        for _ in 0..200 {
            f.with(Op::NewList, inner, 0, &[nest]).with(Op::New, nest, 0, &[inner]);
        }
        nest
    });
    let pc = f.pc();
    f.op(Op::Equal, same, nests[0], nests[1]).ret(same);
    assert_eq!(p.main(f).trap(), (TrapKind::Depth, pc));
}

#[test]
fn objects_in_another_order_are_equal_and_cost_what_they_have() {
    const MEMBERS: usize = 2_000;
    let mut p = P::new();
    let object = |order: &mut dyn Iterator<Item = usize>| {
        let members: Vec<String> = order.map(|n| format!("\"member{n}\":{n}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let texts = [object(&mut (0..MEMBERS)), object(&mut (0..MEMBERS).rev())];
    let mut f = F::new("main", &[], BOOL);
    let same = f.reg(BOOL);
    let [a, b] = texts.map(|text| {
        let text = p.text(&mut f, &text);
        let option = f.native(Native::JsonParse, OPTION_JSON, &[text]);
        let json = f.reg(JSON);
        f.op(Op::Unwrap, json, option, 0);
        json
    });
    f.op(Op::Equal, same, a, b).ret(same);
    let mut run = p.main(f);
    assert_eq!(run.result(), "true");
    assert!(run.vm.fuel_used() as usize > 2 * MEMBERS, "{}", run.vm.fuel_used());
}

/// Looking a key up costs what the key has, looking into a list what its elements have.
#[test]
fn looking_things_up_is_charged() {
    const LONG: i32 = 64_000;
    let fuel = |native: Native| {
        let mut p = P::new();
        let key = p.ty(Type::List(INT));
        let (map, list) = (p.ty(Type::Map(key, INT)), p.ty(Type::List(key)));
        let mut f = F::new("main", &[], INT);
        let (from, to, step) = (f.int(INT, 0), f.int(INT, LONG), f.int(INT, 1));
        let keys = [(); 2].map(|()| f.native(Native::Range, key, &[from, to, step]));
        let (m, l, found, zero) = (f.reg(map), f.reg(list), f.reg(BOOL), f.int(INT, 0));
        f.with(Op::NewMap, m, 0, &[keys[0], zero]).with(Op::NewList, l, 0, &[keys[0]]);
        match native {
            Native::MapHas => f.with(Op::CallNative, found, native as u16, &[m, keys[1]]),
            _ => f.with(Op::CallNative, found, native as u16, &[l, keys[1]]),
        };
        f.ret(zero);
        let mut run = p.main(f);
        run.result();
        run.vm.fuel_used()
    };
    let made = 2 * LONG as u64 / 8;
    for native in [Native::MapHas, Native::ListContains] {
        assert!(fuel(native) >= made + LONG as u64 / 8, "{native:?}: {}", fuel(native));
    }
}

/// Sorting stops where the fuel ends, and keeps the order of equals.
#[test]
fn sorting_is_stable_and_ends_with_the_fuel() {
    let sort = |fuel_activation_max| {
        let mut p = P::new();
        p.limits.fuel_activation_max = fuel_activation_max;
        let (keys, values) = (p.ty(Type::List(STRING)), p.ty(Type::List(INT)));
        let mut f = F::new("main", &[], values);
        let long = "x".repeat(10_000);
        let texts: Vec<u16> = ["b", "a", "c", "a", "b", "a"].map(|end| p.text(&mut f, &format!("{long}{end}"))).into();
        let places: Vec<u16> = (0..6).map(|n| f.int(INT, n)).collect();
        let (ks, vs) = (f.reg(keys), f.reg(values));
        f.with(Op::NewList, ks, 0, &texts).with(Op::NewList, vs, 0, &places);
        let sorted = f.native(Native::ListSortKeys, values, &[ks, vs]);
        f.ret(sorted);
        p.main(f)
    };
    assert_eq!(sort(100_000).result(), "[1,3,5,0,4,2]");
    assert_eq!(sort(500).trap().0, TrapKind::Fuel);
}

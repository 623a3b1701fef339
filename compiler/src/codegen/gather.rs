//! Loops over collections: `for`, and std methods with lambdas.

use weft_bytecode::op::Native;
use weft_bytecode::{Op, Reg};

use super::function::{Emit, Val};
use super::ownership::{is_fresh, root_of};
use crate::hir::{Expr, ExprKind, Gather, LocalId, Pattern, Root, Value};
use crate::types::{Kind, Ty};

/// What a loop goes through: a list by index, or numbers.
pub(super) struct Source {
    at: Val,
    limit: Val,
    list: Option<Val>,
}

impl Emit<'_, '_, '_> {
    /// Runs code for each element. `breakable` says whether `break` and `continue` inside mean this loop.
    pub(super) fn each(&mut self, items: &Expr, item: &Pattern, breakable: bool, body: impl FnOnce(&mut Self)) {
        self.each_item(items, breakable, |this, load| {
            this.part(item, None, load);
            body(this);
        });
    }

    /// As [`Emit::each`]; the body gets a way to load the element into a register.
    pub(super) fn each_item(
        &mut self,
        items: &Expr,
        breakable: bool,
        body: impl FnOnce(&mut Self, &mut dyn FnMut(&mut Self, Reg)),
    ) {
        if let Some(source) = self.source(items) {
            self.run(source, breakable, body);
        }
    }

    /// Evaluates what a loop goes through; `None` if that never gives a value.
    pub(super) fn source(&mut self, items: &Expr) -> Option<Source> {
        let range = match &items.kind {
            ExprKind::Native(Native::Range, args) if matches!(args[2].kind, ExprKind::Const(Value::Int(1))) => args,
            _ => {
                let list = self.as_list(items)?;
                let limit = self.temp(Ty::INT);
                self.args(Op::CallNative, limit.reg, Native::ListLength as u16, &[list.reg]);
                let at = self.temp(Ty::INT);
                self.wide(Op::LoadInt, at.reg, 0);
                return Some(Source { at, limit, list: Some(list) });
            }
        };
        // `from..to` needs no list.
        let (from, to) = (&range[0], &range[1]);
        let at = self.temp(Ty::INT);
        self.expr(from, Some(at.reg));
        let limit = self.temp(Ty::INT);
        self.expr(to, Some(limit.reg));
        (from.ty != Ty::NEVER && to.ty != Ty::NEVER).then_some(Source { at, limit, list: None })
    }

    /// Runs code for each element of what was evaluated.
    pub(super) fn run(
        &mut self,
        source: Source,
        breakable: bool,
        body: impl FnOnce(&mut Self, &mut dyn FnMut(&mut Self, Reg)),
    ) {
        let Source { at, limit, list } = source;
        self.counted(at, limit, breakable, |this| {
            body(this, &mut |this, dst| match list {
                Some(list) => this.op(Op::Index, dst, list.reg, at.reg),
                None => this.op(Op::Move, dst, at.reg, 0),
            });
        });
        if let Some(list) = list {
            self.release(list);
        }
    }

    /// The list to go through. A list that could be changed meanwhile is marked as shared.
    fn as_list(&mut self, items: &Expr) -> Option<Val> {
        let val = self.value(items);
        if items.ty == Ty::NEVER {
            return None;
        }
        let native = match self.em.world.types.kind(items.ty) {
            Kind::Set(_) => Some(Native::SetToList),
            Kind::Map(..) => Some(Native::MapEntries),
            _ => None,
        };
        if let Some(native) = native {
            let item = self.em.world.types.element(items.ty).unwrap_or(Ty::UNKNOWN);
            let list = self.em.world.types.list(item);
            let out = self.temp(list);
            self.args(Op::CallNative, out.reg, native as u16, &[val.reg]);
            self.release(val);
            return Some(out);
        }
        let fixed = match root_of(items) {
            Some(Root::Local(id)) => !self.local_info(id).var,
            Some(Root::State(_)) => false,
            None => is_fresh(items),
        };
        if !fixed {
            self.op(Op::Share, val.reg, 0, 0);
            if !val.temp {
                let copy = self.temp(items.ty);
                self.op(Op::Move, copy.reg, val.reg, 0);
                return Some(copy);
            }
        }
        Some(val)
    }

    fn counted(&mut self, at: Val, limit: Val, breakable: bool, body: impl FnOnce(&mut Self)) {
        let one = self.temp(Ty::INT);
        self.wide(Op::LoadInt, one.reg, 1);
        let (head, again, exit) = (self.label(), self.label(), self.label());
        self.bind(head);
        self.open_region();
        let test = self.temp(Ty::BOOL);
        self.op(Op::LtInt, test.reg, at.reg, limit.reg);
        self.jump(Op::JumpIfNot, test.reg, exit);
        self.release(test);
        self.scoped(|this| {
            if breakable {
                this.in_loop(again, exit, body);
            } else {
                body(this);
            }
        });
        self.bind(again);
        self.op(Op::AddInt, at.reg, at.reg, one.reg);
        self.goto(head);
        self.close_region();
        self.bind(exit);
        for val in [one, limit, at] {
            self.release(val);
        }
    }

    pub(super) fn gather(
        &mut self,
        gather: Gather,
        items: &Expr,
        item: &Pattern,
        body: &Expr,
        ty: Ty,
        dst: Option<Reg>,
    ) -> Val {
        match gather {
            Gather::Map => self.collected_list(items, item, body, ty),
            Gather::FlatMap => {
                let lists = self.em.world.types.list(ty);
                let lists = self.collected_list(items, item, body, lists);
                let out = self.into(dst, ty);
                self.args(Op::CallNative, out.reg, Native::ListFlatten as u16, &[lists.reg]);
                self.release(lists);
                out
            }
            Gather::Filter => self.filter(items, item, body, ty),
            Gather::Find => self.find(items, item, body, ty),
            Gather::Any | Gather::All => self.any_all(gather, items, item, body),
            Gather::TakeWhile => self.take_while(items, item, body, ty),
            Gather::DropWhile => self.drop_while(items, item, body, ty),
            Gather::Values => {
                let map = self.value(items);
                if !map.temp {
                    self.share(items, map.reg);
                }
                let old = self.temp(self.em.world.types.list(item.ty));
                self.args(Op::CallNative, old.reg, Native::MapValues as u16, &[map.reg]);
                let values_ty = self.em.world.types.list(body.ty);
                let values = self.keys(old.reg, item, body, values_ty);
                let out = self.into(dst, ty);
                self.args(Op::CallNative, out.reg, Native::MapWithValues as u16, &[map.reg, values.reg]);
                self.release(values);
                self.release(old);
                self.release(map);
                out
            }
            Gather::Keyed(native) => {
                // The keys are made over the list that is sorted, so it is evaluated once.
                let list = self.value(items);
                if !list.temp {
                    self.share(items, list.reg);
                }
                let keys_ty = self.em.world.types.list(body.ty);
                let keys = self.keys(list.reg, item, body, keys_ty);
                let out = self.into(dst, ty);
                self.args(Op::CallNative, out.reg, native as u16, &[keys.reg, list.reg]);
                self.release(keys);
                self.release(list);
                out
            }
        }
    }

    fn collected_list(&mut self, items: &Expr, item: &Pattern, body: &Expr, ty: Ty) -> Val {
        let out = self.temp(ty);
        self.args(Op::NewList, out.reg, 0, &[]);
        self.each(items, item, false, |this| {
            let val = this.value(body);
            this.share(body, val.reg);
            this.op(Op::Push, out.reg, val.reg, 0);
            this.release(val);
        });
        out
    }

    fn keys(&mut self, list: Reg, item: &Pattern, body: &Expr, ty: Ty) -> Val {
        let out = self.temp(ty);
        self.args(Op::NewList, out.reg, 0, &[]);
        let length = self.temp(Ty::INT);
        self.args(Op::CallNative, length.reg, Native::ListLength as u16, &[list]);
        let at = self.temp(Ty::INT);
        self.wide(Op::LoadInt, at.reg, 0);
        self.counted(at, length, false, |this| {
            this.part(item, None, |this, dst| this.op(Op::Index, dst, list, at.reg));
            let val = this.value(body);
            this.share(body, val.reg);
            this.op(Op::Push, out.reg, val.reg, 0);
            this.release(val);
        });
        out
    }

    /// An element in a register of its own, and the pattern bound to it.
    fn element(&mut self, item: &Pattern, load: &mut dyn FnMut(&mut Self, Reg)) -> Val {
        let element = self.temp(item.ty);
        load(self, element.reg);
        self.pattern(item, element.reg, None);
        element
    }

    fn filter(&mut self, items: &Expr, item: &Pattern, body: &Expr, ty: Ty) -> Val {
        let out = self.temp(ty);
        self.args(Op::NewList, out.reg, 0, &[]);
        self.each_item(items, false, |this, load| {
            let element = this.element(item, load);
            let skip = this.label();
            this.jump_unless(body, skip);
            this.push_element(out, element, item.ty);
            this.bind(skip);
            this.release(element);
        });
        out
    }

    fn take_while(&mut self, items: &Expr, item: &Pattern, body: &Expr, ty: Ty) -> Val {
        let out = self.temp(ty);
        self.args(Op::NewList, out.reg, 0, &[]);
        let enough = self.label();
        self.each_item(items, false, |this, load| {
            let element = this.element(item, load);
            let (next, failed) = (this.label(), this.label());
            this.jump_unless(body, failed);
            this.push_element(out, element, item.ty);
            this.goto(next);
            this.bind(failed);
            this.goto(enough);
            this.bind(next);
            this.release(element);
        });
        self.bind(enough);
        out
    }

    fn drop_while(&mut self, items: &Expr, item: &Pattern, body: &Expr, ty: Ty) -> Val {
        let out = self.temp(ty);
        self.args(Op::NewList, out.reg, 0, &[]);
        let dropping = self.temp(Ty::BOOL);
        self.wide(Op::LoadInt, dropping.reg, 1);
        self.each_item(items, false, |this, load| {
            let element = this.element(item, load);
            let (next, failed, keep) = (this.label(), this.label(), this.label());
            this.jump(Op::JumpIfNot, dropping.reg, keep);
            this.jump_unless(body, failed);
            this.goto(next);
            this.bind(failed);
            this.wide(Op::LoadInt, dropping.reg, 0);
            this.bind(keep);
            this.push_element(out, element, item.ty);
            this.bind(next);
            this.release(element);
        });
        self.release(dropping);
        out
    }

    /// Appends an element that stays where it was too.
    fn push_element(&mut self, out: Val, element: Val, ty: Ty) {
        if self.em.world.types.is_updatable(ty) {
            self.op(Op::Share, element.reg, 0, 0);
        }
        self.op(Op::Push, out.reg, element.reg, 0);
    }

    fn find(&mut self, items: &Expr, item: &Pattern, body: &Expr, ty: Ty) -> Val {
        let out = self.temp(ty);
        self.op(Op::LoadNone, out.reg, 0, 0);
        let found = self.label();
        self.each_item(items, false, |this, load| {
            let element = this.element(item, load);
            let skip = this.label();
            this.jump_unless(body, skip);
            // The element of a list of optionals is one already.
            let op = if item.ty == ty { Op::Move } else { Op::Some };
            this.op(op, out.reg, element.reg, 0);
            this.goto(found);
            this.bind(skip);
            this.release(element);
        });
        self.bind(found);
        out
    }

    fn any_all(&mut self, gather: Gather, items: &Expr, item: &Pattern, body: &Expr) -> Val {
        let any = gather == Gather::Any;
        let out = self.temp(Ty::BOOL);
        self.wide(Op::LoadInt, out.reg, u32::from(!any));
        let found = self.label();
        self.each(items, item, false, |this| {
            let (skip, decided) = (this.label(), this.label());
            this.jump_unless(body, if any { skip } else { decided });
            if !any {
                this.goto(skip);
                this.bind(decided);
            }
            this.wide(Op::LoadInt, out.reg, u32::from(any));
            this.goto(found);
            this.bind(skip);
        });
        self.bind(found);
        out
    }

    pub(super) fn fold(
        &mut self,
        items: &Expr,
        init: &Expr,
        acc: LocalId,
        item: &Pattern,
        body: &Expr,
        dst: Option<Reg>,
    ) -> Val {
        let out = self.into(dst, init.ty);
        self.scoped(|this| {
            // The collection is written before the initial value, so it is evaluated first.
            let mut list = this.value(items);
            if !init.is_simple() {
                list = this.keep(items, list);
            }
            let sum = this.local(acc);
            this.owned(init, Some(sum));
            this.fold_list(items, list, item, |this| {
                let val = this.owned(body, None);
                let reg = this.need(val, body.ty);
                this.op(Op::Move, sum, reg, 0);
                this.release(val);
            });
            this.release(list);
            this.op(Op::Move, out.reg, sum, 0);
        });
        out
    }

    fn fold_list(&mut self, items: &Expr, list: Val, item: &Pattern, body: impl FnOnce(&mut Self)) {
        let _ = items;
        let length = self.temp(Ty::INT);
        self.args(Op::CallNative, length.reg, Native::ListLength as u16, &[list.reg]);
        let at = self.temp(Ty::INT);
        self.wide(Op::LoadInt, at.reg, 0);
        self.counted(at, length, false, |this| {
            this.part(item, None, |this, dst| this.op(Op::Index, dst, list.reg, at.reg));
            body(this);
        });
    }
}

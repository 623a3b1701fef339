//! Which instructions were executed, for `weft test --coverage`. A program that nobody measures has none of this.

use std::sync::atomic::{AtomicBool, Ordering};

use weft_bytecode::{FuncId, Program};

/// A flag for each instruction of a program, set by whoever runs it.
#[derive(Debug)]
pub(crate) struct Executed {
    functions: Vec<Box<[AtomicBool]>>,
}

impl Executed {
    pub(crate) fn none(program: &Program) -> Executed {
        let flags = |len: usize| (0..len).map(|_| AtomicBool::new(false)).collect();
        Executed { functions: program.functions.iter().map(|f| flags(f.code.len())).collect() }
    }

    pub(crate) fn mark(&self, func: FuncId, pc: u32) {
        if let Some(flag) = self.flags(func).get(pc as usize) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn of(&self, func: FuncId) -> impl Iterator<Item = bool> + '_ {
        self.flags(func).iter().map(|flag| flag.load(Ordering::Relaxed))
    }

    fn flags(&self, func: FuncId) -> &[AtomicBool] {
        self.functions.get(usize::from(func.0)).map_or(&[], |flags| flags)
    }
}

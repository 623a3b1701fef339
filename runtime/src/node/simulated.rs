//! A node in a simulated world: everything it would get from the system is given to it.

use std::sync::Arc;

use weft_vm::Loaded;

use super::{Duty, Node, NodeOptions, Shared, member, open};
use crate::activities::Executors;
use crate::store::Journal;

/// What a node gets from whoever simulates its world. In a runtime of one thread, with a clock of its own, what it does
/// depends on nothing else.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// The store as this node sees it; `NodeOptions::store` is not looked at.
    pub journal: Arc<dyn Journal>,
    /// Executors, which nodes of one process may share.
    pub executors: Executors,
    /// Programs that need not be read from the store and checked again.
    pub programs: Vec<Arc<Loaded>>,
    /// Where the seeds of runs come from.
    pub entropy: [u8; 32],
}

impl Node {
    /// Opens a node in a simulated world.
    pub fn open_in(world: Simulated, options: NodeOptions) -> Node {
        let mut shared = Shared::new(options, Duty::Serve, world.executors);
        shared.entropy = Some(world.entropy);
        for program in world.programs {
            shared.programs.keep(program);
        }
        let shared = Arc::new(shared);
        let events = open::begin(&shared, world.journal);
        tokio::spawn(member::run(shared.clone(), Some(events)));
        Node { shared }
    }
}

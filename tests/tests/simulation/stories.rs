//! The programs that a seed runs and what clients tell them: those of `tests/simulation/stories.wf`, whose ends say
//! whether something was lost, and random ones.

use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use weft_bytecode::codec;
use weft_compiler::{Project, Source};
use weft_protocol::api::UpdateStage;
use weft_tests::binary::workspace;
use weft_tests::determinism;
use weft_vm::Loaded;

use crate::clients::With;
use crate::world::World;

/// Random programs: a seed runs one of so many, for writing and compiling one takes longer than running it.
const RANDOM_PROGRAMS: u64 = 48;

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Line {
    Signal(&'static str, With),
    Update(&'static str, With, UpdateStage),
    Cancel,
    Terminate,
    Items,
    History,
    /// Back to some earlier point.
    Reset,
}

/// Whether a run ends by itself when it is let.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Surely,
    Perhaps,
}

/// A run and what its clients do.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) workflow: &'static str,
    /// Empty if only the answer to the start tells it.
    pub(crate) id: String,
    /// Whether the start names the id, or the program makes it.
    pub(crate) give_id: bool,
    pub(crate) args: Value,
    pub(crate) clients: u64,
    pub(crate) lines: u64,
    pub(crate) menu: &'static [Line],
    pub(crate) last: &'static [Line],
    pub(crate) ends: Ends,
    /// Goes with the start.
    pub(crate) first: Option<Line>,
    /// Whether somebody sets it back once.
    pub(crate) reset: bool,
}

use Line::{Cancel, History, Items, Signal, Terminate, Update};
use UpdateStage::{Accepted, Completed};

const BOOK: &[Line] = &[
    Signal("add", With::N),
    Signal("add", With::N),
    Update("put", With::N, Completed),
    Update("put", With::N, Accepted),
    Update("slow", With::N, Completed),
    Items,
    Items,
    Items,
    History,
];
const BOOK_FIRST: &[Line] =
    &[Signal("add", With::N), Update("put", With::N, Completed), Update("slow", With::N, Accepted)];
const BOOK_CLOSES: &[Line] = &[Signal("close", With::Nothing)];
const TALLY: &[Line] = &[Signal("mail", With::N), Signal("mail", With::N), Signal("mail", With::N), Items];
const ORDER: &[Line] = &[History, Signal("hurry", With::Nothing), Cancel];
const CLOCKWORK: &[Line] = &[History, Signal("nudge", With::Nothing), History];
const WATCHED: &[Line] = &[History];
const RANDOM: &[Line] = &[
    Signal("bump", With::By),
    Signal("name", With::Text),
    Signal("mail", With::N),
    Signal("mail", With::N),
    History,
    History,
    Cancel,
];

/// The stories of a seed.
pub(crate) fn stories(world: &World) -> Vec<Story> {
    let count = [1, 1, 2, 2, 3][world.below(5) as usize];
    (0..count).map(|number| story(world, number)).collect()
}

fn story(world: &World, number: u64) -> Story {
    let named = |workflow: &'static str| Story {
        workflow,
        id: format!("{workflow}-{number}"),
        give_id: false,
        args: json!({ "n": number }),
        clients: 1,
        lines: world.between(1, 3),
        menu: WATCHED,
        last: &[],
        ends: Ends::Surely,
        first: None,
        reset: false,
    };
    let some = |lines: &[Line]| lines[world.below(lines.len() as u64) as usize];
    match world.below(18) {
        0..=3 => {
            let (clients, lines) = (world.between(1, 3), world.between(2, 5));
            let last: &[Line] = match world.below(12) {
                0 => &[Cancel],
                1 => &[Terminate],
                _ => BOOK_CLOSES,
            };
            let closes = last == BOOK_CLOSES;
            let first = world.percent(25).then(|| some(BOOK_FIRST));
            let reset = closes && world.percent(25);
            Story { clients, lines, menu: BOOK, last, first, reset, ..named("book") }
        }
        4..=6 => {
            let (clients, lines) = (world.between(1, 2), world.between(2, 6));
            let first = world.percent(25).then_some(Signal("mail", With::N));
            let reset = world.percent(25);
            Story {
                clients,
                lines,
                menu: TALLY,
                last: &[Signal("stop", With::Nothing)],
                first,
                reset,
                ..named("tally")
            }
        }
        7..=8 => named("bank"),
        9 => named("family"),
        10..=11 => Story { menu: ORDER, reset: world.percent(25), ..named("order") },
        12 => Story { menu: CLOCKWORK, ..named("clockwork") },
        13 => Story { id: String::new(), ..named("errand") },
        14..=15 => Story { reset: world.percent(15), ..named("shaky") },
        _ => Story {
            id: format!("random-{number}"),
            give_id: true,
            args: json!({ "begin": 5 }),
            lines: world.between(2, 8),
            menu: RANDOM,
            ends: Ends::Perhaps,
            ..named("main")
        },
    }
}

/// A program as it is deployed.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) bytes: Arc<[u8]>,
}

/// The programs of a seed: the written ones and one random one.
pub(crate) fn programs(seed: u64) -> [Code; 2] {
    static WRITTEN: OnceLock<Code> = OnceLock::new();
    static RANDOM: [OnceLock<Code>; RANDOM_PROGRAMS as usize] = [const { OnceLock::new() }; RANDOM_PROGRAMS as usize];
    let written = WRITTEN.get_or_init(|| {
        let path = workspace().join("tests/simulation/stories.wf");
        let text = std::fs::read_to_string(&path).expect("the stories are there");
        compiled("stories", text)
    });
    let number = seed % RANDOM_PROGRAMS;
    let random = RANDOM[number as usize].get_or_init(|| {
        // A worker that died with a task is noticed when its time is over.
        let text = determinism::program(number).text;
        assert!(text.contains("timeout: 1h"), "the programs have a timeout to shorten");
        compiled("random", text.replace("timeout: 1h", "timeout: 3s"))
    });
    [written.clone(), random.clone()]
}

fn compiled(name: &str, text: String) -> Code {
    // The compiler is not asked twice at the same time: it takes more stack and memory than all else here.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    let sources = vec![Source { path: format!("{name}.wf"), text: text.clone() }];
    let project = Project { name: name.into(), edition: "2026".into(), sources, ..Project::default() };
    let analysis = weft_compiler::compile(&project);
    let line = |at: usize| text[..at].lines().count();
    let said =
        analysis.diagnostics.iter().map(|d| format!("{}: {} {}", line(d.span.start as usize), d.code, d.message));
    let said: Vec<_> = said.collect();
    let program = analysis.program.unwrap_or_else(|| panic!("{name}: {said:#?}"));
    let bytes = codec::encode(&program).into();
    Code { loaded: Loaded::new(program).expect("what is compiled verifies"), bytes }
}

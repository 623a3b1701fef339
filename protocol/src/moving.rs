//! What a deploy does with open runs, and what patches they still need: the words that HTTP, the CLI and the runtime's
//! handle share.

use serde::{Deserialize, Serialize};

/// Runs that are named one by one in an answer; all are counted.
pub const RUNS_NAMED_MAX: usize = 100;

/// Which open runs of a project a deploy moves to the new code. Stuck ones that follow it move with every deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Moving {
    /// None: they finish on the code that they have.
    #[default]
    Pin,
    /// Those whose history the new code follows; the others keep their code.
    Safe,
    /// All. If there is one that the new code does not follow, nothing is deployed and nothing moves.
    All,
}

/// A line of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodeLine {
    /// `file.wf:14`.
    pub source: String,
    /// The line as it is written there, without the space around it.
    pub text: String,
}

/// A run that does not follow code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotMoved {
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// Workflow name.
    pub workflow: String,
    /// Whether it is stuck.
    pub stuck: bool,
    /// What the code does that the history does not hold, for people.
    pub why: String,
    /// The first event that differs, where it is about an event.
    pub event: Option<u64>,
    /// Where in the new code.
    pub new: Option<CodeLine>,
    /// Where the code that wrote the history was.
    pub old: Option<CodeLine>,
}

/// Runs that do not follow code: how many, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Unmoved {
    /// How many.
    pub total: u64,
    /// [`RUNS_NAMED_MAX`] of them at most.
    pub named: Vec<NotMoved>,
}

impl Unmoved {
    /// One more.
    pub fn push(&mut self, run: NotMoved) {
        self.total += 1;
        if self.named.len() < RUNS_NAMED_MAX {
            self.named.push(run);
        }
    }

    /// Those of another partition as well.
    pub fn join(&mut self, other: Unmoved) {
        self.total += other.total;
        self.named.extend(other.named);
        self.named.sort_by(|a, b| (&a.workflow, &a.run_id).cmp(&(&b.workflow, &b.run_id)));
        self.named.truncate(RUNS_NAMED_MAX);
    }
}

/// What runs have of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchRuns {
    /// Runs with a mark: they went the new way.
    pub marked: u64,
    /// Runs that passed it without a mark: they need the old way.
    pub unmarked: u64,
    /// Runs that have not been there.
    pub ahead: u64,
}

impl PatchRuns {
    /// Both together.
    pub fn join(&mut self, other: PatchRuns) {
        self.marked += other.marked;
        self.unmarked += other.unmarked;
        self.ahead += other.ahead;
    }
}

/// What may become of a patch, as far as moving open runs goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PatchNext {
    /// It is needed as it is.
    Keep,
    /// No open run needs the old way: it may become `deprecated patch`.
    Deprecate,
    /// No open run has a mark or needs the old way: only its new code need stay.
    Remove,
}

/// One patch of a program, and who needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchUse {
    /// Its id.
    pub patch: String,
    /// `once`, `each`, `sticky` or `deprecated`.
    pub mode: String,
    /// Where it is written.
    pub sites: Vec<CodeLine>,
    /// Workflows that can come to it.
    pub workflows: Vec<String>,
    /// Open runs of these workflows that follow the program.
    pub open: PatchRuns,
    /// Closed ones that are kept, the newest [`PatchesReply::closed_looked_at`].
    pub closed: PatchRuns,
    /// What may become of it.
    pub next: PatchNext,
}

/// Answer to `POST patches`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchesReply {
    /// Project name.
    pub project: String,
    /// Program hash.
    pub program: String,
    /// In the order of the program.
    pub patches: Vec<PatchUse>,
    /// Open runs of the project that were looked at.
    pub open_looked_at: u64,
    /// Closed runs that were looked at.
    pub closed_looked_at: u64,
    /// Whether there are more closed runs than were looked at.
    pub more_closed: bool,
    /// Open runs that do not follow the program, so that no patch of it means anything to them.
    pub not_followed_total: u64,
    /// The first of them.
    pub not_followed: Vec<NotMoved>,
}

//! A case as a file: the script behind `//>`, the program, the history behind `//=`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use weft_bytecode::wire::text;
use weft_bytecode::{Program, codec};
use weft_engine::Steer;
use weft_protocol::Failure;
use weft_protocol::api::{HeartbeatReply, ResetRequest};
use weft_protocol::limits::Limits;
use weft_protocol::moving::Moving;
use weft_runtime::api::{ActivityAct, ActivityKey};

/// One case.
pub(crate) struct Case {
    /// `activity/result`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) steps: Vec<Step>,
    /// Limits that are not the usual ones.
    pub(crate) limits: Limits,
    /// What the case pins: the rules behind `// rule:`, by number.
    pub(crate) rules: Vec<String>,
    pub(crate) expected: String,
}

/// What the outer world does, or what must hold.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Start {
        workflow: String,
        args: Value,
        id: Option<String>,
        /// Fields of the request.
        with: Value,
        becomes: Started,
    },
    Complete {
        activity: Nth,
        result: Value,
    },
    Fail {
        activity: Nth,
        failure: Failure,
        after_ms: Option<i64>,
    },
    Heartbeat {
        activity: Nth,
        progress: Option<Value>,
        told: Option<Answer>,
    },
    /// From here on workers take tasks only when told to.
    Hold,
    /// A worker takes a task.
    Take {
        activity: Nth,
    },
    /// The worker of an attempt that is not the current one reports.
    Stale {
        activity: Nth,
        attempt: u32,
        report: ActivityAct,
    },
    /// Somebody outside does something to an activity that he names by its run.
    Outside {
        which: ActivityKey,
        act: ActivityAct,
        refused: Option<String>,
    },
    /// What `describe` says of a pending activity.
    Pending {
        activity: Nth,
        shown: Value,
    },
    /// What the worker was given.
    Task {
        activity: Nth,
        shown: Value,
    },
    Canceled {
        activity: Nth,
    },
    Advance(i64),
    Signal {
        name: String,
        args: Value,
        request: Option<String>,
    },
    /// Sends an update, or asks for one by its id.
    Update {
        name: String,
        args: Value,
        id: String,
        becomes: Becomes,
    },
    Query {
        name: String,
        args: Value,
        answer: Value,
    },
    /// The runs that a filter is true of, newest start first, or that it is refused.
    List {
        filter: String,
        finds: Finds,
    },
    Cancel {
        reason: String,
        request: Option<String>,
    },
    Terminate(String),
    /// Sets the run back, or an earlier run of its chain, from 1.
    Reset {
        run: Option<usize>,
        request: ResetRequest,
    },
    Delete,
    /// What `describe` must say at a place of its JSON.
    Shows {
        place: String,
        value: Value,
    },
    /// The API must refuse this step with the code.
    Refused(String, Box<Step>),
    Crash,
    Deploy {
        version: String,
        /// Whether the stuck run moves.
        followed: bool,
    },
    /// Deploys another version and moves open runs to it.
    Move {
        version: String,
        moving: Moving,
        /// The runs that must stay with their code.
        stays: Vec<Stays>,
    },
    Stuck {
        trap: String,
        line: u32,
    },
    Status(String),
    History(String),
    /// A step for another run than the case's own.
    At(String, Box<Step>),
}

/// The n-th activity of a name that was scheduled, or the oldest pending one.
#[derive(Debug, Clone)]
pub(crate) struct Nth {
    pub(crate) name: String,
    pub(crate) n: Option<usize>,
}

/// What the answer to a heartbeat must be.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// It says this.
    Reply(HeartbeatReply),
    /// It is refused for this reason.
    Refused(String),
}

/// What must have become of a start.
#[derive(Debug, Clone)]
pub(crate) enum Started {
    /// Anything but a refusal.
    Either,
    New,
    Joined,
    /// The update that went with it.
    Update(Becomes),
}

/// What a filter must come to.
#[derive(Debug, Clone)]
pub(crate) enum Finds {
    /// These workflow ids.
    Runs(Vec<String>),
    /// It is wrong at this column.
    WrongAt(usize),
}

/// Where a run and the code that it was to move to part: the event, and the lines of the old and the new code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stays {
    pub(crate) event: u64,
    pub(crate) old: u32,
    pub(crate) new: u32,
}

/// What must have become of an update when its step is over.
#[derive(Debug, Clone)]
pub(crate) enum Becomes {
    /// It runs.
    Accepted,
    /// It has this result.
    Result(Value),
    /// Its check refused it with an error of this type.
    Rejected(String),
    /// It failed with an error of this type.
    Fails(String),
    /// It was not taken, for this reason.
    Refused(String),
}

/// All cases, or those with `WEFT_CASE` in their name.
pub(crate) fn cases() -> Vec<Case> {
    let wanted = std::env::var("WEFT_CASE").unwrap_or_default();
    let all = weft_tests::cases::conformance();
    all.iter().map(|path| read(path)).filter(|case| case.name.contains(&wanted)).collect()
}

fn read(path: &Path) -> Case {
    let text = std::fs::read_to_string(path).expect("it was listed");
    let folder = path.parent().and_then(Path::file_name).expect("cases are in folders of their area");
    let stem = path.file_stem().expect("a case has a name");
    let lines = |mark: &'static str| text.lines().filter_map(move |line| line.strip_prefix(mark)).map(str::trim);
    let limits = lines("//>").find_map(|line| line.strip_prefix("limits "));
    let step = |line: &str| parse(line).unwrap_or_else(|why| panic!("{}: `{line}`: {why}", path.display()));
    Case {
        name: format!("{}/{}", folder.to_string_lossy(), stem.to_string_lossy()),
        steps: lines("//>").filter(|line| !line.starts_with("limits ")).map(step).collect(),
        limits: limits.map_or_else(Limits::default, |text| serde_json::from_str(text).expect("limits by name")),
        rules: lines("// rule:")
            .flat_map(|line| line.split([' ', ',']))
            .filter(|rule| !rule.is_empty())
            .map(str::to_owned)
            .collect(),
        expected: lines("//=").map(|line| format!("{line}\n")).collect(),
        path: path.to_owned(),
        text,
    }
}

impl Case {
    /// The program, or another version of it beside the case.
    pub(crate) fn compile(&self, version: Option<&str>) -> Result<Program, String> {
        let named = self.text.lines().find_map(|line| line.strip_prefix("//+ "));
        if let (Some(name), None) = (named, version) {
            let sources = weft_tests::reference::sources(name.trim());
            return self.compiled(sources.ok_or_else(|| format!("the reference has no program `{name}`"))?);
        }
        let path = version.map_or(self.path.clone(), |file| self.path.with_file_name(file));
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        self.compiled(vec![weft_compiler::Source { path: "case.wf".into(), text }])
    }

    fn compiled(&self, sources: Vec<weft_compiler::Source>) -> Result<Program, String> {
        let project = weft_compiler::Project {
            name: self.name.clone(),
            edition: "2026".into(),
            sources,
            defaults: weft_compiler::Defaults::default(),
        };
        let analysis = weft_compiler::compile(&project);
        let Some(program) = analysis.program else {
            let sources = weft_compiler::diagnostic::Sources::new(&project.sources);
            let said = analysis.diagnostics.iter().map(|diagnostic| format!("\n{}", sources.plain(diagnostic)));
            return Err(format!("{}: {}", self.path.display(), said.collect::<String>()));
        };
        // What a server runs came over the wire.
        codec::decode(&codec::encode(&program)).map_err(|error| error.to_string())
    }

    /// Writes the expectation into the file.
    pub(crate) fn bless(&self, history: &str) {
        let source: Vec<_> = self.text.lines().filter(|line| !line.starts_with("//=")).collect();
        let history = history.lines().map(|line| format!("//= {line}\n")).collect::<String>();
        let text = format!("{}\n\n{history}", source.join("\n").trim_end());
        std::fs::write(&self.path, text).expect("the case can be written");
    }
}

fn parse(line: &str) -> Result<Step, String> {
    if let Some(line) = line.strip_prefix('@') {
        let (id, rest) = name(line)?;
        return Ok(Step::At(id, Box::new(parse(rest)?)));
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    Ok(match word {
        "start" => {
            let (workflow, rest) = name(rest)?;
            let (rest, becomes) = match rest.split_once(" -> ") {
                None => (rest, Started::Either),
                Some((rest, "started")) => (rest, Started::New),
                Some((rest, "joined")) => (rest, Started::Joined),
                Some((rest, answer)) => (rest, Started::Update(self::becomes(answer.trim())?)),
            };
            let (args, rest) = object(rest)?;
            let (id, rest) = match rest.strip_prefix("as ") {
                Some(rest) => {
                    let (id, rest) = name(rest.trim())?;
                    (Some(id), rest)
                }
                None => (None, rest),
            };
            let with = rest.strip_prefix("with ").map(json).transpose()?.flatten().unwrap_or(Value::Null);
            Step::Start { workflow, args, id, with, becomes }
        }
        "complete" => {
            let (activity, rest) = nth(rest)?;
            Step::Complete { activity, result: json(rest)?.unwrap_or(Value::Null) }
        }
        "fail" => {
            let (activity, rest) = nth(rest)?;
            let (failure, after_ms) = failed(rest)?;
            Step::Fail { activity, failure, after_ms }
        }
        "heartbeat" => {
            let (rest, told) = rest.split_once("->").map_or((rest, None), |(rest, told)| (rest.trim(), Some(told)));
            let (activity, rest) = nth(rest)?;
            Step::Heartbeat { activity, progress: json(rest)?, told: told.map(self::told).transpose()? }
        }
        "hold" => Step::Hold,
        "take" => Step::Take { activity: nth(rest)?.0 },
        "stale" => {
            let (word, rest) = name(rest)?;
            let (activity, rest) = nth(rest)?;
            let (attempt, rest) = name(rest)?;
            let attempt = attempt.parse().map_err(|_| "no number of an attempt")?;
            Step::Stale { activity, attempt, report: act(&word, rest)? }
        }
        "outside" => {
            let (rest, refused) = rest.split_once("->").map_or((rest, None), |(rest, code)| (rest.trim(), Some(code)));
            let (word, rest) = name(rest)?;
            let (named, rest) = name(rest)?;
            let (activity, event) = named.split_once('#').map_or((&*named, None), |(name, event)| (name, Some(event)));
            let event = event.map(|event| event.parse().map_err(|_| "no number of an event")).transpose()?;
            let which = ActivityKey { name: activity.into(), event };
            Step::Outside { which, act: act(&word, rest)?, refused: refused.map(|code| code.trim().into()) }
        }
        "pending" => {
            let (activity, rest) = nth(rest)?;
            Step::Pending { activity, shown: json(rest)?.ok_or("what is shown?")? }
        }
        "task" => {
            let (activity, rest) = nth(rest)?;
            Step::Task { activity, shown: json(rest)?.ok_or("what is shown?")? }
        }
        "canceled" => Step::Canceled { activity: nth(rest)?.0 },
        "advance" => Step::Advance(text::parse_duration(rest).ok_or("no duration")?),
        "signal" => signal(rest)?,
        "refused" => match rest.split_once(' ') {
            Some(("deploy", rest)) => Step::Deploy { version: rest.trim().into(), followed: false },
            Some(("move", rest)) => moved(rest, Moving::All)?,
            Some((code, rest)) => Step::Refused(code.into(), Box::new(parse(rest.trim())?)),
            None => return Err("what is refused?".into()),
        },
        "shows" => {
            let (place, value) = rest.split_once("->").ok_or("`-> JSON` is missing")?;
            Step::Shows { place: place.trim().into(), value: json(value.trim())?.ok_or("a value is missing")? }
        }
        "update" => update(rest)?,
        "query" => {
            let (ask, answer) = rest.split_once("->").ok_or("`-> ANSWER` is missing")?;
            let (name, rest) = name(ask.trim())?;
            let answer = json(answer.trim())?.ok_or("an answer is missing")?;
            Step::Query { name, args: json(rest)?.unwrap_or(Value::Null), answer }
        }
        "list" => {
            let (filter, found) = rest.rsplit_once("->").ok_or("`-> ID, ID` is missing")?;
            let found = found.trim();
            let finds = match found.strip_prefix("wrong at ") {
                Some(column) => Finds::WrongAt(column.parse().map_err(|_| "no column")?),
                None => {
                    Finds::Runs(found.split(',').map(|id| id.trim().to_owned()).filter(|id| id != "none").collect())
                }
            };
            Step::List { filter: filter.trim().into(), finds }
        }
        "cancel" => match rest.split_once("id ") {
            Some((reason, id)) => Step::Cancel { reason: reason.trim().into(), request: Some(id.trim().into()) },
            None => Step::Cancel { reason: rest.into(), request: None },
        },
        "terminate" => Step::Terminate(rest.into()),
        "reset" => {
            let (run, rest) = match rest.strip_prefix("run ").map(name).transpose()? {
                Some((run, rest)) => (Some(run.parse().map_err(|_| "no number of a run")?), rest),
                None => (None, rest),
            };
            let mut request = json(rest)?.unwrap_or_default();
            if let Some(object) = request.as_object_mut() {
                object.entry("reason").or_insert("".into());
            }
            Step::Reset { run, request: serde_json::from_value(request).map_err(|error| error.to_string())? }
        }
        "delete" => Step::Delete,
        "crash" => Step::Crash,
        "deploy" => Step::Deploy { version: rest.into(), followed: true },
        "move" => moved(rest, Moving::Safe)?,
        "stuck" => {
            let (trap, line) = name(rest)?;
            Step::Stuck { trap, line: line.parse().map_err(|_| "no line")? }
        }
        "status" => Step::Status(rest.into()),
        "history" => Step::History(rest.into()),
        _ => return Err("no step of a script".into()),
    })
}

fn moved(rest: &str, moving: Moving) -> Result<Step, String> {
    let (version, rest) = name(rest)?;
    let stays = rest.split_whitespace().map(|words| {
        let mut numbers =
            words.split(':').map(|number| number.parse::<u64>().map_err(|_| "EVENT:OLD:NEW, three numbers"));
        let mut next = || numbers.next().unwrap_or(Err("EVENT:OLD:NEW, three numbers"));
        Ok::<_, &str>(Stays { event: next()?, old: next()? as u32, new: next()? as u32 })
    });
    let mut stays = stays.collect::<Result<Vec<_>, _>>()?;
    stays.sort();
    // Where nothing stays, all are asked for: nothing less would do.
    let moving = if stays.is_empty() { Moving::All } else { moving };
    Ok(Step::Move { version, moving, stays })
}

/// A failure and when to try again: `"away" after 3s`.
fn failed(rest: &str) -> Result<(Failure, Option<i64>), String> {
    let (failure, rest) = object(rest)?;
    let failure = match failure {
        Value::Null => return Err("what failed?".into()),
        Value::String(message) => Failure::fault(message),
        object => Failure::from_json(&object)?,
    };
    let after = rest.strip_prefix("after ").map(|after| text::parse_duration(after.trim()).ok_or("no duration"));
    Ok((failure, after.transpose()?))
}

/// What is done to an activity.
fn act(word: &str, rest: &str) -> Result<ActivityAct, String> {
    let given = |word: &str| rest.split(' ').any(|given| given == word);
    Ok(match word {
        "complete" => ActivityAct::Complete { result: json(rest)?.unwrap_or(Value::Null) },
        "fail" => {
            let (failure, retry_after_ms) = failed(rest)?;
            ActivityAct::Fail { failure, retry_after_ms }
        }
        "heartbeat" => ActivityAct::Heartbeat { progress: json(rest)? },
        "pause" => ActivityAct::Steer(Steer::Pause { reason: rest.into() }),
        "unpause" => ActivityAct::Steer(Steer::Unpause),
        "reset" => ActivityAct::Steer(Steer::Reset {
            keep_paused: given("keep_paused"),
            clear_progress: given("clear_progress"),
        }),
        _ => return Err(format!("nothing that is done to an activity: {word}")),
    })
}

fn told(words: &str) -> Result<Answer, String> {
    let words = words.trim();
    if let Some(code) = words.strip_prefix("refused ") {
        return Ok(Answer::Refused(code.trim().into()));
    }
    let mut reply = HeartbeatReply::default();
    for word in words.split(' ').filter(|word| *word != "nothing") {
        match word {
            "cancel_requested" => reply.cancel_requested = true,
            "paused" => reply.paused = true,
            "reset" => reply.reset = true,
            _ => return Err(format!("no answer to a heartbeat: {word}")),
        }
    }
    Ok(Answer::Reply(reply))
}

fn signal(rest: &str) -> Result<Step, String> {
    let (name, rest) = name(rest)?;
    let (args, rest) = object(rest)?;
    let request = rest.strip_prefix("id ").map(|id| id.trim().to_owned());
    Ok(Step::Signal { name, args, request })
}

fn update(rest: &str) -> Result<Step, String> {
    let (sent, answer) = rest.split_once("->").ok_or("`-> ANSWER` is missing")?;
    let (name, sent) = name(sent.trim())?;
    let (args, sent) = object(sent)?;
    let id = sent.strip_prefix("id ").ok_or("`id UPDATE` is missing")?.trim().to_owned();
    let becomes = becomes(answer.trim())?;
    Ok(Step::Update { name, args, id, becomes })
}

fn becomes(answer: &str) -> Result<Becomes, String> {
    Ok(match answer.split_once(' ').unwrap_or((answer, "")) {
        ("accepted", "") => Becomes::Accepted,
        ("rejected", kind) => Becomes::Rejected(kind.into()),
        ("fails", kind) => Becomes::Fails(kind.into()),
        ("refused", code) => Becomes::Refused(code.into()),
        _ => Becomes::Result(json(answer)?.ok_or("an answer is missing")?),
    })
}

fn name(text: &str) -> Result<(String, &str), String> {
    match text.split_once(' ') {
        Some((name, rest)) => Ok((name.into(), rest.trim())),
        None if !text.is_empty() => Ok((text.into(), "")),
        None => Err("a name is missing".into()),
    }
}

fn nth(text: &str) -> Result<(Nth, &str), String> {
    let (name, rest) = name(text)?;
    let (number, after) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(match number.parse() {
        Ok(n) => (Nth { name, n: Some(n) }, after.trim()),
        Err(_) => (Nth { name, n: None }, rest),
    })
}

/// The JSON value at the beginning of a text, and what comes after it.
fn object(text: &str) -> Result<(Value, &str), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Ok((value, text[values.byte_offset()..].trim())),
        Some(Err(error)) => Err(error.to_string()),
        None => Ok((Value::Null, "")),
    }
}

fn json(text: &str) -> Result<Option<Value>, String> {
    if text.is_empty() { Ok(None) } else { serde_json::from_str(text).map(Some).map_err(|error| error.to_string()) }
}

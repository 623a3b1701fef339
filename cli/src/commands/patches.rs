//! `weft patches`: where the patches of a project are, and which runs still need them.

use weft_protocol::moving::{PatchNext, PatchRuns, PatchUse, PatchesReply};

use crate::compile::{self, Stream};
use crate::exit::{Exit, Outcome};
use crate::options::Source;
use crate::output::style;
use crate::project;
use crate::view::moving::not_followed;
use crate::view::safe::safe_line;

use super::Context;

/// Says what runs have of the patches of the project at hand.
pub(crate) async fn patches(context: &Context, options: &Source) -> Outcome {
    let mut found = project::load(&options.path)?;
    // As for a deploy: the runs are those of the project of this name.
    found.name_by_folder();
    let program = compile::compile(&context.out, &found, Stream::Talk)?;
    let remote = context.remote_of(&found.config)?;
    let reply = remote.api.patches(&remote.namespace, weft_bytecode::codec::encode(&program)).await?;
    if context.out.json {
        context.out.value(&reply)?;
    } else {
        context.out.data(&text(context, &reply))?;
        beside(context, &reply);
    }
    Ok(Exit::Done)
}

fn text(context: &Context, reply: &PatchesReply) -> String {
    let mut text = String::new();
    for patch in &reply.patches {
        let mode = if patch.mode == "once" { String::new() } else { format!(" {}", patch.mode) };
        text.push_str(&format!(
            "{}{mode}: {}\n",
            context.out.paint_out(&format!("\"{}\"", safe_line(&patch.patch)), style::STRONG),
            next(patch)
        ));
        for site in &patch.sites {
            let place = format!("  {}  {}", site.source, safe_line(&site.text));
            text.push_str(&format!("{}\n", context.out.paint_out(&place, style::DIM)));
        }
        text.push_str(&format!("  open runs    {}\n", counts(patch.open)));
        if patch.closed != PatchRuns::default() {
            text.push_str(&format!("  closed runs  {}\n", counts(patch.closed)));
        }
    }
    text
}

fn counts(runs: PatchRuns) -> String {
    format!("{} with a mark, {} past it without one, {} not there yet", runs.marked, runs.unmarked, runs.ahead)
}

fn next(patch: &PatchUse) -> String {
    let runs = |n: u64| if n == 1 { String::from("1 open run") } else { format!("{n} open runs") };
    match (patch.next, patch.mode.as_str()) {
        (PatchNext::Remove, "deprecated") => "may go: no open run has a mark".to_owned(),
        (PatchNext::Remove, _) => "may go, its new code stays: no open run has been there".to_owned(),
        (PatchNext::Deprecate, _) => "may become `deprecated patch`: no open run needs the old way".to_owned(),
        (PatchNext::Keep, "deprecated") => format!("is needed: {} with a mark", runs(patch.open.marked)),
        (PatchNext::Keep, _) => format!("is needed: {} past it without a mark", runs(patch.open.unmarked)),
    }
}

/// What is to be known besides.
fn beside(context: &Context, reply: &PatchesReply) {
    let out = &context.out;
    if reply.patches.is_empty() {
        out.say(&format!("`{}` has no patches", reply.project));
    }
    if reply.more_closed {
        out.say(&format!("of the closed runs, the newest {} were looked at", reply.closed_looked_at));
    }
    if reply.not_followed_total > 0 {
        let count = reply.not_followed_total;
        let (runs, do_not) = if count == 1 { ("open run", "does not") } else { ("open runs", "do not") };
        out.say(&format!(
            "{} {count} {runs} {do_not} follow this code, and finish on what they have whatever becomes of its patches:",
            out.paint("note", style::NOTE)
        ));
        out.say(&not_followed(out, &reply.not_followed, count));
    }
}

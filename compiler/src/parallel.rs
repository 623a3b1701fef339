//! The same work on every file of a project, on several threads. Results are in the order of the files, so that nobody sees
//! how many threads there were.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::source::Source;

/// Threads that share the work on a large project.
const THREADS: usize = 4;
/// Bytes of sources below which another thread costs more than it saves.
const ALONE_BYTES: usize = 128 << 10;

/// What `work` makes of each source, by its number.
pub(crate) fn each<T: Send>(sources: &[Source], work: impl Fn(usize, &Source) -> T + Sync) -> Vec<T> {
    let bytes: usize = sources.iter().map(|source| source.text.len()).sum();
    let one = |number: usize| work(number, &sources[number]);
    if bytes < ALONE_BYTES || sources.len() < 2 {
        return (0..sources.len()).map(one).collect();
    }
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= sources.len() {
                return done;
            }
            done.push((number, one(number)));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let builder = || std::thread::Builder::new().name("file".into());
        // Where there is no thread to be had, the others do its part.
        let threads: Vec<_> = (1..THREADS).filter_map(|_| builder().spawn_scoped(scope, some).ok()).collect();
        let mut all = some();
        for thread in threads {
            match thread.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, made)| made).collect()
}

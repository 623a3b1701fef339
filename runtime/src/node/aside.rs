//! Long computations beside the threads that serve.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::{Handle, RuntimeFlavor};

/// The computation ended by a bug.
#[derive(Debug, thiserror::Error)]
#[error("a computation ended by a bug in weft: {0}")]
pub(super) struct Panicked(String);

/// Computes something that the threads which serve need not wait for. In a runtime of one thread it is computed here and
/// now: then nothing that happens depends on which of two threads was faster.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Panicked> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(&*panic)),
        _ => tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => panicked(&*panic),
            Err(error) => Panicked(error.to_string()),
        }),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Panicked {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Panicked(text.unwrap_or("it did not say why").into())
}

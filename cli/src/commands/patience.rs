//! Asks a server again that is away for a moment, as it is while it is restarted: what waits for a run waits for the
//! server, too. One that has never answered is not waited for.

use std::time::{Duration, Instant};

use serde_json::json;
use weft_protocol::api::ApiError;

use crate::exit::UNREACHABLE;
use crate::output::Output;

/// The pause before asking again the first time; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long a command puts up with a server that is away.
pub(crate) struct Patience {
    out: Output,
    /// Whether the server is one that comes back: it has answered, and is not a command that ends with its run.
    returns: bool,
    reached: bool,
    until: Option<Instant>,
    /// The last pause while the server is away.
    pause: Option<Duration>,
}

impl Patience {
    /// For a wait, or one without an end. A server that does not `return` is asked once.
    pub(crate) fn new(out: &Output, returns: bool, wait: Option<Duration>) -> Patience {
        // A wait beyond what the clock can say is one without an end.
        let until = wait.and_then(|wait| Instant::now().checked_add(wait));
        Patience { out: *out, returns, reached: false, until, pause: None }
    }

    /// Asks until there is an answer, or a refusal that will not pass.
    ///
    /// # Errors
    /// The refusal; if the wait is over, the last one.
    pub(crate) async fn ask<T>(
        &mut self,
        mut question: impl AsyncFnMut() -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        loop {
            let error = match question().await {
                Ok(answer) => {
                    (self.reached, self.pause) = (true, None);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
            if !self.returns || !self.reached || !passes(&error) || left.is_some_and(|left| left.is_zero()) {
                return Err(error);
            }
            let pause = match self.pause {
                Some(before) => (before * 2).min(PAUSE_MAX),
                None => {
                    self.out.note("asking_again", &format!("{error}; asking again until it is back"), json!({}));
                    PAUSE_FIRST
                }
            };
            self.pause = Some(pause);
            tokio::time::sleep(left.map_or(pause, |left| left.min(pause))).await;
        }
    }
}

/// Whether the same question may be answered a moment later.
fn passes(error: &ApiError) -> bool {
    error.code == UNREACHABLE || matches!(error.status, 502..=504)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Color;

    /// Asks a question that is answered in turn as given: how that ended, and how often it was asked.
    async fn asked(patience: &mut Patience, answers: &[Result<(), (u16, &str)>]) -> (Result<(), u16>, usize) {
        let mut count = 0;
        let question = async || {
            count += 1;
            answers[count - 1].map_err(|(status, code)| ApiError::new(status, code, "away"))
        };
        let outcome = patience.ask(question).await.map_err(|e| e.status);
        (outcome, count)
    }

    #[tokio::test]
    async fn a_server_that_answered_is_waited_for() {
        let out = Output::new(true, Color::Never);
        let away = [Err((503, "shutting_down")), Err((503, UNREACHABLE)), Err((502, "http")), Ok(())];
        let mut patience = Patience::new(&out, true, None);
        assert_eq!(asked(&mut patience, &away).await, (Err(503), 1), "it has never answered");
        assert_eq!(asked(&mut patience, &[Ok(())]).await, (Ok(()), 1));
        assert_eq!(asked(&mut patience, &away).await, (Ok(()), 4));
        assert_eq!(asked(&mut patience, &[Err((404, "run_not_found"))]).await, (Err(404), 1), "that will not pass");

        let mut patience = Patience::new(&out, false, None);
        assert_eq!(asked(&mut patience, &[Ok(())]).await, (Ok(()), 1));
        assert_eq!(asked(&mut patience, &away).await, (Err(503), 1), "it will not come back");

        let mut patience = Patience::new(&out, true, Some(Duration::ZERO));
        assert_eq!(asked(&mut patience, &[Ok(())]).await, (Ok(()), 1));
        assert_eq!(asked(&mut patience, &away).await, (Err(503), 1), "the wait is over");
    }
}

//! Waiting with a limit.

use std::{future::Future, panic::Location, time::Duration};

/// How long the kit waits for anything unless it is told otherwise.
///
/// Much longer than anything should take, also on a busy machine: it bounds a failure and measures nothing. Shorter than the
/// defaults of the gateway that are 30 seconds, so that a setting which is not heeded is found out.
pub const PATIENCE: Duration = Duration::from_secs(25);

/// The output of `future`, which must come within `limit`.
///
/// # Panics
/// When it does not, naming the line that waited.
#[track_caller]
pub fn within<F: Future>(limit: Duration, future: F) -> impl Future<Output = F::Output> {
    let place = Location::caller();
    async move {
        match tokio::time::timeout(limit, future).await {
            Ok(output) => output,
            Err(_) => panic!("nothing came within {limit:?} at {place}"),
        }
    }
}

/// Asks again until there is an answer, at most [`PATIENCE`] long.
///
/// For what can only be asked for and not be waited on, such as a metric.
///
/// # Panics
/// When there is no answer in time, naming `what` and the line that waited.
#[track_caller]
pub fn eventually<T, F>(what: &str, mut ask: F) -> impl Future<Output = T>
where
    F: AsyncFnMut() -> Option<T>,
{
    const BETWEEN: Duration = Duration::from_millis(5);
    let place = Location::caller();
    async move {
        let asking = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(BETWEEN).await;
            }
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(answer) => answer,
            Err(_) => panic!("{what}: not within {PATIENCE:?} at {place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "nothing came within 1ms")]
    async fn a_hang_is_a_failure() {
        within(Duration::from_millis(1), std::future::pending::<()>()).await;
    }

    #[tokio::test]
    async fn asks_until_there_is_an_answer() {
        let mut asked = 0;
        let answer = eventually("the third time", async || {
            asked += 1;
            (asked == 3).then_some("yes")
        });
        assert_eq!(answer.await, "yes");
    }
}

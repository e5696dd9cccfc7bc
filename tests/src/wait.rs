//! Waiting for something with a bound.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// How long anything may take before a test gives up. Far longer than it takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is asked again.
const PAUSE: Duration = Duration::from_millis(25);

/// Asks until there is an answer, and fails with the name of what never came.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    find(ask).await.unwrap_or_else(|| panic!("this did not come within {PATIENCE:?}: {what}"))
}

/// Asks until there is an answer; `None` if none came in time.
pub async fn find<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        if began.elapsed() > PATIENCE {
            return None;
        }
        sleep(PAUSE).await;
    }
}

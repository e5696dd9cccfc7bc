//! Letting go of what is kept only for a time: records past their retention, and streams that nobody has used for very long.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{debug, error};

use crate::{now, store::Store};

/// Batches in one step, so that ingest never waits long for a step to end.
const STEP: usize = 500;
/// How long to rest when there is nothing left to do.
const REST: Duration = Duration::from_secs(60);
/// How long to rest between two steps.
const BREATH: Duration = Duration::from_millis(50);

/// Sweeps for ever.
pub async fn run(store: Arc<dyn Store>) {
    loop {
        let rest = match store.sweep(now(), STEP).await {
            Ok(0) => REST,
            Ok(batches) => {
                debug!(batches, "batches were swept from the record log");
                if batches < STEP { REST } else { BREATH }
            }
            Err(error) => {
                error!(%error, "nothing can be swept");
                REST
            }
        };
        sleep(rest).await;
    }
}

//! Memberships that change because time passes: "bought within 7 days" ends without any record.
//!
//! Each user has at most one timer in the store: the earliest instant at which one of their memberships could change by itself.
//! It is written in the same transaction as what it follows from, so that no crash loses it.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{debug, error};

use crate::{
    catalog::Catalogs,
    now,
    store::{Store, StoreError},
};

/// Users in one step, so that ingest never waits long for a step to end.
const STEP: usize = 200;
/// How long to rest when nothing is due. Reading a user evaluates at that instant, so the rest delays no answer.
const REST: Duration = Duration::from_secs(1);

/// Works off due timers for as long as the store lives. Returns why it does not any more: this is also who notices, when no request
/// comes.
pub async fn run(store: Arc<dyn Store>, catalogs: Arc<Catalogs>) -> StoreError {
    loop {
        match store.fire_timers(catalogs.current(), now(), STEP).await {
            Ok(STEP) => debug!(users = STEP, "timers fired, and more are due"),
            Ok(users) => {
                if users > 0 {
                    debug!(users, "timers fired");
                }
                sleep(REST).await;
            }
            Err(error) if error.is_fatal() => return error,
            // It is waited for what has been found to be written down, which ingest may need more than this.
            Err(StoreError::Behind) => sleep(REST).await,
            Err(error) => {
                error!(%error, "timers can't be worked off");
                sleep(REST).await;
            }
        }
    }
}

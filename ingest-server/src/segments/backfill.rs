//! Asking all users when who is in a segment becomes another question.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{debug, error};

use crate::{
    catalog::Catalogs,
    now,
    store::{Store, StoreError},
};

/// Users in one step, so that ingest never waits long for a step to end: most of them only have to be read, which happens beside.
const STEP: usize = 1_000;
/// How long to rest when everybody has been asked.
const REST: Duration = Duration::from_millis(500);

/// Asks for ever.
pub async fn run(store: Arc<dyn Store>, catalogs: Arc<Catalogs>) {
    loop {
        match store.backfill(catalogs.current(), now(), STEP).await {
            Ok(0) => sleep(REST).await,
            Ok(users) => debug!(users, "users were asked what a segment wants to know"),
            // It is waited for what has been found to be written down, which ingest may need more than this.
            Err(StoreError::Behind) => sleep(REST).await,
            Err(error) => {
                error!(%error, "a segment can't be put to all users");
                sleep(REST).await;
            }
        }
    }
}

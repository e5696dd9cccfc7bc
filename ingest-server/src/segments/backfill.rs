//! When who is in a segment becomes another question: counting from the log what it asks for, and then asking all users.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{debug, error};

use crate::{
    catalog::Catalogs,
    now,
    store::{AskStep, CountStep, Store, StoreError},
};

/// Users in one step, so that ingest never waits long for a step to end: most of them only have to be read, which happens beside.
const STEP: usize = 1_000;
/// Batches of the log that are counted in one step.
const BATCHES: usize = 500;
/// How long to rest when everybody has been asked.
const REST: Duration = Duration::from_millis(500);

/// Counts and asks for ever.
pub async fn run(store: Arc<dyn Store>, catalogs: Arc<Catalogs>) {
    let mut is_catalog_old = false;
    loop {
        match step(&store, &catalogs, &mut is_catalog_old).await {
            Ok(true) => {}
            // It may also be waited for what has been found to be written down, which ingest may need more than this.
            Ok(false) | Err(StoreError::Behind) => sleep(REST).await,
            Err(error) => {
                error!(%error, "a segment can't be put to all users");
                sleep(REST).await;
            }
        }
    }
}

/// Returns whether there is more to do at once.
async fn step(store: &Arc<dyn Store>, catalogs: &Catalogs, is_catalog_old: &mut bool) -> Result<bool, StoreError> {
    let counted = store.count(catalogs.current(), now(), BATCHES).await?;
    *is_catalog_old |= counted == CountStep::Completed;
    if *is_catalog_old {
        catalogs.reload(store.as_ref()).await?;
        *is_catalog_old = false;
    }
    let asked = store.backfill(catalogs.current(), now(), STEP).await?;
    if let AskStep::Asked(users) = asked {
        debug!(users, "users were asked what a segment wants to know");
    }
    Ok(matches!(counted, CountStep::Counted | CountStep::Completed) || matches!(asked, AskStep::Asked(_)))
}

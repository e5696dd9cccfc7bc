//! Events with a number, by which one sees that each of them arrived exactly once.

use crate::{api::Api, stage::Stage, wait};

/// What a page needs to log such events: `log(from, to)`, which says how many were accepted. They are numbered across all pages of a
/// test.
pub const STEPS: &str = "
    window.log = (from, to) => {
      let accepted = 0;
      for (let n = from; n <= to; n += 1) accepted += kindling.logCustomEvent('step', { n });
      return accepted;
    };";

impl Stage {
    /// Waits until nothing is queued any more, then expects each number from 1 to `last` exactly once.
    pub async fn expect_once(&self, user: &str, last: u64) {
        self.expect_empty_queue().await;
        expect_once(&self.api(), user, last).await;
    }
}

/// Waits for the numbers from 1 to `last`, and expects each exactly once.
pub async fn expect_once(api: &Api, user: &str, last: u64) {
    let all = format!("the records 1 to {last}");
    wait::until(&all, async || (api.event_count(user, "step").await >= last).then_some(())).await;
    assert_eq!(numbers(api, user).await, (1..=last).collect::<Vec<_>>());
    assert_eq!(api.event_count(user, "step").await, last, "the profile counts what the records say");
}

/// The numbers of the records at the server, in order.
pub async fn numbers(api: &Api, user: &str) -> Vec<u64> {
    let records = api.records(user, 500).await;
    let mut numbers: Vec<u64> = records.iter().filter_map(|record| record["properties"]["n"].as_u64()).collect();
    numbers.sort_unstable();
    numbers
}

//! Verifying, remembered; and who is told of failures.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kindling_core::{
    ids::ExternalId,
    time::{Duration, Timestamp},
};
use sha2::{Digest as _, Sha256};
use tracing::{debug, warn};

use super::{Refusal, SdkAuthentication, verify};

/// What is remembered, twice: what has been verified lately, and what was before that. With the table around it that is 4 MB.
const REMEMBERED: usize = 16_384;
/// How often the log has a line about failures.
const QUIET: Duration = Duration::from_seconds(60);

/// Verifies, and remembers what it has verified: a flush with the same JWT as the one before costs a hash and a lookup.
#[derive(Debug, Default)]
pub struct Verifier {
    verified: Mutex<Verified>,
    failures: Mutex<Failures>,
}

/// Until when what has been verified holds, by a hash of what that was. When `lately` is full, it takes the place of `before`; what is
/// asked for comes back.
#[derive(Debug, Default)]
struct Verified {
    lately: HashMap<[u8; 32], Timestamp>,
    before: HashMap<[u8; 32], Timestamp>,
}

#[derive(Debug, Default)]
struct Failures {
    since_told: u64,
    told: Option<Timestamp>,
}

impl Verified {
    fn find(&mut self, question: &[u8; 32]) -> Option<Timestamp> {
        if let Some(until) = self.lately.get(question) {
            return Some(*until);
        }
        let until = self.before.remove(question)?;
        self.remember(*question, until);
        Some(until)
    }

    fn remember(&mut self, question: [u8; 32], until: Timestamp) {
        if self.lately.len() >= REMEMBERED {
            self.before = std::mem::take(&mut self.lately);
        }
        self.lately.insert(question, until);
    }
}

impl Verifier {
    /// Whether the JWT proves that this is the user, at `now`. It is work for a processor, some ten microseconds, and for nobody else.
    pub fn verify(
        &self,
        wanted: &SdkAuthentication,
        user: &ExternalId,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let token = token.ok_or(Refusal::Missing)?;
        // Of the keys as well: what one that is gone has signed no longer counts. No id has a line break.
        let question = Sha256::new().chain_update(wanted.digest).chain_update(user.as_str()).chain_update("\n");
        let question = question.chain_update(token).finalize().into();
        if lock(&self.verified).find(&question).is_some_and(|until| now < until) {
            return Ok(());
        }
        let until = verify(token, user.as_str(), &wanted.public_keys, now)?;
        lock(&self.verified).remember(question, until);
        Ok(())
    }

    /// Writes a line about a failure into the log, unless there has just been one; then it is counted in the next.
    pub fn report(&self, refusal: Refusal, now: Timestamp) {
        debug!(reason = refusal.reason(), "a flush does not prove who its user is");
        if let Some(failures) = lock(&self.failures).count(now) {
            warn!(failures, last = refusal.reason(), "flushes do not prove who their users are");
        }
    }
}

impl Failures {
    /// Counts one, and says of how many to tell, if it is time.
    fn count(&mut self, now: Timestamp) -> Option<u64> {
        self.since_told += 1;
        if self.told.is_some_and(|told| now >= told && now < told.plus(QUIET)) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.since_told))
    }
}

/// Nothing panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{
        super::samples::{KEYS, Key, claims, token},
        *,
    };

    const THEN: i64 = 1_763_917_561;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ms((THEN + seconds) * 1000)
    }

    fn wanted(keys: &[&Key]) -> SdkAuthentication {
        let keys: Vec<&str> = keys.iter().map(|key| key.public).collect();
        let text = serde_json::json!({"mode": "required", "public_keys": keys}).to_string();
        SdkAuthentication::parse(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    fn remembered(verifier: &Verifier) -> usize {
        let verified = lock(&verifier.verified);
        verified.lately.len() + verified.before.len()
    }

    #[test]
    fn what_is_remembered_ends_when_the_token_does_and_when_its_key_goes() {
        let (verifier, ada) = (Verifier::default(), ExternalId::parse("ada").unwrap());
        let (both, new) = (wanted(&[&KEYS[0], &KEYS[1]]), wanted(&[&KEYS[1]]));
        let token = token(&KEYS[0], &claims("ada", THEN + 100));
        let ask = |wanted: &SdkAuthentication, user: &ExternalId, now| verifier.verify(wanted, user, Some(&token), now);
        assert_eq!(verifier.verify(&both, &ada, None, at(0)), Err(Refusal::Missing));
        for _ in 0..3 {
            assert_eq!(ask(&both, &ada, at(0)), Ok(()));
        }
        assert_eq!(remembered(&verifier), 1);
        assert_eq!(ask(&both, &ada, at(159)), Ok(()));
        assert_eq!(ask(&both, &ada, at(160)), Err(Refusal::Expired));
        assert_eq!(ask(&new, &ada, at(0)), Err(Refusal::BadSignature));
        assert_eq!(ask(&both, &ExternalId::parse("bob").unwrap(), at(0)), Err(Refusal::WrongSubject));
        assert_eq!(remembered(&verifier), 1, "failures are not remembered");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_asked_for_stays() {
        let mut verified = Verified::default();
        let question = |n: usize| {
            let mut question = [0; 32];
            question[..8].copy_from_slice(&n.to_le_bytes());
            question
        };
        for n in 0..5 * REMEMBERED {
            verified.remember(question(n), at(0));
            assert_eq!(verified.find(&question(0)), Some(at(0)), "{n}");
            assert!(verified.lately.len() + verified.before.len() <= 2 * REMEMBERED);
        }
        assert_eq!(verified.find(&question(1)), None);
    }

    #[test]
    fn a_line_in_a_minute_counts_what_came_meanwhile() {
        let mut failures = Failures::default();
        let counted = [0, 1, 59, 60, 61, 200].map(|seconds| failures.count(at(seconds)));
        assert_eq!(counted, [Some(1), None, None, Some(3), None, Some(2)]);
        // A clock that was set back.
        assert_eq!(failures.count(at(0)), Some(1));
    }
}

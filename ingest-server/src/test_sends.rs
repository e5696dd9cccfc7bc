//! Messages that somebody wants to see on a user's devices, whatever their campaigns say.
//!
//! They are not stored: a server that is started again has none, and after an hour nobody waits for one any more. What is done with them
//! counts nowhere, by the form of their ids.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use kindling_core::{
    ids::{CampaignId, DeviceId, ExternalId},
    message::InAppMessage,
    protocol::Identity,
    time::{Duration, Timestamp},
};

use crate::store::WorkspaceKey;

/// How long a test send waits to be seen.
pub const WAITS: Duration = Duration::from_seconds(3_600);
/// Test sends that wait, of everybody together: people make them by hand. Beyond it the oldest goes.
const MOST: usize = 1_000;
/// Those that one answer carries.
const AT_A_TIME: usize = 10;

/// The devices on which a test send is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// Those of this user.
    User(ExternalId),
    /// These, while nobody is signed in.
    Devices(Vec<DeviceId>),
}

/// Test sends that wait.
#[derive(Debug, Default)]
pub struct TestSends {
    waiting: Mutex<Vec<TestSend>>,
    /// How many there are, for flushes, of which nearly none has any.
    count: AtomicUsize,
}

#[derive(Debug)]
struct TestSend {
    workspace: WorkspaceKey,
    recipient: Recipient,
    message: InAppMessage,
    until: Timestamp,
}

impl Recipient {
    fn is(&self, identity: &Identity, device: DeviceId) -> bool {
        match self {
            Self::User(id) => identity.external_id.as_ref() == Some(id),
            Self::Devices(devices) => identity.external_id.is_none() && devices.contains(&device),
        }
    }
}

impl TestSends {
    /// Whether any may wait.
    pub fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Has a message wait for a user's devices.
    pub fn add(&self, workspace: WorkspaceKey, recipient: Recipient, message: InAppMessage, now: Timestamp) {
        let mut waiting = self.waiting();
        waiting.retain(|test| now < test.until);
        if waiting.len() == MOST {
            waiting.remove(0);
        }
        waiting.push(TestSend { workspace, recipient, message, until: now.plus(WAITS) });
        self.count.store(waiting.len(), Ordering::Relaxed);
    }

    /// What is to be shown on a device, the first first.
    pub fn of(
        &self,
        workspace: WorkspaceKey,
        identity: &Identity,
        device: DeviceId,
        now: Timestamp,
    ) -> Vec<InAppMessage> {
        let waiting = self.waiting();
        let meant = waiting
            .iter()
            .filter(|test| test.workspace == workspace && now < test.until && test.recipient.is(identity, device));
        meant.take(AT_A_TIME).map(|test| test.message.clone()).collect()
    }

    /// A message was seen.
    pub fn seen(&self, workspace: WorkspaceKey, id: &CampaignId) {
        let mut waiting = self.waiting();
        waiting.retain(|test| test.workspace != workspace || test.message.id != *id);
        self.count.store(waiting.len(), Ordering::Relaxed);
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<TestSend>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::{
        decode::Path,
        ids::{AnonymousId, Uuid},
        message::{Content, Shown, Trigger},
    };

    use super::*;

    const SHOP: WorkspaceKey = WorkspaceKey(1);

    fn message(id: &str) -> InAppMessage {
        let content = serde_json::from_str(r#"{"type":"modal","body":"Hello"}"#).unwrap();
        let content = Content::read(&content, &Path::Definition).unwrap();
        InAppMessage::shown_now(
            CampaignId::parse(id).unwrap(),
            Trigger::SessionStart,
            Shown::Message(Box::new(content)),
        )
    }

    fn ids(messages: &[InAppMessage]) -> Vec<&str> {
        messages.iter().map(|message| message.id.as_str()).collect()
    }

    #[test]
    fn a_test_waits_for_its_user_until_it_is_seen_or_too_late() {
        let tests = TestSends::default();
        let ada = ExternalId::parse("ada").unwrap();
        let signed_in = Identity { external_id: Some(ada.clone()), anonymous_id: None };
        let visitor = Identity::anonymous(AnonymousId(Uuid::from_u128(7)));
        let (phone, laptop) = (DeviceId(Uuid::from_u128(1)), DeviceId(Uuid::from_u128(2)));
        let at = Timestamp::from_ms;
        assert!(!tests.any());
        tests.add(SHOP, Recipient::User(ada), message("kindling-test-1"), at(0));
        tests.add(SHOP, Recipient::Devices(vec![laptop]), message("kindling-test-2"), at(1));
        let of = |identity, device, now| tests.of(SHOP, identity, device, at(now));
        assert_eq!(ids(&of(&signed_in, laptop, 2)), ["kindling-test-1"]);
        assert_eq!(ids(&of(&signed_in, phone, 2)), ["kindling-test-1"], "on each of them");
        assert_eq!(ids(&of(&visitor, laptop, 2)), ["kindling-test-2"]);
        assert!(of(&visitor, phone, 2).is_empty());
        assert!(tests.of(WorkspaceKey(2), &signed_in, phone, at(2)).is_empty());
        assert!(of(&signed_in, phone, WAITS.as_ms()).is_empty());
        tests.seen(SHOP, &CampaignId::parse("kindling-test-1").unwrap());
        assert!(of(&signed_in, phone, 2).is_empty());
        tests.seen(SHOP, &CampaignId::parse("kindling-test-2").unwrap());
        assert!(!tests.any());
    }

    #[test]
    fn the_oldest_make_room() {
        let tests = TestSends::default();
        let ada = ExternalId::parse("ada").unwrap();
        for number in 0..=MOST {
            let recipient = Recipient::User(ada.clone());
            tests.add(SHOP, recipient, message(&format!("kindling-test-{number}")), Timestamp::from_ms(0));
        }
        let identity = Identity { external_id: Some(ada), anonymous_id: None };
        let first = tests.of(SHOP, &identity, DeviceId::NONE, Timestamp::from_ms(1));
        assert_eq!((first.len(), first[0].id.as_str()), (AT_A_TIME, "kindling-test-1"));
    }
}

//! Open pages that want to be told when something of their user changed elsewhere.
//!
//! They are told that, and nothing else: what changed they get in the answer to a flush, like everything. So nothing has to be right here
//! but that nobody is forgotten; telling too often costs a flush.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use kindling_core::{
    ids::{AnonymousId, DeviceId, ExternalId},
    protocol::Identity,
};
use tokio::sync::{Notify, watch};

use crate::store::WorkspaceKey;

/// Pages of one user, or device, that are told at a time: somebody has a few open, and more are a mistake.
const PAGES_OF_ONE: usize = 20;

/// Open pages.
#[derive(Debug)]
pub struct Live {
    pages: Mutex<Pages>,
    /// How many there are, for those who have something to tell.
    open: AtomicUsize,
    most: usize,
    closing: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Pages {
    of: HashMap<(WorkspaceKey, Who), Vec<Page>>,
    next: u64,
}

/// By what a page is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    User(ExternalId),
    Visitor(AnonymousId),
    Device(DeviceId),
}

#[derive(Debug)]
struct Page {
    number: u64,
    device: DeviceId,
    told: Arc<Notify>,
}

/// A page that is told until this is dropped.
#[derive(Debug)]
pub struct Listening {
    live: Arc<Live>,
    keys: Vec<(WorkspaceKey, Who)>,
    number: u64,
    told: Arc<Notify>,
    closing: watch::Receiver<bool>,
}

/// There are as many pages as there may be, of the user or in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many pages as may be told are open")]
pub struct Full;

/// Who somebody is to those who are told of them.
fn who(identity: &Identity) -> Option<Who> {
    let visitor = || identity.anonymous_id.map(Who::Visitor);
    identity.external_id.clone().map(Who::User).or_else(visitor)
}

impl Live {
    /// At most so many pages.
    pub fn new(most: usize) -> Self {
        Self { pages: Mutex::default(), open: AtomicUsize::new(0), most, closing: watch::Sender::new(false) }
    }

    /// Whether anybody wants to be told anything.
    pub fn is_watched(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// Tells a page of a user from now on.
    pub fn listen(
        self: &Arc<Self>,
        workspace: WorkspaceKey,
        identity: &Identity,
        device: DeviceId,
    ) -> Result<Listening, Full> {
        let keys: Vec<_> = who(identity).into_iter().chain([Who::Device(device)]).map(|who| (workspace, who)).collect();
        let told = Arc::new(Notify::new());
        let mut pages = self.pages();
        let of_one = keys.iter().filter_map(|key| pages.of.get(key)).map(Vec::len).max();
        if self.open.load(Ordering::Relaxed) >= self.most || of_one.is_some_and(|open| open >= PAGES_OF_ONE) {
            return Err(Full);
        }
        let number = pages.next;
        pages.next += 1;
        for key in &keys {
            let page = Page { number, device, told: Arc::clone(&told) };
            pages.of.entry(key.clone()).or_default().push(page);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        drop(pages);
        Ok(Listening { live: Arc::clone(self), keys, number, told, closing: self.closing.subscribe() })
    }

    /// Something was recorded of a user by that device. Its own pages know.
    pub fn recorded(&self, workspace: WorkspaceKey, identity: &Identity, device: DeviceId) {
        if let Some(who) = self.is_watched().then(|| who(identity)).flatten() {
            self.tell(&(workspace, who), |page| page.device != device);
        }
    }

    /// There is something for all pages of a user, or for those on a device.
    pub fn tell_user(&self, workspace: WorkspaceKey, user: &ExternalId) {
        self.tell(&(workspace, Who::User(user.clone())), |_| true);
    }

    /// See [`Self::tell_user`].
    pub fn tell_device(&self, workspace: WorkspaceKey, device: DeviceId) {
        self.tell(&(workspace, Who::Device(device)), |_| true);
    }

    /// The server stops: no page is told anything any more.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    fn tell(&self, key: &(WorkspaceKey, Who), is_meant: impl Fn(&Page) -> bool) {
        let pages = self.pages();
        for page in pages.of.get(key).into_iter().flatten().filter(|page| is_meant(page)) {
            page.told.notify_one();
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listening {
    /// Resolves when there is something to tell, to `false` when nothing will be any more.
    pub async fn told(&mut self) -> bool {
        tokio::select! {
            // Also where it was closed before: then there is nothing to wait for.
            _ = self.closing.wait_for(|closing| *closing) => false,
            () = self.told.notified() => true,
        }
    }

    /// A number that no other page has.
    pub const fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut pages = self.live.pages();
        for key in &self.keys {
            if let Some(of_one) = pages.of.get_mut(key) {
                of_one.retain(|page| page.number != self.number);
                if of_one.is_empty() {
                    pages.of.remove(key);
                }
            }
        }
        self.live.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use kindling_core::ids::Uuid;

    use super::*;

    const SHOP: WorkspaceKey = WorkspaceKey(1);

    fn device(number: u128) -> DeviceId {
        DeviceId(Uuid::from_u128(number))
    }

    fn user(id: &str) -> Identity {
        Identity { external_id: Some(ExternalId::parse(id).unwrap()), anonymous_id: None }
    }

    fn visitor(number: u128) -> Identity {
        Identity::anonymous(AnonymousId(Uuid::from_u128(number)))
    }

    /// Whether it has been told something since it was asked last.
    fn is_told(page: &mut Listening) -> bool {
        page.told().now_or_never() == Some(true)
    }

    #[tokio::test]
    async fn pages_are_told_what_others_recorded_of_their_user() {
        let live = Arc::new(Live::new(10));
        assert!(!live.is_watched());
        let mut laptop = live.listen(SHOP, &user("ada"), device(1)).unwrap();
        let mut phone = live.listen(SHOP, &user("ada"), device(2)).unwrap();
        let mut other = live.listen(SHOP, &visitor(7), device(3)).unwrap();
        let mut elsewhere = live.listen(WorkspaceKey(2), &user("ada"), device(4)).unwrap();
        // Twice is told once.
        live.recorded(SHOP, &user("ada"), device(2));
        live.recorded(SHOP, &user("ada"), device(2));
        let all = |pages: [&mut Listening; 4]| pages.map(is_told);
        assert_eq!(all([&mut laptop, &mut phone, &mut other, &mut elsewhere]), [true, false, false, false]);
        live.recorded(SHOP, &user("ada"), DeviceId::NONE);
        live.recorded(SHOP, &visitor(7), device(9));
        assert_eq!(all([&mut laptop, &mut phone, &mut other, &mut elsewhere]), [true, true, true, false]);
        live.tell_device(SHOP, device(3));
        live.tell_user(SHOP, &ExternalId::parse("ada").unwrap());
        assert_eq!(all([&mut laptop, &mut phone, &mut other, &mut elsewhere]), [true, true, true, false]);
        drop(laptop);
        drop([phone, other, elsewhere]);
        assert!(!live.is_watched() && live.pages().of.is_empty());
    }

    #[tokio::test]
    async fn there_are_so_many_pages_at_most_and_they_end_with_the_server() {
        let live = Arc::new(Live::new(2));
        let first = live.listen(SHOP, &user("ada"), device(1)).unwrap();
        let mut second = live.listen(SHOP, &user("bob"), device(2)).unwrap();
        assert_eq!(live.listen(SHOP, &user("eve"), device(3)).unwrap_err(), Full);
        drop(first);
        assert!(live.listen(SHOP, &user("eve"), device(3)).is_ok());
        live.close();
        assert!(!second.told().await);
        let live = Arc::new(Live::new(1_000));
        let pages: Vec<_> = (0..20).map(|_| live.listen(SHOP, &user("ada"), device(1)).unwrap()).collect();
        assert_eq!(live.listen(SHOP, &user("ada"), device(1)).unwrap_err(), Full);
        assert_eq!(pages.len(), PAGES_OF_ONE);
    }
}

//! The devices that a user used.

use kindling_core::{
    ids::DeviceId,
    limits,
    protocol::{AgentPart, AgentParts, DeviceInfo},
    segment::Devices,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{UserAgent, user_agents};

/// The devices that a user used, the last used first, at most [`limits::USER_DEVICES`]: beyond it the one that was used longest ago is
/// forgotten.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserDevices(Vec<UserDevice>);

/// A device that a user used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserDevice {
    /// Which.
    pub id: DeviceId,
    /// When records of it last arrived.
    pub last_seen: Timestamp,
    /// What its User-Agent header said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Agent>,
    /// What its `device` records said, and when the last of them did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<(Timestamp, Box<DeviceInfo>)>,
}

/// What is known by a User-Agent header, which is never more than the site lastly allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Agent {
    /// The header, where it may be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<Box<str>>,
    /// What may be known.
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    allowed: AgentParts,
    info: Box<DeviceInfo>,
}

/// What could be known of devices before a site could say.
const fn everything() -> AgentParts {
    AgentParts::ALL
}

fn is_everything(parts: &AgentParts) -> bool {
    *parts == AgentParts::ALL
}

impl Agent {
    /// What of it may be known when only this is allowed.
    fn limited_to(&self, allowed: AgentParts) -> Self {
        let allowed = self.allowed.among(allowed);
        let mut info = self.info.clone();
        info.keep_of_agent(allowed);
        Self { header: self.header.clone().filter(|_| allowed.has(AgentPart::UserAgent)), allowed, info }
    }
}

impl UserDevice {
    /// What is known of it: what it said itself, and what its browser says of itself in every request, as far as that is allowed.
    pub fn info(&self) -> DeviceInfo {
        let mut info = self.agent.as_ref().map(|agent| (*agent.info).clone()).unwrap_or_default();
        if let Some((_, said)) = &self.said {
            info.merge((**said).clone());
        }
        info
    }

    /// Notes what a flush says by its User-Agent header. Returns whether that, or what of it is allowed, is new.
    fn hears(&mut self, agent: &UserAgent) -> bool {
        let UserAgent { allowed, header, said } = agent;
        let news = match (header.as_deref(), said, &self.agent) {
            (Some(header), _, Some(known)) if known.allowed == *allowed && known.header.as_deref() == Some(header) => {
                return false;
            }
            (Some(header), ..) => Agent {
                header: Some(header.into()),
                allowed: *allowed,
                info: user_agents::read(header, *allowed).into(),
            },
            (None, Some(said), known) => {
                let news = Agent { header: None, allowed: *allowed, info: said.clone() };
                if known.as_ref() == Some(&news) {
                    return false;
                }
                news
            }
            // What another header said before is still true, as far as it may be known.
            (None, None, Some(known)) if known.allowed.among(*allowed) == known.allowed => return false,
            (None, None, Some(known)) => known.limited_to(*allowed),
            (None, None, None) if *allowed == AgentParts::ALL => return false,
            // The site has said what may not be known. That holds against what somebody knows who turns out to be this user.
            (None, None, None) => Agent { header: None, allowed: *allowed, info: Box::default() },
        };
        self.agent = Some(news);
        true
    }

    /// Notes what a `device` record said.
    fn says(&mut self, info: DeviceInfo, at: Timestamp) {
        match &mut self.said {
            None => self.said = Some((at, Box::new(info))),
            Some((latest, said)) if *latest <= at => {
                said.merge(info);
                *latest = at;
            }
            Some((_, said)) => {
                // It comes late: it tells only what nothing newer has told.
                let mut older = info;
                older.merge((**said).clone());
                **said = older;
            }
        }
    }
}

impl Devices for UserDevices {
    fn any(&self, passes: &mut dyn FnMut(&DeviceInfo) -> bool) -> bool {
        self.0.iter().any(|device| passes(&device.info()))
    }
}

impl UserDevices {
    /// The devices, the last used first.
    pub fn iter(&self) -> impl Iterator<Item = &UserDevice> {
        self.0.iter()
    }

    /// The language that the last used device is set to which says one.
    pub fn language(&self) -> Option<&str> {
        self.0.iter().find_map(|device| device.said.as_ref()?.1.language.as_deref())
    }

    /// The time zone of the device that was used last, of those that say theirs.
    pub fn time_zone(&self) -> Option<&str> {
        self.0.iter().find_map(|device| device.said.as_ref()?.1.time_zone.as_deref())
    }

    /// Notes that records arrived from the device.
    pub fn seen(&mut self, id: DeviceId, at: Timestamp) {
        let device = self.device(id, at);
        device.last_seen = device.last_seen.max(at);
        self.bound();
    }

    /// Notes what a flush of the device, the last one that arrived, says by its User-Agent header. What was known by that and is no
    /// longer allowed is forgotten. Returns whether anything changed.
    pub fn agent(&mut self, id: DeviceId, agent: &UserAgent, at: Timestamp) -> bool {
        self.device(id, at).hears(agent)
    }

    /// Notes what a `device` record said.
    pub fn says(&mut self, id: DeviceId, info: DeviceInfo, at: Timestamp) {
        self.device(id, at).says(info, at);
    }

    /// Takes over the devices of somebody who turned out to be this user.
    pub fn merge(&mut self, other: Self) {
        for theirs in other.0 {
            let device = self.device(theirs.id, theirs.last_seen);
            // Of the later flush stands what it said, and what it allowed.
            if device.agent.is_none() || (device.last_seen < theirs.last_seen && theirs.agent.is_some()) {
                device.agent = theirs.agent;
            }
            device.last_seen = device.last_seen.max(theirs.last_seen);
            if let Some((at, said)) = theirs.said {
                device.says(*said, at);
            }
        }
        self.bound();
    }

    fn device(&mut self, id: DeviceId, at: Timestamp) -> &mut UserDevice {
        let place = self.0.iter().position(|device| device.id == id).unwrap_or_else(|| {
            self.0.push(UserDevice { id, last_seen: at, agent: None, said: None });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    fn bound(&mut self) {
        // By id as well, so that it does not depend on the order of arrival.
        self.0.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.id.cmp(&b.id)));
        self.0.truncate(limits::USER_DEVICES);
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::ids::Uuid;

    use super::*;

    const DEVICE: DeviceId = DeviceId(Uuid::from_u128(1));
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";
    const BROWSER: AgentParts = AgentParts::NONE.with(AgentPart::Browser);
    const OS: AgentParts = AgentParts::NONE.with(AgentPart::Os);
    const HEADER: AgentParts = AgentParts::NONE.with(AgentPart::UserAgent);

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    /// What a flush says of which this is allowed, and that came with a header or without.
    fn agent(allowed: AgentParts, header: Option<&str>) -> UserAgent {
        let mut agent = UserAgent::allowing(allowed);
        if let Some(header) = header {
            agent.take(header);
        }
        agent
    }

    /// A device of which such flushes arrived, one after the other, and whether each of them was new.
    fn after(flushes: &[(AgentParts, Option<&str>)]) -> (UserDevices, Vec<bool>) {
        let (mut devices, mut news) = (UserDevices::default(), Vec::new());
        for ((allowed, header), at) in flushes.iter().zip(1..) {
            devices.seen(DEVICE, ms(at));
            news.push(devices.agent(DEVICE, &agent(*allowed, *header), ms(at)));
        }
        (devices, news)
    }

    #[test]
    fn the_language_is_that_of_the_device_which_was_used_last() {
        let says = |language: &str| DeviceInfo { language: Some(language.to_owned()), ..DeviceInfo::default() };
        let mut devices = UserDevices::default();
        assert_eq!(devices.language(), None);
        let other = DeviceId(Uuid::from_u128(2));
        for (id, language, at) in [(DEVICE, "de-AT", 1), (other, "fr", 2)] {
            devices.seen(id, ms(at));
            devices.says(id, says(language), ms(at));
        }
        assert_eq!(devices.language(), Some("fr"));
        devices.seen(DEVICE, ms(3));
        assert_eq!(devices.language(), Some("de-AT"));
    }

    /// What is known of the only device.
    fn known(devices: &UserDevices) -> String {
        serde_json::to_string(&devices.iter().next().unwrap().info()).unwrap()
    }

    fn is_header_kept(devices: &UserDevices) -> bool {
        serde_json::to_string(devices).unwrap().contains("Gecko")
    }

    #[test]
    fn what_a_device_said_last_stands_in_every_order() {
        let says = |browser: Option<&str>, language: Option<&str>| DeviceInfo {
            browser: browser.map(str::to_owned),
            language: language.map(str::to_owned),
            ..DeviceInfo::default()
        };
        let said = [(says(Some("A"), Some("de")), ms(1)), (says(Some("B"), None), ms(2))];
        let gather = |order: [usize; 2]| {
            let (mut devices, _) = after(&[(AgentParts::ALL, Some("Firefox/133.0"))]);
            order.into_iter().for_each(|place| devices.says(DEVICE, said[place].0.clone(), said[place].1));
            devices.iter().next().unwrap().info()
        };
        assert_eq!(gather([0, 1]), gather([1, 0]));
        let info = gather([0, 1]);
        assert_eq!((info.browser.as_deref(), info.language.as_deref()), (Some("B"), Some("de")));
    }

    #[test]
    fn a_header_is_known_as_far_as_it_was_lastly_allowed() {
        const ALL: AgentParts = AgentParts::ALL;
        let whole = r#"{"browser":"Firefox","browser_version":"133","os":"Linux"}"#;
        for (flushes, wanted, is_kept, is_new) in [
            (&[(ALL, Some(FIREFOX)), (ALL, Some(FIREFOX))][..], whole, true, false),
            (&[(ALL, Some(FIREFOX)), (ALL, None)], whole, true, false),
            (&[(ALL, Some("?")), (ALL, Some(FIREFOX))], whole, true, true),
            // Less is allowed than before, and less is known, with a header or without.
            (&[(ALL, Some(FIREFOX)), (OS, Some(FIREFOX))], r#"{"os":"Linux"}"#, false, true),
            (&[(ALL, Some(FIREFOX)), (OS, None)], r#"{"os":"Linux"}"#, false, true),
            (&[(ALL, Some(FIREFOX)), (HEADER, Some(FIREFOX))], "{}", true, true),
            (&[(ALL, Some(FIREFOX)), (HEADER, None)], "{}", true, true),
            (&[(ALL, Some(FIREFOX)), (AgentParts::NONE, Some(FIREFOX))], "{}", false, true),
            (&[(OS, Some(FIREFOX)), (BROWSER, None)], "{}", false, true),
            (&[(OS, Some(FIREFOX)), (OS, Some(FIREFOX))], r#"{"os":"Linux"}"#, false, false),
            // More is allowed, and more is known once there is a header.
            (&[(OS, Some(FIREFOX)), (ALL, None)], r#"{"os":"Linux"}"#, false, false),
            (&[(OS, Some(FIREFOX)), (ALL, Some(FIREFOX))], whole, true, true),
            (&[(OS, Some(FIREFOX)), (BROWSER, Some(FIREFOX))], r#"{"browser":"Firefox"}"#, false, true),
            (&[(HEADER, Some(FIREFOX)), (ALL, Some(FIREFOX))], whole, true, true),
            (&[(AgentParts::NONE, Some(FIREFOX)), (OS, Some(FIREFOX))], r#"{"os":"Linux"}"#, false, true),
            (&[(AgentParts::NONE, None), (AgentParts::NONE, Some(FIREFOX))], "{}", false, false),
        ] {
            let (devices, news) = after(flushes);
            assert_eq!((known(&devices).as_str(), is_header_kept(&devices)), (wanted, is_kept), "{flushes:?}");
            assert_eq!(news, [flushes[0] != (ALL, None), is_new], "{flushes:?}");
        }
    }

    #[test]
    fn what_the_device_says_itself_is_not_the_headers() {
        let (mut devices, _) = after(&[(AgentParts::ALL, Some(FIREFOX))]);
        let said = DeviceInfo { os: Some("iPadOS".to_owned()), ..DeviceInfo::default() };
        devices.says(DEVICE, said, ms(1));
        devices.agent(DEVICE, &agent(AgentParts::NONE, Some(FIREFOX)), ms(2));
        assert_eq!(known(&devices), r#"{"os":"iPadOS"}"#);
    }

    #[test]
    fn in_a_merge_the_later_flush_says_what_may_be_known() {
        let (whole, _) = after(&[(AgentParts::ALL, Some(FIREFOX))]);
        // Nothing was known there, and nothing is to be.
        let (nothing, _) = after(&[(AgentParts::ALL, None), (AgentParts::NONE, None)]);
        let (nobody, _) = after(&[(AgentParts::ALL, None), (AgentParts::ALL, None)]);
        let merged = |mut one: UserDevices, other: &UserDevices| {
            one.merge(other.clone());
            known(&one)
        };
        assert_eq!([merged(whole.clone(), &nothing), merged(nothing, &whole)], ["{}", "{}"]);
        let all = r#"{"browser":"Firefox","browser_version":"133","os":"Linux"}"#;
        assert_eq!([merged(whole.clone(), &nobody), merged(nobody, &whole)], [all, all]);
        assert_eq!(merged(UserDevices::default(), &whole), all);
    }

    #[test]
    fn devices_of_before_sites_could_say_are_read() {
        let id = DeviceId::parse("00000000-0000-4000-8000-000000000001").unwrap();
        let old = format!(
            r#"[{{"id":"{id}","last_seen":1,"agent":{{"header":"{FIREFOX}","at":1,"info":{{"browser":"Firefox"}}}}}}]"#
        );
        let mut devices: UserDevices = serde_json::from_str(&old).unwrap();
        assert_eq!(known(&devices), r#"{"browser":"Firefox"}"#);
        assert!(!devices.agent(id, &agent(AgentParts::ALL, Some(FIREFOX)), ms(2)));
        assert!(devices.agent(id, &agent(OS, None), ms(3)));
        assert_eq!((known(&devices).as_str(), is_header_kept(&devices)), ("{}", false));
    }

    #[test]
    fn the_one_used_longest_ago_is_forgotten() {
        let mut devices = UserDevices::default();
        for n in 0..=limits::USER_DEVICES {
            devices.seen(DeviceId(Uuid::from_u128(n as u128)), ms(i64::try_from(n).unwrap()));
        }
        assert_eq!(devices.iter().count(), limits::USER_DEVICES);
        assert!(devices.iter().all(|device| device.id != DeviceId(Uuid::from_u128(0))));
    }
}

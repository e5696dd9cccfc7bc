//! The devices that a user used.

use kindling_core::{ids::DeviceId, limits, protocol::DeviceInfo, segment::Devices, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::user_agents;

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
    /// What its User-Agent header said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Agent>,
    /// What its `device` records said, and when the last of them did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<(Timestamp, Box<DeviceInfo>)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Agent {
    header: Box<str>,
    at: Timestamp,
    info: Box<DeviceInfo>,
}

impl UserDevice {
    /// What is known of it: what it said itself, and what its browser says of itself in every request.
    pub fn info(&self) -> DeviceInfo {
        let mut info = self.agent.as_ref().map(|agent| (*agent.info).clone()).unwrap_or_default();
        if let Some((_, said)) = &self.said {
            info.merge((**said).clone());
        }
        info
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

    /// Notes that records arrived from the device.
    pub fn seen(&mut self, id: DeviceId, at: Timestamp) {
        let device = self.device(id, at);
        device.last_seen = device.last_seen.max(at);
        self.bound();
    }

    /// Notes the device's User-Agent header. Returns whether it said something new.
    pub fn agent(&mut self, id: DeviceId, header: &str, at: Timestamp) -> bool {
        let device = self.device(id, at);
        let news = match &device.agent {
            None => true,
            Some(agent) => *agent.header != *header && agent.at <= at,
        };
        if news {
            device.agent = Some(Agent { header: header.into(), at, info: Box::new(user_agents::read(header)) });
        }
        news
    }

    /// Notes what a `device` record said.
    pub fn says(&mut self, id: DeviceId, info: DeviceInfo, at: Timestamp) {
        self.device(id, at).says(info, at);
    }

    /// Takes over the devices of somebody who turned out to be this user.
    pub fn merge(&mut self, other: Self) {
        for theirs in other.0 {
            let device = self.device(theirs.id, theirs.last_seen);
            device.last_seen = device.last_seen.max(theirs.last_seen);
            if device.agent.as_ref().map(|agent| agent.at) < theirs.agent.as_ref().map(|agent| agent.at) {
                device.agent = theirs.agent;
            }
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

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn what_a_device_said_last_stands_in_every_order() {
        let id = DeviceId(Uuid::from_u128(1));
        let says = |browser: Option<&str>, language: Option<&str>| DeviceInfo {
            browser: browser.map(str::to_owned),
            language: language.map(str::to_owned),
            ..DeviceInfo::default()
        };
        let said = [(says(Some("A"), Some("de")), ms(1)), (says(Some("B"), None), ms(2))];
        let gather = |order: [usize; 2]| {
            let mut devices = UserDevices::default();
            devices.agent(id, "Firefox/133.0", ms(1));
            order.into_iter().for_each(|place| devices.says(id, said[place].0.clone(), said[place].1));
            devices.iter().next().unwrap().info()
        };
        assert_eq!(gather([0, 1]), gather([1, 0]));
        let info = gather([0, 1]);
        assert_eq!((info.browser.as_deref(), info.language.as_deref()), (Some("B"), Some("de")));
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

//! The devices that a user used.

use kindling_core::{ids::DeviceId, limits, time::Timestamp};
use serde::{Deserialize, Serialize};

/// The devices that a user used, at most [`limits::USER_DEVICES`]: beyond it the one that was used longest ago is forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserDevices(Vec<UserDevice>);

/// A device that a user used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDevice {
    /// Which.
    pub id: DeviceId,
    /// When records of it last arrived.
    pub last_seen: Timestamp,
}

impl UserDevices {
    /// The devices, the last used first.
    pub fn iter(&self) -> impl Iterator<Item = &UserDevice> {
        self.0.iter()
    }

    /// Notes that records arrived from the device.
    pub fn seen(&mut self, id: DeviceId, at: Timestamp) {
        match self.0.iter_mut().find(|device| device.id == id) {
            Some(device) => device.last_seen = device.last_seen.max(at),
            None => self.0.push(UserDevice { id, last_seen: at }),
        }
        self.bound();
    }

    /// Takes over the devices of somebody who turned out to be this user.
    pub fn merge(&mut self, other: Self) {
        for device in other.0 {
            self.seen(device.id, device.last_seen);
        }
    }

    fn bound(&mut self) {
        // By id as well, so that it does not depend on the order of arrival.
        self.0.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.id.cmp(&b.id)));
        self.0.truncate(limits::USER_DEVICES);
    }
}

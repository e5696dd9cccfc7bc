//! What evaluating a filter takes from where it runs: users as they are kept there, and what costs too much on a device.

use std::{fmt, sync::Arc};

use crate::{profile::Profile, protocol::DeviceInfo, time::Timestamp};

/// A regular expression that matches in time linear in the text.
pub trait Pattern: fmt::Debug + Send + Sync {
    /// Whether some part of the text matches.
    fn matches(&self, text: &str) -> bool;
}

/// Why there is no such pattern: what was expected in its place.
pub type PatternError = &'static str;

/// What reading a filter takes from where it will run.
pub trait Host {
    /// Reads a regular expression.
    fn pattern(&self, source: &str) -> Result<Arc<dyn Pattern>, PatternError>;

    /// Whether there is a time zone of that name.
    fn is_zone(&self, name: &str) -> bool;

    /// The number under which profiles there count what has this definition.
    fn counter(&self, definition: u64) -> u64 {
        definition
    }
}

/// Time zones.
pub trait Zones: fmt::Debug {
    /// How many seconds the clocks of a zone show more than UTC at an instant; `None`: there is no such zone.
    fn offset(&self, zone: &str, at: Timestamp) -> Option<i32>;
}

/// The devices of a user.
pub trait Devices {
    /// Whether one of them passes.
    fn any(&self, passes: &mut dyn FnMut(&DeviceInfo) -> bool) -> bool;
}

/// Where there are only filters without regular expressions, and no time zone but UTC: a device.
#[derive(Debug, Clone, Copy, Default)]
pub struct Device;

impl Host for Device {
    fn pattern(&self, _: &str) -> Result<Arc<dyn Pattern>, PatternError> {
        Err("no regular expression: a device has none")
    }

    fn is_zone(&self, name: &str) -> bool {
        name == "UTC"
    }
}

impl Zones for Device {
    fn offset(&self, zone: &str, _: Timestamp) -> Option<i32> {
        (zone == "UTC").then_some(0)
    }
}

/// It is not known which devices a user has: only servers keep that.
impl Devices for Device {
    fn any(&self, _: &mut dyn FnMut(&DeviceInfo) -> bool) -> bool {
        false
    }
}

impl Devices for Vec<DeviceInfo> {
    fn any(&self, passes: &mut dyn FnMut(&DeviceInfo) -> bool) -> bool {
        self.iter().any(passes)
    }
}

/// A user, as filters see them.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What is known of them.
    pub profile: &'a Profile,
    /// Whether they never signed in.
    pub is_anonymous: bool,
    /// Their random number from 0 to 9999.
    pub bucket: u16,
    /// Their devices.
    pub devices: &'a dyn Devices,
    /// The time zones of where this runs.
    pub zones: &'a dyn Zones,
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("profile", self.profile).finish_non_exhaustive()
    }
}

impl<'a> Subject<'a> {
    /// A user of whom only the profile matters.
    pub fn of(profile: &'a Profile) -> Self {
        Self { profile, is_anonymous: false, bucket: 0, devices: &Device, zones: &Device }
    }
}

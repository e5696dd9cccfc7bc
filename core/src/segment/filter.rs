//! The filter language, as data. How it is written is described in `docs/segments.md`.

use std::sync::Arc;

use super::{
    test::{Bounds, Test},
    tracked::Tracked,
};
use crate::{
    ids::{CampaignId, SegmentId},
    profile::StandardAttribute,
    protocol::{Channel, Currency, GroupState, Hundredths, SubscriptionState},
    time::{Duration, Timestamp},
    value::{Number, Object, Value},
};

/// A filter over users.
#[derive(Debug, Clone)]
pub enum Filter {
    /// Every part holds. With no parts it holds.
    All(Vec<Filter>),
    /// At least one part holds. With no parts it does not hold.
    Any(Vec<Filter>),
    /// The part does not hold.
    Not(Box<Filter>),
    /// The user is in another segment: its id, and its filter once it has been looked up.
    Segment(SegmentId, Option<Arc<Filter>>),
    /// One condition.
    Condition(Condition),
}

/// A condition on one part of what is known of a user.
#[derive(Debug, Clone)]
pub enum Condition {
    /// An attribute, or what a path leads to in it.
    Attribute {
        /// Which one.
        attribute: AttributeRef,
        /// The names that lead to the value; empty: the attribute itself.
        path: Vec<String>,
        /// What it must be.
        test: AttributeTest,
    },
    /// Something that happens now and then.
    Occurrences {
        /// What.
        of: Source,
        /// How often or when.
        test: OccurrenceTest,
    },
    /// Money that was spent.
    Spent(Spent),
    /// How long all sessions together lasted, in milliseconds.
    SessionTime(Bounds),
    /// When the user was first heard of.
    FirstSeen(TimeTest),
    /// When the user was last heard of.
    LastSeen(TimeTest),
    /// The last known place is near another one.
    Near(Near),
    /// One of the user's devices.
    Device(DeviceField, Test),
    /// What the user said to a channel: one of these. `None` among them: nothing.
    Subscription(Channel, Vec<Option<SubscriptionState>>),
    /// What the user said to a subscription group, likewise.
    SubscriptionGroup(String, Vec<Option<GroupState>>),
    /// Whether the user never signed in.
    Anonymous(bool),
    /// The user's random number is one of these, first and last included.
    RandomBucket(u16, u16),
}

/// Which attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeRef {
    /// One of the attributes that every profile has a place for.
    Standard(StandardAttribute),
    /// One that the site named.
    Custom(String),
}

/// What an attribute must be.
#[derive(Debug, Clone)]
pub enum AttributeTest {
    /// A value, at all times the same.
    Value(Test),
    /// A time, seen from now.
    Time(TimeTest),
    /// A day that comes round every year.
    Anniversary(Anniversary),
}

/// When something must have been, or will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeTest {
    /// Before an instant.
    Before(Timestamp),
    /// At an instant or later.
    NotBefore(Timestamp),
    /// From one instant to another, both included.
    Between(Timestamp, Timestamp),
    /// Not in the future, and less than so long ago.
    LessThanAgo(Duration),
    /// So long ago or longer.
    MoreThanAgo(Duration),
    /// In the future, and nearer than that.
    LessThanAhead(Duration),
    /// In the future, so far ahead or farther.
    MoreThanAhead(Duration),
}

/// A day that comes round every year: today, or within some days from now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anniversary {
    /// 0: only today.
    pub within_days: u16,
    /// Where it is today.
    pub zone: Zone,
}

/// Whose clocks say which day it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// Those of a zone, by its IANA name.
    Named(String),
    /// Those of the user's `time_zone`, or UTC if that is not known.
    OfUser,
}

/// Something that happens now and then.
#[derive(Debug, Clone)]
pub enum Source {
    /// A custom event.
    Event(String),
    /// A purchase: of this product, or of any.
    Purchase(Option<String>),
    /// A session.
    Session,
    /// Something that was done with the message of a campaign.
    Message(CampaignId, Interaction),
    /// Events or purchases of which more must hold. They are counted by themselves.
    Tracked(Arc<Tracked>),
}

/// What a user does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interaction {
    /// They saw it.
    Seen,
    /// They clicked it, or a button of it.
    Clicked,
    /// They put it away.
    Dismissed,
}

/// A test of a property.
#[derive(Debug, Clone)]
pub struct PropertyTest {
    /// The property's name.
    pub property: String,
    /// The names that lead to the value in it.
    pub path: Vec<String>,
    /// The test.
    pub test: Test,
    /// How it was written.
    pub source: Value,
}

impl PartialEq for PropertyTest {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl PropertyTest {
    /// Whether the properties pass.
    pub fn holds(&self, properties: Option<&Object>) -> bool {
        self.test.holds_at(properties.and_then(|properties| properties.get(&self.property)), &self.path)
    }
}

impl Filter {
    /// Calls `visit` with every condition, those of other segments included.
    pub fn visit(&self, visit: &mut dyn FnMut(&Condition)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit(visit)),
            Self::Not(part) => part.visit(visit),
            Self::Segment(_, filter) => {
                if let Some(filter) = filter {
                    filter.visit(visit);
                }
            }
            Self::Condition(condition) => visit(condition),
        }
    }

    /// All that has to be counted by itself for it, each once.
    pub fn tracked(&self) -> Vec<Arc<Tracked>> {
        let mut found: Vec<Arc<Tracked>> = Vec::new();
        self.visit(&mut |condition| {
            if let Condition::Occurrences { of: Source::Tracked(tracked), .. } = condition
                && found.iter().all(|known| known.id != tracked.id)
            {
                found.push(Arc::clone(tracked));
            }
        });
        found
    }

    /// Calls `visit` with every segment that it stands on itself.
    pub fn visit_segments(&self, visit: &mut dyn FnMut(&SegmentId)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit_segments(visit)),
            Self::Not(part) => part.visit_segments(visit),
            Self::Segment(id, _) => visit(id),
            Self::Condition(_) => {}
        }
    }

    /// Calls `visit` with every segment that it stands on, by whatever way.
    pub fn visit_linked(&self, visit: &mut dyn FnMut(&SegmentId)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit_linked(visit)),
            Self::Not(part) => part.visit_linked(visit),
            Self::Segment(id, filter) => {
                visit(id);
                if let Some(filter) = filter {
                    filter.visit_linked(visit);
                }
            }
            Self::Condition(_) => {}
        }
    }

    /// Puts in the filters of the segments that it stands on, as far as `look_up` knows them.
    pub fn link(&mut self, look_up: &mut dyn FnMut(&SegmentId) -> Option<Arc<Self>>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.link(look_up)),
            Self::Not(part) => part.link(look_up),
            Self::Segment(id, filter) => *filter = look_up(id),
            Self::Condition(_) => {}
        }
    }

    /// How many filters it is made of, those of other segments included.
    pub fn nodes(&self) -> usize {
        1 + match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::nodes).fold(0, usize::saturating_add),
            Self::Not(part) => part.nodes(),
            Self::Segment(_, filter) => filter.as_ref().map_or(0, |filter| filter.nodes()),
            Self::Condition(_) => 0,
        }
    }
}

/// How often, or when first or last.
#[derive(Debug, Clone)]
pub enum OccurrenceTest {
    /// So often, in a window.
    Count(Bounds, Window),
    /// When first.
    First(TimeTest),
    /// When last.
    Last(TimeTest),
}

/// Which occurrences count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// All that ever were.
    Ever,
    /// Those of so long ago or less: an occurrence at `t` counts while `now < t + within`, to the millisecond.
    Within(Duration),
    /// Those of so many days of the calendar, with today.
    Days(u16, Zone),
}

/// Money that was spent, in one currency.
#[derive(Debug, Clone)]
pub struct Spent {
    /// The currency.
    pub currency: Currency,
    /// On which product; `None`: on all.
    pub product: Option<String>,
    /// At least so much.
    pub least: Hundredths,
    /// At most so much; `None`: however much.
    pub most: Option<Hundredths>,
    /// Which purchases count.
    pub window: Window,
}

/// Near a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Degrees north.
    pub latitude: Number,
    /// Degrees east.
    pub longitude: Number,
    /// How near, in kilometres.
    pub kilometres: Number,
}

/// What is known of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceField {
    /// The browser's name.
    Browser,
    /// The browser's version.
    BrowserVersion,
    /// The operating system.
    Os,
    /// The operating system's version.
    OsVersion,
    /// The model.
    Model,
    /// The language that the browser is set to.
    Language,
    /// The time zone that it is set to.
    TimeZone,
    /// The screen's width.
    ScreenWidth,
    /// The app's version, as its people name it.
    AppVersion,
    /// The app's version, as numbers.
    AppVersionNumber,
    /// `phone`, `tablet` or `desktop`, as far as it can be told.
    Form,
}

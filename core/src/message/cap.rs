//! Frequency caps: how many messages a user is shown in a while, whatever their campaigns.

use serde::Serialize;

use crate::{
    decode::{DecodeError, Fields, Path},
    ids::Tag,
    json::Json,
    limits,
    time::{Duration, Timestamp},
    value::Value,
};

/// At most so many messages within any stretch of time of a length: of those whose campaign has a tag, or of all.
///
/// In a definition: `{"count": 3, "per": "7d", "tag": "promo"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cap {
    /// How many, from 1 to [`limits::CAP_COUNT`].
    pub count: u32,
    /// The length, at most [`limits::CAP_PER`].
    #[serde(rename = "per_ms")]
    pub per: Duration,
    /// Of those with this tag; `None`: of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
}

impl Cap {
    /// Reads a cap as a definition has it.
    pub fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        const COUNT: &str = "a whole number from 1 to 64";
        const PER: &str = "a duration of at most 90 days, like \"7d\"";
        let fields = Fields::of(value, path)?;
        fields.only(&["count", "per", "tag"], "count, per and tag only")?;
        let count = fields.integer("count")?.and_then(|count| u32::try_from(count).ok());
        let count = count.filter(|count| (1..=limits::CAP_COUNT).contains(count));
        let per = fields.text("per")?.and_then(Duration::parse).filter(|per| *per <= limits::CAP_PER);
        let tag = fields.text("tag")?.map(Tag::parse).transpose();
        Ok(Self {
            count: count.ok_or_else(|| fields.error("count", COUNT))?,
            per: per.ok_or_else(|| fields.error("per", PER))?,
            tag: tag.map_err(|error| fields.error("tag", error.expected))?,
        })
    }

    /// Whether it is about campaigns with these tags.
    pub fn is_about(&self, tags: &[Tag]) -> bool {
        self.tag.as_ref().is_none_or(|tag| tags.contains(tag))
    }
}

/// A cap as a device has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCap {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: Duration,
    /// Of those with this tag; empty: of all.
    pub tag: String,
}

impl HeldCap {
    /// Reads a cap as a server sends it.
    pub fn read(cap: Json<'_>) -> Option<Self> {
        Some(Self {
            count: u32::try_from(cap.get("count")?.integer()?).ok()?,
            per: Duration::from_ms(cap.get("per_ms")?.integer()?),
            tag: cap.get("tag").and_then(Json::plain).unwrap_or_default().to_owned(),
        })
    }

    /// Whether as many as it allows were seen in the time before now. Instants in the future, of a clock that was set back, do not count.
    pub fn is_used_up(&self, seen: &[Seen], now: Timestamp) -> bool {
        let mut count = 0;
        for (at, tags) in seen {
            if *at <= now && at.plus(self.per) > now && self.is_about(tags) {
                count += 1;
            }
        }
        count >= self.count
    }

    /// Whether it is about what has these tags, a JSON list; empty: none.
    pub fn is_about(&self, tags: &str) -> bool {
        self.tag.is_empty() || Json::of(tags).members().any(|(_, tag)| tag.plain() == Some(&self.tag))
    }
}

/// A message was seen: when, and with which tags, as a JSON list; empty: with none.
pub type Seen = (Timestamp, String);

/// Until when a cap of `count` in `per` holds a message back, if messages that it is about were seen at these instants; `None`: it does
/// not. Instants in the future, of a clock that was set back, do not count.
pub fn cap_holds_until(
    count: u32,
    per: Duration,
    seen: &mut dyn Iterator<Item = Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut within: Vec<Timestamp> = seen.filter(|at| *at <= now && at.plus(per) > now).collect();
    within.sort_unstable();
    // When all but fewer than `count` have left the window.
    let last = within.len().checked_sub(count as usize)?;
    within.get(last).map(|at| at.plus(per))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(count: u32, per: i64, seen: &[i64], now: i64) -> Option<i64> {
        let mut seen = seen.iter().map(|at| Timestamp::from_ms(*at));
        let until = cap_holds_until(count, Duration::from_ms(per), &mut seen, Timestamp::from_ms(now));
        until.map(Timestamp::as_ms)
    }

    #[test]
    fn a_cap_holds_until_enough_have_left_the_window() {
        assert_eq!(holds(2, 100, &[0], 50), None);
        assert_eq!(holds(2, 100, &[0, 40], 50), Some(100));
        assert_eq!(holds(2, 100, &[40, 0, 30], 50), Some(130));
        assert_eq!(holds(2, 100, &[0, 40], 100), None);
        assert_eq!(holds(1, 100, &[60], 50), None);
    }

    #[test]
    fn caps_are_read() {
        let read = |json: &str| Cap::read(&serde_json::from_str(json).unwrap(), &Path::Definition);
        let cap = read(r#"{"count":3,"per":"7d","tag":"promo"}"#).unwrap();
        let wire = serde_json::to_string(&cap).unwrap();
        let held = HeldCap::read(Json::of(&wire)).unwrap();
        assert_eq!((held.count, held.per, held.tag.as_str()), (3, Duration::from_days(7), "promo"));
        assert!(held.is_about(r#"["a","promo"]"#) && !held.is_about(r#"["a"]"#) && !held.is_about(""));
        let of_all = serde_json::to_string(&read(r#"{"count":1,"per":"1h"}"#).unwrap()).unwrap();
        assert!(HeldCap::read(Json::of(&of_all)).unwrap().is_about(""));
        for (json, wanted) in [
            (r#"{"count":0,"per":"7d"}"#, "$.count: expected a whole number from 1 to 64"),
            (r#"{"count":65,"per":"7d"}"#, "$.count"),
            (r#"{"count":1,"per":"91d"}"#, "$.per: expected a duration of at most 90 days"),
            (r#"{"count":1}"#, "$.per"),
            (r#"{"count":1,"per":"1d","tag":"No"}"#, "$.tag: expected 1 to 64"),
            (r#"{"count":1,"per":"1d","tags":[]}"#, "$.tags: expected count, per and tag only"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }

    proptest! {
        /// What is shown only when the cap does not hold it back never comes to more than `count` in any window.
        #[test]
        fn no_window_has_more_than_the_cap_allows(
            (count, per) in (1_u32..5, 1_i64..50),
            pauses in prop::collection::vec(0_i64..20, 0..60),
        ) {
            let (mut now, mut seen): (i64, Vec<i64>) = (0, Vec::new());
            for pause in pauses {
                now += pause;
                let held = HeldCap { count, per: Duration::from_ms(per), tag: String::new() };
                let of_device: Vec<Seen> = seen.iter().map(|at| (Timestamp::from_ms(*at), String::new())).collect();
                let is_used_up = held.is_used_up(&of_device, Timestamp::from_ms(now));
                prop_assert_eq!(is_used_up, holds(count, per, &seen, now).is_some());
                match holds(count, per, &seen, now) {
                    None => seen.push(now),
                    Some(until) => {
                        prop_assert!(until > now && until <= now + per);
                        // Right until then, and no longer.
                        prop_assert_eq!(holds(count, per, &seen, until - 1), Some(until));
                        prop_assert_eq!(holds(count, per, &seen, until), None);
                    }
                }
                let within = seen.iter().filter(|at| **at > now - per).count();
                prop_assert!(within <= count as usize);
            }
        }
    }
}

//! Campaigns: a message for an audience.

mod schedule;
mod variants;

use kindling_core::{
    conversion::Conversion,
    decode::{DecodeError, Fields, Path},
    ids::{CampaignId, SegmentId, Tag},
    limits,
    message::{Hours, Shown, Trigger, priority},
    segment::Filter,
    time::Duration,
    value::{Object, Value},
};

use crate::segments::Here;

pub use schedule::{Schedule, Zones};
pub use variants::{Variant, Variants};

/// A campaign of the in-app channel, as its definition says.
///
/// In JSON:
/// ```json
/// {"name": "Free shipping", "channel": "in_app", "status": "active", "segment": "basket_builders", "priority": 10, "tags": ["promo"],
///  "starts_at": "2026-12-01T09:00", "ends_at": "2026-12-24T18:00", "time_zone": "user", "repeat_after": "7d",
///  "trigger": {"type": "custom_event", "name": "added_to_basket"}, "delay": "10s", "hours": {"from": "09:00", "to": "21:00"},
///  "message": {"type": "slide_up", "body": "Two more and shipping is on us."}}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// Its name, for people.
    pub name: String,
    /// Whether its message goes out.
    pub status: Status,
    /// Who gets it.
    pub audience: Audience,
    /// When.
    pub schedule: Schedule,
    /// Of several messages that one occurrence triggers, the one with the greatest priority is shown.
    pub priority: i32,
    /// Words by which caps count it together with others.
    pub tags: Vec<Tag>,
    /// Whether caps hold it back.
    pub is_capped: bool,
    /// After how long it may be shown again to the same user; `None`: only once.
    pub repeat_after: Option<Duration>,
    /// What shows it.
    pub trigger: Trigger,
    /// How long after that.
    pub delay: Option<Duration>,
    /// At which hours of the day.
    pub hours: Option<Hours>,
    /// What goes out.
    pub variants: Variants,
    /// What counts as a conversion.
    pub conversions: Vec<Conversion>,
}

/// Whether a campaign's message goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not yet: somebody is still writing it.
    Draft,
    /// It does.
    Active,
    /// It does not, for a while.
    Paused,
    /// It never will again. What it came to is kept.
    Archived,
}

/// Who gets a campaign's message.
#[derive(Debug, Clone, PartialEq)]
pub enum Audience {
    /// Everybody.
    Everybody,
    /// Who is in this segment.
    Segment(SegmentId),
    /// For whom this filter holds. The campaign has a segment of its own for it.
    Filter(Value, Evaluator),
}

/// Who says whether a campaign's filter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluator {
    /// The server: only those have the message for whom it does.
    Server,
    /// Each device, when the message's trigger fires: everybody has the message, and the filter with it.
    Device,
}

impl Audience {
    /// The filter that devices evaluate, if there is one.
    pub const fn on_device(&self) -> Option<&Value> {
        match self {
            Self::Filter(filter, Evaluator::Device) => Some(filter),
            Self::Filter(_, Evaluator::Server) | Self::Everybody | Self::Segment(_) => None,
        }
    }

    /// The segment in which a user must be to have the message of the campaign of that id: none where devices say whom it is for.
    pub fn held_in(&self, campaign: &CampaignId) -> Option<SegmentId> {
        if self.on_device().is_some() { None } else { self.segment(campaign) }
    }

    /// The segment of the campaign of that id, if it has one.
    pub fn segment(&self, campaign: &CampaignId) -> Option<SegmentId> {
        match self {
            Self::Everybody => None,
            Self::Segment(segment) => Some(segment.clone()),
            Self::Filter(..) => Some(SegmentId::of_campaign(campaign)),
        }
    }
}

impl Campaign {
    /// Reads a definition. The error names the path and says what was expected; unknown keys are errors. What a filter says is for those
    /// to read who know what it is to be counted by.
    pub fn parse(id: CampaignId, definition: &Value) -> Result<Self, DecodeError> {
        let path = &Path::Definition;
        let fields = Fields::of(definition, path)?;
        fields.only(
            &[
                "name",
                "channel",
                "status",
                "segment",
                "filter",
                "evaluate",
                "priority",
                "tags",
                "frequency_capping",
                "starts_at",
                "ends_at",
                "time_zone",
                "repeat_after",
                "trigger",
                "delay",
                "hours",
                "message",
                "variants",
                "conversions",
            ],
            "name, channel, status, segment, filter, evaluate, priority, tags, frequency_capping, starts_at, ends_at, time_zone, \
             repeat_after, trigger, delay, hours, message, variants or conversions",
        )?;
        if id.is_test() {
            return Err(fields.error("id", "another id: those of test sends begin with kindling-test-"));
        }
        if fields.required_text("channel", "in_app")? != "in_app" {
            return Err(fields.error("channel", "in_app"));
        }
        let status = match fields.text("status")? {
            None | Some("active") => Status::Active,
            Some("draft") => Status::Draft,
            Some("paused") => Status::Paused,
            Some("archived") => Status::Archived,
            Some(_) => return Err(fields.error("status", "draft, active, paused or archived")),
        };
        let tag = |value: &Value, path: &Path<'_>| {
            let tag = value.as_str().map(Tag::parse);
            tag.and_then(Result::ok).ok_or_else(|| path.expected("a tag: 1 to 64 of a-z, 0-9, _ and -"))
        };
        Ok(Self {
            name: fields.text("name")?.unwrap_or(id.as_str()).to_owned(),
            status,
            audience: read_audience(&fields)?,
            schedule: Schedule::read(&fields)?,
            priority: priority(&fields)?,
            tags: fields.read_all("tags", limits::CAMPAIGN_TAGS, tag)?,
            is_capped: fields.boolean("frequency_capping")?.unwrap_or(true),
            repeat_after: fields.read("repeat_after", duration)?,
            trigger: fields.read("trigger", Trigger::read)?.ok_or_else(|| fields.error("trigger", "a trigger"))?,
            delay: fields.read("delay", |value, path| {
                let delay = duration(value, path).ok().filter(|delay| *delay <= limits::MESSAGE_DELAY);
                delay.ok_or_else(|| path.expected("a duration of at most a day, like \"10s\""))
            })?,
            hours: fields.read("hours", Hours::read)?,
            variants: Variants::read(&fields)?,
            conversions: Conversion::read_all(&fields, &Here)?,
            id,
        })
    }

    /// Whether reports tell clicks on that button of its message from others.
    pub fn has_button(&self, id: &str) -> bool {
        self.variants.iter().any(|variant| match &variant.shown {
            Shown::Message(content) => content.has_button(id),
            Shown::Control(_) => false,
        })
    }

    /// The filter of the campaign's own segment, if it has one; of one that is put away nobody is in it any more.
    pub fn own_filter(&self) -> Option<Value> {
        match &self.audience {
            Audience::Filter(..) if self.status == Status::Archived => Some(nobody()),
            Audience::Filter(filter, _) => Some(filter.clone()),
            Audience::Everybody | Audience::Segment(_) => None,
        }
    }
}

/// A filter that holds for nobody.
pub fn nobody() -> Value {
    let mut filter = Object::new();
    filter.insert("any".to_owned(), Value::Array(Vec::new()));
    Value::Object(filter)
}

fn read_audience(fields: &Fields<'_>) -> Result<Audience, DecodeError> {
    let segment = fields.text("segment")?.map(SegmentId::parse).transpose();
    let segment = segment.map_err(|_| fields.error("segment", "the id of a segment, or null for everybody"))?;
    let evaluator = match fields.text("evaluate")? {
        None | Some("server") => Evaluator::Server,
        Some("device") if fields.has("filter") => Evaluator::Device,
        Some("device") => return Err(fields.error("evaluate", "no \"device\" without a filter of the campaign's own")),
        Some(_) => return Err(fields.error("evaluate", "server or device")),
    };
    if evaluator == Evaluator::Device {
        let check = |filter: &Value, path: &Path<'_>| Filter::parse_within(filter, path, &Here)?.check_for_device(path);
        fields.read("filter", check)?;
    }
    match (segment, fields.get("filter")) {
        (Some(_), Some(_)) => Err(fields.error("filter", "no filter beside a segment")),
        (Some(segment), None) => Ok(Audience::Segment(segment)),
        (None, Some(filter)) => Ok(Audience::Filter(filter.clone(), evaluator)),
        (None, None) => Ok(Audience::Everybody),
    }
}

fn duration(value: &Value, path: &Path<'_>) -> Result<Duration, DecodeError> {
    value.as_str().and_then(Duration::parse).ok_or_else(|| path.expected("a duration, like \"7d\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(members: &str) -> Result<Campaign, String> {
        let json = format!(r#"{{"channel":"in_app","trigger":{{"type":"session_start"}}{members}}}"#);
        let id = CampaignId::parse("welcome").unwrap();
        Campaign::parse(id, &serde_json::from_str(&json).unwrap()).map_err(|error| error.to_string())
    }

    const MESSAGE: &str = r#","message":{"type":"modal","body":"Hello"}"#;

    #[test]
    fn what_is_not_said_has_its_default() {
        let campaign = parse(MESSAGE).unwrap();
        assert_eq!((campaign.name.as_str(), campaign.status, campaign.priority), ("welcome", Status::Active, 0));
        assert_eq!((campaign.audience, campaign.is_capped, campaign.delay), (Audience::Everybody, true, None));
    }

    #[test]
    fn errors_name_the_path() {
        for (members, wanted) in [
            ("", "$.message: expected a message, or variants"),
            (r#","segment":"a","filter":{}"#, "$.filter: expected no filter beside a segment"),
            (r#","evaluate":"device""#, "$.evaluate: expected no \"device\" without a filter"),
            (r#","evaluate":"phone","filter":{"all":[]}"#, "$.evaluate: expected server or device"),
            (
                r#","evaluate":"device","filter":{"any":[{"event":"a"},{"segment":"b"}]}"#,
                "$.filter.any[1].segment: expected no other segment: a device",
            ),
            (r#","evaluate":"device","filter":{"moon":1}"#, "$.filter: expected an object with one of"),
            (r#","delay":"2d""#, "$.delay: expected a duration of at most a day"),
            (r#","tags":["a","B"]"#, "$.tags[1]: expected a tag"),
            (r#","hours":{"from":"9"}"#, "$.hours.from: expected a time of day"),
            (r#","starts_at":"tomorrow""#, "$.starts_at: expected"),
            (r#","starts_at":"2026-01-02","ends_at":"2026-01-01T23:59""#, "$.ends_at: expected"),
            (r#","time_zone":"Europe/Atlantis""#, "$.time_zone: expected"),
            (r#","colour":"red""#, "$.colour: expected name, channel"),
        ] {
            let error = parse(members).unwrap_err();
            assert!(error.contains(wanted), "{members}: {error}");
        }
    }
}

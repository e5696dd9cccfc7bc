//! Campaigns: a message for a segment.

use std::sync::Arc;

use kindling_core::{
    conversion::Conversion,
    decode::{DecodeError, Fields, Path},
    ids::{CampaignId, SegmentId, VariantId},
    message::{InAppMessage, Trigger, priority},
    time::{Duration, Timestamp},
    value::Value,
};

use crate::{personalization::MessageTemplate, segments::Here};

/// A campaign of the in-app channel, as its definition says.
///
/// In JSON:
/// ```json
/// {"name": "Free shipping", "channel": "in_app", "status": "active", "segment": "basket_builders", "priority": 10,
///  "starts_at": 1763917561000, "ends_at": 1764917561000, "repeat_after": "7d",
///  "trigger": {"type": "custom_event", "name": "added_to_basket"},
///  "message": {"type": "slide_up", "body": "Two more and shipping is on us."}}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Its name, for people.
    pub name: String,
    /// Whether its message goes out.
    pub status: Status,
    /// Who gets it; `None`: everybody.
    pub segment: Option<SegmentId>,
    /// Not before this.
    pub starts_at: Option<Timestamp>,
    /// Not at or after this.
    pub ends_at: Option<Timestamp>,
    /// What goes out, to everybody the same unless there is a template.
    pub message: InAppMessage,
    /// What its content is made from for each user.
    pub template: Option<Arc<MessageTemplate>>,
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

impl Campaign {
    /// Reads a definition. The error names the path and says what was expected; unknown keys are errors.
    pub fn parse(id: CampaignId, definition: &Value) -> Result<Self, DecodeError> {
        let path = &Path::Definition;
        let fields = Fields::of(definition, path)?;
        fields.only(
            &[
                "name",
                "channel",
                "status",
                "segment",
                "priority",
                "starts_at",
                "ends_at",
                "repeat_after",
                "trigger",
                "message",
                "conversions",
            ],
            "name, channel, status, segment, priority, starts_at, ends_at, repeat_after, trigger, message or conversions",
        )?;
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
        let segment = fields.text("segment")?.map(SegmentId::parse).transpose();
        let segment = segment.map_err(|_| fields.error("segment", "the id of a segment, or null for everybody"))?;
        let repeat_after = fields.read("repeat_after", |value, path| {
            value.as_str().and_then(Duration::parse).ok_or_else(|| path.expected("a duration, like \"7d\""))
        })?;
        let conversions = Conversion::read_all(&fields, &Here)?;
        let ends_at = fields.integer("ends_at")?.map(Timestamp::from_ms);
        let message = fields.read("message", MessageTemplate::read)?;
        let (content, template) = message.ok_or_else(|| fields.error("message", "a message"))?;
        Ok(Self {
            name: fields.text("name")?.unwrap_or(id.as_str()).to_owned(),
            status,
            segment,
            starts_at: fields.integer("starts_at")?.map(Timestamp::from_ms),
            ends_at,
            conversions,
            message: InAppMessage {
                id,
                priority: priority(&fields)?,
                trigger: fields.read("trigger", Trigger::read)?.ok_or_else(|| fields.error("trigger", "a trigger"))?,
                repeat_after,
                expires_at: ends_at,
                render: None,
                content,
            },
            template: template.map(Arc::new),
        })
    }

    /// Whether reports tell clicks on that button of its message from others.
    pub fn has_button(&self, id: &str) -> bool {
        self.message.content.has_button(id)
    }

    /// Its variants, and whether each is the control group.
    pub fn variants(&self) -> impl Iterator<Item = (&VariantId, bool)> {
        std::iter::empty()
    }

    /// Whether it has that variant.
    pub fn has_variant(&self, id: &VariantId) -> bool {
        self.variants().any(|(variant, _)| variant == id)
    }
}

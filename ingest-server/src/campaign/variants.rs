//! What a campaign shows: one message, or one of several variants.

use std::sync::Arc;

use kindling_core::{
    decode::{DecodeError, Fields, Path},
    ids::{CampaignId, UserId, VariantId},
    limits,
    message::{Control, Shown, assign},
    value::Value,
};

use crate::personalization::MessageTemplate;

/// What a campaign shows to whom: at least one variant, with percentages that come to 100.
#[derive(Debug, Clone, PartialEq)]
pub struct Variants(Vec<Variant>);

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its id; `None`: it is the campaign's only message.
    pub id: Option<VariantId>,
    /// How many of a hundred users get it.
    pub percentage: u8,
    /// What they are shown, as far as it is the same for everybody.
    pub shown: Shown,
    /// What that is made from for each user, if it is not.
    pub template: Option<Arc<MessageTemplate>>,
}

impl Variant {
    /// Whether those who get it are the control group.
    pub const fn is_control(&self) -> bool {
        matches!(self.shown, Shown::Control(_))
    }
}

impl Variants {
    /// Reads `message`, or `variants`.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        let message = fields.read("message", MessageTemplate::read)?;
        let mut variants = fields.read_all("variants", limits::VARIANTS, Variant::read)?;
        match message {
            Some(_) if fields.has("variants") => Err(fields.error("variants", "no variants beside a message")),
            Some((content, template)) => {
                let (shown, template) = (Shown::Message(Box::new(content)), template.map(Arc::new));
                variants.push(Variant { id: None, percentage: 100, shown, template });
                Ok(Self(variants))
            }
            None if !fields.has("variants") => Err(fields.error("message", "a message, or variants")),
            None => {
                let ids: Vec<_> = variants.iter().map(|variant| &variant.id).collect();
                if ids.iter().enumerate().any(|(place, id)| ids[..place].contains(id)) {
                    return Err(fields.error("variants", "variants with different ids"));
                }
                if variants.iter().map(|variant| u32::from(variant.percentage)).sum::<u32>() != 100 {
                    return Err(fields.error("variants", "percentages that come to 100"));
                }
                if variants.iter().all(Variant::is_control) {
                    return Err(fields.error("variants", "a variant with a message"));
                }
                Ok(Self(variants))
            }
        }
    }

    /// The variant of a user, with its place. Who has seen one keeps it as long as there is one of that id; everybody else has the one that
    /// [`assign`] says.
    pub fn of(&self, campaign: &CampaignId, user: UserId, seen: Option<&VariantId>) -> (usize, &Variant) {
        let kept = seen.and_then(|seen| self.0.iter().position(|variant| variant.id.as_ref() == Some(seen)));
        let assigned = || assign(campaign, user, self.0.iter().map(|variant| variant.percentage));
        let place = kept.or_else(assigned).unwrap_or_default();
        // There is at least one, and the percentages come to 100.
        (place, &self.0[place])
    }

    /// The variant of that id.
    pub fn get(&self, id: &VariantId) -> Option<&Variant> {
        self.0.iter().find(|variant| variant.id.as_ref() == Some(id))
    }

    /// Whether what one of them says is made for each user.
    pub fn have_templates(&self) -> bool {
        self.0.iter().any(|variant| variant.template.is_some())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Variant> {
        self.0.iter()
    }
}

impl Variant {
    fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(&["id", "percentage", "message", "control"], "id, percentage, message or control")?;
        let id = VariantId::parse(fields.required_text("id", "a name for reports")?);
        let percentage = fields.integer("percentage")?.and_then(|percentage| u8::try_from(percentage).ok());
        let message = fields.read("message", MessageTemplate::read)?;
        let (shown, template) = match (message, fields.boolean("control")?.unwrap_or(false)) {
            (Some((content, template)), false) => (Shown::Message(Box::new(content)), template.map(Arc::new)),
            (None, true) => (Shown::Control(Control {}), None),
            _ => return Err(fields.error("message", "either a message or \"control\": true")),
        };
        Ok(Self {
            id: Some(id.map_err(|error| fields.error("id", error.expected))?),
            percentage: percentage
                .filter(|percentage| *percentage <= 100)
                .ok_or_else(|| fields.error("percentage", "a whole number from 0 to 100"))?,
            shown,
            template,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Variants, String> {
        let value = serde_json::from_str(json).unwrap();
        Fields::of(&value, &Path::Definition)
            .and_then(|fields| Variants::read(&fields))
            .map_err(|error| error.to_string())
    }

    const TWO: &str = r#"{"variants":[{"id":"a","percentage":90,"message":{"type":"modal","body":"A"}},{"id":"none","percentage":10,"control":true}]}"#;

    #[test]
    fn who_has_seen_a_variant_keeps_it() {
        let variants = read(TWO).unwrap();
        let campaign = CampaignId::parse("c").unwrap();
        let (a, none) = (VariantId::parse("a").unwrap(), VariantId::parse("none").unwrap());
        for user in (1..200).map(UserId) {
            let (assigned, _) = variants.of(&campaign, user, None);
            assert_eq!(variants.of(&campaign, user, Some(&a)).0, 0);
            assert!(variants.of(&campaign, user, Some(&none)).1.is_control());
            // One that there is no more says nothing.
            assert_eq!(variants.of(&campaign, user, VariantId::parse("gone").ok().as_ref()).0, assigned);
        }
    }

    #[test]
    fn errors_name_the_path() {
        for (from, to, wanted) in [
            ("90", "80", "$.variants: expected percentages that come to 100"),
            ("90", "-1", "$.variants[0].percentage: expected a whole number from 0 to 100"),
            ("\"none\"", "\"a\"", "$.variants: expected variants with different ids"),
            ("true", "false", "$.variants[1].message: expected either a message or"),
            ("\"control\":true", "\"control\":true,\"x\":1", "$.variants[1].x: expected id, percentage"),
            (
                "{\"variants\"",
                "{\"message\":{\"type\":\"modal\",\"body\":\"B\"},\"variants\"",
                "$.variants: expected no variants beside",
            ),
            (
                "\"message\":{\"type\":\"modal\",\"body\":\"A\"}",
                "\"control\":true",
                "$.variants: expected a variant with a message",
            ),
        ] {
            let error = read(&TWO.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(wanted), "{to}: {error}");
        }
        assert!(read("{}").unwrap_err().contains("$.message: expected a message, or variants"));
    }
}

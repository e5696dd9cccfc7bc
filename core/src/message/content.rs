//! What a message says and how it looks.

use serde::Serialize;

use super::{
    action::ClickAction,
    hours::Hours,
    language::{Direction, Language},
    read::{duration, extras, name, text, url},
    render::Render,
    survey::Survey,
    theme::{ButtonTheme, Theme},
    translation::{Translations, read_translations},
    trigger::Trigger,
    url::SafeUrl,
};
use crate::{
    decode::{DecodeError, Fields, Path},
    ids::{CampaignId, Tag, VariantId},
    limits,
    time::{Duration, Timestamp},
    value::{Map, Value},
};

/// An in-app message as a device holds it, ready to be shown without a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InAppMessage {
    /// The campaign that it belongs to; a campaign has one message for a user.
    pub id: CampaignId,
    /// The variant that the user gets, of a campaign that has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantId>,
    /// Of several messages that one occurrence triggers, the one with the greatest priority is shown.
    pub priority: i32,
    /// What shows it.
    pub trigger: Trigger,
    /// How long after that it is shown, in milliseconds; `None`: at once.
    #[serde(skip_serializing_if = "Option::is_none", rename = "delay_ms")]
    pub delay: Option<Duration>,
    /// For whom it is, as it was written, if that is for the device to say: see [`crate::segment::Mirror`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// At which hours it may be shown; `None`: at any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// After how long it may be shown again to the same user, in milliseconds; `None`: only once.
    #[serde(skip_serializing_if = "Option::is_none", rename = "repeat_after_ms")]
    pub repeat_after: Option<Duration>,
    /// At this instant and later it is shown no more, also where the server can't be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// By which of its campaign's tags caps count it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Whether no cap holds it back. It counts for others all the same.
    #[serde(skip_serializing_if = "is_false")]
    pub uncapped: bool,
    /// What is still to be put into it when its trigger fires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render: Option<Render>,
    /// What it says.
    pub content: Shown,
}

/// What is shown to the user.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// This.
    Message(Box<Content>),
    /// Nothing: the user is in the control group. That it would have been shown is recorded.
    Control(Control),
}

/// The content of a message for the control group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "control")]
pub struct Control {}

const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl InAppMessage {
    /// A message that is to be shown now, once, whatever else: a test send.
    pub const fn shown_now(id: CampaignId, trigger: Trigger, content: Shown) -> Self {
        Self {
            id,
            variant: None,
            priority: 0,
            trigger,
            delay: None,
            filter: None,
            hours: None,
            repeat_after: None,
            expires_at: None,
            tags: Vec::new(),
            uncapped: true,
            render: None,
            content,
        }
    }
}

/// What a message says and how it looks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Content {
    /// Its form.
    #[serde(flatten)]
    pub style: Style,
    /// A line above the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The text. Of an HTML message: what it says, for those who can't see it and for pages that draw messages themselves.
    pub body: String,
    /// An image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<SafeUrl>,
    /// What the image shows, for those who can't see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_alt: Option<String>,
    /// What a click on the message does, beside its buttons.
    #[serde(skip_serializing_if = "ClickAction::is_none")]
    pub click_action: ClickAction,
    /// At most [`crate::limits::MESSAGE_BUTTONS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// What the button is called that puts the message away, for those who can't see it; `None`: "Close".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_label: Option<String>,
    /// After how long it goes by itself, in milliseconds; `None`: it stays until it is dismissed.
    #[serde(skip_serializing_if = "Option::is_none", rename = "duration_ms")]
    pub duration: Option<Duration>,
    /// Its colours.
    #[serde(skip_serializing_if = "Theme::is_empty")]
    pub theme: Theme,
    /// The language that it is written in; `None`: the page's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// In which direction it is written; `None`: as its language is, or the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Key-value pairs for the site's own use.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extras: Map<String>,
    /// The same in other languages. A device gets one of them: see [`Content::in_language`].
    #[serde(skip)]
    pub translations: Translations,
}

/// The form of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Style {
    /// A note at an edge of the page, which does not block it.
    SlideUp {
        /// At which edge.
        slide_from: SlideFrom,
    },
    /// A dialog in the middle of the page.
    Modal,
    /// A dialog that takes all of the window.
    FullScreen,
    /// A dialog that shows a page of its own, in a frame that can't reach the site.
    Html {
        /// The page: at most [`limits::MESSAGE_HTML_BYTES`].
        html: String,
    },
    /// A dialog that asks something.
    Survey(Survey),
}

/// An edge of the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SlideFrom {
    /// The upper one.
    Top,
    /// The lower one.
    #[default]
    Bottom,
}

/// A button of a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Button {
    /// Names it in reports.
    pub id: String,
    /// What it says.
    pub text: String,
    /// What it does, beside closing the message.
    pub click_action: ClickAction,
    /// Its colours, where they are not those of its message.
    #[serde(skip_serializing_if = "ButtonTheme::is_empty")]
    pub style: ButtonTheme,
}

/// The id that a survey's own button has in reports.
const SUBMIT: &str = "submit";

impl Style {
    const TYPES: &str = "slide_up, modal, full_screen, html or survey";

    fn read(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        match fields.required_text("type", Self::TYPES)? {
            "slide_up" => Ok(Self::SlideUp {
                slide_from: match fields.text("slide_from")? {
                    None | Some("bottom") => SlideFrom::Bottom,
                    Some("top") => SlideFrom::Top,
                    Some(_) => return Err(fields.error("slide_from", "top or bottom")),
                },
            }),
            "modal" => Ok(Self::Modal),
            "full_screen" => Ok(Self::FullScreen),
            "html" => {
                let html = html(fields)?.ok_or_else(|| fields.error("html", "a page as HTML"))?;
                Ok(Self::Html { html })
            }
            "survey" => Ok(Self::Survey(Survey::read(fields)?)),
            _ => Err(fields.error("type", Self::TYPES)),
        }
    }

    /// The members that a message of this type has beside those that all have.
    fn keys(&self) -> Vec<&'static str> {
        const IMAGE: [&str; 2] = ["image_url", "image_alt"];
        const ALL: [&str; 4] = ["image_url", "image_alt", "click_action", "buttons"];
        match self {
            Self::SlideUp { .. } => [&ALL[..], &["slide_from"]].concat(),
            // It was always taken there, and did nothing.
            Self::Modal => [&ALL[..], &["slide_from"]].concat(),
            Self::FullScreen => ALL.into(),
            Self::Html { .. } => vec!["html"],
            Self::Survey(_) => [&IMAGE[..], &["buttons"], &Survey::KEYS].concat(),
        }
    }
}

/// The members that every message may have.
const KEYS: [&str; 10] = [
    "type",
    "header",
    "body",
    "close_label",
    "duration_ms",
    "theme",
    "language",
    "direction",
    "extras",
    "translations",
];

impl Content {
    /// Reads what a message says, in all its languages.
    pub fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        let style = Style::read(&fields)?;
        fields.only(&[&KEYS[..], &style.keys()].concat(), "what such a message has")?;
        let theme = fields.read("theme", Theme::read)?.unwrap_or_default();
        let mut content = Self {
            header: text(&fields, "header")?,
            body: text(&fields, "body")?.ok_or_else(|| fields.error("body", "the text of the message"))?,
            image_url: fields.read("image_url", url)?,
            image_alt: text(&fields, "image_alt")?,
            click_action: fields.read("click_action", ClickAction::read)?.unwrap_or_default(),
            buttons: buttons(&fields, &style, &theme)?,
            close_label: text(&fields, "close_label")?,
            duration: fields.read("duration_ms", duration)?,
            theme,
            language: fields.read("language", Language::read)?,
            direction: fields.read("direction", Direction::read)?,
            extras: fields.read("extras", extras)?.unwrap_or_default(),
            translations: Translations::default(),
            style,
        };
        content.translations = read_translations(&fields, &content)?;
        Ok(content)
    }

    /// Whether reports tell clicks on that button from others: the message has it, or, of an HTML message, its page names it in quotation
    /// marks. (Anybody can send any name, and reports have no room for all of them.)
    pub fn has_button(&self, id: &str) -> bool {
        let is_own = match &self.style {
            Style::Survey(_) => id == SUBMIT,
            Style::Html { html } => is_quoted(html, id),
            Style::SlideUp { .. } | Style::Modal | Style::FullScreen => false,
        };
        is_own || self.buttons.iter().any(|button| button.id == id)
    }
}

fn is_quoted(html: &str, id: &str) -> bool {
    html.match_indices(id).any(|(at, _)| {
        let before = html.get(..at).and_then(|before| before.chars().next_back());
        let after = html.get(at + id.len()..).and_then(|after| after.chars().next());
        before == after && matches!(before, Some('\'' | '"' | '`'))
    })
}

/// The page of an HTML message.
pub(super) fn html(fields: &Fields<'_>) -> Result<Option<String>, DecodeError> {
    let html = fields.text("html")?;
    let fits = html.is_none_or(|html| (1..=limits::MESSAGE_HTML_BYTES).contains(&html.len()));
    if fits { Ok(html.map(ToOwned::to_owned)) } else { Err(fields.error("html", "a page as HTML of at most 64 KiB")) }
}

fn buttons(fields: &Fields<'_>, style: &Style, theme: &Theme) -> Result<Vec<Button>, DecodeError> {
    // The one that sends a survey's answer comes first, and stands out.
    let is_survey = matches!(style, Style::Survey(_));
    let mut count = 0;
    let buttons = fields.read_all("buttons", limits::MESSAGE_BUTTONS, |value, path| {
        count += 1;
        Button::read(value, path, theme, count == 1 && !is_survey)
    })?;
    if is_survey && buttons.iter().any(|button| button.id == SUBMIT) {
        return Err(fields.error("buttons", "ids other than submit, which is that of the survey's own button"));
    }
    Ok(buttons)
}

impl Button {
    fn read(value: &Value, path: &Path<'_>, theme: &Theme, first: bool) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(&["id", "text", "click_action", "style"], "id, text, click_action and style only")?;
        let style = fields.read("style", |value, path| ButtonTheme::read(value, path, theme, first))?;
        Ok(Self {
            id: name(&fields, "id")?.ok_or_else(|| fields.error("id", "a name for reports"))?,
            text: text(&fields, "text")?.ok_or_else(|| fields.error("text", "what the button says"))?,
            click_action: fields.read("click_action", ClickAction::read)?.unwrap_or(ClickAction::Close),
            style: style.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Content, String> {
        Content::read(&serde_json::from_str(json).unwrap(), &Path::Definition).map_err(|error| error.to_string())
    }

    #[test]
    fn reports_know_the_buttons() {
        let modal = read(r#"{"type":"modal","body":"B","buttons":[{"id":"go","text":"Go"}]}"#).unwrap();
        assert!(modal.has_button("go") && !modal.has_button("submit"));
        let html = r#"{"type":"html","body":"B","html":"<button onclick=\"kindling.logClick('spin')\">Spin</button>"}"#;
        let html = read(html).unwrap();
        assert!(html.has_button("spin"));
        for other in ["spi", "Spin", "button", ""] {
            assert!(!html.has_button(other), "{other}");
        }
        let survey = r#"{"type":"survey","question":{"type":"rating","from":0,"to":10,"low":"L","high":"H"},"answer":{"attribute":"nps"},"submit":"Send","body":"B"}"#;
        assert!(read(survey).unwrap().has_button("submit"));
    }

    #[test]
    fn every_type_is_read_as_it_was_written() {
        for json in [
            r#"{"type":"slide_up","slide_from":"bottom","body":"B"}"#,
            r##"{"type":"modal","header":"H","body":"B","buttons":[{"id":"go","text":"Go","click_action":{"type":"request_push"},"style":{"light":{"background":"#000000","text":"#ffffff"}}}],"close_label":"Schließen","theme":{"dark":{"surface":"#000000"}},"language":"de","direction":"ltr"}"##,
            r#"{"type":"full_screen","body":"B","image_url":"/i.png","image_alt":"I","click_action":{"type":"log_event","name":"e"}}"#,
            r#"{"type":"html","html":"<h1>Hi</h1>","body":"Hi"}"#,
            r#"{"type":"survey","question":{"type":"choice","options":[{"id":"a","text":"A"},{"id":"b","text":"B"}]},"answer":{"event":"e"},"submit":"Send","thanks":"Thanks","body":"B"}"#,
            r#"{"type":"survey","question":{"type":"rating","from":0,"to":10,"low":"L","high":"H"},"answer":{"attribute":"nps"},"submit":"Send","body":"B"}"#,
            r#"{"type":"survey","question":{"type":"text","placeholder":"P"},"answer":{"event":"e"},"submit":"Send","body":"B","buttons":[{"id":"later","text":"Later","click_action":{"type":"close"}}]}"#,
        ] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn the_examples_of_the_documentation_are_taken() {
        let blocks = include_str!("../../../docs/messages.md").split("```json\n").skip(1);
        let blocks = blocks.map(|rest| rest.split_once("```").unwrap().0);
        let mut types = Vec::new();
        for block in blocks {
            // Some are a few members of a message.
            let whole = if block.starts_with('{') {
                block.to_owned()
            } else {
                format!(r#"{{"type":"modal","body":"B","buttons":[{{"id":"look","text":"Look"}}],{block}}}"#)
            };
            let content = read(&whole).unwrap_or_else(|error| panic!("{error}\n{block}"));
            types.push(serde_json::to_value(&content).unwrap()["type"].as_str().unwrap().to_owned());
        }
        types.sort_unstable();
        types.dedup();
        assert_eq!(types, ["full_screen", "html", "modal", "slide_up", "survey"]);
    }

    #[test]
    fn what_was_taken_once_is_taken_still() {
        let old = read(r#"{"type":"modal","slide_from":"top","body":"","click_action":{"type":"close"}}"#);
        assert_eq!(
            serde_json::to_string(&old.unwrap()).unwrap(),
            r#"{"type":"modal","body":"","click_action":{"type":"close"}}"#
        );
    }

    #[test]
    fn what_a_type_does_not_have_is_refused() {
        let survey = |more: &str| {
            format!(
                r#"{{"type":"survey","body":"B","submit":"S","question":{{"type":"text"}},"answer":{{"event":"e"}}{more}}}"#
            )
        };
        assert!(read(&survey("")).is_ok());
        for (json, wanted) in [
            (r#"{"type":"html","body":"B"}"#.into(), "$.html: expected a page as HTML"),
            (r#"{"type":"html","body":"B","html":""}"#.into(), "$.html: expected a page as HTML of at most"),
            (format!(r#"{{"type":"html","body":"B","html":"{}"}}"#, "x".repeat(65537)), "$.html: expected a page"),
            (r#"{"type":"html","body":"B","html":"x","buttons":[]}"#.into(), "$.buttons: expected what such"),
            (r#"{"type":"modal","body":"B","html":"x"}"#.into(), "$.html: expected what such"),
            (r#"{"type":"modal","body":"B","language":"german"}"#.into(), "$.language: expected the tag"),
            (r#"{"type":"modal","body":"B","direction":"up"}"#.into(), "$.direction: expected ltr or rtl"),
            (survey(r#","click_action":{"type":"close"}"#), "$.click_action: expected what such"),
            (survey(r#","buttons":[{"id":"submit","text":"S"}]"#), "$.buttons: expected ids other than submit"),
            (survey("").replace(r#""submit":"S","#, ""), "$.submit: expected what the button says"),
            (survey("").replace(r#"{"event":"e"}"#, r#"{"event":"e","attribute":"a"}"#), "$.answer: expected either"),
            (survey("").replace(r#"{"event":"e"}"#, r#"{"attribute":"$a"}"#), "$.answer.attribute: expected a name"),
            (survey("").replace(r#""type":"text""#, r#""type":"drawing""#), "$.question.type: expected choice"),
            (survey("").replace(r#""type":"text""#, r#""type":"rating","to":11"#), "$.question.to: expected a whole"),
            (survey("").replace(r#""type":"text""#, r#""type":"rating","from":2"#), "$.question.from: expected 0 or 1"),
            (
                survey("").replace(
                    r#""type":"text""#,
                    r#""type":"choice","options":[{"id":"a","text":"A"},{"id":"a","text":"B"}]"#,
                ),
                "$.question.options: expected 2 to 12",
            ),
        ] {
            let error = read(&json).unwrap_err();
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
    }
}

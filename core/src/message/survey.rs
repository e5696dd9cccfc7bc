//! Messages that ask something.

use serde::Serialize;

use super::{
    action::recorded_name,
    read::{name, required, text},
};
use crate::{
    decode::{DecodeError, Fields, Path},
    limits,
    value::Value,
};

/// What a survey asks, and what becomes of the answer. The question itself is the message's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// What can be answered.
    pub question: Question,
    /// What becomes of the answer.
    pub answer: Answer,
    /// What the button says that sends it.
    pub submit: String,
    /// What is said to those who have answered; without it the message closes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thanks: Option<String>,
}

/// What can be answered.
///
/// In JSON: `{"type": "choice", "options": [{"id": "friends", "text": "From friends"}, …]}`, `{"type": "rating", "from": 1, "to": 5, "low": "Poor",
/// "high": "Great"}` and `{"type": "text", "placeholder": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Question {
    /// One of these. The answer is its id.
    Choice {
        /// From 2 to [`limits::SURVEY_OPTIONS`], each with an id of its own.
        options: Vec<Choice>,
    },
    /// A number.
    Rating {
        /// The least, 0 or 1.
        from: u8,
        /// The greatest, from 2 to 10.
        to: u8,
        /// What the least means.
        #[serde(skip_serializing_if = "Option::is_none")]
        low: Option<String>,
        /// What the greatest means.
        #[serde(skip_serializing_if = "Option::is_none")]
        high: Option<String>,
    },
    /// Text, at most 1000 characters.
    Text {
        /// What stands in the field as long as it is empty.
        #[serde(skip_serializing_if = "Option::is_none")]
        placeholder: Option<String>,
    },
}

/// One of several answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The answer.
    pub id: String,
    /// What it says.
    pub text: String,
}

/// What becomes of an answer. In JSON: `{"event": "name"}` or `{"attribute": "name"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// An event of this name, with the properties `answer` and `message`.
    Event(String),
    /// The value of the user's custom attribute of this name.
    Attribute(String),
}

impl Survey {
    /// The members of a message that only surveys have.
    pub(super) const KEYS: [&'static str; 4] = ["question", "answer", "submit", "thanks"];

    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        let question = fields.read("question", Question::read)?;
        let answer = fields.read("answer", Answer::read)?;
        Ok(Self {
            question: question.ok_or_else(|| fields.error("question", "what can be answered"))?,
            answer: answer.ok_or_else(|| fields.error("answer", Answer::EXPECTED))?,
            submit: required(fields, "submit", "what the button says that sends the answer")?,
            thanks: text(fields, "thanks")?,
        })
    }

    /// The texts in another language: those of `submit` and `thanks`, of `options` by id, of `low`, `high` and `placeholder`.
    pub(super) fn translate(&mut self, fields: &Fields<'_>) -> Result<(), DecodeError> {
        if let Some(text) = text(fields, "submit")? {
            self.submit = text;
        }
        replace(&mut self.thanks, fields, "thanks")?;
        match &mut self.question {
            Question::Choice { options } => {
                let texts = options.iter_mut().map(|option| (option.id.as_str(), &mut option.text));
                super::translation::texts(texts, fields, "options")
            }
            Question::Rating { low, high, .. } => {
                replace(low, fields, "low")?;
                replace(high, fields, "high")
            }
            Question::Text { placeholder } => replace(placeholder, fields, "placeholder"),
        }
    }

    /// The members of a translation that translate this survey.
    pub(super) const fn translated_keys(&self) -> &'static [&'static str] {
        match self.question {
            Question::Choice { .. } => &["submit", "thanks", "options"],
            Question::Rating { .. } => &["submit", "thanks", "low", "high"],
            Question::Text { .. } => &["submit", "thanks", "placeholder"],
        }
    }
}

fn replace(place: &mut Option<String>, fields: &Fields<'_>, key: &str) -> Result<(), DecodeError> {
    if let Some(text) = text(fields, key)? {
        *place = Some(text);
    }
    Ok(())
}

impl Question {
    fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        const TYPES: &str = "choice, rating or text";
        let fields = Fields::of(value, path)?;
        match fields.required_text("type", TYPES)? {
            "choice" => {
                fields.only(&["type", "options"], "type and options only")?;
                let options = fields.read_all("options", limits::SURVEY_OPTIONS, Choice::read)?;
                let mut ids: Vec<&str> = options.iter().map(|option| option.id.as_str()).collect();
                ids.sort_unstable();
                if options.len() < 2 || ids.windows(2).any(|pair| pair.first() == pair.last()) {
                    return Err(fields.error("options", "2 to 12 answers, each with an id of its own"));
                }
                Ok(Self::Choice { options })
            }
            "rating" => {
                fields.only(&["type", "from", "to", "low", "high"], "type, from, to, low and high only")?;
                let number = |key, otherwise| Ok(fields.integer(key)?.unwrap_or(otherwise));
                let (from, to) = (number("from", 1)?, number("to", 5)?);
                let within = |number: i64, least: u8, most: u8| {
                    u8::try_from(number).ok().filter(|number| (least..=most).contains(number))
                };
                Ok(Self::Rating {
                    from: within(from, 0, 1).ok_or_else(|| fields.error("from", "0 or 1"))?,
                    to: within(to, 2, 10).ok_or_else(|| fields.error("to", "a whole number from 2 to 10"))?,
                    low: text(&fields, "low")?,
                    high: text(&fields, "high")?,
                })
            }
            "text" => {
                fields.only(&["type", "placeholder"], "type and placeholder only")?;
                Ok(Self::Text { placeholder: text(&fields, "placeholder")? })
            }
            _ => Err(fields.error("type", TYPES)),
        }
    }
}

impl Choice {
    fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(&["id", "text"], "id and text only")?;
        Ok(Self {
            id: name(&fields, "id")?.ok_or_else(|| fields.error("id", "a name for reports"))?,
            text: required(&fields, "text", "what the answer says")?,
        })
    }
}

impl Answer {
    const EXPECTED: &'static str = "either event or attribute, with a name";

    fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(&["event", "attribute"], Self::EXPECTED)?;
        match (fields.has("event"), fields.has("attribute")) {
            (true, false) => Ok(Self::Event(recorded_name(&fields, "event", "the name of an event")?)),
            (false, true) => Ok(Self::Attribute(recorded_name(&fields, "attribute", "the name of an attribute")?)),
            _ => Err(path.expected(Self::EXPECTED)),
        }
    }
}

//! A message with templates in it.
//!
//! The definition stays JSON, with each template at its place. Rendering puts texts there and has the whole read like a message that
//! somebody wrote so: an address must be a harmless one, a text not too long, and whatever else is asked of a message.

use kindling_core::{
    decode::{DecodeError, Path},
    message::{Content, EventValue, Render, VALUE_CLOSE, VALUE_OPEN},
    value::Value,
};
use serde::Serialize;

use super::{
    Event, Subject, filters,
    source::{Names, Place, Source, is_template},
    template::{Failure, Template},
};

/// The member of a message that has what it says in other languages.
const TRANSLATIONS: &str = "translations";

/// A message with templates in it.
#[derive(Debug)]
pub struct MessageTemplate {
    definition: Value,
    /// The same with a text for each template, to find which of its languages a user gets.
    stand_in: Content,
    slots: Vec<Slot>,
    names: Names,
    /// What the device puts in, in the order of their numbers.
    values: Vec<EventValue>,
    /// It says something of the event that only the server can put in.
    needs_server: bool,
}

/// A template in a message.
#[derive(Debug)]
struct Slot {
    /// Where it stands.
    at: Vec<Step>,
    template: Template,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

/// A message for one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// What it says.
    pub content: Content,
    /// What is still to be put in when its trigger fires.
    pub render: Option<Render>,
}

/// Why a user does not get a message that they are meant to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum NotRendered {
    /// A template of it says that it is not to be sent.
    Aborted {
        /// Why.
        because: String,
    },
    /// It could not be rendered.
    Failed {
        /// What went wrong, and where.
        error: String,
    },
}

impl PartialEq for MessageTemplate {
    fn eq(&self, other: &Self) -> bool {
        self.definition == other.definition
    }
}

impl MessageTemplate {
    /// Reads what a message says. With templates in it, there is one; the content is then only what is known without a user.
    pub fn read(definition: &Value, path: &Path<'_>) -> Result<(Content, Option<Self>), DecodeError> {
        let mut found = Vec::new();
        collect(definition, path, &mut Vec::new(), &mut found)?;
        if found.is_empty() {
            return Ok((Content::read(definition, path)?, None));
        }
        let mut names = Names::default();
        let mut is_simple = true;
        for Found { source, .. } in &found {
            names.join(source.names.clone());
            is_simple &= source.is_simple;
        }
        let mut values = Vec::new();
        let mut slots = Vec::with_capacity(found.len());
        let mut stand_in = definition.clone();
        for Found { at, place, source, path } in found {
            let wrong =
                |wrong: String| DecodeError { path: path.clone(), expected: format!("a template: {wrong}").into() };
            let template =
                Template::compile(&source, place.most_bytes(), is_simple.then_some(&mut values)).map_err(wrong)?;
            let text = if place == Place::Url { "/" } else { "…" };
            put(&mut stand_in, &at, text.to_owned());
            slots.push(Slot { at, template });
        }
        let content = Content::read(&stand_in, path)?;
        let needs_server = names.event && !is_simple;
        let stand_in = content.clone();
        Ok((content, Some(Self { definition: definition.clone(), stand_in, slots, names, values, needs_server })))
    }

    /// Whether it says another thing when time has passed.
    pub const fn names_now(&self) -> bool {
        self.names.now
    }

    /// Whether what it says of its event is put in by the server, when that happens.
    pub const fn needs_server(&self) -> bool {
        self.needs_server
    }

    /// The message for one user, as far as it can be told before its trigger fires. `None`: not at all, for [`Self::needs_server`].
    pub fn render(&self, subject: &Subject<'_>) -> Result<Option<Rendered>, NotRendered> {
        if self.needs_server {
            return Ok(None);
        }
        let content = self.content(self.filled(subject, None)?, subject)?;
        let render = (!self.values.is_empty()).then(|| Render::Device(self.values.clone()));
        Ok(Some(Rendered { content, render }))
    }

    /// The message for one user and the event that triggers it.
    pub fn render_with(&self, subject: &Subject<'_>, event: Event<'_>) -> Result<Content, NotRendered> {
        let mut message = self.filled(subject, Some(event))?;
        if !self.values.is_empty() {
            let said: Vec<String> = self.values.iter().map(|value| event.say(value)).collect();
            put_in(&mut message, "", &said);
        }
        self.content(message, subject)
    }

    /// The message with a text in the place of each template of the user's language, and in that language only.
    fn filled(&self, subject: &Subject<'_>, event: Option<Event<'_>>) -> Result<Value, NotRendered> {
        let values = subject.values(&self.names, event);
        let mut message = self.definition.clone();
        let language = self.stand_in.in_language(subject.language).language.as_ref();
        let is_other = |tag: &str| language.is_none_or(|language| !language.is(tag));
        if let Value::Object(members) = &mut message
            && let Some(Value::Object(translations)) = members.get_mut(TRANSLATIONS)
        {
            let others: Vec<String> = translations.keys().filter(|tag| is_other(tag)).map(ToOwned::to_owned).collect();
            for tag in others {
                translations.remove(&tag);
            }
        }
        for slot in self.slots.iter().filter(|slot| !language_of(&slot.at).is_some_and(is_other)) {
            let text = slot.template.render(&values, subject.now).map_err(|failure| match failure {
                Failure::Aborted(because) => NotRendered::Aborted { because },
                Failure::Error(error) => NotRendered::Failed { error: format!("at {}: {error}", written(&slot.at)) },
            })?;
            put(&mut message, &slot.at, text);
        }
        Ok(message)
    }

    fn content(&self, message: Value, subject: &Subject<'_>) -> Result<Content, NotRendered> {
        let content = Content::read(&message, &Path::Definition)
            .map_err(|error| NotRendered::Failed { error: format!("what comes out is no message: {error}") })?;
        Ok(content.in_language(subject.language).clone())
    }
}

/// A template that was found in a message.
struct Found<'d> {
    at: Vec<Step>,
    place: Place,
    source: Source<'d>,
    path: String,
}

/// Finds the templates in a value. A message is as deep as its definition, which was read within a bound.
fn collect<'d>(
    value: &'d Value,
    path: &Path<'_>,
    at: &mut Vec<Step>,
    found: &mut Vec<Found<'d>>,
) -> Result<(), DecodeError> {
    match value {
        Value::String(text) if is_template(text) => {
            let place =
                place(at).ok_or_else(|| path.expected("a text without templates: only what is shown can have them"))?;
            let source = Source::read(text, place);
            let source = source.map_err(|wrong| path.expected_of(format!("a template: {wrong}").into()))?;
            let path = path.expected("").path;
            found.push(Found { at: at.clone(), place, source, path });
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                at.push(Step::Element(number));
                collect(item, &Path::Element(path, number), at, found)?;
                at.pop();
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                at.push(Step::Member(name.to_owned()));
                collect(member, &Path::Member(path, name), at, found)?;
                at.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

/// What a text at this place is for; `None`: it is none that is shown.
fn place(at: &[Step]) -> Option<Place> {
    // Texts by names of the site's own, and texts of a translation by the id of what they belong to.
    if let [.., Step::Member(by_name), Step::Member(_)] = at
        && matches!(by_name.as_str(), "extras" | "buttons" | "options" | "properties" | "attributes")
    {
        return Some(Place::Text);
    }
    let Some(Step::Member(name)) = at.last() else { return None };
    match name.as_str() {
        "header" | "body" | "image_alt" | "text" | "close_label" | "submit" | "thanks" | "low" | "high"
        | "placeholder" => Some(Place::Text),
        "url" | "image_url" => Some(Place::Url),
        "html" => Some(Place::Html),
        _ => None,
    }
}

/// The language whose texts stand at this place, if that is one of a translation.
fn language_of(at: &[Step]) -> Option<&str> {
    match at {
        [Step::Member(translations), Step::Member(tag), ..] if translations == TRANSLATIONS => Some(tag),
        _ => None,
    }
}

fn put(value: &mut Value, at: &[Step], text: String) {
    let mut place = value;
    for step in at {
        let next = match (step, place) {
            (Step::Member(name), Value::Object(members)) => members.get_mut(name),
            (Step::Element(number), Value::Array(items)) => items.get_mut(*number),
            _ => None,
        };
        let Some(next) = next else { return };
        place = next;
    }
    *place = Value::String(text);
}

fn written(at: &[Step]) -> String {
    at.iter().fold(String::from("$"), |path, step| match step {
        Step::Member(name) => format!("{path}.{name}"),
        Step::Element(number) => format!("{path}[{number}]"),
    })
}

/// Puts in what a device puts in, as it does it: by the name of the member escaped for its place.
fn put_in(value: &mut Value, name: &str, said: &[String]) {
    match value {
        Value::String(text) if text.contains(VALUE_OPEN) => {
            let mut whole = String::new();
            for part in text.split(VALUE_OPEN) {
                let number =
                    part.split_once(VALUE_CLOSE).and_then(|(number, rest)| Some((number.parse::<usize>().ok()?, rest)));
                match number {
                    Some((number, rest)) => {
                        let said = said.get(number).map_or("", String::as_str);
                        match name {
                            "url" | "image_url" => said.chars().for_each(|char| filters::in_url(char, &mut whole)),
                            "html" => said.chars().for_each(|char| filters::in_html(char, &mut whole)),
                            _ => whole.push_str(said),
                        }
                        whole.push_str(rest);
                    }
                    None => whole.push_str(part),
                }
            }
            *text = whole;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put_in(item, name, said)),
        Value::Object(members) => {
            let names: Vec<String> = members.keys().map(ToOwned::to_owned).collect();
            for name in names {
                if let Some(member) = members.get_mut(&name) {
                    put_in(member, &name, said);
                }
            }
        }
        _ => {}
    }
}

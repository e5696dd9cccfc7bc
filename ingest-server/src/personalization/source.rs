//! Taking a template apart, before the library compiles it.
//!
//! The library has no way to escape what a template prints, knows no bounds, and finds out that a variable does not exist when a message
//! is due. So its source is gone through here first: each `{{ … }}` gets the escape that its place needs, and names that mean nothing are
//! refused.

use std::{collections::BTreeSet, fmt::Write as _};

use kindling_core::{limits, message::EventValue, profile::StandardAttribute};

/// Where in a message a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is drawn as text, whatever is in it.
    Text,
    /// It is an address.
    Url,
    /// It is markup.
    Html,
}

impl Place {
    /// Bytes that may stand there.
    pub(super) const fn most_bytes(self) -> usize {
        match self {
            Self::Text | Self::Url => limits::MESSAGE_TEXT_BYTES,
            Self::Html => limits::MESSAGE_HTML_BYTES,
        }
    }
}

/// What a template names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Members of `user`.
    pub(super) user: BTreeSet<&'static str>,
    /// Custom attributes.
    pub(super) custom: BTreeSet<String>,
    /// Which custom attributes it names is seen only when it is rendered.
    pub(super) any_custom: bool,
    /// The event that triggers the message.
    pub(super) event: bool,
    /// The time at which it is rendered.
    pub(super) now: bool,
}

impl Names {
    /// Adds what another template names.
    pub(super) fn join(&mut self, other: Self) {
        self.user.extend(other.user);
        self.custom.extend(other.custom);
        self.any_custom |= other.any_custom;
        self.event |= other.event;
        self.now |= other.now;
    }
}

/// A template that was taken apart.
#[derive(Debug)]
pub(super) struct Source<'t> {
    place: Place,
    pieces: Vec<Piece<'t>>,
    /// What it names.
    pub(super) names: Names,
    /// Whether a device can put in by itself all that it says of the event.
    pub(super) is_simple: bool,
}

#[derive(Debug)]
enum Piece<'t> {
    Text(&'t str),
    /// `{{ … }}`
    Output {
        code: Code<'t>,
        filter: &'static str,
        value: Option<EventValue>,
    },
    /// `{% … %}`
    Tag(Code<'t>),
}

/// What stands between the delimiters, and whether the space before and behind them goes.
#[derive(Debug, Clone, Copy)]
struct Code<'t> {
    inner: &'t str,
    trims: (bool, bool),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'t> {
    Name(&'t str),
    Text(&'t str),
    Number(&'t str),
    Sign(char),
}

/// Words in tags that are no variables.
const WORDS: [&str; 13] =
    ["and", "or", "contains", "in", "limit", "offset", "reversed", "true", "false", "nil", "null", "empty", "blank"];

/// The members of `user` beside the standard attributes.
const EXTERNAL_ID: &str = "external_id";

/// Whether there is any template in a text.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

impl<'t> Source<'t> {
    /// Takes a template apart. The error says what is wrong with it.
    pub(super) fn read(text: &'t str, place: Place) -> Result<Self, String> {
        let mut source = Self { place, pieces: Vec::new(), names: Names::default(), is_simple: true };
        let mut locals = BTreeSet::from(["forloop"]);
        let (mut rest, mut tags, mut captures) = (text, 0, 0_u32);
        while let Some(at) = [rest.find("{{"), rest.find("{%")].into_iter().flatten().min() {
            let (before, from) = rest.split_at(at);
            if !before.is_empty() {
                source.pieces.push(Piece::Text(before));
            }
            let is_output = from.starts_with("{{");
            let (code, tokens, behind) = code(from, is_output)?;
            rest = behind;
            tags += 1;
            if tags > limits::TEMPLATE_TAGS {
                return Err(format!("it may have at most {} tags", limits::TEMPLATE_TAGS));
            }
            if is_output {
                source.output(code, &tokens, &locals, captures > 0)?;
                continue;
            }
            match tokens.first() {
                Some(Token::Name("capture")) => captures += 1,
                Some(Token::Name("endcapture")) => captures = captures.saturating_sub(1),
                _ => {}
            }
            source.tag(code, &tokens, &mut locals)?;
        }
        if !rest.is_empty() {
            source.pieces.push(Piece::Text(rest));
        }
        Ok(source)
    }

    fn output(
        &mut self,
        code: Code<'t>,
        tokens: &[Token<'t>],
        locals: &BTreeSet<&'t str>,
        in_capture: bool,
    ) -> Result<(), String> {
        let was_named = std::mem::take(&mut self.names.event);
        self.paths(tokens, locals)?;
        let is_raw = matches!(tokens, [.., Token::Sign('|'), Token::Name("raw")]);
        let leads = self.pieces.iter().all(|piece| matches!(piece, Piece::Tag(_)));
        let filter = match self.place {
            // What is captured is escaped when it is printed.
            _ if in_capture => "for_text",
            Place::Text => "for_text",
            Place::Html if is_raw => "for_text",
            Place::Html => "for_html",
            // An address that begins with a value is that value's.
            Place::Url if leads => "for_address",
            Place::Url => "for_url",
        };
        let value = if self.names.event { event_value(tokens) } else { None };
        if self.names.event {
            self.is_simple &= value.is_some() && !in_capture && filter != "for_address";
        }
        self.names.event |= was_named;
        self.pieces.push(Piece::Output { code, filter, value });
        Ok(())
    }

    fn tag(&mut self, code: Code<'t>, tokens: &[Token<'t>], locals: &mut BTreeSet<&'t str>) -> Result<(), String> {
        let was_named = std::mem::take(&mut self.names.event);
        match tokens {
            [Token::Name("assign"), Token::Name(local), Token::Sign('='), value @ ..] => {
                self.paths(value, locals)?;
                locals.insert(local);
            }
            [Token::Name("capture"), Token::Name(local)] => _ = locals.insert(local),
            [Token::Name("for"), Token::Name(local), Token::Name("in"), of @ ..] => {
                self.paths(of, locals)?;
                locals.insert(local);
            }
            [Token::Name(_), arguments @ ..] => self.paths(arguments, locals)?,
            _ => return Err(format!("there is no tag in {{% {} %}}", code.inner.trim())),
        }
        self.is_simple &= !self.names.event;
        self.names.event |= was_named;
        self.pieces.push(Piece::Tag(code));
        Ok(())
    }

    /// Notes the variables of an expression, and refuses those that there are not.
    fn paths(&mut self, tokens: &[Token<'t>], locals: &BTreeSet<&'t str>) -> Result<(), String> {
        for (place, token) in tokens.iter().enumerate() {
            // The language's own way to say it.
            self.names.now |= matches!(token, Token::Text("now" | "today"));
            let Token::Name(root) = token else { continue };
            let before = place.checked_sub(1).and_then(|place| tokens.get(place));
            let behind = tokens.get(place + 1..).unwrap_or_default();
            // A member, a filter, or the name of an argument.
            let is_other = matches!(before, Some(Token::Sign('.' | '|'))) || matches!(behind, [Token::Sign(':'), ..]);
            if is_other || WORDS.contains(root) || locals.contains(root) {
                continue;
            }
            let member = match behind {
                [Token::Sign('.'), Token::Name(member), ..] | [Token::Sign('['), Token::Text(member), ..] => {
                    Some(*member)
                }
                _ => None,
            };
            self.path(root, member)?;
        }
        Ok(())
    }

    fn path(&mut self, root: &str, member: Option<&str>) -> Result<(), String> {
        const ROOTS: &str = "there are user, custom, campaign, event and now";
        let unknown = |known: &str| Err(format!("there is no {root}.{}; {known}", member.unwrap_or_default()));
        match (root, member) {
            ("user", Some(EXTERNAL_ID)) => _ = self.names.user.insert(EXTERNAL_ID),
            ("user", Some(member)) => match StandardAttribute::parse(member) {
                Some(attribute) => _ = self.names.user.insert(attribute.name()),
                None => return unknown("custom attributes stand under custom"),
            },
            ("custom", Some(member)) => _ = self.names.custom.insert(member.to_owned()),
            ("custom", None) => self.names.any_custom = true,
            ("campaign", Some("id" | "name")) => {}
            ("campaign", Some(_)) => return unknown("there are campaign.id and campaign.name"),
            ("event", Some("name" | "properties")) => self.names.event = true,
            ("event", Some(_)) => return unknown("there are event.name and event.properties"),
            ("now", None) => self.names.now = true,
            ("user" | "campaign" | "event", None) => return Err(format!("{root} needs the name of a member")),
            _ => return Err(format!("there is no {root}; {ROOTS}")),
        }
        Ok(())
    }

    /// The template as the library compiles it. With `values`, what is said of the event is left to the device: it gets a number for each.
    pub(super) fn compiled(&self, mut values: Option<&mut Vec<EventValue>>) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        for piece in &self.pieces {
            match piece {
                Piece::Text(written) => text.push_str(written),
                Piece::Tag(code) => {
                    let _ = write!(
                        text,
                        "{{%{} {} {}%}}",
                        dash(code.trims.0),
                        without_brackets(code.inner),
                        dash(code.trims.1)
                    );
                }
                Piece::Output { code, filter, value } => {
                    let (before, behind) = (dash(code.trims.0), dash(code.trims.1));
                    if let (Some(values), Some(value)) = (values.as_deref_mut(), value) {
                        let number = values.iter().position(|known| known == value).unwrap_or_else(|| {
                            values.push(value.clone());
                            values.len() - 1
                        });
                        let _ = write!(text, "{{%{before} event_value {number} {behind}%}}");
                    } else {
                        let _ = write!(text, "{{{{{before} {} | {filter} {behind}}}}}", code.inner.trim());
                    }
                }
            }
        }
        text
    }
}

const fn dash(trims: bool) -> &'static str {
    if trims { "-" } else { "" }
}

/// `abort_message('…')`, as some write it, is `abort_message '…'`.
fn without_brackets(tag: &str) -> String {
    let tag = tag.trim();
    match tag.strip_prefix("abort_message").map(str::trim).and_then(|of| of.strip_prefix('(')?.strip_suffix(')')) {
        Some(reason) => format!("abort_message {reason}"),
        None => tag.to_owned(),
    }
}

/// Reads what stands between delimiters, at the beginning of `from`. Returns it in parts as well, and what stands behind.
fn code(from: &str, is_output: bool) -> Result<(Code<'_>, Vec<Token<'_>>, &str), String> {
    let (open, close) = if is_output { ("{{", "}}") } else { ("{%", "%}") };
    let within = from.get(2..).unwrap_or_default();
    let mut quote = None;
    let end = within.char_indices().find(|(at, char)| match quote {
        Some(open) => {
            if *char == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(char, '\'' | '"') {
                quote = Some(*char);
            }
            within.get(*at..).is_some_and(|rest| rest.starts_with(close))
        }
    });
    let Some((end, _)) = end else { return Err(format!("a {open} has no {close}")) };
    if end > limits::TEMPLATE_CODE_BYTES {
        return Err(format!("what stands in {open} {close} may have at most {} bytes", limits::TEMPLATE_CODE_BYTES));
    }
    let (inner, behind) = within.split_at(end);
    let (inner, before) = inner.strip_prefix('-').map_or((inner, false), |inner| (inner, true));
    let (inner, after) = inner.strip_suffix('-').map_or((inner, false), |inner| (inner, true));
    let code = Code { inner, trims: (before, after) };
    Ok((code, tokens(inner)?, behind.get(2..).unwrap_or_default()))
}

fn tokens(mut rest: &str) -> Result<Vec<Token<'_>>, String> {
    /// Digits of a number: more would not be the number that was written.
    const DIGITS: usize = 15;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let length = |is_in: fn(char) -> bool| rest.find(|char| !is_in(char)).unwrap_or(rest.len());
        let (token, bytes) = match first {
            '\'' | '"' => {
                let text = rest.get(1..).and_then(|text| text.split_once(first)).map(|(text, _)| text);
                let text = text.ok_or("a text in it does not end")?;
                (Token::Text(text), text.len() + 2)
            }
            _ if first.is_ascii_alphabetic() || first == '_' => {
                let bytes = length(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'));
                (Token::Name(rest.get(..bytes).unwrap_or_default()), bytes)
            }
            _ if first.is_ascii_digit() => {
                let bytes = length(|char| char.is_ascii_digit());
                if bytes > DIGITS {
                    return Err(format!("a number may have at most {DIGITS} digits"));
                }
                (Token::Number(rest.get(..bytes).unwrap_or_default()), bytes)
            }
            _ => (Token::Sign(first), first.len_utf8()),
        };
        tokens.push(token);
        rest = rest.get(bytes..).unwrap_or_default();
    }
}

/// What a device can put in by itself: `event.name` or `event.properties.…`, with a default or without.
fn event_value(tokens: &[Token<'_>]) -> Option<EventValue> {
    let [Token::Name("event"), rest @ ..] = tokens else { return None };
    let mut value = EventValue::default();
    let mut rest = rest;
    while let [Token::Sign('.'), Token::Name(name), behind @ ..] = rest {
        value.path.push((*name).to_owned());
        rest = behind;
    }
    value.default = match rest {
        [] => String::new(),
        [Token::Sign('|'), Token::Name("default"), Token::Sign(':'), Token::Text(text) | Token::Number(text)] => {
            (*text).to_owned()
        }
        _ => return None,
    };
    let is_plain = match value.path.as_slice() {
        [name] => name == "name",
        [properties, ..] => properties == "properties",
        [] => false,
    };
    is_plain.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(text: &str, place: Place) -> String {
        Source::read(text, place).unwrap().compiled(None)
    }

    #[test]
    fn what_is_printed_is_escaped_for_its_place() {
        assert_eq!(compiled("Hi {{user.first_name}}!", Place::Text), "Hi {{ user.first_name | for_text }}!");
        assert_eq!(compiled("{{- now -}}", Place::Text), "{{- now | for_text -}}");
        assert_eq!(
            compiled("{{ custom.link }}?a={{ custom.a }}", Place::Url),
            "{{ custom.link | for_address }}?a={{ custom.a | for_url }}"
        );
        assert_eq!(
            compiled("{% if user.email %}{{ custom.link }}{% endif %}", Place::Url),
            "{% if user.email %}{{ custom.link | for_address }}{% endif %}"
        );
        assert_eq!(
            compiled("<b>{{ custom.a }}</b>{{ custom.b | raw }}{{ custom.c | raw | upcase }}", Place::Html),
            "<b>{{ custom.a | for_html }}</b>{{ custom.b | raw | for_text }}{{ custom.c | raw | upcase | for_html }}"
        );
        // What is captured is escaped once.
        assert_eq!(
            compiled("{% capture x %}{{ custom.a }}{% endcapture %}{{ x }}", Place::Html),
            "{% capture x %}{{ custom.a | for_text }}{% endcapture %}{{ x | for_html }}"
        );
    }

    #[test]
    fn texts_in_expressions_may_have_delimiters() {
        assert_eq!(compiled("{{ '}}' }}", Place::Text), "{{ '}}' | for_text }}");
        assert_eq!(compiled("{% abort_message('no %}') %}", Place::Text), "{% abort_message 'no %}' %}");
    }

    #[test]
    fn what_a_template_names_is_known() {
        let text = "{% assign plan = custom.plan | default: user.email %}{{ plan }}{{ custom['a b'].c }}{{ event.name }}\
                    {% for item in custom.basket limit:3 %}{{ item.name }}{{ forloop.index }}{% endfor %}";
        let Names { user, custom, any_custom, event, .. } = Source::read(text, Place::Text).unwrap().names;
        assert_eq!(user, BTreeSet::from(["email"]));
        assert_eq!(custom, ["plan", "a b", "basket"].map(ToOwned::to_owned).into());
        assert_eq!((any_custom, event), (false, true));
        assert!(Source::read("{{ custom[user.email] }}", Place::Text).unwrap().names.any_custom);
    }

    #[test]
    fn what_there_is_not_is_refused() {
        let long = format!("{{{{ '{}' }}}}", "x".repeat(limits::TEMPLATE_CODE_BYTES));
        let many = "{{ now }}".repeat(limits::TEMPLATE_TAGS + 1);
        for (text, wanted) in [
            ("{{ name }}", "there is no name; there are user"),
            ("{{ user.firstname }}", "there is no user.firstname"),
            ("{{ user }}", "user needs"),
            ("{{ event.price }}", "event.properties"),
            ("{{ campaign.segment }}", "campaign.id"),
            ("{% if plan == 'x' %}{% endif %}", "there is no plan"),
            ("{% for a in b %}{% endfor %}", "there is no b"),
            ("{{ user.email ", "has no }}"),
            ("{{ 'a }}", "has no }}"),
            ("{% %}", "no tag"),
            ("{{ 9999999999999999 }}", "15 digits"),
            (&long, "at most 512 bytes"),
            (&many, "at most 256 tags"),
        ] {
            let error = Source::read(text, Place::Text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn simple_things_of_the_event_are_left_to_the_device() {
        let mut values = Vec::new();
        let source = Source::read(
            "{{ event.properties.a.b | default: 'x' }} {{ event.name }} {{- event.properties.a.b | default: 'x' }}",
            Place::Text,
        )
        .unwrap();
        assert!(source.is_simple);
        assert_eq!(source.compiled(Some(&mut values)), "{% event_value 0 %} {% event_value 1 %} {%- event_value 0 %}");
        let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(values[0], EventValue { path: path(&["properties", "a", "b"]), default: "x".to_owned() });
        assert_eq!(values[1], EventValue { path: path(&["name"]), default: String::new() });
        for (text, place) in [
            ("{{ event.properties.a | upcase }}", Place::Text),
            ("{% if event.properties.a %}x{% endif %}", Place::Text),
            ("{% capture x %}{{ event.name }}{% endcapture %}", Place::Text),
            ("{{ event.properties['a'] }}", Place::Text),
            ("{{ custom.a | default: event.name }}", Place::Text),
            ("{{ event.properties.url }}", Place::Url),
        ] {
            let source = Source::read(text, place).unwrap();
            assert!(source.names.event && !source.is_simple, "{text}");
        }
    }
}

//! Messages in several languages, and which of them a user gets.

use std::sync::Arc;

use super::{
    content::{Button, Content, Style, html},
    language::{Direction, Language},
    read::{text, url},
};
use crate::{
    decode::{DecodeError, Fields, Path},
    limits,
    value::Value,
};

/// What a message says in other languages than its first: whole contents, so that choosing one is all that is left to do.
pub type Translations = Arc<[Content]>;

impl Content {
    /// What it says to somebody of this language: in exactly that one; or in a wider one, `de` for `de-AT`; or, if there is none, as it was
    /// written first. (The lookup of RFC 4647.)
    pub fn in_language(&self, language: Option<&str>) -> &Self {
        let mut tag = language.unwrap_or_default();
        while !tag.is_empty() {
            let all = std::iter::once(self).chain(&*self.translations);
            let mut of_tag = all.filter(|content| content.language.as_ref().is_some_and(|language| language.is(tag)));
            if let Some(content) = of_tag.next() {
                return content;
            }
            tag = tag.rsplit_once('-').map_or("", |(wider, _)| wider);
        }
        self
    }
}

/// Reads the translations of a message from its members. Each says only what is another text there.
pub(super) fn read_translations(fields: &Fields<'_>, content: &Content) -> Result<Translations, DecodeError> {
    let read = |value: &Value, path: &Path<'_>| {
        let members = value.as_object().filter(|members| members.len() <= limits::MESSAGE_LANGUAGES);
        let members = members.ok_or_else(|| path.expected("an object of at most 64 languages"))?;
        let mut translations: Vec<Content> = Vec::with_capacity(members.len());
        for (tag, value) in members {
            let path = Path::Member(path, tag);
            let is_new = |language: &Language| {
                let all = std::iter::once(content).chain(&translations);
                !all.flat_map(|content| &content.language).any(|other| other.is(language.as_str()))
            };
            let language =
                Language::parse(tag).ok_or_else(|| path.expected("the tag of a language, like de or pt-BR"))?;
            if !is_new(&language) {
                return Err(path.expected("a language that the message does not have already"));
            }
            translations.push(translate(content, language, value, &path)?);
        }
        Ok(translations.into())
    };
    Ok(fields.read("translations", read)?.unwrap_or_default())
}

fn translate(content: &Content, language: Language, value: &Value, path: &Path<'_>) -> Result<Content, DecodeError> {
    let fields = Fields::of(value, path)?;
    let of_style: &[&str] = match &content.style {
        Style::SlideUp { .. } | Style::Modal | Style::FullScreen => &["image_url", "image_alt", "buttons"],
        Style::Html { .. } => &["html"],
        Style::Survey(_) => &["image_url", "image_alt", "buttons"],
    };
    let of_survey: &[&str] = if let Style::Survey(survey) = &content.style { survey.translated_keys() } else { &[] };
    let keys = [&["header", "body", "close_label", "direction"], of_style, of_survey].concat();
    fields.only(&keys, "a text that the message has: header, body, close_label, buttons or another one of its type")?;

    let mut content = content.clone();
    // What the first language is read in says nothing of this one.
    content.direction = fields.read("direction", Direction::read)?;
    content.language = Some(language);
    if let Some(body) = text(&fields, "body")? {
        content.body = body;
    }
    for (place, key) in [
        (&mut content.header, "header"),
        (&mut content.image_alt, "image_alt"),
        (&mut content.close_label, "close_label"),
    ] {
        if let Some(text) = text(&fields, key)? {
            *place = Some(text);
        }
    }
    if let Some(url) = fields.read("image_url", url)? {
        content.image_url = Some(url);
    }
    texts(content.buttons.iter_mut().map(|Button { id, text, .. }| (id.as_str(), text)), &fields, "buttons")?;
    match &mut content.style {
        Style::SlideUp { .. } | Style::Modal | Style::FullScreen => {}
        Style::Html { html: page } => {
            if let Some(html) = html(&fields)? {
                *page = html;
            }
        }
        Style::Survey(survey) => survey.translate(&fields)?,
    }
    Ok(content)
}

/// Replaces texts that have ids by those of an object with these ids.
pub(super) fn texts<'a>(
    places: impl Iterator<Item = (&'a str, &'a mut String)>,
    fields: &Fields<'_>,
    key: &str,
) -> Result<(), DecodeError> {
    let mut places: Vec<_> = places.collect();
    let replace = |value: &Value, path: &Path<'_>| {
        let members = value.as_object().ok_or_else(|| path.expected("texts by id"))?;
        let fields = Fields::of(value, path)?;
        for id in members.keys() {
            let Some((_, place)) = places.iter_mut().find(|(known, _)| *known == id) else {
                return Err(Path::Member(path, id).expected("an id that the message has"));
            };
            if let Some(text) = text(&fields, id)? {
                **place = text;
            }
        }
        Ok(())
    };
    fields.read(key, replace).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Content, String> {
        Content::read(&serde_json::from_str(json).unwrap(), &Path::Definition).map_err(|error| error.to_string())
    }

    const MODAL: &str = r#"{"type":"modal","header":"Hi","body":"Look","language":"en",
        "buttons":[{"id":"go","text":"Go"},{"id":"no","text":"No"}],
        "translations":{
            "de":{"header":"Hallo","body":"Schau","buttons":{"go":"Los"},"close_label":"Schließen"},
            "de-CH":{"body":"Lueg"},
            "ar":{"body":"انظر"}}}"#;

    #[test]
    fn a_user_gets_the_exact_language_then_a_wider_one_then_the_first() {
        let content = read(MODAL).unwrap();
        for (language, body) in [
            (Some("de"), "Schau"),
            (Some("DE"), "Schau"),
            (Some("de-AT"), "Schau"),
            (Some("de-ch"), "Lueg"),
            (Some("de-CH-1996"), "Lueg"),
            (Some("ar-EG"), "انظر"),
            (Some("en-GB"), "Look"),
            (Some("fr"), "Look"),
            (Some("deu"), "Look"),
            (Some(""), "Look"),
            (None, "Look"),
        ] {
            assert_eq!(content.in_language(language).body, body, "{language:?}");
        }
    }

    #[test]
    fn a_translation_has_the_texts_that_it_gives_and_the_rest_of_the_message() {
        let content = read(MODAL).unwrap();
        let german = content.in_language(Some("de"));
        assert_eq!((german.header.as_deref(), german.close_label.as_deref()), (Some("Hallo"), Some("Schließen")));
        assert_eq!(german.buttons.iter().map(|b| b.text.as_str()).collect::<Vec<_>>(), ["Los", "No"]);
        assert_eq!(german.language, Language::parse("de"));
        // What goes to a device is one language, without the others.
        let wire = serde_json::to_string(german).unwrap();
        assert!(
            wire.contains(r#""language":"de""#) && !wire.contains("translations") && !wire.contains("Lueg"),
            "{wire}"
        );
    }

    #[test]
    fn what_a_type_has_can_be_translated_and_nothing_else() {
        let html = read(r#"{"type":"html","body":"B","html":"<p>B","translations":{"de":{"html":"<p>Bd"}}}"#).unwrap();
        assert_eq!(html.in_language(Some("de")).style, Style::Html { html: "<p>Bd".to_owned() });
        let survey = r#"{"type":"survey","body":"B","submit":"Send","answer":{"event":"e"},
            "question":{"type":"choice","options":[{"id":"a","text":"A"},{"id":"b","text":"B"}]},
            "translations":{"de":{"submit":"Senden","options":{"b":"Be"}}}}"#;
        let content = read(survey).unwrap();
        let Style::Survey(german) = &content.in_language(Some("de")).style else { panic!("a survey") };
        assert_eq!(german.submit, "Senden");
        for (from, to, wanted) in [
            ("\"submit\":\"Senden\"", "\"low\":\"x\"", "$.translations.de.low: expected a text"),
            ("\"b\":\"Be\"", "\"c\":\"Ce\"", "$.translations.de.options.c: expected an id"),
            ("\"b\":\"Be\"", "\"b\":1", "$.translations.de.options.b: expected a string"),
            ("\"de\":", "\"german\":", "$.translations.german: expected the tag"),
        ] {
            let error = read(&survey.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(wanted), "{to}: {error}");
        }
        let twice = read(&MODAL.replacen("\"ar\"", "\"EN\"", 1)).unwrap_err();
        assert!(twice.contains("$.translations.EN: expected a language that the message does not have"), "{twice}");
    }
}

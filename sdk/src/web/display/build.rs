//! Building a message's elements. Everything is made with the DOM's own methods: no markup is parsed, so no text of a message
//! can become code; and no inline style is used, so that a strict Content-Security-Policy is content.

use js_sys::Array;
use kindling_core::message::{Content, SlideFrom, Style};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{CssStyleSheet, Document, Element, Event, HtmlElement, ShadowRootInit, ShadowRootMode, window};

type Listener = Closure<dyn FnMut(Event)>;

/// Makes the message and puts it on the page. Returns the element that holds it. `None` if the page has no body.
pub(super) fn message(
    content: &Content,
    z_index: i32,
    dismissed: &Listener,
    clicked: &Listener,
    buttons: &[Listener],
) -> Option<Element> {
    let document = window()?.document()?;
    let host: HtmlElement = document.create_element("kindling-message").ok()?.unchecked_into();
    let root = host.attach_shadow(&ShadowRootInit::new(ShadowRootMode::Open)).ok()?;
    let styles = CssStyleSheet::new().ok()?;
    styles.replace_sync(include_str!("message.css")).ok()?;
    root.set_adopted_style_sheets(&Array::of1(&styles));
    let _ = host.style().set_property("--kindling-z-index", &z_index.to_string());

    let (tag, class) = match content.style {
        Style::SlideUp { slide_from: SlideFrom::Top } => ("section", "slide-up top"),
        Style::SlideUp { slide_from: SlideFrom::Bottom } => ("section", "slide-up bottom"),
        Style::Modal => ("dialog", "modal"),
    };
    let frame = element(&document, tag, class)?;
    let label = content.header.as_ref().unwrap_or(&content.body);
    let _ = frame.set_attribute("aria-label", label);
    if matches!(content.style, Style::SlideUp { .. }) {
        // Read out when it appears, without taking the focus.
        let _ = frame.set_attribute("role", "status");
    }
    let card = element(&document, "div", "card")?;
    frame.append_child(&card).ok()?;
    if let Some(url) = &content.image_url {
        let image = element(&document, "img", "")?;
        let _ = image.set_attribute("src", url.as_str());
        let _ = image.set_attribute("alt", content.image_alt.as_deref().unwrap_or(""));
        card.append_child(&image).ok()?;
    }
    let text = element(&document, "div", "text")?;
    if let Some(header) = &content.header {
        text.append_child(&with_text(element(&document, "h2", "")?, header)).ok()?;
    }
    text.append_child(&with_text(element(&document, "p", "")?, &content.body)).ok()?;
    card.append_child(&text).ok()?;
    if !content.click_action.is_none() {
        let _ = card.class_list().add_1("clickable");
        listen(&card, "click", clicked);
    }
    if !buttons.is_empty() {
        let row = element(&document, "div", "buttons")?;
        for (button, listener) in content.buttons.iter().zip(buttons) {
            let element = with_text(element(&document, "button", "action")?, &button.text);
            listen(&element, "click", listener);
            row.append_child(&element).ok()?;
        }
        text.append_child(&row).ok()?;
    }
    let close = element(&document, "button", "close")?;
    let _ = close.set_attribute("aria-label", "Close");
    let close = with_text(close, "\u{d7}");
    listen(&close, "click", dismissed);
    frame.append_child(&close).ok()?;
    // The Escape key closes a dialog by itself; that is a dismissal.
    listen(&frame, "close", dismissed);
    root.append_child(&frame).ok()?;
    document.body()?.append_child(&host).ok()?;
    Some(host.into())
}

fn element(document: &Document, tag: &str, class: &str) -> Option<Element> {
    let element = document.create_element(tag).ok()?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    Some(element)
}

fn with_text(element: Element, text: &str) -> Element {
    element.set_text_content(Some(text));
    element
}

fn listen(element: &Element, event: &str, listener: &Listener) {
    let listener: &JsValue = listener.as_ref();
    let _ = element.add_event_listener_with_callback(event, listener.unchecked_ref());
}

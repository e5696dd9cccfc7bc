//! Messages of every type as they are drawn: on a desk and on phones, light and dark, in both directions of writing, for those who see
//! them and for those who don't.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    browser::Browser,
    emulation::{DESK, PHONE, SMALL_PHONE},
    programs,
    site::Pages,
};
use serde_json::{Value, json};

const PICTURE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1200 560\" width=\"1200\" height=\"560\">\
    <rect width=\"1200\" height=\"560\" fill=\"#234\"/></svg>";

/// A message of each type, with everything that it may have.
fn messages() -> Vec<(&'static str, Value)> {
    let buttons = json!([
        {"id": "go", "text": "Have a look", "click_action": {"type": "open_url", "url": "#go"}},
        {"id": "no", "text": "Not this time"},
    ]);
    let body = "The dipped tapers are back, in moss and in cream. Members see them before everybody else.";
    let survey = |question: Value| {
        json!({
            "type": "survey", "header": "How did you hear of us?", "body": "One tap helps a small shop.",
            "question": question, "answer": {"event": "answered"}, "submit": "Send", "thanks": "Thank you, that helps.",
            "buttons": [{"id": "later", "text": "Not now"}],
        })
    };
    let options = json!([{"id": "a", "text": "From friends"}, {"id": "b", "text": "At a market"}]);
    let html =
        "<!doctype html><html lang=en><title>Spin</title><style>body{background:#222;color:#fff;padding:40px}</style>
        <h1>Spin</h1><button onclick=\"kindling.logClick('spin')\">Go</button></html>";
    vec![
        (
            "slide-up",
            json!({"type": "slide_up", "header": "Shipping is on us", "body": body, "image_url": "/picture.svg",
                "image_alt": "A parcel", "click_action": {"type": "close"}}),
        ),
        ("slide-up with buttons", json!({"type": "slide_up", "slide_from": "top", "body": body, "buttons": buttons})),
        (
            "modal",
            json!({"type": "modal", "header": "Candles for longer evenings", "body": body, "image_url": "/picture.svg",
                "image_alt": "A candle", "buttons": buttons}),
        ),
        ("modal without a header", json!({"type": "modal", "body": body, "buttons": buttons})),
        (
            "modal with colours",
            json!({"type": "modal", "header": "Moss week", "body": body, "buttons": [
                    {"id": "go", "text": "Greens"},
                    {"id": "no", "text": "No", "style": {"light": {"background": "#2c4f3e", "text": "#f2f7ef"}}},
                ],
                "theme": {"light": {"surface": "#1f3a2d", "text": "#f2f7ef", "muted": "#c4d4c6", "accent": "#f2c14e", "on_accent": "#1f2a1f"}}}),
        ),
        (
            "full screen",
            json!({"type": "full_screen", "header": "The winter workshop", "body": body, "image_url": "/picture.svg",
                "image_alt": "Hands", "buttons": buttons}),
        ),
        ("choice", survey(json!({"type": "choice", "options": options}))),
        ("rating", survey(json!({"type": "rating", "from": 0, "to": 10, "low": "Not at all", "high": "Gladly"}))),
        ("text", survey(json!({"type": "text", "placeholder": "Say it"}))),
        ("html", json!({"type": "html", "body": "Spin the wheel", "html": html})),
        (
            "right to left",
            json!({"type": "modal", "language": "ar", "header": "شموع لأمسيات أطول", "body": "عادت الشموع المغموسة يدويا.",
                "close_label": "إغلاق", "buttons": [{"id": "go", "text": "ألق نظرة"}]}),
        ),
    ]
}

/// A page that has the package and axe, and starts nothing.
async fn page() -> (Pages, Browser) {
    let pages = Pages::serve(None).await;
    pages.copy(&programs::bundlers().join("node_modules/axe-core/axe.min.js"));
    pages.write("picture.svg", PICTURE);
    let script = "
        window.axeLoaded = new Promise((resolve) => {
          const script = document.createElement('script');
          script.src = './axe.min.js';
          script.onload = resolve;
          document.head.append(script);
        });
        window.preview = async (message, options) => {
          const events = (window.events = []);
          let displayed;
          const done = new Promise((resolve) => (displayed = resolve));
          const onEvent = (event) => (event.type === 'displayed' ? displayed() : events.push(event));
          window.shown = await kindling.previewInAppMessage(message, { ...options, onEvent });
          await done;
          const frame = document.querySelector('kindling-message').shadowRoot.querySelector('iframe');
          while (frame && !frame.style.blockSize) await new Promise((resolve) => setTimeout(resolve, 10));
        };";
    pages.write_page("page", script);
    let browser = Browser::open().await;
    (pages, browser)
}

/// What axe finds wrong with the message that is shown.
const BARRIERS: &str = "
    await window.axeLoaded;
    const { violations, passes } = await axe.run('kindling-message', { iframes: false });
    if (!passes.some(({ id }) => id === 'button-name')) return ['axe has not looked into it'];
    return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)]);";

/// Where the message lies, and what lies outside of it or is too small for a thumb.
const GEOMETRY: &str = "
    const root = document.querySelector('kindling-message').shadowRoot;
    const box = root.querySelector('.frame').getBoundingClientRect();
    const wrong = [];
    if (box.left < 0 || box.top < 0 || box.right > innerWidth + .5 || box.bottom > innerHeight + .5) {
      wrong.push(`it lies outside: ${JSON.stringify(box)}`);
    }
    if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page scrolls sideways');
    for (const element of root.querySelectorAll('.close, .action, .option, .number')) {
      const { width, height } = element.getBoundingClientRect();
      if (width < 44 || height < 44) wrong.push(`${element.className} is ${width} x ${height}`);
    }
    for (const element of root.querySelectorAll('.card, h2, p')) {
      if (element.scrollWidth > element.clientWidth) wrong.push(`${element.className} is too wide for itself`);
    }
    return wrong;";

#[tokio::test]
async fn no_type_has_barriers_and_all_fit_every_screen() {
    let (pages, browser) = page().await;
    for (screen, scheme) in [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark"), (SMALL_PHONE, "light")]
    {
        browser.emulate(screen, scheme).await;
        browser.goto(&pages.page("page")).await;
        assert_eq!(browser.run("return innerWidth").await, screen.width);
        for (name, message) in messages() {
            let at = format!("{name} at {screen:?}, {scheme}");
            browser.run_with("await window.preview(argument)", message).await;
            assert_eq!(browser.run(GEOMETRY).await, json!([]), "{at}");
            assert_eq!(browser.run(BARRIERS).await, json!([]), "{at}");
        }
    }
}

#[tokio::test]
async fn a_preview_records_nothing_and_tells_what_would_happen() {
    let (pages, browser) = page().await;
    browser.goto(&pages.page("page")).await;
    let message = json!({"type": "modal", "body": "B", "header": "H", "language": "en",
        "buttons": [{"id": "go", "text": "Go", "click_action": {"type": "all", "of": [
            {"type": "log_event", "name": "liked"}, {"type": "open_url", "url": "/away"}, {"type": "request_push"}]}}],
        "translations": {"he": {"body": "גוף", "buttons": {"go": "לך"}}}});
    browser.run_with("await window.preview(argument, { language: 'he' })", message).await;
    let script = "
        const root = document.querySelector('kindling-message').shadowRoot;
        const frame = root.querySelector('dialog');
        const result = [frame.dir, frame.lang, root.querySelector('p').textContent, root.querySelector('.action').textContent];
        root.querySelector('.action').click();
        return [...result, window.events.map(({ type }) => type), location.pathname, document.querySelector('kindling-message'),
          Object.keys(localStorage)];";
    let events = ["message_impression", "message_click", "custom_event", "open_url", "request_push"];
    assert_eq!(
        browser.run(script).await,
        json!(["rtl", "he", "גוף", "לך", events, "/page.html", null, []]),
        "it is told, and nothing more"
    );
    assert_eq!(browser.run("return (await kindling.previewInAppMessage(null)) ?? null").await, Value::Null);
}

#[tokio::test]
async fn colours_follow_the_system_unless_the_site_says_otherwise() {
    let (pages, browser) = page().await;
    browser.emulate(DESK, "light").await;
    browser.goto(&pages.page("page")).await;
    let message = json!({"type": "modal", "body": "B", "theme": {"dark": {"surface": "#000000"}}});
    let surface = "return getComputedStyle(document.querySelector('kindling-message').shadowRoot.querySelector('dialog')).backgroundColor";
    browser.run("document.documentElement.style.setProperty('--kindling-surface', 'rgb(1, 2, 3)')").await;
    browser.run_with("await window.preview(argument)", message.clone()).await;
    assert_eq!(browser.run(surface).await, "rgb(1, 2, 3)", "the site's");
    browser.emulate(DESK, "dark").await;
    browser.until("the message's own", &format!("{surface} === 'rgb(0, 0, 0)'")).await;
    browser.run_with("await window.preview(argument, { colorScheme: 'light' })", message).await;
    assert_eq!(browser.run(surface).await, "rgb(1, 2, 3)");
}

#[tokio::test]
async fn what_can_be_pressed_is_seen_where_the_system_forces_its_colours() {
    let (pages, browser) = page().await;
    browser.force_colors().await;
    browser.goto(&pages.page("page")).await;
    let message = json!({"type": "modal", "body": "B", "buttons": [{"id": "go", "text": "Go"}]});
    browser.run_with("await window.preview(argument, { colorScheme: 'light' })", message).await;
    // What a shape is painted with, and what is written beside it. A background would be that of the page.
    let colors = "
        const root = document.querySelector('kindling-message').shadowRoot;
        const cross = getComputedStyle(root.querySelector('.close'), '::after');
        const text = getComputedStyle(root.querySelector('p')).color;
        return [cross.borderTopColor === text, cross.borderTopWidth, getComputedStyle(root.querySelector('.action')).borderTopStyle];";
    assert_eq!(browser.run(colors).await, json!([true, "36px", "solid"]));
}

#[tokio::test]
async fn right_to_left_is_mirrored_and_keyboards_go_round() {
    let (pages, browser) = page().await;
    browser.emulate(PHONE, "light").await;
    browser.goto(&pages.page("page")).await;
    let (_, message) = messages().pop().unwrap();
    browser.run_with("await window.preview(argument)", message).await;
    let script = "
        const root = document.querySelector('kindling-message').shadowRoot;
        const { left, right } = root.querySelector('.close').getBoundingClientRect();
        return [left + right < innerWidth, root.querySelector('.close').getAttribute('aria-label'), root.querySelector('dialog').lang];";
    assert_eq!(browser.run(script).await, json!([true, "إغلاق", "ar"]));

    let active = "return document.activeElement.shadowRoot?.activeElement?.className ?? document.activeElement.tagName";
    let mut seen = Vec::new();
    for shift in [false, false, false, true, true, true] {
        browser.key("Tab", shift).await;
        seen.push(browser.run(active).await.as_str().unwrap().to_owned());
    }
    assert_eq!(seen, ["action", "close", "action", "close", "action", "close"]);
}

#[tokio::test]
async fn an_image_that_does_not_come_is_left_out() {
    let (pages, browser) = page().await;
    browser.goto(&pages.page("page")).await;
    for (url, images) in [("/picture.svg", 1), ("/none.png", 0)] {
        let message = json!({"type": "modal", "body": "B", "image_url": url, "image_alt": "A"});
        browser.run_with("await window.preview(argument)", message).await;
        let script = "const images = document.querySelector('kindling-message').shadowRoot.querySelectorAll('img');
            return [...images].filter((image) => image.complete && image.naturalWidth > 0).length";
        assert_eq!(browser.run(script).await, images, "{url}");
    }
}

#[tokio::test]
async fn a_finger_puts_a_note_away() {
    let (pages, browser) = page().await;
    browser.emulate(PHONE, "light").await;
    browser.goto(&pages.page("page")).await;
    let gone = "return document.querySelector('kindling-message') === null";
    for (edge, far) in [("bottom", 1), ("top", -1)] {
        let note = json!({"type": "slide_up", "slide_from": edge, "header": "H", "body": "B", "click_action": {"type": "close"}});
        browser.run_with("await window.preview(argument)", note).await;
        let middle = "const { top, bottom } = document.querySelector('kindling-message').shadowRoot.querySelector('.frame').getBoundingClientRect();
            return Math.round((top + bottom) / 2)";
        let y = browser.run(middle).await.as_i64().unwrap();
        // A little way, or the wrong way, and it goes back.
        for way in [20 * far, -80 * far] {
            browser.swipe((150, y), (150, y + way)).await;
            assert_eq!(browser.run(gone).await, false, "{way} from the {edge}");
            assert_eq!(browser.run(middle).await, y, "{way} from the {edge}");
        }
        browser.swipe((150, y), (150, y + 44 * far)).await;
        browser.until("the end of the note", gone).await;
        let events = browser.run("return window.events.map(({ type }) => type)").await;
        assert_eq!(events, json!(["message_impression", "message_dismissal", "dismissed"]), "it is no click");
    }
}

//! What templates come to, from a definition to what a user gets.

use std::time::{Duration as Elapsed, Instant};

use kindling_core::{
    decode::Path,
    ids::{CampaignId, ExternalId, Seq},
    limits,
    message::{ClickAction, Content, EventValue, Render, Style},
    profile::{Origin, Profile, Stamp},
    protocol::{AttributeChange, Record, RecordKind},
    time::Timestamp,
    value::Value,
};
use proptest::prelude::*;

use super::{Event, MessageTemplate, NotRendered, Rendered, Subject};

/// Wednesday, 25 November 2026, 23:30:05 UTC.
const NOW: Timestamp = Timestamp::from_ms(1_795_649_405_678);

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Ada, of whom something is known.
fn ada() -> Profile {
    let mut profile = Profile::new(NOW);
    let known = [
        r#"{"type":"attribute","name":"first_name","value":"Ada"}"#,
        r#"{"type":"attribute","name":"time_zone","value":"Europe/Vienna"}"#,
        r#"{"type":"attribute","name":"date_of_birth","value":"1815-12-10"}"#,
        r#"{"type":"custom_attribute","name":"plan","op":"set","value":"<b>\"gold\" & more</b>"}"#,
        r#"{"type":"custom_attribute","name":"points","op":"set","value":12.5}"#,
        r#"{"type":"custom_attribute","name":"visits","op":"set","value":18}"#,
        r#"{"type":"custom_attribute","name":"vip","op":"set","value":true}"#,
        r#"{"type":"custom_attribute","name":"since","op":"set","value":{"$time":1763917561000}}"#,
        r#"{"type":"custom_attribute","name":"tags","op":"set","value":["b","a","b"]}"#,
        r#"{"type":"custom_attribute","name":"basket","op":"set","value":[{"name":"Mug","colour":"L"},{"name":"Axe"}]}"#,
        r#"{"type":"custom_attribute","name":"address","op":"set","value":{"city":"Wien","geo":{"lat":48}}}"#,
        r#"{"type":"custom_attribute","name":"link","op":"set","value":"https://shop.example/a b?x=ü&y=%20"}"#,
        r#"{"type":"custom_attribute","name":"evil","op":"set","value":"javascript:alert(1)"}"#,
    ];
    for (seq, record) in (1..).zip(known) {
        let record: Record = serde_json::from_str(&format!("{{\"seq\":1,\"at\":5,{}", &record[1..])).unwrap();
        profile.apply(&record.kind, Stamp { origin: Origin::Identified, at: NOW, seq: Seq(seq) }).unwrap();
    }
    profile
}

fn with_ada<T>(of: impl FnOnce(&Subject<'_>) -> T) -> T {
    let (profile, id) = (ada(), ExternalId::parse("ada-1").unwrap());
    let campaign = CampaignId::parse("hello").unwrap();
    of(&Subject {
        profile: &profile,
        external_id: Some(&id),
        language: Some("de-AT"),
        campaign: (&campaign, "Say hello"),
        now: NOW,
    })
}

fn read(message: &str) -> Result<(Content, Option<MessageTemplate>), String> {
    MessageTemplate::read(&json(message), &Path::Member(&Path::Definition, "message"))
        .map_err(|error| error.to_string())
}

fn template(message: &str) -> MessageTemplate {
    read(message).unwrap().1.unwrap()
}

fn rendered(message: &str) -> Result<Rendered, NotRendered> {
    with_ada(|ada| template(message).render(ada)).map(Option::unwrap)
}

/// What a template as the text of a message comes to.
fn body(text: &str) -> Result<String, NotRendered> {
    let message = serde_json::json!({"type": "modal", "body": text}).to_string();
    rendered(&message).map(|rendered| rendered.content.body)
}

fn failed(text: &str) -> String {
    match body(text) {
        Err(NotRendered::Failed { error }) => error,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_message_without_templates_is_only_read() {
    let (content, template) = read(r#"{"type":"modal","body":"{ Hello }"}"#).unwrap();
    assert_eq!((content.body.as_str(), template), ("{ Hello }", None));
}

#[test]
fn variables_are_what_is_known() {
    for (text, wanted) in [
        ("Hi {{ user.first_name | default: 'friend' }}!", "Hi Ada!"),
        ("Hi {{ user.last_name | default: 'friend' }}!", "Hi friend!"),
        ("{{ user.external_id }} {{ campaign.id }} {{ campaign.name }}", "ada-1 hello Say hello"),
        ("{{ custom.plan }}", "<b>\"gold\" & more</b>"),
        ("{{ custom.points }} {{ custom.visits }} {{ custom.vip }}", "12.5 18 true"),
        ("{{ custom.address.city }}, {{ custom['address'].geo.lat }}", "Wien, 48"),
        ("[{{ custom.nothing }}][{{ custom.address.street.number }}][{{ custom.plan.x }}]", "[][][]"),
        ("{% assign key = 'plan' %}{{ custom[key] | size }}", "20"),
        ("{% if custom.nothing == nil and custom.vip %}yes{% else %}no{% endif %}", "yes"),
        ("{% if custom.address.street contains 'x' %}yes{% else %}no{% endif %}", "no"),
        ("{% assign none = custom.nothing %}{% if none contains 'x' or none %}yes{% else %}no{% endif %}", "no"),
        ("{{ custom.nothing | size }}{{ custom.nothing | upcase }}{{ custom.nothing | join: ',' }}", "0"),
        ("{% unless custom.visits > 20 %}few{% endunless %}", "few"),
        ("{% case custom.visits %}{% when 18 %}a{% else %}b{% endcase %}", "a"),
        ("{%- assign all = custom.tags | uniq | sort | join: '+' -%}  {{ all }}", "a+b"),
        ("{% capture x %}{{ user.first_name }}!{% endcapture %}{{ x | upcase }}", "ADA!"),
        ("{% comment %}{{ user.first_name }}{% endcomment %}x", "x"),
        ("{{ '{{' }}", "{{"),
    ] {
        assert_eq!(body(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn lists_are_gone_over() {
    for (text, wanted) in [
        (
            "{% for item in custom.basket %}{{ item.name }} ({{ item.colour | default: 'M' }}){% unless forloop.last %}, {% endunless %}{% endfor %}",
            "Mug (L), Axe (M)",
        ),
        ("{% for n in (1..5) offset:1 limit:3 reversed %}{{ n }}{% endfor %}", "432"),
        (
            "{% for n in (1..9) %}{% if n == 2 %}{% continue %}{% endif %}{% if n == 4 %}{% break %}{% endif %}{{ n }}{% endfor %}",
            "13",
        ),
        ("{% for n in custom.nothing %}{{ n }}{% else %}none{% endfor %}", "none"),
        ("{% for pair in custom.address.geo %}{{ pair[0] }}={{ pair[1] }}{% endfor %}", "lat=48"),
        (
            "{% for a in custom.tags %}{% for b in custom.tags %}{{ forloop.index }}{% endfor %};{% endfor %}",
            "123;123;123;",
        ),
    ] {
        assert_eq!(body(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn texts_are_changed_by_filters() {
    for (text, wanted) in [
        ("'a' | append: 'b' | prepend: 'c'", "cab"),
        ("'a-b-a' | replace: 'a', 'xy' | remove: '-'", "xybxy"),
        ("'a-b-a' | replace_first: 'a', 'x' | remove_first: '-'", "xb-a"),
        ("' a b ' | strip | split: ' ' | last | capitalize", "B"),
        ("'Hello World' | truncate: 8", "Hello..."),
        ("'one two three' | truncatewords: 2", "one two..."),
        ("'hello' | slice: 1, 3 | upcase", "ELL"),
        ("custom.visits | plus: 2 | times: 3 | minus: 1 | divided_by: 2", "29"),
        ("custom.points | ceil | modulo: 5", "3"),
        ("custom.points | round | at_most: 5 | at_least: 2 | abs", "5"),
        ("custom.tags | reverse | first", "b"),
        ("custom.basket | map: 'name' | join", "Mug Axe"),
        ("custom.basket | where: 'colour', 'L' | size", "1"),
        ("'a b&c' | url_encode", "a%20b%26c"),
        ("'<i>' | escape | strip_html", "&lt;i&gt;"),
        ("'x' | default: 'y' | raw", "x"),
    ] {
        assert_eq!(body(&format!("{{{{ {text} }}}}")).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn dates_are_written_in_a_form_and_a_zone() {
    for (text, wanted) in [
        ("now", "2026-11-25T23:30:05Z"),
        ("now | date: '%A, %-d %B %Y, %H:%M'", "Wednesday, 25 November 2026, 23:30"),
        ("'now' | time_zone: user.time_zone | date: '%d.%m. %H:%M'", "26.11. 00:30"),
        ("'now' | time_zone: 'Nowhere/Land' | date: '%H:%M'", "23:30"),
        ("custom.since | date: '%Y-%m-%d'", "2025-11-23"),
        ("1763917561000 | date: '%Y'", "2025"),
        ("1763917561 | date: '%Y'", "2025"),
        ("user.date_of_birth | date: '%-d %b'", "10 Dec"),
        ("'2026-12-24T18:00:00+01:00' | date: '%H:%M'", "18:00"),
        ("'no time' | date: '%H:%M'", "no time"),
    ] {
        assert_eq!(body(&format!("{{{{ {text} }}}}")).as_deref(), Ok(wanted), "{text}");
    }
    assert_eq!(body("{% if custom.since < now %}past{% endif %}").as_deref(), Ok("past"));
    assert!(failed("{{ now | date: '%!' }}").contains("the form of a date"));
    for (text, names) in [("{{ now }}", true), ("{{ 'now' | date: '%H' }}", true), ("{{ user.email }}", false)] {
        let message = serde_json::json!({"type": "modal", "body": text}).to_string();
        assert_eq!(template(&message).names_now(), names, "{text}");
    }
}

#[test]
fn an_address_stays_one_whatever_is_put_in() {
    let url = |text: &str| {
        let action = serde_json::json!({"type": "open_url", "url": text});
        let message = serde_json::json!({"type": "modal", "body": "b", "click_action": action}).to_string();
        rendered(&message).map(|rendered| match rendered.content.click_action {
            ClickAction::OpenUrl { url, .. } => url.as_str().to_owned(),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(url("/plans?of={{ custom.plan }}").unwrap(), "/plans?of=%3Cb%3E%22gold%22%20%26%20more%3C%2Fb%3E");
    assert_eq!(url("{{ custom.link }}").unwrap(), "https://shop.example/a%20b?x=%C3%BC&y=%20");
    assert_eq!(url("{{ custom.link }}&to={{ custom.link }}").unwrap().matches("https:").count(), 1);
    // As a part of an address it can't become a scheme.
    assert_eq!(url("/{{ custom.evil }}").unwrap(), "/javascript%3Aalert%281%29");
    for bad in ["{{ custom.evil }}", "{{ custom.nothing }}", "java{{ 'script' }}:alert(1)"] {
        assert!(matches!(url(bad), Err(NotRendered::Failed { error }) if error.contains("url")), "{bad}");
    }
}

#[test]
fn a_message_says_itself_that_it_is_not_to_be_sent() {
    let text = "{% if custom.vip %}{% abort_message 'not for vips' %}{% endif %}x";
    assert_eq!(body(text), Err(NotRendered::Aborted { because: "not for vips".to_owned() }));
    assert_eq!(body("{% abort_message('no') %}"), Err(NotRendered::Aborted { because: "no".to_owned() }));
    assert_eq!(body("{% abort_message %}"), Err(NotRendered::Aborted { because: String::new() }));
    assert_eq!(body("{% unless custom.vip %}{% abort_message 'x' %}{% endunless %}y").as_deref(), Ok("y"));
}

#[test]
fn what_is_wrong_is_found_when_it_is_written() {
    for (message, wanted) in [
        (
            r#"{"type":"modal","body":"{{ user.firstname }}"}"#,
            "$.message.body: expected a template: there is no user.firstname",
        ),
        (r#"{"type":"modal","body":"{{ user.email | shout }}"}"#, "$.message.body: expected a template: "),
        (r#"{"type":"modal","body":"{% if user.email %}x"}"#, "$.message.body: expected a template: "),
        (r#"{"type":"modal","body":"{% include 'x' %}"}"#, "$.message.body: expected a template: "),
        (r#"{"type":"modal","body":"{% render 'x' %}"}"#, "$.message.body: expected a template: "),
        (r#"{"type":"{{ user.email }}","body":"b"}"#, "$.message.type: expected a text without templates"),
        (
            r#"{"type":"modal","body":"b","buttons":[{"id":"{{ user.email }}","text":"t"}]}"#,
            "$.message.buttons[0].id: expected a text without templates",
        ),
        (
            r#"{"type":"modal","body":"b","buttons":[{"id":"a","text":"{{ x }}"}]}"#,
            "$.message.buttons[0].text: expected a template: there is no x",
        ),
        (
            r#"{"type":"modal","body":"b","extras":{"k":"{{"}}"#,
            "$.message.extras.k: expected a template: a {{ has no }}",
        ),
        (r#"{"type":"modal","body":"{{ now }}","heading":"x"}"#, "$.message.heading: expected what"),
        (r#"{"type":"modal","header":"{{ now }}"}"#, "$.message.body: expected the text"),
    ] {
        let error = read(message).unwrap_err();
        assert!(error.contains(wanted), "{message}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn every_part_that_is_shown_can_be_a_template() {
    let message = r#"{"type":"slide_up","header":"{{ user.first_name }}","body":"{{ custom.visits }}",
        "image_url":"/i/{{ custom.visits }}.png","image_alt":"{{ user.first_name }}",
        "click_action":{"type":"open_url","url":"/{{ user.first_name }}"},
        "buttons":[{"id":"go","text":"{{ user.first_name }}","click_action":{"type":"open_url","url":"/b/{{ user.first_name }}"}}],
        "extras":{"k":"{{ user.first_name }}"}}"#;
    let content = rendered(message).unwrap().content;
    let wanted = r#"{"type":"slide_up","slide_from":"bottom","header":"Ada","body":"18","image_url":"/i/18.png","image_alt":"Ada","click_action":{"type":"open_url","url":"/Ada","new_tab":false},"buttons":[{"id":"go","text":"Ada","click_action":{"type":"open_url","url":"/b/Ada","new_tab":false}}],"extras":{"k":"Ada"}}"#;
    assert_eq!(serde_json::to_string(&content).unwrap(), wanted);
}

#[test]
fn of_several_languages_only_the_users_is_rendered() {
    let message = |german: &str| {
        serde_json::json!({
            "type": "modal", "language": "en", "body": "Hi {{ user.first_name }}", "header": "{{ custom.visits }}",
            "buttons": [{"id": "go", "text": "Go, {{ user.first_name }}"}],
            "translations": {
                "de": {"body": german, "buttons": {"go": "Los, {{ user.first_name }}"}},
                "fr": {"body": "{% abort_message 'not in French' %}"},
            },
        })
        .to_string()
    };
    let content = rendered(&message("Servus {{ user.first_name }}")).unwrap().content;
    let said = (content.header.as_deref(), content.body.as_str(), content.buttons[0].text.as_str());
    assert_eq!(said, (Some("18"), "Servus Ada", "Los, Ada"));
    assert!(content.translations.is_empty() || content.language.is_some_and(|language| language.is("de")));
    let error = read(&message("{{ name }}")).unwrap_err();
    assert!(error.contains("$.message.translations.de.body: expected a template"), "{error}");
}

#[test]
fn markup_is_longer_and_escaped() {
    let html =
        "<p title=\"{{ custom.plan }}\">{{ custom.plan }}</p>{{ custom.plan | raw }}".to_owned() + &"x".repeat(5_000);
    let message = serde_json::json!({"type": "html", "body": "b", "html": html}).to_string();
    let json = serde_json::to_string(&rendered(&message).unwrap().content).unwrap();
    let escaped = "&lt;b&gt;&quot;gold&quot; &amp; more&lt;/b&gt;";
    let wanted = format!("<p title=\\\"{escaped}\\\">{escaped}</p><b>\\\"gold\\\" & more</b>xxx");
    assert!(json.contains(&wanted), "{json}");
}

#[test]
fn what_a_click_does_can_be_templates_too() {
    let message = r#"{"type":"modal","body":"b","click_action":{"type":"all","of":[
        {"type":"log_event","name":"liked","properties":{"by":"{{ user.first_name }}"}},
        {"type":"open_url","url":"/{{ user.first_name }}"}]}}"#;
    let json = serde_json::to_string(&rendered(message).unwrap().content).unwrap();
    assert!(json.contains(r#""by":"Ada""#) && json.contains(r#""url":"/Ada""#), "{json}");
    let name = r#"{"type":"modal","body":"b","click_action":{"type":"log_event","name":"{{ user.first_name }}"}}"#;
    assert!(read(name).unwrap_err().contains("$.message.click_action.name: expected a text without templates"));
}

#[test]
fn what_the_event_says_is_left_to_the_device_where_it_is_simple() {
    let message = r#"{"type":"modal","header":"{{ user.first_name }}, {{ event.properties.product | default: 'it' }}",
        "body":"{{ event.name }}: {{ event.properties.product | default: 'it' }}",
        "click_action":{"type":"open_url","url":"/p?of={{ event.properties.product | default: 'it' }}"}}"#;
    let Rendered { content, render } = rendered(message).unwrap();
    assert_eq!(content.header.as_deref(), Some("Ada, \u{e000}1\u{e001}"));
    assert_eq!(content.body, "\u{e000}0\u{e001}: \u{e000}1\u{e001}");
    let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let product = EventValue { path: path(&["properties", "product"]), default: "it".to_owned() };
    let name = EventValue { path: path(&["name"]), default: String::new() };
    assert_eq!(render, Some(Render::Device(vec![name, product])));
    assert_eq!(
        serde_json::to_string(&render).unwrap(),
        r#"{"device":[{"path":["name"]},{"path":["properties","product"],"default":"it"}]}"#
    );
    // The server can do it too.
    let properties = json(r#"{"product":"Mug & co"}"#);
    let event = Event { name: "added", properties: properties.as_object() };
    let content = with_ada(|ada| template(message).render_with(ada, event)).unwrap();
    assert_eq!((content.header.as_deref(), content.body.as_str()), (Some("Ada, Mug & co"), "added: Mug & co"));
    assert!(matches!(content.click_action, ClickAction::OpenUrl { url, .. } if url.as_str() == "/p?of=Mug%20%26%20co"));
}

#[test]
fn what_more_is_made_of_the_event_is_left_to_the_server() {
    let message = r#"{"type":"modal","body":"{{ user.first_name }}: {% if event.properties.price > 10 %}{{ event.name | upcase }}{% endif %}"}"#;
    let template = template(message);
    assert!(template.needs_server());
    assert_eq!(with_ada(|ada| template.render(ada)), Ok(None));
    let body = |properties: &str| {
        let properties = json(properties);
        let event = Event { name: "added", properties: properties.as_object() };
        with_ada(|ada| template.render_with(ada, event)).unwrap().body
    };
    assert_eq!(
        (body(r#"{"price":11}"#), body(r#"{"price":9}"#), body("{}")),
        ("Ada: ADDED".into(), "Ada: ".into(), "Ada: ".into())
    );
}

#[test]
fn what_a_value_has_of_marks_is_left_out() {
    assert_eq!(body("{{ 'a\u{e000}0\u{e001}b' }}").as_deref(), Ok("a0b"));
}

#[test]
fn a_rendering_is_bounded() {
    let started = Instant::now();
    let double = "{% assign x = 'xxxxxxxxxxxxxxxx' %}".to_owned()
        + &"{% assign x = x | append: x %}".repeat(30)
        + "{{ x | size }}";
    let replaced = "{% assign x = 'aaaaaaaa' %}".to_owned()
        + &"{% assign x = x | replace: 'a', x %}".repeat(10)
        + "{{ x | size }}";
    let joined =
        "{% assign x = 'a,a,a,a,a,a,a,a' %}".to_owned() + &"{% assign x = x | split: 'a' | join: x %}".repeat(10);
    let nested = "{% for a in (1..900) %}".repeat(4) + "x" + &"{% endfor %}".repeat(4);
    let captured = "{% capture x %}{% for a in (1..900) %}{% for b in (1..900) %}0123456789{% endfor %}{% endfor %}{% endcapture %}";
    for (text, wanted) in [
        (double.as_str(), "too much"),
        (&replaced, "too much"),
        (&joined, "at most 1000 elements"),
        (&nested, "too much"),
        (captured, "too much"),
        ("{% for a in (1..1000000000000) %}x{% endfor %}", "at most 1000 numbers"),
        ("{% for a in (1..900) %}0123456789{% endfor %}", "at most 4096 bytes"),
    ] {
        let error = failed(text);
        assert!(error.contains(wanted), "{text}: {error}");
    }
    // Seven of the worst that there are.
    assert!(started.elapsed() < Elapsed::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn what_would_make_the_library_stumble_comes_to_an_error() {
    for text in [
        "{{ 1 | divided_by: 0 }}",
        "{{ 1 | modulo: 0 }}",
        "{{ 999999999999999 | times: 999999999999999 }}",
        "{{ user.first_name | plus: 1 }}",
        "{{ custom.address | date: '%Y' | slice: 99, 99 | truncate: -5 }}",
        "{% for a in custom.tags limit:-1 offset:-9 %}{{ a }}{% endfor %}",
    ] {
        // No panic gets out of it, whatever comes of it.
        drop(body(text));
    }
    let deep = format!("{{{{ custom{} }}}}", "[custom".repeat(60) + &"]".repeat(60));
    drop(body(&deep));
    let blocks = "{% if user.email %}".repeat(128) + &"{% endif %}".repeat(128);
    assert_eq!(body(&blocks).as_deref(), Ok(""));
    let message = format!(r#"{{"type":"modal","body":"{}"}}"#, "{% if user.email %}".repeat(limits::TEMPLATE_TAGS));
    assert!(read(&message).is_err());
}

/// Pieces of which templates are made, right ones and wrong ones.
const PIECES: [&str; 40] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{{-",
    "-}}",
    "{%-",
    "-%}",
    " ",
    "x",
    "user.first_name",
    "custom.tags",
    "custom[",
    "]",
    "'",
    "\"",
    "'a'",
    "|",
    "default:",
    "upcase",
    "join:",
    "if",
    "endif",
    "else",
    "for a in",
    "endfor",
    "(1..9)",
    "(1..99999)",
    "assign y =",
    "capture z",
    "endcapture",
    "abort_message",
    "event.name",
    "event.properties.a",
    "now",
    "date: '%Y'",
    "raw",
    "comment",
    "endcomment",
    "\u{e000}0\u{e001}",
];

proptest! {
    /// Whatever somebody writes, and whatever is known of a user, it is refused or rendered, and no more.
    #[test]
    fn no_template_makes_the_server_fail(places in prop::collection::vec(0..PIECES.len(), 0..24)) {
        let text: String = places.iter().map(|place| PIECES[*place]).collect();
        for message in [
            serde_json::json!({"type": "modal", "body": text}),
            serde_json::json!({"type": "html", "body": "b", "html": text}),
            serde_json::json!({"type": "modal", "body": "b", "image_url": text}),
        ] {
            let Ok((_, Some(template))) = read(&message.to_string()) else { continue };
            let properties = json(r#"{"a":"<b>"}"#);
            let event = Event { name: "added", properties: properties.as_object() };
            let (early, whole) = with_ada(|ada| (template.render(ada), template.render_with(ada, event)));
            // What can be told of it before its trigger fires is all that is left to tell, unless the server has to.
            if let (Ok(Some(Rendered { content, render: None })), Ok(whole)) = (&early, &whole) {
                prop_assert_eq!(content, whole);
            }
            prop_assert_eq!(matches!(early, Ok(None)), template.needs_server());
        }
    }

    /// Whatever a user's attributes are, they are text where markup stands, and a part of an address where one stands.
    #[test]
    fn values_never_leave_their_place(value in any::<String>()) {
        let mut profile = Profile::new(NOW);
        let change = AttributeChange::Set { value: Value::String(value) };
        let kind: RecordKind = RecordKind::CustomAttribute { name: "v".to_owned(), change };
        profile.apply(&kind, Stamp { origin: Origin::Identified, at: NOW, seq: Seq(1) }).unwrap();
        let campaign = CampaignId::parse("hello").unwrap();
        let campaign = (&campaign, "Hello");
        let subject = Subject { profile: &profile, external_id: None, language: None, campaign, now: NOW };
        let html = r#"{"type":"html","body":"b","html":"<p title=\"{{ custom.v }}\">"}"#;
        if let Ok(Some(Rendered { content, .. })) = template(html).render(&subject) {
            let Style::Html { html } = content.style else { panic!("{content:?}") };
            let inner = html.strip_prefix("<p title=\"").and_then(|rest| rest.strip_suffix("\">")).unwrap();
            prop_assert!(!inner.contains(['<', '>', '"', '\'']), "{html}");
        }
        let image = r#"{"type":"modal","body":"b","image_url":"https://cdn.example/{{ custom.v }}?x=1#y"}"#;
        if let Ok(Some(Rendered { content, .. })) = template(image).render(&subject) {
            let url = content.image_url.unwrap();
            let inner = url.as_str().strip_prefix("https://cdn.example/").and_then(|rest| rest.strip_suffix("?x=1#y"));
            prop_assert!(!inner.unwrap().contains(['/', '?', '#', '&', ':', '@', ' ']), "{url:?}");
        }
    }
}

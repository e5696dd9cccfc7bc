//! What a message says, as its campaign's definition has it and as devices get it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    server::{Server, campaign, empty_workspace, workspace},
    visitor::{Visitor, attribute, event},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_user_gets_a_message_in_their_language_and_another_when_that_changes() {
    let mut spoken = campaign("spoken", None, "seen");
    spoken["message"] = json!({
        "type": "modal", "header": "Hello", "body": "Look", "language": "en",
        "buttons": [{"id": "go", "text": "Go"}],
        "translations": {
            "de": {"header": "Hallo", "body": "Schau", "buttons": {"go": "Los"}},
            "ar": {"header": "مرحبا", "body": "انظر"},
        },
    });
    let server = Server::start(workspace("shop", json!([]), json!([spoken, campaign("plain", None, "seen")]))).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    let content = |answer: &Value| {
        let items = answer["messages"]["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == "spoken").unwrap()["content"].clone()
    };

    let first = api.flush(visitor.flush_of([event("arrived")])).await;
    assert_eq!(content(&first)["header"], "Hello", "nobody knows better");
    let version = |answer: &Value| Some(answer["messages"]["version"].as_str().unwrap().to_owned());
    visitor.messages = version(&first);

    let browser = api.flush(visitor.flush_of([json!({"type": "device", "language": "de-AT"})])).await;
    let german = content(&browser);
    assert_eq!((&german["header"], &german["buttons"][0]["text"]), (&json!("Hallo"), &json!("Los")));
    assert_eq!((&german["language"], &german["translations"]), (&json!("de"), &Value::Null));
    visitor.messages = version(&browser);
    let again = api.flush(visitor.flush_of([event("arrived")])).await;
    assert_eq!(again["messages"], Value::Null, "the device has it");

    let said = api.flush(visitor.flush_of([attribute("language", "ar")])).await;
    let arabic = content(&said);
    assert_eq!((&arabic["body"], &arabic["language"]), (&json!("انظر"), &json!("ar")), "what the user says goes first");
    assert_eq!(arabic["buttons"][0]["text"], "Go", "what is not translated stays");
    visitor.messages = version(&said);
    let other = api.flush(visitor.flush_of([attribute("language", "fr")])).await;
    assert_eq!(content(&other)["header"], "Hello");
}

#[tokio::test]
async fn a_message_that_could_not_be_shown_is_refused_with_the_place() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let put = async |message: Value| {
        let mut definition = campaign("new", None, "seen");
        definition.as_object_mut().unwrap().remove("id");
        definition["message"] = message;
        api.put("/campaigns/new", &definition).await
    };
    let grey = json!({"type": "modal", "body": "B", "theme": {"dark": {"surface": "#222222", "text": "#666666"}}});
    let problem = put(grey).await.problem(422, "invalid_definition").to_string();
    assert!(
        problem.contains("$.message.theme.dark.text")
            && problem
                .contains("a contrast of at least 4.5:1 between text #666666 and surface #222222, which have 2.77:1"),
        "{problem}"
    );
    let survey = json!({"type": "survey", "body": "B", "submit": "Send", "question": {"type": "text"}});
    let problem = put(survey).await.problem(422, "invalid_definition").to_string();
    assert!(problem.contains("$.message.answer"), "{problem}");
    let html = json!({"type": "html", "body": "B", "html": "x".repeat(64 * 1024)});
    assert_eq!(put(html).await.status, 200);
}

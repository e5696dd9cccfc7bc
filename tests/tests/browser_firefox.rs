//! The main path in a second browser, which shares no code with the first: what works in Chromium alone would work by chance.

use kindling_tests::{engine::Engine, scenes};

#[tokio::test]
async fn every_call_arrives_as_documented() {
    scenes::every_call_arrives_as_documented(Engine::Firefox).await;
}

#[tokio::test]
async fn a_message_is_shown_and_what_the_visitor_does_with_it_arrives() {
    scenes::a_message_is_shown_and_what_the_visitor_does_with_it_arrives(Engine::Firefox).await;
}

#[tokio::test]
async fn what_is_logged_offline_over_two_reloads_arrives_once() {
    scenes::what_is_logged_offline_over_two_reloads_arrives_once(Engine::Firefox).await;
}

#[tokio::test]
async fn a_page_with_a_strict_policy_shows_messages_without_a_violation() {
    scenes::a_page_with_a_strict_policy_shows_messages_without_a_violation(Engine::Firefox).await;
}

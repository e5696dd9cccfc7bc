//! In-app messages as a page shows them.

use serde_json::Value;

use crate::{stage::Stage, wait};

/// The id of the message that is shown, by the header that [`campaign`](crate::server::campaign) gave it; null without one.
pub const SHOWN: &str = "
    const header = document.querySelector('kindling-message')?.shadowRoot.querySelector('h2');
    return header ? header.textContent.replace('Header of ', '') : null;";

/// What finds a part of the message that is shown; null without one.
pub fn part(selector: &str) -> String {
    format!("return document.querySelector('kindling-message')?.shadowRoot.querySelector('{selector}') ?? null;")
}

impl Stage {
    /// Makes the visitor known to the server, and so brings the messages for them to the page.
    pub async fn get_messages(&self) {
        self.log("arrived").await;
        self.flush().await;
    }

    /// Waits for the message.
    pub async fn expect_shown(&self, id: &str) {
        wait::until(&format!("message {id}"), async || (self.browser.run(SHOWN).await == id).then_some(())).await;
    }

    /// Waits until no message is shown.
    pub async fn expect_gone(&self) {
        self.browser.until("the end of the message", "return !document.querySelector('kindling-message')").await;
    }

    /// How often the message was seen and clicked, as the server has it.
    pub async fn message_counts(&self, id: &str) -> [Value; 2] {
        let user = self.api().user(&self.visitor().await).await;
        let message = &user["messages"][id];
        [message["impressions"]["count"].clone(), message["clicks"]["count"].clone()]
    }
}

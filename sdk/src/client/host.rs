//! What the client needs of the place where it runs.

use kindling_core::{ids::Uuid, time::Timestamp};

/// Storage, randomness and what the engine has code for. In the browser: localStorage, `crypto`, and what costs no bytes there; in
/// tests and simulations: whatever they make of them. Time is not among them: it comes with each call.
pub trait Host {
    /// What is stored under the key.
    fn get(&self, key: &str) -> Option<String>;
    /// Stores a text durably. `false`: it could not be (storage is full or blocked).
    fn set(&mut self, key: &str, text: &str) -> bool;
    /// Forgets what is stored under the key.
    fn remove(&mut self, key: &str);
    /// All keys.
    fn keys(&self) -> Vec<String>;
    /// A new random UUID.
    fn uuid(&mut self) -> Uuid;
    /// A random number from 0 up to, but not including, 1.
    fn random(&mut self) -> f64;
    /// Whether a text is JSON.
    fn is_json(&self, text: &str) -> bool;
    /// The number that a text of JSON says.
    fn number(&self, text: &str) -> f64;
    /// The minute of the day, counted from midnight, that the device's clock shows at an instant.
    fn minute_of_day(&self, at: Timestamp) -> u16;
    /// Whether tests of properties, as a message's trigger has them, hold of these properties; or whether a filter, as a message has it,
    /// holds of this user. All are JSON: tests are a list, a filter is an object; there may be no properties, and no user, which are then
    /// empty. A user has `user`, who that is; `profile`, what the server said of them; `records`, those that wait; and the time, `now`.
    /// `None`: that can't be told yet. [`super::Client::can_test`] says when it can.
    fn hold(&self, condition: &str, of: &str) -> Option<bool>;
}

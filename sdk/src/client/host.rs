//! What the client needs of the place where it runs.

use kindling_core::{ids::Uuid, value::Value};

/// Storage, randomness and reading JSON. In the browser: localStorage, `crypto` and the engine's own reader (which costs no
/// bytes); in tests and simulations: whatever they make of them. Time is not among them: it comes with each call.
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
    /// Reads JSON. `None` if the text is none.
    fn decode(&self, text: &str) -> Option<Value>;
}

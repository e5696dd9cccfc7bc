//! What Chromium pretends to be: a screen of another size, a system that likes dark pages, hands on a keyboard, a finger.

use serde_json::{Value, json};

use crate::browser::Browser;

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// It is that of a phone.
    pub is_phone: bool,
}

/// A window on a desk.
pub const DESK: Screen = Screen { width: 1280, height: 800, is_phone: false };
/// A common phone.
pub const PHONE: Screen = Screen { width: 390, height: 844, is_phone: true };
/// The smallest phone that is still in use.
pub const SMALL_PHONE: Screen = Screen { width: 360, height: 640, is_phone: true };

impl Browser {
    /// Has the page have this screen, and a system that likes pages `light` or `dark`.
    pub async fn emulate(&self, screen: Screen, scheme: &str) {
        let Screen { width, height, is_phone } = screen;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": is_phone})).await;
        self.media(&[("prefers-color-scheme", scheme)]).await;
    }

    /// Has the page have a system that puts a few colours of its own in place of all others.
    pub async fn force_colors(&self) {
        self.media(&[("forced-colors", "active"), ("prefers-color-scheme", "dark")]).await;
    }

    /// Sets what the page may ask of its system; nothing moves in any case.
    async fn media(&self, features: &[(&str, &str)]) {
        let still = ("prefers-reduced-motion", "reduce");
        let features = features.iter().chain([&still]).map(|(name, value)| json!({"name": name, "value": value}));
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features.collect::<Vec<_>>()})).await;
    }

    /// Draws a finger over the screen, from one place to another, in CSS pixels.
    pub async fn swipe(&self, from: (i64, i64), to: (i64, i64)) {
        const STEPS: i64 = 4;
        let touch = async |kind: &str, points: Value| {
            self.devtools("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points})).await;
        };
        touch("touchStart", json!([{"x": from.0, "y": from.1}])).await;
        for step in 1..=STEPS {
            let part = |from: i64, to: i64| from + (to - from) * step / STEPS;
            touch("touchMove", json!([{"x": part(from.0, to.0), "y": part(from.1, to.1)}])).await;
        }
        touch("touchEnd", json!([])).await;
    }

    /// Presses a key, one of `Tab`, `Escape`, `Enter` and `Space`; with the Shift key, if that is said.
    pub async fn key(&self, key: &str, shift: bool) {
        let (code, key, text) = match key {
            "Tab" => (9, "Tab", None),
            "Escape" => (27, "Escape", None),
            "Enter" => (13, "Enter", Some("\r")),
            "Space" => (32, " ", Some(" ")),
            other => panic!("{other} is no key that is known here"),
        };
        let event = |kind: &str, text: Option<&str>| {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            event["modifiers"] = json!(if shift { 8 } else { 0 });
            if let Some(text) = text {
                event["text"] = json!(text);
            }
            event
        };
        let down = if text.is_some() { "keyDown" } else { "rawKeyDown" };
        self.devtools("Input.dispatchKeyEvent", event(down, text)).await;
        self.devtools("Input.dispatchKeyEvent", event("keyUp", None)).await;
    }
}

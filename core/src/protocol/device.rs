//! What a device says of itself.

use serde::{Deserialize, Serialize};

use super::{AgentPart, AgentParts, RecordError, record::check_name};
use crate::{limits, version};

macro_rules! device_info {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {
        /// What is known of a device. Every member may be missing; a text has 1 to [`limits::NAME_CHARS`] characters.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct DeviceInfo {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$type>),*
        }

        impl DeviceInfo {
            /// Takes over every member that `newer` has.
            pub fn merge(&mut self, newer: Self) {
                $(if newer.$name.is_some() {
                    self.$name = newer.$name;
                })*
            }
        }
    };
}

device_info! {
    /// The browser's name, like `Firefox`.
    browser: String,
    /// Its version.
    browser_version: String,
    /// The operating system, like `Android`.
    os: String,
    /// Its version.
    os_version: String,
    /// The device's model.
    model: String,
    /// What the browser is set to, like `de-AT`.
    language: String,
    /// IANA name.
    time_zone: String,
    /// The screen's width, in CSS pixels.
    screen_width: u16,
    /// Its height, in CSS pixels.
    screen_height: u16,
    /// The version of the app that the site is, as its people name it.
    app_version: String,
    /// The same as 1 to [`limits::VERSION_NUMBERS`] whole numbers with dots between, to be compared.
    app_version_number: String,
    /// Where the SDK comes from, like `npm` or `cdn`: at most [`limits::SDK_METADATA`] texts of 1 to [`limits::SDK_METADATA_CHARS`]
    /// characters.
    sdk_metadata: Vec<String>,
}

impl DeviceInfo {
    /// What it looks like, as far as it can be told: `phone`, `tablet` or `desktop`.
    pub fn form(&self) -> Option<&'static str> {
        /// The shorter side of a tablet's screen, in CSS pixels: Android's own line between the two.
        const TABLET: u16 = 600;
        let shorter_side = self.screen_width.zip(self.screen_height).map(|(width, height)| width.min(height));
        match self.os.as_deref()? {
            "iPadOS" => Some("tablet"),
            "iOS" | "Android" => {
                let named =
                    self.model.as_deref().is_some_and(|model| model.contains("iPad") || model.contains("Tablet"));
                Some(if named || shorter_side.is_some_and(|side| side >= TABLET) { "tablet" } else { "phone" })
            }
            _ => Some("desktop"),
        }
    }

    /// Forgets what a User-Agent header said of it and these parts do not allow.
    pub fn keep_of_agent(&mut self, parts: AgentParts) {
        if !parts.has(AgentPart::Browser) {
            self.browser = None;
        }
        if !parts.has(AgentPart::BrowserVersion) {
            self.browser_version = None;
        }
        if !parts.has(AgentPart::Os) {
            (self.os, self.os_version, self.model) = (None, None, None);
        }
    }

    /// Holds it against the limits.
    pub(super) fn check(&self) -> Result<(), RecordError> {
        let Self { browser, browser_version, os, os_version, model, language, time_zone, app_version, .. } = self;
        let Self { app_version_number, sdk_metadata, .. } = self;
        let texts = [browser, browser_version, os, os_version, model, language, time_zone, app_version];
        texts.into_iter().flatten().try_for_each(|text| check_name(text))?;
        if let Some(number) = app_version_number {
            check_name(number)?;
            if version::count_numbers(number).is_none_or(|numbers| numbers > limits::VERSION_NUMBERS) {
                return Err(RecordError::InvalidVersion);
            }
        }
        let is_word = |text: &String| (1..=limits::SDK_METADATA_CHARS).contains(&text.chars().count());
        match sdk_metadata {
            Some(words) if words.len() > limits::SDK_METADATA || !words.iter().all(is_word) => {
                Err(RecordError::InvalidMetadata)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let form = |text: &str| serde_json::from_str::<DeviceInfo>(text).unwrap().form();
        assert_eq!(form(r#"{"os":"Windows","screen_width":400,"screen_height":700}"#), Some("desktop"));
        assert_eq!(form(r#"{"os":"Android","screen_width":800,"screen_height":360}"#), Some("phone"));
        assert_eq!(form(r#"{"os":"Android","screen_width":800,"screen_height":1280}"#), Some("tablet"));
        assert_eq!(form(r#"{"os":"iOS","model":"iPad"}"#), Some("tablet"));
        assert_eq!(form(r#"{"os":"iOS"}"#), Some("phone"));
        assert_eq!(form("{}"), None);
    }

    #[test]
    fn what_is_newer_and_there_overwrites() {
        let read = |text: &str| serde_json::from_str::<DeviceInfo>(text).unwrap();
        let mut info = read(r#"{"browser":"Firefox","os":"Linux","screen_width":800}"#);
        info.merge(read(r#"{"os":"Android","time_zone":"UTC","screen_width":400}"#));
        let text = r#"{"browser":"Firefox","os":"Android","time_zone":"UTC","screen_width":400}"#;
        assert_eq!(serde_json::to_string(&info).unwrap(), text);
        assert_eq!(read("{}"), DeviceInfo::default());
        assert_eq!(read(&format!(r#"{{"os":"{}"}}"#, "x".repeat(256))).check(), Err(RecordError::InvalidName));
        assert_eq!(info.check(), Ok(()));
    }

    #[test]
    fn of_a_header_only_what_is_allowed_is_kept() {
        let all = r#"{"browser":"Firefox","browser_version":"140","os":"iOS","os_version":"18","model":"iPad"}"#;
        let kept = |parts: AgentParts| {
            let mut info: DeviceInfo = serde_json::from_str(all).unwrap();
            info.keep_of_agent(parts);
            serde_json::to_string(&info).unwrap()
        };
        assert_eq!(kept(AgentParts::ALL), all);
        assert_eq!(kept(AgentParts::NONE), "{}");
        assert_eq!(kept(AgentParts::NONE.with(AgentPart::UserAgent)), "{}");
        assert_eq!(kept(AgentParts::NONE.with(AgentPart::Browser)), r#"{"browser":"Firefox"}"#);
        assert_eq!(kept(AgentParts::NONE.with(AgentPart::BrowserVersion)), r#"{"browser_version":"140"}"#);
        let os = r#"{"os":"iOS","os_version":"18","model":"iPad"}"#;
        assert_eq!(kept(AgentParts::NONE.with(AgentPart::Os)), os);
    }

    #[test]
    fn what_the_app_is_has_limits() {
        let check = |text: &str| serde_json::from_str::<DeviceInfo>(text).unwrap().check();
        let version = |text: &str| check(&format!(r#"{{"app_version":"{text}"}}"#));
        assert_eq!([version("2026 autumn"), version(&"é".repeat(255))], [Ok(()), Ok(())]);
        assert_eq!(version(""), Err(RecordError::InvalidName));
        assert_eq!(version(&"x".repeat(256)), Err(RecordError::InvalidName));

        let number = |text: &str| check(&format!(r#"{{"app_version_number":"{text}"}}"#));
        for good in ["0", "1.2", "1.2.3.4", "18446744073709551615"] {
            assert_eq!(number(good), Ok(()), "{good}");
        }
        for bad in ["1.2.3.4.5", "1.2-beta", "1.", "v1", "18446744073709551616"] {
            assert_eq!(number(bad), Err(RecordError::InvalidVersion), "{bad}");
        }
        assert_eq!(number(&"0".repeat(256)), Err(RecordError::InvalidName));

        let metadata = |words: &[String]| check(&serde_json::json!({"sdk_metadata": words}).to_string());
        assert_eq!(metadata(&[]), Ok(()));
        assert_eq!(metadata(&vec!["é".repeat(64); 16]), Ok(()));
        for bad in [vec!["npm".to_owned(); 17], vec!["x".repeat(65)], vec![String::new()]] {
            assert_eq!(metadata(&bad), Err(RecordError::InvalidMetadata));
        }
    }
}

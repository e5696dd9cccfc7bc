//! What a User-Agent header says of a browser and its system.

use std::sync::LazyLock;

use kindling_core::protocol::{AgentPart, AgentParts, DeviceInfo};
use serde::Deserialize;
use tracing::error;
use ua_parser::{os, user_agent};

/// The longest header that is looked at, in bytes. Browsers send about 120.
const USER_AGENT_BYTES: usize = 512;

/// The patterns, as `data/README.md` says.
const PATTERNS: &str = include_str!("../../data/user_agents.json");

/// What a flush says by its User-Agent header, as far as the site lets the server take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAgent {
    /// What may be taken from the header.
    pub allowed: AgentParts,
    /// The header itself, where it may be kept.
    pub header: Option<String>,
    /// What it says of what may be taken, where it may not be kept and so can't be read again.
    pub said: Option<Box<DeviceInfo>>,
}

/// No header, of which everything could be taken.
impl Default for UserAgent {
    fn default() -> Self {
        Self::allowing(AgentParts::ALL)
    }
}

impl UserAgent {
    /// No header yet, of which these parts may be taken.
    pub const fn allowing(allowed: AgentParts) -> Self {
        Self { allowed, header: None, said: None }
    }

    /// Takes what may be taken from the header. Nobody need look for one of which that is nothing.
    pub fn take(&mut self, header: &str) {
        if header.len() > USER_AGENT_BYTES {
            return;
        }
        if self.allowed.has(AgentPart::UserAgent) {
            // It is read when it turns out to be another one than before.
            self.header = Some(header.to_owned());
        } else if !self.allowed.is_empty() {
            self.said = Some(Box::new(read(header, self.allowed)));
        }
    }
}

#[derive(Deserialize)]
struct Patterns {
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

/// Compiled when the first header comes: it takes some 50 ms and 10 MiB.
static EXTRACTORS: LazyLock<Option<(user_agent::Extractor<'static>, os::Extractor<'static>)>> =
    LazyLock::new(|| compile().inspect_err(|error| error!(%error, "the patterns of user agents can't be used")).ok());

fn compile() -> anyhow::Result<(user_agent::Extractor<'static>, os::Extractor<'static>)> {
    let Patterns { user_agent_parsers, os_parsers } = serde_json::from_str(PATTERNS)?;
    let browsers = user_agent::Builder::new().push_all(user_agent_parsers)?.build()?;
    let systems = os::Builder::new().push_all(os_parsers)?.build()?;
    Ok((browsers, systems))
}

/// Names the browser and the system, as far as they are known and allowed.
pub(super) fn read(header: &str, allowed: AgentParts) -> DeviceInfo {
    let mut info = DeviceInfo::default();
    let Some((browsers, systems)) = EXTRACTORS.as_ref() else { return info };
    let is_browser_wanted = allowed.has(AgentPart::Browser) || allowed.has(AgentPart::BrowserVersion);
    if is_browser_wanted && let Some(browser) = browsers.extract(header) {
        info.browser = Some(browser.family.into_owned());
        info.browser_version = browser.major.map(str::to_owned);
    }
    if allowed.has(AgentPart::Os)
        && let Some(system) = systems.extract(header)
    {
        info.os_version = match (system.major, system.minor) {
            (Some(major), Some(minor)) => Some(format!("{major}.{minor}")),
            (major, _) => major.map(std::borrow::Cow::into_owned),
        };
        info.os = Some(system.os.into_owned());
    }
    info.keep_of_agent(allowed);
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_systems_are_known() {
        let named = |header| {
            let info = read(header, AgentParts::ALL);
            [info.browser, info.browser_version, info.os, info.os_version].map(Option::unwrap_or_default).join(" ")
        };
        for (header, wanted) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                "Chrome 131 Linux ",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/17.5 Mobile/15E148 Safari/604.1",
                "Mobile Safari 17 iOS 17.5",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
                "Firefox 133 Mac OS X 10.15",
            ),
            ("", "   "),
        ] {
            assert_eq!(named(header), wanted);
        }
    }

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";

    /// What is taken from the header when these parts are allowed: the header itself, and what it says.
    fn taken(parts: &[AgentPart]) -> (Option<String>, Option<String>) {
        let mut agent = UserAgent::allowing(parts.iter().fold(AgentParts::NONE, |parts, part| parts.with(*part)));
        agent.take(FIREFOX);
        (agent.header, agent.said.map(|said| serde_json::to_string(&said).unwrap()))
    }

    #[test]
    fn only_what_is_allowed_is_taken() {
        let header = || Some(FIREFOX.to_owned());
        assert_eq!(taken(&AgentPart::ALL), (header(), None));
        assert_eq!(taken(&[AgentPart::UserAgent, AgentPart::Os]), (header(), None));
        let said = |text: &str| (None, Some(text.to_owned()));
        let both = [AgentPart::Browser, AgentPart::BrowserVersion];
        assert_eq!(taken(&both), said(r#"{"browser":"Firefox","browser_version":"133"}"#));
        assert_eq!(taken(&both[1..]), said(r#"{"browser_version":"133"}"#));
        assert_eq!(taken(&[AgentPart::Os]), said(r#"{"os":"Linux"}"#));
        assert_eq!(taken(&[]), (None, None));
    }

    #[test]
    fn a_header_that_is_too_long_is_none() {
        for parts in [AgentParts::ALL, AgentParts::NONE.with(AgentPart::Browser)] {
            let mut agent = UserAgent::allowing(parts);
            agent.take(&format!("{FIREFOX} {}", "x".repeat(USER_AGENT_BYTES)));
            assert_eq!(agent, UserAgent::allowing(parts));
        }
    }
}

//! What a server may take from the User-Agent header of a flush.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

use crate::{limits, value::is_name};

/// A part of what a User-Agent header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentPart {
    /// The browser's name.
    Browser,
    /// The browser's version.
    BrowserVersion,
    /// The operating system, its version, and the device's model.
    Os,
    /// The header itself.
    UserAgent,
}

impl AgentPart {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Browser, Self::BrowserVersion, Self::Os, Self::UserAgent];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::BrowserVersion => "browser_version",
            Self::Os => "os",
            Self::UserAgent => "user_agent",
        }
    }

    /// The part of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// Parts of what a User-Agent header says. On the wire they are a list of names; those that the reader does not know are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentParts(u8);

impl AgentParts {
    /// All that there are.
    pub const ALL: Self = Self((1 << AgentPart::ALL.len()) - 1);
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    pub const fn has(self, part: AgentPart) -> bool {
        self.0 & (1 << part as u8) != 0
    }

    /// These, and this one.
    #[must_use]
    pub const fn with(self, part: AgentPart) -> Self {
        Self(self.0 | (1 << part as u8))
    }

    /// Those that are among the others as well.
    #[must_use]
    pub const fn among(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = AgentPart> {
        AgentPart::ALL.into_iter().filter(move |part| self.has(*part))
    }
}

impl Serialize for AgentParts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Collected, because a format may have to know how many there are before it writes the first.
        serializer.collect_seq(self.iter().map(AgentPart::name).collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for AgentParts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = AgentParts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AgentParts, A::Error> {
        let (mut parts, mut names) = (AgentParts::NONE, 0);
        while let Some(Named(part)) = seq.next_element()? {
            names += 1;
            if names > limits::AGENT_PARTS {
                return Err(de::Error::custom("there are too many names"));
            }
            parts = part.map_or(parts, |part| parts.with(part));
        }
        Ok(parts)
    }
}

/// What a name stands for, if it is known.
struct Named(Option<AgentPart>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Option<AgentPart>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    // One that is not known may be newer than this reader; it is stored with the rest, and so must keep the limits.
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<AgentPart>, E> {
        if is_name(text) { Ok(AgentPart::parse(text)) } else { Err(E::custom("a name has 1 to 255 characters")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<AgentParts> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn they_are_a_list_of_names() {
        let all = r#"["browser","browser_version","os","user_agent"]"#;
        assert_eq!(read(all), Some(AgentParts::ALL));
        assert_eq!(serde_json::to_string(&AgentParts::ALL).unwrap(), all);
        assert_eq!(read("[]"), Some(AgentParts::NONE));
        assert!(AgentParts::NONE.is_empty());
        let some = read(r#"["os","browser","os","engine"]"#).unwrap();
        assert_eq!(some, AgentParts::NONE.with(AgentPart::Browser).with(AgentPart::Os));
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"["browser","os"]"#);
        let packed = rmp_serde::to_vec_named(&some).unwrap();
        assert_eq!(rmp_serde::from_slice::<AgentParts>(&packed).unwrap(), some);
        assert_eq!(some.among(AgentParts::NONE.with(AgentPart::Os)), AgentParts::NONE.with(AgentPart::Os));
    }

    #[test]
    fn what_is_no_list_of_names_is_refused() {
        let names = |count: usize| read(&serde_json::json!(vec!["x"; count]).to_string());
        assert_eq!((names(16), names(17)), (Some(AgentParts::NONE), None));
        let long = |chars: usize| read(&serde_json::json!(["é".repeat(chars)]).to_string());
        assert_eq!((long(255), long(256)), (Some(AgentParts::NONE), None));
        for other in ["null", "true", r#""os""#, r#"{"os":true}"#, "[1]", "[null]", r#"["os",["browser"]]"#, r#"[""]"#]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}

//! Versions, compared as people mean them: 1.10 comes after 1.9.

use std::cmp::Ordering;

/// A version: numbers with dots between, and perhaps what stands before the release (`2.0-beta.1`).
///
/// Missing numbers are zero (`1` is `1.0`), what comes before a release is less than it, and what stands behind a `+` does not count:
/// the precedence of Semantic Versioning 2.0.0, section 11, for any number of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: Vec<u64>,
    before: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Text(String),
}

impl Version {
    /// Reads a version; a leading `v` is left out. `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (release, before) = text.split_once('-').map_or((text, None), |(release, before)| (release, Some(before)));
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u64>().ok()).flatten()
        };
        let mut numbers = release.split('.').map(number).collect::<Option<Vec<_>>>()?;
        // So that equal versions are equal.
        while numbers.len() > 1 && numbers.last() == Some(&0) {
            numbers.pop();
        }
        let part = |part: &str| number(part).map_or_else(|| Part::Text(part.to_owned()), Part::Number);
        let before = before.map(|before| before.split('.').map(part).collect()).unwrap_or_default();
        Some(Self { numbers, before })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |version: &Self, place: usize| version.numbers.get(place).copied().unwrap_or_default();
        let places = self.numbers.len().max(other.numbers.len());
        let numbers = (0..places).map(|place| number(self, place).cmp(&number(other, place)));
        let is_release = |version: &Self| version.before.is_empty();
        numbers
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or_else(|| is_release(self).cmp(&is_release(other)))
            .then_with(|| self.before.cmp(&other.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        let ascending = [
            "0.9",
            "1.0-alpha",
            "1.0-alpha.1",
            "1.0-alpha.beta",
            "1.0-beta.2",
            "1.0-beta.11",
            "1",
            "1.0.1",
            "1.9",
            "1.10",
            "v2.0",
            "109.0.5414.119",
        ];
        let versions: Vec<_> = ascending.iter().map(|text| Version::parse(text).unwrap()).collect();
        for pair in versions.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        assert_eq!(Version::parse("1"), Version::parse("v1.0.0+build.7"));
        for bad in ["", "latest", "1..2", "1.x", "-1", "1.99999999999999999999"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }
}

//! Versions, compared as people mean them: 1.10 comes after 1.9.
//!
//! A version is numbers with dots between, and perhaps what stands before the release (`2.0-beta.1`). Missing numbers are zero (`1` is
//! `1.0`), what comes before a release is less than it, and what stands behind a `+` does not count: the precedence of Semantic
//! Versioning 2.0.0, section 11, for any number of numbers. A leading `v` is left out.

use std::cmp::Ordering;

use crate::text::cut;

/// Whether a text is a version.
#[cfg(feature = "definitions")]
pub(crate) fn is_version(text: &str) -> bool {
    parts(text).is_some()
}

/// How many numbers a text has that is only whole numbers with dots between; `None` if it is anything else.
pub(crate) fn count_numbers(text: &str) -> Option<usize> {
    let mut rest = Some(text);
    let mut numbers = 0;
    while let Some(part) = take(&mut rest) {
        number(part)?;
        numbers += 1;
    }
    Some(numbers)
}

/// How two versions compare; `None` if one of them is none.
pub(crate) fn compare(one: &str, other: &str) -> Option<Ordering> {
    let ((a, a_before), (b, b_before)) = (parts(one)?, parts(other)?);
    let (mut a, mut b) = (Some(a), Some(b));
    while a.is_some() || b.is_some() {
        let (a, b) = (take(&mut a).and_then(number), take(&mut b).and_then(number));
        let order = a.unwrap_or(0).cmp(&b.unwrap_or(0));
        if order.is_ne() {
            return Some(order);
        }
    }
    if a_before.is_none() || b_before.is_none() {
        return Some(a_before.is_none().cmp(&b_before.is_none()));
    }
    let (mut a, mut b) = (a_before, b_before);
    loop {
        let order = match (take(&mut a), take(&mut b)) {
            (None, None) => return Some(Ordering::Equal),
            (Some(a), Some(b)) => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                (None, None) => a.cmp(b),
                // A number comes before a text.
                (a, b) => b.is_some().cmp(&a.is_some()),
            },
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        if order.is_ne() {
            return Some(order);
        }
    }
}

/// The numbers of a version, and what stands before its release.
fn parts(text: &str) -> Option<(&str, Option<&str>)> {
    let text = text.trim_ascii();
    let text = if matches!(text.as_bytes().first(), Some(b'v' | b'V')) { text.get(1..)? } else { text };
    let (release, before) = cut(cut(text, b'+').0, b'-');
    let mut rest = Some(release);
    while let Some(part) = take(&mut rest) {
        number(part)?;
    }
    Some((release, before))
}

/// Takes what stands before the next dot.
fn take<'a>(rest: &mut Option<&'a str>) -> Option<&'a str> {
    let (part, behind) = cut((*rest)?, b'.');
    *rest = behind;
    Some(part)
}

fn number(part: &str) -> Option<u64> {
    let mut number = 0_u64;
    for byte in part.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(digit.into())?;
    }
    (!part.is_empty()).then_some(number)
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
        for (place, one) in ascending.iter().enumerate() {
            for (other_place, other) in ascending.iter().enumerate() {
                assert_eq!(compare(one, other), Some(place.cmp(&other_place)), "{one} {other}");
            }
        }
        assert_eq!(compare("1", " v1.0.0+build.7"), Some(Ordering::Equal));
        for bad in ["", "latest", "1..2", "1.x", "-1", "1.99999999999999999999"] {
            assert_eq!(compare(bad, "1"), None, "{bad}");
            assert_eq!(compare("1", bad), None, "{bad}");
            assert!(!is_version(bad));
        }
    }

    #[test]
    fn numbers_are_counted_where_there_is_nothing_else() {
        for (text, numbers) in [("7", 1), ("1.2.3.4", 4), ("01.0", 2), ("1.2.3.4.5", 5)] {
            assert_eq!(count_numbers(text), Some(numbers), "{text}");
        }
        for other in ["", ".", "1.", ".1", "1..2", "v1", "1.0-beta", "1+1", "+1", " 1", "1.x", "18446744073709551616"] {
            assert_eq!(count_numbers(other), None, "{other}");
        }
    }
}

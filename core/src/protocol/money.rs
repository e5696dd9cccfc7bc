//! Amounts of money: whole hundredths, so that sums are exact.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{limits, value::Number};

/// An amount in hundredths of its currency's unit. In JSON it is a number of units, like `12.5`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hundredths(pub i64);

impl Hundredths {
    /// Rounds a price to two decimals, halves away from zero. `None` unless it is from 0 to [`limits::PRICE_HUNDREDTHS`].
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "held to the range first")]
    pub fn from_units(units: f64) -> Option<Self> {
        let hundredths = (units * 100.0).round();
        (0.0..=limits::PRICE_HUNDREDTHS as f64).contains(&hundredths).then_some(Self(hundredths as i64))
    }

    /// The amount in units, for people and JSON.
    #[expect(clippy::cast_precision_loss, reason = "a sum past 2^53 hundredths is shown approximately")]
    pub fn as_units(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// `quantity` times the amount; stops at the greatest instead of wrapping.
    #[must_use]
    pub const fn times(self, quantity: u32) -> Self {
        Self(self.0.saturating_mul(quantity as i64))
    }

    /// The sum; stops at the greatest instead of wrapping.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Serialize for Hundredths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Number::new(self.as_units()) {
            Some(units) => units.serialize(serializer),
            None => serializer.serialize_unit(),
        }
    }
}

impl<'de> Deserialize<'de> for Hundredths {
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Sums in profiles may be greater than any one price; the price of a record is held to its range when it is checked.
        let units = f64::deserialize(deserializer)?;
        if units.is_finite() {
            Ok(Self((units * 100.0).round() as i64))
        } else {
            Err(de::Error::custom("an amount must be finite"))
        }
    }
}

/// A currency, by its ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The codes of ISO 4217 (2024), without funds and metals: those of one first letter together, which is written once. Every page loads them.
const CODES: &str = "AEDFNLLMDNGOARSUDWGZN BAMBDDTGNHDIFMDNDOBRLSDTNWPYNZD CADDFHFLPNYOPRCUPVEZK DJFKKOPZD EGPRNTBUR FJDKP \
    GBPELHSIPMDNFTQYD HKDNLTGUF IDRLSNRQDRRSK JMDODPY KESGSHRMFPWRWWDYDZT LAKBPKRRDSLYD \
    MADDLGAKDMKNTOPRUURVRWKXNYRZN NADGNIOOKPRZD OMR PABENGKHPKRLNYG QAR RONSDUBWF SARBDCRDGEKGDHPLEOSRDSPTNVCYPZL \
    THBJSMTNDOPRYTDWDZS UAHGXSDYUZS VEDESNDUV WST XAFCDOFPF YER ZARMWWG";

impl Currency {
    /// The currency of that code, in upper or lower case.
    pub fn parse(code: &str) -> Option<Self> {
        let mut bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.make_ascii_uppercase();
        for group in CODES.as_bytes().split(|byte| *byte == b' ') {
            if let Some((first, rest)) = group.split_first()
                && *first == bytes[0]
                && rest.chunks(2).any(|known| *known == bytes[1..])
            {
                return Some(Self(bytes));
            }
        }
        None
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        // Only ASCII codes get in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| de::Error::custom("expected an ISO 4217 currency code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_rounded_to_hundredths() {
        assert_eq!(Hundredths::from_units(12.345), Some(Hundredths(1235)));
        assert_eq!(Hundredths::from_units(0.0), Some(Hundredths(0)));
        for bad in [-0.01, 10_000_001.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Hundredths::from_units(bad), None);
        }
        assert_eq!(serde_json::to_string(&Hundredths(1250)).unwrap(), "12.5");
        assert_eq!(serde_json::from_str::<Hundredths>("12").unwrap(), Hundredths(1200));
    }

    #[test]
    fn currencies_are_known_ones() {
        assert_eq!(Currency::parse("eur").unwrap().as_str(), "EUR");
        for good in ["AED", "ZWG", "USD", "SLE", "XPF", "YER"] {
            assert_eq!(Currency::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(CODES.split(' ').map(|group| group.len() / 2).sum::<usize>(), 156);
        for bad in ["XXX", "EURO", "EU", "€", "EDA", "A B", "   "] {
            assert_eq!(Currency::parse(bad), None);
        }
    }
}

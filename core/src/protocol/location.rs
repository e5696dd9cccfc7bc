//! Places on earth.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::RecordError;
use crate::value::Number;

/// Where somebody was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north, from -90 to 90.
    pub latitude: Number,
    /// Degrees east, from -180 to 180.
    pub longitude: Number,
    /// Metres above the sea.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude: Option<Number>,
    /// How far off it may be, in metres; not negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Number>,
}

impl Location {
    pub(super) fn check(&self) -> Result<(), RecordError> {
        let inexact = self.accuracy.is_some_and(|accuracy| accuracy.get() < 0.0);
        if inexact { Err(RecordError::InvalidLocation) } else { check_place(self.latitude, self.longitude) }
    }

    /// Orders any two places, to decide between two that were said at the same instant.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        let parts = |place: &Self| [Some(place.latitude), Some(place.longitude), place.altitude, place.accuracy];
        // What is missing comes first: no number is below negative infinity.
        let get = |part: Option<Number>| part.map_or(f64::NEG_INFINITY, Number::get);
        let pairs = parts(self).into_iter().zip(parts(other));
        pairs.map(|(a, b)| get(a).total_cmp(&get(b))).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// Whether there is such a place.
pub fn check_place(latitude: Number, longitude: Number) -> Result<(), RecordError> {
    if latitude.get().abs() <= 90.0 && longitude.get().abs() <= 180.0 {
        Ok(())
    } else {
        Err(RecordError::InvalidLocation)
    }
}

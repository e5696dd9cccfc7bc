//! Comparing the rate of a variant with that of the control group, and how sure one can be of the difference.
//!
//! All intervals are of 95 %. That of a rate is Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and
//! statistical inference", JASA 22, 1927). That of the difference of two rates is made of two of these: R. G. Newcombe, "Interval
//! estimation for the difference between independent proportions: comparison of eleven methods", Statistics in Medicine 17, 1998,
//! method 10. Unlike the textbook's, both hold for rates near 0 and few users, and stay between -1 and 1. That of the lift, which is the
//! ratio of the rates less 1, is symmetric in the ratio's logarithm: D. Katz et al., "Obtaining confidence intervals for the risk ratio
//! in cohort studies", Biometrics 34, 1978.

/// The 97.5th percentile of the normal distribution: what leaves out 5 % on both sides together.
const Z: f64 = 1.959_963_984_540_054;

/// So many of so many users did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    hits: u64,
    of: u64,
}

/// Bounds, both included, between which something lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower one.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

/// How a rate compares with another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The rate less the other one.
    pub difference: f64,
    /// Where the true difference lies.
    pub difference_interval: Interval,
    /// The difference as a share of the other rate; `None` where that is 0.
    pub lift: Option<f64>,
    /// Where the true lift lies; `None` where one of the rates is 0, of which this method says nothing.
    pub lift_interval: Option<Interval>,
    /// Whether the rates differ by more than chance explains: 0 does not lie in the interval of the difference.
    pub is_significant: bool,
}

impl Rate {
    /// `hits` of `of`; `None` of nobody, or of fewer than there are hits.
    pub const fn new(hits: u64, of: u64) -> Option<Self> {
        if of == 0 || hits > of { None } else { Some(Self { hits, of }) }
    }

    /// The rate, from 0 to 1.
    pub fn value(self) -> f64 {
        number(self.hits) / number(self.of)
    }

    /// How this rate compares with another.
    pub fn against(self, other: Self) -> Comparison {
        let (mine, theirs) = (self.value(), other.value());
        let (mine_in, theirs_in) = (wilson(self), wilson(other));
        let difference = mine - theirs;
        let low = difference - (mine - mine_in.low).hypot(theirs_in.high - theirs);
        let high = difference + (mine_in.high - mine).hypot(theirs - theirs_in.low);
        Comparison {
            difference,
            difference_interval: Interval { low, high },
            lift: (other.hits > 0).then(|| mine / theirs - 1.0),
            lift_interval: (self.hits > 0 && other.hits > 0).then(|| {
                let variance =
                    1.0 / number(self.hits) - 1.0 / number(self.of) + 1.0 / number(other.hits) - 1.0 / number(other.of);
                let (middle, reach) = ((mine / theirs).ln(), Z * variance.max(0.0).sqrt());
                Interval { low: (middle - reach).exp() - 1.0, high: (middle + reach).exp() - 1.0 }
            }),
            is_significant: low > 0.0 || high < 0.0,
        }
    }
}

/// Where the true rate lies.
pub fn wilson(rate: Rate) -> Interval {
    let (hits, of) = (number(rate.hits), number(rate.of));
    let square = Z * Z;
    let middle = 2.0 * hits + square;
    let reach = Z * (square + 4.0 * hits * (1.0 - hits / of)).sqrt();
    let whole = 2.0 * (of + square);
    // At the ends it is exact, which rounding must not spoil.
    Interval {
        low: if rate.hits == 0 { 0.0 } else { (middle - reach) / whole },
        high: if rate.hits == rate.of { 1.0 } else { (middle + reach) / whole },
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of users lie far below 2^53")]
const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(hits: u64, of: u64) -> Rate {
        Rate::new(hits, of).unwrap()
    }

    fn close(found: Interval, low: f64, high: f64) {
        assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{found:?}: {low} to {high}");
    }

    /// From table I of R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven methods", 1998.
    #[test]
    fn wilson_s_intervals_are_those_of_the_literature() {
        close(wilson(rate(81, 263)), 0.2553, 0.3662);
        close(wilson(rate(15, 148)), 0.0624, 0.1605);
        close(wilson(rate(0, 20)), 0.0, 0.1611);
        close(wilson(rate(1, 29)), 0.0061, 0.1718);
    }

    /// From table II of Newcombe's article on differences, method 10.
    #[test]
    fn newcombe_s_intervals_are_those_of_the_literature() {
        for (mine, theirs, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
            ((10, 10), (0, 10), 0.6075, 1.0),
        ] {
            close(rate(mine.0, mine.1).against(rate(theirs.0, theirs.1)).difference_interval, low, high);
        }
    }

    /// Heart attacks with placebo and aspirin: A. Agresti, "Categorical Data Analysis", section 3.1: a relative risk of 1.82, from 1.43 to
    /// 2.31.
    #[test]
    fn katz_s_interval_is_that_of_the_literature() {
        let compared = rate(189, 11_034).against(rate(104, 11_037));
        assert!((compared.lift.unwrap() - 0.8178).abs() < 5e-5);
        let interval = compared.lift_interval.unwrap();
        assert!((interval.low - 0.433).abs() < 5e-4 && (interval.high - 1.306).abs() < 5e-4, "{interval:?}");
        assert!(compared.is_significant);
    }

    #[test]
    fn what_can_t_be_told_is_left_out() {
        assert_eq!((Rate::new(0, 0), Rate::new(2, 1)), (None, None));
        let from_nothing = rate(3, 10).against(rate(0, 10));
        assert_eq!((from_nothing.lift, from_nothing.lift_interval), (None, None));
        let to_nothing = rate(0, 10).against(rate(3, 10));
        assert_eq!((to_nothing.lift, to_nothing.lift_interval), (Some(-1.0), None));
    }

    proptest! {
        #[test]
        fn intervals_hold_what_they_are_of(a in 1..400u64, b in 1..400u64, x in 0..400u64, y in 0..400u64) {
            let (mine, theirs) = (rate(x.min(a), a), rate(y.min(b), b));
            let compared = mine.against(theirs);
            let holds = |interval: Interval, value: f64| interval.low <= value + 1e-12 && value <= interval.high + 1e-12;
            prop_assert!(holds(wilson(mine), mine.value()));
            prop_assert!(holds(compared.difference_interval, compared.difference));
            prop_assert!(compared.difference_interval.low >= -1.0 && compared.difference_interval.high <= 1.0);
            if let Some(interval) = compared.lift_interval {
                prop_assert!(holds(interval, compared.lift.unwrap()) && interval.low.is_finite() && interval.high.is_finite());
            }
            // The other way round it is the mirror image.
            let mirrored = theirs.against(mine);
            prop_assert_eq!(mirrored.is_significant, compared.is_significant);
            prop_assert!((mirrored.difference_interval.low + compared.difference_interval.high).abs() < 1e-12);
        }
    }
}

//! Which variant of a campaign a user gets.

use crate::ids::{CampaignId, UserId};

/// Which of the variants with these percentages a user gets: the same wherever and whenever it is asked, and of one campaign independent
/// of that of another. `None`: the percentages come to less than 100, and the user is in the rest.
///
/// The user's number is hashed together with the campaign's id (FNV-1a, then the finaliser of MurmurHash3, which spreads what differs in
/// a few bits over all of them) to one of ten thousand places, of which each per cent has a hundred in a row.
pub fn assign(campaign: &CampaignId, user: UserId, percentages: impl IntoIterator<Item = u8>) -> Option<usize> {
    let bytes = campaign.as_str().bytes().chain(user.0.to_be_bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let place = crate::ids::spread(hash) % 10_000;
    let mut end = 0;
    percentages.into_iter().position(|percentage| {
        end += u64::from(percentage) * 100;
        place < end
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn campaign(id: &str) -> CampaignId {
        CampaignId::parse(id).unwrap()
    }

    /// The chi-squared statistic of how often each variant was met, against its percentage.
    fn chi_squared(campaign: &CampaignId, first: i64, users: i64, percentages: &[u8]) -> f64 {
        let mut met = vec![0_u32; percentages.len()];
        for user in first..first + users {
            met[assign(campaign, UserId(user), percentages.iter().copied()).unwrap()] += 1;
        }
        let expected = |percentage: u8| f64::from(percentage) / 100.0 * users as f64;
        let term =
            |(met, percentage): (&u32, &u8)| (f64::from(*met) - expected(*percentage)).powi(2) / expected(*percentage);
        met.iter().zip(percentages).map(term).sum()
    }

    #[test]
    fn users_are_spread_as_the_percentages_say() {
        let percentages = [45, 45, 10];
        // Two degrees of freedom: chance alone passes 18.4 once in ten thousand times, and the seeds are fixed.
        for id in ["a", "b", "welcome", "free_shipping", "spring-2026"] {
            for first in [1, 1_000_000, 77_777_777] {
                let found = chi_squared(&campaign(id), first, 20_000, &percentages);
                assert!(found < 18.4, "{id} from {first}: {found}");
            }
        }
    }

    #[test]
    fn the_variant_of_one_campaign_says_nothing_of_another() {
        let halves = [50, 50];
        let of = |id: &str, user| assign(&campaign(id), UserId(user), halves).unwrap();
        let both = (0..20_000).filter(|user| of("first", *user) == 0 && of("second", *user) == 0).count();
        assert!((4_750..5_250).contains(&both), "{both}");
    }

    #[test]
    fn assignments_stay_what_they_are() {
        // Everybody would get another variant if the hash were changed.
        let of = |user| assign(&campaign("welcome"), UserId(user), [34, 33, 33]).unwrap();
        let found: Vec<usize> = (1..=16).map(of).collect();
        assert_eq!(found, [0, 2, 2, 0, 1, 0, 0, 0, 2, 1, 2, 1, 0, 1, 2, 0]);
    }

    proptest! {
        #[test]
        fn everybody_has_one_variant_and_the_rest_has_none(user: i64, split in 0_u8..=100) {
            let id = campaign("x");
            let found = assign(&id, UserId(user), [split, 100 - split]).unwrap();
            prop_assert_eq!(assign(&id, UserId(user), [split, 100 - split]), Some(found));
            prop_assert_eq!(assign(&id, UserId(user), [split]).is_some(), found == 0);
        }
    }
}

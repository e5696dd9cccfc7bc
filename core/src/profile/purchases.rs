//! What a user bought.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Tally, merge::has_room};
use crate::{
    limits,
    protocol::{Currency, Hundredths},
    time::Timestamp,
};

/// What a user bought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchases {
    /// How many purchases.
    pub count: u64,
    /// Price times quantity, by currency.
    pub revenue: BTreeMap<Currency, Hundredths>,
    /// By product, of at most [`limits::PROFILE_PRODUCTS`].
    pub products: BTreeMap<String, ProductPurchases>,
    /// The last [`limits::RECENT_PURCHASES`], ascending: what windows are exact up to. (Profiles stored before these were kept lack
    /// those of then.)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<RecentPurchase>,
    /// The first time. (Likewise; then it is that of a product.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<Timestamp>,
}

/// One of the last purchases. The order of the fields is that of comparing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecentPurchase {
    /// When.
    pub at: Timestamp,
    /// What.
    pub product: Box<str>,
    /// The currency.
    pub currency: Currency,
    /// Price times quantity.
    pub amount: Hundredths,
}

/// The purchases of one product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductPurchases {
    /// How many purchases.
    pub count: u64,
    /// The first time.
    pub first: Option<Timestamp>,
    /// The last time.
    pub last: Option<Timestamp>,
    /// How many pieces. (Profiles stored before pieces were counted lack those of then, and their revenue.)
    #[serde(default)]
    pub quantity: u64,
    /// Price times quantity, by currency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revenue: BTreeMap<Currency, Hundredths>,
}

impl Purchases {
    /// Adds a purchase of a product.
    pub(super) fn add(&mut self, id: &str, quantity: u32, currency: Currency, amount: Hundredths, at: Timestamp) {
        self.count = self.count.saturating_add(1);
        self.first = Some(self.first().map_or(at, |first| first.min(at)));
        earn(&mut self.revenue, currency, amount);
        let purchase = RecentPurchase { at, product: id.into(), currency, amount };
        let place = self.recent.partition_point(|before| *before <= purchase);
        self.recent.insert(place, purchase);
        self.forget_old();
        let products = self.products.len();
        match self.products.get_mut(id) {
            Some(product) => product.add(quantity, currency, amount, at),
            None if products >= limits::PROFILE_PRODUCTS => {}
            None => self.products.entry(id.to_owned()).or_default().add(quantity, currency, amount, at),
        }
    }

    /// Takes over what filters look at of all purchases: of products only this one.
    pub(super) fn take(&mut self, whole: &Self, product: Option<&str>) {
        (self.count, self.first) = (whole.count, whole.first());
        self.revenue.clone_from(&whole.revenue);
        self.recent.clone_from(&whole.recent);
        let known = product.and_then(|product| whole.products.get_key_value(product));
        self.products.extend(known.map(|(product, known)| (product.clone(), known.clone())));
    }

    /// Adds the purchases of another profile.
    pub(super) fn merge(&mut self, other: Self) {
        self.first = [self.first(), other.first()].into_iter().flatten().min();
        self.count = self.count.saturating_add(other.count);
        earn_all(&mut self.revenue, other.revenue);
        self.recent.extend(other.recent);
        self.recent.sort_unstable();
        self.forget_old();
        for (id, product) in other.products {
            if has_room(&self.products, &id, limits::PROFILE_PRODUCTS) {
                self.products.entry(id).or_default().merge(product);
            }
        }
    }
}

impl Purchases {
    /// When the first was.
    pub fn first(&self) -> Option<Timestamp> {
        self.first.or_else(|| self.products.values().filter_map(|product| product.first).min())
    }

    /// The last ones, from the most recent on.
    pub fn recent(&self) -> impl Iterator<Item = &RecentPurchase> {
        self.recent.iter().rev()
    }

    /// Whether the next purchase takes the place of one of the last ones.
    pub fn is_recent_full(&self) -> bool {
        self.recent.len() >= limits::RECENT_PURCHASES
    }

    fn forget_old(&mut self) {
        let surplus = self.recent.len().saturating_sub(limits::RECENT_PURCHASES);
        self.recent.drain(..surplus);
    }

    /// The memory that it takes beside itself and the products, in bytes, about.
    pub(super) fn memory(&self) -> usize {
        self.recent.len() * (size_of::<RecentPurchase>() + 24)
    }
}

impl ProductPurchases {
    /// How often, first and last.
    pub const fn tally(&self) -> Tally {
        Tally { count: self.count, first: self.first, last: self.last }
    }

    fn note(&mut self, purchases: &Tally) {
        let mut tally = self.tally();
        tally.merge(purchases);
        (self.count, self.first, self.last) = (tally.count, tally.first, tally.last);
    }

    fn add(&mut self, quantity: u32, currency: Currency, amount: Hundredths, at: Timestamp) {
        self.note(&Tally { count: 1, first: Some(at), last: Some(at) });
        self.quantity = self.quantity.saturating_add(u64::from(quantity));
        earn(&mut self.revenue, currency, amount);
    }

    fn merge(&mut self, other: Self) {
        self.note(&other.tally());
        self.quantity = self.quantity.saturating_add(other.quantity);
        earn_all(&mut self.revenue, other.revenue);
    }
}

fn earn(revenue: &mut BTreeMap<Currency, Hundredths>, currency: Currency, amount: Hundredths) {
    let sum = revenue.entry(currency).or_default();
    *sum = sum.plus(amount);
}

fn earn_all(revenue: &mut BTreeMap<Currency, Hundredths>, other: BTreeMap<Currency, Hundredths>) {
    other.into_iter().for_each(|(currency, amount)| earn(revenue, currency, amount));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_add_up() {
        let (eur, usd) = (Currency::parse("EUR").unwrap(), Currency::parse("USD").unwrap());
        let mut purchases = Purchases::default();
        purchases.add("mug", 2, eur, Hundredths(300), Timestamp::from_ms(5));
        purchases.add("mug", 3, usd, Hundredths(100), Timestamp::from_ms(3));
        purchases.add("cap", 1, eur, Hundredths(50), Timestamp::from_ms(9));
        let mug = &purchases.products["mug"];
        assert_eq!((mug.count, mug.quantity), (2, 5));
        assert_eq!((mug.first, mug.last), (Some(Timestamp::from_ms(3)), Some(Timestamp::from_ms(5))));
        assert_eq!(mug.revenue, BTreeMap::from([(eur, Hundredths(300)), (usd, Hundredths(100))]));
        assert_eq!(purchases.revenue[&eur], Hundredths(350));
    }

    #[test]
    fn what_was_stored_before_pieces_were_counted_is_read() {
        let stored = r#"{"count":2,"revenue":{"EUR":3.5},"products":{"mug":{"count":2,"first":3,"last":5}}}"#;
        let purchases: Purchases = serde_json::from_str(stored).unwrap();
        assert_eq!((purchases.products["mug"].count, purchases.products["mug"].quantity), (2, 0));
    }

    #[test]
    fn past_the_bound_purchases_still_count() {
        let eur = Currency::parse("EUR").unwrap();
        let mut purchases = Purchases::default();
        for n in 0..=limits::PROFILE_PRODUCTS {
            purchases.add(&format!("p{n}"), 1, eur, Hundredths(1), Timestamp::from_ms(5));
        }
        assert_eq!(purchases.products.len(), limits::PROFILE_PRODUCTS);
        assert_eq!((purchases.count, purchases.revenue[&eur]), (2_001, Hundredths(2_001)));
    }
}

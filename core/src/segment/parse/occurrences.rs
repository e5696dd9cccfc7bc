//! Reading conditions on what happens now and then, and on money.

use std::sync::Arc;

use super::{Bounds, CampaignId, Condition, Interaction, OccurrenceTest, Reader, Source, name, time};
use crate::{
    decode::{DecodeError, Fields, Path},
    limits,
    protocol::{Currency, Hundredths},
    segment::{
        filter::{PropertyTest, Spent, Window},
        host::Host,
        test::Test,
        tracked::{Tracked, TrackedSource},
    },
    value::{Value, is_name},
};

const COUNT: &str = "at_least, at_most, or exactly, with a whole number";

impl Reader<'_> {
    pub(super) fn occurrences(&self, form: &'static str, fields: &Fields<'_>) -> Result<Condition, DecodeError> {
        let source = self.source(form, fields)?;
        let (first, last) = (fields.read("first", time::time_test)?, fields.read("last", time::time_test)?);
        let test = match (first, last) {
            (None, None) => {
                let window = self.window(fields)?;
                let bounds = fields.read("count", bounds)?.unwrap_or(Bounds::at_least(1));
                // To tell that there are not more than so many, one more must be known.
                let needed = bounds.most.map_or(bounds.least, |most| most.saturating_add(1));
                if window != Window::Ever && needed > source.times_known() as u64 {
                    return Err(fields.error(
                        "count",
                        match source {
                            Source::Message(..) => {
                                "no count beside within or days (of messages the last time is known)"
                            }
                            _ => "no more than 64 in a window",
                        },
                    ));
                }
                OccurrenceTest::Count(bounds, window)
            }
            (first, last) => {
                if let Some(key) = ["count", "within", "days", "time_zone"].into_iter().find(|key| fields.has(key)) {
                    return Err(fields.error(key, "first or last alone"));
                }
                match (first, last) {
                    (Some(test), None) => OccurrenceTest::First(test),
                    (None, Some(test)) => OccurrenceTest::Last(test),
                    _ => return Err(fields.error("last", "first or last, not both")),
                }
            }
        };
        Ok(Condition::Occurrences { of: source, test })
    }

    fn source(&self, form: &'static str, fields: &Fields<'_>) -> Result<Source, DecodeError> {
        const TESTS: [&str; 6] = ["count", "within", "days", "time_zone", "first", "last"];
        let allowed = |more: &[&'static str]| -> Vec<&'static str> { TESTS.iter().chain(more).copied().collect() };
        match form {
            "event" => {
                fields.only(
                    &allowed(&["event", "where", "between"]),
                    "event, where, count, within, days, time_zone, between, first and last only",
                )?;
                let event = name(fields, "event")?;
                Ok(self.tracked(fields, TrackedSource::Event(event.clone()))?.unwrap_or(Source::Event(event)))
            }
            "purchase" => {
                fields.only(
                    &allowed(&["purchase", "where", "between"]),
                    "purchase, where, count, within, days, time_zone, between, first and last only",
                )?;
                let product = fields.read("purchase", |value, path| {
                    let fields = Fields::of(value, path)?;
                    fields.only(&["product"], "product only, or {} for any")?;
                    if fields.has("product") { name(&fields, "product").map(Some) } else { Ok(None) }
                })?;
                let product = product.flatten();
                let tracked = self.tracked(fields, TrackedSource::Purchase(product.clone()))?;
                Ok(tracked.unwrap_or(Source::Purchase(product)))
            }
            "session" => {
                fields.only(&allowed(&["session"]), "session, count, within, days, time_zone, first and last only")?;
                fields.read("session", |value, path| {
                    Fields::of(value, path)?.only(&[], "{}: it says only that sessions are meant")
                })?;
                Ok(Source::Session)
            }
            _ => {
                const EXPECTED: &str = "message, was, count, within, days, time_zone, first and last only";
                fields.only(&allowed(&["message", "was"]), EXPECTED)?;
                const CAMPAIGN: &str = "the id of a campaign";
                let campaign = CampaignId::parse(fields.required_text("message", CAMPAIGN)?);
                let campaign = campaign.map_err(|_| fields.error("message", CAMPAIGN))?;
                const WAS: &str = "seen, clicked or dismissed";
                let interaction = match fields.required_text("was", WAS)? {
                    "seen" => Interaction::Seen,
                    "clicked" => Interaction::Clicked,
                    "dismissed" => Interaction::Dismissed,
                    _ => return Err(fields.error("was", WAS)),
                };
                Ok(Source::Message(campaign, interaction))
            }
        }
    }

    /// What is counted by itself because more is asked of it than every profile knows.
    fn tracked(&self, fields: &Fields<'_>, of: TrackedSource) -> Result<Option<Source>, DecodeError> {
        let read = |value: &Value, path: &Path<'_>| PropertyTest::read(value, path, self.host);
        let properties = fields.read_all("where", limits::FILTER_NODES, read)?;
        let between = time::between(fields)?;
        if between.is_some()
            && let Some(key) = ["within", "days"].into_iter().find(|key| fields.has(key))
        {
            return Err(fields.error(key, "between, within or days, not several"));
        }
        if properties.is_empty() && between.is_none() {
            return Ok(None);
        }
        let mut tracked = Tracked::new(of, properties, between);
        tracked.id = self.host.counter(tracked.definition);
        Ok(Some(Source::Tracked(Arc::new(tracked))))
    }

    pub(super) fn spent(&self, fields: &Fields<'_>) -> Result<Condition, DecodeError> {
        const KEYS: [&str; 7] = ["spent", "product", "at_least", "at_most", "within", "days", "time_zone"];
        fields.only(&KEYS, "spent, product, at_least, at_most, within, days and time_zone only")?;
        const CURRENCY: &str = "a currency's code, like \"EUR\"";
        let currency = Currency::parse(fields.required_text("spent", CURRENCY)?);
        let currency = currency.ok_or_else(|| fields.error("spent", CURRENCY))?;
        const AMOUNT: &str = "an amount of money, not negative, with at most two decimals";
        let amount = |key: &str| {
            fields.read(key, |value, path| {
                let Value::Number(units) = value else { return Err(path.expected(AMOUNT)) };
                // To round it would be to ask something else.
                let is_whole = |amount: &Hundredths| (amount.as_units() - units.get()).abs() < f64::EPSILON;
                Hundredths::from_units(units.get()).filter(is_whole).ok_or_else(|| path.expected(AMOUNT))
            })
        };
        let (least, most) = (amount("at_least")?, amount("at_most")?);
        if least.is_none() && most.is_none() {
            return Err(fields.error_here("at_least or at_most"));
        }
        let product = if fields.has("product") { Some(name(fields, "product")?) } else { None };
        let window = self.window(fields)?;
        Ok(Condition::Spent(Spent { currency, product, least: least.unwrap_or_default(), most, window }))
    }
}

pub(super) fn bounds(value: &Value, path: &Path<'_>) -> Result<Bounds, DecodeError> {
    let fields = Fields::of(value, path)?;
    fields.only(&["at_least", "at_most", "exactly"], COUNT)?;
    let number = |key: &str| {
        let number = fields.integer(key)?;
        number.map(|number| u64::try_from(number).map_err(|_| fields.error(key, COUNT))).transpose()
    };
    match (number("at_least")?, number("at_most")?, number("exactly")?) {
        (None, None, Some(exactly)) => Ok(Bounds { least: exactly, most: Some(exactly) }),
        (least, most, None) if least.is_some() || most.is_some() => {
            let least = least.unwrap_or_default();
            if most.is_some_and(|most| most < least) {
                return Err(fields.error("at_most", "no less than at_least"));
            }
            Ok(Bounds { least, most })
        }
        _ => Err(path.expected(COUNT)),
    }
}

impl PropertyTest {
    /// Reads `{"property": …, "path": […], TEST}`.
    pub fn read(value: &Value, path: &Path<'_>, host: &dyn Host) -> Result<Self, DecodeError> {
        const EXPECTED: &str = "the name of a property";
        let fields = Fields::of(value, path)?;
        let property = fields.required_text("property", EXPECTED)?;
        if !is_name(property) {
            return Err(fields.error("property", EXPECTED));
        }
        let test = Test::parse(&fields, &["property", "path"], host)?;
        Ok(Self { property: property.to_owned(), path: super::path_of(&fields)?, test, source: value.clone() })
    }
}

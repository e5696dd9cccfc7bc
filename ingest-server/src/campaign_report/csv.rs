//! A report as comma-separated values (RFC 4180), for spreadsheets: a row for each day and variant, and a column for each figure that adds up.

use std::collections::BTreeSet;

use kindling_core::{ids::ConversionId, protocol::Currency};

use super::{CampaignReport, Figures, VariantReport};

/// A figure, with what its column is called.
type Column<'r> = (String, Box<dyn Fn(&Figures) -> String + 'r>);

impl CampaignReport {
    /// The report as a table. Rates are left out: those of several rows follow from their sums, not from their rates.
    pub fn to_csv(&self) -> Vec<u8> {
        let columns = self.columns();
        let mut table = csv::Writer::from_writer(Vec::new());
        // Writing to memory does not fail, and all rows are of one length.
        let mut write = |row: Vec<String>| drop(table.write_record(row));
        let named = ["day", "variant", "control"].map(ToOwned::to_owned).into_iter();
        write(named.chain(columns.iter().map(|(name, _)| name.clone())).collect());
        for (day, VariantReport { variant, control, figures }) in self.rows() {
            let variant = variant.as_ref().map_or_else(String::new, ToString::to_string);
            let which = [day.to_owned(), variant, control.to_string()].into_iter();
            write(which.chain(columns.iter().map(|(_, value)| value(figures))).collect());
        }
        table.into_inner().unwrap_or_default()
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &VariantReport)> {
        self.days.iter().flat_map(|day| day.variants.iter().map(|variant| (day.day.as_str(), variant)))
    }

    fn columns(&self) -> Vec<Column<'_>> {
        let count = |name: &str, of: fn(&Figures) -> u64| -> Column<'_> {
            (name.to_owned(), Box::new(move |figures| of(figures).to_string()))
        };
        let mut columns = vec![
            count("eligible", |figures| figures.eligible),
            count("sent", |figures| figures.sent),
            count("impressions", |figures| figures.impressions),
            count("unique_impressions", |figures| figures.unique_impressions),
            count("clicks", |figures| figures.clicks),
            count("dismissals", |figures| figures.dismissals),
        ];
        let mut buttons: BTreeSet<&String> = BTreeSet::new();
        let mut conversions: BTreeSet<&ConversionId> = BTreeSet::new();
        let mut revenues: BTreeSet<(&ConversionId, Currency)> = BTreeSet::new();
        for (_, VariantReport { figures, .. }) in self.rows() {
            buttons.extend(figures.buttons.keys());
            for (id, conversion) in &figures.conversions {
                conversions.insert(id);
                revenues.extend(conversion.revenue.keys().map(|currency| (id, *currency)));
            }
        }
        for button in buttons {
            let clicks = |figures: &Figures| figures.buttons.get(button).copied().unwrap_or(0).to_string();
            columns.push((format!("clicks on {button}"), Box::new(clicks)));
        }
        for id in conversions {
            let users = |figures: &Figures| figures.conversions.get(id).map_or(0, |found| found.users).to_string();
            columns.push((format!("{id}: users"), Box::new(users)));
        }
        for (id, currency) in revenues {
            let revenue = move |figures: &Figures| {
                let revenue = figures.conversions.get(id).and_then(|found| found.revenue.get(&currency).copied());
                revenue.unwrap_or_default().as_units().to_string()
            };
            columns.push((format!("{id}: {}", currency.as_str()), Box::new(revenue)));
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::{
        calendar::Date,
        conversion::Figure,
        ids::{CampaignId, VariantId},
    };
    use serde_json::json;

    use crate::{campaign::Campaign, store::ReportRows};

    use super::*;

    #[test]
    fn each_day_and_variant_has_a_row() {
        let definition = json!({
            "channel": "in_app", "name": "Sale", "trigger": {"type": "session_start"},
            "variants": [
                {"id": "short", "percentage": 50, "message": {"type": "modal", "body": "Hi"}},
                {"id": "none", "percentage": 50, "control": true},
            ],
            "conversions": [{"id": "bought", "type": "purchase", "within": "1h"}],
        });
        let definition = serde_json::from_value(definition).unwrap();
        let campaign = Campaign::parse(CampaignId::parse("sale").unwrap(), &definition).unwrap();
        let (bought, euro) = (ConversionId::parse("bought").unwrap(), Currency::parse("EUR").unwrap());
        let rows: ReportRows = [
            (5, "short", Figure::Impressions, 7),
            (5, "short", Figure::ButtonClicks("say \"go\"".to_owned()), 3),
            (6, "short", Figure::Conversions(bought.clone()), 2),
            (6, "short", Figure::Revenue(bought, euro), 1_250),
            (6, "none", Figure::UniqueImpressions, 4),
        ]
        .into_iter()
        .map(|(day, variant, figure, amount)| {
            ((Date::from_days(day), Some(VariantId::parse(variant).unwrap()), figure), amount)
        })
        .collect();
        let table = CampaignReport::new(&campaign, &rows).to_csv();
        let wanted = [
            r#"day,variant,control,eligible,sent,impressions,unique_impressions,clicks,dismissals,"clicks on say ""go""",bought: users,bought: EUR"#,
            "1970-01-06,short,false,0,0,7,0,0,0,3,0,0",
            "1970-01-06,none,true,0,0,0,0,0,0,0,0,0",
            "1970-01-07,short,false,0,0,0,0,0,0,0,2,12.5",
            "1970-01-07,none,true,0,0,0,4,0,0,0,0,0",
        ];
        assert_eq!(String::from_utf8(table).unwrap().lines().collect::<Vec<_>>(), wanted);
    }
}

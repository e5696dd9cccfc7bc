//! What counts as a conversion, as a campaign says it.

use crate::{
    decode::{DecodeError, Fields, Path},
    ids::ConversionId,
    limits,
    protocol::RecordKind,
    segment::{Host, PropertyTest, Tracked, TrackedSource},
    time::Duration,
    value::{Value, is_name},
};

/// What counts as a conversion of a campaign.
///
/// In JSON: `{"id": "bought", "type": "purchase", "product_id": "mug", "where": [{"property": "size", "is": "L"}], "within": "3d"}`,
/// `{"id": "signed", "type": "custom_event", "name": "signed_up", "within": "12h"}`, `{"id": "back", "type": "session_start", "within": "7d"}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// Its id, for reports.
    pub id: ConversionId,
    /// What happens.
    pub of: Outcome,
    /// All of these must hold of its properties.
    pub tests: Vec<PropertyTest>,
    /// How long after an impression, from [`limits::CONVERSION_WITHIN_LEAST`] to [`limits::CONVERSION_WITHIN_MOST`].
    pub within: Duration,
    /// If something is tested: a number for what happens and what is tested, which is the same wherever the same is.
    pub(super) tested: Option<u64>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The site logs this event.
    Event(String),
    /// The user buys this product, or any.
    Purchase(Option<String>),
    /// A session begins.
    SessionStart,
}

impl Conversion {
    /// Reads all that count as conversions of a campaign: at most [`limits::CONVERSIONS`], no two of one id.
    pub fn read_all(fields: &Fields<'_>, host: &dyn Host) -> Result<Vec<Self>, DecodeError> {
        let mut known: Vec<Self> = Vec::new();
        let read = |value: &Value, path: &Path<'_>| {
            let conversion = Self::read(value, path, host)?;
            if known.iter().any(|other| other.id == conversion.id) {
                return Err(Path::Member(path, "id").expected("an id that no other conversion of the campaign has"));
            }
            known.push(conversion);
            Ok(())
        };
        fields.read_all("conversions", limits::CONVERSIONS, read)?;
        Ok(known)
    }

    fn read(value: &Value, path: &Path<'_>, host: &dyn Host) -> Result<Self, DecodeError> {
        const TYPES: &str = "purchase, custom_event or session_start";
        let fields = Fields::of(value, path)?;
        let id = ConversionId::parse(fields.required_text("id", "an id for reports: 1 to 64 of a-z, 0-9, _ and -")?)
            .map_err(|error| fields.error("id", error.expected))?;
        let within = fields.text("within")?.and_then(Duration::parse);
        let within = within
            .filter(|within| (limits::CONVERSION_WITHIN_LEAST..=limits::CONVERSION_WITHIN_MOST).contains(within))
            .ok_or_else(|| fields.error("within", "a duration from 1s to 30d, like \"3d\""))?;
        let of = match fields.required_text("type", TYPES)? {
            "purchase" => {
                fields.only(
                    &["id", "type", "product_id", "where", "within"],
                    "id, type, product_id, where and within only",
                )?;
                Outcome::Purchase(name(&fields, "product_id", "the id of a product")?)
            }
            "custom_event" => {
                fields.only(&["id", "type", "name", "where", "within"], "id, type, name, where and within only")?;
                const EVENT: &str = "the name of an event";
                Outcome::Event(name(&fields, "name", EVENT)?.ok_or_else(|| fields.error("name", EVENT))?)
            }
            "session_start" => {
                fields.only(&["id", "type", "within"], "id, type and within only")?;
                Outcome::SessionStart
            }
            _ => return Err(fields.error("type", TYPES)),
        };
        let test = |value: &Value, path: &Path<'_>| PropertyTest::read(value, path, host);
        let tests = fields.read_all("where", limits::FILTER_NODES, test)?;
        let tested = of.tested(&tests);
        Ok(Self { id, of, tests, within, tested })
    }
}

fn name(fields: &Fields<'_>, key: &str, expected: &'static str) -> Result<Option<String>, DecodeError> {
    match fields.text(key)? {
        None => Ok(None),
        Some(name) if is_name(name) => Ok(Some(name.to_owned())),
        Some(_) => Err(fields.error(key, expected)),
    }
}

impl Outcome {
    /// All that such a record is one of: of a purchase, of any product and of that one.
    pub(super) fn of<P>(kind: &RecordKind<P>) -> [Option<Self>; 2] {
        match kind {
            RecordKind::CustomEvent { name, .. } => [Some(Self::Event(name.clone())), None],
            RecordKind::Purchase { product_id, .. } => {
                [Some(Self::Purchase(None)), Some(Self::Purchase(Some(product_id.clone())))]
            }
            RecordKind::SessionStart { .. } => [Some(Self::SessionStart), None],
            _ => [None, None],
        }
    }

    fn tested(&self, tests: &[PropertyTest]) -> Option<u64> {
        let source = match self {
            Self::Event(name) => TrackedSource::Event(name.clone()),
            Self::Purchase(product) => TrackedSource::Purchase(product.clone()),
            Self::SessionStart => return None,
        };
        (!tests.is_empty()).then(|| Tracked::new(source, tests.to_vec(), None).definition)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::segment::Device;

    pub(in crate::conversion) fn read(json: &str) -> Result<Vec<Conversion>, String> {
        let value = serde_json::from_str(&format!(r#"{{"conversions":{json}}}"#)).unwrap();
        let fields = Fields::of(&value, &Path::Definition).unwrap();
        Conversion::read_all(&fields, &Device).map_err(|error| error.to_string())
    }

    #[test]
    fn conversions_are_read() {
        let all = read(
            r#"[{"id":"bought","type":"purchase","within":"3d"},
                {"id":"large","type":"purchase","product_id":"mug","where":[{"property":"size","is":"L"}],"within":"30d"},
                {"id":"signed","type":"custom_event","name":"signed_up","within":"1s"},
                {"id":"back","type":"session_start","within":"1w"}]"#,
        )
        .unwrap();
        let of: Vec<_> = all.iter().map(|conversion| (conversion.id.as_str(), &conversion.of)).collect();
        assert_eq!(
            of,
            [
                ("bought", &Outcome::Purchase(None)),
                ("large", &Outcome::Purchase(Some("mug".into()))),
                ("signed", &Outcome::Event("signed_up".into())),
                ("back", &Outcome::SessionStart),
            ]
        );
        assert_eq!(all[1].within, Duration::from_days(30));
        assert!(all[1].tested.is_some() && all[0].tested.is_none());
        assert_eq!(read("null"), Ok(Vec::new()));
    }

    #[test]
    fn errors_name_the_path() {
        for (json, wanted) in [
            (r#"[{"type":"purchase","within":"3d"}]"#, "$.conversions[0].id: expected an id"),
            (r#"[{"id":"No","type":"purchase","within":"3d"}]"#, "$.conversions[0].id: expected 1 to 64"),
            (r#"[{"id":"a","type":"purchase"}]"#, "$.conversions[0].within: expected a duration from 1s to 30d"),
            (r#"[{"id":"a","type":"purchase","within":"31d"}]"#, "$.conversions[0].within: expected a duration"),
            (r#"[{"id":"a","type":"bought","within":"3d"}]"#, "$.conversions[0].type: expected purchase"),
            (r#"[{"id":"a","type":"custom_event","within":"3d"}]"#, "$.conversions[0].name: expected the name"),
            (r#"[{"id":"a","type":"session_start","where":[],"within":"3d"}]"#, "$.conversions[0].where: expected"),
            (
                r#"[{"id":"a","type":"purchase","where":[{"property":"a","above":1}],"within":"3d"}]"#,
                "$.conversions[0].where[0].above: expected exactly one",
            ),
            (
                r#"[{"id":"a","type":"purchase","within":"3d"},{"id":"a","type":"session_start","within":"3d"}]"#,
                "$.conversions[1].id: expected an id that no other",
            ),
            (r#"{"id":"a"}"#, "$.conversions: expected an array"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }
}

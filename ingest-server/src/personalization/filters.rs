//! Filters that the library does not have, or not as we need them: its dates look at the clock, `join` and `replace` can make very much of
//! little before anybody counts it, and `uniq` compares everything with everything.

use std::fmt::Write as _;

use jiff::{
    Timestamp as Instant, Zoned,
    civil::Time,
    fmt::{
        strtime,
        temporal::{Pieces, PiecesOffset},
    },
    tz::TimeZone as Zone,
};
use kindling_core::{
    limits,
    message::{VALUE_CLOSE, VALUE_OPEN},
};
use liquid_core::{
    Display_filter, Error, Expression, Filter, FilterParameters, FilterReflection, FromFilterParameters, ParseFilter,
    Result, Runtime, Value, ValueView,
};

use super::language::{Rendering, spend};

macro_rules! place_filters {
    ($($(#[$doc:meta])* $parser:ident $filter:ident $name:literal $write:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, ParseFilter, FilterReflection)]
        #[filter(name = $name, description = "for what is printed", parsed($filter))]
        pub(super) struct $parser;

        #[derive(Debug, Default, Display_filter)]
        #[name = $name]
        struct $filter;

        impl Filter for $filter {
            fn evaluate(&self, input: &dyn ValueView, _: &dyn Runtime) -> Result<Value> {
                let mut text = String::new();
                for char in input.render().to_string().chars().filter(|char| !matches!(*char, VALUE_OPEN | VALUE_CLOSE)) {
                    $write(char, &mut text);
                }
                Ok(Value::scalar(text))
            }
        }
    )*};
}

place_filters! {
    /// For a text: it stands as it is.
    ForText ForTextFilter "for_text" push;
    /// For a part of an address.
    ForUrl ForUrlFilter "for_url" in_url;
    /// For an address, or the beginning of one.
    ForAddress ForAddressFilter "for_address" in_address;
    /// For markup.
    ForHtml ForHtmlFilter "for_html" in_html;
}

fn push(char: char, text: &mut String) {
    text.push(char);
}

fn in_percent(char: char, text: &mut String) {
    for byte in char.encode_utf8(&mut [0; 4]).bytes() {
        // Writing to a string does not fail.
        let _ = write!(text, "%{byte:02X}");
    }
}

/// Everything but what RFC 3986 calls unreserved.
pub(super) fn in_url(char: char, text: &mut String) {
    if char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_' | '~') {
        text.push(char);
    } else {
        in_percent(char, text);
    }
}

/// What stands in no address. Whether the whole is a harmless one is looked at when it is complete.
fn in_address(char: char, text: &mut String) {
    if char.is_ascii_graphic() && !matches!(char, '"' | '\\' | '<' | '>' | '^' | '`' | '{' | '|' | '}') {
        text.push(char);
    } else {
        in_percent(char, text);
    }
}

pub(super) fn in_html(char: char, text: &mut String) {
    match char {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        '"' => text.push_str("&quot;"),
        '\'' => text.push_str("&#39;"),
        char => text.push(char),
    }
}

/// At the end of what is printed into markup: it is markup itself. [`super::source`] sees to that; by itself it does nothing.
#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(name = "raw", description = "what is printed is markup", parsed(RawFilter))]
pub(super) struct Raw;

#[derive(Debug, Default, Display_filter)]
#[name = "raw"]
struct RawFilter;

impl Filter for RawFilter {
    fn evaluate(&self, input: &dyn ValueView, _: &dyn Runtime) -> Result<Value> {
        Ok(input.to_value())
    }
}

#[derive(Debug, FilterParameters)]
struct DateArgs {
    #[parameter(description = "The form, as of strftime.", arg_type = "str")]
    form: Expression,
}

/// Writes an instant in a form: `now`, a time, milliseconds or seconds since 1970, or a text in ISO 8601.
#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(name = "date", description = "writes an instant in a form", parameters(DateArgs), parsed(DateFilter))]
pub(super) struct Date;

#[derive(Debug, FromFilterParameters, Display_filter)]
#[name = "date"]
struct DateFilter {
    #[parameters]
    args: DateArgs,
}

impl Filter for DateFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        let args = self.args.evaluate(runtime)?;
        // What is no time stays as it is, as the language has it.
        let Some(at) = instant(input, runtime) else { return Ok(input.to_value()) };
        let text = strtime::format(args.form.as_str(), &at);
        text.map(Value::scalar).map_err(|error| Error::with_msg(format!("the form of a date: {error}")))
    }
}

#[derive(Debug, FilterParameters)]
struct TimeZoneArgs {
    #[parameter(description = "The IANA name of a time zone.", arg_type = "str")]
    zone: Expression,
}

/// Takes an instant to a time zone, for `date`. An unknown one is UTC.
#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(
    name = "time_zone",
    description = "takes an instant to a time zone",
    parameters(TimeZoneArgs),
    parsed(TimeZoneFilter)
)]
pub(super) struct TimeZone;

#[derive(Debug, FromFilterParameters, Display_filter)]
#[name = "time_zone"]
struct TimeZoneFilter {
    #[parameters]
    args: TimeZoneArgs,
}

impl Filter for TimeZoneFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        let args = self.args.evaluate(runtime)?;
        let Some(at) = instant(input, runtime) else { return Ok(input.to_value()) };
        let at = at.with_time_zone(Zone::get(args.zone.as_str()).unwrap_or(Zone::UTC));
        let text = at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        Ok(Value::scalar(text))
    }
}

/// The instant that a value is, if it is one.
fn instant(value: &dyn ValueView, runtime: &dyn Runtime) -> Option<Zoned> {
    /// From here on a number is milliseconds: as seconds it would be the year 5138.
    const MILLISECONDS: i64 = 100_000_000_000;
    let value = value.as_scalar()?;
    let utc = |at: Instant| at.to_zoned(Zone::UTC);
    if let Some(number) = value.to_integer() {
        let at =
            if number.abs() < MILLISECONDS { Instant::from_second(number) } else { Instant::from_millisecond(number) };
        return at.ok().map(utc);
    }
    let text = value.to_kstr();
    if matches!(text.as_str(), "now" | "today") {
        let now = runtime.registers().get_mut::<Rendering>().now;
        return Instant::from_millisecond(now.as_ms()).ok().map(utc);
    }
    let pieces = Pieces::parse(text.as_str()).ok()?;
    let zone = match pieces.offset() {
        Some(PiecesOffset::Numeric(offset)) => Zone::fixed(offset.offset()),
        _ => Zone::UTC,
    };
    pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight())).to_zoned(zone).ok()
}

#[derive(Debug, FilterParameters)]
struct JoinArgs {
    #[parameter(description = "What stands between.", arg_type = "str")]
    between: Option<Expression>,
}

/// Puts the elements of a list behind one another.
#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(name = "join", description = "makes a text of a list", parameters(JoinArgs), parsed(JoinFilter))]
pub(super) struct Join;

#[derive(Debug, FromFilterParameters, Display_filter)]
#[name = "join"]
struct JoinFilter {
    #[parameters]
    args: JoinArgs,
}

impl Filter for JoinFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        let args = self.args.evaluate(runtime)?;
        let between = args.between.unwrap_or_else(|| " ".into());
        let Some(items) = input.as_array() else { return Ok(input.to_value()) };
        let mut text = String::new();
        for (place, item) in items.values().enumerate() {
            if place > 0 {
                spend(runtime, between.len())?;
                text.push_str(between.as_str());
            }
            text.push_str(item.to_kstr().as_str());
        }
        Ok(Value::scalar(text))
    }
}

#[derive(Debug, FilterParameters)]
struct ReplaceArgs {
    #[parameter(description = "What goes.", arg_type = "str")]
    from: Expression,
    #[parameter(description = "What comes in its place.", arg_type = "str")]
    to: Option<Expression>,
}

/// Replaces a text wherever it stands.
#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(name = "replace", description = "replaces a text", parameters(ReplaceArgs), parsed(ReplaceFilter))]
pub(super) struct Replace;

#[derive(Debug, FromFilterParameters, Display_filter)]
#[name = "replace"]
struct ReplaceFilter {
    #[parameters]
    args: ReplaceArgs,
}

impl Filter for ReplaceFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        let args = self.args.evaluate(runtime)?;
        let (text, to) = (input.to_kstr(), args.to.unwrap_or_default());
        spend(runtime, text.matches(args.from.as_str()).count().saturating_mul(to.len()))?;
        Ok(Value::scalar(text.replace(args.from.as_str(), to.as_str())))
    }
}

/// Leaves out what a list has twice.
#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(name = "uniq", description = "leaves out what a list has twice", parsed(UniqFilter))]
pub(super) struct Uniq;

#[derive(Debug, Default, Display_filter)]
#[name = "uniq"]
struct UniqFilter;

impl Filter for UniqFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        let Some(items) = input.as_array() else { return Ok(input.to_value()) };
        let mut kept: Vec<Value> = Vec::new();
        for item in items.values().take(limits::TEMPLATE_ITEMS) {
            spend(runtime, kept.len())?;
            let item = item.to_value();
            if !kept.contains(&item) {
                kept.push(item);
            }
        }
        Ok(Value::Array(kept))
    }
}

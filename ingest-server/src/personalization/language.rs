//! Which tags and filters there are, and what they may cost.
//!
//! It is the library's standard language, without what reaches outside of the template, and with a bound: a rendering has so much work to
//! spend, and each filter, each round of a loop and each byte that a loop prints takes some of it. So none takes long, whatever stands in
//! the template or on the profile.

use std::{fmt, io::Write, sync::LazyLock};

use kindling_core::{
    limits,
    message::{VALUE_CLOSE, VALUE_OPEN},
    time::Timestamp,
};
use liquid_core::{
    Error, Filter, FilterReflection, Language, ParseFilter, ParseTag, Renderable, Result, Runtime, TagReflection,
    TagTokenIter, Value, ValueView, parser::FilterArguments,
};
use liquid_lib::stdlib;

use super::{filters, loops};

/// What a rendering has with it.
#[derive(Debug)]
pub(super) struct Rendering {
    /// When it happens.
    pub(super) now: Timestamp,
    /// Work that is left, in bytes that are looked at or made.
    left: usize,
    /// The template said that the message is not to be sent, and why.
    pub(super) aborted: Option<String>,
}

impl Default for Rendering {
    fn default() -> Self {
        Self { now: Timestamp::from_ms(0), left: limits::TEMPLATE_WORK, aborted: None }
    }
}

/// Takes so much of the work that is left.
pub(super) fn spend(runtime: &dyn Runtime, work: usize) -> Result<()> {
    let mut rendering = runtime.registers().get_mut::<Rendering>();
    rendering.left = rendering.left.checked_sub(work).ok_or_else(|| Error::with_msg("the template does too much"))?;
    Ok(())
}

/// How much work it is to look at a value. It may have only so many elements.
pub(super) fn weigh(value: &dyn ValueView) -> Result<usize> {
    /// What anything takes beside its text.
    const ANYTHING: usize = 32;
    let mut bytes = ANYTHING;
    if let Some(items) = value.as_array() {
        if usize::try_from(items.size()).unwrap_or(usize::MAX) > limits::TEMPLATE_ITEMS {
            return Err(Error::with_msg(format!("a list may have at most {} elements", limits::TEMPLATE_ITEMS)));
        }
        for item in items.values() {
            bytes += weigh(item)?;
        }
    } else if let Some(members) = value.as_object() {
        for (name, member) in members.iter() {
            bytes += name.len() + weigh(member)?;
        }
    } else {
        bytes += value.to_kstr().len();
    }
    Ok(bytes)
}

/// The language.
pub(super) static LANGUAGE: LazyLock<Language> = LazyLock::new(|| {
    let mut language = Language::empty();
    let blocks: [Box<dyn liquid_core::ParseBlock>; 6] = [
        stdlib::IfBlock.into(),
        stdlib::UnlessBlock.into(),
        stdlib::CaseBlock.into(),
        stdlib::CaptureBlock.into(),
        stdlib::CommentBlock.into(),
        loops::ForBlock.into(),
    ];
    for block in blocks {
        language.blocks.register(block.reflection().start_tag().to_owned(), block);
    }
    let tags: [Box<dyn ParseTag>; 5] = [
        stdlib::AssignTag.into(),
        stdlib::BreakTag.into(),
        stdlib::ContinueTag.into(),
        AbortTag.into(),
        EventTag.into(),
    ];
    for tag in tags {
        language.tags.register(tag.reflection().tag().to_owned(), tag);
    }
    macro_rules! filters {
        ($($module:ident: $($filter:ident)*;)*) => {$($(
            let filter = Measured($module::$filter);
            language.filters.register(filter.reflection().name().to_owned(), filter.into());
        )*)*};
    }
    filters! {
        stdlib: Abs Append AtLeast AtMost Capitalize Ceil Compact Concat Default DividedBy Downcase Escape EscapeOnce First Floor
            Last Lstrip Map Minus Modulo NewlineToBr Plus Prepend Remove RemoveFirst ReplaceFirst Reverse Round Rstrip Size Slice Sort
            SortNatural Split Strip StripHtml StripNewlines Times Truncate TruncateWords Upcase UrlDecode UrlEncode Where;
        filters: Date ForAddress ForHtml ForText ForUrl Join Raw Replace TimeZone Uniq;
    }
    language
});

/// A filter whose work is counted: what goes in and what comes out. It can make little of much, so what it is given is looked at first.
#[derive(Clone)]
struct Measured<F>(F);

impl<F: ParseFilter + Clone + 'static> ParseFilter for Measured<F> {
    fn parse(&self, arguments: FilterArguments<'_>) -> Result<Box<dyn Filter>> {
        Ok(Box::new(MeasuredFilter(self.0.parse(arguments)?)))
    }

    fn reflection(&self) -> &dyn FilterReflection {
        self.0.reflection()
    }
}

#[derive(Debug)]
struct MeasuredFilter(Box<dyn Filter>);

impl Filter for MeasuredFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        spend(runtime, weigh(input)?)?;
        let output = self.0.evaluate(input, runtime)?;
        spend(runtime, weigh(&output)?)?;
        Ok(output)
    }
}

impl fmt::Display for MeasuredFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `{% abort_message 'reason' %}`: the message is not to be sent to this user.
#[derive(Debug, Clone, Copy)]
struct AbortTag;

#[derive(Debug)]
struct Abort(String);

impl TagReflection for AbortTag {
    fn tag(&self) -> &'static str {
        "abort_message"
    }

    fn description(&self) -> &'static str {
        "the message is not sent to this user"
    }
}

impl ParseTag for AbortTag {
    fn parse(&self, mut arguments: TagTokenIter<'_>, _: &Language) -> Result<Box<dyn Renderable>> {
        let reason = match arguments.next() {
            Some(reason) => {
                let reason = reason.expect_literal().into_result_custom_msg("a reason in quotes")?;
                reason.to_kstr().into_owned().into_string()
            }
            None => String::new(),
        };
        arguments.expect_nothing()?;
        Ok(Box::new(Abort(reason)))
    }

    fn reflection(&self) -> &dyn TagReflection {
        self
    }
}

impl Renderable for Abort {
    fn render_to(&self, _: &mut dyn Write, runtime: &dyn Runtime) -> Result<()> {
        runtime.registers().get_mut::<Rendering>().aborted = Some(self.0.clone());
        Err(Error::with_msg("aborted"))
    }
}

/// Stands in a compiled template where the device is to put in a value of the event. Nobody writes it: [`super::source`] does.
#[derive(Debug, Clone, Copy)]
struct EventTag;

#[derive(Debug)]
struct EventMark(String);

impl TagReflection for EventTag {
    fn tag(&self) -> &'static str {
        "event_value"
    }

    fn description(&self) -> &'static str {
        "a value that the device puts in"
    }
}

impl ParseTag for EventTag {
    fn parse(&self, mut arguments: TagTokenIter<'_>, _: &Language) -> Result<Box<dyn Renderable>> {
        let number = arguments.expect_next("a number")?.expect_literal().into_result()?;
        Ok(Box::new(EventMark(format!("{VALUE_OPEN}{}{VALUE_CLOSE}", number.render()))))
    }

    fn reflection(&self) -> &dyn TagReflection {
        self
    }
}

impl Renderable for EventMark {
    fn render_to(&self, writer: &mut dyn Write, _: &dyn Runtime) -> Result<()> {
        writer.write_all(self.0.as_bytes()).map_err(|_| Error::with_msg("the text is too long"))
    }
}

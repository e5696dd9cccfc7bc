//! `for`, with a bound: the library's own makes a list of a range before it looks at how long that is.

use std::{collections::HashMap, io, io::Write};

use kindling_core::limits;
use liquid_core::{
    BlockReflection, Error, Expression, Language, Object, ParseBlock, Renderable, Result, Runtime, TagBlock,
    TagTokenIter, Template, Value, ValueView,
    model::{KString, KStringRef},
    parser::{BlockElement, TryMatchToken},
    runtime::{Interrupt, InterruptRegister, StackFrame},
};

use super::{
    language::{spend, weigh},
    lenient::Lenient,
};

/// `{% for item in list %}…{% else %}…{% endfor %}`, also with a range `(1..3)`, and with `limit:`, `offset:` and `reversed`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForBlock;

#[derive(Debug)]
struct For {
    item: KString,
    over: Over,
    limit: Option<Expression>,
    offset: Option<Expression>,
    reversed: bool,
    each: Template,
    otherwise: Option<Template>,
}

/// What a loop goes over.
#[derive(Debug)]
enum Over {
    List(Expression),
    Range(Expression, Expression),
}

impl BlockReflection for ForBlock {
    fn start_tag(&self) -> &'static str {
        "for"
    }

    fn end_tag(&self) -> &'static str {
        "endfor"
    }

    fn description(&self) -> &'static str {
        "goes over a list"
    }
}

impl ParseBlock for ForBlock {
    fn parse(
        &self,
        mut arguments: TagTokenIter<'_>,
        mut tokens: TagBlock<'_, '_>,
        language: &Language,
    ) -> Result<Box<dyn Renderable>> {
        let item = arguments.expect_next("a name expected")?.expect_identifier().into_result()?.to_owned();
        arguments.expect_next("\"in\" expected")?.expect_str("in").into_result_custom_msg("\"in\" expected")?;
        let over = match arguments.expect_next("a list or a range expected")?.expect_value() {
            TryMatchToken::Matches(list) => Over::List(list),
            TryMatchToken::Fails(range) => {
                let (first, last) = range.expect_range().into_result()?;
                Over::Range(first, last)
            }
        };
        let (mut limit, mut offset, mut reversed) = (None, None, false);
        while let Some(token) = arguments.next() {
            match token.as_str() {
                "limit" => limit = Some(argument(&mut arguments)?),
                "offset" => offset = Some(argument(&mut arguments)?),
                "reversed" => reversed = true,
                _ => return Err(token.raise_custom_error("\"limit\", \"offset\" or \"reversed\" expected")),
            }
        }
        let (mut each, mut otherwise) = (Vec::new(), None);
        while let Some(element) = tokens.next()? {
            match element {
                BlockElement::Tag(tag) if tag.name() == "else" => {
                    otherwise = Some(Template::new(tokens.parse_all(language)?));
                    break;
                }
                BlockElement::Tag(tag) => each.push(tag.parse(&mut tokens, language)?),
                element => each.push(element.parse(&mut tokens, language)?),
            }
        }
        tokens.assert_empty();
        let each = Template::new(each);
        Ok(Box::new(For { item: item.into(), over, limit, offset, reversed, each, otherwise }))
    }

    fn reflection(&self) -> &dyn BlockReflection {
        self
    }
}

fn argument(arguments: &mut TagTokenIter<'_>) -> Result<Expression> {
    arguments.expect_next("\":\" expected")?.expect_str(":").into_result_custom_msg("\":\" expected")?;
    arguments.expect_next("a number expected")?.expect_value().into_result()
}

fn number(expression: &Expression, runtime: &dyn Runtime) -> Result<i64> {
    let value = expression.evaluate(runtime)?;
    let number = value.as_scalar().and_then(|number| number.to_integer());
    number.ok_or_else(|| Error::with_msg(format!("{expression} is not a whole number")))
}

impl Over {
    /// The elements. What is nothing has none.
    fn items(&self, runtime: &dyn Runtime) -> Result<Vec<Value>> {
        match self {
            Self::List(list) => {
                let list = list.evaluate(runtime)?;
                spend(runtime, weigh(list.as_view())?)?;
                if let Some(items) = list.as_array() {
                    Ok(items.values().map(ValueView::to_value).collect())
                } else if let Some(members) = list.as_object() {
                    let pair = |(name, value): (liquid_core::model::KStringCow<'_>, &dyn ValueView)| {
                        Value::Array(vec![Value::scalar(name.into_owned()), value.to_value()])
                    };
                    Ok(members.iter().map(pair).collect())
                } else {
                    Ok(Vec::new())
                }
            }
            Self::Range(first, last) => {
                let (first, last) = (number(first, runtime)?, number(last, runtime)?);
                let most = i64::try_from(limits::TEMPLATE_ITEMS).unwrap_or(i64::MAX);
                if last.saturating_sub(first) >= most {
                    return Err(Error::with_msg(format!("a range may have at most {most} numbers")));
                }
                Ok((first..=last).map(Value::scalar).collect())
            }
        }
    }
}

impl Renderable for For {
    fn render_to(&self, writer: &mut dyn Write, runtime: &dyn Runtime) -> Result<()> {
        let amount = |given: &Option<Expression>| given.as_ref().map(|given| number(given, runtime)).transpose();
        let some = |given: i64| usize::try_from(given).unwrap_or(0);
        let (limit, offset) = (amount(&self.limit)?.map(some), amount(&self.offset)?.map_or(0, some));
        let mut items = self.over.items(runtime)?;
        items.drain(..offset.min(items.len()));
        items.truncate(limit.unwrap_or(items.len()));
        if self.reversed {
            items.reverse();
        }
        if items.is_empty() {
            return self.otherwise.as_ref().map_or(Ok(()), |otherwise| otherwise.render_to(writer, runtime));
        }
        let length = items.len();
        for (place, item) in items.into_iter().enumerate() {
            /// What a round takes beside what it prints and what its filters do.
            const ROUND: usize = 512;
            spend(runtime, ROUND)?;
            let forloop = Value::Object(about(place, length));
            let within: HashMap<KStringRef<'_>, &dyn ValueView> =
                HashMap::from([("forloop".into(), &forloop as &dyn ValueView), (self.item.as_ref(), &item)]);
            let frame = Lenient(StackFrame::new(runtime, &within));
            self.each.render_to(&mut Counted { writer: &mut *writer, runtime }, &frame)?;
            if frame.registers().get_mut::<InterruptRegister>().reset() == Some(Interrupt::Break) {
                break;
            }
        }
        Ok(())
    }
}

/// What a template can know of the round that a loop is in.
fn about(place: usize, length: usize) -> Object {
    let number = |number: usize| Value::scalar(i64::try_from(number).unwrap_or(i64::MAX));
    let mut about = Object::new();
    about.insert("index".into(), number(place + 1));
    about.insert("index0".into(), number(place));
    about.insert("rindex".into(), number(length - place));
    about.insert("rindex0".into(), number(length - place - 1));
    about.insert("first".into(), Value::scalar(place == 0));
    about.insert("last".into(), Value::scalar(place + 1 == length));
    about.insert("length".into(), number(length));
    about
}

/// What a loop prints is work too, also where it is captured.
struct Counted<'w> {
    writer: &'w mut dyn Write,
    runtime: &'w dyn Runtime,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        spend(self.runtime, bytes.len()).map_err(|_| io::Error::other("too much"))?;
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

//! A compiled template of one text.

use std::{
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
};

use kindling_core::{message::EventValue, time::Timestamp};
use liquid_core::{
    Error, Object, Renderable as _, Runtime as _, parser,
    runtime::{RuntimeBuilder, Template as Compiled},
};

use super::{
    language::{LANGUAGE, Rendering},
    lenient::Lenient,
    source::Source,
};

/// A compiled template of one text.
#[derive(Debug)]
pub(super) struct Template {
    compiled: Compiled,
    /// Bytes that may come out.
    most: usize,
}

/// Why a template came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It says itself that the message is not to be sent.
    Aborted(String),
    /// It could not be rendered.
    Error(String),
}

impl Template {
    /// Compiles a template that was taken apart, for a text of at most so many bytes; with `values`, as [`Source::compiled`] has it. The
    /// error says what is wrong.
    pub(super) fn compile(
        source: &Source<'_>,
        most: usize,
        values: Option<&mut Vec<EventValue>>,
    ) -> Result<Self, String> {
        let text = source.compiled(values);
        // The library is trusted with what a person wrote, but not to be without mistakes.
        let parsed = panic::catch_unwind(|| parser::parse(&text, &LANGUAGE));
        let elements = parsed.map_err(|_| "it can't be compiled".to_owned())?.map_err(|error| in_one_line(&error))?;
        Ok(Self { compiled: Compiled::new(elements), most })
    }

    /// Renders the template.
    pub(super) fn render(&self, values: &Object, now: Timestamp) -> Result<String, Failure> {
        let runtime = Lenient(RuntimeBuilder::new().set_globals(values).build());
        runtime.registers().get_mut::<Rendering>().now = now;
        let mut text = Text { bytes: Vec::new(), most: self.most, is_full: false };
        let rendered = panic::catch_unwind(AssertUnwindSafe(|| self.compiled.render_to(&mut text, &runtime)));
        if text.is_full {
            return Err(Failure::Error(format!("it may have at most {} bytes", self.most)));
        }
        match rendered {
            Ok(Ok(())) => String::from_utf8(text.bytes).map_err(|_| Failure::Error("it is not text".to_owned())),
            Ok(Err(error)) => {
                let aborted = runtime.registers().get_mut::<Rendering>().aborted.take();
                Err(aborted.map_or_else(|| Failure::Error(in_one_line(&error)), Failure::Aborted))
            }
            Err(_) => Err(Failure::Error("it can't be rendered".to_owned())),
        }
    }
}

/// What is wrong, in one line. The library says it in several, with its own name before them, and with the values that it stumbled over:
/// those are the user's, and stay where they are.
fn in_one_line(error: &Error) -> String {
    /// Characters of it that are of use.
    const MOST: usize = 300;
    let text = error.to_string();
    let lines = text.lines().map(|line| line.trim().trim_start_matches("liquid: "));
    let said = lines.take_while(|line| !line.starts_with("input=")).filter(|line| !line.is_empty() && *line != "with:");
    said.collect::<Vec<_>>().join("; ").chars().take(MOST).collect()
}

/// What is printed, within the bound of a message's text.
struct Text {
    bytes: Vec<u8>,
    most: usize,
    is_full: bool,
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_full |= self.bytes.len() + bytes.len() > self.most;
        if self.is_full {
            return Err(io::Error::other("too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

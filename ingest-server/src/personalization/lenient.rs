//! What is missing is nothing. Users of the language expect that; to the library it is an error in one place and not in another.

use std::{collections::BTreeSet, fmt};

use liquid_core::{
    Result, Runtime, Value, ValueView,
    model::{ArrayView, DisplayCow, KString, KStringCow, KStringRef, ScalarCow, State, ValueCow},
    runtime::{PartialStore, Registers},
};

/// A runtime in which what is missing is nothing.
pub(super) struct Lenient<R>(pub(super) R);

/// Nothing. It is an empty list as well, so that one can ask what it contains.
#[derive(Debug)]
struct Nothing;

impl<R: Runtime> Runtime for Lenient<R> {
    fn partials(&self) -> &dyn PartialStore {
        self.0.partials()
    }

    fn name(&self) -> Option<KStringRef<'_>> {
        self.0.name()
    }

    fn roots(&self) -> BTreeSet<KStringCow<'_>> {
        self.0.roots()
    }

    fn try_get(&self, path: &[ScalarCow<'_>]) -> Option<ValueCow<'_>> {
        self.get(path).ok()
    }

    fn get(&self, path: &[ScalarCow<'_>]) -> Result<ValueCow<'_>> {
        let found = self.0.try_get(path).filter(|value| !value.is_nil());
        Ok(found.unwrap_or(ValueCow::Borrowed(&Nothing)))
    }

    fn set_global(&self, name: KString, value: Value) -> Option<Value> {
        self.0.set_global(name, value)
    }

    fn set_index(&self, name: KString, value: Value) -> Option<Value> {
        self.0.set_index(name, value)
    }

    fn get_index<'a>(&'a self, name: &str) -> Option<ValueCow<'a>> {
        self.0.get_index(name)
    }

    fn registers(&self) -> &Registers {
        self.0.registers()
    }
}

impl ValueView for Nothing {
    fn as_debug(&self) -> &dyn fmt::Debug {
        self
    }

    fn render(&self) -> DisplayCow<'_> {
        DisplayCow::Borrowed(&"")
    }

    fn source(&self) -> DisplayCow<'_> {
        DisplayCow::Borrowed(&"")
    }

    fn type_name(&self) -> &'static str {
        "nil"
    }

    fn query_state(&self, state: State) -> bool {
        !matches!(state, State::Truthy)
    }

    fn to_kstr(&self) -> KStringCow<'_> {
        KStringCow::from_static("")
    }

    fn to_value(&self) -> Value {
        Value::Nil
    }

    fn as_array(&self) -> Option<&dyn ArrayView> {
        Some(self)
    }

    fn is_nil(&self) -> bool {
        true
    }
}

impl ArrayView for Nothing {
    fn as_value(&self) -> &dyn ValueView {
        self
    }

    fn size(&self) -> i64 {
        0
    }

    fn values<'k>(&'k self) -> Box<dyn Iterator<Item = &'k dyn ValueView> + 'k> {
        Box::new(std::iter::empty())
    }

    fn contains_key(&self, _: i64) -> bool {
        false
    }

    fn get(&self, _: i64) -> Option<&dyn ValueView> {
        None
    }
}

//! Changing objects from within, in a way that can be taken back: whether the outcome is within the limits is known only when it
//! is there, and copying the whole object for every change would cost far more than the change.

use crate::value::{Object, Value};

/// What takes a change back: the members that changed, with what they were.
pub(super) type Undo = Vec<(String, Before)>;

/// What a member was.
pub(super) enum Before {
    /// This, or not there.
    Was(Option<Value>),
    /// An object, of which these members changed.
    Inside(Undo),
}

/// Merges a patch into an object (RFC 7386).
pub(super) fn merge(target: &mut Object, patch: &Object) -> Undo {
    let mut undo = Undo::with_capacity(patch.len());
    for (name, new) in patch {
        let before = match (target.remove(name), new) {
            (old, Value::Null) => Before::Was(old),
            (Some(Value::Object(mut members)), Value::Object(patch)) => {
                let inside = merge(&mut members, patch);
                target.insert(name.to_owned(), Value::Object(members));
                Before::Inside(inside)
            }
            (old, Value::Object(patch)) => {
                // Its nulls are no values either.
                let mut members = Object::new();
                merge(&mut members, patch);
                target.insert(name.to_owned(), Value::Object(members));
                Before::Was(old)
            }
            (old, new) => {
                target.insert(name.to_owned(), new.clone());
                Before::Was(old)
            }
        };
        undo.push((name.to_owned(), before));
    }
    undo
}

/// Sets the value at a path, or with null removes what is there.
pub(super) fn put(target: &mut Object, path: &[String], value: &Value) -> Undo {
    let Some((name, rest)) = path.split_first() else { return Undo::new() };
    let before = match target.remove(name) {
        Some(Value::Object(mut members)) if !rest.is_empty() => {
            let inside = put(&mut members, rest, value);
            target.insert(name.clone(), Value::Object(members));
            Before::Inside(inside)
        }
        old => {
            match (value.is_null(), rest.is_empty()) {
                (true, true) => {}
                // To remove what is further down, where nothing is, changes nothing.
                (true, false) => {
                    if let Some(old) = old {
                        target.insert(name.clone(), old);
                    }
                    return Undo::new();
                }
                (false, _) => {
                    let nested = rest.iter().rev().fold(value.clone(), |inner, name| {
                        let mut members = Object::new();
                        members.insert(name.clone(), inner);
                        Value::Object(members)
                    });
                    target.insert(name.clone(), nested);
                }
            }
            Before::Was(old)
        }
    };
    vec![(name.clone(), before)]
}

/// Takes a change back.
pub(super) fn undo(target: &mut Object, changes: Undo) {
    for (name, before) in changes {
        match before {
            Before::Was(None) => drop(target.remove(&name)),
            Before::Was(Some(old)) => target.insert(name, old),
            Before::Inside(inside) => {
                if let Some(Value::Object(mut members)) = target.remove(&name) {
                    undo(&mut members, inside);
                    target.insert(name, Value::Object(members));
                }
            }
        }
    }
}

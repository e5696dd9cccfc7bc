//! Texts.

/// A text without regard to case: in lower case, by Unicode's rules, which depend on no language, and with a final sigma as any other.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::new();
    for char in lower_case(text).chars() {
        folded.push(if char == 'ς' { 'σ' } else { char });
    }
    folded
}

#[cfg(not(target_arch = "wasm32"))]
fn lower_case(text: &str) -> String {
    text.to_lowercase()
}

/// A browser has Unicode's tables already.
#[cfg(target_arch = "wasm32")]
fn lower_case(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

/// Whether a part of the text is this.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn contains(text: &str, part: &str) -> bool {
    text.contains(part)
}

/// The library's search is made for longer texts than a page has; it is 2 kB to load.
#[cfg(target_arch = "wasm32")]
pub(crate) fn contains(text: &str, part: &str) -> bool {
    part.is_empty() || text.as_bytes().windows(part.len()).any(|here| here == part.as_bytes())
}

/// What stands before the first such character of ASCII, and what behind it.
pub(crate) fn cut(text: &str, at: u8) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == at) {
        Some(place) => (text.get(..place).unwrap_or_default(), text.get(place + 1..)),
        None => (text, None),
    }
}

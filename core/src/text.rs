//! Texts.

/// A text without regard to case: in lower case, by Unicode's rules, which depend on no language, and with a final sigma as any other.
pub(crate) fn fold(text: &str) -> String {
    lower_case(text).replace('ς', "σ")
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

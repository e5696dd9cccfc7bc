//! Generating the JavaScript glue with wasm-bindgen. Its generator is a library here, so its version is the one in
//! Cargo.lock and nothing has to be installed.

use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

/// The generated files are `kindling.js` and `kindling_bg.wasm`.
const NAME: &str = "kindling";

/// Writes the glue and the final module into `folder`.
pub(crate) fn generate(wasm: &Path, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .out_name(NAME)
        // The public types are written by hand, in sdk/js/index.d.ts.
        .typescript(false)
        // The facade passes the module in. A second `new URL(…)` in the glue would make bundlers emit a second copy.
        .omit_default_module_path(true)
        // After a trap the facade makes the module anew.
        .reset_state_function(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder))
        .context("wasm-bindgen failed")
}

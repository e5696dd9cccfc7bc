//! Generating the JavaScript glue with wasm-bindgen. Its generator is a library here, so its version is the one in
//! Cargo.lock and nothing has to be installed.

use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

/// Writes the glue and the final module into `folder`, as `NAME.js` and `NAME_bg.wasm`.
pub(crate) fn generate(wasm: &Path, folder: &Path, name: &str) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .out_name(name)
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

//! The filter evaluator as a WebAssembly module, for the test that holds it against the native one. It is no part of the package.

use std::path::PathBuf;

use anyhow::Result;

use crate::bindgen;
use crate::folder;
use crate::progress;
use crate::project::Project;
use crate::wasm::Toolchain;

/// Builds the module with its glue, and returns the folder that they are in.
pub(crate) fn build(project: &Project, toolchain: &Toolchain) -> Result<PathBuf> {
    let wasm = progress::timed("compiling the filter cases to WebAssembly", || {
        toolchain.module(project, "kindling-filter-cases")
    })?;
    let place = project.target.join("filter-cases");
    folder::remove(&place)?;
    folder::create(&place)?;
    bindgen::generate(&wasm, &place, "kindling")?;
    Ok(place)
}

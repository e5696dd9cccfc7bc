//! The SDK as the server has it for sites without a bundler: what it embeds when it is built.
//!
//! The files that never change lie in a folder that is named after the version and what is in them; the loader, which has one
//! address for ever, names that folder. All are compressed here, so that the server only has to choose.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::fingerprint::Fingerprint;
use crate::folder;
use crate::process;
use crate::project::Project;

/// The files of the package that pages load from the server.
const FILES: [&str; 13] = [
    "index.js",
    "kindling_bg.wasm",
    "display.js",
    "forms.js",
    "preview.js",
    "wrongs.js",
    "filters.js",
    "kindling_filters_bg.wasm",
    "segments.js",
    "kindling_segments_bg.wasm",
    "left.js",
    "live.js",
    "render.js",
];

/// The loader in the package, its name on the server, and what it has for the SDK's address.
const LOADER: &str = "loader.js";
const SERVED_LOADER: &str = "kindling.js";
const ENTRY: &str = "\"./index.js\"";

/// The frame of HTML messages on strict sites, which has one address for ever too.
const FRAME: &str = "frame.html";

/// Digits of the fingerprint that the folder's name gets: enough to tell the builds of a version from each other.
const DIGITS: usize = 8;

/// Writes each file again beside itself, as gzip -9 and brotli 11 have it.
const COMPRESS: &str = "const { readFileSync, writeFileSync } = require('node:fs'); const zlib = require('node:zlib');
for (const file of process.argv.slice(1)) {
  const bytes = readFileSync(file);
  writeFileSync(`${file}.gz`, zlib.gzipSync(bytes, { level: 9 }));
  writeFileSync(`${file}.br`, zlib.brotliCompressSync(bytes));
}";

/// Makes the folder `place` from the package.
pub(crate) fn make(project: &Project, package: &Path, place: &Path) -> Result<()> {
    folder::remove(place)?;
    let dist = package.join("dist");
    let mut fingerprint = Fingerprint::default();
    for name in FILES {
        fingerprint.add_file(name, &dist.join(name))?;
    }
    let name = build_name(&project.version, &fingerprint.finish());
    for file in FILES {
        folder::copy_file(&dist.join(file), &place.join(&name).join(file))?;
    }
    folder::copy_file(&dist.join(FRAME), &place.join(FRAME))?;
    let loader = dist.join(LOADER);
    let text = fs::read_to_string(&loader).with_context(|| format!("cannot read {}", loader.display()))?;
    let text = with_entry(&text, &name)?;
    let loader = place.join(SERVED_LOADER);
    fs::write(&loader, text).with_context(|| format!("cannot write {}", loader.display()))?;
    process::output(Command::new("node").args(["-e", COMPRESS]).args(folder::files(place)?)).map(drop)
}

fn build_name(version: &str, fingerprint: &str) -> String {
    format!("{version}-{}", fingerprint.chars().take(DIGITS).collect::<String>())
}

/// The loader with the SDK's address on the server.
fn with_entry(loader: &str, build: &str) -> Result<String> {
    if loader.matches(ENTRY).count() != 1 {
        bail!("sdk/js/{LOADER} must contain {ENTRY} once");
    }
    Ok(loader.replace(ENTRY, &format!("\"./{build}/index.js\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_names_the_build() {
        let build = build_name("1.2.3", "0123456789abcdef");
        assert_eq!(build, "1.2.3-01234567");
        assert_eq!(with_entry("import(\"./index.js\")", &build).unwrap(), "import(\"./1.2.3-01234567/index.js\")");
        assert!(with_entry("import(\"./other.js\")", &build).is_err());
        assert!(with_entry(include_str!("../../sdk/js/loader.js"), &build).is_ok());
    }
}

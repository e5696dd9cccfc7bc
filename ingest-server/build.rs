//! Takes the files of the SDK into the server, if there are any: see sdk/README.md.

#![allow(clippy::print_stdout, reason = "how a build script tells cargo what it needs")]

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// The folder always exists, also as long as there is nothing in it to serve. Cargo looks at everything below it.
const FOLDER: &str = "sdk";
/// Where the files are.
const FILES: &str = "pkg";

/// What the precompressed forms of a file end with, and how the server's table names them.
const COMPRESSED: [(&str, &str); 2] = [("br", "brotli"), ("gz", "gzip")];

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={FOLDER}");
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).with_context(|| format!("cargo sets {name}"));
    let files = variable("CARGO_MANIFEST_DIR")?.join(FOLDER).join(FILES);
    let table = variable("OUT_DIR")?.join("sdk_files.rs");
    fs::write(&table, table_of(&files)?).with_context(|| format!("cannot write {}", table.display()))
}

/// The files as an expression: a slice of `File`s, in the order of their paths.
fn table_of(folder: &Path) -> Result<String> {
    let mut found = Vec::new();
    if folder.is_dir() {
        list(folder, &mut found)?;
    }
    found.sort();
    let is_compressed =
        |path: &Path| path.extension().is_some_and(|end| COMPRESSED.iter().any(|(known, _)| end == *known));
    let mut table = String::from("&[\n");
    for path in found.iter().filter(|path| !is_compressed(path)) {
        // The path of an address, whatever the system puts between folders.
        let parts: Vec<_> = path.strip_prefix(folder)?.iter().map(|part| part.to_string_lossy()).collect();
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let tag = Sha256::digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        write!(table, "File {{ path: {:?}, tag: {tag:?}, plain: include_bytes!({path:?})", parts.join("/"))?;
        for (ending, field) in COMPRESSED {
            let mut name = path.clone().into_os_string();
            name.push(format!(".{ending}"));
            let name = PathBuf::from(name);
            match found.contains(&name) {
                true => write!(table, ", {field}: Some(include_bytes!({name:?}))")?,
                false => write!(table, ", {field}: None")?,
            }
        }
        table.push_str(" },\n");
    }
    table.push(']');
    Ok(table)
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        match path.is_dir() {
            true => list(&path, found)?,
            false => found.push(path),
        }
    }
    Ok(())
}

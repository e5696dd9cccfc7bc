//! What the package weighs for those who load it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// What pages load, one way or another. The type declarations are read by editors only.
const LOADED: [&str; 15] = [
    "kindling_bg.wasm",
    "index.js",
    "display.js",
    "forms.js",
    "kindling_filters_bg.wasm",
    "filters.js",
    "kindling_segments_bg.wasm",
    "segments.js",
    "inline.js",
    "filters-module.js",
    "segments-module.js",
    "left.js",
    "live.js",
    "render.js",
    LOADER,
];

/// What stands in the way of a page that has no bundler, and the bytes that it may have, as they are.
const LOADER: &str = "loader.js";
const LOADER_BUDGET: u64 = 1_000;

/// A way in which a page may load it.
#[derive(Debug, Clone, Copy)]
struct Variant {
    name: &'static str,
    files: &'static [&'static str],
    /// The bytes that these may have, as brotli has them. Whoever makes the package smaller writes down the new size here, with a small margin.
    budget: Option<u64>,
}

const VARIANTS: [Variant; 6] = [
    // What most pages do. It is to go down, to 30,000.
    Variant { name: ".", files: &["kindling_bg.wasm", "index.js"], budget: Some(35_400) },
    Variant { name: ". with messages", files: &["kindling_bg.wasm", "index.js", "display.js"], budget: Some(40_000) },
    Variant {
        name: ". with filters",
        files: &["kindling_bg.wasm", "index.js", "kindling_filters_bg.wasm", "filters.js"],
        budget: None,
    },
    Variant {
        name: ". with segments",
        files: &["kindling_bg.wasm", "index.js", "kindling_segments_bg.wasm", "segments.js"],
        budget: None,
    },
    Variant { name: "./inline", files: &["inline.js", "index.js"], budget: None },
    Variant { name: "./loader", files: &[LOADER, "kindling_bg.wasm", "index.js"], budget: None },
];

/// Compresses as web servers do: gzip -9 and brotli 11. Node.js has both and is needed for the build anyway.
const COMPRESS: &str = "const { readFileSync } = require('node:fs'); const zlib = require('node:zlib');
for (const file of process.argv.slice(1)) {
  const bytes = readFileSync(file);
  console.log(zlib.gzipSync(bytes, { level: 9 }).length, zlib.brotliCompressSync(bytes).length);
}";

/// Bytes of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    raw: u64,
    gzip: u64,
    pub(crate) brotli: u64,
}

/// Prints the sizes of the files in the package in `folder`. With `hold`, it is an error if they are beyond the budget.
pub(crate) fn print(folder: &Path, hold: bool) -> Result<()> {
    let sizes = weigh(&LOADED.map(|name| folder.join("dist").join(name)))?;
    let rows: Vec<_> = LOADED.into_iter().zip(sizes).collect();
    print!("{}", table(&rows));
    within_budget("the loader, as it is,", sum(&rows, &[LOADER]).raw, LOADER_BUDGET)?;
    if !hold {
        println!("not held to its budget: this toolchain can't build the standard library");
        return Ok(());
    }
    for Variant { name, files, budget } in VARIANTS {
        if let Some(budget) = budget {
            within_budget(&format!("{name}, as brotli has it,"), sum(&rows, files).brotli, budget)?;
        }
    }
    Ok(())
}

/// The sizes of these files.
pub(crate) fn weigh(paths: &[PathBuf]) -> Result<Vec<Size>> {
    let compressed = process::output(Command::new("node").args(["-e", COMPRESS]).args(paths))?;
    let weigh = |(path, line): (&PathBuf, &str)| {
        let raw = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
        size(raw, line)
    };
    paths.iter().zip(compressed.lines()).map(weigh).collect()
}

fn within_budget(what: &str, bytes: u64, budget: u64) -> Result<()> {
    if bytes > budget {
        bail!("{what} has {bytes} bytes, and may have {budget}");
    }
    Ok(())
}

fn size(raw: u64, compressed: &str) -> Result<Size> {
    let mut numbers = compressed.split_whitespace().map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).with_context(|| format!("not two sizes: {compressed:?}"));
    Ok(Size { raw, gzip: next()?, brotli: next()? })
}

fn sum(rows: &[(&str, Size)], files: &[&str]) -> Size {
    let sizes = rows.iter().filter(|(name, _)| files.contains(name));
    sizes.fold(Size::default(), |sum, (_, size)| Size {
        raw: sum.raw + size.raw,
        gzip: sum.gzip + size.gzip,
        brotli: sum.brotli + size.brotli,
    })
}

/// Each file, then each variant.
fn table(rows: &[(&str, Size)]) -> String {
    let variants = VARIANTS.map(|Variant { name, files, .. }| (name, sum(rows, files)));
    let mut text = format!("{:<26}{:>10}{:>10}{:>10}\n", "bytes", "raw", "gzip -9", "brotli 11");
    for (name, size) in rows.iter().copied().chain(variants) {
        text += &format!("{name:<26}{:>10}{:>10}{:>10}\n", size.raw, size.gzip, size.brotli);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ends_with_the_sum_of_each_variant() {
        let sizes = [("kindling_bg.wasm", "400 300"), ("index.js", "7 5"), ("inline.js", "500 480")];
        let rows = sizes.map(|(name, compressed)| (name, size(1000, compressed).unwrap()));
        let text = table(&rows);
        let ends = |name: &str| -> Vec<&str> {
            let line = text.lines().find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with("  ")));
            line.unwrap().split_whitespace().collect()
        };
        assert_eq!(ends("kindling_bg.wasm"), ["1000", "400", "300"]);
        assert_eq!(ends("."), ["2000", "407", "305"]);
        assert_eq!(ends(". with messages"), ["2000", "407", "305"]);
        assert_eq!(ends("./inline"), ["2000", "507", "485"]);
    }

    #[test]
    fn every_file_of_a_variant_is_weighed() {
        assert!(VARIANTS.iter().flat_map(|variant| variant.files).all(|file| LOADED.contains(file)));
    }

    #[test]
    fn the_budget_is_held() {
        assert!(within_budget("it", 7, 7).is_ok());
        assert!(within_budget("it", 8, 7).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(size(1, "12").is_err());
        assert!(size(1, "x y").is_err());
    }
}

//! The npm package `@kindling/web-sdk`: compile the SDK, generate the glue, shrink the module, and put everything
//! together in sdk/pkg.
//!
//! Cargo decides whether to compile. The rest is skipped when a fingerprint of all inputs and of the package as it lies
//! there is the one of the last run. The folder changes in one step: an interrupted run leaves the old package or none,
//! never half of one. The same holds for what the server is to have of it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bindgen;
use crate::fingerprint::Fingerprint;
use crate::folder;
use crate::npm;
use crate::process;
use crate::progress;
use crate::project::Project;
use crate::served;
use crate::shrink;
use crate::wasm::Toolchain;

/// How the package is made. It is part of the fingerprint, so that a change of it makes a new package.
const RECIPE: [&str; 4] =
    [include_str!("package.rs"), include_str!("bindgen.rs"), include_str!("shrink.rs"), include_str!("served.rs")];

/// The package, and what the server embeds of it.
const PACKAGE: &str = "sdk/pkg";
const SERVED: &str = "ingest-server/sdk/pkg";

/// The version in sdk/package.json, which is replaced by the workspace's.
const VERSION_TO_FILL: &str = "\"version\": \"0.0.0\"";

/// The version as scripts name it, which is replaced too: in the package no script may have it any more.
const VERSION_IN_SCRIPTS: &str = "__VERSION__";

/// A module of the package: what it is made of, and who has it.
#[derive(Debug)]
struct Module {
    /// The package of this workspace that it is compiled from.
    package: &'static str,
    /// `NAME_bg.wasm` is the module, `NAME.js` its glue, which is generated.
    name: &'static str,
    /// The script that loads it, with all that this imports itself put into it.
    entry: &'static str,
    /// The script that carries it, and what is replaced there by the module as base64.
    carrier: (&'static str, &'static str),
}

/// What every page loads, and what pages load whose messages need it.
const MODULES: [Module; 3] = [
    Module { package: "kindling-sdk", name: "kindling", entry: "index.js", carrier: ("inline.js", "__MODULE__") },
    Module {
        package: "kindling-sdk-filters",
        name: "kindling_filters",
        entry: "filters.js",
        carrier: ("filters-module.js", "__FILTERS__"),
    },
    Module {
        package: "kindling-sdk-segments",
        name: "kindling_segments",
        entry: "segments.js",
        carrier: ("segments-module.js", "__SEGMENTS__"),
    },
];

/// What pages load when there is a message to draw, and beside it when that is a page or a survey. All that they import themselves is put
/// into them.
const DISPLAY: [&str; 2] = ["display.js", "forms.js"];

/// What those take in as text.
const STYLES: [&str; 2] = ["display/style.css", "display/form-style.css"];

/// What stands beside them in the package as it was written.
const ALONE: [&str; 9] = [
    "loader.js",
    "left.js",
    "live.js",
    "preview.js",
    "render.js",
    "frame.html",
    "wrongs.js",
    "index.d.ts",
    "loader.d.ts",
];

/// A finished package.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) folder: PathBuf,
}

/// Brings the package up to date, and what the server embeds of it.
pub(crate) fn build(project: &Project, toolchain: &Toolchain) -> Result<Package> {
    let sources = Sources::of(project)?;
    let lock = lock(project)?;
    let mut wasm = Vec::new();
    for Module { package, .. } in &MODULES {
        let what = format!("compiling {package} to WebAssembly with {}", toolchain.name());
        wasm.push(progress::timed(&what, || toolchain.module(project, package))?);
    }

    let inputs = sources.fingerprint(project, &wasm)?;
    let folder = renew(project, PACKAGE, &inputs, |new| assemble(project, &sources, &wasm, new))?;
    renew(project, SERVED, &inputs, |new| served::make(project, &folder, new))?;
    drop(lock);
    Ok(Package { folder })
}

/// Makes a folder, unless it is what came of these inputs the last time.
fn renew(project: &Project, name: &str, inputs: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = project.root.join(name);
    let stamp = project.state_folder()?.join(format!("{}.fingerprint", name.replace('/', "-")));
    if fs::read_to_string(&stamp).is_ok_and(|last| last == state(inputs, &folder)) {
        progress::say(&format!("{name} is up to date"));
        return Ok(folder);
    }
    progress::timed(&format!("making {name}"), || {
        let new = folder.with_file_name(".pkg-new");
        make(&new)?;
        replace(&folder, &new)
    })?;
    fs::write(&stamp, state(inputs, &folder)).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(folder)
}

/// One build at a time: two would get into each other's temporary folder.
fn lock(project: &Project) -> Result<File> {
    let path = project.state_folder()?.join("package.lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !told {
                    progress::say("waiting for another build of the package");
                    told = true;
                }
                process::check_interrupt()?;
                process::pause();
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}

/// The parts of the package that are written by hand.
#[derive(Debug)]
struct Sources {
    /// Copied, and the code among them made smaller.
    scripts: PathBuf,
    manifest: String,
    /// Name in the package and where it comes from.
    documents: Vec<(&'static str, PathBuf)>,
}

impl Sources {
    fn of(project: &Project) -> Result<Self> {
        let sdk = project.root.join("sdk");
        let scripts = sdk.join("js");
        for name in MODULES.iter().flat_map(|module| [module.entry, module.carrier.0]).chain(ALONE).chain(DISPLAY) {
            if !scripts.join(name).is_file() {
                bail!("{} is missing", project.display(&scripts.join(name)));
            }
        }
        let path = sdk.join("package.json");
        let manifest = fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))
            .and_then(|text| with_version(&text, &project.version))?;
        let documents = [
            ("README.md", sdk.join("README.md")),
            ("LICENSE-MIT", project.root.join("LICENSE-MIT")),
            ("LICENSE-APACHE", project.root.join("LICENSE-APACHE")),
        ];
        Ok(Self { scripts, manifest, documents: documents.into() })
    }

    fn fingerprint(&self, project: &Project, wasm: &[PathBuf]) -> Result<String> {
        let mut fingerprint = Fingerprint::default();
        for part in RECIPE {
            fingerprint.add("recipe", part.as_bytes());
        }
        fingerprint.add("manifest", self.manifest.as_bytes());
        for module in wasm {
            fingerprint.add_file("wasm", module)?;
        }
        // The versions of the tools.
        fingerprint.add_file("Cargo.lock", &project.root.join("Cargo.lock"))?;
        fingerprint.add_folder(&project.root.join("xtask/npm"))?;
        fingerprint.add_folder(&self.scripts)?;
        for (name, path) in &self.documents {
            fingerprint.add_file(name, path)?;
        }
        Ok(fingerprint.finish())
    }
}

/// What is written down after a run: what went in, and what came out.
fn state(inputs: &str, folder: &Path) -> String {
    let mut fingerprint = Fingerprint::default();
    match fingerprint.add_folder(folder) {
        Ok(()) => format!("{inputs} {}", fingerprint.finish()),
        // A package that cannot be read is not up to date.
        Err(_) => String::from("unreadable"),
    }
}

/// The manifest with the version filled in. As text: parsing and printing it would sort the `exports`, whose order counts.
fn with_version(manifest: &str, version: &str) -> Result<String> {
    if manifest.matches(VERSION_TO_FILL).count() != 1 {
        bail!("sdk/package.json must contain {VERSION_TO_FILL} once");
    }
    let manifest = manifest.replace(VERSION_TO_FILL, &format!("\"version\": \"{version}\""));
    serde_json::from_str::<Value>(&manifest).context("sdk/package.json is not JSON")?;
    Ok(manifest)
}

/// Makes the whole package in `place`.
fn assemble(project: &Project, sources: &Sources, wasm: &[PathBuf], place: &Path) -> Result<()> {
    folder::remove(place)?;
    let dist = place.join("dist");
    folder::create(&dist)?;
    // The parts stand beside each other while they are put together.
    let parts = place.join("parts");
    folder::create(&parts)?;
    folder::copy(&sources.scripts, &parts)?;
    let tools = npm::install(project)?;
    for (Module { name, entry, carrier, .. }, wasm) in MODULES.iter().zip(wasm) {
        bindgen::generate(wasm, &parts, name)?;
        let module = format!("{name}_bg.wasm");
        shrink::module(&tools, &parts.join(&module), &parts.join(format!("{name}.js")))?;
        folder::copy_file(&parts.join(&module), &dist.join(&module))?;
        shrink::bundle(project, &tools, &parts.join(entry), &dist.join(entry))?;
        folder::copy_file(&parts.join(carrier.0), &dist.join(carrier.0))?;
    }
    for name in STYLES {
        shrink::style(project, &tools, &parts.join(name))?;
    }
    for name in DISPLAY {
        shrink::bundle(project, &tools, &parts.join(name), &dist.join(name))?;
    }
    for name in ALONE {
        folder::copy_file(&parts.join(name), &dist.join(name))?;
    }
    folder::remove(&parts)?;
    for script in folder::files(&dist)?.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "js")) {
        shrink::script(project, &tools, &script)?;
        fill_in(&script, VERSION_IN_SCRIPTS, &project.version)?;
    }
    for Module { name, carrier: (script, mark), .. } in &MODULES {
        let module = dist.join(format!("{name}_bg.wasm"));
        let bytes = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
        if !fill_in(&dist.join(script), mark, &base64(&bytes))? {
            bail!("sdk/js/{script} must contain {mark}");
        }
    }
    for (name, path) in &sources.documents {
        if path.is_file() {
            folder::copy_file(path, &place.join(name))?;
        } else {
            progress::say(&format!("    warning: {} is missing", project.display(path)));
        }
    }
    let manifest = place.join("package.json");
    fs::write(&manifest, &sources.manifest).with_context(|| format!("cannot write {}", manifest.display()))
}

/// Replaces `mark` in a script, and says whether it was there.
fn fill_in(script: &Path, mark: &str, value: &str) -> Result<bool> {
    let text = fs::read_to_string(script).with_context(|| format!("cannot read {}", script.display()))?;
    let found = text.contains(mark);
    if found {
        fs::write(script, text.replace(mark, value)).with_context(|| format!("cannot write {}", script.display()))?;
    }
    Ok(found)
}

/// Bytes as a script can hold them (RFC 4648, with padding).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 0x3f;
            text.push(if digit <= group.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text
}

/// Puts `new` in the place of `current`.
fn replace(current: &Path, new: &Path) -> Result<()> {
    process::check_interrupt()?;
    let old = current.with_file_name(".pkg-old");
    folder::remove(&old)?;
    if current.exists() {
        fs::rename(current, &old).with_context(|| format!("cannot move {}", current.display()))?;
    }
    fs::rename(new, current).with_context(|| format!("cannot create {}", current.display()))?;
    folder::remove(&old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_filled_in_and_the_order_is_kept() {
        let manifest = r#"{"version": "0.0.0", "exports": {"types": "a", "default": "b"}}"#;
        assert_eq!(
            with_version(manifest, "1.2.3").unwrap(),
            r#"{"version": "1.2.3", "exports": {"types": "a", "default": "b"}}"#
        );
        assert!(with_version("{}", "1.2.3").is_err());
        assert!(with_version("\"version\": \"0.0.0\"", "1.2.3").is_err());
    }

    #[test]
    fn the_committed_manifest_can_be_filled_in() {
        let manifest = include_str!("../../sdk/package.json");
        let manifest: Value = serde_json::from_str(&with_version(manifest, "1.2.3").unwrap()).unwrap();
        assert_eq!(manifest["name"], "@kindling/web-sdk");
        assert_eq!(manifest["version"], "1.2.3");
        for Module { name, .. } in &MODULES {
            assert_eq!(manifest["exports"][format!("./{name}_bg.wasm")], format!("./dist/{name}_bg.wasm"));
        }
    }

    #[test]
    fn what_scripts_leave_open_is_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("a.js");
        fs::write(&script, "send(\"web/__VERSION__\");").unwrap();
        assert!(fill_in(&script, VERSION_IN_SCRIPTS, "1.2.3").unwrap());
        assert_eq!(fs::read_to_string(&script).unwrap(), "send(\"web/1.2.3\");");
        assert!(!fill_in(&script, VERSION_IN_SCRIPTS, "1.2.3").unwrap());
        assert!(include_str!("../../sdk/js/index.js").contains(VERSION_IN_SCRIPTS));
    }

    #[test]
    fn base64_is_as_in_its_specification() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, text) in cases {
            assert_eq!(base64(plain.as_bytes()), text, "{plain}");
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }

    #[test]
    fn a_package_takes_the_place_of_the_last_one() {
        let root = tempfile::tempdir().unwrap();
        let (folder, new) = (root.path().join("pkg"), root.path().join(".pkg-new"));
        for text in ["1", "2"] {
            fs::create_dir(&new).unwrap();
            fs::write(new.join("file"), text).unwrap();
            replace(&folder, &new).unwrap();
            assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_state_tells_a_changed_package() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "1").unwrap();
        let before = state("inputs", folder.path());
        assert_eq!(state("inputs", folder.path()), before);
        assert_ne!(state("others", folder.path()), before);
        fs::write(folder.path().join("file"), "2").unwrap();
        assert_ne!(state("inputs", folder.path()), before);
    }
}

//! Making the package smaller: the module with binaryen's `wasm-opt`, the scripts with esbuild and terser, and the names by which module and
//! glue know each other. The generator makes those unique, which no compressor can undo; nobody else reads them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::npm::Tools;
use crate::process;
use crate::project::Project;

const WASM_OPTIONS: [&str; 14] = [
    // The first pages of memory are the end of the stack.
    "--low-memory-unused",
    "--flatten",
    "--rereloop",
    "-Oz",
    "--flatten",
    "--rereloop",
    "-Oz",
    "-Oz",
    // What is of one module stands together: more alike, to a compressor.
    "--reorder-functions-by-name",
    // A function with one caller stays a function unless it is tiny: more bytes, but more alike, and compressed 3 % fewer.
    "--one-caller-inline-max-function-size=32",
    "--strip-debug",
    "--strip-producers",
    // For tools that are done now.
    "--strip-target-features",
    // Prints what it has renamed.
    "--minify-imports-and-exports-and-modules",
];
/// What rustc's wasm32-unknown-unknown target emits by default; every browser has had these since 2022 at the latest.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];
const BUNDLE_OPTIONS: [&str; 14] = [
    "--bundle",
    "--format=esm",
    "--target=es2022",
    "--log-level=warning",
    "--loader:.css=text",
    // Files of their own, which are loaded when they are needed.
    "--external:./display.js",
    "--external:./forms.js",
    "--external:./preview.js",
    "--external:./filters.js",
    "--external:./left.js",
    "--external:./live.js",
    "--external:./segments.js",
    "--external:./render.js",
    "--external:./wrongs.js",
];
const STYLE_OPTIONS: [&str; 3] = ["--minify", "--allow-overwrite", "--log-level=warning"];
/// `unsafe_methods`: nobody calls a method with `new`.
const SCRIPT_OPTIONS: [&str; 4] = ["--module", "--compress", "passes=3,ecma=2020,unsafe_methods", "--mangle"];

/// The name that `wasm-opt` gives the one module that everything is imported from.
const IMPORTED: &str = "a";

/// What the glue has for callers and browsers that there are none of: from where to where it goes, and what stands there instead.
const NEEDLESS: [(&str, &str, &str); 5] = [
    // Every browser that takes the module has this.
    ("if (!('encodeInto' in ", "\n}\n", ""),
    // Texts are always passed with what makes more room.
    ("    if (realloc === undefined) {", "\n    }\n", ""),
    // Our scripts pass a compiled module, and in an object.
    ("    if (module !== undefined) {", "\n    }\n", "    ({module} = module);\n"),
    ("    if (!(module instanceof WebAssembly.Module)) {", "\n    }\n", ""),
    // Only the facade makes the module anew, and says so itself.
    ("    if (__wbg_reinit_scheduled) {", "\n    }\n", ""),
];

/// What `wasm-opt` has renamed.
#[derive(Debug)]
struct Renamed {
    /// Module, name, new name.
    imports: Vec<(String, String, String)>,
    /// Name, new name.
    exports: Vec<(String, String)>,
}

impl Renamed {
    fn parse(text: &str) -> Result<Self> {
        let mut lists: Value = serde_json::from_str(text)?;
        let mut list = |name| lists.get_mut(name).map(Value::take).unwrap_or_default();
        let (imports, exports) = (list("imports"), list("exports"));
        Ok(Self { imports: serde_json::from_value(imports)?, exports: serde_json::from_value(exports)? })
    }
}

/// Replaces the module by a smaller one that does the same, and has its glue know it by its new names.
pub(crate) fn module(tools: &Tools, wasm: &Path, glue: &Path) -> Result<()> {
    let smaller = wasm.with_extension("smaller");
    let mut command = Command::new("node");
    command.arg(&tools.wasm_opt).args(WASM_OPTIONS).args(FEATURES).arg(wasm).arg("-o").arg(&smaller);
    let renamed = Renamed::parse(&process::output(&mut command)?).context("wasm-opt does not say what it renamed")?;
    let text = fs::read_to_string(glue).with_context(|| format!("cannot read {}", glue.display()))?;
    fs::write(glue, without_needless(rename(text, &renamed)?))
        .with_context(|| format!("cannot write {}", glue.display()))?;
    fs::rename(&smaller, wasm).with_context(|| format!("cannot replace {}", wasm.display()))
}

/// Puts a script and all that it imports from its own folder into one file: a page without a bundler loads that in one request, and what
/// is alike in them is compressed together.
pub(crate) fn bundle(project: &Project, tools: &Tools, entry: &Path, bundled: &Path) -> Result<()> {
    let mut command = Command::new("node");
    command.arg(&tools.esbuild).arg(entry).args(BUNDLE_OPTIONS).arg(format!("--outfile={}", bundled.display()));
    process::run_quietly("esbuild", &mut command, &project.state_folder()?.join("esbuild.log"))
}

/// Replaces a style sheet by a smaller one that does the same, for whatever browser: nothing is written in older words.
pub(crate) fn style(project: &Project, tools: &Tools, path: &Path) -> Result<()> {
    let mut command = Command::new("node");
    command.arg(&tools.esbuild).arg(path).args(STYLE_OPTIONS).arg(format!("--outfile={}", path.display()));
    process::run_quietly("esbuild", &mut command, &project.state_folder()?.join("esbuild.log"))
}

/// Replaces a script by a smaller one that does the same.
pub(crate) fn script(project: &Project, tools: &Tools, path: &Path) -> Result<()> {
    let smaller = path.with_extension("smaller");
    let mut command = Command::new("node");
    command.arg(&tools.terser).args(SCRIPT_OPTIONS).arg("--output").arg(&smaller).arg("--").arg(path);
    process::run_quietly("terser", &mut command, &project.state_folder()?.join("terser.log"))?;
    fs::rename(&smaller, path).with_context(|| format!("cannot replace {}", path.display()))
}

/// Renames what the glue offers to the module (`name: function …` in one object for each module), and what it calls there
/// (`wasm.name`).
fn rename(mut glue: String, renamed: &Renamed) -> Result<String> {
    for (module, name, new) in &renamed.imports {
        let (from, to) = (format!(" {name}: "), format!(" {new}: "));
        if glue.matches(&from).count() != 1 {
            bail!("the glue must offer {name} once");
        }
        glue = glue.replace(&from, &to).replace(&format!("\"{module}\": "), &format!("\"{IMPORTED}\": "));
    }
    for (name, new) in &renamed.exports {
        glue = rename_calls(&glue, name, new);
    }
    Ok(glue)
}

/// Leaves out what nobody needs. What a version of the generator does not make is not there to leave out: the limits of size notice.
fn without_needless(mut glue: String) -> String {
    for (from, to, instead) in NEEDLESS {
        if let Some(start) = glue.find(from)
            && let Some(length) = glue[start..].find(to)
        {
            glue.replace_range(start..start + length + to.len(), instead);
        }
    }
    glue
}

fn rename_calls(glue: &str, name: &str, new: &str) -> String {
    let from = format!("wasm.{name}");
    let mut text = String::with_capacity(glue.len());
    let mut rest = glue;
    while let Some((before, after)) = rest.split_once(&from) {
        let is_whole = !after.starts_with(|next: char| next.is_alphanumeric() || next == '_' || next == '$');
        text.push_str(before);
        text.push_str(&if is_whole { format!("wasm.{new}") } else { from.clone() });
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_needs_is_left_out() {
        let glue = "function start(module) {\n    if (module !== undefined) {\n        if (a) {\n        }\n    }\n    go(module);\n}\n";
        let short = "function start(module) {\n    ({module} = module);\n    go(module);\n}\n";
        assert_eq!(without_needless(glue.to_owned()), short);
        assert_eq!(without_needless(short.to_owned()), short);
    }

    #[test]
    fn names_are_replaced_where_they_are_names() {
        let renamed = Renamed::parse(
            r#"{"imports": [["./k_bg.js", "__wbg_get_1", "b"]], "exports": [["sdk_log", "c"], ["memory", "d"]]}"#,
        )
        .unwrap();
        let glue = "const i = { __wbg_get_1: function() { wasm.sdk_log(wasm.memory.buffer); wasm.sdk_logs(); } };\n\
                    return { \"./k_bg.js\": i };";
        let short = "const i = { b: function() { wasm.c(wasm.d.buffer); wasm.sdk_logs(); } };\n\
                     return { \"a\": i };";
        assert_eq!(rename(glue.to_owned(), &renamed).unwrap(), short);
        assert!(rename("nothing".to_owned(), &renamed).is_err());
    }
}

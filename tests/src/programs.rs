//! Finding binaries, the package and the browsers.
//!
//! `cargo xtask test` names them in environment variables. Without it they are looked for where a build leaves them.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The server.
pub fn kindling() -> PathBuf {
    named("KINDLING_BIN").or_else(|| built("kindling")).unwrap_or_else(|| missing("the binary `kindling`"))
}

/// The backend of the demo shop.
pub fn demo_web() -> PathBuf {
    named("DEMO_WEB_BIN").or_else(|| built("demo-web")).unwrap_or_else(|| missing("the binary `demo-web`"))
}

/// The folder of the built npm package.
pub fn package() -> PathBuf {
    let folder = named("KINDLING_PACKAGE").unwrap_or_else(|| root().join("sdk/pkg"));
    if folder.join("dist/kindling_bg.wasm").is_file() { folder } else { missing("the npm package") }
}

/// The folder of the filter evaluator as a WebAssembly module.
pub fn filter_cases() -> PathBuf {
    named("KINDLING_FILTER_CASES").unwrap_or_else(|| missing("the filter evaluator for WebAssembly"))
}

/// The browser.
pub fn chrome() -> PathBuf {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    named("KINDLING_CHROME").or_else(|| on_path(&names)).unwrap_or_else(|| missing("the browser Chromium"))
}

/// The program that remote-controls it.
pub fn chromedriver() -> PathBuf {
    named("KINDLING_CHROMEDRIVER")
        .or_else(|| on_path(&["chromedriver"]))
        .unwrap_or_else(|| missing("the program `chromedriver`"))
}

/// The other browser.
pub fn firefox() -> PathBuf {
    let names = ["firefox-esr", "firefox"];
    named("KINDLING_FIREFOX").or_else(|| on_path(&names)).unwrap_or_else(|| missing("the browser Firefox"))
}

/// The program that remote-controls that one.
pub fn geckodriver() -> PathBuf {
    named("KINDLING_GECKODRIVER")
        .or_else(|| on_path(&["geckodriver"]))
        .or_else(|| Some(root().join("target/xtask/geckodriver/bin/geckodriver")).filter(|program| program.is_file()))
        .unwrap_or_else(|| missing("the program `geckodriver`"))
}

/// JavaScript without a browser. Building the package needs it too.
pub fn node() -> PathBuf {
    on_path(&["node"]).unwrap_or_else(|| missing("the program `node`"))
}

/// The package manager that comes with it.
pub fn npm() -> PathBuf {
    on_path(&["npm"]).unwrap_or_else(|| missing("the program `npm`"))
}

/// The folder of the bundlers that the package is tried with.
pub fn bundlers() -> PathBuf {
    named("KINDLING_BUNDLERS")
        .or_else(|| Some(root().join("target/xtask/bundlers")).filter(|folder| folder.is_dir()))
        .unwrap_or_else(|| missing("the folder of the bundlers"))
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the crate lies in the repository").to_owned()
}

fn named(variable: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).map(PathBuf::from)?;
    if path.exists() { Some(path) } else { missing(&format!("{}, which {variable} names,", path.display())) }
}

/// A binary of this workspace: it lies one folder above the test that runs.
fn built(name: &str) -> Option<PathBuf> {
    let test = env::current_exe().ok()?;
    let binary = test.parent()?.parent()?.join(name).with_extension(env::consts::EXE_EXTENSION);
    binary.is_file().then_some(binary)
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let search_path = env::var_os("PATH")?;
    names.iter().find_map(|name| {
        let file = format!("{name}{}", env::consts::EXE_SUFFIX);
        env::split_paths(&search_path).map(|folder| folder.join(&file)).find(|path| path.is_file())
    })
}

fn missing(what: &str) -> ! {
    panic!("{what} is missing: run `cargo xtask test`, which makes everything that the tests need")
}

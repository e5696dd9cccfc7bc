//! The browser that the black-box tests drive.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::debian;
use crate::programs;
use crate::project::Project;

const CHROME: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const CHROMEDRIVER: [&str; 1] = ["chromedriver"];

/// A browser and the program that remote-controls it.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) chrome: PathBuf,
    pub(crate) chromedriver: PathBuf,
}

/// The browser that is there, or else Debian's.
pub(crate) fn find_or_install(project: &Project) -> Result<Browser> {
    if let Some(browser) = find() {
        return Ok(browser);
    }
    debian::install(project, &["chromium", "chromium-driver"], "test in a real browser")?;
    find().context("Chromium and chromedriver are installed but not on the search path")
}

fn find() -> Option<Browser> {
    let find =
        |variable: &str, names: &[&str]| env::var_os(variable).map(PathBuf::from).or_else(|| programs::find(names));
    Some(Browser {
        chrome: find("KINDLING_CHROME", &CHROME)?,
        chromedriver: find("KINDLING_CHROMEDRIVER", &CHROMEDRIVER)?,
    })
}

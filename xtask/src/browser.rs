//! The browsers that the black-box tests drive.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::debian;
use crate::geckodriver;
use crate::programs::named_or_found;
use crate::project::Project;

const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FIREFOX: [&str; 2] = ["firefox-esr", "firefox"];

/// A browser and the program that remote-controls it.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) program: PathBuf,
    pub(crate) driver: PathBuf,
}

/// The Chromium that is there, or else Debian's.
pub(crate) fn chromium(project: &Project) -> Result<Browser> {
    if let Some(browser) = find_chromium() {
        return Ok(browser);
    }
    debian::install(project, &["chromium", "chromium-driver"], "test in a real browser")?;
    find_chromium().context("Chromium and chromedriver are installed but not on the search path")
}

fn find_chromium() -> Option<Browser> {
    Some(Browser {
        program: named_or_found("KINDLING_CHROME", &CHROMIUM)?,
        driver: named_or_found("KINDLING_CHROMEDRIVER", &["chromedriver"])?,
    })
}

/// The Firefox that is there, or else Debian's. Debian has no driver for it: that is built, once.
pub(crate) fn firefox(project: &Project) -> Result<Browser> {
    let find = || named_or_found("KINDLING_FIREFOX", &FIREFOX);
    let program = match find() {
        Some(program) => program,
        None => {
            debian::install(project, &["firefox-esr"], "test in a second browser")?;
            find().context("Firefox is installed but not on the search path")?
        }
    };
    Ok(Browser { program, driver: geckodriver::find_or_build(project)? })
}

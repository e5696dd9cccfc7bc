//! What `cargo xtask bench sdk` measures: the package and its peers, each bundled as a site would, in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::folder;
use crate::npm;
use crate::package;
use crate::peers::{self, Peer};
use crate::process::{self, Interrupted};
use crate::progress;
use crate::project::Project;
use crate::sizes;
use crate::wasm;

/// Scripts that use an SDK each, in the repository.
const SCRIPTS: &str = "bench/sdk/subjects";
/// Where everything is made, in this tool's folder.
const PLACE: &str = "bench-sdk";

/// The package, as the peers are called.
const KINDLING: &str = "kindling";
const PACKAGE: &str = "@kindling/web-sdk";

/// As bundlers do by default: parts that are imported later are files of their own.
const BUNDLE_OPTIONS: [&str; 9] = [
    "--bundle",
    "--minify",
    "--splitting",
    "--format=esm",
    "--target=es2022",
    "--loader:.wasm=file",
    "--public-path=/",
    "--legal-comments=none",
    "--log-level=warning",
];

/// What is ready to be measured.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The file that says what there is.
    pub(crate) subjects: PathBuf,
    /// A folder for the browsers. The path of a socket that Chromium makes in there may have 107 bytes, so it is not in the project, whose
    /// own may be long.
    pub(crate) scratch: TempDir,
}

/// Builds the package, installs the peers that are asked for (all, if none is) and bundles all of them. A peer with which that fails is
/// told as missing.
pub(crate) fn prepare(project: &Project, choice: wasm::Choice, asked: &[String]) -> Result<Prepared> {
    if let Some(unknown) = asked.iter().find(|name| peers::ALL.iter().all(|peer| peer.name != name.as_str())) {
        let known = peers::ALL.map(|peer| peer.name).join(", ");
        bail!("there is no peer {unknown}, but {known}");
    }
    let package = package::build(project, &wasm::find(project, choice)?)?;
    let esbuild = npm::install(project)?.esbuild;
    let place = project.state_folder()?.join(PLACE);
    let maker = Maker { project, esbuild, place: place.clone() };

    let modules = maker.modules(KINDLING);
    folder::remove(&modules)?;
    folder::copy(&package.folder, &modules.join(PACKAGE))?;
    let own = Peer {
        name: KINDLING,
        package: PACKAGE,
        version: &project.version,
        stores_durably: true,
        shows_messages: true,
        only_weighed: false,
    };
    let mut subjects = vec![maker.subject(&own)?];
    let mut missing = Map::new();
    for peer in peers::ALL.iter().filter(|peer| asked.is_empty() || asked.iter().any(|name| name == peer.name)) {
        match maker.install(peer).and_then(|()| maker.subject(peer)) {
            Ok(subject) => subjects.push(subject),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                progress::say(&format!("    {} is left out: {error:#}", peer.name));
                missing.insert(peer.name.to_owned(), first_line(&format!("{error:#}")).into());
            }
        }
    }
    let file = place.join("subjects.json");
    fs::write(&file, json!({"subjects": subjects, "missing": missing}).to_string())
        .with_context(|| format!("cannot write {}", file.display()))?;
    let scratch = tempfile::Builder::new().prefix("kindling-bench-").tempdir().context("no folder for the browsers")?;
    Ok(Prepared { subjects: file, scratch })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches(':')
}

/// Makes subjects.
#[derive(Debug)]
struct Maker<'a> {
    project: &'a Project,
    esbuild: PathBuf,
    place: PathBuf,
}

impl Maker<'_> {
    /// What a subject's script can import.
    fn modules(&self, name: &str) -> PathBuf {
        self.place.join("installed").join(name).join(npm::MODULES)
    }

    fn install(&self, peer: &Peer<'_>) -> Result<()> {
        let folder = self.place.join("installed").join(peer.name);
        npm::install_package(self.project, &folder, peer.package, peer.version)
    }

    /// Bundles its script, and says what there is to know for measuring it.
    fn subject(&self, peer: &Peer<'_>) -> Result<Value> {
        let script = self.project.root.join(SCRIPTS).join(format!("{}.js", peer.name));
        let folder = self.place.join("bundles").join(peer.name);
        folder::remove(&folder)?;
        self.bundle(&script, &self.modules(peer.name), &folder)?;
        let paths = folder::files(&folder)?;
        let mut files = Map::new();
        for (path, size) in paths.iter().zip(sizes::weigh(&paths)?) {
            let name = path.strip_prefix(&folder).unwrap_or(path).to_string_lossy();
            files.insert(name.into_owned(), size.brotli.into());
        }
        Ok(json!({
            "name": peer.name,
            "version": peer.version,
            "folder": folder,
            "entry": format!("{}.js", peer.name),
            "files": files,
            "stores_durably": peer.stores_durably,
            "shows_messages": peer.shows_messages,
            "only_weighed": peer.only_weighed,
        }))
    }

    fn bundle(&self, script: &Path, modules: &Path, folder: &Path) -> Result<()> {
        let mut command = Command::new("node");
        command.arg(&self.esbuild).arg(script).args(BUNDLE_OPTIONS).arg(format!("--outdir={}", folder.display()));
        command.env("NODE_PATH", modules);
        process::run_quietly("esbuild", &mut command, &self.project.state_folder()?.join("esbuild.log"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_peer_is_missing_is_told_in_a_line() {
        assert_eq!(
            first_line("npm install failed (exit status: 1):\nnpm error 404\n"),
            "npm install failed (exit status: 1)"
        );
        assert_eq!(first_line(""), "");
    }
}

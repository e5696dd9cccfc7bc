//! A customer's project: a folder with the packed package installed, and an app that is built there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::programs;

/// A project in which nothing is but the package.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// Packs the package as it is published, and installs that.
    pub fn with_package() -> Self {
        let folder = tempfile::Builder::new().prefix("kindling-project-").tempdir().expect("a temporary folder");
        let project = Self { folder };
        project.write("package.json", "{ \"name\": \"shop\", \"private\": true, \"type\": \"module\" }");
        let packed = pack(&["--pack-destination".as_ref(), project.path()]);
        let tarball = packed["filename"].as_str().expect("npm says what it made");
        let mut install = npm("install");
        // There is nothing in it that would have to be fetched.
        install.args(["--offline", "--ignore-scripts", "--no-audit", "--no-fund", &format!("./{tarball}")]);
        run(install.current_dir(project.path()));
        project
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, in a folder that need not be there.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("it lies in the project")).expect("the folder can be made");
        fs::write(path, content).expect("the file can be written");
    }

    /// Runs a program of Node.js in it, which must succeed, and gives what it printed.
    pub fn node(&self, script: &Path, arguments: &[&str]) -> String {
        run(Command::new(programs::node()).arg(script).args(arguments).current_dir(self.path()))
    }

    /// The names of the built files that end with this.
    pub fn built(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().join("dist")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the project is built") {
                let path = entry.expect("the folder can be listed").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(ending) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// The folder, which is removed when this is dropped.
    pub fn into_folder(self) -> TempDir {
        self.folder
    }
}

/// Packs the package, and gives what npm says of it.
pub fn pack(arguments: &[&Path]) -> Value {
    let output = run(npm("pack").arg("--json").args(arguments).arg(programs::package()));
    let mut packed: Value = serde_json::from_str(&output).expect("npm answers with JSON");
    packed[0].take()
}

fn npm(command: &str) -> Command {
    let mut npm = Command::new(programs::npm());
    npm.arg(command);
    npm
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

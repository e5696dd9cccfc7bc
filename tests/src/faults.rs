//! A disk that fails on command, without any rights: a small library is preloaded into the server and fails its calls.

use std::{env, fs, process::Command};

use tempfile::TempDir;

use crate::server::Setup;

/// What can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Flushing to disk: an input/output error.
    Sync,
    /// Writing: the disk is full.
    Write,
}

/// The library, and the folder in which it looks for what is to fail.
#[derive(Debug)]
pub struct Faults {
    folder: TempDir,
}

impl Faults {
    /// Makes the library. `None`: this system has no preloading or no C compiler, and the test is to be skipped; it has been said.
    pub fn make() -> Option<Self> {
        if !cfg!(all(target_os = "linux", target_env = "gnu")) {
            eprintln!("skipped: the disk can be made to fail only on Linux with glibc");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("kindling-faults-").tempdir().expect("a temporary folder");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/faults.c");
        let mut compiler = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(folder.path().join("faults.so")).args([source, "-ldl"]);
        match compiler.output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                eprintln!("skipped: there is no C compiler: {error}");
                return None;
            }
        }
        Some(Self { folder })
    }

    /// How a server is run to which this can happen.
    pub fn setup(&self) -> Setup {
        let folder = self.folder.path().display();
        let library = format!("{folder}/faults.so");
        let environment = vec![("LD_PRELOAD", library), ("KINDLING_FAULTS", folder.to_string())];
        Setup { environment, ..Setup::default() }
    }

    /// From now on this fails for files whose path ends like that.
    pub fn begin(&self, fault: Fault, end_of_path: &str) {
        // It is there at once, with all that it says.
        let hidden = self.folder.path().join("next");
        fs::write(&hidden, end_of_path).expect("the folder can be written");
        fs::rename(hidden, self.file(fault)).expect("the folder can be written");
    }

    /// It fails no more.
    pub fn end(&self, fault: Fault) {
        fs::remove_file(self.file(fault)).expect("it was begun");
    }

    fn file(&self, fault: Fault) -> std::path::PathBuf {
        self.folder.path().join(match fault {
            Fault::Sync => "sync",
            Fault::Write => "write",
        })
    }
}

//! Rules that every page of the shop keeps, held against the files themselves.
//!
//! A browser would enforce most of them through the content security policy, but only on the pages that somebody opens.

use std::path::{Path, PathBuf};

fn site() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("site")
}

fn files_below(folder: &Path, extension: &str, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

fn files(extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files_below(&site(), extension, &mut found);
    assert!(!found.is_empty(), "no {extension} files");
    found
}

/// The words of a text that name an XML namespace are the only addresses that nobody fetches.
const NAMESPACE: &str = "http://www.w3.org/";

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for extension in ["html", "css", "js", "svg"] {
        for (path, text) in files(extension) {
            let text = text.replace(NAMESPACE, "");
            assert!(!text.contains("http://") && !text.contains("https://"), "{}", path.display());
        }
    }
}

#[test]
fn pages_have_no_inline_scripts_styles_or_handlers() {
    for (path, text) in files("html") {
        for tag in text.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap_or_default();
            let is_inline = tag.starts_with("style")
                || (tag.starts_with("script") && !tag.contains(" src="))
                || tag.contains(" style=")
                || tag.contains(" on");
            assert!(!is_inline, "{}: <{tag}>", path.display());
        }
    }
}

#[test]
fn scripts_make_no_markup_out_of_text() {
    for (path, text) in files("js") {
        for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!text.contains(forbidden), "{}: {forbidden}", path.display());
        }
    }
}

#[test]
fn every_local_file_that_is_named_exists() {
    for extension in ["html", "js", "json"] {
        for (path, text) in files_with_definitions(extension) {
            for quoted in text.split(['"', '\'']).filter(|word| is_local_file(word)) {
                let target = match quoted.strip_prefix('/') {
                    Some(absolute) => site().join(absolute),
                    None => path.parent().unwrap().join(quoted),
                };
                assert!(target.is_file(), "{}: {quoted}", path.display());
            }
        }
    }
}

/// The definitions name pictures of the shop, too.
fn files_with_definitions(extension: &str) -> Vec<(PathBuf, String)> {
    if extension != "json" {
        return files(extension);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workspace.json");
    let text = std::fs::read_to_string(&path).unwrap();
    vec![(path, text)]
}

fn is_local_file(word: &str) -> bool {
    let is_path = word.starts_with("./") || word.starts_with("../") || word.starts_with('/');
    let has_extension = [".js", ".css", ".svg"].iter().any(|end| word.ends_with(end));
    is_path && has_extension && !word.starts_with("/node_modules/")
}

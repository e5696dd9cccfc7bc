//! Finding programs on the search path.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The program that a variable of the environment names, or else the first of these that the search path has.
pub(crate) fn named_or_found(variable: &str, names: &[&str]) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).or_else(|| find(names))
}

/// The first of these programs that the search path has.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    find_in(&env::var_os("PATH")?, names)
}

fn find_in(search_path: &OsStr, names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|name| {
        let file = format!("{name}{}", env::consts::EXE_SUFFIX);
        env::split_paths(search_path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&file))
            .find(|path| is_program(path))
    })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_order_of_names_counts_before_the_order_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        for (place, name, mode) in [(&first, "other", 0o755), (&second, "wanted", 0o755), (&first, "wanted", 0o644)] {
            fs::create_dir_all(place).unwrap();
            fs::write(place.join(name), "").unwrap();
            fs::set_permissions(place.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let search_path = env::join_paths([&first, &second]).unwrap();
        let find = |names: &[&str]| find_in(&search_path, names);
        assert_eq!(find(&["wanted", "other"]), Some(second.join("wanted")));
        assert_eq!(find(&["absent", "other"]), Some(first.join("other")));
        assert_eq!(find(&["absent"]), None);
    }
}

//! Files of cases.

use std::path::{Path, PathBuf};

use crate::binary::workspace;

/// Where the conformance cases are.
pub fn folder() -> PathBuf {
    workspace().join("tests/conformance")
}

/// The conformance cases, sorted.
///
/// # Panics
/// If the folder cannot be read.
pub fn conformance() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&folder(), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "wf") {
            found.push(path);
        }
    }
}

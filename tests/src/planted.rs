//! Patches that break the code on purpose: a folder of them belongs to the test that must catch each
//! (`tests/planted.sh`).

use std::path::Path;
use std::process::Command;

use crate::binary::workspace;

/// Checks that the patches of a folder of `tests/` fit the sources; how many there are.
///
/// # Panics
/// If one does not fit, saying which.
pub fn apply(folder: &str) -> usize {
    let folder = workspace().join("tests").join(folder);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder is there").flatten() {
        let patch = entry.path();
        if patch.extension().is_some_and(|extension| extension == "patch") {
            check(&patch);
            count += 1;
        }
    }
    count
}

fn check(patch: &Path) {
    let checked = Command::new("git").args(["apply", "--check"]).arg(patch).current_dir(workspace()).output();
    let checked = checked.expect("git can be started");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{} is to be made anew by hand: {said}", patch.display());
}

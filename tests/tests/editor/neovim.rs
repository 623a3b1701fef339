//! Neovim without a screen opens an example and does what a person would do; what it sees is kept beside the test.

use std::process::Command;

use crate::client::file;

/// What the session shows, `BLESS=1` writes it.
const SESSION: &str = "tests/editor/neovim.txt";

#[test]
fn a_session_in_neovim() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("workflow.wf");
    std::fs::copy(file("examples/purchase_order/workflow.wf"), &copy).expect("the example is there");
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    // The `weft` that the page speaks of.
    let weft = weft_tests::binary::weft();
    let before = std::env::var_os("PATH").unwrap_or_default();
    let folders = weft.parent().map(std::path::Path::to_path_buf).into_iter().chain(std::env::split_paths(&before));
    let path = std::env::join_paths(folders).expect("paths without colons");
    let ran = Command::new("nvim")
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c"])
        .arg(format!("luafile {}", here.join("tests/editor/neovim.lua").display()))
        .args(["-c", "cquit 3"])
        .env("PATH", path)
        .env("EDITORS", here.join("../docs/editors.md"))
        .env("WEFT_FILE", &copy)
        .env("XDG_STATE_HOME", folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .output()
        .expect("Neovim is installed: `apt-get install neovim`");
    let (shown, said) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{shown}\n{said}");
    let kept = here.join(SESSION);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&kept, shown.as_bytes()).expect("the repository can be written");
    }
    let wanted = std::fs::read_to_string(&kept).unwrap_or_default();
    assert_eq!(shown, wanted, "{said}");
}

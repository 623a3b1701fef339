//! The built `weft`, as a user has it: tests start it as a process.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Path of the `weft` binary: `WEFT_BIN` if set, else built once per test process in the profile of the tests.
///
/// # Panics
/// If it does not build.
pub fn weft() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("WEFT_BIN") {
        Some(path) => path.into(),
        None => build(),
    })
    .clone()
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "weft", "--message-format", "json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    // What cargo tells a test of itself: build scripts that look at it would run again, here and in the next test.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") {
            build.env_remove(name);
        }
    }
    let output = build.current_dir(workspace()).output().expect("cargo can be started");
    assert!(output.status.success(), "weft does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "weft")
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("cargo says where the executable is")
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

//! The real `linkyard` executable, for tests that run it as a person does.
//!
//! Cargo hands a package's tests the path of that package's own executables only, so this builds the executable once per test process,
//! with the profile and the target directory of the test itself; when it is up to date that is a moment. The whole workspace is named so
//! that dependencies have the features that the tests' own build has, and are not built twice.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of the executable, up to date with the sources.
///
/// # Panics
/// When it can not be built: nothing that needs it can be tested then.
#[must_use]
pub fn linkyard() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(build)
}

fn build() -> PathBuf {
    // TARGET/PROFILE/deps/it-HASH, or TARGET/PROFILE/NAME for an executable of this package.
    let test = std::env::current_exe().expect("a test knows its own file");
    let beside = test.parent().expect("the test is in a directory");
    let profile_dir = if beside.ends_with("deps") { beside.parent().expect("deps is in a directory") } else { beside };
    let target_dir = profile_dir.parent().expect("the profile's directory is in the target directory");
    let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What the outer cargo says of the test's own package is not for the inner one: some build scripts run again when it changes, and
    // with them half of the dependencies, here and once more with the next build from a shell.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    let status = command
        .args(["build", "--quiet", "--workspace", "--bin", "linkyard", "--profile", profile, "--target-dir"])
        .arg(target_dir)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the linkyard executable can not be built ({status})");
    profile_dir.join("linkyard")
}

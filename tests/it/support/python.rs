//! The Python that the tests need: virtual environments under the target directory, each made once from a pinned
//! file of `tests/python` and used by every later run.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the scripts and their requirements lie.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python")
}

/// The interpreter of the S3 server's environment.
pub fn interpreter() -> PathBuf {
    environment("requirements.txt")
}

/// The interpreter of the virtual environment that a pinned file describes, which is made if it is not there.
/// Blocking: a minute and more the first time. Test processes that run side by side wait for the one that makes it.
/// The file names all that is needed: nothing is resolved.
pub fn environment(pins: &str) -> PathBuf {
    let requirements = folder().join(pins);
    let pinned = fs::read_to_string(&requirements).unwrap_or_else(|e| panic!("{}: {e}", requirements.display()));
    let mut hasher = DefaultHasher::new();
    pinned.hash(&mut hasher);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target directory");
    let home = target.join(format!("lakeward-python-{:016x}", hasher.finish()));
    let python = home.join("bin/python");
    let complete = home.join("complete");

    let lock = File::create(home.with_extension("lock")).expect("a lock beside the virtual environment");
    lock.lock().expect("the lock");
    if !complete.exists() {
        // What a killed run left behind is no base to build on.
        fs::remove_dir_all(&home).ok();
        run("make a virtual environment", Command::new("python3").args(["-m", "venv"]).arg(&home));
        // Compiled when it is first used: most of it never is.
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let install = install.into_iter().chain(["--no-deps", "--no-compile", "-r"]);
        run("install the pinned packages", Command::new(&python).args(install).arg(&requirements));
        File::create(&complete).expect("the mark of completion");
    }
    python
}

fn run(what: &str, command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| {
        panic!("cannot {what}: {command:?}: {e}. The tests need Python 3 with venv (Debian: apt install python3-venv)")
    });
    assert!(
        output.status.success(),
        "cannot {what}: {command:?}: {}\n{}{}The tests need Python 3 with venv and a package index (PyPI).",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

//! What `.ci/static` relies on, without building for a quarter of an hour: its own facts, and that no dependency asks
//! for a library of the host.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn of_repository(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_script_reads_and_names_what_is_there() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/static");
    assert!(script.metadata().unwrap().permissions().mode() & 0o111 != 0, "not executable");
    assert!(Command::new("bash").arg("-n").arg(&script).status().unwrap().success());
    let text = of_repository(".ci/static");
    let profile = text.split("${1:-").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    assert!(of_repository("Cargo.toml").contains(&format!("[profile.{profile}]")), "{profile}");
    let suffix = text.lines().find_map(|line| line.strip_prefix("target=$(uname -m)")).unwrap();
    let targets = Command::new("rustc").args(["--print", "target-list"]).output().unwrap().stdout;
    for machine in ["x86_64", "aarch64"] {
        let target = format!("{machine}{suffix}");
        assert!(String::from_utf8_lossy(&targets).lines().any(|line| line == target), "{target}");
    }
    assert!(of_repository("README.md").contains("\n.ci/static\n"), "the README has another command");
}

/// Crates that bind C. Those for other systems are not built on Linux; `linux-raw-sys` is numbers, and the other two
/// bring their C along. One more may want a library of the host: see whether `.ci/static` still builds, then name it here.
#[test]
fn no_dependency_wants_a_library_of_the_host() {
    let lock = of_repository("Cargo.lock");
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let elsewhere = ["core-foundation-sys", "js-sys", "security-framework-sys", "web-sys", "windows-sys"];
    let bound: BTreeSet<_> = names.filter(|name| name.ends_with("-sys") && !elsewhere.contains(name)).collect();
    assert_eq!(bound, BTreeSet::from(["aws-lc-sys", "linux-raw-sys", "zstd-sys"]));
}

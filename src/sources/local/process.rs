//! Which process holds a lease or runs a command, and whether it is dead: then nobody has to wait for it. Only what this
//! machine can see counts; a process of another host, or of another container, is taken to live.

use std::fs;

/// A process, told apart from all others of its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    boot: String,
    namespace: String,
    pid: u32,
    started: String,
}

/// The name of this process; empty where the system does not tell enough.
pub fn this_one() -> String {
    name_of(std::process::id())
}

/// The name of a process of this machine; empty where there is none, or the system does not tell enough.
pub fn name_of(pid: u32) -> String {
    surroundings()
        .and_then(|(boot, namespace)| Some(format!("{boot}/{namespace}/{pid}/{}", started(pid)?)))
        .unwrap_or_default()
}

/// Whether the process of this name ran here and runs no more.
pub fn is_dead(name: &str) -> bool {
    let Some(process) = parse(name) else { return false };
    let here = surroundings().is_some_and(|(boot, namespace)| boot == process.boot && namespace == process.namespace);
    here && started(process.pid).is_none_or(|started| started != process.started)
}

fn parse(name: &str) -> Option<Process> {
    let mut parts = name.split('/');
    let mut next = || parts.next().filter(|p| !p.is_empty()).map(str::to_owned);
    Some(Process { boot: next()?, namespace: next()?, pid: next()?.parse().ok()?, started: next()? })
}

/// This boot of the machine, and the space in which its process numbers count.
fn surroundings() -> Option<(String, String)> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned();
    Some((boot, namespace))
}

/// When a process started, in the system's ticks since its boot; none if there is none, or only its remains.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything; what follows the last one is the state, and 19 fields on
    // comes the time.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_dead_when_it_is_gone_or_another_has_its_number() {
        let me = this_one();
        assert!(!me.is_empty() && !is_dead(&me), "{me}");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (boot, namespace) = surroundings().unwrap();
        let name = format!("{boot}/{namespace}/{}/{}", child.id(), started(child.id()).unwrap());
        assert!(!is_dead(&name));
        child.kill().unwrap();
        assert!(child.wait().is_ok() && is_dead(&name));
        let reused = format!("{boot}/{namespace}/{}/1", std::process::id());
        assert!(is_dead(&reused));
        for unknown in ["", "x", "other-boot/ns/1/1", "a/b/c/d", "////"] {
            assert!(!is_dead(unknown), "{unknown}");
        }
    }
}

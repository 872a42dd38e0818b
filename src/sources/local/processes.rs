//! Whether the processes of a command still live, after the one that ran it: by their numbers and by when they began, for
//! numbers are given again. Told only by systems that have `/proc`, and only of the machine that is asked.

use std::fs;

/// What stands in a record where it could not be read when a process began.
const UNREAD: &str = "-";

/// One process, as `/proc/PID/stat` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    id: u32,
    group: u32,
    /// Ticks of the clock since the machine began.
    started: u64,
    over: bool,
}

impl Process {
    /// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>; a program's name may hold brackets and blanks.
    fn read(stat: &str) -> Option<Self> {
        let (head, rest) = stat.rsplit_once(") ")?;
        let id = head.split_once(" (")?.0.parse().ok()?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let over = matches!(*fields.first()?, "Z" | "X" | "x");
        Some(Self { id, group: fields.get(2)?.parse().ok()?, started: fields.get(19)?.parse().ok()?, over })
    }

    fn of(id: u32) -> Option<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }
}

/// A process, or the group that it leads, as records note it: its number, and when it began.
pub fn noted(id: u32) -> String {
    let started = Process::of(id).map_or_else(|| UNREAD.to_owned(), |process| process.started.to_string());
    format!("{id} {started}")
}

/// The number, and when it began, of what was noted.
fn read(noted: &str) -> Option<(u32, Option<u64>)> {
    let (id, started) = noted.split_once(' ').unwrap_or((noted, UNREAD));
    Some((id.parse().ok()?, started.parse().ok()))
}

/// This machine's name; none where it does not say it here.
pub fn host() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned())
}

/// Whether a process that was noted still lives; none if that cannot be told.
pub fn lives(noted: &str) -> Option<bool> {
    let (id, started) = read(noted)?;
    // Who does not even see itself sees no other.
    Process::of(std::process::id())?;
    Some(Process::of(id).is_some_and(|p| !p.over && started.is_none_or(|started| started == p.started)))
}

/// Whether any process of a group that was noted still lives, its leader or one that it began; none if that cannot be
/// told.
pub fn group_lives(noted: &str) -> Option<bool> {
    let (id, started) = read(noted)?;
    let started = started?;
    Process::of(std::process::id())?;
    let ids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Some(among(ids.filter_map(Process::of), id, started))
}

fn among(all: impl Iterator<Item = Process>, id: u32, started: u64) -> bool {
    let mut lives = false;
    for process in all {
        if process.id == id && process.started != started {
            // Another one has its number by now, which nobody gets while the group lives.
            return false;
        }
        lives |= process.group == id && !process.over && process.started >= started;
    }
    lives
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const STAT: &str = "4242 (a (b) c) S 1 4242 4242 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 1 0 98765 1 2 3 4 5";

    #[test]
    fn a_line_of_a_process_is_read_whatever_its_name() {
        let process = Process { id: 4242, group: 4242, started: 98_765, over: false };
        assert_eq!(Process::read(STAT), Some(process));
        assert!(Process::read(&STAT.replace(" S ", " Z ")).unwrap().over);
        assert_eq!((Process::read(""), Process::read("1 (x) S 2")), (None, None));
    }

    #[test]
    fn a_group_lives_as_long_as_one_of_it_does() {
        let of = |id, group, started, over| Process { id, group, started, over };
        for (all, lives) in [
            (vec![], false),
            (vec![of(7, 7, 100, false)], true),
            (vec![of(7, 7, 100, true)], false),
            (vec![of(7, 7, 100, true), of(8, 7, 101, false)], true),
            (vec![of(8, 7, 101, false)], true),
            (vec![of(8, 9, 101, false)], false),
            // Its number was given again.
            (vec![of(8, 7, 205, false), of(7, 7, 200, false)], false),
            (vec![of(8, 7, 50, false)], false),
        ] {
            assert_eq!(among(all.clone().into_iter(), 7, 100), lives, "{all:?}");
        }
    }

    #[test]
    fn this_process_lives_and_one_that_began_at_another_time_does_not() {
        let own = noted(std::process::id());
        assert_eq!(lives(&own), Some(true));
        assert_eq!(lives(&format!("{} 1", std::process::id())), Some(false));
        assert_eq!(lives(&format!("{} -", std::process::id())), Some(true));
        assert_eq!((lives("x"), group_lives("4242 -"), group_lives("4242")), (None, None, None));
    }
}

//! Which process holds a lease or runs a command, and whether it still lives, or any of its group: by its number and by
//! when it began, for numbers are given again. Only what this machine can see counts, and only where there is `/proc`.

use std::fs;

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

/// Where a number counts: this boot of the machine, and the space of its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    boot: String,
    space: String,
}

impl Place {
    fn here() -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let space = fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned();
        Some(Self { boot, space })
    }
}

/// What a name tells: as much of it as could be read when it was given.
#[derive(Debug)]
struct Name {
    id: u32,
    started: Option<u64>,
    place: Option<Place>,
}

impl Name {
    fn read(name: &str) -> Option<Self> {
        let mut words = name.split(' ');
        let (id, started) = (words.next()?.parse().ok()?, words.next().and_then(|word| word.parse().ok()));
        let mut word = || words.next().filter(|word| !word.is_empty()).map(str::to_owned);
        let place = word().and_then(|boot| Some(Place { boot, space: word()? }));
        Some(Self { id, started, place })
    }

    /// Whether its number can be looked for here: false if it cannot live any more, since nothing outlives its boot; none
    /// if this cannot be told. One that does not say where it counts is taken to be of this machine.
    fn counts(&self) -> Option<bool> {
        // Who does not even see itself sees no other.
        Process::of(std::process::id())?;
        let Some(place) = &self.place else { return Some(true) };
        let here = Place::here()?;
        match here.boot == place.boot {
            true => (here.space == place.space).then_some(true),
            false => Some(false),
        }
    }

    fn lives(&self) -> Option<bool> {
        let is_it = |p: Process| !p.over && self.started.is_none_or(|started| started == p.started);
        Some(self.counts()? && Process::of(self.id).is_some_and(is_it))
    }
}

/// The name of this process; empty where the system does not tell enough.
pub fn this_one() -> String {
    name_of(std::process::id()).unwrap_or_default()
}

/// `NUMBER BEGAN BOOT SPACE`: tells a process of this machine, and the group that it leads, apart from all others.
fn name_of(id: u32) -> Option<String> {
    let (process, Place { boot, space }) = (Process::of(id)?, Place::here()?);
    Some(format!("{id} {} {boot} {space}", process.started))
}

/// The name of a process as records note it: its number alone where the system does not tell enough.
pub fn noted(id: u32) -> String {
    name_of(id).unwrap_or_else(|| id.to_string())
}

/// The number in a name, for people.
pub fn number(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

/// This machine's name; none where it does not say it here.
pub fn host() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned())
}

/// Whether a name was given on this machine since it began, where its number counts.
pub fn is_here(name: &str) -> bool {
    Name::read(name).and_then(|name| name.place).is_some_and(|place| Place::here() == Some(place))
}

/// Whether the process of this name ran here and runs no more: one of another host, or of another container, is taken to
/// live.
pub fn is_dead(name: &str) -> bool {
    is_here(name) && lives(name) == Some(false)
}

/// Whether a process of this host still lives; none if that cannot be told.
pub fn lives(name: &str) -> Option<bool> {
    Name::read(name)?.lives()
}

/// Whether any process of a group of this host still lives, its leader or one that it began; none if that cannot be told.
pub fn group_lives(name: &str) -> Option<bool> {
    let name = Name::read(name)?;
    let started = name.started?;
    if !name.counts()? {
        return Some(false);
    }
    let ids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Some(among(ids.filter_map(Process::of), name.id, started))
}

/// Whether any process of this machine was begun with this variable; none if that cannot be told. Others' processes are
/// not looked into.
pub fn any_with(variable: &str, value: &str) -> Option<bool> {
    Process::of(std::process::id())?;
    let given = format!("{variable}={value}");
    let has = |id: u32| {
        let all = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        all.split(|byte| *byte == 0).any(|one| one == given.as_bytes()) && Process::of(id).is_some_and(|p| !p.over)
    };
    let mut ids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Some(ids.any(has))
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
        let (own, id) = (noted(std::process::id()), std::process::id());
        assert_eq!((lives(&own), number(&own)), (Some(true), id.to_string().as_str()));
        assert_eq!(lives(&format!("{id} 1")), Some(false));
        assert_eq!((lives(&format!("{id} -")), lives(&id.to_string())), (Some(true), Some(true)));
        assert_eq!((lives("x"), group_lives("4242 -"), group_lives("4242")), (None, None, None));
    }

    #[test]
    fn a_process_is_found_by_what_it_was_begun_with_for_as_long_as_it_lives() {
        let value = format!("run-{}", this_one().replace(' ', "-"));
        let mut command = std::process::Command::new("sleep");
        let mut child = command.arg("60").env("LAKEWARD_RUN", &value).spawn().unwrap();
        assert_eq!(any_with("LAKEWARD_RUN", &value), Some(true));
        assert_eq!(any_with("LAKEWARD_RUN", &value[..value.len() - 1]), Some(false));
        child.kill().unwrap();
        assert!(child.wait().is_ok() && any_with("LAKEWARD_RUN", &value) == Some(false));
    }

    #[test]
    fn where_it_counts_is_told_apart() {
        let (id, here) = (std::process::id(), Place::here().unwrap());
        let Process { started, group, .. } = Process::of(id).unwrap();
        // Nothing outlives its boot; of another container nobody here knows.
        let before = format!("{id} {started} another-boot {}", here.space);
        assert_eq!((lives(&before), group_lives(&before), is_dead(&before)), (Some(false), Some(false), false));
        let inside = format!("{id} {started} {} pid:[1]", here.boot);
        assert_eq!((lives(&inside), group_lives(&inside), is_dead(&inside)), (None, None, false));
        assert_ne!(group_lives(&noted(group)), Some(false));
    }

    #[test]
    fn a_process_is_dead_when_it_is_gone_or_another_has_its_number() {
        let me = this_one();
        assert!(!me.is_empty() && !is_dead(&me), "{me}");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let name = noted(child.id());
        assert!(is_here(&name) && !is_dead(&name));
        child.kill().unwrap();
        assert!(child.wait().is_ok() && is_dead(&name));
        let here = Place::here().unwrap();
        assert!(is_dead(&format!("{} 1 {} {}", std::process::id(), here.boot, here.space)));
        for unknown in ["", "x", "1 1 other-boot ns", "4242", "4242 1", "a b c d", "   "] {
            assert!(!is_dead(unknown), "{unknown}");
        }
    }
}

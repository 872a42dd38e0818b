//! `--stats`: what a command cost, on one line of standard error.

use serde_json::json;

use super::table::{size, thousands};
use crate::lake::Stats;
use crate::ops::Steady;

/// The line: text, or JSON.
pub fn line(stats: Stats, as_json: bool) -> String {
    let peak = peak_memory();
    if as_json {
        let Stats { lists, gets, heads, writes, bytes, levels } = stats;
        return json!({"stats": {
            "lists": lists, "gets": gets, "heads": heads, "writes": writes, "bytes": bytes, "levels": levels,
            "peak_memory": peak,
        }})
        .to_string();
    }
    let peak = peak.map_or_else(|| "unknown".to_owned(), size);
    format!(
        "requests: {} lists, {} gets, {} heads, {} writes; gets {} levels deep, {} bytes; peak {peak} of memory",
        thousands(stats.lists),
        thousands(stats.gets),
        thousands(stats.heads),
        thousands(stats.writes),
        thousands(stats.levels),
        thousands(stats.bytes),
    )
}

/// What a console cost while it was open: its first complete reading, and since then how many requests a minute, of all
/// sources and of each that sent any. The first reading is no rate, and neither is less than a minute.
pub fn rate(steady: Option<&Steady>) -> String {
    let Some(Steady { first, since, open }) = steady else {
        return "no rate: the first reading was not complete".to_owned();
    };
    let minutes = open.as_secs_f64() / 60.0;
    let sent: u64 = since.iter().map(|(_, n)| n).sum();
    let first = thousands(*first);
    if minutes < 1.0 {
        let sent = thousands(sent);
        return format!(
            "first reading: {first} requests; {sent} more in {:.0} s, too short for a rate",
            minutes * 60.0
        );
    }
    let rate = |requests: u64| requests as f64 / minutes;
    let of = |(source, n): &(&str, u64)| format!("{source} {:.1}", rate(*n));
    let each: Vec<String> = since.iter().filter(|(_, n)| *n > 0).map(of).collect();
    let each = if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) };
    format!("first reading: {first} requests; since then, {minutes:.1} min: {:.1} requests a minute{each}", rate(sent))
}

/// Most memory this process has held, in bytes, where the system says it (Linux: VmHWM of proc_pid_status(5)).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let stats = Stats { lists: 1, gets: 2_000, heads: 3, writes: 0, bytes: 1_234_567, levels: 4 };
        assert!(line(stats, false).starts_with(
            "requests: 1 lists, 2,000 gets, 3 heads, 0 writes; gets 4 levels deep, 1,234,567 bytes; peak "
        ));
        assert!(line(stats, true).starts_with(
            r#"{"stats":{"lists":1,"gets":2000,"heads":3,"writes":0,"bytes":1234567,"levels":4,"peak_memory":"#
        ));
    }

    #[test]
    fn a_rate_is_that_of_what_came_after_the_first_reading() {
        let since = vec![("lake", 90), ("emr", 30), ("airflow", 0)];
        let steady = |seconds| Steady { first: 2_000, since: since.clone(), open: Duration::from_secs(seconds) };
        assert_eq!(
            rate(Some(&steady(600))),
            "first reading: 2,000 requests; since then, 10.0 min: 12.0 requests a minute (lake 9.0, emr 3.0)"
        );
        assert_eq!(rate(Some(&steady(30))), "first reading: 2,000 requests; 120 more in 30 s, too short for a rate");
        let quiet = Steady { since: vec![("lake", 0)], ..steady(60) };
        assert_eq!(rate(Some(&quiet)), "first reading: 2,000 requests; since then, 1.0 min: 0.0 requests a minute");
        assert_eq!(rate(None), "no rate: the first reading was not complete");
    }
}

//! `--stats`: what a command cost, on one line of standard error.

use std::time::Duration;

use serde_json::json;

use super::table::{size, thousands};
use crate::lake::Stats;

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

/// What a console cost while it was open, its first reading included: of all sources, and of each that sent any.
pub fn rate(requests: &[(&str, u64)], open: Duration) -> String {
    let minutes = open.as_secs_f64() / 60.0;
    // Less than a minute is one: the first reading alone is no rate.
    let rate = |requests: u64| requests as f64 / minutes.max(1.0);
    let of = |(source, n): &(&str, u64)| format!("{source} {:.1}", rate(*n));
    let each: Vec<String> = requests.iter().filter(|(_, n)| *n > 0).map(of).collect();
    let all = rate(requests.iter().map(|(_, n)| n).sum());
    format!("open for {minutes:.1} min: {all:.1} requests a minute ({})", each.join(", "))
}

/// Most memory this process has held, in bytes, where the system says it (Linux: VmHWM of proc_pid_status(5)).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
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
    fn a_rate_is_that_of_a_minute_at_least() {
        let sent = [("lake", 90), ("emr", 30), ("airflow", 0)];
        let seconds = Duration::from_secs;
        assert_eq!(rate(&sent, seconds(30)), "open for 0.5 min: 120.0 requests a minute (lake 90.0, emr 30.0)");
        assert_eq!(rate(&sent, seconds(600)), "open for 10.0 min: 12.0 requests a minute (lake 9.0, emr 3.0)");
    }
}

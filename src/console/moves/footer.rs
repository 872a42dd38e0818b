//! The running move in the footer: what, how far, how fast, how long; what matters least is dropped first.

use unicode_width::UnicodeWidthStr;

use super::Running;
use crate::console::paint::fit;
use crate::console::words;
use crate::ops::{MoveProgress, Phase};

/// The line, at most `room` columns wide.
pub(in crate::console) fn progress(running: &Running, room: usize) -> String {
    let at = running.progress.as_ref().map_or(0, |(_, index)| *index);
    let title = running.titles.get(at).map_or("a move", String::as_str);
    let of = running.titles.len();
    let mut text = if of > 1 { format!("{title} ({} of {of})", at + 1) } else { title.to_owned() };
    let parts = match &running.progress {
        None => vec!["beginning…".to_owned()],
        Some((progress, _)) => parts(progress),
    };
    if running.stopping {
        text = format!("stopping: {text}");
    }
    let mut text = fit(&text, room.saturating_sub(parts.first().map_or(0, |p| p.width() + 3)).max(8));
    for part in parts {
        if text.width() + 2 + part.width() + 1 > room {
            break;
        }
        text.push_str("  ");
        text.push_str(&part);
    }
    fit(&text, room.saturating_sub(1))
}

fn parts(progress: &MoveProgress) -> Vec<String> {
    let (done, all) = progress.objects;
    let mut parts = vec![format!("{} {}/{}", progress.phase.word(), words::count(done), words::count(all))];
    if let Some(rate) = progress.rate.filter(|r| r.is_finite() && *r > 0.0) {
        // Bytes matter where they are copied; elsewhere objects take the time.
        let bytes = progress.bytes.0;
        parts.push(match progress.phase {
            Phase::Copying if bytes > 0 && done > 0 => {
                format!("{}/s", words::bytes((rate * bytes as f64 / done as f64) as u64))
            }
            _ => format!("{}/s", words::count(rate.round() as u64)),
        });
    }
    if let Some(left) = progress.left {
        parts.push(format!("left {}", words::lasting(left.as_secs())));
    }
    let throttled = if progress.throttled { ", throttled" } else { "" };
    parts.push(format!("({} at once{throttled})", progress.at_once));
    parts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::moves::{MoveId, MoveKind};

    fn copying() -> Running {
        let progress = MoveProgress {
            id: MoveId("20261124T000000Z-00000001".into()),
            kind: Some(MoveKind::Quarantine),
            phase: Phase::Copying,
            objects: (312, 1000),
            bytes: (31_200_000, 100_000_000),
            rate: Some(31.0),
            left: Some(Duration::from_secs(22)),
            at_once: 8,
            throttled: true,
        };
        Running { progress: Some((progress, 0)), ..Running::new(vec!["quarantine crm/contacts".into()]) }
    }

    #[test]
    fn a_narrow_line_drops_what_matters_least() {
        let whole = "quarantine crm/contacts  copying 312/1,000  3.1 MB/s  left 22 s  (8 at once, throttled)";
        assert_eq!(progress(&copying(), 120), whole);
        assert_eq!(progress(&copying(), 60), "quarantine crm/contacts  copying 312/1,000  3.1 MB/s");
        assert_eq!(progress(&copying(), 34), "quarantine cr…  copying 312/1,000");
        for room in 0..40 {
            assert!(progress(&copying(), room).width() <= room.max(1), "{room}");
        }
    }

    #[test]
    fn several_are_counted_and_a_stop_is_said() {
        let mut running = copying();
        running.titles.push("quarantine orders".into());
        running.stopping = true;
        assert!(progress(&running, 120).starts_with("stopping: quarantine crm/contacts (1 of 2)  copying"));
        running.progress = None;
        assert_eq!(progress(&running, 60), "stopping: quarantine crm/contacts (1 of 2)  beginning…");
    }

    #[test]
    fn a_move_without_figures_has_none() {
        let mut running = copying();
        if let Some((p, _)) = running.progress.as_mut() {
            (p.rate, p.left, p.bytes, p.objects) = (Some(f64::NAN), None, (0, 0), (0, 0));
        }
        assert_eq!(progress(&running, 120), "quarantine crm/contacts  copying 0/0  (8 at once, throttled)");
    }
}

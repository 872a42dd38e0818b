//! The pause between two looks for new lines, in which the lines of a live tail are printed as they come.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep_until};

use super::{meant, text};
use crate::cli::exit::CliError;
use crate::cli::output;
use crate::model::text::escape;
use crate::ops::{LogOf, Session};
use crate::sources::SourceError;
use crate::sources::logs::{LiveNews, LiveTail, LogQuery, RawLine, Seen};

/// Between two looks.
const SHORT: Duration = Duration::from_secs(2);
/// The same beside a live tail that leaves nothing out.
const LONG: Duration = Duration::from_secs(30);

/// What follows a log.
pub(super) struct Following<'a> {
    live: Option<LiveTail<'a>>,
    begun: bool,
    /// Whether lines were left out since the last look, and whether that was told.
    sampled: bool,
    told: bool,
    seen: Seen,
    query: &'a LogQuery,
    as_json: bool,
}

impl<'a> Following<'a> {
    /// By a live tail, if it is wanted; it begins with the first pause.
    pub(super) fn new(session: &'a Session, of: &LogOf, query: &'a LogQuery, live: bool, as_json: bool) -> Self {
        let live = live.then(|| session.live_log(of.clone(), query.clone()));
        Self { live, begun: false, sampled: false, told: false, seen: Seen::default(), query, as_json }
    }

    /// Those of the lines of a page that were not printed.
    pub(super) fn new_of(&mut self, mut lines: Vec<RawLine>) -> Vec<RawLine> {
        lines.retain(|line| meant(self.query, line) && self.seen.read(line));
        self.seen.turn();
        lines
    }

    /// Waits until it is time to look again.
    pub(super) async fn pause(&mut self) -> Result<(), CliError> {
        let began = Instant::now();
        loop {
            let pause = if self.begun && !self.sampled { LONG } else { SHORT };
            let news = tokio::select! {
                () = sleep_until(began + pause) => {
                    (self.told, self.sampled) = (self.sampled, false);
                    return Ok(());
                }
                Some(news) = next(&mut self.live) => news,
            };
            match news {
                Ok(LiveNews::Began) => {
                    self.begun = true;
                    return Ok(()); // what was written before it began has to be looked for
                }
                Ok(LiveNews::Lines { mut lines, sampled }) => {
                    lines.retain(|line| meant(self.query, line) && self.seen.live(line));
                    if !lines.is_empty() {
                        output::print(&text(&lines, self.as_json)?)?;
                    }
                    if sampled && !self.sampled && !self.told {
                        complain("over 500 lines a second: the live tail leaves some out, which follow out of order");
                    }
                    self.sampled |= sampled;
                }
                Err(error) => {
                    (self.live, self.begun) = (None, false);
                    complain(&format!("no live tail, polling: {error} ({})", error.hint));
                    return Ok(());
                }
            }
        }
    }
}

/// The next news of a live tail; without one, never any.
async fn next(live: &mut Option<LiveTail<'_>>) -> Option<Result<LiveNews, SourceError>> {
    match live {
        Some(live) => live.next().await,
        None => std::future::pending().await,
    }
}

fn complain(what: &str) {
    output::complain(&[format!("lakeward: {}", escape(what))]);
}

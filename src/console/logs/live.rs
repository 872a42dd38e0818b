//! A live tail of the log that is open: turned on and off by who looks, since it is billed by the minute. Lines go on
//! being asked for beside it, seldom: that finds what was written before it began, what it left out, and all that comes
//! when it breaks.

use chrono::{DateTime, Duration, Utc};

use super::reading;
use crate::console::load::Fault;
use crate::console::msg::{Effect, Job, RequestId};
use crate::console::state::{State, Tab};
use crate::model::run::LogPlace;
use crate::model::text::one_line;
use crate::ops::LogOf;
use crate::sources::SourceError;
use crate::sources::logs::{LiveNews, LogQuery};

/// How long it goes on while nobody looks at what comes: paused, or behind another tab.
const UNSEEN: Duration = Duration::seconds(60);
/// How long it is said after the last time that lines were left out. They are asked for within it.
const SAMPLED: Duration = Duration::seconds(10);

/// Where it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::console) enum Standing {
    #[default]
    Off,
    /// Asked for, and not begun.
    Asked(RequestId),
    On(RequestId),
}

/// The live tail.
#[derive(Debug, Default)]
pub(in crate::console) struct Live {
    pub standing: Standing,
    /// Why there is none although it was asked for, in a word.
    pub refused: Option<&'static str>,
    /// When lines were last left out.
    sampled: Option<DateTime<Utc>>,
    /// Since when nobody looks.
    unseen: Option<DateTime<Utc>>,
}

impl Live {
    /// Whether lines were left out just now.
    pub(super) fn is_sampled(&self, now: DateTime<Utc>) -> bool {
        self.sampled.is_some_and(|at| now - at < SAMPLED)
    }

    fn is(&self, id: RequestId) -> bool {
        matches!(self.standing, Standing::Asked(known) | Standing::On(known) if known == id)
    }

    pub(in crate::console) fn is_off(&self) -> bool {
        self.standing == Standing::Off
    }
}

/// Why none can be begun. One that runs can always be ended.
pub(in crate::console) fn may(state: &State) -> Result<(), &'static str> {
    let logs = &state.logs;
    match logs.of.as_deref() {
        _ if !logs.live.is_off() => Ok(()),
        // Lines of now would stand amid those of then.
        _ if logs.reading.is_behind() => Err("it is still being read to its end"),
        Some(LogOf::Question(_)) => Err("an answer does not go on"),
        Some(LogOf::Place(LogPlace::CloudWatch { .. }) | LogOf::Run { .. }) => Ok(()),
        _ => Err("only CloudWatch Logs has a live tail"),
    }
}

/// Turns it on, which follows, or off.
pub(super) fn toggle(state: &mut State) -> Vec<Effect> {
    if !state.logs.live.is_off() {
        state.say("the live tail is over; polling");
        return end(state);
    }
    let Some(of) = state.logs.of.clone() else { return Vec::new() };
    let id = state.request();
    state.logs.live = Live { standing: Standing::Asked(id), ..Live::default() };
    state.logs.following = true;
    super::fit(state);
    state.say("live tail: billed by the minute; L ends it");
    vec![Effect::LiveLog { id, of, query: LogQuery::default() }]
}

/// Ends it, if there is one.
pub(in crate::console) fn end(state: &mut State) -> Vec<Effect> {
    let off = std::mem::take(&mut state.logs.live.standing) == Standing::Off;
    if off { Vec::new() } else { vec![Effect::Cancel(Job::LiveLog)] }
}

/// Something came of it, or it is over.
pub(in crate::console) fn came(state: &mut State, id: RequestId, news: Result<LiveNews, SourceError>) -> Vec<Effect> {
    if !state.logs.live.is(id) {
        return Vec::new();
    }
    match news {
        Ok(LiveNews::Began) => {
            state.logs.live.standing = Standing::On(id);
            reading::hurry(state)
        }
        Ok(LiveNews::Lines { lines, sampled }) => {
            let logs = &mut state.logs;
            for line in lines.iter().filter(|line| logs.reading.seen.live(line)) {
                logs.buffer.append(line.at, &line.stream, &line.text);
            }
            super::fit(state);
            if sampled {
                state.logs.live.sampled = Some(state.now);
                return reading::soon(state);
            }
            Vec::new()
        }
        Err(error) => {
            state.logs.live = Live { refused: Some(error.class.word()), ..Live::default() };
            let fault = Fault::from(&error);
            let what = format!("no live tail, polling: {}", one_line(&fault.what, 300));
            state.fail_with(what, fault.hint);
            reading::hurry(state)
        }
    }
}

/// Time went on: what nobody looks at is not paid for.
pub(super) fn tick(state: &mut State) -> Vec<Effect> {
    let looked_at = state.tab == Tab::Logs && state.logs.following;
    if looked_at || state.logs.live.is_off() {
        state.logs.live.unseen = None;
        return Vec::new();
    }
    let since = *state.logs.live.unseen.get_or_insert(state.now);
    if state.now - since < UNSEEN {
        return Vec::new();
    }
    state.say("the live tail is over, since nobody looked for a minute; L begins it again");
    end(state)
}

//! What a step asks lakeward to do, written into the Markdown as a comment that other readers do not show:
//! `<!-- lakeward: look quality -->`, `<!-- lakeward: check freshness -->`, `<!-- lakeward: do redrive -->`.

use serde::Serialize;

/// What lakeward does for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "verb", content = "what", rename_all = "snake_case")]
pub enum Directive {
    /// Shows what is; whatever is found, the step is done once it was seen.
    Look(Probe),
    /// Shows that it is right; the step is done by evidence that it is.
    Check(Probe),
    /// Changes something, through the gate.
    Do(Action),
}

/// What can be asked of a directive: both halves of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A probe.
    Probe(Probe),
    /// An action.
    Action(Action),
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $word:literal, $does:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All there are, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in a runbook, in JSON and on screen.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What it does, in a few words.
            pub fn does(self) -> &'static str {
                match self { $(Self::$variant => $does,)+ }
            }

            /// The one of a word.
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words!(
    /// What can be looked at. Reads only.
    Probe {
        /// Results of quality gates.
        Quality => "quality", "which checks of the quality gates failed";
        /// Errors of logs.
        Errors => "errors", "the errors in the run's log, counted by signature";
        /// Rejected rows.
        Entry => "entry", "the dead letters of the dataset and date, and their reasons";
        /// Columns against the contract.
        Schema => "schema", "the rejected rows' columns against the contract";
        /// Source credentials.
        Secret => "secret", "whether the source's credential is there, rotated when";
        /// Newest data.
        Freshness => "freshness", "when data arrived last, against the limit";
        /// Partitions.
        Partitions => "partitions", "whether the dataset has data for the date";
        /// Job runs.
        Jobs => "jobs", "how the job's last runs ended";
        /// What a run used.
        Resources => "resources", "what the failed run asked for and used";
        /// Identity and grants.
        Permissions => "permissions", "who lakeward is, and what it may";
        /// Endpoints.
        Network => "network", "name resolution, connection and TLS of each endpoint";
        /// The provider's own word.
        Status => "status", "what AWS says of its own services";
        /// Rows in against rows out.
        Counts => "counts", "whether rows read, written, rejected and quarantined add up";
        /// Signatures that were not there before.
        Logs => "logs", "errors in the logs since the recovery that were not there before the incident";
        /// Who reads the data.
        Consumers => "consumers", "whether those who read the data can query it";
        /// Alerts.
        Alerts => "alerts", "whether the alerts of this incident are still there";
    }
);

words!(
    /// What can be done. Each is a plan first, and passes the gate.
    Action {
        /// Moves the entry into quarantine.
        Quarantine => "quarantine", "move the entry into quarantine";
        /// Puts it back.
        Release => "release", "put what is in quarantine back";
        /// Keeps it for good.
        Archive => "archive", "archive the entry";
        /// Writes repaired rows.
        Repair => "repair", "write the rejected rows anew, fitted to the contract";
        /// Processes the entry again.
        Redrive => "redrive", "process the entry again";
        /// Runs the failed run again.
        Rerun => "rerun", "run the failed run again, with other parameters";
        /// Runs a job.
        Run => "run", "run the job that makes this data";
        /// Runs it for a range.
        Backfill => "backfill", "run it for a range of dates";
        /// Runs a DAG.
        Trigger => "trigger", "trigger the DAG";
        /// Clears tasks.
        Clear => "clear", "clear the DAG run's tasks, so that they run again";
    }
);

impl Probe {
    /// Whether it looks at what jobs make, so that what was there before says nothing of what was done since.
    pub fn is_of_results(self) -> bool {
        matches!(self, Self::Quality | Self::Jobs | Self::Partitions | Self::Counts | Self::Logs)
    }
}

impl Action {
    /// Whether it makes data: what a gate said before it says nothing of what is there now.
    pub fn mends(self) -> bool {
        !matches!(self, Self::Quarantine | Self::Archive | Self::Repair)
    }
}

impl Directive {
    /// The comment that begins one.
    const MARK: &'static str = "lakeward:";

    /// What an HTML comment asks for; none if it is not for us, a sentence if it is and cannot be read.
    pub fn of_comment(comment: &str) -> Option<Result<Self, String>> {
        let inside = comment.trim().strip_prefix("<!--")?.trim_end().strip_suffix("-->")?.trim();
        let asked = inside.strip_prefix(Self::MARK)?.trim();
        Some(Self::of_words(asked))
    }

    fn of_words(asked: &str) -> Result<Self, String> {
        let mut words = asked.split_whitespace();
        let (verb, what) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let probe = || Probe::of_word(what).ok_or_else(|| unknown("probe", what, Probe::ALL.iter().map(|p| p.word())));
        let action =
            || Action::of_word(what).ok_or_else(|| unknown("action", what, Action::ALL.iter().map(|a| a.word())));
        let read = match verb {
            "look" => Self::Look(probe()?),
            "check" => Self::Check(probe()?),
            "do" => Self::Do(action()?),
            other => return Err(format!("directive {other:?} is none: look, check or do")),
        };
        match words.next() {
            None => Ok(read),
            Some(more) => Err(format!("directive {verb} {what} takes nothing more, and {more:?} stands there")),
        }
    }

    /// What it is, as a line.
    pub fn does(self) -> &'static str {
        match self {
            Self::Look(probe) | Self::Check(probe) => probe.does(),
            Self::Do(action) => action.does(),
        }
    }

    /// The probe, if it is one.
    pub fn probe(self) -> Option<Probe> {
        match self {
            Self::Look(probe) | Self::Check(probe) => Some(probe),
            Self::Do(_) => None,
        }
    }
}

fn unknown<'a>(kind: &str, word: &str, all: impl Iterator<Item = &'a str>) -> String {
    format!("{kind} {word:?} is none of {}", all.collect::<Vec<_>>().join(", "))
}

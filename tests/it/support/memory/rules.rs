//! What a test orders the model to do wrong: requests that are refused, conditions that are ignored, things that
//! happen in between.

use std::time::Duration;

use lakeward::lake::ErrorClass;

use super::Memory;

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// By prefix asked for.
    List,
    Get,
    /// Of what `head` and `inspect` send.
    Head,
    Tags,
    Put,
    /// By target.
    Copy,
    /// By source.
    CopyFrom,
    /// One object's, in a bulk delete too.
    Delete,
    /// A bulk delete as a whole, by its first key.
    BulkDelete,
    /// By prefix.
    AbandonUploads,
}

/// The conditions that the store takes and ignores, answering as if they held.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ignored {
    pub put: bool,
    pub copy_pin: bool,
    pub copy_condition: bool,
    pub part_pin: bool,
    pub completion: bool,
    pub delete: bool,
    pub bulk_delete: bool,
}

impl Ignored {
    /// All of them: a store from before there were conditions.
    pub const ALL: Self = Self {
        put: true,
        copy_pin: true,
        copy_condition: true,
        part_pin: true,
        completion: true,
        delete: true,
        bulk_delete: true,
    };
    /// What moto 5.2 ignores.
    pub const AS_MOTO: Self = Self {
        put: false,
        copy_pin: true,
        copy_condition: true,
        part_pin: true,
        completion: false,
        delete: false,
        bulk_delete: true,
    };
}

type Act = Box<dyn FnOnce(&Memory) + Send>;

/// What is ordered for the requests of one kind below a prefix.
enum Order {
    Fail { after: u32, times: u32, class: ErrorClass },
    Meanwhile(Option<Act>),
    Slow(Duration),
}

#[derive(Default)]
pub struct Rules {
    rules: Vec<(Verb, String, Order)>,
    pub ignored: Ignored,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("rules", &self.rules.len()).field("ignored", &self.ignored).finish()
    }
}

impl Rules {
    pub fn fail(&mut self, verb: Verb, prefix: &str, after: u32, times: u32, class: ErrorClass) {
        self.rules.push((verb, prefix.to_owned(), Order::Fail { after, times, class }));
    }

    pub fn meanwhile(&mut self, verb: Verb, prefix: &str, act: Act) {
        self.rules.push((verb, prefix.to_owned(), Order::Meanwhile(Some(act))));
    }

    pub fn slow(&mut self, verb: Verb, prefix: &str, by: Duration) {
        self.rules.push((verb, prefix.to_owned(), Order::Slow(by)));
    }

    /// How long the answer to a request waits.
    pub fn wait(&self, verb: Verb, key: &str) -> Option<Duration> {
        let of = self.rules.iter().filter(|(of, prefix, _)| *of == verb && key.starts_with(prefix.as_str()));
        of.filter_map(|(_, _, order)| if let Order::Slow(by) = order { Some(*by) } else { None }).max()
    }

    pub fn clear(&mut self) {
        self.rules.clear();
        self.ignored = Ignored::default();
    }

    /// What is to happen before a request, and whether it fails then.
    pub fn due(&mut self, verb: Verb, key: &str) -> (Vec<Act>, Option<ErrorClass>) {
        let (mut acts, mut failure) = (Vec::new(), None);
        for (of, prefix, order) in &mut self.rules {
            if *of != verb || !key.starts_with(prefix.as_str()) {
                continue;
            }
            match order {
                Order::Meanwhile(act) => acts.extend(act.take()),
                Order::Fail { after, .. } if *after > 0 => *after -= 1,
                Order::Fail { times, class, .. } if *times > 0 => {
                    *times = times.saturating_sub(u32::from(*times != u32::MAX));
                    failure = failure.or(Some(*class));
                }
                Order::Fail { .. } | Order::Slow(_) => {}
            }
        }
        (acts, failure)
    }
}

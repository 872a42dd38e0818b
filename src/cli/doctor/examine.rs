//! The rows of `doctor` that a runbook's step looks at, one kind at a time.

use std::sync::Arc;

use async_trait::async_trait;

use super::calls::Calls;
use super::{Check, Verdict, account, network, on_lake, permissions};
use crate::cli::config::{Config, Vars};
use crate::lake::Lake;
use crate::model::probe;
use crate::model::runbook::Probe;
use crate::ops::probe::{Examiner, Seen};

/// The row that tells what AWS says of itself.
const STATUS: &str = "aws status";

/// Looks at this machine and the account as `doctor` does.
#[derive(Debug)]
pub struct Examination {
    config: Config,
    lake: Arc<dyn Lake>,
}

impl Examination {
    /// Of a configuration and its lake.
    pub fn new(config: Config, lake: Arc<dyn Lake>) -> Self {
        Self { config, lake }
    }
}

#[async_trait]
impl Examiner for Examination {
    async fn examine(&self, probe: Probe) -> Vec<Seen> {
        let (calls, vars) = (Calls::begin(), Vars::of_process());
        let checks = match probe {
            Probe::Permissions => {
                let mut checks = on_lake(&self.config, Some(self.lake.as_ref()), &calls).await;
                let of_account = account::checks(&self.config, &vars, &calls).await;
                checks.extend(of_account.into_iter().filter(|check| check.check != STATUS));
                checks.extend(permissions::services(&self.config, &calls).await);
                checks
            }
            Probe::Network => network::checks(&self.config, &vars).await,
            Probe::Status => {
                let of_account = account::checks(&self.config, &vars, &calls).await;
                of_account.into_iter().filter(|check| check.check == STATUS).collect()
            }
            _ => Vec::new(),
        };
        checks.into_iter().map(seen).collect()
    }
}

fn seen(check: Check) -> Seen {
    let verdict = match check.verdict {
        Verdict::Pass | Verdict::Warn => probe::Verdict::Pass,
        Verdict::Fail => probe::Verdict::Fail,
        Verdict::Skip => probe::Verdict::NoEvidence,
    };
    let hint = check.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    Seen { what: check.check.into_owned(), verdict, detail: format!("{}{hint}", check.detail) }
}

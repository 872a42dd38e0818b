//! Opens the sources beside the lake: job runs, DAG runs, logs. No request is sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::{Config, LakeTarget};
use crate::lake::Lake;
use crate::ops::Connected;
use crate::sources::local::dags::LocalDags;
use crate::sources::local::jobs::LocalJobs;
use crate::sources::local::logs::LocalLogs;

/// The sources of the configured environment. A folder holds records of its own runs; an AWS lake has services.
pub fn connect(config: &Config, lake: &Arc<dyn Lake>) -> Connected {
    let mut connected = Connected::default();
    if let Some(LakeTarget::Folder(_)) = &config.lake {
        let bound = config.jobs.iter().filter_map(|job| {
            let dataset = job.dataset.clone()?;
            let layer = job.layer.or_else(|| config.settings.layer(&dataset));
            Some((job.name.clone(), (dataset, layer)))
        });
        let bound: BTreeMap<_, _> = bound.collect();
        connected.jobs.push(Arc::new(LocalJobs::new(Arc::clone(lake), bound)));
        connected.dags.push(Arc::new(LocalDags::new(Arc::clone(lake))));
        connected.logs.push(Arc::new(LocalLogs::new(Arc::clone(lake))));
    }
    connected
}

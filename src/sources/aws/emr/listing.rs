//! One refresh: slices of the window, those that are not over, and what a run itself says of its end, read side by
//! side and in as few rounds as can be. A round is what can be asked for without waiting for each other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_sdk_emrserverless::types::JobRunSummary;
use chrono::{DateTime, Utc};
use futures::future::join;
use futures::stream::{self, StreamExt};

use super::EmrServerless;
use super::applications::Application;
use super::slices::{self, PAGE, Rest, Slice};
use crate::lake::ErrorClass;
use crate::model::run::{JobRun, JobRunId};
use crate::sources::SourceError;
use crate::sources::aws::{instant, time};

/// Requests at a time. The service allows bursts of this order for one account; more would be throttled:
/// <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/endpoints-quotas.html>.
const AT_ONCE: usize = 24;
/// Runs that are asked for themselves in one refresh, beyond those that ended since the last: the others are known well
/// enough from the listing, and have their turn in the next ones.
const LOOKED_AT: usize = 24;

/// Which runs one request lists.
#[derive(Debug, Clone)]
enum Part {
    /// All of a slice.
    Slice(Slice),
    /// Those created before, if they are not over.
    NotOver(DateTime<Utc>),
}

/// One request of a listing.
#[derive(Debug, Clone)]
struct Request {
    application: usize,
    part: Part,
    token: Option<String>,
}

/// A page of it.
struct Page {
    runs: Vec<JobRunSummary>,
    next: Option<String>,
}

/// A refresh under way.
struct Refresh<'a> {
    emr: &'a EmrServerless,
    applications: &'a [Application],
    ids: Vec<Arc<str>>,
    since: DateTime<Utc>,
    most: usize,
    now: DateTime<Utc>,
    /// From when on each application is listed.
    from: Vec<DateTime<Utc>>,
    /// What is known of each application afterwards: all since then, or nothing if it is gone.
    covered: Vec<Option<DateTime<Utc>>>,
    /// Those that are not over, of each application whose list of these is not complete.
    not_over: HashMap<usize, HashSet<JobRunId>>,
    /// The same of those whose list is, until it was made use of.
    complete: Vec<(usize, HashSet<JobRunId>)>,
    /// The first error of an application that is gone.
    gone: Option<SourceError>,
    read: usize,
}

/// Brings the ledger up to date with the applications.
pub(super) async fn refresh(
    emr: &EmrServerless,
    applications: &[Application],
    since: DateTime<Utc>,
    most: usize,
) -> Result<(), SourceError> {
    let ids: Vec<Arc<str>> = applications.iter().map(|a| Arc::clone(&a.id)).collect();
    let now = Utc::now();
    let begun: Vec<_> = {
        let ledger = emr.ledger();
        ids.iter().map(|id| (ledger.from(id, since, most), ledger.covered(id))).collect()
    };
    let mut refresh = Refresh {
        emr,
        applications,
        since,
        most,
        now,
        from: begun.iter().map(|((from, _), _)| *from).collect(),
        covered: begun.iter().map(|((_, anew), covered)| if *anew { Some(since) } else { *covered }).collect(),
        not_over: (0..ids.len()).map(|n| (n, HashSet::new())).collect(),
        complete: Vec::new(),
        ids,
        gone: None,
        read: 0,
    };
    let share = most / applications.len().max(1);
    let mut requests = Vec::new();
    for (application, ((from, anew), _)) in begun.iter().enumerate() {
        let window = slices::window(*from - slices::OVERLAP, now, if *anew { share } else { 1 });
        let parts = window.into_iter().map(Part::Slice).chain([Part::NotOver(*from)]);
        requests.extend(parts.map(|part| Request { application, part, token: None }));
    }
    refresh.rounds(requests).await
}

impl Refresh<'_> {
    async fn rounds(&mut self, mut requests: Vec<Request>) -> Result<(), SourceError> {
        let mut looked_at: Vec<(Arc<str>, JobRunId)> = Vec::new();
        let mut first = true;
        while !requests.is_empty() || !looked_at.is_empty() {
            let pages = stream::iter(requests.drain(..).map(|request| page(self.emr, self.ids.clone(), request)));
            let fulls = stream::iter(looked_at.drain(..).map(|(application, id)| full(self.emr, application, id)));
            let (pages, fulls) = join(
                pages.buffer_unordered(AT_ONCE).collect::<Vec<_>>(),
                fulls.buffer_unordered(AT_ONCE).collect::<Vec<_>>(),
            )
            .await;
            for (application, id, run) in fulls {
                self.told(&application, &id, run);
            }
            for (request, page) in pages {
                let taken = self.listed(&request, page)?;
                requests.extend(taken);
            }
            looked_at.extend(self.ended());
            if first && self.emr.may_look() {
                looked_at.extend(self.emr.ledger().wanting(&self.ids, self.since, LOOKED_AT));
            }
            first = false;
            self.drop_old(&mut requests);
        }
        let mut ledger = self.emr.ledger();
        for (id, covered) in self.ids.iter().zip(&self.covered) {
            ledger.cover(id, *covered);
        }
        ledger.prune(self.since);
        match self.gone.take() {
            Some(gone) if self.covered.iter().all(Option::is_none) => Err(gone),
            _ => Ok(()),
        }
    }

    /// Takes in a page; what is left to be asked for.
    fn listed(&mut self, request: &Request, page: Result<Page, SourceError>) -> Result<Vec<Request>, SourceError> {
        let n = request.application;
        let (Some(application), Some(id)) = (self.applications.get(n), self.ids.get(n)) else { return Ok(Vec::new()) };
        let page = match page {
            Ok(page) => page,
            // Deleted since the applications were listed.
            Err(error) if error.class == ErrorClass::NotFound => {
                self.emr.watched.forget();
                self.gone.get_or_insert(error);
                self.not_over.remove(&n);
                self.covered[n] = None;
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        self.read += page.runs.len();
        let runs: Vec<JobRun> = page.runs.iter().map(|run| self.emr.summary(application, run)).collect();
        let created: Vec<_> = page.runs.iter().filter_map(|run| time(run.created_at())).collect();
        if matches!(request.part, Part::NotOver(_)) {
            let mut not_over = self.not_over.remove(&n).unwrap_or_default();
            not_over.extend(runs.iter().map(|run| run.id.clone()));
            match page.next {
                Some(_) => drop(self.not_over.insert(n, not_over)),
                None => self.complete.push((n, not_over)),
            }
        }
        self.emr.ledger().listed(id, runs);
        let Some(token) = page.next else { return Ok(Vec::new()) };
        let next = Request { token: Some(token), ..request.clone() };
        Ok(match &request.part {
            Part::Slice(slice) if request.token.is_none() => match slices::rest(*slice, &created, self.now) {
                Rest::NextPage => vec![next],
                Rest::Slices(slices) => {
                    let part = |slice| Request { application: n, part: Part::Slice(slice), token: None };
                    slices.into_iter().map(part).collect()
                }
            },
            // A store that never comes to an end, or one that has far more than anyone looks at.
            _ if self.read > 4 * self.most + 20 * PAGE => {
                self.covered[n] = None;
                Vec::new()
            }
            _ => vec![next],
        })
    }

    /// What a run said of itself, or that it said nothing.
    fn told(&mut self, application: &Arc<str>, id: &JobRunId, run: Result<JobRun, SourceError>) {
        match run {
            Ok(run) => self.emr.ledger().told(application, run),
            Err(error) => {
                tracing::debug!(run = %id, "not looked at: {error}");
                match error.class {
                    ErrorClass::NotFound => self.emr.ledger().forget(application, id),
                    ErrorClass::Denied => self.emr.look_no_more(),
                    _ => {}
                }
                // It may have ended: the next refresh lists all of them again.
                if let Some(n) = self.ids.iter().position(|known| known == application) {
                    let unsettled = self.emr.ledger().is_unsettled(application, id);
                    self.covered[n] = self.covered[n].filter(|_| !unsettled);
                }
            }
        }
    }

    /// Runs that are no longer among those that are not over, of applications whose list of these is complete.
    fn ended(&mut self) -> Vec<(Arc<str>, JobRunId)> {
        let mut ended = Vec::new();
        for (n, not_over) in std::mem::take(&mut self.complete) {
            let (Some(id), Some(from)) = (self.ids.get(n), self.from.get(n)) else { continue };
            ended.extend(self.emr.ledger().ended(id, *from, &not_over).into_iter().map(|run| (Arc::clone(id), run)));
        }
        ended
    }

    /// Drops slices that lie before the last run that is asked for.
    fn drop_old(&mut self, requests: &mut Vec<Request>) {
        let Some(last) = self.emr.ledger().nth_newest(&self.ids, self.most) else { return };
        let covered = &mut self.covered;
        requests.retain(|request| match &request.part {
            Part::Slice(Slice { before: Some(before), .. }) if *before <= last => {
                let known = &mut covered[request.application];
                *known = known.map(|known| known.max(*before));
                false
            }
            _ => true,
        });
    }
}

async fn page(emr: &EmrServerless, ids: Vec<Arc<str>>, request: Request) -> (Request, Result<Page, SourceError>) {
    let id = ids.get(request.application).map(|id| id.to_string()).unwrap_or_default();
    let asked = emr.client().await.list_job_runs().application_id(&id).max_results(PAGE as i32);
    let asked = asked.set_next_token(request.token.clone());
    let asked = match &request.part {
        Part::Slice(slice) => {
            asked.created_at_after(instant(slice.after)).set_created_at_before(slice.before.map(instant))
        }
        Part::NotOver(before) => {
            let states = super::reading::NOT_OVER.to_vec();
            asked.created_at_before(instant(*before)).set_states(Some(states))
        }
    };
    let page = match asked.send().await {
        Ok(page) => Ok(Page {
            next: page.next_token().filter(|token| !token.is_empty()).map(str::to_owned),
            runs: page.job_runs,
        }),
        Err(error) => Err(emr.asked("emr-serverless:ListJobRuns", &format!("{id}/jobruns")).failed(&error)),
    };
    (request, page)
}

async fn full(
    emr: &EmrServerless,
    application: Arc<str>,
    id: JobRunId,
) -> (Arc<str>, JobRunId, Result<JobRun, SourceError>) {
    let found = emr.get(&application, &id).await.map(|run| emr.full(&application, &run));
    (application, id, found)
}

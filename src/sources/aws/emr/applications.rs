//! Which applications are watched: those that the settings name, or all that are there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_emrserverless::Client;
use aws_sdk_emrserverless::types::{ApplicationState, ApplicationSummary};

use crate::lake::ErrorClass;
use crate::lake::aws::Access;
use crate::sources::SourceError;

/// The source's name, where one application is watched.
const SOURCE: &str = "emr";
/// How long the list is good for: applications come and go with deployments, not with runs.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// The most pages of 50 that are read.
const PAGES: usize = 20;

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: Arc<str>,
    /// Its name, if it is known.
    pub name: Option<Arc<str>>,
    /// What its runs give as their source.
    pub source: Arc<str>,
}

/// The applications as they were last asked for.
#[derive(Debug, Default)]
pub struct Watched(Mutex<Option<(Instant, Vec<Application>)>>);

impl Watched {
    /// The list, if it is still good.
    pub fn known(&self) -> Option<Vec<Application>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(at, _)| at.elapsed() < KEPT).map(|(_, applications)| applications.clone())
    }

    /// Keeps a list.
    pub fn keep(&self, applications: Vec<Application>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), applications));
    }

    /// Asks again next time: one of them is gone.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Asks for the applications: one request for each 50 of the account.
pub async fn ask(client: &Client, access: &Access, wanted: &[String]) -> Result<Vec<Application>, SourceError> {
    let mut found = Vec::new();
    let mut token = None;
    for _ in 0..PAGES {
        let page = match client.list_applications().max_results(50).set_next_token(token).send().await {
            Ok(page) => page,
            Err(error) => {
                let error =
                    access.asked("emr-serverless:ListApplications", "emr-serverless:/applications").failed(&error);
                // Ids can be watched without the permission to list.
                return match (error.class, wanted) {
                    (ErrorClass::Denied, [_, ..]) => Ok(named(wanted.iter().map(|id| (id.as_str(), None)))),
                    _ => Err(error),
                };
            }
        };
        found.extend(page.applications().iter().cloned());
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    chosen(&found, wanted)
}

fn chosen(found: &[ApplicationSummary], wanted: &[String]) -> Result<Vec<Application>, SourceError> {
    let is = |a: &ApplicationSummary, wanted: &str| a.id() == wanted || a.name() == Some(wanted);
    let there = || found.iter().filter(|a| *a.state() != ApplicationState::Terminated);
    if let Some(missing) = wanted.iter().find(|wanted| !there().any(|a| is(a, wanted))) {
        let object = format!("emr-serverless:/applications/{missing}");
        let error = SourceError::new(ErrorClass::NotFound, object, "no application has this name or id");
        return Err(SourceError { hint: "check the jobs settings, the account and the region".into(), ..error });
    }
    let chosen = there().filter(|a| wanted.is_empty() || wanted.iter().any(|wanted| is(a, wanted)));
    Ok(named(chosen.map(|a| (a.id(), a.name().filter(|name| !name.is_empty())))))
}

/// Where there are several, each is told apart by its name.
fn named<'a>(applications: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Vec<Application> {
    let all: Vec<_> = applications.collect();
    let source = |name: &str| if all.len() > 1 { name.into() } else { SOURCE.into() };
    let application = |(id, name): &(&str, Option<&str>)| Application {
        id: (*id).into(),
        name: name.map(Arc::from),
        source: source(name.unwrap_or(id)),
    };
    all.iter().map(application).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use aws_sdk_emrserverless::primitives::DateTime;

    use super::*;

    fn there(id: &str, name: &str, state: ApplicationState) -> ApplicationSummary {
        let zero = DateTime::from_secs(0);
        ApplicationSummary::builder()
            .id(id)
            .name(name)
            .arn("arn")
            .release_label("emr-7.1.0")
            .r#type("Spark")
            .state(state)
            .created_at(zero)
            .updated_at(zero)
            .build()
            .unwrap()
    }

    #[test]
    fn applications_are_named_or_all() {
        let found = [
            there("00a", "etl", ApplicationState::Started),
            there("00b", "ml", ApplicationState::Stopped),
            there("00c", "etl", ApplicationState::Terminated),
        ];
        let ids = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
            chosen(&found, &wanted).map(|all| all.iter().map(|a| format!("{} {}", a.source, a.id)).collect::<Vec<_>>())
        };
        assert_eq!(ids(&[]).unwrap(), ["etl 00a", "ml 00b"]);
        assert_eq!(ids(&["etl"]).unwrap(), ["emr 00a"]);
        assert_eq!(ids(&["00b", "etl"]).unwrap(), ["etl 00a", "ml 00b"]);
        let error = ids(&["etl", "00c"]).unwrap_err();
        assert!(error.class == ErrorClass::NotFound && error.object.ends_with("/00c"), "{error}");
    }
}

//! What the account may do, by calls that change nothing: a row for each permission, and what to grant where one is
//! missing. What writes is named and not tried.

use chrono::{Duration, Utc};
use futures::join;

use super::calls::Calls;
use super::{Check, Verdict};
use crate::cli::config::{Config, LakeTarget};
use crate::lake::path::Prefixes;
use crate::lake::{ErrorClass, Key, Lake, ListRequest};
use crate::sources::SourceError;
use crate::sources::aws::emr::EmrSettings;
use crate::sources::aws::permissions;
use crate::sources::aws::region::partition;

/// What writing on the lake takes.
const LAKE_WRITES: &str = "s3:PutObject, s3:PutObjectTagging, s3:DeleteObject, s3:AbortMultipartUpload";

/// The resources of IAM that the configuration is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// `arn:aws:s3:::bucket`, and the lake's root in it with a `/` behind it; none for a folder.
    bucket: Option<(String, String)>,
    partition: &'static str,
    /// `*` where it is not known.
    region: String,
}

impl Grants {
    /// Of the configured lake and region. Reads nothing: an unknown region is `*`.
    pub fn of(config: &Config) -> Self {
        let access = match &config.lake {
            Some(LakeTarget::S3(s3)) => Some(&s3.access),
            _ => Some(&config.account),
        };
        let region = access.and_then(|a| a.region.clone());
        let partition = region.as_deref().map_or("aws", partition);
        let bucket = match &config.lake {
            Some(LakeTarget::S3(s3)) => {
                let root = s3.prefix.trim_matches('/');
                let root = if root.is_empty() { String::new() } else { format!("{root}/") };
                Some((format!("arn:{partition}:s3:::{}", s3.bucket), root))
            }
            _ => None,
        };
        Self { bucket, partition, region: region.unwrap_or_else(|| "*".into()) }
    }

    /// The bucket, for a listing of a prefix.
    pub fn bucket(&self, prefix: &str) -> Option<String> {
        let (bucket, root) = self.bucket.as_ref()?;
        Some(format!("{bucket} (s3:prefix {root}{prefix}*)"))
    }

    /// The objects under prefixes of the lake.
    pub fn objects(&self, prefixes: &[&str]) -> Option<String> {
        let (bucket, root) = self.bucket.as_ref()?;
        let each = prefixes.iter().map(|prefix| format!("{bucket}/{root}{prefix}*"));
        Some(each.collect::<Vec<_>>().join(", "))
    }

    /// What a service has, of any account.
    pub fn of_service(&self, service: &str, rest: &str) -> String {
        format!("arn:{}:{service}:{}:*:{rest}", self.partition, self.region)
    }
}

/// Listings of the prefixes where lakeward's own records lie. A folder has no such permissions: one row says so.
pub async fn prefixes(lake: &dyn Lake, prefixes: &Prefixes, grants: &Grants, calls: &Calls) -> Vec<Check> {
    if grants.bucket.is_none() {
        return vec![Check::new("permissions", Verdict::Skip, "the lake is a folder: what its own files allow holds")];
    }
    let (quarantine, state) =
        join!(listing(lake, &prefixes.quarantine, grants, calls), listing(lake, &prefixes.state, grants, calls));
    vec![quarantine, state]
}

async fn listing(lake: &dyn Lake, prefix: &str, grants: &Grants, calls: &Calls) -> Check {
    let name = format!("s3:ListBucket {prefix}");
    let request = ListRequest { prefix: prefix.to_owned(), max: Some(1), ..ListRequest::default() };
    let place = lake.uri(prefix);
    match calls.timed(&place, lake.list(&request)).await {
        Ok(_) => Check::new(name, Verdict::Pass, format!("{place} can be listed")),
        Err(e) => Check::refused(name, &e, "s3:ListBucket", grants.bucket(prefix)),
    }
}

/// The tags of an object: a move takes them along.
pub async fn tags(lake: &dyn Lake, object: Option<Key>, grants: &Grants, calls: &Calls) -> Option<Check> {
    const ACTION: &str = "s3:GetObjectTagging";
    grants.bucket.as_ref()?;
    let Some(key) = object else { return Some(Check::new(ACTION, Verdict::Skip, "no object to ask about")) };
    let place = lake.uri(key.as_str());
    Some(match calls.timed(&place, lake.tags(&key, None)).await {
        Ok(_) => Check::new(ACTION, Verdict::Pass, format!("the tags of {place} can be read")),
        // A store that knows no tags loses none.
        Err(e) if e.class == ErrorClass::Unsupported => Check::new(ACTION, Verdict::Skip, e.to_string()),
        Err(e) => Check::refused(ACTION, &e, ACTION, grants.objects(&[""])),
    })
}

/// EMR Serverless and the logs of its runs, where they are configured.
pub async fn services(config: &Config, calls: &Calls) -> Vec<Check> {
    let Some(emr) = &config.emr else {
        let none = Check::new("emr-serverless", Verdict::Skip, "no [emr] table: job runs on AWS are not asked for");
        return vec![none];
    };
    let grants = Grants::of(config);
    let Some(sdk) = calls.before_deadline(emr.access.load()).await else {
        let found = "no region or profile was found in time";
        return vec![Check::new("emr-serverless", Verdict::Fail, found).hint("--region, --profile")];
    };
    let visit = Visit { emr, sdk: &sdk, grants: &grants, calls };
    let (runs, logs) = join!(visit.runs(), visit.logs());
    runs.into_iter().chain(logs).collect()
}

/// The services, and who asks them.
struct Visit<'a> {
    emr: &'a EmrSettings,
    sdk: &'a aws_config::SdkConfig,
    grants: &'a Grants,
    calls: &'a Calls,
}

impl Visit<'_> {
    async fn runs(&self) -> Vec<Check> {
        const LIST: &str = "emr-serverless:ListApplications";
        const RUNS: &str = "emr-serverless:ListJobRuns";
        let access = &self.emr.access;
        let found = self.calls.timed("emr-serverless:/applications", permissions::applications(self.sdk, access)).await;
        let wanted = &self.emr.applications;
        let (listed, application) = match found {
            Ok(all) => {
                let named =
                    |(id, name): &&(String, String)| wanted.is_empty() || wanted.contains(id) || wanted.contains(name);
                let seen = format!("{} applications can be listed", all.len());
                (Check::new(LIST, Verdict::Pass, seen), all.iter().find(named).map(|(id, _)| id.clone()))
            }
            Err(e) => {
                let listed = Check::refused(LIST, &e, LIST, Some(self.grants.of_service("emr-serverless", "/*")));
                // One that is named by its id can be asked for its runs all the same.
                (listed, wanted.first().cloned().filter(|_| e.class == ErrorClass::Denied))
            }
        };
        let Some(application) = application else {
            return vec![listed, Check::new(RUNS, Verdict::Skip, "no application to ask about")];
        };
        let place = format!("emr-serverless:/applications/{application}/jobruns");
        let (runs, run) = match self.calls.timed(&place, permissions::job_runs(self.sdk, access, &application)).await {
            Ok(run) => (Check::new(RUNS, Verdict::Pass, format!("the runs of {application} can be listed")), run),
            Err(e) => {
                let resource = self.grants.of_service("emr-serverless", &format!("/applications/{application}"));
                (Check::refused(RUNS, &e, RUNS, Some(resource)), None)
            }
        };
        let mut all = vec![listed, runs];
        all.extend(self.one_run(&application, run.as_deref()).await);
        all
    }

    /// A run in full, and its attempts.
    async fn one_run(&self, application: &str, run: Option<&str>) -> [Check; 2] {
        const GET: &str = "emr-serverless:GetJobRun";
        const ATTEMPTS: &str = "emr-serverless:ListJobRunAttempts";
        let Some(run) = run else {
            return [GET, ATTEMPTS].map(|action| Check::new(action, Verdict::Skip, "no run to ask about"));
        };
        let (sdk, access) = (self.sdk, &self.emr.access);
        let place = format!("emr-serverless:/applications/{application}/jobruns/{run}");
        let resource = self.grants.of_service("emr-serverless", &format!("/applications/{application}/jobruns/*"));
        let row = |action, asked: Result<(), SourceError>| match asked {
            Ok(()) => Check::new(action, Verdict::Pass, format!("asked about {run}")),
            // Who may not ask is told that, whether it is there or not.
            Err(SourceError { class: ErrorClass::NotFound, .. }) => {
                Check::new(action, Verdict::Pass, format!("may be called; nothing is kept of {run}"))
            }
            Err(e) => Check::refused(action, &e, action, Some(resource.clone())),
        };
        let (get, attempts) = join!(
            self.calls.timed(&place, permissions::job_run(sdk, access, application, run)),
            self.calls.timed(&place, permissions::attempts(sdk, access, application, run))
        );
        [row(GET, get), row(ATTEMPTS, attempts)]
    }

    async fn logs(&self) -> [Check; 2] {
        let (groups, events) = join!(self.log_groups(), self.log_events());
        [groups, events]
    }

    async fn log_groups(&self) -> Check {
        const ACTION: &str = "logs:DescribeLogGroups";
        let call = permissions::log_group(self.sdk, &self.emr.access, permissions::LOG_GROUP);
        match self.calls.timed(&format!("logs:{}", permissions::LOG_GROUP), call).await {
            Ok(Some(group)) => Check::new(ACTION, Verdict::Pass, format!("{group} is there")),
            Ok(None) => {
                let none = format!("no group begins with {}", permissions::LOG_GROUP);
                Check::new(ACTION, Verdict::Pass, none).hint("runs that write elsewhere say so in their configuration")
            }
            Err(e) => {
                let row = Check::refused(ACTION, &e, ACTION, Some(self.grants.of_service("logs", "log-group:*")));
                // Lakeward reads the groups that runs name, whether it may list them or not.
                let verdict = if e.class == ErrorClass::Denied { Verdict::Warn } else { row.verdict };
                Check { verdict, ..row }
            }
        }
    }

    async fn log_events(&self) -> Check {
        const ACTION: &str = "logs:FilterLogEvents";
        let group = permissions::LOG_GROUP;
        let since = Utc::now() - Duration::hours(1);
        let call = permissions::log_event(self.sdk, &self.emr.access, group, since);
        match self.calls.timed(&format!("logs:{group}"), call).await {
            Ok(()) => Check::new(ACTION, Verdict::Pass, format!("{group} can be read")),
            // Who may not ask is told that, whether the group is there or not.
            Err(SourceError { class: ErrorClass::NotFound, .. }) => {
                Check::new(ACTION, Verdict::Pass, format!("may be called; there is no group {group}"))
            }
            Err(e) => {
                let resource = self.grants.of_service("logs", &format!("log-group:{group}:*"));
                Check::refused(ACTION, &e, ACTION, Some(resource))
            }
        }
    }
}

/// What only a write can prove, or what is billed.
pub fn not_tried(config: &Config) -> Vec<Check> {
    const WHY: &str = "not tried: a write is the only proof";
    let grants = Grants::of(config);
    let prefixes = &config.settings.prefixes;
    let all = [&prefixes.errors, &prefixes.quarantine, &prefixes.archive, &prefixes.state].map(String::as_str);
    let lake = grants.objects(&all);
    let lake =
        lake.map(|on| Check::new("s3 writes", Verdict::Skip, WHY).hint(format!("needed: {LAKE_WRITES} on {on}")));
    let emr = config.emr.as_ref().map(|_| {
        let on = grants.of_service("emr-serverless", "/applications/*");
        let needed = "emr-serverless:StartJobRun, emr-serverless:CancelJobRun";
        let hint = format!("needed: {needed} on {on}; iam:PassRole on the runs' execution role");
        Check::new("emr-serverless writes", Verdict::Skip, WHY).hint(hint)
    });
    let live = (config.emr.is_some() || config.cloudwatch.is_some()).then(|| {
        const ACTION: &str = "logs:StartLiveTail";
        let on = grants.of_service("logs", "log-group:*");
        let why = "not tried: a live tail is billed by the minute, and begun only when it is asked for";
        Check::new(ACTION, Verdict::Skip, why).hint(format!("needed for it: {ACTION} on {on}"))
    });
    lake.into_iter().chain(emr).chain(live).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::tests::config;
    use crate::lake::aws::Access;
    use crate::lake::s3::S3Settings;

    fn on(region: Option<&str>, prefix: &str) -> Grants {
        let access = Access { region: region.map(str::to_owned), ..Access::default() };
        let s3 = S3Settings { bucket: "b".into(), prefix: prefix.into(), access, ..S3Settings::default() };
        Grants::of(&Config { lake: Some(LakeTarget::S3(s3)), ..config() })
    }

    #[test]
    fn resources_are_those_of_the_lake() {
        let grants = on(Some("eu-central-1"), "");
        assert_eq!(grants.bucket("_errors/").as_deref(), Some("arn:aws:s3:::b (s3:prefix _errors/*)"));
        assert_eq!(grants.objects(&["a/", "b/"]).as_deref(), Some("arn:aws:s3:::b/a/*, arn:aws:s3:::b/b/*"));
        assert_eq!(grants.of_service("logs", "log-group:x"), "arn:aws:logs:eu-central-1:*:log-group:x");
        let grants = on(Some("cn-north-1"), "lakes/one");
        assert_eq!(grants.objects(&["a/"]).as_deref(), Some("arn:aws-cn:s3:::b/lakes/one/a/*"));
        assert_eq!(on(None, "").of_service("logs", "x"), "arn:aws:logs:*:*:x");
        assert_eq!(Grants::of(&config()).bucket(""), None);
    }

    #[test]
    fn a_folder_is_not_asked_for_permissions_to_write() {
        assert_eq!(not_tried(&config()), []);
    }
}

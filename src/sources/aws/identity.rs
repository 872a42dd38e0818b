//! Who the account takes us for, and until when: `sts:GetCallerIdentity`, which nobody can be denied, and the end of the
//! credentials as their provider has it. The credentials themselves stay here.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::ProvideCredentials;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::call::{Caller, Protocol, Service};
use crate::lake::aws::{Access, end_of};
use crate::sources::SourceError;
use crate::sources::account::{AccountSource, Ending};

/// Credentials that end sooner end amid an incident.
const TOLD: chrono::Duration = chrono::Duration::minutes(15);
/// New ones are asked for five minutes before the end of those that renew themselves: there were none.
const LATE: chrono::Duration = chrono::Duration::minutes(4);
/// Whoever gives no credentials for this long gives none.
const PATIENCE: Duration = Duration::from_secs(8);

const SERVICE: Service =
    Service { host: "sts", signs: "sts", protocol: Protocol::Query { version: "2011-06-15" }, home: None };

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account's twelve digits.
    pub account: String,
    /// The whole ARN.
    pub arn: String,
}

impl Identity {
    /// What the ARN names: `assumed-role/oncall/ana`, `user/ana`.
    pub fn name(&self) -> &str {
        self.arn.splitn(6, ':').nth(5).unwrap_or(&self.arn)
    }

    /// The session's name, of a role that was assumed.
    pub fn session(&self) -> Option<&str> {
        let mut parts = self.name().split('/');
        (parts.next() == Some("assumed-role")).then(|| parts.next_back()).flatten()
    }
}

/// Where credentials come from, as far as it matters for renewing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IAM Identity Center.
    Sso,
    /// `aws login`.
    Login,
    /// Variables of this process.
    Variables,
    /// Keys that stand in a profile.
    Profile,
    /// A command that a profile names.
    Process,
    /// A role that is assumed with other credentials or a token.
    Role,
    /// The machine or the container itself.
    Machine,
    /// Not known.
    Other,
}

impl Kind {
    fn of(credentials: &Credentials) -> Self {
        let features = credentials.get_property::<Vec<Feature>>().map(Vec::as_slice).unwrap_or_default();
        let kind = |feature: &Feature| match feature {
            // What has to be renewed by a person stands behind a role that is assumed with it.
            Feature::CredentialsProfileSso | Feature::CredentialsSso => Some((0, Self::Sso)),
            Feature::CredentialsProfileLogin | Feature::CredentialsLogin => Some((0, Self::Login)),
            Feature::CredentialsProfileProcess | Feature::CredentialsProcess => Some((1, Self::Process)),
            Feature::CredentialsImds | Feature::CredentialsHttp => Some((1, Self::Machine)),
            Feature::CredentialsStsAssumeRole
            | Feature::CredentialsStsAssumeRoleWebId
            | Feature::CredentialsEnvVarsStsWebIdToken
            | Feature::CredentialsProfileStsWebIdToken => Some((2, Self::Role)),
            Feature::CredentialsEnvVars => Some((3, Self::Variables)),
            Feature::CredentialsProfile | Feature::CredentialsProfileSourceProfile => Some((3, Self::Profile)),
            _ => None,
        };
        features.iter().filter_map(kind).min_by_key(|(rank, _)| *rank).map_or(Self::Other, |(_, kind)| kind)
    }

    /// Whether they come anew without anybody's doing.
    pub fn renews_itself(self) -> bool {
        matches!(self, Self::Process | Self::Role | Self::Machine)
    }

    /// Where they come from, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Sso => "of an SSO session",
            Self::Login => "of `aws login`",
            Self::Variables => "of variables",
            Self::Profile => "of a profile",
            Self::Process => "of a credential_process",
            Self::Role => "of an assumed role",
            Self::Machine => "of the machine or container",
            Self::Other => "of another provider",
        }
    }

    /// What renews them.
    pub fn renewal(self, profile: Option<&str>) -> String {
        let profile = profile.map(|name| format!(" --profile {name}")).unwrap_or_default();
        match self {
            Self::Sso => format!("aws sso login{profile}"),
            Self::Login => format!("aws login{profile}"),
            Self::Variables => {
                "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN anew, and start again".to_owned()
            }
            Self::Profile => "write new keys into the profile (~/.aws/credentials)".to_owned(),
            Self::Process => "the profile's credential_process gives new ones: log in where it asks for it".to_owned(),
            Self::Role => "the role is assumed anew by itself, as long as what it is assumed with is good".to_owned(),
            Self::Machine => "they come anew by themselves: look at the role of the machine or container".to_owned(),
            Self::Other => "renew them as you got them".to_owned(),
        }
    }
}

/// What is known of the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Where they come from.
    pub kind: Kind,
    /// When they run out; none if they do not say it.
    pub expires: Option<DateTime<Utc>>,
}

impl Lease {
    /// Whether somebody has to do something soon: what renews itself is late by then.
    pub fn ends_soon(&self, now: DateTime<Utc>) -> bool {
        let soon = match self.kind {
            Kind::Variables | Kind::Profile | Kind::Other => TOLD,
            _ => LATE,
        };
        self.expires.is_some_and(|end| end - now < soon)
    }
}

/// The account that asks.
#[derive(Debug)]
pub struct Account {
    access: Access,
    config: OnceCell<SdkConfig>,
}

impl Account {
    /// Asks nobody yet.
    pub fn new(access: Access) -> Self {
        Self { access, config: OnceCell::new() }
    }
}

#[async_trait]
impl AccountSource for Account {
    async fn ending(&self, now: DateTime<Utc>) -> Result<Option<Ending>, SourceError> {
        let config = self.config.get_or_init(|| self.access.load()).await;
        let lease = lease(config, &self.access).await?.filter(|lease| lease.ends_soon(now));
        let ending = |lease: Lease| {
            Some(Ending { at: lease.expires?, renewal: lease.kind.renewal(self.access.profile.as_deref()) })
        };
        Ok(lease.and_then(ending))
    }
}

/// Asks who we are.
#[derive(Debug)]
pub struct CallerIdentity {
    caller: Caller,
}

impl CallerIdentity {
    /// With an account that was found already.
    pub fn with_config(access: Access, config: &SdkConfig) -> Self {
        Self { caller: Caller::with_config(access, SERVICE, config) }
    }

    /// Who we are.
    pub async fn identity(&self) -> Result<Identity, SourceError> {
        let asked = self.caller.asked("sts:GetCallerIdentity", "sts:GetCallerIdentity");
        let reply = self.caller.ask(&asked, "GetCallerIdentity", &json!({})).await?;
        read(&reply).ok_or_else(|| asked.unreadable("a reply without an account"))
    }
}

fn read(reply: &Value) -> Option<Identity> {
    let text = |key: &str| Some(reply.get(key)?.as_str()?.to_owned());
    Some(Identity { account: text("Account")?, arn: text("Arn")? })
}

/// What the account's provider says of its credentials; none where nothing is signed.
pub async fn lease(config: &SdkConfig, access: &Access) -> Result<Option<Lease>, SourceError> {
    let asked = access.asked("sts:GetCallerIdentity", "credentials");
    let Some(provider) = config.credentials_provider() else { return Ok(None) };
    let given = timeout(PATIENCE, provider.provide_credentials()).await;
    let given = given.map_err(|_| asked.late("no credentials in time"))?.map_err(|e| asked.without_reply(&e))?;
    Ok(Some(Lease { kind: Kind::of(&given), expires: end_of(&given).map(DateTime::from) }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_session_are_read_out_of_the_arn() {
        for (arn, name, session) in [
            ("arn:aws:sts::123456789012:assumed-role/oncall/ana", "assumed-role/oncall/ana", Some("ana")),
            ("arn:aws:iam::123456789012:user/team/ana", "user/team/ana", None),
            ("arn:aws:iam::123456789012:root", "root", None),
            ("nonsense", "nonsense", None),
        ] {
            let identity = Identity { account: "123456789012".into(), arn: arn.into() };
            assert_eq!((identity.name(), identity.session()), (name, session), "{arn}");
        }
    }

    #[test]
    fn an_end_is_told_when_somebody_can_still_do_something() {
        let now = DateTime::UNIX_EPOCH;
        let lease =
            |kind, seconds: Option<i64>| Lease { kind, expires: seconds.map(|s| now + chrono::Duration::seconds(s)) };
        for (kind, seconds, told) in [
            (Kind::Variables, Some(900), false),
            (Kind::Variables, Some(899), true),
            (Kind::Variables, None, false),
            (Kind::Sso, Some(240), false),
            (Kind::Sso, Some(239), true),
            (Kind::Machine, Some(239), true),
            (Kind::Sso, Some(-1), true),
        ] {
            assert_eq!(lease(kind, seconds).ends_soon(now), told, "{kind:?} {seconds:?}");
        }
    }

    #[test]
    fn what_renews_credentials_is_found_behind_a_role() {
        let kind = |features: &[Feature]| {
            let mut credentials = Credentials::new("a", "b", None, None, "test");
            credentials.set_property(features.to_vec());
            Kind::of(&credentials)
        };
        use Feature::*;
        assert_eq!(kind(&[]), Kind::Other);
        assert_eq!(kind(&[CredentialsEnvVars]), Kind::Variables);
        assert_eq!(kind(&[CredentialsProfileSso, CredentialsSso]), Kind::Sso);
        assert_eq!(kind(&[CredentialsProfile, CredentialsStsAssumeRole]), Kind::Role);
        assert_eq!(kind(&[CredentialsSso, CredentialsStsAssumeRole]), Kind::Sso);
        assert_eq!(Kind::Sso.renewal(Some("oncall")), "aws sso login --profile oncall");
        assert_eq!(Kind::Sso.renewal(None), "aws sso login");
    }
}

//! Who asks: the account as the SDK finds it, and its credentials for as long as they are good. Each call takes them
//! from here, so that it never goes out with ones that have run out while the provider has others.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::lake::aws::{Access, Asked};
use crate::sources::SourceError;

/// Credentials are asked for again so long before they run out.
const EARLY: Duration = Duration::from_secs(60);
/// Credentials that do not say when they run out are asked for again after this: the files they come from change.
const UNDATED: Duration = Duration::from_secs(15 * 60);
/// Whoever gives no credentials for this long gives none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a request is signed with, and where it goes.
pub(super) struct Signer {
    /// The region.
    pub region: String,
    /// The endpoint, if it is not AWS's own.
    pub endpoint: Option<String>,
    /// Whether only validated endpoints may be used.
    pub fips: bool,
    /// None where nothing is signed.
    pub credentials: Option<Credentials>,
}

/// The account, once it was found.
pub(super) struct Session {
    access: Access,
    /// One that was given stays when credentials are forgotten.
    given: bool,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    config: Option<SdkConfig>,
    credentials: Option<(Credentials, SystemTime)>,
}

impl Session {
    /// One to be found.
    pub fn of(access: Access) -> Self {
        Self { access, given: false, found: Mutex::default() }
    }

    /// One that was found already.
    pub fn given(config: SdkConfig) -> Self {
        let found = Found { config: Some(config), credentials: None };
        Self { access: Access::default(), given: true, found: Mutex::new(found) }
    }

    /// Looks for the account anew at the next call: profiles, tokens and roles may have changed since. False if no
    /// credentials were known, and another call would find none either.
    pub async fn forget(&self) -> bool {
        let mut found = self.found.lock().await;
        if !self.given {
            found.config = None;
        }
        found.credentials.take().is_some()
    }

    /// What to sign with now. Calls beside each other wait for one of them to find it.
    pub async fn signer(&self, asked: &Asked<'_>) -> Result<Signer, SourceError> {
        let mut found = self.found.lock().await;
        let now = SystemTime::now();
        let late = || asked.late("no credentials in time");
        let config = match &found.config {
            Some(config) => config.clone(),
            None => timeout(PATIENCE, self.access.load()).await.map_err(|_| late())?,
        };
        found.config = Some(config.clone());
        let kept = found.credentials.as_ref().filter(|(_, until)| now < *until).map(|(kept, _)| kept.clone());
        let credentials = match (kept, config.credentials_provider()) {
            (Some(kept), _) => Some(kept),
            (None, None) => None,
            (None, Some(provider)) => {
                let given = timeout(PATIENCE, provider.provide_credentials()).await.map_err(|_| late())?;
                let given = match given {
                    Ok(given) => given,
                    Err(error) => {
                        // A provider may keep what it failed with.
                        *found = Found { config: found.config.take().filter(|_| self.given), credentials: None };
                        return Err(asked.without_reply(&error));
                    }
                };
                let until = given.expiry().map_or(now + UNDATED, |expiry| expiry.checked_sub(EARLY).unwrap_or(expiry));
                found.credentials = Some((given.clone(), until));
                Some(given)
            }
        };
        let region = config.region().map(|region| region.as_ref().to_owned()).unwrap_or_default();
        let endpoint = config.endpoint_url().map(str::to_owned);
        Ok(Signer { region, endpoint, fips: config.use_fips().unwrap_or(false), credentials })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{self, SharedCredentialsProvider, future};

    use super::*;
    use crate::lake::ErrorClass;

    /// Gives new ones each time, good for so long; none the first time if told so.
    #[derive(Debug, Clone)]
    struct Giving {
        good_for: Option<Duration>,
        fails_first: bool,
        asked: Arc<AtomicU32>,
    }

    impl Giving {
        fn new(good_for: Option<u64>, fails_first: bool) -> Self {
            Self { good_for: good_for.map(Duration::from_secs), fails_first, asked: Arc::default() }
        }

        fn give(&self) -> provider::Result {
            let n = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            if self.fails_first && n == 1 {
                return Err(CredentialsError::provider_error("the SSO token has expired"));
            }
            let until = self.good_for.map(|good_for| SystemTime::now() + good_for);
            Ok(Credentials::new(format!("key-{n}"), "secret", None, until, "test"))
        }

        fn session(&self) -> Session {
            let provider = SharedCredentialsProvider::new(self.clone());
            Session::given(SdkConfig::builder().credentials_provider(provider).build())
        }
    }

    impl ProvideCredentials for Giving {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(self.give())
        }
    }

    async fn key(session: &Session) -> Result<String, SourceError> {
        let asked = Asked { permission: "sts:GetCallerIdentity", object: "sts".into(), profile: Some("oncall") };
        let signer = session.signer(&asked).await?;
        Ok(signer.credentials.unwrap().access_key_id().to_owned())
    }

    #[tokio::test]
    async fn credentials_are_kept_while_they_are_good() {
        for (good_for, second) in [(Some(3_600), "key-1"), (None, "key-1"), (Some(50), "key-2"), (Some(0), "key-2")] {
            let session = Giving::new(good_for, false).session();
            assert_eq!(key(&session).await.unwrap(), "key-1");
            assert_eq!(key(&session).await.unwrap(), second, "{good_for:?}");
        }
    }

    #[tokio::test]
    async fn forgotten_ones_are_asked_for_anew() {
        let session = Giving::new(None, false).session();
        key(&session).await.unwrap();
        assert!(session.forget().await && !session.forget().await);
        assert_eq!(key(&session).await.unwrap(), "key-2");
    }

    #[tokio::test]
    async fn who_has_none_is_asked_again_and_told_what_to_do() {
        let session = Giving::new(None, true).session();
        let error = key(&session).await.unwrap_err();
        assert_eq!((error.class, error.object.as_str()), (ErrorClass::Expired, "sts"));
        assert!(error.hint.contains("aws sso login --profile oncall"), "{}", error.hint);
        assert_eq!(key(&session).await.unwrap(), "key-2");
    }

    #[tokio::test]
    async fn nothing_is_signed_without_a_provider() {
        let asked = Asked { permission: "x:Y", object: "x".into(), profile: None };
        let session = Session::given(SdkConfig::builder().endpoint_url("http://127.0.0.1:9").build());
        let signer = session.signer(&asked).await.unwrap();
        assert!(signer.credentials.is_none() && signer.endpoint.as_deref() == Some("http://127.0.0.1:9"));
    }
}

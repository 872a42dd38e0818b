//! Credentials that are renewed beside a running console: somebody logs in again in another window, a file is written
//! anew, a session is replaced. The SDK's chain looks at files once and keeps what it found; here it is built again when
//! they changed, or when it had nothing to give. Nothing is asked twice while what is known is good.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::Mutex;

/// New ones are asked for so long before the old ones end; if there are none, the old ones are good to their end.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// Credentials that do not say when they end are looked at again after this by whoever keeps them.
const LOOKED_AT: Duration = Duration::from_secs(30);
/// And given by their source again after this, though no file changed: the SDK's own time for them.
const UNDATED: Duration = Duration::from_secs(15 * 60);

/// Says of credentials that their end is ours: they themselves do not tell it.
#[derive(Debug, Clone, Copy)]
struct Undated;

/// Builds the chain anew.
type Chain = dyn Fn() -> future::ProvideCredentials<'static> + Send + Sync;
/// What the files of credentials look like.
type Stamp = dyn Fn() -> Vec<Option<SystemTime>> + Send + Sync;

/// The account's credentials.
#[derive(Clone)]
pub(super) struct Renewing {
    chain: Arc<Chain>,
    stamp: Arc<Stamp>,
    given: Arc<Mutex<Option<Given>>>,
}

struct Given {
    credentials: Credentials,
    at: SystemTime,
    stamp: Vec<Option<SystemTime>>,
}

impl Renewing {
    /// Those of the SDK's default chain: variables, a profile, SSO, a process, web identity, container, machine.
    pub fn default_chain(profile: Option<String>, region: Option<Region>) -> Self {
        let chain = move || {
            let (profile, region) = (profile.clone(), region.clone());
            future::ProvideCredentials::new(async move {
                let mut chain = DefaultCredentialsChain::builder();
                if let Some(profile) = &profile {
                    chain = chain.profile_name(profile);
                }
                chain.set_region(region);
                chain.build().await.provide_credentials().await
            })
        };
        Self::of(chain, || files().into_iter().map(modified).collect())
    }

    fn of(
        chain: impl Fn() -> future::ProvideCredentials<'static> + Send + Sync + 'static,
        stamp: impl Fn() -> Vec<Option<SystemTime>> + Send + Sync + 'static,
    ) -> Self {
        Self { chain: Arc::new(chain), stamp: Arc::new(stamp), given: Arc::default() }
    }

    /// As the SDK takes it.
    pub fn shared(self) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(self)
    }

    async fn give(&self, now: SystemTime) -> Result<Credentials, CredentialsError> {
        let mut given = self.given.lock().await;
        let stamp = (self.stamp)();
        let known = given.as_ref().filter(|given| given.stamp == stamp);
        if let Some(known) = known.filter(|known| known.is_good(now)) {
            return Ok(known.dated(now));
        }
        match (self.chain)().await {
            Ok(credentials) => {
                let anew = Given { credentials, at: now, stamp };
                let credentials = anew.dated(now);
                *given = Some(anew);
                Ok(credentials)
            }
            // What is good for some minutes more is better than nothing.
            Err(error) => match known.filter(|known| known.credentials.expiry().is_some_and(|end| end > now)) {
                Some(known) => Ok(known.credentials.clone()),
                None => Err(error),
            },
        }
    }
}

impl Given {
    fn is_good(&self, now: SystemTime) -> bool {
        let age = now.duration_since(self.at).unwrap_or_default();
        match self.credentials.expiry() {
            Some(end) => end.checked_sub(EARLY).is_some_and(|early| now < early),
            None => age < UNDATED,
        }
    }

    fn dated(&self, now: SystemTime) -> Credentials {
        let mut credentials = self.credentials.clone();
        if credentials.expiry().is_none() {
            *credentials.expiry_mut() = Some(now + LOOKED_AT);
            credentials.set_property(Undated);
        }
        credentials
    }
}

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.give(SystemTime::now()))
    }
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewing").finish_non_exhaustive()
    }
}

/// The files that the SDK reads, by its own variables: <https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html>.
fn files() -> [Option<PathBuf>; 2] {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    let file = |variable: &str, name: &str| {
        let named = std::env::var_os(variable).map(PathBuf::from);
        named.or_else(|| home().map(|home| home.join(".aws").join(name)))
    };
    [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")]
}

fn modified(file: Option<PathBuf>) -> Option<SystemTime> {
    file?.metadata().ok()?.modified().ok()
}

/// When credentials end, as they themselves tell it.
pub fn end_of(given: &Credentials) -> Option<SystemTime> {
    given.expiry().filter(|_| given.get_property::<Undated>().is_none())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Mutex as Shared;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A chain that numbers what it gives, good until a time; or has nothing.
    struct World {
        end: Shared<Option<Option<SystemTime>>>,
        asked: AtomicU64,
        written: AtomicU64,
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn world(end: Option<Option<SystemTime>>) -> (Arc<World>, Renewing) {
        let world = Arc::new(World { end: Shared::new(end), asked: AtomicU64::new(0), written: AtomicU64::new(0) });
        let (chain, stamp) = (Arc::clone(&world), Arc::clone(&world));
        let give = move || {
            let n = chain.asked.fetch_add(1, Ordering::Relaxed);
            let end = *chain.end.lock().unwrap();
            let given = end.map(|end| Credentials::new(format!("key{n}"), "s", None, end, "test"));
            future::ProvideCredentials::ready(given.ok_or_else(|| CredentialsError::not_loaded("none")))
        };
        (world, Renewing::of(give, move || vec![Some(at(stamp.written.load(Ordering::Relaxed)))]))
    }

    async fn key(renewing: &Renewing, seconds: u64) -> Option<String> {
        renewing.give(at(seconds)).await.ok().map(|given| given.access_key_id().to_owned())
    }

    #[tokio::test]
    async fn undated_ones_are_given_again_when_a_file_changed_and_seldom_else() {
        let (world, renewing) = world(Some(None));
        for second in [0, 30, 60, 899] {
            assert_eq!(key(&renewing, second).await.as_deref(), Some("key0"), "{second}");
        }
        assert_eq!(key(&renewing, 900).await.as_deref(), Some("key1"));
        world.written.store(1, Ordering::Relaxed);
        assert_eq!(key(&renewing, 901).await.as_deref(), Some("key2"));
        let given = renewing.give(at(1_000)).await.unwrap();
        assert_eq!((given.expiry(), end_of(&given)), (Some(at(1_030)), None), "the end is ours");
    }

    #[tokio::test]
    async fn dated_ones_are_renewed_early_and_used_to_their_end() {
        let (world, renewing) = world(Some(Some(at(3_600))));
        for (second, expected) in [(0, "key0"), (3_299, "key0"), (3_300, "key1")] {
            assert_eq!(key(&renewing, second).await.as_deref(), Some(expected), "{second}");
        }
        *world.end.lock().unwrap() = None;
        assert_eq!(key(&renewing, 3_599).await.as_deref(), Some("key1"));
        assert_eq!(key(&renewing, 3_600).await, None);
        // Somebody logged in again.
        *world.end.lock().unwrap() = Some(Some(at(9_000)));
        assert_eq!(end_of(&renewing.give(at(3_601)).await.unwrap()), Some(at(9_000)));
    }

    #[tokio::test]
    async fn what_changed_is_not_covered_by_what_was() {
        let (world, renewing) = world(Some(Some(at(3_600))));
        assert_eq!(key(&renewing, 0).await.as_deref(), Some("key0"));
        world.written.store(1, Ordering::Relaxed);
        *world.end.lock().unwrap() = None;
        assert_eq!(key(&renewing, 1).await, None, "the file names none any more");
    }
}

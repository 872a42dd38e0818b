//! An account of AWS, or a store that speaks its API: who asks and where, shared by the lake and by every other source
//! on AWS. Credentials, regions and retries are the SDK's; the words of its errors are made the port's in [`fault`].

pub mod fault;
mod renewing;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use self::renewing::Renewing;

pub use fault::Asked;
pub use renewing::end_of;

/// Tries of one request, the first included; each pause up to twice the one before, with jitter. Not the SDK's adaptive
/// mode: one that was throttled from rest begins again at a request in many seconds. Who sends many requests at once
/// sends fewer when the store asks for it.
const ATTEMPTS: u32 = 4;
/// The longest pause before the second try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Who takes no connection for this long is unreachable.
const CONNECT: Duration = Duration::from_secs(3);
/// Silence after a request.
pub const READ: Duration = Duration::from_secs(15);
/// One try in all.
pub const ATTEMPT: Duration = Duration::from_secs(30);
/// Where stores that have no regions are said to be.
const NO_REGION: &str = "us-east-1";

/// Who asks, and where. What is unset is found by the SDK's own chain: variables, profiles, SSO,
/// `credential_process`, web identity, container and instance roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The region.
    pub region: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// Another endpoint than AWS's own.
    pub endpoint_url: Option<String>,
    /// Sign nothing.
    pub anonymous: bool,
}

impl Access {
    /// What the clients of all services begin with: reads profiles, sends nothing but what a region or role needs.
    pub async fn load(&self) -> SdkConfig {
        let region = RegionProviderChain::first_try(self.region.clone().map(Region::new))
            .or_default_provider()
            .or_else(Region::from_static(NO_REGION));
        let region = region.region().await;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .read_timeout(READ)
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_PAUSE)
            .with_max_backoff(LONGEST_PAUSE);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region.clone())
            .retry_config(retries)
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build());
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = &self.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        loader = match self.anonymous {
            true => loader.no_credentials(),
            false => loader.credentials_provider(Renewing::default_chain(self.profile.clone(), region).shared()),
        };
        loader.load().await
    }

    /// What is asked for, to name it when it fails.
    pub fn asked(&self, permission: &'static str, object: impl Into<String>) -> Asked<'_> {
        Asked { permission, object: object.into(), profile: self.profile.as_deref() }
    }
}

/// Waits half to all of a pause, so that two who met do not meet again.
pub async fn jittered(pause: Duration) {
    let share = RandomState::new().hash_one(()) % 512;
    tokio::time::sleep(pause.mul_f64(0.5 + share as f64 / 1024.0)).await;
}

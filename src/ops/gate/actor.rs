//! Who acts. On a shared account of a bastion host the connection tells people apart.

use serde::{Deserialize, Serialize};

/// Who acts, as records name them. Texts from the environment: hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The login that stands behind `sudo`, or else the user.
    pub user: String,
    /// The machine.
    pub host: String,
    /// Where the SSH session comes from, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl Actor {
    /// Who runs this process.
    pub fn of_process() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let user = var("SUDO_USER").or_else(|| var("USER")).or_else(|| var("LOGNAME"));
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|h| h.trim().to_owned());
        let host = host.filter(|h| !h.is_empty()).or_else(|| var("HOSTNAME"));
        Self {
            // A container may set none of them: its number at least is told.
            user: user.unwrap_or_else(|| format!("uid{}", rustix::process::getuid().as_raw())),
            host: host.unwrap_or_else(|| "unknown".to_owned()),
            from: var("SSH_CONNECTION").and_then(|c| c.split(' ').next().map(str::to_owned)),
        }
    }

    /// `user@host`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }
}

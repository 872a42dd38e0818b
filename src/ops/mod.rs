//! The use cases: scan the DLQ, assess it into alerts, open an entry's rows. Knows nothing of how any of it
//! is drawn or printed.

pub mod health;
pub mod session;
pub mod settings;

pub use health::{SourceHealth, SourceState};
pub use session::{Opened, Progress, Session, Snapshot};
pub use settings::LakeSettings;

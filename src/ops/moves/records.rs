//! What lies on the lake of a move, under `_lakeward/moves/{id}/`: sealed objects, each made once and never changed.
//! They are enough to finish the move from another machine.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::lake::{ByteRange, Condition, ErrorClass, Key, Lake, LakeError, LakeWriter};
use crate::model::moves::{MoveId, Plan, SCHEMA};

/// One object that was copied, and how it is known to be equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// Where it came from.
    pub key: String,
    /// Where it lies now.
    pub target: String,
    /// Bytes.
    pub size: u64,
    /// The tag of the copy.
    pub etag: String,
    /// The checksum that both have, `ALGORITHM:value`; `MD5` for two equal tags that are digests.
    pub checksum: String,
}

/// All copies of a move are proven: from here on sources may be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Of this JSON.
    pub schema: u32,
    /// Which move.
    pub id: MoveId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// Every object.
    pub objects: Vec<Proven>,
}

/// A key under the source that is not as the plan wanted it: newer data, an object that the plan does not name, or one
/// that somebody else took away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stays {
    /// Its key.
    pub key: String,
    /// Why.
    pub why: String,
}

/// A move is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Of this JSON.
    pub schema: u32,
    /// Which move.
    pub id: MoveId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who ended it.
    pub actor: String,
    /// Whether nothing was moved: it was refused before its first copy, or took itself back.
    #[serde(default)]
    pub void: bool,
    /// What lies under the source all the same, and what was missing there.
    pub stays: Vec<Stays>,
}

/// The manifest beside moved objects, for those who find them without lakeward.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this JSON.
    pub schema: u32,
    /// The plan, without its objects.
    pub plan: Plan,
    /// Every object, proven.
    pub objects: Vec<Proven>,
}

/// The keys of a move's records.
#[derive(Debug, Clone)]
pub struct Records {
    folder: String,
}

impl Records {
    /// Those of a move, under a lake's state prefix.
    pub fn of(state: &str, id: &MoveId) -> Self {
        Self { folder: format!("{state}moves/{id}/") }
    }

    /// The whole plan.
    pub fn plan(&self) -> Key {
        self.key("plan.json")
    }

    /// The plan without its objects: what listings read.
    pub fn brief(&self) -> Key {
        self.key("brief.json")
    }

    /// The proofs.
    pub fn verified(&self) -> Key {
        self.key("verified.json")
    }

    /// The end.
    pub fn done(&self) -> Key {
        self.key("done.json")
    }

    /// An event of the quarantine.
    pub fn event(&self, n: usize) -> Key {
        self.key(&format!("events/{n:04}.json"))
    }

    fn key(&self, name: &str) -> Key {
        Key(format!("{}{name}", self.folder))
    }
}

/// Where a record could not be made.
#[derive(Debug)]
pub enum NotSealed {
    /// Another one is there.
    Other,
    /// The lake failed.
    Lake(LakeError),
}

/// Makes a record that does not change any more. One that is there with the same content is this one: its reply
/// was lost.
pub async fn seal(lake: &dyn LakeWriter, key: &Key, record: &impl Serialize) -> Result<(), NotSealed> {
    write_once(lake, key, json(record)).await
}

/// The same of bytes.
pub async fn write_once(lake: &dyn LakeWriter, key: &Key, bytes: Bytes) -> Result<(), NotSealed> {
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match lake.put(key, bytes.clone(), Some(Condition::Absent)).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        match lake.get(key, ByteRange::Whole, None).await {
            Ok(there) if there.bytes == bytes => return Ok(()),
            Ok(_) => return Err(NotSealed::Other),
            Err(e) if e.class != ErrorClass::NotFound && tries >= TRIES => return Err(NotSealed::Lake(e)),
            Err(_) if !may_pass(error.class) || tries >= TRIES => return Err(NotSealed::Lake(error)),
            Err(_) => tokio::time::sleep(super::pace::pause(tries)).await,
        }
    }
}

/// Tries of one record.
pub const TRIES: u32 = 5;

/// Whether trying again may help.
pub fn may_pass(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Unreachable | ErrorClass::Throttled)
}

/// Reads a record; none if it is not there.
pub async fn read<T: DeserializeOwned>(lake: &dyn Lake, key: &Key) -> Result<Option<T>, LakeError> {
    let mut tries = 0;
    let fetched = loop {
        tries += 1;
        match lake.get(key, ByteRange::Whole, None).await {
            Ok(fetched) => break fetched,
            Err(e) if e.class == ErrorClass::NotFound => return Ok(None),
            Err(e) if may_pass(e.class) && tries < TRIES => tokio::time::sleep(super::pace::pause(tries)).await,
            Err(e) => return Err(e),
        }
    };
    serde_json::from_slice(&fetched.bytes).map(Some).map_err(|e| {
        let detail = format!("not a record of this version of lakeward (schema {SCHEMA}): {e}");
        LakeError::new(ErrorClass::Malformed, lake.uri(key.as_str()), detail)
    })
}

/// JSON that a person can read.
pub fn json(record: &impl Serialize) -> Bytes {
    let mut bytes = serde_json::to_vec_pretty(record).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}

/// A plan without its objects.
pub fn brief(plan: &Plan) -> Plan {
    Plan { objects: Vec::new(), ..plan.clone() }
}

//! A record of ours on the lake that changes while work goes on: made only if none is there, changed only if it is still
//! as it was. So two who want the same one cannot both have it, and none undoes what another wrote.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lake::{ByteRange, Condition, ETag, ErrorClass, Key, LakeError, LakeWriter};
use crate::ops::moves::pause;
use crate::ops::moves::records::{self, TRIES, may_pass};

/// The record, and which version of it is ours.
#[derive(Debug, Clone)]
pub(super) struct Living<T> {
    key: Key,
    tag: ETag,
    pub record: T,
}

impl<T: Serialize> Living<T> {
    /// Makes it; none if another one is there. One that is there with the same content is this one: its reply was lost.
    pub async fn create(lake: &dyn LakeWriter, key: Key, record: T) -> Result<Option<Self>, LakeError> {
        let tag = write(lake, &key, records::json(&record), Condition::Absent).await?;
        Ok(tag.map(|tag| Self { key, tag, record }))
    }

    /// Writes it as it is now. Somebody else's change is a [`ErrorClass::Conflict`].
    pub async fn update(&mut self, lake: &dyn LakeWriter) -> Result<(), LakeError> {
        match write(lake, &self.key, records::json(&self.record), Condition::Matches(self.tag.clone())).await? {
            Some(tag) => {
                self.tag = tag;
                Ok(())
            }
            None => {
                let error =
                    LakeError::new(ErrorClass::Conflict, lake.uri(self.key.as_str()), "somebody else changed it");
                Err(LakeError { hint: "look at who works on it: lakeward audit".into(), ..error })
            }
        }
    }
}

impl<T: DeserializeOwned> Living<T> {
    /// Reads it; none if it is not there.
    pub async fn read(lake: &dyn LakeWriter, key: Key) -> Result<Option<Self>, LakeError> {
        let fetched = match lake.get(&key, ByteRange::Whole, None).await {
            Ok(fetched) => fetched,
            Err(e) if e.class == ErrorClass::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let record = serde_json::from_slice(&fetched.bytes).map_err(|e| {
            let detail = format!("not a record of this version of lakeward: {e}");
            LakeError::new(ErrorClass::Malformed, lake.uri(key.as_str()), detail)
        })?;
        Ok(Some(Self { key, tag: fetched.etag, record }))
    }
}

/// Writes under a condition; none if it is not met, and not by our own write whose reply was lost.
async fn write(
    lake: &dyn LakeWriter,
    key: &Key,
    bytes: Bytes,
    condition: Condition,
) -> Result<Option<ETag>, LakeError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match lake.put(key, bytes.clone(), Some(condition.clone())).await {
            Ok(tag) => return Ok(Some(tag)),
            Err(error) => error,
        };
        match lake.get(key, ByteRange::Whole, None).await {
            Ok(there) if there.bytes == bytes => return Ok(Some(there.etag)),
            Ok(_) if error.class == ErrorClass::Conflict => return Ok(None),
            _ if !may_pass(error.class) || tries >= TRIES => return Err(error),
            _ => tokio::time::sleep(pause(tries)).await,
        }
    }
}

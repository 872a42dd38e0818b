//! Contract files on the lake: read when asked, kept until their object changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::lake::{ByteRange, ErrorClass, Key, Lake, LakeError};
use crate::model::contract::{Contract, parse_contract};

/// A contract is a page of JSON; an object beyond this is refused. 4 MiB.
const LIMIT: u64 = 4 << 20;

/// A contract that was read, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFile {
    /// Full address.
    pub uri: String,
    /// What it says.
    pub contract: Contract,
}

/// The contract files of one lake.
#[derive(Debug, Default)]
pub struct Contracts {
    read: Mutex<HashMap<String, Arc<ContractFile>>>,
}

impl Contracts {
    /// Forgets what was read, so that the next question reads anew.
    pub fn forget(&self) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The contract at `key`: one request the first time.
    pub async fn read(&self, lake: &dyn Lake, key: &str) -> Result<Arc<ContractFile>, LakeError> {
        if let Some(known) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Ok(Arc::clone(known));
        }
        let uri = lake.uri(key);
        let fetched = lake.get(&Key::from(key), ByteRange::Span(0..LIMIT), None).await?;
        if fetched.size > LIMIT {
            return Err(LakeError::new(ErrorClass::Malformed, uri, "larger than 4 MiB: not a contract"));
        }
        let contract = parse_contract(&fetched.bytes, key)
            .map_err(|e| LakeError::new(ErrorClass::Malformed, uri.clone(), e.to_string()))?;
        let file = Arc::new(ContractFile { uri, contract });
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

//! Contracts: files on the lake, and schemas of a registry through a small port. Read when asked, kept until forgotten.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use super::SourceError;
use crate::lake::{ByteRange, ErrorClass, Key, Lake, LakeError};
use crate::model::contract::{Contract, ContractFormat, parse_contract_of};

/// A contract is a page of text; an object beyond this is refused. 4 MiB.
const LIMIT: u64 = 4 << 20;

/// A schema of a registry is good for this long: it changes with a release, and each reading is a request of the account's
/// quota.
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);

/// What the address of a schema in a registry begins with: `glue:registry/schema`.
pub const REGISTRY: &str = "glue:";

/// A contract that was read, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFile {
    /// Full address.
    pub uri: String,
    /// What it says.
    pub contract: Contract,
}

/// A schema of a registry, by the registry's name and its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SchemaName {
    /// The registry.
    pub registry: String,
    /// The schema in it.
    pub schema: String,
}

impl SchemaName {
    /// The schema of an address, `glue:registry/schema`; none of what is no such address.
    pub fn of_address(address: &str) -> Option<Self> {
        let (registry, schema) = address.strip_prefix(REGISTRY)?.split_once('/')?;
        let whole = !registry.is_empty() && !schema.is_empty();
        whole.then(|| Self { registry: registry.to_owned(), schema: schema.to_owned() })
    }
}

/// The languages of schemas that registries keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaFormat {
    /// Apache Avro.
    Avro,
    /// JSON Schema.
    Json,
    /// Protocol Buffers, which are not read.
    Protobuf,
}

/// One version of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaVersion {
    /// Its definition.
    pub definition: Bytes,
    /// What it is written in.
    pub format: SchemaFormat,
    /// Its number.
    pub version: u64,
}

/// A registry of schemas. Reads only.
#[async_trait]
pub trait SchemaRegistry: Send + Sync + Debug {
    /// Requests that it has sent since the start; none if it counts none.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// The newest version that holds (in Glue's words, is available).
    async fn latest(&self, name: &SchemaName) -> Result<SchemaVersion, SourceError>;
}

/// The contracts of one lake.
#[derive(Debug, Default)]
pub struct Contracts {
    read: Mutex<HashMap<String, (Instant, Arc<ContractFile>)>>,
    registry: Option<Arc<dyn SchemaRegistry>>,
}

impl Contracts {
    /// Contracts of which some may lie in a registry.
    pub fn with_registry(registry: Arc<dyn SchemaRegistry>) -> Self {
        Self { read: Mutex::default(), registry: Some(registry) }
    }

    /// Requests that the registry has been sent since the start; the lake counts those for its files.
    pub fn requests(&self) -> Option<u64> {
        self.registry.as_ref()?.requests()
    }

    /// Forgets what was read, so that the next question reads anew: files at once, schemas of a registry after ten
    /// minutes.
    pub fn forget(&self) {
        let is_good = |address: &str, read: &Instant| address.starts_with(REGISTRY) && read.elapsed() < GOOD_FOR;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.retain(|address, (at, _)| is_good(address, at));
    }

    /// The contract at an address: one request the first time. The address is
    /// - a key: `contracts/orders.json`, `.yaml`, `.avsc`;
    /// - a key and a table, where the file holds several: `contracts/silver.yaml#orders_silver`;
    /// - a schema of the registry: `glue:registry/schema`.
    pub async fn read(&self, lake: &dyn Lake, address: &str) -> Result<Arc<ContractFile>, LakeError> {
        if let Some((_, known)) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(address) {
            return Ok(Arc::clone(known));
        }
        let file = match address.starts_with(REGISTRY) {
            true => self.of_registry(address).await?,
            false => of_lake(lake, address).await?,
        };
        let file = Arc::new(file);
        let kept = (Instant::now(), Arc::clone(&file));
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(address.to_owned(), kept);
        Ok(file)
    }

    async fn of_registry(&self, address: &str) -> Result<ContractFile, LakeError> {
        let fail = |class, detail: &str| LakeError::new(class, address, detail);
        let name = SchemaName::of_address(address)
            .ok_or_else(|| fail(ErrorClass::Malformed, "not the address of a schema: glue:registry/schema"))?;
        let registry = self
            .registry
            .as_ref()
            .ok_or_else(|| fail(ErrorClass::Unsupported, "no schema registry is configured for this lake"))?;
        let latest = registry.latest(&name).await?;
        let format = match latest.format {
            SchemaFormat::Avro => ContractFormat::Avro,
            SchemaFormat::Json => ContractFormat::Json,
            SchemaFormat::Protobuf => {
                return Err(fail(ErrorClass::Unsupported, "a Protocol Buffers schema; Avro and JSON Schema are read"));
            }
        };
        let uri = format!("{address}@{}", latest.version);
        let contract = parse_contract_of(&latest.definition, &uri, format, None)
            .map_err(|e| fail(ErrorClass::Malformed, &e.to_string()))?;
        Ok(ContractFile { uri, contract })
    }
}

async fn of_lake(lake: &dyn Lake, address: &str) -> Result<ContractFile, LakeError> {
    let (key, table) = split_table(address);
    let uri = lake.uri(address);
    let fetched = lake.get(&Key::from(key), ByteRange::Span(0..LIMIT), None).await?;
    if fetched.size > LIMIT {
        return Err(LakeError::new(ErrorClass::Malformed, uri, "larger than 4 MiB: not a contract"));
    }
    let contract = parse_contract_of(&fetched.bytes, key, ContractFormat::of_name(key), table)
        .map_err(|e| LakeError::new(ErrorClass::Malformed, uri.clone(), e.to_string()))?;
    Ok(ContractFile { uri, contract })
}

/// A key and the table behind its `#`. A `#` that stands behind no ending of a contract is part of the key.
fn split_table(address: &str) -> (&str, Option<&str>) {
    let ends = |key: &str| [".json", ".yaml", ".yml"].iter().any(|end| key.to_ascii_lowercase().ends_with(end));
    match address.rsplit_once('#') {
        Some((key, table)) if ends(key) && !table.is_empty() => (key, Some(table)),
        _ => (address, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(split_table("c/silver.yaml#orders"), ("c/silver.yaml", Some("orders")));
        assert_eq!(split_table("c/a#b.json"), ("c/a#b.json", None));
        assert_eq!(split_table("c/a.json#"), ("c/a.json#", None));
        let name = SchemaName::of_address("glue:lake/orders/v").map(|n| (n.registry, n.schema));
        assert_eq!(name, Some(("lake".into(), "orders/v".into())));
        for address in ["glue:lake", "glue:/x", "glue:x/", "c.json"] {
            assert_eq!(SchemaName::of_address(address), None, "{address}");
        }
    }
}

//! Contracts: files on the lake, and schemas of a registry through a small port. Read when asked, kept until forgotten.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::SourceError;
use crate::lake::{ByteRange, ETag, ErrorClass, Key, Lake, LakeError, ListRequest};
use crate::model::contract::{Contract, ContractFormat, parse_contract_of};

/// A contract is a page of text; an object beyond this is refused. 4 MiB.
const LIMIT: u64 = 4 << 20;

/// A schema of a registry is good for this long: it changes with a release, and each reading is a request of the account's
/// quota.
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);

/// Folders listed at once.
const AT_ONCE: usize = 16;

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

/// A contract as it was read: when, and of the lake's own files under which tag.
#[derive(Debug)]
struct Kept {
    at: Instant,
    etag: Option<ETag>,
    file: Arc<ContractFile>,
}

/// The contracts of one lake.
#[derive(Debug, Default)]
pub struct Contracts {
    read: Mutex<HashMap<String, Kept>>,
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
        self.kept().retain(|_, kept| kept.is_good());
    }

    /// Forgets the files that are others than those that were read. One listing of each folder that they lie in tells it;
    /// what it does not tell is forgotten as well.
    pub async fn forget_changed(&self, lake: &dyn Lake) {
        let mut folders: BTreeMap<String, Vec<(String, ETag)>> = BTreeMap::new();
        self.kept().retain(|address, kept| {
            let Some(etag) = &kept.etag else { return kept.is_good() };
            let (key, _) = split_table(address);
            let folder = key.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
            folders.entry(folder).or_default().push((address.clone(), etag.clone()));
            true
        });
        let looks = folders.into_iter().map(|(prefix, known)| async move {
            let page = lake.list(&ListRequest { prefix, delimited: true, ..ListRequest::default() }).await;
            let objects = page.map(|page| page.objects).unwrap_or_default();
            let tags: HashMap<&str, &ETag> = objects.iter().map(|o| (o.key.as_str(), &o.etag)).collect();
            let changed = |(address, etag): &(String, ETag)| tags.get(split_table(address).0) != Some(&etag);
            known.into_iter().filter(changed).map(|(address, _)| address).collect::<Vec<_>>()
        });
        let looks: Vec<_> = looks.collect();
        let changed: Vec<Vec<String>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        let mut kept = self.kept();
        for address in changed.into_iter().flatten() {
            kept.remove(&address);
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The contract at an address: one request the first time. The address is
    /// - a key: `contracts/orders.json`, `.yaml`, `.avsc`;
    /// - a key and a table, where the file holds several: `contracts/silver.yaml#orders_silver`;
    /// - a schema of the registry: `glue:registry/schema`.
    pub async fn read(&self, lake: &dyn Lake, address: &str) -> Result<Arc<ContractFile>, LakeError> {
        if let Some(known) = self.kept().get(address) {
            return Ok(Arc::clone(&known.file));
        }
        let (file, etag) = match address.starts_with(REGISTRY) {
            true => (self.of_registry(address).await?, None),
            false => of_lake(lake, address).await.map(|(file, etag)| (file, Some(etag)))?,
        };
        let file = Arc::new(file);
        self.kept().insert(address.to_owned(), Kept { at: Instant::now(), etag, file: Arc::clone(&file) });
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

impl Kept {
    /// Whether it is a schema of a registry that is not read again yet.
    fn is_good(&self) -> bool {
        self.etag.is_none() && self.at.elapsed() < GOOD_FOR
    }
}

async fn of_lake(lake: &dyn Lake, address: &str) -> Result<(ContractFile, ETag), LakeError> {
    let (key, table) = split_table(address);
    let uri = lake.uri(address);
    let fetched = lake.get(&Key::from(key), ByteRange::Span(0..LIMIT), None).await?;
    if fetched.size > LIMIT {
        return Err(LakeError::new(ErrorClass::Malformed, uri, "larger than 4 MiB: not a contract"));
    }
    let contract = parse_contract_of(&fetched.bytes, key, ContractFormat::of_name(key), table)
        .map_err(|e| LakeError::new(ErrorClass::Malformed, uri.clone(), e.to_string()))?;
    Ok((ContractFile { uri, contract }, fetched.etag))
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

//! What the Delta kernel asks of its surroundings, answered by the lake's port: list the log, read its files. It
//! never writes. Each call waits, so the kernel runs on a thread of its own.

use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use delta_kernel::arrow::json::ReaderBuilder;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::engine::arrow_expression::ArrowEvaluationHandler;
use delta_kernel::engine::arrow_utils::{
    build_json_reorder_indices, fixup_json_read, fixup_parquet_read, json_arrow_schema, parquet_read_plan, parse_json,
};
use delta_kernel::schema::SchemaRef;
use delta_kernel::{
    Engine, EngineData, EvaluationHandler, FileDataReadResultIterator, FileMeta, FileSize, FileSlice,
    FilteredEngineData, JsonHandler, KernelError, KernelResult, KernelResultIterator, KernelResultIteratorStatic,
    ParquetFooter, ParquetHandler, PredicateRef, StorageHandler,
};
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::runtime::Handle;
use url::Url;

use crate::lake::{ByteRange, ErrorClass, Key, Lake, LakeError, listing};

/// Keys as paths of a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a key, as the kernel knows it.
pub(super) fn url_of(key: &str) -> KernelResult<Url> {
    let url = format!("lake:///{}", utf8_percent_encode(key, PATH));
    Url::parse(&url).map_err(|e| KernelError::generic(format!("{key}: {e}")))
}

/// The key of such an address.
pub(super) fn key_of(url: &Url) -> String {
    percent_decode_str(url.path().trim_start_matches('/')).decode_utf8_lossy().into_owned()
}

/// The kernel's surroundings.
pub(super) struct LakeEngine {
    reader: Arc<LakeReader>,
    evaluation: Arc<ArrowEvaluationHandler>,
}

impl LakeEngine {
    /// An engine that waits on this runtime; not to be used on one of its own threads.
    pub fn new(lake: Arc<dyn Lake>, runtime: Handle) -> Self {
        let reader = LakeReader { lake, runtime, failed: Mutex::default() };
        Self { reader: Arc::new(reader), evaluation: Arc::new(ArrowEvaluationHandler) }
    }

    /// The lake's first error but for objects that are not there, which the kernel asks for to know.
    pub fn failure(&self) -> Option<LakeError> {
        self.reader.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Engine for LakeEngine {
    fn evaluation_handler(&self) -> Arc<dyn EvaluationHandler> {
        Arc::clone(&self.evaluation) as _
    }

    fn storage_handler(&self) -> Arc<dyn StorageHandler> {
        Arc::clone(&self.reader) as _
    }

    fn json_handler(&self) -> Arc<dyn JsonHandler> {
        Arc::clone(&self.reader) as _
    }

    fn parquet_handler(&self) -> Arc<dyn ParquetHandler> {
        Arc::clone(&self.reader) as _
    }
}

struct LakeReader {
    lake: Arc<dyn Lake>,
    runtime: Handle,
    failed: Mutex<Option<LakeError>>,
}

impl LakeReader {
    fn read(&self, url: &Url, range: ByteRange) -> KernelResult<Bytes> {
        let key = Key(key_of(url));
        let fetched = self.runtime.block_on(self.lake.get(&key, range, None)).map_err(|e| self.in_kernel(e))?;
        Ok(fetched.bytes)
    }

    fn in_kernel(&self, error: LakeError) -> KernelError {
        if error.class == ErrorClass::NotFound {
            return KernelError::FileNotFound(error.object);
        }
        let told = KernelError::generic(&error);
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        told
    }
}

fn no_writes<T>() -> KernelResult<T> {
    Err(KernelError::unsupported("tables are only read here"))
}

impl StorageHandler for LakeReader {
    fn list_from(&self, url: &Url) -> KernelResult<KernelResultIteratorStatic<FileMeta>> {
        let from = key_of(url);
        let inside = from.rfind('/').map_or("", |at| from.get(..=at).unwrap_or_default()).to_owned();
        let pages: Vec<_> = self
            .runtime
            .block_on(listing::pages(self.lake.as_ref(), &inside).try_collect())
            .map_err(|e: LakeError| self.in_kernel(e))?;
        let after = pages.into_iter().flat_map(|p| p.objects).filter(|o| from.ends_with('/') || o.key.0 > from);
        let files: Vec<_> =
            after.map(|o| Ok(FileMeta::new(url_of(&o.key.0)?, o.modified.timestamp_millis(), o.size))).collect();
        Ok(Box::new(files.into_iter()))
    }

    fn read_files(&self, files: Vec<FileSlice>) -> KernelResult<KernelResultIteratorStatic<Bytes>> {
        let read =
            files.into_iter().map(|(url, range)| self.read(&url, range.map_or(ByteRange::Whole, ByteRange::Span)));
        Ok(Box::new(read.collect::<Vec<_>>().into_iter()))
    }

    fn head(&self, url: &Url) -> KernelResult<FileMeta> {
        let key = Key(key_of(url));
        let meta = self.runtime.block_on(self.lake.head(&key)).map_err(|e| self.in_kernel(e))?;
        Ok(FileMeta::new(url.clone(), meta.modified.timestamp_millis(), meta.size))
    }

    fn copy_atomic(&self, _: &Url, _: &Url) -> KernelResult<()> {
        no_writes()
    }

    fn put(&self, _: &Url, _: Bytes, _: bool) -> KernelResult<()> {
        no_writes()
    }

    fn delete(&self, _: &Url) -> KernelResult<()> {
        no_writes()
    }
}

impl JsonHandler for LakeReader {
    fn parse_json(&self, json: Box<dyn EngineData>, schema: SchemaRef) -> KernelResult<Box<dyn EngineData>> {
        parse_json(json, schema)
    }

    fn read_json_files(
        &self,
        files: &[FileMeta],
        schema: SchemaRef,
        _: Option<PredicateRef>,
    ) -> KernelResult<FileDataReadResultIterator> {
        let arrow = Arc::new(json_arrow_schema(&schema)?);
        let order = build_json_reorder_indices(&schema)?;
        let mut batches: Vec<KernelResult<Box<dyn EngineData>>> = Vec::new();
        for file in files {
            let bytes = self.read(&file.location, ByteRange::Whole)?;
            let reader =
                ReaderBuilder::new(Arc::clone(&arrow)).with_coerce_primitive(true).build(Cursor::new(bytes))?;
            for batch in reader {
                batches.push(Ok(Box::new(fixup_json_read(batch?, &order, file.location.as_str())?)));
            }
        }
        Ok(Box::new(batches.into_iter()))
    }

    fn write_json_file(
        &self,
        _: &Url,
        _: KernelResultIterator<'_, FilteredEngineData>,
        _: bool,
    ) -> KernelResult<FileSize> {
        no_writes()
    }
}

/// Checkpoints: whole files of the log, in parquet.
impl ParquetHandler for LakeReader {
    fn read_parquet_files(
        &self,
        files: &[FileMeta],
        schema: SchemaRef,
        _: Option<PredicateRef>,
    ) -> KernelResult<FileDataReadResultIterator> {
        let mut batches: Vec<KernelResult<Box<dyn EngineData>>> = Vec::new();
        for file in files {
            let bytes = self.read(&file.location, ByteRange::Whole)?;
            let metadata = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
            let (order, mask) = parquet_read_plan(&schema, &metadata)?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata);
            let builder = match mask {
                Some(mask) => builder.with_projection(mask),
                None => builder,
            };
            for batch in builder.build()? {
                let data: ArrowEngineData =
                    fixup_parquet_read(batch?, &order, None, Some(file.location.as_str()), Some(&schema))?;
                batches.push(Ok(Box::new(data)));
            }
        }
        Ok(Box::new(batches.into_iter()))
    }

    fn read_parquet_footer(&self, file: &FileMeta) -> KernelResult<ParquetFooter> {
        use delta_kernel::engine::arrow_conversion::TryFromArrow;
        let bytes = self.read(&file.location, ByteRange::Whole)?;
        let metadata = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
        let schema = delta_kernel::schema::StructType::try_from_arrow(metadata.schema().as_ref())?;
        Ok(ParquetFooter { schema: Arc::new(schema) })
    }

    fn write_parquet_file(&self, _: Url, _: KernelResultIteratorStatic<Box<dyn EngineData>>) -> KernelResult<FileSize> {
        no_writes()
    }
}

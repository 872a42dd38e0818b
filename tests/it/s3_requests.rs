//! What is sent to S3 where no real server shows it: headers, and answers that only the real S3 gives. The server
//! here is a script: it notes each request's head and answers what the test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use lakeward::lake::s3::{S3Lake, S3Settings};
use lakeward::lake::{
    Attributes, ByteRange, Condition, CopyRequest, CopyWay, ETag, Encryption, ErrorClass, Lake, LakeWriter, Placing,
};

use crate::lake_contract::class;
use crate::support::s3_server;

/// The heads of requests, in lower case.
type Heads = Arc<Mutex<Vec<String>>>;

/// Begins to listen; what `answer` says to a head is a status, more headers, and a body.
fn listen(answer: impl Fn(&str) -> (u16, &'static str, &'static str) + Send + Sync + 'static) -> (S3Settings, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let heads = Heads::default();
    let (noted, answer) = (Arc::clone(&heads), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
            std::thread::spawn(move || serve(stream.unwrap(), &noted, &*answer));
        }
    });
    (s3_server::anonymous(&endpoint, "b"), heads)
}

fn serve(mut stream: TcpStream, noted: &Heads, answer: &dyn Fn(&str) -> (u16, &'static str, &'static str)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_end(&mut Vec::new()).unwrap();
    let (status, headers, body) = answer(&head);
    noted.lock().unwrap().push(head);
    let length =
        if headers.contains("content-length") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    write!(stream, "HTTP/1.1 {status} Said\r\n{headers}{length}connection: close\r\n\r\n{body}").ok();
}

const SEEN: &str = "etag: \"e\"\r\nx-amz-tagging-count: 0\r\n";
const BEGUN: &str = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
const PART: &str = "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>";
const COPIED: &str = "<CopyObjectResult><ETag>\"c\"</ETag><ChecksumType>FULL_OBJECT</ChecksumType>\
                      <ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></CopyObjectResult>";
const DONE: &str = "<CompleteMultipartUploadResult><ETag>\"d-1\"</ETag></CompleteMultipartUploadResult>";

/// A store that does everything it is asked.
fn willing(head: &str) -> (u16, &'static str, &'static str) {
    let line = head.lines().next().unwrap_or_default();
    match line {
        _ if line.starts_with("head") => (200, "etag: \"e\"\r\ncontent-length: 1\r\n", ""),
        _ if line.contains("?uploads") && line.starts_with("post") => (200, "", BEGUN),
        _ if line.starts_with("post") && line.contains("uploadid") => (200, "", DONE),
        _ if head.contains("x-amz-copy-source") && line.contains("partnumber") => (200, "", PART),
        _ if head.contains("x-amz-copy-source") => (200, "", COPIED),
        _ if line.contains("list-type") => (200, "", "<ListBucketResult/>"),
        _ if line.contains("uploads") => (200, "", "<ListMultipartUploadsResult/>"),
        _ if line.contains("tagging") => (200, "", "<Tagging><TagSet/></Tagging>"),
        _ if line.contains("?delete") => (200, "", "<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>"),
        _ if line.starts_with("get") => (200, SEEN, "x"),
        _ => (200, SEEN, ""),
    }
}

fn request(way: CopyWay) -> CopyRequest {
    CopyRequest::new("a", ETag("e".into()), 1, "t").only_if(Condition::Absent).by(way)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_names_the_account_that_the_bucket_must_belong_to() {
    let (settings, heads) = listen(willing);
    let lake = S3Lake::connect(S3Settings { expected_bucket_owner: Some("111122223333".into()), ..settings });
    let key = "a".into();
    lake.list(&Default::default()).await.unwrap();
    lake.get(&key, ByteRange::Whole, None).await.unwrap();
    lake.head(&key).await.unwrap();
    lake.inspect(&key).await.unwrap();
    lake.tags(&key, None).await.unwrap();
    lake.put(&key, "x".into(), None).await.unwrap();
    lake.delete(&key, None).await.unwrap();
    lake.delete_all(&[(key, ETag("e".into()))]).await.remove(0).unwrap();
    for way in [CopyWay::Server, CopyWay::Multipart, CopyWay::Through] {
        lake.copy(&request(way)).await.unwrap_or_else(|e| panic!("{way:?}: {e}"));
    }
    lake.abandon_uploads("q/").await.unwrap();
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 8 + 1 + 4 + 2 + 1, "{heads:?}");
    for head in &*heads {
        assert!(head.contains("x-amz-expected-bucket-owner: 111122223333\r\n"), "{head}");
        let copies = head.contains("x-amz-copy-source:");
        assert_eq!(head.contains("x-amz-source-expected-bucket-owner: 111122223333\r\n"), copies, "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_pinned_conditional_and_placed_in_each_way() {
    let (settings, heads) = listen(willing);
    let lake = S3Lake::connect(settings);
    let placing = Placing {
        attributes: Attributes { content_type: Some("text/csv".into()), ..Attributes::default() },
        tags: Some(vec![("team".into(), "a b".into())]),
        storage_class: Some("GLACIER_IR".into()),
        encryption: Some(Encryption { kind: "aws:kms".into(), key: Some("alias/k".into()) }),
        retain_until: chrono::DateTime::from_timestamp(2_000_000_000, 0),
        modified: None,
    };
    let begins = [
        "content-type: text/csv\r\n",
        "x-amz-tagging: team=a%20b\r\n",
        "x-amz-storage-class: glacier_ir\r\n",
        "x-amz-server-side-encryption: aws:kms\r\n",
        "x-amz-server-side-encryption-aws-kms-key-id: alias/k\r\n",
        "x-amz-object-lock-mode: governance\r\n",
        "x-amz-object-lock-retain-until-date: 2033-05-18t03:33:20",
    ];
    let sent = async |way| {
        heads.lock().unwrap().clear();
        let written = lake.copy(&request(way).placed(placing.clone())).await.unwrap();
        (heads.lock().unwrap().clone(), written)
    };
    let holds = |head: &str, all: &[&str]| all.iter().for_each(|one| assert!(head.contains(one), "{one}: {head}"));

    let (heads, written) = sent(CopyWay::Server).await;
    let pinned = "x-amz-copy-source-if-match: \"e\"\r\n";
    holds(&heads[0], &begins);
    holds(&heads[0], &[pinned, "if-none-match: *\r\n", "x-amz-copy-source: b/a\r\n"]);
    holds(&heads[0], &["x-amz-metadata-directive: replace\r\n", "x-amz-tagging-directive: replace\r\n"]);
    assert!(!heads[0].contains("x-amz-checksum-algorithm"), "that of the source: {}", heads[0]);
    assert_eq!(written.checksum.unwrap().algorithm, "CRC64NVME");

    let (heads, written) = sent(CopyWay::Multipart).await;
    let [head, create, part, complete] = heads.as_slice() else { panic!("{heads:?}") };
    assert!(head.starts_with("head"));
    holds(create, &begins);
    holds(create, &["x-amz-checksum-algorithm: crc64nvme\r\n", "x-amz-checksum-type: full_object\r\n"]);
    holds(part, &[pinned, "x-amz-copy-source: b/a\r\n"]);
    assert!(!part.contains("x-amz-copy-source-range"), "refused for small objects: {part}");
    holds(complete, &["if-none-match: *\r\n", "x-amz-mp-object-size: 1\r\n"]);
    assert_eq!(written.etag.0, "d-1");

    let (heads, _) = sent(CopyWay::Through).await;
    let [get, put] = heads.as_slice() else { panic!("{heads:?}") };
    holds(get, &["if-match: \"e\"\r\n"]);
    holds(put, &begins);
    holds(put, &["if-none-match: *\r\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_after_two_hundred_is_an_error() {
    const ERROR: &str =
        "<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:Decrypt</Message></Error>";
    let (settings, _) = listen(|head| match willing(head) {
        (200, headers, COPIED | PART | DONE) => (200, headers, ERROR),
        answer => answer,
    });
    let lake = S3Lake::connect(settings);
    for way in [CopyWay::Server, CopyWay::Multipart] {
        let error = lake.copy(&request(way)).await.unwrap_err();
        assert!(error.hint.contains("kms:GenerateDataKey"), "{way:?}: {error:?}");
        assert_eq!(class(error), ErrorClass::Denied);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_part_ends_its_upload() {
    let (settings, heads) = listen(|head| match willing(head) {
        (200, _, PART) => (412, "", "<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>"),
        answer => answer,
    });
    let lake = S3Lake::connect(settings);
    let error = lake.copy(&request(CopyWay::Multipart)).await.unwrap_err();
    assert_eq!(class(error), ErrorClass::Conflict);
    let heads = heads.lock().unwrap();
    let last = heads.last().unwrap();
    assert!(last.starts_with("delete") && last.contains("uploadid=u"), "{heads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_delete_that_forgets_an_object_has_not_deleted_it() {
    let (settings, _) = listen(|_| {
        (
            200,
            "",
            "<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>a</Key><Code>SlowDown</Code></Error></DeleteResult>",
        )
    });
    let lake = S3Lake::connect(settings);
    let objects = ["a", "b"].map(|key| (key.into(), ETag("e".into())));
    let answers: Vec<_> = lake.delete_all(&objects).await.into_iter().map(|a| a.map_err(class)).collect();
    assert_eq!(answers, [Err(ErrorClass::Throttled), Err(ErrorClass::Malformed)]);
}

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn folder() -> (TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    (dir, folder)
}

fn file(dir: &TempDir, key: impl AsRef<Path>) {
    let path = dir.path().join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"x").unwrap();
}

fn keys(folder: &Folder, prefix: &str, delimited: bool, max: u32) -> Vec<String> {
    let mut request = ListRequest { prefix: prefix.into(), delimited, max: Some(max), ..ListRequest::default() };
    let mut all = Vec::new();
    loop {
        let page = folder.0.list(&request).unwrap();
        all.extend(page.objects.into_iter().map(|o| o.key.0));
        all.extend(page.prefixes);
        match page.continuation {
            Some(c) => request.continuation = Some(c),
            None => return all,
        }
    }
}

#[test]
fn opening() {
    let dir = tempfile::tempdir().unwrap();
    let spaced = dir.path().join("a lake");
    fs::create_dir(&spaced).unwrap();
    let folder = Folder::open(&spaced).unwrap();
    assert!(folder.url().ends_with("/a%20lake"), "{}", folder.url());
    assert_eq!(Folder::open(folder.url()).unwrap().root(), folder.root());
    assert_eq!(folder.uri("x y/dt=2026-01-01/"), format!("{}/x%20y/dt=2026-01-01/", folder.url()));

    let missing = Folder::open(dir.path().join("missing")).unwrap_err();
    assert_eq!(missing.class, ErrorClass::NotFound);
    assert!(missing.hint.contains("lakeward demo --write"), "{}", missing.hint);
    fs::write(dir.path().join("file"), b"").unwrap();
    assert_eq!(Folder::open(dir.path().join("file")).unwrap_err().class, ErrorClass::NotFound);
    assert_eq!(Folder::open("file://host/x").unwrap_err().class, ErrorClass::Malformed);
}

#[test]
fn every_page_size_gives_the_same_keys_with_and_without_the_kept_walk() {
    let (dir, folder) = folder();
    for key in ["a-b", "a/b", "a/b-c/d", "a/b.c", "a/bc/d", "a0", "b/c/d/e", "b/c/d.e", "ü/é", "z"] {
        file(&dir, key);
    }
    fs::create_dir_all(dir.path().join("empty/below")).unwrap();
    fs::remove_file(dir.path().join("a/b")).unwrap();
    file(&dir, "a/b/c");
    let mut want = ["a-b", "a/b-c/d", "a/b.c", "a/b/c", "a/bc/d", "a0", "b/c/d.e", "b/c/d/e", "z", "ü/é"];
    want.sort_unstable();
    for max in 1..12 {
        assert_eq!(keys(&folder, "", false, max), want);
    }
    for (i, last) in want.iter().enumerate() {
        let request = ListRequest { continuation: Some((*last).into()), ..ListRequest::default() };
        let rest: Vec<_> = folder.0.list(&request).unwrap().objects.into_iter().map(|o| o.key.0).collect();
        assert_eq!(rest, want[i + 1..], "after {last}");
    }
    assert_eq!(keys(&folder, "", true, 2), ["a-b", "a/", "a0", "b/", "z", "ü/"]);
    assert_eq!(keys(&folder, "a/b", false, 2), ["a/b-c/d", "a/b.c", "a/b/c", "a/bc/d"]);
    assert_eq!(keys(&folder, "a/b", true, 100), ["a/b.c", "a/b-c/", "a/b/", "a/bc/"]);
    assert!(keys(&folder, "a-b/", false, 9).is_empty());
    assert!(keys(&folder, "empty", true, 9).is_empty());
}

#[test]
fn prefixes_no_key_can_have_are_refused() {
    let (_dir, folder) = folder();
    for prefix in ["../", "/a", "a//b", "a/../b/", "a\0"] {
        let request = ListRequest { prefix: prefix.into(), ..ListRequest::default() };
        assert_eq!(folder.0.list(&request).unwrap_err().class, ErrorClass::Malformed, "{prefix:?}");
    }
}

#[test]
fn links_never_leave_the_root() {
    let (dir, folder) = folder();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), b"s").unwrap();
    file(&dir, "real/file");
    symlink(outside.path().join("secret"), dir.path().join("out")).unwrap();
    symlink(outside.path(), dir.path().join("outdir")).unwrap();
    symlink("real/file", dir.path().join("in")).unwrap();
    symlink(".", dir.path().join("loop")).unwrap();
    symlink("self", dir.path().join("self")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();

    assert_eq!(keys(&folder, "", false, 100), ["in", "real/file"]);
    assert_eq!(keys(&folder, "outdir/", false, 100), Vec::<String>::new());
    let get = |key: &str| folder.0.get(&key.into(), &ByteRange::Whole, None).map(|f| f.bytes).map_err(|e| e.class);
    assert_eq!(get("in").unwrap(), "x");
    assert_eq!(get("out"), Err(ErrorClass::NotFound));
    assert_eq!(get("self"), Err(ErrorClass::NotFound));
    assert_eq!(get("real"), Err(ErrorClass::NotFound));
    for key in ["outdir/secret", "loop/in", "../x"] {
        assert_eq!(get(key), Err(ErrorClass::Malformed), "{key}");
        assert!(folder.0.put(&key.into(), b"y", None, None).is_err(), "{key}");
        assert!(folder.0.delete(&key.into(), None).is_err(), "{key}");
    }
    // A link is replaced or removed, never what it leads to.
    folder.0.put(&"out".into(), b"mine", None, None).unwrap();
    folder.0.delete(&"in".into(), None).unwrap();
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"s");
    assert_eq!(get("real/file").unwrap(), "x");
}

#[test]
fn names_that_are_not_utf8_are_listed_and_read() {
    let (dir, folder) = folder();
    file(&dir, OsStr::from_bytes(b"d\xFE/a\xFF%.json"));
    let listed = keys(&folder, "", false, 10);
    assert_eq!(listed, ["%BYTES%d%FE/%BYTES%a%FF%25.json"]);
    let key = Key(listed[0].clone());
    assert_eq!(folder.0.get(&key, &ByteRange::Whole, None).unwrap().bytes, "x");
    assert_eq!(keys(&folder, "%BYTES%d%FE/", true, 10), listed);
}

#[test]
fn what_is_half_written_is_hidden_and_what_was_refused_leaves_no_trace() {
    let (dir, folder) = folder();
    file(&dir, format!("d/{}", names::temporary(99)));
    assert!(keys(&folder, "", false, 10).is_empty());
    assert!(keys(&folder, "", true, 10).is_empty());

    let etag = folder.0.put(&"new/deep/a".into(), b"1", None, None).unwrap();
    let refused = folder.0.put(&"new/deep/a".into(), b"2", Some(&Condition::Absent), None).unwrap_err();
    assert_eq!(refused.class, ErrorClass::Conflict);
    let stale = folder.0.copy(&CopyRequest::new("new/deep/a", ETag("old".into()), 1, "other/b")).unwrap_err();
    assert_eq!(stale.class, ErrorClass::Conflict);
    let left: Vec<_> = fs::read_dir(dir.path().join("new/deep")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["a"]);
    folder.0.delete(&"new/deep/a".into(), Some(&etag)).unwrap();
    assert!(!dir.path().join("new").exists() && !dir.path().join("other").exists());
    assert!(dir.path().exists());
}

#[test]
fn a_hundred_thousand_files_are_read_from_their_directory_once() {
    let (dir, folder) = folder();
    fs::create_dir(dir.path().join("d")).unwrap();
    for i in 0..100_000 {
        File::create(dir.path().join(format!("d/{i:06}"))).unwrap();
    }
    let mut request = ListRequest::default();
    let (mut pages, mut next) = (0, 0);
    loop {
        let page = folder.0.list(&request).unwrap();
        pages += 1;
        for object in &page.objects {
            assert_eq!(object.key.0, format!("d/{next:06}"));
            next += 1;
        }
        let Some(c) = page.continuation else { break };
        if pages == 1 {
            // Later than the one reading of the directory: the kept walk does not know it, a new one would.
            File::create(dir.path().join("d/000999-late")).unwrap();
            File::create(dir.path().join("d/050000-late")).unwrap();
        }
        request.continuation = Some(c);
    }
    assert_eq!((pages, next), (100, 100_000));
}

#[test]
fn the_lock_is_no_object() {
    let (dir, folder) = folder();
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none(), "opening and reading make none");
    folder.0.put(&"a".into(), b"1", None, None).unwrap();
    assert!(dir.path().join(names::LOCK).exists());
    assert_eq!(keys(&folder, "", false, 10), ["a"]);
    assert_eq!(folder.0.delete(&names::LOCK.into(), None).unwrap_err().class, ErrorClass::Malformed);
}

#[test]
fn one_of_those_who_saw_the_same_object_replaces_it_whoever_opened_the_folder() {
    let (dir, folder) = folder();
    for round in 0..20 {
        let key = Key(format!("leases/{round}"));
        let seen = folder.0.put(&key, b"free", None, None).unwrap();
        let won: usize = std::thread::scope(|scope| {
            let tries = (0..4).map(|_| {
                // A lock of its own, as another process has.
                let (other, key, seen) = (Folder::open(dir.path()).unwrap(), key.clone(), seen.clone());
                scope.spawn(move || {
                    let put = other.0.put(&key, b"mine", Some(&Condition::Matches(seen)), None);
                    assert!(put.as_ref().map_or_else(|e| e.class == ErrorClass::Conflict, |_| true));
                    usize::from(put.is_ok())
                })
            });
            tries.collect::<Vec<_>>().into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(won, 1, "{round}");
    }
}

#[test]
fn unfinished_files_of_the_dead_are_removed_and_those_of_the_living_are_not() {
    let (dir, folder) = folder();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let make = |key: String| {
        file(&dir, &key);
        let made = File::options().write(true).open(dir.path().join(key)).unwrap();
        made.set_modified(old).unwrap();
        made
    };
    folder.0.put(&"q/d/a".into(), b"1", None, None).unwrap();
    drop(make(format!("q/d/{}", names::temporary(901))));
    drop(make(format!("q/{}", names::temporary(902))));
    drop(make(format!("other/deep/{}", names::temporary(903))));
    let at_work = make(format!("q/{}", names::temporary(904)));
    at_work.lock().unwrap();
    file(&dir, format!("q/{}", names::temporary(905)));
    assert_eq!(folder.0.remove_leftovers("q/").unwrap(), 2);
    assert_eq!(folder.0.remove_leftovers("q/d").unwrap(), 0);
    assert_eq!(folder.0.remove_leftovers("no/such/").unwrap(), 0);
    assert_eq!(folder.0.remove_leftovers("").unwrap(), 1);
    assert!(!dir.path().join("other").exists());
    drop(at_work);
    assert_eq!(folder.0.remove_leftovers("").unwrap(), 1, "its writer is gone");
    assert_eq!(keys(&folder, "", false, 10), ["q/d/a"]);
    assert!(dir.path().join(names::LOCK).exists());
}

#[test]
fn a_time_that_is_asked_for_is_kept() {
    let (_dir, folder) = folder();
    let time = DateTime::from_timestamp(1_600_000_000, 123_456_000).unwrap();
    let etag = folder.0.put(&"a".into(), b"1", None, Some(time)).unwrap();
    let (_, metadata) = folder.0.find(&"a".into()).unwrap();
    assert_eq!((modified(&metadata), super::etag(&metadata)), (time, etag));
}

#[test]
fn a_folder_that_may_not_be_looked_into_is_denied_and_not_empty() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir_all(root.join("shut/below")).unwrap();
    fs::write(root.join("shut/below/x"), "x").unwrap();
    let rights = |mode| fs::set_permissions(root.join("shut"), fs::Permissions::from_mode(mode)).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    rights(0o000);
    let place = root.clone();
    let looked = std::thread::spawn(move || {
        // Who may do all is nobody here; this thread alone.
        let _ = rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534));
        ["shut/", "shut/below/", "gone/"].map(|prefix| match Walk::begin(&place, prefix, false, None) {
            Ok(Ok(_)) => None,
            Ok(Err((_, e))) => Some(e.kind()),
            Err(text) => panic!("{text}"),
        })
    });
    let looked = looked.join().unwrap();
    rights(0o755);
    let denied = Some(io::ErrorKind::PermissionDenied);
    assert_eq!(looked, [denied, denied, None], "what is not there is empty, as on S3");
}

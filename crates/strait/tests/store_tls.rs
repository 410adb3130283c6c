//! A store that is reached over TLS: a real PostgreSQL with a certificate of an authority of ours.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use cluster::PASSWORD;
use strait_local::ca::Authority;

#[path = "../../strait-plane/tests/common/cluster.rs"]
mod cluster;

#[test]
fn only_a_server_with_the_right_certificate_is_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = |name: &str| Authority::open(&folder.path().join(name)).expect("an authority");
    let (ours, other) = (authority("ours"), authority("other"));
    let issued = ours
        .issue(&BTreeSet::from(["localhost".to_owned()]))
        .expect("a certificate");
    let server = cluster::start(Some([&issued.certificate, &issued.key]));
    let port = server.port;
    let bootstrap = |host: &str, mode: &str, roots: &Authority| {
        let roots = roots.bundle_path().display().to_string();
        let url = format!(
            "postgres://strait:{PASSWORD}@{host}:{port}/postgres?sslmode={mode}&sslrootcert={roots}"
        );
        strait(&url, &ours.bundle_path())
    };

    let foreign = bootstrap("localhost", "verify-full", &other);
    assert_refused(&foreign, "see that sslrootcert");
    let misnamed = bootstrap("127.0.0.1", "verify-full", &ours);
    assert_refused(&misnamed, "the host is the certificate's");
    let plain = bootstrap("localhost", "disable", &ours);
    assert_refused(&plain, "pg_hba.conf");

    let good = bootstrap("localhost", "verify-full", &ours);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let again = bootstrap("localhost", "verify-full", &ours);
    assert_refused(&again, "there is a project already");
    let directory = server.directory.clone();
    drop(server);
    assert!(!Path::new(&directory).exists(), "{directory} is left");
}

fn assert_refused(told: &Output, part: &str) {
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(said.contains(part), "{part} is not in {said}");
    assert!(!said.contains(PASSWORD), "{said}");
}

/// `strait admin bootstrap` with this store.
fn strait(url: &str, ca_file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_strait"))
        .args(["admin", "bootstrap"])
        .env_clear()
        .env("STRAIT_DATABASE_URL", url)
        .env("STRAIT_DOMAIN", "example.com")
        .env("STRAIT_CA_FILE", ca_file)
        .env("STRAIT_CLOUD_KIND", "aws")
        .env("STRAIT_CLOUD_REGIONS", "eu-central-1")
        .output()
        .expect("strait")
}

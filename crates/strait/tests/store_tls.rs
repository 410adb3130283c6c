//! A store that is reached over TLS: a real PostgreSQL with a certificate of an authority of ours.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use strait_local::ca::{Authority, Issued};

/// Makes a cluster that takes nothing but TLS with a password, starts it on this port, says so, and takes it all away when
/// our end of the pipe closes, however we end.
const KEEPER: &str = r#"
set -eu
umask 077
dir=$(mktemp -d /tmp/strait-tls-test.XXXXXX)
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir"
printf '%s' "$CERTIFICATE" >server.crt
printf '%s' "$KEY" >server.key
printf sesame >password
"$1/initdb" -D data -A scram-sha-256 --pwfile=password -U strait -E UTF8 --no-locale --no-sync >initdb.log 2>&1
echo 'hostssl all all 127.0.0.1/32 scram-sha-256' >data/pg_hba.conf
"$1/postgres" -D data -k "$dir" -p "$2" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c ssl=on -c ssl_cert_file="$dir/server.crt" -c ssl_key_file="$dir/server.key" >postgres.log 2>&1 </dev/null &
server=$!
tries=0
until "$1/pg_isready" -q -h 127.0.0.1 -p "$2"; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ]
    kill -0 "$server"
    sleep 0.05
done
echo ready
cat >/dev/null || true
kill -INT "$server"
wait "$server" || true
"#;

#[test]
fn only_a_server_with_the_right_certificate_is_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = |name: &str| Authority::open(&folder.path().join(name)).expect("an authority");
    let (ours, other) = (authority("ours"), authority("other"));
    let issued = ours
        .issue(&BTreeSet::from(["localhost".to_owned()]))
        .expect("a certificate");
    let port = free_port();
    let mut server = start(&issued, port);
    let bootstrap = |host: &str, mode: &str, roots: &Authority| {
        let roots = roots.bundle_path().display().to_string();
        let url = format!(
            "postgres://strait:sesame@{host}:{port}/postgres?sslmode={mode}&sslrootcert={roots}"
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
    // Closes our end of the pipe first.
    assert!(server.wait().expect("it ends").success());
}

fn assert_refused(told: &Output, part: &str) {
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(said.contains(part), "{part} is not in {said}");
    assert!(!said.contains("sesame"), "{said}");
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

fn start(issued: &Issued, port: u16) -> Child {
    // initdb refuses root.
    let root = std::fs::metadata("/proc/self").expect("procfs").uid() == 0;
    let mut command = Command::new(if root { "setpriv" } else { "sh" });
    if root {
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "sh",
        ]);
    }
    let mut keeper = command
        .args(["-c", KEEPER, "keeper"])
        .arg(programs())
        .arg(port.to_string())
        .env("CERTIFICATE", &issued.certificate)
        .env("KEY", &issued.key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Signals for the tests must not end it before it has cleaned up.
        .process_group(0)
        .spawn()
        .expect("sh (and setpriv under root)");
    let mut line = String::new();
    BufReader::new(keeper.stdout.take().expect("a pipe"))
        .read_line(&mut line)
        .expect("a line");
    assert_eq!(line.trim(), "ready", "PostgreSQL did not start");
    keeper
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The newest PostgreSQL of the system.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("Debian's postgresql package")
        .map(|entry| entry.expect("an entry").path().join("bin"))
        .filter(|path| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("initdb in /usr/lib/postgresql/*/bin")
}

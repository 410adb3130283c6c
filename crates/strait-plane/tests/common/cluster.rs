//! A throw-away PostgreSQL on a Unix socket and on loopback, which is taken away however the test ends.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The password of `strait`, which a server with a certificate asks for.
pub(crate) const PASSWORD: &str = "sesame";

/// Makes the cluster, starts it, says where, and takes it all away when our end of the pipe closes, however we end. With a
/// certificate it takes nothing but TLS with a password on loopback.
const KEEPER: &str = r#"
set -eu
umask 077
# In memory, where there is room: each database is hundreds of files, which take a disk longer than the tests.
place=/tmp
if [ -w /dev/shm ] && [ "$(df --output=avail /dev/shm | tail -n 1)" -gt 8000000 ]; then place=/dev/shm; fi
dir=$(mktemp -d "$place/strait-plane-test.XXXXXX")
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir"
printf '%s' "$PASSWORD" >password
"$1/initdb" -D data -A trust --pwfile=password -U strait -E UTF8 --no-locale --no-sync >initdb.log 2>&1
if [ -n "$CERTIFICATE" ]; then
    printf '%s' "$CERTIFICATE" >server.crt
    printf '%s' "$KEY" >server.key
    echo 'local all all trust' >data/pg_hba.conf
    echo 'hostssl all all 127.0.0.1/32 scram-sha-256' >>data/pg_hba.conf
    echo "ssl = on
ssl_cert_file = '$dir/server.crt'
ssl_key_file = '$dir/server.key'" >>data/postgresql.conf
else
    echo 'host all all 127.0.0.0/8 trust' >>data/pg_hba.conf
fi
"$1/postgres" -D data -k "$dir" -c listen_addresses=127.0.0.1 -p "$2" -c fsync=off -c synchronous_commit=off \
    -c full_page_writes=off -c autovacuum=off -c max_connections=300 >"$dir/postgres.log" 2>&1 </dev/null &
server=$!
tries=0
until "$1/pg_isready" -q -h "$dir" -p "$2"; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ]
    kill -0 "$server"
    sleep 0.05
done
echo "$dir"
cat >/dev/null || true
kill -INT "$server"
wait "$server" || true
"#;

/// A running server; it ends with this.
pub(crate) struct Cluster {
    /// Where its socket and its data are.
    pub(crate) directory: String,
    pub(crate) port: u16,
    keeper: Child,
}

/// Starts one, with this certificate and its key if they are given.
pub(crate) fn start(certificate: Option<[&str; 2]>) -> Cluster {
    let port = free_port();
    let mut command = match is_root() {
        // initdb refuses root.
        true => {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                "sh",
            ]);
            command
        }
        false => Command::new("sh"),
    };
    let [certificate, key] = certificate.unwrap_or_default();
    let mut keeper = command
        .args(["-c", KEEPER, "keeper"])
        .arg(programs())
        .arg(port.to_string())
        .env("CERTIFICATE", certificate)
        .env("KEY", key)
        .env("PASSWORD", PASSWORD)
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
    let directory = line.trim().to_owned();
    assert!(!directory.is_empty(), "PostgreSQL did not start");
    Cluster {
        directory,
        port,
        keeper,
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Closes our end of the pipe first.
        let _ = self.keeper.wait();
    }
}

/// One that the kernel gives nobody by itself until it is taken.
fn free_port() -> u16 {
    let below = 20_000..32_000;
    let turn = std::process::id() as usize % below.len();
    let mut turned = below.clone().cycle().skip(turn).take(below.len());
    let found = turned.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    found.expect("a free port")
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").expect("procfs").uid() == 0
}

/// The PostgreSQL that `STRAIT_PG_BIN` names, or the newest of the system.
fn programs() -> PathBuf {
    if let Some(named) = std::env::var_os("STRAIT_PG_BIN").filter(|named| !named.is_empty()) {
        return PathBuf::from(named);
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("Debian's postgresql package")
        .map(|entry| entry.expect("an entry").path().join("bin"))
        .filter(|path| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("initdb in /usr/lib/postgresql/*/bin")
}

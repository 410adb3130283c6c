//! A throw-away PostgreSQL on a Unix socket and on loopback: one server for the test process, one database for each test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

/// Makes the cluster, starts it, says where, and takes it all away when our end of the pipe closes, however we end.
const KEEPER: &str = r#"
set -eu
dir=$(mktemp -d /tmp/strait-plane-test.XXXXXX)
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir"
"$1/initdb" -D "$dir/data" -A trust -U strait -E UTF8 --no-locale --no-sync >"$dir/initdb.log" 2>&1
echo "host all all 127.0.0.0/8 trust" >>"$dir/data/pg_hba.conf"
"$1/postgres" -D "$dir/data" -k "$dir" -c listen_addresses=127.0.0.1 -p "$2" -c fsync=off -c synchronous_commit=off \
    -c full_page_writes=off -c max_connections=300 >"$dir/postgres.log" 2>&1 </dev/null &
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

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

struct Server {
    directory: String,
    port: u16,
    /// Holds the pipe.
    _keeper: Child,
}

/// A new, empty database.
pub(crate) async fn database() -> PgPool {
    let server = SERVER.get_or_init(start);
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let options = PgConnectOptions::from_str("postgres:///postgres")
        .expect("a URL")
        .socket(&server.directory)
        .port(server.port)
        .username("strait");
    let mut connection = PgConnection::connect_with(&options)
        .await
        .expect("a connection");
    sqlx::raw_sql(&format!("CREATE DATABASE {name}"))
        .execute(&mut connection)
        .await
        .expect("a database");
    connection.close().await.expect("an orderly end");
    pool(options.database(&name)).await
}

/// Another pool on the same database, as another server has.
pub(crate) async fn again(pool: &PgPool) -> PgPool {
    self::pool(pool.connect_options().as_ref().clone()).await
}

async fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(10)
        .connect_with(options)
        .await
        .expect("a pool")
}

fn start() -> Server {
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = free.local_addr().expect("its number").port();
    drop(free);
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
    let mut keeper = command
        .args(["-c", KEEPER, "keeper"])
        .arg(programs())
        .arg(port.to_string())
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
    Server {
        directory,
        port,
        _keeper: keeper,
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").expect("procfs").uid() == 0
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

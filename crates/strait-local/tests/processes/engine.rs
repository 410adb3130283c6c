//! Services: who gets in, what they may not do, and what stays when processes end.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use strait_kernel::{Process, Signal};
use strait_local::engine::{Engine, Store};
use strait_plane::postgres::{Made, Which};

use crate::trial;
use crate::world::{APP, Client, HOSTS, OTHER_PASSWORD, OTHER_VERIFIER, World, address_of, made};

const NAME: &str = "orders.demo.db.strait.internal";

pub(crate) fn trials(world: &World) -> Vec<Trial> {
    vec![
        trial(
            "a_service_lets_its_own_clients_in_by_tls_only",
            world,
            lets_clients_in,
        ),
        trial(
            "tsdbadmin_does_not_get_at_the_machine",
            world,
            keeps_the_machine,
        ),
        trial("sessions_from_an_address_are_ended", world, ends_sessions),
        trial("the_next_server_adopts_what_runs", world, adopts),
        trial("a_crashed_service_is_started_anew", world, revives),
        trial("a_stopped_service_keeps_its_data", world, stops),
        trial("a_new_name_is_covered_without_a_restart", world, renews),
        trial("a_deleted_service_leaves_nothing", world, deletes),
        trial("a_broken_service_says_why", world, explains),
        trial("a_password_that_fails_is_in_no_log", world, keeps_secrets),
        trial("the_store_is_made_found_again_and_stopped", world, stores),
    ]
}

fn lets_clients_in(world: &World) {
    let host = HOSTS[0];
    let started = Instant::now();
    world
        .wait(world.engine.ensure_running(host, "lets-in", &made(NAME)))
        .expect("it runs");
    println!("a service was there in {:?}", started.elapsed());
    let client = Client::of(host, NAME);
    world
        .psql(&client, "select current_user || ' ' || current_database()")
        .is("tsdbadmin tsdb");
    world
        .psql(
            &client,
            "create table t (x int); insert into t values (1); select * from t",
        )
        .has("1");
    let wrong = Client {
        password: "wrong",
        ..client.clone()
    };
    world
        .psql(&wrong, "select 1")
        .has("password authentication failed");
    let plain = Client {
        sslmode: "disable",
        ..client.clone()
    };
    world.psql(&plain, "select 1").has("no encryption");
    let other = Client {
        name: "other.demo.db.strait.internal",
        ..client.clone()
    };
    world
        .psql(&other, "select 1")
        .has("does not match host name");
    let admin = Client {
        user: "strait",
        ..client
    };
    world
        .psql(&admin, "select 1")
        .has("pg_hba.conf rejects connection");
}

fn keeps_the_machine(world: &World) {
    let host = HOSTS[1];
    world
        .wait(world.engine.ensure_running(host, "keeps", &made(NAME)))
        .expect("it runs");
    let client = Client::of(host, NAME);
    // PostgreSQL's words for it differ between versions.
    let refusals = ["permission denied", "must be superuser", "must have"];
    for sql in [
        "copy (select 1) to program 'true'",
        "copy (select 1) to '/tmp/x'",
        "select pg_read_file('/etc/passwd')",
        "grant pg_execute_server_program to tsdbadmin",
        "grant pg_read_server_files to tsdbadmin",
        "alter role tsdbadmin superuser",
        "alter system set log_min_messages = 'debug1'",
        "set role strait",
        "create function f() returns int language c as 'libc', 'getpid'",
    ] {
        let text = world.psql(&client, sql).text;
        assert!(
            refusals.iter().any(|words| text.contains(words)),
            "{sql}: {text}"
        );
    }

    // Even PostgreSQL's own superuser sees its own data folder and nothing else of Strait's.
    let password = fs::read_to_string(world.data.join("services/keeps/password")).expect("it");
    let admin = Client {
        from: host,
        user: "strait",
        password: &password,
        sslmode: "disable",
        ..client
    };
    let data = world.data.display();
    world
        .psql(&admin, &format!("select count(*) from pg_ls_dir('{data}')"))
        .is("0");
    world
        .psql(&admin, "select pg_ls_dir('/run/strait')")
        .is("data");
    world.psql(&admin, "show unix_socket_directories").is("");
}

fn ends_sessions(world: &World) {
    let host = HOSTS[2];
    world
        .wait(world.engine.ensure_running(host, "ends", &made(NAME)))
        .expect("it runs");
    let client = Client::of(host, NAME);
    let app = Ipv4Addr::new(10, 0, 0, 10 + u8::try_from(HOSTS.len()).expect("few"));
    ends_idle_sessions(world, &client, &BTreeSet::from([app]));
    let (sleeper, log) = world.start_psql(&client, "select pg_sleep(60)");
    let mut ended = 0;
    until("the session is there", || {
        let others = BTreeSet::from([address_of(host)]);
        let none = world
            .wait(world.engine.end_sessions(host, "ends", &others, Which::All))
            .expect("asked");
        assert_eq!(none, 0, "sessions from elsewhere are left alone");
        let sources = BTreeSet::from([app]);
        ended = world
            .wait(
                world
                    .engine
                    .end_sessions(host, "ends", &sources, Which::All),
            )
            .expect("asked");
        ended > 0
    });
    assert_eq!(ended, 1);
    assert!(
        sleeper.wait(Duration::from_secs(5)).expect("a wait"),
        "{APP}'s psql hangs"
    );
    let text = fs::read_to_string(log.path()).expect("its output");
    assert!(text.contains("terminating connection"), "{text}");
}

fn ends_idle_sessions(world: &World, client: &Client<'_>, sources: &BTreeSet<Ipv4Addr>) {
    let within = Which::Idle(Duration::from_millis(500));
    let end = || {
        let ended = world
            .engine
            .end_sessions(client.host, "ends", sources, within);
        world.wait(ended).expect("asked")
    };
    let (busy, _log) = world.start_psql(client, "select pg_sleep(2)");
    assert_eq!(end(), 0, "it is in a transaction");
    assert!(busy.wait(Duration::from_secs(10)).expect("a wait"));
    let (_idle, _log) = world.start_psql(client, r"\! sleep 2");
    until("the session is ended", || end() == 1);
}

fn adopts(world: &World) {
    let host = HOSTS[3];
    let first = made(NAME);
    world
        .wait(world.engine.ensure_running(host, "adopts", &first))
        .expect("it runs");
    let before = process_of(world, "adopts");
    let next = world.another_engine();
    assert!(world.wait(next.is_ready(host, "adopts")));
    // As if the first server had been killed before it could note what it started.
    fs::remove_file(world.data.join("services/adopts/process.json")).expect("a record");
    let mut changed = first;
    changed.password_verifier = OTHER_VERIFIER.to_owned();
    world
        .wait(next.ensure_running(host, "adopts", &changed))
        .expect("it runs");
    assert_eq!(
        process_of(world, "adopts"),
        before,
        "it was not started anew"
    );
    let client = Client::of(host, NAME);
    world
        .psql(&client, "select 1")
        .has("password authentication failed");
    let client = Client {
        password: OTHER_PASSWORD,
        ..client
    };
    world.psql(&client, "select 1").is("1");
    keeps_own_password(world, &next, &changed, &client);
    for _ in 0..3 {
        kill_postmaster(&process_of(world, "adopts"));
        // What it runs in may not have ended yet.
        world
            .wait(next.ensure_running(host, "adopts", &changed))
            .expect("it runs again");
        world.psql(&client, "select 1").is("1");
    }
}

/// One that its users choose by SQL stays over restarts, until another one is asked of Strait.
fn keeps_own_password(world: &World, engine: &Engine, made: &Made, client: &Client<'_>) {
    let host = HOSTS[3];
    world
        .psql(client, "alter role tsdbadmin password 'chosen-by-sql'")
        .has("ALTER ROLE");
    let chosen = Client {
        password: "chosen-by-sql",
        ..client.clone()
    };
    for _ in 0..2 {
        world
            .wait(engine.ensure_running(host, "adopts", made))
            .expect("it runs");
        world.psql(&chosen, "select 1").is("1");
        kill_postmaster(&process_of(world, "adopts"));
    }
    let mut asked = made.clone();
    let first = crate::world::made(NAME).password_verifier;
    for verifier in [first, OTHER_VERIFIER.to_owned()] {
        asked.password_verifier = verifier;
        world
            .wait(engine.ensure_running(host, "adopts", &asked))
            .expect("it runs");
        world
            .psql(&chosen, "select 1")
            .has("password authentication failed");
    }
    world.psql(client, "select 1").is("1");
}

fn revives(world: &World) {
    let host = HOSTS[4];
    let engine = world.another_engine();
    world
        .wait(engine.ensure_running(host, "revives", &made(NAME)))
        .expect("it runs");
    let client = Client::of(host, NAME);
    world
        .psql(&client, "create table kept as select 42 as x")
        .has("SELECT 1");
    let before = process_of(world, "revives");
    before.signal(Signal::Kill).expect("killed");
    assert!(before.wait(Duration::from_secs(5)).expect("a wait"));
    world.wait(async {
        tokio::select! {
            () = engine.watch() => {}
            () = async { while !engine.is_ready(host, "revives").await { pause().await } } => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("it was not started anew"),
        }
    });
    assert_ne!(process_of(world, "revives"), before);
    world.psql(&client, "select x from kept").is("42");
}

fn stops(world: &World) {
    let host = HOSTS[5];
    let wanted = made(NAME);
    world
        .wait(world.engine.ensure_running(host, "stops", &wanted))
        .expect("it runs");
    let client = Client::of(host, NAME);
    world
        .psql(&client, "create table kept as select 42 as x")
        .has("SELECT 1");
    let before = process_of(world, "stops");
    world
        .wait(world.engine.ensure_stopped("stops"))
        .expect("it stops");
    assert!(!before.alive());
    world.psql(&client, "select 1").has("Connection refused");
    world
        .wait(world.engine.ensure_stopped("stops"))
        .expect("stopping twice is a success");
    // A process number that is somebody's: the next start must not mind.
    let stale = world.data.join("services/stops/data/postmaster.pid");
    fs::write(&stale, "1\n/run/strait/data\n1\n5432\n\n*\n").expect("a stale file");
    world
        .wait(world.engine.ensure_running(host, "stops", &wanted))
        .expect("it runs again");
    world.psql(&client, "select x from kept").is("42");
}

fn renews(world: &World) {
    let host = HOSTS[6];
    let mut wanted = made(NAME);
    world
        .wait(world.engine.ensure_running(host, "renews", &wanted))
        .expect("it runs");
    let before = process_of(world, "renews");
    let new = "renamed.demo.db.strait.internal";
    wanted.names.push(new.to_owned());
    world
        .wait(world.engine.ensure_running(host, "renews", &wanted))
        .expect("it runs");
    assert_eq!(process_of(world, "renews"), before);
    until("the new certificate is used", || {
        world.psql(&Client::of(host, new), "select 1").text.trim() == "1"
    });
    world.psql(&Client::of(host, NAME), "select 1").is("1");
}

fn deletes(world: &World) {
    let host = HOSTS[7];
    world
        .wait(world.engine.ensure_running(host, "deletes", &made(NAME)))
        .expect("it runs");
    let process = process_of(world, "deletes");
    world.wait(world.engine.delete("deletes")).expect("deleted");
    assert!(!process.alive());
    let left: Vec<_> = fs::read_dir(world.data.join("services"))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("deletes"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    world
        .wait(world.engine.delete("deletes"))
        .expect("deleting twice is a success");
    // The host is free for another one.
    world
        .wait(world.engine.ensure_running(host, "follows", &made(NAME)))
        .expect("it runs");
    world.wait(world.engine.delete("follows")).expect("deleted");
}

fn explains(world: &World) {
    let host = APP;
    world
        .wait(world.engine.ensure_running(host, "broken", &made(NAME)))
        .expect("it runs");
    world
        .wait(world.engine.ensure_stopped("broken"))
        .expect("it stops");
    let folder = world.data.join("services/broken/data");
    fs::remove_file(folder.join("global/pg_control")).expect("broken");
    let error = world
        .wait(world.engine.ensure_running(host, "broken", &made(NAME)))
        .expect_err("it cannot start");
    assert!(error.to_string().contains("pg_control"), "{error}");
    assert!(!error.is_temporary());
    fs::write(folder.join("PG_VERSION"), "14\n").expect("another version");
    let error = world
        .wait(world.engine.ensure_running(host, "broken", &made(NAME)))
        .expect_err("another version");
    assert!(
        error.to_string().contains("made by PostgreSQL 14"),
        "{error}"
    );
    world.wait(world.engine.delete("broken")).expect("deleted");
}

fn keeps_secrets(world: &World) {
    let host = HOSTS[8];
    world
        .wait(world.engine.ensure_running(host, "secrets", &made(NAME)))
        .expect("it runs");
    let folder = world.data.join("services/secrets");
    let password = fs::read_to_string(folder.join("password")).expect("a password");
    let admin = Client {
        from: host,
        user: "strait",
        password: &password,
        sslmode: "disable",
        ..Client::of(host, NAME)
    };
    let mut asked = made(NAME);
    asked.password_verifier = OTHER_VERIFIER.to_owned();
    let ensure = || world.wait(world.engine.ensure_running(host, "secrets", &asked));
    // A password for nobody.
    let rename = |from: &str, to: &str| {
        let statement = format!("alter role {from} rename to {to}");
        world.psql(&admin, &statement).has("ALTER ROLE");
    };
    rename("tsdbadmin", "somebody");
    let refused = format!("{:?}", ensure().expect_err("nobody has it"));
    assert!(
        refused.contains("tsdbadmin") && refused.contains("does not exist"),
        "{refused}"
    );
    rename("somebody", "tsdbadmin");

    // Whatever Strait asks for from now on is refused.
    let refusing = "alter role strait set default_transaction_read_only = on";
    world.psql(&admin, refusing).has("ALTER ROLE");
    let refused = format!("{:?}", ensure().expect_err("it is refused"));
    assert!(refused.contains("read-only transaction"), "{refused}");
    assert!(!refused.contains(OTHER_VERIFIER), "{refused}");

    // Strait's own too: as in a copy of the template that has just been made.
    let template = first_password(&world.data);
    world
        .psql(
            &admin,
            &format!("begin read write; alter role strait password '{template}'; commit"),
        )
        .has("ALTER ROLE");
    let own = "f00d".repeat(16);
    fs::write(folder.join("password"), &own).expect("written");
    let refused = format!("{:?}", ensure().expect_err("it is refused"));
    assert!(refused.contains("read-only transaction"), "{refused}");
    assert!(!refused.contains(&own), "{refused}");

    let log = || fs::read_to_string(folder.join("log")).expect("a log");
    assert_eq!(
        log().matches("read-only transaction").count(),
        2,
        "{}",
        log()
    );
    for secret in [OTHER_VERIFIER, &own, &password, "SCRAM-SHA-256$"] {
        assert!(!log().contains(secret), "{secret} is in {}", log());
    }
    // The control: this is what such a log shows of a statement that fails.
    let admin = Client {
        password: &template,
        ..admin
    };
    world
        .psql(
            &admin,
            "alter role tsdbadmin password 'shown-when-it-fails'",
        )
        .has("read-only transaction");
    assert!(log().contains("shown-when-it-fails"), "{}", log());
    world.wait(world.engine.delete("secrets")).expect("deleted");
}

fn stores(world: &World) {
    let ensure = || Store::ensure(world.kernel.clone(), &world.data, &world.installation);
    let started = Instant::now();
    let store = world.wait(ensure()).expect("a store");
    println!("the store was there in {:?}", started.elapsed());
    world.wait(async {
        let mut connection = PgConnection::connect_with(&store.options())
            .await
            .expect("connected");
        let database: String = sqlx::query_scalar("select current_database()")
            .fetch_one(&mut connection)
            .await
            .expect("an answer");
        assert_eq!(database, "strait");
        let listens: String = sqlx::query_scalar("show listen_addresses")
            .fetch_one(&mut connection)
            .await
            .expect("an answer");
        assert_eq!(listens, "");
    });
    let found = world.wait(ensure()).expect("found");
    assert_eq!(found.process(), store.process());
    // As if the first server had been killed before it could note what it started.
    fs::remove_file(world.data.join("store/process.json")).expect("a record");
    let found = world.wait(ensure()).expect("found by its socket");
    assert!(found.alive());
    world.wait(found.stop()).expect("it stops");
    until("it is gone", || !store.alive());
    let store = world.wait(ensure()).expect("started anew");
    store.process().signal(Signal::Kill).expect("killed");
    until("it is gone", || !store.alive());
    let again = world.wait(ensure()).expect("started anew");
    assert!(again.alive());
    world.wait(again.stop()).expect("it stops");
    assert!(!again.alive());
}

/// What a copy of the template has at first.
fn first_password(data: &Path) -> String {
    let mut templates = fs::read_dir(data.join("template")).expect("a folder");
    let template = templates.next().expect("a template").expect("read").path();
    fs::read_to_string(template.join("password")).expect("a password")
}

/// The sandbox's only child.
fn kill_postmaster(sandbox: &Process) {
    let children = format!("/proc/{pid}/task/{pid}/children", pid = sandbox.pid);
    let postmaster = fs::read_to_string(children).expect("its children");
    let kill = std::process::Command::new("kill")
        .args(["-9", postmaster.trim()])
        .status();
    assert!(kill.expect("kill runs").success(), "{postmaster}");
}

fn process_of(world: &World, id: &str) -> Process {
    #[derive(serde::Deserialize)]
    struct Record {
        process: Process,
    }
    let path = world.data.join("services").join(id).join("process.json");
    let record: Record = serde_json::from_slice(&fs::read(path).expect("a record")).expect("JSON");
    record.process
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 15 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

//! `strait server` and `strait admin` as an operator runs them, with a real PostgreSQL.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

#[path = "../../strait-plane/tests/common/database.rs"]
mod database;

const OPERATORS_POLICY: &str = include_str!("../../strait-aws/policies/operator.json");
const CUSTOMERS_POLICY: &str = include_str!("../../strait-aws/policies/customer.json");
const PEM: &str = include_str!("../../../tests/clients/authority.pem");

#[test]
fn all_faults_are_told_and_the_exit_status_is_2() {
    let folder =
        folder("database_url = \"postgres://strait:hush@db\"\ndomian = \"db.example.com\"\n");
    for line in [
        &["server"][..],
        &["server", "--check"],
        &["admin", "bootstrap"],
        &["admin", "key", "list", "--project", "first"],
    ] {
        let told = strait(folder.path(), line, &[("STRAIT_HTTP_LISTEN", "0.0.0.0:1")]);
        assert_eq!(told.status.code(), Some(2), "{told:?}");
        let said = text(&told.stderr);
        for part in [
            "strait.toml:1: database_url",
            "strait.toml:2: domian",
            "strait.toml: ca_file",
            "STRAIT_HTTP_LISTEN",
            "strait.toml: cloud.kind",
        ] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_check_shows_what_it_comes_to_and_what_this_program_lacks() {
    let folder = folder(&sound("postgres://strait:hush@db.example.com/plane"));
    let told = strait(folder.path(), &["server", "--check"], &[]);
    let (said, complained) = (text(&told.stdout), text(&told.stderr));
    assert!(said.contains("The configuration is sound"), "{told:?}");
    assert!(
        said.contains("plane at db.example.com:5432 as strait"),
        "{said}"
    );
    assert!(complained.contains("sslmode=verify-full"), "{complained}");
    assert!(!format!("{said}{complained}").contains("hush"), "{told:?}");
    if cfg!(feature = "aws") {
        assert_eq!(told.status.code(), Some(0), "{told:?}");
        return;
    }
    // This program is built without AWS, and does not pretend.
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(complained.contains("--features aws"), "{complained}");
    let told = strait(folder.path(), &["server"], &[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(text(&told.stderr).contains("--features aws"), "{told:?}");
}

#[tokio::test]
async fn a_bootstrap_makes_one_project_and_tells_its_secret_once() {
    let folder = folder(&sound(&database_url().await));
    let strait = |line: &[&str]| strait(folder.path(), line, &[]);
    let made = strait(&[
        "admin",
        "bootstrap",
        "--project",
        "shop",
        "--output",
        "json",
    ]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let part = |name: &str| made[name].as_str().expect(name).to_owned();
    let (project, secret) = (part("project_id"), part("secret_key"));

    let again = strait(&[
        "admin",
        "bootstrap",
        "--project",
        "other",
        "--output",
        "json",
    ]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let said = text(&again.stderr);
    assert!(said.contains(&project) && said.contains("shop"), "{said}");
    assert!(!format!("{again:?}").contains(&secret), "{again:?}");

    // What it recommends works.
    let line = said
        .split_once("with: strait ")
        .expect("a command")
        .1
        .trim();
    let words: Vec<&str> = line
        .split(" --config")
        .next()
        .expect("words")
        .split(' ')
        .collect();
    let another = strait(&[&words[..], &["--output", "json"]].concat());
    assert_eq!(another.status.code(), Some(0), "{another:?}");
    let another: Value = serde_json::from_slice(&another.stdout).expect("JSON");
    assert_eq!(another["project_id"], made["project_id"]);
    assert_ne!(another["secret_key"], made["secret_key"]);

    let listed = || {
        let listed = strait(&[
            "admin",
            "key",
            "list",
            "--project",
            "shop",
            "--output",
            "json",
        ]);
        assert!(!text(&listed.stdout).contains(&secret), "{listed:?}");
        let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).expect("JSON");
        listed
    };
    assert_eq!(listed().len(), 2);
    let deleted = strait(&[
        "admin",
        "key",
        "delete",
        &part("public_key"),
        "--project",
        "shop",
    ]);
    assert_eq!(deleted.status.code(), Some(0), "{deleted:?}");
    assert_eq!(listed().len(), 1);
    let gone = strait(&[
        "admin",
        "key",
        "delete",
        &part("public_key"),
        "--project",
        "shop",
    ]);
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
}

#[test]
fn policies_are_printed_as_they_are_beside_the_code() {
    for (whose, policy) in [
        ("operator", OPERATORS_POLICY),
        ("customer", CUSTOMERS_POLICY),
    ] {
        let printed = iam_policy(whose);
        assert_eq!(printed.status.code(), Some(0), "{printed:?}");
        assert_eq!(text(&printed.stdout), policy);
        let _: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    }
    let refused = iam_policy("nobody");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert_eq!(text(&refused.stdout), "");
}

async fn database_url() -> String {
    let pool = database::database().await;
    let options = pool.connect_options();
    let name = options.get_database().expect("a name");
    let socket = options.get_socket().expect("a socket");
    format!(
        "postgres:///{name}?host={}&port={}&user=strait",
        socket.display(),
        options.get_port()
    )
}

fn sound(url: &str) -> String {
    format!(
        "database_url = \"{url}\"\ndomain = \"db.example.com\"\nca_file = \"ca.pem\"\n[cloud]\nkind = \"aws\"\nregions = [\"eu-central-1\"]\n"
    )
}

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("strait.toml"), text).expect("written");
    std::fs::write(folder.path().join("ca.pem"), PEM).expect("written");
    folder
}

/// Runs it with the configuration of this folder and no variables but these; there is no home.
fn strait(folder: &Path, line: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_strait"))
        .args(line)
        .arg("--config")
        .arg(folder.join("strait.toml"))
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("strait")
}

fn iam_policy(whose: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_strait"))
        .args(["iam-policy", whose])
        .env_clear()
        .output()
        .expect("strait")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;

use strait_local::ca::Authority;

use super::*;

const GOOD: &str = r#"
database_url = "postgres://strait:hush@127.0.0.1/plane"
domain = "db.example.com"
ca_file = "ca.pem"

[http]
listen = "127.0.0.1:9000"

[cloud]
kind = "aws"
regions = ["eu-west-1", "us-east-1"]
endpoint_url = "http://127.0.0.1:5000"
assume_role_arn = "arn:aws:iam::123456789012:role/strait"
hosted_zone_id = "Z0123456789ABC"
nameservers = ["10.0.0.2", "10.0.1.2:5353"]

[log]
format = "json"
"#;

const PEM: &str = include_str!("../../../../tests/clients/authority.pem");

#[test]
fn a_file_says_it_all() {
    let config = read(GOOD, &[]).expect("sound");
    assert_eq!(config.domain, "db.example.com");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(config.cloud.kind, CloudKind::Aws);
    assert_eq!(config.cloud.regions, ["eu-west-1", "us-east-1"]);
    assert_eq!(
        config.cloud.endpoint_url.as_deref(),
        Some("http://127.0.0.1:5000")
    );
    let servers = config.cloud.nameservers.iter().map(ToString::to_string);
    assert_eq!(
        servers.collect::<Vec<_>>(),
        ["10.0.0.2:53", "10.0.1.2:5353"]
    );
    assert_eq!(config.authority.pem, PEM);
    assert!(config.authority.path.is_absolute());
    assert!(config.http.admin_key.is_none());
    assert_eq!(config.http.metrics, Readers::Operator);
    assert_eq!(config.log, Format::Json);
}

#[test]
fn variables_win_over_the_file_and_empty_ones_are_none() {
    let config = read(
        GOOD,
        &[
            ("STRAIT_DOMAIN", "other.example.com"),
            ("STRAIT_HTTP_LISTEN", ""),
            ("STRAIT_CLOUD_REGIONS", "eu-central-1, eu-north-1"),
            ("STRAIT_URL", "http://127.0.0.1:1"),
            ("STRAIT_LOG", "debug"),
            ("STRAIT_LOG_FORMAT", "pretty"),
            ("STRAIT_HTTP_METRICS", "open"),
        ],
    );
    let config = config.expect("sound");
    assert_eq!(config.domain, "other.example.com");
    assert_eq!(config.http.listen.port(), 9000);
    assert_eq!(config.cloud.regions, ["eu-central-1", "eu-north-1"]);
    assert_eq!(config.log, Format::Pretty);
    assert_eq!(config.http.metrics, Readers::Anybody);
}

#[test]
fn variables_do_without_a_file() {
    let folder = folder("");
    let pem = folder.path().join("ca.pem").display().to_string();
    let variables = [
        ("STRAIT_DATABASE_URL", "postgres://strait@127.0.0.1/plane"),
        ("STRAIT_DOMAIN", "db.example.com"),
        ("STRAIT_CA_FILE", pem.as_str()),
        ("STRAIT_CLOUD_KIND", "aws"),
        ("STRAIT_CLOUD_REGIONS", "eu-west-1"),
    ];
    let config = Config::read(None, os(&variables)).expect("sound");
    assert_eq!(config.http.listen.to_string(), DEFAULT_LISTEN);

    let faults = Config::read(None, os(&[])).expect_err("nothing is said");
    let places: Vec<&str> = faults
        .list()
        .iter()
        .map(|fault| fault.place.as_str())
        .collect();
    assert_eq!(
        places,
        [
            "STRAIT_DATABASE_URL",
            "STRAIT_DOMAIN",
            "STRAIT_CA_FILE",
            "STRAIT_CLOUD_KIND",
            "STRAIT_CLOUD_REGIONS"
        ]
    );
}

#[test]
fn secrets_may_stand_in_files_of_their_own() {
    let key = "k".repeat(40);
    let text = GOOD.replace(
        "database_url = \"postgres://strait:hush@127.0.0.1/plane\"",
        "database_url_file = \"url\"",
    );
    let text = text.replace("[http]", "[http]\nadmin_key_file = \"key\"");
    let folder = folder(&text);
    fs::write(folder.path().join("key"), format!("{key}\n")).expect("written");
    let file = folder.path().join("strait.toml");
    let missing = Config::read(Some(&file), os(&[])).expect_err("no file of that name");
    assert_places(&missing, &["database_url_file"]);

    fs::write(
        folder.path().join("url"),
        "postgres://strait@127.0.0.1/plane\n",
    )
    .expect("written");
    let config = Config::read(Some(&file), os(&[])).expect("sound");
    assert_eq!(
        config.http.admin_key.as_ref().map(Secret::reveal),
        Some(key.as_str())
    );
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "postgres://other@127.0.0.1/plane").expect("written");
    let elsewhere = elsewhere.display().to_string();
    let config = Config::read(
        Some(&file),
        os(&[("STRAIT_DATABASE_URL_FILE", elsewhere.as_str())]),
    );
    let config = config.expect("sound");
    assert!(
        config.database.to_string().ends_with("as other"),
        "{config:?}"
    );
    let both = Config::read(
        Some(&file),
        os(&[
            ("STRAIT_DATABASE_URL_FILE", elsewhere.as_str()),
            ("STRAIT_DATABASE_URL", "postgres://strait@127.0.0.1/plane"),
        ]),
    );
    assert_places(&both.expect_err("both"), &["STRAIT_DATABASE_URL_FILE"]);
}

#[test]
fn all_faults_are_told_at_once_each_with_its_place() {
    let text = r#"
database_url = "postgres://strait:hush@db:port/plane"
domian = "db.example.com"
ca_file = "missing.pem"
regions = ["eu-west-1"]

[http]
listen = "0.0.0.0:8470"
tls = true

[cloud]
kind = "azure"
regions = "eu-west-1"
listen = "127.0.0.1:1"

[clod]
kind = "aws"
"#;
    let faults = read(
        text,
        &[
            ("STRAIT_CLOUD_ENDPOINT_URL", "nowhere"),
            ("STRAIT_CLOUD_REGION", "eu-west-1"),
        ],
    );
    let faults = faults.expect_err("full of faults");
    assert_places(
        &faults,
        &[
            "strait.toml:16: clod",
            "strait.toml:14: cloud.listen",
            "strait.toml:13: cloud.regions",
            "strait.toml:3: domian",
            "strait.toml:9: http.tls",
            "strait.toml:5: regions",
            "STRAIT_CLOUD_REGION",
            "strait.toml:2: database_url",
            "strait.toml: domain",
            "strait.toml:4: ca_file",
            "strait.toml:8: http.listen",
            "strait.toml:12: cloud.kind",
            "STRAIT_CLOUD_ENDPOINT_URL",
        ],
    );
    let shown = faults.to_string();
    assert!(!shown.contains("hush"), "{shown}");
    for part in [
        "13 faults",
        "it is a key of the section [cloud]",
        "it is a key of the section [http]",
        "no certificate is given",
        "STRAIT_CLOUD_REGIONS",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

#[test]
fn with_a_certificate_it_listens_where_it_is_told() {
    let with = |lines: &str| {
        let text = GOOD.replace(
            "listen = \"127.0.0.1:9000\"",
            &format!("listen = \"0.0.0.0:9000\"\n{lines}"),
        );
        let folder = folder(&text);
        certificate(folder.path(), "a");
        certificate(folder.path(), "b");
        let read = Config::read(Some(&folder.path().join("strait.toml")), os(&[]));
        // The files are looked at while they are there.
        read.map(|config| (config, folder))
    };
    let (config, _folder) =
        with("certificate_file = \"a.crt\"\ncertificate_key_file = \"a.key\"").expect("sound");
    assert_eq!(config.http.listen.to_string(), "0.0.0.0:9000");
    assert!(
        config.summary().contains("with TLS"),
        "{}",
        config.summary()
    );

    for (lines, places) in [
        ("", &["http.listen"] as &[&str]),
        (
            "certificate_file = \"a.crt\"",
            &["http.certificate_key_file", "http.listen"],
        ),
        (
            "certificate_key_file = \"a.key\"",
            &["http.certificate_file", "http.listen"],
        ),
        (
            "certificate_file = \"a.crt\"\ncertificate_key_file = \"b.key\"",
            &["http.certificate_file", "http.listen"],
        ),
        (
            "certificate_file = \"a.crt\"\ncertificate_key_file = \"missing\"",
            &["http.certificate_key_file", "http.listen"],
        ),
    ] {
        let Err(faults) = with(lines) else {
            panic!("{lines} is taken");
        };
        assert_places(&faults, places);
    }
}

#[test]
fn what_is_no_toml_is_told_by_its_line_and_not_shown() {
    let text = GOOD.replace("/plane\"", "/plane");
    let text = text.replace("[cloud]", "[cloud");
    let faults = read(&text, &[("STRAIT_HTTP_LISTEN", "nowhere")]).expect_err("no TOML");
    let shown = faults.to_string();
    assert!(!shown.contains("hush"), "{shown}");
    for part in [
        "strait.toml:2: this is no TOML",
        "strait.toml:9: this is no TOML",
        "STRAIT_HTTP_LISTEN",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(!shown.contains("is missing"), "{shown}");
}

#[test]
fn a_file_that_cannot_be_read_is_one_fault() {
    let faults = Config::read(Some(Path::new("/no/such/strait.toml")), os(&[]));
    assert_places(&faults.expect_err("no file"), &["strait.toml"]);
}

#[test]
fn secrets_are_in_no_form_of_it() {
    let key = format!("{}hush", "k".repeat(40));
    let config = read(GOOD, &[("STRAIT_HTTP_ADMIN_KEY", key.as_str())]).expect("sound");
    for shown in [format!("{config:?}"), config.summary()] {
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("db.example.com"), "{shown}");
    }
}

/// `packaging/strait.toml` as an operator would put it into place, with and without what is commented out in it.
#[test]
fn the_example_is_sound_and_has_every_key() {
    let example = include_str!("../../../../packaging/strait.toml");
    let uncommented: Vec<&str> = example
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| is_setting(rest))
                .unwrap_or(line)
        })
        .collect();
    // A certificate, or a proxy that has one.
    let without = |names: &[&str]| -> String {
        let kept =
            (uncommented.iter()).filter(|line| !names.iter().any(|name| line.starts_with(name)));
        kept.copied().collect::<Vec<_>>().join("\n")
    };
    let texts = [
        example.to_owned(),
        without(&["behind_tls"]),
        without(&["certificate_file", "certificate_key_file"]),
    ];
    for text in texts {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        fs::write(place("rds-ca.pem"), PEM).expect("written");
        fs::write(place("database_url"), "postgres://strait@127.0.0.1/strait").expect("written");
        fs::write(place("admin_key"), "k".repeat(64)).expect("written");
        certificate(folder.path(), "tls");
        let text = text.replace("\"/etc/strait/", &format!("\"{}/", folder.path().display()));
        fs::write(place("strait.toml"), text).expect("written");
        let config = Config::read(Some(&place("strait.toml")), os(&[]));
        config.unwrap_or_else(|faults| panic!("{faults}"));
    }
    for key in key::KEYS {
        let said = key.names().iter().any(|name| {
            uncommented
                .iter()
                .any(|line| line.starts_with(&format!("{name} =")))
        });
        assert!(said, "{} is not in packaging/strait.toml", key.path());
    }
}

#[test]
fn the_unit_names_variables_and_credentials_that_there_are() {
    let unit = include_str!("../../../../packaging/strait.service");
    let values = |name: &str| {
        let start = format!("{name}=");
        let lines = unit
            .lines()
            .filter_map(|line| line.strip_prefix(&start).map(str::to_owned));
        lines.collect::<Vec<String>>()
    };
    let known: Vec<String> = key::KEYS
        .iter()
        .flat_map(|key| [key.variable(), format!("{}_FILE", key.variable())])
        .collect();
    let loaded = values("LoadCredential");
    let set = values("Environment");
    assert_eq!((loaded.len(), set.len()), (2, 2));
    for setting in set {
        let (variable, path) = setting.split_once('=').expect("a value");
        assert!(known.contains(&variable.to_owned()), "{variable}");
        let credential = path.strip_prefix("%d/").expect("a credential");
        assert!(
            loaded.contains(&format!("{credential}:/etc/strait/{credential}")),
            "{credential}"
        );
    }
}

#[test]
fn every_key_is_in_the_docs() {
    let docs = include_str!("../../../../docs/aws.md");
    for key in key::KEYS {
        let row = format!("| `{}` | `{}` |", key.path(), key.variable());
        assert!(docs.contains(&row), "docs/aws.md has no row {row}");
    }
}

fn is_setting(line: &str) -> bool {
    line.split_once(" = ").is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}

/// That these are the faults: the ends of their places, in order.
fn assert_places(faults: &Faults, places: &[&str]) {
    let found: Vec<&str> = faults
        .list()
        .iter()
        .map(|fault| fault.place.as_str())
        .collect();
    let same = found.len() == places.len()
        && found
            .iter()
            .zip(places)
            .all(|(found, place)| found.ends_with(place));
    assert!(same, "{found:#?} are not {places:#?}");
}

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Faults> {
    let folder = folder(text);
    Config::read(Some(&folder.path().join("strait.toml")), os(variables))
}

/// A folder with this configuration, and certificates.
fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("strait.toml"), text).expect("written");
    fs::write(folder.path().join("ca.pem"), PEM).expect("written");
    folder
}

/// A certificate and its key, `NAME.crt` and `NAME.key`.
fn certificate(folder: &Path, name: &str) {
    let authority = Authority::open(&folder.join("authority")).expect("an authority");
    let names = BTreeSet::from(["strait.example.com".to_owned()]);
    let issued = authority.issue(&names).expect("issued");
    fs::write(folder.join(format!("{name}.crt")), issued.certificate).expect("written");
    fs::write(folder.join(format!("{name}.key")), issued.key).expect("written");
}

fn os(variables: &[(&str, &str)]) -> std::vec::IntoIter<(OsString, OsString)> {
    let all: Vec<(OsString, OsString)> = variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    all.into_iter()
}

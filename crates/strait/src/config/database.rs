//! Where the plane's store is.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use reqwest::Url;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Parameters of a URL that are read; sqlx passes over all others.
const PARAMETERS: [&str; 12] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A PostgreSQL database. It does not show its password.
#[derive(Clone)]
pub(crate) struct Database {
    options: PgConnectOptions,
}

impl Database {
    /// How to connect to it. Its `Debug` form shows the password.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// What somebody on the network between could do, if it may be read or be another server than it seems.
    pub(crate) fn warning(&self) -> Option<String> {
        let host = self.options.get_host();
        let near = self.options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        let verified = matches!(self.options.get_ssl_mode(), PgSslMode::VerifyFull);
        (!near && !verified).then(|| {
            format!(
                "the certificate of the store at {host} is not checked: add sslmode=verify-full&sslrootcert=/path/of/ca.pem to \
                 database_url"
            )
        })
    }
}

/// Reads a URL of PostgreSQL's. What is wrong with it is said without showing it.
pub(super) fn parse(text: &str) -> Result<Database, String> {
    let Ok(url) = text.parse::<Url>() else {
        return Err(FORM.to_owned());
    };
    if !matches!(url.scheme(), "postgres" | "postgresql") || url.cannot_be_a_base() {
        return Err(FORM.to_owned());
    }
    for (name, value) in url.query_pairs() {
        if !PARAMETERS.contains(&name.as_ref()) && !name.starts_with("options[") {
            return Err(format!(
                "its parameter {name} is none that Strait reads; there are {}",
                PARAMETERS.join(", ")
            ));
        }
        if matches!(&*name, "sslrootcert" | "sslcert" | "sslkey") {
            readable(&name, &value)?;
        }
    }
    let options: PgConnectOptions = text
        .parse()
        .map_err(|error: sqlx::Error| format!("{FORM} ({error})"))?;
    if matches!(options.get_ssl_mode(), PgSslMode::VerifyCa) {
        // sqlx 0.8 takes a certificate of another name for a bad one whenever it is checked at all.
        return Err(
            "sslmode=verify-ca cannot be had for the store; use verify-full, and the name that is in its certificate"
                .to_owned(),
        );
    }
    if options.get_database().is_none() {
        return Err(format!("it names no database; {FORM}"));
    }
    Ok(Database {
        options: options.application_name("strait"),
    })
}

fn readable(name: &str, path: &str) -> Result<(), String> {
    if !Path::new(path).is_absolute() {
        return Err(format!("its {name} is {path:?}; give an absolute path"));
    }
    std::fs::read(path)
        .map(drop)
        .map_err(|error| format!("its {name}, {path}, cannot be read ({error})"))
}

const FORM: &str = "it must be a URL as in postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full&sslrootcert=/path/of/ca.pem, \
     with characters such as @ and / in a password written as %40 and %2F";

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let database = options.get_database().unwrap_or_default();
        match options.get_socket() {
            Some(socket) => write!(f, "{database} at {}", socket.display())?,
            None => write!(
                f,
                "{database} at {}:{}",
                options.get_host(),
                options.get_port()
            )?,
        }
        write!(f, " as {}", options.get_username())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_nowhere() {
        let database = parse("postgres://strait:hush@db.example.com/plane").expect("a URL");
        for shown in [
            format!("{database}"),
            format!("{database:?}"),
            database.warning().expect("it is far and not verified"),
        ] {
            assert!(!shown.contains("hush"), "{shown}");
            assert!(shown.contains("db.example.com"), "{shown}");
        }
        for bad in [
            "postgres:hush",
            "mysql://strait:hush@db/plane",
            "host=db password=hush",
            "postgres://strait:hush@db:port/plane",
            "postgres://strait:hush@db/plane?sslmode=maybe",
            "postgres://strait:hush@db/plane?sslmode=verify-ca",
            "postgres://strait:hush@db/plane?sslpassword=hush",
            "postgres://strait:hush@db/plane?sslrootcert=/no/such/file",
        ] {
            let why = parse(bad).expect_err(bad);
            assert!(!why.contains("hush"), "{why}");
        }
    }

    #[test]
    fn who_is_far_is_to_be_verified() {
        for fine in [
            "postgres://strait@localhost/plane",
            "postgres://strait@127.0.0.1/plane",
            "postgres://strait@[::1]/plane",
            "postgres:///plane?host=/run/postgresql&user=strait",
            "postgres://strait@db.example.com/plane?sslmode=verify-full",
        ] {
            assert_eq!(parse(fine).expect(fine).warning(), None, "{fine}");
        }
        for risky in ["", "?sslmode=require", "?sslmode=disable"] {
            let url = format!("postgres://strait@db.example.com/plane{risky}");
            assert!(parse(&url).expect("a URL").warning().is_some(), "{url}");
        }
    }
}

//! The template: an initialised data folder, made once and copied for each service.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use strait_kernel::Kernel;

use super::installation::Installation;
use super::process::{self, Place, SHOWN};
use super::{config, folder as folders};
use crate::agent::tail;
use crate::ca::write_file;
use crate::error::LocalError;

/// Changes when the statements below do, so that the next start makes a new template.
const EDITION: u32 = 1;

/// The user that an ordinary user's processes become in a sandbox.
const PASSWD: &str = "strait:x:1000:1000::/tmp:/bin/sh\n";

const INIT_TIMEOUT: Duration = Duration::from_secs(120);

/// The template for services.
#[derive(Debug, Clone)]
pub(super) struct Template {
    folder: PathBuf,
}

impl Template {
    /// Finds the template for this PostgreSQL, or makes it. Blocks.
    pub(super) fn ensure(
        kernel: &Kernel,
        data: &Path,
        installation: &Installation,
    ) -> Result<Self, LocalError> {
        let template = Self {
            folder: folder(data, installation.major),
        };
        if template.folder.exists() {
            return Ok(template);
        }
        let password = new_password();
        let fresh = template.folder.with_extension("new");
        let statements = statements(installation, &password);
        initialise(kernel, data, installation, &fresh, &statements)?;
        write_file(&fresh.join("password"), password.as_bytes(), 0o600)?;
        folders::flush(&fresh)?;
        fs::rename(&fresh, &template.folder)
            .map_err(LocalError::system("finish", &template.folder))?;
        Ok(template)
    }

    /// The data folder to copy.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The superuser's password in a fresh copy.
    pub(super) fn password(&self) -> Result<String, LocalError> {
        let path = self.folder.join("password");
        fs::read_to_string(&path).map_err(LocalError::system("read", &path))
    }
}

/// Where the template for this major version is.
pub(super) fn folder(data: &Path, major: u32) -> PathBuf {
    data.join("template").join(format!("{major}-{EDITION}"))
}

/// Makes a data folder at `folder/data` and runs these statements in it, one a line. Blocks.
pub(super) fn initialise(
    kernel: &Kernel,
    data: &Path,
    installation: &Installation,
    folder: &Path,
    statements: &str,
) -> Result<(), LocalError> {
    folders::remove(folder)?;
    folders::make_owned(folder)?;
    folders::write_owned(&folder.join("setup.sql"), statements.as_bytes())?;
    // The identity inside the sandbox need not be known to the system, and initdb insists on a name.
    let users = folder.join("passwd");
    folders::write_owned(&users, PASSWD.as_bytes())?;
    let mut show = vec![(folder, "")];
    if strait_kernel::service_owner().is_none() {
        show.push((&users, "/etc/passwd"));
    }
    let log = folder.with_extension("log");
    folders::remove_file(&log)?;
    let argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), script(installation)];
    let process = process::launch(kernel, &Place::Here, data, &show, argv, &log)?;
    if !process.wait(INIT_TIMEOUT)? {
        process.signal(strait_kernel::Signal::Kill)?;
    }
    if !folder.join("done").exists() {
        return Err(LocalError::Initialise {
            path: folder.to_owned(),
            tail: tail(&log, 5),
        });
    }
    for leftover in ["done", "setup.sql", "passwd"] {
        folders::remove_file(&folder.join(leftover))?;
    }
    folders::remove_file(&log)
}

/// 256 random bits.
pub(super) fn new_password() -> String {
    (0..4)
        .map(|_| format!("{:016x}", rand::random::<u64>()))
        .collect()
}

fn script(installation: &Installation) -> String {
    let programs = quoted(&installation.programs.display().to_string());
    format!(
        "set -e; cd {SHOWN}; \
         {programs}/initdb -D {SHOWN}/data -U {admin} --encoding=UTF8 --locale=C.UTF-8 --auth=reject \
         --data-checksums --no-sync --no-instructions --wal-segsize=4; \
         {programs}/postgres --single -D {SHOWN}/data -c exit_on_error=on postgres < setup.sql; \
         touch done",
        admin = config::ADMIN,
    )
}

/// `tsdbadmin` may not become PostgreSQL's own identity on this machine: no superuser, and no right to grant the roles
/// that read files or run programs. Before 16 everybody with CREATEROLE has that right, so there it is left out.
fn statements(installation: &Installation, password: &str) -> String {
    let createrole = if installation.major >= 16 {
        "CREATEROLE"
    } else {
        "NOCREATEROLE"
    };
    format!(
        "ALTER ROLE {admin} PASSWORD '{password}'\n\
         CREATE ROLE tsdbadmin LOGIN CREATEDB {createrole} NOSUPERUSER NOREPLICATION NOBYPASSRLS\n\
         CREATE DATABASE tsdb OWNER tsdbadmin\n",
        admin = config::ADMIN,
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn createrole_is_left_out_where_it_would_lead_to_the_machine() {
        let with = |major| {
            let installation = Installation {
                programs: PathBuf::from("/usr/lib/postgresql/x/bin"),
                major,
            };
            statements(&installation, "p")
        };
        assert!(with(15).contains(" NOCREATEROLE "));
        assert!(with(16).contains(" CREATEROLE "));
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, two) = (new_password(), new_password());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
    }
}

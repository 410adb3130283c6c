//! The PostgreSQL that this machine has.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::LocalError;

/// The oldest major version that works: `public` belongs to the database's owner since 15.
const OLDEST: u32 = 15;

/// Where Debian and Ubuntu keep theirs, a folder a major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// An installed PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The folder of its programs.
    pub programs: PathBuf,
    /// Its major version.
    pub major: u32,
}

impl Installation {
    /// Finds it: `STRAIT_PG_BIN` if set, else the newest of Debian's, else the one in `PATH`.
    pub fn find() -> Result<Self, LocalError> {
        let named = env::var_os("STRAIT_PG_BIN").filter(|value| !value.is_empty());
        let path = env::var_os("PATH").unwrap_or_default();
        Self::find_in(
            named.map(PathBuf::from),
            Path::new(DEBIAN),
            env::split_paths(&path).collect(),
        )
    }

    fn find_in(
        named: Option<PathBuf>,
        debian: &Path,
        path: Vec<PathBuf>,
    ) -> Result<Self, LocalError> {
        let looked = match &named {
            Some(named) => format!("STRAIT_PG_BIN is {}", named.display()),
            None => format!("looked in {}/*/bin and PATH", debian.display()),
        };
        let candidates = match named {
            Some(named) => vec![named],
            None => {
                let mut all = newest_first(debian);
                all.extend(path);
                all
            }
        };
        let mut too_old = Vec::new();
        for programs in candidates {
            let Some(major) = major_of(&programs) else {
                continue;
            };
            if major >= OLDEST && programs.join("initdb").exists() {
                return Ok(Self { programs, major });
            }
            too_old.push(format!("; {} is version {major}", programs.display()));
        }
        Err(LocalError::NoPostgres {
            looked: looked + &too_old.concat(),
            fix: "sudo apt-get install --no-install-recommends postgresql",
        })
    }

    /// Whether this extension is installed for it.
    pub fn has(&self, extension: &str) -> bool {
        let control = format!("extension/{extension}.control");
        self.shared()
            .iter()
            .any(|folder| folder.join(&control).exists())
    }

    /// Where its extensions may be: what `pg_config --sharedir` would say, for Debian's way to lay it out and for
    /// PostgreSQL's own two.
    fn shared(&self) -> [PathBuf; 3] {
        let prefix = self.programs.join("..");
        let debian = format!("../../../share/postgresql/{}", self.major);
        [
            prefix.join(debian),
            prefix.join("share/postgresql"),
            prefix.join("share"),
        ]
    }

    /// A program of it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

fn newest_first(debian: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(debian)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    found
        .into_iter()
        .rev()
        .map(|(_, programs)| programs)
        .collect()
}

/// The major version that `postgres --version` tells; nothing if it does not run.
fn major_of(programs: &Path) -> Option<u32> {
    let program = programs.join("postgres");
    if !program.exists() {
        return None;
    }
    let output = Command::new(program).arg("--version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

fn parse_major(version: &str) -> Option<u32> {
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn versions_are_read_from_released_and_unreleased_ones() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(parse_major("nonsense"), None);
    }

    #[test]
    fn the_newest_of_debians_wins_and_too_old_ones_are_named() {
        let dir = tempfile::tempdir().expect("a folder");
        for major in [14, 9, 16] {
            fake(&dir.path().join(format!("{major}/bin")), major);
        }
        let found = Installation::find_in(None, dir.path(), Vec::new()).expect("16 is there");
        assert_eq!(found.major, 16);
        fs::remove_dir_all(dir.path().join("16")).expect("removed");
        let error = Installation::find_in(None, dir.path(), Vec::new()).expect_err("14 is too old");
        let message = error.to_string();
        assert!(message.contains("14/bin is version 14"), "{message}");
        assert!(message.contains("apt-get install"), "{message}");
    }

    #[test]
    fn a_named_folder_is_the_only_one_that_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        fake(&dir.path().join("16/bin"), 16);
        let named = dir.path().join("nowhere");
        let error =
            Installation::find_in(Some(named), dir.path(), Vec::new()).expect_err("nothing");
        assert!(error.to_string().contains("STRAIT_PG_BIN is"), "{error}");
    }

    #[test]
    fn extensions_are_found_where_debian_and_postgresql_itself_put_them() {
        for (programs, shared) in [
            ("usr/lib/postgresql/16/bin", "usr/share/postgresql/16"),
            ("opt/pg/bin", "opt/pg/share/postgresql"),
            ("opt/other/bin", "opt/other/share"),
        ] {
            let dir = tempfile::tempdir().expect("a folder");
            let installation = Installation {
                programs: dir.path().join(programs),
                major: 16,
            };
            let folder = dir.path().join(shared).join("extension");
            fs::create_dir_all(&installation.programs).expect("a folder");
            fs::create_dir_all(&folder).expect("a folder");
            assert!(!installation.has("vector"), "{programs}");
            fs::write(folder.join("vector.control"), "").expect("a file");
            assert!(installation.has("vector"), "{programs}");
            assert!(!installation.has("timescaledb"), "{programs}");
        }
    }

    fn fake(programs: &Path, major: u32) {
        fs::create_dir_all(programs).expect("a folder");
        for name in ["postgres", "initdb"] {
            let path = programs.join(name);
            let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {major}.1'\n");
            fs::write(&path, script).expect("a script");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        }
    }
}

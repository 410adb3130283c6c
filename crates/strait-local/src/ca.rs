//! The certificate authority that signs services' certificates: kept in `DATA/ca`, good for ten years.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

use crate::error::LocalError;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const AUTHORITY_DAYS: u32 = 3652;
const SERVICE_DAYS: u32 = 365;
const RENEW_DAYS: u32 = 30;

/// The certificate authority.
pub struct Authority {
    folder: PathBuf,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// Reads the authority in this folder, or makes one.
    pub fn open(folder: &Path) -> Result<Self, LocalError> {
        let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
        if !certificate.exists() {
            make(folder, &certificate, &key)?;
        }
        let pem = read(&certificate)?;
        let key_pair =
            KeyPair::from_pem(&read(&key)?).map_err(|error| LocalError::BadCertificate {
                path: key.clone(),
                reason: error.to_string(),
            })?;
        let bad = |reason: String| LocalError::BadCertificate {
            path: certificate.clone(),
            reason,
        };
        if !belongs(&pem, &key_pair).map_err(bad)? {
            return Err(bad("the key beside it belongs to another one".to_owned()));
        }
        let issuer = Issuer::from_ca_cert_pem(&pem, key_pair).map_err(|e| bad(e.to_string()))?;
        Ok(Self {
            folder: folder.to_owned(),
            pem,
            issuer,
        })
    }

    /// The authority's certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Where the authority's certificate is, for `sslrootcert=`.
    pub fn bundle_path(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Signs a server's certificate for these names.
    pub fn issue(&self, names: &BTreeSet<String>) -> Result<Issued, LocalError> {
        self.issue_at(names, SystemTime::now())
    }

    fn issue_at(&self, names: &BTreeSet<String>, now: SystemTime) -> Result<Issued, LocalError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "Strait service");
        params.not_before = (now - DAY).into();
        params.not_after = (now + DAY * SERVICE_DAYS).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Whether this certificate is this authority's, covers exactly these names, and is good for 30 more days.
    pub fn is_good(&self, certificate: &str, names: &BTreeSet<String>) -> bool {
        self.is_good_at(certificate, names, SystemTime::now())
    }

    fn is_good_at(&self, certificate: &str, names: &BTreeSet<String>, now: SystemTime) -> bool {
        let Ok((_, pem)) = parse_x509_pem(certificate.as_bytes()) else {
            return false;
        };
        let Ok((_, authority_pem)) = parse_x509_pem(self.pem.as_bytes()) else {
            return false;
        };
        let (Ok(leaf), Ok(authority)) = (pem.parse_x509(), authority_pem.parse_x509()) else {
            return false;
        };
        if leaf.verify_signature(Some(authority.public_key())).is_err() {
            return false;
        }
        let Ok(Some(covered)) = leaf.subject_alternative_name() else {
            return false;
        };
        let covered: BTreeSet<String> = (covered.value.general_names.iter())
            .map(|name| {
                if let GeneralName::DNSName(name) = name {
                    return (*name).to_owned();
                }
                if let GeneralName::IPAddress(bytes) = name
                    && let Some(address) = address(bytes)
                {
                    return address.to_string();
                }
                name.to_string()
            })
            .collect();
        covered == *names && seconds(now + DAY * RENEW_DAYS) < leaf.validity().not_after.timestamp()
    }
}

/// The address that a certificate is for.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

/// Writes a file that is complete or not there, with this mode from its first byte on. A link in its place is replaced,
/// never followed.
pub(crate) fn write_file(path: &Path, content: &[u8], mode: u32) -> Result<(), LocalError> {
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(LocalError::system("replace", &fresh)(error)),
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(&fresh)
        .map_err(LocalError::system("write", &fresh))?;
    file.write_all(content)
        .map_err(LocalError::system("write", &fresh))?;
    file.sync_all()
        .map_err(LocalError::system("write", &fresh))?;
    fs::rename(&fresh, path).map_err(LocalError::system("write", path))
}

/// The key is written first: a folder with a certificate is complete.
fn make(folder: &Path, certificate: &Path, key: &Path) -> Result<(), LocalError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(LocalError::system("make", folder))?;
    let now = SystemTime::now();
    let pair = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // A part of the name is random, so that two data folders' authorities are told apart in a trust store.
    let mark = format!("Strait local authority {:08x}", rand::random::<u32>());
    params.distinguished_name.push(DnType::CommonName, mark);
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * AUTHORITY_DAYS).into();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let signed = params.self_signed(&pair)?;
    write_file(key, pair.serialize_pem().as_bytes(), 0o600)?;
    write_file(certificate, signed.pem().as_bytes(), 0o644)
}

fn belongs(certificate: &str, key: &KeyPair) -> Result<bool, String> {
    let (_, pem) = parse_x509_pem(certificate.as_bytes()).map_err(|e| e.to_string())?;
    let parsed = pem.parse_x509().map_err(|e| e.to_string())?;
    Ok(parsed.public_key().subject_public_key.data.as_ref() == key.public_key_raw())
}

fn read(path: &Path) -> Result<String, LocalError> {
    fs::read_to_string(path).map_err(LocalError::system("read", path))
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn an_authority_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("ca");
        let first = Authority::open(&folder).expect("made");
        let again = Authority::open(&folder).expect("found");
        assert_eq!(first.pem(), again.pem());
        let mode = fs::metadata(folder.join("ca.key"))
            .expect("a key")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_certificate_for_addresses_is_good_for_these() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(dir.path()).expect("made");
        let mine = names(&["localhost", "127.0.0.1", "::1", "fd00::1"]);
        let issued = authority.issue(&mine).expect("issued").certificate;
        assert!(authority.is_good(&issued, &mine));
        for other in ["127.0.0.2", "fd00::2"] {
            let more = mine.iter().cloned().chain([other.to_owned()]).collect();
            assert!(!authority.is_good(&issued, &more), "{other}");
        }
    }

    #[test]
    fn openssl_accepts_a_service_certificate_for_its_names_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(dir.path()).expect("made");
        let issued = authority.issue(&names(&[
            "a.p.db.strait.internal",
            "a.p.vpc.strait.internal",
        ]));
        let path = dir.path().join("leaf.crt");
        fs::write(&path, issued.expect("issued").certificate).expect("written");
        for (name, good) in [
            ("a.p.db.strait.internal", true),
            ("a.p.vpc.strait.internal", true),
            ("b.p.db.strait.internal", false),
        ] {
            let verified = Command::new("openssl")
                .args([
                    "verify",
                    "-purpose",
                    "sslserver",
                    "-verify_hostname",
                    name,
                    "-CAfile",
                ])
                .arg(authority.bundle_path())
                .arg(&path)
                .output()
                .expect("openssl runs");
            assert_eq!(verified.status.success(), good, "{name}: {verified:?}");
        }
    }

    #[test]
    fn a_certificate_is_renewed_30_days_before_its_end_and_when_names_change() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(dir.path()).expect("made");
        let mine = names(&["a.p.db.strait.internal"]);
        let now = SystemTime::now();
        let issued = authority.issue_at(&mine, now).expect("issued").certificate;
        assert!(authority.is_good_at(&issued, &mine, now));
        assert!(authority.is_good_at(&issued, &mine, now + DAY * 334));
        assert!(!authority.is_good_at(&issued, &mine, now + DAY * 336));
        let more = names(&["a.p.db.strait.internal", "b.p.db.strait.internal"]);
        assert!(!authority.is_good_at(&issued, &more, now));
    }

    #[test]
    fn another_authoritys_certificate_is_not_good_and_a_swapped_key_is_refused() {
        let (one, two) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("another"),
        );
        let (first, second) = (
            Authority::open(one.path()).expect("made"),
            Authority::open(two.path()).expect("made"),
        );
        let mine = names(&["a.p.db.strait.internal"]);
        let issued = first.issue(&mine).expect("issued").certificate;
        assert!(!second.is_good(&issued, &mine));
        assert!(!second.is_good("no certificate", &mine));
        fs::copy(one.path().join("ca.key"), two.path().join("ca.key")).expect("swapped");
        let error = Authority::open(two.path()).err().expect("refused");
        assert!(error.to_string().contains("belongs to another"), "{error}");
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }
}

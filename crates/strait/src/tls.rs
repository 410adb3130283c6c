//! TLS of the listeners: a certificate and its key in two files, read again when they change.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use reqwest::{Certificate, ClientBuilder};
use ring::digest::{SHA256, digest};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(30);

/// Lets a client trust the authorities in this file too, beside the machine's.
pub(crate) fn trusting(client: ClientBuilder, ca_file: Option<&Path>) -> Result<ClientBuilder> {
    let Some(path) = ca_file else {
        return Ok(client);
    };
    let pem = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let authorities = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if authorities.is_empty() {
        return Err(no_authorities(path));
    }
    Ok(authorities
        .into_iter()
        .fold(client, ClientBuilder::add_root_certificate))
}

/// Checks that a client can trust the authorities in this file.
pub(crate) fn check_authorities(path: &Path) -> Result<()> {
    let built = trusting(reqwest::Client::builder(), Some(path))?.build();
    built.map(|_| ()).map_err(|_| no_authorities(path))
}

fn no_authorities(path: &Path) -> anyhow::Error {
    anyhow!(
        "{} holds no authorities' certificates in PEM that a client can trust: name a file with those that signed the server's",
        path.display()
    )
}

/// Where a certificate and its key are, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    /// The certificate, and behind it those that lead to its authority.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

/// What a listener needs.
pub(crate) struct Tls {
    files: Files,
    now: RwLock<Loaded>,
}

struct Loaded {
    config: Arc<ServerConfig>,
    fingerprint: String,
    names: Vec<String>,
    changed: (Option<SystemTime>, Option<SystemTime>),
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(files: Files) -> Result<Arc<Self>> {
        let now = RwLock::new(files.load()?);
        Ok(Arc::new(Self { files, now }))
    }

    /// What new connections are begun with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&now.config))
    }

    /// The SHA-256 of the certificate, as browsers and `openssl x509 -fingerprint -sha256` show it.
    pub(crate) fn fingerprint(&self) -> String {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.fingerprint.clone()
    }

    /// The names and addresses that the certificate is for.
    pub(crate) fn names(&self) -> Vec<String> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.names.clone()
    }

    /// Reads the files again whenever they change, for ever. Connections that are open stay as they are.
    pub(crate) async fn keep_up(self: Arc<Self>) -> Result<()> {
        let mut beat = tokio::time::interval(LOOK);
        loop {
            beat.tick().await;
            self.look();
        }
    }

    fn look(&self) {
        let before = {
            let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
            now.changed
        };
        if self.files.changed() == before {
            return;
        }
        match self.files.load() {
            Ok(loaded) => {
                tracing::info!(fingerprint = %loaded.fingerprint, "there is another certificate");
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = loaded;
            }
            // Both files are seldom written in one moment: the next look may find them whole.
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the new certificate cannot be used; the old one stays"
                );
            }
        }
    }
}

impl Files {
    /// Checks that they can be used.
    pub(crate) fn check(&self) -> Result<()> {
        self.load().map(drop)
    }

    fn load(&self) -> Result<Loaded> {
        let changed = self.changed();
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| anyhow!("{certificate} is no certificate in PEM: {error}"))?;
        let Some(own) = chain.first() else {
            return Err(anyhow!("{certificate} holds no certificate in PEM"));
        };
        let fingerprint = fingerprint(own);
        let names = names(own);
        // What is wrong with a key is not shown: it may be a part of it.
        let private = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|_| anyhow!("{key} holds no private key in PEM, or cannot be read"))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .with_context(|| {
                format!(
                    "the certificate in {certificate} and the key in {key} do not work together"
                )
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Loaded {
            config: Arc::new(config),
            fingerprint,
            names,
            changed,
        })
    }

    fn changed(&self) -> (Option<SystemTime>, Option<SystemTime>) {
        let of = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        (of(&self.certificate), of(&self.key))
    }
}

fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate.as_ref()) else {
        return Vec::new();
    };
    let Ok(Some(names)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    let named = |name: &GeneralName<'_>| {
        if let GeneralName::DNSName(name) = name {
            return Some((*name).to_owned());
        }
        let GeneralName::IPAddress(bytes) = name else {
            return None;
        };
        address(bytes).map(|address| address.to_string())
    };
    names.value.general_names.iter().filter_map(named).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let bytes = digest(&SHA256, certificate.as_ref());
    let pairs: Vec<String> = (bytes.as_ref().iter())
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strait_local::ca::Authority;

    use super::*;

    #[test]
    fn another_certificate_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(&folder.path().join("ca")).expect("an authority");
        let files = Files {
            certificate: folder.path().join("server.crt"),
            key: folder.path().join("server.key"),
        };
        write(&authority, &files);
        let tls = Tls::load(files.clone()).expect("they are good");
        let first = tls.fingerprint();
        assert_eq!(first.len(), 32 * 3 - 1, "{first}");
        let mut names = tls.names();
        names.sort();
        assert_eq!(names, ["10.1.2.3", "fd00::1", "localhost"]);
        tls.look();
        assert_eq!(tls.fingerprint(), first);

        write(&authority, &files);
        later(&files, 10);
        tls.look();
        let second = tls.fingerprint();
        assert_ne!(second, first);

        fs::write(&files.certificate, "nothing").expect("written");
        later(&files, 20);
        tls.look();
        assert_eq!(tls.fingerprint(), second);
        assert!(files.check().is_err());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused_and_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(&folder.path().join("ca")).expect("an authority");
        let at = |name: &str| Files {
            certificate: folder.path().join(format!("{name}.crt")),
            key: folder.path().join(format!("{name}.key")),
        };
        write(&authority, &at("a"));
        write(&authority, &at("b"));
        at("a").check().expect("they are good");
        let mixed = Files {
            certificate: at("a").certificate,
            key: at("b").key,
        };
        let error = format!("{:#}", mixed.check().expect_err("they are not"));
        assert!(error.contains("do not work together"), "{error}");
        fs::write(at("a").key, "-----BEGIN PRIVATE KEY-----\nsecretsecret\n").expect("written");
        let error = format!("{:#}", at("a").check().expect_err("it is not"));
        assert!(!error.contains("secretsecret"), "{error}");
    }

    #[test]
    fn a_file_without_authorities_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = folder.path().join("ca");
        Authority::open(&authority).expect("an authority");
        check_authorities(&authority.join("ca.crt")).expect("it is good");
        let path = folder.path().join("bad.crt");
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "nothing", damaged] {
            fs::write(&path, text).expect("written");
            let error = format!("{:#}", check_authorities(&path).expect_err(text));
            assert!(error.contains("bad.crt"), "{error}");
        }
        fs::write(&path, "nothing").expect("written");
        let refused = trusting(reqwest::Client::builder(), Some(&path)).expect_err("nothing");
        assert!(refused.to_string().contains("bad.crt"), "{refused}");
        check_authorities(&folder.path().join("missing.crt")).expect_err("it is missing");
    }

    fn write(authority: &Authority, files: &Files) {
        let names = ["localhost", "10.1.2.3", "fd00::1"].map(str::to_owned);
        let names = BTreeSet::from(names);
        let issued = authority.issue(&names).expect("issued");
        fs::write(&files.certificate, issued.certificate).expect("written");
        fs::write(&files.key, issued.key).expect("written");
    }

    /// As if written that many seconds later: clocks of file systems are coarse.
    fn later(files: &Files, seconds: u64) {
        let at = SystemTime::now() + Duration::from_secs(seconds);
        for path in [&files.certificate, &files.key] {
            let file = fs::File::options().write(true).open(path).expect("opened");
            file.set_modified(at).expect("set");
        }
    }
}

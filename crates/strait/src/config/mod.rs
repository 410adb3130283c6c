//! The configuration of `strait server`: a file, and `STRAIT_*` variables over it. All that is wrong is said at once.
//!
//! One rule names the variables: `STRAIT_`, the section, the key, joined by `_`, in capitals: `regions` of `[cloud]` is
//! `STRAIT_CLOUD_REGIONS`, a list has commas. A variable that is set wins over the file; an empty one counts as not set.
//! A secret `x` may stand in a file of its own, which `x_file` names.

mod check;
mod database;
mod fault;
mod key;
mod reader;
mod secret;
mod source;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(crate) use database::Database;
pub(crate) use fault::Faults;
pub(crate) use secret::Secret;

use strait_http::Readers;

use key::{
    ADMIN_KEY, ASSUME_ROLE_ARN, BEHIND_TLS, CA_FILE, CERTIFICATE_FILE, CERTIFICATE_KEY_FILE,
    DATABASE_URL, DOMAIN, ENDPOINT_URL, HOSTED_ZONE_ID, KIND, LISTEN, LOG_FORMAT, METRICS,
    NAMESERVERS, REGIONS,
};
use reader::Reader;
use source::Sources;

use crate::log::Format;
use crate::tls::Files;

/// Where the REST API answers unless told otherwise: as after `strait up`.
const DEFAULT_LISTEN: &str = "127.0.0.1:8470";

/// What a server is told.
#[derive(Debug)]
pub(crate) struct Config {
    /// The plane's store.
    pub(crate) database: Database,
    /// The domain of services' names.
    pub(crate) domain: String,
    /// The authorities that sign services' certificates.
    pub(crate) authority: Authority,
    /// The REST API.
    pub(crate) http: Http,
    /// The cloud.
    pub(crate) cloud: Cloud,
    /// What the log's lines are like.
    pub(crate) log: Format,
}

/// Certificates of authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// Where they are on this machine, absolute.
    pub(crate) path: PathBuf,
    /// One or more, PEM.
    pub(crate) pem: String,
}

/// The REST API.
#[derive(Debug)]
pub(crate) struct Http {
    /// Where it answers.
    pub(crate) listen: SocketAddr,
    /// The certificate that it shows; without one it speaks no TLS.
    pub(crate) tls: Option<Files>,
    /// The name that a proxy on this machine ends TLS for.
    pub(crate) behind_tls: Option<String>,
    /// The operator's key; without it nobody is admin.
    pub(crate) admin_key: Option<Secret>,
    /// Who may read the metrics.
    pub(crate) metrics: Readers,
}

/// The cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cloud {
    /// Which.
    pub(crate) kind: CloudKind,
    /// Regions where Peering VPCs and services may be, as they were given.
    pub(crate) regions: Vec<String>,
    /// Where AWS's APIs are, if not at AWS's own addresses.
    pub(crate) endpoint_url: Option<String>,
    /// The role that is taken on in each Region.
    pub(crate) assume_role_arn: Option<String>,
    /// The Route 53 zone of services' names.
    pub(crate) hosted_zone_id: Option<String>,
    /// DNS servers that are asked for the addresses of services; without any, the machine's own resolver.
    pub(crate) nameservers: Vec<SocketAddr>,
}

/// Which cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloudKind {
    /// Amazon Web Services.
    Aws,
}

impl Config {
    /// Reads the file, if there is one, and this process's variables.
    ///
    /// # Errors
    /// All that is wrong, each with its place and what to do.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Faults> {
        Self::read(file, std::env::vars_os())
    }

    fn read(
        file: Option<&Path>,
        variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Self, Faults> {
        let mut reader = Reader::new(Sources::read(file, variables));
        let database = reader.secret(&DATABASE_URL, database::parse);
        reader.required(&DATABASE_URL, &database);
        let domain = reader.text(&DOMAIN, check::domain);
        reader.required(&DOMAIN, &domain);
        let authority = reader.path(&CA_FILE, check::authority);
        reader.required(&CA_FILE, &authority);
        let tls = tls(&mut reader);
        let behind_tls = reader.text(&BEHIND_TLS, |text| check::behind_tls(text, tls.is_some()));
        let listen = reader.text(&LISTEN, |text| check::listen(text, tls.is_some()));
        let admin_key = reader.secret(&ADMIN_KEY, check::admin_key);
        let metrics = reader.text(&METRICS, check::readers);
        let kind = reader.text(&KIND, check::cloud_kind);
        reader.required(&KIND, &kind);
        let regions = reader.list(&REGIONS, check::regions);
        reader.required(&REGIONS, &regions);
        let endpoint_url = reader.text(&ENDPOINT_URL, check::endpoint_url);
        let assume_role_arn = reader.text(&ASSUME_ROLE_ARN, check::role);
        let hosted_zone_id = reader.text(&HOSTED_ZONE_ID, check::zone);
        let nameservers = reader.list(&NAMESERVERS, check::nameservers);
        let log = reader.text(&LOG_FORMAT, Format::named);
        let faults = reader.faults();
        let (Some(database), Some(domain), Some(authority), Some(kind), Some(regions)) =
            (database, domain, authority, kind, regions)
        else {
            return Err(faults);
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        let default = || DEFAULT_LISTEN.parse().expect("an address written here");
        Ok(Self {
            database,
            domain,
            authority,
            http: Http {
                listen: listen.unwrap_or_else(default),
                tls,
                behind_tls,
                admin_key,
                metrics: metrics.unwrap_or_default(),
            },
            cloud: Cloud {
                kind,
                regions,
                endpoint_url,
                assume_role_arn,
                hosted_zone_id,
                nameservers: nameservers.unwrap_or_default(),
            },
            log: log.unwrap_or_default(),
        })
    }

    /// What it comes to, for people; without secrets.
    pub(crate) fn summary(&self) -> String {
        let admin = match self.http.admin_key {
            Some(_) => "with an admin key",
            None => {
                "without an admin key: nobody makes further projects or users or sets quotas, and owners and admins of a project register services, and so have rules of security groups changed"
            }
        };
        let tls = match (&self.http.tls, &self.http.behind_tls) {
            (Some(_), _) => "with TLS".to_owned(),
            (None, Some(name)) => format!("behind a proxy that ends TLS for {name}"),
            (None, None) => "without TLS".to_owned(),
        };
        let cloud = &self.cloud;
        let mut lines = vec![
            format!("database  {}", self.database),
            format!("domain    {}", self.domain),
            format!("ca_file   {}", self.authority.path.display()),
            format!("http      {}, {tls}, {admin}", self.http.listen),
            format!(
                "cloud     {}: {}",
                cloud.kind.word(),
                cloud.regions.join(", ")
            ),
        ];
        for (name, value) in [
            ("endpoint_url", &cloud.endpoint_url),
            ("assume_role_arn", &cloud.assume_role_arn),
            ("hosted_zone_id", &cloud.hosted_zone_id),
        ] {
            lines.extend(
                value
                    .as_ref()
                    .map(|value| format!("          {name} {value}")),
            );
        }
        if !cloud.nameservers.is_empty() {
            let servers: Vec<String> = cloud.nameservers.iter().map(ToString::to_string).collect();
            lines.push(format!("          nameservers {}", servers.join(", ")));
        }
        lines.join("\n")
    }
}

/// The certificate and its key: both or neither.
fn tls(reader: &mut Reader) -> Option<Files> {
    // Of a file that cannot be read the reader tells.
    let certificate = reader.path(&CERTIFICATE_FILE, |path, _| Ok(path));
    let key = reader.path(&CERTIFICATE_KEY_FILE, |path, _| Ok(path));
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            let files = Files { certificate, key };
            reader.check(&CERTIFICATE_FILE, files.check().map(|()| files))
        }
        (Some(_), None) => {
            reader.required(&CERTIFICATE_KEY_FILE, &None::<PathBuf>);
            None
        }
        (None, Some(_)) => {
            reader.required(&CERTIFICATE_FILE, &None::<PathBuf>);
            None
        }
        (None, None) => None,
    }
}

impl CloudKind {
    fn word(self) -> &'static str {
        match self {
            Self::Aws => "aws",
        }
    }
}

#[cfg(test)]
mod tests;

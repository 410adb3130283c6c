//! What all tests share: an anchor with one network, in which each test has a host of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strait_kernel::{Kernel, Launch, LaunchUser, Process, Sandbox};
use strait_local::engine::{Engine, Installation};
use strait_plane::postgres::Made;
use strait_vpc::picture::{
    Acl, AclMatch, AclRule, Host, HostKind, Interface, Mac, Picture, PortBox, Router,
};
use tokio::runtime::Runtime;

/// The router that joins all hosts, and where its resolver is asked.
pub(crate) const ROUTER: &str = "vpc-test";
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Where clients are.
pub(crate) const APP: &str = "app";
pub(crate) const INTERNET: &str = "internet";
pub(crate) const PUBLIC: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// Hosts for services, one a test.
pub(crate) const HOSTS: [&str; 9] = [
    "pg-a", "pg-b", "pg-c", "pg-d", "pg-e", "pg-f", "pg-g", "pg-h", "pg-i",
];

pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const VERIFIER: &str = "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$yERwYmHlx0VrpoYfOn54hMTjBUKWnmK42IDjnWgQWkk=:RQZr9F8QCYmmp35tAVzp0VB/kDwY283N+s24jDDliG4=";
pub(crate) const OTHER_PASSWORD: &str = "battery staple";
pub(crate) const OTHER_VERIFIER: &str = "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$S1+kXz2FrJpwUoPzncBbfsBUr2vBFsNa6Oo3sM0xJhs=:yC7cXodte0SqNFyrc2rqFh+3YkoUBwhQVlTeNgxIcts=";

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) data: PathBuf,
    pub(crate) run_dir: PathBuf,
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) installation: Installation,
    pub(crate) engine: Engine,
    runtime: Arc<Runtime>,
}

impl World {
    pub(crate) fn new(data: &Path) -> Self {
        let run_dir = data.join("run");
        let kernel = Arc::new(Kernel::open(&run_dir).expect("a kernel"));
        kernel.apply(&picture()).expect("a network");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let installation = Installation::find().expect("PostgreSQL");
        let engine = runtime
            .block_on(Engine::open(kernel.clone(), data, installation.clone()))
            .expect("an engine");
        Self {
            data: data.to_owned(),
            run_dir,
            kernel,
            installation,
            engine,
            runtime: Arc::new(runtime),
        }
    }

    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// An engine as the next server would open it: it knows nothing but what is on disk.
    pub(crate) fn another_engine(&self) -> Engine {
        let opened = Engine::open(self.kernel.clone(), &self.data, self.installation.clone());
        self.wait(opened).expect("another engine")
    }

    /// Runs `psql` against the service in a host, as `verify-full` clients do.
    pub(crate) fn psql(&self, client: &Client<'_>, sql: &str) -> Output {
        let (process, log) = self.start_psql(client, sql);
        assert!(process.wait(PATIENCE).expect("a wait"), "psql never ends");
        let text = std::fs::read_to_string(log.path()).expect("its output");
        Output { text }
    }

    /// Starts it and leaves it running.
    pub(crate) fn start_psql(
        &self,
        client: &Client<'_>,
        sql: &str,
    ) -> (Process, tempfile::NamedTempFile) {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let connection = format!(
            "host={} hostaddr={} user={} dbname=tsdb sslmode={} sslrootcert=/run/ca.crt connect_timeout=10",
            client.name,
            if client.from == client.host {
                Ipv4Addr::LOCALHOST
            } else {
                address_of(client.host)
            },
            client.user,
            client.sslmode
        );
        let program = self.installation.program("psql");
        let argv = [
            &program.display().to_string(),
            "-XAtw",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
            &connection,
        ];
        let launch = Launch {
            argv: argv.map(str::to_owned).to_vec(),
            env: [("PGPASSWORD", client.password), ("HOME", "/tmp")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            cwd: PathBuf::from("/"),
            user: LaunchUser::Root,
            sandbox: Sandbox {
                hide: vec![self.data.clone()],
                binds: vec![(self.engine.authority_path(), PathBuf::from("/run/ca.crt"))],
                ..Sandbox::default()
            },
            log: Some(log.path().to_owned()),
        };
        let process = self
            .kernel
            .spawn(client.from, &launch)
            .expect("psql starts");
        (process, log)
    }
}

/// Who asks.
#[derive(Clone)]
pub(crate) struct Client<'a> {
    pub(crate) from: &'a str,
    pub(crate) host: &'a str,
    pub(crate) name: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) sslmode: &'a str,
}

impl<'a> Client<'a> {
    pub(crate) fn of(host: &'a str, name: &'a str) -> Self {
        Self {
            from: APP,
            host,
            name,
            user: "tsdbadmin",
            password: PASSWORD,
            sslmode: "verify-full",
        }
    }
}

/// What psql wrote.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) text: String,
}

impl Output {
    #[track_caller]
    pub(crate) fn is(&self, expected: &str) {
        assert_eq!(self.text.trim(), expected);
    }

    #[track_caller]
    pub(crate) fn has(&self, expected: &str) {
        assert!(
            self.text.contains(expected),
            "`{expected}` is not in: {}",
            self.text
        );
    }
}

pub(crate) fn made(name: &str) -> Made {
    Made {
        names: vec![name.to_owned()],
        addons: BTreeSet::new(),
        password_verifier: VERIFIER.to_owned(),
    }
}

pub(crate) fn address_of(host: &str) -> Ipv4Addr {
    let number = HOSTS.iter().position(|name| *name == host).expect("a host");
    address(u8::try_from(number).expect("few hosts"))
}

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, 10 + number)
}

fn picture() -> Picture {
    let mut hosts: BTreeMap<String, Host> = HOSTS
        .iter()
        .chain([&APP])
        .map(|name| ((*name).to_owned(), Host::default()))
        .collect();
    let internet = Host {
        kind: HostKind::Internet,
        addresses: [PUBLIC].into(),
        ..Host::default()
    };
    hosts.insert(INTERNET.to_owned(), internet);
    let interfaces = (HOSTS.iter().chain([&APP]).zip(0..))
        .map(|(host, number)| (format!("e{number}"), interface(host, number)))
        .collect();
    let range = "10.0.0.0/24".parse().expect("a range");
    let router = Router {
        addresses: [Ipv4Addr::new(10, 0, 0, 1)].into(),
        resolvers: [RESOLVER].into(),
        ranges: [range].into(),
        interfaces,
        tables: [(1000, BTreeMap::new())].into(),
        acls: [("acl-1".to_owned(), open_acl())].into(),
        ..Router::default()
    };
    Picture {
        routers: [(ROUTER.to_owned(), router)].into(),
        hosts,
        wires: BTreeMap::new(),
    }
}

fn interface(host: &str, number: u8) -> Interface {
    Interface {
        host: host.to_owned(),
        host_link: "eth0".to_owned(),
        address: address(number),
        host_mac: Mac([2, 0, 0, 0, 1, number]),
        router_mac: Mac([2, 0, 0, 0, 2, number]),
        subnet: "10.0.0.0/24".parse().expect("a subnet"),
        table: 1000,
        groups: [].into(),
        acl: "acl-1".to_owned(),
        source_check: true,
    }
}

fn open_acl() -> Acl {
    let all = PortBox {
        addresses: (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST),
        protocols: (0, 255),
        ports: (0, 65_535),
    };
    let rule = AclRule {
        allow: true,
        matches: AclMatch::Ports(all),
    };
    Acl {
        ingress: vec![rule],
        egress: vec![rule],
    }
}

//! Which addresses a service's name has: by this machine's own resolver, or by the DNS servers of the configuration.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;

use crate::error::Error;

/// How long one server may take for its answer.
const ANSWER: Duration = Duration::from_millis(1500);

/// Whom Strait asks for the addresses of services.
pub(crate) enum Names {
    /// The machine's own resolver, which `/etc/resolv.conf` and `/etc/hosts` tell.
    OfTheMachine,
    /// These DNS servers. Nothing is kept: a failover changes addresses before their time is over.
    Asked(Box<TokioResolver>),
}

impl Names {
    /// Asks these servers, one after another; without any, the machine's own resolver.
    pub(crate) fn by(nameservers: &[SocketAddr]) -> Result<Self, Error> {
        if nameservers.is_empty() {
            return Ok(Self::OfTheMachine);
        }
        let servers = nameservers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut one| {
                one.port = server.port();
                one
            });
            NameServerConfig::new(server.ip(), true, connections.to_vec())
        });
        let config = ResolverConfig::from_parts(None, vec![], servers.collect());
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.timeout = ANSWER;
        options.attempts = 1;
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv4Only;
        options.use_hosts_file = ResolveHosts::Never;
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        let resolver = builder.build().map_err(|error| {
            Error::NotYet(format!("the DNS servers cannot be asked here: {error}"))
        })?;
        Ok(Self::Asked(Box::new(resolver)))
    }

    /// The IPv4 addresses of a name, or of an address itself; what was wrong, for people.
    pub(crate) async fn addresses(&self, host: &str) -> Result<BTreeSet<Ipv4Addr>, String> {
        if let Ok(address) = host.parse() {
            return Ok(BTreeSet::from([address]));
        }
        match self {
            Self::OfTheMachine => {
                let found = tokio::net::lookup_host((host, 0)).await;
                let found = found.map_err(|error| error.to_string())?;
                Ok(found.filter_map(|found| ipv4(found.ip())).collect())
            }
            Self::Asked(resolver) => {
                // The dot: no other name is tried.
                let name = format!("{}.", host.trim_end_matches('.'));
                let found = resolver.lookup_ip(name).await;
                let found = found.map_err(|error| error.to_string())?;
                Ok(found.iter().filter_map(ipv4).collect())
            }
        }
    }
}

fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
    use hickory_resolver::proto::rr::rdata::{A, CNAME};
    use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
    use tokio::net::UdpSocket;
    use tokio::task::JoinHandle;

    use super::*;

    #[tokio::test]
    async fn a_changed_address_is_heard_of_at_once_through_an_alias() {
        let last = Arc::new(AtomicU8::new(1));
        let (server, task) = server(Arc::clone(&last)).await;
        let names = Names::by(&[server]).expect("servers");
        for address in [1, 2] {
            last.store(address, Ordering::Relaxed);
            let found = names.addresses("orders.example.com").await;
            assert_eq!(
                found,
                Ok(BTreeSet::from([Ipv4Addr::new(10, 0, 0, address)]))
            );
        }
        let missing = names.addresses("nobody.example.com").await;
        assert!(missing.is_err(), "{missing:?}");
        task.abort();
    }

    #[tokio::test]
    async fn a_server_that_is_silent_is_passed_over() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let (server, task) = server(Arc::new(AtomicU8::new(7))).await;
        let first = silent.local_addr().expect("an address");
        let names = Names::by(&[first, server]).expect("servers");
        let found = names.addresses("orders.example.com").await;
        assert_eq!(found, Ok(BTreeSet::from([Ipv4Addr::new(10, 0, 0, 7)])));
        task.abort();
    }

    #[tokio::test]
    async fn an_address_and_the_machines_own_names_need_no_server() {
        let names = Names::by(&[]).expect("the machine's");
        let localhost = names.addresses("localhost").await;
        assert_eq!(localhost, Ok(BTreeSet::from([Ipv4Addr::LOCALHOST])));
        let itself = names.addresses("10.1.2.3").await;
        assert_eq!(itself, Ok(BTreeSet::from([Ipv4Addr::new(10, 1, 2, 3)])));
    }

    /// Answers that `orders.example.com` is another name, whose address ends in this number and may be kept for an hour.
    async fn server(last: Arc<AtomicU8>) -> (SocketAddr, JoinHandle<()>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let address = socket.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                let mut message = Message::from_vec(&buffer[..length]).expect("a question");
                answer(&mut message, last.load(Ordering::Relaxed));
                let bytes = message.to_vec().expect("an answer");
                socket.send_to(&bytes, client).await.expect("sent");
            }
        });
        (address, task)
    }

    fn answer(message: &mut Message, last: u8) {
        let question = message.queries.first().cloned().expect("one question");
        message.metadata.message_type = MessageType::Response;
        let asked = question.name().clone();
        if asked.to_string() != "orders.example.com." || question.query_type() != RecordType::A {
            message.metadata.response_code = ResponseCode::NXDomain;
            return;
        }
        let real = Name::from_ascii("instance-1.example.com.").expect("a name");
        let alias = RData::CNAME(CNAME(real.clone()));
        message.add_answer(Record::from_rdata(asked, 3600, alias));
        message.add_answer(Record::from_rdata(
            real,
            3600,
            RData::A(A::new(10, 0, 0, last)),
        ));
    }
}

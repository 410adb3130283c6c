//! Which addresses a service's name has: by this machine's own resolver, or by the DNS servers of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::seen::lock;

/// How long one server may take for its answer.
const ANSWER: Duration = Duration::from_millis(1500);
/// Threads that ask the machine's own resolver. One goes on for half a minute and more where DNS is out, however long
/// somebody waits for it, and all of Strait has 512 threads for what blocks.
static ASKING: Semaphore = Semaphore::const_new(32);

type Found = Result<BTreeSet<Ipv4Addr>, String>;
type Answer = Shared<BoxFuture<'static, Found>>;
/// The names that are being asked for, with the answers to come.
type Questions = Mutex<BTreeMap<String, Answer>>;

/// Whom Strait asks for the addresses of services.
pub(crate) enum Names {
    /// The machine's own resolver, which `/etc/resolv.conf` and `/etc/hosts` tell.
    OfTheMachine(Arc<Questions>),
    /// These DNS servers. Nothing is kept: a failover changes addresses before their time is over.
    Asked(Box<TokioResolver>),
}

impl Names {
    /// Asks these servers, one after another; without any, the machine's own resolver.
    pub(crate) fn by(nameservers: &[SocketAddr]) -> Result<Self, Error> {
        if nameservers.is_empty() {
            return Ok(Self::OfTheMachine(Arc::default()));
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
    pub(crate) async fn addresses(&self, host: &str) -> Found {
        if let Ok(address) = host.parse() {
            return Ok(BTreeSet::from([address]));
        }
        match self {
            Self::OfTheMachine(questions) => {
                // No dot at its end: so /etc/hosts would not have it.
                let name = host.to_owned();
                let look_up = move || {
                    let found = (name, 0).to_socket_addrs()?;
                    Ok(found.filter_map(|found| ipv4(found.ip())).collect())
                };
                ask(questions, &ASKING, host, look_up).await
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

/// Asks for a name, unless it is being asked for: then that answer is for all who wait. So a name that nobody answers takes
/// one place, however often it is asked for.
fn ask(
    questions: &Arc<Questions>,
    places: &'static Semaphore,
    host: &str,
    look_up: impl FnOnce() -> io::Result<BTreeSet<Ipv4Addr>> + Send + 'static,
) -> Answer {
    let mut asked = lock(questions);
    if let Some(answer) = asked.get(host) {
        return answer.clone();
    }
    let (name, waiting) = (host.to_owned(), Arc::clone(questions));
    // A task of its own: it goes on when nobody waits any more.
    let task = tokio::spawn(async move {
        let found = in_thread(places, look_up).await;
        lock(&waiting).remove(&name);
        found.map_err(|error| error.to_string())
    });
    let ended = task.map(|ended| ended.unwrap_or_else(|error| Err(error.to_string())));
    let answer = ended.boxed().shared();
    asked.insert(host.to_owned(), answer.clone());
    answer
}

/// Does what blocks in a thread, once there is one to be had. It keeps its place until it ends, also when nobody waits any
/// more.
async fn in_thread<T: Send + 'static>(
    places: &'static Semaphore,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let place = places.acquire().await.map_err(io::Error::other)?;
    let work = move || {
        let _place = place;
        work()
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::sync::mpsc;

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

    #[tokio::test]
    async fn threads_that_nobody_waits_for_any_more_keep_their_places() {
        static PLACES: Semaphore = Semaphore::const_new(2);
        let (begun, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let ends = Arc::new(Mutex::new(ends));
        let stuck = || {
            let (begun, ends) = (begun.clone(), Arc::clone(&ends));
            in_thread(&PLACES, move || {
                begun.send(()).map_err(io::Error::other)?;
                // Until the test lets go of the other end.
                let ends = ends.lock().map_err(|_| io::Error::other("poisoned"))?;
                ends.recv().map_err(io::Error::other)
            })
        };
        for _name in 0..4 {
            let answer = tokio::time::timeout(Duration::from_millis(20), stuck());
            answer.await.expect_err("nobody answers");
        }
        assert_eq!(PLACES.available_permits(), 0);
        drop(end);
        let next = in_thread(&PLACES, || Ok("an answer")).await;
        assert_eq!(next.expect("there is a place again"), "an answer");
        assert_eq!(begins.try_iter().count(), 2, "the others had no place");
    }

    #[tokio::test]
    async fn a_name_that_nobody_answers_takes_one_place_and_its_answer_is_for_all_who_wait() {
        static PLACES: Semaphore = Semaphore::const_new(2);
        let questions = Arc::<Questions>::default();
        let (end, ends) = mpsc::channel();
        let ends = Arc::new(Mutex::new(ends));
        let silent = || {
            let ends = Arc::clone(&ends);
            // Until the test answers.
            ask(&questions, &PLACES, "silent.example.com", move || {
                lock(&ends).recv().map_err(io::Error::other)
            })
        };
        for _turn in 0..4 {
            let answer = tokio::time::timeout(Duration::from_millis(20), silent());
            answer.await.expect_err("nobody answers");
        }
        let [first, second] = [1, 2].map(|last| BTreeSet::from([Ipv4Addr::new(10, 0, 0, last)]));
        let known = first.clone();
        let healthy = ask(&questions, &PLACES, "orders.example.com", || Ok(known));
        let found = tokio::time::timeout(Duration::from_secs(10), healthy).await;
        assert_eq!(found.expect("it has a place"), Ok(first.clone()));

        let waiting = [silent(), silent()];
        end.send(first.clone()).expect("it is asked for");
        for answer in waiting {
            assert_eq!(answer.await, Ok(first.clone()));
        }
        end.send(second.clone())
            .expect("the test has the other end");
        assert_eq!(silent().await, Ok(second), "it is asked for anew");
        assert_eq!(PLACES.available_permits(), 2);
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

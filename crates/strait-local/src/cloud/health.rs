//! Health checks: each load balancer's node asks its targets from its own address, so that the targets' groups and
//! network ACLs decide. What was found is written into the network only when it differs, and outlives this server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use strait_kernel::Kernel;
use strait_vpc::state::{Health, HealthProtocol};
use strait_vpc::{Check, CheckKey, Ended, InterfaceId, status_codes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Local;

/// How many targets are asked at the same time.
const AT_ONCE: usize = 64;
/// Changes of the network that come within this time are looked at together.
const TOGETHER: Duration = Duration::from_millis(50);
/// How long to wait after a failure of Strait's own.
const PAUSE: Duration = Duration::from_secs(1);
/// Nothing to do: look again after this.
const LONG: Duration = Duration::from_secs(3600);

impl Local {
    /// Makes health checks for as long as it is polled. Without targets it sleeps.
    pub(super) async fn watch_health(&self) {
        let mut rounds = Rounds::default();
        let mut tasks = JoinSet::new();
        let (answered, mut answers) = mpsc::channel(AT_ONCE);
        let asker = Asker {
            kernel: Arc::clone(&self.inner.kernel),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            answered,
        };
        let mut changed = std::pin::pin!(self.inner.changed.notified());
        let mut stale = true;
        let mut drained = None;
        loop {
            if stale {
                changed.set(self.inner.changed.notified());
                changed.as_mut().enable();
                let network = self.network().await;
                rounds.follow(strait_vpc::health_checks(&network), Instant::now());
                drained = strait_vpc::next_drained(&network).map(instant_of);
                stale = false;
            }
            for (node, checks) in rounds.begin(Instant::now()) {
                tasks.spawn(asker.clone().ask_all(node, checks));
            }
            let next = [rounds.next_due(), drained].into_iter().flatten().min();
            tokio::select! {
                () = changed.as_mut() => {
                    sleep(TOGETHER).await;
                    stale = true;
                }
                Some(answer) = answers.recv() => {
                    let mut found = Vec::new();
                    found.extend(rounds.end(answer));
                    while let Ok(answer) = answers.try_recv() {
                        found.extend(rounds.end(answer));
                    }
                    self.record(&found).await;
                }
                Some(_) = tasks.join_next() => {}
                () = sleep_until(next.unwrap_or_else(|| Instant::now() + LONG)) => {
                    if drained.is_some_and(|drained| drained <= Instant::now()) {
                        drained = None;
                        if let Err(error) = self.tick().await {
                            tracing::error!(%error, "targets that have drained stay for now");
                        }
                    }
                }
            }
        }
    }

    /// Ends connections in nodes.
    pub(super) async fn end_connections(&self, ended: BTreeSet<Ended>) {
        if ended.is_empty() {
            return;
        }
        let kernel = Arc::clone(&self.inner.kernel);
        let cut = tokio::task::spawn_blocking(move || {
            for Ended { node, target } in ended {
                if let Err(error) = kernel.cut_target(node.as_str(), target) {
                    tracing::warn!(%node, %target, %error, "connections to a target go on");
                }
            }
        });
        if cut.await.is_err() {
            tracing::warn!("connections to targets go on: it was interrupted");
        }
    }

    async fn record(&self, found: &[(CheckKey, Health)]) {
        if found.is_empty() {
            return;
        }
        for (key, health) in found {
            tracing::info!(group = key.group, node = %key.node, target = key.target.id, port = key.target.port, ?health, "a target's health changed");
        }
        let found = found.to_vec();
        let recorded = self
            .change_to_its_end(move |network, _| {
                let before = network.clone();
                strait_vpc::record_health(network, &found);
                Ok(strait_vpc::ended(&before, network))
            })
            .await;
        match recorded {
            Ok(ended) => self.end_connections(ended).await,
            Err(error) => {
                // The next answers say the same again.
                tracing::error!(%error, "what health checks found could not be written down");
                sleep(PAUSE).await;
            }
        }
    }
}

/// All checks with their timing.
#[derive(Default)]
struct Rounds {
    all: BTreeMap<CheckKey, Round>,
}

/// A check, when it is made next, and how it went lately.
struct Round {
    check: Check,
    due: Instant,
    running: bool,
    /// How many answers in a row were like the last one.
    streak: u32,
    last: bool,
}

/// What came of a check; `None` when it could not be made, which says nothing about the target.
struct Answer {
    key: CheckKey,
    well: Option<bool>,
}

impl Rounds {
    /// Goes on with these checks. New ones are due at once.
    fn follow(&mut self, checks: Vec<Check>, now: Instant) {
        let mut before = std::mem::take(&mut self.all);
        for check in checks {
            let round = match before.remove(&check.key) {
                Some(round) => {
                    let soonest = now + Duration::from_secs(check.settings.interval.into());
                    Round {
                        due: round.due.min(soonest),
                        check,
                        ..round
                    }
                }
                None => Round {
                    check,
                    due: now,
                    running: false,
                    streak: 0,
                    last: false,
                },
            };
            self.all.insert(round.check.key.clone(), round);
        }
    }

    /// Starts what is due, by node.
    fn begin(&mut self, now: Instant) -> BTreeMap<InterfaceId, Vec<Check>> {
        let mut due: BTreeMap<InterfaceId, Vec<Check>> = BTreeMap::new();
        for round in self.all.values_mut() {
            if round.running || round.due > now {
                continue;
            }
            round.running = true;
            round.due = now + Duration::from_secs(round.check.settings.interval.into());
            let node = round.check.key.node.clone();
            due.entry(node).or_default().push(round.check.clone());
        }
        due
    }

    /// When the next check is due.
    fn next_due(&self) -> Option<Instant> {
        let waiting = self.all.values().filter(|round| !round.running);
        waiting.map(|round| round.due).min()
    }

    /// Takes an answer; says so when the target's health is another one now.
    fn end(&mut self, Answer { key, well }: Answer) -> Option<(CheckKey, Health)> {
        let round = self.all.get_mut(&key)?;
        round.running = false;
        let well = well?;
        round.streak = if round.last == well {
            round.streak.saturating_add(1)
        } else {
            1
        };
        round.last = well;
        let settings = &round.check.settings;
        let enough = match (round.check.known, well) {
            (None, true) => 1,
            (Some(Health::Unhealthy), true) => settings.healthy,
            (None | Some(Health::Healthy), false) => settings.unhealthy,
            (Some(Health::Healthy), true) | (Some(Health::Unhealthy), false) => return None,
        };
        let health = if well {
            Health::Healthy
        } else {
            Health::Unhealthy
        };
        (round.streak >= enough).then_some((key, health))
    }
}

/// Makes checks.
#[derive(Clone)]
struct Asker {
    kernel: Arc<Kernel>,
    slots: Arc<Semaphore>,
    answered: mpsc::Sender<Answer>,
}

impl Asker {
    /// Asks for a node: sockets are made inside its namespace and belong there, wherever they are used.
    async fn ask_all(self, node: InterfaceId, checks: Vec<Check>) {
        let (kernel, count) = (Arc::clone(&self.kernel), checks.len());
        let made = tokio::task::spawn_blocking(move || {
            kernel.inside(node.as_str(), move || {
                (0..count).map(|_| TcpSocket::new_v4()).collect::<Vec<_>>()
            })
        });
        let sockets = match made.await {
            Ok(Ok(sockets)) => sockets,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a node that checks health is not there");
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        let mut sockets = sockets.into_iter();
        let mut asked = JoinSet::new();
        for check in checks {
            let (socket, asker) = (sockets.next().and_then(Result::ok), self.clone());
            asked.spawn(async move {
                let well = match socket {
                    None => None,
                    Some(socket) => asker.ask(socket, &check).await,
                };
                let key = check.key;
                // Nobody listens when the server ends.
                let _ended = asker.answered.send(Answer { key, well }).await;
            });
        }
        while asked.join_next().await.is_some() {}
    }

    async fn ask(&self, socket: TcpSocket, check: &Check) -> Option<bool> {
        let _slot = self.slots.acquire().await.ok()?;
        let patience = Duration::from_secs(check.settings.timeout.into());
        let asked = match &check.settings.protocol {
            HealthProtocol::Tcp => timeout(patience, connects(socket, check.address)).await,
            HealthProtocol::Http { path, codes } => {
                timeout(patience, answers(socket, check.address, path, codes)).await
            }
        };
        Some(asked.unwrap_or(false))
    }
}

async fn connects(socket: TcpSocket, to: SocketAddrV4) -> bool {
    socket.connect(SocketAddr::V4(to)).await.is_ok()
}

/// Whether an HTTP server there answers with one of the codes.
async fn answers(socket: TcpSocket, to: SocketAddrV4, path: &str, codes: &str) -> bool {
    status(socket, to, path).await.is_some_and(|status| {
        let codes = status_codes(codes).unwrap_or_default();
        codes.iter().any(|range| range.contains(&status))
    })
}

async fn status(socket: TcpSocket, to: SocketAddrV4, path: &str) -> Option<u16> {
    let mut stream = socket.connect(SocketAddr::V4(to)).await.ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.ok()?;
    let line = std::str::from_utf8(&line).ok()?;
    line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

/// When that moment is on this clock.
fn instant_of(moment: Timestamp) -> Instant {
    let away = moment.duration_since(Timestamp::now());
    Instant::now() + Duration::try_from(away).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use strait_vpc::state::{HealthCheck, Target};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn thresholds_count_answers_in_a_row() {
        let mut rounds = Rounds::default();
        let now = Instant::now();
        rounds.follow(vec![check(None)], now);
        assert_eq!(say(&mut rounds, true), Some(Health::Healthy), "the first");
        rounds.follow(vec![check(Some(Health::Healthy))], now);
        let told = [false, true, false, false].map(|well| say(&mut rounds, well));
        assert_eq!(told, [None, None, None, Some(Health::Unhealthy)]);
        rounds.follow(vec![check(Some(Health::Unhealthy))], now);
        let told = [true, true, false, true, true, true].map(|well| say(&mut rounds, well));
        assert_eq!(told, [None, None, None, None, None, Some(Health::Healthy)]);
    }

    #[test]
    fn a_check_is_made_at_once_and_then_after_its_interval() {
        let mut rounds = Rounds::default();
        let now = Instant::now();
        rounds.follow(vec![check(None)], now);
        assert_eq!(rounds.begin(now).len(), 1);
        assert!(rounds.begin(now + LONG).is_empty(), "it is under way");
        say(&mut rounds, false);
        assert_eq!(rounds.next_due(), Some(now + Duration::from_secs(7)));
        assert!(rounds.begin(now + Duration::from_secs(6)).is_empty());
        assert_eq!(rounds.begin(now + Duration::from_secs(7)).len(), 1);
        let unmade = Answer {
            key: check(None).key,
            well: None,
        };
        assert!(rounds.end(unmade).is_none());
        let mut fewer = check(None);
        fewer.settings.interval = 5;
        rounds.follow(vec![fewer], now);
        assert_eq!(rounds.next_due(), Some(now + Duration::from_secs(5)));
        rounds.follow(Vec::new(), now);
        assert_eq!(rounds.next_due(), None);
    }

    #[tokio::test]
    async fn http_is_asked_for_its_status() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port");
        let SocketAddr::V4(to) = listener.local_addr().expect("bound") else {
            panic!("bound to IPv4")
        };
        let server = tokio::spawn(async move {
            for line in [
                "HTTP/1.1 204 No Content\r\n\r\n",
                "HTTP/1.0 404 Not Found\r\n\r\n",
                "no",
            ] {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut request = [0; 256];
                let length = stream.read(&mut request).await.expect("a request");
                assert!(request[..length].starts_with(b"GET /up HTTP/1.1\r\n"));
                stream.write_all(line.as_bytes()).await.expect("written");
            }
        });
        for wanted in [true, false, false] {
            let socket = TcpSocket::new_v4().expect("a socket");
            assert_eq!(answers(socket, to, "/up", "200-299").await, wanted);
        }
        server.await.expect("no panic");
        let socket = TcpSocket::new_v4().expect("a socket");
        assert!(!connects(socket, to).await, "nobody listens any more");
    }

    fn say(rounds: &mut Rounds, well: bool) -> Option<Health> {
        let answer = Answer {
            key: check(None).key,
            well: Some(well),
        };
        rounds.end(answer).map(|(_, health)| health)
    }

    fn check(known: Option<Health>) -> Check {
        Check {
            key: CheckKey {
                group: "arn".to_owned(),
                node: "eni-00000000".parse().expect("an id"),
                target: Target {
                    id: "10.0.0.1".to_owned(),
                    port: 80,
                },
            },
            address: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 80),
            settings: HealthCheck {
                interval: 7,
                healthy: 3,
                ..HealthCheck::default()
            },
            known,
        }
    }
}

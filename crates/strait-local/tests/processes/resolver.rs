//! The resolver's process, asked with real packets from a host of the network.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use libtest_mimic::Trial;
use strait_local::agent::{Agent, AgentKind, Found};
use strait_local::resolver::{Listener, ResolverAnswer, ResolverState};
use strait_vpc::names::{Names, NetworkNames};

use crate::trial;
use crate::upstream::{BIG, SILENT, Upstream};
use crate::world::{APP, RESOLVER, ROUTER, World};

/// How long a server that does not answer is waited for.
const SILENCE: Duration = Duration::from_secs(2);
const NAME: &str = "orders.demo.db.strait.internal";

pub(crate) fn trials(world: &World) -> Vec<Trial> {
    // One process listens at a place: one trial.
    vec![trial(
        "names_are_answered_by_udp_and_tcp_and_outlive_the_server_and_others_passed_on_where_there_is_a_way_out",
        world,
        |world| {
            answers(world);
            passes_on(world);
        },
    )]
}

fn answers(world: &World) {
    let agent = agent(world);
    let (first, second) = (Ipv4Addr::new(10, 0, 0, 10), Ipv4Addr::new(198, 51, 100, 10));
    let answer: ResolverAnswer = world.wait(agent.apply(&state(first))).expect("applied");
    assert_eq!(answer, ResolverAnswer::default());

    for ask in [udp, tcp] {
        let took = fastest_of_three(|| {
            assert_eq!(addresses(&ask(world, NAME, RecordType::A)), [first]);
            let missing = ask(world, "other.demo.db.strait.internal", RecordType::A);
            assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
            assert_eq!(missing.authorities.len(), 1, "the zone's SOA");
            let no_data = ask(world, NAME, RecordType::AAAA);
            assert_eq!(no_data.metadata.response_code, ResponseCode::NoError);
            assert!(no_data.answers.is_empty());
            let foreign = ask(world, "example.com", RecordType::A);
            assert_eq!(foreign.metadata.response_code, ResponseCode::ServFail);
        });
        assert!(took < SILENCE, "nobody else is asked: {took:?}");
    }

    let pid = world.wait(agent.pid()).expect("it runs");
    let next = Agent::new(AgentKind::Resolver, &world.run_dir, &program());
    assert_eq!(world.wait(next.ensure()).expect("found"), Found::Adopted);
    let _: ResolverAnswer = world.wait(next.apply(&state(second))).expect("applied");
    assert_eq!(addresses(&udp(world, NAME, RecordType::A)), [second]);
    assert_eq!(world.wait(next.pid()), Some(pid), "the same process");

    let mut elsewhere = state(second);
    let absent = Listener {
        namespace: ROUTER.to_owned(),
        address: Ipv4Addr::new(10, 9, 9, 9),
    };
    elsewhere.listeners.insert(absent.clone());
    let answer: ResolverAnswer = world.wait(next.apply(&elsewhere)).expect("applied");
    assert_eq!(answer.failed.len(), 1);
    assert_eq!(answer.failed[0].listener, absent);
    assert_eq!(addresses(&udp(world, NAME, RecordType::A)), [second]);

    let _: ResolverAnswer = world.wait(next.apply(&state(first))).expect("applied");
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .expect("kill runs");
    assert!(killed.success());
    let (asker, deadline) = (world.clone(), Instant::now() + Duration::from_secs(10));
    let answered = std::thread::spawn(move || {
        while Instant::now() < deadline {
            if let Ok(answer) = try_udp(&asker, NAME, RecordType::A) {
                return addresses(&answer);
            }
        }
        Vec::new()
    });
    let answered = world.wait(async {
        tokio::select! {
            () = next.watch() => Vec::new(),
            answered = tokio::task::spawn_blocking(|| answered.join()) => {
                answered.expect("not cancelled").expect("no panic")
            }
        }
    });
    assert_eq!(answered, [first], "it was started anew with the last state");
    assert_ne!(world.wait(next.pid()), Some(pid));

    let none = ResolverState {
        listeners: BTreeSet::new(),
        ..state(first)
    };
    let _: ResolverAnswer = world.wait(next.apply(&none)).expect("applied");
    let closed = world.kernel.inside(APP, || {
        TcpStream::connect_timeout(&place().into(), Duration::from_secs(1))
    });
    closed
        .expect("inside")
        .expect_err("nobody listens any more");
    world.wait(next.stop()).expect("it stops");
}

fn passes_on(world: &World) {
    let agent = agent(world);
    let upstream = Upstream::start();
    let conf = world.data.join("resolv.conf");
    std::fs::write(&conf, upstream.resolv_conf()).expect("written");
    let told = |internet, conf: &Path| {
        let own = NetworkNames {
            internet,
            ..NetworkNames::default()
        };
        let names = Names {
            networks: BTreeMap::from([(ROUTER.to_owned(), own)]),
            ..Names::default()
        };
        let state = ResolverState {
            names,
            resolv_conf: conf.to_owned(),
            ..state(Ipv4Addr::new(10, 0, 0, 10))
        };
        let answer: ResolverAnswer = world.wait(agent.apply(&state)).expect("applied");
        assert_eq!(answer, ResolverAnswer::default());
    };

    told(true, &conf);
    for ask in [udp, tcp] {
        let answer = ask(world, "example.org", RecordType::A);
        assert_eq!(addresses(&answer), [Upstream::ANSWER]);
        assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
    }
    assert_eq!(upstream.asked(), 2);
    assert_eq!(
        addresses(&udp(world, BIG, RecordType::A)),
        [Upstream::ANSWER],
        "asked again by TCP"
    );
    let missing = udp(world, "missing.example.org", RecordType::A);
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(missing.authorities.len(), 1, "the zone's SOA");
    let asked = upstream.asked();
    for own in [
        NAME,
        "other.strait.internal",
        "ip-10-0-0-9.ec2.internal",
        "9.0.0.10.in-addr.arpa",
    ] {
        udp(world, own, RecordType::A);
    }
    assert_eq!(upstream.asked(), asked, "what is private stays");

    let started = Instant::now();
    let silent = udp(world, SILENT, RecordType::A);
    assert_eq!(silent.metadata.response_code, ResponseCode::ServFail);
    assert!(started.elapsed() < 4 * SILENCE, "{:?}", started.elapsed());

    let asked = upstream.asked();
    told(false, &conf);
    fails_at_once(world, "example.org");
    assert_eq!(
        upstream.asked(),
        asked,
        "a network without a way out leaks nothing"
    );
    for none in ["/dev/null", "/nonexistent/resolv.conf"] {
        told(true, Path::new(none));
        fails_at_once(world, "example.org");
    }
    assert_eq!(upstream.asked(), asked);
    told(true, &conf);
    assert_eq!(
        addresses(&udp(world, "example.org", RecordType::A)),
        [Upstream::ANSWER]
    );
    world.wait(agent.stop()).expect("it stops");
}

fn fails_at_once(world: &World, name: &str) {
    let took = fastest_of_three(|| {
        for ask in [udp, tcp] {
            let answer = ask(world, name, RecordType::A);
            assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
        }
    });
    assert!(took < SILENCE, "{took:?}");
}

/// A stall of the machine strikes one of them.
fn fastest_of_three(deed: impl Fn()) -> Duration {
    let times = [(); 3].map(|()| {
        let start = Instant::now();
        deed();
        start.elapsed()
    });
    times.into_iter().min().unwrap_or_default()
}

fn agent(world: &World) -> Agent {
    Agent::new(AgentKind::Resolver, &world.run_dir, &program())
}

fn program() -> std::path::PathBuf {
    std::env::current_exe().expect("this program")
}

fn state(address: Ipv4Addr) -> ResolverState {
    ResolverState {
        domain: "strait.internal".to_owned(),
        listeners: BTreeSet::from([Listener {
            namespace: ROUTER.to_owned(),
            address: RESOLVER,
        }]),
        records: BTreeMap::from([(NAME.to_owned(), BTreeSet::from([address]))]),
        ..ResolverState::default()
    }
}

fn place() -> SocketAddrV4 {
    SocketAddrV4::new(RESOLVER, 53)
}

fn udp(world: &World, name: &str, kind: RecordType) -> Message {
    try_udp(world, name, kind).expect("an answer")
}

fn try_udp(world: &World, name: &str, kind: RecordType) -> std::io::Result<Message> {
    let question = question(name, kind);
    let answer = world.kernel.inside(APP, || -> std::io::Result<Vec<u8>> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(4)))?;
        socket.connect(place())?;
        socket.send(&question)?;
        let mut buffer = vec![0; 4096];
        let length = socket.recv(&mut buffer)?;
        buffer.truncate(length);
        Ok(buffer)
    });
    Ok(Message::from_vec(&answer.expect("inside")?).expect("a message"))
}

fn tcp(world: &World, name: &str, kind: RecordType) -> Message {
    let question = question(name, kind);
    let answer = world.kernel.inside(APP, || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&place().into(), Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let length = u16::try_from(question.len()).expect("a short question");
        stream.write_all(&[&length.to_be_bytes()[..], &question].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    });
    Message::from_vec(&answer.expect("inside").expect("an answer")).expect("a message")
}

fn question(name: &str, kind: RecordType) -> Vec<u8> {
    let mut name = Name::from_ascii(name).expect("a name");
    name.set_fqdn(true);
    let mut message = Message::new(rand::random(), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, kind));
    message.to_vec().expect("a message")
}

fn addresses(message: &Message) -> Vec<Ipv4Addr> {
    let addresses = message.answers.iter().filter_map(|record| {
        let RData::A(address) = &record.data else {
            return None;
        };
        Some(address.0)
    });
    addresses.collect()
}

//! The forwarder's process: from a port of this machine's loopback into the internet's namespace.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use libtest_mimic::Trial;
use strait_local::agent::{Agent, AgentKind, Found};
use strait_local::forwarder::{Assigned, Forwarded, ForwarderAnswer, ForwarderState};

use crate::trial;
use crate::world::{INTERNET, PUBLIC, World};

pub(crate) fn trials(world: &World) -> Vec<Trial> {
    vec![trial(
        "a_loopback_port_leads_into_the_internet_and_outlives_the_server",
        world,
        forwards,
    )]
}

fn forwards(world: &World) {
    let to = SocketAddrV4::new(PUBLIC, 5432);
    let listener = world
        .kernel
        .inside(INTERNET, || TcpListener::bind(to))
        .expect("inside")
        .expect("listens");
    std::thread::spawn(move || echo(&listener));

    let program = std::env::current_exe().expect("this program");
    let agent = Agent::new(AgentKind::Forwarder, &world.run_dir, &program);
    let answer: ForwarderAnswer = world.wait(agent.apply(&state(to, None))).expect("applied");
    let port = answer.services["orders"].port().expect("a port");
    let mut open = greeted(port);

    let mut half = greeted(port);
    half.write_all(b"to and fro").expect("sent");
    half.shutdown(std::net::Shutdown::Write)
        .expect("half closed");
    let mut all = String::new();
    half.read_to_string(&mut all)
        .expect("the other half is open");
    assert_eq!(all, "to and fro");

    // The next server: same process, same port, open flows untouched.
    let pid = world.wait(agent.pid());
    let next = Agent::new(AgentKind::Forwarder, &world.run_dir, &program);
    assert_eq!(world.wait(next.ensure()).expect("found"), Found::Adopted);
    let again: ForwarderAnswer = world
        .wait(next.apply(&state(to, Some(port))))
        .expect("applied");
    assert_eq!(again.services["orders"], Assigned::Port(port));
    assert_eq!(world.wait(next.pid()), pid);
    open.write_all(b"x").expect("sent");
    let mut byte = [0];
    open.read_exact(&mut byte).expect("it goes on");
    assert_eq!(&byte, b"x");

    let _: ForwarderAnswer = world
        .wait(next.apply(&ForwarderState::default()))
        .expect("applied");
    let error = open.read(&mut byte).expect_err("no more");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let refused = TcpStream::connect(("127.0.0.1", port)).expect_err("closed");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    world.wait(next.stop()).expect("it stops");
}

fn state(to: SocketAddrV4, port: Option<u16>) -> ForwarderState {
    let wanted = Forwarded {
        to,
        port,
        accept: true,
    };
    ForwarderState {
        services: BTreeMap::from([("orders".to_owned(), wanted)]),
    }
}

fn greeted(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a limit");
    let mut greeting = [0];
    stream.read_exact(&mut greeting).expect("greeted");
    assert_eq!(&greeting, b">");
    stream
}

fn echo(listener: &TcpListener) {
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            stream.write_all(b">").expect("greeted");
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
        });
    }
}

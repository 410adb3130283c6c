//! A DNS server on this machine, in the place of the machine's own: it counts what it is asked.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{Name, RData, Record};

/// A name that it does not answer.
pub(crate) const SILENT: &str = "silent.example.org";
/// A name whose answer is too long for UDP.
pub(crate) const BIG: &str = "big.example.org";

pub(crate) struct Upstream {
    address: SocketAddr,
    asked: Arc<AtomicU32>,
}

impl Upstream {
    pub(crate) const ANSWER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

    /// Serves until the tests end.
    pub(crate) fn start() -> Self {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let address = udp.local_addr().expect("its address");
        let tcp = TcpListener::bind(address).expect("the same port");
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                count.fetch_add(1, Ordering::SeqCst);
                if let Some(answer) = answer(&buffer[..length], true) {
                    udp.send_to(&answer, from).expect("sent");
                }
            }
        });
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let mut stream = stream.expect("a connection");
                let mut length = [0; 2];
                stream.read_exact(&mut length).expect("a length");
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).expect("a question");
                let answer = answer(&question, false).expect("an answer");
                let length = u16::try_from(answer.len()).expect("short").to_be_bytes();
                stream
                    .write_all(&[&length[..], &answer].concat())
                    .expect("sent");
            }
        });
        Self { address, asked }
    }

    /// A file that names it.
    pub(crate) fn resolv_conf(&self) -> String {
        format!(
            "# a comment\nsearch example.org\nnameserver {}\n",
            self.address
        )
    }

    /// How many packets and connections came.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(question: &[u8], short: bool) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(question).expect("a question");
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    let name = message.queries[0].name().clone();
    match name.to_string().trim_end_matches('.') {
        SILENT => return None,
        BIG if short => message.metadata.truncation = true,
        "missing.example.org" => {
            message.metadata.response_code = ResponseCode::NXDomain;
            let zone = Name::from_ascii("example.org.").expect("a name");
            let soa = SOA::new(zone.clone(), zone.clone(), 1, 1, 1, 1, 1);
            message.add_authority(Record::from_rdata(zone, 60, RData::SOA(soa)));
        }
        _ => {
            let data = RData::A(A(Upstream::ANSWER));
            message.add_answer(Record::from_rdata(name, 60, data));
        }
    }
    Some(message.to_vec().expect("a message"))
}

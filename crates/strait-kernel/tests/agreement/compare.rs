//! Asks the model and the kernel the same questions, and says where their answers differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use strait_kernel::Kernel;
use strait_vpc::picture::Picture;
use strait_vpc::state::{Holder, InstanceState, Traffic};
use strait_vpc::{Flow, Network, Protocol, Source, Verdict, reach};

use crate::dice::Dice;
use crate::draft::PORTS;
use crate::field::{self, Probe, Seen};

/// The ports that clients take for themselves, as the model has them.
const CLIENT_PORTS: (u16, u16) = (32768, 60999);
/// At most so many tries at once.
const AT_ONCE: usize = 3000;

/// Ports and echo identifiers that sources use, none twice in the life of a network: the kernel tracks connections by
/// them.
#[derive(Default)]
pub(crate) struct Ports {
    used: BTreeMap<(u16, u16), u16>,
    idents: u16,
}

/// A question to which the model and the kernel give different answers.
pub(crate) struct Disagreement {
    flow: Flow,
    verdict: Verdict,
    tries: usize,
    seen: Seen,
}

/// What was tried.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) questions: usize,
    pub(crate) passing: usize,
    /// Answers that came only at the second try, as on a busy machine.
    pub(crate) slow: usize,
}

/// Tries every pair of interfaces, and every source with the routers', the resolvers' and nobody's addresses.
pub(crate) fn compare(
    kernel: &Kernel,
    network: &Network,
    picture: &Picture,
    ports: &mut Ports,
    dice: &mut Dice,
) -> (Tally, Vec<Disagreement>) {
    let questions = questions(network, dice);
    let mut tally = Tally::default();
    let mut disagreements = Vec::new();
    let mut rest = questions.as_slice();
    let ranges = client_ranges(network);
    let sticky = network.target_groups.values().any(|group| {
        group
            .attributes
            .get("stickiness.enabled")
            .is_some_and(|value| value == "true")
    });
    while !rest.is_empty() {
        let (now, later) = rest.split_at(at_once(rest, ranges.len()));
        rest = later;
        let probes = probes(network, now, ports, &ranges);
        let mut seen = field::try_all(kernel, picture, &probes);
        tally.slow += try_again(kernel, picture, &probes, ports, &ranges, &mut seen);
        for ((question, probe), seen) in now.iter().zip(probes).zip(seen) {
            tally.questions += 1;
            tally.passing += usize::from(probe.expected);
            let passed = seen.passed.len() == probe.ports.len();
            // A source that stays at one of several targets passes when that one is reached; the model wants all.
            let stays = question.turns > 1 && sticky;
            let strayed = !probe.expected && seen.strayed;
            if strayed || probe.expected != passed && !(stays && passed) {
                let verdict = reach(network, &question.flow);
                if passed && !strayed && only_loops(&verdict) {
                    continue;
                }
                disagreements.push(Disagreement {
                    verdict,
                    flow: question.flow.clone(),
                    tries: probe.ports.len(),
                    seen,
                });
            }
        }
    }
    (tally, disagreements)
}

/// Whether nothing stops the packet but a balancer that forwards to itself: it goes around until it is another target's
/// turn, while the model counts on no target's turn.
fn only_loops(verdict: &Verdict) -> bool {
    let mut stops = verdict.steps.iter().filter(|step| !step.ok);
    stops.all(|step| step.what == "forwards in a loop")
}

/// A question, with the namespace and address of its source.
struct Question {
    flow: Flow,
    host: String,
    from: Ipv4Addr,
    turns: usize,
}

fn questions(network: &Network, dice: &mut Dice) -> Vec<Question> {
    let targets = targets(network);
    let nodes: BTreeSet<Ipv4Addr> = network
        .interfaces
        .values()
        .filter(|interface| {
            matches!(
                interface.holder,
                Holder::Endpoint(_) | Holder::LoadBalancer(_)
            )
        })
        .flat_map(|interface| [Some(interface.address), interface.public_ip])
        .flatten()
        .collect();
    let turns = turns(network);
    let mut questions = Vec::new();
    for (source, host, from, router) in sources(network) {
        let mut ask = |to, protocol, turns| {
            questions.push(Question {
                flow: Flow {
                    from: source.clone(),
                    to,
                    protocol,
                },
                host: host.clone(),
                from,
                turns,
            });
        };
        for to in &targets {
            let own = is_own(network, *to);
            let mut ports = BTreeSet::from([*dice.pick(&PORTS), *dice.pick(&PORTS)]);
            let turns = if nodes.contains(to) { turns } else { 1 };
            if nodes.contains(to) {
                ports.extend([80, 5432]);
            }
            if own {
                ports.insert(53);
            }
            for port in &ports {
                ask(*to, Protocol::Tcp(*port), turns);
            }
            let mut ports = BTreeSet::from([*dice.pick(&PORTS)]);
            if nodes.contains(to) {
                ports.extend([80, 5432]);
            }
            if own {
                ports.insert(53);
            }
            for port in ports {
                ask(*to, Protocol::Udp(port), turns);
            }
            ask(*to, Protocol::Echo, 1);
        }
        // The last word of each source: when it is answered, all before it has been on its way.
        if let Some(router) = router {
            ask(router, Protocol::Echo, 1);
        }
    }
    questions
}

/// How often a load balancer's address is tried from one range of ports: each target has its turn, even when targets
/// are load balancers that have targets.
fn turns(network: &Network) -> usize {
    let mut sizes: Vec<usize> = network
        .target_groups
        .values()
        .map(|group| group.targets.len())
        .collect();
    sizes.sort_unstable();
    sizes.iter().rev().take(2).product::<usize>().clamp(2, 16)
}

/// Every source: its namespace, its address, and its subnet's router.
fn sources(network: &Network) -> Vec<(Source, String, Ipv4Addr, Option<Ipv4Addr>)> {
    let mut sources = Vec::new();
    for interface in network.interfaces.values() {
        let Holder::Instance { id, .. } = &interface.holder else {
            continue;
        };
        let runs = network
            .instances
            .get(id)
            .is_some_and(|row| row.state == InstanceState::Running);
        if runs {
            let router = network
                .subnets
                .get(&interface.subnet)
                .and_then(strait_vpc::state::Subnet::router);
            let source = Source::Interface(interface.id.clone());
            sources.push((source, id.to_string(), interface.address, router));
        }
    }
    let client = Ipv4Addr::new(198, 51, 100, 1);
    sources.push((Source::Internet, "internet".to_owned(), client, None));
    sources
}

/// Every address that there is, some that there might be, and some that nobody has.
fn targets(network: &Network) -> BTreeSet<Ipv4Addr> {
    let mut targets = BTreeSet::from(
        [
            "169.254.169.253",
            "169.254.0.1",
            "169.254.64.1",
            "192.0.2.9",
            "198.51.100.53",
            "198.51.100.80",
            "203.0.113.99",
            "10.1.0.200",
        ]
        .map(|address| address.parse().expect("an address")),
    );
    for interface in network.interfaces.values() {
        targets.insert(interface.address);
        targets.extend(interface.public_ip);
    }
    for subnet in network.subnets.values() {
        targets.extend(subnet.router());
        targets.extend(subnet.resolver());
        targets.extend(subnet.cidr.map(|block| plus(block.network(), 5)));
    }
    for vpc in network.vpcs.values() {
        targets.insert(plus(vpc.primary().network(), 2));
    }
    targets
}

/// Whether an address is a router's or a resolver's.
fn is_own(network: &Network, address: Ipv4Addr) -> bool {
    address == Ipv4Addr::new(169, 254, 169, 253)
        || network
            .subnets
            .values()
            .any(|subnet| [subnet.resolver(), subnet.router()].contains(&Some(address)))
        || network
            .vpcs
            .values()
            .any(|vpc| plus(vpc.primary().network(), 2) == address)
}

fn plus(address: Ipv4Addr, more: u32) -> Ipv4Addr {
    (u32::from(address) + more).into()
}

/// How many questions fit into one go; a source's stay together.
fn at_once(questions: &[Question], ranges: usize) -> usize {
    let mut end = 0;
    let mut tries = 0;
    for same in questions.chunk_by(|one, other| one.from == other.from && one.host == other.host) {
        tries += same
            .iter()
            .map(|question| question.turns * ranges)
            .sum::<usize>();
        if end > 0 && tries > AT_ONCE {
            break;
        }
        end += same.len();
    }
    end
}

fn probes(
    network: &Network,
    questions: &[Question],
    ports: &mut Ports,
    ranges: &[(u16, u16)],
) -> Vec<Probe> {
    let mut probes = Vec::new();
    for same in questions.chunk_by(|one, other| one.from == other.from && one.host == other.host) {
        let of_datagrams = ports.some(ranges, 1);
        let ident = ports.ident();
        for question in same {
            let ports = match question.flow.protocol {
                Protocol::Udp(_) if question.turns == 1 => of_datagrams.clone(),
                Protocol::Tcp(_) | Protocol::Udp(_) => ports.some(ranges, question.turns),
                Protocol::Echo => vec![ident],
            };
            probes.push(Probe {
                host: question.host.clone(),
                from: question.from,
                to: question.flow.to,
                protocol: question.flow.protocol,
                ports,
                expected: reach(network, &question.flow).reached,
            });
        }
    }
    probes
}

/// Tries what was expected and did not pass once more, from other ports; a busy machine may lose a packet. Answers how
/// many passed now.
fn try_again(
    kernel: &Kernel,
    picture: &Picture,
    probes: &[Probe],
    ports: &mut Ports,
    ranges: &[(u16, u16)],
    seen: &mut [Seen],
) -> usize {
    let missed: Vec<usize> = (0..probes.len())
        .filter(|n| probes[*n].expected && seen[*n].passed.len() < probes[*n].ports.len())
        .collect();
    if missed.is_empty() {
        return 0;
    }
    let again: Vec<Probe> = missed
        .iter()
        .map(|n| {
            let probe = &probes[*n];
            let turns = probe.ports.len().div_ceil(ranges.len());
            let ports = match probe.protocol {
                Protocol::Tcp(_) | Protocol::Udp(_) => ports.some(ranges, turns),
                Protocol::Echo => vec![ports.ident()],
            };
            Probe {
                ports,
                ..probe.clone()
            }
        })
        .collect();
    let mut slow = 0;
    for ((n, probe), now) in missed
        .iter()
        .zip(&again)
        .zip(field::try_all(kernel, picture, &again))
    {
        slow += usize::from(now.passed.len() == probe.ports.len());
        seen[*n] = now;
    }
    slow
}

/// The clients' ports, cut where an ACL's entry begins or ends: a port of each part speaks for all of it.
fn client_ranges(network: &Network) -> Vec<(u16, u16)> {
    let (first, last) = CLIENT_PORTS;
    let mut starts = BTreeSet::from([first]);
    for entry in network.network_acls.values().flat_map(|acl| &acl.entries) {
        if let Traffic::Tcp(ports) | Traffic::Udp(ports) = entry.traffic {
            let cuts = [Some(ports.from), ports.to.checked_add(1)];
            starts.extend(
                cuts.into_iter()
                    .flatten()
                    .filter(|port| *port > first && *port <= last),
            );
        }
    }
    let starts: Vec<u16> = starts.into_iter().collect();
    let ends = starts[1..].iter().map(|start| start - 1).chain([last]);
    starts.iter().copied().zip(ends).collect()
}

impl Ports {
    /// A fresh echo identifier.
    fn ident(&mut self) -> u16 {
        self.idents = self.idents.wrapping_add(1);
        self.idents
    }

    /// So many fresh ports of each range.
    fn some(&mut self, ranges: &[(u16, u16)], of_each: usize) -> Vec<u16> {
        let mut some = Vec::new();
        for range in ranges {
            let used = self.used.entry(*range).or_default();
            for _ in 0..of_each {
                some.push(range.0 + *used % (range.1 - range.0 + 1));
                *used = used.wrapping_add(1);
            }
        }
        some
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flow { from, to, protocol } = &self.flow;
        let from = match from {
            Source::Interface(id) => id.to_string(),
            Source::Internet => "the internet".to_owned(),
        };
        let model = if self.verdict.reached {
            "reaches"
        } else {
            "does not reach"
        };
        writeln!(
            f,
            "  {from} to {to}, {protocol}: the model says that it {model}"
        )?;
        writeln!(
            f,
            "    the kernel let {} of {} tries pass {:?}",
            self.seen.passed.len(),
            self.tries,
            self.seen.errors
        )?;
        if self.seen.strayed {
            writeln!(f, "    a router's own socket got it")?;
        }
        for step in &self.verdict.steps {
            let mark = if step.ok { "ok  " } else { "STOP" };
            writeln!(f, "    {mark} {}: {}", step.place, step.what)?;
        }
        Ok(())
    }
}

impl Tally {
    /// Adds another one's numbers.
    pub(crate) fn add(&mut self, other: Self) {
        self.questions += other.questions;
        self.passing += other.passing;
        self.slow += other.slow;
    }
}

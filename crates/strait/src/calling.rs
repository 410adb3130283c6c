//! How clients on this machine call the two listeners: by a name of the certificate where it is for names alone, as long as
//! that name leads here. Keys go wherever it leads.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use tokio::net::lookup_host;
use tokio::time::{Instant, sleep, timeout_at};

/// After a start of the machine, DNS may come later than Strait.
const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(5),
    pause: Duration::from_secs(2),
    all: Duration::from_secs(10),
};

/// By which name they are called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Called {
    /// By none: the certificate is for the addresses.
    ByAddress,
    /// By this one.
    ByName(String),
    /// By the address, for which the certificate is not: what to do.
    Nohow(String),
}

/// How long it is waited for what names answer.
#[derive(Clone, Copy)]
struct Patience {
    /// For the answer of one.
    answer: Duration,
    /// Before those without an answer are asked again.
    pause: Duration,
    /// In all.
    all: Duration,
}

/// By which of these names of a certificate listeners at these addresses are called.
pub(crate) async fn how(names: &[String], listeners: &[IpAddr]) -> Result<Called> {
    let here: BTreeSet<IpAddr> = listeners.iter().copied().map(from_here).collect();
    if here.iter().all(|it| names.contains(&it.to_string())) {
        return Ok(Called::ByAddress);
    }
    let own = machine_addresses()?;
    let is_here = |found: &BTreeSet<IpAddr>| leads_here(found, listeners, &own);
    Ok(match first_here(names, PATIENCE, ask, is_here).await {
        Some(name) => Called::ByName(name),
        None => Called::Nohow(what_to_do(names, &here)),
    })
}

/// How a listener's address is called from this machine.
pub(crate) fn from_here(address: IpAddr) -> IpAddr {
    if address.is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        address
    }
}

/// The same with its port.
pub(crate) fn socket_from_here(address: SocketAddr) -> SocketAddr {
    SocketAddr::from((from_here(address.ip()), address.port()))
}

/// All addresses of this machine.
pub(crate) fn machine_addresses() -> Result<BTreeSet<IpAddr>> {
    let interfaces = getifaddrs().context("cannot list this machine's addresses")?;
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let four = address.as_sockaddr_in().map(|four| IpAddr::from(four.ip()));
        four.or_else(|| address.as_sockaddr_in6().map(|six| IpAddr::from(six.ip())))
    });
    Ok(addresses.collect())
}

/// The first of the names that leads here. All are asked at the same time, so that none waits for another's silent server.
async fn first_here<F>(
    names: &[String],
    patience: Patience,
    ask: impl Fn(String) -> F,
    is_here: impl Fn(&BTreeSet<IpAddr>) -> bool,
) -> Option<String>
where
    F: Future<Output = io::Result<BTreeSet<IpAddr>>> + Send + 'static,
{
    let end = Instant::now() + patience.all;
    let mut open: Vec<String> = (names.iter())
        .filter(|name| !name.starts_with('*'))
        .cloned()
        .collect();
    loop {
        let limit = end.min(Instant::now() + patience.answer);
        let asked: Vec<_> = (open.drain(..))
            .map(|name| (name.clone(), tokio::spawn(timeout_at(limit, ask(name)))))
            .collect();
        for (name, answer) in asked {
            let Ok(Ok(Ok(found))) = answer.await else {
                open.push(name);
                continue;
            };
            if is_here(&found) {
                return Some(name);
            }
        }
        if open.is_empty() || Instant::now() + patience.pause >= end {
            return None;
        }
        sleep(patience.pause).await;
    }
}

async fn ask(name: String) -> io::Result<BTreeSet<IpAddr>> {
    let found = lookup_host((name, 0)).await?;
    Ok(found.map(|found| found.ip()).collect())
}

/// Whether a name with these addresses leads to all listeners, and to no other machine.
fn leads_here(found: &BTreeSet<IpAddr>, listeners: &[IpAddr], own: &BTreeSet<IpAddr>) -> bool {
    let is_own = |address: &IpAddr| address.is_loopback() || own.contains(address);
    let reaches = |listener: &IpAddr| {
        found.iter().any(|address| {
            // `[::]` takes IPv4 too.
            let takes = listener.is_ipv6() || address.is_ipv4();
            address == listener || (listener.is_unspecified() && takes)
        })
    };
    !found.is_empty() && found.iter().all(is_own) && listeners.iter().all(reaches)
}

fn what_to_do(names: &[String], here: &BTreeSet<IpAddr>) -> String {
    let addresses: Vec<String> = here.iter().map(IpAddr::to_string).collect();
    let addresses = addresses.join(" and ");
    let is_host = |name: &&String| !name.starts_with('*') && name.parse::<IpAddr>().is_err();
    let host = names.iter().find(is_host).map_or("NAME", String::as_str);
    let names = match names {
        [] => "no name".to_owned(),
        names => names.join(", "),
    };
    format!(
        "the certificate is for {names}, and none of that leads to {addresses} and nowhere else, so that clients on this machine call {addresses} and do not trust it. \
         Give a certificate for {addresses}, or let a name of it lead there on this machine (in /etc/hosts: `{first} {host}`), and start Strait again",
        first = here.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into()),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Barrier;

    use super::*;

    const BRIEF: Patience = Patience {
        answer: Duration::from_millis(20),
        pause: Duration::from_millis(1),
        all: Duration::from_millis(50),
    };

    #[tokio::test]
    async fn a_certificate_for_the_addresses_needs_no_name() {
        for (listeners, names) in [
            (["127.0.0.1", "127.0.0.1"], &["localhost", "127.0.0.1"][..]),
            (["0.0.0.0", "127.0.0.1"], &["127.0.0.1"]),
            (["10.1.2.3", "10.1.2.4"], &["10.1.2.3", "10.1.2.4"]),
        ] {
            assert_eq!(by(names, &listeners).await, Called::ByAddress);
        }
    }

    #[tokio::test]
    async fn the_first_name_that_leads_here_is_taken() {
        let names = ["*.example.com", "192.0.2.1", "localhost", "127.0.0.1"];
        let called = by(&names, &["127.0.0.1", "127.0.0.2"]).await;
        let Called::Nohow(told) = called else {
            panic!("none leads to both: {called:?}");
        };
        assert!(told.contains("`127.0.0.1 localhost`"), "{told}");
        let localhost = Called::ByName("localhost".to_owned());
        assert_eq!(by(&names[..3], &["127.0.0.1"]).await, localhost);
        assert_eq!(by(&names[..3], &["0.0.0.0"]).await, localhost);
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_is_not_taken() {
        for names in [&["*.example.com", "192.0.2.1"][..], &["*.example.com"], &[]] {
            let called = by(names, &["127.0.0.1"]).await;
            assert!(matches!(called, Called::Nohow(_)), "{names:?}: {called:?}");
        }
    }

    #[tokio::test]
    async fn names_are_asked_at_the_same_time_and_the_first_that_leads_here_is_taken() {
        let both_asked = Arc::new(Barrier::new(2));
        let ask = |_| {
            let both_asked = Arc::clone(&both_asked);
            async move {
                both_asked.wait().await;
                io::Result::Ok(addresses(&["127.0.0.1"]))
            }
        };
        let given = names(&["*.test", "a.test", "b.test"]);
        let found = first_here(&given, PATIENCE, ask, is_here).await;
        assert_eq!(found.as_deref(), Some("a.test"));
    }

    #[tokio::test]
    async fn a_name_whose_server_is_silent_holds_up_no_other() {
        async fn ask(name: String) -> io::Result<BTreeSet<IpAddr>> {
            if name == "silent.test" {
                std::future::pending::<()>().await;
            }
            Ok(addresses(&["127.0.0.1"]))
        }
        for (given, taken) in [
            (&["silent.test", "b.test"][..], Some("b.test")),
            (&["silent.test"], None),
        ] {
            let found = first_here(&names(given), BRIEF, ask, is_here).await;
            assert_eq!(found.as_deref(), taken);
        }
    }

    #[tokio::test]
    async fn a_name_without_an_answer_is_asked_again_and_one_that_leads_elsewhere_is_not() {
        let late = Arc::new(AtomicUsize::new(0));
        let elsewhere = Arc::new(AtomicUsize::new(0));
        let ask = |name: String| {
            let (late, elsewhere) = (Arc::clone(&late), Arc::clone(&elsewhere));
            async move {
                if name == "elsewhere.test" {
                    elsewhere.fetch_add(1, Ordering::Relaxed);
                    return Ok(addresses(&["192.0.2.1"]));
                }
                match late.fetch_add(1, Ordering::Relaxed) {
                    0 | 1 => Err(io::Error::other("Temporary failure in name resolution")),
                    _ => Ok(addresses(&["127.0.0.1"])),
                }
            }
        };
        let patience = Patience {
            pause: Duration::from_millis(1),
            ..PATIENCE
        };
        let given = names(&["elsewhere.test", "late.test"]);
        let found = first_here(&given, patience, ask, is_here).await;
        assert_eq!(found.as_deref(), Some("late.test"));
        assert_eq!(late.load(Ordering::Relaxed), 3);
        assert_eq!(elsewhere.load(Ordering::Relaxed), 1);
        let found = first_here(&given[..1], PATIENCE, ask, is_here).await;
        assert_eq!(found, None);
        assert_eq!(elsewhere.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn it_leads_here_if_it_leads_to_every_listener_and_to_no_other_machine() {
        let own = addresses(&["127.0.0.1", "::1", "10.1.2.3"]);
        for (found, listeners, leads) in [
            (&["127.0.0.1", "::1"][..], &["127.0.0.1"][..], true),
            (&["10.1.2.3"], &["127.0.0.1"], false),
            (&["10.1.2.3"], &["0.0.0.0", "10.1.2.3"], true),
            (&["10.1.2.3"], &["0.0.0.0", "127.0.0.1"], false),
            (&["127.0.1.1"], &["0.0.0.0"], true),
            (&["10.1.2.4"], &["0.0.0.0"], false),
            (&["::1"], &["0.0.0.0"], false),
            (&["127.0.0.1", "::1"], &["0.0.0.0"], true),
            (&["::1"], &["::"], true),
            (&["127.0.0.1"], &["::"], true),
            (&["127.0.0.1", "192.0.2.1"], &["127.0.0.1"], false),
            (&[], &["127.0.0.1"], false),
        ] {
            let at: Vec<IpAddr> = listeners.iter().map(|text| address(text)).collect();
            let is_here = leads_here(&addresses(found), &at, &own);
            assert_eq!(is_here, leads, "{found:?}, {listeners:?}");
        }
    }

    async fn by(given: &[&str], listeners: &[&str]) -> Called {
        let listeners: Vec<IpAddr> = listeners.iter().map(|text| address(text)).collect();
        how(&names(given), &listeners)
            .await
            .expect("it is looked at")
    }

    fn is_here(found: &BTreeSet<IpAddr>) -> bool {
        *found == addresses(&["127.0.0.1"])
    }

    fn names(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn addresses(texts: &[&str]) -> BTreeSet<IpAddr> {
        texts.iter().map(|text| address(text)).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }
}

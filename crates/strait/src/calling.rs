//! How clients on this machine call the two listeners: by a name of the certificate where it is for names alone, as long as
//! that name leads here. Keys go wherever it leads.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// How long it is waited for what the names answer.
const ANSWER: Duration = Duration::from_secs(5);

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

/// By which of these names of a certificate listeners at these addresses are called.
pub(crate) async fn how(names: &[String], listeners: &[IpAddr]) -> Result<Called> {
    let here: BTreeSet<IpAddr> = listeners.iter().copied().map(from_here).collect();
    if here.iter().all(|it| names.contains(&it.to_string())) {
        return Ok(Called::ByAddress);
    }
    let own = machine_addresses()?;
    let look = async {
        for name in names.iter().filter(|name| !name.starts_with('*')) {
            let Ok(found) = lookup_host((name.as_str(), 0)).await else {
                continue;
            };
            let found: BTreeSet<IpAddr> = found.map(|found| found.ip()).collect();
            if leads_here(&found, listeners, &own) {
                return Some(name.clone());
            }
        }
        None
    };
    Ok(match timeout(ANSWER, look).await {
        Ok(Some(name)) => Called::ByName(name),
        Ok(None) | Err(_) => Called::Nohow(what_to_do(names, &here)),
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

/// Whether a name with these addresses leads to all listeners, and to no other machine.
fn leads_here(found: &BTreeSet<IpAddr>, listeners: &[IpAddr], own: &BTreeSet<IpAddr>) -> bool {
    let is_own = |address: &IpAddr| address.is_loopback() || own.contains(address);
    let reaches = |listener: &IpAddr| {
        found
            .iter()
            .any(|address| listener.is_unspecified() || address == listener)
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
    use super::*;

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
            (&["127.0.0.1", "192.0.2.1"], &["127.0.0.1"], false),
            (&[], &["127.0.0.1"], false),
        ] {
            let at: Vec<IpAddr> = listeners.iter().map(|text| address(text)).collect();
            let is_here = leads_here(&addresses(found), &at, &own);
            assert_eq!(is_here, leads, "{found:?}, {listeners:?}");
        }
    }

    async fn by(names: &[&str], listeners: &[&str]) -> Called {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let listeners: Vec<IpAddr> = listeners.iter().map(|text| address(text)).collect();
        how(&names, &listeners).await.expect("it is looked at")
    }

    fn addresses(texts: &[&str]) -> BTreeSet<IpAddr> {
        texts.iter().map(|text| address(text)).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }
}

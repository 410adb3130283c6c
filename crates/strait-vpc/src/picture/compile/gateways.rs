//! Compiles internet gateways: a host for each that has something to translate, between its router and the internet.
//!
//! The translation happens in a namespace of the gateway's own. In the router it cannot: after it the filters would see
//! the public address where AWS's see the private one, and a peering's packets would find another route. In the
//! internet it cannot either: VPCs' ranges overlap there, and its root is whoever runs commands in it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{INTERNET, mac, plug};
use crate::id::*;
use crate::picture::{Host, HostKind, Mac, Picture, Uplink, Wire, WireEnd};
use crate::reach::lookup;
use crate::state::{InternetGateway, Network};

/// Adds the hosts of gateways, and their wires to the internet.
pub(super) fn add(network: &Network, picture: &mut Picture) {
    for gateway in network.internet_gateways.values() {
        let Some(vpc) = &gateway.vpc else {
            continue;
        };
        let translations = translations(network, vpc);
        if translations.is_empty() {
            continue;
        }
        let name = link(gateway);
        picture
            .wires
            .insert(name.clone(), wire(&name, gateway, &translations));
        let host = Host {
            kind: HostKind::Gateway,
            translations,
            ..Host::default()
        };
        picture.hosts.insert(gateway.id.to_string(), host);
    }
}

/// The way of a VPC's router to its gateway, if that has something to translate.
pub(super) fn uplink(network: &Network, vpc: &VpcId) -> Option<Uplink> {
    let gateway = lookup::internet_gateway(network, vpc)?;
    if translations(network, vpc).is_empty() {
        return None;
    }
    Some(Uplink {
        host: gateway.id.to_string(),
        mac: gateway_mac(0x02, 2, gateway),
        remote_mac: gateway_mac(0x06, 2, gateway),
        sources: lookup::internet().into_iter().collect(),
    })
}

/// The public address of each private one that something holds.
fn translations(network: &Network, vpc: &VpcId) -> BTreeMap<Ipv4Addr, Ipv4Addr> {
    let public = network
        .interfaces
        .values()
        .filter(|own| own.vpc == *vpc)
        .filter_map(|own| Some((own, own.public_ip?)));
    public
        .filter(|(own, _)| plug(network, own).is_some())
        .map(|(own, address)| (own.address, address))
        .collect()
}

fn wire(name: &str, gateway: &InternetGateway, of: &BTreeMap<Ipv4Addr, Ipv4Addr>) -> Wire {
    Wire {
        a: WireEnd {
            host: INTERNET.to_owned(),
            link: name.to_owned(),
            address: Some(lookup::INTERNET_CLIENT),
            mac: gateway_mac(0x02, 3, gateway),
            routes: of.values().copied().map(Ipv4Net::from).collect(),
        },
        b: WireEnd {
            host: gateway.id.to_string(),
            link: INTERNET.to_owned(),
            address: None,
            mac: gateway_mac(0x06, 3, gateway),
            routes: BTreeSet::from([Ipv4Net::default()]),
        },
    }
}

/// The name of a gateway's link in the internet: 14 of the 15 characters that there may be.
fn link(gateway: &InternetGateway) -> String {
    let digits = gateway.id.as_str();
    format!("g{}", &digits[digits.len().saturating_sub(13)..])
}

fn gateway_mac(end: u8, kind: u8, gateway: &InternetGateway) -> Mac {
    let digits = gateway.id.as_str();
    let last = &digits[digits.len().saturating_sub(8)..];
    mac(end, kind, u32::from_str_radix(last, 16).unwrap_or_default())
}

//! An internet gateway's rules: one public address a private one, both ways, and nothing else.

use std::collections::BTreeSet;

use strait_vpc::picture::{DOWNLINK, Host};

use crate::ruleset::text::{Text, quoted};

/// The whole text for a gateway.
///
/// Connections are tracked rather than addresses rewritten packet by packet, because ICMP errors name addresses in
/// what they quote, and tracking translates those too. A mapping that ends takes its connections with it (`settle`).
pub(super) fn gateway(host: &Host) -> String {
    let mut text = Text::new();
    let pairs = || host.translations.iter();
    let to_public = pairs()
        .map(|(private, public)| format!("{private} : {public}"))
        .collect();
    let to_private = pairs()
        .map(|(private, public)| format!("{public} : {private}"))
        .collect();
    let private: BTreeSet<String> = pairs().map(|(private, _)| private.to_string()).collect();
    text.whole_set("map to_public", "type ipv4_addr : ipv4_addr;", &to_public);
    text.whole_set("map to_private", "type ipv4_addr : ipv4_addr;", &to_private);
    text.whole_set("set private", "type ipv4_addr;", &private);
    let inside = quoted(DOWNLINK);
    text.chain(
        "prerouting",
        &[
            "type nat hook prerouting priority dstnat; policy accept;".to_owned(),
            format!("iifname != {inside} dnat to ip daddr map @to_private"),
        ],
    );
    text.chain(
        "postrouting",
        &[
            "type nat hook postrouting priority srcnat; policy accept;".to_owned(),
            format!("oifname != {inside} snat to ip saddr map @to_public"),
        ],
    );
    text.chain(
        "forward",
        &[
            "type filter hook forward priority filter; policy drop;".to_owned(),
            "ct state invalid drop".to_owned(),
            "ct state established,related accept".to_owned(),
            format!("iifname {inside} oifname != {inside} ip saddr @private accept"),
            format!("oifname {inside} iifname != {inside} ct status dnat accept"),
        ],
    );
    text.chain(
        "input",
        &["type filter hook input priority filter; policy drop;".to_owned()],
    );
    text.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn each_private_address_has_its_public_one_both_ways() {
        let host = Host {
            translations: BTreeMap::from([(
                Ipv4Addr::new(10, 0, 0, 4),
                Ipv4Addr::new(203, 0, 113, 1),
            )]),
            ..Host::default()
        };
        let text = gateway(&host);
        for line in [
            "elements = { 10.0.0.4 : 203.0.113.1 }",
            "elements = { 203.0.113.1 : 10.0.0.4 }",
            "elements = { 10.0.0.4 }",
            "forward priority filter; policy drop;",
            "input priority filter; policy drop;",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}

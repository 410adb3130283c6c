//! What is drawn from: few values that meet one another often, and the edges of what rules say.

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use crate::dice::Dice;

/// Ranges of VPCs. Some overlap, some are equal, some lie inside others.
const BLOCKS: [&str; 9] = [
    "10.0.0.0/16",
    "10.0.0.0/20",
    "10.1.0.0/16",
    "10.1.0.0/24",
    "10.2.0.0/24",
    "10.3.0.0/26",
    "172.16.0.0/20",
    "192.168.0.0/24",
    "100.64.0.0/24",
];

/// Ranges that have everybody, or half of everybody, in them.
const WIDE: [&str; 4] = ["0.0.0.0/0", "10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"];

/// Traffic as both groups and ACLs are told of it: the protocol, the first and the last port, or type and code.
const TRAFFIC: [(&str, i32, i32); 20] = [
    ("-1", -1, -1),
    ("-1", -1, -1),
    ("tcp", 0, 65535),
    ("tcp", 80, 80),
    ("tcp", 5432, 5432),
    ("tcp", 53, 53),
    ("tcp", 79, 80),
    ("tcp", 80, 81),
    ("tcp", 81, 5431),
    ("tcp", 1024, 65535),
    ("udp", 0, 65535),
    ("udp", 53, 53),
    ("udp", 80, 80),
    ("udp", 80, 5432),
    ("udp", 1024, 65535),
    ("icmp", -1, -1),
    ("icmp", 8, -1),
    ("icmp", 8, 0),
    ("icmp", 0, 0),
    ("47", -1, -1),
];

/// Ranges of ports that answers come to: an ACL may let a part of them pass.
const ANSWERS: [(&str, i32, i32); 5] = [
    ("tcp", 32768, 60999),
    ("tcp", 40000, 50000),
    ("udp", 32768, 60999),
    ("udp", 40000, 65535),
    ("icmp", 0, -1),
];

pub(super) fn block(dice: &mut Dice) -> Ipv4Net {
    parse(dice.pick::<&str>(&BLOCKS))
}

/// One of these ranges, or a wide one, or half of one of these.
pub(super) fn cidr(dice: &mut Dice, near: &[Ipv4Net]) -> Ipv4Net {
    let Some(chosen) = dice.any(near).copied().filter(|_| dice.chance(75)) else {
        return parse(dice.pick::<&str>(&WIDE));
    };
    if dice.chance(25)
        && let Ok(mut halves) = chosen.subnets((chosen.prefix_len() + 1).min(32))
    {
        return halves.next().unwrap_or(chosen);
    }
    chosen
}

/// What a group's rule allows, without from or to whom.
pub(super) fn permission(dice: &mut Dice) -> Value {
    let (protocol, from, to) = *dice.pick(&TRAFFIC);
    match protocol {
        "-1" | "47" => json!({ "IpProtocol": protocol }),
        _ => json!({ "IpProtocol": protocol, "FromPort": from, "ToPort": to }),
    }
}

/// An entry of an ACL, without the ACL, its direction and the range.
pub(super) fn entry(dice: &mut Dice) -> Value {
    let (protocol, from, to) = match dice.below(5) {
        0 => *dice.pick(&ANSWERS),
        1 => ("-1", -1, -1),
        _ => *dice.pick(&TRAFFIC),
    };
    let number = *dice.pick(&[1, 50, 90, 100, 110, 199, 201, 32766]);
    let action = if dice.chance(60) { "allow" } else { "deny" };
    let mut entry = json!({ "RuleNumber": number, "RuleAction": action });
    entry["Protocol"] = json!(match protocol {
        "tcp" => "6",
        "udp" => "17",
        "icmp" => "1",
        other => other,
    });
    match protocol {
        "tcp" | "udp" => entry["PortRange"] = json!({ "From": from, "To": to }),
        "icmp" => entry["Icmp"] = json!({ "Type": from, "Code": to }),
        _ => {}
    }
    entry
}

fn parse(range: &str) -> Ipv4Net {
    range.parse().expect("a range")
}

//! Protocols and ports as calls write them.

use crate::error::AwsError;
use crate::state::{PortRange, Traffic};

/// A protocol with its ports (or ICMP type and code), read into canonical form. Ports of `-1` are ignored, whatever they say.
pub(super) fn read(
    protocol: &str,
    from: Option<i32>,
    to: Option<i32>,
) -> Result<Traffic, AwsError> {
    match protocol.to_ascii_lowercase().as_str() {
        "-1" | "all" => Ok(Traffic::All),
        "tcp" | "6" => ports(from, to).map(Traffic::Tcp),
        "udp" | "17" => ports(from, to).map(Traffic::Udp),
        "icmp" | "1" => icmp(from, to).map(|(kind, code)| Traffic::Icmp(kind, code)),
        "icmpv6" | "58" => icmp(from, to).map(|(kind, code)| Traffic::Icmp6(kind, code)),
        other => other.parse().map(Traffic::Protocol).map_err(|_| {
            let message = format!(
                "Invalid value '{protocol}' for IP protocol. Unknown protocol: use tcp, udp, icmp, a number from 0 to 255, or -1 for all."
            );
            AwsError::new("InvalidParameterValue", message)
        }),
    }
}

/// The protocol as groups show it, and its first and last port (or ICMP type and code), -1 for all.
pub(super) fn show(traffic: Traffic) -> (String, i32, i32) {
    match traffic {
        Traffic::All => ("-1".to_owned(), -1, -1),
        Traffic::Tcp(ports) => ("tcp".to_owned(), i32::from(ports.from), i32::from(ports.to)),
        Traffic::Udp(ports) => ("udp".to_owned(), i32::from(ports.from), i32::from(ports.to)),
        Traffic::Icmp(kind, code) => (
            "icmp".to_owned(),
            kind.map_or(-1, i32::from),
            code.map_or(-1, i32::from),
        ),
        Traffic::Icmp6(kind, code) => (
            "icmpv6".to_owned(),
            kind.map_or(-1, i32::from),
            code.map_or(-1, i32::from),
        ),
        Traffic::Protocol(number) => (number.to_string(), -1, -1),
    }
}

/// The ports (or ICMP type and code) where the protocol has them.
pub(super) fn range(traffic: Traffic) -> Option<(i32, i32)> {
    let (_, from, to) = show(traffic);
    match traffic {
        Traffic::All | Traffic::Protocol(_) => None,
        Traffic::Tcp(_) | Traffic::Udp(_) | Traffic::Icmp(..) | Traffic::Icmp6(..) => {
            Some((from, to))
        }
    }
}

fn ports(from: Option<i32>, to: Option<i32>) -> Result<PortRange, AwsError> {
    let (Some(from), Some(to)) = (from, to) else {
        let message =
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
        return Err(AwsError::new("InvalidParameterValue", message));
    };
    let port = |port: i32| {
        u16::try_from(port).map_err(|_| {
            AwsError::new(
                "InvalidParameterValue",
                format!("TCP/UDP port ({port}) out of range"),
            )
        })
    };
    let (from, to) = (port(from)?, port(to)?);
    if from > to {
        let message = format!("Invalid TCP/UDP port range ({from}:{to})");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    Ok(PortRange { from, to })
}

/// A type and a code; none is all.
type TypeAndCode = (Option<u8>, Option<u8>);

fn icmp(kind: Option<i32>, code: Option<i32>) -> Result<TypeAndCode, AwsError> {
    let value = |value: i32, what: &str| match value {
        -1 => Ok(None),
        other => u8::try_from(other).map(Some).map_err(|_| {
            AwsError::new(
                "InvalidParameterValue",
                format!("ICMP {what} ({other}) out of range"),
            )
        }),
    };
    let (kind, code) = (
        value(kind.unwrap_or(-1), "type")?,
        value(code.unwrap_or(-1), "code")?,
    );
    if kind.is_none() && code.is_some() {
        let message = "ICMP code without a type: give both, or -1 for all.";
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    Ok((kind, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_and_ports_are_read_as_aws_does() {
        let cases = [
            ("-1", Some(0), Some(0), Ok(Traffic::All)),
            ("-1", None, None, Ok(Traffic::All)),
            (
                "TCP",
                Some(5432),
                Some(5432),
                Ok(Traffic::Tcp(PortRange {
                    from: 5432,
                    to: 5432,
                })),
            ),
            (
                "6",
                Some(0),
                Some(65535),
                Ok(Traffic::Tcp(PortRange { from: 0, to: 65535 })),
            ),
            (
                "udp",
                Some(53),
                Some(53),
                Ok(Traffic::Udp(PortRange { from: 53, to: 53 })),
            ),
            ("icmp", Some(-1), Some(-1), Ok(Traffic::Icmp(None, None))),
            ("1", Some(8), Some(-1), Ok(Traffic::Icmp(Some(8), None))),
            ("50", Some(7), Some(9), Ok(Traffic::Protocol(50))),
            ("tcp", None, None, Err("InvalidParameterValue")),
            ("tcp", Some(2), Some(1), Err("InvalidParameterValue")),
            ("tcp", Some(-1), Some(-1), Err("InvalidParameterValue")),
            ("tcp", Some(0), Some(65536), Err("InvalidParameterValue")),
            ("icmp", Some(256), Some(0), Err("InvalidParameterValue")),
            ("icmp", Some(-1), Some(3), Err("InvalidParameterValue")),
            ("icmpv6", None, None, Ok(Traffic::Icmp6(None, None))),
            (
                "58",
                Some(128),
                Some(0),
                Ok(Traffic::Icmp6(Some(128), Some(0))),
            ),
            ("256", None, None, Err("InvalidParameterValue")),
            ("http", None, None, Err("InvalidParameterValue")),
        ];
        for (protocol, from, to, expected) in cases {
            let read = read(protocol, from, to).map_err(|error| error.code);
            assert_eq!(
                read,
                expected.map_err(str::to_owned),
                "{protocol} {from:?} {to:?}"
            );
        }
    }
}

//! What is said of services that exist.

use super::resource_id;
use crate::error::PlaneError;
use crate::model::{FoundBy, PublicWay, Registration};

/// What an operator says of a PostgreSQL that exists; its host in lower case.
pub(crate) fn registration(new: Registration) -> Result<Registration, PlaneError> {
    let host = host(&new.host)?;
    if new.port == 0 {
        return Err(PlaneError::invalid(
            "port",
            "it is 0; give the port that the service listens on, which is 5432 most often",
        ));
    }
    resource_id("vpc_id", "vpc", &new.vpc_id)?;
    if new.subnet_ids.is_empty() {
        return Err(PlaneError::invalid(
            "subnet_ids",
            "none is given; give one in each zone where customers may need the service, two for a start",
        ));
    }
    for subnet in &new.subnet_ids {
        resource_id("subnet_ids", "subnet", subnet)?;
    }
    match &new.public_way {
        PublicWay::None => {}
        PublicWay::SecurityGroup { group_id, ranges } => {
            resource_id("public_way", "sg", group_id)?;
            if ranges.is_empty() {
                return Err(PlaneError::invalid(
                    "public_way",
                    "no range is given; give those of the group's rule that lets the internet in, as in 0.0.0.0/0",
                ));
            }
        }
        PublicWay::RdsInstance { id } => rds_instance("public_way", id)?,
    }
    if let Some(file) = &new.sessions_file
        && !file.starts_with('/')
    {
        return Err(PlaneError::invalid(
            "sessions_file",
            format!(
                "{file:?} is no absolute path; the servers read it, wherever they were started"
            ),
        ));
    }
    Ok(Registration { host, ..new })
}

/// What a service is in the cloud, in this Region, and how its public way is closed.
pub(crate) fn found_by(
    by: &FoundBy,
    region: &str,
    public_way: &PublicWay,
) -> Result<(), PlaneError> {
    match by {
        FoundBy::RdsInstance { id } => {
            rds_instance("rds_instance", id)?;
            let other = match public_way {
                PublicWay::RdsInstance { id: other } => Some(other).filter(|other| *other != id),
                PublicWay::None | PublicWay::SecurityGroup { .. } => None,
            };
            let Some(other) = other else {
                return Ok(());
            };
            Err(PlaneError::invalid(
                "public_way",
                format!(
                    "it would close the RDS instance {other:?}, and {id:?} is registered; name that one"
                ),
            ))
        }
        FoundBy::LoadBalancer { arn } => {
            let parts: Vec<&str> = arn.splitn(6, ':').collect();
            let its_region = match parts.as_slice() {
                ["arn", _, "elasticloadbalancing", its, _, rest]
                    if rest.starts_with("loadbalancer/") =>
                {
                    Some(*its)
                }
                _ => None,
            };
            let Some(its_region) = its_region else {
                return Err(PlaneError::invalid(
                    "load_balancer",
                    format!(
                        "{arn:?} is no ARN of a load balancer, as in arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/orders/0123456789abcdef (`aws elbv2 describe-load-balancers` lists them)"
                    ),
                ));
            };
            if its_region == region {
                return Ok(());
            }
            Err(PlaneError::invalid(
                "load_balancer",
                format!(
                    "it is in {its_region}, and the service is to be in {region}; give both of one Region"
                ),
            ))
        }
    }
}

/// An identifier of an RDS instance.
fn rds_instance(field: &'static str, id: &str) -> Result<(), PlaneError> {
    let good = !id.is_empty()
        && id.len() <= 63
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if good {
        return Ok(());
    }
    Err(PlaneError::invalid(
        field,
        format!(
            "{id:?} is no RDS instance identifier (`aws rds describe-db-instances` lists them)"
        ),
    ))
}

/// An IPv4 address or a DNS name.
fn host(text: &str) -> Result<String, PlaneError> {
    let host = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    let numbers = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let good = host.len() <= 253
        && host.split('.').all(label)
        && (!numbers || host.parse::<std::net::Ipv4Addr>().is_ok());
    if !good {
        return Err(PlaneError::invalid(
            "host",
            format!(
                "{text:?} is neither an IPv4 address nor a DNS name; give what you would give to psql"
            ),
        ));
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_checked_field_by_field() {
        let good = Registration {
            host: " DB-1.abc.eu-west-1.rds.amazonaws.com. ".to_owned(),
            port: 5432,
            found_by: None,
            vpc_id: "vpc-0123456789abcdef0".to_owned(),
            subnet_ids: ["subnet-0123456789abcdef0".to_owned()].into(),
            public_way: PublicWay::SecurityGroup {
                group_id: "sg-0123456789abcdef0".to_owned(),
                ranges: ["0.0.0.0/0".parse().expect("a range")].into(),
            },
            sessions_file: Some("/etc/strait/db-1".to_owned()),
        };
        let kept = registration(good.clone()).expect("fine");
        assert_eq!(kept.host, "db-1.abc.eu-west-1.rds.amazonaws.com");
        assert_eq!(kept.public_way, good.public_way);

        let bad = |change: &dyn Fn(&mut Registration)| {
            let mut bad = good.clone();
            change(&mut bad);
            registration(bad).expect_err("bad").field()
        };
        for host in [
            "",
            "a b",
            "10.0.0",
            "10.0.0.300",
            "-a.b",
            "a..b",
            "https://db",
        ] {
            assert_eq!(
                bad(&|new| new.host = host.to_owned()),
                Some("host"),
                "{host}"
            );
        }
        assert_eq!(bad(&|new| new.port = 0), Some("port"));
        let other = Registration {
            port: 6432,
            ..good.clone()
        };
        assert_eq!(registration(other).expect("fine").port, 6432);
        assert_eq!(bad(&|new| new.vpc_id = "vpc-1".to_owned()), Some("vpc_id"));
        assert_eq!(bad(&|new| new.subnet_ids.clear()), Some("subnet_ids"));
        assert_eq!(
            bad(&|new| new.subnet_ids = ["sg-0123456789abcdef0".to_owned()].into()),
            Some("subnet_ids")
        );
        for way in [
            PublicWay::RdsInstance {
                id: "a/b".to_owned(),
            },
            PublicWay::SecurityGroup {
                group_id: "sg-0123456789abcdef0".to_owned(),
                ranges: [].into(),
            },
            PublicWay::SecurityGroup {
                group_id: "all".to_owned(),
                ranges: ["0.0.0.0/0".parse().expect("a range")].into(),
            },
        ] {
            assert_eq!(bad(&|new| new.public_way = way.clone()), Some("public_way"));
        }
        assert_eq!(
            bad(&|new| new.sessions_file = Some("secret".to_owned())),
            Some("sessions_file")
        );
    }

    #[test]
    fn what_a_service_is_in_the_cloud_is_checked() {
        let rds = |id: &str| FoundBy::RdsInstance { id: id.to_owned() };
        let balancer = |region: &str| FoundBy::LoadBalancer {
            arn: format!(
                "arn:aws:elasticloadbalancing:{region}:123456789012:loadbalancer/net/a/0123456789abcdef"
            ),
        };
        let closing = |id: &str| PublicWay::RdsInstance { id: id.to_owned() };
        let checked = |by: &FoundBy, way: &PublicWay| {
            found_by(by, "eu-west-1", way).map_err(|error| error.field())
        };
        for (by, way) in [
            (rds("orders-1"), closing("orders-1")),
            (rds("orders-1"), PublicWay::None),
            (balancer("eu-west-1"), closing("orders-1")),
        ] {
            assert_eq!(checked(&by, &way), Ok(()), "{by:?}");
        }
        let target_group = FoundBy::LoadBalancer {
            arn: "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/a/1".to_owned(),
        };
        for (by, way, field) in [
            (rds("a/b"), PublicWay::None, "rds_instance"),
            (rds("orders-1"), closing("orders-2"), "public_way"),
            (balancer("us-east-1"), PublicWay::None, "load_balancer"),
            (target_group, PublicWay::None, "load_balancer"),
        ] {
            assert_eq!(checked(&by, &way), Err(Some(field)), "{by:?}");
        }
    }
}

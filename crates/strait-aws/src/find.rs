//! Where a PostgreSQL is that is named by what it is at AWS: an RDS instance, or a load balancer before it.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Listener, LoadBalancer, LoadBalancerSchemeEnum, LoadBalancerTypeEnum, ProtocolEnum,
};
use aws_sdk_rds::types::{DbInstance, DbSubnetGroup, Endpoint};
use strait_plane::cloud::{CloudError, Place};
use strait_plane::model::{FoundBy, POSTGRES_PORT};

use crate::Aws;
use crate::error::Error;
use crate::region::Region;

impl Aws {
    /// Finds the host, port, VPC and subnets of what is named. It is asked for once, so that no look is kept.
    ///
    /// # Errors
    /// There is none, or it is none that a way can lead to: why, and what to do.
    pub async fn find_service(
        &self,
        region: &str,
        by: &FoundBy,
        port: Option<u16>,
    ) -> Result<Place, CloudError> {
        let region = self.region(region)?;
        Ok(match by {
            FoundBy::RdsInstance { id } => rds_instance(region, id).await?,
            FoundBy::LoadBalancer { arn } => load_balancer(region, arn, port).await?,
        })
    }
}

async fn rds_instance(region: &Region, id: &str) -> Result<Place, Error> {
    let call = region.rds().describe_db_instances();
    let found = match call.db_instance_identifier(id).send().await {
        Ok(answer) => answer.db_instances.unwrap_or_default(),
        Err(error) => match Error::from(error) {
            error if error.is("DBInstanceNotFound") => Vec::new(),
            error => return Err(error),
        },
    };
    let Some(instance) = found.first() else {
        return Err(refused(
            "DBInstanceNotFound",
            format!(
                "there is no RDS instance {id} in {}; `aws rds describe-db-instances` lists them",
                region.name
            ),
        ));
    };
    place_of(instance, id)
}

fn place_of(instance: &DbInstance, id: &str) -> Result<Place, Error> {
    if let Some(cluster) = instance.db_cluster_identifier() {
        return Err(refused(
            "rds_cluster_member",
            format!(
                "{id} is a member of the cluster {cluster}, which another member may lead after a failover. Register the cluster's writer endpoint by `--host` (`aws rds describe-db-clusters` shows it as Endpoint)"
            ),
        ));
    }
    let engine = instance.engine().unwrap_or_default();
    if engine != "postgres" {
        return Err(refused(
            "not_postgresql",
            format!("{id} runs {engine}, and ways are for PostgreSQL"),
        ));
    }
    let endpoint = instance.endpoint();
    let address = endpoint.and_then(Endpoint::address);
    let port = endpoint
        .and_then(Endpoint::port)
        .and_then(|port| u16::try_from(port).ok());
    let (Some(host), Some(port)) = (address, port) else {
        return Err(Error::NotYet(format!(
            "{id} has no address yet: RDS says that it is {}. Register it when it is available",
            instance.db_instance_status().unwrap_or("in no state")
        )));
    };
    let group = instance.db_subnet_group();
    let Some(vpc_id) = group.and_then(DbSubnetGroup::vpc_id) else {
        return Err(refused(
            "not_in_a_vpc",
            format!("{id} is in no VPC, so that no load balancer reaches it; move it into one"),
        ));
    };
    // One a zone, as a load balancer takes them: the lowest id, so that asking again finds the same.
    let mut subnets = BTreeMap::<String, String>::new();
    for subnet in group.map(DbSubnetGroup::subnets).unwrap_or_default() {
        let zone = subnet.subnet_availability_zone();
        let (Some(zone), Some(found)) = (
            zone.and_then(|zone| zone.name()),
            subnet.subnet_identifier(),
        ) else {
            continue;
        };
        let kept = subnets
            .entry(zone.to_owned())
            .or_insert_with(|| found.to_owned());
        if found < kept.as_str() {
            *kept = found.to_owned();
        }
    }
    Ok(Place {
        host: host.to_owned(),
        port,
        vpc_id: vpc_id.to_owned(),
        subnet_ids: subnets.into_values().collect(),
    })
}

async fn load_balancer(region: &Region, arn: &str, port: Option<u16>) -> Result<Place, Error> {
    let call = region.elb().describe_load_balancers();
    let found = match call.load_balancer_arns(arn).send().await {
        Ok(answer) => answer.load_balancers.unwrap_or_default(),
        Err(error) => match Error::from(error) {
            error if error.is("LoadBalancerNotFound") => Vec::new(),
            error => return Err(error),
        },
    };
    let Some(balancer) = found.first() else {
        return Err(refused(
            "LoadBalancerNotFound",
            format!(
                "there is no load balancer {arn} in {} of this account; `aws elbv2 describe-load-balancers` lists them",
                region.name
            ),
        ));
    };
    let (host, vpc_id) = usable(balancer)?;
    let pages = region
        .elb()
        .describe_listeners()
        .load_balancer_arn(arn)
        .into_paginator();
    let listeners: Vec<Listener> = pages.items().send().try_collect().await?;
    let zones = balancer.availability_zones().iter();
    Ok(Place {
        host: host.to_owned(),
        port: port_of(&listeners, port)?,
        vpc_id: vpc_id.to_owned(),
        subnet_ids: zones
            .filter_map(|zone| zone.subnet_id())
            .map(str::to_owned)
            .collect(),
    })
}

/// The name and the VPC of a load balancer that another one can lead to.
fn usable(balancer: &LoadBalancer) -> Result<(&str, &str), Error> {
    if balancer.r#type() != Some(&LoadBalancerTypeEnum::Network) {
        return Err(refused(
            "not_a_network_load_balancer",
            "it is no network load balancer, and others do not pass PostgreSQL; give one whose type is network".to_owned(),
        ));
    }
    if balancer.scheme() != Some(&LoadBalancerSchemeEnum::Internal) {
        return Err(refused(
            "load_balancer_is_internet_facing",
            "it is internet-facing: its name answers public addresses, and a private way leads to private ones. Give an internal one before the same targets, or the address of the service itself by `--host`".to_owned(),
        ));
    }
    match (balancer.dns_name(), balancer.vpc_id()) {
        (Some(host), Some(vpc)) => Ok((host, vpc)),
        (None, _) | (_, None) => Err(Error::NotYet(
            "AWS does not say yet which name and VPC the load balancer has; try again in a minute"
                .to_owned(),
        )),
    }
}

/// The port of the listener that leads to PostgreSQL.
fn port_of(listeners: &[Listener], wanted: Option<u16>) -> Result<u16, Error> {
    let port = |listener: &Listener| listener.port().and_then(|port| u16::try_from(port).ok());
    let tcp: Vec<u16> = listeners
        .iter()
        .filter(|listener| passes_tcp(listener))
        .filter_map(port)
        .collect();
    let all = || {
        let words = listeners.iter().filter_map(|listener| {
            let protocol = listener.protocol().map_or("?", ProtocolEnum::as_str);
            Some(format!("{protocol} {}", port(listener)?))
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(", ")
        }
    };
    let asked = match (wanted, tcp.as_slice()) {
        (Some(wanted), _) => wanted,
        (None, [only]) => *only,
        (None, several) if several.contains(&POSTGRES_PORT) => POSTGRES_PORT,
        (None, [_, ..]) => {
            return Err(refused(
                "several_listeners",
                format!(
                    "it has several listeners ({}); say by `--port` which of them leads to PostgreSQL",
                    all()
                ),
            ));
        }
        (None, []) => POSTGRES_PORT,
    };
    if tcp.contains(&asked) {
        return Ok(asked);
    }
    let of_asked = listeners
        .iter()
        .find(|listener| port(listener) == Some(asked));
    let ends_tls = of_asked
        .or(listeners.first())
        .is_some_and(|listener| listener.protocol() == Some(&ProtocolEnum::Tls));
    if ends_tls {
        return Err(refused(
            "listener_ends_tls",
            format!(
                "its listener ({}) ends TLS itself, and PostgreSQL's clients begin TLS inside PostgreSQL's own protocol, so that they do not get through. Give it a listener whose protocol is TCP",
                all()
            ),
        ));
    }
    Err(refused(
        "no_such_listener",
        format!(
            "it has no listener for TCP {asked} (its listeners: {}); name another by `--port`, or add one",
            all()
        ),
    ))
}

fn passes_tcp(listener: &Listener) -> bool {
    matches!(
        listener.protocol(),
        Some(ProtocolEnum::Tcp | ProtocolEnum::TcpUdp)
    )
}

fn refused(code: &str, message: String) -> Error {
    Error::Refused {
        code: code.to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests {
    use crate::fake::{Answer, Fake, REGION};

    use super::*;

    #[tokio::test]
    async fn an_rds_instance_is_found_with_one_subnet_a_zone() {
        let subnets = [
            ("subnet-c", "eu-west-1b"),
            ("subnet-b", "eu-west-1a"),
            ("subnet-a", "eu-west-1a"),
        ];
        let found = find_rds(&instance("postgres", "", &subnets)).await;
        let expected = Place {
            host: "orders.example.com".to_owned(),
            port: 6432,
            vpc_id: "vpc-1".to_owned(),
            subnet_ids: ["subnet-a", "subnet-c"].map(str::to_owned).into(),
        };
        assert_eq!(found.expect("it is there"), expected);
    }

    #[tokio::test]
    async fn an_rds_instance_that_no_way_can_lead_to_is_refused() {
        let member = "<DBClusterIdentifier>orders</DBClusterIdentifier>";
        for (instance, code, part) in [
            (
                instance("postgres", member, &[]),
                "rds_cluster_member",
                "writer endpoint by `--host`",
            ),
            (instance("mysql", "", &[]), "not_postgresql", "runs mysql"),
            (String::new(), "DBInstanceNotFound", "describe-db-instances"),
        ] {
            assert_refused(&find_rds(&instance).await, code, part);
        }
        let new = "<DBInstance><Engine>postgres</Engine><DBInstanceStatus>creating</DBInstanceStatus></DBInstance>";
        let early = find_rds(new).await;
        assert!(
            matches!(&early, Err(CloudError::InProgress(why)) if why.contains("creating")),
            "{early:?}"
        );
    }

    #[tokio::test]
    async fn a_load_balancer_is_found_with_its_own_subnets() {
        let found = find_balancer("network", "internal", &[("TCP", 6432)], None).await;
        let expected = Place {
            host: "orders-1.elb.eu-west-1.amazonaws.com".to_owned(),
            port: 6432,
            vpc_id: "vpc-1".to_owned(),
            subnet_ids: ["subnet-a", "subnet-b"].map(str::to_owned).into(),
        };
        assert_eq!(found.expect("it is there"), expected);
        let several = [("TCP", 6432), ("TCP_UDP", 5432)];
        for (asked, port) in [(None, 5432), (Some(6432), 6432), (Some(5432), 5432)] {
            let found = find_balancer("network", "internal", &several, asked).await;
            assert_eq!(found.expect("it is there").port, port, "{asked:?}");
        }
    }

    #[tokio::test]
    async fn a_load_balancer_that_does_not_pass_postgresql_is_refused() {
        let refused =
            async |kind: &str, scheme: &str, listeners: &[(&str, u16)], port, code, part| {
                let found = find_balancer(kind, scheme, listeners, port).await;
                assert_refused(&found, code, part);
            };
        let tcp = [("TCP", 5432)];
        refused(
            "application",
            "internal",
            &tcp,
            None,
            "not_a_network_load_balancer",
            "network",
        )
        .await;
        refused(
            "network",
            "internet-facing",
            &tcp,
            None,
            "load_balancer_is_internet_facing",
            "--host",
        )
        .await;
        let tls = [("TLS", 5432)];
        refused(
            "network",
            "internal",
            &tls,
            None,
            "listener_ends_tls",
            "protocol is TCP",
        )
        .await;
        refused(
            "network",
            "internal",
            &tls,
            Some(5432),
            "listener_ends_tls",
            "TLS 5432",
        )
        .await;
        refused(
            "network",
            "internal",
            &[("UDP", 53)],
            None,
            "no_such_listener",
            "UDP 53",
        )
        .await;
        refused("network", "internal", &[], None, "no_such_listener", "none").await;
        refused(
            "network",
            "internal",
            &tcp,
            Some(6432),
            "no_such_listener",
            "TCP 5432",
        )
        .await;
        let several = [("TCP", 6432), ("TCP", 7432)];
        refused(
            "network",
            "internal",
            &several,
            None,
            "several_listeners",
            "--port",
        )
        .await;
    }

    async fn find_rds(instances: &str) -> Result<Place, CloudError> {
        let xml = format!(
            "<DescribeDBInstancesResult><DBInstances>{instances}</DBInstances></DescribeDBInstancesResult>"
        );
        let aws = Fake::default().answer("DescribeDBInstances", [Answer::Xml(xml)]);
        let by = FoundBy::RdsInstance {
            id: "orders".to_owned(),
        };
        aws.aws().find_service(REGION, &by, None).await
    }

    fn instance(engine: &str, rest: &str, subnets: &[(&str, &str)]) -> String {
        let subnets = subnets.iter().map(|(id, zone)| {
            format!("<Subnet><SubnetIdentifier>{id}</SubnetIdentifier><SubnetAvailabilityZone><Name>{zone}</Name></SubnetAvailabilityZone></Subnet>")
        });
        let subnets = subnets.collect::<Vec<_>>().concat();
        format!(
            "<DBInstance><Engine>{engine}</Engine><Endpoint><Address>orders.example.com</Address><Port>6432</Port></Endpoint>
             <DBSubnetGroup><VpcId>vpc-1</VpcId><Subnets>{subnets}</Subnets></DBSubnetGroup>{rest}</DBInstance>"
        )
    }

    async fn find_balancer(
        kind: &str,
        scheme: &str,
        listeners: &[(&str, u16)],
        port: Option<u16>,
    ) -> Result<Place, CloudError> {
        let zones = ["subnet-a", "subnet-b"]
            .map(|id| format!("<member><SubnetId>{id}</SubnetId></member>"))
            .concat();
        let balancer = format!(
            "<member><DNSName>orders-1.elb.eu-west-1.amazonaws.com</DNSName><VpcId>vpc-1</VpcId><Type>{kind}</Type>
             <Scheme>{scheme}</Scheme><AvailabilityZones>{zones}</AvailabilityZones></member>"
        );
        let listeners = listeners.iter().map(|(protocol, port)| {
            format!("<member><Protocol>{protocol}</Protocol><Port>{port}</Port></member>")
        });
        let listeners = listeners.collect::<Vec<_>>().concat();
        let aws = Fake::default()
            .answer(
                "DescribeLoadBalancers",
                [Answer::Xml(format!(
                    "<DescribeLoadBalancersResult><LoadBalancers>{balancer}</LoadBalancers></DescribeLoadBalancersResult>"
                ))],
            )
            .answer(
                "DescribeListeners",
                [Answer::Xml(format!(
                    "<DescribeListenersResult><Listeners>{listeners}</Listeners></DescribeListenersResult>"
                ))],
            );
        let by = FoundBy::LoadBalancer {
            arn: "arn:1".to_owned(),
        };
        aws.aws().find_service(REGION, &by, port).await
    }

    fn assert_refused(found: &Result<Place, CloudError>, wanted: &str, part: &str) {
        let Err(CloudError::Refused { code, message }) = found else {
            panic!("{wanted}: {found:?}");
        };
        assert_eq!(code, wanted, "{message}");
        assert!(message.contains(part), "{part} is not in {message}");
    }
}

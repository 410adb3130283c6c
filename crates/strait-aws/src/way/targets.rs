//! Where the load balancer of a private way leads: to the addresses that the service's name answers now. An RDS instance
//! that fails over has another address behind the same name.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetGroup, TargetHealthStateEnum,
};
use strait_plane::model::Registration;
use tokio::time::{sleep, timeout};

use super::Way;
use crate::Aws;
use crate::error::{Error, gone};
use crate::look::Kind;
use crate::private;
use crate::region::Region;
use crate::resolve::Names;
use crate::seen::lock;
use crate::tag::Key;

/// How often the names of services are asked for.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(4);

/// A target group whose targets follow a name.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    region: String,
    group_arn: String,
    service: Registration,
    /// What the name answered when the targets were last set.
    addresses: BTreeSet<Ipv4Addr>,
}

impl Aws {
    /// Lets the targets of all private ways follow their services' names, for as long as the future is polled.
    pub async fn follow_names(&self) {
        loop {
            sleep(ASK_AGAIN).await;
            let all = lock(&self.followed).clone();
            for (key, followed) in all {
                if let Err(error) = self.follow_again(&key, followed).await {
                    tracing::warn!(%key, %error, "the targets of a way could not follow the service's name; trying again");
                }
            }
        }
    }

    /// Sets the way's targets, and has them followed from now on.
    pub(super) async fn follow_registered(
        &self,
        way: &Way<'_>,
        group: &TargetGroup,
    ) -> Result<(), Error> {
        let group_arn = group.target_group_arn().unwrap_or_default();
        let addresses = addresses(&self.names, way.service).await?;
        set(way.region, group_arn, way.service.port, &addresses).await?;
        let followed = Followed {
            region: way.region.name.clone(),
            group_arn: group_arn.to_owned(),
            service: way.service.clone(),
            addresses,
        };
        lock(&self.followed).insert(way.key.clone(), followed);
        Ok(())
    }

    pub(super) fn forget_followed(&self, key: &Key) {
        lock(&self.followed).remove(key);
    }

    async fn follow_again(&self, key: &Key, followed: Followed) -> Result<(), Error> {
        let addresses = addresses(&self.names, &followed.service).await?;
        if addresses == followed.addresses {
            return Ok(());
        }
        let region = self.region(&followed.region)?;
        // The look may be older than what others did since.
        region.looks.forget(&[Kind::Targets(&followed.group_arn)]);
        set(
            region,
            &followed.group_arn,
            followed.service.port,
            &addresses,
        )
        .await?;
        tracing::info!(%key, ?addresses, host = followed.service.host, "the service has another address; its way leads there");
        if let Some(known) = lock(&self.followed).get_mut(key) {
            known.addresses = addresses;
        }
        Ok(())
    }
}

/// Makes these the targets: the new ones come in before the others go out.
async fn set(
    region: &Region,
    group_arn: &str,
    port: u16,
    wanted: &BTreeSet<Ipv4Addr>,
) -> Result<(), Error> {
    let targets = region.targets(group_arn).await?;
    let leaving =
        |state: Option<&TargetHealthStateEnum>| state == Some(&TargetHealthStateEnum::Draining);
    let there: BTreeSet<Ipv4Addr> = (targets.iter())
        .filter(|found| !leaving(found.target_health().and_then(|health| health.state())))
        .filter_map(|found| found.target()?.id()?.parse().ok())
        .collect();
    let missing: Vec<TargetDescription> = wanted
        .difference(&there)
        .map(|address| target(*address, port))
        .collect();
    if !missing.is_empty() {
        let call = region.elb().register_targets().target_group_arn(group_arn);
        let call = call.set_targets(Some(missing));
        region
            .change(&[Kind::Targets(group_arn)], call.send())
            .await?;
    }
    let surplus: Vec<TargetDescription> = there
        .difference(wanted)
        .map(|address| target(*address, port))
        .collect();
    if surplus.is_empty() {
        return Ok(());
    }
    let call = region
        .elb()
        .deregister_targets()
        .target_group_arn(group_arn);
    let call = call.set_targets(Some(surplus));
    gone(
        region
            .change(&[Kind::Targets(group_arn)], call.send())
            .await,
    )
}

/// What the service's name answers here, where load balancers can lead: to private addresses only.
async fn addresses(names: &Names, service: &Registration) -> Result<BTreeSet<Ipv4Addr>, Error> {
    let host = service.host.as_str();
    let found = looked_up(names, service).await?;
    let Some(public) = found.iter().find(|address| !is_private(**address)) else {
        return Ok(found);
    };
    Err(Error::Refused {
        code: "host_not_private".to_owned(),
        message: format!(
            "{host} is {public} here, and a load balancer leads to private addresses only. Give the private address, or let Strait's server ask a resolver of {} (run it there, or name one in `nameservers` of `[cloud]`), where the name of an RDS instance answers its private address (the VPC needs DNS hostnames on).",
            service.vpc_id
        ),
    })
}

/// The IPv4 addresses that the service's name has here; at least one.
pub(super) async fn looked_up(
    names: &Names,
    service: &Registration,
) -> Result<BTreeSet<Ipv4Addr>, Error> {
    let host = service.host.as_str();
    let found = match timeout(ANSWER, names.addresses(host)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Err(Error::NotYet(format!(
                "the name {host} of the service has no address here ({error}); Strait asks again every {} s",
                ASK_AGAIN.as_secs()
            )));
        }
        Err(_) => {
            return Err(Error::NotYet(format!(
                "nobody answered within {} s which address {host} has",
                ANSWER.as_secs()
            )));
        }
    };
    if found.is_empty() {
        return Err(Error::NotYet(format!(
            "the name {host} of the service has no IPv4 address here"
        )));
    }
    Ok(found)
}

/// Whether a load balancer may lead there
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-target-groups.html>).
fn is_private(address: Ipv4Addr) -> bool {
    private::OF_HOSTS
        .iter()
        .any(|range| range.contains(&address))
}

fn target(address: Ipv4Addr, port: u16) -> TargetDescription {
    TargetDescription::builder()
        .id(address.to_string())
        .port(i32::from(port))
        .build()
}

#[cfg(test)]
mod tests {
    use crate::fake::{Answer, Fake, REGION};

    use super::*;

    #[test]
    fn load_balancers_lead_to_private_addresses() {
        for address in [
            "10.0.0.1",
            "172.31.255.1",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.1.1",
        ] {
            assert!(
                is_private(address.parse().expect("an address")),
                "{address}"
            );
        }
        for address in [
            "172.32.0.1",
            "100.128.0.1",
            "100.63.0.1",
            "8.8.8.8",
            "127.0.0.1",
        ] {
            assert!(
                !is_private(address.parse().expect("an address")),
                "{address}"
            );
        }
    }

    #[tokio::test]
    async fn the_new_target_comes_in_before_the_old_one_goes_out() {
        let health = |id: &str, state: &str| {
            format!(
                "<member><Target><Id>{id}</Id><Port>5432</Port></Target><TargetHealth><State>{state}</State></TargetHealth></member>"
            )
        };
        let described = |members: &str| {
            let list = format!("<TargetHealthDescriptions>{members}</TargetHealthDescriptions>");
            Answer::Xml(format!(
                "<DescribeTargetHealthResult>{list}</DescribeTargetHealthResult>"
            ))
        };
        let done = |action: &str| Answer::Xml(format!("<{action}Result/>"));
        let before = health("10.0.0.1", "healthy") + &health("10.0.0.9", "draining");
        let elb = Fake::default()
            .answer("DescribeTargetHealth", [described(&before)])
            .answer("RegisterTargets", [done("RegisterTargets")])
            .answer("DeregisterTargets", [done("DeregisterTargets")]);
        let aws = elb.aws();
        let region = aws.region(REGION).expect("the Region");
        let wanted = BTreeSet::from([Ipv4Addr::new(10, 0, 0, 2)]);
        set(region, "arn", 5432, &wanted).await.expect("followed");
        assert_eq!(
            elb.actions(),
            [
                "DescribeTargetHealth",
                "RegisterTargets",
                "DeregisterTargets"
            ]
        );
        let (new, old) = (
            elb.bodies("RegisterTargets"),
            elb.bodies("DeregisterTargets"),
        );
        assert!(
            new[0].contains("10.0.0.2") && !new[0].contains("10.0.0.1"),
            "{new:?}"
        );
        assert!(
            old[0].contains("10.0.0.1") && !old[0].contains("10.0.0.9"),
            "{old:?}"
        );
    }

    #[tokio::test]
    async fn an_address_is_its_own_answer_and_a_public_one_is_refused() {
        let service = |host: &str| Registration {
            host: host.to_owned(),
            port: 5432,
            vpc_id: "vpc-0123456789abcdef0".to_owned(),
            subnet_ids: BTreeSet::new(),
            public_way: strait_plane::model::PublicWay::None,
            sessions_file: None,
        };
        let found = addresses(&Names::OfTheMachine, &service("10.1.2.3"))
            .await
            .expect("an address");
        assert_eq!(found, BTreeSet::from([Ipv4Addr::new(10, 1, 2, 3)]));
        let refused = addresses(&Names::OfTheMachine, &service("8.8.8.8"))
            .await
            .expect_err("public");
        assert!(
            matches!(refused, Error::Refused { ref code, .. } if code == "host_not_private"),
            "{refused}"
        );
    }
}

//! Where the load balancer of a private way leads: to the addresses that the service's name answers now. An RDS instance
//! that fails over has another address behind the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetGroup, TargetHealthDescription, TargetHealthStateEnum,
};
use futures::{StreamExt, stream};
use strait_plane::model::Registration;
use tokio::time::{Instant, timeout};

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
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long old targets stay for new ones that do not become healthy. Longer, and the old address may be another host's.
const OVERLAP: Duration = Duration::from_secs(180);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(4);
/// How many names are asked for at the same time.
const AT_ONCE: usize = 64;

/// A target group whose targets follow a name.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    region: String,
    group_arn: String,
    service: Registration,
    /// What the name answered when the targets were last set.
    addresses: BTreeSet<Ipv4Addr>,
    /// Since when old targets stay until the new ones are healthy.
    moving: Option<Instant>,
}

impl Followed {
    /// One of which nobody here knows where its targets are: they are set when its name is asked for next.
    pub(super) fn found(way: &Way<'_>, group: &TargetGroup) -> Self {
        Self {
            region: way.region.name.clone(),
            group_arn: group.target_group_arn().unwrap_or_default().to_owned(),
            service: way.service.clone(),
            addresses: BTreeSet::new(),
            moving: None,
        }
    }
}

impl Aws {
    /// Lets the targets of these ways follow their services' names, once; all at the same time, so that a name that nobody
    /// answers holds up no other, and the next look at AWS for a moment only.
    pub(super) async fn follow_names(&self, ways: BTreeMap<Key, Followed>) {
        // In this task, so that all are under its fence.
        stream::iter(ways)
            .for_each_concurrent(AT_ONCE, async |(key, followed)| {
                match self.follow_again(&key, followed).await {
                    Ok(()) => {}
                    // Another server took the way away.
                    Err(error) if error.is_gone() => self.forget_followed(&key),
                    Err(error) => {
                        tracing::warn!(%key, %error, "the targets of a way could not follow the service's name; trying again");
                    }
                }
            })
            .await;
    }

    /// Sets the way's targets, and has them followed from now on.
    pub(super) async fn follow_registered(
        &self,
        way: &Way<'_>,
        group: &TargetGroup,
    ) -> Result<(), Error> {
        let group_arn = group.target_group_arn().unwrap_or_default();
        let addresses = addresses(&self.names, way.service).await?;
        let moving = (lock(&self.followed).get(&way.key)).and_then(|followed| followed.moving);
        let port = way.service.port;
        let moving = set(way.region, group_arn, port, &addresses, moving).await?;
        let followed = Followed {
            region: way.region.name.clone(),
            group_arn: group_arn.to_owned(),
            service: way.service.clone(),
            addresses,
            moving,
        };
        lock(&self.followed).insert(way.key.clone(), followed);
        Ok(())
    }

    pub(super) fn forget_followed(&self, key: &Key) {
        lock(&self.followed).remove(key);
    }

    async fn follow_again(&self, key: &Key, followed: Followed) -> Result<(), Error> {
        let addresses = addresses(&self.names, &followed.service).await?;
        if addresses == followed.addresses && followed.moving.is_none() {
            return Ok(());
        }
        let region = self.region(&followed.region)?;
        // The look may be older than what others did since.
        region.looks.forget(&[Kind::Targets(&followed.group_arn)]);
        let (arn, port) = (&followed.group_arn, followed.service.port);
        let moving = set(region, arn, port, &addresses, followed.moving).await?;
        if moving.is_none() {
            tracing::info!(%key, ?addresses, host = followed.service.host, "the service has another address; its way leads there");
        }
        if let Some(known) = lock(&self.followed).get_mut(key) {
            known.addresses = addresses;
            known.moving = moving;
        }
        Ok(())
    }
}

/// Makes these the targets. The others go out when these are healthy: load balancers send nothing to a target before that,
/// nor to one that goes out. Returns since when the others stay, which began at `moving` if they did before.
async fn set(
    region: &Region,
    group_arn: &str,
    port: u16,
    wanted: &BTreeSet<Ipv4Addr>,
    moving: Option<Instant>,
) -> Result<Option<Instant>, Error> {
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
        return Ok(None);
    }
    let healthy: BTreeSet<Ipv4Addr> = targets.iter().filter_map(healthy).collect();
    let since = moving.unwrap_or_else(Instant::now);
    if !wanted.is_subset(&healthy) && since.elapsed() < OVERLAP {
        return Ok(Some(since));
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
    )?;
    Ok(None)
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

/// The address of a target that connections go to.
fn healthy(found: &TargetHealthDescription) -> Option<Ipv4Addr> {
    let state = found.target_health()?.state()?;
    if *state != TargetHealthStateEnum::Healthy {
        return None;
    }
    found.target()?.id()?.parse().ok()
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
    use tokio::net::UdpSocket;

    use crate::fake::{Answer, Fake, REGION};
    use crate::way::sample::spec;

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
    async fn the_old_target_goes_out_when_the_new_one_is_healthy() {
        let old = health("10.0.0.1", "healthy") + &health("10.0.0.9", "draining");
        let elb = elb(&[
            old.clone(),
            old.clone() + &health("10.0.0.2", "initial"),
            old + &health("10.0.0.2", "healthy"),
        ]);
        let mut moving = None;
        for stays in [true, true, false] {
            moving = lead_to_the_second(&elb, moving).await;
            assert_eq!(moving.is_some(), stays);
        }
        let changes = ["RegisterTargets", "DeregisterTargets"];
        let asked: Vec<String> = (elb.actions().into_iter())
            .filter(|action| changes.contains(&action.as_str()))
            .collect();
        assert_eq!(asked, changes, "each once");
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
    async fn an_old_target_does_not_wait_for_ever() {
        let both = health("10.0.0.1", "healthy") + &health("10.0.0.2", "unhealthy");
        let elb = elb(&[both]);
        let ago = |time: Duration| Instant::now().checked_sub(time).expect("a time");
        let since = ago(OVERLAP - Duration::from_secs(60));
        assert_eq!(lead_to_the_second(&elb, Some(since)).await, Some(since));
        assert_eq!(elb.asked("DeregisterTargets"), 0);
        assert_eq!(lead_to_the_second(&elb, Some(ago(OVERLAP))).await, None);
        assert_eq!(elb.asked("DeregisterTargets"), 1);
    }

    #[tokio::test]
    async fn names_that_nobody_answers_hold_up_no_other() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let elb = elb(&[health("10.0.0.1", "healthy")]);
        let mut aws = elb.aws();
        let address = silent.local_addr().expect("an address");
        aws.names = Names::by(&[address]).expect("servers");
        let hosts = (0..20).map(|number| format!("silent-{number}.example.com"));
        for (number, host) in hosts.chain(["10.0.0.2".to_owned()]).enumerate() {
            let (key, followed) = followed(number, &host);
            lock(&aws.followed).insert(key, followed);
        }
        let began = Instant::now();
        aws.follow_known().await;
        assert_eq!(elb.asked("RegisterTargets"), 1, "of the one that has one");
        assert!(began.elapsed() > Duration::from_secs(1), "the others wait");
        // One after another takes 20 times as long as one.
        assert!(began.elapsed() < 3 * ANSWER, "{:?}", began.elapsed());
    }

    /// A way to a service with this name, whose load balancer leads to 10.0.0.1.
    fn followed(number: usize, host: &str) -> (Key, Followed) {
        let mut spec = spec(5432);
        spec.service = format!("service{number:02}");
        let mut service = spec.registration.clone().expect("it is registered");
        service.host = host.to_owned();
        let followed = Followed {
            region: REGION.to_owned(),
            group_arn: format!("arn-{number}"),
            service,
            addresses: BTreeSet::from([Ipv4Addr::new(10, 0, 0, 1)]),
            moving: None,
        };
        (Key::way(&spec), followed)
    }

    async fn lead_to_the_second(elb: &Fake, moving: Option<Instant>) -> Option<Instant> {
        let aws = elb.aws();
        let region = aws.region(REGION).expect("the Region");
        let wanted = BTreeSet::from([Ipv4Addr::new(10, 0, 0, 2)]);
        set(region, "arn", 5432, &wanted, moving)
            .await
            .expect("followed")
    }

    fn elb(looks: &[String]) -> Fake {
        let described = looks.iter().map(|members| {
            Answer::Xml(format!(
                "<DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions></DescribeTargetHealthResult>"
            ))
        });
        let done = |action: &str| Answer::Xml(format!("<{action}Result/>"));
        Fake::default()
            .answer("DescribeTargetHealth", described)
            .answer("RegisterTargets", [done("RegisterTargets")])
            .answer("DeregisterTargets", [done("DeregisterTargets")])
    }

    fn health(id: &str, state: &str) -> String {
        format!(
            "<member><Target><Id>{id}</Id><Port>5432</Port></Target><TargetHealth><State>{state}</State></TargetHealth></member>"
        )
    }

    #[tokio::test]
    async fn an_address_is_its_own_answer_and_a_public_one_is_refused() {
        let service = |host: &str| Registration {
            host: host.to_owned(),
            port: 5432,
            found_by: None,
            vpc_id: "vpc-0123456789abcdef0".to_owned(),
            subnet_ids: BTreeSet::new(),
            public_way: strait_plane::model::PublicWay::None,
            sessions_file: None,
        };
        let names = Names::by(&[]).expect("the machine's");
        let found = addresses(&names, &service("10.1.2.3"))
            .await
            .expect("an address");
        assert_eq!(found, BTreeSet::from([Ipv4Addr::new(10, 1, 2, 3)]));
        let refused = addresses(&names, &service("8.8.8.8"))
            .await
            .expect_err("public");
        assert!(
            matches!(refused, Error::Refused { ref code, .. } if code == "host_not_private"),
            "{refused}"
        );
    }
}

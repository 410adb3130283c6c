//! The load balancer of a private way, in the service's own VPC.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, EnforceSecurityGroupInboundRulesOnPrivateLinkTrafficEnum as AskGroup,
    LoadBalancer, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerStateEnum,
    LoadBalancerTypeEnum, ProtocolEnum, TargetGroup, TargetGroupAttribute, TargetTypeEnum,
};

use super::{PRIVATE_PORT, Way};
use crate::error::{Error, gone};
use crate::look::Kind;

/// Between two looks of a node's at a target, in seconds: the least that AWS allows
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html>).
const HEALTH_CHECK_SECONDS: i32 = 5;
/// For how long flows to a target go on that was taken out, in seconds. A target goes because the service is elsewhere.
const DEREGISTRATION_SECONDS: &str = "10";

impl Way<'_> {
    /// The load balancer with nodes in all of the service's subnets, made if it is not there.
    pub(super) async fn balancer(&self, nodes_group: &str) -> Result<LoadBalancer, Error> {
        if let Some(balancer) = self.find_balancer().await? {
            return Ok(balancer);
        }
        let call = self
            .region
            .elb()
            .create_load_balancer()
            .name(&self.name)
            .r#type(LoadBalancerTypeEnum::Network)
            .scheme(LoadBalancerSchemeEnum::Internal)
            .set_subnets(Some(self.service.subnet_ids.iter().cloned().collect()))
            .security_groups(nodes_group)
            .set_tags(Some(self.region.tags.for_elb(&self.name, &self.key)));
        let made = self
            .region
            .change(&[Kind::Balancers, Kind::Interfaces], call.send())
            .await?;
        let made = made.load_balancers.and_then(|all| all.into_iter().next());
        made.ok_or_else(|| self.not_listed("load balancer"))
    }

    /// The target group, made if it is not there.
    pub(super) async fn target_group(&self) -> Result<TargetGroup, Error> {
        if let Some(group) = self.find_target_group().await? {
            return Ok(group);
        }
        let call = self
            .region
            .elb()
            .create_target_group()
            .name(&self.name)
            .protocol(ProtocolEnum::Tcp)
            .port(self.port())
            .vpc_id(&self.service.vpc_id)
            .target_type(TargetTypeEnum::Ip)
            .health_check_protocol(ProtocolEnum::Tcp)
            .health_check_interval_seconds(HEALTH_CHECK_SECONDS)
            // The default is longer than this interval, which AWS refuses.
            .health_check_timeout_seconds(HEALTH_CHECK_SECONDS - 1)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(2)
            .set_tags(Some(self.region.tags.for_elb(&self.name, &self.key)));
        let made = self
            .region
            .change(&[Kind::TargetGroups], call.send())
            .await?;
        let made = made.target_groups.and_then(|all| all.into_iter().next());
        made.ok_or_else(|| self.not_listed("target group"))
    }

    /// The listener on PostgreSQL's own port, whichever the service has, made if it is not there: that is what customers'
    /// rules let out.
    pub(super) async fn listener(
        &self,
        balancer: &LoadBalancer,
        group: &TargetGroup,
    ) -> Result<(), Error> {
        let listeners = self.region.listeners(arn(balancer)).await?;
        if listeners
            .iter()
            .any(|listener| listener.port() == Some(PRIVATE_PORT))
        {
            return Ok(());
        }
        // Last, so that whatever was made before is as it should be when there is a listener.
        self.across_zones(balancer).await?;
        self.ends_old_flows(group).await?;
        let forward = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .set_target_group_arn(group.target_group_arn().map(str::to_owned))
            .build();
        let call = self
            .region
            .elb()
            .create_listener()
            .load_balancer_arn(arn(balancer))
            .protocol(ProtocolEnum::Tcp)
            .port(PRIVATE_PORT)
            .default_actions(forward)
            .set_tags(Some(self.region.tags.for_elb(&self.name, &self.key)));
        match self
            .region
            .change(&[Kind::Listeners(arn(balancer))], call.send())
            .await
        {
            Err(error) if !error.is("DuplicateListener") => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Lets in what comes by the endpoint. The nodes' group has no rule in, so that nobody else gets in ever
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html>).
    pub(super) async fn let_endpoint_in(&self, balancer: &LoadBalancer) -> Result<(), Error> {
        self.ask_group(balancer, AskGroup::Off).await
    }

    /// Lets nothing new in any more; open flows go on.
    pub(super) async fn shut_balancer(&self) -> Result<(), Error> {
        self.region.looks.forget(&[Kind::Balancers]);
        let Some(balancer) = self.find_balancer().await? else {
            return Ok(());
        };
        self.ask_group(&balancer, AskGroup::On).await
    }

    /// Whether the nodes' group is asked for what comes by the endpoint.
    async fn ask_group(&self, balancer: &LoadBalancer, wanted: AskGroup) -> Result<(), Error> {
        let now = balancer.enforce_security_group_inbound_rules_on_private_link_traffic();
        if now == Some(wanted.as_str()) {
            return Ok(());
        }
        let call = self
            .region
            .elb()
            .set_security_groups()
            .load_balancer_arn(arn(balancer))
            .set_security_groups(Some(balancer.security_groups().to_vec()))
            .enforce_security_group_inbound_rules_on_private_link_traffic(wanted);
        self.region
            .change(&[Kind::Balancers], call.send())
            .await
            .map(drop)
    }

    /// Whether the load balancer works; that takes AWS some minutes.
    pub(super) fn active(&self, balancer: &LoadBalancer) -> Result<(), Error> {
        let state = balancer.state();
        match state.and_then(|state| state.code()) {
            // One that lets customers in while some of its nodes are still missing is good enough.
            Some(LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired) | None => {
                Ok(())
            }
            Some(LoadBalancerStateEnum::Failed) => Err(Error::Refused {
                code: "load_balancer_failed".to_owned(),
                message: format!(
                    "AWS could not make the load balancer {} ({}). Look at its subnets, then delete it; Strait makes a new one.",
                    self.name,
                    state
                        .and_then(|state| state.reason())
                        .unwrap_or("AWS gave no reason")
                ),
            }),
            Some(_) => {
                self.region.hurry();
                Err(Error::NotYet(format!(
                    "AWS is making the load balancer {}; that takes 2 to 5 minutes",
                    self.name
                )))
            }
        }
    }

    /// Takes load balancer and target group away.
    pub(super) async fn remove_balancer(&self) -> Result<(), Error> {
        if let Some(balancer) = self.find_balancer().await? {
            let call = self
                .region
                .elb()
                .delete_load_balancer()
                .load_balancer_arn(arn(&balancer));
            let kinds = [Kind::Balancers, Kind::Interfaces];
            gone(self.region.change(&kinds, call.send()).await)?;
            self.region.looks.listeners.drop_owner(arn(&balancer));
        }
        if let Some(group) = self.find_target_group().await? {
            let arn = group.target_group_arn().unwrap_or_default();
            let call = self
                .region
                .elb()
                .delete_target_group()
                .target_group_arn(arn);
            gone(self.region.change(&[Kind::TargetGroups], call.send()).await)?;
            self.region.looks.targets.drop_owner(arn);
        }
        Ok(())
    }

    async fn find_balancer(&self) -> Result<Option<LoadBalancer>, Error> {
        let own = self.own(&self.region.balancers().await?);
        Ok(own.map(|found| found.resource))
    }

    pub(super) async fn find_target_group(&self) -> Result<Option<TargetGroup>, Error> {
        let own = self.own(&self.region.target_groups().await?);
        Ok(own.map(|found| found.resource))
    }

    /// Flows to a target that was taken out end soon: the service is elsewhere, and nobody would tell clients.
    async fn ends_old_flows(&self, group: &TargetGroup) -> Result<(), Error> {
        let attributes = [
            (
                "deregistration_delay.timeout_seconds",
                DEREGISTRATION_SECONDS,
            ),
            (
                "deregistration_delay.connection_termination.enabled",
                "true",
            ),
        ];
        let attributes = attributes.map(|(key, value)| {
            TargetGroupAttribute::builder()
                .key(key)
                .value(value)
                .build()
        });
        let call = self
            .region
            .elb()
            .modify_target_group_attributes()
            .target_group_arn(group.target_group_arn().unwrap_or_default())
            .set_attributes(Some(attributes.to_vec()));
        self.region.change(&[], call.send()).await?;
        Ok(())
    }

    /// Lets the nodes of all zones lead to the service, which may be in one.
    async fn across_zones(&self, balancer: &LoadBalancer) -> Result<(), Error> {
        let on = LoadBalancerAttribute::builder()
            .key("load_balancing.cross_zone.enabled")
            .value("true")
            .build();
        let call = self
            .region
            .elb()
            .modify_load_balancer_attributes()
            .load_balancer_arn(arn(balancer))
            .attributes(on);
        self.region.change(&[], call.send()).await?;
        Ok(())
    }
}

/// The load balancer's ARN.
pub(super) fn arn(balancer: &LoadBalancer) -> &str {
    balancer.load_balancer_arn().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::fake::{Answer, Fake};
    use crate::way::sample::spec;

    use super::*;

    #[tokio::test]
    async fn customers_come_by_postgresqls_port_and_go_to_the_services() {
        let aws = answers(&[
            ("DescribeTargetGroups", "<TargetGroups/>"),
            (
                "CreateTargetGroup",
                "<TargetGroups><member><TargetGroupArn>group</TargetGroupArn></member></TargetGroups>",
            ),
            ("DescribeListeners", "<Listeners/>"),
            ("ModifyLoadBalancerAttributes", ""),
            ("ModifyTargetGroupAttributes", ""),
            ("CreateListener", ""),
        ]);
        let (strait, spec) = (aws.aws(), spec(6432));
        let way = strait.way(&spec).expect("it is registered");
        let group = way.target_group().await.expect("made");
        let listened = way.listener(&balancer(None), &group).await;
        listened.expect("made");
        let group = aws.bodies("CreateTargetGroup").concat();
        assert!(group.contains("&Port=6432&"), "{group}");
        assert!(
            !group.contains("HealthCheckPort"),
            "checks go where traffic goes: {group}"
        );
        let listener = aws.bodies("CreateListener").concat();
        assert!(listener.contains("&Port=5432&"), "{listener}");
    }

    #[tokio::test]
    async fn the_endpoint_is_let_in_and_out_without_a_rule() {
        let balancers = "<LoadBalancers/>";
        let aws = answers(&[
            ("SetSecurityGroups", ""),
            ("DescribeLoadBalancers", balancers),
        ]);
        let (strait, spec) = (aws.aws(), spec(5432));
        let way = strait.way(&spec).expect("it is registered");
        let is_in = way.let_endpoint_in(&balancer(Some("off"))).await;
        is_in.expect("nothing to do");
        assert_eq!(aws.asked("SetSecurityGroups"), 0);
        for asks in [Some("on"), None] {
            way.let_endpoint_in(&balancer(asks)).await.expect("let in");
        }
        let bodies = aws.bodies("SetSecurityGroups");
        assert_eq!(bodies.len(), 2);
        for body in bodies {
            let off = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic=off";
            assert!(body.contains(off), "{body}");
            assert!(body.contains("SecurityGroups.member.1=sg-1"), "{body}");
        }
        way.ask_group(&balancer(Some("off")), AskGroup::On)
            .await
            .expect("shut");
        let shut = aws.bodies("SetSecurityGroups").pop().unwrap_or_default();
        assert!(shut.contains("PrivateLinkTraffic=on"), "{shut}");
        way.shut_balancer().await.expect("one that is gone is shut");
    }

    fn balancer(asks: Option<&str>) -> LoadBalancer {
        LoadBalancer::builder()
            .load_balancer_arn("balancer")
            .security_groups("sg-1")
            .set_enforce_security_group_inbound_rules_on_private_link_traffic(
                asks.map(str::to_owned),
            )
            .build()
    }

    fn answers(answers: &[(&str, &str)]) -> Fake {
        answers.iter().fold(Fake::default(), |aws, (action, xml)| {
            let xml = format!("<{action}Result>{xml}</{action}Result>");
            aws.answer(action, [Answer::Xml(xml)])
        })
    }
}

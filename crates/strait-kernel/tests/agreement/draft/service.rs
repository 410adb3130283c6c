//! Load balancers, endpoint services and endpoints.

use std::net::Ipv4Addr;

use serde_json::json;

use super::Draft;
use crate::script::{Made, What, Who};

/// A load balancer, where its targets are registered.
pub(super) struct Balancer {
    pub(super) made: Made,
    pub(super) vpc: usize,
    /// A target group each, with what was registered.
    pub(super) targets: Vec<Targets>,
    pub(super) listeners: Vec<Made>,
}

pub(super) struct Targets {
    pub(super) made: Made,
    pub(super) by_address: bool,
    pub(super) registered: Vec<(String, u16)>,
}

impl Draft {
    /// A load balancer with targets behind it, and endpoints that lead to it.
    pub(super) fn service(&mut self) {
        let vpc = self.dice.below(self.vpcs.len());
        self.balancer(vpc);
        if self.dice.chance(25) {
            self.balancer(vpc);
        }
        if self.balancers.is_empty() {
            return;
        }
        let balancers: Vec<_> = self
            .balancers
            .iter()
            .map(|balancer| format!("${}", balancer.made))
            .collect();
        let acceptance = self.dice.chance(25);
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        let parameters =
            json!({ "NetworkLoadBalancerArn": balancers, "AcceptanceRequired": acceptance });
        let service = self.call(who, "CreateVpcEndpointServiceConfiguration", parameters);
        let parameters =
            json!({ "ServiceId": format!("${service}"), "AddAllowedPrincipals": ["*"] });
        self.call(who, "ModifyVpcEndpointServicePermissions", parameters);
        self.services.push(service);
        if self.dice.chance(50) {
            self.push(What::Checks);
        }
        for _ in 0..self.dice.below(2) + 1 {
            self.endpoint(service);
        }
        if acceptance && self.dice.chance(75) {
            self.answer_endpoints("AcceptVpcEndpointConnections");
        }
    }

    pub(super) fn balancer(&mut self, vpc: usize) {
        let subnets = self.subnets_for(vpc);
        if subnets.is_empty() || self.vpcs[vpc].instances.is_empty() {
            return;
        }
        let facing = !self.vpcs[vpc].gateways.is_empty() && self.dice.chance(50);
        let groups = if self.dice.chance(50) {
            self.some_groups(vpc)
        } else {
            Vec::new()
        };
        let scheme = if facing {
            "internet-facing"
        } else {
            "internal"
        };
        let parameters = json!({
            "Name": format!("b{}", self.steps.len()), "Subnets": subnets, "SecurityGroups": groups, "Scheme": scheme,
            "Type": "network",
        });
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        let made = self.call(who, "CreateLoadBalancer", parameters);
        let mut balancer = Balancer {
            made,
            vpc,
            targets: Vec::new(),
            listeners: Vec::new(),
        };
        if self.dice.chance(30) {
            self.cross_zone(made);
        }
        for port in [80, 5432].into_iter().take(self.dice.below(2) + 1) {
            self.listener(&mut balancer, port);
        }
        self.balancers.push(balancer);
    }

    fn listener(&mut self, balancer: &mut Balancer, port: u16) {
        let vpc = &self.vpcs[balancer.vpc];
        let who = Who::OwnerOf(vpc.made);
        let by_address = self.dice.chance(50);
        let kind = if by_address { "ip" } else { "instance" };
        let protocol = *self.dice.pick(&["TCP", "TCP", "UDP", "TCP_UDP"]);
        let parameters = json!({
            "Name": format!("t{}", self.steps.len()), "Protocol": protocol, "Port": port, "VpcId": format!("${}", vpc.made),
            "TargetType": kind,
        });
        let made = self.call(who, "CreateTargetGroup", parameters);
        let mut targets = Targets {
            made,
            by_address,
            registered: Vec::new(),
        };
        for _ in 0..self.dice.below(2) + 1 {
            self.register(balancer.vpc, &mut targets);
        }
        if self.dice.chance(15) {
            let parameters = json!({
                "TargetGroupArn": format!("${made}"), "Attributes": [{ "Key": "stickiness.enabled", "Value": "true" }],
            });
            self.call(who, "ModifyTargetGroupAttributes", parameters);
        }
        balancer.targets.push(targets);
        let parameters = json!({
            "LoadBalancerArn": format!("${}", balancer.made), "Protocol": protocol, "Port": port,
            "DefaultActions": [{ "Type": "forward", "TargetGroupArn": format!("${made}") }],
        });
        let listener = self.call(who, "CreateListener", parameters);
        balancer.listeners.push(listener);
    }

    pub(super) fn register(&mut self, vpc: usize, targets: &mut Targets) {
        let instances = self.vpcs[vpc].instances.clone();
        let Some(instance) = self.dice.any(&instances).cloned() else {
            return;
        };
        let id = if targets.by_address {
            self.target_address(instance.address).to_string()
        } else {
            format!("${}", instance.made)
        };
        let port = *self.dice.pick(&[80, 5432]);
        let parameters = json!({
            "TargetGroupArn": format!("${}", targets.made), "Targets": [{ "Id": id, "Port": port }],
        });
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        self.call(who, "RegisterTargets", parameters);
        targets.registered.push((id, port));
    }

    /// An address that a target is registered by: seldom one that nobody has.
    fn target_address(&mut self, near: Ipv4Addr) -> Ipv4Addr {
        if self.dice.chance(10) {
            return (u32::from(near) + 3).into();
        }
        near
    }

    pub(super) fn cross_zone(&mut self, balancer: Made) {
        let value = if self.dice.chance(70) {
            "true"
        } else {
            "false"
        };
        let parameters = json!({
            "LoadBalancerArn": format!("${balancer}"),
            "Attributes": [{ "Key": "load_balancing.cross_zone.enabled", "Value": value }],
        });
        let who = Who::OwnerOf(balancer);
        self.call(who, "ModifyLoadBalancerAttributes", parameters);
    }

    pub(super) fn endpoint(&mut self, service: Made) {
        let vpc = self.dice.below(self.vpcs.len());
        let subnets = self.subnets_for(vpc);
        if subnets.is_empty() {
            return;
        }
        let groups = self.some_groups(vpc);
        let made = self.vpcs[vpc].made;
        let parameters = json!({
            "VpcEndpointType": "Interface", "VpcId": format!("${made}"), "ServiceName": format!("${service}.name"),
            "SubnetId": subnets, "SecurityGroupId": groups,
        });
        let endpoint = self.call(Who::OwnerOf(made), "CreateVpcEndpoint", parameters);
        self.endpoints.push(endpoint);
    }

    pub(super) fn answer_endpoints(&mut self, name: &'static str) {
        let (services, endpoints) = (self.services.clone(), self.endpoints.clone());
        let (Some(service), Some(endpoint)) = (self.dice.any(&services), self.dice.any(&endpoints))
        else {
            return;
        };
        let parameters = json!({
            "ServiceId": format!("${service}"), "VpcEndpointId": [format!("${endpoint}")],
        });
        self.call(Who::OwnerOf(*service), name, parameters);
    }

    /// One subnet or two, for what wants one in each zone.
    fn subnets_for(&mut self, vpc: usize) -> Vec<String> {
        let mut subnets = self.vpcs[vpc].subnets.clone();
        if !subnets.is_empty() {
            let first = self.dice.below(subnets.len());
            subnets.rotate_left(first);
        }
        subnets.truncate(self.dice.below(2) + 1);
        subnets
            .iter()
            .map(|subnet| format!("${}", subnet.made))
            .collect()
    }
}

//! Changes of a network that is there.

use serde_json::{Value, json};

use super::way::Way;
use super::{Draft, Focus};
use crate::script::{What, Who};

impl Draft {
    /// Changes something.
    pub(super) fn change(&mut self) {
        let vpc = self.dice.below(self.vpcs.len());
        let kind = match self.focus {
            Focus::Groups if self.dice.chance(60) => 0,
            Focus::Acls if self.dice.chance(60) => 1,
            Focus::Routes if self.dice.chance(60) => 2,
            Focus::Services if self.dice.chance(60) => 3,
            Focus::Groups | Focus::Acls | Focus::Routes | Focus::Services | Focus::Everything => {
                self.dice.below(7)
            }
        };
        match kind {
            0 => self.change_groups(vpc),
            1 if self.dice.chance(75) => self.change_acl(vpc),
            1 => self.use_acl(vpc),
            2 => self.change_ways(vpc),
            3 if self.dice.chance(65) => self.change_service(),
            3 => self.change_endpoint(),
            4 | 5 => self.change_instances(vpc),
            _ => self.change_vpc(vpc),
        }
    }

    fn change_groups(&mut self, vpc: usize) {
        match self.dice.below(11) {
            9 | 10 => self.change_list(vpc),
            0..=3 => {
                let groups = self.vpcs[vpc].groups.clone();
                let group = self.dice.pick(&groups).clone();
                self.rule(vpc, &group);
            }
            4..=6 => self.drop_rule(),
            7 => self.regroup(vpc),
            _ => self.drop_group(vpc),
        }
    }

    fn change_ways(&mut self, vpc: usize) {
        match self.dice.below(7) {
            _ if self.online && self.dice.chance(50) => self.public_change(vpc),
            0 => self.any_route(vpc),
            1 => self.drop_route(),
            2 => self.drop_peering(),
            3 => self.new_peering(vpc),
            4 => self.use_table(vpc),
            5 => self.nowhere(vpc),
            _ => self.gateway_change(vpc),
        }
    }

    fn change_instances(&mut self, vpc: usize) {
        match self.dice.below(6) {
            0..=2 => self.reuse_address(vpc),
            3 => self.instance(vpc),
            4 => self.terminate(vpc),
            _ => self.source_check(vpc),
        }
    }

    fn change_vpc(&mut self, vpc: usize) {
        match self.dice.below(4) {
            0 => self.dns(vpc),
            1 => self.block(vpc),
            2 => self.drop_block(vpc),
            _ => {
                self.subnet(vpc);
                self.instance(vpc);
            }
        }
    }

    /// Deletes a group. That others of the VPC refer to it, or have it, is refused; rules of peers get stale.
    fn drop_group(&mut self, vpc: usize) {
        let groups = self.vpcs[vpc].groups.clone();
        if let Some(group) = self.dice.any(&groups[1..]) {
            let who = Who::OwnerOf(self.vpcs[vpc].made);
            self.call(who, "DeleteSecurityGroup", json!({ "GroupId": group }));
        }
    }

    fn drop_rule(&mut self) {
        let rules = self.rules.clone();
        if let Some((who, name, parameters)) = self.dice.any(&rules) {
            self.call(*who, name, parameters.clone());
        }
    }

    fn regroup(&mut self, vpc: usize) {
        let groups = self.some_groups(vpc);
        self.change_interface(vpc, "SecurityGroupId", json!(groups));
    }

    fn source_check(&mut self, vpc: usize) {
        let on = self.dice.chance(50);
        self.change_interface(vpc, "SourceDestCheck", json!({ "Value": on }));
    }

    fn change_interface(&mut self, vpc: usize, what: &str, value: Value) {
        let instances = self.vpcs[vpc].instances.clone();
        if let Some(instance) = self.dice.any(&instances) {
            let mut parameters =
                json!({ "NetworkInterfaceId": format!("${}.interface", instance.made) });
            parameters[what] = value;
            let who = Who::OwnerOf(instance.made);
            self.call(who, "ModifyNetworkInterfaceAttribute", parameters);
        }
    }

    fn drop_route(&mut self) {
        let routes = self.routes.clone();
        if let Some((who, table, to)) = self.dice.any(&routes) {
            let parameters = json!({ "RouteTableId": table, "DestinationCidrBlock": to });
            self.call(*who, "DeleteRoute", parameters);
            self.routes
                .retain(|route| (&route.1, &route.2) != (table, to));
        }
    }

    fn drop_peering(&mut self) {
        if self.peerings.is_empty() {
            return;
        }
        let place = self.dice.below(self.peerings.len());
        let made = self.peerings[place].made;
        let who = if self.dice.chance(50) {
            Who::OwnerOf(made)
        } else {
            Who::AccepterOf(made)
        };
        let parameters = json!({ "VpcPeeringConnectionId": format!("${made}") });
        self.call(who, "DeleteVpcPeeringConnection", parameters);
        if self.dice.chance(30) {
            // Long enough for nobody to be shown it any more.
            self.push(What::Wait { hours: 49 });
        }
    }

    /// A peering, perhaps once more between the same two, with its routes.
    fn new_peering(&mut self, from: usize) {
        let to = self.dice.below(self.vpcs.len());
        if from == to {
            return;
        }
        self.peering(from, to);
        let made = self.peerings.last().expect("the new one").made;
        for (near, far) in [(from, to), (to, from)] {
            let (table, block) = (self.vpcs[near].tables[0].clone(), self.vpcs[far].blocks[0]);
            if self.dice.chance(80) {
                self.route(near, &table, block, &Way::Peering(made));
            }
        }
    }

    /// An instance ends, and another one gets its address at once.
    fn reuse_address(&mut self, vpc: usize) {
        let instances = self.vpcs[vpc].instances.clone();
        if let Some(instance) = self.dice.any(&instances) {
            self.end(vpc, instance.made);
            self.instance_at(vpc, instance.subnet, instance.address);
        }
    }

    pub(super) fn terminate(&mut self, vpc: usize) {
        let instances = self.vpcs[vpc].instances.clone();
        if let Some(instance) = self.dice.any(&instances) {
            self.end(vpc, instance.made);
        }
    }

    fn end(&mut self, vpc: usize, made: usize) {
        let parameters = json!({ "InstanceId": [format!("${made}")] });
        self.call(Who::OwnerOf(made), "TerminateInstances", parameters);
        self.vpcs[vpc]
            .instances
            .retain(|instance| instance.made != made);
    }

    fn change_acl(&mut self, vpc: usize) {
        let acls = self.vpcs[vpc].acls.clone();
        let acl = self.dice.pick(&acls).clone();
        let egress = self.dice.chance(50);
        if self.dice.chance(60) {
            return self.entry(vpc, &acl, egress);
        }
        let number = *self.dice.pick(&[1, 50, 90, 100, 110, 199, 200, 201, 32766]);
        let parameters = json!({ "NetworkAclId": acl, "RuleNumber": number, "Egress": egress });
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        self.call(who, "DeleteNetworkAclEntry", parameters);
    }

    fn drop_block(&mut self, vpc: usize) {
        let of = &self.vpcs[vpc];
        let (made, blocks) = (of.made, of.blocks.clone());
        let block = self.dice.pick(&blocks);
        let parameters = json!({ "AssociationId": format!("${made}.{block}") });
        self.call(Who::OwnerOf(made), "DisassociateVpcCidrBlock", parameters);
    }

    fn change_service(&mut self) {
        if self.balancers.is_empty() {
            return self.service();
        }
        let place = self.dice.below(self.balancers.len());
        let mut balancer = self.balancers.swap_remove(place);
        let who = Who::OwnerOf(balancer.made);
        match self.dice.below(8) {
            6 | 7 => {
                self.push(What::Checks);
            }
            0 => {
                let place = self.dice.below(balancer.targets.len());
                self.register(balancer.vpc, &mut balancer.targets[place]);
            }
            1 | 2 => {
                if let Some(targets) = self.dice.any(&balancer.targets)
                    && let Some((id, port)) = self.dice.any(&targets.registered)
                {
                    let parameters = json!({
                        "TargetGroupArn": format!("${}", targets.made), "Targets": [{ "Id": id, "Port": port }],
                    });
                    self.call(who, "DeregisterTargets", parameters);
                }
            }
            3 => {
                if let Some(listener) = self.dice.any(&balancer.listeners) {
                    let parameters = json!({ "ListenerArn": format!("${listener}") });
                    self.call(who, "DeleteListener", parameters);
                }
            }
            4 => self.cross_zone(balancer.made),
            _ => {
                let groups = self.some_groups(balancer.vpc);
                let enforce = if self.dice.chance(50) { "on" } else { "off" };
                let parameters = json!({
                    "LoadBalancerArn": format!("${}", balancer.made), "SecurityGroups": groups,
                    "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": enforce,
                });
                self.call(who, "SetSecurityGroups", parameters);
            }
        }
        self.balancers.push(balancer);
    }

    fn change_endpoint(&mut self) {
        let (services, endpoints) = (self.services.clone(), self.endpoints.clone());
        let Some(service) = self.dice.any(&services).copied() else {
            return;
        };
        match self.dice.below(6) {
            0 => self.endpoint(service),
            1 => self.answer_endpoints("AcceptVpcEndpointConnections"),
            2 => self.answer_endpoints("RejectVpcEndpointConnections"),
            3 | 4 => {
                let vpc = self.dice.below(self.vpcs.len());
                let groups = self.vpcs[vpc].groups.clone();
                if let Some(endpoint) = self.dice.any(&endpoints) {
                    let mut parameters = json!({ "VpcEndpointId": format!("${endpoint}") });
                    let what = *self
                        .dice
                        .pick(&["AddSecurityGroupId", "RemoveSecurityGroupId"]);
                    parameters[what] = json!([self.dice.pick(&groups)]);
                    self.call(Who::OwnerOf(*endpoint), "ModifyVpcEndpoint", parameters);
                }
            }
            _ => {
                if let Some(endpoint) = self.dice.any(&endpoints) {
                    let parameters = json!({ "VpcEndpointId": [format!("${endpoint}")] });
                    self.call(Who::OwnerOf(*endpoint), "DeleteVpcEndpoints", parameters);
                }
            }
        }
    }
}

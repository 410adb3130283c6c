//! Security groups and network ACLs.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::{Draft, Focus, pool};
use crate::script::Who;

impl Draft {
    /// Groups and ACLs, and rules in both.
    pub(super) fn filters(&mut self, vpc: usize) {
        for _ in 0..self.dice.below(3) {
            self.group(vpc);
        }
        if self.dice.chance(35) {
            self.list(vpc);
        }
        for group in self.vpcs[vpc].groups.clone() {
            if self.chance_in(Focus::Groups, 5, 90) {
                let open = json!({ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] });
                self.rule_of(vpc, &group, true, &open);
            }
            for _ in 0..self.dice.below(6) {
                self.rule(vpc, &group);
            }
            if self.chance_in(Focus::Groups, 35, 5) {
                self.close_egress(vpc, &group);
            }
        }
        for _ in 0..self.vpcs[vpc].subnets.len() {
            if self.chance_in(Focus::Acls, 90, 5) {
                self.acl(vpc);
            }
        }
    }

    pub(super) fn group(&mut self, vpc: usize) {
        let made = self.vpcs[vpc].made;
        let name = format!("g{}", self.steps.len());
        let parameters = json!({
            "VpcId": format!("${made}"), "GroupName": name, "GroupDescription": "drawn",
        });
        let group = self.call(Who::OwnerOf(made), "CreateSecurityGroup", parameters);
        self.vpcs[vpc].groups.push(format!("${group}"));
    }

    /// Takes the rule away that lets everything out.
    pub(super) fn close_egress(&mut self, vpc: usize, group: &str) {
        let permission = json!({ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] });
        let parameters = json!({ "GroupId": group, "IpPermissions": [permission] });
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        self.call(who, "RevokeSecurityGroupEgress", parameters);
    }

    /// Adds a drawn rule to a group.
    pub(super) fn rule(&mut self, vpc: usize, group: &str) {
        let mut permission = pool::permission(&mut self.dice);
        let lists = self.vpcs[vpc].lists.clone();
        let list = self.dice.any(&lists).copied();
        if let Some(list) = list.filter(|_| self.dice.chance(35)) {
            permission["PrefixListIds"] = json!([{ "PrefixListId": format!("${list}") }]);
        } else if self.dice.chance(40) {
            let other = self.group_near(vpc);
            permission["Groups"] = json!([{ "GroupId": other }]);
        } else {
            let cidr = self.cidr(vpc);
            permission["IpRanges"] = json!([{ "CidrIp": cidr.to_string() }]);
        }
        let ingress = self.dice.chance(65);
        if self.dice.chance(15) {
            // The same ports by range and by group, or again.
            let mut again = permission.clone();
            let cidr = self.cidr(vpc);
            again["IpRanges"] = json!([{ "CidrIp": cidr.to_string() }]);
            self.rule_of(vpc, group, ingress, &again);
        }
        self.rule_of(vpc, group, ingress, &permission);
    }

    pub(super) fn rule_of(&mut self, vpc: usize, group: &str, ingress: bool, permission: &Value) {
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        let parameters = json!({ "GroupId": group, "IpPermissions": [permission] });
        let (add, drop) = if ingress {
            (
                "AuthorizeSecurityGroupIngress",
                "RevokeSecurityGroupIngress",
            )
        } else {
            ("AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress")
        };
        self.call(who, add, parameters.clone());
        self.rules.push((who, drop, parameters));
    }

    /// A group of the VPC itself, or of one that it is peered with.
    pub(super) fn group_near(&mut self, vpc: usize) -> String {
        let mut near = vec![vpc];
        if self.dice.chance(50) {
            near.extend(self.peers(vpc));
        }
        let of = *self.dice.pick(&near[near.len() / 2..]);
        let groups = self.vpcs[of].groups.clone();
        self.dice.pick(&groups).clone()
    }

    /// A range that says something about this VPC's traffic: near ones are drawn most often.
    pub(super) fn cidr(&mut self, vpc: usize) -> Ipv4Net {
        let of = match self.peers(vpc) {
            peers if !peers.is_empty() && self.dice.chance(60) => *self.dice.pick(&peers),
            _ => vpc,
        };
        let of = &self.vpcs[of];
        let near = of
            .blocks
            .iter()
            .copied()
            .chain(of.subnets.iter().map(|subnet| subnet.block))
            .chain(of.instances.iter().map(|instance| instance.address.into()));
        pool::cidr(&mut self.dice, &near.collect::<Vec<_>>())
    }

    /// A prefix list with entries, for rules and routes.
    pub(super) fn list(&mut self, vpc: usize) {
        let entries: Vec<_> = (0..=self.dice.below(3)).map(|_| self.cidr(vpc)).collect();
        let entries: BTreeSet<_> = entries.iter().map(ToString::to_string).collect();
        let entries: Vec<_> = entries.iter().map(|cidr| json!({ "Cidr": cidr })).collect();
        let parameters = json!({
            "PrefixListName": format!("l{}", self.steps.len()), "MaxEntries": 5, "AddressFamily": "IPv4",
            "Entry": entries,
        });
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        let list = self.call(who, "CreateManagedPrefixList", parameters);
        self.vpcs[vpc].lists.push(list);
    }

    /// An entry more or less.
    pub(super) fn change_list(&mut self, vpc: usize) {
        let lists = self.vpcs[vpc].lists.clone();
        let Some(list) = self.dice.any(&lists) else {
            return self.list(vpc);
        };
        let what = *self.dice.pick(&["AddEntry", "AddEntry", "RemoveEntry"]);
        let mut parameters = json!({
            "PrefixListId": format!("${list}"), "CurrentVersion": format!("${list}.version"),
        });
        parameters[what] = json!([{ "Cidr": self.cidr(vpc).to_string() }]);
        self.call(Who::OwnerOf(*list), "ModifyManagedPrefixList", parameters);
    }

    /// An ACL with entries, which a subnet then uses.
    pub(super) fn acl(&mut self, vpc: usize) {
        let made = self.vpcs[vpc].made;
        let who = Who::OwnerOf(made);
        let acl = self.call(
            who,
            "CreateNetworkAcl",
            json!({ "VpcId": format!("${made}") }),
        );
        let acl = format!("${acl}");
        self.vpcs[vpc].acls.push(acl.clone());
        for egress in [false, true] {
            for _ in 0..self.dice.below(5) {
                self.entry(vpc, &acl, egress);
            }
            if self.dice.chance(75) {
                let parameters = json!({
                    "NetworkAclId": acl, "RuleNumber": 200, "Egress": egress, "RuleAction": "allow",
                    "Protocol": "-1", "CidrBlock": "0.0.0.0/0",
                });
                self.call(who, "CreateNetworkAclEntry", parameters);
            }
        }
        self.use_acl(vpc);
    }

    pub(super) fn entry(&mut self, vpc: usize, acl: &str, egress: bool) {
        let cidr = self.cidr(vpc);
        let mut parameters = pool::entry(&mut self.dice);
        parameters["NetworkAclId"] = json!(acl);
        parameters["Egress"] = json!(egress);
        parameters["CidrBlock"] = json!(cidr.to_string());
        let name = if self.dice.chance(80) {
            "CreateNetworkAclEntry"
        } else {
            "ReplaceNetworkAclEntry"
        };
        self.call(Who::OwnerOf(self.vpcs[vpc].made), name, parameters);
    }

    pub(super) fn use_acl(&mut self, vpc: usize) {
        let (subnets, acls) = (self.vpcs[vpc].subnets.clone(), self.vpcs[vpc].acls.clone());
        let Some(subnet) = self.dice.any(&subnets) else {
            return;
        };
        let parameters = json!({
            "AssociationId": format!("${}.acl-use", subnet.made), "NetworkAclId": self.dice.pick(&acls),
        });
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        self.call(who, "ReplaceNetworkAclAssociation", parameters);
    }

    pub(super) fn some_groups(&mut self, vpc: usize) -> Vec<String> {
        let all = self.vpcs[vpc].groups.clone();
        let mut some = vec![self.dice.pick(&all).clone()];
        if self.dice.chance(30) {
            some.push(self.dice.pick(&all).clone());
        }
        some.dedup();
        some
    }
}

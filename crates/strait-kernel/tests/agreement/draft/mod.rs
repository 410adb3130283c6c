//! Draws a script from a seed: a network is built, every pair is tried, then it changes at random and is tried again.
//!
//! Draws are lopsided on purpose: most things are allowed somewhere, so that what one rule, entry or route does can be
//! seen at all.

mod change;
mod filter;
mod pool;
mod public;
mod service;
mod way;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::script::{Made, Step, What, Who};

/// The ports that rules, listeners and probes are about.
pub(crate) const PORTS: [u16; 5] = [53, 79, 80, 81, 5432];

/// A script as it grows, with what it has made so far as far as it knows.
pub(crate) struct Draft {
    dice: Dice,
    focus: Focus,
    /// Whether most of it has gateways and public addresses.
    online: bool,
    steps: Vec<Step>,
    vpcs: Vec<Vpc>,
    peerings: Vec<Peering>,
    balancers: Vec<service::Balancer>,
    services: Vec<Made>,
    endpoints: Vec<Made>,
    /// Each rule that was added, to take it away again.
    rules: Vec<(Who, &'static str, Value)>,
    routes: Vec<(Who, String, String)>,
    /// Elastic IP addresses, and their associations.
    addresses: Vec<(usize, Made)>,
    associations: Vec<Made>,
}

/// What a network is about. Elsewhere nearly everything is allowed, so that one rule, entry or route decides alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Focus {
    Groups,
    Acls,
    Routes,
    Services,
    Everything,
}

struct Vpc {
    made: Made,
    region: usize,
    blocks: Vec<Ipv4Net>,
    subnets: Vec<Subnet>,
    /// Names of its tables, groups and ACLs: `$3.table` is the one that the VPC came with.
    tables: Vec<String>,
    groups: Vec<String>,
    acls: Vec<String>,
    /// Prefix lists of its owner's.
    lists: Vec<Made>,
    gateways: Vec<Made>,
    instances: Vec<Instance>,
}

#[derive(Clone)]
struct Subnet {
    made: Made,
    block: Ipv4Net,
    has_table: bool,
    taken: u32,
}

#[derive(Clone)]
struct Instance {
    made: Made,
    subnet: Made,
    address: Ipv4Addr,
}

struct Peering {
    made: Made,
    from: usize,
    to: usize,
}

/// The script of a seed.
pub(crate) fn script(seed: u64) -> Vec<Step> {
    let mut dice = Dice::new(seed, 0);
    let focus = *dice.pick(&[
        Focus::Groups,
        Focus::Groups,
        Focus::Acls,
        Focus::Routes,
        Focus::Services,
        Focus::Everything,
    ]);
    let online = dice.chance(30);
    let mut draft = Draft {
        dice,
        focus,
        online,
        steps: Vec::new(),
        vpcs: Vec::new(),
        peerings: Vec::new(),
        balancers: Vec::new(),
        services: Vec::new(),
        endpoints: Vec::new(),
        rules: Vec::new(),
        routes: Vec::new(),
        addresses: Vec::new(),
        associations: Vec::new(),
    };
    draft.build();
    for _ in 0..2 {
        for _ in 0..draft.dice.below(5) + 2 {
            draft.change();
        }
        if draft.dice.chance(20) {
            draft.push(What::Adopt);
        }
        draft.push(What::Probe);
    }
    draft.steps
}

impl Draft {
    fn build(&mut self) {
        for _ in 0..self.dice.below(3) + 2 {
            self.vpc();
        }
        self.peerings();
        for vpc in 0..self.vpcs.len() {
            self.filters(vpc);
            for _ in 0..self.dice.below(3) + 1 {
                self.instance(vpc);
            }
            if self.dice.chance(15) {
                self.lone_interface(vpc);
            }
        }
        self.routes();
        if self.chance_in(Focus::Services, 100, 20) {
            self.service();
        }
        self.push(What::Probe);
    }

    /// Yes, so many times in a hundred in networks of this focus, and in others; between them where all is looked at.
    fn chance_in(&mut self, focus: Focus, there: usize, elsewhere: usize) -> bool {
        let percent = match self.focus {
            own if own == focus => there,
            Focus::Everything => usize::midpoint(there, elsewhere),
            Focus::Groups | Focus::Acls | Focus::Routes | Focus::Services => elsewhere,
        };
        self.dice.chance(percent)
    }

    fn push(&mut self, what: What) -> Made {
        let number = self.steps.len();
        self.steps.push(Step { number, what });
        number
    }

    fn call(&mut self, who: Who, name: &'static str, parameters: Value) -> Made {
        self.push(What::Call {
            who,
            name,
            parameters,
        })
    }

    /// A VPC with its subnets; the ranges of VPCs may well overlap.
    fn vpc(&mut self) {
        let account = self.dice.below(3);
        let region = usize::from(self.dice.chance(15));
        let block = pool::block(&mut self.dice);
        let parameters = json!({ "CidrBlock": block.to_string() });
        let made = self.call(Who::Account(account, region), "CreateVpc", parameters);
        self.vpcs.push(Vpc {
            made,
            region,
            blocks: vec![block],
            subnets: Vec::new(),
            tables: vec![format!("${made}.table")],
            groups: vec![format!("${made}.group")],
            acls: vec![format!("${made}.acl")],
            lists: Vec::new(),
            gateways: Vec::new(),
            instances: Vec::new(),
        });
        let vpc = self.vpcs.len() - 1;
        if self.dice.chance(30) {
            self.block(vpc);
        }
        for _ in 0..self.dice.below(3) + 1 {
            self.subnet(vpc);
        }
        let gateways = if self.online { 90 } else { 30 };
        if self.dice.chance(gateways) {
            self.gateway(vpc);
        }
        if self.dice.chance(15) {
            self.dns(vpc);
        }
    }

    fn block(&mut self, vpc: usize) {
        let made = self.vpcs[vpc].made;
        let block = pool::block(&mut self.dice);
        let parameters = json!({ "VpcId": format!("${made}"), "CidrBlock": block.to_string() });
        self.call(Who::OwnerOf(made), "AssociateVpcCidrBlock", parameters);
        self.vpcs[vpc].blocks.push(block);
    }

    fn subnet(&mut self, vpc: usize) {
        let blocks = self.vpcs[vpc].blocks.clone();
        let block = *self.dice.pick(&blocks);
        let length = (block.prefix_len() + 2).max(24);
        let Ok(mut choices) = block.subnets(length.min(28)) else {
            return;
        };
        let place = self.dice.below(3);
        let Some(chosen) = choices.nth(place) else {
            return;
        };
        let made = self.vpcs[vpc].made;
        let region = ["us-east-1", "eu-west-1"][self.vpcs[vpc].region];
        let zone = format!("{region}{}", self.dice.pick(&["a", "b"]));
        let parameters = json!({
            "VpcId": format!("${made}"), "CidrBlock": chosen.to_string(), "AvailabilityZone": zone,
        });
        let subnet = self.call(Who::OwnerOf(made), "CreateSubnet", parameters);
        self.vpcs[vpc].subnets.push(Subnet {
            made: subnet,
            block: chosen,
            has_table: false,
            taken: 4,
        });
    }

    fn dns(&mut self, vpc: usize) {
        let made = self.vpcs[vpc].made;
        let on = self.dice.chance(50);
        let parameters =
            json!({ "VpcId": format!("${made}"), "EnableDnsSupport": { "Value": on } });
        self.call(Who::OwnerOf(made), "ModifyVpcAttribute", parameters);
    }

    /// An instance, sometimes with an interface in two subnets.
    fn instance(&mut self, vpc: usize) {
        let Some((subnet, address)) = self.free_address(vpc) else {
            return;
        };
        self.instance_at(vpc, subnet, address);
    }

    fn instance_at(&mut self, vpc: usize, subnet: Made, address: Ipv4Addr) {
        let groups = self.some_groups(vpc);
        let mut plugs = vec![json!({
            "DeviceIndex": 0, "SubnetId": format!("${subnet}"), "PrivateIpAddress": address.to_string(),
            "SecurityGroupId": groups,
        })];
        if self.dice.chance(12)
            && let Some((subnet, address)) = self.free_address(vpc)
        {
            let groups = self.some_groups(vpc);
            plugs.push(json!({
                "DeviceIndex": 1, "SubnetId": format!("${subnet}"), "PrivateIpAddress": address.to_string(),
                "SecurityGroupId": groups,
            }));
        }
        if plugs.len() == 1 {
            plugs[0]["AssociatePublicIpAddress"] = json!(self.wants_public(vpc));
        }
        let parameters = json!({
            "ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "NetworkInterface": plugs,
        });
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        let made = self.call(who, "RunInstances", parameters);
        self.vpcs[vpc].instances.push(Instance {
            made,
            subnet,
            address,
        });
    }

    /// An interface that nothing holds.
    fn lone_interface(&mut self, vpc: usize) {
        let Some((subnet, address)) = self.free_address(vpc) else {
            return;
        };
        let parameters =
            json!({ "SubnetId": format!("${subnet}"), "PrivateIpAddress": address.to_string() });
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        self.call(who, "CreateNetworkInterface", parameters);
    }

    fn free_address(&mut self, vpc: usize) -> Option<(Made, Ipv4Addr)> {
        let subnets = &mut self.vpcs[vpc].subnets;
        if subnets.is_empty() {
            return None;
        }
        let place = self.dice.below(subnets.len());
        let subnet = &mut subnets[place];
        let address = u32::from(subnet.block.network()) + subnet.taken;
        subnet.taken += 1;
        Some((subnet.made, address.into()))
    }
}

//! A network that calls build: each goes through AWS's rules, so that what is there is what they allow.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use strait_vpc::api::Service;
use strait_vpc::state::{Health, Holder, RouteTableUse};
use strait_vpc::{
    AccountId, Action, Caller, Context, Network, Region, Response, apply, health_checks,
    record_health, tick,
};

use crate::dice::Dice;
use crate::script::{Made, Step, What, Who};

const ACCOUNTS: [&str; 3] = ["111111111111", "222222222222", "333333333333"];
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

/// Where the answers of calls that make something have its id.
const IDS: [&str; 17] = [
    "/vpc/vpcId",
    "/subnet/subnetId",
    "/routeTable/routeTableId",
    "/groupId",
    "/networkAcl/networkAclId",
    "/prefixList/prefixListId",
    "/vpcPeeringConnection/vpcPeeringConnectionId",
    "/instancesSet/item/0/instanceId",
    "/networkInterface/networkInterfaceId",
    "/internetGateway/internetGatewayId",
    "/LoadBalancers/member/0/LoadBalancerArn",
    "/TargetGroups/member/0/TargetGroupArn",
    "/Listeners/member/0/ListenerArn",
    "/serviceConfiguration/serviceId",
    "/vpcEndpoint/vpcEndpointId",
    "/allocationId",
    "/associationId",
];

/// The network, and the ids of what each step made.
pub(crate) struct World {
    pub(crate) network: Network,
    now: Timestamp,
    seed: u64,
    made: BTreeMap<Made, Object>,
}

struct Object {
    id: String,
    caller: Caller,
}

/// What became of a step.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// AWS's rules do not allow it.
    Refused,
    /// What it is about is not there.
    Senseless,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            network: Network::default(),
            now: Timestamp::UNIX_EPOCH,
            seed,
            made: BTreeMap::new(),
        }
    }

    /// Does what a step says to the network; the moments that are about the kernel alone do nothing here.
    pub(crate) fn run(&mut self, step: &Step) -> Outcome {
        let (who, name, parameters) = match &step.what {
            What::Call {
                who,
                name,
                parameters,
            } => (who, name, parameters),
            What::Wait { hours } => {
                self.now += SignedDuration::from_hours(*hours);
                tick(&mut self.network, self.now);
                return Outcome::Done;
            }
            What::Checks => {
                self.check_targets(step.number);
                return Outcome::Done;
            }
            What::Adopt | What::Probe => return Outcome::Done,
        };
        let (Some(caller), Some(parameters)) = (self.caller(*who), self.filled(parameters)) else {
            return Outcome::Senseless;
        };
        let action = read(name, parameters);
        let mut dice = Dice::new(self.seed, step.number as u64);
        let mut random = || u128::from(dice.roll()) << 64 | u128::from(dice.roll());
        let mut context = Context {
            now: self.now,
            random: &mut random,
        };
        match apply(&mut self.network, &caller, action, &mut context) {
            Ok(answer) => {
                if let Some(id) = id_of(&answer).filter(|_| starts_something(name)) {
                    self.made.insert(step.number, Object { id, caller });
                }
                Outcome::Done
            }
            Err(_) => Outcome::Refused,
        }
    }

    /// Each node finds each of its targets healthy or not.
    fn check_targets(&mut self, number: Made) {
        let mut dice = Dice::new(self.seed, number as u64);
        let mut found = Vec::new();
        for check in health_checks(&self.network) {
            let health = if dice.chance(60) {
                Health::Healthy
            } else {
                Health::Unhealthy
            };
            found.push((check.key, health));
        }
        record_health(&mut self.network, &found);
    }

    fn caller(&self, who: Who) -> Option<Caller> {
        match who {
            Who::Account(account, region) => Some(Caller::new(
                account_id(account),
                Region::new(REGIONS[region]),
            )),
            Who::OwnerOf(made) => Some(self.made.get(&made)?.caller.clone()),
            Who::AccepterOf(made) => {
                let id = &self.made.get(&made)?.id;
                let mut peerings = self.network.peerings.values();
                let accepter = &peerings.find(|row| row.id.as_str() == id)?.accepter;
                Some(Caller::new(accepter.owner.clone(), accepter.region.clone()))
            }
        }
    }

    /// Parameters with ids for `$NUMBER` and `$NUMBER.PART`.
    fn filled(&self, parameters: &Value) -> Option<Value> {
        Some(match parameters {
            Value::String(text) => match text.strip_prefix('$') {
                Some(name) if name.ends_with(".version") => self.named(name)?.parse().ok()?,
                Some(name) => Value::String(self.named(name)?),
                None => parameters.clone(),
            },
            Value::Array(items) => items
                .iter()
                .map(|item| self.filled(item))
                .collect::<Option<_>>()?,
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| Some((name.clone(), self.filled(value)?)))
                    .collect::<Option<_>>()?,
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => parameters.clone(),
        })
    }

    fn named(&self, name: &str) -> Option<String> {
        let (number, part) = name.split_once('.').unwrap_or((name, "id"));
        let object = self.made.get(&number.parse().ok()?)?;
        self.part(object, part)
    }

    fn part(&self, object: &Object, part: &str) -> Option<String> {
        let Object { id, caller } = object;
        let network = &self.network;
        let is = |other: &str| other == id;
        Some(match part {
            "id" => id.clone(),
            "owner" => caller.account.to_string(),
            "region" => caller.region.to_string(),
            // Of a VPC: what came with it.
            "table" => {
                let main = |row: &&strait_vpc::state::RouteTable| {
                    is(row.vpc.as_str())
                        && row
                            .associations
                            .values()
                            .any(|by| *by == RouteTableUse::Main)
                };
                network.route_tables.values().find(main)?.id.to_string()
            }
            "group" => {
                let mut rows = network.security_groups.values();
                rows.find(|row| is(row.vpc.as_str()) && row.name == "default")?
                    .id
                    .to_string()
            }
            "acl" => {
                let mut rows = network.network_acls.values();
                rows.find(|row| is(row.vpc.as_str()) && row.is_default)?
                    .id
                    .to_string()
            }
            // Of a subnet: which table and ACL it uses.
            "table-use" => {
                let mut uses = network
                    .route_tables
                    .values()
                    .flat_map(|row| &row.associations);
                let by = |by: &RouteTableUse| matches!(by, RouteTableUse::Subnet(subnet) if is(subnet.as_str()));
                uses.find(|(_, subnet)| by(subnet))?.0.to_string()
            }
            "acl-use" => {
                let mut uses = network
                    .network_acls
                    .values()
                    .flat_map(|row| &row.associations);
                uses.find(|(_, subnet)| is(subnet.as_str()))?.0.to_string()
            }
            // Of an instance.
            "interface" => {
                let mut rows = network.interfaces.values();
                let primary = |holder: &Holder| match holder {
                    Holder::Instance {
                        id, device_index, ..
                    } => is(id.as_str()) && *device_index == 0,
                    Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => false,
                };
                rows.find(|row| primary(&row.holder))?.id.to_string()
            }
            // Of an endpoint service.
            "name" => {
                let mut rows = network.endpoint_services.values();
                rows.find(|row| is(row.id.as_str()))?.service_name()
            }
            // Of a prefix list; a number.
            "version" => {
                let mut rows = network.prefix_lists.values();
                rows.find(|row| is(row.id.as_str()))?.version.to_string()
            }
            // Of a VPC: the association of one of its blocks.
            block => {
                let mut rows = network.vpcs.values();
                let mut blocks = rows.find(|row| is(row.id.as_str()))?.blocks.iter();
                blocks
                    .find(|row| row.cidr.to_string() == block)?
                    .association
                    .to_string()
            }
        })
    }
}

/// The id of an account by its place.
pub(crate) fn account_id(account: usize) -> AccountId {
    ACCOUNTS[account].parse().expect("an account")
}

fn read(name: &str, parameters: Value) -> Action {
    let (service, _) = Action::ALL
        .iter()
        .find(|(_, known)| *known == name)
        .unwrap_or_else(|| panic!("there is no call {name}"));
    let service: Service = *service;
    let shown = parameters.to_string();
    Action::read(service, name, parameters)
        .expect("it is in the list")
        .unwrap_or_else(|error| panic!("{name} {shown}: {error}"))
}

fn starts_something(name: &str) -> bool {
    name.starts_with("Create")
        || matches!(
            name,
            "RunInstances" | "AllocateAddress" | "AssociateAddress"
        )
}

fn id_of(answer: &Response) -> Option<String> {
    let answer = serde_json::to_value(answer).expect("answers can be written");
    let ids = IDS.iter().filter_map(|path| answer.pointer(path));
    ids.filter_map(Value::as_str).next().map(str::to_owned)
}

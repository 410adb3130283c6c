//! A network with two accounts, a clock and numbered randomness.

use jiff::{SignedDuration, Timestamp};
use strait_vpc::api::*;
use strait_vpc::{
    AccountId, Action, AwsError, Caller, Context, Network, Region, Response, apply, read, tick,
};

/// A network to call.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) now: Timestamp,
    random: u128,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            network: Network::default(),
            now: Timestamp::UNIX_EPOCH,
            random: 0,
        }
    }

    /// Makes a call.
    pub(crate) fn call(
        &mut self,
        caller: &Caller,
        action: impl Into<Action>,
    ) -> Result<Response, AwsError> {
        let Self {
            network,
            now,
            random,
        } = self;
        let mut next = || {
            *random += 1;
            *random
        };
        let context = &mut Context {
            now: *now,
            random: &mut next,
        };
        let action = action.into();
        // As a server does, so that a call that is wrongly taken for a read leaves nothing.
        read(network, caller, &action, context)
            .unwrap_or_else(|| apply(network, caller, action, context))
    }

    /// Makes a call that succeeds.
    pub(crate) fn ok<T: TryFrom<Response>>(
        &mut self,
        caller: &Caller,
        action: impl Into<Action>,
    ) -> T {
        let response = self.call(caller, action).expect("the call succeeds");
        let Ok(answer) = T::try_from(response) else {
            panic!("the answer is of another call")
        };
        answer
    }

    /// Makes a call that fails, after which nothing has changed: its code and message.
    pub(crate) fn refused(
        &mut self,
        caller: &Caller,
        action: impl Into<Action>,
    ) -> (String, String) {
        let before = contents(&self.network);
        let error = self.call(caller, action).expect_err("the call fails");
        assert_eq!(
            contents(&self.network),
            before,
            "a call that fails changes nothing: {error}"
        );
        (error.code, error.message)
    }

    /// The code of a call that fails.
    pub(crate) fn code(&mut self, caller: &Caller, action: impl Into<Action>) -> String {
        self.refused(caller, action).0
    }

    /// Makes a call: its code, or `ok`.
    pub(crate) fn outcome(&mut self, caller: &Caller, action: impl Into<Action>) -> String {
        self.call(caller, action)
            .map_or_else(|error| error.code, |_| "ok".to_owned())
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, hours: i64) {
        self.now += SignedDuration::from_hours(hours);
        tick(&mut self.network, self.now);
    }

    /// An account that `new_account` makes.
    pub(crate) fn account(&mut self, name: &str) -> Caller {
        let Self {
            network,
            now,
            random,
        } = self;
        let mut next = || {
            *random += 1;
            *random
        };
        let made = strait_vpc::new_account(
            network,
            name,
            None,
            &mut Context {
                now: *now,
                random: &mut next,
            },
        );
        Caller::new(made.id.clone(), Region::new("us-east-1"))
    }

    pub(crate) fn vpc(&mut self, caller: &Caller, cidr: &str) -> String {
        let request = CreateVpcRequest {
            cidr_block: Some(cidr.to_owned()),
            ..Default::default()
        };
        self.ok::<CreateVpcResponse>(caller, request).vpc.vpc_id
    }

    pub(crate) fn subnet(&mut self, caller: &Caller, vpc: &str, cidr: &str) -> String {
        let request = CreateSubnetRequest {
            vpc_id: vpc.to_owned(),
            cidr_block: Some(cidr.to_owned()),
            ..Default::default()
        };
        self.ok::<CreateSubnetResponse>(caller, request)
            .subnet
            .subnet_id
    }

    pub(crate) fn group(&mut self, caller: &Caller, vpc: &str, name: &str) -> String {
        let request = CreateSecurityGroupRequest {
            group_name: name.to_owned(),
            group_description: "for a test".to_owned(),
            vpc_id: Some(vpc.to_owned()),
            ..Default::default()
        };
        self.ok::<CreateSecurityGroupResponse>(caller, request)
            .group_id
    }

    pub(crate) fn main_table(&mut self, caller: &Caller, vpc: &str) -> String {
        let filters = vec![filter("vpc-id", vpc), filter("association.main", "true")];
        let request = DescribeRouteTablesRequest {
            filters,
            ..Default::default()
        };
        let tables = self
            .ok::<DescribeRouteTablesResponse>(caller, request)
            .route_tables
            .items;
        assert_eq!(tables.len(), 1, "a VPC has one main table");
        tables[0].route_table_id.clone()
    }

    pub(crate) fn instance(&mut self, caller: &Caller, subnet: &str) -> InstanceItem {
        let request = RunInstancesRequest {
            subnet_id: Some(subnet.to_owned()),
            ..one_instance()
        };
        let mut made = self
            .ok::<RunInstancesResponse>(caller, request)
            .instances
            .items;
        assert_eq!(made.len(), 1);
        made.remove(0)
    }

    /// A peering connection that was asked for and, if so wished, accepted.
    pub(crate) fn peering(
        &mut self,
        from: (&Caller, &str),
        to: (&Caller, &str),
        accepted: bool,
    ) -> String {
        let asked = self
            .ok::<CreateVpcPeeringConnectionResponse>(from.0, ask(from.1, to))
            .vpc_peering_connection;
        let id = asked.vpc_peering_connection_id;
        if accepted {
            self.ok::<AcceptVpcPeeringConnectionResponse>(to.0, accept(&id));
        }
        id
    }

    pub(crate) fn peering_state(&mut self, caller: &Caller, id: &str) -> Option<(String, String)> {
        let request = DescribeVpcPeeringConnectionsRequest {
            vpc_peering_connection_ids: vec![id.to_owned()],
            ..Default::default()
        };
        let answer = self.call(caller, request).ok()?;
        let Ok(answer) = DescribeVpcPeeringConnectionsResponse::try_from(answer) else {
            return None;
        };
        let status = answer.vpc_peering_connections.items.first()?.status.clone();
        Some((status.code, status.message))
    }
}

/// An account in us-east-1 that is not in the list of accounts: it gets no default VPC.
pub(crate) fn customer() -> Caller {
    caller("111122223333", "us-east-1")
}

/// Another account in us-east-1.
pub(crate) fn provider() -> Caller {
    caller("999988887777", "us-east-1")
}

pub(crate) fn caller(account: &str, region: &str) -> Caller {
    Caller::new(
        account.parse::<AccountId>().expect("an account"),
        Region::new(region),
    )
}

pub(crate) fn filter(name: &str, value: &str) -> Filter {
    Filter {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    }
}

pub(crate) fn ask(vpc: &str, to: (&Caller, &str)) -> CreateVpcPeeringConnectionRequest {
    CreateVpcPeeringConnectionRequest {
        vpc_id: vpc.to_owned(),
        peer_vpc_id: Some(to.1.to_owned()),
        peer_owner_id: Some(to.0.account.to_string()),
        peer_region: Some(to.0.region.to_string()),
        ..Default::default()
    }
}

pub(crate) fn accept(id: &str) -> AcceptVpcPeeringConnectionRequest {
    AcceptVpcPeeringConnectionRequest {
        vpc_peering_connection_id: id.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn one_instance() -> RunInstancesRequest {
    RunInstancesRequest {
        image_id: Some("ami-0123456789abcdef0".to_owned()),
        min_count: 1,
        max_count: 1,
        ..Default::default()
    }
}

pub(crate) fn tags(kind: &str, tags: &[(&str, &str)]) -> Vec<TagSpecification> {
    vec![TagSpecification {
        resource_type: kind.to_owned(),
        tags: tag_inputs(tags),
    }]
}

pub(crate) fn tag_inputs(tags: &[(&str, &str)]) -> Vec<TagInput> {
    tags.iter()
        .map(|(key, value)| TagInput {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        })
        .collect()
}

/// All rows of a network as text, to compare.
pub(crate) fn contents(network: &Network) -> String {
    macro_rules! all {
        ($($table:ident)*) => {{
            // Named one by one, so that a new table is compared too.
            let Network { $($table),* } = network;
            [$(format!("{:?}", $table.iter().collect::<Vec<_>>())),*].join("\n")
        }};
    }
    all!(accounts vpcs subnets route_tables internet_gateways security_groups network_acls interfaces elastic_ips instances
        peerings prefix_lists endpoint_services endpoints gateway_endpoints load_balancers target_groups listeners
        hosted_zones records zone_changes sessions client_tokens counters quotas)
}

/// The customer with a VPC, and the provider with one that asks for a peering.
pub(crate) fn pending() -> (World, Caller, Caller, String) {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&them, "10.1.0.0/16"),
    );
    let id = world.peering((&them, &theirs), (&me, &mine), false);
    (world, me, them, id)
}

/// A peering connection as an account sees it.
pub(crate) fn show(world: &mut World, caller: &Caller, id: &str) -> VpcPeeringConnectionItem {
    let request = DescribeVpcPeeringConnectionsRequest {
        vpc_peering_connection_ids: vec![id.to_owned()],
        ..Default::default()
    };
    world
        .ok::<DescribeVpcPeeringConnectionsResponse>(caller, request)
        .vpc_peering_connections
        .items
        .remove(0)
}

//! A small network for tests: a customer's VPC, a Peering VPC with an endpoint, and a Service VPC with a balancer.
//!
//! The customer's and the Service VPC have the same range on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;

use crate::id::*;
use crate::state::*;

/// The network with the ids that tests change.
pub(crate) struct Sample {
    pub(crate) network: Network,
    pub(crate) app: Side,
    pub(crate) peering_vpc: Side,
    pub(crate) service_vpc: Side,
    pub(crate) peering: PeeringId,
    pub(crate) endpoint: EndpointId,
    pub(crate) service: EndpointServiceId,
    pub(crate) balancer: String,
    /// The app's, the endpoint's, the balancer node's and the target's interface.
    pub(crate) app_interface: InterfaceId,
    pub(crate) endpoint_interface: InterfaceId,
    pub(crate) node: InterfaceId,
    pub(crate) target_interface: InterfaceId,
    random: u128,
}

/// A VPC with one subnet and what belongs to it.
#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) owner: AccountId,
    pub(crate) vpc: VpcId,
    pub(crate) subnet: SubnetId,
    pub(crate) table: RouteTableId,
    pub(crate) acl: NetworkAclId,
    pub(crate) group: SecurityGroupId,
}

/// The address of the endpoint, which the app connects to.
pub(crate) const ENDPOINT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 4);

/// The story's network, in which everything is right.
pub(crate) fn story() -> Sample {
    let mut network = Network::default();
    let mut random = 0;
    let app = side(
        &mut network,
        &mut random,
        "111122223333",
        "10.0.0.0/16",
        "10.0.1.0/24",
    );
    let peering_vpc = side(
        &mut network,
        &mut random,
        "999988887777",
        "10.1.0.0/24",
        "10.1.0.0/26",
    );
    let service_vpc = side(
        &mut network,
        &mut random,
        "999988887777",
        "10.0.0.0/16",
        "10.0.1.0/24",
    );
    let mut sample = Sample {
        app_interface: InterfaceId::from_random(0),
        endpoint_interface: InterfaceId::from_random(0),
        node: InterfaceId::from_random(0),
        target_interface: InterfaceId::from_random(0),
        peering: PeeringId::from_random(1),
        endpoint: EndpointId::from_random(1),
        service: EndpointServiceId::from_random(1),
        balancer: "arn:aws:elasticloadbalancing:us-east-1:999988887777:loadbalancer/net/db/0000000000000001".to_owned(),
        network,
        app,
        peering_vpc,
        service_vpc,
        random,
    };
    sample.app_interface = sample.instance(&sample.app.clone(), "10.0.1.4");
    sample.target_interface = sample.instance(&sample.service_vpc.clone(), "10.0.1.6");
    sample.add_peering();
    sample.add_balancer();
    sample.add_endpoint();
    let (app, peering_vpc, service_vpc) = (
        sample.app.clone(),
        sample.peering_vpc.clone(),
        sample.service_vpc.clone(),
    );
    sample.allow(
        &app.group,
        Direction::Egress,
        tcp(5432),
        cidr("10.1.0.0/24"),
    );
    sample.allow(
        &peering_vpc.group,
        Direction::Ingress,
        tcp(5432),
        cidr("10.0.0.0/16"),
    );
    sample.allow(
        &service_vpc.group,
        Direction::Ingress,
        tcp(5432),
        cidr("10.0.1.5/32"),
    );
    sample.route(
        &app.table,
        "10.1.0.0/24",
        RouteTarget::Peering(sample.peering.clone()),
    );
    sample.route(
        &peering_vpc.table,
        "10.0.0.0/16",
        RouteTarget::Peering(sample.peering.clone()),
    );
    sample
}

/// TCP to one port.
pub(crate) fn tcp(port: u16) -> Traffic {
    Traffic::Tcp(PortRange {
        from: port,
        to: port,
    })
}

/// A CIDR block as a rule's far side.
pub(crate) fn cidr(block: &str) -> RulePeer {
    RulePeer::Cidr(net(block))
}

/// A CIDR block.
pub(crate) fn net(block: &str) -> Ipv4Net {
    block.parse().expect("a CIDR block")
}

impl Sample {
    /// Adds a rule to a group.
    pub(crate) fn allow(
        &mut self,
        group: &SecurityGroupId,
        direction: Direction,
        traffic: Traffic,
        peer: RulePeer,
    ) -> SecurityGroupRuleId {
        self.random += 1;
        let id = SecurityGroupRuleId::from_random(self.random);
        let rule = SecurityGroupRule {
            direction,
            traffic,
            peer,
            description: None,
            place: 0,
            tags: Tags::new(),
        };
        let group = self
            .network
            .security_groups
            .get_mut(group)
            .expect("a group");
        group.rules.insert(id.clone(), rule);
        id
    }

    /// Takes all rules of a direction out of a group.
    pub(crate) fn revoke_all(&mut self, group: &SecurityGroupId, direction: Direction) {
        let group = self
            .network
            .security_groups
            .get_mut(group)
            .expect("a group");
        group.rules.retain(|_, rule| rule.direction != direction);
    }

    /// Adds a route.
    pub(crate) fn route(&mut self, table: &RouteTableId, destination: &str, target: RouteTarget) {
        let table = self
            .network
            .route_tables
            .get_mut(table)
            .expect("a route table");
        table.routes.insert(net(destination), target);
    }

    /// Adds a route to a prefix list.
    pub(crate) fn route_list(
        &mut self,
        table: &RouteTableId,
        list: PrefixListId,
        target: RouteTarget,
    ) {
        let table = self
            .network
            .route_tables
            .get_mut(table)
            .expect("a route table");
        table.list_routes.insert(list, target);
    }

    /// Makes a prefix list with these entries, or gives it these.
    pub(crate) fn list(&mut self, number: u128, entries: &[&str]) {
        let block = |text: &&str| (text.parse().expect("a block"), None);
        let list = PrefixList {
            id: PrefixListId::from_random(number),
            owner: self.app.owner.clone(),
            region: region(),
            name: "list".to_owned(),
            family: AddressFamily::V4,
            max_entries: 10,
            state: PrefixListState::Created,
            version: 1,
            versions: BTreeMap::from([(1, entries.iter().map(block).collect())]),
            tags: Tags::new(),
        };
        self.network.prefix_lists.insert(list.id.clone(), list);
    }

    /// Launches an instance with one interface; it has the side's group.
    pub(crate) fn instance(&mut self, side: &Side, address: &str) -> InterfaceId {
        self.random += 1;
        let id = InstanceId::from_random(self.random);
        let instance = Instance {
            id: id.clone(),
            reservation: ReservationId::from_random(self.random),
            owner: side.owner.clone(),
            region: region(),
            image: ImageId::from_random(1),
            instance_type: "t3.micro".to_owned(),
            key_name: None,
            state: InstanceState::Running,
            launched_at: Timestamp::UNIX_EPOCH,
            ended_at: None,
            client_token: None,
            launch_index: 0,
            tags: Tags::new(),
        };
        self.network.instances.insert(id.clone(), instance);
        let attachment = AttachmentId::from_random(self.random);
        let groups = BTreeSet::from([side.group.clone()]);
        self.interface(
            side,
            address,
            groups,
            Holder::Instance {
                id,
                attachment,
                device_index: 0,
            },
        )
    }

    /// Adds an interface.
    pub(crate) fn interface(
        &mut self,
        side: &Side,
        address: &str,
        groups: BTreeSet<SecurityGroupId>,
        holder: Holder,
    ) -> InterfaceId {
        self.random += 1;
        let id = InterfaceId::from_random(self.random);
        let interface = Interface {
            id: id.clone(),
            vpc: side.vpc.clone(),
            subnet: side.subnet.clone(),
            owner: side.owner.clone(),
            region: region(),
            index: self.network.next_link(),
            address: address.parse().expect("an address"),
            secondary: BTreeSet::new(),
            public_ip: None,
            auto_public: false,
            groups,
            source_dest_check: true,
            holder,
            description: String::new(),
            tags: Tags::new(),
        };
        self.network.interfaces.insert(id.clone(), interface);
        id
    }

    /// Attaches an internet gateway to a side's VPC; its id is that VPC's number.
    pub(crate) fn gateway(&mut self, side: &Side) -> InternetGatewayId {
        let digits = side.vpc.as_str().trim_start_matches("vpc-");
        let id: InternetGatewayId = format!("igw-{digits}").parse().expect("an id");
        let gateway = InternetGateway {
            id: id.clone(),
            owner: side.owner.clone(),
            region: region(),
            vpc: Some(side.vpc.clone()),
            tags: Tags::new(),
        };
        self.network.internet_gateways.insert(id.clone(), gateway);
        id
    }

    /// Gives an interface a public address.
    pub(crate) fn make_public(&mut self, interface: &InterfaceId, address: Ipv4Addr) {
        let interface = self.network.interfaces.get_mut(interface);
        interface.expect("the interface").public_ip = Some(address);
    }

    fn add_peering(&mut self) {
        let end = |side: &Side, block| PeeringSide {
            owner: side.owner.clone(),
            region: region(),
            vpc: side.vpc.clone(),
            blocks: vec![net(block)],
            ipv6_blocks: Vec::new(),
            allow_dns: false,
            tags: Tags::new(),
        };
        let peering = Peering {
            id: self.peering.clone(),
            index: self.network.next_link(),
            requester: end(&self.peering_vpc, "10.1.0.0/24"),
            accepter: end(&self.app, "10.0.0.0/16"),
            state: PeeringState::Active,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            ended_at: None,
        };
        self.network.peerings.insert(peering.id.clone(), peering);
    }

    fn add_balancer(&mut self) {
        let side = self.service_vpc.clone();
        let arn = self.balancer.clone();
        self.node = self.interface(
            &side,
            "10.0.1.5",
            BTreeSet::new(),
            Holder::LoadBalancer(arn.clone()),
        );
        let balancer = LoadBalancer {
            arn: arn.clone(),
            name: "db".to_owned(),
            owner: side.owner.clone(),
            region: region(),
            vpc: side.vpc.clone(),
            internet_facing: false,
            nodes: BTreeMap::from([(side.subnet.clone(), self.node.clone())]),
            groups: BTreeSet::new(),
            dns_name: "db-1.elb.us-east-1.amazonaws.com".to_owned(),
            attributes: BTreeMap::new(),
            created_at: Timestamp::UNIX_EPOCH,
            tags: Tags::new(),
        };
        let target = self
            .network
            .interfaces
            .get(&self.target_interface)
            .expect("the target");
        let targets = BTreeSet::from([Target {
            id: target.address.to_string(),
            port: 5432,
        }]);
        let group = TargetGroup {
            arn: "arn:target".to_owned(),
            name: "db".to_owned(),
            owner: side.owner,
            region: region(),
            vpc: side.vpc,
            port: 5432,
            target_type: TargetType::Ip,
            protocol: BalancerProtocol::Tcp,
            health_check: HealthCheck::default(),
            targets,
            draining: BTreeSet::new(),
            checked: Vec::new(),
            attributes: BTreeMap::new(),
            tags: Tags::new(),
        };
        let listener = Listener {
            arn: "arn:listener".to_owned(),
            load_balancer: arn.clone(),
            protocol: BalancerProtocol::Tcp,
            port: 5432,
            target_group: group.arn.clone(),
            tags: Tags::new(),
        };
        self.network.load_balancers.insert(arn, balancer);
        self.network.target_groups.insert(group.arn.clone(), group);
        self.network
            .listeners
            .insert(listener.arn.clone(), listener);
    }

    fn add_endpoint(&mut self) {
        let side = self.peering_vpc.clone();
        let groups = BTreeSet::from([side.group.clone()]);
        let holder = Holder::Endpoint(self.endpoint.clone());
        self.endpoint_interface =
            self.interface(&side, &ENDPOINT.to_string(), groups.clone(), holder);
        let service = EndpointService {
            id: self.service.clone(),
            owner: side.owner.clone(),
            region: region(),
            acceptance_required: false,
            load_balancers: BTreeSet::from([self.balancer.clone()]),
            allowed_principals: BTreeSet::new(),
            private_dns: None,
            tags: Tags::new(),
        };
        let endpoint = Endpoint {
            id: self.endpoint.clone(),
            owner: side.owner,
            region: region(),
            vpc: side.vpc,
            service: service.id.clone(),
            index: self.network.next_link(),
            interfaces: BTreeMap::from([(side.subnet, self.endpoint_interface.clone())]),
            groups,
            state: EndpointState::Available,
            private_dns: false,
            dns_suffix: "abcdefgh".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            tags: Tags::new(),
        };
        self.network
            .endpoint_services
            .insert(service.id.clone(), service);
        self.network.endpoints.insert(endpoint.id.clone(), endpoint);
    }
}

/// Adds a VPC with a subnet in zone a, its main table, an ACL that allows all, and a group that allows nothing.
pub(crate) fn side(
    network: &mut Network,
    random: &mut u128,
    owner: &str,
    block: &str,
    subnet: &str,
) -> Side {
    *random += 1;
    let side = Side {
        owner: owner.parse().expect("an account"),
        vpc: VpcId::from_random(*random),
        subnet: SubnetId::from_random(*random),
        table: RouteTableId::from_random(*random),
        acl: NetworkAclId::from_random(*random),
        group: SecurityGroupId::from_random(*random),
    };
    let (owner, vpc) = (side.owner.clone(), side.vpc.clone());
    let blocks = vec![CidrBlock {
        association: CidrAssociationId::from_random(*random),
        cidr: net(block),
    }];
    let row = Vpc {
        id: vpc.clone(),
        owner: owner.clone(),
        region: region(),
        blocks,
        ipv6_blocks: Vec::new(),
        is_default: false,
        dns_support: true,
        dns_hostnames: false,
        usage_metrics: false,
        tenancy: "default".to_owned(),
        dhcp_options: DhcpOptionsId::from_random(1),
        created_at: Timestamp::UNIX_EPOCH,
        tags: Tags::new(),
    };
    network.vpcs.insert(vpc.clone(), row);
    let row = Subnet {
        id: side.subnet.clone(),
        vpc: vpc.clone(),
        owner: owner.clone(),
        region: region(),
        cidr: Some(net(subnet)),
        ipv6_block: None,
        zone: 'a',
        is_default: false,
        map_public_ip: false,
        resource_names: false,
        tags: Tags::new(),
    };
    network.subnets.insert(side.subnet.clone(), row);
    let main = (
        RouteTableAssociationId::from_random(*random),
        RouteTableUse::Main,
    );
    let row = RouteTable {
        id: side.table.clone(),
        vpc: vpc.clone(),
        owner: owner.clone(),
        region: region(),
        index: network.next_link(),
        routes: BTreeMap::new(),
        list_routes: BTreeMap::new(),
        ipv6_routes: BTreeMap::new(),
        associations: BTreeMap::from([main]),
        tags: Tags::new(),
    };
    network.route_tables.insert(side.table.clone(), row);
    let entry = |direction| AclEntry {
        direction,
        number: 100,
        allow: true,
        traffic: Traffic::All,
        cidr: AclRange::ALL,
    };
    let association = (
        NetworkAclAssociationId::from_random(*random),
        side.subnet.clone(),
    );
    let row = NetworkAcl {
        id: side.acl.clone(),
        vpc: vpc.clone(),
        owner: owner.clone(),
        region: region(),
        is_default: true,
        entries: vec![entry(Direction::Ingress), entry(Direction::Egress)],
        associations: BTreeMap::from([association]),
        tags: Tags::new(),
    };
    network.network_acls.insert(side.acl.clone(), row);
    let row = SecurityGroup {
        id: side.group.clone(),
        vpc,
        owner,
        region: region(),
        name: "app".to_owned(),
        description: "app".to_owned(),
        rules: BTreeMap::new(),
        tags: Tags::new(),
    };
    network.security_groups.insert(side.group.clone(), row);
    side
}

fn region() -> Region {
    Region::new("us-east-1")
}

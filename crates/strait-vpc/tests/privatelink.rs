//! The story of a service behind a Peering VPC, told through AWS's calls alone, and what each missing piece does.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use strait_vpc::api::*;
use strait_vpc::{
    AwsError, Caller, Context, Flow, InterfaceId, Network, Protocol, Region, Source, Step, Verdict,
    apply, picture, reach,
};

#[test]
fn a_customer_reaches_the_service_when_every_piece_is_there() {
    let mut story = Story::new();
    let stop = story.first_stop();
    assert_eq!(
        stop.place, story.app_group,
        "its outbound rule was taken away"
    );
    story.allow_out();
    let stop = story.first_stop();
    assert!(stop.what.contains("is not accepted yet"), "{}", stop.what);
    story.accept();
    let fix = story.first_stop().fix.expect("a fix");
    assert!(fix.starts_with("aws ec2 create-route"), "{fix}");
    story.route(&story.app_table.clone(), "10.1.0.0/24", CUSTOMER);
    assert!(story.walk().reached, "{:#?}", story.walk());
    let picture = picture(&story.network);
    let entrances = picture.hosts.values().map(|host| host.entrances.len());
    assert_eq!((picture.routers.len(), entrances.sum::<usize>()), (3, 1));
}

#[test]
fn deleting_a_piece_cuts_the_way() {
    let mut story = Story::finished();
    story.call::<DeleteVpcPeeringConnectionResponse>(
        CUSTOMER,
        DeleteVpcPeeringConnectionRequest {
            vpc_peering_connection_id: story.peering.clone(),
            ..Default::default()
        },
    );
    let stop = story.first_stop();
    assert!(
        stop.what.contains("was deleted by account 111122223333"),
        "{}",
        stop.what
    );

    let mut story = Story::finished();
    story.call::<DeleteVpcEndpointsResponse>(
        PROVIDER,
        DeleteVpcEndpointsRequest {
            vpc_endpoint_ids: vec![story.endpoint.clone()],
            dry_run: false,
        },
    );
    let stop = story.first_stop();
    assert!(
        stop.what
            .contains("no interface in the VPC has the address"),
        "{}",
        stop.what
    );
    let picture = picture(&story.network);
    assert!(picture.hosts.values().all(|host| host.entrances.is_empty()));
}

#[test]
fn the_customers_side_sees_nothing_of_the_service() {
    let mut story = Story::finished();
    let services: DescribeVpcEndpointServicesResponse =
        story.call(CUSTOMER, DescribeVpcEndpointServicesRequest::default());
    assert_eq!(
        services.service_names.items,
        [
            "com.amazonaws.us-east-1.dynamodb",
            "com.amazonaws.us-east-1.s3"
        ],
        "AWS's own alone"
    );
    let endpoints: DescribeVpcEndpointsResponse =
        story.call(CUSTOMER, DescribeVpcEndpointsRequest::default());
    assert!(endpoints.vpc_endpoints.items.is_empty());
    let who: GetCallerIdentityResponse = story.call(CUSTOMER, GetCallerIdentityRequest {});
    assert_eq!(who.arn, "arn:aws:iam::111122223333:root");
}

#[test]
fn a_dry_run_makes_no_endpoint() {
    let mut story = Story::finished();
    let before = story.network.endpoints.len();
    let request = CreateVpcEndpointRequest {
        dry_run: true,
        ..story.endpoint_request()
    };
    let error = story
        .try_call(PROVIDER, request)
        .expect_err("a dry run is an error");
    assert_eq!(error.code, "DryRunOperation");
    assert_eq!(story.network.endpoints.len(), before);
}

#[test]
fn two_services_have_a_call_of_one_name() {
    let named = |service| {
        Action::ALL
            .iter()
            .any(|(of, name)| *of == service && *name == "DescribeTags")
    };
    assert!(named(Service::Ec2) && named(Service::Elb));
    assert_eq!(
        Action::from(DescribeBalancerTagsRequest::default()).name(),
        "DescribeTags"
    );
}

const PROVIDER: &str = "999988887777";
const CUSTOMER: &str = "111122223333";

/// The network with the ids that tests need.
struct Story {
    network: Network,
    random: u128,
    app: InterfaceId,
    app_group: String,
    app_table: String,
    peering: String,
    endpoint: String,
    peering_vpc: (String, String),
    service_name: String,
}

impl Story {
    /// All that the provider does; the customer has a VPC, an instance, and a group without rules.
    fn new() -> Self {
        let mut story = Self {
            network: Network::default(),
            random: 0,
            app: InterfaceId::from_random(0),
            app_group: String::new(),
            app_table: String::new(),
            peering: String::new(),
            endpoint: String::new(),
            peering_vpc: (String::new(), String::new()),
            service_name: String::new(),
        };
        let service = story.make_service();
        story.peering_vpc = story.make_vpc(PROVIDER, "10.1.0.0/24", "10.1.0.0/26");
        story.service_name = service;
        let made: CreateVpcEndpointResponse = story.call(PROVIDER, story.endpoint_request());
        story.endpoint = made.vpc_endpoint.vpc_endpoint_id;
        let group = made.vpc_endpoint.groups.items[0].group_id.clone();
        story.allow(PROVIDER, &group, "10.0.0.0/16");
        story.make_customer();
        let asked: CreateVpcPeeringConnectionResponse = story.call(
            PROVIDER,
            CreateVpcPeeringConnectionRequest {
                vpc_id: story.peering_vpc.0.clone(),
                peer_vpc_id: Some(story.vpc_of_app()),
                peer_owner_id: Some(CUSTOMER.to_owned()),
                ..Default::default()
            },
        );
        story.peering = asked.vpc_peering_connection.vpc_peering_connection_id;
        let table = story.main_table(PROVIDER, &story.peering_vpc.0.clone());
        story.route(&table, "10.0.0.0/16", PROVIDER);
        story
    }

    fn finished() -> Self {
        let mut story = Self::new();
        story.accept();
        story.allow_out();
        story.route(&story.app_table.clone(), "10.1.0.0/24", CUSTOMER);
        assert!(story.walk().reached);
        story
    }

    /// A Service VPC with a database behind a load balancer, and its endpoint service's name.
    fn make_service(&mut self) -> String {
        let (vpc, subnet) = self.make_vpc(PROVIDER, "10.0.0.0/16", "10.0.1.0/24");
        let database = self.launch(PROVIDER, &subnet, None);
        let group = self
            .network
            .interfaces
            .get(&database)
            .expect("the interface")
            .groups
            .first()
            .expect("one")
            .clone();
        self.allow(PROVIDER, group.as_str(), "10.0.1.0/24");
        let address = self
            .network
            .interfaces
            .get(&database)
            .expect("the interface")
            .address
            .to_string();
        let balancer: CreateLoadBalancerResponse = self.call(
            PROVIDER,
            CreateLoadBalancerRequest {
                name: "db".to_owned(),
                subnets: vec![subnet],
                scheme: Some("internal".to_owned()),
                type_: Some("network".to_owned()),
                ..Default::default()
            },
        );
        let balancer = balancer.0.load_balancers.members[0]
            .load_balancer_arn
            .clone();
        let group: CreateTargetGroupResponse = self.call(
            PROVIDER,
            CreateTargetGroupRequest {
                name: "db".to_owned(),
                protocol: Some("TCP".to_owned()),
                port: Some(5432),
                vpc_id: Some(vpc),
                target_type: Some("ip".to_owned()),
                ..Default::default()
            },
        );
        let group = group.0.target_groups.members[0].target_group_arn.clone();
        let target = TargetDescription {
            id: address,
            ..Default::default()
        };
        let register = RegisterTargetsRequest {
            target_group_arn: group.clone(),
            targets: vec![target],
        };
        self.call::<RegisterTargetsResponse>(PROVIDER, register);
        let action = ListenerAction {
            type_: "forward".to_owned(),
            target_group_arn: Some(group),
            ..Default::default()
        };
        self.call::<CreateListenerResponse>(
            PROVIDER,
            CreateListenerRequest {
                load_balancer_arn: balancer.clone(),
                protocol: Some("TCP".to_owned()),
                port: Some(5432),
                default_actions: vec![action],
                ..Default::default()
            },
        );
        let service: CreateVpcEndpointServiceConfigurationResponse = self.call(
            PROVIDER,
            CreateVpcEndpointServiceConfigurationRequest {
                network_load_balancer_arns: vec![balancer],
                acceptance_required: Some(false),
                ..Default::default()
            },
        );
        service.service_configuration.service_name
    }

    fn make_customer(&mut self) {
        let (vpc, subnet) = self.make_vpc(CUSTOMER, "10.0.0.0/16", "10.0.1.0/24");
        let group: CreateSecurityGroupResponse = self.call(
            CUSTOMER,
            CreateSecurityGroupRequest {
                group_name: "app".to_owned(),
                group_description: "app".to_owned(),
                vpc_id: Some(vpc.clone()),
                ..Default::default()
            },
        );
        self.app_group = group.group_id.clone();
        self.call::<RevokeSecurityGroupEgressResponse>(
            CUSTOMER,
            RevokeSecurityGroupEgressRequest {
                group_id: group.group_id.clone(),
                ip_protocol: Some("-1".to_owned()),
                cidr_ip: Some("0.0.0.0/0".to_owned()),
                ..Default::default()
            },
        );
        self.app = self.launch(CUSTOMER, &subnet, Some(group.group_id));
        self.app_table = self.main_table(CUSTOMER, &vpc);
    }

    fn accept(&mut self) {
        let accept = AcceptVpcPeeringConnectionRequest {
            vpc_peering_connection_id: self.peering.clone(),
            dry_run: false,
        };
        self.call::<AcceptVpcPeeringConnectionResponse>(CUSTOMER, accept);
    }

    fn allow_out(&mut self) {
        self.call::<AuthorizeSecurityGroupEgressResponse>(
            CUSTOMER,
            AuthorizeSecurityGroupEgressRequest {
                group_id: self.app_group.clone(),
                ip_protocol: Some("tcp".to_owned()),
                from_port: Some(5432),
                to_port: Some(5432),
                cidr_ip: Some("10.1.0.0/24".to_owned()),
                ..Default::default()
            },
        );
    }

    fn allow(&mut self, account: &str, group: &str, from: &str) {
        self.call::<AuthorizeSecurityGroupIngressResponse>(
            account,
            AuthorizeSecurityGroupIngressRequest {
                group_id: Some(group.to_owned()),
                ip_protocol: Some("tcp".to_owned()),
                from_port: Some(5432),
                to_port: Some(5432),
                cidr_ip: Some(from.to_owned()),
                ..Default::default()
            },
        );
    }

    fn route(&mut self, table: &str, destination: &str, account: &str) {
        self.call::<CreateRouteResponse>(
            account,
            CreateRouteRequest {
                route_table_id: table.to_owned(),
                destination_cidr_block: Some(destination.to_owned()),
                vpc_peering_connection_id: Some(self.peering.clone()),
                ..Default::default()
            },
        );
    }

    fn make_vpc(&mut self, account: &str, block: &str, subnet: &str) -> (String, String) {
        let vpc: CreateVpcResponse = self.call(
            account,
            CreateVpcRequest {
                cidr_block: Some(block.to_owned()),
                ..Default::default()
            },
        );
        let vpc = vpc.vpc.vpc_id;
        let subnet: CreateSubnetResponse = self.call(
            account,
            CreateSubnetRequest {
                vpc_id: vpc.clone(),
                cidr_block: Some(subnet.to_owned()),
                availability_zone: Some("us-east-1a".to_owned()),
                ..Default::default()
            },
        );
        (vpc, subnet.subnet.subnet_id)
    }

    fn launch(&mut self, account: &str, subnet: &str, group: Option<String>) -> InterfaceId {
        let before: Vec<InterfaceId> = self.network.interfaces.keys().cloned().collect();
        self.call::<RunInstancesResponse>(
            account,
            RunInstancesRequest {
                image_id: Some("ami-00000000000000001".to_owned()),
                min_count: 1,
                max_count: 1,
                subnet_id: Some(subnet.to_owned()),
                security_group_ids: group.into_iter().collect(),
                ..Default::default()
            },
        );
        let mut made = self
            .network
            .interfaces
            .keys()
            .filter(|id| !before.contains(id));
        made.next().expect("the instance's interface").clone()
    }

    fn main_table(&self, account: &str, vpc: &str) -> String {
        let mut tables = self.network.route_tables.values();
        let table =
            tables.find(|table| table.vpc.as_str() == vpc && table.owner.as_str() == account);
        table.expect("the main table").id.to_string()
    }

    fn vpc_of_app(&self) -> String {
        self.network
            .interfaces
            .get(&self.app)
            .expect("the app's interface")
            .vpc
            .to_string()
    }

    fn endpoint_request(&self) -> CreateVpcEndpointRequest {
        CreateVpcEndpointRequest {
            vpc_endpoint_type: Some("Interface".to_owned()),
            vpc_id: self.peering_vpc.0.clone(),
            service_name: Some(self.service_name.clone()),
            subnet_ids: vec![self.peering_vpc.1.clone()],
            ..Default::default()
        }
    }

    fn walk(&self) -> Verdict {
        let flow = Flow {
            from: Source::Interface(self.app.clone()),
            to: Ipv4Addr::new(10, 1, 0, 4),
            protocol: Protocol::Tcp(5432),
        };
        reach(&self.network, &flow)
    }

    fn first_stop(&self) -> Step {
        let verdict = self.walk();
        assert!(!verdict.reached);
        verdict
            .steps
            .into_iter()
            .find(|step| !step.ok)
            .expect("a stop")
    }

    fn call<T: TryFrom<Response, Error = Response>>(
        &mut self,
        account: &str,
        request: impl Into<Action>,
    ) -> T {
        let response = self
            .try_call(account, request)
            .unwrap_or_else(|error| panic!("{error}"));
        T::try_from(response).unwrap_or_else(|other| panic!("another answer: {other:?}"))
    }

    fn try_call(
        &mut self,
        account: &str,
        request: impl Into<Action>,
    ) -> Result<Response, AwsError> {
        let caller = Caller::new(
            account.parse().expect("an account"),
            Region::new("us-east-1"),
        );
        let mut random = || {
            self.random += 1;
            self.random
        };
        let mut context = Context {
            now: Timestamp::UNIX_EPOCH,
            random: &mut random,
        };
        apply(&mut self.network, &caller, request.into(), &mut context)
    }
}

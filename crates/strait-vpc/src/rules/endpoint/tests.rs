mod endpoints;
mod private_dns;
mod services;

use jiff::Timestamp;

use super::*;
use crate::api::*;
use crate::reach::sample::{ENDPOINT, Sample, net, story};
use crate::rules::{Caller, Context};

struct Test {
    sample: Sample,
    caller: Caller,
    random: u128,
    /// A balancer that no service has.
    balancer: String,
    default_group: SecurityGroupId,
}

impl Test {
    fn new() -> Self {
        let mut sample = story();
        let mut row = sample
            .network
            .load_balancers
            .get(&sample.balancer)
            .expect("the balancer")
            .clone();
        row.arn = row.arn.replace("net/db/", "net/web/");
        let balancer = row.arn.clone();
        sample.network.load_balancers.insert(balancer.clone(), row);
        let group = sample
            .network
            .security_groups
            .get(&sample.peering_vpc.group)
            .expect("the group")
            .clone();
        let default_group = SecurityGroupId::from_random(2000);
        let group = SecurityGroup {
            id: default_group.clone(),
            name: "default".to_owned(),
            ..group
        };
        sample
            .network
            .security_groups
            .insert(default_group.clone(), group);
        let caller = Caller::new(sample.service_vpc.owner.clone(), Region::new("us-east-1"));
        Self {
            sample,
            caller,
            random: 1000,
            balancer,
            default_group,
        }
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut Network, &Caller, &mut Context<'_>) -> T) -> T {
        let mut random = || {
            self.random += 1;
            self.random
        };
        let mut context = Context {
            now: Timestamp::UNIX_EPOCH,
            random: &mut random,
        };
        call(&mut self.sample.network, &self.caller, &mut context)
    }

    fn service_name(&self) -> String {
        format!("com.amazonaws.vpce.us-east-1.{}", self.sample.service)
    }

    fn create_service(&mut self, arns: &[String]) -> Result<ServiceConfigurationItem, AwsError> {
        let request = CreateVpcEndpointServiceConfigurationRequest {
            network_load_balancer_arns: arns.to_vec(),
            ..Default::default()
        };
        let answer = self
            .call(|network, caller, context| create_service(network, caller, &request, context))?;
        Ok(answer.service_configuration)
    }

    /// The codes of what could not be deleted.
    fn delete_services(&mut self, ids: &[String]) -> Result<Vec<String>, AwsError> {
        let request = DeleteVpcEndpointServiceConfigurationsRequest {
            service_ids: ids.to_vec(),
            dry_run: false,
        };
        self.call(|network, caller, _| delete_services(network, caller, &request))
            .map(|answer| codes(answer.0))
    }

    fn permit(&mut self, add: &[&str], remove: &[&str]) -> Result<usize, AwsError> {
        let owned = |principals: &[&str]| principals.iter().map(ToString::to_string).collect();
        let request = ModifyVpcEndpointServicePermissionsRequest {
            service_id: self.sample.service.to_string(),
            add_allowed_principals: owned(add),
            remove_allowed_principals: owned(remove),
            dry_run: false,
        };
        let answer =
            self.call(|network, caller, _| modify_permissions(network, caller, &request))?;
        Ok(answer.added_principals.items.len())
    }

    /// Accepts or rejects; the codes of what could not be done.
    fn set(&mut self, state: EndpointState, ids: &[String]) -> Result<Vec<String>, AwsError> {
        let (service_id, vpc_endpoint_ids) = (self.sample.service.to_string(), ids.to_vec());
        match state {
            EndpointState::Rejected => {
                let request = RejectVpcEndpointConnectionsRequest {
                    service_id,
                    vpc_endpoint_ids,
                    dry_run: false,
                };
                self.call(|network, caller, _| reject(network, caller, &request))
                    .map(|answer| codes(answer.0))
            }
            EndpointState::Available | EndpointState::PendingAcceptance => {
                let request = AcceptVpcEndpointConnectionsRequest {
                    service_id,
                    vpc_endpoint_ids,
                    dry_run: false,
                };
                self.call(|network, caller, _| accept(network, caller, &request))
                    .map(|answer| codes(answer.0))
            }
        }
    }

    fn connections(
        &mut self,
        filters: &[(&str, &str)],
    ) -> Result<Vec<(String, &'static str)>, AwsError> {
        let filters = filters
            .iter()
            .map(|(name, value)| filter_of(name, value))
            .collect();
        let request = DescribeVpcEndpointConnectionsRequest {
            filters,
            ..Default::default()
        };
        let answer =
            self.call(|network, caller, _| describe_connections(network, caller, &request))?;
        let rows = answer.vpc_endpoint_connections.items.into_iter();
        Ok(rows
            .map(|row| (row.vpc_endpoint_id, row.vpc_endpoint_state))
            .collect())
    }

    fn endpoint_request(&self) -> CreateVpcEndpointRequest {
        CreateVpcEndpointRequest {
            vpc_endpoint_type: Some("Interface".to_owned()),
            vpc_id: self.sample.peering_vpc.vpc.to_string(),
            service_name: Some(self.service_name()),
            subnet_ids: vec![self.sample.peering_vpc.subnet.to_string()],
            ..Default::default()
        }
    }

    fn create_endpoint(
        &mut self,
        request: &CreateVpcEndpointRequest,
    ) -> Result<VpcEndpointItem, AwsError> {
        let answer =
            self.call(|network, caller, context| create(network, caller, request, context))?;
        Ok(answer.vpc_endpoint)
    }

    /// Another subnet of the Peering VPC.
    fn sibling(&mut self, zone: char) -> String {
        let first = self
            .sample
            .network
            .subnets
            .get(&self.sample.peering_vpc.subnet)
            .expect("the subnet")
            .clone();
        let id = SubnetId::from_random(2000);
        let row = Subnet {
            id: id.clone(),
            zone,
            cidr: Some(net("10.1.0.64/26")),
            ..first
        };
        self.sample.network.subnets.insert(id.clone(), row);
        id.to_string()
    }

    /// The service's balancer gets a node in this zone too. Only the zone matters here, not whose subnet it is.
    fn balancer_in(&mut self, subnet: &str) {
        let arn = self.sample.balancer.clone();
        let balancer = self.sample.network.load_balancers.get_mut(&arn);
        let node = self.sample.node.clone();
        let subnet = subnet.parse().expect("an id");
        balancer.expect("the balancer").nodes.insert(subnet, node);
    }
}

fn customer() -> Caller {
    Caller::new(
        "111122223333".parse().expect("an account"),
        Region::new("us-east-1"),
    )
}

fn filter_of(name: &str, value: &str) -> Filter {
    Filter {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    }
}

fn codes(answer: Unsuccessful) -> Vec<String> {
    answer
        .unsuccessful
        .items
        .into_iter()
        .map(|row| row.error.code)
        .collect()
}

fn code<T: std::fmt::Debug>(answer: Result<T, AwsError>) -> String {
    answer.expect_err("an error").code
}

mod listeners;
mod load_balancers;
mod targets;

use jiff::Timestamp;

use super::*;
use crate::api::*;
use crate::id::*;
use crate::reach::sample::{Sample, net, story};
use crate::rules::{Context, apply};

struct Test {
    sample: Sample,
    caller: Caller,
    random: u128,
}

impl Test {
    fn new() -> Self {
        let sample = story();
        let caller = Caller::new(sample.service_vpc.owner.clone(), Region::new("us-east-1"));
        Self {
            sample,
            caller,
            random: 1000,
        }
    }

    /// Makes a call. If it fails, nothing has changed.
    fn call<T: TryFrom<Response, Error = Response>>(
        &mut self,
        request: impl Into<Action>,
    ) -> Result<T, AwsError> {
        let mut random = || {
            self.random += 1;
            self.random
        };
        let mut context = Context {
            now: Timestamp::UNIX_EPOCH,
            random: &mut random,
        };
        let network = &mut self.sample.network;
        let before = network.clone();
        let answer = apply(network, &self.caller, request.into(), &mut context);
        if let Err(error) = &answer {
            let same = *network == before;
            assert!(same, "a call that fails changes nothing: {error}");
        }
        let answer = answer?;
        Ok(T::try_from(answer).expect("the answer to this call"))
    }

    fn create_request(&self, name: &str, groups: &[String]) -> CreateLoadBalancerRequest {
        CreateLoadBalancerRequest {
            name: name.to_owned(),
            subnets: vec![self.sample.service_vpc.subnet.to_string()],
            security_groups: groups.to_vec(),
            scheme: Some("internal".to_owned()),
            type_: Some("network".to_owned()),
            ..Default::default()
        }
    }

    fn balancer(&mut self, name: &str, groups: &[String]) -> Result<LoadBalancerItem, AwsError> {
        let request = self.create_request(name, groups);
        let answer = self.call::<CreateLoadBalancerResponse>(request)?;
        Ok(answer.0.load_balancers.members[0].clone())
    }

    fn describe(
        &mut self,
        request: &DescribeLoadBalancersRequest,
    ) -> Result<Vec<LoadBalancerItem>, AwsError> {
        let answer = self.call::<DescribeLoadBalancersResponse>(request.clone())?;
        Ok(answer.0.load_balancers.members)
    }

    fn set_attribute(&mut self, arn: &str, key: &str, value: &str) -> Result<(), AwsError> {
        let attribute = Attribute {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        };
        let request = ModifyLoadBalancerAttributesRequest {
            load_balancer_arn: arn.to_owned(),
            attributes: vec![attribute],
        };
        self.call::<ModifyLoadBalancerAttributesResponse>(request)
            .map(|_| ())
    }

    fn group_request(&self, name: &str) -> CreateTargetGroupRequest {
        CreateTargetGroupRequest {
            name: name.to_owned(),
            protocol: Some("TCP".to_owned()),
            port: Some(5432),
            vpc_id: Some(self.sample.service_vpc.vpc.to_string()),
            target_type: Some("ip".to_owned()),
            health_check_interval_seconds: Some(10),
            ..Default::default()
        }
    }

    fn target_group(
        &mut self,
        request: &CreateTargetGroupRequest,
    ) -> Result<TargetGroupItem, AwsError> {
        let answer = self.call::<CreateTargetGroupResponse>(request.clone())?;
        Ok(answer.0.target_groups.members[0].clone())
    }

    fn register(
        &mut self,
        targets: Vec<TargetDescription>,
    ) -> Result<RegisterTargetsResponse, AwsError> {
        let request = RegisterTargetsRequest {
            target_group_arn: "arn:target".to_owned(),
            targets,
        };
        self.call::<RegisterTargetsResponse>(request)
    }

    fn ports_of(&self, id: &str) -> Vec<u16> {
        let group = self
            .sample
            .network
            .target_groups
            .get(&"arn:target".to_owned())
            .expect("the target group");
        group
            .targets
            .iter()
            .filter(|target| target.id == id)
            .map(|target| target.port)
            .collect()
    }

    fn listener_request(&self, port: u16) -> CreateListenerRequest {
        let action = ListenerAction {
            type_: "forward".to_owned(),
            target_group_arn: Some("arn:target".to_owned()),
            ..Default::default()
        };
        CreateListenerRequest {
            load_balancer_arn: self.sample.balancer.clone(),
            protocol: Some("TCP".to_owned()),
            port: Some(port),
            default_actions: vec![action],
            ..Default::default()
        }
    }

    fn listener(&mut self, request: &CreateListenerRequest) -> Result<ListenerItem, AwsError> {
        let answer = self.call::<CreateListenerResponse>(request.clone())?;
        Ok(answer.0.listeners.members[0].clone())
    }

    fn gateway(&mut self) {
        let gateway = InternetGateway {
            id: InternetGatewayId::from_random(1),
            owner: self.caller.account.clone(),
            region: self.caller.region.clone(),
            vpc: Some(self.sample.service_vpc.vpc.clone()),
            tags: Tags::new(),
        };
        self.sample
            .network
            .internet_gateways
            .insert(gateway.id.clone(), gateway);
    }

    /// Another subnet of the Service VPC.
    fn sibling(&mut self, zone: char) -> SubnetId {
        self.sibling_with("10.0.9.0/24", zone)
    }

    fn sibling_with(&mut self, cidr: &str, zone: char) -> SubnetId {
        self.random += 1;
        let first = self
            .sample
            .network
            .subnets
            .get(&self.sample.service_vpc.subnet)
            .expect("the subnet")
            .clone();
        let id = SubnetId::from_random(self.random);
        let row = Subnet {
            id: id.clone(),
            zone,
            cidr: Some(net(cidr)),
            ..first
        };
        self.sample.network.subnets.insert(id.clone(), row);
        id
    }

    fn second_group(&mut self) -> SecurityGroupId {
        let group = &self.sample.service_vpc.group;
        let first = self
            .sample
            .network
            .security_groups
            .get(group)
            .expect("the group")
            .clone();
        let id = SecurityGroupId::from_random(2000);
        let row = SecurityGroup {
            id: id.clone(),
            name: "second".to_owned(),
            ..first
        };
        self.sample.network.security_groups.insert(id.clone(), row);
        id
    }
}

fn is_node(interface: &Interface, arn: &str) -> bool {
    interface.holder == Holder::LoadBalancer(arn.to_owned())
}

fn code<T: std::fmt::Debug>(answer: Result<T, AwsError>) -> String {
    answer.expect_err("an error").code
}

//! A customers' cloud that only notes what is done in it.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use strait_http::{
    CustomerAccount, CustomerChange, CustomerCloud, CustomerError, CustomerVpc, Holdings, Instance,
    PeeringRequest, Place, RequestState, Route, RouteTable, Rule, SecurityGroup, Target, Trial,
};

/// Its one customer.
pub(crate) const CUSTOMER: &str = "123456789012";
/// A route table, a security group and an instance in that VPC.
pub(crate) const TABLE: &str = "rtb-0123456789abcdef0";
pub(crate) const GROUP: &str = "sg-0123456789abcdef0";
pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";
/// Its other VPC, and the same there.
pub(crate) const OTHER_NETWORK: &str = "vpc-0123456789abcdef9";
pub(crate) const OTHER_TABLE: &str = "rtb-0123456789abcdef9";
pub(crate) const OTHER_GROUP: &str = "sg-0123456789abcdef9";
pub(crate) const OTHER_INSTANCE: &str = "i-0123456789abcdef9";
/// The range at the other end of every connection.
pub(crate) const RANGE: &str = "10.80.0.0/20";
/// That one's VPC.
pub(crate) const NETWORK: &str = "vpc-0123456789abcdef0";

#[derive(Default)]
pub(crate) struct FakeCustomers {
    /// What was done.
    pub(crate) changes: Mutex<Vec<CustomerChange>>,
    /// Where connections were tried from.
    pub(crate) trials: Mutex<Vec<String>>,
    /// How long a try takes.
    pub(crate) slow: Mutex<Duration>,
    /// The connections, pending and active, of its second VPC: none is there before they are.
    pub(crate) second: Mutex<Vec<PeeringRequest>>,
}

#[async_trait]
impl CustomerCloud for FakeCustomers {
    async fn accounts(&self) -> Vec<CustomerAccount> {
        vec![account()]
    }

    async fn holdings(&self, account: &str) -> Option<Holdings> {
        let second = self.second.lock().expect("a lock").clone();
        (account == CUSTOMER).then(|| holdings(second))
    }

    async fn change(
        &self,
        account: &str,
        _: &str,
        change: CustomerChange,
    ) -> Result<(), CustomerError> {
        if account != CUSTOMER {
            return Err(CustomerError::NotFound(account.to_owned()));
        }
        if matches!(change, CustomerChange::Reject { .. }) {
            return Err(CustomerError::Refused {
                code: "InvalidStateTransition".to_owned(),
                message: "It is too late".to_owned(),
            });
        }
        self.changes.lock().expect("a lock").push(change);
        Ok(())
    }

    async fn make_example(&self, _: &str) -> Result<CustomerAccount, CustomerError> {
        Ok(account())
    }

    async fn places(&self) -> Vec<Place> {
        let instance = |id: &str| Place {
            id: id.to_owned(),
            is_instance: true,
            label: format!("Instance {id}"),
        };
        let internet = Place {
            id: "internet".to_owned(),
            is_instance: false,
            label: "The internet".to_owned(),
        };
        vec![internet, instance(INSTANCE), instance(OTHER_INSTANCE)]
    }

    async fn try_connection(&self, from: &str, _: &Target) -> Result<Trial, CustomerError> {
        self.trials.lock().expect("a lock").push(from.to_owned());
        let slow = *self.slow.lock().expect("a lock");
        tokio::time::sleep(slow).await;
        Ok(Trial {
            resolved: None,
            failure: None,
            walk: Vec::new(),
        })
    }
}

fn account() -> CustomerAccount {
    CustomerAccount {
        id: CUSTOMER.to_owned(),
        name: "customer".to_owned(),
        pending: 1,
        vpcs: 1,
    }
}

fn holdings(second: Vec<PeeringRequest>) -> Holdings {
    let pending = request("pcx-0123456789abcdef0", NETWORK, RequestState::Pending);
    let active = request("pcx-0123456789abcdef1", NETWORK, RequestState::Active);
    let own = active.id.clone();
    let others: Vec<String> = second.iter().map(|request| request.id.clone()).collect();
    Holdings {
        account: account(),
        requests: [pending, active].into_iter().chain(second).collect(),
        vpcs: vec![
            vpc([NETWORK, TABLE, GROUP, INSTANCE], &[own]),
            vpc(
                [OTHER_NETWORK, OTHER_TABLE, OTHER_GROUP, OTHER_INSTANCE],
                &others,
            ),
        ],
    }
}

/// A request for a peering connection with one of its VPCs.
pub(crate) fn request(id: &str, vpc: &str, state: RequestState) -> PeeringRequest {
    PeeringRequest {
        id: id.to_owned(),
        state,
        vpc: vpc.to_owned(),
        region: "us-east-1".to_owned(),
        requester_account: "210987654321".to_owned(),
        requester_vpc: "vpc-00000000000000001".to_owned(),
        requester_region: "us-east-1".to_owned(),
        requester_range: RANGE.parse().ok(),
        expires_at: jiff::Timestamp::now(),
    }
}

/// A VPC with a route and a rule for each of these connections, and rules to the same range and to another one that are for none.
fn vpc([id, table, group, instance]: [&str; 4], ways: &[String]) -> CustomerVpc {
    let routes = ways.iter().zip(0_u8..).map(|(way, number)| Route {
        destination: format!("10.{number}.0.0/16").parse().expect("a range"),
        target: way.clone(),
        is_active: true,
    });
    let rule = |id: &str, to: &str, peering: Option<&String>| Rule {
        id: id.to_owned(),
        traffic: "TCP 5432".to_owned(),
        to: to.to_owned(),
        peering: peering.cloned(),
    };
    let others = [
        rule("sgr-same", RANGE, None),
        rule("sgr-other", "10.99.0.0/16", None),
    ];
    let rules = (ways.iter().zip(1_u8..))
        .map(|(way, number)| rule(&format!("sgr-{number}"), RANGE, Some(way)))
        .chain(others);
    CustomerVpc {
        id: id.to_owned(),
        name: None,
        is_default: false,
        region: "us-east-1".to_owned(),
        ranges: Vec::new(),
        tables: vec![RouteTable {
            id: table.to_owned(),
            is_main: true,
            subnets: Vec::new(),
            routes: routes.collect(),
        }],
        groups: vec![SecurityGroup {
            id: group.to_owned(),
            name: "app".to_owned(),
            out: rules.collect(),
        }],
        instances: vec![Instance {
            id: instance.to_owned(),
            name: None,
            address: [10, 20, 0, 10].into(),
            subnet: "subnet-0123456789abcdef0".to_owned(),
            groups: vec![group.to_owned()],
        }],
    }
}

//! A customers' cloud that only notes what is done in it.

use std::sync::Mutex;

use async_trait::async_trait;
use strait_http::{
    CustomerAccount, CustomerChange, CustomerCloud, CustomerError, CustomerVpc, Holdings,
    PeeringRequest, Place, RequestState, RouteTable, SecurityGroup, Target, Trial,
};

/// Its one customer.
pub(crate) const CUSTOMER: &str = "123456789012";
/// That one's VPC.
pub(crate) const NETWORK: &str = "vpc-0123456789abcdef0";

#[derive(Default)]
pub(crate) struct FakeCustomers {
    /// What was done.
    pub(crate) changes: Mutex<Vec<CustomerChange>>,
}

#[async_trait]
impl CustomerCloud for FakeCustomers {
    async fn accounts(&self) -> Vec<CustomerAccount> {
        vec![account()]
    }

    async fn holdings(&self, account: &str) -> Option<Holdings> {
        (account == CUSTOMER).then(holdings)
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
        vec![Place {
            id: "internet".to_owned(),
            label: "The internet".to_owned(),
        }]
    }

    async fn try_connection(&self, _: &str, _: &Target) -> Result<Trial, CustomerError> {
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

fn holdings() -> Holdings {
    let request = |id: &str, state| PeeringRequest {
        id: id.to_owned(),
        state,
        vpc: NETWORK.to_owned(),
        region: "us-east-1".to_owned(),
        requester_account: "210987654321".to_owned(),
        requester_vpc: "vpc-00000000000000001".to_owned(),
        requester_region: "us-east-1".to_owned(),
        requester_range: "10.80.0.0/20".parse().ok(),
        expires_at: jiff::Timestamp::now(),
    };
    let group = SecurityGroup {
        id: "sg-0123456789abcdef0".to_owned(),
        name: "app".to_owned(),
        out: Vec::new(),
    };
    let table = RouteTable {
        id: "rtb-0123456789abcdef0".to_owned(),
        is_main: true,
        subnets: Vec::new(),
        routes: Vec::new(),
    };
    Holdings {
        account: account(),
        requests: vec![
            request("pcx-0123456789abcdef0", RequestState::Pending),
            request("pcx-0123456789abcdef1", RequestState::Active),
        ],
        vpcs: vec![CustomerVpc {
            id: NETWORK.to_owned(),
            name: None,
            is_default: false,
            region: "us-east-1".to_owned(),
            ranges: Vec::new(),
            tables: vec![table],
            groups: vec![group],
            instances: Vec::new(),
        }],
    }
}

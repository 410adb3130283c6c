//! The wire over a network in memory: what is made by one signed request is shown by the next.

mod common;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::StatusCode;
use jiff::Timestamp;
use strait_vpc::state::Account;
use strait_vpc::{AccountId, Action, AwsError, Caller, Context, Network, Response};
use strait_wire::{Backend, Credentials};

use crate::common::{Answer, KEY, SECRET, post, send_to};

#[tokio::test]
async fn a_vpc_is_made_shown_and_deleted() {
    let cloud = Arc::new(Memory::new());
    let made = call(
        &cloud,
        "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.7%2F17&TagSpecification.1.ResourceType=vpc\
         &TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=a+%3Cb%3E+%26",
    )
    .await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(made.content_type, "text/xml;charset=UTF-8");
    assert_eq!(element(&made.body, "requestId"), made.request_id);
    let vpc = element(&made.body, "vpcId").to_owned();
    assert_eq!(element(&made.body, "cidrBlock"), "10.0.0.0/17");

    let shown = call(
        &cloud,
        "Action=DescribeVpcs&Filter.1.Name=tag%3AName&Filter.1.Value.3=none&Filter.1.Value.7=a+*&Filter.2.Name=state\
         &Filter.2.Value.1=available",
    )
    .await;
    assert_eq!(
        (shown.status, element(&shown.body, "vpcId")),
        (StatusCode::OK, vpc.as_str()),
        "{}",
        shown.body
    );
    let tags = "<tagSet><item><key>Name</key><value>a &lt;b&gt; &amp;</value></item></tagSet>";
    assert!(shown.body.contains(tags), "{}", shown.body);

    let none = call(
        &cloud,
        "Action=DescribeVpcs&Filter.1.Name=tag%3AName&Filter.1.Value.1=b",
    )
    .await;
    assert!(none.body.contains("<vpcSet/>"), "{}", none.body);

    let deletion: &'static str = format!("Action=DeleteVpc&VpcId={vpc}").leak();
    let deleted = call(&cloud, deletion).await;
    assert!(
        deleted.body.contains("<return>true</return>"),
        "{}",
        deleted.body
    );
    let again = call(&cloud, deletion).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(element(&again.body, "Code"), "InvalidVpcID.NotFound");
}

#[tokio::test]
async fn calls_of_one_name_are_told_apart_by_their_service() {
    let cloud = Arc::new(Memory::new());
    let tags = call(&cloud, "Action=DescribeTags&Version=2016-11-15").await;
    assert!(tags.body.contains("<tagSet"), "{}", tags.body);
    let form = "Action=DescribeTags&Version=2015-12-01&ResourceArns.member.1=arn";
    let refused = send_to(cloud, post("elasticloadbalancing", form).signed()).await;
    assert!(refused.body.contains("<ErrorResponse"), "{}", refused.body);
    assert_ne!(element(&refused.body, "Code"), "UnknownParameter");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let cloud = Arc::new(Memory::new());
    let dry = call(
        &cloud,
        "Action=CreateVpc&CidrBlock=10.0.0.0%2F16&DryRun=true",
    )
    .await;
    assert_eq!(
        (dry.status, element(&dry.body, "Code")),
        (StatusCode::PRECONDITION_FAILED, "DryRunOperation")
    );
    let shown = call(
        &cloud,
        "Action=DescribeVpcs&Filter.1.Name=cidr&Filter.1.Value.1=10.0.0.0%2F16",
    )
    .await;
    assert!(shown.body.contains("<vpcSet/>"), "{}", shown.body);
}

struct Memory {
    network: Mutex<Network>,
}

impl Memory {
    fn new() -> Self {
        let mut network = Network::default();
        let id: AccountId = "123456789012".parse().expect("12 digits");
        let account = Account {
            id: id.clone(),
            name: "customer".to_owned(),
            access_key_id: KEY.to_owned(),
            secret_access_key: SECRET.to_owned(),
            created_at: now(),
        };
        network.accounts.insert(id, account);
        Self {
            network: Mutex::new(network),
        }
    }
}

#[async_trait]
impl Backend for Memory {
    async fn secret(&self, access_key_id: &str) -> Option<Credentials> {
        let network = self.network.lock().expect("no call panics");
        Credentials::find(&network, access_key_id)
    }

    async fn call(&self, caller: Caller, action: Action) -> Result<Response, AwsError> {
        let mut network = self.network.lock().expect("no call panics");
        let mut context = Context {
            now: now(),
            random: &mut rand::random::<u128>,
        };
        strait_vpc::apply(&mut network, &caller, action, &mut context)
    }

    fn now(&self) -> Timestamp {
        now()
    }
}

/// When the tests' requests are signed.
fn now() -> Timestamp {
    "2026-11-25T01:10:00Z".parse().expect("a time")
}

async fn call(cloud: &Arc<Memory>, form: &'static str) -> Answer {
    send_to(cloud.clone(), post("ec2", form).signed()).await
}

/// The text of the first element of this name.
fn element<'a>(body: &'a str, name: &str) -> &'a str {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let after = body.split_once(&start).map(|(_, after)| after);
    after
        .and_then(|after| after.split_once(&end))
        .map_or_else(|| panic!("no {name} in {body}"), |(text, _)| text)
}

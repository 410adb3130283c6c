//! Accounts of this cloud, and the default VPC that each has in a Region.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::error::AwsError;
use crate::id::*;
use crate::rules::{Caller, Context, gateway, subnet, vpc};
use crate::state::*;

/// The account that runs the services; it gets no default VPC.
const PROVIDER: &str = "provider";

/// The letters of access key ids.
pub(super) const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The letters of secrets and session tokens.
pub(super) const BASE64: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Makes an account with keys of its own.
///
/// In each Region it gets AWS's default VPC at its first call there: 172.31.0.0/16 with a /20 subnet a zone, an attached
/// internet gateway and a route to it. An account named `provider` gets none.
pub fn new_account<'n>(
    network: &'n mut Network,
    name: &str,
    id: Option<AccountId>,
    context: &mut Context<'_>,
) -> &'n Account {
    let id = id.unwrap_or_else(|| free_id(network, context));
    let account = Account {
        id: id.clone(),
        name: name.to_owned(),
        access_key_id: format!("AKIA{}", letters(context, BASE32, 16)),
        secret_access_key: letters(context, BASE64, 40),
        created_at: context.now,
    };
    network.accounts.insert(id.clone(), account);
    network.accounts.get(&id).expect("it was inserted just now")
}

/// Whether the caller's account has never called in this Region and gets its default VPC now.
pub(super) fn is_new_here(network: &Network, caller: &Caller) -> bool {
    let known = network.accounts.get(&caller.account);
    known.is_some_and(|account| !is_provider(account))
        && region(caller.region.as_str()).is_some()
        && !network.counters.contains_key(&marker(caller))
}

/// Whether the account runs the services.
pub(super) fn is_provider(account: &Account) -> bool {
    account.name == PROVIDER
}

/// Whether a counter says that this account has its default VPC in some Region.
pub(super) fn is_marker(counter: &str, account: &AccountId) -> bool {
    let rest = counter.strip_prefix("default-vpc/");
    rest.and_then(|rest| rest.strip_prefix(account.as_str()))
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Gives the account its default VPC in this Region, once.
pub(super) fn settle(
    network: &mut Network,
    caller: &Caller,
    context: &mut Context<'_>,
) -> Result<(), AwsError> {
    network.counters.insert(marker(caller), 1);
    make_default_vpc(network, caller, context).map(drop)
}

/// Makes the default VPC with all that is in it.
pub(super) fn make_default_vpc(
    network: &mut Network,
    caller: &Caller,
    context: &mut Context<'_>,
) -> Result<VpcId, AwsError> {
    let Some(info) = region(caller.region.as_str()) else {
        let message = format!(
            "There is no Region {}. DescribeRegions lists them.",
            caller.region
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    };
    let block = vpc::NewVpc {
        cidr: net(172, 31, 0, 16),
        is_default: true,
        tenancy: "default",
        tags: Tags::new(),
    };
    let id = vpc::make(network, caller, block, context);
    for (place, zone) in (0_u8..).zip(info.zones.chars()) {
        let new = subnet::NewSubnet {
            vpc: id.clone(),
            cidr: Some(net(172, 31, place * 16, 20)),
            ipv6_block: None,
            zone,
            is_default: true,
            tags: Tags::new(),
        };
        subnet::make(network, caller, new, context);
    }
    let gateway = gateway::make(network, caller, Some(id.clone()), Tags::new(), context);
    let main = vpc::main_table(network, &id).map(|table| table.id.clone());
    if let Some(table) = main.and_then(|main| network.route_tables.get_mut(&main)) {
        table
            .routes
            .insert(net(0, 0, 0, 0), RouteTarget::InternetGateway(gateway));
    }
    Ok(id)
}

fn marker(caller: &Caller) -> String {
    format!("default-vpc/{}/{}", caller.account, caller.region)
}

fn net(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

/// Twelve digits that no account has; the first is not 0.
fn free_id(network: &Network, context: &mut Context<'_>) -> AccountId {
    loop {
        let number = 100_000_000_000 + (context.random)() % 900_000_000_000;
        let id: AccountId = number
            .to_string()
            .parse()
            .expect("12 digits are an account id");
        if !network.accounts.contains_key(&id) {
            return id;
        }
    }
}

/// Random letters of an alphabet: 16 to a draw, 8 bits each.
pub(super) fn letters(context: &mut Context<'_>, alphabet: &[u8], count: usize) -> String {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let bits = (context.random)().to_be_bytes();
        let wanted = count - text.len();
        text.extend(
            bits.iter()
                .take(wanted)
                .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])),
        );
    }
    text
}

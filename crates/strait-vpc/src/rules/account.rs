//! STS: who am I.

use crate::api::{
    GetAccessKeyInfoRequest, GetAccessKeyInfoResponse, GetCallerIdentityRequest,
    GetCallerIdentityResponse,
};
use crate::error::AwsError;
use crate::rules::{Caller, session};
use crate::state::Network;

/// Every signed call may ask this.
pub(super) fn get_caller_identity(
    network: &Network,
    caller: &Caller,
    _: &GetCallerIdentityRequest,
) -> Result<GetCallerIdentityResponse, AwsError> {
    let account = caller.account.to_string();
    let role = session::of(network, caller).and_then(|session| session.role.as_ref());
    Ok(match role {
        Some(role) => GetCallerIdentityResponse {
            user_id: session::user_id(role),
            arn: session::arn(&caller.account, role),
            account,
        },
        None => GetCallerIdentityResponse {
            user_id: account.clone(),
            arn: session::root_arn(&caller.account),
            account,
        },
    })
}

/// Whose a key is: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html>.
pub(super) fn get_access_key_info(
    network: &Network,
    request: &GetAccessKeyInfoRequest,
) -> Result<GetAccessKeyInfoResponse, AwsError> {
    let wanted = &request.access_key_id;
    let permanent = network
        .accounts
        .values()
        .find(|account| account.access_key_id == *wanted)
        .map(|account| &account.id);
    let temporary = || network.sessions.get(wanted).map(|session| &session.account);
    permanent
        .or_else(temporary)
        .map(|account| GetAccessKeyInfoResponse {
            account: account.to_string(),
        })
        .ok_or_else(|| {
            let message = format!("No account of this cloud has the access key id '{wanted}'.");
            AwsError::new("ValidationError", message)
        })
}

//! STS: who am I.

use crate::api::{GetCallerIdentityRequest, GetCallerIdentityResponse};
use crate::error::AwsError;
use crate::rules::Caller;

/// Every signed call may ask this.
pub(super) fn get_caller_identity(
    caller: &Caller,
    _: &GetCallerIdentityRequest,
) -> Result<GetCallerIdentityResponse, AwsError> {
    Ok(GetCallerIdentityResponse {
        user_id: caller.account.to_string(),
        account: caller.account.to_string(),
        arn: format!("arn:aws:iam::{}:root", caller.account),
    })
}

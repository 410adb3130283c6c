//! STS: who am I.

use crate::api::GetCallerIdentityResponse;
use crate::rules::Caller;

pub(super) fn get_caller_identity(caller: &Caller) -> GetCallerIdentityResponse {
    GetCallerIdentityResponse {
        user_id: caller.account.to_string(),
        account: caller.account.to_string(),
        arn: format!("arn:aws:iam::{}:root", caller.account),
    }
}

//! The account's quotas of load balancing.

use super::page;
use crate::api::*;
use crate::error::AwsError;
use crate::rules::Caller;
use crate::rules::quota::{self, Quota};
use crate::state::Network;

/// Those that this cloud keeps.
const SHOWN: [Quota; 5] = [
    Quota::LoadBalancersPerRegion,
    Quota::TargetGroupsPerRegion,
    Quota::TargetsPerBalancer,
    Quota::TargetsPerZone,
    Quota::ListenersPerBalancer,
];

pub(in crate::rules) fn describe_limits(
    network: &Network,
    caller: &Caller,
    request: &DescribeAccountLimitsRequest,
) -> Result<DescribeAccountLimitsResponse, AwsError> {
    let limit = |quota: Quota| AccountLimit {
        name: quota.name().to_owned(),
        max: quota::most(network, &caller.account, quota).to_string(),
    };
    let rows = SHOWN.map(limit).to_vec();
    let (rows, next_marker) = page(rows, request.marker.as_deref(), request.page_size)?;
    Ok(DescribeAccountLimitsResponse {
        limits: rows.into_iter().collect(),
        next_marker,
    })
}

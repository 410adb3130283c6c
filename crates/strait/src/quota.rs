//! `strait aws-quota`.

use anyhow::Result;
use serde_json::Value;

use crate::args::{AwsQuota, Format, Limit};
use crate::data::DataDir;
use crate::env::{answer, client, running};
use crate::local_api::{QuotaInput, QuotaItem};

/// Shows AWS's quotas of an account, or sets one.
pub(crate) async fn quota(data: &DataDir, options: &AwsQuota) -> Result<()> {
    let (_, credentials) = running(data)?;
    let url = format!("{}/local/v1/quotas", credentials.url);
    let request = match (&options.quota, options.limit) {
        (Some(quota), Some(limit)) => client(&credentials)?.put(url).json(&QuotaInput {
            account: options.account.clone(),
            quota: quota.clone(),
            limit: match limit {
                Limit::Most(most) => Some(most),
                Limit::Default => None,
            },
        }),
        (_, _) => client(&credentials)?
            .get(url)
            .query(&[("account", options.account.as_str())]),
    };
    let answered: Value = answer(request.bearer_auth(&credentials.admin_key)).await?;
    if options.output.output == Format::Json {
        println!("{}", serde_json::to_string_pretty(&answered)?);
        return Ok(());
    }
    let quotas: Vec<QuotaItem> = serde_json::from_value(answered)?;
    for item in quotas {
        println!("{:<56} {}", item.quota, item.limit);
    }
    Ok(())
}

//! AWS's quotas as an account of the local cloud has them.

use strait_vpc::{AwsError, QuotaSetting};

use super::{Local, found_account};

/// Why a quota is not shown or set.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// Nobody is called so.
    #[error("there is no account {0}: `strait env --account {0}` makes it")]
    NoSuchAccount(String),
    /// AWS has no such quota, or this cloud keeps none.
    #[error("there is no quota {0}: `strait aws-quota` lists them")]
    NoSuchQuota(String),
    /// It could not be kept; nothing has changed.
    #[error("{}", .0.message)]
    Failed(AwsError),
}

impl Local {
    /// All quotas of the account with this name or id.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn quotas(&self, account: &str) -> Result<Vec<QuotaSetting>, QuotaError> {
        let network = self.network().await;
        let Some(found) = found_account(&network, account) else {
            return Err(QuotaError::NoSuchAccount(account.to_owned()));
        };
        Ok(strait_vpc::quotas(&network, &found.id))
    }

    /// Sets a quota of an account; `None`: it has what all accounts have again. What is there already stays.
    ///
    /// # Errors
    /// When there is no such account or quota, or the store could not be written.
    pub async fn set_quota(
        &self,
        account: &str,
        quota: &str,
        limit: Option<u32>,
    ) -> Result<(), QuotaError> {
        let Some(found) = found_account(&*self.network().await, account) else {
            return Err(QuotaError::NoSuchAccount(account.to_owned()));
        };
        let name = quota.to_owned();
        let set = self
            .change(move |network, _| Ok(strait_vpc::set_quota(network, &found.id, &name, limit)))
            .await
            .map_err(QuotaError::Failed)?;
        if set {
            return Ok(());
        }
        Err(QuotaError::NoSuchQuota(quota.to_owned()))
    }
}

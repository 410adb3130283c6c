//! The provider's account in the local cloud: its calls.

use strait_plane::cloud::CloudError;
use strait_vpc::{AccountId, Action, AwsError, Caller, Fault, Region, Response};

use super::{Local, PROVIDER};

impl Local {
    /// Calls as the provider in this Region, and takes the answer of that call's own type. Who looks for what was made and then
    /// makes what is missing must not go on before it is known what became of the call: it would be made twice.
    pub(super) async fn ask<T>(
        &self,
        region: &str,
        request: impl Into<Action>,
    ) -> Result<T, CloudError>
    where
        T: TryFrom<Response, Error = Response>,
    {
        let caller = Caller::new(self.provider().await?, Region::new(region));
        let called = self.call_to_its_end(caller, request.into()).await;
        let answer = called.map_err(refused)?;
        T::try_from(answer)
            .map_err(|other| CloudError::Temporary(format!("unexpected answer {other:?}")))
    }

    /// Calls as the provider, where a resource that is gone already is a success.
    pub(super) async fn ask_gone<T>(
        &self,
        region: &str,
        request: impl Into<Action>,
    ) -> Result<(), CloudError>
    where
        T: TryFrom<Response, Error = Response>,
    {
        gone(self.ask::<T>(region, request).await)
    }

    /// The provider's account.
    pub(super) async fn provider(&self) -> Result<AccountId, CloudError> {
        let network = self.network().await;
        let found = network
            .accounts
            .values()
            .find(|account| account.name == PROVIDER);
        found
            .map(|account| account.id.clone())
            .ok_or_else(|| CloudError::Temporary("no provider account yet".to_owned()))
    }
}

/// For calls that take something away: what is gone already is as good.
pub(super) fn gone<T>(outcome: Result<T, CloudError>) -> Result<(), CloudError> {
    match outcome {
        Err(error) if !is_gone(&error) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether what a call was about is gone.
pub(super) fn is_gone(error: &CloudError) -> bool {
    match error {
        CloudError::Refused { code, .. } => code.ends_with("NotFound"),
        CloudError::Temporary(_) | CloudError::InProgress(_) => false,
    }
}

fn refused(error: AwsError) -> CloudError {
    match error.fault {
        Fault::Server | Fault::Busy => CloudError::Temporary(error.message),
        Fault::Request
        | Fault::Identity
        | Fault::Permission
        | Fault::NotFound
        | Fault::Conflict
        | Fault::DryRun => CloudError::Refused {
            code: error.code,
            message: error.message,
        },
    }
}

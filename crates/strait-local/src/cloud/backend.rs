//! The local cloud behind the AWS wire.

use async_trait::async_trait;
use jiff::Timestamp;
use strait_vpc::{Action, AwsError, Caller, Response};
use strait_wire::{Backend, Credentials};

use super::Local;

#[async_trait]
impl Backend for Local {
    async fn secret(&self, access_key_id: &str) -> Option<Credentials> {
        if let Some(credentials) = self.test_credentials(access_key_id) {
            return Some(credentials);
        }
        Credentials::find(&*self.network().await, access_key_id)
    }

    async fn call(&self, caller: Caller, action: Action) -> Result<Response, AwsError> {
        Self::call(self, caller, action).await
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

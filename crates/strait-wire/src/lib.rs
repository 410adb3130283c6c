//! EC2, Elastic Load Balancing and STS as served over HTTP.
//!
//! A request comes in as AWS's clients send it: signed with Signature Version 4, its parameters in the Query protocol.
//! It is verified, read into a typed [`Action`], handed to a [`Backend`], and answered in the XML of its service. What
//! a call means is none of this crate's business.

mod canonical;
mod credential;
mod de;
mod envelope;
mod error;
mod form;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod server;
mod service;
mod sigv4;
mod tree;

use async_trait::async_trait;
use jiff::Timestamp;
use strait_vpc::{AccountId, Action, AwsError, Caller, Response};

pub use server::router;

/// What stands behind the wire: it finds secrets and does calls. Async, because the local cloud commits to a database
/// and to the kernel before it answers.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Whose access key this is, and its secret; `None` if there is no such key.
    async fn secret(&self, access_key_id: &str) -> Option<Credentials>;

    /// Does a call for somebody whose signature has been verified.
    async fn call(&self, caller: Caller, action: Action) -> Result<Response, AwsError>;

    /// The time, against which signatures are checked.
    fn now(&self) -> Timestamp;
}

/// What an access key id stands for.
#[derive(Clone)]
pub struct Credentials {
    /// The account that signs with it.
    pub account: AccountId,
    /// The secret that both sides know.
    pub secret_access_key: String,
    /// The token that temporary keys come with.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

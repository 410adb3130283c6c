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
mod rest;
mod server;
mod service;
mod shapes;
mod sigv4;
mod tree;
mod xml;

use async_trait::async_trait;
use jiff::Timestamp;
use strait_vpc::{AccountId, Action, AwsError, Caller, Network, Response};

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
    /// What temporary keys have besides.
    pub temporary: Option<Temporary>,
}

/// What temporary keys have besides a secret.
#[derive(Clone)]
pub struct Temporary {
    /// The token that comes with every call.
    pub session_token: String,
    /// When the keys end.
    pub expires_at: Timestamp,
}

impl Credentials {
    /// What an access key id stands for in a network: an account's own key, or a session's.
    #[must_use]
    pub fn find(network: &Network, access_key_id: &str) -> Option<Self> {
        if let Some(session) = network.sessions.get(&access_key_id.to_owned()) {
            return Some(Self {
                account: session.account.clone(),
                secret_access_key: session.secret_access_key.clone(),
                temporary: Some(Temporary {
                    session_token: session.session_token.clone(),
                    expires_at: session.expires_at,
                }),
            });
        }
        let mut accounts = network.accounts.values();
        let account = accounts.find(|account| account.access_key_id == access_key_id)?;
        Some(Self {
            account: account.id.clone(),
            secret_access_key: account.secret_access_key.clone(),
            temporary: None,
        })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

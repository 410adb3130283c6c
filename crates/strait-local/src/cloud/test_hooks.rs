//! What `strait up --test-hooks` adds for test suites that were written for moto's server.

use strait_vpc::AwsError;
use strait_wire::Credentials;

use super::Local;
use crate::LocalError;

/// The account that test suites expect.
const TEST_ACCOUNT: &str = "123456789012";

/// The key pair that moto's `mock_aws` puts into the environment of every test.
const MOTO_KEYS: (&str, &str) = ("FOOBARKEY", "FOOBARSECRET");

impl Local {
    /// Makes the account that test suites expect, if it is not there.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn ensure_test_account(&self) -> Result<(), LocalError> {
        self.ensure_account(TEST_ACCOUNT).await.map(drop)
    }

    /// Takes away all that accounts other than the provider's have made: rows, namespaces, what runs in them.
    ///
    /// # Errors
    /// When the store or the kernel failed; then nothing has changed.
    pub async fn reset_customers(&self) -> Result<(), AwsError> {
        self.change(|network, context| {
            strait_vpc::reset_customers(network, context);
            Ok(())
        })
        .await
    }

    /// The test account's second key pair, while the hooks are on.
    pub(super) fn test_credentials(&self, access_key_id: &str) -> Option<Credentials> {
        let (id, secret) = MOTO_KEYS;
        if !self.inner.options.test_hooks || access_key_id != id {
            return None;
        }
        Some(Credentials {
            account: TEST_ACCOUNT.parse().ok()?,
            secret_access_key: secret.to_owned(),
            temporary: None,
        })
    }
}

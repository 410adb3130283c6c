//! The cloud that a server's configuration names.

use std::sync::Arc;

use anyhow::Result;
use strait_plane::cloud::Cloud;
use strait_plane::postgres::Postgres;

use crate::config::{CloudKind, Config};

/// A cloud, and who knows the services in it.
pub(crate) type Connected = (Arc<dyn Cloud>, Arc<dyn Postgres>);

/// Whether this program can use such a cloud.
///
/// # Errors
/// When it was built without it.
pub(crate) fn built_in(kind: CloudKind) -> Result<()> {
    match kind {
        CloudKind::Aws => aws::built_in(),
    }
}

/// Connects to it. What is made there carries the id of the store.
///
/// # Errors
/// When this program was built without it, or it does not answer.
pub(crate) async fn connect(config: &Config, store: &str) -> Result<Connected> {
    match config.cloud.kind {
        CloudKind::Aws => aws::connect(config, store).await,
    }
}

#[cfg(feature = "aws")]
mod aws {
    use std::sync::Arc;

    use anyhow::{Context, Result};
    use strait_aws::{Aws, Registered};

    use super::Connected;
    use crate::config::Config;

    #[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
    pub(super) fn built_in() -> Result<()> {
        Ok(())
    }

    pub(super) async fn connect(config: &Config, store: &str) -> Result<Connected> {
        let aws = Aws::connect(strait_aws::Config {
            plane: store.to_owned(),
            regions: config.cloud.regions.clone(),
            endpoint_url: config.cloud.endpoint_url.clone(),
            assume_role_arn: config.cloud.assume_role_arn.clone(),
            nameservers: config.cloud.nameservers.clone(),
            domain: config.domain.clone(),
            hosted_zone_id: config.cloud.hosted_zone_id.clone(),
        })
        .await
        .context("connecting to AWS")?;
        let authority = &config.authority;
        let registered = Registered::new(&authority.pem, &authority.path);
        Ok((Arc::new(aws), Arc::new(registered)))
    }
}

#[cfg(not(feature = "aws"))]
mod aws {
    use anyhow::{Result, anyhow};

    use super::Connected;
    use crate::config::Config;

    pub(super) fn built_in() -> Result<()> {
        Err(left_out())
    }

    pub(super) async fn connect(_config: &Config, _store: &str) -> Result<Connected> {
        Err(left_out())
    }

    fn left_out() -> anyhow::Error {
        anyhow!(
            "this strait was built without AWS; build with: cargo build --release -p strait --features aws"
        )
    }
}

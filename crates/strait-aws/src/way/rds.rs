//! Whether an RDS instance has a public address.

use aws_sdk_rds::types::DbInstance;

use super::Way;
use crate::error::Error;
use crate::look::Kind;

/// The state of an instance that can be changed.
const AVAILABLE: &str = "available";
/// The state of one that is being changed.
const MODIFYING: &str = "modifying";

impl Way<'_> {
    /// Makes an RDS instance publicly accessible, or not any more. AWS changes its name's public answer; the address
    /// inside its VPC stays. See
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html>.
    pub(super) async fn set_rds_public(&self, id: &str, public: bool) -> Result<(), Error> {
        let instance = self.rds_instance(id).await?;
        let status = instance.db_instance_status().unwrap_or_default();
        let is_as_wanted = instance.publicly_accessible() == Some(public);
        if is_as_wanted && status != MODIFYING {
            return Ok(());
        }
        if !is_as_wanted && status == AVAILABLE {
            let call = self
                .region
                .rds()
                .modify_db_instance()
                .db_instance_identifier(id)
                // In force at once; `apply_immediately` would also bring about whatever else waits for a maintenance.
                .publicly_accessible(public);
            self.region
                .change(&[Kind::RdsInstance(id)], call.send())
                .await?;
        }
        self.region.hurry();
        let word = if public {
            "publicly accessible"
        } else {
            "private"
        };
        Err(Error::NotYet(format!(
            "RDS is making {id} {word} (it is {status}); that takes some minutes"
        )))
    }

    /// Whether an RDS instance is publicly accessible.
    pub(super) async fn rds_is_public(&self, id: &str) -> Result<bool, Error> {
        let instance = self.rds_instance(id).await?;
        if let Some(cluster) = instance.db_cluster_identifier() {
            return Err(Error::Refused {
                code: "rds_cluster_member".to_owned(),
                message: format!(
                    "{id} is a member of the cluster {cluster}, and the other members would stay public. Register the cluster's endpoint with `--public-security-group` or `--public-way none`."
                ),
            });
        }
        Ok(instance.publicly_accessible() == Some(true))
    }

    async fn rds_instance(&self, id: &str) -> Result<DbInstance, Error> {
        let found = self.region.rds_instance(id).await?;
        found.first().cloned().ok_or_else(|| Error::Refused {
            code: "DBInstanceNotFound".to_owned(),
            message: format!(
                "There is no RDS instance {id} in {}. Register the service with one that is there.",
                self.region.name
            ),
        })
    }
}

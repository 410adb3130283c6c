//! Whether an RDS instance has a public address.

use aws_sdk_rds::types::DbInstance;

use super::Way;
use crate::error::Error;
use crate::look::Kind;

/// The state of an instance that can be changed.
const AVAILABLE: &str = "available";

impl Way<'_> {
    /// Makes an RDS instance publicly accessible, or not any more. AWS changes its name's public answer; the address
    /// inside its VPC stays. See
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html>.
    pub(super) async fn set_rds_public(&self, id: &str, public: bool) -> Result<(), Error> {
        let instance = self.rds_instance(id).await?;
        if instance.publicly_accessible() != Some(public) {
            let call = self
                .region
                .rds()
                .modify_db_instance()
                .db_instance_identifier(id)
                .publicly_accessible(public)
                .apply_immediately(true);
            self.region
                .change(&[Kind::RdsInstance(id)], call.send())
                .await?;
        }
        let instance = self.rds_instance(id).await?;
        let status = instance.db_instance_status().unwrap_or_default();
        if instance.publicly_accessible() == Some(public) && status == AVAILABLE {
            return Ok(());
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

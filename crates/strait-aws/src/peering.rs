//! Peering connections from the provider's side: the request, what became of it, and its end.
//! States: <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-lifecycle>.

use std::collections::BTreeSet;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{
    ResourceType, VpcPeeringConnection, VpcPeeringConnectionStateReasonCode as Code,
    VpcPeeringConnectionVpcInfo,
};
use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};
use strait_plane::cloud::{CloudError, PeerState, PeeringObserved, PeeringSpec};
use tokio::time::Instant;

use crate::Aws;
use crate::error::{Error, gone};
use crate::look::Kind;
use crate::region::Region;
use crate::seen::{BELIEVED, Resource};
use crate::tag::{ID, Key};

/// How long AWS keeps a request that nobody accepts.
const REQUEST_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// For how long a request is looked at closely: the customer who was just told of it is at it.
const YOUNG: SignedDuration = SignedDuration::from_mins(30);

impl Aws {
    /// Asks for the peering connection, or finds it, and says how it is. Never asks again once one was made: an ended one
    /// stays ended, also when AWS, which lists ended ones for 2 hours to 2 days, no longer does.
    ///
    /// # Errors
    /// AWS refuses the request, or the Peering VPC is not there yet.
    pub async fn ensure_peering(&self, spec: &PeeringSpec) -> Result<PeeringObserved, CloudError> {
        let (region, key) = (self.region(&spec.vpc.region)?, Key::peering(spec));
        let peering = match (region.peering(spec).await?, &spec.provisioned_id) {
            (Some(peering), _) => peering,
            (None, Some(id)) if region.missed(&key, Instant::now()) < BELIEVED => {
                return Err(unlisted(id).into());
            }
            (None, Some(id)) => return Ok(vanished(id)),
            (None, None) => region.ask_for_peering(spec).await?,
        };
        region.found(&key);
        if is_in_progress(&peering, Timestamp::now()) {
            region.hurry();
        }
        Ok(observed(&peering)?)
    }

    /// Takes the peering away, with its routes and rules. One that is gone is a success.
    ///
    /// # Errors
    /// AWS is still working on it, or does not answer.
    pub async fn delete_peering(&self, spec: &PeeringSpec) -> Result<(), CloudError> {
        let (region, key) = (self.region(&spec.vpc.region)?, Key::peering(spec));
        region.looks.peerings.certain(&key)?;
        region.looks.forget(&[Kind::Peerings]);
        region.admit(spec, &BTreeSet::new()).await?;
        for peering in region
            .peerings()
            .await?
            .made_for(&key)
            .filter(|peering| rank(peering) != Rank::Ended)
        {
            region.remove_peering(peering.id()).await?;
        }
        Ok(())
    }
}

impl Region {
    /// The peering connection, as long as AWS lists it: the one that got furthest, and among equals the one that the plane
    /// knows.
    pub(crate) async fn peering(
        &self,
        spec: &PeeringSpec,
    ) -> Result<Option<VpcPeeringConnection>, Error> {
        let peerings = self.peerings().await?;
        let mut all: Vec<&VpcPeeringConnection> = peerings.made_for(&Key::peering(spec)).collect();
        let is_known =
            |peering: &VpcPeeringConnection| spec.provisioned_id.as_deref() == Some(peering.id());
        all.sort_by_key(|peering| (rank(peering), !is_known(peering)));
        let mut all = all.into_iter();
        let kept = all.next().cloned();
        // An answer was lost, or two servers acted at a time.
        for surplus in all.filter(|peering| rank(peering) != Rank::Ended) {
            tracing::info!(
                peering = surplus.id(),
                "taking away a second request for the same peering connection"
            );
            self.remove_peering(surplus.id()).await?;
        }
        Ok(kept)
    }

    async fn ask_for_peering(&self, spec: &PeeringSpec) -> Result<VpcPeeringConnection, Error> {
        let Some(vpc) = self.peering_vpc(&spec.vpc).await? else {
            return Err(Error::NotYet(format!(
                "the Peering VPC {} is not there yet",
                spec.vpc.name
            )));
        };
        let key = Key::peering(spec);
        let tags = self
            .tags
            .for_ec2(ResourceType::VpcPeeringConnection, &spec.vpc.name, &key);
        let call = self
            .ec2_once()
            .create_vpc_peering_connection()
            .vpc_id(vpc.id())
            .peer_owner_id(&spec.peer_account)
            .peer_vpc_id(&spec.peer_vpc)
            .peer_region(&spec.peer_region)
            .tag_specifications(tags);
        let made = async {
            let answer = self.change(&[Kind::Peerings], call.send()).await?;
            answer
                .vpc_peering_connection
                .ok_or_else(|| Error::silent("ec2:CreateVpcPeeringConnection"))
        };
        let made = self
            .looks
            .peerings
            .make(&key, made)
            .await
            .map_err(|error| without_peer(error, spec))?;
        if made.tag(ID).is_some_and(|id| id != key.as_str()) {
            return Err(already_peered(spec));
        }
        Ok(self.peering(spec).await?.unwrap_or(made))
    }

    async fn remove_peering(&self, id: &str) -> Result<(), Error> {
        let call = self
            .ec2()
            .delete_vpc_peering_connection()
            .vpc_peering_connection_id(id);
        gone(self.change(&[Kind::Peerings], call.send()).await)
    }
}

/// How far a connection got; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Active,
    Waiting,
    Ended,
}

fn rank(peering: &VpcPeeringConnection) -> Rank {
    match code(peering) {
        Some(Code::Active) => Rank::Active,
        Some(Code::Deleted | Code::Deleting | Code::Expired | Code::Failed | Code::Rejected) => {
            Rank::Ended
        }
        _ => Rank::Waiting,
    }
}

/// Whether a look soon after this one may well find it changed.
fn is_in_progress(peering: &VpcPeeringConnection, now: Timestamp) -> bool {
    match code(peering) {
        Some(Code::InitiatingRequest | Code::Provisioning) => true,
        Some(Code::PendingAcceptance) => {
            let left = expiry(peering).map(|expires| expires.duration_since(now));
            left.is_none_or(|left| left > REQUEST_LIFE - YOUNG)
        }
        _ => false,
    }
}

fn observed(peering: &VpcPeeringConnection) -> Result<PeeringObserved, Error> {
    let state = state(peering)?;
    let message = peering.status().and_then(|status| status.message());
    let pending = state == PeerState::PendingAcceptance;
    let active = state == PeerState::Active;
    Ok(PeeringObserved {
        provisioned_id: peering.id().to_owned(),
        accepter_provisioned_id: peering.id().to_owned(),
        state,
        message: message.unwrap_or_default().to_owned(),
        expires_at: expiry(peering).filter(|_| pending),
        peer_ranges: peering
            .accepter_vpc_info()
            .filter(|_| active)
            .map(ranges)
            .unwrap_or_default(),
    })
}

/// One that was asked for, and that AWS has not listed for long.
fn vanished(id: &str) -> PeeringObserved {
    PeeringObserved {
        provisioned_id: id.to_owned(),
        accepter_provisioned_id: id.to_owned(),
        state: PeerState::Deleted,
        message: "AWS does not list it any more, as it does some time after the end of a peering connection".to_owned(),
        expires_at: None,
        peer_ranges: BTreeSet::new(),
    }
}

/// One that was asked for: listings of AWS's may be behind, so that it need not have ended.
fn unlisted(id: &str) -> Error {
    Error::NotYet(format!(
        "AWS does not list the peering connection {id}, which was asked for"
    ))
}

fn state(peering: &VpcPeeringConnection) -> Result<PeerState, Error> {
    match code(peering) {
        // The customer has nothing to do in the first two, and sees the request in a moment.
        Some(Code::InitiatingRequest | Code::Provisioning | Code::PendingAcceptance) => {
            Ok(PeerState::PendingAcceptance)
        }
        Some(Code::Active) => Ok(PeerState::Active),
        Some(Code::Failed) => Ok(PeerState::Failed),
        Some(Code::Expired) => Ok(PeerState::Expired),
        Some(Code::Rejected) => Ok(PeerState::Rejected),
        Some(Code::Deleting | Code::Deleted) => Ok(PeerState::Deleted),
        other => Err(Error::NotYet(format!(
            "AWS says that the peering connection {} is {:?}, which Strait does not know",
            peering.id(),
            other.map_or("in no state", Code::as_str),
        ))),
    }
}

fn code(peering: &VpcPeeringConnection) -> Option<&Code> {
    peering.status()?.code()
}

fn expiry(peering: &VpcPeeringConnection) -> Option<Timestamp> {
    let at: &DateTime = peering.expiration_time()?;
    Timestamp::from_second(at.secs()).ok()
}

/// All blocks of a VPC, as the other side of an active connection sees them.
fn ranges(vpc: &VpcPeeringConnectionVpcInfo) -> BTreeSet<Ipv4Net> {
    let blocks = vpc
        .cidr_block_set()
        .iter()
        .filter_map(|block| block.cidr_block());
    blocks
        .chain(vpc.cidr_block())
        .filter_map(|block| block.parse().ok())
        .collect()
}

/// AWS answers at once only when the customer's VPC would be in the provider's own account.
fn without_peer(error: Error, spec: &PeeringSpec) -> Error {
    if error.is("VpcPeeringConnectionAlreadyExists") {
        return already_peered(spec);
    }
    if !(error.is("InvalidVpcID.NotFound") && error.to_string().contains(&spec.peer_vpc)) {
        return error;
    }
    Error::Refused {
        code: "InvalidVpcID.NotFound".to_owned(),
        message: format!(
            "There is no VPC {} in the account {} and the Region {}.",
            spec.peer_vpc, spec.peer_account, spec.peer_region
        ),
    }
}

fn already_peered(spec: &PeeringSpec) -> Error {
    Error::Refused {
        code: "VpcPeeringConnectionAlreadyExists".to_owned(),
        message: format!(
            "{} in account {} is peered with this Peering VPC already. One pair of VPCs has one peering connection.",
            spec.peer_vpc, spec.peer_account
        ),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{CidrBlock, VpcPeeringConnectionStateReason};

    use crate::sample;

    use super::*;

    #[test]
    fn a_request_is_in_progress_for_its_first_30_minutes() {
        let asked: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let pending = peering(Code::PendingAcceptance, Some(asked + REQUEST_LIFE));
        assert!(is_in_progress(
            &pending,
            asked + SignedDuration::from_mins(29)
        ));
        assert!(!is_in_progress(
            &pending,
            asked + SignedDuration::from_mins(31)
        ));
        assert!(is_in_progress(&peering(Code::Provisioning, None), asked));
        assert!(!is_in_progress(&peering(Code::Active, None), asked));
        assert!(!is_in_progress(&peering(Code::Rejected, None), asked));
    }

    #[test]
    fn ranges_are_those_of_the_accepter_once_it_accepted() {
        let block = |text: &str| CidrBlock::builder().cidr_block(text).build();
        let accepter = VpcPeeringConnectionVpcInfo::builder()
            .cidr_block("10.2.0.0/16")
            .cidr_block_set(block("10.2.0.0/16"))
            .cidr_block_set(block("10.3.0.0/16"));
        let with = |code| {
            VpcPeeringConnection::builder()
                .accepter_vpc_info(accepter.clone().build())
                .status(status(code))
                .build()
        };
        let ranges = |code| {
            let observed = observed(&with(code)).expect("a state that is known");
            observed
                .peer_ranges
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(ranges(Code::Active), ["10.2.0.0/16", "10.3.0.0/16"]);
        assert!(ranges(Code::PendingAcceptance).is_empty());
        assert!(ranges(Code::Deleted).is_empty());
    }

    #[test]
    fn only_a_pending_request_expires() {
        let expires: Timestamp = "2026-01-08T00:00:00Z".parse().expect("a time");
        let expiry = |code| {
            observed(&peering(code, Some(expires)))
                .expect("a state that is known")
                .expires_at
        };
        assert_eq!(expiry(Code::PendingAcceptance), Some(expires));
        assert_eq!(expiry(Code::Expired), None);
    }

    #[test]
    fn a_state_that_aws_adds_is_no_state_of_ours() {
        assert!(matches!(
            observed(&peering(Code::from("parked"), None)),
            Err(Error::NotYet(_))
        ));
    }

    #[test]
    fn a_missing_vpc_of_the_customer_is_refused_and_one_of_ours_is_not_there_yet() {
        let spec = sample::peering("p1");
        let missing = |id: &str| Error::Answered {
            action: "ec2:CreateVpcPeeringConnection".to_owned(),
            code: "InvalidVpcID.NotFound".to_owned(),
            message: format!("The vpc ID '{id}' does not exist"),
            fate: crate::error::Fate::Later,
        };
        assert!(matches!(
            without_peer(missing(&spec.peer_vpc), &spec),
            Error::Refused { .. }
        ));
        assert!(matches!(
            without_peer(missing("vpc-ours"), &spec),
            Error::Answered { .. }
        ));
    }

    fn peering(code: Code, expires: Option<Timestamp>) -> VpcPeeringConnection {
        let expires = expires.map(|expires| DateTime::from_secs(expires.as_second()));
        VpcPeeringConnection::builder()
            .status(status(code))
            .set_expiration_time(expires)
            .build()
    }

    fn status(code: Code) -> VpcPeeringConnectionStateReason {
        VpcPeeringConnectionStateReason::builder()
            .code(code)
            .build()
    }
}

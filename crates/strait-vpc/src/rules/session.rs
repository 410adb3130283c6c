//! STS: temporary credentials.
//!
//! There is no IAM, so no role has a trust policy. Any account of this cloud may assume any role of another, because
//! tools expect a role that they are told of to work; but nobody becomes the account that runs the services.

use std::fmt::Display;

use jiff::{SignedDuration, Timestamp};

use crate::api::{
    AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, GetSessionTokenRequest,
    GetSessionTokenResponse, SessionCredentials,
};
use crate::error::{AwsError, Fault};
use crate::id::AccountId;
use crate::rules::tenant::{self, BASE32, BASE64};
use crate::rules::{Caller, Context};
use crate::state::{AssumedRole, Network, Session};

/// Gives credentials of a role: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
pub(super) fn assume_role(
    network: &mut Network,
    caller: &Caller,
    request: &AssumeRoleRequest,
    context: &mut Context<'_>,
) -> Result<AssumeRoleResponse, AwsError> {
    let name = &request.role_session_name;
    check_name("roleSessionName", name)?;
    if let Some(source) = &request.source_identity {
        check_name("sourceIdentity", source)?;
    }
    let seconds = request.duration_seconds.unwrap_or(HOUR);
    check_range(seconds, LONGEST_OF_ROLE)?;
    let (account, role) = parse_role(&request.role_arn)?;
    if seconds > HOUR && is_role(network, caller) {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    check_trust(network, caller, &account, &request.role_arn)?;
    let role = AssumedRole {
        id: role_id(&account, &role),
        name: role,
        session_name: name.clone(),
    };
    let user = AssumedRoleUser {
        assumed_role_id: user_id(&role),
        arn: arn(&account, &role),
    };
    Ok(AssumeRoleResponse {
        credentials: make(network, account, Some(role), seconds, context),
        assumed_role_user: user,
        source_identity: request.source_identity.clone(),
    })
}

/// Gives the account credentials of its own for an hour at most, as AWS does for an account's own key:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>.
pub(super) fn get_session_token(
    network: &mut Network,
    caller: &Caller,
    request: &GetSessionTokenRequest,
    context: &mut Context<'_>,
) -> Result<GetSessionTokenResponse, AwsError> {
    if caller.session.is_some() {
        let message = "Cannot call GetSessionToken with session credentials";
        return Err(AwsError::with_fault(
            "AccessDenied",
            message,
            Fault::Permission,
        ));
    }
    let seconds = request.duration_seconds.unwrap_or(HOUR);
    check_range(seconds, LONGEST_OF_USER)?;
    let account = caller.account.clone();
    Ok(GetSessionTokenResponse {
        credentials: make(network, account, None, seconds.min(HOUR), context),
    })
}

/// Forgets credentials a day after their end; until then who uses them is told that they have expired.
pub(super) fn pass(network: &mut Network, now: Timestamp) {
    let over = network
        .sessions
        .values()
        .filter(|session| now.duration_since(session.expires_at) > REMEMBERED);
    for key in over
        .map(|session| session.access_key_id.clone())
        .collect::<Vec<_>>()
    {
        network.sessions.remove(&key);
    }
}

/// The session that a call was signed with.
pub(super) fn of<'n>(network: &'n Network, caller: &Caller) -> Option<&'n Session> {
    network.sessions.get(caller.session.as_ref()?)
}

/// Who signs a call.
pub(super) fn caller_arn(network: &Network, caller: &Caller) -> String {
    let role = of(network, caller).and_then(|session| session.role.as_ref());
    role.map_or_else(
        || root_arn(&caller.account),
        |role| arn(&caller.account, role),
    )
}

/// `arn:aws:iam::ACCOUNT:root`.
pub(super) fn root_arn(account: &AccountId) -> String {
    format!("arn:aws:iam::{account}:root")
}

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
pub(super) fn arn(account: &AccountId, role: &AssumedRole) -> String {
    format!(
        "arn:aws:sts::{account}:assumed-role/{}/{}",
        role.name, role.session_name
    )
}

/// `ROLE_ID:SESSION`.
pub(super) fn user_id(role: &AssumedRole) -> String {
    format!("{}:{}", role.id, role.session_name)
}

const HOUR: i64 = 3600;
const SHORTEST: i64 = 900;
const LONGEST_OF_ROLE: i64 = 12 * HOUR;
const LONGEST_OF_USER: i64 = 36 * HOUR;
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

fn make(
    network: &mut Network,
    account: AccountId,
    role: Option<AssumedRole>,
    seconds: i64,
    context: &mut Context<'_>,
) -> SessionCredentials {
    let session = Session {
        access_key_id: format!("ASIA{}", tenant::letters(context, BASE32, 16)),
        secret_access_key: tenant::letters(context, BASE64, 40),
        session_token: tenant::letters(context, BASE64, 164),
        account,
        role,
        expires_at: context.now + SignedDuration::from_secs(seconds),
    };
    let credentials = SessionCredentials {
        access_key_id: session.access_key_id.clone(),
        secret_access_key: session.secret_access_key.clone(),
        session_token: session.session_token.clone(),
        expiration: session.expires_at,
    };
    network
        .sessions
        .insert(session.access_key_id.clone(), session);
    credentials
}

fn check_trust(
    network: &Network,
    caller: &Caller,
    account: &AccountId,
    role_arn: &str,
) -> Result<(), AwsError> {
    let known = network.accounts.get(account);
    let trusts =
        known.is_some_and(|known| *account == caller.account || !tenant::is_provider(known));
    if trusts {
        return Ok(());
    }
    let user = caller_arn(network, caller);
    let message = format!(
        "User: {user} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    );
    Err(AwsError::with_fault(
        "AccessDenied",
        message,
        Fault::Permission,
    ))
}

fn is_role(network: &Network, caller: &Caller) -> bool {
    of(network, caller).is_some_and(|session| session.role.is_some())
}

/// The account and the name, without its path, of `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
fn parse_role(arn: &str) -> Result<(AccountId, String), AwsError> {
    if arn.len() < 20 {
        let constraint = "Member must have length greater than or equal to 20";
        return Err(constraint_broken("roleArn", arn, constraint));
    }
    let parsed = arn.strip_prefix("arn:aws:iam::").and_then(|rest| {
        let (account, path) = rest.split_once(":role/")?;
        let name = path.rsplit('/').next()?;
        let good = (1..=64).contains(&name.len()) && name.chars().all(is_name_letter);
        Some((account.parse().ok()?, good.then(|| name.to_owned())?))
    });
    parsed.ok_or_else(|| invalid(&format!("{arn} is invalid")))
}

fn check_name(member: &str, name: &str) -> Result<(), AwsError> {
    let constraint = match name.chars().count() {
        0 | 1 => "Member must have length greater than or equal to 2",
        2..=64 if name.chars().all(is_name_letter) => return Ok(()),
        2..=64 => r"Member must satisfy regular expression pattern: [\w+=,.@-]*",
        _ => "Member must have length less than or equal to 64",
    };
    Err(constraint_broken(member, name, constraint))
}

fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter)
}

fn check_range(seconds: i64, longest: i64) -> Result<(), AwsError> {
    let constraint = if seconds < SHORTEST {
        format!("Member must have value greater than or equal to {SHORTEST}")
    } else if seconds > longest {
        format!("Member must have value less than or equal to {longest}")
    } else {
        return Ok(());
    };
    Err(constraint_broken("durationSeconds", seconds, &constraint))
}

fn constraint_broken(member: &str, value: impl Display, constraint: &str) -> AwsError {
    invalid(&format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

fn invalid(message: &str) -> AwsError {
    AwsError::new("ValidationError", message)
}

/// The same role of the same account has the same id.
fn role_id(account: &AccountId, name: &str) -> String {
    let bytes = account.as_str().bytes().chain([b'/']).chain(name.bytes());
    let mut hash = bytes.fold(
        0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128,
        |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b),
    );
    let mut id = "AROA".to_owned();
    for _ in 0..17 {
        let place = usize::try_from(hash % 32).unwrap_or_default();
        id.push(char::from(BASE32[place]));
        hash /= 32;
    }
    id
}

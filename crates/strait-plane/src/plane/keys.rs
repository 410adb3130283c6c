//! Pairs of keys, and tokens that stand for them for a while.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::Plane;
use crate::error::PlaneError;
use crate::model::{ApiKey, Identity, IssuedToken, Maker, NewApiKey, NewKey};
use crate::secret;
use crate::store::keys;

/// How long a token is good.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// Whom tokens are for, and from: this store's servers.
const ISSUER: &str = "strait";

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The public key.
    sub: String,
    iss: String,
    iat: i64,
    exp: i64,
}

impl Plane {
    /// Makes a pair of keys; the secret is shown here only. The caller gives no more than it has: no higher role, and if it
    /// is a key itself, no longer time.
    pub async fn create_key(&self, project: &str, new: NewKey) -> Result<NewApiKey, PlaneError> {
        self.may_give(new.role)?;
        let own_end = match self.caller.maker() {
            Maker::Key(own) => keys::find(self.pool(), own)
                .await?
                .and_then(|own| own.key.expires),
            Maker::User | Maker::Strait => None,
        };
        let new = NewKey {
            expires: new.expires.into_iter().chain(own_end).min(),
            ..new
        };
        self.keeper()
            .create_key_by(&self.caller, project, new)
            .await
    }

    /// A pair of keys that opens something now, without the secret, whatever its project.
    pub async fn key(&self, public_key: &str) -> Result<ApiKey, PlaneError> {
        let kept = keys::find(self.pool(), public_key).await?;
        kept.map(|kept| kept.key)
            .ok_or_else(|| PlaneError::not_found("key", public_key))
    }

    /// A project's keys, without secrets, oldest first.
    pub async fn list_keys(&self, project: &str) -> Result<Vec<ApiKey>, PlaneError> {
        self.keeper().list_keys(project).await
    }

    /// Takes a pair of keys away; it and its tokens open nothing from now on.
    pub async fn revoke_key(&self, project: &str, public_key: &str) -> Result<(), PlaneError> {
        let project = self.project(project).await?;
        let Some(key) = keys::get(self.pool(), &project.id, public_key).await? else {
            return Err(PlaneError::not_found("key", public_key));
        };
        self.may_give(key.role)?;
        self.keeper()
            .revoke_key_by(&self.caller, &project.id, public_key)
            .await
    }

    /// Whose keys these are. Whether there is such a public key, nobody learns from the time that it takes.
    pub async fn authenticate(
        &self,
        public_key: &str,
        secret_key: &str,
    ) -> Result<Identity, PlaneError> {
        let kept = keys::find(self.pool(), public_key).await?;
        let hash = kept.as_ref().map(|kept| kept.secret_hash.as_str());
        let is_right = self.verifier.matches(secret_key, hash).await?;
        match kept.filter(|_| is_right) {
            Some(kept) => self.key_identity(kept.key).await,
            None => Err(PlaneError::Unauthorized),
        }
    }

    /// A token that stands for a pair of keys: for an hour, and as long as the pair is good.
    pub async fn issue_token(
        &self,
        public_key: &str,
        secret_key: &str,
    ) -> Result<IssuedToken, PlaneError> {
        self.authenticate(public_key, secret_key).await?;
        let now = Timestamp::now();
        let expires = now + TOKEN_LIFE;
        let claims = Claims {
            sub: public_key.to_owned(),
            iss: ISSUER.to_owned(),
            iat: now.as_second(),
            exp: expires.as_second(),
        };
        let secret = keys::signing_key(self.pool(), &secret::signing_key()).await?;
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(
            |error| PlaneError::Unavailable {
                message: format!(
                    "a token could not be signed ({error}); this is a defect of Strait, please report it"
                ),
            },
        )?;
        Ok(IssuedToken { token, expires })
    }

    /// Whose token it is.
    pub async fn verify_token(&self, token: &str) -> Result<Identity, PlaneError> {
        let secret = keys::signing_key(self.pool(), &secret::signing_key()).await?;
        let key = DecodingKey::from_secret(secret.as_bytes());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["sub", "iss", "exp"]);
        validation.leeway = 0;
        let Ok(read) = jsonwebtoken::decode::<Claims>(token, &key, &validation) else {
            return Err(PlaneError::Stale("token"));
        };
        match keys::find(self.pool(), &read.claims.sub).await? {
            Some(kept) => self.key_identity(kept.key).await,
            None => Err(PlaneError::Stale("token")),
        }
    }

    async fn key_identity(&self, key: ApiKey) -> Result<Identity, PlaneError> {
        let is_new = |last: Timestamp| last > Timestamp::now() - SignedDuration::from_mins(1);
        if !key.last_used.is_some_and(is_new) {
            keys::used(self.pool(), &key.public_key).await?;
        }
        Ok(Identity::Key {
            public_key: key.public_key,
            name: key.name,
            project_id: key.project_id,
            role: key.role,
        })
    }
}

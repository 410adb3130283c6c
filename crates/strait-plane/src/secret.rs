//! What is drawn by lot and what is kept secret: ids, keys, passwords.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use rand::Rng;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::error::PlaneError;

/// PostgreSQL's own default for `scram_iterations`.
const SCRAM_ITERATIONS: u32 = 4096;
/// How many verified pairs are remembered.
const REMEMBERED: usize = 1024;

/// What the tokens of sessions begin with.
pub(crate) const SESSION_PREFIX: &str = "sts_";

/// How many passwords are hashed at a time: each takes 19 MiB, and who logs in need not be anybody.
const PASSWORDS: usize = 2;
/// How many secret keys are: each takes 7 MiB.
const KEYS: usize = 4;
/// How long one waits for a turn.
const PATIENCE: Duration = Duration::from_secs(5);

static PASSWORD_TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::new(PASSWORDS, PATIENCE));

/// How long a secret key is.
const SECRET_LENGTH: usize = 40;

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &[u8] = b"0123456789";
const MIXED: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// The id of a project or service: 10 of `[a-z0-9]`, a letter first, so that it may start a host name and is no number.
pub(crate) fn object_id() -> String {
    format!("{}{}", draw(&LOWER[..26], 1), draw(LOWER, 9))
}

/// The id of a Peering VPC or a peering connection: 10 digits, as on Tiger. Fits into 63 bits, as its provider needs.
pub(crate) fn numeric_id() -> String {
    format!("{}{}", draw(&DIGITS[1..], 1), draw(DIGITS, 9))
}

/// The id of an operation: ids of later ones sort after those of earlier ones.
pub(crate) fn operation_id() -> String {
    format!("op-{}", Uuid::now_v7().simple())
}

/// Which server this is, among those of one store.
pub(crate) fn server_id() -> String {
    draw(LOWER, 16)
}

/// The id of a person.
pub(crate) fn user_id() -> String {
    format!("usr-{}", draw(LOWER, 12))
}

/// The id of a request for more of a quota.
pub(crate) fn quota_request_id() -> String {
    format!("qr-{}", draw(LOWER, 12))
}

/// The id of a session.
pub(crate) fn session_id() -> String {
    format!("ses-{}", draw(LOWER, 12))
}

/// What proves a session.
pub(crate) fn session_token() -> String {
    format!("{SESSION_PREFIX}{}", draw(MIXED, 43))
}

/// What opens a login link.
pub(crate) fn link_token() -> String {
    format!("stl_{}", draw(MIXED, 43))
}

/// What tokens are signed with.
pub(crate) fn signing_key() -> String {
    draw(MIXED, 64)
}

/// A pair of keys: public and secret.
pub(crate) fn key_pair() -> (String, String) {
    (public_key(), draw(MIXED, SECRET_LENGTH))
}

/// A public key.
pub(crate) fn public_key() -> String {
    format!("sk{}", draw(MIXED, 18))
}

/// A service's password.
pub(crate) fn password() -> String {
    draw(MIXED, 24)
}

/// What a password that can be told again is made with.
pub(crate) fn salt() -> String {
    draw(MIXED, 32)
}

/// A password that whoever knows the key can be told again. The key is not kept, the salt is.
pub(crate) fn password_of(key: &str, salt: &str) -> String {
    drawn_from(key, &[b"strait service password", salt.as_bytes()], 24)
}

/// The same of a secret key.
pub(crate) fn secret_key_of(key: &str, salt: &str) -> String {
    let half = |which: &[u8]| {
        let parts = [b"strait secret key", salt.as_bytes(), which];
        drawn_from(key, &parts, SECRET_LENGTH / 2)
    };
    half(b"first") + &half(b"second")
}

/// What is kept of a key that stands for a request.
pub(crate) fn digest(text: &str) -> String {
    BASE64.encode(Sha256::digest(text.as_bytes()))
}

/// What PostgreSQL keeps of a password (RFC 5802, RFC 7677). The password is ASCII, so that SASLprep changes nothing.
pub fn scram_verifier(password: &str) -> String {
    scram_verifier_with(password, &rand::rng().random::<[u8; 16]>())
}

/// The hash of a secret key that is kept.
pub(crate) async fn hash(secret: String) -> Result<String, PlaneError> {
    blocking(move || hash_with(&hasher()?, &secret)).await
}

/// The hash of a password that is kept.
pub(crate) async fn hash_password(password: String) -> Result<String, PlaneError> {
    let work = move || hash_with(&password_hasher()?, &password);
    PASSWORD_TURNS.take(work).await
}

/// Whether it is the password of this hash. Where there is none it takes as long to say no.
pub(crate) async fn is_password(
    password: String,
    hash: Option<String>,
) -> Result<bool, PlaneError> {
    let work = move || {
        let hasher = password_hasher()?;
        let Some(kept) = hash else {
            return hash_with(&hasher, &password).map(|_| false);
        };
        verify(&hasher, &password, &kept)
    };
    PASSWORD_TURNS.take(work).await
}

/// Lets so many hash at a time. A turn ends with its work, also when nobody waits for that any more.
struct Turns {
    free: Arc<Semaphore>,
    patience: Duration,
}

impl Turns {
    fn new(at_a_time: usize, patience: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(at_a_time)),
            patience,
        }
    }

    async fn take<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PlaneError> + Send + 'static,
    ) -> Result<T, PlaneError> {
        let free = Arc::clone(&self.free).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(self.patience, free).await else {
            return Err(PlaneError::Unavailable {
                message: "too many keys and passwords are being checked at once; try again in a few seconds".to_owned(),
            });
        };
        blocking(move || {
            let _turn = turn;
            work()
        })
        .await
    }
}

/// Checks secret keys, and remembers which matched which hashes, because Argon2 is slow on purpose.
pub(crate) struct Verifier {
    matched: Mutex<BTreeMap<String, [u8; 32]>>,
    turns: Turns,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            matched: Mutex::default(),
            turns: Turns::new(KEYS, PATIENCE),
        }
    }
}

impl Verifier {
    /// Whether the secret is the one of this hash. Where there is none it takes as long to say no.
    pub(crate) async fn matches(
        &self,
        secret: &str,
        hash: Option<&str>,
    ) -> Result<bool, PlaneError> {
        let secret_text = secret.to_owned();
        let Some(hash) = hash else {
            let work = move || hash_with(&hasher()?, &secret_text).map(|_| false);
            return self.turns.take(work).await;
        };
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        if self.remembers(hash, &digest) {
            return Ok(true);
        }
        let kept = hash.to_owned();
        let work = move || verify(&hasher()?, &secret_text, &kept);
        let matches = self.turns.take(work).await?;
        if matches {
            self.remember(hash, digest);
        }
        Ok(matches)
    }

    fn remembers(&self, hash: &str, digest: &[u8; 32]) -> bool {
        let matched = self.matched.lock().unwrap_or_else(PoisonError::into_inner);
        matched.get(hash) == Some(digest)
    }

    fn remember(&self, hash: &str, digest: [u8; 32]) {
        let mut matched = self.matched.lock().unwrap_or_else(PoisonError::into_inner);
        if matched.len() >= REMEMBERED {
            matched.clear();
        }
        matched.insert(hash.to_owned(), digest);
    }
}

fn scram_verifier_with(password: &str, salt: &[u8]) -> String {
    let salted = salted_password(password.as_bytes(), salt);
    let stored_key: [u8; 32] = Sha256::digest(mac(&salted, &[b"Client Key"])).into();
    let server_key = mac(&salted, &[b"Server Key"]);
    format!(
        "SCRAM-SHA-256${SCRAM_ITERATIONS}:{}${}:{}",
        BASE64.encode(salt),
        BASE64.encode(stored_key),
        BASE64.encode(server_key)
    )
}

/// `Hi` of RFC 5802: PBKDF2 with one block.
fn salted_password(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut round = mac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut sum = round;
    for _ in 1..SCRAM_ITERATIONS {
        round = mac(password, &[&round]);
        for (sum, round) in sum.iter_mut().zip(round) {
            *sum ^= round;
        }
    }
    sum
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac =
        <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn hash_with(hasher: &Argon2<'_>, secret: &str) -> Result<String, PlaneError> {
    let salt = SaltString::encode_b64(&rand::rng().random::<[u8; 16]>())
        .map_err(|error| defect(&error))?;
    let hash = hasher
        .hash_password(secret.as_bytes(), &salt)
        .map_err(|error| defect(&error))?;
    Ok(hash.to_string())
}

fn verify(hasher: &Argon2<'_>, secret: &str, kept: &str) -> Result<bool, PlaneError> {
    let parsed = PasswordHash::new(kept)
        .map_err(|error| PlaneError::Corrupt(format!("the hash of a secret: {error}")))?;
    Ok(hasher.verify_password(secret.as_bytes(), &parsed).is_ok())
}

/// OWASP's first choice for Argon2id: 19 MiB, 2 rounds. People choose passwords, so that guessing is to cost memory.
fn password_hasher() -> Result<Argon2<'static>, PlaneError> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| defect(&error))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// OWASP's second choice for Argon2id: 7 MiB, 5 rounds. Secrets are drawn by lot, so that memory may stay small.
fn hasher() -> Result<Argon2<'static>, PlaneError> {
    let params = Params::new(7 * 1024, 5, 1, None).map_err(|error| defect(&error))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlaneError> + Send + 'static,
) -> Result<T, PlaneError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| PlaneError::Unavailable {
            message: format!("the check of a key did not come to its end ({error}); try again"),
        })?
}

fn defect(error: &dyn std::fmt::Display) -> PlaneError {
    PlaneError::Unavailable {
        message: format!(
            "a key could not be hashed ({error}); this is a defect of Strait, please report it"
        ),
    }
}

/// As many letters as drawn by lot, by whoever knows the key: 32 at most.
fn drawn_from(key: &str, parts: &[&[u8]], length: usize) -> String {
    mac(key.as_bytes(), parts)
        .iter()
        .take(length)
        .map(|byte| char::from(MIXED[usize::from(*byte) % MIXED.len()]))
        .collect()
}

fn draw(letters: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length)
        .map(|_| char::from(letters[rng.random_range(0..letters.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_that_of_rfc_7677() {
        // The RFC's example: user "user", password "pencil", this salt, 4096 rounds.
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let salted = salted_password(b"pencil", &salt);
        let message: &[u8] = b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let server_key = mac(&salted, &[b"Server Key"]);

        let signature = BASE64.encode(mac(&server_key, &[message]));

        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let verifier = scram_verifier_with("pencil", &salt);
        assert!(verifier.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
        assert!(verifier.ends_with(&format!(":{}", BASE64.encode(server_key))));
    }

    #[tokio::test]
    async fn a_secret_matches_its_own_hash_only_before_and_after_it_is_remembered() {
        let (_, secret) = key_pair();
        let hash = hash(secret.clone()).await.expect("hash");
        let verifier = Verifier::default();

        assert!(
            !verifier
                .matches("other", Some(&hash))
                .await
                .expect("verify")
        );
        assert!(
            verifier
                .matches(&secret, Some(&hash))
                .await
                .expect("verify")
        );
        assert!(verifier.remembers(&hash, &Sha256::digest(secret.as_bytes()).into()));
        assert!(
            verifier
                .matches(&secret, Some(&hash))
                .await
                .expect("verify")
        );
        assert!(
            !verifier
                .matches("other", Some(&hash))
                .await
                .expect("verify")
        );
    }

    #[tokio::test]
    async fn few_are_checked_at_a_time_and_who_waits_in_vain_is_told() {
        let (_, secret) = key_pair();
        let hash = hash(secret.clone()).await.expect("hash");
        let verifier = Verifier {
            matched: Mutex::default(),
            turns: Turns::new(1, Duration::from_millis(50)),
        };
        let taken = verifier.turns.free.acquire().await.expect("a turn");
        for kept in [Some(hash.as_str()), None] {
            let refused = verifier.matches(&secret, kept).await;
            assert!(
                matches!(refused, Err(PlaneError::Unavailable { .. })),
                "{refused:?}"
            );
        }
        drop(taken);
        assert!(
            verifier
                .matches(&secret, Some(&hash))
                .await
                .expect("a turn")
        );
        assert!(!verifier.matches(&secret, None).await.expect("a turn"));
        // What is remembered takes no turn.
        let _taken = verifier.turns.free.acquire().await.expect("a turn");
        assert!(verifier.matches(&secret, Some(&hash)).await.expect("known"));
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_its_work_though_nobody_waits() {
        let turns = Arc::new(Turns::new(1, Duration::from_millis(20)));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let begun = Arc::clone(&turns);
        let task = tokio::spawn(async move {
            let work = move || {
                let _ = wait.recv();
                Ok(())
            };
            begun.take(work).await
        });
        while turns.free.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
        turns.take(|| Ok(())).await.expect_err("it still works");
        drop(go);
        tokio::time::sleep(Duration::from_millis(200)).await;
        turns.take(|| Ok(())).await.expect("it has ended");
    }

    #[test]
    fn a_secret_key_is_told_again_to_who_has_key_and_salt_only() {
        let (key, salt) = ("6f1c0c1e-8d1b-4d53-9e3a-0c5f3a1b2c3d", salt());
        let secret = secret_key_of(key, &salt);
        assert_eq!(secret, secret_key_of(key, &salt));
        assert_eq!(secret.len(), key_pair().1.len());
        assert_ne!(secret[..20], secret[20..]);
        for other in [
            secret_key_of("another key that is long", &salt),
            secret_key_of(key, "another salt"),
            password_of(key, &salt),
        ] {
            assert_ne!(other[..20], secret[..20]);
        }
    }

    #[test]
    fn ids_have_their_form() {
        for _ in 0..200 {
            let id = object_id();
            assert_eq!(id.len(), 10);
            assert!(id.starts_with(|c: char| c.is_ascii_lowercase()));
            assert!(id.bytes().all(|b| LOWER.contains(&b)));
            let number = numeric_id();
            assert_eq!(number.len(), 10);
            assert!(!number.starts_with('0'));
            assert!(number.bytes().all(|b| b.is_ascii_digit()));
        }
    }
}

//! The store without a plane on it: what can be done before the first server runs, and beside those that do.

use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};

use crate::error::PlaneError;
use crate::model::{
    ApiKey, Bootstrap, Caller, Deed, Maker, NewApiKey, NewKey, Permission, Project, Role,
};
use crate::plane::{Named, pick};
use crate::store::{self, keys, people, projects};
use crate::{secret, trail, validate, wish};

/// Who makes keys directly in the store.
const ACTOR: &str = "strait admin";

/// Keeps projects and their keys in a plane's store. Clones share it.
#[derive(Clone)]
pub struct Keeper {
    pool: PgPool,
}

impl Keeper {
    /// Brings the store up to date.
    pub async fn open(pool: PgPool) -> Result<Self, PlaneError> {
        store::migrate(&pool).await?;
        Ok(Self::of(pool))
    }

    /// Of a store that is up to date.
    pub(crate) fn of(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Which store it is: 16 hexadecimal digits, drawn by lot when it was made. Copies have the same.
    pub async fn store_id(&self) -> Result<String, PlaneError> {
        store::id(&self.pool).await
    }

    /// Makes the first project with a pair of keys, if there is no project yet; the secret is shown here only.
    pub async fn bootstrap(&self, name: &str) -> Result<Bootstrap, PlaneError> {
        let name = validate::name(name)?;
        let mut tx = trail::begin(&self.pool, ACTOR, None).await?;
        projects::lock_first(&mut *tx).await?;
        if let Some(project) = projects::list(&mut *tx).await?.into_iter().next() {
            return Ok(Bootstrap { project, key: None });
        }
        let project = projects::insert(&mut *tx, &secret::object_id(), &name).await?;
        let (public_key, secret_key) = secret::key_pair();
        let hash = secret::hash(secret_key.clone()).await?;
        let new = NewKey::of(Role::Owner);
        let key = keys::insert(&mut *tx, &public_key, &project.id, &hash, &new, ACTOR).await?;
        tx.commit().await?;
        Ok(Bootstrap {
            project,
            key: Some(NewApiKey { key, secret_key }),
        })
    }

    /// One project, by its id or name.
    pub async fn project(&self, project: &str) -> Result<Project, PlaneError> {
        pick(projects::named(&self.pool, project).await?, project)
    }

    /// Makes a pair of keys; the secret is shown here only.
    pub async fn create_key(&self, project: &str, new: NewKey) -> Result<NewApiKey, PlaneError> {
        self.create_key_by(&itself(), project, new).await
    }

    /// The same, for somebody.
    pub(crate) async fn create_key_by(
        &self,
        caller: &Caller,
        project: &str,
        new: NewKey,
    ) -> Result<NewApiKey, PlaneError> {
        let new = NewKey {
            name: validate::key_name(&new.name)?,
            ..new
        };
        if new.expires.is_some_and(|end| end <= Timestamp::now()) {
            return Err(PlaneError::invalid(
                "expires",
                "it is past; give a time to come, or none",
            ));
        }
        let project = self.project(project).await?;
        let actor = &caller.actor;
        let pair = Pair::new(caller);
        let hash = secret::hash(pair.secret_key.clone()).await?;
        let mut tx = trail::begin(&self.pool, actor, None).await?;
        if !projects::lock(&mut tx, &project.id).await? {
            return Err(PlaneError::not_found(Project::KIND, &project.id));
        }
        still_may_make(&mut tx, actor, &project, new.role).await?;
        let key = keys::insert(&mut *tx, &pair.public_key, &project.id, &hash, &new, actor).await?;
        let salt = pair.salt.as_deref();
        let within = Some(project.id.as_str());
        wish::done(
            &mut tx,
            caller,
            within,
            Deed::KeyCreate,
            &pair.public_key,
            salt,
        )
        .await?;
        tx.commit().await?;
        Ok(NewApiKey {
            key,
            secret_key: pair.secret_key,
        })
    }

    /// A project's keys, without secrets, oldest first.
    pub async fn list_keys(&self, project: &str) -> Result<Vec<ApiKey>, PlaneError> {
        let project = self.project(project).await?;
        keys::list(&self.pool, &project.id).await
    }

    /// Takes a pair of keys away; it opens nothing from now on.
    pub async fn revoke_key(&self, project: &str, public_key: &str) -> Result<(), PlaneError> {
        self.revoke_key_by(&itself(), project, public_key).await
    }

    /// The same, for somebody.
    pub(crate) async fn revoke_key_by(
        &self,
        caller: &Caller,
        project: &str,
        public_key: &str,
    ) -> Result<(), PlaneError> {
        let project = self.project(project).await?;
        let mut tx = trail::begin(&self.pool, &caller.actor, None).await?;
        // In the order in which the project is deleted with its keys.
        let is_there = projects::lock(&mut tx, &project.id).await?;
        if !is_there || !keys::revoke(&mut *tx, &project.id, public_key).await? {
            return Err(PlaneError::not_found("key", public_key));
        }
        let within = Some(project.id.as_str());
        wish::done(&mut tx, caller, within, Deed::KeyRevoke, public_key, None).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A pair of keys that is about to be made.
pub(crate) struct Pair {
    pub(crate) public_key: String,
    pub(crate) secret_key: String,
    /// What the secret can be told again by, if whoever asks has a key that is hard to guess.
    pub(crate) salt: Option<String>,
}

impl Pair {
    pub(crate) fn new(caller: &Caller) -> Self {
        match &caller.once {
            Some(once) if once.makes_secrets() => {
                let salt = secret::salt();
                Self {
                    public_key: secret::public_key(),
                    secret_key: secret::secret_key_of(&once.key, &salt),
                    salt: Some(salt),
                }
            }
            Some(_) | None => {
                let (public_key, secret_key) = secret::key_pair();
                Self {
                    public_key,
                    secret_key,
                    salt: None,
                }
            }
        }
    }
}

fn itself() -> Caller {
    Caller {
        actor: ACTOR.to_owned(),
        ..Caller::strait()
    }
}

/// Refuses who may not make this key any more, in a transaction that has taken the project's row. Whoever takes that right away takes
/// the project's row or the person's too, and then revokes what they made: one that is made meanwhile would be too young to be seen.
async fn still_may_make(
    tx: &mut PgConnection,
    actor: &str,
    project: &Project,
    role: Role,
) -> Result<(), PlaneError> {
    let person = people::hold_behind(tx, actor).await?;
    let may = match Maker::of(actor) {
        Maker::Strait => true,
        Maker::Key(public_key) => keys::hold(tx, public_key).await?,
        Maker::User => match person.filter(|person| !person.disabled) {
            Some(person) => {
                let members = people::members(&mut *tx, &project.id).await?;
                let member = members.iter().find(|member| member.user_id == person.id);
                member.is_some_and(|member| {
                    member.role.may(Permission::ManageKeys) && member.role.covers(role)
                })
            }
            None => false,
        },
    };
    if may {
        return Ok(());
    }
    Err(PlaneError::forbidden(format!(
        "{actor} may not make a key with the role {role} in project {} any more: they were removed, kept out or given a lower role, or the key that asks was revoked or has expired, while this was asked; nothing was made",
        project.id
    )))
}

//! Which server is called, and with which keys: what the environment and the data folder tell.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::Context;
use super::client::Key;

/// What the environment and the data folder tell.
pub(super) struct Known {
    pub(super) url: String,
    pub(super) project: Option<String>,
    /// The project that the pair of keys opens.
    pub(super) home: Option<String>,
    pub(super) public: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) admin: Option<String>,
    /// Authorities that are trusted beside the machine's.
    pub(super) ca_file: Option<PathBuf>,
}

impl Known {
    pub(super) fn gather(context: &Context) -> Result<Self> {
        let kept = match std::fs::read(context.credentials()) {
            Ok(text) => Some(
                serde_json::from_slice::<Kept>(&text)
                    .with_context(|| format!("{} is damaged", context.credentials().display()))?,
            ),
            Err(_) => None,
        };
        Self::from(
            |name| std::env::var(name).ok().filter(|value| !value.is_empty()),
            kept,
            context,
        )
    }

    pub(super) fn from(
        variable: impl Fn(&str) -> Option<String>,
        kept: Option<Kept>,
        context: &Context,
    ) -> Result<Self> {
        let asked = variable("STRAIT_URL");
        let Some(url) = asked.or_else(|| kept.as_ref().map(|kept| kept.url.clone())) else {
            bail!(
                "no server is known: start one with `strait up --detach` (there are no keys in {}), or set STRAIT_URL, STRAIT_PROJECT_ID, STRAIT_PUBLIC_KEY and STRAIT_SECRET_KEY for one that runs, as on AWS",
                context.credentials().display()
            );
        };
        // The folder's keys are for the folder's server: no other one is to see them.
        let kept = kept.filter(|kept| kept.url.trim_end_matches('/') == url.trim_end_matches('/'));
        let (mut public, mut secret) =
            (variable("STRAIT_PUBLIC_KEY"), variable("STRAIT_SECRET_KEY"));
        let from_environment = public.is_some() || secret.is_some();
        let mut known = Self {
            url,
            project: variable("STRAIT_PROJECT_ID"),
            home: variable("STRAIT_PROJECT_ID"),
            public: None,
            secret: None,
            admin: variable("STRAIT_ADMIN_KEY"),
            ca_file: variable("STRAIT_CA_FILE").map(PathBuf::from),
        };
        if let Some(kept) = kept {
            if !from_environment {
                (public, secret) = (Some(kept.public_key), Some(kept.secret_key));
                known.home = Some(kept.project_id.clone());
            }
            known.project = known.project.or(Some(kept.project_id));
            // Keys that somebody set are used as they are, and the project is the one that they are set for.
            known.home = known.home.or_else(|| known.project.clone());
            known.admin = known.admin.or(Some(kept.admin_key));
            known.ca_file = known.ca_file.or(kept.ca_file);
        }
        (known.public, known.secret) = (public, secret);
        Ok(known)
    }

    pub(super) fn pair(&self) -> Result<Key> {
        match (&self.public, &self.secret) {
            (Some(public), Some(secret)) => Ok(Key::Pair {
                public: public.clone(),
                secret: secret.clone(),
            }),
            (Some(_), None) => {
                bail!("STRAIT_PUBLIC_KEY is set and STRAIT_SECRET_KEY is not: set both or neither")
            }
            (None, Some(_)) => {
                bail!("STRAIT_SECRET_KEY is set and STRAIT_PUBLIC_KEY is not: set both or neither")
            }
            (None, None) => bail!(
                "no keys are known for {}: set STRAIT_PUBLIC_KEY and STRAIT_SECRET_KEY",
                self.url
            ),
        }
    }
}

/// `credentials.json` of the data folder.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Kept {
    url: String,
    project_id: String,
    public_key: String,
    secret_key: String,
    admin_key: String,
    ca_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_keys_go_to_the_folders_server_only() {
        let known = gather(&[]).expect("known");
        assert_eq!(known.url, "http://127.0.0.1:1");
        assert_eq!(known.admin.as_deref(), Some("root"));
        let known = gather(&[("STRAIT_URL", "http://elsewhere:1")]).expect("known");
        assert_eq!(
            (known.public.as_deref(), known.admin.as_deref()),
            (None, None)
        );
        assert!(known.pair().is_err());
    }

    #[test]
    fn the_environment_wins_and_pairs_are_not_mixed() {
        let known = gather(&[
            ("STRAIT_PUBLIC_KEY", "x"),
            ("STRAIT_SECRET_KEY", "y"),
            ("STRAIT_PROJECT_ID", "z"),
        ])
        .expect("known");
        assert_eq!(
            (
                known.public.as_deref(),
                known.secret.as_deref(),
                known.project.as_deref()
            ),
            (Some("x"), Some("y"), Some("z"))
        );
        assert_eq!(known.home.as_deref(), Some("z"));
        let elsewhere = gather(&[("STRAIT_PROJECT_ID", "z")]).expect("known");
        assert_eq!(
            (elsewhere.project.as_deref(), elsewhere.home.as_deref()),
            (Some("z"), Some("p"))
        );
        let half = gather(&[("STRAIT_PUBLIC_KEY", "x")]).expect("known");
        assert!(half.pair().is_err());
    }

    #[test]
    fn without_anything_the_way_out_is_named() {
        let context = Context::new("/nowhere/credentials.json".into());
        let Err(error) = Known::from(|_| None, None, &context) else {
            panic!("no server can be known")
        };
        assert!(error.to_string().contains("strait up"), "{error}");
    }

    fn gather(variables: &[(&str, &str)]) -> Result<Known> {
        let context = Context::new("/nowhere/credentials.json".into());
        let find = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Known::from(find, Some(kept()), &context)
    }

    /// Of a server on this machine.
    fn kept() -> Kept {
        Kept {
            url: "http://127.0.0.1:1".to_owned(),
            project_id: "p".to_owned(),
            public_key: "a".to_owned(),
            secret_key: "b".to_owned(),
            admin_key: "root".to_owned(),
            ca_file: None,
        }
    }
}

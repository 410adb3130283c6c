//! The keys that there are.

/// A key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Its section; empty: above all sections.
    section: &'static str,
    name: &'static str,
    /// What it may hold.
    pub(super) kind: Kind,
    /// An example, as it stands in a file.
    pub(super) example: &'static str,
}

/// What a key may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    List,
    /// A text that is never shown, or, with `_file` behind its name, the path of a file that holds it.
    Secret,
}

pub(super) const DATABASE_URL: Key = Key {
    section: "",
    name: "database_url",
    kind: Kind::Secret,
    example: "database_url_file = \"/etc/strait/database_url\"",
};
pub(super) const DOMAIN: Key = Key::text("", "domain", "domain = \"db.example.com\"");
pub(super) const CA_FILE: Key = Key::text("", "ca_file", "ca_file = \"/etc/strait/rds-ca.pem\"");
pub(super) const LISTEN: Key = Key::text("http", "listen", "listen = \"127.0.0.1:8470\"");
pub(super) const CERTIFICATE_FILE: Key = Key::text(
    "http",
    "certificate_file",
    "certificate_file = \"/etc/strait/tls.crt\"",
);
pub(super) const CERTIFICATE_KEY_FILE: Key = Key::text(
    "http",
    "certificate_key_file",
    "certificate_key_file = \"/etc/strait/tls.key\"",
);
pub(super) const BEHIND_TLS: Key =
    Key::text("http", "behind_tls", "behind_tls = \"strait.example.com\"");
pub(super) const ADMIN_KEY: Key = Key {
    section: "http",
    name: "admin_key",
    kind: Kind::Secret,
    example: "admin_key_file = \"/etc/strait/admin_key\"",
};
pub(super) const METRICS: Key = Key::text("http", "metrics", "metrics = \"operator\"");
pub(super) const KIND: Key = Key::text("cloud", "kind", "kind = \"aws\"");
pub(super) const REGIONS: Key = Key {
    section: "cloud",
    name: "regions",
    kind: Kind::List,
    example: "regions = [\"eu-west-1\", \"us-east-1\"]",
};
pub(super) const ENDPOINT_URL: Key = Key::text(
    "cloud",
    "endpoint_url",
    "endpoint_url = \"http://127.0.0.1:5000\"",
);
pub(super) const ASSUME_ROLE_ARN: Key = Key::text(
    "cloud",
    "assume_role_arn",
    "assume_role_arn = \"arn:aws:iam::123456789012:role/strait\"",
);
pub(super) const HOSTED_ZONE_ID: Key = Key::text(
    "cloud",
    "hosted_zone_id",
    "hosted_zone_id = \"Z0123456789ABCDEFGHIJ\"",
);
pub(super) const NAMESERVERS: Key = Key {
    section: "cloud",
    name: "nameservers",
    kind: Kind::List,
    example: "nameservers = [\"10.0.0.2\"]",
};

pub(super) const LOG_FORMAT: Key = Key::text("log", "format", "format = \"json\"");

/// All of them.
pub(super) const KEYS: [Key; 16] = [
    DATABASE_URL,
    DOMAIN,
    CA_FILE,
    LISTEN,
    CERTIFICATE_FILE,
    CERTIFICATE_KEY_FILE,
    BEHIND_TLS,
    ADMIN_KEY,
    METRICS,
    KIND,
    REGIONS,
    ENDPOINT_URL,
    ASSUME_ROLE_ARN,
    HOSTED_ZONE_ID,
    NAMESERVERS,
    LOG_FORMAT,
];

impl Key {
    const fn text(section: &'static str, name: &'static str, example: &'static str) -> Self {
        Self {
            section,
            name,
            kind: Kind::Text,
            example,
        }
    }

    /// As messages call it: `cloud.regions`.
    pub(super) fn path(&self) -> String {
        path(self.section, self.name)
    }

    /// The variable that says the same.
    pub(super) fn variable(&self) -> String {
        match self.section {
            "" => format!("STRAIT_{}", self.name.to_uppercase()),
            section => format!("STRAIT_{section}_{}", self.name).to_uppercase(),
        }
    }

    /// The names that it may have in its section.
    pub(super) fn names(&self) -> Vec<String> {
        match self.kind {
            Kind::Text | Kind::List => vec![self.name.to_owned()],
            Kind::Secret => vec![self.name.to_owned(), format!("{}_file", self.name)],
        }
    }

    /// Its section; empty: above all sections.
    pub(super) fn section(&self) -> &'static str {
        self.section
    }

    /// How to say it; whether there is a file to write it into.
    pub(super) fn advice(&self, in_file: bool) -> String {
        let place = match self.section {
            "" => "above all sections".to_owned(),
            section => format!("below [{section}]"),
        };
        let variable = match self.kind {
            Kind::Text | Kind::List => self.variable(),
            Kind::Secret => format!("{0} or {0}_FILE", self.variable()),
        };
        if in_file {
            format!("write {place}, as in {}, or set {variable}", self.example)
        } else {
            format!(
                "set it, or name a file with --config that says {place}, as in {}",
                self.example
            )
        }
    }
}

/// As messages call a key.
pub(super) fn path(section: &str, name: &str) -> String {
    match section {
        "" => name.to_owned(),
        section => format!("{section}.{name}"),
    }
}

/// The sections that there are, and what stands above them.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = KEYS.iter().map(|key| key.section).collect();
    sections.dedup();
    sections
}

/// The names of keys in a section.
pub(super) fn names(section: &str) -> Vec<String> {
    KEYS.iter()
        .filter(|key| key.section == section)
        .flat_map(Key::names)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_by_one_rule() {
        let named: Vec<String> = KEYS.iter().map(Key::variable).collect();
        assert_eq!(
            named,
            [
                "STRAIT_DATABASE_URL",
                "STRAIT_DOMAIN",
                "STRAIT_CA_FILE",
                "STRAIT_HTTP_LISTEN",
                "STRAIT_HTTP_CERTIFICATE_FILE",
                "STRAIT_HTTP_CERTIFICATE_KEY_FILE",
                "STRAIT_HTTP_BEHIND_TLS",
                "STRAIT_HTTP_ADMIN_KEY",
                "STRAIT_HTTP_METRICS",
                "STRAIT_CLOUD_KIND",
                "STRAIT_CLOUD_REGIONS",
                "STRAIT_CLOUD_ENDPOINT_URL",
                "STRAIT_CLOUD_ASSUME_ROLE_ARN",
                "STRAIT_CLOUD_HOSTED_ZONE_ID",
                "STRAIT_CLOUD_NAMESERVERS",
                "STRAIT_LOG_FORMAT",
            ]
        );
        assert_eq!(sections(), ["", "http", "cloud", "log"]);
    }
}

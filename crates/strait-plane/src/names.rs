//! Host names of services.

/// The three names of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// Follows the service wherever it is.
    pub(crate) stable: String,
    /// The way through a Peering VPC.
    pub(crate) vpc: String,
    /// The way from the internet.
    pub(crate) public: String,
}

impl Names {
    pub(crate) fn of(service: &str, project: &str, domain: &str) -> Self {
        let name = |way: &str| format!("{service}.{project}.{way}.{domain}");
        Self {
            stable: name("db"),
            vpc: name("vpc"),
            public: name("public"),
        }
    }

    /// All of them, for the certificate.
    pub(crate) fn all(self) -> Vec<String> {
        vec![self.stable, self.vpc, self.public]
    }
}

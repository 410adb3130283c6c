//! What is wrong with a configuration.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// `strait.toml:3: cloud.regions`, or the name of a variable.
    pub(super) place: String,
    /// What is wrong and what to do; never a secret.
    pub(super) message: String,
}

/// All that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault {
            place: place.into(),
            message: message.into(),
        });
    }

    /// Tells them, and the exit status for it.
    pub(crate) fn refuse(&self) -> u8 {
        eprintln!("Error: {self}");
        2
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(super) fn list(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a fault:")?,
            many => write!(f, "the configuration has {many} faults:")?,
        }
        for Fault { place, message } in &self.0 {
            write!(f, "\n- {place}: {message}")?;
        }
        Ok(())
    }
}

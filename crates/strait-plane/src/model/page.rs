use crate::error::PlaneError;

/// How many entries one answer has at most: between 1 and 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// The most that is answered at once.
    pub const MOST: u32 = 1000;

    /// As it was asked for.
    ///
    /// # Errors
    /// It is 0, or more than [`PageSize::MOST`].
    pub fn new(limit: u32) -> Result<Self, PlaneError> {
        match limit {
            1..=Self::MOST => Ok(Self(limit)),
            _ => Err(PlaneError::invalid(
                "limit",
                format!(
                    "{limit} is not between 1 and {}; ask for what comes after a page with `before`",
                    Self::MOST
                ),
            )),
        }
    }

    /// A number that fits, which the compiler checks.
    #[must_use]
    pub const fn of<const N: u32>() -> Self {
        const { assert!(N >= 1 && N <= Self::MOST) }
        Self(N)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self::of::<100>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        for fits in [1, 100, 1000] {
            assert_eq!(PageSize::new(fits).expect("it fits").get(), fits);
        }
        for none in [0, 1001, u32::MAX] {
            let refused = PageSize::new(none).expect_err("it does not fit");
            let message = refused.to_string();
            assert!(message.contains("between 1 and 1000"), "{message}");
        }
    }
}

//! Response types that differ only in which call they answer.

/// Makes a type a call around what they all say: each call's answer is a type of its own.
macro_rules! answers {
    ($($content:ident { $($(#[$doc:meta])* $name:ident),* $(,)? })*) => {$($(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(transparent)]
        pub struct $name(
            /// What is answered.
            pub $content,
        );
    )*)*};
}

pub(super) use answers;

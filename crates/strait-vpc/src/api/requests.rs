//! Requests: what all of a service's have, written once.

/// Makes requests of EC2's calls: their own fields, and `DryRun`, which every one has. `paged` ones have filters and pages
/// as well, `unfiltered` ones only pages, `tagged` ones tags for what they make. Two names before the fields are two
/// requests with the same ones. What AWS has and a request does not list is refused by the wire.
macro_rules! requests {
    () => {};
    ($(#[$meta:meta])* paged $name:ident { $($fields:tt)* } $($rest:tt)*) => {
        requests! {
            $(#[$meta])*
            unfiltered $name {
                $($fields)*
                /// What to show.
                #[serde(default, rename = "Filter")]
                pub filters: Vec<$crate::api::Filter>,
            }
            $($rest)*
        }
    };
    ($(#[$meta:meta])* unfiltered $name:ident { $($fields:tt)* } $($rest:tt)*) => {
        requests! {
            $(#[$meta])*
            $name {
                $($fields)*
                /// How many at most.
                #[serde(default)]
                pub max_results: Option<u32>,
                /// Where the last page ended.
                #[serde(default)]
                pub next_token: Option<String>,
            }
            $($rest)*
        }
    };
    ($(#[$meta:meta])* tagged $name:ident { $($fields:tt)* } $($rest:tt)*) => {
        requests! {
            $(#[$meta])*
            $name {
                $($fields)*
                /// Tags for what it makes.
                #[serde(default, rename = "TagSpecification")]
                pub tag_specifications: Vec<$crate::api::TagSpecification>,
            }
            $($rest)*
        }
    };
    ($(#[$meta:meta])* $name:ident, $(#[$other_meta:meta])* $other:ident { $($fields:tt)* } $($rest:tt)*) => {
        requests! {
            $(#[$meta])*
            $name { $($fields)* }
            $(#[$other_meta])*
            $other { $($fields)* }
            $($rest)*
        }
    };
    ($(#[$meta:meta])* $name:ident { $($fields:tt)* } $($rest:tt)*) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        pub struct $name {
            $($fields)*
            /// Only check, change nothing.
            #[serde(default)]
            pub dry_run: bool,
        }

        requests! { $($rest)* }
    };
}

/// Makes requests of Elastic Load Balancing's calls. `paged` ones have pages. Two names before the fields are two requests
/// with the same ones.
macro_rules! balancer_requests {
    () => {};
    ($(#[$meta:meta])* paged $name:ident { $($fields:tt)* } $($rest:tt)*) => {
        balancer_requests! {
            $(#[$meta])*
            $name {
                $($fields)*
                /// Where the last page ended.
                #[serde(default)]
                pub marker: Option<String>,
                /// How many at most.
                #[serde(default)]
                pub page_size: Option<u32>,
            }
            $($rest)*
        }
    };
    ($(#[$meta:meta])* $name:ident, $(#[$other_meta:meta])* $other:ident { $($fields:tt)* } $($rest:tt)*) => {
        balancer_requests! {
            $(#[$meta])*
            $name { $($fields)* }
            $(#[$other_meta])*
            $other { $($fields)* }
            $($rest)*
        }
    };
    ($(#[$meta:meta])* $name:ident { $($fields:tt)* } $($rest:tt)*) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        pub struct $name {
            $($fields)*
        }

        balancer_requests! { $($rest)* }
    };
}

pub(super) use {balancer_requests, requests};

//! `strait regions` and `strait ca`.

use anyhow::Result;
use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;

use super::client::{Client, typed};
use super::objects::Region;
use super::output::{self, Format, Rows};
use super::{Context, Output};

/// `strait regions`.
#[derive(Debug, Args)]
pub(crate) struct Regions {
    #[command(flatten)]
    format: Output,
}

/// `strait ca`.
#[derive(Debug, Args)]
pub(crate) struct Ca {
    /// Prints where it is on the server's machine, for `sslrootcert=`
    #[arg(long)]
    path: bool,
}

#[derive(Deserialize)]
struct Authority {
    path: String,
}

pub(super) async fn regions(options: &Regions, context: &Context) -> Result<()> {
    let answer = Client::anonymous(context)?.get(&["regions"]).await?;
    if options.format.output == Format::Json {
        return output::json(&answer);
    }
    let mut rows = Rows::new(
        &["REGION", "SERVICES AND PEERING VPCS", "CUSTOMERS' VPCS"],
        "There are no Regions.",
    );
    for region in typed::<Vec<Region>>(&answer)? {
        let services = if region.services { "yes" } else { "no" };
        rows.add(vec![
            Cell::new(region.code),
            Cell::new(services),
            Cell::new("yes"),
        ]);
    }
    rows.print()
}

pub(super) async fn ca(options: &Ca, context: &Context) -> Result<()> {
    if options.path {
        let authority: Authority = typed(&Client::in_project(context, None)?.get(&["ca"]).await?)?;
        return output::line(&authority.path);
    }
    let pem = Client::anonymous(context)?.get_text(&["ca.pem"]).await?;
    output::line(pem.trim_end())
}

//! A VPC of a customer's: its routes, groups and instances, and what the customer changes in it.

use maud::{Markup, html};

use super::cloud::{Customers, called, hidden, listed, missing};
use super::form::Fields;
use super::parts::{Tone, note, state, sure};
use crate::customer::{
    CustomerVpc, Holdings, Instance, PeeringRequest, Route, RouteTable, Rule, SecurityGroup,
};
use crate::error::ApiError;

/// The page, with what was refused on it.
pub(super) fn page(
    customers: &Customers,
    holdings: &Holdings,
    named: &str,
    fields: &Fields,
) -> Result<Markup, ApiError> {
    let Some(vpc) = holdings.vpcs.iter().find(|vpc| vpc.id == named) else {
        return Err(missing(named));
    };
    let account = &holdings.account;
    let peered: Vec<&PeeringRequest> = (holdings.requests.iter())
        .filter(|request| request.vpc == vpc.id && request.is_active())
        .collect();
    let own: Vec<&PeeringRequest> = (peered.iter().copied())
        .filter(|request| customers.reach.acts_on(request))
        .collect();
    let pending =
        (holdings.requests.iter()).any(|request| request.vpc == vpc.id && request.is_pending());
    let act = Act {
        customers,
        holdings,
        vpc,
        own: &own,
        fields,
    };
    let title = called(vpc);
    let body = html! {
        div.title { h1 { (title) } }
        (fields.refusal())
        div.sheet {
            dl.facts {
                dt { "Id" } dd { code { (vpc.id) } }
                dt { "Range" } dd { code { (listed(vpc)) } }
                dt { "Region" } dd { (vpc.region) }
                dt { "Account" } dd { (account.name) " (" (account.id) ")" }
            }
            @if pending { (note(Tone::Wait, &html! { p { "A peering request waits for an answer. " a href={ "/cloud/" (account.id) } { "See who asks" } "." } })) }
            @if peered.is_empty() { p.soft { "No active peering connection leads here yet. Routes and rules are added once one is accepted." } }
        }
        section.sheet aria-label="Route tables" {
            h2 { "Route tables" }
            @for table in &vpc.tables { (act.table(table)) }
            (act.add_route())
        }
        section.sheet aria-label="Security groups" {
            h2 { "Security groups" }
            p.soft { "What each lets out. Nothing has to come in." }
            @for group in &vpc.groups { (act.group(group)) }
            (act.allow())
        }
        section.sheet aria-label="Instances" {
            h2 { "Instances" }
            @if vpc.instances.is_empty() { p.soft { "None runs here." } } @else { (act.instances()) }
        }
    };
    Ok(customers
        .page(title)
        .below("/cloud", "Customer’s cloud")
        .below(
            format!("/cloud/{}", account.id),
            format!("Account {}", account.name),
        )
        .render(&body))
}

/// What the parts of a VPC's page share.
struct Act<'a> {
    customers: &'a Customers,
    holdings: &'a Holdings,
    vpc: &'a CustomerVpc,
    /// The active peering connections that the visitor acts on.
    own: &'a [&'a PeeringRequest],
    fields: &'a Fields,
}

impl Act<'_> {
    fn form(&self, act: &str, more: &[(&str, &str)], inner: &Markup) -> Markup {
        html! {
            form method="post" action={ "/cloud/" (self.holdings.account.id) "/change" } {
                (self.customers.visitor.token())
                (hidden(&[("do", act), ("region", &self.vpc.region), ("vpc", &self.vpc.id)]))
                (hidden(more))
                (inner)
            }
        }
    }

    fn table(&self, table: &RouteTable) -> Markup {
        let used = match (table.is_main, table.subnets.as_slice()) {
            (true, []) => "the main table".to_owned(),
            (true, some) => format!("the main table; {}", some.join(", ")),
            (false, []) => "used by no subnet".to_owned(),
            (false, some) => some.join(", "),
        };
        html! {
            table.cards {
                caption { code { (table.id) } " · " (used) }
                thead { tr { th { "Destination" } th { "Target" } th { "State" } td {} } }
                tbody {
                    @for route in &table.routes {
                        tr {
                            td data-label="Destination" { code { (route.destination) } }
                            td data-label="Target" { code { (route.target) } }
                            td data-label="State" { (state(if route.is_active { (Tone::Good, "Active") } else { (Tone::Bad, "Leads nowhere") })) }
                            td { @if self.may_delete(route) { (self.delete_route(table, route)) } }
                        }
                    }
                }
            }
        }
    }

    fn may_delete(&self, route: &Route) -> bool {
        route.target != "local" && self.customers.reach.acts_on_route(self.holdings, route)
    }

    fn delete_route(&self, table: &RouteTable, route: &Route) -> Markup {
        let destination = route.destination.to_string();
        let more = [("table", table.id.as_str()), ("destination", &destination)];
        let button = html! { button.danger type="submit" { "Delete the route" } };
        sure(
            "Delete…",
            &html! { "Packets to " (destination) " take this way no more." },
            &self.form("delete-route", &more, &button),
        )
    }

    fn add_route(&self) -> Markup {
        let tables: Vec<(String, String)> = (self.vpc.tables.iter())
            .map(|table| {
                (
                    table.id.clone(),
                    if table.is_main {
                        format!("{} (main)", table.id)
                    } else {
                        table.id.clone()
                    },
                )
            })
            .collect();
        let inner = html! {
            h3 { "Add a route" }
            (self.fields.select("table", "Route table", &tables))
            (self.ways("To the range of the Peering VPC"))
            button.main type="submit" { "Add the route" }
        };
        html! { @if !self.own.is_empty() { (self.form("add-route", &[], &inner)) } }
    }

    fn group(&self, group: &SecurityGroup) -> Markup {
        html! {
            table.cards {
                caption { strong { (group.name) } " · " code { (group.id) } }
                thead { tr { th { "Traffic out" } th { "To" } td {} } }
                tbody {
                    @if group.out.is_empty() { tr { td colspan="3" { "Nothing is let out." } } }
                    @for rule in &group.out {
                        tr {
                            td data-label="Traffic out" { (rule.traffic) }
                            td data-label="To" { code { (rule.to) } }
                            td { @if self.may_disallow(rule) { (self.disallow(group, &rule.id)) } }
                        }
                    }
                }
            }
        }
    }

    fn may_disallow(&self, rule: &Rule) -> bool {
        let reach = &self.customers.reach;
        reach.acts_on_rule(self.holdings, self.vpc, rule)
    }

    fn disallow(&self, group: &SecurityGroup, rule: &str) -> Markup {
        let button = html! { button.danger type="submit" { "Delete the rule" } };
        let form = self.form("disallow", &[("group", &group.id), ("rule", rule)], &button);
        sure(
            "Delete…",
            &html! { "New connections need another rule. Open ones go on, as on AWS." },
            &form,
        )
    }

    fn allow(&self) -> Markup {
        let groups: Vec<(String, String)> = (self.vpc.groups.iter())
            .map(|group| (group.id.clone(), format!("{} ({})", group.name, group.id)))
            .collect();
        let inner = html! {
            h3 { "Let PostgreSQL out (TCP 5432)" }
            (self.fields.select("group", "Security group", &groups))
            (self.ways("To the range of the Peering VPC"))
            button.main type="submit" { "Add the rule" }
        };
        html! { @if !self.own.is_empty() { (self.form("allow", &[], &inner)) } }
    }

    /// The peering connections to choose from. There may be two such boxes on the page, so that their ids differ by what they
    /// are in.
    fn ways(&self, label: &str) -> Markup {
        html! {
            div.field {
                label {
                    span { (label) }
                    select name="peering" {
                        @for request in self.own {
                            @let range = request.requester_range.map_or_else(String::new, |range| range.to_string());
                            option value=(request.id) { (range) " by " (request.id) }
                        }
                    }
                }
            }
        }
    }

    fn instances(&self) -> Markup {
        html! {
            table.cards {
                thead { tr { th { "Instance" } th { "Address" } th { "Security groups" } td {} } }
                tbody { @for instance in &self.vpc.instances { (self.instance(instance)) } }
            }
        }
    }

    fn instance(&self, instance: &Instance) -> Markup {
        let named = |id: &String| {
            let group = self.vpc.groups.iter().find(|group| group.id == *id);
            group.map_or_else(|| id.clone(), |group| group.name.clone())
        };
        let groups: Vec<String> = instance.groups.iter().map(named).collect();
        html! {
            tr {
                td data-label="Instance" { (instance.name.as_deref().unwrap_or("without a name")) " " small.soft { code { (instance.id) } } }
                td data-label="Address" { code { (instance.address) } }
                td data-label="Security groups" { (groups.join(", ")) }
                td { a.button href={ "/cloud/try?from=" (instance.id) } { "Try a connection" } }
            }
        }
    }
}

//! What every page has around it: the head, the way round, the main part.

use maud::{DOCTYPE, Markup, html};
use strait_plane::model::Project;

use super::assets::{MARK, SCRIPT, STYLE};
use super::visitor::Visitor;

/// Where a page belongs in the list at its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    /// Services.
    Services,
    /// Peering VPCs.
    Vpcs,
    /// Operations and events.
    Operations,
    /// Who may do what.
    Members,
    /// API keys.
    Keys,
    /// Quotas, and what is used.
    Quotas,
    /// The customers' half.
    Cloud,
}

/// A page that is being made.
pub(super) struct Page<'a> {
    title: String,
    tab: Option<Tab>,
    visitor: Option<&'a Visitor>,
    project: Option<&'a Project>,
    has_cloud: bool,
    live: Option<String>,
    unsettled: bool,
    here: Option<String>,
    trail: Vec<(String, String)>,
}

impl<'a> Page<'a> {
    /// One with this title, for nobody yet.
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            tab: None,
            visitor: None,
            project: None,
            has_cloud: false,
            live: None,
            unsettled: false,
            here: None,
            trail: Vec::new(),
        }
    }

    /// For who looks at it.
    pub(super) fn to(self, visitor: &'a Visitor) -> Self {
        Self {
            visitor: Some(visitor),
            ..self
        }
    }

    /// In a project.
    pub(super) fn within(self, project: &'a Project) -> Self {
        Self {
            project: Some(project),
            ..self
        }
    }

    /// At this place of the list at its side.
    pub(super) fn at(self, tab: Tab) -> Self {
        Self {
            tab: Some(tab),
            ..self
        }
    }

    /// Where the customers' half is to be had too.
    pub(super) fn with_cloud(self, has_cloud: bool) -> Self {
        Self { has_cloud, ..self }
    }

    /// Told of changes by the stream at this address. While it is unsettled, browsers without a script load it again.
    pub(super) fn live(self, address: String, unsettled: bool) -> Self {
        Self {
            live: Some(address),
            unsettled,
            ..self
        }
    }

    /// Drawn anew from this address: what was posted may be answered by the same page at another one.
    pub(super) fn here(self, address: String) -> Self {
        Self {
            here: Some(address),
            ..self
        }
    }

    /// Below another page.
    pub(super) fn below(mut self, address: impl Into<String>, title: impl Into<String>) -> Self {
        self.trail.push((address.into(), title.into()));
        self
    }

    /// The whole document around this.
    pub(super) fn render(self, body: &Markup) -> Markup {
        let whose =
            (self.project).map_or_else(String::new, |project| format!("{} · ", project.name));
        let has_side = self.project.is_some() || (self.has_cloud && self.visitor.is_some());
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · " (whose) "Strait" }
                    link rel="icon" type="image/svg+xml" href=(MARK.address());
                    link rel="stylesheet" href=(STYLE.address());
                    script src=(SCRIPT.address()) defer {}
                    @if self.unsettled { noscript { (self.again()) } }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    (self.head())
                    div.frame.bare[!has_side] {
                        @if has_side { (self.side()) }
                        main #main tabindex="-1" data-live=[self.live.as_deref()] data-here=[self.here.as_deref()] {
                            @if !self.trail.is_empty() { (self.way()) }
                            (body)
                        }
                    }
                }
            }
        }
    }

    fn again(&self) -> Markup {
        let where_to = self.here.as_ref().map(|here| format!("; url={here}"));
        html! { meta http-equiv="refresh" content={ "2" (where_to.unwrap_or_default()) }; }
    }

    fn head(&self) -> Markup {
        html! {
            header.top {
                a.brand href="/" {
                    svg viewBox="0 0 32 32" aria-hidden="true" {
                        path d="M4 9c5-4 9 4 14 0s6-2 10-1M4 24c5-4 9 4 14 0s6-2 10-1M7 16.5h17m-4.500-4.500 4.500 4.500-4.500 4.500" {}
                    }
                    "Strait"
                }
                @if let Some(project) = self.project {
                    span.here { "Project " a href="/projects" title="All projects" { (project.name) } }
                }
                @if let Some(visitor) = self.visitor {
                    div.who {
                        a href="/account" title=(visitor.user.email) { (visitor.user.name) }
                        form method="post" action="/logout" {
                            (visitor.token())
                            button.plain type="submit" { "Sign out" }
                        }
                    }
                }
            }
        }
    }

    fn side(&self) -> Markup {
        html! {
            nav.side aria-label="Main" {
                ul {
                    @if let Some(project) = self.project {
                        @let base = format!("/projects/{}", project.id);
                        (self.place(Tab::Services, &format!("{base}/services"), "Services"))
                        (self.place(Tab::Vpcs, &format!("{base}/vpcs"), "Peering VPCs"))
                        (self.place(Tab::Operations, &format!("{base}/operations"), "Operations"))
                        (self.place(Tab::Members, &format!("{base}/members"), "Members"))
                        (self.place(Tab::Keys, &format!("{base}/keys"), "API keys"))
                        (self.place(Tab::Quotas, &format!("{base}/quotas"), "Quotas, usage"))
                    } @else {
                        li { a href="/projects" { "Projects" } }
                    }
                    @if self.has_cloud {
                        li.apart { (self.link(Tab::Cloud, "/cloud", "Customer’s cloud")) }
                    }
                }
            }
        }
    }

    fn place(&self, tab: Tab, address: &str, word: &str) -> Markup {
        html! { li { (self.link(tab, address, word)) } }
    }

    fn link(&self, tab: Tab, address: &str, word: &str) -> Markup {
        let current = (self.tab == Some(tab)).then_some("page");
        html! { a href=(address) aria-current=[current] { (word) } }
    }

    fn way(&self) -> Markup {
        html! {
            nav.trail aria-label="Breadcrumb" {
                @for (address, title) in &self.trail {
                    a href=(address) { (title) }
                    span aria-hidden="true" { "/" }
                }
                span aria-current="page" { (self.title) }
            }
        }
    }
}

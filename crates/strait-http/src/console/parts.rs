//! Small parts that pages are made of.

use jiff::{SignedDuration, Timestamp, Unit};
use maud::{Markup, html};
use strait_plane::model::{
    OperationState, PeeringState, ServiceStatus, Step, VpcStatus, WaitingOn,
};

/// How a state looks; the word beside it says it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It works.
    Good,
    /// Somebody is at it, or it waits for somebody.
    Wait,
    /// It does not work.
    Bad,
    /// Nothing to say.
    Plain,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// A state in a word.
pub(super) fn state((tone, word): (Tone, &str)) -> Markup {
    html! { span.state.(tone.class()) { (word) } }
}

/// How a service is.
pub(super) fn of_service(status: ServiceStatus) -> (Tone, &'static str) {
    match status {
        ServiceStatus::Queued => (Tone::Wait, "Queued"),
        ServiceStatus::Configuring => (Tone::Wait, "Being made"),
        ServiceStatus::Ready => (Tone::Good, "Ready"),
        ServiceStatus::Pausing => (Tone::Wait, "Being stopped"),
        ServiceStatus::Paused => (Tone::Plain, "Stopped"),
        ServiceStatus::Resuming => (Tone::Wait, "Being started"),
        ServiceStatus::Deleting => (Tone::Wait, "Being deleted"),
        ServiceStatus::Unstable => (Tone::Bad, "Not running"),
    }
}

/// How a Peering VPC is.
pub(super) fn of_vpc(status: VpcStatus) -> (Tone, &'static str) {
    match status {
        VpcStatus::Creating => (Tone::Wait, "Being made"),
        VpcStatus::Created => (Tone::Good, "Created"),
        VpcStatus::Deleting => (Tone::Wait, "Being deleted"),
        VpcStatus::Failed => (Tone::Bad, "Failed"),
    }
}

/// How a peering connection is.
pub(super) fn of_peering(state: PeeringState) -> (Tone, &'static str) {
    match state {
        PeeringState::InitiatingRequest => (Tone::Wait, "Being asked for"),
        PeeringState::PendingAcceptance => (Tone::Wait, "Pending acceptance"),
        PeeringState::Active => (Tone::Good, "Active"),
        PeeringState::Failed => (Tone::Bad, "Failed"),
        PeeringState::Expired => (Tone::Bad, "Expired"),
        PeeringState::Rejected => (Tone::Bad, "Rejected"),
        PeeringState::Deleted => (Tone::Plain, "Deleted"),
        PeeringState::Deleting => (Tone::Wait, "Being deleted"),
    }
}

/// Whose turn it is.
pub(super) fn turn(waiting_on: WaitingOn) -> &'static str {
    match waiting_on {
        WaitingOn::Customer => "The customer’s",
        WaitingOn::Provider => "The provider’s (yours)",
        WaitingOn::Nobody => "Nobody’s: it works",
    }
}

/// How an operation is.
pub(super) fn of_operation(state: OperationState) -> (Tone, &'static str) {
    match state {
        OperationState::Queued => (Tone::Wait, "Queued"),
        OperationState::Running => (Tone::Wait, "Running"),
        OperationState::Succeeded => (Tone::Good, "Succeeded"),
        OperationState::Failed => (Tone::Bad, "Failed"),
        OperationState::Cancelled => (Tone::Plain, "Cancelled"),
    }
}

/// What a step does, for people.
pub(super) fn step(step: Step) -> &'static str {
    match step {
        Step::Start => "Start PostgreSQL",
        Step::Stop => "Stop PostgreSQL",
        Step::Password => "Set the password",
        Step::Allow => "Let in whom the list names",
        Step::Look => "Look at the PostgreSQL that exists",
        Step::Open => "Open the new way",
        Step::Probe => "Try the new way, end to end",
        Step::Names => "Let the names lead to it",
        Step::Drain => "Leave the former way open for open connections",
        Step::Close => "Close the former way",
        Step::Make => "Make the VPC",
        Step::Ask => "Ask the customer",
        Step::Remove => "Take it away",
    }
}

/// A time, to the second, in UTC.
pub(super) fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M:%S UTC")) } }
}

/// How long it took.
pub(super) fn took(from: Timestamp, to: Timestamp) -> String {
    let time = to.duration_since(from).max(SignedDuration::ZERO);
    let seconds = time.as_secs();
    if seconds >= 120 {
        return format!("{} min {} s", seconds / 60, seconds % 60);
    }
    format!("{}.{} s", seconds, time.subsec_millis() / 100)
}

/// How long until then, roughly.
pub(super) fn left(until: Timestamp) -> String {
    let left = until.duration_since(Timestamp::now());
    let hours = left.as_hours();
    match (hours / 24, hours, left.as_mins()) {
        (days, ..) if days > 1 => format!("in {days} days"),
        (_, hours, _) if hours > 1 => format!("in {hours} hours"),
        (.., minutes) => format!("in {} minutes", minutes.max(0)),
    }
}

/// Text to copy. `what` it is, is for screen readers.
pub(super) fn copy(what: &str, text: &str) -> Markup {
    html! { div.copy data-what=(what) { code { (text) } } }
}

/// Something to know, or to mind.
pub(super) fn note(tone: Tone, body: &Markup) -> Markup {
    html! { div.note.(tone.class()) { (body) } }
}

/// A button that asks once more before it posts.
pub(super) fn sure(word: &str, question: &Markup, form: &Markup) -> Markup {
    html! {
        details {
            summary { (word) }
            p { (question) }
            (form)
        }
    }
}

/// A time of day that a step began at, to the tenth of a second.
pub(super) fn clock(at: Timestamp) -> String {
    let at = at.round(Unit::Millisecond).unwrap_or(at);
    let text = at.strftime("%H:%M:%S%.3f").to_string();
    text[..text.len().min(10)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let begun = at("2026-11-30T05:00:00.25Z");
        assert_eq!(took(begun, at("2026-11-30T05:00:03.50Z")), "3.2 s");
        assert_eq!(took(begun, at("2026-11-30T05:03:03.50Z")), "3 min 3 s");
        assert_eq!(took(begun, at("2026-11-30T04:00:00Z")), "0.0 s");
        assert_eq!(clock(begun), "05:00:00.2");
    }
}

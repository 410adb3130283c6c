use super::*;

#[test]
fn a_month_counts_what_is_in_it() {
    let all = [
        ("a", "2026-10-31T22:00:00Z", Some("2026-11-01T01:30:00Z")),
        ("b", "2026-11-30T23:00:00Z", Some("2026-12-01T05:00:00Z")),
        ("c", "2026-12-01T00:00:00Z", None),
        ("d", "2026-10-01T00:00:00Z", Some("2026-11-01T00:00:00Z")),
        ("e", "2026-10-01T00:00:00Z", None),
    ];
    let november = hours(&all, "2026-11", "2027-01-01T00:00:00Z", TRIAL_OVER);
    assert_eq!(november, ["a 1.50 0.00", "e 720.00 0.00", "b 1.00 0.00"]);
    let december = hours(&all, "2026-12", "2027-01-01T00:00:00Z", TRIAL_OVER);
    assert_eq!(december, ["b 5.00 0.00", "c 744.00 0.00", "e 744.00 0.00"]);
    let to_come = hours(&all, "2027-02", "2027-01-01T00:00:00Z", TRIAL_OVER);
    assert!(to_come.is_empty(), "{to_come:?}");
}

#[test]
fn what_goes_on_counts_up_to_now() {
    let all = [("a", "2026-11-10T00:00:00Z", None)];
    for (now, counted) in [
        ("2026-11-10T00:00:36Z", "0.01"),
        ("2026-11-11T12:15:00Z", "36.25"),
        ("2026-12-24T00:00:00Z", "504.00"),
    ] {
        let found = hours(&all, "2026-11", now, TRIAL_OVER);
        assert_eq!(found, [format!("a {counted} 0.00")], "{now}");
    }
    // A clock behind the one that wrote it.
    let behind = hours(&all, "2026-11", "2026-11-09T23:59:59Z", TRIAL_OVER);
    assert!(behind.is_empty(), "{behind:?}");
}

#[test]
fn a_trial_ends_in_the_midst() {
    let all = [("a", "2026-11-10T00:00:00Z", Some("2026-11-12T00:00:00Z"))];
    for (trial_ends, free) in [
        ("2026-11-01T00:00:00Z", "0.00"),
        ("2026-11-10T00:00:00Z", "0.00"),
        ("2026-11-11T06:30:00Z", "30.50"),
        ("2026-11-12T00:00:00Z", "48.00"),
        ("2026-12-31T00:00:00Z", "48.00"),
    ] {
        let counted = hours(&all, "2026-11", "2026-12-01T00:00:00Z", trial_ends);
        assert_eq!(counted, [format!("a 48.00 {free}")], "{trial_ends}");
    }
    let plan = plan("2026-11-11T06:30:00Z");
    assert_eq!(plan.at(at("2026-11-11T06:29:59Z")), Plan::Trial);
    assert_eq!(plan.at(at("2026-11-11T06:30:00Z")), Plan::Standard);
}

#[test]
fn hours_between_trials_are_billed() {
    let trial = |began: Option<&str>, ended: &str| FormerTrial {
        began: began.map(at),
        ended: at(ended),
    };
    let plan = ProjectPlan {
        trial_began: Some(at("2026-11-11T00:00:00Z")),
        former_trials: vec![
            trial(None, "2026-11-10T01:00:00Z"),
            trial(Some("2026-11-10T03:00:00Z"), "2026-11-10T03:00:00Z"),
            trial(Some("2026-11-10T04:00:00Z"), "2026-11-10T09:00:00Z"),
        ],
        ..plan("2026-11-12T00:00:00Z")
    };
    for (from, until, free) in [
        ("2026-11-09T22:00:00Z", "2026-11-10T00:00:00Z", "2.00"),
        ("2026-11-10T00:00:00Z", "2026-11-10T05:00:00Z", "2.00"),
        ("2026-11-10T01:00:00Z", "2026-11-10T04:00:00Z", "0.00"),
        ("2026-11-10T08:30:00Z", "2026-11-11T00:30:00Z", "1.00"),
        ("2026-11-09T00:00:00Z", "2026-11-13T00:00:00Z", "54.00"),
        ("2026-11-12T00:00:00Z", "2026-11-13T00:00:00Z", "0.00"),
    ] {
        let counted = Hours::of(plan.free(at(from), at(until)));
        assert_eq!(counted.to_string(), free, "{from} {until}");
    }
}

#[test]
fn a_clock_that_was_set_back_counts_nothing_twice_and_nothing_below_zero() {
    let all = [
        ("a", "2026-11-10T10:00:00Z", Some("2026-11-10T12:00:00Z")),
        ("a", "2026-11-10T11:00:00Z", Some("2026-11-10T13:00:00Z")),
        ("a", "2026-11-10T11:30:00Z", Some("2026-11-10T11:40:00Z")),
        ("a", "2026-11-10T20:00:00Z", Some("2026-11-10T21:00:00Z")),
        ("b", "2026-11-10T15:00:00Z", Some("2026-11-10T14:00:00Z")),
    ];
    let counted = hours(
        &all,
        "2026-11",
        "2026-12-01T00:00:00Z",
        "2026-11-10T12:30:00Z",
    );
    assert_eq!(counted, ["a 4.00 2.50"]);
}

#[test]
fn lines_add_up_to_their_total() {
    let all = [
        ("a", "2026-11-10T00:00:00Z", Some("2026-11-10T00:00:20Z")),
        ("b", "2026-11-10T00:00:00Z", Some("2026-11-10T00:00:20Z")),
        ("c", "2026-11-10T00:00:00Z", Some("2026-11-10T00:00:17Z")),
    ];
    let counted = usage(
        &all,
        Period::month("2026-11").expect("a month"),
        "2026-12-01T00:00:00Z",
        TRIAL_OVER,
    );
    let shown: Vec<String> = counted
        .lines
        .iter()
        .map(|line| line.hours.to_string())
        .collect();
    assert_eq!(shown, ["0.01", "0.01", "0.00"]);
    let total: Hours = counted
        .of_resource(Resource::Vpc)
        .map(UsageLine::billed)
        .sum();
    assert_eq!(total.to_string(), "0.02");
    assert_eq!(serde_json::to_string(&total).expect("JSON"), "0.02");
    assert_eq!(counted.of_resource(Resource::Endpoint).count(), 0);
}

#[test]
fn times_are_read_and_what_is_none_is_refused() {
    let month = Period::month("2024-02").expect("a month");
    assert_eq!(
        (month.from(), month.until()),
        (at("2024-02-01T00:00:00Z"), at("2024-03-01T00:00:00Z"))
    );
    assert_eq!(
        Period::month_of(at("2024-02-29T23:59:59Z")).expect("a month"),
        month
    );
    for wrong in [
        "",
        "2026",
        "2026-13",
        "2026-00",
        "2026-11-01",
        "11-2026",
        "1999-12",
        "2026-1x",
    ] {
        let refused = Period::month(wrong).expect_err(wrong);
        assert_eq!(refused.field(), Some("month"), "{wrong}");
    }
    assert_eq!(
        instant("since", "2026-11-30").expect("a day"),
        at("2026-11-30T00:00:00Z")
    );
    assert_eq!(
        instant("since", "2026-11-30T02:00:00+02:00").expect("a time"),
        at("2026-11-30T00:00:00Z")
    );
    for wrong in [
        "",
        "yesterday",
        "2026-11-31",
        "2026-11-30T25:00:00Z",
        "2026-11-30T12:00",
        "2026-11-30 12:00:00",
    ] {
        assert_eq!(
            instant("since", wrong).expect_err(wrong).field(),
            Some("since"),
            "{wrong}"
        );
    }
    let (from, until) = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
    Period::new(from, until).expect("a period");
    assert_eq!(
        Period::new(until, from).expect_err("backwards").field(),
        Some("since")
    );
    assert_eq!(
        Period::new(from, from).expect_err("empty").field(),
        Some("since")
    );
    assert_eq!(
        Period::new(Timestamp::MIN, until)
            .expect_err("too early")
            .field(),
        Some("since")
    );
    assert_eq!(
        Period::new(from, Timestamp::MAX)
            .expect_err("too late")
            .field(),
        Some("until")
    );
}

/// Before anything here.
const TRIAL_OVER: &str = "2020-01-01T00:00:00Z";

type Written<'a> = (&'a str, &'a str, Option<&'a str>);

fn hours(all: &[Written<'_>], month: &str, now: &str, trial_ends: &str) -> Vec<String> {
    let month = Period::month(month).expect("a month");
    let counted = usage(all, month, now, trial_ends).lines.into_iter();
    counted
        .map(|line| format!("{} {} {}", line.id, line.hours, line.free))
        .collect()
}

fn usage(all: &[Written<'_>], period: Period, now: &str, trial_ends: &str) -> Usage {
    let intervals = all.iter().map(|(id, began, ended)| Interval {
        resource: Resource::Vpc,
        id: (*id).to_owned(),
        vpc_id: (*id).to_owned(),
        name: "main".to_owned(),
        began: at(began),
        ended: ended.map(at),
    });
    Usage::of(plan(trial_ends), period, at(now), intervals.collect())
}

fn plan(trial_ends: &str) -> ProjectPlan {
    ProjectPlan {
        project_id: "p".to_owned(),
        project_name: "shop".to_owned(),
        is_gone: false,
        trial_began: None,
        trial_ends: at(trial_ends),
        former_trials: Vec::new(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

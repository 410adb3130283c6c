//! Plans, and what is metered. Pure: what is known is passed in, the present time too.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Serialize, Serializer};

use super::words;
use crate::error::PlaneError;

/// The years that usage is asked of.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=9000;

/// What a project's hours cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plan {
    /// Nothing yet.
    Trial,
    /// Something.
    Standard,
}

words!(Plan, "plan", { Trial => "trial", Standard => "standard" });

/// A plan to give a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewPlan {
    /// Nothing costs anything until then.
    Trial {
        /// When it ends.
        ends: Timestamp,
    },
    /// The trial is over.
    Standard,
}

/// A project's plan. It outlives its project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPlan {
    /// Whose.
    pub project_id: String,
    /// That project's name, or what it was.
    pub project_name: String,
    /// Whether that project is gone.
    pub is_gone: bool,
    /// When its trial began, the last one if there were several; none: with the project.
    pub trial_began: Option<Timestamp>,
    /// Until when nothing costs anything.
    pub trial_ends: Timestamp,
    /// The trials before that one.
    pub former_trials: Vec<FormerTrial>,
}

/// A time in which nothing cost anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerTrial {
    /// Since when; none: with the project.
    pub began: Option<Timestamp>,
    /// Until when.
    pub ended: Timestamp,
}

impl ProjectPlan {
    /// Which it is now.
    pub fn at(&self, now: Timestamp) -> Plan {
        if now < self.trial_ends {
            Plan::Trial
        } else {
            Plan::Standard
        }
    }

    /// How much of this time cost nothing.
    fn free(&self, from: Timestamp, until: Timestamp) -> SignedDuration {
        let last = FormerTrial {
            began: self.trial_began,
            ended: self.trial_ends,
        };
        let all = self.former_trials.iter().chain(std::iter::once(&last));
        all.fold(SignedDuration::ZERO, |sum, trial| {
            let from = trial.began.map_or(from, |began| began.max(from));
            let free = trial.ended.min(until).duration_since(from);
            sum + free.max(SignedDuration::ZERO)
        })
    }
}

/// What is metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A Peering VPC, from when it is made until it is taken away.
    Vpc,
    /// A service's endpoint in a Peering VPC, from when it is open until closing it begins.
    Endpoint,
}

words!(Resource, "resource", { Vpc => "vpc", Endpoint => "endpoint" });

/// From when to when something was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// What.
    pub resource: Resource,
    /// The VPC's id; of an endpoint, the service's.
    pub id: String,
    /// The Peering VPC that it is, or is in.
    pub vpc_id: String,
    /// The name of the VPC or the service, or what it was.
    pub name: String,
    /// Since when.
    pub began: Timestamp,
    /// Until when; it is there yet without.
    pub ended: Option<Timestamp>,
}

/// A time that usage is asked of, its end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: Timestamp,
    until: Timestamp,
}

impl Period {
    /// From here to there.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self, PlaneError> {
        for (field, at) in [("since", from), ("until", until)] {
            let year = at.to_zoned(TimeZone::UTC).year();
            if !YEARS.contains(&year) {
                return Err(PlaneError::invalid(
                    field,
                    format!(
                        "{at} is in no year from {} to {}",
                        YEARS.start(),
                        YEARS.end()
                    ),
                ));
            }
        }
        if from >= until {
            return Err(PlaneError::invalid(
                "since",
                format!("{from} is not before {until}; give the earlier one first"),
            ));
        }
        Ok(Self { from, until })
    }

    /// A month of UTC's, as in `2026-11`.
    pub fn month(text: &str) -> Result<Self, PlaneError> {
        let first = (text.len() == 7)
            .then(|| format!("{text}-01").parse::<Date>().ok())
            .flatten()
            .filter(|first| YEARS.contains(&first.year()));
        first.and_then(Self::month_from).ok_or_else(|| {
            PlaneError::invalid(
                "month",
                format!("{text:?} is no month; give one like 2026-11"),
            )
        })
    }

    /// The month of UTC's that this time is in.
    pub fn month_of(now: Timestamp) -> Result<Self, PlaneError> {
        let first = now.to_zoned(TimeZone::UTC).date().first_of_month();
        Self::month_from(first).ok_or_else(|| {
            PlaneError::invalid("month", format!("{now} is in no month that is known"))
        })
    }

    /// When it begins.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// When it is over.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    fn month_from(first: Date) -> Option<Self> {
        let next = first.checked_add(1.month()).ok()?;
        Some(Self {
            from: midnight(first)?,
            until: midnight(next)?,
        })
    }
}

/// A time as people give it: one with its zone, or the day of UTC's that begins then.
pub fn instant(field: &'static str, text: &str) -> Result<Timestamp, PlaneError> {
    let text = text.trim();
    // A longer text with a day in it has a time that has no zone.
    let day = || {
        let day = (text.len() == 10).then(|| text.parse::<Date>().ok());
        day.flatten().and_then(midnight)
    };
    text.parse().ok().or_else(day).ok_or_else(|| {
        PlaneError::invalid(
            field,
            format!("{text:?} is no time; give a day like 2026-11-30, or a time like 2026-11-30T12:00:00Z"),
        )
    })
}

/// Hours, to the hundredth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Hours {
    hundredths: u64,
}

impl Hours {
    /// The nearest to this time; none where it is negative.
    pub fn of(time: SignedDuration) -> Self {
        const MILLIS: i128 = 3_600_000;
        let hundredths = (time.as_millis().max(0) * 100 + MILLIS / 2) / MILLIS;
        Self {
            hundredths: u64::try_from(hundredths).unwrap_or(u64::MAX),
        }
    }
}

impl Add for Hours {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hundredths: self.hundredths.saturating_add(other.hundredths),
        }
    }
}

impl Sub for Hours {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            hundredths: self.hundredths.saturating_sub(other.hundredths),
        }
    }
}

impl Sum for Hours {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.hundredths / 100, self.hundredths % 100)
    }
}

/// As a number.
impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let number: f64 = self
            .to_string()
            .parse()
            .map_err(serde::ser::Error::custom)?;
        to.serialize_f64(number)
    }
}

/// What a project used of what is metered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Its plan.
    pub plan: ProjectPlan,
    /// Of which time.
    pub period: Period,
    /// What is counted up to now: what comes later is not known.
    pub now: Timestamp,
    /// What there was, VPCs before endpoints, the eldest first.
    pub lines: Vec<UsageLine>,
}

/// What there was of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLine {
    /// What.
    pub resource: Resource,
    /// The VPC's id; of an endpoint, the service's.
    pub id: String,
    /// The Peering VPC that it is, or is in.
    pub vpc_id: String,
    /// The name of the VPC or the service, or what it was.
    pub name: String,
    /// When it was there first, in that time.
    pub from: Timestamp,
    /// When it was there last, in that time.
    pub until: Timestamp,
    /// How long it was there.
    pub hours: Hours,
    /// How much of that was in the trial.
    pub free: Hours,
}

impl UsageLine {
    /// How much of it costs something.
    pub fn billed(&self) -> Hours {
        self.hours - self.free
    }
}

impl Usage {
    /// Of a project with this plan, in this time, from what there was.
    pub fn of(plan: ProjectPlan, period: Period, now: Timestamp, all: Vec<Interval>) -> Self {
        let mut things: BTreeMap<(Resource, String, String), Vec<Interval>> = BTreeMap::new();
        for interval in all {
            let key = (
                interval.resource,
                interval.id.clone(),
                interval.vpc_id.clone(),
            );
            things.entry(key).or_default().push(interval);
        }
        let mut lines: Vec<UsageLine> = things
            .into_values()
            .filter_map(|intervals| line(&plan, period, now, intervals))
            .collect();
        lines.sort_by(|a, b| (a.resource, a.from, &a.id).cmp(&(b.resource, b.from, &b.id)));
        Self {
            plan,
            period,
            now,
            lines,
        }
    }

    /// The lines about this.
    pub fn of_resource(&self, resource: Resource) -> impl Iterator<Item = &UsageLine> + Clone {
        self.lines
            .iter()
            .filter(move |line| line.resource == resource)
    }
}

fn line(
    plan: &ProjectPlan,
    period: Period,
    now: Timestamp,
    mut intervals: Vec<Interval>,
) -> Option<UsageLine> {
    intervals.sort_by_key(|interval| interval.began);
    let mut found: Option<UsageLine> = None;
    let (mut there, mut free) = (SignedDuration::ZERO, SignedDuration::ZERO);
    for interval in intervals {
        // A clock that was set back counts nothing twice.
        let counted = found.as_ref().map_or(period.from, |line| line.until);
        let from = interval.began.max(counted);
        let until = interval.ended.unwrap_or(now).min(period.until).min(now);
        if from >= until {
            continue;
        }
        there += until.duration_since(from);
        free += plan.free(from, until);
        found = Some(UsageLine {
            resource: interval.resource,
            id: interval.id,
            vpc_id: interval.vpc_id,
            name: interval.name,
            from: found.map_or(from, |line| line.from),
            until,
            hours: Hours::of(there),
            free: Hours::of(free),
        });
    }
    found
}

fn midnight(day: Date) -> Option<Timestamp> {
    let begins = day.to_zoned(TimeZone::UTC).ok()?;
    Some(begins.timestamp())
}

#[cfg(test)]
mod tests;

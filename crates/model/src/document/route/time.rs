use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::{
    Day, Days, MINUTES_OF_DAY, TimeMatch, Weekly,
    values::{Moment, Offset, TimeOfDay},
};

/// When a route holds: at least one of these, and all that are given.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "WrittenTime")]
pub struct Time(pub TimeMatch);

/// When a route holds: at least one of these, and all that are given.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Time")]
struct WrittenTime {
    /// From this moment on.
    after: Option<Moment>,
    /// Until just before this moment.
    before: Option<Moment>,
    /// Hours that come again every week, by a clock that is not put forward in summer.
    weekly: Option<WrittenWeekly>,
}

/// Hours that come again every week, by a clock that is not put forward in summer.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "WrittenHours")]
#[schemars(with = "WrittenHours", rename = "Weekly")]
struct WrittenWeekly(Weekly);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenHours {
    /// On which days the hours begin. Default: every day.
    days: Option<Vec<WrittenDay>>,
    /// When they begin. Default: `00:00`.
    from: Option<TimeOfDay>,
    /// When they are over; earlier than `from` is on the next day. Default: `24:00`.
    to: Option<TimeOfDay>,
    /// How far the clock that shows them is ahead of UTC. Default: `Z`.
    offset: Option<Offset>,
}

/// A day of the week.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Day")]
enum WrittenDay {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

// === impl Time ===

impl TryFrom<WrittenTime> for Time {
    type Error = &'static str;

    fn try_from(written: WrittenTime) -> Result<Self, Self::Error> {
        let WrittenTime { after, before, weekly } = written;
        let after = after.map(|Moment(moment)| moment);
        let before = before.map(|Moment(moment)| moment);
        if after.is_none() && before.is_none() && weekly.is_none() {
            return Err("expected at least one of `after`, `before`, `weekly`, found none");
        }
        if let (Some(after), Some(before)) = (after, before)
            && after >= before
        {
            return Err("`before` is no later than `after`, so no time matches; exchange them");
        }
        Ok(Self(TimeMatch { after, before, weekly: weekly.map(|WrittenWeekly(weekly)| weekly) }))
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = WrittenTime::json_schema(generator);
        schema.insert("minProperties".into(), 1.into());
        schema
    }
}

// === impl WrittenWeekly ===

impl TryFrom<WrittenHours> for WrittenWeekly {
    type Error = &'static str;

    fn try_from(written: WrittenHours) -> Result<Self, Self::Error> {
        let WrittenHours { days, from, to, offset } = written;
        if days.is_none() && from.is_none() && to.is_none() {
            return Err("expected at least one of `days`, `from`, `to`: without them every time matches");
        }
        if days.as_ref().is_some_and(Vec::is_empty) {
            return Err("`days` is empty, so no time matches; leave it out for every day");
        }
        let TimeOfDay(from) = from.unwrap_or(TimeOfDay(0));
        let TimeOfDay(to) = to.unwrap_or(TimeOfDay(MINUTES_OF_DAY));
        if from == MINUTES_OF_DAY {
            return Err("nothing can begin at `24:00`; write `from: \"00:00\"`, and name the day after");
        }
        if from == to {
            return Err("`from` and `to` are the same, so no time matches; leave both out for whole days");
        }
        let days = days.map_or(Days::ALL, |days| days.into_iter().map(Day::from).collect());
        let Offset(offset) = offset.unwrap_or_default();
        Ok(Self(Weekly { days, from, to, offset }))
    }
}

// === impl Day ===

impl From<WrittenDay> for Day {
    fn from(written: WrittenDay) -> Self {
        match written {
            WrittenDay::Mon => Self::Mon,
            WrittenDay::Tue => Self::Tue,
            WrittenDay::Wed => Self::Wed,
            WrittenDay::Thu => Self::Thu,
            WrittenDay::Fri => Self::Fri,
            WrittenDay::Sat => Self::Sat,
            WrittenDay::Sun => Self::Sun,
        }
    }
}

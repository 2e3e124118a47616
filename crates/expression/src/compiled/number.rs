//! Numbers.

use std::cmp::Ordering;

use super::{Double, Int, Part, Result, time};
use crate::{Failure, Subject, syntax::Arithmetic};

/// 2^63: the first double that no `i64` reaches.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

// === impl Int ===

impl Int {
    pub(crate) fn value(&self, subject: &dyn Subject) -> Result<i64> {
        match self {
            Self::Constant(number) => Ok(*number),
            Self::Variable(variable) => subject.int(*variable),
            Self::Negative(number) => number.value(subject)?.checked_neg().ok_or(Failure::Overflow),
            Self::Arithmetic(operator, numbers) => {
                arithmetic(*operator, numbers.0.value(subject)?, numbers.1.value(subject)?)
            }
            Self::If(choice) => choice.chosen(subject)?.value(subject),
            Self::Length(text) => i64::try_from(text.value(subject)?.chars().count()).map_err(|_| Failure::Overflow),
            Self::OfDouble(number) => truncated(number.value(subject)?),
            Self::OfText(text) => text.value(subject)?.parse().map_err(|_| Failure::Unreadable),
            Self::OfTime(time) => whole(time.value(subject)?.div_euclid(time::SECOND)),
            Self::Part(part, ahead, time) => part.of(time.value(subject)?, *ahead),
            Self::Whole(unit, span) => whole(span.value(subject)? / unit),
            Self::Milliseconds(span) => whole(span.value(subject)? % time::SECOND / time::MILLISECOND),
        }
    }
}

fn arithmetic(operator: Arithmetic, left: i64, right: i64) -> Result<i64> {
    let is_division = matches!(operator, Arithmetic::Divide | Arithmetic::Remainder);
    if is_division && right == 0 {
        return Err(Failure::DivisionByZero);
    }
    let outcome = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => left.checked_rem(right),
    };
    outcome.ok_or(Failure::Overflow)
}

/// A double without its fraction.
fn truncated(number: f64) -> Result<i64> {
    // The bounds themselves may have been rounded; CEL refuses them as well.
    if number > -BEYOND && number < BEYOND { Ok(number as i64) } else { Err(Failure::Overflow) }
}

fn whole(number: i128) -> Result<i64> {
    i64::try_from(number).map_err(|_| Failure::Overflow)
}

/// The order of two numbers on one number line, without rounding either.
pub(super) fn compare(int: i64, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    if double >= BEYOND {
        return Some(Ordering::Less);
    }
    if double < -BEYOND {
        return Some(Ordering::Greater);
    }
    // In bounds, and so exact once the fraction is off; the fraction decides between equal ones.
    let order = int.cmp(&(double.trunc() as i64));
    Some(order.then(0.0_f64.partial_cmp(&double.fract())?))
}

// === impl Double ===

impl Double {
    pub(crate) fn value(&self, subject: &dyn Subject) -> Result<f64> {
        match self {
            Self::Constant(number) => Ok(*number),
            Self::Variable(variable) => subject.double(*variable),
            Self::Negative(number) => Ok(-number.value(subject)?),
            Self::Arithmetic(operator, numbers) => {
                let (left, right) = (numbers.0.value(subject)?, numbers.1.value(subject)?);
                Ok(match operator {
                    Arithmetic::Add => left + right,
                    Arithmetic::Subtract => left - right,
                    Arithmetic::Multiply => left * right,
                    Arithmetic::Divide => left / right,
                    Arithmetic::Remainder => left % right,
                })
            }
            Self::If(choice) => choice.chosen(subject)?.value(subject),
            Self::OfInt(number) => Ok(number.value(subject)? as f64),
            Self::OfText(text) => text.value(subject)?.parse().map_err(|_| Failure::Unreadable),
        }
    }
}

// === impl Part ===

impl Part {
    /// What a clock shows that is so many minutes ahead of UTC.
    fn of(self, time: i128, ahead: i16) -> Result<i64> {
        let moment = time::Clock::at(time, ahead)?;
        Ok(match self {
            Self::FullYear => moment.date.year,
            Self::Month => i64::from(moment.date.month) - 1,
            Self::Date => i64::from(moment.date.day),
            Self::DayOfMonth => i64::from(moment.date.day) - 1,
            Self::DayOfWeek => moment.day_of_week(),
            Self::DayOfYear => moment.day_of_year(),
            Self::Hours => moment.second_of_day / 3_600,
            Self::Minutes => moment.second_of_day / 60 % 60,
            Self::Seconds => moment.second_of_day % 60,
            Self::Milliseconds => moment.milliseconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_two_kinds_are_compared_exactly() {
        let large = (1_i64 << 53) + 1;
        for (int, double, order) in [
            (1, 1.0, Some(Ordering::Equal)),
            (1, 1.5, Some(Ordering::Less)),
            (2, 1.5, Some(Ordering::Greater)),
            (-1, -1.5, Some(Ordering::Greater)),
            (0, -0.0, Some(Ordering::Equal)),
            (large, 9_007_199_254_740_992.0, Some(Ordering::Greater)),
            (i64::MAX, BEYOND, Some(Ordering::Less)),
            (i64::MIN, -BEYOND, Some(Ordering::Equal)),
            (i64::MIN, f64::NEG_INFINITY, Some(Ordering::Greater)),
            (i64::MAX, f64::INFINITY, Some(Ordering::Less)),
            (0, f64::NAN, None),
        ] {
            assert_eq!(compare(int, double), order, "{int} and {double}");
        }
    }
}

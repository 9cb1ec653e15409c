//! Points in time as FHIR and EPCIS write them: RFC 3339, or a date of which the end may be missing.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Microseconds since 1970, UTC; before it they are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// A day, µs.
pub const DAY_US: i64 = 86_400_000_000;

impl Moment {
    /// Reads `2015`, `2015-02`, `2015-02-07` (midnight, UTC) or `2015-02-07T13:28:17.239+02:00`; none where it is no
    /// such time. A time without an offset is none: FHIR and EPCIS demand one.
    pub fn parse(text: &str) -> Option<Moment> {
        let date = |rest: &str| {
            let date: Date = format!("{text}{rest}").parse().ok()?;
            let midnight = date.to_datetime(Time::midnight()).to_zoned(TimeZone::UTC).ok()?;
            Some(midnight.timestamp())
        };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let timestamp = match text.len() {
            4 if plain => date("-01-01"),
            7 if plain => date("-01"),
            10 if plain => date(""),
            _ => text.parse::<Timestamp>().ok(),
        };
        timestamp.map(|timestamp| Moment(timestamp.as_microsecond()))
    }

    /// Its day since 1970, UTC.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_with_their_offset() {
        let at = |text| Moment::parse(text).map(|moment| moment.0);
        assert_eq!(at("1970-01-02"), Some(DAY_US));
        assert_eq!(at("1970"), Some(0));
        assert_eq!(at("1970-02"), Some(31 * DAY_US));
        assert_eq!(at("1970-01-01T01:00:00.250+01:00"), Some(250_000));
        assert_eq!(at("1969-12-31T23:59:59Z"), Some(-1_000_000));
        assert_eq!(at("2005-04-03T20:33:31.116000-06:00"), at("2005-04-04T02:33:31.116Z"));
        assert_eq!(Moment(-1).day(), -1);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "soon", "2021-13", "2021-02-30", "20210", "2021-01-01T25:00:00Z", "2021-01-01T10:00:00", "-----"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}

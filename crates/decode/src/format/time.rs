//! Times as logs write them, read by hand: a date costs a few nanoseconds a line.
//!
//! What: `10/Oct/2000:13:55:36 -0700`, RFC 3339, seconds since the epoch.
//! Input: the text without brackets or quotes.
//! Output: the moment in UTC.
//! Example: `2026-11-20T13:00:00+01:00` is `2026-11-20T12:00:00.000Z`.
//! Limits: four-digit years; a second of 60 counts as the next minute's first.

use vigil_event::Timestamp;

/// A time in any of the forms.
pub(super) fn any(text: &[u8]) -> Option<Timestamp> {
    common_log(text)
        .or_else(|| rfc_3339(text))
        .or_else(|| epoch(text))
}

/// `10/Oct/2000:13:55:36 -0700`
pub(super) fn common_log(text: &[u8]) -> Option<Timestamp> {
    let &[
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        z1,
        z2,
        z3,
        z4,
    ] = text
    else {
        return None;
    };
    let month = month([m1, m2, m3])?;
    let seconds = seconds(
        Date {
            year: number(&[y1, y2, y3, y4])?,
            month,
            day: number(&[d1, d2])?,
        },
        [number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?],
    )?;
    Some(moment(seconds - offset(sign, [z1, z2, z3, z4])?, 0))
}

/// A month by its English name of three letters.
fn month(name: [u8; 3]) -> Option<i64> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// `Nov 20 12:00:00`, a day below ten with a space before it, of a year that is known otherwise.
pub(super) fn without_year(text: &[u8], year: i64) -> Option<Timestamp> {
    let &[
        m1,
        m2,
        m3,
        b' ',
        d1,
        d2,
        b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = text
    else {
        return None;
    };
    let tens = if d1 == b' ' { b'0' } else { d1 };
    let date = Date {
        year,
        month: month([m1, m2, m3])?,
        day: number(&[tens, d2])?,
    };
    let time = [number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?];
    Some(moment(seconds(date, time)?, 0))
}

/// `2026/11/20 12:00:00`
pub(super) fn slashed(text: &[u8]) -> Option<Timestamp> {
    let mut plain = <[u8; 19]>::try_from(text).ok()?;
    for place in [4, 7] {
        let sign = plain.get_mut(place)?;
        if *sign != b'/' {
            return None;
        }
        *sign = b'-';
    }
    rfc_3339(&plain)
}

/// `Fri Nov 20 12:00:00.123456 2026`, with or without a fraction.
pub(super) fn apache_error(text: &[u8]) -> Option<Timestamp> {
    let (day, rest) = text.split_at_checked(4)?;
    let (moment, rest) = rest.split_at_checked(15)?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let (fraction, year) = rest.split_at_checked(space)?;
    let fraction = match fraction.split_first() {
        None => 0,
        Some((b'.', digits)) if digits.iter().all(u8::is_ascii_digit) => millis(digits),
        Some(_) => return None,
    };
    let year = number(year.get(1..5).filter(|_| year.len() == 5)?)?;
    (day.ends_with(b" ")).then_some(())?;
    Some(without_year(moment, year)?.plus_millis(fraction))
}

/// `2026-11-20T12:00:00.123Z`, `2026-11-20T13:00:00+01:00`; a space may stand for the `T`.
fn rfc_3339(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_first_chunk::<19>()?;
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = date
    else {
        return None;
    };
    let seconds = seconds(
        Date {
            year: number(&[y1, y2, y3, y4])?,
            month: number(&[m1, m2])?,
            day: number(&[d1, d2])?,
        },
        [number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?],
    )?;
    let (fraction, zone) = match rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")) {
        Some(rest) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, zone) = rest.split_at_checked(digits).filter(|_| digits > 0)?;
            (millis(fraction), zone)
        }
        None => (0, rest),
    };
    let offset = match *zone {
        [] | [b'Z' | b'z'] => 0,
        [sign, z1, z2, b':', z3, z4] | [sign, z1, z2, z3, z4] => offset(sign, [z1, z2, z3, z4])?,
        [sign, z1, z2] => offset(sign, [z1, z2, b'0', b'0'])?,
        _ => return None,
    };
    Some(moment(seconds - offset, fraction))
}

/// `1795176000`, `1795176000.123`; a number too large for seconds is taken for milli-, micro- or
/// nanoseconds.
fn epoch(text: &[u8]) -> Option<Timestamp> {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = number(parts.next()?)?;
    let fraction = match parts.next() {
        Some(digits) if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) => return None,
        Some(digits) => millis(digits),
        None => 0,
    };
    Some(match whole {
        0..100_000_000_000 => moment(whole, fraction),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_millis(whole),
        100_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_millis(whole / 1_000),
        _ => Timestamp::from_millis(whole / 1_000_000),
    })
}

#[derive(Clone, Copy)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

/// Seconds since the epoch; none for a day or a time of day that does not exist.
fn seconds(date: Date, [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    let last = match date.month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    let exists = (1..=last).contains(&date.day) && hour < 24 && minute < 60 && second <= 60;
    exists.then(|| days_from_civil(date) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days since 1970-01-01: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
const fn days_from_civil(date: Date) -> i64 {
    let year = if date.month <= 2 {
        date.year - 1
    } else {
        date.year
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A zone's seconds east of UTC.
fn offset(sign: u8, [h1, h2, m1, m2]: [u8; 4]) -> Option<i64> {
    let (hours, minutes) = (number(&[h1, h2])?, number(&[m1, m2])?);
    let seconds = hours * 3_600 + minutes * 60;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn moment(seconds: i64, millis: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1_000).saturating_add(millis))
}

/// The first three digits of a fraction.
fn millis(digits: &[u8]) -> i64 {
    let places = digits
        .iter()
        .copied()
        .chain(std::iter::repeat(b'0'))
        .take(3);
    places.fold(0, |value, digit| {
        value * 10 + i64::from(digit.saturating_sub(b'0'))
    })
}

/// Decimal digits, as many as the number can hold.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    fn read(text: &str) -> Option<String> {
        any(text.as_bytes()).map(|moment| moment.to_string())
    }

    #[test]
    fn reads_every_form() {
        for (text, expected) in [
            ("10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36.000Z"),
            ("29/Feb/2024:23:59:60 +0000", "2024-03-01T00:00:00.000Z"),
            ("01/Jan/2027:00:30:00 +0530", "2026-12-31T19:00:00.000Z"),
            ("2026-11-20T13:00:00+01:00", "2026-11-20T12:00:00.000Z"),
            ("2026-11-20T13:00:00.5+0100", "2026-11-20T12:00:00.500Z"),
            ("2026-11-20 12:00:00,123456Z", "2026-11-20T12:00:00.123Z"),
            ("1795176000", "2026-11-20T12:00:00.000Z"),
            ("1795176000.123", "2026-11-20T12:00:00.123Z"),
            ("1795176000.1", "2026-11-20T12:00:00.100Z"),
            ("1795176000123", "2026-11-20T12:00:00.123Z"),
            ("1795176000123456789", "2026-11-20T12:00:00.123Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "-",
            "31/Feb/2024:00:00:00 +0000",
            "29/Feb/2023:00:00:00 +0000",
            "10/Okt/2000:13:55:36 -0700",
            "10/Oct/2000:24:55:36 -0700",
            "10/Oct/2000:13:55:36 *0700",
            "10/Oct/2000:13:55:36 -2500",
            "2026-13-20T13:00:00Z",
            "2026-11-20T13:00:00.Z",
            "2026-11-20T13:00:00?",
            "12.",
            ".5",
            "1e9",
            "99999999999999999999",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_vocabulary_on_every_moment(ms in 0_i64..253_402_300_800_000) {
            let moment = Timestamp::from_millis(ms);
            prop_assert_eq!(any(moment.to_string().as_bytes()), Some(moment));
        }
    }
}

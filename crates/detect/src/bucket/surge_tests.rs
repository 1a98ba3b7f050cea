//! Surges: attacks that are spread over many networks are told, and what honest sites bring is not.

use super::surge::{Surge, Usual};
use super::{Match, Poured};
use crate::state::{Input, Kept};

const HOUR: i64 = 3_600_000;
const USUAL: Usual = Usual {
    least: 4,
    period_ms: HOUR,
};

/// How many people log in within each hour of a working day, from midnight on.
const DAY: [u32; 24] = [
    6, 4, 3, 3, 4, 8, 20, 70, 240, 160, 90, 80, 70, 90, 80, 70, 60, 50, 40, 30, 25, 20, 12, 8,
];

/// A login with people who log in, of whom some mistype.
struct Login {
    surge: Surge,
    /// What happens within an hour: when, who, whether it passes.
    coming: Vec<(i64, u64, bool)>,
    hour: i64,
    random: u64,
    /// Who comes next: nobody comes twice.
    next: u64,
    /// Whether it can be seen that somebody got in.
    shows_passes: bool,
}

impl Login {
    fn new() -> Self {
        Self {
            surge: Surge::default(),
            coming: Vec::new(),
            hour: 450_000,
            random: 7,
            next: 0,
            shows_passes: true,
        }
    }

    /// A number below that one.
    fn below(&mut self, end: u64) -> u64 {
        // Knuth's MMIX.
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % end
    }

    /// So many people, of whom so many in a hundred mistype first, and of these so many in a hundred
    /// give up; the others get in some minutes later.
    fn people(&mut self, count: u32, mistype: u64, give_up: u64, minutes: i64) {
        for _ in 0..count {
            let at = self.below(HOUR as u64).cast_signed();
            self.next += 1;
            let who = self.next;
            let fails = self.below(100) < mistype;
            if fails {
                self.coming.push((at, who, false));
            }
            if !fails || self.below(100) >= give_up {
                let later = if fails { minutes * 60_000 } else { 0 };
                self.coming.push((at + later, who, true));
            }
        }
    }

    /// So many networks try three times each, and never get in.
    fn guessers(&mut self, networks: u64) {
        for who in 0..networks {
            for _ in 0..3 {
                let at = self.below(HOUR as u64).cast_signed();
                self.coming.push((at, 1 << 40 | who, false));
            }
        }
    }

    /// Lets the hour pass: how many were told, if it was a surge, and after how many minutes.
    fn pass(&mut self) -> Option<(u32, i64)> {
        self.coming.sort_unstable();
        let (now, later): (Vec<_>, _) = self.coming.drain(..).partition(|(at, ..)| *at < HOUR);
        self.coming = later
            .into_iter()
            .map(|(at, who, is)| (at - HOUR, who, is))
            .collect();
        let begin = self.hour * HOUR;
        self.hour += 1;
        let mut told = None;
        for (at, who, passes) in now {
            if passes && !self.shows_passes {
                continue;
            }
            let one = Match {
                at: begin + at,
                value: who,
                steps: u64::from(!passes),
                cancels: passes,
            };
            if let Poured::Surge { count, .. } = self.surge.take(USUAL, one, begin + at) {
                told = told.or(Some((count, at / 60_000)));
            }
        }
        told
    }

    /// So many days, a share of whose people is there: the hours in which something was told.
    fn days(&mut self, days: u32, percent: u32) -> Vec<(u32, usize)> {
        let mut told = Vec::new();
        for day in 0..days {
            for (hour, people) in DAY.into_iter().enumerate() {
                self.people(people * percent / 100, 12, 20, 1);
                if self.pass().is_some() {
                    told.push((day, hour));
                }
            }
        }
        told
    }

    /// Goes on to that hour of the day, from midnight on.
    fn until(&mut self, hour: usize) {
        for people in DAY.into_iter().take(hour) {
            self.people(people, 12, 20, 1);
            assert_eq!(self.pass(), None);
        }
    }
}

#[test]
fn sixty_networks_that_try_three_times_an_hour_are_told_within_the_hour() {
    for hour in [0, 4, 12, 15, 20, 23] {
        let mut login = Login::new();
        assert_eq!(login.days(4, 100), []);
        login.until(hour);
        login.people(DAY[hour], 12, 20, 1);
        login.guessers(60);
        let told = login.pass();
        assert!(told.is_some(), "at {hour}");
    }
}

#[test]
fn a_few_networks_that_keep_at_it_are_told_after_some_hours() {
    let mut login = Login::new();
    assert_eq!(login.days(4, 100), []);
    let hours = (0..24).take_while(|hour| {
        login.people(DAY[*hour], 12, 20, 1);
        login.guessers(15);
        login.pass().is_none()
    });
    let hours = hours.count();
    assert!((1..6).contains(&hours), "{hours}");
}

#[test]
fn where_nobody_logs_in_a_few_networks_are_enough() {
    let mut login = Login::new();
    for hour in 0..200 {
        login.people(u32::from(hour % 50 == 0), 0, 0, 0);
        assert_eq!(login.pass(), None);
    }
    login.guessers(25);
    assert_eq!(login.pass().map(|(count, _)| count), Some(20));
}

#[test]
fn an_honest_site_with_its_mornings_and_weekends_is_quiet() {
    let mut login = Login::new();
    for _ in 0..5 {
        assert_eq!(login.days(5, 100), []);
        assert_eq!(login.days(2, 15), []);
    }
    // Three times as many people from one day to the next.
    assert_eq!(login.days(5, 300), []);
}

#[test]
fn a_day_on_which_everybody_has_a_new_password_is_quiet() {
    let mut login = Login::new();
    assert_eq!(login.days(7, 100), []);
    for (hour, people) in DAY.into_iter().enumerate() {
        login.people(people, 70, 15, 8);
        assert_eq!(login.pass(), None, "at {hour}");
    }
    assert_eq!(login.days(2, 100), []);
}

#[test]
fn where_nobody_is_seen_to_get_in_mornings_are_known_after_one() {
    let mut login = Login::new();
    login.shows_passes = false;
    assert_eq!(login.days(14, 100), []);
    login.until(3);
    login.guessers(90);
    assert!(login.pass().is_some());
}

#[test]
fn who_is_told_does_not_become_usual_and_it_is_over_when_it_is_over() {
    let mut login = Login::new();
    assert_eq!(login.days(4, 100), []);
    for day in 0..3 {
        for (hour, people) in DAY.into_iter().enumerate() {
            login.people(people, 12, 20, 1);
            login.guessers(60);
            let told = login.pass().is_some();
            // In the busiest hour they are as many as those who mistype.
            assert!(told || [8, 9].contains(&hour), "day {day} at {hour}");
        }
    }
    login.until(3);
    assert_eq!(login.days(3, 100), []);
}

#[test]
fn where_nobody_is_seen_to_get_in_who_goes_on_or_grows_does_not_become_usual_within_a_day() {
    let mut login = Login::new();
    login.shows_passes = false;
    assert_eq!(login.days(4, 100), []);
    for hour in 0..24 {
        login.guessers(150);
        assert!(login.pass().is_some(), "at {hour}");
    }
    let mut login = Login::new();
    login.shows_passes = false;
    assert_eq!(login.days(4, 100), []);
    let mut networks = 30.0;
    let hours = (0..24).take_while(|_| {
        networks *= 1.5;
        login.guessers(networks as u64);
        login.pass().is_none()
    });
    assert!(hours.count() < 6);
}

#[test]
fn what_is_poured_after_it_was_taken_back_waits_anew() {
    let mut surge = Surge::default();
    let minute = HOUR / 60;
    let mut take = |who, at: i64, steps| {
        let at = 450_000 * HOUR + at * minute;
        let one = Match {
            at,
            value: who,
            steps,
            cancels: steps == 0,
        };
        surge.take(USUAL, one, at)
    };
    for (at, steps) in [(0, 1), (10, 0), (12, 1)] {
        for who in 0..100 {
            assert_eq!(take(who, at, steps), Poured::Quiet);
        }
    }
    assert_eq!(take(200, 20, 1), Poured::Quiet, "they have until 27");
    assert_ne!(take(201, 28, 1), Poured::Quiet);
}

#[test]
fn what_is_learned_outlives_a_restart() {
    let mut login = Login::new();
    assert_eq!(login.days(4, 100), []);
    login.guessers(12);
    let mut bytes = Vec::new();
    login.surge.write(&mut bytes);
    let mut input = Input::new(&bytes);
    let restored = Surge::read(&mut input).unwrap();
    assert!(input.is_empty());
    assert_eq!(format!("{restored:?}"), format!("{:?}", login.surge));
    login.surge = restored;
    login.guessers(60);
    assert!(login.pass().is_some());
    for end in 0..bytes.len() {
        assert!(
            Surge::read(&mut Input::new(&bytes[..end])).is_none(),
            "{end}"
        );
    }
}

#[test]
fn a_flood_of_networks_takes_bounded_memory() {
    let mut surge = Surge::default();
    for who in 0..100_000 {
        let one = Match {
            at: 0,
            value: who,
            steps: 1,
            cancels: false,
        };
        surge.take(USUAL, one, 1_000);
    }
    assert!(surge.entries() < 40_000, "{}", surge.entries());
}

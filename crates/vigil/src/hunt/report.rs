//! What a hunt found, as data and as text for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use vigil_event::text::{truncated, visible};
use vigil_event::{Score, Timestamp};

use super::{DAY_MS, Hunt, Side};

/// Lists in the text are this long.
const TOP: usize = 5;
/// As many rules are shown in full in the text.
const TOP_RULES: usize = 20;
/// The longest line in the text, in bytes.
const SHOWN_BYTES: usize = 160;

/// What a hunt found.
#[derive(Debug, Serialize)]
pub struct HuntReport {
    /// Lines that were read.
    pub lines: u64,
    /// Lines that are no log line.
    pub unparsed: u64,
    /// Days with at least one line, in UTC.
    pub days: usize,
    /// The first and the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<[String; 2]>,
    /// What each hunted rule found, the most hits first.
    pub rules: Vec<RuleFindings>,
    /// How many rules are active.
    pub active_rules: usize,
    /// What the active rules conclude.
    pub before: Verdicts,
    /// What the rules as they would be conclude.
    pub after: Verdicts,
    /// Lines that would newly be threats.
    pub newly_threats: Change,
    /// Lines that would no longer be threats.
    pub no_longer_threats: Change,
}

/// What one rule found.
#[derive(Debug, Serialize)]
pub struct RuleFindings {
    /// The rule's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub file: String,
    /// Its score.
    pub score: Score,
    /// Lines it matched.
    pub hits: u64,
    /// Those of them that are threats, by this rule alone or together with others.
    pub hits_on_threats: u64,
    /// Hits a day, over all days of the logs.
    pub hits_per_day: f64,
    /// Hits on each day that has any, in UTC.
    pub by_day: BTreeMap<String, u64>,
    /// Distinct client addresses.
    pub addresses: usize,
    /// There are more addresses than were told apart.
    pub addresses_cut: bool,
    /// The paths it hit most.
    pub top_paths: Vec<(String, u64)>,
    /// There are more paths than were told apart.
    pub paths_cut: bool,
    /// The first lines it matched.
    pub examples: Vec<Example>,
}

/// What a set of rules concludes.
#[derive(Debug, Serialize)]
pub struct Verdicts {
    /// Lines that are threats.
    pub threats: u64,
    /// Those a day.
    pub threats_per_day: f64,
    /// Alerts they would be grouped into.
    pub alerts: usize,
    /// Those a day.
    pub alerts_per_day: f64,
    /// There are more alerts than were told apart.
    pub alerts_cut: bool,
}

/// Lines of which the verdict differs.
#[derive(Debug, Default, Serialize)]
pub struct Change {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// A line.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// The file it stands in.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// Its score by the active rules.
    pub score_before: f64,
    /// Its score by the rules as they would be.
    pub score_after: f64,
    /// The line, cut to a readable length.
    pub text: String,
}

impl Change {
    pub(super) fn add(&mut self, most: usize, example: impl FnOnce() -> Example) {
        self.count += 1;
        if self.examples.len() < most {
            self.examples.push(example());
        }
    }
}

fn day(day: i64) -> String {
    let text = Timestamp::from_millis(day * DAY_MS).to_string();
    truncated(&text, "2026-11-20".len()).to_owned()
}

impl Hunt {
    /// What was found.
    pub fn finish(mut self) -> HuntReport {
        let days = self.days.len().max(1) as f64;
        let mut rules: Vec<RuleFindings> = self
            .rules
            .rules()
            .iter()
            .filter(|rule| self.hunted.contains(&rule.id))
            .map(|rule| {
                let tally = self.tallies.remove(&rule.id).unwrap_or_default();
                let mut paths: Vec<(String, u64)> = tally.paths.kept.into_iter().collect();
                paths.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
                paths.truncate(TOP);
                RuleFindings {
                    id: rule.id.clone(),
                    title: rule.title.clone(),
                    file: rule.file.clone(),
                    score: rule.score,
                    hits: tally.hits,
                    hits_on_threats: tally.on_threats,
                    hits_per_day: tally.hits as f64 / days,
                    by_day: tally.days.iter().map(|(at, n)| (day(*at), *n)).collect(),
                    addresses: tally.addresses.kept.len(),
                    addresses_cut: tally.addresses.is_full,
                    top_paths: paths,
                    paths_cut: tally.paths.is_full,
                    examples: tally.examples,
                }
            })
            .collect();
        rules.sort_by(|a, b| b.hits.cmp(&a.hits).then(a.file.cmp(&b.file)));
        let ends = (self.days.first_key_value(), self.days.last_key_value());
        let [before, after] = self.sides.map(|side| verdicts(&side, days));
        HuntReport {
            lines: self.lines,
            unparsed: self.unparsed,
            days: self.days.len(),
            period: match ends {
                (Some((first, _)), Some((last, _))) => Some([day(*first), day(*last)]),
                _ => None,
            },
            rules,
            active_rules: self.active,
            before,
            after,
            newly_threats: self.newly,
            no_longer_threats: self.no_longer,
        }
    }
}

fn verdicts(side: &Side, days: f64) -> Verdicts {
    Verdicts {
        threats: side.threats,
        threats_per_day: side.threats as f64 / days,
        alerts: side.alerts.kept.len(),
        alerts_per_day: side.alerts.kept.len() as f64 / days,
        alerts_cut: side.alerts.is_full,
    }
}

impl HuntReport {
    /// For a terminal: everything from a log is made visible.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let period = self
            .period
            .as_ref()
            .map_or_else(String::new, |[first, last]| {
                format!(" of {} day(s), {first} to {last}", self.days)
            });
        _ = writeln!(
            text,
            "{} rule(s) on {} lines{period}; {} are no log line",
            self.rules.len(),
            self.lines,
            self.unparsed
        );
        for rule in self
            .rules
            .iter()
            .filter(|rule| rule.hits > 0)
            .take(TOP_RULES)
        {
            rule.write(&mut text);
        }
        let hit = self.rules.iter().filter(|rule| rule.hits > 0).count();
        if hit > TOP_RULES {
            _ = writeln!(
                text,
                "\n{} more rules hit; --json lists them",
                hit - TOP_RULES
            );
        }
        if hit < self.rules.len() {
            _ = writeln!(text, "\n{} rule(s) hit nothing", self.rules.len() - hit);
        }
        self.write_difference(&mut text);
        text
    }

    fn write_difference(&self, text: &mut String) {
        let (before, after) = (&self.before, &self.after);
        _ = writeln!(
            text,
            "\nagainst the {} active rules{:>10} {:>10}",
            self.active_rules, "before", "after"
        );
        let counts = [
            ("threats", before.threats, after.threats),
            ("alerts", before.alerts as u64, after.alerts as u64),
        ];
        for (name, before, after) in counts {
            _ = writeln!(text, "  {name:<24} {before:>10} {after:>10}");
        }
        for (name, before, after) in [
            (
                "threats a day",
                before.threats_per_day,
                after.threats_per_day,
            ),
            ("alerts a day", before.alerts_per_day, after.alerts_per_day),
        ] {
            _ = writeln!(text, "  {name:<24} {before:>10.1} {after:>10.1}");
        }
        if before.alerts_cut || after.alerts_cut {
            text.push_str("  (at least: there are more alerts than were told apart)\n");
        }
        for (name, change) in [
            ("newly threats", &self.newly_threats),
            ("no longer threats", &self.no_longer_threats),
        ] {
            _ = writeln!(text, "  {name:<24} {:>10}", change.count);
            for example in &change.examples {
                example.write(text);
            }
        }
    }
}

impl RuleFindings {
    fn write(&self, text: &mut String) {
        let least = if self.addresses_cut { "at least " } else { "" };
        _ = writeln!(
            text,
            "\n{} ({}), score {}\n  {} hits, {:.1} a day, from {least}{} address(es); {} of them on threats",
            visible(&self.title),
            visible(&self.file),
            self.score,
            self.hits,
            self.hits_per_day,
            self.addresses,
            self.hits_on_threats
        );
        if self.by_day.len() > 1 {
            let most = self.by_day.iter().max_by_key(|(_, count)| **count);
            if let Some((day, count)) = most {
                _ = writeln!(
                    text,
                    "  on {} of the days; most on {day}: {count}",
                    self.by_day.len()
                );
            }
        }
        text.push_str("  top paths\n");
        for (path, count) in &self.top_paths {
            let path = visible(path);
            _ = writeln!(text, "    {count:>8}  {}", truncated(&path, SHOWN_BYTES));
        }
        text.push_str("  examples\n");
        for example in &self.examples {
            example.write(text);
        }
    }
}

impl Example {
    fn write(&self, text: &mut String) {
        let line = visible(&self.text);
        _ = writeln!(
            text,
            "    {}:{}  {:.1} -> {:.1}  {}",
            visible(&self.file),
            self.line,
            self.score_before,
            self.score_after,
            truncated(&line, SHOWN_BYTES)
        );
    }
}

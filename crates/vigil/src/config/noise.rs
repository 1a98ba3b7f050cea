//! What accuses and what is let pass: lists, allowlists, good bots.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list of addresses and networks in a file. It is read again whenever the file changes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListConfig {
    /// Its name, of letters, digits, `-`, `_` and `.`; a hit is the detection `list-NAME`.
    pub name: String,
    /// The file: one address or network a line, CSV, or the JSON of a bot's networks.
    pub path: PathBuf,
    /// What it means to stand on it: `reputation` (a weak sign), `block`, or `allow` (let pass).
    pub kind: ListPurpose,
    /// How bad a hit is, 0.0 to 10.0. Without it 3.0 for a reputation and 6.0 for a block list.
    #[serde(default)]
    pub score: Option<f64>,
    /// Why whoever is on it is looked at or let pass.
    #[serde(default)]
    pub reason: String,
    /// The column of the address or network, by name or number; makes the file CSV.
    #[serde(default)]
    pub column: String,
    /// The column of a score for each entry.
    #[serde(default)]
    pub score_column: String,
    /// The column of a label for each entry.
    #[serde(default)]
    pub label_column: String,
    /// What stands between columns. Without it a comma.
    #[serde(default = "comma")]
    pub separator: char,
    /// The score in the file that means the worst, such as 100. Without it 10.
    #[serde(default = "ten")]
    pub worst_score: f64,
}

const fn comma() -> char {
    ','
}

const fn ten() -> f64 {
    10.0
}

/// What it means to stand on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListPurpose {
    /// A weak sign.
    Reputation,
    /// A bad sign.
    Block,
    /// Let pass.
    Allow,
}

/// What is let pass. Whatever is, is counted by its cause on `/metrics`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AllowConfig {
    /// Addresses and networks whose requests are let pass, such as `192.0.2.0/24`. For a file see
    /// `enrich.lists`.
    pub networks: Vec<String>,
    /// Paths that are let pass, such as `/health` or `/static/*`; `*` stands for any text. A path
    /// counts as received and decoded, so `/static/../admin` is not let pass.
    pub paths: Vec<String>,
    /// Rules that are let pass on some paths.
    pub rules: Vec<AllowedRuleConfig>,
    /// Bots that are let pass from their own networks, and accused from others.
    pub bots: Vec<BotConfig>,
}

/// A rule that is let pass on some paths.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowedRuleConfig {
    /// A rule's id, a family, or `*`.
    pub rule: String,
    /// The paths; `*` stands for any text.
    pub path: String,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
}

/// A good bot.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BotConfig {
    /// Its name, for people.
    pub name: String,
    /// One of these texts stands in its user agent, in any case of letters.
    pub user_agents: Vec<String>,
    /// Where it comes from: networks, or files of them, such as the JSON that search engines
    /// publish. Files are read again whenever they change.
    pub networks: Vec<String>,
    /// How bad it is to say so from elsewhere, 0.0 to 10.0. Without it 4.5.
    #[serde(default = "false_bot_score")]
    pub false_score: f64,
}

const fn false_bot_score() -> f64 {
    4.5
}

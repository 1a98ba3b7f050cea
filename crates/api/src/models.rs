//! The profiles of sites as the routes see them.

use serde::Serialize;
use utoipa::ToSchema;

/// How the profile of a site is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SiteModel {
    /// The host; empty where the log does not name one.
    pub site: String,
    /// `learning`, `active` or `drifting`.
    pub state: String,
    /// The version in force; 0 for none.
    pub version: u32,
    /// The versions that can be put in force again.
    pub versions: Vec<u32>,
    /// Requests that it learned from.
    pub requests: u64,
    /// From about so many addresses.
    pub addresses: u64,
    /// For so much of the log's own time, in seconds.
    pub learned_seconds: i64,
    /// Paths and parameters that it knows, trusted or not.
    pub places: usize,
    /// Requests that were not learned since there were too many paths.
    pub left_out: u64,
    /// About how much memory it takes, in bytes.
    pub bytes: usize,
    /// The share of requests that it found odd on its last trial, 0.0 to 1.0.
    pub odd_share: Option<f64>,
    /// How far learning is, 0.0 to 1.0.
    pub progress: f64,
    /// What is lacking until it is put in force.
    pub lacks: Option<String>,
    /// It is learned from new beside the version in force.
    pub is_retraining: bool,
}

/// What is known of a site.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SiteProfile {
    /// How its profile is.
    #[serde(flatten)]
    pub model: SiteModel,
    /// The paths that are trusted, those with most requests first.
    pub paths: Vec<SitePath>,
}

/// What is known of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SitePath {
    /// The path, with places for what varies.
    #[schema(example = "/item/{number}")]
    pub path: String,
    /// Requests that were served.
    pub requests: u64,
    /// From about so many addresses.
    pub addresses: u64,
    /// The methods that are trusted.
    pub methods: Vec<String>,
    /// The classes of statuses that are usual.
    pub statuses: Vec<String>,
    /// The parameters that are trusted.
    pub parameters: Vec<SiteParameter>,
}

/// What is known of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SiteParameter {
    /// Its name, with `#` for digits that count.
    pub name: String,
    /// Requests that had it.
    pub requests: u64,
    /// Hardly any request comes without it.
    pub needed: bool,
    /// What its values look like.
    #[schema(example = "a number, up to 4 bytes")]
    pub values: String,
}

/// Why a version is not put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// It is not kept.
    NotFound,
    /// It cannot be used.
    Unusable(String),
}

/// Answers for the profiles of sites and changes them.
///
/// *Blocking*: [`ModelDesk::roll_back`] reads a file, and all of them wait for the learner for some
/// milliseconds; call them where that may be. *Order*: what was changed is in force within a second.
pub trait ModelDesk: Send + Sync {
    /// How the profiles are, those with most requests first.
    fn sites(&self) -> Vec<SiteModel>;
    /// What is known of a site.
    fn site(&self, site: &str) -> Option<SiteProfile>;
    /// Everything that was learned of a site, as JSON.
    fn export(&self, site: &str) -> Option<Vec<u8>>;
    /// Learns a site, or all, from new, beside the version in force; how many.
    fn retrain(&self, site: Option<&str>) -> usize;
    /// Forgets a site; whether it was known.
    fn reset(&self, site: &str) -> bool;
    /// Puts a kept version in force again, under a new number.
    fn roll_back(&self, site: &str, version: u32) -> Result<SiteModel, ModelError>;
}

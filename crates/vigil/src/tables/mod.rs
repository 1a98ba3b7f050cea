//! The tables in force: what local files and suppressions say of addresses, paths and rules.
//!
//! Owns: the files that are named in the configuration, when they are read again, and the exchange of
//! what they said. Whoever judges takes the [`Policy`] and the [`Enricher`] of the moment, without a
//! lock; a file that cannot be used leaves the old data in force and is told ([`Tables::problems`]).
//! Never holds: what the tables mean; that is `vigil-detect` and `vigil-enrich`.

mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use vigil_detect::policy::{
    AddressList, AllowedNetworks, AllowedRule, GoodBot, GoodBots, ListKind, Listing, NetworkMap,
    PathPattern, Policy, Scope, Suppressions,
};
use vigil_enrich::{Column, EnrichError, EnrichOptions, Enricher, ListError, ListFormat};
use vigil_event::{Score, Suppression};

use crate::config::{AllowConfig, BotConfig, Config, ListConfig, ListPurpose};
use source::{AddressSource, Watched};

pub(crate) use source::network;

/// What the addresses in `detect.allow.networks` are called.
const INLINE_NAME: &str = "detect.allow.networks";

/// A table that cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// A database of places or networks.
    #[error(transparent)]
    Enrich(#[from] EnrichError),
    /// A list.
    #[error("list {name}: {error}")]
    List {
        /// The list's or bot's name.
        name: String,
        /// What is wrong.
        error: ListError,
    },
    /// The good bots' user agents.
    #[error("detect.allow.bots: the user agents are too many or too long: shorten them")]
    Bots,
}

/// What one list holds, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSize {
    /// Its name.
    pub name: String,
    /// Networks in it.
    pub networks: usize,
    /// Lines that were not understood.
    pub bad_lines: usize,
}

/// The tables in force.
#[derive(Debug, Default)]
pub struct Tables {
    policy: ArcSwap<Policy>,
    enricher: ArcSwap<Enricher>,
    files: Mutex<Files>,
}

impl Tables {
    /// Reads every file that is configured. Nothing is suppressed yet.
    pub fn open(config: &Config) -> Result<Self, TablesError> {
        let files = Files::open(config)?;
        Ok(Self {
            policy: ArcSwap::from_pointee(files.policy()?),
            enricher: ArcSwap::from_pointee(Enricher::open(&files.databases.options)?),
            files: Mutex::new(files),
        })
    }

    /// What is accused and let pass from now on.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// What knows places and networks from now on.
    pub fn enricher(&self) -> Arc<Enricher> {
        self.enricher.load_full()
    }

    /// Puts suppressions in force, in place of those before.
    pub fn suppress(&self, suppressions: Vec<Suppression>) {
        let suppressions = Arc::new(Suppressions::new(suppressions));
        self.policy.rcu(|policy| Policy {
            suppressions: Arc::clone(&suppressions),
            ..Policy::clone(policy)
        });
    }

    /// Reads files again that have changed since, or with `asked` every file; says how many. Blocks
    /// while it reads; whoever judges meanwhile goes on with the old tables.
    pub fn refresh(&self, asked: bool) -> usize {
        let mut files = self.files.lock();
        let read = files.refresh(asked);
        if read > 0 {
            match files.policy() {
                Ok(fresh) => {
                    self.policy.rcu(|policy| Policy {
                        suppressions: Arc::clone(&policy.suppressions),
                        ..fresh.clone()
                    });
                }
                Err(error) => tracing::error!(%error, "the old lists stay in force"),
            }
        }
        read + usize::from(self.refresh_databases(&mut files, asked))
    }

    fn refresh_databases(&self, files: &mut Files, asked: bool) -> bool {
        if !files.databases.is_due(asked) {
            return false;
        }
        match Enricher::open(&files.databases.options) {
            Ok(enricher) => {
                tracing::info!("databases of places and networks read again");
                self.enricher.store(Arc::new(enricher));
                files.databases.problem = None;
                true
            }
            Err(error) => {
                tracing::error!(%error, "a database cannot be read again; the old one stays in force");
                files.databases.problem = Some(format!("{error}; the old database stays in force"));
                false
            }
        }
    }

    /// What is wrong with the files as they are now. Empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        let files = self.files.lock();
        let sources = files.sources();
        sources
            .filter_map(|source| source.problem.clone())
            .chain(files.databases.problem.clone())
            .collect()
    }

    /// How large the lists are.
    pub fn sizes(&self) -> Vec<ListSize> {
        let files = self.files.lock();
        let size = |(config, source): &(ListConfig, AddressSource)| ListSize {
            name: config.name.clone(),
            networks: source.networks.len(),
            bad_lines: source.bad_lines,
        };
        files.lists.iter().map(size).collect()
    }
}

/// Every file, with what it held when it was last read well.
#[derive(Debug, Default)]
struct Files {
    databases: Databases,
    lists: Vec<(ListConfig, AddressSource)>,
    bots: Vec<(BotConfig, Vec<AddressSource>)>,
    allow: AllowConfig,
}

impl Files {
    fn open(config: &Config) -> Result<Self, TablesError> {
        let lists = config.enrich.lists.iter().map(|list| {
            let source = open(&list.name, &list.path, format(list))?;
            Ok((list.clone(), source))
        });
        let bots = config.detect.allow.bots.iter().map(|bot| {
            let files = bot.networks.iter().filter(|text| network(text).is_none());
            let sources = files.map(|path| open(&bot.name, Path::new(path), ListFormat::default()));
            Ok((bot.clone(), sources.collect::<Result<_, TablesError>>()?))
        });
        Ok(Self {
            databases: Databases::new(config.enrich_options()),
            lists: lists.collect::<Result<_, TablesError>>()?,
            bots: bots.collect::<Result<_, TablesError>>()?,
            allow: config.detect.allow.clone(),
        })
    }

    fn sources(&self) -> impl Iterator<Item = &AddressSource> {
        let of_bots = self.bots.iter().flat_map(|(_, sources)| sources);
        self.lists.iter().map(|(_, source)| source).chain(of_bots)
    }

    fn refresh(&mut self, asked: bool) -> usize {
        let of_bots = self.bots.iter_mut().flat_map(|(_, sources)| sources);
        let sources = self.lists.iter_mut().map(|(_, source)| source);
        sources
            .chain(of_bots)
            .map(|source| usize::from(source.refresh(asked)))
            .sum()
    }

    /// What the files and the configuration say; nothing is suppressed in it.
    fn policy(&self) -> Result<Policy, TablesError> {
        let bots = self
            .bots
            .iter()
            .map(|(bot, sources)| good_bot(bot, sources));
        Ok(Policy {
            lists: self.lists.iter().filter_map(accusing).collect(),
            bots: Arc::new(GoodBots::new(bots.collect()).ok_or(TablesError::Bots)?),
            networks: self
                .lists
                .iter()
                .filter_map(allowing)
                .chain(inline(&self.allow))
                .collect(),
            paths: self
                .allow
                .paths
                .iter()
                .map(|path| PathPattern::new(path))
                .collect(),
            rules: self.allow.rules.iter().map(allowed_rule).collect(),
            suppressions: Arc::default(),
        })
    }
}

fn open(name: &str, path: &Path, format: ListFormat) -> Result<AddressSource, TablesError> {
    AddressSource::open(path, format).map_err(|error| TablesError::List {
        name: name.to_owned(),
        error,
    })
}

fn format(list: &ListConfig) -> ListFormat {
    ListFormat {
        column: Column::parse(&list.column),
        score_column: Column::parse(&list.score_column),
        label_column: Column::parse(&list.label_column),
        separator: list.separator,
        worst_score: list.worst_score,
    }
}

fn accusing((list, source): &(ListConfig, AddressSource)) -> Option<AddressList> {
    let (kind, score) = match list.kind {
        ListPurpose::Reputation => (ListKind::Reputation, 3.0),
        ListPurpose::Block => (ListKind::Block, 6.0),
        ListPurpose::Allow => return None,
    };
    Some(AddressList {
        name: list.name.clone(),
        kind,
        score: Score::new(list.score.unwrap_or(score)),
        reason: list.reason.clone(),
        networks: Arc::clone(&source.networks),
    })
}

fn allowing((list, source): &(ListConfig, AddressSource)) -> Option<AllowedNetworks> {
    (list.kind == ListPurpose::Allow).then(|| AllowedNetworks {
        name: list.name.clone(),
        reason: list.reason.clone(),
        networks: Arc::clone(&source.networks),
    })
}

fn inline(allow: &AllowConfig) -> Option<AllowedNetworks> {
    let networks = allow.networks.iter().filter_map(|text| network(text));
    let networks: Vec<_> = networks.map(|one| (one, Listing::default())).collect();
    (!networks.is_empty()).then(|| AllowedNetworks {
        name: INLINE_NAME.to_owned(),
        reason: String::new(),
        networks: Arc::new(NetworkMap::new(networks)),
    })
}

fn good_bot(bot: &BotConfig, sources: &[AddressSource]) -> GoodBot {
    let inline = bot.networks.iter().filter_map(|text| network(text));
    let of_files = sources.iter().flat_map(|source| source.networks.networks());
    GoodBot {
        name: bot.name.clone(),
        user_agents: bot.user_agents.clone(),
        networks: Arc::new(NetworkMap::new(
            inline.chain(of_files).map(|one| (one, ())).collect(),
        )),
        false_score: Score::new(bot.false_score),
    }
}

fn allowed_rule(rule: &crate::config::AllowedRuleConfig) -> AllowedRule {
    AllowedRule {
        scope: Scope {
            rule: rule.rule.clone(),
            network: None,
            path: Some(PathPattern::new(&rule.path)),
            host: None,
        },
        reason: rule.reason.clone(),
    }
}

/// The databases of places and networks.
#[derive(Debug, Default)]
struct Databases {
    options: EnrichOptions,
    watched: Vec<(PathBuf, Watched)>,
    problem: Option<String>,
}

impl Databases {
    fn new(options: EnrichOptions) -> Self {
        let paths = [
            &options.country_database,
            &options.city_database,
            &options.asn_database,
        ];
        let watched = paths.into_iter().flatten();
        Self {
            watched: watched
                .map(|path| (path.clone(), Watched::new(path)))
                .collect(),
            options,
            problem: None,
        }
    }

    fn is_due(&mut self, asked: bool) -> bool {
        // Each is looked at, so that none is forgotten for another.
        let due = self
            .watched
            .iter_mut()
            .filter_map(|(path, watched)| watched.is_due(path, asked).then_some(()));
        due.count() > 0
    }
}

#[cfg(test)]
mod tests;

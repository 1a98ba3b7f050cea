//! What is asked of the profiles and done with them over HTTP.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use vigil_api::{ModelDesk, ModelError, SiteModel, SiteParameter, SitePath, SiteProfile};
use vigil_detect::profile::{EndpointDescription, ModelStatus};

use super::Models;

/// Paths that are shown of a site.
const MAX_PATHS: usize = 500;

impl ModelDesk for Models {
    fn sites(&self) -> Vec<SiteModel> {
        let all = self.learner.lock().status();
        all.into_iter().map(|status| self.shown(status)).collect()
    }

    fn site(&self, site: &str) -> Option<SiteProfile> {
        let learner = self.learner.lock();
        let status = learner.status_of(site)?;
        let paths = learner.site(site)?.describe(MAX_PATHS);
        drop(learner);
        Some(SiteProfile {
            model: self.shown(status),
            paths: paths.into_iter().map(path).collect(),
        })
    }

    fn export(&self, site: &str) -> Option<Vec<u8>> {
        let saved = self.learner.lock().save(Some(site));
        if saved.models.is_empty() {
            return None;
        }
        serde_json::to_vec(&saved).ok()
    }

    fn retrain(&self, site: Option<&str>) -> usize {
        self.learner.lock().retrain(site)
    }

    fn reset(&self, site: &str) -> bool {
        let is_gone = self.learner.lock().reset(Some(site)) > 0;
        self.is_changed.store(true, Ordering::SeqCst);
        is_gone
    }

    fn roll_back(&self, site: &str, version: u32) -> Result<SiteModel, ModelError> {
        let kept = self
            .files
            .version(site, version)
            .map_err(|error| ModelError::Unusable(error.to_string()))?
            .ok_or(ModelError::NotFound)?;
        let mut learner = self.learner.lock();
        learner
            .roll_back(site, kept)
            .map_err(|error| ModelError::Unusable(error.to_string()))?;
        let status = learner.status_of(site).ok_or(ModelError::NotFound)?;
        // Whoever is told that it is in force may rely on it.
        self.in_force.store(Arc::new(learner.publish()));
        drop(learner);
        Ok(self.shown(status))
    }
}

impl Models {
    fn shown(&self, status: ModelStatus) -> SiteModel {
        SiteModel {
            versions: self.files.versions(&status.site),
            state: status.state.name().to_owned(),
            version: status.version,
            requests: status.requests,
            addresses: status.addresses,
            learned_seconds: status.learned_seconds,
            places: status.places,
            left_out: status.left_out,
            bytes: status.bytes,
            odd_share: status.odd_share,
            progress: status.progress,
            lacks: status.lacks,
            is_retraining: status.is_retraining,
            site: status.site,
        }
    }
}

fn path((template, endpoint): (String, EndpointDescription)) -> SitePath {
    let parameters = endpoint.parameters.into_iter();
    SitePath {
        path: template,
        requests: endpoint.requests,
        addresses: endpoint.addresses,
        methods: endpoint.methods,
        statuses: endpoint.statuses,
        parameters: parameters
            .map(|one| SiteParameter {
                name: one.name,
                requests: one.requests,
                needed: one.needed,
                values: one.values,
            })
            .collect(),
    }
}

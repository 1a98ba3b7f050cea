//! What every store must do, as one suite: [`suite`] runs on each engine.
//!
//! To add a check: a function that takes a [`Place`] in the file of its subject, and a line in
//! [`suite`]. Never holds: anything that depends on how an engine works inside.

mod alerts;
mod filters;
mod grouping;
mod pages;
mod recording;
mod retention;
mod revocations;
mod rooms;
pub(crate) mod sample;
mod statistics;
mod suppressions;

use std::sync::Arc;

use parking_lot::Mutex;
use vigil_event::{Checkpoint, Publication, Timestamp};

use crate::{Entry, GroupedThreat, Publish, Recorded, Store};

/// Where a store keeps its data.
pub trait Place {
    /// Opens the store in this place; again and again, but one at a time.
    fn open(&self, publish: Publish) -> Box<dyn Store>;
}

/// Runs every check, each in a place of its own.
pub fn suite<P: Place>(empty: impl Fn() -> P) {
    let checks: [fn(&dyn Place); 43] = [
        recording::a_threat_comes_back_as_it_was,
        recording::a_known_threat_is_ignored,
        recording::checkpoints_move_with_their_threats,
        recording::publications_come_in_commit_order,
        recording::what_was_not_told_is_in_the_backlog,
        recording::an_ended_store_goes_on_where_it_was,
        recording::an_unknown_channel_is_an_error,
        recording::it_can_be_written,
        alerts::an_alert_is_published_once_an_entry,
        alerts::an_alert_is_the_sum_of_its_threats,
        alerts::a_life_from_open_to_resolved,
        alerts::doing_it_again_changes_nothing,
        alerts::a_new_threat_reopens,
        alerts::changes_have_limits,
        grouping::one_source_is_one_alert_and_many_families_a_scan,
        grouping::a_new_kind_reopens_what_was_acknowledged,
        grouping::too_many_new_alerts_are_gathered,
        grouping::lines_read_again_group_the_same_way,
        suppressions::a_suppression_comes_back_as_it_was,
        suppressions::it_ends_by_time_and_by_hand,
        suppressions::hits_are_counted_with_the_entry,
        suppressions::one_without_a_reason_or_a_bound_is_refused,
        revocations::a_revocation_outlives_the_store,
        revocations::it_ends_by_time_and_by_being_lifted,
        revocations::there_are_bounds,
        rooms::rooms_come_back_as_they_were,
        rooms::what_was_swept_out_of_a_room_is_gone,
        rooms::rooms_that_may_lack_something_have_another_epoch,
        rooms::rooms_are_forgotten_by_namespace_and_age,
        pages::pages_have_no_gap_and_no_double,
        pages::pages_by_outcome_have_no_gap_and_no_double,
        pages::an_outcome_that_rises_makes_no_double,
        pages::large_threats_make_short_pages,
        pages::alerts_keep_their_place,
        pages::a_wrong_question_is_an_error,
        filters::threats_are_filtered_like_a_list_would_be,
        filters::alerts_are_filtered_like_a_list_would_be,
        statistics::statistics_count_like_a_list_would,
        retention::old_threats_go_with_all_that_counts_them,
        retention::old_alerts_go_whatever_their_state,
        retention::an_alert_is_as_old_as_its_last_threat,
        retention::the_backlog_is_bounded,
        retention::the_size_is_bounded,
    ];
    for check in checks {
        check(&empty());
    }
}

/// What a store told its publish hook.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(u64, Publication)>>>);

impl Told {
    fn hook(&self) -> Publish {
        let told = self.clone();
        Box::new(move |published| told.0.lock().extend_from_slice(published))
    }

    fn take(&self) -> Vec<(u64, Publication)> {
        std::mem::take(&mut self.0.lock())
    }

    /// What was told since the last time, as `kind@offset`.
    fn kinds(&self) -> Vec<String> {
        let told = self.take();
        told.iter()
            .map(|(offset, publication)| format!("{}@{offset}", publication.kind.name()))
            .collect()
    }
}

fn deaf() -> Publish {
    Box::new(|_| {})
}

fn record(
    store: &dyn Store,
    threats: &[GroupedThreat],
    checkpoints: &[Checkpoint],
    at: Timestamp,
) -> Recorded {
    store
        .record(&Entry {
            threats,
            checkpoints,
            at,
            ..Entry::default()
        })
        .expect("recorded")
}

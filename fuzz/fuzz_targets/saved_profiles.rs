//! Reads any bytes as saved profiles: no panic, whether they are refused, gone on with or saved again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_detect::ProfileOptions;
use vigil_detect::profile::{Learner, Saved};

fuzz_target!(|bytes: &[u8]| {
    let Ok(saved) = serde_json::from_slice::<Saved>(bytes) else {
        return;
    };
    let mut learner = Learner::new(ProfileOptions::default());
    if learner.restore(saved).is_ok() {
        drop(learner.publish());
        drop(learner.status());
        let again = serde_json::to_vec(&learner.save(None)).expect("it can be saved");
        assert!(serde_json::from_slice::<Saved>(&again).is_ok());
    }
});

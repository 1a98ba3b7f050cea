//! Carries publications with positions and history, in the process

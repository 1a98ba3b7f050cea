//! Builders, a fake clock, real servers on free ports (for tests only)

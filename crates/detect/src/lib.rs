//! Judges events over time: windows, score, grouping into alerts

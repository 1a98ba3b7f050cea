//! The binary: command line, config, pipeline, lifecycle.

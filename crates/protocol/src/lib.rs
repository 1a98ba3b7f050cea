//! The wire as types and codecs

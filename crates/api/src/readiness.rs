//! Whether the server does its work: asked for here, known by the binary.

/// Knows what is wrong with the server.
pub trait Readiness: Send + Sync {
    /// Why the server is not ready, each reason in words for people; empty when it is. Called from
    /// async code for each question: it must not block.
    fn reasons(&self) -> Vec<String>;
}

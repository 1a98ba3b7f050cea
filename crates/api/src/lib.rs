//! REST, OpenAPI and the embedded page

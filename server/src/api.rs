//! The HTTP API, a family of endpoints a file.

//! Reads become passages, passages become interval counts.

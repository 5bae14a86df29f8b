//! Cycle, splits and offsets from demand; pure.

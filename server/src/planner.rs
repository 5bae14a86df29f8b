//! When to plan and what to send; pure.

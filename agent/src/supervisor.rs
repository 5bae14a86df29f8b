//! Joins the stages with bounded channels and threads.

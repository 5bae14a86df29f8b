//! Rows that the server has not confirmed, in SQLite.

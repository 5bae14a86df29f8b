//! All SQL, a file a noun.

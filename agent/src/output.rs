//! What shows a lamp vector to the street.

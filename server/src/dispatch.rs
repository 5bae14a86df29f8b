//! Sends plans and learns what the road made of them.

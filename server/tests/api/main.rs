//! The HTTP API as programs and people meet it: the real router on a real database.

mod accounts;
mod junctions;
mod live;
mod mode;
mod road;
mod sign_in;
mod state;
mod system;

//! The whole chain with real processes: bytes on a serial line, agent, broker, server, database, plan, lamps; and what is left of it after
//! each of them was killed. Needs the agent's program beside the server's, Mosquitto, and a PostgreSQL that `DATABASE_URL` may make
//! databases on.
#![expect(clippy::disallowed_methods, reason = "tests wait with a deadline")]

mod agent_killed;
mod broker;
mod broker_killed;
#[path = "../support/certificate.rs"]
mod certificate;
mod enrolment;
mod override_ends;
mod process;
mod published;
mod road;
mod server_killed;
mod signals;
mod through;
mod world;

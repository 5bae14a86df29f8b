#![no_main]

use flextraff_agent::config::Protocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| flextraff_fuzz::decode(Protocol::M100, bytes));

//! The fuzz targets of `agent/fuzz` on their corpora, as they are and mutated.

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets use it as a crate")]
mod fuzz;

use flextraff_agent::config::Protocol;
use proptest::prelude::*;
use std::path::Path;

const DECODERS: [(&str, Protocol); 7] = [
    ("uhfreader", Protocol::Uhfreader),
    ("cf", Protocol::Cf),
    ("m100", Protocol::M100),
    ("ascii", Protocol::Ascii),
    ("thingmagic", Protocol::Thingmagic),
    ("a0", Protocol::A0),
    ("cc", Protocol::Cc),
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let inputs: Vec<Vec<u8>> =
        entries.map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a file")).collect();
    assert!(inputs.len() >= 2, "{target} has a corpus");
    inputs
}

/// What a fuzzer does to an input: changes, drops and repeats bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(usize, u8),
    Cut(usize, usize),
    Repeat(usize, usize),
    Insert(usize, Vec<u8>),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..2000_usize;
    prop_oneof![
        (at.clone(), 1..=u8::MAX).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        (at.clone(), 1..40_usize).prop_map(|(at, bytes)| Mutation::Cut(at, bytes)),
        (at.clone(), 1..40_usize).prop_map(|(at, bytes)| Mutation::Repeat(at, bytes)),
        (at, proptest::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
    ]
}

fn mutated(mut input: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        let place = |at: usize| if input.is_empty() { 0 } else { at % input.len() };
        let range = |at: usize, bytes: usize| place(at)..(place(at) + bytes).min(input.len());
        match mutation {
            Mutation::Flip(at, bits) => {
                let at = place(*at);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Mutation::Cut(at, bytes) => drop(input.drain(range(*at, *bytes))),
            Mutation::Repeat(at, bytes) => input.extend_from_within(range(*at, *bytes)),
            Mutation::Insert(at, bytes) => {
                let at = place(*at);
                drop(input.splice(at..at, bytes.iter().copied()));
            }
        }
    }
    input
}

#[test]
fn every_input_of_the_corpora_is_decoded() {
    for (target, protocol) in DECODERS {
        for input in corpus(target) {
            fuzz::decode(protocol, &input);
        }
    }
    for input in corpus("prober") {
        fuzz::probe(&input);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn so_is_every_mutated_one(
        pick in any::<proptest::sample::Index>(),
        mutations in proptest::collection::vec(mutation(), 1..8),
    ) {
        for (target, protocol) in DECODERS {
            let mut inputs = corpus(target);
            let input = mutated(inputs.swap_remove(pick.index(inputs.len())), &mutations);
            fuzz::decode(protocol, &input);
        }
        let mut inputs = corpus("prober");
        fuzz::probe(&mutated(inputs.swap_remove(pick.index(inputs.len())), &mutations));
    }
}

//! The part that most configurations of tests begin with.

/// A junction of the lanes N and E, with a stage each; what else an agent needs comes behind.
pub(crate) const TWO_LANES: &str = r#"
[junction]
id = "11111111-1111-4111-8111-111111111111"
name = "Town hall"
[device]
id = "22222222-2222-4222-8222-222222222222"
[[lane]]
id = "33333333-3333-4333-8333-000000000001"
name = "N"
[[lane]]
id = "33333333-3333-4333-8333-000000000002"
name = "E"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "E"
lanes = ["E"]
"#;

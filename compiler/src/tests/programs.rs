//! Whole programs, which between them use everything the language has, compile.

use super::{analyze, said};

const PROGRAMS: &[(&str, &str)] = &[
    ("onboarding", include_str!("../../../tests/tests/programs/onboarding.wf")),
    ("order", include_str!("../../../tests/tests/programs/order.wf")),
    ("dataset", include_str!("../../../tests/tests/programs/dataset.wf")),
    ("purchase_order", include_str!("../../../tests/tests/programs/purchase_order.wf")),
    ("children", include_str!("../../../tests/tests/programs/children.wf")),
    ("trial", include_str!("../../../tests/tests/programs/trial.wf")),
    ("fulfilment", include_str!("../../../tests/tests/programs/fulfilment.wf")),
];

#[test]
fn every_program_of_the_reference_compiles() {
    for (name, text) in PROGRAMS {
        assert_eq!(said(text), Vec::<String>::new(), "{name}");
        let program = analyze(text).program.expect("a program without mistakes is emitted");
        weft_bytecode::verify::verify(&program).unwrap_or_else(|e| panic!("{name}: {e}\n{}", program.listing()));
    }
}

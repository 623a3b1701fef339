//! The test support itself.

use sqlx::{Connection, PgConnection};

#[tokio::test]
async fn a_postgres_of_its_own_stops_and_starts() {
    let mut server = weft_tests::postgres::Postgres::start().await;
    let url = server.create("thrown_away").await;
    server.stop();
    assert!(PgConnection::connect(&url).await.is_err());
    server.restart().await;
    assert!(PgConnection::connect(&url).await.is_ok());
}

#[tokio::test]
async fn databases_of_the_shared_server_are_fresh() {
    let (one, two) = (weft_tests::postgres::database().await, weft_tests::postgres::database().await);
    assert_ne!(one.url(), two.url());
}

#[test]
fn generated_programs_parse() {
    for seed in 0..300 {
        let source = weft_tests::generate::program(seed);
        let (_, diagnostics) = weft_compiler::syntax::parse(weft_compiler::FileId(0), &source);
        assert!(diagnostics.is_empty(), "seed {seed}: {diagnostics:#?}\n{source}");
    }
}

#[test]
fn conformance_cases_parse() {
    for path in weft_tests::cases::conformance() {
        let source = std::fs::read_to_string(&path).expect("it was listed");
        let (_, diagnostics) = weft_compiler::syntax::parse(weft_compiler::FileId(0), &source);
        assert!(diagnostics.is_empty(), "{}: {diagnostics:#?}", path.display());
    }
}

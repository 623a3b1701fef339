//! What the benches of a server have in common: their sizes, the stores they measure, and figures from many times.

use std::path::Path;
use std::time::Duration;

use crate::postgres::Database;

/// A size from the environment.
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The stores to measure, by name: those of `WEFT_BENCH_STORES` (`sqlite,postgres`), fresh and empty.
pub async fn stores(folder: &Path) -> Vec<(String, String, Option<Database>)> {
    let wanted = std::env::var("WEFT_BENCH_STORES").unwrap_or_else(|_| "sqlite,postgres".into());
    let mut stores = Vec::new();
    for name in wanted.split(',').map(str::trim) {
        match name {
            "sqlite" => stores.push((name.into(), format!("sqlite:{}", folder.join("weft.db").display()), None)),
            "postgres" => {
                let database = crate::postgres::database().await;
                stores.push((name.into(), database.url().into(), Some(database)));
            }
            other => panic!("WEFT_BENCH_STORES has no store `{other}`: sqlite, postgres"),
        }
    }
    stores
}

/// The time below which this part of them lies.
pub fn percentile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part).round() as usize]
}

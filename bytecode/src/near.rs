//! The name that was probably meant, for whatever suggests one: mistakes in programs, in filters, in a terminal.

/// How much two names must have in common, from 0 to 1.
const LIKENESS_MIN: f64 = 0.84;
/// One slip in so many characters of a name is a slip, however little is left in common.
const CHARACTERS_PER_SLIP: usize = 4;

/// Bytes of a name that is compared with others: comparing takes the product of both.
const NAME_BYTES_MAX: usize = 200;

/// The candidate that was probably meant by a name that is none of them.
pub fn near<'n>(name: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let mut best: Option<(f64, &str)> = None;
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let lower = name.to_lowercase();
    for candidate in candidates.into_iter().filter(|candidate| candidate.len() <= NAME_BYTES_MAX) {
        let likeness = strsim::jaro_winkler(&lower, &candidate.to_lowercase());
        let slips = strsim::damerau_levenshtein(name, candidate);
        let close = likeness > LIKENESS_MIN || slips <= name.chars().count() / CHARACTERS_PER_SLIP;
        if close && candidate != name && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn slips_are_seen_and_other_names_are_not() {
        let known = ["status", "started", "workflow"];
        for (written, meant) in
            [("staus", "status"), ("Status", "status"), ("strated", "started"), ("workfow", "workflow")]
        {
            assert_eq!(near(written, known), Some(meant));
        }
        assert_eq!(near("queue", known), None);
        assert_eq!(near("status", ["status"]), None, "it is not what is wrong");
    }
}

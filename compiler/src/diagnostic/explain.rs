//! The pages of docs/errors, by code: what `weft explain` prints and an editor shows.

/// The page of a code, in Markdown; `None` if there is no such code.
pub fn explain(code: &str) -> Option<&'static str> {
    PAGES.binary_search_by_key(&code, |(known, _)| known).ok().map(|n| PAGES[n].1)
}

/// Every code with its page, in order.
pub fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.iter().copied()
}

macro_rules! pages {
    ($($code:literal)*) => {
        &[$(($code, include_str!(concat!("../../../docs/errors/", $code, ".md")))),*]
    };
}

const PAGES: &[(&str, &str)] = pages![
    "WF0001" "WF0002" "WF0003" "WF0004" "WF0005" "WF0006" "WF0007" "WF0008" "WF0009" "WF0010" "WF0011" "WF0012" "WF0013" "WF1001"
    "WF1002" "WF1003" "WF1004" "WF1005" "WF1006" "WF1007" "WF1008" "WF1010" "WF1011" "WF1013" "WF1014" "WF1015" "WF1016"
    "WF1017" "WF1018" "WF1019" "WF1020" "WF1021" "WF1022" "WF1023" "WF1024" "WF2001" "WF2002" "WF2003" "WF2004" "WF2005" "WF2006"
    "WF2007" "WF2008" "WF2009" "WF2010" "WF3001" "WF3002" "WF3003" "WF3004" "WF3006" "WF3007" "WF3008" "WF3009" "WF3010"
    "WF3011" "WF3012" "WF4001" "WF4002" "WF4003" "WF4004" "WF4005" "WF4006" "WF4008" "WF4009" "WF4010" "WF4011" "WF5001" "WF5002" "WF5003" "WF5101"
    "WF5102" "WF5103" "WF5104" "WF5105" "WF5106" "WF5107" "WF5108" "WF5109" "WF6001" "WF6002" "WF6003"
];

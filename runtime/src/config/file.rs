//! `[limits]`, `[exec]` and `[http]` of `weft.toml`, and the environment over them.

use std::path::Path;

use toml::{Table, Value};
use weft_bytecode::wire::text;
use weft_protocol::limits::{HISTORY_BYTES_MAX, Limits, WORKFLOW_ID_BYTES_MAX};

use super::{ExecAllow, NodeConfig};

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: expected {expected}, found {found}")]
pub struct ConfigError {
    /// `limits.payload_bytes_max`, or the name of a variable.
    pub place: String,
    /// What would be right.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl ConfigError {
    fn new(place: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> ConfigError {
        ConfigError { place: place.into(), expected: expected.into(), found: found.into() }
    }
}

/// Takes the server's tables of a parsed `weft.toml` into `config`; what they do not name stays. Paths are relative to
/// `folder`, where the file is. The other tables are the compiler's.
///
/// # Errors
/// The first setting that is unknown or wrong.
pub fn read_tables(config: &mut NodeConfig, file: &Table, folder: &Path) -> Result<(), ConfigError> {
    for (name, value) in table(file, "limits")? {
        let place = format!("limits.{name}");
        let given = match value {
            Value::Integer(number) => number.to_string(),
            Value::String(text) => text.clone(),
            other => return Err(ConfigError::new(place, "a number, a size or a duration", shown(other))),
        };
        set_limit(&mut config.limits, name, &given, &place)?;
    }
    for (name, value) in table(file, "http")? {
        let place = format!("http.{name}");
        match name.as_str() {
            "allow" => config.http.allow = allow_hosts(value, &place)?,
            "in_flight_max" => config.http.in_flight_max = count(value, &place)?,
            _ => return Err(ConfigError::new(place, "`allow` or `in_flight_max`", "an unknown setting")),
        }
    }
    for (name, value) in table(file, "exec")? {
        let place = format!("exec.{name}");
        match name.as_str() {
            "allow" => config.exec.allow = allow_programs(value, &place)?,
            "in_flight_max" => config.exec.in_flight_max = count(value, &place)?,
            "root" => config.exec.root = folder.join(string(value, &place)?),
            "roots" => {
                let Value::Table(roots) = value else {
                    return Err(ConfigError::new(place, "a table of folders by project", shown(value)));
                };
                for (project, root) in roots {
                    let root = folder.join(string(root, &format!("{place}.{project}"))?);
                    config.exec.roots.insert(project.clone(), root);
                }
            }
            _ => {
                return Err(ConfigError::new(
                    place,
                    "`allow`, `root`, `roots` or `in_flight_max`",
                    "an unknown setting",
                ));
            }
        }
    }
    Ok(())
}

/// Takes `WEFT_LIMIT_<NAME>` (`WEFT_LIMIT_PAYLOAD_BYTES_MAX=4MiB`), `WEFT_EXEC_ALLOW` and `WEFT_HTTP_ALLOW`
/// (`true`, `false` or a list with commas) into `config`, over what the file says.
///
/// # Errors
/// The first variable that is unknown or wrong.
pub fn apply_environment(
    config: &mut NodeConfig,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    let listed = |text: &str| match text {
        "true" => Value::Boolean(true),
        "false" | "" => Value::Boolean(false),
        names => Value::Array(names.split(',').map(|name| Value::String(name.trim().into())).collect()),
    };
    for (name, value) in variables {
        if let Some(limit) = name.strip_prefix("WEFT_LIMIT_") {
            set_limit(&mut config.limits, &limit.to_ascii_lowercase(), &value, &name)?;
        } else if name == "WEFT_EXEC_ALLOW" {
            config.exec.allow = allow_programs(&listed(&value), &name)?;
        } else if name == "WEFT_HTTP_ALLOW" {
            config.http.allow = allow_hosts(&listed(&value), &name)?;
        }
    }
    Ok(())
}

fn set_limit(limits: &mut Limits, name: &str, given: &str, place: &str) -> Result<(), ConfigError> {
    let slot = match limit(limits, name) {
        Some(slot) => slot,
        None => {
            let names = LIMIT_NAMES.join("`, `");
            return Err(ConfigError::new(place, format!("one of `{names}`"), "an unknown limit"));
        }
    };
    let (read, expected) = match slot {
        Slot::Count(slot) => {
            (size(given).and_then(|n| usize::try_from(n).ok()).map(|n| *slot = n), "a number or a size like \"4MiB\"")
        }
        Slot::Fuel(slot) => (size(given).map(|n| *slot = n), "a number"),
        Slot::Ms(slot) => {
            (text::parse_duration(given).filter(|ms| *ms > 0).map(|ms| *slot = ms), "a duration like \"30s\"")
        }
    };
    read.ok_or_else(|| ConfigError::new(place, expected, format!("{given:?}")))?;
    for (held, most) in
        [(limits.workflow_id_bytes_max, WORKFLOW_ID_BYTES_MAX), (limits.history_bytes_max, HISTORY_BYTES_MAX)]
    {
        if held > most {
            return Err(ConfigError::new(place, format!("at most {most}"), format!("{given:?}")));
        }
    }
    Ok(())
}

enum Slot<'a> {
    Count(&'a mut usize),
    Fuel(&'a mut u64),
    Ms(&'a mut i64),
}

/// Limits as people write them (docs/operations.md): those with a unit of time are durations, which say their unit
/// themselves, so their names have none.
const LIMIT_NAMES: &[&str] = &[
    "payload_bytes_max",
    "request_bytes_max",
    "workflow_id_bytes_max",
    "pending_commands_max",
    "fibers_max",
    "mailbox_messages_max",
    "updates_in_flight_max",
    "request_ids_kept",
    "fuel_slice",
    "fuel_activation_max",
    "heap_bytes_max",
    "frames_max",
    "source_bytes_max",
    "program_bytes_max",
    "long_poll_max",
    "page_rows_max",
    "history_bytes_max",
    "snapshot_events",
    "bundle_chunks",
    "pending_bytes_max",
    "idle_runs_max",
    "child_depth_max",
    "attributes_bytes_max",
    "memo_bytes_max",
    "attribute_bytes_max",
    "lease",
    "reclaim_grace",
];

fn limit<'a>(limits: &'a mut Limits, name: &str) -> Option<Slot<'a>> {
    Some(match name {
        "payload_bytes_max" => Slot::Count(&mut limits.payload_bytes_max),
        "request_bytes_max" => Slot::Count(&mut limits.request_bytes_max),
        "workflow_id_bytes_max" => Slot::Count(&mut limits.workflow_id_bytes_max),
        "pending_commands_max" => Slot::Count(&mut limits.pending_commands_max),
        "fibers_max" => Slot::Count(&mut limits.fibers_max),
        "mailbox_messages_max" => Slot::Count(&mut limits.mailbox_messages_max),
        "updates_in_flight_max" => Slot::Count(&mut limits.updates_in_flight_max),
        "request_ids_kept" => Slot::Count(&mut limits.request_ids_kept),
        "fuel_slice" => Slot::Fuel(&mut limits.fuel_slice),
        "fuel_activation_max" => Slot::Fuel(&mut limits.fuel_activation_max),
        "heap_bytes_max" => Slot::Count(&mut limits.heap_bytes_max),
        "frames_max" => Slot::Count(&mut limits.frames_max),
        "source_bytes_max" => Slot::Count(&mut limits.source_bytes_max),
        "program_bytes_max" => Slot::Count(&mut limits.program_bytes_max),
        "long_poll_max" => Slot::Ms(&mut limits.long_poll_max_ms),
        "page_rows_max" => Slot::Count(&mut limits.page_rows_max),
        "history_bytes_max" => Slot::Count(&mut limits.history_bytes_max),
        "bundle_chunks" => Slot::Count(&mut limits.bundle_chunks),
        "snapshot_events" => Slot::Count(&mut limits.snapshot_events),
        "pending_bytes_max" => Slot::Count(&mut limits.pending_bytes_max),
        "idle_runs_max" => Slot::Count(&mut limits.idle_runs_max),
        "child_depth_max" => Slot::Count(&mut limits.child_depth_max),
        "attributes_bytes_max" => Slot::Count(&mut limits.attributes_bytes_max),
        "memo_bytes_max" => Slot::Count(&mut limits.memo_bytes_max),
        "attribute_bytes_max" => Slot::Count(&mut limits.attribute_bytes_max),
        "lease" => Slot::Ms(&mut limits.lease_ms),
        "reclaim_grace" => Slot::Ms(&mut limits.reclaim_grace_ms),
        _ => return None,
    })
}

/// `4194304`, `4_194_304`, `4MiB`; above 0.
fn size(given: &str) -> Option<u64> {
    let given = given.trim();
    let digits = given.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(given.len());
    let number: u64 = given[..digits].replace('_', "").parse().ok()?;
    let unit = match given[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit).filter(|n| *n > 0)
}

fn allow_hosts(value: &Value, place: &str) -> Result<Option<Vec<String>>, ConfigError> {
    match value {
        Value::Boolean(true) => Ok(None),
        Value::Boolean(false) => Ok(Some(Vec::new())),
        Value::Array(hosts) => {
            hosts.iter().map(|host| string(host, place).map(str::to_owned)).collect::<Result<_, _>>().map(Some)
        }
        other => Err(ConfigError::new(place, "true, false or a list of hosts", shown(other))),
    }
}

fn allow_programs(value: &Value, place: &str) -> Result<ExecAllow, ConfigError> {
    match value {
        Value::Boolean(true) => Ok(ExecAllow::Everything),
        Value::Boolean(false) => Ok(ExecAllow::Nothing),
        Value::Array(programs) => {
            let programs = programs.iter().map(|program| string(program, place).map(str::to_owned));
            programs.collect::<Result<_, _>>().map(ExecAllow::Programs)
        }
        other => Err(ConfigError::new(place, "true, false or a list of programs", shown(other))),
    }
}

fn table<'a>(file: &'a Table, name: &str) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, ConfigError> {
    match file.get(name) {
        None => Ok(None.into_iter().flatten()),
        Some(Value::Table(table)) => Ok(Some(table).into_iter().flatten()),
        Some(other) => Err(ConfigError::new(name, format!("a table `[{name}]`"), shown(other))),
    }
}

fn string<'a>(value: &'a Value, place: &str) -> Result<&'a str, ConfigError> {
    value.as_str().ok_or_else(|| ConfigError::new(place, "a text", shown(value)))
}

fn count(value: &Value, place: &str) -> Result<usize, ConfigError> {
    let number = value.as_integer().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    number.ok_or_else(|| ConfigError::new(place, "a number above 0", shown(value)))
}

fn shown(value: &Value) -> String {
    format!("{} {value}", value.type_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<NodeConfig, String> {
        let mut config = NodeConfig::default();
        let file = text.parse::<Table>().map_err(|e| e.to_string())?;
        read_tables(&mut config, &file, Path::new("/project")).map_err(|e| e.to_string())?;
        Ok(config)
    }

    #[test]
    fn tables_change_what_they_name() {
        let config = read(
            r#"
            name = "shop"
            [limits]
            payload_bytes_max = "1MiB"
            fibers_max = 20
            lease = "5s"
            [exec]
            allow = ["python3", "./charge.sh"]
            root = "scripts"
            roots = { shop = "/srv/shop" }
            [http]
            allow = ["*.example.com"]
            "#,
        )
        .unwrap();
        let limits = &config.limits;
        assert_eq!((limits.payload_bytes_max, limits.fibers_max, limits.lease_ms), (1 << 20, 20, 5_000));
        assert_eq!(limits.request_bytes_max, Limits::default().request_bytes_max);
        assert_eq!(config.exec.allow, ExecAllow::Programs(vec!["python3".into(), "./charge.sh".into()]));
        assert_eq!(config.exec.root_of("shop"), Path::new("/srv/shop"));
        assert_eq!(config.exec.root_of("other"), Path::new("/project/scripts"));
        assert_eq!(config.http.allow, Some(vec!["*.example.com".into()]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("[limits]\npayload = 1", "limits.payload: expected one of `payload_bytes_max`,"),
            ("[limits]\nlease = \"soon\"", "limits.lease: expected a duration like \"30s\", found \"soon\""),
            ("[limits]\nfibers_max = 0", "limits.fibers_max: expected a number or a size"),
            ("[limits]\nworkflow_id_bytes_max = 2001", "limits.workflow_id_bytes_max: expected at most 2000"),
            ("[limits]\nfibers_max = -1", "limits.fibers_max: expected a number or a size"),
            ("[exec]\nalow = true", "exec.alow: expected `allow`, `root`"),
            ("[exec]\nallow = \"yes\"", "exec.allow: expected true, false or a list of programs, found string"),
            ("[http]\nin_flight_max = 0", "http.in_flight_max: expected a number above 0"),
            ("exec = 1", "exec: expected a table `[exec]`, found integer 1"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(expected), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn the_environment_wins() {
        let mut config = read("[limits]\nlease = \"5s\"\n[exec]\nallow = true").unwrap();
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let given = [
            set("WEFT_LIMIT_LEASE", "7s"),
            set("WEFT_EXEC_ALLOW", "false"),
            set("WEFT_HTTP_ALLOW", "a, b"),
            set("PATH", "x"),
        ];
        apply_environment(&mut config, given).unwrap();
        assert_eq!((config.limits.lease_ms, config.exec.allow.clone()), (7_000, ExecAllow::Nothing));
        assert_eq!(config.http.allow, Some(vec!["a".into(), "b".into()]));
        let error = apply_environment(&mut config, [set("WEFT_LIMIT_LEESE", "7s")]).unwrap_err().to_string();
        assert!(error.starts_with("WEFT_LIMIT_LEESE: expected one of"), "{error}");
    }

    #[test]
    fn every_limit_has_a_name() {
        let all = serde_json::to_value(Limits::default()).unwrap();
        let named = LIMIT_NAMES.iter().map(|name| name.trim_end_matches("_ms"));
        for name in named.clone() {
            assert!(limit(&mut Limits::default(), name).is_some(), "{name} cannot be set");
        }
        for field in all.as_object().unwrap().keys() {
            let name = field.trim_end_matches("_ms");
            assert!(named.clone().any(|n| n == name), "{name} is not configurable");
        }
    }
}

//! Namespaces.

use serde::{Deserialize, Serialize};

/// `POST namespaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NamespaceRequest {
    /// 1 to 200 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// How long closed runs are kept, a duration; default `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `PATCH namespaces/{namespace}`: what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NamespaceChange {
    /// How long closed runs are kept, those that have closed already included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamespaceInfo {
    /// Its name.
    pub name: String,
    /// How long closed runs are kept, a duration.
    pub retention: String,
    /// For people.
    pub description: String,
    /// RFC 3339; none of `default` while nobody has changed it.
    pub created_at: Option<String>,
    /// Workflows that can be started.
    pub workflows: Vec<String>,
    /// Search attributes that filters may name, with their types.
    pub attributes: std::collections::BTreeMap<String, String>,
}

/// `GET namespaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamespaceList {
    /// By name.
    pub namespaces: Vec<NamespaceInfo>,
}

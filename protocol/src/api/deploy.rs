//! Deployments and the signatures of what is deployed.

use serde::{Deserialize, Serialize};

use crate::moving::NotMoved;

/// Answer to a deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeployReply {
    /// Project name.
    pub project: String,
    /// Program hash.
    pub program: String,
    /// False if this very program was already current.
    pub changed: bool,
    /// Its workflows.
    pub workflows: Vec<String>,
    /// Workflows that the project had before and has no longer.
    #[serde(default)]
    pub removed: Vec<String>,
    /// Open runs that moved to it.
    pub moved: u64,
    /// How many of those that were to move could not.
    #[serde(default)]
    pub not_moved_total: u64,
    /// The first of them.
    pub not_moved: Vec<NotMoved>,
    /// What will keep activities of it from running on this server, in the operator's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How the text of a `key=value` argument is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TextForm {
    /// Taken as it is: `String`, and the types whose JSON is a string (`Duration`, `Time`, `Date`, `Decimal`,
    /// payload-free enums).
    Text,
    /// Read as JSON.
    Json,
}

/// A parameter as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParamSignature {
    /// Its name.
    pub name: String,
    /// Its type as written in the language.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it must be given.
    pub required: bool,
    /// How its text is read.
    pub form: TextForm,
    /// The fields, if it is a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub fields: Vec<ParamSignature>,
}

/// A signal, query or update as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageSignature {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Vec<ParamSignature>,
    /// Result type, of queries and updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// `GET workflows/{name}` and `GET runs/{id}/workflow`: what a client may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowSignature {
    /// Its name.
    pub name: String,
    /// Doc comment.
    pub doc: String,
    /// Parameters.
    pub params: Vec<ParamSignature>,
    /// Result type.
    pub result: String,
    /// Signals.
    pub signals: Vec<MessageSignature>,
    /// Queries and public states.
    pub queries: Vec<MessageSignature>,
    /// Updates.
    #[serde(default)]
    pub updates: Vec<MessageSignature>,
}

//! `weft lsp` as editors meet it: the real process over its standard input and output, a scripted client that does what the
//! worst clients do, and Neovim without a screen.

#[path = "editor/client.rs"]
#[allow(dead_code, reason = "the bench of the editor asks more of it")]
mod client;
#[path = "editor/neovim.rs"]
mod neovim;
#[path = "editor/questions.rs"]
mod questions;
#[path = "editor/rules.rs"]
mod rules;

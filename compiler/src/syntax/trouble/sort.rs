//! Every rule of the grammar, sorted by what it means to the author.

use super::super::grammar::Rule;

/// What can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it, and `words::what` says it again")]
pub(super) enum Marker {
    Args,
    Arm,
    Arrow,
    Block,
    Body,
    Catch,
    CloseAngle,
    CloseBrace,
    CloseBracket,
    CloseParen,
    CloseQuote,
    Colon,
    Decl,
    Eq,
    Expr,
    In,
    Kind,
    Member,
    Name,
    Number,
    Operand,
    Params,
    Path,
    Pattern,
    Runs,
    Sig,
    State,
    String,
    Type,
    Until,
    With,
}

/// What a rule means to the author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// As it should be.
    Fine,
    /// An empty place where something must stand.
    Missing(Marker),
    /// Tokens that fit nowhere.
    Junk,
    /// Another language's way of saying it.
    Foreign,
    /// `;` after a statement.
    Semicolon,
    /// A doc comment above nothing.
    StrayDoc,
}

/// The sort of a rule. Every rule is listed, so that a new one does not compile before somebody decided.
pub(super) fn sort(rule: Rule) -> Sort {
    match rule {
        Rule::missing_args => Sort::Missing(Marker::Args),
        Rule::missing_arm => Sort::Missing(Marker::Arm),
        Rule::missing_arrow => Sort::Missing(Marker::Arrow),
        Rule::missing_block => Sort::Missing(Marker::Block),
        Rule::missing_body => Sort::Missing(Marker::Body),
        Rule::missing_catch => Sort::Missing(Marker::Catch),
        Rule::missing_close_angle => Sort::Missing(Marker::CloseAngle),
        Rule::missing_close_brace => Sort::Missing(Marker::CloseBrace),
        Rule::missing_close_bracket => Sort::Missing(Marker::CloseBracket),
        Rule::missing_close_paren => Sort::Missing(Marker::CloseParen),
        Rule::missing_close_quote => Sort::Missing(Marker::CloseQuote),
        Rule::missing_colon => Sort::Missing(Marker::Colon),
        Rule::missing_decl => Sort::Missing(Marker::Decl),
        Rule::missing_eq => Sort::Missing(Marker::Eq),
        Rule::missing_expr => Sort::Missing(Marker::Expr),
        Rule::missing_in => Sort::Missing(Marker::In),
        Rule::missing_kind => Sort::Missing(Marker::Kind),
        Rule::missing_member => Sort::Missing(Marker::Member),
        Rule::missing_name => Sort::Missing(Marker::Name),
        Rule::missing_number => Sort::Missing(Marker::Number),
        Rule::missing_operand => Sort::Missing(Marker::Operand),
        Rule::missing_params => Sort::Missing(Marker::Params),
        Rule::missing_path => Sort::Missing(Marker::Path),
        Rule::missing_pattern => Sort::Missing(Marker::Pattern),
        Rule::missing_runs => Sort::Missing(Marker::Runs),
        Rule::missing_sig => Sort::Missing(Marker::Sig),
        Rule::missing_state => Sort::Missing(Marker::State),
        Rule::missing_string => Sort::Missing(Marker::String),
        Rule::missing_type => Sort::Missing(Marker::Type),
        Rule::missing_until => Sort::Missing(Marker::Until),
        Rule::missing_with => Sort::Missing(Marker::With),
        Rule::junk_item
        | Rule::junk_paren
        | Rule::junk_brace
        | Rule::junk_option
        | Rule::junk_stmt
        | Rule::junk_case
        | Rule::junk_branch
        | Rule::junk_bracket => Sort::Junk,
        Rule::foreign_fn
        | Rule::foreign_record
        | Rule::foreign_result
        | Rule::foreign_arrow
        | Rule::foreign_let
        | Rule::foreign_mut
        | Rule::foreign_define
        | Rule::foreign_step
        | Rule::foreign_loop
        | Rule::foreign_way
        | Rule::foreign_block
        | Rule::foreign_assign
        | Rule::foreign_of
        | Rule::foreign_for
        | Rule::foreign_array
        | Rule::foreign_angle
        | Rule::foreign_literal
        | Rule::foreign_key
        | Rule::foreign_comma
        | Rule::foreign_pair
        | Rule::foreign_with
        | Rule::foreign_bare_result
        | Rule::foreign_elif
        | Rule::foreign_infix
        | Rule::foreign_prefix
        | Rule::foreign_string_prefix
        | Rule::foreign_quotes
        | Rule::foreign_named
        | Rule::foreign_case
        | Rule::foreign_else
        | Rule::foreign_then
        | Rule::foreign_body
        | Rule::foreign_comment
        | Rule::modifier => Sort::Foreign,
        Rule::semicolon => Sort::Semicolon,
        Rule::stray_doc => Sort::StrayDoc,
        Rule::WHITESPACE
        | Rule::COMMENT
        | Rule::gap
        | Rule::doc
        | Rule::LOWER
        | Rule::idc
        | Rule::word
        | Rule::name
        | Rule::path
        | Rule::file
        | Rule::item_start
        | Rule::junk_braces
        | Rule::junk
        | Rule::item
        | Rule::decl
        | Rule::annot
        | Rule::close_paren
        | Rule::close_brace
        | Rule::close_bracket
        | Rule::close_angle
        | Rule::import
        | Rule::import_names
        | Rule::default
        | Rule::r#const
        | Rule::alias
        | Rule::record
        | Rule::error
        | Rule::r#enum
        | Rule::variant
        | Rule::r#fn
        | Rule::flow
        | Rule::activity
        | Rule::workflow
        | Rule::wf_block
        | Rule::member
        | Rule::member_kind
        | Rule::state
        | Rule::signal
        | Rule::query
        | Rule::update
        | Rule::schedule
        | Rule::test
        | Rule::with
        | Rule::opt
        | Rule::opt_kw
        | Rule::opt_word
        | Rule::sig
        | Rule::params
        | Rule::param
        | Rule::fields
        | Rule::field
        | Rule::generics
        | Rule::body
        | Rule::block
        | Rule::r#type
        | Rule::type_paren
        | Rule::result_arrow
        | Rule::optional
        | Rule::stmt
        | Rule::bare_block
        | Rule::assign_op
        | Rule::r#let
        | Rule::undo
        | Rule::saga
        | Rule::r#while
        | Rule::r#for
        | Rule::sleep
        | Rule::defer
        | Rule::testing
        | Rule::arm
        | Rule::rec_start
        | Rule::rec_inner
        | Rule::expr
        | Rule::cond
        | Rule::operand
        | Rule::infix
        | Rule::prefix
        | Rule::never
        | Rule::lambda
        | Rule::call
        | Rule::index
        | Rule::access
        | Rule::catch
        | Rule::with_n
        | Rule::catch_sp
        | Rule::args
        | Rule::arg
        | Rule::arg_value
        | Rule::never_kw
        | Rule::primary
        | Rule::postfix
        | Rule::r#return
        | Rule::expr_n
        | Rule::r#if
        | Rule::elif
        | Rule::if_rest
        | Rule::r#match
        | Rule::case
        | Rule::parallel
        | Rule::race
        | Rule::way
        | Rule::literal
        | Rule::pair
        | Rule::bare_with
        | Rule::quoted
        | Rule::foreign_for_tail
        | Rule::foreign_not_in
        | Rule::r#try
        | Rule::clause
        | Rule::select
        | Rule::branch
        | Rule::source
        | Rule::within
        | Rule::patch
        | Rule::wait
        | Rule::receive
        | Rule::r#else
        | Rule::task
        | Rule::bracket
        | Rule::empty_map
        | Rule::entry
        | Rule::tuple
        | Rule::recordx
        | Rule::slot
        | Rule::patterns
        | Rule::pattern
        | Rule::one
        | Rule::pattern_args
        | Rule::pattern_tuple
        | Rule::pattern_record
        | Rule::rest
        | Rule::negative
        | Rule::lambda_name
        | Rule::wildcard
        | Rule::string
        | Rule::raw
        | Rule::traw
        | Rule::double_brace
        | Rule::esc
        | Rule::hole
        | Rule::number
        | Rule::digits
        | Rule::kw_activity
        | Rule::kw_advance
        | Rule::kw_after
        | Rule::kw_as
        | Rule::kw_assert
        | Rule::kw_at
        | Rule::kw_await
        | Rule::kw_break
        | Rule::kw_cancel
        | Rule::kw_catch
        | Rule::kw_check
        | Rule::kw_const
        | Rule::kw_continue
        | Rule::kw_crash
        | Rule::kw_default
        | Rule::kw_defer
        | Rule::kw_deprecated
        | Rule::kw_each
        | Rule::kw_else
        | Rule::kw_enum
        | Rule::kw_error
        | Rule::kw_false
        | Rule::kw_flow
        | Rule::kw_fn
        | Rule::kw_for
        | Rule::kw_if
        | Rule::kw_import
        | Rule::kw_in
        | Rule::kw_indexed
        | Rule::kw_let
        | Rule::kw_match
        | Rule::kw_mock
        | Rule::kw_new
        | Rule::kw_none
        | Rule::kw_on
        | Rule::kw_parallel
        | Rule::kw_patch
        | Rule::kw_pub
        | Rule::kw_query
        | Rule::kw_race
        | Rule::kw_receive
        | Rule::kw_record
        | Rule::kw_runs
        | Rule::kw_saga
        | Rule::kw_schedule
        | Rule::kw_select
        | Rule::kw_send
        | Rule::kw_signal
        | Rule::kw_sleep
        | Rule::kw_spawn
        | Rule::kw_start
        | Rule::kw_state
        | Rule::kw_sticky
        | Rule::kw_test
        | Rule::kw_throw
        | Rule::kw_throws
        | Rule::kw_timeout
        | Rule::kw_times
        | Rule::kw_true
        | Rule::kw_try
        | Rule::kw_type
        | Rule::kw_undo
        | Rule::kw_until
        | Rule::kw_update
        | Rule::kw_var
        | Rule::kw_wait
        | Rule::kw_when
        | Rule::kw_while
        | Rule::kw_with
        | Rule::kw_within
        | Rule::kw_workflow
        | Rule::hard
        | Rule::stmt_kw
        | Rule::item_hard
        | Rule::blank
        | Rule::stmt_end
        | Rule::decl_word
        | Rule::modifier_word
        | Rule::back_in_time
        | Rule::EOI => Sort::Fine,
    }
}

//! One suite of properties for all three journals, and what only one of them can suffer.

#[path = "store/faults.rs"]
mod faults;
#[path = "store/filters.rs"]
mod filters;
#[path = "store/large.rs"]
mod large;
#[path = "store/place.rs"]
mod place;
#[path = "store/properties.rs"]
mod properties;

/// Runs every property against a fresh store of each kind.
macro_rules! against_each_store {
    ($($of:ident: $property:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $property() {
                super::$of::$property(super::place::memory()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $property() {
                super::$of::$property(super::place::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $property() {
                super::$of::$property(super::place::postgres().await).await;
            })*
        }
    };
}

against_each_store! {
    properties: what_is_appended_is_read_in_order_and_in_pages
    properties: an_append_takes_all_its_places_or_none
    properties: a_deleted_id_is_gone_with_its_append
    properties: a_takeover_fences_the_owner_before
    properties: an_empty_log_begins_with_a_fence
    properties: of_many_takeovers_one_wins
    properties: an_owner_that_was_heard_since_is_not_taken_over
    properties: a_takeover_amid_appends_loses_none_and_lets_none_follow
    properties: the_same_append_again_conflicts_and_changes_nothing
    properties: a_full_chunk_of_any_bytes_survives
    properties: an_append_of_any_size_is_all_or_nothing
    properties: a_row_that_is_there_already_stays_as_it_is
    properties: closed_runs_come_newest_first_in_pages
    properties: closed_runs_are_filtered
    properties: the_newest_run_of_an_id_answers_for_it
    properties: programs_are_kept_by_hash
    properties: the_newest_deployment_of_a_project_is_current
    properties: node_numbers_are_never_used_again
    properties: a_release_needs_the_own_epoch
    properties: damage_is_noticed_on_reading
    properties: lanes_append_side_by_side
    properties: a_claim_that_is_over_writes_nothing_beside_the_log
    properties: closed_runs_go_in_the_order_of_their_end
    properties: large_values_go_with_their_run
    properties: snapshots_come_and_go_with_their_append
    properties: bundles_come_with_their_append_and_free_no_place
    properties: namespaces_are_kept
    large: large_values_stand_beside_the_log
    filters: filters_find_what_is_there
    filters: the_newest_word_about_an_attribute_holds
}

//! One suite of properties for all three journals, and what only one of them can suffer.

#[path = "store/faults.rs"]
mod faults;
#[path = "store/place.rs"]
mod place;
#[path = "store/properties.rs"]
mod properties;

/// Runs every property against a fresh store of each kind.
macro_rules! against_each_store {
    ($($property:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $property() {
                super::properties::$property(super::place::memory()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $property() {
                super::properties::$property(super::place::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $property() {
                super::properties::$property(super::place::postgres().await).await;
            })*
        }
    };
}

against_each_store! {
    what_is_appended_is_read_in_order_and_in_pages
    an_append_takes_all_its_places_or_none
    a_takeover_fences_the_owner_before
    an_empty_log_begins_with_a_fence
    of_many_takeovers_one_wins
    a_takeover_amid_appends_loses_none_and_lets_none_follow
    the_same_append_again_conflicts_and_changes_nothing
    a_full_chunk_of_any_bytes_survives
    an_append_of_any_size_is_all_or_nothing
    a_row_that_is_there_already_stays_as_it_is
    closed_runs_come_newest_first_in_pages
    closed_runs_are_filtered
    the_newest_run_of_an_id_answers_for_it
    programs_are_kept_by_hash
    the_newest_deployment_of_a_project_is_current
    node_numbers_are_never_used_again
    a_release_needs_the_own_epoch
    damage_is_noticed_on_reading
    lanes_append_side_by_side
}

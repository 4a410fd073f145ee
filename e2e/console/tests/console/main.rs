//! The console in a real browser, against the real product: `cargo xtask demo --console-check` puts everything up
//! and runs this program, which walks it. Started without that stage it says so and tests nothing.
//!
//! Each test is a function named by the rule that it proves. What a browser cannot do (kill the server, connect a
//! desktop, spoil a gateway's script) it asks the stage for ([`stage`]). No test lets time pass and hopes: whatever is
//! waited for is looked at again and again, with a breath between two looks, until it is so or its deadline is over.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test program speaks to a person")]

// What tests are made of.
mod failure;
mod runner;
mod scene;
mod stage;

// What they look through.
mod axe;
mod browser;
mod driver;
mod held;
mod pixels;
mod qr;
mod wire;

// What it costs.
mod bench;
mod latency;

// What they prove.
mod audit;
mod gateways;
mod guard;
mod handover;
mod keyboard;
mod live;
mod looks;
mod panel;
mod pictures;
mod sessions;
mod signing;
mod users;

use runner::{Test, tests};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(measured) = bench::asked() {
        return measured;
    }
    runner::run(TESTS, PICTURES, LATENCY)
}

const TESTS: &[Test] = tests! {
    Beside signing {
        a_wrong_password_is_refused_in_words_that_say_nothing_about_the_name,
        signing_in_leads_to_where_one_wanted_to_go_and_signing_out_takes_it_away,
        the_sign_in_is_kept_where_no_script_can_read_it,
        signing_out_in_another_window_closes_this_one_and_signing_in_again_comes_back_to_the_same_place,
        a_recovered_password_ends_the_old_sign_ins_at_once_and_loses_nobody_their_place,
    }
    Beside handover {
        the_same_person_finds_a_half_typed_form_again_and_the_next_one_finds_nothing_of_it,
    }
    Beside guard {
        the_page_is_served_with_the_strict_policy_and_nothing_more,
        a_script_that_got_into_the_page_does_not_run,
        no_other_page_can_hold_the_console_in_a_frame,
        a_feed_is_refused_without_a_sign_in_and_from_other_origins,
        a_change_that_another_page_sends_along_with_the_cookie_is_refused,
    }
    Beside users {
        a_user_that_one_admin_creates_appears_done_on_the_screen_of_another,
        a_user_who_is_ready_is_announced_wherever_one_is,
        countries_and_hours_of_their_own_are_kept_in_a_policy_made_for_that_user,
        what_cannot_be_is_named_at_its_field_and_nothing_is_created,
        a_phone_enrols_from_the_qr_code_on_the_screen_while_its_countdown_runs,
        suspending_a_user_ends_their_session_and_resuming_lets_them_in_again,
        a_suspension_is_not_called_done_before_the_row_shows_it,
        who_one_has_created_stands_in_a_list_that_holds_still,
        the_list_is_searched_by_the_server_and_the_search_is_in_the_address,
        what_is_chosen_is_in_the_address_and_narrows_the_list,
    }
    Beside sessions {
        a_session_comes_live_and_ends_with_a_reason_and_a_receipt_of_every_layer,
        an_end_is_being_asked_for_until_the_screen_shows_that_it_is_decided,
        the_lists_of_active_and_ended_sessions_are_those_of_the_server,
    }
    Beside gateways {
        a_gateway_shows_its_machine_its_services_and_the_containers_of_sessions,
    }
    Beside audit {
        what_belongs_together_is_one_group_and_the_newest_stands_first,
        a_user_is_found_by_a_part_of_the_name_and_followed_live,
        one_session_alone_is_asked_of_the_server_by_its_id,
        an_operator_is_called_by_name_and_whoever_reads_it_you,
        what_happens_meanwhile_does_not_move_what_one_reads,
    }
    Beside panel {
        a_user_from_all_sides_opens_by_the_address_alone,
        a_click_on_a_row_opens_its_panel_and_puts_it_into_the_address,
    }
    Beside live {
        the_mark_names_the_sequence_that_the_page_has_reached,
    }
    Beside keyboard {
        the_palette_finds_users_gateways_sessions_and_what_one_can_do,
        the_palette_ends_a_session_with_a_reason,
        a_user_is_created_and_a_session_ended_with_the_keyboard_alone,
        keys_go_from_row_to_row_open_them_and_lead_to_the_search,
        the_keys_are_listed_and_focus_goes_back_to_where_it_came_from,
    }
    Beside looks {
        axe_finds_nothing_serious_on_any_view_in_either_theme,
        nothing_scrolls_sideways_from_a_phone_to_a_wall,
        the_theme_follows_the_machine_until_one_chooses_and_the_choice_stays,
        nothing_of_the_machines_stands_in_any_view,
    }
    Alone guard {
        a_viewer_is_offered_nothing_and_refused_all_the_same,
    }
    Alone audit {
        a_filter_is_in_the_address_and_the_server_does_it,
        the_list_goes_back_page_by_page_to_the_first_entry_of_all,
    }
    Alone users {
        pills_are_pending_until_the_gateway_has_done_its_part,
        a_failed_step_says_what_to_do_and_retry_does_it_again,
        a_retry_that_does_not_reach_the_server_says_so_beside_the_step_and_can_be_repeated,
        of_many_words_in_passing_the_last_three_are_seen_and_the_others_counted,
    }
    Alone sessions {
        an_end_that_the_gateway_has_not_confirmed_is_shown_as_ending,
    }
    Alone gateways {
        a_gateway_without_its_published_pages_is_degraded_and_names_the_service_that_is_down,
        a_gateway_that_falls_silent_is_down_and_comes_back_up_with_a_word_on_every_view,
    }
    Alone live {
        a_killed_server_is_shown_offline_and_its_return_loses_and_doubles_nothing,
        a_page_that_the_server_does_not_understand_asks_to_be_loaded_anew,
        what_was_heard_and_not_drawn_when_the_feed_broke_is_drawn_once,
    }
    Alone signing {
        a_sign_in_whose_time_is_over_closes_the_feed_and_the_next_one_goes_on_in_the_same_place,
    }
    // Last: it makes every list longer.
    Alone users {
        users_beyond_the_first_answer_come_as_one_scrolls_each_of_them_once,
    }
};

const PICTURES: &[Test] = tests! { Alone pictures { every_view } };

const LATENCY: &[Test] = tests! { Alone latency { from_a_decided_event_to_the_drawn_row } };

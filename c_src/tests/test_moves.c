// test_moves.c: moving, turning, who is in the way, and who goes first.
#include "sim.h"

static void an_agent_moves_in_all_eight_directions(void)
{
    static const struct {
        int32_t action;
        const char *after;
    } expected[] = {
        {MOVE_N, ".^.\n...\n...\n"},  {MOVE_S, "...\n...\n.v.\n"},  {MOVE_W, "...\n<..\n...\n"},
        {MOVE_E, "...\n..>\n...\n"},  {MOVE_NW, "7..\n...\n...\n"}, {MOVE_NE, "..9\n...\n...\n"},
        {MOVE_SW, "...\n...\n1..\n"}, {MOVE_SE, "...\n...\n..3\n"},
    };
    gw_rules_def rules = test_rules(1);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; ++i) {
        sim s = sim_from(&rules, "...\n.@.\n...\n");

        STEP(&s, expected[i].action);

        CHECK_TEXT(sim_drawn(&s), expected[i].after);
        CHECK_INT(s.io.results[0], GW_RESULT_SUCCESS);
        sim_close(&s);
    }
}

static void a_blocked_agent_turns_but_keeps_its_cell(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "#m#\n#@#\n#..\n");

    STEP(&s, MOVE_N);
    CHECK_TEXT(sim_drawn(&s), "#m#\n#^#\n#..\n");
    CHECK_INT(s.io.results[0], GW_RESULT_BLOCKED_WALL);

    STEP(&s, MOVE_W);
    CHECK_TEXT(sim_drawn(&s), "#m#\n#<#\n#..\n");
    CHECK_INT(s.io.results[0], GW_RESULT_BLOCKED_WALL);

    sim_close(&s);
}

static void a_diagonal_move_passes_between_two_walls(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "@#\n"
                             "#.\n");

    STEP(&s, MOVE_SE);

    CHECK_TEXT(sim_drawn(&s), ".#\n#3\n");
    sim_close(&s);
}

static void the_map_ends_at_its_sides_in_every_direction(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "@\n");
    for (int32_t action = MOVE_N; action <= MOVE_SE; ++action) {
        STEP(&s, action);

        CHECK_INT(s.io.results[0], GW_RESULT_OUTSIDE);
        CHECK_INT(sim_agent(&s, 0).facing, action - MOVE_N);
    }
    sim_close(&s);
}

static void another_agent_blocks(void)
{
    gw_rules_def rules = test_rules(2);
    sim s = sim_from(&rules, "12\n");

    STEP(&s, MOVE_E, NOOP);

    CHECK_TEXT(sim_drawn(&s), ">v\n");
    CHECK_INT(s.io.results[0], GW_RESULT_BLOCKED_AGENT);
    CHECK_INT(s.io.results[1], GW_RESULT_SUCCESS);
    sim_close(&s);
}

static void two_agents_never_swap(void)
{
    gw_rules_def rules = test_rules(2);
    sim s = sim_from(&rules, "12\n");
    for (int32_t i = 0; i < 20; ++i) {
        STEP(&s, MOVE_E, MOVE_W);

        CHECK_TEXT(sim_drawn(&s), "><\n");
    }
    sim_close(&s);
}

static void one_cell_takes_one_agent_and_each_wins_now_and_then(void)
{
    gw_rules_def rules = test_rules(2);
    sim s = sim_from(&rules, "1.2\n");
    int32_t first_won = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        gw_batch_reset(s.batch, seed, s.io.observations);

        STEP(&s, MOVE_E, MOVE_W);

        bool first = s.io.results[0] == GW_RESULT_SUCCESS;
        CHECK_TEXT(sim_drawn(&s), first ? ".><\n" : "><.\n");
        CHECK_INT(s.io.results[first ? 1 : 0], GW_RESULT_BLOCKED_AGENT);
        first_won += first;
    }
    CHECK(60 < first_won && first_won < 140);
    sim_close(&s);
}

static void a_higher_priority_goes_first_whatever_the_order(void)
{
    gw_rules_def rules = test_rules(2);
    rules.actions[MOVE_W].priority = 15;
    sim s = sim_from(&rules, "1.2\n");
    for (uint64_t seed = 0; seed < 100; ++seed) {
        gw_batch_reset(s.batch, seed, s.io.observations);

        STEP(&s, MOVE_E, MOVE_W);

        CHECK_TEXT(sim_drawn(&s), "><.\n");
    }
    sim_close(&s);
}

static void an_agent_may_follow_one_that_went_first(void)
{
    gw_rules_def rules = test_rules(2);
    strcpy(rules.actions[MOVE_SE].name, "walk_east");
    rules.actions[MOVE_SE].argument = GW_EAST;
    rules.actions[MOVE_E].priority = 1;
    sim s = sim_from(&rules, "12.\n");

    STEP(&s, MOVE_SE, MOVE_E);

    CHECK_TEXT(sim_drawn(&s), ".>>\n");
    sim_close(&s);
}

static void turning_changes_the_facing_alone(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, ".@.\n");
    static const char *const expected[] = {".^.\n", ".v.\n", ".<.\n", ".>.\n"};
    for (int32_t i = 0; i < 4; ++i) {
        STEP(&s, TURN_N + i);

        CHECK_TEXT(sim_drawn(&s), expected[i]);
        CHECK_INT(s.io.results[0], GW_RESULT_SUCCESS);
    }
    sim_close(&s);
}

static void an_invalid_action_does_nothing_but_counts(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, ".@.\n");
    static const int32_t invalid[] = {-1, TEST_ACTION_COUNT, INT32_MIN, INT32_MAX, 1 << 20};
    int32_t count = sizeof invalid / sizeof *invalid;
    for (int32_t i = 0; i < count; ++i) {
        STEP(&s, invalid[i]);

        CHECK_TEXT(sim_drawn(&s), ".v.\n");
        CHECK_INT(s.io.results[0], GW_RESULT_INVALID);
        CHECK_INT(sim_agent(&s, 0).last_action, GW_NONE);
    }
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "action.invalid_index")), count);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "action.failed")), count);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "steps")), count);
    sim_close(&s);
}

static void stats_count_what_succeeded_and_what_failed(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, ".@#\n");

    STEP(&s, MOVE_E);
    STEP(&s, MOVE_E);
    STEP(&s, MOVE_W);
    STEP(&s, NOOP);

    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "action.move_east.failed")), 2);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "action.move_east.success")), 0);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "action.move_west.success")), 1);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "action.noop.success")), 1);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "action.failed")), 2);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "action.invalid_index")), 0);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "steps")), 4);
    sim_close(&s);
}

void suite_moves(void)
{
    RUN(an_agent_moves_in_all_eight_directions);
    RUN(a_blocked_agent_turns_but_keeps_its_cell);
    RUN(a_diagonal_move_passes_between_two_walls);
    RUN(the_map_ends_at_its_sides_in_every_direction);
    RUN(another_agent_blocks);
    RUN(two_agents_never_swap);
    RUN(one_cell_takes_one_agent_and_each_wins_now_and_then);
    RUN(a_higher_priority_goes_first_whatever_the_order);
    RUN(an_agent_may_follow_one_that_went_first);
    RUN(turning_changes_the_facing_alone);
    RUN(an_invalid_action_does_nothing_but_counts);
    RUN(stats_count_what_succeeded_and_what_failed);
}

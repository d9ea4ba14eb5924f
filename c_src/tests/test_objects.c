// test_objects.c: using converters, bumping into them, cooldowns, limits of uses and of holdings, the mask.
#include "sim.h"

static uint8_t ready_at(sim *s, int32_t cell)
{
    uint8_t ready[64];
    gw_env_view view;
    CHECK_INT(gw_env_look(s->batch, 0, &view, NULL, ready, 64, NULL), GW_OK);
    return ready[cell];
}

// The same byte as the observation of agent 0 shows it, in a map of one row.
static uint8_t ready_seen(sim *s, int32_t cell)
{
    int32_t centre = GW_PLANE_READY * 121 + 60;
    return s->io.observations[centre + cell - sim_agent(s, 0).column];
}

static int32_t held(sim *s, int32_t agent, int32_t resource)
{
    return sim_agent(s, agent).inventory[resource];
}

static void a_mine_gives_ore_to_whoever_faces_it(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "m@.\n");

    STEP(&s, USE); // agents start facing south, where the map ends
    CHECK_INT(s.io.results[0], GW_RESULT_NO_TARGET);

    STEP(&s, TURN_W);
    STEP(&s, USE);
    CHECK_INT(s.io.results[0], GW_RESULT_SUCCESS);
    CHECK_INT(held(&s, 0, ORE), 1);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "ore.gained")), 1);
    sim_close(&s);
}

static void walls_agents_and_floor_are_no_target(void)
{
    gw_rules_def rules = test_rules(2);
    sim s = sim_from(&rules, "#12.\n");

    STEP(&s, TURN_W, TURN_E);
    STEP(&s, USE, USE);
    CHECK_INT(s.io.results[0], GW_RESULT_NO_TARGET);
    CHECK_INT(s.io.results[1], GW_RESULT_NO_TARGET);

    STEP(&s, TURN_E, TURN_W);
    STEP(&s, USE, USE);
    CHECK_INT(s.io.results[0], GW_RESULT_NO_TARGET);
    CHECK_INT(s.io.results[1], GW_RESULT_NO_TARGET);
    sim_close(&s);
}

static void a_used_object_cools_down_for_its_ticks(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "m@\n");
    STEP(&s, TURN_W);
    static const uint8_t expected[] = {GW_RESULT_SUCCESS, GW_RESULT_COOLING_DOWN, GW_RESULT_COOLING_DOWN,
                                       GW_RESULT_SUCCESS, GW_RESULT_COOLING_DOWN};
    for (size_t i = 0; i < sizeof expected; ++i) {
        STEP(&s, USE);

        CHECK_INT(s.io.results[0], expected[i]);
    }
    CHECK_INT(held(&s, 0, ORE), 2);
    sim_close(&s);
}

static void look_tells_what_is_ready(void)
{
    gw_rules_def rules = test_rules(1);
    rules.kinds[MINE].max_uses = 2;
    sim s = sim_from(&rules, "m@#\n");
    static const int32_t actions[] = {TURN_W, USE, NOOP, NOOP, NOOP, USE};
    static const uint8_t expected[] = {1, 2, 2, 2, 1, 3};
    for (size_t i = 0; i < sizeof expected; ++i) {
        uint8_t ready[3];
        gw_env_view view;
        STEP(&s, actions[i]);

        CHECK_INT(gw_env_look(s.batch, 0, &view, NULL, ready, 3, NULL), GW_OK);
        CHECK_INT(ready[0], expected[i]);
        CHECK_INT(ready[1], 0);
        CHECK_INT(ready[2], 0);
    }
    sim_close(&s);
}

static void many_objects_cool_down_side_by_side(void)
{
    gw_rules_def rules = test_rules(4);
    rules.resources[ORE].initial = 1;
    rules.kinds[MINE].cooldown = 5;
    rules.kinds[GENERATOR].cooldown = 2;
    sim s = sim_from(&rules, "m1.g2.m3.g4\n");
    STEP(&s, TURN_W, TURN_W, TURN_W, TURN_W);
    STEP(&s, USE, USE, USE, USE);
    for (int32_t tick = 1; tick <= 6; ++tick) {
        static const int32_t cells[] = {0, 3, 6, 9};
        for (int32_t i = 0; i < 4; ++i) {
            int32_t cooldown = i % 2 == 0 ? 5 : 2;
            CHECK_INT(ready_at(&s, cells[i]), tick <= cooldown ? 2 : 1);
            if (cells[i] < 7) { // within the window of the first agent
                CHECK_INT(ready_seen(&s, cells[i]), tick <= cooldown ? 2 : 1);
            }
        }
        STEP(&s, NOOP, NOOP, NOOP, NOOP);
    }
    sim_close(&s);
}

static void an_object_goes_on_cooling_after_a_load(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "m@.\n");
    STEP(&s, TURN_W);
    STEP(&s, USE);
    int64_t size = 0;
    CHECK_INT(gw_batch_snapshot_size(s.batch, 1, &size), GW_OK);
    uint8_t *snapshot = guarded((size_t)size);
    CHECK_INT(gw_batch_save(s.batch, 0, 1, snapshot, size), GW_OK);
    CHECK_INT(gw_batch_reset(s.batch, 5, s.io.observations), GW_OK);

    CHECK_INT(gw_batch_load(s.batch, 0, 1, snapshot, size, NULL), GW_OK);

    for (int32_t tick = 1; tick <= 4; ++tick) {
        STEP(&s, NOOP);
        CHECK_INT(ready_seen(&s, 0), tick < 3 ? 2 : 1);
    }
    guarded_free(snapshot);
    sim_close(&s);
}

static void a_generator_takes_ore_and_gives_batteries(void)
{
    gw_rules_def rules = test_rules(1);
    rules.resources[ORE].initial = 2;
    sim s = sim_from(&rules, "g@\n");
    STEP(&s, TURN_W);

    STEP(&s, USE);
    STEP(&s, USE);
    STEP(&s, USE);

    CHECK_INT(s.io.results[0], GW_RESULT_NO_RESOURCE);
    CHECK_INT(held(&s, 0, ORE), 0);
    CHECK_INT(held(&s, 0, BATTERY), 4);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "ore.lost")), 2);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "battery.gained")), 4);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "ore.gained")), 0);
    sim_close(&s);
}

static void a_use_without_room_changes_nothing(void)
{
    gw_rules_def rules = test_rules(1);
    rules.resources[ORE].initial = 2;
    rules.resources[BATTERY].initial = 3; // of 4, and a use gives 2
    sim s = sim_from(&rules, "g@\n");
    STEP(&s, TURN_W);

    STEP(&s, USE);

    CHECK_INT(s.io.results[0], GW_RESULT_FULL);
    CHECK_INT(held(&s, 0, ORE), 2);
    CHECK_INT(held(&s, 0, BATTERY), 3);
    sim_close(&s);
}

static void a_recipe_may_give_back_what_it_takes(void)
{
    gw_rules_def rules = test_rules(1);
    rules.kinds[GENERATOR].input[BATTERY] = 2; // room is what there is once the inputs are gone
    rules.resources[ORE].initial = 1;
    rules.resources[BATTERY].initial = 4;
    sim s = sim_from(&rules, "g@\n");
    STEP(&s, TURN_W);

    STEP(&s, USE);

    CHECK_INT(s.io.results[0], GW_RESULT_SUCCESS);
    CHECK_INT(held(&s, 0, BATTERY), 4);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "battery.gained")), 2);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "battery.lost")), 2);
    sim_close(&s);
}

static void an_object_is_used_up_after_its_last_use_until_the_next_episode(void)
{
    gw_rules_def rules = test_rules(1);
    rules.kinds[ALTAR].input[BATTERY] = 1;
    rules.resources[BATTERY].initial = 4;
    rules.max_steps = 5;
    sim s = sim_from(&rules, "a@\n");
    for (int32_t episode = 0; episode < 2; ++episode) {
        STEP(&s, TURN_W);
        STEP(&s, USE);
        STEP(&s, USE);
        CHECK_INT(s.io.results[0], GW_RESULT_SUCCESS);
        STEP(&s, USE);
        CHECK_INT(s.io.results[0], GW_RESULT_USED_UP);
        CHECK_INT(held(&s, 0, HEART), 2);
        STEP(&s, NOOP); // the last step of the episode
        CHECK_INT(s.io.truncated[0], 1);
    }
    sim_close(&s);
}

static void a_bump_uses_what_allows_it(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "*@m\n");

    STEP(&s, MOVE_W);
    CHECK_TEXT(sim_drawn(&s), "*<m\n");
    CHECK_INT(s.io.results[0], GW_RESULT_SUCCESS);
    CHECK_INT(held(&s, 0, HEART), 1);

    STEP(&s, MOVE_E);
    CHECK_INT(s.io.results[0], GW_RESULT_BLOCKED_WALL);
    CHECK_INT(held(&s, 0, ORE), 0);

    STEP(&s, TURN_W);
    STEP(&s, USE); // what can be bumped can be used as well
    CHECK_INT(held(&s, 0, HEART), 2);
    sim_close(&s);
}

static void a_bump_tells_why_the_use_failed(void)
{
    gw_rules_def rules = test_rules(1);
    rules.kinds[GOAL].input[ORE] = 1;
    rules.resources[ORE].initial = 1;
    rules.kinds[GOAL].cooldown = 2;
    sim s = sim_from(&rules, "*@\n");
    static const uint8_t expected[] = {GW_RESULT_SUCCESS, GW_RESULT_COOLING_DOWN, GW_RESULT_NO_RESOURCE};
    for (size_t i = 0; i < sizeof expected; ++i) {
        STEP(&s, MOVE_W);

        CHECK_INT(s.io.results[0], expected[i]);
    }
    sim_close(&s);
}

static void one_use_a_tick_for_one_of_two(void)
{
    gw_rules_def rules = test_rules(2);
    rules.kinds[MINE].cooldown = 1; // only keeps a second use out of the same tick
    sim s = sim_from(&rules, "1m2\n");
    STEP(&s, TURN_E, TURN_W);
    for (int32_t i = 0; i < 4; ++i) {
        STEP(&s, USE, USE);

        bool first = s.io.results[0] == GW_RESULT_SUCCESS;
        CHECK_INT(s.io.results[first ? 0 : 1], GW_RESULT_SUCCESS);
        CHECK_INT(s.io.results[first ? 1 : 0], GW_RESULT_COOLING_DOWN);
    }
    CHECK_INT(held(&s, 0, ORE) + held(&s, 1, ORE), 4);
    sim_close(&s);
}

static bool allowed(sim *s, int32_t action)
{
    uint8_t *bits = guarded((TEST_ACTION_COUNT + 7) / 8);
    CHECK_INT(gw_env_action_mask(s->batch, 0, bits), GW_OK);
    CHECK(guards_hold(bits, (TEST_ACTION_COUNT + 7) / 8));
    bool allowed = bits[action / 8] >> (action % 8) & 1;
    guarded_free(bits);
    return allowed;
}

static void the_mask_allows_what_succeeds_in_the_next_step(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "#m#\n"
                             "*@.\n"
                             "###\n");
    STEP(&s, TURN_N);
    CHECK(allowed(&s, NOOP));
    CHECK(!allowed(&s, MOVE_N)); // a mine is not for bumping
    CHECK(!allowed(&s, MOVE_S));
    CHECK(allowed(&s, MOVE_W)); // a goal is
    CHECK(allowed(&s, MOVE_E));
    CHECK(allowed(&s, TURN_S));
    CHECK(allowed(&s, USE));

    STEP(&s, USE); // three ticks from now the mine is ready again
    CHECK(!allowed(&s, USE));
    STEP(&s, NOOP);
    CHECK(!allowed(&s, USE));
    STEP(&s, NOOP);
    CHECK(allowed(&s, USE));
    STEP(&s, USE);
    CHECK_INT(s.io.results[0], GW_RESULT_SUCCESS);
    sim_close(&s);
}

void suite_objects(void)
{
    RUN(a_mine_gives_ore_to_whoever_faces_it);
    RUN(walls_agents_and_floor_are_no_target);
    RUN(a_used_object_cools_down_for_its_ticks);
    RUN(look_tells_what_is_ready);
    RUN(many_objects_cool_down_side_by_side);
    RUN(an_object_goes_on_cooling_after_a_load);
    RUN(a_generator_takes_ore_and_gives_batteries);
    RUN(a_use_without_room_changes_nothing);
    RUN(a_recipe_may_give_back_what_it_takes);
    RUN(an_object_is_used_up_after_its_last_use_until_the_next_episode);
    RUN(a_bump_uses_what_allows_it);
    RUN(a_bump_tells_why_the_use_failed);
    RUN(one_use_a_tick_for_one_of_two);
    RUN(the_mask_allows_what_succeeds_in_the_next_step);
}

// test_masks.c: which actions would succeed, of one env, of all rows, and as a step writes it.
#include "sim.h"

static gw_world *crowd(void)
{
    gw_rules_def rules = full_rules(6);
    rules.spawn_anywhere = true;
    rules.max_steps = 23;
    return world_from(&rules, "...cm...\n"
                              ".#b.g.p.\n"
                              "...xm...\n");
}

static uint8_t mask_of(const sim *s, int32_t row, int32_t action)
{
    return s->io.action_masks[row * s->spec.action_count + action];
}

static int32_t choices(const sim *s, int32_t row)
{
    int32_t count = 0;
    for (int32_t action = 0; action < s->spec.action_count; ++action) {
        CHECK(mask_of(s, row, action) <= 1);
        count += mask_of(s, row, action);
    }
    return count;
}

static void check_bits(sim *s, int32_t env)
{
    int32_t row_size = (s->spec.action_count + 7) / 8;
    uint8_t *bits = guarded((size_t)(s->spec.agent_count * row_size));
    CHECK_INT(gw_env_action_mask(s->batch, env, bits), GW_OK);
    CHECK(guards_hold(bits, (size_t)(s->spec.agent_count * row_size)));
    for (int32_t agent = 0; agent < s->spec.agent_count; ++agent) {
        for (int32_t action = 0; action < 8 * row_size; ++action) {
            uint8_t bit = bits[agent * row_size + action / 8] >> action % 8 & 1;
            bool is_action = action < s->spec.action_count;
            CHECK_INT(bit, is_action ? mask_of(s, env * s->spec.agent_count + agent, action) : 0);
        }
    }
    guarded_free(bits);
}

static void a_step_writes_what_all_rows_and_each_env_say(void)
{
    gw_world *world = crowd();
    for (int32_t thread_count = 1; thread_count <= 3; ++thread_count) {
        sim s = sim_of(world, 5, thread_count, 3);
        size_t size = (size_t)s.rows * (size_t)s.spec.action_count;
        uint8_t *asked = guarded(size);
        for (int32_t tick = 0; tick < 60; ++tick) {
            sim_step_random(&s, 5, tick);
            CHECK_INT(gw_batch_action_masks(s.batch, asked), GW_OK);
            CHECK(guards_hold(asked, size) && memcmp(asked, s.io.action_masks, size) == 0);
            check_bits(&s, tick % 5);
            for (int32_t row = 0; row < s.rows; ++row) {
                CHECK(choices(&s, row) > 0);
            }
        }
        guarded_free(asked);
        sim_close(&s);
    }
    gw_world_destroy(world);
}

static void masks_that_are_asked_for_change_nothing(void)
{
    gw_world *world = crowd();
    sim asking = sim_of(world, 5, 1, 3);
    sim quiet = sim_of(world, 5, 1, 3);
    uint8_t *untouched = quiet.io.action_masks;
    quiet.io.action_masks = NULL;
    size_t size = (size_t)asking.rows * (size_t)asking.spec.observation_size;
    for (int32_t tick = 0; tick < 120; ++tick) {
        sim_step_random(&asking, 5, tick);
        CHECK_INT(gw_batch_action_masks(asking.batch, asking.io.action_masks), GW_OK);
        memcpy(quiet.actions, asking.actions, (size_t)quiet.rows * sizeof *quiet.actions);
        CHECK_INT(gw_batch_step(quiet.batch, &quiet.io), GW_OK);
        CHECK(memcmp(asking.io.observations, quiet.io.observations, size) == 0);
        CHECK(sim_hash(&asking) == sim_hash(&quiet));
    }
    quiet.io.action_masks = untouched;
    sim_close(&asking);
    sim_close(&quiet);
    gw_world_destroy(world);
}

static void who_is_frozen_may_only_idle(void)
{
    gw_rules_def rules = full_rules(2);
    rules.tag.hide_ticks = 3;
    rules.actions[NOOP].verb = GW_VERB_USE; // so that the first noop is another one
    rules.actions[TURN_W].verb = GW_VERB_NOOP;
    rules.actions[TURN_W].argument = 0;
    sim s = sim_from(&rules, "1....2\n");

    STEP(&s, NOOP, NOOP);
    CHECK_INT(sim_agent(&s, 0).frozen, 2);
    CHECK_INT(choices(&s, 0), 1);
    CHECK_INT(mask_of(&s, 0, TURN_W), 1);
    CHECK(choices(&s, 1) > 1);

    STEP(&s, NOOP, NOOP);
    CHECK_INT(choices(&s, 0), 1);
    STEP(&s, NOOP, NOOP); // the last turn that it loses
    CHECK(choices(&s, 0) > 1);
    sim_close(&s);
}

static void where_nothing_can_be_paid_one_choice_is_left(void)
{
    for (int32_t has_noop = 0; has_noop < 2; ++has_noop) {
        gw_rules_def rules = test_rules(1);
        for (int32_t action = 0; action < rules.action_count; ++action) {
            rules.actions[action].required[ORE] = 1;
        }
        rules.actions[NOOP].verb = GW_VERB_USE;
        rules.actions[MOVE_E].verb = has_noop ? GW_VERB_NOOP : GW_VERB_USE;
        rules.actions[MOVE_E].argument = 0;
        sim s = sim_from(&rules, "@.\n");

        STEP(&s, NOOP);

        CHECK_INT(s.io.results[0], GW_RESULT_NO_RESOURCE);
        CHECK_INT(choices(&s, 0), 1);
        CHECK_INT(mask_of(&s, 0, has_noop ? MOVE_E : 0), 1);
        check_bits(&s, 0);
        sim_close(&s);
    }
}

static void the_masks_of_an_ended_episode_are_those_of_the_next(void)
{
    gw_rules_def rules = test_rules(1);
    rules.max_steps = 2;
    sim s = sim_from(&rules, "..@#\n");
    STEP(&s, MOVE_W);
    CHECK_INT(mask_of(&s, 0, MOVE_E), 1);

    STEP(&s, MOVE_W);

    CHECK_INT(s.io.truncated[0], 1);
    CHECK_TEXT(sim_drawn(&s), "..v#\n");
    CHECK_INT(mask_of(&s, 0, MOVE_W), 1);
    CHECK_INT(mask_of(&s, 0, MOVE_E), 0);
    sim_close(&s);
}

void suite_masks(void)
{
    RUN(a_step_writes_what_all_rows_and_each_env_say);
    RUN(masks_that_are_asked_for_change_nothing);
    RUN(who_is_frozen_may_only_idle);
    RUN(where_nothing_can_be_paid_one_choice_is_left);
    RUN(the_masks_of_an_ended_episode_are_those_of_the_next);
}

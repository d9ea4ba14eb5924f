// test_episodes.c: ends, auto-reset, final observations, drained episodes, and worlds drawn at resets.
#include "sim.h"

// A corridor that ends at a goal two steps to the west, and after four steps.
static sim corridor(int32_t env_count, int32_t thread_count)
{
    gw_rules_def rules = test_rules(1);
    rules.end.resource = HEART;
    rules.max_steps = 4;
    add_event(&rules, "hearts", stat_named(&rules, "heart.gained"), 1.0f, 0.0f);
    add_event(&rules, "time", stat_named(&rules, "steps"), -0.25f, 0.0f);
    gw_world *world = world_from(&rules, "*.@.\n");
    sim s = sim_of(world, env_count, thread_count, 1);
    gw_world_destroy(world);
    return s;
}

static void the_goal_terminates_and_starts_anew(void)
{
    sim s = corridor(1, 1);

    STEP(&s, MOVE_W);
    CHECK_INT(s.io.terminated[0], 0);
    STEP(&s, MOVE_W);

    CHECK_INT(s.io.terminated[0], 1);
    CHECK_INT(s.io.truncated[0], 0);
    CHECK_FLOAT(s.io.rewards[0], 0.75f);
    CHECK_TEXT(sim_drawn(&s), "*.v.\n");
    CHECK_INT(sim_view(&s, 0).tick, 0);
    CHECK_INT(sim_view(&s, 0).episode, 1);
    CHECK_INT(sim_agent(&s, 0).inventory[HEART], 0);
    CHECK_INT(sim_agent(&s, 0).last_action, GW_NONE);
    gw_rules_def rules = test_rules(1);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "heart.gained")), 0);
    sim_close(&s);
}

static void time_truncates(void)
{
    sim s = corridor(1, 1);
    for (int32_t tick = 1; tick <= 9; ++tick) {
        STEP(&s, NOOP);

        CHECK_INT(s.io.truncated[0], tick % 4 == 0);
        CHECK_INT(s.io.terminated[0], 0);
        CHECK_INT(sim_view(&s, 0).tick, tick % 4);
    }
    sim_close(&s);
}

static void the_rules_end_comes_before_the_clocks(void)
{
    sim s = corridor(1, 1);

    STEP(&s, NOOP);
    STEP(&s, NOOP);
    STEP(&s, MOVE_W);
    STEP(&s, MOVE_W); // the goal in the very last step

    CHECK_INT(s.io.terminated[0], 1);
    CHECK_INT(s.io.truncated[0], 0);
    sim_close(&s);
}

static void without_limits_an_episode_never_ends(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "@\n");
    for (int32_t tick = 1; tick <= 3000; ++tick) {
        STEP(&s, NOOP);
        CHECK(!s.io.truncated[0] && !s.io.terminated[0]);
    }
    CHECK_INT(sim_view(&s, 0).tick, 3000);
    sim_close(&s);
}

static void one_agent_ends_it_for_all_or_all_must(void)
{
    for (int32_t all = 0; all < 2; ++all) {
        gw_rules_def rules = test_rules(2);
        rules.end.resource = HEART;
        rules.end.all_agents = all;
        sim s = sim_from(&rules, "*1.2*\n");

        STEP(&s, MOVE_W, NOOP);
        CHECK_INT(s.io.terminated[0], !all);
        CHECK_INT(s.io.terminated[1], !all);
        if (all) {
            STEP(&s, NOOP, MOVE_E);
            CHECK_INT(s.io.terminated[0], 1);
            CHECK_INT(s.io.terminated[1], 1);
        }
        sim_close(&s);
    }
}

static void the_final_observation_is_that_of_the_end(void)
{
    sim s = corridor(1, 1);
    int32_t self = s.spec.observation_size - s.spec.self_count;
    int32_t centre = 5 * 11 + 5;
    memset(s.io.final_observations, 7, (size_t)s.spec.observation_size);

    STEP(&s, MOVE_W);
    CHECK_INT(s.io.final_observations[0], 7); // nothing ended: not touched
    CHECK_INT(s.io.final_observations[s.spec.observation_size - 1], 7);
    STEP(&s, MOVE_W);

    const uint8_t *last = s.io.final_observations;
    const uint8_t *first = s.io.observations;
    CHECK_INT(last[centre - 1], GW_CODE_KIND + GOAL); // beside the goal
    CHECK_INT(last[self + GW_SELF_INVENTORY + HEART], 1);
    CHECK_INT(last[self + GW_SELF_LAST_ACTION], MOVE_W + 1);
    CHECK_INT(last[self + GW_SELF_COMPLETION], 255 * 2 / 4);
    CHECK_INT(first[centre - 1], GW_CODE_EMPTY); // back at the start
    CHECK_INT(first[self + GW_SELF_INVENTORY + HEART], 0);
    CHECK_INT(first[self + GW_SELF_LAST_ACTION], 0);
    CHECK_INT(first[self + GW_SELF_COMPLETION], 0);
    sim_close(&s);
}

static void results_and_final_observations_are_nobodys_duty(void)
{
    sim s = corridor(3, 1);
    gw_io bare = s.io;
    bare.final_observations = NULL;
    bare.results = NULL;
    memset(s.actions, 0, (size_t)s.rows * sizeof *s.actions);
    for (int32_t tick = 0; tick < 9; ++tick) {
        CHECK_INT(gw_batch_step(s.batch, &bare), GW_OK);
    }
    sim_close(&s);
}

static void finished_episodes_are_drained_oldest_first(void)
{
    sim s = corridor(3, 1);
    STEP(&s, MOVE_W);
    STEP(&s, MOVE_W); // env 0 ends by the goal, the others after four steps
    STEP(&s, NOOP);
    STEP(&s, NOOP);

    gw_episode episodes[8];
    float terms[8 * 2];
    int32_t stats[8 * 64];
    int32_t count = -1;
    int64_t dropped = -1;
    CHECK_INT(gw_batch_drain_episodes(s.batch, 8, episodes, terms, stats, &count, &dropped), GW_OK);

    CHECK_INT(count, 3);
    CHECK_INT(dropped, 0);
    CHECK_INT(episodes[0].env, 0);
    CHECK_INT(episodes[0].length, 2);
    CHECK_INT(episodes[0].terminated, 1);
    CHECK_INT(episodes[0].truncated, 0);
    CHECK_FLOAT(episodes[0].episode_return, 0.5f);
    CHECK_FLOAT(terms[0], 1.0f);
    CHECK_FLOAT(terms[1], -0.5f);
    gw_rules_def rules = test_rules(1);
    CHECK_INT(stats[stat_named(&rules, "heart.gained")], 1);
    CHECK_INT(stats[stat_named(&rules, "steps")], 2);
    for (int32_t i = 1; i < 3; ++i) {
        CHECK_INT(episodes[i].env, i);
        CHECK_INT(episodes[i].episode, 0);
        CHECK_INT(episodes[i].length, 4);
        CHECK_INT(episodes[i].truncated, 1);
        CHECK_INT(stats[i * s.spec.stat_count + stat_named(&rules, "steps")], 4);
    }
    CHECK_INT(gw_batch_drain_episodes(s.batch, 8, episodes, NULL, NULL, &count, NULL), GW_OK);
    CHECK_INT(count, 0);
    sim_close(&s);
}

static void a_drain_takes_no_more_than_there_is_room_for(void)
{
    sim s = corridor(3, 1);
    for (int32_t tick = 0; tick < 8; ++tick) {
        STEP(&s, NOOP);
    }
    static const int32_t expected[] = {4, 2, 0};
    for (int32_t i = 0; i < 3; ++i) {
        gw_episode *episodes = guarded(4 * sizeof *episodes);
        float *terms = guarded(4 * 2 * sizeof *terms);
        int32_t *stats = guarded(4 * (size_t)s.spec.stat_count * sizeof *stats);
        int32_t count = -1;

        CHECK_INT(gw_batch_drain_episodes(s.batch, 4, episodes, terms, stats, &count, NULL), GW_OK);

        CHECK_INT(count, expected[i]);
        CHECK(guards_hold(episodes, 4 * sizeof *episodes));
        CHECK(guards_hold(terms, 4 * 2 * sizeof *terms));
        CHECK(guards_hold(stats, 4 * (size_t)s.spec.stat_count * sizeof *stats));
        guarded_free(episodes);
        guarded_free(terms);
        guarded_free(stats);
    }
    sim_close(&s);
}

static void a_full_ring_keeps_the_newest_and_counts_the_rest(void)
{
    gw_rules_def rules = test_rules(1);
    rules.max_steps = 1;
    gw_world *world = world_from(&rules, "@\n");
    gw_batch_def def;
    gw_batch_default(&def);
    def.worlds = &world;
    def.env_count = 2;
    def.episode_capacity = 5;
    gw_batch *batch = NULL;
    CHECK_INT(gw_batch_create(&def, &batch, NULL), GW_OK);
    sim s = sim_of(world, 2, 1, 1); // for its arrays
    memset(s.actions, 0, 2 * sizeof *s.actions);
    for (int32_t tick = 0; tick < 6; ++tick) {
        CHECK_INT(gw_batch_step(batch, &s.io), GW_OK);
    }

    gw_episode episodes[8];
    int32_t count = 0;
    int64_t dropped = 0;
    CHECK_INT(gw_batch_drain_episodes(batch, 8, episodes, NULL, NULL, &count, &dropped), GW_OK);

    CHECK_INT(count, 5);
    CHECK_INT(dropped, 7);
    for (int32_t i = 0; i < 5; ++i) {
        CHECK_INT(episodes[i].episode, (7 + i) / 2);
        CHECK_INT(episodes[i].env, (7 + i) % 2);
    }
    CHECK_INT(gw_batch_drain_episodes(batch, 8, episodes, NULL, NULL, &count, &dropped), GW_OK);
    CHECK_INT(dropped, 0);
    gw_batch_destroy(batch);
    gw_world_destroy(world);
    sim_close(&s);
}

static void every_agent_of_an_env_reports_its_episode(void)
{
    gw_rules_def rules = test_rules(3);
    set_groups(&rules, 2);
    rules.max_steps = 2;
    sim s = sim_from(&rules, "112\n");
    STEP(&s, NOOP, NOOP, NOOP);
    STEP(&s, NOOP, NOOP, NOOP);

    gw_episode episodes[4];
    int32_t count = 0;
    CHECK_INT(gw_batch_drain_episodes(s.batch, 4, episodes, NULL, NULL, &count, NULL), GW_OK);

    CHECK_INT(count, 3);
    for (int32_t agent = 0; agent < 3; ++agent) {
        CHECK_INT(episodes[agent].agent, agent);
        CHECK_INT(episodes[agent].group, agent % 2);
        CHECK_INT(episodes[agent].world, 0);
    }
    sim_close(&s);
}

static void a_reset_forgets_undrained_episodes(void)
{
    sim s = corridor(1, 1);
    for (int32_t tick = 0; tick < 4; ++tick) {
        STEP(&s, NOOP);
    }
    CHECK_INT(gw_batch_reset(s.batch, 1, s.io.observations), GW_OK);

    gw_episode episodes[2];
    int32_t count = -1;
    CHECK_INT(gw_batch_drain_episodes(s.batch, 2, episodes, NULL, NULL, &count, NULL), GW_OK);

    CHECK_INT(count, 0);
    sim_close(&s);
}

static void a_reset_gives_the_state_of_a_new_batch(void)
{
    gw_rules_def rules = test_rules(4);
    rules.spawn_anywhere = true;
    sim used = sim_from(&rules, "....m\n.a.g.\n..*..\n");
    uint64_t fresh = sim_hash(&used);
    for (int32_t tick = 0; tick < 40; ++tick) {
        sim_step_random(&used, 3, tick);
    }
    CHECK(sim_hash(&used) != fresh);

    CHECK_INT(gw_batch_reset(used.batch, 1, used.io.observations), GW_OK);

    CHECK(sim_hash(&used) == fresh);
    sim_close(&used);
}

static void worlds_are_drawn_by_their_weights(void)
{
    gw_rules_def rules = test_rules(1);
    rules.max_steps = 1;
    gw_world *worlds[] = {world_from(&rules, "@\n"), world_from(&rules, ".@.\n"), world_from(&rules, "@.\n..\n")};
    gw_batch_def def;
    gw_batch_default(&def);
    def.worlds = worlds;
    def.world_count = 3;
    gw_batch *batch = NULL;
    CHECK_INT(gw_batch_create(&def, &batch, NULL), GW_OK);
    sim s = sim_of(worlds[0], 1, 1, 1); // for its arrays
    s.actions[0] = NOOP;

    static const uint32_t weights[][3] = {{1, 0, 3}, {0, 5, 0}};
    for (int32_t w = 0; w < 2; ++w) {
        int32_t seen[3] = {0};
        CHECK_INT(gw_batch_set_world_weights(batch, weights[w]), GW_OK);
        gw_batch_step(batch, &s.io);
        for (int32_t i = 0; i < 4000; ++i) {
            gw_env_view view;
            CHECK_INT(gw_env_look(batch, 0, &view, NULL, NULL, 0, NULL), GW_OK);
            CHECK_INT(view.map_width, view.world == 0 ? 1 : view.world == 1 ? 3 : 2);
            seen[view.world] += 1;
            gw_batch_step(batch, &s.io);
        }
        CHECK(w == 0 ? 850 < seen[0] && seen[0] < 1150 && seen[1] == 0 : seen[1] == 4000);
    }
    for (int32_t i = 0; i < 3; ++i) {
        gw_world_destroy(worlds[i]);
    }
    gw_batch_destroy(batch);
    sim_close(&s);
}

// Two envs in the first of two worlds, without an end of their own.
static sim in_first_of(gw_world *const *worlds, int32_t thread_count)
{
    static const uint32_t first_only[] = {1, 0};
    gw_batch_def def;
    gw_batch_default(&def);
    def.worlds = worlds;
    def.world_count = 2;
    def.env_count = 2;
    def.thread_count = thread_count;
    sim s = sim_as_defined(&def);
    CHECK_INT(gw_batch_set_world_weights(s.batch, first_only), GW_OK);
    CHECK_INT(gw_batch_reset(s.batch, 1, s.io.observations), GW_OK);
    return s;
}

static void a_retired_world_is_left_in_the_next_step(void)
{
    static const uint32_t second_only[] = {0, 1};
    gw_rules_def rules = test_rules(1);
    rules.end.resource = HEART;
    gw_world *worlds[] = {world_from(&rules, ".*@\n"), world_from(&rules, "@\n")};
    int32_t self = GW_PLANE_COUNT * 11 * 11;
    for (int32_t thread_count = 1; thread_count <= 3; ++thread_count) {
        sim s = in_first_of(worlds, thread_count);
        STEP(&s, NOOP);
        CHECK_INT(gw_batch_set_world_weights(s.batch, second_only), GW_OK);
        STEP(&s, NOOP);
        CHECK_INT(s.io.truncated[0] + s.io.truncated[1], 0); // weights alone wait for the end
        CHECK_INT(gw_batch_retire_worlds(s.batch), GW_OK);

        STEP(&s, MOVE_W); // env 0 reaches its end by the rules in this very step

        CHECK_INT(s.io.terminated[0], 1);
        CHECK_INT(s.io.truncated[0], 0);
        CHECK_INT(s.io.terminated[1], 0);
        CHECK_INT(s.io.truncated[1], 1);
        const uint8_t *last = s.io.final_observations + s.spec.observation_size;
        CHECK_INT(last[5 * 11 + 4], GW_CODE_KIND + GOAL); // of the world that is left, after the step
        CHECK_INT(last[self + GW_SELF_LAST_ACTION], NOOP + 1);
        gw_episode episodes[2];
        int32_t count = 0;
        CHECK_INT(gw_batch_drain_episodes(s.batch, 2, episodes, NULL, NULL, &count, NULL), GW_OK);
        CHECK_INT(count, 2);
        CHECK_INT(episodes[1].length, 3);
        CHECK_INT(episodes[1].world, 0);
        CHECK_INT(episodes[1].truncated, 1);
        for (int32_t tick = 1; tick < 5; ++tick) { // and the other world is not left
            CHECK_INT(sim_view(&s, 1).world, 1);
            CHECK_INT(sim_view(&s, 1).tick, tick - 1);
            STEP(&s, NOOP);
        }
        sim_close(&s);
    }
    gw_world_destroy(worlds[0]);
    gw_world_destroy(worlds[1]);
}

static void new_weights_leave_no_world_at_once(void)
{
    static const uint32_t weights[][2] = {{0, 1}, {1, 0}};
    gw_rules_def rules = test_rules(1);
    gw_world *worlds[] = {world_from(&rules, ".@\n"), world_from(&rules, "@\n")};
    sim s = in_first_of(worlds, 1);
    CHECK_INT(gw_batch_set_world_weights(s.batch, weights[0]), GW_OK);
    CHECK_INT(gw_batch_retire_worlds(s.batch), GW_OK);
    STEP(&s, NOOP);
    CHECK_INT(s.io.truncated[0], 1);

    CHECK_INT(gw_batch_set_world_weights(s.batch, weights[1]), GW_OK);
    STEP(&s, NOOP);

    CHECK_INT(s.io.truncated[0], 0);
    CHECK_INT(sim_view(&s, 0).world, 1);
    sim_close(&s);
    gw_world_destroy(worlds[0]);
    gw_world_destroy(worlds[1]);
}

static void impossible_weights_are_refused(void)
{
    sim s = corridor(1, 1);
    const uint32_t none[] = {0};
    const uint32_t huge[] = {UINT32_MAX};

    CHECK_INT(gw_batch_set_world_weights(s.batch, none), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_set_world_weights(s.batch, huge), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_set_world_weights(s.batch, NULL), GW_INVALID_ARGUMENT);
    sim_close(&s);
}

void suite_episodes(void)
{
    RUN(the_goal_terminates_and_starts_anew);
    RUN(time_truncates);
    RUN(the_rules_end_comes_before_the_clocks);
    RUN(without_limits_an_episode_never_ends);
    RUN(one_agent_ends_it_for_all_or_all_must);
    RUN(the_final_observation_is_that_of_the_end);
    RUN(results_and_final_observations_are_nobodys_duty);
    RUN(finished_episodes_are_drained_oldest_first);
    RUN(a_drain_takes_no_more_than_there_is_room_for);
    RUN(a_full_ring_keeps_the_newest_and_counts_the_rest);
    RUN(every_agent_of_an_env_reports_its_episode);
    RUN(a_reset_forgets_undrained_episodes);
    RUN(a_reset_gives_the_state_of_a_new_batch);
    RUN(worlds_are_drawn_by_their_weights);
    RUN(a_retired_world_is_left_in_the_next_step);
    RUN(new_weights_leave_no_world_at_once);
    RUN(impossible_weights_are_refused);
}

// test_rewards.c: event and holding terms, caps, the ledger, and the order of the sum.
#include "sim.h"

static float step_ledger(sim *s, int32_t agent, int32_t term)
{
    float step[GW_MAX_TERMS * 8];
    CHECK_INT(gw_env_ledger(s->batch, 0, step, NULL, NULL), GW_OK);
    return step[agent * s->spec.term_count + term];
}

static float episode_ledger(sim *s, int32_t agent, int32_t term)
{
    float episode[GW_MAX_TERMS * 8];
    CHECK_INT(gw_env_ledger(s->batch, 0, NULL, episode, NULL), GW_OK);
    return episode[agent * s->spec.term_count + term];
}

// One agent that digs an ore and then makes batteries of it.
static sim digger(gw_rules_def *rules)
{
    sim s = sim_from(rules, "m@g\n");
    STEP(&s, TURN_W);
    return s;
}

static void an_event_pays_once_and_is_kept(void)
{
    gw_rules_def rules = test_rules(1);
    add_event(&rules, "ores", stat_named(&rules, "ore.gained"), 0.5f, 0.0f);
    sim s = digger(&rules);

    STEP(&s, USE);
    CHECK_FLOAT(s.io.rewards[0], 0.5f);
    STEP(&s, TURN_E);
    CHECK_FLOAT(s.io.rewards[0], 0.0f);
    STEP(&s, USE); // the ore is spent: nothing is taken back
    CHECK_FLOAT(s.io.rewards[0], 0.0f);
    sim_close(&s);
}

static void a_holding_pays_and_is_paid_back(void)
{
    gw_rules_def rules = test_rules(1);
    add_holding(&rules, "ore", ORE, 0.5f, 0.0f);
    sim s = digger(&rules);

    STEP(&s, USE);
    CHECK_FLOAT(s.io.rewards[0], 0.5f);
    STEP(&s, TURN_E);
    STEP(&s, USE);
    CHECK_FLOAT(s.io.rewards[0], -0.5f);
    CHECK_FLOAT(sim_agent(&s, 0).episode_return, 0.0f);
    sim_close(&s);
}

static void what_one_starts_with_is_not_earned(void)
{
    gw_rules_def rules = test_rules(1);
    rules.resources[ORE].initial = 3;
    add_holding(&rules, "ore", ORE, 1.0f, 0.0f);
    sim s = digger(&rules); // one step

    CHECK_FLOAT(s.io.rewards[0], 0.0f);
    STEP(&s, USE);
    CHECK_FLOAT(s.io.rewards[0], 1.0f);
    sim_close(&s);
}

static void a_cap_holds_per_term_and_episode(void)
{
    gw_rules_def rules = test_rules(1);
    rules.kinds[MINE].cooldown = 0;
    rules.max_steps = 6;
    add_event(&rules, "ores", stat_named(&rules, "ore.gained"), 0.5f, 1.25f);
    add_event(&rules, "costs", stat_named(&rules, "ore.gained"), -1.0f, 2.0f);
    sim s = sim_from(&rules, "m@\n");
    static const float ores[] = {0.0f, 0.5f, 0.5f, 0.25f, 0.0f, 0.0f};
    static const float costs[] = {0.0f, -1.0f, -1.0f, 0.0f, 0.0f, 0.0f};
    for (int32_t episode = 0; episode < 2; ++episode) {
        for (int32_t i = 0; i < 6; ++i) {
            STEP(&s, i == 0 ? TURN_W : USE);

            CHECK_FLOAT(step_ledger(&s, 0, 0), ores[i]);
            CHECK_FLOAT(step_ledger(&s, 0, 1), costs[i]);
            CHECK_FLOAT(s.io.rewards[0], ores[i] + costs[i]);
        }
    }
    sim_close(&s);
}

static void a_capped_holding_pays_back_no_more_than_it_paid(void)
{
    gw_rules_def rules = test_rules(1);
    rules.resources[ORE].initial = 4;
    rules.kinds[GENERATOR].output[BATTERY] = 1;
    add_holding(&rules, "ore", ORE, 1.0f, 2.0f);
    sim s = sim_from(&rules, "g@\n");
    static const float expected[] = {0.0f, 0.0f, 0.0f, -1.0f, -1.0f};
    for (int32_t i = 0; i < 5; ++i) {
        STEP(&s, i == 0 ? TURN_W : USE);

        CHECK_FLOAT(s.io.rewards[0], expected[i]);
    }
    sim_close(&s);
}

static void terms_are_summed_in_float32_in_table_order(void)
{
    gw_rules_def rules = test_rules(1);
    add_event(&rules, "large", stat_named(&rules, "steps"), 16777216.0f, 0.0f);
    add_event(&rules, "one", stat_named(&rules, "steps"), 1.0f, 0.0f);
    add_event(&rules, "back", stat_named(&rules, "steps"), -16777216.0f, 0.0f);
    sim s = sim_from(&rules, "@\n");

    STEP(&s, NOOP);

    CHECK_FLOAT(s.io.rewards[0], 0.0f); // (2^24 + 1) - 2^24 in float32; any other order gives 1
    sim_close(&s);
}

static void the_ledger_sums_to_the_reward_and_the_return(void)
{
    gw_rules_def rules = test_rules(2);
    add_event(&rules, "ores", stat_named(&rules, "ore.gained"), 0.25f, 0.0f);
    add_event(&rules, "time", stat_named(&rules, "steps"), -0.125f, 0.0f);
    sim s = sim_from(&rules, "1m2\n");
    STEP(&s, TURN_E, NOOP);
    STEP(&s, USE, NOOP);

    CHECK_FLOAT(step_ledger(&s, 0, 0), 0.25f);
    CHECK_FLOAT(step_ledger(&s, 0, 1), -0.125f);
    CHECK_FLOAT(step_ledger(&s, 1, 0), 0.0f);
    CHECK_FLOAT(episode_ledger(&s, 0, 0), 0.25f);
    CHECK_FLOAT(episode_ledger(&s, 0, 1), -0.25f);
    CHECK_FLOAT(s.io.rewards[0], 0.125f);
    CHECK_FLOAT(sim_agent(&s, 0).step_reward, 0.125f);
    CHECK_FLOAT(sim_agent(&s, 0).episode_return, 0.0f);
    CHECK_FLOAT(sim_agent(&s, 1).episode_return, -0.25f);
    sim_close(&s);
}

static void the_last_steps_pay_can_be_seen_after_the_reset(void)
{
    gw_rules_def rules = test_rules(1);
    add_event(&rules, "hearts", stat_named(&rules, "heart.gained"), 1.0f, 0.0f);
    rules.end.resource = HEART;
    sim s = sim_from(&rules, "*@\n");

    STEP(&s, MOVE_W);

    CHECK_INT(s.io.terminated[0], 1);
    CHECK_FLOAT(step_ledger(&s, 0, 0), 1.0f);
    CHECK_FLOAT(sim_agent(&s, 0).step_reward, 1.0f);
    CHECK_FLOAT(episode_ledger(&s, 0, 0), 0.0f);
    CHECK_FLOAT(sim_agent(&s, 0).episode_return, 0.0f);
    sim_close(&s);
}

static void a_game_without_terms_pays_nothing(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "*@\n");

    STEP(&s, MOVE_W);

    CHECK_FLOAT(s.io.rewards[0], 0.0f);
    CHECK_INT(s.spec.term_count, 0);
    sim_close(&s);
}

static void a_count_stays_at_its_largest_value(void)
{
    gw_rules_def rules = test_rules(1);
    rules.resources[ORE].limit = 65535;
    rules.kinds[MINE].cooldown = 0;
    rules.kinds[MINE].output[ORE] = 65535;
    rules.kinds[GENERATOR].input[ORE] = 65535;
    rules.kinds[GENERATOR].output[BATTERY] = 0;
    sim s = sim_from(&rules, "m@g\n");
    int32_t uses = INT32_MAX / 65535 + 2;

    for (int32_t i = 0; i < uses; ++i) {
        STEP(&s, TURN_W);
        STEP(&s, USE);
        STEP(&s, TURN_E);
        STEP(&s, USE);
    }

    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "ore.gained")), INT32_MAX);
    CHECK_INT(sim_stat(&s, 0, stat_named(&rules, "ore.lost")), INT32_MAX);
    sim_close(&s);
}

void suite_rewards(void)
{
    RUN(an_event_pays_once_and_is_kept);
    RUN(a_holding_pays_and_is_paid_back);
    RUN(what_one_starts_with_is_not_earned);
    RUN(a_cap_holds_per_term_and_episode);
    RUN(a_capped_holding_pays_back_no_more_than_it_paid);
    RUN(terms_are_summed_in_float32_in_table_order);
    RUN(the_ledger_sums_to_the_reward_and_the_return);
    RUN(the_last_steps_pay_can_be_seen_after_the_reset);
    RUN(a_game_without_terms_pays_nothing);
    RUN(a_count_stays_at_its_largest_value);
}

// test_goldens.c: the state after a pinned game is the same on every platform, compiler and thread count.
// A change here needs a sentence in the commit: which rule changed.
#include "sim.h"

static uint64_t played(gw_world *world, int32_t thread_count)
{
    sim s = sim_of(world, 6, thread_count, 2024);
    for (int32_t tick = 0; tick < 250; ++tick) {
        sim_step_random(&s, 23, tick);
    }
    uint64_t hash = sim_hash(&s);
    sim_close(&s);
    return hash;
}

static gw_world *walkers(void)
{
    gw_rules_def rules = test_rules(1);
    rules.spawn_anywhere = true;
    rules.max_steps = 60;
    rules.end.resource = HEART;
    rules.perception.plane_count = 1;
    add_event(&rules, "goal", stat_named(&rules, "heart.gained"), 1.0f, 0.0f);
    add_event(&rules, "time", stat_named(&rules, "steps"), -0.01f, 0.0f);
    return world_from(&rules, "#######\n#..#..#\n#.....#\n#..#.*#\n#######\n");
}

static gw_world *miners(void)
{
    gw_rules_def rules = test_rules(4);
    set_groups(&rules, 2);
    rules.max_steps = 100;
    add_event(&rules, "hearts", stat_named(&rules, "heart.gained"), 1.0f, 0.0f);
    add_event(&rules, "ores", stat_named(&rules, "ore.gained"), 0.1f, 1.0f);
    add_holding(&rules, "batteries", BATTERY, 0.3f, 0.7f);
    return world_from(&rules, "1.m.g.1\n..#a#..\n@.g.m.@\n");
}

static void the_walkers_state_is_pinned(void)
{
    gw_world *world = walkers();
    CHECK_HASH(played(world, 1), 0x5473de96ef94c585);
    CHECK_HASH(played(world, 4), 0x5473de96ef94c585);
    gw_world_destroy(world);
}

static void the_miners_state_is_pinned(void)
{
    gw_world *world = miners();
    CHECK_HASH(played(world, 1), 0xadb503862e36a0ed);
    CHECK_HASH(played(world, 4), 0xadb503862e36a0ed);
    gw_world_destroy(world);
}

static gw_world *everything(int32_t encoding)
{
    gw_rules_def rules = full_rules(6);
    rules.max_steps = 100;
    rules.resources[ORE].initial = 2;
    rules.perception.encoding = encoding;
    add_event(&rules, "tags", stat_named(&rules, "tag.tags"), 1.0f, 0.0f);
    add_holding(&rules, "hearts", HEART, 0.3f, 0.7f);
    return world_from(&rules, "@.m.p.2\n..#c#..\n2bg.mx@\n.2.a.2.\n");
}

static void the_state_of_the_full_game_is_pinned(void)
{
    gw_world *world = everything(GW_ENCODING_PLANES);
    CHECK_HASH(played(world, 1), 0x48eb5b4e7121cc75);
    CHECK_HASH(played(world, 4), 0x48eb5b4e7121cc75);
    gw_world_destroy(world);
    world = everything(GW_ENCODING_TOKENS);
    CHECK_HASH(played(world, 1), 0x5eecf36bd7cee42f);
    CHECK_HASH(played(world, 4), 0x5eecf36bd7cee42f);
    gw_world_destroy(world);
}

static void the_random_numbers_are_pinned(void)
{
    CHECK_HASH(gw_mix(1), 0x5692161d100b05e5);
    CHECK_HASH(gw_draw(0, 0), 0xe220a8397b1dcdaf);         // the first output of SplitMix64 from seed 0
    CHECK_HASH(gw_draw(0, 1), 0x6e789e6aa1b965f4);         // and the second
    CHECK_INT(gw_draw_below(0, 10, INT32_MAX), 851408494); // all of its upper 32 bits * (2^31 - 1) >> 32
    CHECK_HASH(gw_stream_key(1, 2, 3, GW_PURPOSE_SPAWN), 0x96d860ecbe6c9675);
    CHECK_HASH(gw_hash_bytes(0, "gridworld", 9), 0x73639dcdc6a90ea1);
}

void suite_goldens(void)
{
    RUN(the_walkers_state_is_pinned);
    RUN(the_miners_state_is_pinned);
    RUN(the_state_of_the_full_game_is_pinned);
    RUN(the_random_numbers_are_pinned);
}

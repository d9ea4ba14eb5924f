// test_damage.c: rule tables with random damage are refused or playable, never a crash.
#include "sim.h"

// A damaged bool is no value of C at all; what the engine must stand is any number in the other fields.
static void mend_bools(gw_rules_def *rules)
{
    uint8_t *bytes = (uint8_t *)&rules->spawn_anywhere;
    *bytes &= 1;
    bytes = (uint8_t *)&rules->end.all_agents;
    *bytes &= 1;
    for (int32_t k = 0; k < GW_MAX_KINDS; ++k) {
        bytes = (uint8_t *)&rules->kinds[k].is_converter;
        *bytes &= 1;
        bytes = (uint8_t *)&rules->kinds[k].use_on_bump;
        *bytes &= 1;
    }
}

static void damage(gw_rules_def *rules, uint64_t key)
{
    // Three in four hits fall on the scalars and the first entries of the tables, where they matter.
    int32_t count = 1 + gw_draw_below(key, 0, 4);
    for (int32_t i = 0; i < count; ++i) {
        uint64_t draw = 10 * (uint64_t)i + 1;
        size_t at = (size_t)gw_draw_below(key, draw, (int32_t)sizeof *rules);
        switch (gw_draw_below(key, draw + 1, 4)) {
        case 0:
            at %= offsetof(gw_rules_def, resources);
            break;
        case 1:
            at = offsetof(gw_rules_def, kinds) + at % (TEST_KIND_COUNT * sizeof *rules->kinds);
            break;
        case 2:
            at = offsetof(gw_rules_def, actions) + at % (TEST_ACTION_COUNT * sizeof *rules->actions);
            break;
        }
        at = at < sizeof rules->cookie ? sizeof rules->cookie : at;
        ((uint8_t *)rules)[at] = (uint8_t)gw_draw_below(key, draw + 2, gw_draw_below(key, draw + 3, 2) ? 4 : 256);
    }
    mend_bools(rules);
}

static void damaged_rules_are_refused_or_playable(void)
{
    int32_t taken = 0;
    for (uint64_t trial = 0; trial < 4000; ++trial) {
        gw_rules_def rules = test_rules(3);
        add_event(&rules, "ores", gw_stat_gained(ORE), 0.5f, 0.0f);
        rules.group_count = 1;
        damage(&rules, trial);
        gw_error error = {0};
        if (world_status(&rules, "@m.@\n*.@g\n.a..\n", &error) != GW_OK) {
            CHECK(error.message[0] != '\0' && memchr(error.message, '\0', GW_MESSAGE_SIZE) != NULL);
            continue;
        }
        taken += 1;
        sim s = sim_from(&rules, "@m.@\n*.@g\n.a..\n");
        for (int32_t tick = 0; tick < 12; ++tick) {
            sim_step_random(&s, trial, tick);
            CHECK(sim_drawn(&s)[0] != '\0');
        }
        sim_close(&s);
    }
    CHECK(400 < taken && taken < 3900);
}

static void random_cells_are_refused_or_playable(void)
{
    gw_rules_def rules = test_rules(2);
    int32_t taken = 0;
    for (uint64_t trial = 0; trial < 4000; ++trial) {
        uint8_t cells[36];
        gw_map_def map;
        gw_map_default(&map);
        map.cells = cells;
        map.width = 1 + gw_draw_below(trial, 0, 6);
        map.height = 1 + gw_draw_below(trial, 1, 6);
        for (int32_t i = 0; i < map.width * map.height; ++i) {
            static const uint8_t codes[] = {0, 0, 1, 2, 3, 4, 5, 128, 129, 130};
            cells[i] = codes[gw_draw_below(trial, (uint64_t)(2 + i), sizeof codes)];
        }
        gw_world *world = NULL;
        if (gw_world_create(&rules, &map, &world, NULL) != GW_OK) {
            continue;
        }
        taken += 1;
        sim s = sim_of(world, 2, 1, trial);
        for (int32_t tick = 0; tick < 12; ++tick) {
            sim_step_random(&s, trial, tick);
            CHECK(sim_drawn(&s)[0] != '\0');
        }
        sim_close(&s);
        gw_world_destroy(world);
    }
    CHECK(1000 < taken && taken < 3900);
}

void suite_damage(void)
{
    RUN(damaged_rules_are_refused_or_playable);
    RUN(random_cells_are_refused_or_playable);
}

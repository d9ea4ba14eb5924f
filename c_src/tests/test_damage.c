// test_damage.c: rule tables with random damage are refused or playable, never a crash.
#include "sim.h"

// A damaged bool is no value of C at all; what the engine must stand is any number in the other fields.
static void mend(bool *flag)
{
    uint8_t *byte = (uint8_t *)flag;
    *byte &= 1;
}

static void mend_bools(gw_rules_def *rules)
{
    bool *singles[] = {&rules->spawn_anywhere,           &rules->end.all_agents,
                       &rules->combat.surplus_is_lost,   &rules->tag.is_on,
                       &rules->tag.ends_when_all_caught, &rules->perception.line_of_sight,
                       &rules->perception.counts_sight};
    for (size_t i = 0; i < sizeof singles / sizeof *singles; ++i) {
        mend(singles[i]);
    }
    for (int32_t r = 0; r < GW_MAX_RESOURCES; ++r) {
        mend(&rules->resources[r].is_loot);
    }
    for (int32_t k = 0; k < GW_MAX_KINDS; ++k) {
        mend(&rules->kinds[k].use_on_bump);
        mend(&rules->kinds[k].is_swappable);
        mend(&rules->kinds[k].is_transparent);
    }
    for (int32_t a = 0; a < GW_MAX_ACTIONS; ++a) {
        mend(&rules->actions[a].pays_always);
    }
    for (int32_t t = 0; t < GW_MAX_TERMS; ++t) {
        mend(&rules->terms[t].at_end);
    }
}

// Nine in ten hits fall where they matter: on scalars and on the first entries of the tables.
static size_t place_of_damage(const gw_rules_def *rules, uint64_t key, uint64_t draw)
{
    const struct {
        size_t first, size;
    } parts[] = {
        {0, offsetof(gw_rules_def, agent_group)},
        {offsetof(gw_rules_def, agent_group), 4},
        {offsetof(gw_rules_def, group_role), sizeof rules->group_role + sizeof rules->group_share_percent},
        {offsetof(gw_rules_def, resources), FULL_RESOURCE_COUNT * sizeof *rules->resources},
        {offsetof(gw_rules_def, limit_groups), sizeof *rules->limit_groups},
        {offsetof(gw_rules_def, kinds), FULL_KIND_COUNT * sizeof *rules->kinds},
        {offsetof(gw_rules_def, actions), FULL_ACTION_COUNT * sizeof *rules->actions},
        {offsetof(gw_rules_def, terms), 2 * sizeof *rules->terms},
        {offsetof(gw_rules_def, end), sizeof *rules - offsetof(gw_rules_def, end)},
        {0, sizeof *rules},
    };
    int32_t part = gw_draw_below(key, draw, sizeof parts / sizeof *parts);
    return parts[part].first + (size_t)gw_draw_below(key, draw + 1, (int32_t)parts[part].size);
}

static void damage(gw_rules_def *rules, uint64_t key)
{
    int32_t count = 1 + gw_draw_below(key, 0, 4);
    for (int32_t i = 0; i < count; ++i) {
        uint64_t draw = 10 * (uint64_t)i + 1;
        size_t at = place_of_damage(rules, key, draw);
        at = at < sizeof rules->cookie ? sizeof rules->cookie : at;
        ((uint8_t *)rules)[at] = (uint8_t)gw_draw_below(key, draw + 2, gw_draw_below(key, draw + 3, 2) ? 4 : 256);
    }
    mend_bools(rules);
}

static void play_or_refuse(const gw_rules_def *rules, const char *drawing, uint64_t trial, int32_t *taken)
{
    gw_error error = {0};
    if (world_status(rules, drawing, &error) != GW_OK) {
        CHECK(error.message[0] != '\0' && memchr(error.message, '\0', GW_MESSAGE_SIZE) != NULL);
        return;
    }
    *taken += 1;
    sim s = sim_from(rules, drawing);
    for (int32_t tick = 0; tick < 12; ++tick) {
        uint8_t bits[GW_MAX_AGENTS];
        sim_step_random(&s, trial, tick);
        CHECK(sim_drawn(&s)[0] != '\0');
        CHECK_INT(gw_env_action_mask(s.batch, 0, bits), GW_OK);
    }
    sim_close(&s);
}

static void damaged_rules_are_refused_or_playable(void)
{
    int32_t taken = 0;
    for (uint64_t trial = 0; trial < 3000; ++trial) {
        gw_rules_def rules = test_rules(3);
        add_event(&rules, "ores", stat_named(&rules, "ore.gained"), 0.5f, 0.0f);
        set_groups(&rules, 1);
        damage(&rules, trial);
        play_or_refuse(&rules, "@m.@\n*.@g\n.a..\n", trial, &taken);
    }
    CHECK(300 < taken && taken < 2900);
}

static void damaged_rules_of_the_full_game_are_refused_or_playable(void)
{
    int32_t taken = 0;
    for (uint64_t trial = 0; trial < 3000; ++trial) {
        gw_rules_def rules = full_rules(3);
        add_event(&rules, "seen", stat_named(&rules, "seen"), 0.5f, 0.0f);
        add_holding(&rules, "ore", ORE, 0.5f, 0.0f);
        rules.perception.encoding = trial % 2 == 0 ? GW_ENCODING_TOKENS : GW_ENCODING_PLANES;
        damage(&rules, trial);
        play_or_refuse(&rules, "@mc@\nb.@p\n.ax@\n@@.@\n", trial, &taken);
    }
    CHECK(300 < taken && taken < 2900);
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
    RUN(damaged_rules_of_the_full_game_are_refused_or_playable);
    RUN(random_cells_are_refused_or_playable);
}

// test_maps.c: what gw_world_create refuses in a map, and where agents may start.
#include "sim.h"

static void check_refused_at(const gw_rules_def *rules, const char *drawing, int32_t row, int32_t column,
                             const char *message)
{
    gw_error error = {0};

    CHECK_INT(world_status(rules, drawing, &error), GW_INVALID_MAP);

    CHECK_INT(error.status, GW_INVALID_MAP);
    CHECK_INT(error.row, row);
    CHECK_INT(error.column, column);
    CHECK_TEXT(error.message, message);
}

static void an_unknown_cell_is_refused_with_its_place(void)
{
    gw_rules_def rules = test_rules(1);

    check_refused_at(&rules, "@..\n..x\n", 1, 2, "a cell holds a code that this game does not know");
}

static void a_spawn_of_an_unknown_group_is_refused_with_its_place(void)
{
    gw_rules_def rules = test_rules(2);

    check_refused_at(&rules, "12\n.3\n", 1, 1, "a spawn cell is for a group that this game does not have");
}

static void every_code_of_a_cell_is_known_or_refused(void)
{
    gw_rules_def rules = test_rules(2);
    for (int32_t code = 0; code < 256; ++code) {
        uint8_t cells[] = {GW_CELL_SPAWN_ANY, GW_CELL_SPAWN_ANY, (uint8_t)code};
        gw_world *world = NULL;
        gw_map_def map;
        gw_map_default(&map);
        map.cells = cells;
        map.width = 3;
        map.height = 1;
        bool known = code <= TEST_KIND_COUNT || (GW_CELL_SPAWN_ANY <= code && code <= GW_CELL_SPAWN_GROUP + 1);

        // A lone spawn cell of its own is enough for each group of one agent.
        CHECK_INT(gw_world_create(&rules, &map, &world, NULL), known ? GW_OK : GW_INVALID_MAP);
        gw_world_destroy(world);
    }
}

static void too_few_spawn_cells_are_refused(void)
{
    gw_rules_def rules = test_rules(3);
    check_refused_at(&rules, "@@.\n", GW_NONE, GW_NONE, "3 agents need spawn cells but there are only 2");
    check_refused_at(&rules, "1..\n", GW_NONE, GW_NONE, "2 agents need spawn cells but there are only 0");

    set_groups(&rules, 2);
    check_refused_at(&rules, "12@\n", GW_NONE, GW_NONE, "group 0 has 2 agents but only 1 spawn cells");

    rules.spawn_anywhere = true;
    check_refused_at(&rules, "..#\n", GW_NONE, GW_NONE, "3 agents need spawn cells but there are only 2");
    CHECK_INT(world_status(&rules, ".1#@\n", NULL), GW_OK); // all floor counts, spawn cells as well
}

static gw_status status_of_size(int32_t width, int32_t height, gw_error *error)
{
    static uint8_t cells[GW_MAX_SIDE * GW_MAX_SIDE];
    cells[0] = GW_CELL_SPAWN_ANY;
    gw_rules_def rules = test_rules(1);
    gw_world *world = NULL;
    gw_map_def map;
    gw_map_default(&map);
    map.cells = cells;
    map.width = width;
    map.height = height;
    gw_status status = gw_world_create(&rules, &map, &world, error);
    gw_world_destroy(world);
    return status;
}

static void sides_out_of_range_are_refused(void)
{
    static const int32_t bad[] = {0, -1, 1025, INT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        gw_error error = {0};
        CHECK_INT(status_of_size(bad[i], 1, &error), GW_INVALID_MAP);
        CHECK_INT(status_of_size(1, bad[i], &error), GW_INVALID_MAP);
        CHECK_TEXT(error.message, "a map must be 1 to 1024 cells on each side");
    }
    CHECK_INT(status_of_size(1, 1, NULL), GW_OK);
    CHECK_INT(status_of_size(GW_MAX_SIDE, GW_MAX_SIDE, NULL), GW_OK);
    CHECK_INT(status_of_size(GW_MAX_SIDE, 1, NULL), GW_OK);
}

static void a_map_without_default_or_cells_is_refused(void)
{
    gw_rules_def rules = test_rules(1);
    gw_world *world = NULL;
    gw_error error = {0};
    const uint8_t cells[] = {GW_CELL_SPAWN_ANY};
    gw_map_def map = {.cells = cells, .width = 1, .height = 1};

    CHECK_INT(gw_world_create(&rules, &map, &world, &error), GW_INVALID_ARGUMENT);
    CHECK_TEXT(error.message, "the map was not made by gw_map_default, or has no cells");

    gw_map_default(&map);
    CHECK_INT(gw_world_create(&rules, &map, &world, &error), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_world_create(NULL, &map, &world, &error), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_world_create(&rules, NULL, &world, &error), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_world_create(&rules, &map, NULL, &error), GW_INVALID_ARGUMENT);
    CHECK_TEXT(error.message, "gw_world_create needs rules, a map and a place for the world");
}

static void groups_start_on_their_own_cells_and_others_on_the_shared_ones(void)
{
    gw_rules_def rules = test_rules(3);
    sim s = sim_from(&rules, "#1#2#\n"
                             "..@..\n");
    for (uint64_t seed = 0; seed < 20; ++seed) {
        gw_batch_reset(s.batch, seed, s.io.observations);

        CHECK_TEXT(sim_drawn(&s), "#v#v#\n..v..\n");
        CHECK_INT(sim_agent(&s, 0).column, 1);
        CHECK_INT(sim_agent(&s, 1).column, 3);
        CHECK_INT(sim_agent(&s, 2).column, 2);
    }
    sim_close(&s);
}

static void a_map_full_of_agents_finds_every_cell(void)
{
    gw_rules_def rules = test_rules(12);
    rules.spawn_anywhere = true;
    sim s = sim_from(&rules, "......\n......\n");
    for (uint64_t seed = 0; seed < 50; ++seed) {
        gw_batch_reset(s.batch, seed, s.io.observations);

        CHECK_TEXT(sim_drawn(&s), "vvvvvv\nvvvvvv\n");
    }
    sim_close(&s);
}

static void starts_are_uniform_over_the_free_cells(void)
{
    gw_rules_def rules = test_rules(1);
    rules.spawn_anywhere = true;
    sim s = sim_from(&rules, "...#\n@..#\n...#\n");
    int32_t seen[12] = {0};
    for (uint64_t seed = 0; seed < 9000; ++seed) {
        gw_batch_reset(s.batch, seed, s.io.observations);
        gw_agent_view agent = sim_agent(&s, 0);
        seen[agent.row * 4 + agent.column] += 1;
    }
    for (int32_t cell = 0; cell < 12; ++cell) {
        // 1,000 each with a deviation of 30: the fixed seeds stay within five of them.
        CHECK(cell % 4 == 3 ? seen[cell] == 0 : 850 < seen[cell] && seen[cell] < 1150);
    }
    sim_close(&s);
}

void suite_maps(void)
{
    RUN(an_unknown_cell_is_refused_with_its_place);
    RUN(a_spawn_of_an_unknown_group_is_refused_with_its_place);
    RUN(every_code_of_a_cell_is_known_or_refused);
    RUN(too_few_spawn_cells_are_refused);
    RUN(sides_out_of_range_are_refused);
    RUN(a_map_without_default_or_cells_is_refused);
    RUN(groups_start_on_their_own_cells_and_others_on_the_shared_ones);
    RUN(a_map_full_of_agents_finds_every_cell);
    RUN(starts_are_uniform_over_the_free_cells);
}

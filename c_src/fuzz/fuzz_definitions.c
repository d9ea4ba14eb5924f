// fuzz_definitions.c: whatever tables and maps come, the engine refuses them in words or makes a world that can be
// played. The first byte says how wild they are: drawn tables, drawn ones with bytes overwritten, or raw bytes.
#include "fuzz.h"

enum { MAX_CELLS = 4096, MAX_ROWS_IN_BYTES = 1 << 26 };

static void overwrite(reader *r, void *target, size_t size)
{
    for (int32_t left = read_below(r, 8); left >= 0; --left) {
        size_t at = ((size_t)read_byte(r) << 16 | (size_t)read_byte(r) << 8 | read_byte(r)) % size;
        ((uint8_t *)target)[at] = read_byte(r);
    }
}

// Bools of C must be 0 or 1, whoever wrote the table: other bytes are no tables at all.
static void tame_bools(gw_rules_def *rules)
{
    bool *const bools[] = {&rules->spawn_anywhere,           &rules->end.all_agents,
                           &rules->combat.surplus_is_lost,   &rules->tag.is_on,
                           &rules->tag.ends_when_all_caught, &rules->perception.line_of_sight,
                           &rules->perception.counts_sight};
    for (size_t i = 0; i < sizeof bools / sizeof *bools; ++i) {
        *(uint8_t *)bools[i] &= 1;
    }
    for (int32_t i = 0; i < GW_MAX_RESOURCES; ++i) {
        *(uint8_t *)&rules->resources[i].is_loot &= 1;
    }
    for (int32_t i = 0; i < GW_MAX_KINDS; ++i) {
        *(uint8_t *)&rules->kinds[i].use_on_bump &= 1;
        *(uint8_t *)&rules->kinds[i].is_swappable &= 1;
        *(uint8_t *)&rules->kinds[i].is_transparent &= 1;
    }
    for (int32_t i = 0; i < GW_MAX_ACTIONS; ++i) {
        *(uint8_t *)&rules->actions[i].pays_always &= 1;
    }
    for (int32_t i = 0; i < GW_MAX_TERMS; ++i) {
        *(uint8_t *)&rules->terms[i].at_end &= 1;
    }
}

static void play(gw_world *world)
{
    gw_spec spec;
    MUST(gw_world_spec(world, &spec) == GW_OK);
    if ((int64_t)spec.observation_size * spec.agent_count > MAX_ROWS_IN_BYTES) {
        return;
    }
    gw_batch_def def;
    gw_batch_default(&def);
    def.worlds = &world;
    def.world_count = 1;
    def.episode_capacity = spec.agent_count;
    gw_batch *batch = NULL;
    gw_error error = {0};
    MUST(gw_batch_create(&def, &batch, &error) == GW_OK);
    size_t rows = (size_t)spec.agent_count;
    uint8_t *observations = calloc(rows, (size_t)spec.observation_size);
    int32_t *actions = calloc(rows, sizeof *actions);
    float *rewards = calloc(rows, sizeof *rewards);
    uint8_t *ends = calloc(rows, 2);
    MUST(observations != NULL && actions != NULL && rewards != NULL && ends != NULL);
    gw_io io = {.observations = observations,
                .actions = actions,
                .rewards = rewards,
                .terminated = ends,
                .truncated = ends + rows};
    MUST(gw_batch_reset(batch, 1, observations) == GW_OK);
    for (int32_t tick = 0; tick < 4; ++tick) {
        for (size_t row = 0; row < rows; ++row) {
            actions[row] = (int32_t)((row + (size_t)tick * 7) % (size_t)spec.action_count);
        }
        MUST(gw_batch_step(batch, &io) == GW_OK);
    }
    int64_t size = 0;
    MUST(gw_batch_snapshot_size(batch, 1, &size) == GW_OK);
    uint8_t *state = calloc((size_t)size, 1);
    uint64_t before = 0;
    uint64_t after = 0;
    MUST(state != NULL && gw_batch_save(batch, 0, 1, state, size) == GW_OK && gw_batch_hash(batch, &before) == GW_OK);
    MUST(gw_batch_step(batch, &io) == GW_OK && gw_batch_load(batch, 0, 1, state, size, &error) == GW_OK);
    MUST(gw_batch_hash(batch, &after) == GW_OK && before == after);
    free(state);
    free(observations);
    free(actions);
    free(rewards);
    free(ends);
    gw_batch_destroy(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reader r = {data, size};
    static const char *const words[] = {"tables", "altered", "raw"};
    int32_t how = read_below(&r, (int32_t)(sizeof words / sizeof *words));
    gw_rules_def *rules = malloc(sizeof *rules);
    uint8_t *cells = malloc(MAX_CELLS);
    MUST(rules != NULL && cells != NULL);
    draw_rules(&r, rules);
    gw_map_def map = draw_map(&r, rules, cells, MAX_CELLS);
    if (how == 2) {
        size_t taken = r.size < sizeof *rules ? r.size : sizeof *rules;
        memcpy(rules, r.data, taken);
        rules->cookie = 0;
        gw_rules_def fresh;
        gw_rules_default(&fresh);
        rules->cookie = fresh.cookie; // or nothing else would ever be read
    } else if (how == 1) {
        overwrite(&r, rules, sizeof *rules);
        cells[(size_t)read_byte(&r) % (size_t)(map.width * map.height)] = read_byte(&r);
    }
    tame_bools(rules);

    gw_world *world = NULL;
    gw_error error = {0};
    gw_status status = gw_world_create(rules, &map, &world, &error);
    if (status == GW_OK) {
        play(world);
        gw_world_destroy(world);
    } else {
        MUST(world == NULL && error.status == (int32_t)status);
        MUST(error.message[0] != '\0' && memchr(error.message, '\0', GW_MESSAGE_SIZE) != NULL);
    }
    free(rules);
    free(cells);
    return 0;
}

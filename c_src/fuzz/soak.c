// soak.c: plays games that tests/sim/exported.py wrote, for their state hashes or for long.
//
//     soak hash FILE THREADS             a line "GAME HASH" for each, after 200 steps of six envs, saved and loaded in
//                                        their middle
//     soak run FILE SECONDS STEPS SEED   all games in turn, by random actions, until one of both is reached
#include "../rng.h"
#include "fuzz.h"

#include <inttypes.h>
#include <time.h>

enum {
    MAX_WORLDS = 16,
    PINNED_ENVS = 6,
    PINNED_STEPS = 200,
    PINNED_SEED = 2025,
    RUN_STEPS = 1100, // of one batch, before it is the next game's turn
};

typedef struct game {
    char name[GW_NAME_SIZE];
    gw_rules_def *rules;
    gw_world *worlds[MAX_WORLDS];
    int32_t world_count;
    int64_t steps, episodes; // agent-steps and agent-episodes so far
} game;

typedef struct table {
    gw_batch *batch;
    gw_spec spec;
    int32_t rows;
    gw_io io;
    int32_t *actions;
    uint8_t *state;
    int64_t state_size;
} table;

static void *room(size_t count, size_t size)
{
    void *block = calloc(count + 1, size);
    MUST(block != NULL);
    return block;
}

static void take(FILE *file, void *target, size_t size)
{
    MUST(fread(target, 1, size, file) == size);
}

static bool read_game(FILE *file, game *g)
{
    int32_t head[2]; // bytes of the rules, maps
    if (fread(g->name, 1, sizeof g->name, file) != sizeof g->name) {
        return false;
    }
    take(file, head, sizeof head);
    MUST(head[0] == (int32_t)sizeof *g->rules && 1 <= head[1] && head[1] <= MAX_WORLDS);
    g->rules = room(1, sizeof *g->rules);
    take(file, g->rules, sizeof *g->rules);
    for (g->world_count = 0; g->world_count < head[1]; ++g->world_count) {
        gw_map_def map;
        gw_map_default(&map);
        take(file, &map.width, sizeof map.width);
        take(file, &map.height, sizeof map.height);
        uint8_t *cells = room((size_t)map.width * (size_t)map.height, 1);
        take(file, cells, (size_t)map.width * (size_t)map.height);
        map.cells = cells;
        gw_error error = {0};
        if (gw_world_create(g->rules, &map, &g->worlds[g->world_count], &error) != GW_OK) {
            fprintf(stderr, "%s: %s\n", g->name, error.message);
            exit(1);
        }
        free(cells);
    }
    return true;
}

static table open_table(const game *g, int32_t env_count, int32_t thread_count, uint64_t seed)
{
    table t = {0};
    gw_batch_def def;
    gw_batch_default(&def);
    def.env_count = env_count;
    def.thread_count = thread_count;
    def.seed = seed;
    def.worlds = g->worlds;
    def.world_count = g->world_count;
    def.episode_capacity = 4 * env_count * g->rules->agent_count;
    gw_error error = {0};
    MUST(gw_world_spec(g->worlds[0], &t.spec) == GW_OK && gw_batch_create(&def, &t.batch, &error) == GW_OK);
    t.rows = env_count * t.spec.agent_count;
    size_t rows = (size_t)t.rows;
    size_t observed = rows * (size_t)t.spec.observation_size;
    t.actions = room(rows, sizeof *t.actions);
    t.io = (gw_io){.observations = room(observed, 1),
                   .actions = t.actions,
                   .rewards = room(rows, sizeof(float)),
                   .terminated = room(rows, 1),
                   .truncated = room(rows, 1),
                   .final_observations = room(observed, 1),
                   .results = room(rows, 1)};
    MUST(gw_batch_snapshot_size(t.batch, env_count, &t.state_size) == GW_OK);
    t.state = room((size_t)t.state_size, 1);
    MUST(gw_batch_reset(t.batch, seed, t.io.observations) == GW_OK);
    return t;
}

static void close_table(table *t)
{
    free(t->actions);
    free(t->io.observations);
    free(t->io.rewards);
    free(t->io.terminated);
    free(t->io.truncated);
    free(t->io.final_observations);
    free(t->io.results);
    free(t->state);
    gw_batch_destroy(t->batch);
}

// The actions of tests/sim/test_goldens.py.
static void choose_pinned(table *t, int32_t tick)
{
    for (int32_t row = 0; row < t->rows; ++row) {
        uint64_t mixed = ((uint64_t)tick * (uint64_t)t->rows + (uint64_t)row) * UINT64_C(0x9E3779B97F4A7C15);
        mixed = (mixed ^ (mixed >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
        t->actions[row] = (int32_t)((mixed >> 33) % (uint64_t)t->spec.action_count);
    }
}

// Any action, and one in a hundred that there is not.
static void choose_any(table *t, uint64_t key, int32_t tick)
{
    for (int32_t row = 0; row < t->rows; ++row) {
        uint64_t drawn = gw_draw(key, (uint64_t)tick * (uint64_t)t->rows + (uint64_t)row);
        t->actions[row] = drawn % 100 == 0 ? (int32_t)(drawn >> 32) : (int32_t)(drawn >> 16) % t->spec.action_count;
        if (drawn % 100 != 0 && t->actions[row] < 0) {
            t->actions[row] += t->spec.action_count;
        }
    }
}

static uint64_t hash_of(table *t)
{
    uint64_t hash = 0;
    MUST(gw_batch_hash(t->batch, &hash) == GW_OK);
    return hash;
}

// There and back again: the state is the same.
static void save_and_load(table *t, int32_t env_count)
{
    gw_error error = {0};
    uint64_t before = hash_of(t);
    MUST(gw_batch_save(t->batch, 0, env_count, t->state, t->state_size) == GW_OK);
    MUST(gw_batch_step(t->batch, &t->io) == GW_OK);
    MUST(gw_batch_load(t->batch, 0, env_count, t->state, t->state_size, &error) == GW_OK);
    MUST(hash_of(t) == before);
}

static void print_hash(const game *g, int32_t thread_count)
{
    table t = open_table(g, PINNED_ENVS, thread_count, PINNED_SEED);
    for (int32_t tick = 0; tick < PINNED_STEPS; ++tick) {
        choose_pinned(&t, tick);
        if (tick == PINNED_STEPS / 2) {
            save_and_load(&t, PINNED_ENVS);
        }
        MUST(gw_batch_step(t.batch, &t.io) == GW_OK);
    }
    printf("%s %#018" PRIx64 "\n", g->name, hash_of(&t));
    close_table(&t);
}

static void drain(game *g, table *t)
{
    gw_episode episodes[256];
    int32_t count = 0;
    int64_t dropped = 0;
    do {
        MUST(gw_batch_drain_episodes(t->batch, 256, episodes, NULL, NULL, &count, &dropped) == GW_OK);
        g->episodes += count + dropped;
    } while (count > 0);
}

static void run_game(game *g, uint64_t key)
{
    int32_t env_count = 1 + gw_draw_below(key, 0, 64);
    table t = open_table(g, env_count, 1 + gw_draw_below(key, 1, 3), key);
    for (int32_t tick = 0; tick < RUN_STEPS; ++tick) {
        choose_any(&t, key, tick);
        MUST(gw_batch_step(t.batch, &t.io) == GW_OK);
        for (int32_t row = 0; row < t.rows; ++row) {
            MUST(t.io.terminated[row] + t.io.truncated[row] <= 1 && t.io.results[row] < GW_RESULT_COUNT);
        }
        if (tick % 100 == 50) {
            save_and_load(&t, env_count);
            drain(g, &t);
        }
    }
    drain(g, &t);
    g->steps += (int64_t)RUN_STEPS * t.rows;
    close_table(&t);
}

static void run(game *games, int32_t count, long seconds, int64_t limit, uint64_t seed)
{
    time_t start = time(NULL);
    int64_t steps = 0;
    uint64_t turn = 0;
    for (; time(NULL) - start < seconds && steps < limit; ++turn) {
        game *g = &games[turn % (uint64_t)count];
        int64_t before = g->steps;
        run_game(g, gw_mix(seed + turn));
        steps += g->steps - before;
    }
    for (int32_t i = 0; i < count; ++i) {
        printf("%-24s %2" PRId32 " agents  %12" PRId64 " agent-steps  %9" PRId64 " agent-episodes\n", games[i].name,
               games[i].rules->agent_count, games[i].steps, games[i].episodes);
    }
    printf("%" PRId64 " agent-steps of %d games in %" PRIu64 " batches, seed %" PRIu64 ", %ld s\n", steps, count, turn,
           seed, (long)(time(NULL) - start));
}

int main(int argc, char **argv)
{
    bool hashes = argc == 4 && strcmp(argv[1], "hash") == 0;
    bool runs = argc == 6 && strcmp(argv[1], "run") == 0;
    FILE *file = hashes || runs ? fopen(argv[2], "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: %s hash FILE THREADS | run FILE SECONDS STEPS SEED\n", argv[0]);
        return 2;
    }
    static game games[64];
    int32_t count = 0;
    while (count < 64 && read_game(file, &games[count])) {
        count += 1;
    }
    fclose(file);
    for (int32_t i = 0; hashes && i < count; ++i) {
        print_hash(&games[i], (int32_t)strtol(argv[3], NULL, 10));
    }
    if (runs) {
        run(games, count, strtol(argv[3], NULL, 10), strtoll(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
    }
    for (int32_t i = 0; i < count; ++i) {
        for (int32_t w = 0; w < games[i].world_count; ++w) {
            gw_world_destroy(games[i].worlds[w]);
        }
        free(games[i].rules);
    }
    return 0;
}

// fuzz_step.c: a drawn game is played with whatever actions come, saved, damaged, restored and looked at; what the
// manual promises must hold at every step.
#include "fuzz.h"

enum { MAX_CELLS = 256, MAX_ENVS = 4, MAX_TICKS = 200 };

typedef struct played {
    gw_batch *batch;
    gw_spec spec;
    const gw_rules_def *rules;
    int32_t env_count;
    size_t rows;
    gw_io io;
    int32_t *actions;
    uint8_t *state; // a snapshot of all envs
    int64_t state_size;
    bool has_state;
} played;

static void *room(size_t count, size_t size)
{
    void *block = calloc(count + 1, size); // + 1: a game may have none of something
    MUST(block != NULL);
    return block;
}

static void open_arrays(played *p)
{
    p->rows = (size_t)p->env_count * (size_t)p->spec.agent_count;
    size_t observed = p->rows * (size_t)p->spec.observation_size;
    p->actions = room(p->rows, sizeof *p->actions);
    p->io = (gw_io){.observations = room(observed, 1),
                    .actions = p->actions,
                    .rewards = room(p->rows, sizeof(float)),
                    .terminated = room(p->rows, 1),
                    .truncated = room(p->rows, 1),
                    .final_observations = room(observed, 1),
                    .results = room(p->rows, 1),
                    .action_masks = room(p->rows * (size_t)p->spec.action_count, 1)};
    MUST(gw_batch_snapshot_size(p->batch, p->env_count, &p->state_size) == GW_OK);
    p->state = room((size_t)p->state_size, 1);
}

static void close_arrays(played *p)
{
    free(p->actions);
    free(p->io.observations);
    free(p->io.rewards);
    free(p->io.terminated);
    free(p->io.truncated);
    free(p->io.final_observations);
    free(p->io.results);
    free(p->io.action_masks);
    free(p->state);
}

static uint64_t hash_of(played *p)
{
    uint64_t hash = 0;
    MUST(gw_batch_hash(p->batch, &hash) == GW_OK);
    return hash;
}

static void step(played *p, reader *r)
{
    for (size_t row = 0; row < p->rows; ++row) {
        uint8_t drawn = read_byte(r);
        p->actions[row] = drawn == 255 ? read_any(r) : drawn % (p->spec.action_count + (drawn > 240));
    }
    MUST(gw_batch_step(p->batch, &p->io) == GW_OK);
    for (size_t row = 0; row < p->rows; ++row) {
        MUST(p->io.results[row] < GW_RESULT_COUNT);
        MUST(p->io.terminated[row] + p->io.truncated[row] <= 1);
        MUST(p->io.rewards[row] == p->io.rewards[row]); // no NaN
        bool is_action = 0 <= p->actions[row] && p->actions[row] < p->spec.action_count;
        MUST(is_action || p->io.results[row] == GW_RESULT_INVALID);
    }
}

// Where everybody is and what they hold.
static void check_env(played *p, int32_t env)
{
    gw_env_view view;
    uint8_t cells[MAX_CELLS];
    uint8_t ready[MAX_CELLS];
    gw_agent_view *agents = room((size_t)p->spec.agent_count, sizeof *agents);
    MUST(gw_env_look(p->batch, env, &view, cells, ready, MAX_CELLS, agents) == GW_OK);
    MUST(view.tick >= 0 && (p->rules->max_steps == 0 || view.tick < p->rules->max_steps));
    for (int32_t a = 0; a < p->spec.agent_count; ++a) {
        MUST(cells[agents[a].row * view.map_width + agents[a].column] == GW_CODE_AGENT);
        MUST(agents[a].facing < GW_DIRECTION_COUNT && agents[a].glyph < p->rules->glyph_count);
        for (int32_t i = 0; i < p->spec.resource_count; ++i) {
            MUST(0 <= agents[a].inventory[i] && agents[a].inventory[i] <= p->rules->resources[i].limit);
        }
        for (int32_t b = 0; b < a; ++b) {
            MUST(agents[a].row != agents[b].row || agents[a].column != agents[b].column);
        }
    }
    free(agents);
}

// The masks of a step, of all rows and of one env say the same, and leave every agent a choice; asking must change
// nothing.
static void check_masks(played *p, int32_t env)
{
    int32_t actions = p->spec.action_count;
    int32_t row_size = (actions + 7) / 8;
    uint8_t *bits = room((size_t)row_size * (size_t)p->spec.agent_count, 1);
    uint8_t *masks = room(p->rows * (size_t)actions, 1);
    uint64_t before = hash_of(p);
    MUST(gw_env_action_mask(p->batch, env, bits) == GW_OK);
    MUST(gw_batch_action_masks(p->batch, masks) == GW_OK);
    MUST(hash_of(p) == before);
    MUST(memcmp(masks, p->io.action_masks, p->rows * (size_t)actions) == 0);
    for (int32_t agent = 0; agent < p->spec.agent_count; ++agent) {
        const uint8_t *mask = masks + (size_t)(env * p->spec.agent_count + agent) * (size_t)actions;
        int32_t choices = 0;
        for (int32_t a = 0; a < actions; ++a) {
            MUST(mask[a] == (bits[agent * row_size + a / 8] >> a % 8 & 1));
            choices += mask[a];
        }
        MUST(choices > 0);
    }
    free(masks);
    free(bits);
}

static void check_ledger(played *p, int32_t env)
{
    size_t terms = (size_t)p->spec.agent_count * (size_t)p->spec.term_count;
    float *paid = room(2 * terms, sizeof *paid);
    int32_t *stats = room((size_t)p->spec.agent_count * (size_t)p->spec.stat_count, sizeof *stats);
    MUST(gw_env_ledger(p->batch, env, paid, paid + terms, stats) == GW_OK);
    for (int32_t i = 0; i < p->spec.agent_count * p->spec.stat_count; ++i) {
        MUST(stats[i] >= 0);
    }
    free(paid);
    free(stats);
}

// An agent is put anywhere: where it can stand, all that is seen is what a fresh load of the state shows; where not,
// nothing has changed.
static void check_place(played *p, int32_t env, reader *r)
{
    size_t size = (size_t)p->spec.agent_count * (size_t)p->spec.observation_size;
    int64_t state_size = 0;
    MUST(gw_batch_snapshot_size(p->batch, 1, &state_size) == GW_OK);
    uint8_t *state = room((size_t)state_size, 1);
    uint8_t *seen = room(2 * size, 1);
    uint64_t before = hash_of(p);
    int32_t agent = read_below(r, p->spec.agent_count + 1);
    gw_status status = gw_env_place(p->batch, env, agent, read_byte(r) % 20 - 1, read_byte(r) % 20 - 1);
    MUST(status == GW_OK || hash_of(p) == before);
    MUST(status != GW_OK || agent < p->spec.agent_count);
    MUST(gw_env_observe(p->batch, env, seen) == GW_OK);
    MUST(gw_batch_save(p->batch, env, 1, state, state_size) == GW_OK);
    MUST(gw_batch_load(p->batch, env, 1, state, state_size, NULL) == GW_OK);
    MUST(gw_env_observe(p->batch, env, seen + size) == GW_OK);
    MUST(memcmp(seen, seen + size, size) == 0);
    free(state);
    free(seen);
}

// Tokens without a budget begin with those of the observation.
static void check_tokens(played *p, int32_t env, reader *r)
{
    int32_t agent = read_below(r, p->spec.agent_count);
    int32_t capacity = read_byte(r);
    int32_t count = -1;
    uint8_t *tokens = room(3 * (size_t)capacity, 1);
    uint8_t *seen = room((size_t)p->spec.agent_count * (size_t)p->spec.observation_size, 1);
    gw_status status = gw_env_tokens(p->batch, env, agent, tokens, capacity, &count);
    MUST((status == GW_OK) == (p->spec.token_count > 0));
    MUST(gw_env_observe(p->batch, env, seen) == GW_OK);
    int32_t both = capacity < p->spec.token_count ? capacity : p->spec.token_count;
    MUST(memcmp(tokens, seen + (ptrdiff_t)agent * p->spec.observation_size, 3 * (size_t)both) == 0);
    MUST(status != GW_OK || count > 0);
    free(tokens);
    free(seen);
}

static void drain(played *p)
{
    gw_episode episodes[64];
    int32_t count = 0;
    int64_t dropped = 0;
    MUST(gw_batch_drain_episodes(p->batch, 64, episodes, NULL, NULL, &count, &dropped) == GW_OK);
    for (int32_t i = 0; i < count; ++i) {
        MUST(episodes[i].terminated + episodes[i].truncated == 1 && episodes[i].length > 0);
    }
}

static void save(played *p)
{
    MUST(gw_batch_save(p->batch, 0, p->env_count, p->state, p->state_size) == GW_OK);
    p->has_state = true;
}

// What was saved comes back exactly; what was damaged is refused, and nothing has changed then.
static void load(played *p, reader *r)
{
    if (!p->has_state) {
        return;
    }
    gw_error error = {0};
    uint64_t before = hash_of(p);
    if (read_below(r, 3) == 0) {
        int64_t at = ((int64_t)read_byte(r) << 8 | read_byte(r)) % p->state_size;
        uint8_t flipped = (uint8_t)(1 << read_below(r, 8));
        p->state[at] ^= flipped;
        MUST(gw_batch_load(p->batch, 0, p->env_count, p->state, p->state_size, &error) == GW_INVALID_SNAPSHOT);
        MUST(hash_of(p) == before && error.message[0] != '\0');
        p->state[at] ^= flipped;
        int64_t cut = read_byte(r) % p->state_size;
        MUST(gw_batch_load(p->batch, 0, p->env_count, p->state, cut, &error) == GW_INVALID_SNAPSHOT);
        MUST(hash_of(p) == before);
    }
    MUST(gw_batch_load(p->batch, 0, p->env_count, p->state, p->state_size, &error) == GW_OK);
    uint8_t *again = room((size_t)p->state_size, 1);
    MUST(gw_batch_save(p->batch, 0, p->env_count, again, p->state_size) == GW_OK);
    MUST(memcmp(again, p->state, (size_t)p->state_size) == 0);
    free(again);
}

static void play(played *p, reader *r)
{
    MUST(gw_batch_reset(p->batch, read_byte(r), p->io.observations) == GW_OK);
    for (int32_t tick = 0; tick < MAX_TICKS && r->size > 0; ++tick) {
        step(p, r);
        int32_t env = tick % p->env_count;
        switch (read_byte(r) % 32) {
        case 0:
            save(p);
            break;
        case 1:
            load(p, r);
            break;
        case 2:
            check_env(p, env);
            break;
        case 3:
            check_masks(p, env);
            break;
        case 4:
            check_ledger(p, env);
            break;
        case 5:
            drain(p);
            break;
        case 6:
            check_place(p, env, r);
            break;
        case 7:
            check_tokens(p, env, r);
            break;
        default:
            break;
        }
    }
    for (int32_t env = 0; env < p->env_count; ++env) {
        check_env(p, env);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reader r = {data, size};
    gw_rules_def *rules = malloc(sizeof *rules);
    uint8_t cells[MAX_CELLS];
    MUST(rules != NULL);
    draw_rules(&r, rules);
    gw_map_def map = draw_map(&r, rules, cells, MAX_CELLS);
    gw_world *world = NULL;
    gw_error error = {0};
    if (gw_world_create(rules, &map, &world, &error) == GW_OK) {
        played p = {.rules = rules, .env_count = 1 + read_below(&r, MAX_ENVS)};
        gw_batch_def def;
        gw_batch_default(&def);
        def.env_count = p.env_count;
        def.thread_count = read_byte(&r) < 250 ? 1 : 2; // threads are slow to start
        def.episode_capacity = 1 + 2 * rules->agent_count;
        def.worlds = &world;
        def.world_count = 1;
        MUST(gw_world_spec(world, &p.spec) == GW_OK);
        MUST(gw_batch_create(&def, &p.batch, &error) == GW_OK);
        open_arrays(&p);
        play(&p, &r);
        close_arrays(&p);
        gw_batch_destroy(p.batch);
        gw_world_destroy(world);
    }
    free(rules);
    return 0;
}

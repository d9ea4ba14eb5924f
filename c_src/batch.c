// batch.c: create and destroy, resets, and looking at one env. The batch owns all mutable state.
#include "internal.h"

#include <stdlib.h>

enum { GW_SPAWN_TRIES = 256 }; // draws for a free cell before the next free one is taken

void gw_batch_default(gw_batch_def *def)
{
    memset(def, 0, sizeof *def);
    def->cookie = GW_BATCH_COOKIE;
    def->env_count = 1;
    def->thread_count = 1;
    def->episode_capacity = GW_MAX_AGENTS;
    def->world_count = 1;
}

bool gw_batch_enter(gw_batch *batch)
{
    return !atomic_flag_test_and_set_explicit(&batch->busy, memory_order_acquire);
}

void gw_batch_leave(gw_batch *batch)
{
    atomic_flag_clear_explicit(&batch->busy, memory_order_release);
}

// ---- Create and destroy

static gw_status check_worlds(const gw_batch_def *def, gw_error *error)
{
    if (def->worlds == NULL || def->world_count < 1 || def->world_count > GW_MAX_WORLDS) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "a batch needs 1 to 4096 worlds");
    }
    for (int32_t i = 0; i < def->world_count; ++i) {
        if (def->worlds[i] == NULL) {
            return gw_fail(error, GW_INVALID_ARGUMENT, "a world is missing");
        }
        if (def->worlds[i]->spec.rules_hash != def->worlds[0]->spec.rules_hash) {
            return gw_fail(error, GW_INVALID_ARGUMENT, "the worlds of one batch must be of the same game");
        }
    }
    return GW_OK;
}

static gw_status check_batch(const gw_batch_def *def, gw_error *error)
{
    if (def->cookie != GW_BATCH_COOKIE) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "the definition was not made by gw_batch_default");
    }
    gw_status status = check_worlds(def, error);
    if (status != GW_OK) {
        return status;
    }
    int32_t agent_count = def->worlds[0]->spec.agent_count;
    if (def->env_count < 1 || def->env_count > INT32_MAX / agent_count) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "env_count must be at least 1, and the rows fit 31 bits");
    }
    if (def->first_env < 0 || def->first_env > INT32_MAX - def->env_count) {
        return gw_fail(error, GW_INVALID_ARGUMENT,
                       "first_env must be at least 0, and the numbers of the envs fit 31 bits");
    }
    if (def->thread_count < 1 || def->thread_count > GW_MAX_THREADS) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "thread_count must be 1 to 64");
    }
    if (def->episode_capacity < agent_count) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "episode_capacity must hold at least the agents of one env");
    }
    return GW_OK;
}

// Reserve an array in the block; every one begins at a multiple of 8.
static int32_t reserve(int64_t *at, int64_t count, int64_t element_size)
{
    int64_t offset = *at;
    *at = (offset + count * element_size + 7) / 8 * 8;
    return (int32_t)offset;
}

static int64_t plan_layout(gw_batch *batch)
{
    gw_layout *layout = &batch->layout;
    const gw_spec *spec = &batch->spec;
    const gw_world *world = batch->worlds[0]; // what follows from the rules is the same in all
    int64_t agents = spec->agent_count;
    int64_t at = (int64_t)sizeof(gw_env_head);

    layout->agent_cell = reserve(&at, agents, sizeof(int32_t));
    layout->facing = reserve(&at, agents, sizeof(uint8_t));
    layout->frozen = reserve(&at, agents, sizeof(uint16_t));
    layout->shield = reserve(&at, agents, sizeof(uint8_t));
    layout->glyph = reserve(&at, agents, sizeof(uint8_t));
    layout->last_action = reserve(&at, agents, sizeof(int16_t));
    layout->last_result = reserve(&at, agents, sizeof(uint8_t));
    layout->still = reserve(&at, agents, sizeof(int32_t));
    layout->inventory = reserve(&at, agents * spec->resource_count, sizeof(uint16_t));
    layout->step_reward = reserve(&at, agents, sizeof(float));
    layout->episode_return = reserve(&at, agents, sizeof(float));
    layout->term_seen = reserve(&at, agents * batch->rules->term_count, sizeof(int32_t));
    layout->ledger_step = reserve(&at, agents * spec->term_count, sizeof(float));
    layout->ledger_episode = reserve(&at, agents * spec->term_count, sizeof(float));
    layout->stats = reserve(&at, agents * spec->stat_count, sizeof(int32_t));
    layout->object_cell = reserve(&at, batch->max_objects, sizeof(int32_t));
    layout->object_ready_tick = reserve(&at, batch->max_objects, sizeof(int32_t));
    layout->object_uses = reserve(&at, batch->max_objects, sizeof(int32_t));
    layout->object_hp = reserve(&at, batch->max_objects, sizeof(uint16_t));
    layout->object_busy = reserve(&at, batch->max_objects, sizeof(uint8_t));
    int64_t stored = world->has_stores ? (int64_t)batch->max_objects * spec->resource_count : 0;
    layout->object_store = reserve(&at, stored, sizeof(uint16_t));
    layout->state_size = (int32_t)at;

    layout->timers = reserve(&at, 1 + (int64_t)batch->max_objects, sizeof(int32_t));
    layout->object_at = reserve(&at, world->objects_move ? batch->max_padded : 0, sizeof(int32_t));
    layout->agent_at = reserve(&at, batch->max_padded, sizeof(int16_t));
    layout->seen_from = reserve(&at, world->has_sight ? agents : 0, sizeof(int32_t));
    layout->lit = reserve(&at, batch->rules->perception.line_of_sight ? agents * world->cell_count : 0, 1);
    layout->visible = reserve(&at, world->has_sight ? agents * world->cell_count : 0, 1);
    layout->planes[GW_PLANE_KIND] = reserve(&at, batch->max_padded, 1);
    for (int32_t p = 0; p < spec->plane_count; ++p) {
        int32_t plane = batch->rules->perception.planes[p];
        if (plane != GW_PLANE_KIND) {
            layout->planes[plane] = reserve(&at, batch->max_padded, 1);
        }
    }
    reserve(&at, GW_COPY_WIDTH, 1);                                // the last row of a window may be read past its end
    at = (at + GW_CACHE_LINE - 1) / GW_CACHE_LINE * GW_CACHE_LINE; // no two workers share a cache line
    layout->block_size = (int32_t)at;
    return at;
}

static void measure_worlds(gw_batch *batch)
{
    batch->worlds_hash = batch->spec.rules_hash;
    for (int32_t i = 0; i < batch->world_count; ++i) {
        const gw_world *world = batch->worlds[i];
        batch->worlds_hash = gw_combine(batch->worlds_hash, world->map_hash);
        batch->max_objects = world->object_count > batch->max_objects ? world->object_count : batch->max_objects;
        batch->max_padded = world->padded_count > batch->max_padded ? world->padded_count : batch->max_padded;
    }
}

static bool allocate(gw_batch *batch, int64_t block_size)
{
    size_t envs = (size_t)batch->env_count;
    size_t rows = (size_t)batch->rows;
    size_t terms = (size_t)batch->spec.term_count + 1; // + 1: an empty table is no failed allocation
    size_t stats = (size_t)batch->spec.stat_count;
    size_t ring = (size_t)batch->ring_capacity;

    batch->blocks = aligned_alloc(GW_CACHE_LINE, envs * (size_t)block_size);
    batch->envs = calloc(envs, sizeof *batch->envs);
    batch->marks = calloc((size_t)batch->max_padded, sizeof *batch->marks);
    batch->ended = calloc(envs, sizeof *batch->ended);
    batch->last_episode = calloc(rows, sizeof *batch->last_episode);
    batch->last_terms = calloc(rows * terms, sizeof *batch->last_terms);
    batch->last_stats = calloc(rows * stats, sizeof *batch->last_stats);
    batch->ring = calloc(ring, sizeof *batch->ring);
    batch->ring_terms = calloc(ring * terms, sizeof *batch->ring_terms);
    batch->ring_stats = calloc(ring * stats, sizeof *batch->ring_stats);
    batch->pool = gw_pool_create(batch->thread_count);
    if (batch->blocks != NULL) {
        memset(batch->blocks, 0, envs * (size_t)block_size);
    }
    for (size_t i = 0; batch->blocks != NULL && batch->envs != NULL && i < envs; ++i) {
        batch->envs[i] = gw_env_in_block(batch, batch->blocks + i * (size_t)block_size);
    }
    return batch->blocks && batch->envs && batch->marks && batch->ended && batch->last_episode && batch->last_terms &&
           batch->last_stats && batch->ring && batch->ring_terms && batch->ring_stats && batch->pool;
}

static bool take_worlds(gw_batch *batch, const gw_batch_def *def)
{
    batch->worlds = calloc((size_t)def->world_count, sizeof *batch->worlds);
    batch->world_weights_to = calloc((size_t)def->world_count, sizeof *batch->world_weights_to);
    if (batch->worlds == NULL || batch->world_weights_to == NULL) {
        return false;
    }
    for (int32_t i = 0; i < def->world_count; ++i) {
        atomic_fetch_add(&def->worlds[i]->references, 1);
        batch->worlds[i] = def->worlds[i];
        batch->world_weights_to[i] = (uint64_t)(i + 1);
    }
    batch->world_count = def->world_count;
    batch->rules = &batch->worlds[0]->rules;
    batch->spec = batch->worlds[0]->spec;
    return true;
}

static void start_all(gw_batch *batch, uint64_t seed)
{
    for (int32_t i = 0; i < batch->env_count; ++i) {
        gw_env *env = &batch->envs[i];
        *env->head = (gw_env_head){.seed = seed, .stream_env = batch->first_env + i, .episode = 0};
        gw_env_start_episode(batch, env);
    }
    batch->ring_first = 0;
    batch->ring_count = 0;
    batch->ring_dropped = 0;
}

gw_status gw_batch_create(const gw_batch_def *def, gw_batch **batch_out, gw_error *error)
{
    if (def == NULL || batch_out == NULL) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "gw_batch_create needs a definition and a place for the batch");
    }
    gw_status status = check_batch(def, error);
    if (status != GW_OK) {
        return status;
    }
    gw_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL || !take_worlds(batch, def)) {
        gw_batch_destroy(batch);
        return gw_fail(error, GW_OUT_OF_MEMORY, "out of memory");
    }
    atomic_flag_clear(&batch->busy);
    batch->env_count = def->env_count;
    batch->first_env = def->first_env;
    batch->rows = def->env_count * batch->spec.agent_count;
    batch->thread_count = def->thread_count;
    batch->ring_capacity = def->episode_capacity;
    measure_worlds(batch);
    int64_t block_size = plan_layout(batch);
    if (!allocate(batch, block_size)) {
        gw_batch_destroy(batch);
        return gw_fail(error, GW_OUT_OF_MEMORY, "out of memory, or the workers could not be started");
    }
    start_all(batch, def->seed);
    *batch_out = batch;
    return GW_OK;
}

void gw_batch_destroy(gw_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    gw_pool_destroy(batch->pool);
    for (int32_t i = 0; i < batch->world_count; ++i) {
        gw_world_destroy(batch->worlds[i]);
    }
    free(batch->worlds);
    free(batch->world_weights_to);
    free(batch->blocks);
    free(batch->envs);
    free(batch->marks);
    free(batch->ended);
    free(batch->last_episode);
    free(batch->last_terms);
    free(batch->last_stats);
    free(batch->ring);
    free(batch->ring_terms);
    free(batch->ring_stats);
    free(batch);
}

gw_status gw_batch_set_world_weights(gw_batch *batch, const uint32_t *weights)
{
    if (batch == NULL || weights == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    uint64_t total = 0;
    for (int32_t i = 0; i < batch->world_count; ++i) {
        total += weights[i];
    }
    if (total == 0 || total > INT32_MAX) {
        return GW_INVALID_ARGUMENT;
    }
    if (!gw_batch_enter(batch)) {
        return GW_BUSY;
    }
    total = 0;
    for (int32_t i = 0; i < batch->world_count; ++i) {
        total += weights[i];
        batch->world_weights_to[i] = total;
    }
    batch->retires_worlds = false;
    gw_batch_leave(batch);
    return GW_OK;
}

gw_status gw_batch_retire_worlds(gw_batch *batch)
{
    if (batch == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    if (!gw_batch_enter(batch)) {
        return GW_BUSY;
    }
    batch->retires_worlds = true;
    gw_batch_leave(batch);
    return GW_OK;
}

// ---- Episodes

static int32_t draw_world(const gw_batch *batch, const gw_env_head *head)
{
    if (batch->world_count == 1) {
        return 0;
    }
    uint64_t key = gw_stream_key(head->seed, head->stream_env, head->episode, GW_PURPOSE_WORLD);
    uint64_t total = batch->world_weights_to[batch->world_count - 1];
    uint64_t point = (uint64_t)gw_draw_below(key, 0, (int32_t)total);
    int32_t low = 0;
    int32_t high = batch->world_count - 1;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (batch->world_weights_to[middle] > point) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

// Uniform over the free cells of the agent's list; on a list that is all but full, the next free one.
static int32_t draw_spawn(const gw_env *env, int32_t agent, uint64_t key, uint64_t *counter)
{
    const gw_world *world = env->world;
    int32_t group = world->rules.agent_group[agent];
    const int32_t *cells = world->spawn_cells + world->spawn_first[group];
    int32_t count = world->spawn_count[group];
    int32_t at = 0;
    for (int32_t try = 0; try < GW_SPAWN_TRIES; ++try) {
        at = gw_draw_below(key, (*counter)++, count);
        if (env->planes[GW_PLANE_KIND][cells[at]] == GW_CODE_EMPTY) {
            return cells[at];
        }
    }
    while (env->planes[GW_PLANE_KIND][cells[at]] != GW_CODE_EMPTY) {
        at = (at + 1) % count; // ends: gw_world_create made sure that there are cells enough
    }
    return cells[at];
}

static void clear_state(const gw_batch *batch, const gw_env *env)
{
    // What the last step paid outlives the reset, so that a screen can still show it.
    uint8_t *block = (uint8_t *)env->head;
    const gw_layout *layout = &batch->layout;
    size_t agents = (size_t)batch->spec.agent_count;
    memset(env->agent_cell, 0, (size_t)(layout->step_reward - layout->agent_cell));
    memset(env->episode_return, 0, agents * sizeof(float));
    memset(block + layout->ledger_episode, 0, (size_t)(layout->state_size - layout->ledger_episode));
}

static void start_agent(gw_env *env, int32_t agent, uint64_t key, uint64_t *counter)
{
    const gw_rules_def *rules = &env->world->rules;
    env->facing[agent] = GW_SOUTH;
    env->last_action[agent] = GW_NONE;
    env->agent_cell[agent] = draw_spawn(env, agent, key, counter);
    env->planes[GW_PLANE_KIND][env->agent_cell[agent]] = GW_CODE_AGENT;
    for (int32_t r = 0; r < rules->resource_count; ++r) {
        gw_inventory_of(env, agent)[r] = (uint16_t)rules->resources[r].initial;
    }
}

static void start_object(gw_env *env, int32_t object)
{
    const gw_world *world = env->world;
    const gw_kind_def *kind = gw_kind_of(env, object);
    const gw_amounts *outputs = &world->outputs[world->object_kind[object]];
    env->object_cell[object] = world->object_cell[object];
    env->object_hp[object] = (uint16_t)kind->hp;
    for (int32_t i = 0; i < outputs->count && kind->initial_output > 0; ++i) {
        gw_store_of(env, object)[outputs->items[i].resource] = (uint16_t)kind->initial_output;
    }
}

// Begin the episode that env->head names. Agents whose list is narrower (a group's own cells) and wider
// lists do not collide: each agent draws among cells that are free when its turn comes.
void gw_env_start_episode(gw_batch *batch, gw_env *env)
{
    env->head->tick = 0;
    env->head->world = draw_world(batch, env->head);
    gw_env_enter_world(batch, env);
    clear_state(batch, env);

    memcpy(env->planes[GW_PLANE_KIND], env->world->kind_plane, (size_t)env->world->padded_count);
    uint64_t key = gw_stream_key(env->head->seed, env->head->stream_env, env->head->episode, GW_PURPOSE_SPAWN);
    uint64_t counter = 0;
    for (int32_t agent = 0; agent < batch->rules->agent_count; ++agent) {
        start_agent(env, agent, key, &counter);
    }
    for (int32_t object = 0; object < env->world->object_count; ++object) {
        start_object(env, object);
    }
    gw_tag_start(env);
    gw_terms_start(env);
    gw_planes_rebuild(env);
}

gw_status gw_batch_reset(gw_batch *batch, uint64_t seed, uint8_t *observations)
{
    if (batch == NULL || observations == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    if (!gw_batch_enter(batch)) {
        return GW_BUSY;
    }
    memset(batch->blocks, 0, (size_t)batch->env_count * (size_t)batch->layout.block_size);
    start_all(batch, seed);
    size_t env_size = (size_t)batch->spec.agent_count * (size_t)batch->spec.observation_size;
    for (int32_t i = 0; i < batch->env_count; ++i) {
        gw_env *env = &batch->envs[i];
        gw_env_write_observations(env, observations + (size_t)i * env_size, true);
    }
    gw_batch_leave(batch);
    return GW_OK;
}

gw_status gw_batch_drain_episodes(gw_batch *batch, int32_t capacity, gw_episode *episodes, float *terms, int32_t *stats,
                                  int32_t *count, int64_t *dropped)
{
    if (batch == NULL || episodes == NULL || count == NULL || capacity < 0) {
        return GW_INVALID_ARGUMENT;
    }
    if (!gw_batch_enter(batch)) {
        return GW_BUSY;
    }
    size_t term_count = (size_t)batch->spec.term_count;
    size_t stat_count = (size_t)batch->spec.stat_count;
    int32_t taken = batch->ring_count < capacity ? batch->ring_count : capacity;
    for (int32_t i = 0; i < taken; ++i) {
        size_t slot = (size_t)((batch->ring_first + i) % batch->ring_capacity);
        episodes[i] = batch->ring[slot];
        if (terms != NULL) {
            memcpy(terms + (size_t)i * term_count, batch->ring_terms + slot * term_count, term_count * sizeof *terms);
        }
        if (stats != NULL) {
            memcpy(stats + (size_t)i * stat_count, batch->ring_stats + slot * stat_count, stat_count * sizeof *stats);
        }
    }
    batch->ring_first = (batch->ring_first + taken) % batch->ring_capacity;
    batch->ring_count -= taken;
    *count = taken;
    if (dropped != NULL) {
        *dropped = batch->ring_dropped;
    }
    batch->ring_dropped = 0;
    gw_batch_leave(batch);
    return GW_OK;
}

// ---- What would succeed

typedef struct gw_mask_job {
    gw_batch *batch;
    uint8_t *masks;
} gw_mask_job;

static void mask_slice(void *context, int32_t first, int32_t last)
{
    const gw_mask_job *job = context;
    ptrdiff_t env_size = (ptrdiff_t)job->batch->spec.agent_count * job->batch->spec.action_count;
    for (int32_t index = first; index < last; ++index) {
        gw_env_write_masks(&job->batch->envs[index], job->masks + index * env_size);
    }
}

gw_status gw_batch_action_masks(gw_batch *batch, uint8_t *masks)
{
    if (batch == NULL || masks == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    if (!gw_batch_enter(batch)) {
        return GW_BUSY;
    }
    gw_mask_job job = {batch, masks};
    gw_pool_run(batch->pool, mask_slice, &job, batch->env_count);
    gw_batch_leave(batch);
    return GW_OK;
}

// ---- Looking at one env

static gw_status enter_env(gw_batch *batch, int32_t index)
{
    if (batch == NULL || index < 0 || index >= batch->env_count) {
        return GW_INVALID_ARGUMENT;
    }
    return gw_batch_enter(batch) ? GW_OK : GW_BUSY;
}

static gw_agent_view look_at_agent(const gw_env *env, int32_t agent)
{
    const gw_world *world = env->world;
    int32_t cell = env->agent_cell[agent];
    gw_agent_view view = {
        .row = cell / world->padded_width - world->padding,
        .column = cell % world->padded_width - world->padding,
        .group = world->rules.agent_group[agent],
        .facing = env->facing[agent],
        .last_action = env->last_action[agent],
        .last_result = env->last_result[agent],
        .role = gw_role_of(&world->rules, agent),
        .frozen = env->frozen[agent],
        .shield = env->shield[agent],
        .glyph = env->glyph[agent],
        .step_reward = env->step_reward[agent],
        .episode_return = env->episode_return[agent],
    };
    for (int32_t r = 0; r < world->rules.resource_count; ++r) {
        view.inventory[r] = env->inventory[agent * world->rules.resource_count + r];
    }
    return view;
}

static void look_at_cells(const gw_env *env, uint8_t *cells, uint8_t *ready)
{
    const gw_world *world = env->world;
    size_t width = (size_t)world->spec.map_width;
    for (int32_t row = 0; cells != NULL && row < world->spec.map_height; ++row) {
        const uint8_t *from =
            env->planes[GW_PLANE_KIND] + (row + world->padding) * world->padded_width + world->padding;
        memcpy(cells + (size_t)row * width, from, width);
    }
    if (ready == NULL) {
        return;
    }
    memset(ready, 0, width * (size_t)world->spec.map_height);
    for (int32_t object = 0; object < world->object_count; ++object) {
        int32_t cell = env->object_cell[object];
        if (cell != GW_NONE) {
            int32_t row = cell / world->padded_width - world->padding;
            int32_t column = cell % world->padded_width - world->padding;
            ready[row * world->spec.map_width + column] = gw_object_ready_code(env, object);
        }
    }
}

gw_status gw_env_look(gw_batch *batch, int32_t index, gw_env_view *view, uint8_t *cells, uint8_t *ready,
                      int32_t cell_capacity, gw_agent_view *agents)
{
    gw_status status = view == NULL ? GW_INVALID_ARGUMENT : enter_env(batch, index);
    if (status != GW_OK) {
        return status;
    }
    gw_env *env = &batch->envs[index];
    const gw_spec *spec = &env->world->spec;
    if ((cells != NULL || ready != NULL) && cell_capacity < spec->map_width * spec->map_height) {
        gw_batch_leave(batch);
        return GW_INVALID_ARGUMENT;
    }
    *view = (gw_env_view){.world = env->head->world,
                          .map_width = spec->map_width,
                          .map_height = spec->map_height,
                          .tick = env->head->tick,
                          .episode = env->head->episode};
    look_at_cells(env, cells, ready);
    for (int32_t agent = 0; agents != NULL && agent < spec->agent_count; ++agent) {
        agents[agent] = look_at_agent(env, agent);
    }
    gw_batch_leave(batch);
    return GW_OK;
}

gw_status gw_env_ledger(gw_batch *batch, int32_t index, float *step, float *episode, int32_t *stats)
{
    gw_status status = enter_env(batch, index);
    if (status != GW_OK) {
        return status;
    }
    gw_env *env = &batch->envs[index];
    size_t agents = (size_t)batch->spec.agent_count;
    size_t terms = agents * (size_t)batch->spec.term_count;
    if (step != NULL) {
        memcpy(step, env->ledger_step, terms * sizeof *step);
    }
    if (episode != NULL) {
        memcpy(episode, env->ledger_episode, terms * sizeof *episode);
    }
    if (stats != NULL) {
        memcpy(stats, env->stats, agents * (size_t)batch->spec.stat_count * sizeof *stats);
    }
    gw_batch_leave(batch);
    return GW_OK;
}

gw_status gw_env_observe(gw_batch *batch, int32_t index, uint8_t *observations)
{
    gw_status status = observations == NULL ? GW_INVALID_ARGUMENT : enter_env(batch, index);
    if (status != GW_OK) {
        return status;
    }
    gw_env *env = &batch->envs[index];
    gw_env_write_observations(env, observations, false);
    gw_batch_leave(batch);
    return GW_OK;
}

gw_status gw_env_action_mask(gw_batch *batch, int32_t index, uint8_t *bits)
{
    gw_status status = bits == NULL ? GW_INVALID_ARGUMENT : enter_env(batch, index);
    if (status != GW_OK) {
        return status;
    }
    gw_env *env = &batch->envs[index];
    int32_t row_size = (batch->spec.action_count + 7) / 8;
    memset(bits, 0, (size_t)batch->spec.agent_count * (size_t)row_size);
    for (int32_t agent = 0; agent < batch->spec.agent_count; ++agent) {
        uint8_t mask[GW_MAX_ACTIONS];
        gw_agent_mask(env, agent, mask);
        for (int32_t action = 0; action < batch->spec.action_count; ++action) {
            bits[agent * row_size + action / 8] |= (uint8_t)(mask[action] << action % 8);
        }
    }
    gw_batch_leave(batch);
    return GW_OK;
}

gw_status gw_env_tokens(gw_batch *batch, int32_t index, int32_t agent, uint8_t *tokens, int32_t capacity,
                        int32_t *count)
{
    if (batch == NULL || tokens == NULL || count == NULL || capacity < 0 || agent < 0 ||
        agent >= batch->spec.agent_count || batch->rules->perception.encoding != GW_ENCODING_TOKENS) {
        return GW_INVALID_ARGUMENT;
    }
    gw_status status = enter_env(batch, index);
    if (status != GW_OK) {
        return status;
    }
    *count = gw_agent_write_tokens(&batch->envs[index], agent, tokens, capacity);
    gw_batch_leave(batch);
    return GW_OK;
}

static void view_object(const gw_env *env, int32_t object, gw_object_view *view)
{
    int32_t wait = env->object_ready_tick[object] - env->head->tick;
    view->kind = env->world->object_kind[object];
    view->hp = env->object_hp[object];
    view->wait = env->object_busy[object] != GW_IDLE && wait > 0 ? wait : 0;
    view->uses = env->object_uses[object];
    for (int32_t r = 0; env->world->has_stores && r < env->world->rules.resource_count; r++) {
        view->store[r] = gw_store_of(env, object)[r];
    }
}

gw_status gw_env_object(gw_batch *batch, int32_t index, int32_t row, int32_t column, gw_object_view *object)
{
    if (batch == NULL || object == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    gw_status status = enter_env(batch, index);
    if (status != GW_OK) {
        return status;
    }
    const gw_env *env = &batch->envs[index];
    const gw_world *world = env->world;
    if (row < 0 || row >= world->spec.map_height || column < 0 || column >= world->spec.map_width) {
        status = GW_INVALID_ARGUMENT;
    } else {
        int32_t found = env->object_at[(row + world->padding) * world->padded_width + column + world->padding];
        memset(object, 0, sizeof *object);
        object->kind = GW_NONE;
        if (found != GW_NONE && env->object_cell[found] != GW_NONE) {
            view_object(env, found, object);
        }
    }
    gw_batch_leave(batch);
    return status;
}

// ---- What if

static gw_status place(gw_env *env, int32_t agent, int32_t row, int32_t column)
{
    const gw_world *world = env->world;
    if (row < 0 || row >= world->spec.map_height || column < 0 || column >= world->spec.map_width) {
        return GW_INVALID_ARGUMENT;
    }
    int32_t cell = (row + world->padding) * world->padded_width + column + world->padding;
    if (cell == env->agent_cell[agent]) {
        return GW_OK;
    }
    if (env->planes[GW_PLANE_KIND][cell] != GW_CODE_EMPTY) {
        return GW_NOT_FREE;
    }
    gw_agent_lift(env, agent);
    gw_agent_place(env, agent, cell);
    gw_sight_update(env);
    return GW_OK;
}

gw_status gw_env_place(gw_batch *batch, int32_t index, int32_t agent, int32_t row, int32_t column)
{
    if (batch == NULL || agent < 0 || agent >= batch->spec.agent_count) {
        return GW_INVALID_ARGUMENT;
    }
    gw_status status = enter_env(batch, index);
    if (status != GW_OK) {
        return status;
    }
    status = place(&batch->envs[index], agent, row, column);
    gw_batch_leave(batch);
    return status;
}

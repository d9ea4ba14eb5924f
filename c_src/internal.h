// internal.h: what the source files share and the caller never sees.
#ifndef GW_INTERNAL_H
#define GW_INTERNAL_H

#include "gridworld.h"
#include "rng.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define GW_ASSERT assert

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "gridworld needs a little-endian machine: state hashes and snapshots are defined on one"
#endif

enum {
    GW_RULES_COOKIE = 0x47575231,
    GW_MAP_COOKIE = 0x47574d31,
    GW_BATCH_COOKIE = 0x47574231,
    GW_ENGINE_VERSION = 100, // 0.1.0
    GW_COPY_WIDTH = 16,      // bytes that one row of a window copy may read, see observe.c
    GW_PRIORITY_COUNT = 16,
    GW_LONGEST_EPISODE = 2000000000, // ticks; a cooldown on top of it still fits 31 bits
};

// Stats by index; see gw_stat_name.
static inline int32_t gw_stat_gained(int32_t resource)
{
    return 2 * resource;
}
static inline int32_t gw_stat_lost(int32_t resource)
{
    return 2 * resource + 1;
}
static inline int32_t gw_stat_action(const gw_rules_def *rules, int32_t action, bool success)
{
    return 2 * rules->resource_count + 2 * action + (success ? 0 : 1);
}
static inline int32_t gw_stat_failed(const gw_rules_def *rules)
{
    return 2 * rules->resource_count + 2 * rules->action_count;
}
static inline int32_t gw_stat_invalid(const gw_rules_def *rules)
{
    return gw_stat_failed(rules) + 1;
}
static inline int32_t gw_stat_steps(const gw_rules_def *rules)
{
    return gw_stat_failed(rules) + 2;
}

// One line of a recipe: what a converter takes or gives.
typedef struct gw_amount {
    int32_t resource;
    int32_t units;
} gw_amount;

typedef struct gw_recipe {
    int32_t input_count;
    int32_t output_count;
    gw_amount inputs[GW_MAX_RESOURCES];
    gw_amount outputs[GW_MAX_RESOURCES];
} gw_recipe;

// Cells are indices into padded planes: the border of the window is built in, so that neither a move
// nor an observation tests bounds. Immutable after gw_world_create.
struct gw_world {
    atomic_int references;
    gw_rules_def rules;
    gw_spec spec;
    uint64_t map_hash;
    gw_recipe recipes[GW_MAX_KINDS];
    int32_t priority_count;
    int32_t priorities[GW_PRIORITY_COUNT]; // those in use, highest first
    int32_t padding;                       // cells of border on each side, >= 1
    int32_t padded_width;
    int32_t padded_count; // cells of one padded plane
    int32_t direction_offset[GW_DIRECTION_COUNT];
    int32_t object_count;               // converters on the map
    int32_t *object_cell;               // [object_count]
    uint8_t *object_kind;               // [object_count]
    int32_t *object_at;                 // [padded_count] object index or GW_NONE
    uint8_t *kind_plane;                // [padded_count] GW_PLANE_KIND codes without agents
    int32_t *spawn_cells;               // cells by group, one list after the other
    int32_t spawn_first[GW_MAX_GROUPS]; // where the list of a group begins
    int32_t spawn_count[GW_MAX_GROUPS];
};

// Bytes from the start of an env's block to each of its arrays. The state comes first: it is what is
// hashed and saved; the rest follows from it.
typedef struct gw_layout {
    int32_t agent_cell, facing, last_action, last_result, inventory, step_reward, episode_return;
    int32_t term_seen, ledger_step, ledger_episode, stats, object_ready_tick, object_uses;
    int32_t state_size;
    int32_t cooling;
    int32_t planes[GW_PLANE_COUNT]; // 0 = this game has no such plane (the kind plane always is)
    int32_t block_size;
} gw_layout;

// Head of an env's block. No padding inside: its bytes are hashed.
typedef struct gw_env_head {
    uint64_t seed;
    int64_t stream_env; // which env's streams it draws from: moves along with a snapshot
    int64_t episode;
    int32_t world;
    int32_t tick;
} gw_env_head;

// Pointers into one env's block, made anew for each visit: a handful of additions.
typedef struct gw_env {
    gw_env_head *head;
    const gw_world *world;
    int32_t *agent_cell;             // [agents] padded cell
    uint8_t *facing;                 // [agents] gw_direction
    int16_t *last_action;            // [agents] id or GW_NONE
    uint8_t *last_result;            // [agents] gw_result
    uint16_t *inventory;             // [agents][resources] units
    float *step_reward;              // [agents]
    float *episode_return;           // [agents]
    int32_t *term_seen;              // [agents][terms] count that the last step has paid for
    float *ledger_step;              // [agents][terms]
    float *ledger_episode;           // [agents][terms]
    int32_t *stats;                  // [agents][stats]
    int32_t *object_ready_tick;      // [objects] first tick at which it can be used again
    int32_t *object_uses;            // [objects] uses this episode
    int32_t *cooling;                // [0] = count, then indices of objects that cool down
    uint8_t *planes[GW_PLANE_COUNT]; // [padded_count] each, or NULL
} gw_env;

typedef struct gw_pool gw_pool;

// The one owner of all mutable state.
struct gw_batch {
    atomic_flag busy;
    const gw_rules_def *rules; // of worlds[0]; all worlds agree
    gw_spec spec;              // of worlds[0], but for the map's size
    int32_t env_count;
    int32_t rows;
    int32_t world_count;
    gw_world **worlds;
    uint64_t *world_weights_to; // [world_count] cumulative
    uint64_t worlds_hash;
    int32_t max_objects;
    int32_t max_padded;
    gw_layout layout;
    uint8_t *blocks; // [env_count][layout.block_size]
    int32_t *order;  // [thread_count][agents] scratch
    uint8_t *marks;  // [max_padded] scratch for checks
    gw_pool *pool;
    int32_t thread_count;

    uint8_t *ended;           // [env_count] set in the step that ended an episode
    gw_episode *last_episode; // [rows] valid where ended
    float *last_terms;        // [rows][terms]
    int32_t *last_stats;      // [rows][stats]

    int32_t ring_capacity; // finished agent-episodes waiting to be drained
    int32_t ring_first;
    int32_t ring_count;
    int64_t ring_dropped;
    gw_episode *ring;
    float *ring_terms;
    int32_t *ring_stats;
};

static inline gw_env gw_env_in_block(const gw_batch *batch, uint8_t *block)
{
    const gw_layout *at = &batch->layout;
    gw_env env = {
        .head = (gw_env_head *)block,
        .agent_cell = (int32_t *)(block + at->agent_cell),
        .facing = block + at->facing,
        .last_action = (int16_t *)(block + at->last_action),
        .last_result = block + at->last_result,
        .inventory = (uint16_t *)(block + at->inventory),
        .step_reward = (float *)(block + at->step_reward),
        .episode_return = (float *)(block + at->episode_return),
        .term_seen = (int32_t *)(block + at->term_seen),
        .ledger_step = (float *)(block + at->ledger_step),
        .ledger_episode = (float *)(block + at->ledger_episode),
        .stats = (int32_t *)(block + at->stats),
        .object_ready_tick = (int32_t *)(block + at->object_ready_tick),
        .object_uses = (int32_t *)(block + at->object_uses),
        .cooling = (int32_t *)(block + at->cooling),
    };
    env.world = batch->worlds[env.head->world];
    for (int32_t plane = 0; plane < GW_PLANE_COUNT; ++plane) {
        env.planes[plane] = at->planes[plane] != 0 ? block + at->planes[plane] : NULL;
    }
    return env;
}

static inline gw_env gw_env_at(const gw_batch *batch, int32_t index)
{
    return gw_env_in_block(batch, batch->blocks + (size_t)index * (size_t)batch->layout.block_size);
}

// The tick at which the episode is cut.
static inline int32_t gw_last_tick(const gw_rules_def *rules)
{
    return rules->max_steps > 0 ? rules->max_steps : GW_LONGEST_EPISODE;
}

static inline int32_t gw_group_of(const gw_rules_def *rules, int32_t agent)
{
    return agent % rules->group_count;
}

static inline gw_status gw_fail(gw_error *error, gw_status status, const char *message)
{
    if (error != NULL) {
        *error = (gw_error){.status = status, .row = GW_NONE, .column = GW_NONE};
        snprintf(error->message, GW_MESSAGE_SIZE, "%s", message);
    }
    return status;
}

// rules.c
gw_status gw_rules_validate(const gw_rules_def *rules, gw_error *error);
uint64_t gw_rules_hash(const gw_rules_def *rules);

// batch.c
bool gw_batch_enter(gw_batch *batch);
void gw_batch_leave(gw_batch *batch);
void gw_env_start_episode(gw_batch *batch, gw_env *env);

// actions.c
gw_result gw_agent_act(gw_env *env, int32_t agent, int32_t action);
bool gw_agent_can(const gw_env *env, int32_t agent, int32_t action);

// objects.c
gw_result gw_object_check(const gw_env *env, int32_t agent, int32_t object, int32_t tick);
gw_result gw_object_use(gw_env *env, int32_t agent, int32_t object);
uint8_t gw_object_ready_code(const gw_env *env, int32_t object);
void gw_objects_tick(gw_env *env);

// rewards.c
void gw_rewards_settle(gw_env *env);
bool gw_episode_terminated(const gw_env *env);

// observe.c
void gw_agent_place(gw_env *env, int32_t agent, int32_t cell);
void gw_agent_lift(gw_env *env, int32_t agent);
void gw_agent_turn(gw_env *env, int32_t agent, int32_t direction);
void gw_planes_rebuild(gw_env *env);
void gw_env_write_observations(const gw_env *env, uint8_t *observations);

// pool.c: runs work(context, worker, first, last) over 0..count-1 split into contiguous slices.
typedef void gw_work(void *context, int32_t worker, int32_t first, int32_t last);
gw_pool *gw_pool_create(int32_t thread_count);
void gw_pool_destroy(gw_pool *pool);
void gw_pool_run(gw_pool *pool, gw_work *work, void *context, int32_t count);

// snapshot.c
uint64_t gw_hash_bytes(uint64_t key, const void *data, size_t size);

#endif

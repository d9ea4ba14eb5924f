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
    GW_RULES_COOKIE = 0x47575232,
    GW_MAP_COOKIE = 0x47574d31,
    GW_BATCH_COOKIE = 0x47574232,
    GW_ENGINE_VERSION = 200, // 0.2.0
    GW_CACHE_LINE = 64,      // bytes
    GW_COPY_WIDTH = 16,      // bytes that one row of a window copy may read, see observe.c
    GW_PRIORITY_COUNT = 16,
    GW_LONGEST_EPISODE = 2000000000, // ticks; a cooldown on top of it still fits 31 bits
    GW_MAX_WINDOW_CELLS = GW_MAX_WINDOW * GW_MAX_WINDOW,
    GW_WINDOW_WORDS = (GW_MAX_WINDOW_CELLS + 63) / 64, // of 64 bits, one for each cell of the window
    GW_QUADRANTS = 4,
    GW_MAX_DEPTH = GW_MAX_WINDOW / 2,                          // rows of a quadrant of the window
    GW_MAX_QUADRANT_CELLS = GW_MAX_DEPTH * (GW_MAX_DEPTH + 2), // 3 + 5 + ... of them
    GW_VISIBLE = 255,                                          // a mask for the bytes of a plane
};

// Where each stat of a game stands; GW_NONE for those that the game does not have.
typedef struct gw_stat_map {
    int32_t resource_stride;  // stats of one resource
    int32_t put, get, stolen; // within the stats of a resource
    int32_t action_first;     // success and failed of each action
    int32_t failed, invalid, steps, still;
    int32_t hit, hit_by, blocked, wasted, destroyed; // attack
    int32_t frozen_ticks, shield_ticks, swaps;
    int32_t tags, tagged, misses, caught_all, caught_none, survived;
    int32_t sees_first, seen, hidden;
    int32_t tokens_written, tokens_dropped;
    int32_t count;
} gw_stat_map;

// Token features by id; see gw_feature_name.
enum {
    GW_FEATURE_TYPE = 0,
    GW_FEATURE_GROUP,
    GW_FEATURE_ROLE,
    GW_FEATURE_FROZEN,
    GW_FEATURE_ORIENTATION,
    GW_FEATURE_SHIELD,
    GW_FEATURE_GLYPH,
    GW_FEATURE_HP,
    GW_FEATURE_READY,
    GW_FEATURE_COMPLETION,
    GW_FEATURE_LAST_ACTION,
    GW_FEATURE_LAST_RESULT,
    GW_FEATURE_LAST_REWARD,
    GW_FEATURE_INVENTORY,
};

// One line of a recipe or a cost.
typedef struct gw_amount {
    int32_t resource;
    int32_t units;
} gw_amount;

typedef struct gw_amounts {
    int32_t count;
    gw_amount items[GW_MAX_RESOURCES];
} gw_amounts;

// One cell of the window as the token writer meets it.
typedef struct gw_token_cell {
    int32_t offset;   // from the agent's padded cell
    int32_t location; // first byte of its tokens
} gw_token_cell;

// One cell of a quadrant of the window; see sight.c.
typedef struct gw_sight_cell {
    uint64_t shadow; // slopes that it darkens if it is opaque
    uint64_t centre; // slopes that touch its centre
    int32_t offset;  // from the agent's padded cell
    int32_t at;      // index into the window
} gw_sight_cell;

// Cells are indices into padded planes: the border of the window is built in, so that neither a move
// nor an observation tests bounds. Immutable after gw_world_create.
struct gw_world {
    atomic_int references;
    gw_rules_def rules;
    gw_spec spec;
    gw_stat_map stat;
    uint64_t map_hash;
    gw_amounts inputs[GW_MAX_KINDS];
    gw_amounts outputs[GW_MAX_KINDS];
    gw_amounts required[GW_MAX_ACTIONS];
    gw_amounts consumed[GW_MAX_ACTIONS];
    int32_t regen_count; // resources that regenerate or decay
    int32_t regen[GW_MAX_RESOURCES];
    int32_t idle_action; // what an agent of which nothing would succeed may choose
    int32_t priority_count;
    int32_t priorities[GW_PRIORITY_COUNT];          // those in use, highest first
    bool objects_move;                              // some kind can be swapped or destroyed
    bool has_stores;                                // some kind has a store
    bool has_turns;                                 // agents can be frozen or shielded: turns have an upkeep
    bool has_sight;                                 // not every cell of the window is visible
    bool shares;                                    // some group shares rewards
    bool shows_agents;                              // some plane says more of an agent than that it is there
    int32_t cell_count;                             // cells of the window
    gw_token_cell token_cells[GW_MAX_WINDOW_CELLS]; // in the order of tokens
    uint8_t token_rank[GW_MAX_WINDOW_CELLS];        // place of each window cell in that order
    gw_sight_cell sight_cells[GW_QUADRANTS * GW_MAX_QUADRANT_CELLS]; // by quadrant, then by depth
    int32_t sight_rows[GW_QUADRANTS][GW_MAX_DEPTH + 1];              // where the cells of each depth end
    uint64_t opaque_code[GW_CODE_KIND + GW_MAX_KINDS];               // all bits for a code that hides what is behind
    uint8_t fields[GW_DIRECTION_COUNT][GW_MAX_WINDOW_CELLS];         // GW_VISIBLE within range and cone, by facing
    int32_t padding;                                                 // cells of border on each side, >= 1
    int32_t padded_width;
    int32_t padded_count; // cells of one padded plane
    int32_t direction_offset[GW_DIRECTION_COUNT];
    int32_t object_count;               // objects with a state: all but indestructible walls that cannot be swapped
    int32_t *object_cell;               // [object_count] at the start of an episode
    uint8_t *object_kind;               // [object_count]
    int32_t *object_at;                 // [padded_count] object index or GW_NONE, at the start of an episode
    uint8_t *kind_plane;                // [padded_count] GW_PLANE_KIND codes without agents, likewise
    int32_t *spawn_cells;               // cells by group, one list after the other
    int32_t spawn_first[GW_MAX_GROUPS]; // where the list of a group begins
    int32_t spawn_count[GW_MAX_GROUPS];
};

// Bytes from the start of an env's block to each of its arrays. The state comes first: it is what is
// hashed and saved; the rest follows from it.
typedef struct gw_layout {
    int32_t agent_cell, facing, frozen, shield, glyph, last_action, last_result, still, inventory, step_reward;
    int32_t episode_return, term_seen, ledger_step, ledger_episode, stats;
    int32_t object_cell, object_ready_tick, object_uses, object_hp, object_busy, object_store;
    int32_t state_size;
    int32_t timers, object_at, agent_at; // looked up by cell or not at all
    int32_t seen_from, lit, visible;     // from here on read at every step
    int32_t planes[GW_PLANE_COUNT];      // 0 = this game has no such plane (the kind plane always is)
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

// What a put-get converter is busy with.
typedef enum gw_busy { GW_IDLE = 0, GW_CONVERTING = 1, GW_COOLING = 2 } gw_busy;

// Pointers into one env's block, made once: there are too many of them to add up anew at every step.
typedef struct gw_env {
    gw_env_head *head;
    const gw_world *world;
    int32_t *agent_cell;             // [agents] padded cell
    uint8_t *facing;                 // [agents] gw_direction
    uint16_t *frozen;                // [agents] own turns to lose, or GW_FOREVER
    uint8_t *shield;                 // [agents] 1 while up
    uint8_t *glyph;                  // [agents]
    int16_t *last_action;            // [agents] id or GW_NONE
    uint8_t *last_result;            // [agents] gw_result
    int32_t *still;                  // [agents] turns without motion up to now
    uint16_t *inventory;             // [agents][resources] units
    float *step_reward;              // [agents]
    float *episode_return;           // [agents]
    int32_t *term_seen;              // [agents][terms] count that the last step has paid for
    float *ledger_step;              // [agents][spec terms]
    float *ledger_episode;           // [agents][spec terms]
    int32_t *stats;                  // [agents][stats]
    int32_t *object_cell;            // [objects] padded cell, GW_NONE once destroyed
    int32_t *object_ready_tick;      // [objects] first tick at which it is idle again
    int32_t *object_uses;            // [objects] uses or conversions this episode
    uint16_t *object_hp;             // [objects] hits it still stands
    uint8_t *object_busy;            // [objects] gw_busy
    uint16_t *object_store;          // [objects][resources] units, only in games with stores
    int32_t *timers;                 // [0] = count, then indices of objects that are busy
    int32_t *object_at;              // [padded_count] object index or GW_NONE; the world's own where objects stay put
    int16_t *agent_at;               // [padded_count] agent index or GW_NONE
    int32_t *seen_from;              // [agents] cell and facing that `visible` is for, or GW_NONE
    uint8_t *lit;                    // [agents][window cells] the same before range and cone; only with line of sight
    uint8_t *visible;                // [agents][window cells] GW_VISIBLE or 0; only in games with sight
    uint8_t *planes[GW_PLANE_COUNT]; // [padded_count] each, or NULL
} gw_env;

typedef struct gw_pool gw_pool;

// The one owner of all mutable state.
struct gw_batch {
    atomic_flag busy;
    const gw_rules_def *rules; // of worlds[0]; all worlds agree
    gw_spec spec;              // of worlds[0], but for the map's size
    int32_t env_count;
    int32_t first_env; // number of envs[0]
    int32_t rows;
    int32_t world_count;
    gw_world **worlds;
    uint64_t *world_weights_to; // [world_count] cumulative
    bool retires_worlds;        // those of weight 0 are left at once
    uint64_t worlds_hash;
    int32_t max_objects;
    int32_t max_padded;
    gw_layout layout;
    uint8_t *blocks; // [env_count][layout.block_size]
    gw_env *envs;    // [env_count] where everything is in each block
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

// Where the objects of the present world are looked up: they stay put, or the env has a copy of its own.
static inline void gw_env_enter_world(const gw_batch *batch, gw_env *env)
{
    env->world = batch->worlds[env->head->world];
    env->object_at =
        env->world->objects_move ? (int32_t *)((uint8_t *)env->head + batch->layout.object_at) : env->world->object_at;
}

static inline gw_env gw_env_in_block(const gw_batch *batch, uint8_t *block)
{
    const gw_layout *at = &batch->layout;
    gw_env env = {
        .head = (gw_env_head *)block,
        .agent_cell = (int32_t *)(block + at->agent_cell),
        .facing = block + at->facing,
        .frozen = (uint16_t *)(block + at->frozen),
        .shield = block + at->shield,
        .glyph = block + at->glyph,
        .last_action = (int16_t *)(block + at->last_action),
        .last_result = block + at->last_result,
        .still = (int32_t *)(block + at->still),
        .inventory = (uint16_t *)(block + at->inventory),
        .step_reward = (float *)(block + at->step_reward),
        .episode_return = (float *)(block + at->episode_return),
        .term_seen = (int32_t *)(block + at->term_seen),
        .ledger_step = (float *)(block + at->ledger_step),
        .ledger_episode = (float *)(block + at->ledger_episode),
        .stats = (int32_t *)(block + at->stats),
        .object_cell = (int32_t *)(block + at->object_cell),
        .object_ready_tick = (int32_t *)(block + at->object_ready_tick),
        .object_uses = (int32_t *)(block + at->object_uses),
        .object_hp = (uint16_t *)(block + at->object_hp),
        .object_busy = block + at->object_busy,
        .object_store = (uint16_t *)(block + at->object_store),
        .timers = (int32_t *)(block + at->timers),
        .agent_at = (int16_t *)(block + at->agent_at),
        .seen_from = (int32_t *)(block + at->seen_from),
        .lit = block + at->lit,
        .visible = block + at->visible,
    };
    gw_env_enter_world(batch, &env);
    for (int32_t plane = 0; plane < GW_PLANE_COUNT; ++plane) {
        env.planes[plane] = at->planes[plane] != 0 ? block + at->planes[plane] : NULL;
    }
    return env;
}

static inline int32_t gw_role_of(const gw_rules_def *rules, int32_t agent)
{
    return rules->group_role[rules->agent_group[agent]];
}

static inline uint16_t *gw_inventory_of(const gw_env *env, int32_t agent)
{
    return env->inventory + agent * env->world->rules.resource_count;
}

static inline uint16_t *gw_store_of(const gw_env *env, int32_t object)
{
    return env->object_store + (ptrdiff_t)object * env->world->rules.resource_count;
}

static inline uint8_t *gw_visible_of(const gw_env *env, int32_t agent)
{
    return env->visible + (ptrdiff_t)agent * env->world->cell_count;
}

static inline int32_t *gw_stats_of(const gw_env *env, int32_t agent)
{
    return env->stats + (ptrdiff_t)agent * env->world->spec.stat_count;
}

static inline const gw_kind_def *gw_kind_of(const gw_env *env, int32_t object)
{
    return &env->world->rules.kinds[env->world->object_kind[object]];
}

// Add to a count that must not outgrow 31 bits, as it could in a long episode of large amounts.
static inline void gw_count(int32_t *stat, int32_t units)
{
    *stat = units > INT32_MAX - *stat ? INT32_MAX : *stat + units;
}

// The tick at which the episode is cut.
static inline int32_t gw_last_tick(const gw_rules_def *rules)
{
    return rules->max_steps > 0 ? rules->max_steps : GW_LONGEST_EPISODE;
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
bool gw_rules_have_verb(const gw_rules_def *rules, gw_verb verb);

// stats.c
gw_stat_map gw_stat_map_of(const gw_rules_def *rules);

// batch.c
bool gw_batch_enter(gw_batch *batch);
void gw_batch_leave(gw_batch *batch);
void gw_env_start_episode(gw_batch *batch, gw_env *env);

// actions.c
gw_result gw_agent_turn_taken(gw_env *env, int32_t agent, int32_t action);
void gw_agent_mask(gw_env *env, int32_t agent, uint8_t *mask);
void gw_env_write_masks(gw_env *env, uint8_t *masks);

// inventory.c
int32_t gw_room_for(const gw_env *env, const uint16_t *inventory, int32_t resource);
void gw_agent_gain(gw_env *env, int32_t agent, int32_t resource, int32_t units);
void gw_agent_lose(gw_env *env, int32_t agent, int32_t resource, int32_t units);
bool gw_agent_has(const gw_env *env, int32_t agent, const gw_amounts *amounts);
void gw_agent_set_aside(const gw_env *env, int32_t agent, const gw_amounts *amounts);
void gw_agent_give_back(const gw_env *env, int32_t agent, const gw_amounts *amounts);
void gw_agent_spend(gw_env *env, int32_t agent, const gw_amounts *amounts);
void gw_agent_foresee_holdings(const gw_env *env, int32_t agent);
void gw_agents_regenerate(gw_env *env);

// objects.c
// What a change of one object can touch, kept aside while it is looked ahead.
typedef struct gw_object_state {
    int32_t ready_tick, uses;
    uint8_t busy;
    uint16_t store[GW_MAX_RESOURCES];
} gw_object_state;
gw_object_state gw_object_foresee(gw_env *env, int32_t object);
void gw_object_recall(gw_env *env, int32_t object, const gw_object_state *state);
gw_result gw_object_can_use(const gw_env *env, int32_t agent, int32_t object);
gw_result gw_object_can_put(const gw_env *env, int32_t agent, int32_t object);
gw_result gw_object_can_get(const gw_env *env, int32_t agent, int32_t object);
gw_result gw_object_use(gw_env *env, int32_t agent, int32_t object);
gw_result gw_object_put(gw_env *env, int32_t agent, int32_t object);
gw_result gw_object_get(gw_env *env, int32_t agent, int32_t object);
void gw_object_hit(gw_env *env, int32_t agent, int32_t object);
void gw_object_show(gw_env *env, int32_t object);
void gw_object_hide(gw_env *env, int32_t object);
uint8_t gw_object_ready_code(const gw_env *env, int32_t object);
void gw_objects_start(gw_env *env);
void gw_objects_tick(gw_env *env);

// combat.c
bool gw_turn_begins(gw_env *env, int32_t agent);
gw_result gw_agent_attack(gw_env *env, int32_t agent, int32_t argument);
bool gw_attack_has_target(const gw_env *env, int32_t agent, int32_t argument);
bool gw_shield_can_rise(const gw_env *env, int32_t agent);
void gw_agent_foresee_upkeep(const gw_env *env, int32_t agent);
gw_result gw_agent_toggle_shield(gw_env *env, int32_t agent);
void gw_agent_freeze(gw_env *env, int32_t agent, int32_t turns);

// tag.c
gw_result gw_agent_tag(gw_env *env, int32_t agent, int32_t target);
bool gw_agent_may_tag(const gw_env *env, int32_t agent, int32_t target);
void gw_tag_start(gw_env *env);
void gw_tag_tick(gw_env *env, const int32_t *order);
bool gw_tag_all_caught(const gw_env *env);
void gw_tag_settle(gw_env *env);

// rewards.c
void gw_terms_start(gw_env *env);
void gw_rewards_settle(gw_env *env, bool ends);
bool gw_episode_terminated(const gw_env *env);

// sight.c
void gw_sight_compile(gw_world *world);
void gw_sight_forget(gw_env *env);
void gw_sight_update(gw_env *env);
void gw_sight_count(gw_env *env);

// planes.c
void gw_agent_place(gw_env *env, int32_t agent, int32_t cell);
void gw_agent_lift(gw_env *env, int32_t agent);
void gw_agent_show(gw_env *env, int32_t agent);
void gw_planes_rebuild(gw_env *env);

// observe.c
void gw_env_write_observations(gw_env *env, uint8_t *observations, bool counts_tokens);
int32_t gw_agent_write_tokens(const gw_env *env, int32_t agent, uint8_t *tokens, int32_t capacity);

// pool.c: runs work(context, first, last) over 0..count-1 split into contiguous slices.
typedef void gw_work(void *context, int32_t first, int32_t last);
gw_pool *gw_pool_create(int32_t thread_count);
void gw_pool_destroy(gw_pool *pool);
void gw_pool_run(gw_pool *pool, gw_work *work, void *context, int32_t count);

// snapshot.c
uint64_t gw_hash_bytes(uint64_t key, const void *data, size_t size);

#endif

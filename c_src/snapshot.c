// snapshot.c: save, load and hash the exact state of envs. The state of an env is the first part of its
// block, bytes without padding, so saving is a copy; loading trusts no byte of it.
#include "internal.h"

#include <math.h>

enum { GW_SNAPSHOT_MAGIC = 0x31535747 }; // "GWS1"

typedef struct gw_snapshot_head {
    uint32_t magic;
    int32_t version;
    uint64_t worlds_hash;
    int32_t state_size; // bytes of one env
    int32_t env_count;
    uint64_t checksum; // of the states that follow
} gw_snapshot_head;

// Eight bytes at a time through gw_mix; the tail is zero-extended and the length mixed in.
uint64_t gw_hash_bytes(uint64_t key, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = gw_mix(key ^ (0x9e3779b97f4a7c15u + size));
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        hash = gw_mix(hash ^ word) * 0x9fb21c651e98df25u;
    }
    if (at < size) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, size - at);
        hash = gw_mix(hash ^ word) * 0x9fb21c651e98df25u;
    }
    return gw_mix(hash);
}

static uint8_t *state_of(const gw_batch *batch, int32_t index)
{
    return batch->blocks + (size_t)index * (size_t)batch->layout.block_size;
}

static bool is_range(const gw_batch *batch, int32_t first, int32_t count)
{
    return first >= 0 && count >= 1 && count <= batch->env_count && first <= batch->env_count - count;
}

gw_status gw_batch_snapshot_size(const gw_batch *batch, int32_t env_count, int64_t *size)
{
    if (batch == NULL || size == NULL || env_count < 1 || env_count > batch->env_count) {
        return GW_INVALID_ARGUMENT;
    }
    *size = (int64_t)sizeof(gw_snapshot_head) + (int64_t)env_count * batch->layout.state_size;
    return GW_OK;
}

gw_status gw_batch_save(gw_batch *batch, int32_t env_first, int32_t env_count, uint8_t *buffer, int64_t capacity)
{
    int64_t size = 0;
    if (batch == NULL || buffer == NULL || !is_range(batch, env_first, env_count) ||
        gw_batch_snapshot_size(batch, env_count, &size) != GW_OK || capacity < size) {
        return GW_INVALID_ARGUMENT;
    }
    if (!gw_batch_enter(batch)) {
        return GW_BUSY;
    }
    size_t state_size = (size_t)batch->layout.state_size;
    uint8_t *states = buffer + sizeof(gw_snapshot_head);
    for (int32_t i = 0; i < env_count; ++i) {
        memcpy(states + (size_t)i * state_size, state_of(batch, env_first + i), state_size);
    }
    gw_snapshot_head head = {
        .magic = GW_SNAPSHOT_MAGIC,
        .version = GW_ENGINE_VERSION,
        .worlds_hash = batch->worlds_hash,
        .state_size = batch->layout.state_size,
        .env_count = env_count,
        .checksum = gw_hash_bytes(0, states, (size_t)env_count * state_size),
    };
    memcpy(buffer, &head, sizeof head);
    gw_batch_leave(batch);
    return GW_OK;
}

static gw_status bad_snapshot(gw_error *error, const char *message)
{
    return gw_fail(error, GW_INVALID_SNAPSHOT, message);
}

static gw_status check_head(const gw_batch *batch, const gw_snapshot_head *head, int32_t env_count, int64_t size,
                            const uint8_t *states, gw_error *error)
{
    if (head->magic != GW_SNAPSHOT_MAGIC) {
        return bad_snapshot(error, "this is not a snapshot of the engine");
    }
    if (head->version != GW_ENGINE_VERSION) {
        return bad_snapshot(error, "the snapshot was made by another version of the engine");
    }
    if (head->worlds_hash != batch->worlds_hash || head->state_size != batch->layout.state_size) {
        return bad_snapshot(error, "the snapshot is of another game or another map");
    }
    if (head->env_count != env_count) {
        return bad_snapshot(error, "the snapshot holds another number of envs");
    }
    if (size != (int64_t)sizeof *head + (int64_t)env_count * head->state_size) {
        return bad_snapshot(error, "the snapshot is cut short or has bytes too many");
    }
    if (head->checksum != gw_hash_bytes(0, states, (size_t)env_count * (size_t)head->state_size)) {
        return bad_snapshot(error, "the snapshot is damaged: its checksum does not match");
    }
    return GW_OK;
}

// A cell of the map that no wall holds. Where objects move, they may stand there too; the marks tell.
static bool is_open(const gw_world *world, int32_t cell)
{
    if (cell < 0 || cell >= world->padded_count) {
        return false;
    }
    bool was_object = world->objects_move && world->object_at[cell] != GW_NONE;
    return world->kind_plane[cell] == GW_CODE_EMPTY || was_object;
}

// No two things in a cell: marks are set on the way and always wiped again.
static bool mark_cell(const gw_batch *batch, int32_t cell)
{
    bool free = !batch->marks[cell];
    batch->marks[cell] = 1;
    return free;
}

static bool cells_are_distinct(const gw_batch *batch, const gw_env *env)
{
    bool distinct = true;
    for (int32_t agent = 0; agent < batch->spec.agent_count; ++agent) {
        distinct = mark_cell(batch, env->agent_cell[agent]) && distinct;
    }
    for (int32_t object = 0; object < env->world->object_count; ++object) {
        if (env->object_cell[object] != GW_NONE) {
            distinct = mark_cell(batch, env->object_cell[object]) && distinct;
        }
    }
    for (int32_t agent = 0; agent < batch->spec.agent_count; ++agent) {
        batch->marks[env->agent_cell[agent]] = 0;
    }
    for (int32_t object = 0; object < env->world->object_count; ++object) {
        if (env->object_cell[object] != GW_NONE) {
            batch->marks[env->object_cell[object]] = 0;
        }
    }
    return distinct;
}

static bool holdings_are_sound(const gw_batch *batch, const gw_env *env, int32_t agent)
{
    const gw_rules_def *rules = batch->rules;
    const uint16_t *inventory = gw_inventory_of(env, agent);
    int32_t units[GW_MAX_LIMIT_GROUPS] = {0};
    for (int32_t r = 0; r < rules->resource_count; ++r) {
        int32_t group = rules->resources[r].limit_group;
        if (inventory[r] > rules->resources[r].limit) {
            return false;
        }
        if (group != GW_NONE && (units[group] += inventory[r]) > rules->limit_groups[group].limit) {
            return false;
        }
    }
    return true;
}

// Some counts go up by one in a step at most, and are added to without a look at their size.
static bool stats_are_sound(const gw_batch *batch, const gw_env *env, int32_t agent)
{
    const gw_stat_map *stat = &env->world->stat;
    const int32_t *stats = gw_stats_of(env, agent);
    for (int32_t s = 0; s < batch->spec.stat_count; ++s) {
        bool is_of_steps = stat->action_first <= s && s <= stat->still;
        if (stats[s] < 0 || (is_of_steps && stats[s] > env->head->tick)) {
            return false;
        }
    }
    return true;
}

static bool ledger_is_sound(const gw_batch *batch, const gw_env *env, int32_t agent)
{
    for (int32_t t = 0; t < batch->rules->term_count; ++t) {
        if (env->term_seen[agent * batch->rules->term_count + t] < 0) {
            return false;
        }
    }
    for (int32_t t = 0; t < batch->spec.term_count; ++t) {
        int32_t at = agent * batch->spec.term_count + t;
        if (!isfinite(env->ledger_step[at]) || !isfinite(env->ledger_episode[at])) {
            return false;
        }
    }
    return isfinite(env->step_reward[agent]) && isfinite(env->episode_return[agent]);
}

static bool agent_is_sound(const gw_batch *batch, const gw_env *env, int32_t agent)
{
    const gw_rules_def *rules = batch->rules;
    bool has_shields = gw_rules_have_verb(rules, GW_VERB_SHIELD);
    bool can_freeze = env->world->stat.frozen_ticks != GW_NONE;
    return is_open(env->world, env->agent_cell[agent]) && env->facing[agent] < GW_DIRECTION_COUNT &&
           env->last_action[agent] >= GW_NONE && env->last_action[agent] < rules->action_count &&
           env->last_result[agent] < GW_RESULT_COUNT && env->glyph[agent] < rules->glyph_count &&
           env->shield[agent] <= has_shields && (env->frozen[agent] == 0 || can_freeze) && env->still[agent] >= 0 &&
           env->still[agent] <= env->head->tick && holdings_are_sound(batch, env, agent) &&
           stats_are_sound(batch, env, agent) && ledger_is_sound(batch, env, agent);
}

static bool is_empty(const gw_batch *batch, const gw_env *env, int32_t object)
{
    for (int32_t r = 0; env->world->has_stores && r < batch->spec.resource_count; ++r) {
        if (gw_store_of(env, object)[r] != 0) {
            return false;
        }
    }
    return true;
}

// What a kind neither takes nor gives is not in it.
static bool store_is_sound(const gw_env *env, int32_t object)
{
    const gw_kind_def *kind = gw_kind_of(env, object);
    int32_t units = 0;
    for (int32_t r = 0; r < env->world->rules.resource_count; ++r) {
        int32_t stored = gw_store_of(env, object)[r];
        units += stored;
        if (stored > 0 && kind->input[r] == 0 && kind->output[r] == 0) {
            return false;
        }
    }
    return kind->style != GW_STYLE_CHEST || kind->max_output == 0 || units <= kind->max_output;
}

static bool object_is_sound(const gw_batch *batch, const gw_env *env, int32_t object)
{
    const gw_kind_def *kind = gw_kind_of(env, object);
    int32_t tick = env->head->tick;
    int32_t ready = env->object_ready_tick[object];
    int32_t longest = kind->cooldown > kind->conversion_ticks ? kind->cooldown : kind->conversion_ticks;
    bool is_busy = env->object_busy[object] != GW_IDLE;
    bool is_gone = env->object_cell[object] == GW_NONE;
    bool converts = kind->style == GW_STYLE_PUT_GET;
    bool may_hold = !is_gone && (converts || kind->style == GW_STYLE_CHEST);

    bool moved = env->object_cell[object] != env->world->object_cell[object];
    bool stands = !moved || (kind->is_swappable && is_open(env->world, env->object_cell[object]));
    bool hits = env->object_hp[object] <= kind->hp && (kind->hp == 0 || env->object_hp[object] > 0);
    bool place = is_gone ? kind->hp > 0 && env->object_hp[object] == 0 : stands && hits;
    bool soon = is_busy ? !is_gone && ready > tick && ready - tick <= longest : ready <= tick;
    bool timing = env->object_busy[object] <= GW_COOLING && ready >= 0 && soon &&
                  (env->object_busy[object] != GW_CONVERTING || converts);
    return place && timing && env->object_uses[object] >= 0 && env->object_uses[object] <= kind->max_uses &&
           (may_hold ? store_is_sound(env, object) : is_empty(batch, env, object));
}

static bool objects_are_sound(const gw_batch *batch, const gw_env *env)
{
    for (int32_t object = 0; object < batch->max_objects; ++object) {
        if (object < env->world->object_count) {
            if (!object_is_sound(batch, env, object)) {
                return false;
            }
        } else if (env->object_cell[object] != 0 || env->object_ready_tick[object] != 0 ||
                   env->object_uses[object] != 0 || env->object_hp[object] != 0 || env->object_busy[object] != 0 ||
                   !is_empty(batch, env, object)) {
            return false;
        }
    }
    return true;
}

static bool state_is_sound(const gw_batch *batch, const gw_env *env)
{
    const gw_env_head *head = env->head;
    if (head->tick < 0 || head->tick >= gw_last_tick(batch->rules) || head->episode < 0 || head->episode == INT64_MAX ||
        head->stream_env < 0) {
        return false;
    }
    for (int32_t agent = 0; agent < batch->spec.agent_count; ++agent) {
        if (!agent_is_sound(batch, env, agent)) {
            return false;
        }
    }
    return objects_are_sound(batch, env) && cells_are_distinct(batch, env);
}

static gw_status check_states(const gw_batch *batch, const uint8_t *states, int32_t env_count, gw_error *error)
{
    for (int32_t i = 0; i < env_count; ++i) {
        // Only the state part is read, and nothing written: the buffer is the caller's.
        uint8_t *state = (uint8_t *)(uintptr_t)states + (size_t)i * (size_t)batch->layout.state_size;
        gw_env_head head;
        memcpy(&head, state, sizeof head);
        if (head.world < 0 || head.world >= batch->world_count) {
            return bad_snapshot(error, "the snapshot names a world that this batch does not have");
        }
        gw_env env = gw_env_in_block(batch, state);
        if (!state_is_sound(batch, &env)) {
            return bad_snapshot(error, "the snapshot describes a state that the rules cannot reach");
        }
    }
    return GW_OK;
}

gw_status gw_batch_load(gw_batch *batch, int32_t env_first, int32_t env_count, const uint8_t *buffer, int64_t size,
                        gw_error *error)
{
    if (batch == NULL || buffer == NULL || !is_range(batch, env_first, env_count) || (uintptr_t)buffer % 8 != 0) {
        return gw_fail(error, GW_INVALID_ARGUMENT,
                       "gw_batch_load needs envs of this batch and an 8-byte aligned buffer");
    }
    if (size < (int64_t)sizeof(gw_snapshot_head)) {
        return bad_snapshot(error, "the snapshot is cut short");
    }
    if (!gw_batch_enter(batch)) {
        return gw_fail(error, GW_BUSY, "another thread is inside this batch");
    }
    gw_snapshot_head head;
    memcpy(&head, buffer, sizeof head);
    const uint8_t *states = buffer + sizeof head;
    gw_status status = check_head(batch, &head, env_count, size, states, error);
    if (status == GW_OK) {
        status = check_states(batch, states, env_count, error);
    }
    for (int32_t i = 0; status == GW_OK && i < env_count; ++i) {
        size_t state_size = (size_t)batch->layout.state_size;
        memcpy(state_of(batch, env_first + i), states + (size_t)i * state_size, state_size);
        gw_env *env = &batch->envs[env_first + i];
        gw_env_enter_world(batch, env);
        gw_planes_rebuild(env);
    }
    gw_batch_leave(batch);
    return status;
}

gw_status gw_batch_hash(gw_batch *batch, uint64_t *hash)
{
    if (batch == NULL || hash == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    if (!gw_batch_enter(batch)) {
        return GW_BUSY;
    }
    uint64_t value = batch->worlds_hash;
    for (int32_t i = 0; i < batch->env_count; ++i) {
        value = gw_hash_bytes(value, state_of(batch, i), (size_t)batch->layout.state_size);
    }
    *hash = value;
    gw_batch_leave(batch);
    return GW_OK;
}

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

static bool inside_map(const gw_world *world, int32_t cell)
{
    return 0 <= cell && cell < world->padded_count && world->kind_plane[cell] == GW_CODE_EMPTY;
}

// No two agents in a cell: marks are set on the way and always wiped again.
static bool cells_are_distinct(const gw_batch *batch, const gw_env *env)
{
    int32_t marked = 0;
    bool distinct = true;
    for (; marked < batch->spec.agent_count && distinct; ++marked) {
        distinct = !batch->marks[env->agent_cell[marked]];
        batch->marks[env->agent_cell[marked]] = 1;
    }
    for (int32_t agent = 0; agent < marked; ++agent) {
        batch->marks[env->agent_cell[agent]] = 0;
    }
    return distinct;
}

static bool agent_is_sound(const gw_batch *batch, const gw_env *env, int32_t agent)
{
    const gw_rules_def *rules = batch->rules;
    const uint16_t *inventory = env->inventory + agent * rules->resource_count;
    bool sound = inside_map(env->world, env->agent_cell[agent]) && env->facing[agent] < GW_DIRECTION_COUNT &&
                 env->last_action[agent] >= GW_NONE && env->last_action[agent] < rules->action_count &&
                 env->last_result[agent] < GW_RESULT_COUNT && isfinite(env->step_reward[agent]) &&
                 isfinite(env->episode_return[agent]);
    for (int32_t r = 0; r < rules->resource_count; ++r) {
        sound = sound && inventory[r] <= rules->resources[r].limit;
    }
    const int32_t *stats = env->stats + agent * batch->spec.stat_count;
    for (int32_t s = 0; s < batch->spec.stat_count; ++s) {
        bool counts_units = s < 2 * rules->resource_count; // the others go up by one a tick at most
        sound = sound && stats[s] >= 0 && (counts_units || stats[s] <= env->head->tick);
    }
    for (int32_t t = 0; t < rules->term_count && sound; ++t) {
        const gw_term_def *term = &rules->terms[t];
        int32_t at = agent * rules->term_count + t;
        int32_t now = term->kind == GW_TERM_EVENT ? stats[term->source] : inventory[term->source];
        sound = env->term_seen[at] == now && isfinite(env->ledger_step[at]) && isfinite(env->ledger_episode[at]);
    }
    return sound;
}

static bool objects_are_sound(const gw_batch *batch, const gw_env *env)
{
    int32_t tick = env->head->tick;
    for (int32_t object = 0; object < batch->max_objects; ++object) {
        bool used = object < env->world->object_count;
        const gw_kind_def *kind = used ? &batch->rules->kinds[env->world->object_kind[object]] : NULL;
        int32_t longest = used ? kind->cooldown : 0;
        int32_t most = used ? kind->max_uses : 0;
        int32_t ready = env->object_ready_tick[object];
        int32_t uses = env->object_uses[object];
        if (ready < 0 || uses < 0 || uses > most || (ready > tick && ready - tick > longest) || (!used && ready != 0)) {
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
        gw_env env = gw_env_at(batch, env_first + i);
        gw_planes_rebuild(&env);
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

// step.c: the narrative of one step. See the head of gridworld.h for the order of things.
#include "internal.h"

typedef struct gw_step_job {
    gw_batch *batch;
    const gw_io *io;
} gw_step_job;

// Fisher-Yates over the agents, drawn from the env's order stream at this tick.
static void draw_order(const gw_env *env, int32_t *order)
{
    int32_t agent_count = env->world->rules.agent_count;
    order[0] = 0;
    if (agent_count == 1) {
        return;
    }
    uint64_t key = gw_stream_key(env->head->seed, env->head->stream_env, env->head->episode, GW_PURPOSE_ORDER);
    uint64_t counter = (uint64_t)env->head->tick * (uint64_t)agent_count;
    for (int32_t i = 0; i < agent_count; ++i) {
        order[i] = i;
    }
    for (int32_t i = agent_count - 1; i > 0; --i) {
        int32_t j = gw_draw_below(key, counter + (uint64_t)i, i + 1);
        int32_t agent = order[i];
        order[i] = order[j];
        order[j] = agent;
    }
}

static void count_motion(gw_env *env, int32_t agent, int32_t cell_before)
{
    int32_t *longest = gw_stats_of(env, agent) + env->world->stat.still;
    env->still[agent] = env->agent_cell[agent] == cell_before ? env->still[agent] + 1 : 0;
    *longest = env->still[agent] > *longest ? env->still[agent] : *longest;
}

static void take_turn(gw_env *env, int32_t agent, int32_t action)
{
    const gw_stat_map *stat = &env->world->stat;
    int32_t *stats = gw_stats_of(env, agent);
    int32_t cell_before = env->agent_cell[agent];
    gw_result result = gw_agent_turn_taken(env, agent, action);
    bool success = result == GW_RESULT_SUCCESS;
    stats[stat->action_first + 2 * action + !success] += 1;
    stats[stat->failed] += !success;
    env->last_action[agent] = (int16_t)action;
    env->last_result[agent] = (uint8_t)result;
    if (result != GW_RESULT_FROZEN) {
        count_motion(env, agent, cell_before);
    }
}

static void refuse(gw_env *env, int32_t agent)
{
    int32_t *stats = gw_stats_of(env, agent);
    stats[env->world->stat.failed] += 1;
    stats[env->world->stat.invalid] += 1;
    env->last_action[agent] = GW_NONE;
    env->last_result[agent] = GW_RESULT_INVALID;
}

static bool is_action(const gw_rules_def *rules, int32_t action)
{
    return 0 <= action && action < rules->action_count;
}

// All intents are in `actions` already; nobody's choice can depend on who went first.
static void act_all(gw_env *env, const int32_t *actions, int32_t *order)
{
    const gw_world *world = env->world;
    const gw_rules_def *rules = &world->rules;
    draw_order(env, order);
    for (int32_t p = 0; p < world->priority_count; ++p) {
        for (int32_t i = 0; i < rules->agent_count; ++i) {
            int32_t agent = order[i];
            int32_t action = actions[agent];
            if (is_action(rules, action) && rules->actions[action].priority == world->priorities[p]) {
                take_turn(env, agent, action);
            }
        }
    }
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        if (!is_action(rules, actions[agent])) {
            refuse(env, agent);
        }
        gw_stats_of(env, agent)[world->stat.steps] += 1;
    }
}

// Remember the finished episode in the env's own slot; the caller's thread collects the slots in env order.
static void record_episode(gw_batch *batch, const gw_env *env, int32_t index, bool terminated)
{
    const gw_rules_def *rules = batch->rules;
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        int32_t row = index * rules->agent_count + agent;
        batch->last_episode[row] = (gw_episode){
            .env = batch->first_env + index,
            .agent = agent,
            .group = rules->agent_group[agent],
            .world = env->head->world,
            .episode = env->head->episode,
            .length = env->head->tick,
            .episode_return = env->episode_return[agent],
            .terminated = terminated,
            .truncated = !terminated,
        };
    }
    size_t agents = (size_t)rules->agent_count;
    size_t terms = agents * (size_t)batch->spec.term_count;
    size_t stats = agents * (size_t)batch->spec.stat_count;
    memcpy(batch->last_terms + (size_t)index * terms, env->ledger_episode, terms * sizeof(float));
    memcpy(batch->last_stats + (size_t)index * stats, env->stats, stats * sizeof(int32_t));
    batch->ended[index] = 1;
}

static void report(const gw_env *env, const gw_io *io, int32_t row, bool terminated, bool truncated)
{
    int32_t agent_count = env->world->rules.agent_count;
    size_t size = (size_t)agent_count;
    memcpy(io->rewards + row, env->step_reward, size * sizeof(float));
    memset(io->terminated + row, terminated, size);
    memset(io->truncated + row, truncated, size);
    if (io->results != NULL) {
        memcpy(io->results + row, env->last_result, size);
    }
}

static bool is_retired(const gw_batch *batch, int32_t world)
{
    const uint64_t *to = batch->world_weights_to;
    return batch->retires_worlds && to[world] == (world > 0 ? to[world - 1] : 0);
}

static void step_env(gw_batch *batch, const gw_io *io, int32_t index, int32_t *order)
{
    gw_env *env = &batch->envs[index];
    const gw_rules_def *rules = batch->rules;
    int32_t row = index * rules->agent_count;
    size_t observations_at = (size_t)row * (size_t)batch->spec.observation_size;

    env->head->tick += 1;
    gw_objects_tick(env);
    if (env->world->regen_count > 0) {
        gw_agents_regenerate(env);
    }
    act_all(env, io->actions + row, order);
    if (rules->tag.is_on) {
        gw_tag_tick(env, order);
    }
    if (env->world->has_sight) {
        gw_sight_update(env);
    }
    if (rules->perception.counts_sight) {
        gw_sight_count(env);
    }

    bool terminated = gw_episode_terminated(env);
    bool is_over = env->head->tick >= gw_last_tick(rules) || is_retired(batch, env->head->world);
    bool truncated = !terminated && is_over;
    if (terminated || truncated) {
        gw_tag_settle(env);
    }
    gw_rewards_settle(env, terminated || truncated);
    report(env, io, row, terminated, truncated);

    if (terminated || truncated) {
        if (io->final_observations != NULL) {
            gw_env_write_observations(env, io->final_observations + observations_at, false); // nobody acts upon it
        }
        record_episode(batch, env, index, terminated);
        env->head->episode += 1;
        gw_env_start_episode(batch, env);
    }
    gw_env_write_observations(env, io->observations + observations_at, true);
    if (io->action_masks != NULL) {
        gw_env_write_masks(env, io->action_masks + (ptrdiff_t)row * rules->action_count);
    }
}

// Ask for the memory of the env that comes next while this one is computed: batches are larger than caches. What is
// looked up by cell only where something happens is left out.
static void fetch_ahead(const gw_batch *batch, const gw_env *env)
{
    const gw_layout *layout = &batch->layout;
    const uint8_t *block = (const uint8_t *)env->head;
    for (int32_t at = 0; at < layout->state_size; at += GW_CACHE_LINE) {
        __builtin_prefetch(block + at);
    }
    for (int32_t at = layout->seen_from; at < layout->block_size; at += GW_CACHE_LINE) {
        __builtin_prefetch(block + at);
    }
}

static void step_slice(void *context, int32_t first, int32_t last)
{
    gw_step_job *job = context;
    int32_t order[GW_MAX_AGENTS]; // on the stack, so that no two workers write to one cache line
    for (int32_t index = first; index < last; ++index) {
        if (index + 1 < last) {
            fetch_ahead(job->batch, &job->batch->envs[index + 1]);
        }
        step_env(job->batch, job->io, index, order);
    }
}

// Newest wins: the oldest finished episode gives way when nobody came for it.
static void ring_push(gw_batch *batch, int32_t row)
{
    size_t terms = (size_t)batch->spec.term_count;
    size_t stats = (size_t)batch->spec.stat_count;
    int32_t slot = (batch->ring_first + batch->ring_count) % batch->ring_capacity;
    if (batch->ring_count == batch->ring_capacity) {
        batch->ring_first = (batch->ring_first + 1) % batch->ring_capacity;
        batch->ring_dropped += 1;
    } else {
        batch->ring_count += 1;
    }
    batch->ring[slot] = batch->last_episode[row];
    memcpy(batch->ring_terms + (size_t)slot * terms, batch->last_terms + (size_t)row * terms, terms * sizeof(float));
    memcpy(batch->ring_stats + (size_t)slot * stats, batch->last_stats + (size_t)row * stats, stats * sizeof(int32_t));
}

static void collect_episodes(gw_batch *batch)
{
    int32_t agent_count = batch->rules->agent_count;
    for (int32_t index = 0; index < batch->env_count; ++index) {
        if (!batch->ended[index]) {
            continue;
        }
        batch->ended[index] = 0;
        for (int32_t agent = 0; agent < agent_count; ++agent) {
            ring_push(batch, index * agent_count + agent);
        }
    }
}

gw_status gw_batch_step(gw_batch *batch, const gw_io *io)
{
    if (batch == NULL || io == NULL || io->observations == NULL || io->actions == NULL || io->rewards == NULL ||
        io->terminated == NULL || io->truncated == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    if (!gw_batch_enter(batch)) {
        return GW_BUSY;
    }
    gw_step_job job = {batch, io};
    gw_pool_run(batch->pool, step_slice, &job, batch->env_count);
    collect_episodes(batch);
    gw_batch_leave(batch);
    return GW_OK;
}

// tag.c: tagging, as in hide-and-seek: who tags whom, how surely, and what it does.
#include "internal.h"

static bool is_role(const gw_env *env, int32_t agent, int32_t role)
{
    return gw_role_of(&env->world->rules, agent) == role;
}

// Whether this pair could be decided now, chance aside. A frozen target is out of the game until it thaws.
bool gw_agent_may_tag(const gw_env *env, int32_t agent, int32_t target)
{
    const gw_tag_def *tag = &env->world->rules.tag;
    return tag->is_on && is_role(env, agent, tag->tagger_role) && is_role(env, target, tag->target_role) &&
           env->frozen[agent] == 0 && env->frozen[target] == 0;
}

// Each pair has its own draw in each tick, so no result depends on who else tried.
static bool chance_is_kind(const gw_env *env, int32_t agent, int32_t target)
{
    const gw_rules_def *rules = &env->world->rules;
    if (rules->tag.chance_percent >= 100) {
        return true;
    }
    const gw_env_head *head = env->head;
    uint64_t key = gw_stream_key(head->seed, head->stream_env, head->episode, GW_PURPOSE_EVENT);
    uint64_t pair = (uint64_t)agent * (uint64_t)rules->agent_count + (uint64_t)target;
    uint64_t pairs = (uint64_t)rules->agent_count * (uint64_t)rules->agent_count;
    return gw_draw_below(key, (uint64_t)head->tick * pairs + pair, 100) < rules->tag.chance_percent;
}

gw_result gw_agent_tag(gw_env *env, int32_t agent, int32_t target)
{
    const gw_stat_map *stat = &env->world->stat;
    if (!chance_is_kind(env, agent, target)) {
        gw_count(gw_stats_of(env, agent) + stat->misses, 1);
        return GW_RESULT_MISSED;
    }
    gw_count(gw_stats_of(env, agent) + stat->tags, 1);
    gw_count(gw_stats_of(env, target) + stat->tagged, 1);
    gw_agent_freeze(env, target, env->world->rules.tag.freeze_turns);
    return GW_RESULT_SUCCESS;
}

// The hide phase: taggers lose their first turns.
void gw_tag_start(gw_env *env)
{
    const gw_tag_def *tag = &env->world->rules.tag;
    for (int32_t agent = 0; tag->is_on && agent < env->world->rules.agent_count; ++agent) {
        if (is_role(env, agent, tag->tagger_role)) {
            env->frozen[agent] = (uint16_t)tag->hide_ticks;
        }
    }
}

// By adjacency: every tagger tries every target beside it, taggers in this tick's order, directions by id.
void gw_tag_tick(gw_env *env, const int32_t *order)
{
    const gw_rules_def *rules = &env->world->rules;
    if (!rules->tag.is_on || rules->tag.range != GW_TAG_ADJACENT) {
        return;
    }
    for (int32_t i = 0; i < rules->agent_count; ++i) {
        int32_t agent = order[i];
        for (int32_t d = 0; d < GW_DIRECTION_COUNT; ++d) {
            int32_t target = env->agent_at[env->agent_cell[agent] + env->world->direction_offset[d]];
            if (target != GW_NONE && gw_agent_may_tag(env, agent, target)) {
                gw_agent_tag(env, agent, target);
            }
        }
    }
}

static int32_t count_caught(const gw_env *env, int32_t *targets)
{
    const gw_rules_def *rules = &env->world->rules;
    int32_t caught = 0;
    *targets = 0;
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        if (is_role(env, agent, rules->tag.target_role)) {
            *targets += 1;
            caught += env->frozen[agent] == GW_FOREVER;
        }
    }
    return caught;
}

bool gw_tag_all_caught(const gw_env *env)
{
    int32_t targets = 0;
    return env->world->rules.tag.is_on && count_caught(env, &targets) == targets && targets > 0;
}

// In the step that ends the episode, before rewards: what the game came to.
void gw_tag_settle(gw_env *env)
{
    const gw_rules_def *rules = &env->world->rules;
    const gw_stat_map *stat = &env->world->stat;
    if (!rules->tag.is_on) {
        return;
    }
    int32_t targets = 0;
    int32_t caught = count_caught(env, &targets);
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        int32_t *stats = gw_stats_of(env, agent);
        if (is_role(env, agent, rules->tag.tagger_role)) {
            gw_count(stats + stat->caught_all, caught == targets);
            gw_count(stats + stat->caught_none, caught == 0);
        }
        if (is_role(env, agent, rules->tag.target_role)) {
            gw_count(stats + stat->survived, env->frozen[agent] != GW_FOREVER);
        }
    }
}

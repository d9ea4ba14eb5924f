// rewards.c: reward terms, shared rewards, the ledger, and the rule that ends an episode.
#include "internal.h"

// What a count is worth in total this episode.
static float contribution(const gw_term_def *term, int32_t count)
{
    float value = term->weight * (float)count;
    if (term->cap > 0.0f && value > term->cap) {
        return term->cap;
    }
    if (term->cap > 0.0f && value < -term->cap) {
        return -term->cap;
    }
    return value;
}

// Without a cap the change is exact; a difference of two sums would add rounding to every step.
static float pay_for_change(const gw_term_def *term, int32_t before, int32_t now)
{
    if (term->cap > 0.0f) {
        return contribution(term, now) - contribution(term, before);
    }
    return term->weight * (float)(now - before);
}

static inline int32_t own_count(const gw_env *env, const gw_term_def *term, int32_t agent)
{
    return term->kind == GW_TERM_EVENT ? gw_stats_of(env, agent)[term->source]
                                       : gw_inventory_of(env, agent)[term->source];
}

// Counts of the terms that look beyond one agent, summed once for everybody: by term and group.
typedef struct scope_sums {
    int32_t of[GW_MAX_TERMS][GW_MAX_GROUPS];
} scope_sums;

static void sum_scopes(const gw_env *env, scope_sums *sums)
{
    const gw_rules_def *rules = &env->world->rules;
    for (int32_t t = 0; t < rules->term_count; ++t) {
        const gw_term_def *term = &rules->terms[t];
        if (term->scope == GW_SCOPE_AGENT) {
            continue;
        }
        int32_t world = 0;
        memset(sums->of[t], 0, sizeof sums->of[t]);
        for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
            int32_t count = own_count(env, term, agent);
            gw_count(&sums->of[t][rules->agent_group[agent]], count);
            gw_count(&world, count);
        }
        for (int32_t group = 0; term->scope == GW_SCOPE_WORLD && group < rules->group_count; ++group) {
            sums->of[t][group] = world;
        }
    }
}

static inline int32_t count_of(const gw_env *env, const scope_sums *sums, int32_t t, int32_t agent)
{
    const gw_rules_def *rules = &env->world->rules;
    const gw_term_def *term = &rules->terms[t];
    return term->scope == GW_SCOPE_AGENT ? own_count(env, term, agent) : sums->of[t][rules->agent_group[agent]];
}

// What one starts with is not earned: a holding term pays for changes from here on. One that pays at the end
// pays for all that is held then.
void gw_terms_start(gw_env *env)
{
    const gw_rules_def *rules = &env->world->rules;
    scope_sums sums;
    sum_scopes(env, &sums);
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        for (int32_t t = 0; t < rules->term_count; ++t) {
            const gw_term_def *term = &rules->terms[t];
            bool holds = term->kind == GW_TERM_HOLDING && !term->at_end;
            env->term_seen[agent * rules->term_count + t] = holds ? count_of(env, &sums, t, agent) : 0;
        }
    }
}

static void pay_terms(gw_env *env, const scope_sums *sums, int32_t agent, bool ends)
{
    const gw_rules_def *rules = &env->world->rules;
    int32_t role = gw_role_of(rules, agent);
    int32_t seen_at = agent * rules->term_count;
    int32_t ledger_at = agent * env->world->spec.term_count;
    float reward = 0.0f;
    for (int32_t t = 0; t < rules->term_count; ++t) {
        const gw_term_def *term = &rules->terms[t];
        bool is_due = (term->role == GW_NONE || term->role == role) && (!term->at_end || ends);
        int32_t before = env->term_seen[seen_at + t];
        int32_t now = is_due ? count_of(env, sums, t, agent) : before;
        float pay = now == before ? 0.0f : pay_for_change(term, before, now);
        env->term_seen[seen_at + t] = now;
        env->ledger_step[ledger_at + t] = pay;
        env->ledger_episode[ledger_at + t] += pay;
        reward += pay;
    }
    env->step_reward[agent] = reward;
}

// Each member keeps its part and gets an equal part of what the group pools. The ledger's last column says
// what sharing gave or took.
static void share(gw_env *env, int32_t group)
{
    const gw_rules_def *rules = &env->world->rules;
    float part = (float)rules->group_share_percent[group] / 100.0f;
    float pool = 0.0f;
    int32_t members = 0;
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        if (rules->agent_group[agent] == group) {
            pool += part * env->step_reward[agent];
            members += 1;
        }
    }
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        if (rules->agent_group[agent] == group) {
            float change = pool / (float)members - part * env->step_reward[agent];
            int32_t at = agent * env->world->spec.term_count + rules->term_count;
            env->step_reward[agent] += change;
            env->ledger_step[at] = change;
            env->ledger_episode[at] += change;
        }
    }
}

// Pay every agent what each term owes it since the last step, in table order.
void gw_rewards_settle(gw_env *env, bool ends)
{
    const gw_rules_def *rules = &env->world->rules;
    scope_sums sums;
    sum_scopes(env, &sums);
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        pay_terms(env, &sums, agent, ends);
    }
    for (int32_t group = 0; env->world->shares && group < rules->group_count; ++group) {
        share(env, group);
    }
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        env->episode_return[agent] += env->step_reward[agent];
    }
}

static bool holdings_reached(const gw_env *env)
{
    const gw_rules_def *rules = &env->world->rules;
    const gw_end_def *end = &rules->end;
    if (end->resource == GW_NONE) {
        return false;
    }
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        bool reached = gw_inventory_of(env, agent)[end->resource] >= end->amount;
        if (reached != end->all_agents) {
            return reached; // one is enough and here it is, or all must and this one has not
        }
    }
    return end->all_agents;
}

bool gw_episode_terminated(const gw_env *env)
{
    return holdings_reached(env) || (env->world->rules.tag.ends_when_all_caught && gw_tag_all_caught(env));
}

// rewards.c: reward terms, the ledger, and the rule that ends an episode.
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

// Pay every agent what each term owes it since the last step, in table order.
void gw_rewards_settle(gw_env *env)
{
    const gw_rules_def *rules = &env->world->rules;
    int32_t stat_count = env->world->spec.stat_count;
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        const int32_t *stats = env->stats + agent * stat_count;
        const uint16_t *inventory = env->inventory + agent * rules->resource_count;
        int32_t at = agent * rules->term_count;
        float reward = 0.0f;
        for (int32_t t = 0; t < rules->term_count; ++t) {
            const gw_term_def *term = &rules->terms[t];
            int32_t now = term->kind == GW_TERM_EVENT ? stats[term->source] : inventory[term->source];
            float pay = pay_for_change(term, env->term_seen[at + t], now);
            env->term_seen[at + t] = now;
            env->ledger_step[at + t] = pay;
            env->ledger_episode[at + t] += pay;
            reward += pay;
        }
        env->step_reward[agent] = reward;
        env->episode_return[agent] += reward;
    }
}

bool gw_episode_terminated(const gw_env *env)
{
    const gw_rules_def *rules = &env->world->rules;
    const gw_end_def *end = &rules->end;
    if (end->resource == GW_NONE) {
        return false;
    }
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        bool reached = env->inventory[agent * rules->resource_count + end->resource] >= end->amount;
        if (reached != end->all_agents) {
            return reached; // one is enough and here it is, or all must and this one has not
        }
    }
    return end->all_agents;
}

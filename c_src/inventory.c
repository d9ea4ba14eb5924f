// inventory.c: what agents hold. No positive change ever takes anything away, and no negative one goes below 0.
#include "internal.h"

// Units of a resource that still fit, by its own limit and by that of its group.
int32_t gw_room_for(const gw_env *env, const uint16_t *inventory, int32_t resource)
{
    const gw_rules_def *rules = &env->world->rules;
    int32_t room = rules->resources[resource].limit - inventory[resource];
    int32_t group = rules->resources[resource].limit_group;
    if (group != GW_NONE) {
        int32_t shared = rules->limit_groups[group].limit;
        for (int32_t r = 0; r < rules->resource_count; ++r) {
            shared -= rules->resources[r].limit_group == group ? inventory[r] : 0;
        }
        room = shared < room ? shared : room;
    }
    return room > 0 ? room : 0;
}

void gw_agent_gain(gw_env *env, int32_t agent, int32_t resource, int32_t units)
{
    uint16_t *held = gw_inventory_of(env, agent) + resource;
    *held = (uint16_t)(*held + units);
    gw_count(gw_stats_of(env, agent) + resource * env->world->stat.resource_stride, units);
}

void gw_agent_lose(gw_env *env, int32_t agent, int32_t resource, int32_t units)
{
    uint16_t *held = gw_inventory_of(env, agent) + resource;
    *held = (uint16_t)(*held - units);
    gw_count(gw_stats_of(env, agent) + resource * env->world->stat.resource_stride + 1, units);
}

bool gw_agent_has(const gw_env *env, int32_t agent, const gw_amounts *amounts)
{
    const uint16_t *inventory = gw_inventory_of(env, agent);
    for (int32_t i = 0; i < amounts->count; ++i) {
        if (inventory[amounts->items[i].resource] < amounts->items[i].units) {
            return false;
        }
    }
    return true;
}

// Take a cost out of the inventory before it is known whether it is due; no stat hears of it.
void gw_agent_set_aside(const gw_env *env, int32_t agent, const gw_amounts *amounts)
{
    uint16_t *inventory = gw_inventory_of(env, agent);
    for (int32_t i = 0; i < amounts->count; ++i) {
        int32_t resource = amounts->items[i].resource;
        inventory[resource] = (uint16_t)(inventory[resource] - amounts->items[i].units);
    }
}

void gw_agent_give_back(const gw_env *env, int32_t agent, const gw_amounts *amounts)
{
    uint16_t *inventory = gw_inventory_of(env, agent);
    for (int32_t i = 0; i < amounts->count; ++i) {
        int32_t resource = amounts->items[i].resource;
        inventory[resource] = (uint16_t)(inventory[resource] + amounts->items[i].units);
    }
}

void gw_agent_spend(gw_env *env, int32_t agent, const gw_amounts *amounts)
{
    for (int32_t i = 0; i < amounts->count; ++i) {
        gw_agent_lose(env, agent, amounts->items[i].resource, amounts->items[i].units);
    }
}

// Units that regeneration brings, or takes if negative, at a tick at which it is due.
static int32_t regenerated(const gw_env *env, const uint16_t *inventory, int32_t resource)
{
    int32_t amount = env->world->rules.resources[resource].regen_amount;
    int32_t most = amount > 0 ? gw_room_for(env, inventory, resource) : inventory[resource];
    int32_t units = amount > 0 ? amount : -amount;
    units = units < most ? units : most;
    return amount > 0 ? units : -units;
}

static bool is_due(const gw_env *env, int32_t resource)
{
    return env->head->tick % env->world->rules.resources[resource].regen_interval == 0;
}

void gw_agents_regenerate(gw_env *env)
{
    const gw_world *world = env->world;
    for (int32_t i = 0; i < world->regen_count; ++i) {
        int32_t resource = world->regen[i];
        for (int32_t agent = 0; is_due(env, resource) && agent < world->rules.agent_count; ++agent) {
            int32_t change = regenerated(env, gw_inventory_of(env, agent), resource);
            if (change > 0) {
                gw_agent_gain(env, agent, resource, change);
            } else if (change < 0) {
                gw_agent_lose(env, agent, resource, -change);
            }
        }
    }
}

// The same for one agent and without a trace in its stats.
void gw_agent_foresee_holdings(const gw_env *env, int32_t agent)
{
    const gw_world *world = env->world;
    uint16_t *inventory = gw_inventory_of(env, agent);
    for (int32_t i = 0; i < world->regen_count; ++i) {
        int32_t resource = world->regen[i];
        if (is_due(env, resource)) {
            inventory[resource] = (uint16_t)(inventory[resource] + regenerated(env, inventory, resource));
        }
    }
}

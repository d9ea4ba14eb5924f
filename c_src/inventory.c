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

void gw_agent_spend(gw_env *env, int32_t agent, const gw_amounts *amounts)
{
    for (int32_t i = 0; i < amounts->count; ++i) {
        gw_agent_lose(env, agent, amounts->items[i].resource, amounts->items[i].units);
    }
}

static void regenerate(gw_env *env, int32_t agent, int32_t resource, int32_t amount)
{
    const uint16_t *inventory = gw_inventory_of(env, agent);
    if (amount > 0) {
        int32_t room = gw_room_for(env, inventory, resource);
        int32_t units = amount < room ? amount : room;
        if (units > 0) {
            gw_agent_gain(env, agent, resource, units);
        }
        return;
    }
    int32_t units = -amount < inventory[resource] ? -amount : inventory[resource];
    if (units > 0) {
        gw_agent_lose(env, agent, resource, units);
    }
}

void gw_agents_regenerate(gw_env *env)
{
    const gw_world *world = env->world;
    for (int32_t i = 0; i < world->regen_count; ++i) {
        int32_t resource = world->regen[i];
        const gw_resource_def *def = &world->rules.resources[resource];
        if (env->head->tick % def->regen_interval != 0) {
            continue;
        }
        for (int32_t agent = 0; agent < world->rules.agent_count; ++agent) {
            regenerate(env, agent, resource, def->regen_amount);
        }
    }
}

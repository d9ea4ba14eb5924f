// combat.c: what a turn costs before it begins, attacks, shields, freezing.
#include "internal.h"

enum { GW_ATTACK_ROWS = 3 };

void gw_agent_freeze(gw_env *env, int32_t agent, int32_t turns)
{
    env->frozen[agent] = (uint16_t)turns;
    gw_agent_show(env, agent);
}

static void drop_shield(gw_env *env, int32_t agent)
{
    env->shield[agent] = 0;
    gw_agent_show(env, agent);
}

static void keep_shield_up(gw_env *env, int32_t agent)
{
    const gw_combat_def *combat = &env->world->rules.combat;
    int32_t held = gw_inventory_of(env, agent)[combat->shield];
    int32_t units = combat->shield_upkeep < held ? combat->shield_upkeep : held;
    gw_agent_lose(env, agent, combat->shield, units);
    gw_count(gw_stats_of(env, agent) + env->world->stat.shield_ticks, 1);
    if (units == held) {
        drop_shield(env, agent);
    }
}

// Shield upkeep, then freezing. False if the agent loses this turn: a freeze of N costs N of its own turns.
bool gw_turn_begins(gw_env *env, int32_t agent)
{
    if (env->shield[agent]) {
        keep_shield_up(env, agent);
    }
    if (env->frozen[agent] == 0) {
        return true;
    }
    gw_count(gw_stats_of(env, agent) + env->world->stat.frozen_ticks, 1);
    if (env->frozen[agent] != GW_FOREVER) {
        env->frozen[agent] = (uint16_t)(env->frozen[agent] - 1);
        gw_agent_show(env, agent);
    }
    return false;
}

bool gw_shield_can_rise(const gw_env *env, int32_t agent)
{
    const gw_combat_def *combat = &env->world->rules.combat;
    int32_t held = gw_inventory_of(env, agent)[combat->shield];
    return held > 0 && held >= combat->shield_upkeep;
}

// What the upkeep of the next turn will leave, without a trace in stats and planes.
void gw_agent_foresee_upkeep(const gw_env *env, int32_t agent)
{
    const gw_combat_def *combat = &env->world->rules.combat;
    if (!env->shield[agent]) {
        return;
    }
    uint16_t *held = gw_inventory_of(env, agent) + combat->shield;
    *held = (uint16_t)(*held - (combat->shield_upkeep < *held ? combat->shield_upkeep : *held));
    env->shield[agent] = *held > 0;
}

gw_result gw_agent_toggle_shield(gw_env *env, int32_t agent)
{
    if (env->shield[agent]) {
        drop_shield(env, agent);
        return GW_RESULT_SUCCESS;
    }
    if (!gw_shield_can_rise(env, agent)) {
        return GW_RESULT_NO_RESOURCE;
    }
    env->shield[agent] = 1;
    gw_agent_show(env, agent);
    return GW_RESULT_SUCCESS;
}

// ---- Who is hit

// The direction to the left of a facing; to the right is its opposite.
static int32_t left_of(int32_t facing)
{
    static const int32_t left[GW_DIRECTION_COUNT] = {GW_WEST,      GW_EAST,      GW_SOUTH,     GW_NORTH,
                                                     GW_SOUTHWEST, GW_NORTHWEST, GW_SOUTHEAST, GW_NORTHEAST};
    return left[facing];
}

// A cell `ahead` rows in front and `aside` cells to the left (right if negative), or GW_NONE beyond the map.
// By rows and columns: an offset could step over the border into the next row.
static int32_t cell_in_front(const gw_env *env, int32_t agent, int32_t ahead, int32_t aside)
{
    static const int32_t rows[GW_DIRECTION_COUNT] = {-1, 1, 0, 0, -1, -1, 1, 1};
    static const int32_t columns[GW_DIRECTION_COUNT] = {0, 0, -1, 1, -1, 1, -1, 1};
    const gw_world *world = env->world;
    int32_t facing = env->facing[agent];
    int32_t left = left_of(facing);
    int32_t row = env->agent_cell[agent] / world->padded_width - world->padding;
    int32_t column = env->agent_cell[agent] % world->padded_width - world->padding;
    row += ahead * rows[facing] + aside * rows[left];
    column += ahead * columns[facing] + aside * columns[left];
    if (row < 0 || row >= world->spec.map_height || column < 0 || column >= world->spec.map_width) {
        return GW_NONE;
    }
    return (row + world->padding) * world->padded_width + column + world->padding;
}

static int32_t nth_agent(const gw_env *env, int32_t agent, int32_t wanted)
{
    static const int32_t aside[] = {0, 1, -1};
    int32_t met = GW_NONE;
    int32_t count = 0;
    for (int32_t ahead = 1; ahead <= GW_ATTACK_ROWS; ++ahead) {
        for (int32_t side = 0; side < 3; ++side) {
            int32_t cell = cell_in_front(env, agent, ahead, aside[side]);
            if (cell == GW_NONE || env->agent_at[cell] == GW_NONE) {
                continue;
            }
            met = env->agent_at[cell];
            if (count++ == wanted) {
                return met;
            }
        }
    }
    return met;
}

static int32_t cell_aimed_at(const gw_env *env, int32_t agent, int32_t argument)
{
    return cell_in_front(env, agent, 1 + (argument - 1) / 3, 1 - (argument - 1) % 3);
}

static int32_t object_aimed_at(const gw_env *env, int32_t cell)
{
    int32_t object = cell == GW_NONE ? GW_NONE : env->object_at[cell];
    return object != GW_NONE && gw_kind_of(env, object)->hp > 0 ? object : GW_NONE;
}

bool gw_attack_has_target(const gw_env *env, int32_t agent, int32_t argument)
{
    if (env->world->rules.combat.pattern == GW_ATTACK_NTH_AGENT) {
        return nth_agent(env, agent, argument) != GW_NONE;
    }
    int32_t cell = cell_aimed_at(env, agent, argument);
    return cell != GW_NONE && (env->agent_at[cell] != GW_NONE || object_aimed_at(env, cell) != GW_NONE);
}

// ---- What a hit does

static bool is_fended_off(gw_env *env, int32_t victim)
{
    const gw_combat_def *combat = &env->world->rules.combat;
    if (combat->armor != GW_NONE && gw_inventory_of(env, victim)[combat->armor] > 0) {
        gw_agent_lose(env, victim, combat->armor, 1);
        return true;
    }
    if (!env->shield[victim]) {
        return false;
    }
    int32_t held = gw_inventory_of(env, victim)[combat->shield];
    int32_t absorbed = combat->shield_absorb < held ? combat->shield_absorb : held;
    gw_agent_lose(env, victim, combat->shield, absorbed);
    if (absorbed < combat->shield_absorb) {
        drop_shield(env, victim);
        return false;
    }
    return true;
}

static void loot(gw_env *env, int32_t agent, int32_t victim)
{
    const gw_rules_def *rules = &env->world->rules;
    const gw_stat_map *stat = &env->world->stat;
    for (int32_t r = 0; r < rules->resource_count; ++r) {
        int32_t held = gw_inventory_of(env, victim)[r];
        if (!rules->resources[r].is_loot || held == 0) {
            continue;
        }
        int32_t room = gw_room_for(env, gw_inventory_of(env, agent), r);
        int32_t taken = held < room ? held : room;
        if (taken > 0) {
            gw_agent_gain(env, agent, r, taken);
            gw_count(gw_stats_of(env, agent) + r * stat->resource_stride + stat->stolen, taken);
        }
        int32_t lost = rules->combat.surplus_is_lost ? held : taken;
        if (lost > 0) {
            gw_agent_lose(env, victim, r, lost);
        }
    }
}

static void hit_agent(gw_env *env, int32_t agent, int32_t victim)
{
    const gw_combat_def *combat = &env->world->rules.combat;
    const gw_stat_map *stat = &env->world->stat;
    int32_t *own = gw_stats_of(env, agent);
    if (is_fended_off(env, victim)) {
        gw_count(own + stat->blocked, 1);
        return;
    }
    gw_count(own + stat->hit, 1);
    gw_count(gw_stats_of(env, victim) + stat->hit_by, 1);
    if (env->shield[victim]) {
        drop_shield(env, victim);
    }
    if (combat->drained != GW_NONE && gw_inventory_of(env, victim)[combat->drained] > 0) {
        gw_agent_lose(env, victim, combat->drained, gw_inventory_of(env, victim)[combat->drained]);
    }
    if (env->frozen[victim] > 0) {
        gw_count(own + stat->wasted, 1); // who is frozen already has nothing left to take
    } else {
        loot(env, agent, victim);
    }
    if (env->frozen[victim] < combat->freeze_turns) { // no hit shortens a longer freeze
        gw_agent_freeze(env, victim, combat->freeze_turns);
    }
}

gw_result gw_agent_attack(gw_env *env, int32_t agent, int32_t argument)
{
    if (env->world->rules.combat.pattern == GW_ATTACK_NTH_AGENT) {
        int32_t victim = nth_agent(env, agent, argument);
        if (victim == GW_NONE) {
            return GW_RESULT_NO_TARGET;
        }
        hit_agent(env, agent, victim);
        return GW_RESULT_SUCCESS;
    }
    int32_t cell = cell_aimed_at(env, agent, argument);
    if (cell == GW_NONE) {
        return GW_RESULT_NO_TARGET;
    }
    if (env->agent_at[cell] != GW_NONE) {
        hit_agent(env, agent, env->agent_at[cell]);
        return GW_RESULT_SUCCESS;
    }
    int32_t object = object_aimed_at(env, cell);
    if (object == GW_NONE) {
        return GW_RESULT_NO_TARGET;
    }
    gw_object_hit(env, agent, object);
    return GW_RESULT_SUCCESS;
}

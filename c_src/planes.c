// planes.c: the cell planes of an env, kept up to date where something changes.
#include "internal.h"

// Bring the planes up to date with an agent that stands on the map.
void gw_agent_show(gw_env *env, int32_t agent)
{
    if (!env->world->shows_agents) {
        return;
    }
    const gw_rules_def *rules = &env->world->rules;
    int32_t cell = env->agent_cell[agent];
    const struct {
        int32_t plane;
        int32_t value;
    } marks[] = {
        {GW_PLANE_GROUP, rules->agent_group[agent] + 1}, {GW_PLANE_FACING, env->facing[agent] + 1},
        {GW_PLANE_ROLE, gw_role_of(rules, agent) + 1},   {GW_PLANE_FROZEN, env->frozen[agent] > 0},
        {GW_PLANE_SHIELD, env->shield[agent]},           {GW_PLANE_GLYPH, env->glyph[agent] + 1},
    };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; ++i) {
        uint8_t *plane = env->planes[marks[i].plane];
        if (plane != NULL) {
            plane[cell] = (uint8_t)marks[i].value;
        }
    }
}

// Put the agent on a cell.
void gw_agent_place(gw_env *env, int32_t agent, int32_t cell)
{
    env->agent_cell[agent] = cell;
    env->agent_at[cell] = (int16_t)agent;
    env->planes[GW_PLANE_KIND][cell] = GW_CODE_AGENT;
    gw_agent_show(env, agent);
}

// Take it off again. Agents stand on empty cells only.
void gw_agent_lift(gw_env *env, int32_t agent)
{
    static const int32_t agent_planes[] = {GW_PLANE_GROUP,  GW_PLANE_FACING, GW_PLANE_ROLE,
                                           GW_PLANE_FROZEN, GW_PLANE_SHIELD, GW_PLANE_GLYPH};
    int32_t cell = env->agent_cell[agent];
    env->agent_at[cell] = GW_NONE;
    env->planes[GW_PLANE_KIND][cell] = GW_CODE_EMPTY;
    for (size_t i = 0; env->world->shows_agents && i < sizeof agent_planes / sizeof *agent_planes; ++i) {
        if (env->planes[agent_planes[i]] != NULL) {
            env->planes[agent_planes[i]][cell] = 0;
        }
    }
}

// Kinds and objects as the state has them: those that move start from the map without them.
static void rebuild_objects(gw_env *env)
{
    const gw_world *world = env->world;
    size_t cells = (size_t)world->padded_count;
    memcpy(env->planes[GW_PLANE_KIND], world->kind_plane, cells);
    if (world->objects_move) {
        memset(env->object_at, 0xff, cells * sizeof *env->object_at);
        for (int32_t object = 0; object < world->object_count; ++object) {
            env->planes[GW_PLANE_KIND][world->object_cell[object]] = GW_CODE_EMPTY;
        }
    }
    for (int32_t object = 0; object < world->object_count; ++object) {
        int32_t cell = env->object_cell[object];
        if (cell == GW_NONE) {
            continue;
        }
        if (world->objects_move) {
            env->object_at[cell] = object;
            env->planes[GW_PLANE_KIND][cell] = (uint8_t)(GW_CODE_KIND + world->object_kind[object]);
        }
        gw_object_show(env, object);
    }
}

// Everything that follows from the state.
void gw_planes_rebuild(gw_env *env)
{
    const gw_world *world = env->world;
    for (int32_t plane = GW_PLANE_KIND + 1; plane < GW_PLANE_COUNT; ++plane) {
        if (env->planes[plane] != NULL) {
            memset(env->planes[plane], 0, (size_t)world->padded_count);
        }
    }
    memset(env->agent_at, 0xff, (size_t)world->padded_count * sizeof *env->agent_at);
    rebuild_objects(env);
    gw_objects_start(env);
    for (int32_t agent = 0; agent < world->rules.agent_count; ++agent) {
        gw_agent_place(env, agent, env->agent_cell[agent]);
    }
    gw_sight_forget(env);
    gw_sight_update(env);
}

// actions.c: what one agent's action does, and why it fails.
#include "internal.h"

static int32_t cell_toward(const gw_env *env, int32_t agent, int32_t direction)
{
    return env->agent_cell[agent] + env->world->direction_offset[direction];
}

// What stands in the way of a move into the cell; GW_RESULT_SUCCESS if nothing does.
static gw_result way_into(const gw_env *env, int32_t cell)
{
    switch (env->planes[GW_PLANE_KIND][cell]) {
    case GW_CODE_EMPTY:
        return GW_RESULT_SUCCESS;
    case GW_CODE_OUTSIDE:
        return GW_RESULT_OUTSIDE;
    case GW_CODE_AGENT:
        return GW_RESULT_BLOCKED_AGENT;
    default:
        return GW_RESULT_BLOCKED_WALL;
    }
}

// The converter that a bump into the cell uses, or GW_NONE.
static int32_t bumped_object(const gw_env *env, int32_t cell)
{
    int32_t object = env->world->object_at[cell];
    if (object == GW_NONE || !env->world->rules.kinds[env->world->object_kind[object]].use_on_bump) {
        return GW_NONE;
    }
    return object;
}

// The agent turns even if its way is blocked: what it tried to do can be seen.
static gw_result move(gw_env *env, int32_t agent, int32_t direction)
{
    int32_t target = cell_toward(env, agent, direction);
    gw_result way = way_into(env, target);
    env->facing[agent] = (uint8_t)direction;
    if (way == GW_RESULT_SUCCESS) {
        gw_agent_lift(env, agent);
        gw_agent_place(env, agent, target);
        return GW_RESULT_SUCCESS;
    }
    gw_agent_turn(env, agent, direction);
    int32_t object = way == GW_RESULT_BLOCKED_WALL ? bumped_object(env, target) : GW_NONE;
    return object != GW_NONE ? gw_object_use(env, agent, object) : way;
}

static gw_result use(gw_env *env, int32_t agent)
{
    int32_t object = env->world->object_at[cell_toward(env, agent, env->facing[agent])];
    return object != GW_NONE ? gw_object_use(env, agent, object) : GW_RESULT_NO_TARGET;
}

gw_result gw_agent_act(gw_env *env, int32_t agent, int32_t action)
{
    const gw_action_def *def = &env->world->rules.actions[action];
    switch (def->verb) {
    case GW_VERB_MOVE:
        return move(env, agent, def->argument);
    case GW_VERB_ROTATE:
        gw_agent_turn(env, agent, def->argument);
        return GW_RESULT_SUCCESS;
    case GW_VERB_USE:
        return use(env, agent);
    default:
        return GW_RESULT_SUCCESS;
    }
}

// Asked of the next step, whose tick has ended some cooldowns by the time the agent acts.
bool gw_agent_can(const gw_env *env, int32_t agent, int32_t action)
{
    int32_t tick = env->head->tick + 1;
    const gw_action_def *def = &env->world->rules.actions[action];
    if (def->verb == GW_VERB_MOVE) {
        int32_t target = cell_toward(env, agent, def->argument);
        if (way_into(env, target) == GW_RESULT_SUCCESS) {
            return true;
        }
        int32_t object = bumped_object(env, target);
        return object != GW_NONE && gw_object_check(env, agent, object, tick) == GW_RESULT_SUCCESS;
    }
    if (def->verb == GW_VERB_USE) {
        int32_t object = env->world->object_at[cell_toward(env, agent, env->facing[agent])];
        return object != GW_NONE && gw_object_check(env, agent, object, tick) == GW_RESULT_SUCCESS;
    }
    return true;
}

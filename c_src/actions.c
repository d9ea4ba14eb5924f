// actions.c: what one agent's action does, and why it fails.
#include "internal.h"

static int32_t cell_toward(const gw_env *env, int32_t agent, int32_t direction)
{
    return env->agent_cell[agent] + env->world->direction_offset[direction];
}

static int32_t cell_ahead(const gw_env *env, int32_t agent)
{
    return cell_toward(env, agent, env->facing[agent]);
}

static int32_t opposite(int32_t direction)
{
    static const int32_t opposites[GW_DIRECTION_COUNT] = {GW_SOUTH,     GW_NORTH,     GW_EAST,      GW_WEST,
                                                          GW_SOUTHEAST, GW_SOUTHWEST, GW_NORTHEAST, GW_NORTHWEST};
    return opposites[direction];
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

// The object that a bump into the cell works on, or GW_NONE.
static int32_t bumped_object(const gw_env *env, int32_t cell)
{
    int32_t object = env->object_at[cell];
    return object != GW_NONE && gw_kind_of(env, object)->use_on_bump ? object : GW_NONE;
}

static gw_result bump(gw_env *env, int32_t agent, int32_t object)
{
    if (gw_kind_of(env, object)->style == GW_STYLE_USE) {
        return gw_object_use(env, agent, object);
    }
    gw_result result = gw_object_put(env, agent, object);
    return result == GW_RESULT_SUCCESS ? result : gw_object_get(env, agent, object);
}

static void step_into(gw_env *env, int32_t agent, int32_t cell)
{
    gw_agent_lift(env, agent);
    gw_agent_place(env, agent, cell);
}

// The agent turns even if its way is blocked: what it tried to do can be seen.
static gw_result move(gw_env *env, int32_t agent, int32_t direction)
{
    int32_t target = cell_toward(env, agent, direction);
    gw_result way = way_into(env, target);
    env->facing[agent] = (uint8_t)direction;
    if (way == GW_RESULT_SUCCESS) {
        step_into(env, agent, target);
        return GW_RESULT_SUCCESS;
    }
    gw_agent_show(env, agent);
    if (way == GW_RESULT_BLOCKED_AGENT) {
        int32_t other = env->agent_at[target];
        bool tags = env->world->rules.tag.range == GW_TAG_BUMP && gw_agent_may_tag(env, agent, other);
        return tags ? gw_agent_tag(env, agent, other) : way;
    }
    int32_t object = way == GW_RESULT_BLOCKED_WALL ? bumped_object(env, target) : GW_NONE;
    return object != GW_NONE ? bump(env, agent, object) : way;
}

static gw_result step_along(gw_env *env, int32_t agent, int32_t backward)
{
    int32_t facing = env->facing[agent];
    if (!backward) {
        return move(env, agent, facing);
    }
    int32_t target = cell_toward(env, agent, opposite(facing));
    gw_result way = way_into(env, target);
    if (way == GW_RESULT_SUCCESS) {
        step_into(env, agent, target);
    }
    return way;
}

static int32_t object_ahead(const gw_env *env, int32_t agent)
{
    return env->object_at[cell_ahead(env, agent)];
}

static bool swappable_agent(const gw_env *env, int32_t cell)
{
    return env->agent_at[cell] != GW_NONE && env->frozen[env->agent_at[cell]] > 0;
}

static bool swappable_object(const gw_env *env, int32_t cell)
{
    int32_t object = env->object_at[cell];
    return object != GW_NONE && gw_kind_of(env, object)->is_swappable;
}

static void swap_with_object(gw_env *env, int32_t agent, int32_t there)
{
    int32_t here = env->agent_cell[agent];
    int32_t object = env->object_at[there];
    uint8_t code = env->planes[GW_PLANE_KIND][there];
    gw_agent_lift(env, agent);
    gw_object_hide(env, object);
    env->object_at[there] = GW_NONE;
    env->object_at[here] = object;
    env->object_cell[object] = here;
    env->planes[GW_PLANE_KIND][here] = code;
    gw_object_show(env, object);
    gw_agent_place(env, agent, there);
}

static gw_result swap(gw_env *env, int32_t agent)
{
    int32_t there = cell_ahead(env, agent);
    if (swappable_object(env, there)) {
        swap_with_object(env, agent, there);
    } else if (swappable_agent(env, there)) {
        int32_t other = env->agent_at[there];
        int32_t here = env->agent_cell[agent];
        gw_agent_lift(env, agent);
        gw_agent_lift(env, other);
        gw_agent_place(env, agent, there);
        gw_agent_place(env, other, here);
    } else {
        return GW_RESULT_NO_TARGET;
    }
    gw_count(gw_stats_of(env, agent) + env->world->stat.swaps, 1);
    return GW_RESULT_SUCCESS;
}

static gw_result act(gw_env *env, int32_t agent, const gw_action_def *def)
{
    int32_t object = GW_NONE;
    switch (def->verb) {
    case GW_VERB_MOVE:
        return move(env, agent, def->argument);
    case GW_VERB_ROTATE:
        env->facing[agent] = (uint8_t)def->argument;
        gw_agent_show(env, agent);
        return GW_RESULT_SUCCESS;
    case GW_VERB_STEP:
        return step_along(env, agent, def->argument);
    case GW_VERB_USE:
        object = object_ahead(env, agent);
        return object != GW_NONE ? gw_object_use(env, agent, object) : GW_RESULT_NO_TARGET;
    case GW_VERB_PUT:
        object = object_ahead(env, agent);
        return object != GW_NONE ? gw_object_put(env, agent, object) : GW_RESULT_NO_TARGET;
    case GW_VERB_GET:
        object = object_ahead(env, agent);
        return object != GW_NONE ? gw_object_get(env, agent, object) : GW_RESULT_NO_TARGET;
    case GW_VERB_ATTACK:
        return gw_agent_attack(env, agent, def->argument);
    case GW_VERB_SHIELD:
        return gw_agent_toggle_shield(env, agent);
    case GW_VERB_SWAP:
        return swap(env, agent);
    case GW_VERB_GLYPH:
        env->glyph[agent] = (uint8_t)def->argument;
        gw_agent_show(env, agent);
        return GW_RESULT_SUCCESS;
    default:
        return GW_RESULT_SUCCESS;
    }
}

// The whole of an agent's turn: upkeep, freezing, costs, then the action itself. A cost is set aside first, so that
// no unit is both spent and put to use.
gw_result gw_agent_turn_taken(gw_env *env, int32_t agent, int32_t action)
{
    const gw_world *world = env->world;
    const gw_action_def *def = &world->rules.actions[action];
    const gw_amounts *cost = &world->consumed[action];
    if (world->has_turns && !gw_turn_begins(env, agent)) {
        return GW_RESULT_FROZEN;
    }
    if (!gw_agent_has(env, agent, &world->required[action])) {
        return GW_RESULT_NO_RESOURCE;
    }
    gw_agent_set_aside(env, agent, cost);
    gw_result result = act(env, agent, def);
    gw_agent_give_back(env, agent, cost);
    if (result == GW_RESULT_SUCCESS || def->pays_always) {
        gw_agent_spend(env, agent, cost);
    }
    return result;
}

// ---- What would succeed. Asked of the next step: it regenerates, ends cooldowns and conversions and takes a
// shield's upkeep before the agent acts. All that is done to the agent and to the object it meets, and undone.

typedef gw_result gw_question(const gw_env *env, int32_t agent, int32_t object);

static bool object_would(gw_env *env, int32_t agent, int32_t object, gw_question *asked)
{
    if (object == GW_NONE) {
        return false;
    }
    gw_object_state state = gw_object_foresee(env, object);
    gw_result result = asked(env, agent, object);
    gw_object_recall(env, object, &state);
    return result == GW_RESULT_SUCCESS;
}

static gw_result can_bump(const gw_env *env, int32_t agent, int32_t object)
{
    if (gw_kind_of(env, object)->style == GW_STYLE_USE) {
        return gw_object_can_use(env, agent, object);
    }
    gw_result result = gw_object_can_put(env, agent, object);
    return result == GW_RESULT_SUCCESS ? result : gw_object_can_get(env, agent, object);
}

static bool move_would(gw_env *env, int32_t agent, int32_t target)
{
    gw_result way = way_into(env, target);
    if (way == GW_RESULT_BLOCKED_AGENT) {
        return env->world->rules.tag.range == GW_TAG_BUMP && gw_agent_may_tag(env, agent, env->agent_at[target]);
    }
    return way == GW_RESULT_SUCCESS ||
           (way == GW_RESULT_BLOCKED_WALL && object_would(env, agent, bumped_object(env, target), can_bump));
}

static bool act_would(gw_env *env, int32_t agent, const gw_action_def *def)
{
    int32_t there = cell_ahead(env, agent);
    switch (def->verb) {
    case GW_VERB_MOVE:
        return move_would(env, agent, cell_toward(env, agent, def->argument));
    case GW_VERB_STEP:
        if (def->argument) {
            return way_into(env, cell_toward(env, agent, opposite(env->facing[agent]))) == GW_RESULT_SUCCESS;
        }
        return move_would(env, agent, there);
    case GW_VERB_USE:
        return object_would(env, agent, env->object_at[there], gw_object_can_use);
    case GW_VERB_PUT:
        return object_would(env, agent, env->object_at[there], gw_object_can_put);
    case GW_VERB_GET:
        return object_would(env, agent, env->object_at[there], gw_object_can_get);
    case GW_VERB_ATTACK:
        return gw_attack_has_target(env, agent, def->argument);
    case GW_VERB_SHIELD:
        return env->shield[agent] || gw_shield_can_rise(env, agent);
    case GW_VERB_SWAP:
        return swappable_object(env, there) || swappable_agent(env, there);
    default:
        return true;
    }
}

static bool turn_would(gw_env *env, int32_t agent, int32_t action)
{
    const gw_world *world = env->world;
    const gw_action_def *def = &world->rules.actions[action];
    if (world->required[action].count == 0) { // nor is anything consumed: most actions of most games
        return act_would(env, agent, def);
    }
    if (!gw_agent_has(env, agent, &world->required[action])) {
        return false;
    }
    gw_agent_set_aside(env, agent, &world->consumed[action]);
    bool would = act_would(env, agent, def);
    gw_agent_give_back(env, agent, &world->consumed[action]);
    return would;
}

// Fills the mask of an agent that has its turn; false if none of its actions would succeed.
static bool any_would(gw_env *env, int32_t agent, uint8_t *mask)
{
    const gw_world *world = env->world;
    uint16_t inventory[GW_MAX_RESOURCES];
    uint8_t shield = env->shield[agent];
    size_t size = (size_t)world->rules.resource_count * sizeof *inventory;
    bool any = false;
    memcpy(inventory, gw_inventory_of(env, agent), size);
    env->head->tick += 1;
    gw_agent_foresee_holdings(env, agent);
    gw_agent_foresee_upkeep(env, agent);
    for (int32_t action = 0; action < world->rules.action_count; ++action) {
        mask[action] = turn_would(env, agent, action);
        any = any || mask[action];
    }
    env->head->tick -= 1;
    env->shield[agent] = shield;
    memcpy(gw_inventory_of(env, agent), inventory, size);
    return any;
}

// One byte for each action. Never all 0: a choice is due even where all fail, and of a single one nothing is learnt.
void gw_agent_mask(gw_env *env, int32_t agent, uint8_t *mask)
{
    memset(mask, 0, (size_t)env->world->rules.action_count);
    if (env->frozen[agent] > 0 || !any_would(env, agent, mask)) {
        mask[env->world->idle_action] = 1;
    }
}

void gw_env_write_masks(gw_env *env, uint8_t *masks)
{
    const gw_rules_def *rules = &env->world->rules;
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        gw_agent_mask(env, agent, masks + (ptrdiff_t)agent * rules->action_count);
    }
}

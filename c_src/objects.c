// objects.c: converters. One use takes all inputs and gives all outputs, or changes nothing.
#include "internal.h"

static bool has_inputs(const gw_recipe *recipe, const uint16_t *inventory)
{
    for (int32_t i = 0; i < recipe->input_count; ++i) {
        if (inventory[recipe->inputs[i].resource] < recipe->inputs[i].units) {
            return false;
        }
    }
    return true;
}

// Room is what there is once the inputs are gone: a recipe may give back what it takes.
static bool has_room(const gw_rules_def *rules, const gw_kind_def *kind, const gw_recipe *recipe,
                     const uint16_t *inventory)
{
    for (int32_t i = 0; i < recipe->output_count; ++i) {
        int32_t resource = recipe->outputs[i].resource;
        int32_t held = inventory[resource] - kind->input[resource];
        if (held + recipe->outputs[i].units > rules->resources[resource].limit) {
            return false;
        }
    }
    return true;
}

// What a use at this tick would answer, without doing it.
gw_result gw_object_check(const gw_env *env, int32_t agent, int32_t object, int32_t tick)
{
    const gw_rules_def *rules = &env->world->rules;
    int32_t kind_index = env->world->object_kind[object];
    const gw_kind_def *kind = &rules->kinds[kind_index];
    const gw_recipe *recipe = &env->world->recipes[kind_index];
    const uint16_t *inventory = env->inventory + agent * rules->resource_count;

    if (kind->max_uses > 0 && env->object_uses[object] >= kind->max_uses) {
        return GW_RESULT_USED_UP;
    }
    if (env->object_ready_tick[object] > tick) {
        return GW_RESULT_COOLING_DOWN;
    }
    if (!has_inputs(recipe, inventory)) {
        return GW_RESULT_NO_RESOURCE;
    }
    return has_room(rules, kind, recipe, inventory) ? GW_RESULT_SUCCESS : GW_RESULT_FULL;
}

uint8_t gw_object_ready_code(const gw_env *env, int32_t object)
{
    const gw_kind_def *kind = &env->world->rules.kinds[env->world->object_kind[object]];
    if (kind->max_uses > 0 && env->object_uses[object] >= kind->max_uses) {
        return 3;
    }
    return env->object_ready_tick[object] > env->head->tick ? 2 : 1;
}

static void show_ready(gw_env *env, int32_t object)
{
    uint8_t *plane = env->planes[GW_PLANE_READY];
    if (plane != NULL) {
        plane[env->world->object_cell[object]] = gw_object_ready_code(env, object);
    }
}

// A long episode of large amounts could outgrow 31 bits.
static void count_units(int32_t *stat, int32_t units)
{
    *stat = units > INT32_MAX - *stat ? INT32_MAX : *stat + units;
}

gw_result gw_object_use(gw_env *env, int32_t agent, int32_t object)
{
    gw_result result = gw_object_check(env, agent, object, env->head->tick);
    if (result != GW_RESULT_SUCCESS) {
        return result;
    }
    const gw_rules_def *rules = &env->world->rules;
    int32_t kind_index = env->world->object_kind[object];
    const gw_kind_def *kind = &rules->kinds[kind_index];
    const gw_recipe *recipe = &env->world->recipes[kind_index];
    uint16_t *inventory = env->inventory + agent * rules->resource_count;
    int32_t *stats = env->stats + agent * env->world->spec.stat_count;

    for (int32_t i = 0; i < recipe->input_count; ++i) {
        gw_amount input = recipe->inputs[i];
        inventory[input.resource] = (uint16_t)(inventory[input.resource] - input.units);
        count_units(&stats[gw_stat_lost(input.resource)], input.units);
    }
    for (int32_t i = 0; i < recipe->output_count; ++i) {
        gw_amount output = recipe->outputs[i];
        inventory[output.resource] = (uint16_t)(inventory[output.resource] + output.units);
        count_units(&stats[gw_stat_gained(output.resource)], output.units);
    }
    if (kind->max_uses > 0) {
        env->object_uses[object] += 1;
    }
    if (kind->cooldown > 0) {
        env->object_ready_tick[object] = env->head->tick + kind->cooldown;
        env->cooling[1 + env->cooling[0]++] = object;
    }
    show_ready(env, object);
    return GW_RESULT_SUCCESS;
}

// End the cooldowns that are due. The list is short (what was used lately) and its order is of no
// consequence, so it is walked whole: rejected a heap, which costs more at these lengths.
void gw_objects_tick(gw_env *env)
{
    int32_t *cooling = env->cooling + 1;
    int32_t count = env->cooling[0];
    for (int32_t i = 0; i < count;) {
        int32_t object = cooling[i];
        if (env->object_ready_tick[object] > env->head->tick) {
            ++i;
            continue;
        }
        show_ready(env, object);
        cooling[i] = cooling[--count];
    }
    env->cooling[0] = count;
}

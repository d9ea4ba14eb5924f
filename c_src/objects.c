// objects.c: converters and chests, and objects that can be moved or destroyed.
#include "internal.h"

static int32_t units_of(const gw_amounts *amounts, const uint16_t *store)
{
    int32_t units = 0;
    for (int32_t i = 0; i < amounts->count; ++i) {
        units += store[amounts->items[i].resource];
    }
    return units;
}

static int32_t total_of(const uint16_t *store, int32_t resource_count)
{
    int32_t units = 0;
    for (int32_t r = 0; r < resource_count; ++r) {
        units += store[r];
    }
    return units;
}

static const gw_amounts *inputs_of(const gw_env *env, int32_t object)
{
    return &env->world->inputs[env->world->object_kind[object]];
}

static const gw_amounts *outputs_of(const gw_env *env, int32_t object)
{
    return &env->world->outputs[env->world->object_kind[object]];
}

static bool is_used_up(const gw_env *env, int32_t object)
{
    const gw_kind_def *kind = gw_kind_of(env, object);
    return kind->max_uses > 0 && env->object_uses[object] >= kind->max_uses;
}

// Units in a store, as the stock plane shows them.
static int32_t stock_of(const gw_env *env, int32_t object)
{
    const gw_kind_def *kind = gw_kind_of(env, object);
    if (kind->style == GW_STYLE_CHEST) {
        return total_of(gw_store_of(env, object), env->world->rules.resource_count);
    }
    return kind->style == GW_STYLE_PUT_GET ? units_of(outputs_of(env, object), gw_store_of(env, object)) : 0;
}

uint8_t gw_object_ready_code(const gw_env *env, int32_t object)
{
    int32_t style = gw_kind_of(env, object)->style;
    if (style == GW_STYLE_SOLID || style == GW_STYLE_CHEST) {
        return 0;
    }
    if (is_used_up(env, object) && env->object_busy[object] != GW_CONVERTING) {
        return 3; // for good, so it matters no more that it may be cooling down
    }
    return env->object_busy[object] != GW_IDLE ? 2 : 1;
}

static uint8_t as_byte(int32_t value)
{
    return (uint8_t)(value < 255 ? value : 255);
}

// Bring the planes up to date with an object that stands on the map.
void gw_object_show(gw_env *env, int32_t object)
{
    int32_t cell = env->object_cell[object];
    if (env->planes[GW_PLANE_READY] != NULL) {
        env->planes[GW_PLANE_READY][cell] = gw_object_ready_code(env, object);
    }
    if (env->planes[GW_PLANE_HP] != NULL) {
        env->planes[GW_PLANE_HP][cell] = as_byte(env->object_hp[object]);
    }
    if (env->planes[GW_PLANE_STOCK] != NULL) {
        env->planes[GW_PLANE_STOCK][cell] = as_byte(stock_of(env, object));
    }
}

// Take its marks off the cell that it is about to leave.
void gw_object_hide(gw_env *env, int32_t object)
{
    static const int32_t object_planes[] = {GW_PLANE_READY, GW_PLANE_HP, GW_PLANE_STOCK};
    int32_t cell = env->object_cell[object];
    for (size_t i = 0; i < sizeof object_planes / sizeof *object_planes; ++i) {
        if (env->planes[object_planes[i]] != NULL) {
            env->planes[object_planes[i]][cell] = 0;
        }
    }
    gw_sight_forget(env);
}

// ---- Time

static void start_timer(gw_env *env, int32_t object, gw_busy busy, int32_t ticks)
{
    env->object_busy[object] = (uint8_t)busy;
    env->object_ready_tick[object] = env->head->tick + ticks;
    env->timers[1 + env->timers[0]++] = object;
}

static bool can_convert(const gw_env *env, int32_t object)
{
    const gw_kind_def *kind = gw_kind_of(env, object);
    const uint16_t *store = gw_store_of(env, object);
    const gw_amounts *inputs = inputs_of(env, object);
    if (env->object_busy[object] != GW_IDLE || is_used_up(env, object) ||
        (kind->max_output > 0 && units_of(outputs_of(env, object), store) >= kind->max_output)) {
        return false;
    }
    for (int32_t i = 0; i < inputs->count; ++i) {
        if (store[inputs->items[i].resource] < inputs->items[i].units) {
            return false;
        }
    }
    const gw_amounts *outputs = outputs_of(env, object);
    for (int32_t i = 0; i < outputs->count; ++i) {
        if (store[outputs->items[i].resource] + outputs->items[i].units > 65535) {
            return false; // a store without a limit is full all the same some day
        }
    }
    return true;
}

static void finish_conversion(gw_env *env, int32_t object)
{
    const gw_amounts *outputs = outputs_of(env, object);
    uint16_t *store = gw_store_of(env, object);
    for (int32_t i = 0; i < outputs->count; ++i) {
        gw_amount output = outputs->items[i];
        store[output.resource] = (uint16_t)(store[output.resource] + output.units);
    }
    env->object_busy[object] = GW_IDLE;
    int32_t cooldown = gw_kind_of(env, object)->cooldown;
    if (cooldown > 0) {
        start_timer(env, object, GW_COOLING, cooldown);
    }
}

// Start, and where that takes no time go on, until it is busy or cannot start. Ends: the rules allow no
// conversion that needs neither time nor inputs.
static void convert(gw_env *env, int32_t object)
{
    const gw_amounts *inputs = inputs_of(env, object);
    uint16_t *store = gw_store_of(env, object);
    while (can_convert(env, object)) {
        for (int32_t i = 0; i < inputs->count; ++i) {
            gw_amount input = inputs->items[i];
            store[input.resource] = (uint16_t)(store[input.resource] - input.units);
        }
        if (gw_kind_of(env, object)->max_uses > 0) {
            env->object_uses[object] += 1;
        }
        int32_t ticks = gw_kind_of(env, object)->conversion_ticks;
        if (ticks > 0) {
            start_timer(env, object, GW_CONVERTING, ticks);
        } else {
            finish_conversion(env, object);
        }
    }
    gw_object_show(env, object);
}

// What the timers of a new or loaded state are: walked in object order, since order is of no consequence.
void gw_objects_start(gw_env *env)
{
    env->timers[0] = 0;
    for (int32_t object = 0; object < env->world->object_count; ++object) {
        if (env->object_busy[object] != GW_IDLE) {
            env->timers[1 + env->timers[0]++] = object;
        }
        if (env->head->tick == 0 && gw_kind_of(env, object)->style == GW_STYLE_PUT_GET) {
            convert(env, object);
        }
    }
}

static void end_timer(gw_env *env, int32_t object)
{
    bool converting = env->object_busy[object] == GW_CONVERTING;
    env->object_busy[object] = GW_IDLE;
    if (converting) {
        finish_conversion(env, object);
    }
    if (env->object_busy[object] == GW_IDLE && gw_kind_of(env, object)->style == GW_STYLE_PUT_GET) {
        convert(env, object);
    }
    gw_object_show(env, object);
}

// End what is due. The list is short (what was used lately) and its order is of no consequence, so it is
// walked whole: rejected a heap, which costs more at these lengths.
void gw_objects_tick(gw_env *env)
{
    int32_t *list = env->timers + 1;
    for (int32_t i = 0; i < env->timers[0];) {
        int32_t object = list[i];
        if (env->object_busy[object] != GW_IDLE && env->object_ready_tick[object] > env->head->tick) {
            ++i;
            continue;
        }
        list[i] = list[--env->timers[0]];
        if (env->object_busy[object] != GW_IDLE) { // else it was destroyed meanwhile
            end_timer(env, object);                // may put it at the end of the list again, with a later tick
        }
    }
}

// End what is due for one object and return what it was before. The list of timers is left as it was: the entry that
// ending may add takes the place of the last one for as long, which is there because this object is busy.
gw_object_state gw_object_foresee(gw_env *env, int32_t object)
{
    gw_object_state state = {.ready_tick = env->object_ready_tick[object],
                             .uses = env->object_uses[object],
                             .busy = env->object_busy[object]};
    if (env->world->has_stores) {
        memcpy(state.store, gw_store_of(env, object), (size_t)env->world->rules.resource_count * sizeof *state.store);
    }
    if (state.busy != GW_IDLE && state.ready_tick <= env->head->tick) {
        int32_t count = env->timers[0];
        int32_t last = env->timers[count];
        env->timers[0] = count - 1;
        end_timer(env, object);
        env->timers[0] = count;
        env->timers[count] = last;
    }
    return state;
}

void gw_object_recall(gw_env *env, int32_t object, const gw_object_state *state)
{
    env->object_ready_tick[object] = state->ready_tick;
    env->object_uses[object] = state->uses;
    env->object_busy[object] = state->busy;
    if (env->world->has_stores) {
        memcpy(gw_store_of(env, object), state->store, (size_t)env->world->rules.resource_count * sizeof *state->store);
    }
    gw_object_show(env, object);
}

// ---- Use: all or nothing

// Room is what there is once the inputs are gone: a recipe may give back what it takes.
static bool has_room(const gw_env *env, int32_t agent, int32_t object)
{
    const gw_rules_def *rules = &env->world->rules;
    const gw_amounts *inputs = inputs_of(env, object);
    const gw_amounts *outputs = outputs_of(env, object);
    uint16_t after[GW_MAX_RESOURCES];
    memcpy(after, gw_inventory_of(env, agent), (size_t)rules->resource_count * sizeof *after);
    for (int32_t i = 0; i < inputs->count; ++i) {
        after[inputs->items[i].resource] = (uint16_t)(after[inputs->items[i].resource] - inputs->items[i].units);
    }
    for (int32_t i = 0; i < outputs->count; ++i) {
        gw_amount output = outputs->items[i];
        if (gw_room_for(env, after, output.resource) < output.units) {
            return false;
        }
        after[output.resource] = (uint16_t)(after[output.resource] + output.units);
    }
    return true;
}

// What a use would answer, without doing it.
gw_result gw_object_can_use(const gw_env *env, int32_t agent, int32_t object)
{
    if (gw_kind_of(env, object)->style != GW_STYLE_USE) {
        return GW_RESULT_NO_TARGET;
    }
    if (is_used_up(env, object)) {
        return GW_RESULT_USED_UP;
    }
    if (env->object_busy[object] != GW_IDLE) {
        return GW_RESULT_COOLING_DOWN;
    }
    if (!gw_agent_has(env, agent, inputs_of(env, object))) {
        return GW_RESULT_NO_RESOURCE;
    }
    return has_room(env, agent, object) ? GW_RESULT_SUCCESS : GW_RESULT_FULL;
}

gw_result gw_object_use(gw_env *env, int32_t agent, int32_t object)
{
    gw_result result = gw_object_can_use(env, agent, object);
    if (result != GW_RESULT_SUCCESS) {
        return result;
    }
    const gw_kind_def *kind = gw_kind_of(env, object);
    const gw_amounts *outputs = outputs_of(env, object);
    gw_agent_spend(env, agent, inputs_of(env, object));
    for (int32_t i = 0; i < outputs->count; ++i) {
        gw_agent_gain(env, agent, outputs->items[i].resource, outputs->items[i].units);
    }
    if (kind->max_uses > 0) {
        env->object_uses[object] += 1;
    }
    if (kind->cooldown > 0) {
        start_timer(env, object, GW_COOLING, kind->cooldown);
    }
    gw_object_show(env, object);
    return GW_RESULT_SUCCESS;
}

// ---- Put and get: as much as there is, up to the amounts of the kind

// Units of one resource that a put would move.
static int32_t puttable(const gw_env *env, int32_t agent, int32_t object, gw_amount input)
{
    const gw_kind_def *kind = gw_kind_of(env, object);
    const uint16_t *store = gw_store_of(env, object);
    int32_t held = gw_inventory_of(env, agent)[input.resource];
    int32_t units = input.units < held ? input.units : held;
    int32_t room = 65535 - store[input.resource];
    if (kind->style == GW_STYLE_CHEST && kind->max_output > 0) {
        int32_t left = kind->max_output - total_of(store, env->world->rules.resource_count);
        room = left < room ? left : room;
    }
    return units < room ? units : room;
}

static int32_t gettable(const gw_env *env, int32_t agent, int32_t object, gw_amount output)
{
    int32_t stored = gw_store_of(env, object)[output.resource];
    int32_t room = gw_room_for(env, gw_inventory_of(env, agent), output.resource);
    // A converter hands out all that is finished; a chest as much as its recipe says.
    bool is_chest = gw_kind_of(env, object)->style == GW_STYLE_CHEST;
    int32_t units = is_chest && output.units < stored ? output.units : stored;
    return units < room ? units : room;
}

static bool has_store(const gw_env *env, int32_t object)
{
    int32_t style = gw_kind_of(env, object)->style;
    return style == GW_STYLE_PUT_GET || style == GW_STYLE_CHEST;
}

gw_result gw_object_can_put(const gw_env *env, int32_t agent, int32_t object)
{
    if (!has_store(env, object)) {
        return GW_RESULT_NO_TARGET;
    }
    const gw_amounts *inputs = inputs_of(env, object);
    bool holds_any = false;
    for (int32_t i = 0; i < inputs->count; ++i) {
        if (puttable(env, agent, object, inputs->items[i]) > 0) {
            return GW_RESULT_SUCCESS;
        }
        holds_any = holds_any || gw_inventory_of(env, agent)[inputs->items[i].resource] > 0;
    }
    return holds_any ? GW_RESULT_FULL : GW_RESULT_NOTHING_MOVED;
}

gw_result gw_object_put(gw_env *env, int32_t agent, int32_t object)
{
    gw_result result = gw_object_can_put(env, agent, object);
    if (result != GW_RESULT_SUCCESS) {
        return result;
    }
    const gw_stat_map *stat = &env->world->stat;
    const gw_amounts *inputs = inputs_of(env, object);
    uint16_t *store = gw_store_of(env, object);
    for (int32_t i = 0; i < inputs->count; ++i) {
        int32_t resource = inputs->items[i].resource;
        int32_t units = puttable(env, agent, object, inputs->items[i]);
        if (units > 0) {
            gw_agent_lose(env, agent, resource, units);
            store[resource] = (uint16_t)(store[resource] + units);
            gw_count(gw_stats_of(env, agent) + resource * stat->resource_stride + stat->put, units);
        }
    }
    if (gw_kind_of(env, object)->style == GW_STYLE_PUT_GET) {
        convert(env, object);
    }
    gw_object_show(env, object);
    return GW_RESULT_SUCCESS;
}

gw_result gw_object_can_get(const gw_env *env, int32_t agent, int32_t object)
{
    if (!has_store(env, object)) {
        return GW_RESULT_NO_TARGET;
    }
    const gw_amounts *outputs = outputs_of(env, object);
    bool holds_any = false;
    for (int32_t i = 0; i < outputs->count; ++i) {
        if (gettable(env, agent, object, outputs->items[i]) > 0) {
            return GW_RESULT_SUCCESS;
        }
        holds_any = holds_any || gw_store_of(env, object)[outputs->items[i].resource] > 0;
    }
    if (holds_any) {
        return GW_RESULT_FULL;
    }
    return env->object_busy[object] != GW_IDLE ? GW_RESULT_COOLING_DOWN : GW_RESULT_NOTHING_MOVED;
}

gw_result gw_object_get(gw_env *env, int32_t agent, int32_t object)
{
    gw_result result = gw_object_can_get(env, agent, object);
    if (result != GW_RESULT_SUCCESS) {
        return result;
    }
    const gw_stat_map *stat = &env->world->stat;
    const gw_amounts *outputs = outputs_of(env, object);
    uint16_t *store = gw_store_of(env, object);
    for (int32_t i = 0; i < outputs->count; ++i) {
        int32_t resource = outputs->items[i].resource;
        int32_t units = gettable(env, agent, object, outputs->items[i]);
        if (units > 0) {
            gw_agent_gain(env, agent, resource, units);
            store[resource] = (uint16_t)(store[resource] - units);
            gw_count(gw_stats_of(env, agent) + resource * stat->resource_stride + stat->get, units);
        }
    }
    if (gw_kind_of(env, object)->style == GW_STYLE_PUT_GET) {
        convert(env, object); // there may be room for outputs again
    }
    gw_object_show(env, object);
    return GW_RESULT_SUCCESS;
}

// ---- Damage

// One hit; at none left the object is gone, with all that was in it.
void gw_object_hit(gw_env *env, int32_t agent, int32_t object)
{
    env->object_hp[object] = (uint16_t)(env->object_hp[object] - 1);
    if (env->object_hp[object] > 0) {
        gw_object_show(env, object);
        return;
    }
    int32_t cell = env->object_cell[object];
    gw_object_hide(env, object);
    env->planes[GW_PLANE_KIND][cell] = GW_CODE_EMPTY;
    env->object_at[cell] = GW_NONE;
    env->object_cell[object] = GW_NONE;
    env->object_busy[object] = GW_IDLE;
    env->object_ready_tick[object] = 0;
    if (env->world->has_stores) {
        memset(gw_store_of(env, object), 0, (size_t)env->world->rules.resource_count * sizeof(uint16_t));
    }
    gw_count(gw_stats_of(env, agent) + env->world->stat.destroyed, 1);
}

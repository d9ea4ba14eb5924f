// observe.c: the cell planes of an env, kept up to date where something changes, and the windows cut from them.
#include "internal.h"

// Put the agent's marks on its cell's planes.
void gw_agent_place(gw_env *env, int32_t agent, int32_t cell)
{
    env->agent_cell[agent] = cell;
    env->planes[GW_PLANE_KIND][cell] = GW_CODE_AGENT;
    if (env->planes[GW_PLANE_GROUP] != NULL) {
        env->planes[GW_PLANE_GROUP][cell] = (uint8_t)(gw_group_of(&env->world->rules, agent) + 1);
    }
    if (env->planes[GW_PLANE_FACING] != NULL) {
        env->planes[GW_PLANE_FACING][cell] = (uint8_t)(env->facing[agent] + 1);
    }
}

// Take them off again. Agents stand on empty cells only.
void gw_agent_lift(gw_env *env, int32_t agent)
{
    int32_t cell = env->agent_cell[agent];
    env->planes[GW_PLANE_KIND][cell] = GW_CODE_EMPTY;
    if (env->planes[GW_PLANE_GROUP] != NULL) {
        env->planes[GW_PLANE_GROUP][cell] = 0;
    }
    if (env->planes[GW_PLANE_FACING] != NULL) {
        env->planes[GW_PLANE_FACING][cell] = 0;
    }
}

void gw_agent_turn(gw_env *env, int32_t agent, int32_t direction)
{
    env->facing[agent] = (uint8_t)direction;
    if (env->planes[GW_PLANE_FACING] != NULL) {
        env->planes[GW_PLANE_FACING][env->agent_cell[agent]] = (uint8_t)(direction + 1);
    }
}

// Everything that follows from the state: all planes and the list of cooling objects.
void gw_planes_rebuild(gw_env *env)
{
    const gw_world *world = env->world;
    size_t size = (size_t)world->padded_count;
    memcpy(env->planes[GW_PLANE_KIND], world->kind_plane, size);
    for (int32_t plane = GW_PLANE_KIND + 1; plane < GW_PLANE_COUNT; ++plane) {
        if (env->planes[plane] != NULL) {
            memset(env->planes[plane], 0, size);
        }
    }
    env->cooling[0] = 0;
    for (int32_t object = 0; object < world->object_count; ++object) {
        if (env->object_ready_tick[object] > env->head->tick) {
            env->cooling[1 + env->cooling[0]++] = object;
        }
        if (env->planes[GW_PLANE_READY] != NULL) {
            env->planes[GW_PLANE_READY][world->object_cell[object]] = gw_object_ready_code(env, object);
        }
    }
    for (int32_t agent = 0; agent < world->rules.agent_count; ++agent) {
        gw_agent_place(env, agent, env->agent_cell[agent]);
    }
}

// Copy one window out of a plane. A row of at least 8 cells is one 16-byte move that may run into the
// next row of the target, which is written after it; the last row is copied to the byte.
static inline uint8_t *copy_window(uint8_t *target, const uint8_t *corner, int32_t stride, int32_t width,
                                   int32_t height)
{
    if (width >= GW_COPY_WIDTH / 2) {
        for (int32_t row = 0; row < height - 1; ++row) {
            memcpy(target, corner, GW_COPY_WIDTH);
            target += width;
            corner += stride;
        }
        memcpy(target, corner, (size_t)width);
        return target + width;
    }
    for (int32_t row = 0; row < height; ++row) {
        memcpy(target, corner, (size_t)width);
        target += width;
        corner += stride;
    }
    return target;
}

static uint8_t completion(const gw_env *env)
{
    int32_t max_steps = env->world->rules.max_steps;
    return max_steps > 0 ? (uint8_t)((int64_t)255 * env->head->tick / max_steps) : 0;
}

static void write_self(const gw_env *env, int32_t agent, uint8_t done, uint8_t *self)
{
    int32_t resource_count = env->world->rules.resource_count;
    const uint16_t *inventory = env->inventory + agent * resource_count;
    self[GW_SELF_FACING] = env->facing[agent];
    self[GW_SELF_LAST_ACTION] = (uint8_t)(env->last_action[agent] + 1);
    self[GW_SELF_LAST_RESULT] = env->last_result[agent];
    self[GW_SELF_COMPLETION] = done;
    for (int32_t r = 0; r < resource_count; ++r) {
        self[GW_SELF_INVENTORY + r] = (uint8_t)(inventory[r] < 255 ? inventory[r] : 255);
    }
}

// Write [agents][observation_size] for one env.
void gw_env_write_observations(const gw_env *env, uint8_t *observations)
{
    const gw_world *world = env->world;
    const gw_rules_def *rules = &world->rules;
    int32_t stride = world->padded_width;
    int32_t to_corner = rules->window_height / 2 * stride + rules->window_width / 2;
    uint8_t done = completion(env);

    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        uint8_t *target = observations + (size_t)agent * (size_t)world->spec.observation_size;
        int32_t corner = env->agent_cell[agent] - to_corner;
        for (int32_t p = 0; p < rules->plane_count; ++p) {
            const uint8_t *plane = env->planes[rules->planes[p]] + corner;
            if (rules->window_width == 11) {
                target = copy_window(target, plane, stride, 11, rules->window_height); // the usual window, unrolled
            } else {
                target = copy_window(target, plane, stride, rules->window_width, rules->window_height);
            }
        }
        write_self(env, agent, done, target);
    }
}

// sight.c: which cells of its window an agent sees: range, cone, and line of sight by symmetric shadow casting
// (Albert Ford 2020, after Bjorn Bergstrom): two floor cells see one another or neither does. Integers only:
// slopes are fractions.
#include "internal.h"

typedef struct slope {
    int32_t y; // numerator
    int32_t x; // denominator, > 0
} slope;

typedef struct caster {
    const gw_env *env;
    uint8_t *visible; // [window cells]
    int32_t centre;   // padded cell
    int32_t width, height;
    int32_t quadrant;
} caster;

// From (depth, column) of a quadrant to (row, column) offsets from the agent.
static void offsets(const caster *c, int32_t depth, int32_t column, int32_t *down, int32_t *right)
{
    switch (c->quadrant) {
    case 0:
        *down = -depth;
        *right = column;
        return;
    case 1:
        *down = depth;
        *right = column;
        return;
    case 2:
        *down = column;
        *right = -depth;
        return;
    default:
        *down = column;
        *right = depth;
        return;
    }
}

static bool in_window(const caster *c, int32_t down, int32_t right)
{
    return -c->height / 2 <= down && down <= c->height / 2 && -c->width / 2 <= right && right <= c->width / 2;
}

static bool is_opaque(const gw_env *env, int32_t cell)
{
    uint8_t code = env->planes[GW_PLANE_KIND][cell];
    return code == GW_CODE_OUTSIDE ||
           (code >= GW_CODE_KIND && !env->world->rules.kinds[code - GW_CODE_KIND].is_transparent);
}

static int32_t floor_div(int32_t a, int32_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

// Round half up: the first column whose centre is at or past the slope.
static int32_t first_column(int32_t depth, slope start)
{
    return floor_div(2 * depth * start.y + start.x, 2 * start.x);
}

// Round half down: the last one whose centre is before or at it.
static int32_t last_column(int32_t depth, slope end)
{
    return -floor_div(-2 * depth * end.y + end.x, 2 * end.x);
}

// The centre of the cell lies between the slopes: what makes sight symmetric.
static bool is_symmetric(int32_t depth, int32_t column, slope start, slope end)
{
    return column * start.x >= depth * start.y && column * end.x <= depth * end.y;
}

static void scan(const caster *c, int32_t depth, slope start, slope end)
{
    int32_t deepest = c->quadrant < 2 ? c->height / 2 : c->width / 2;
    if (depth > deepest) {
        return;
    }
    int32_t stride = c->env->world->padded_width;
    int32_t half = c->quadrant < 2 ? c->width / 2 : c->height / 2;
    int32_t low = first_column(depth, start);
    int32_t high = last_column(depth, end);
    low = low < -half ? -half : low;
    high = high > half ? half : high;
    bool after_wall = false;
    bool after_floor = false;
    for (int32_t column = low; column <= high; ++column) {
        int32_t down = 0;
        int32_t right = 0;
        offsets(c, depth, column, &down, &right);
        bool opaque = is_opaque(c->env, c->centre + down * stride + right);
        if ((opaque || is_symmetric(depth, column, start, end)) && in_window(c, down, right)) {
            c->visible[(down + c->height / 2) * c->width + right + c->width / 2] = 1;
        }
        slope edge = {2 * column - 1, 2 * depth};
        if (after_wall && !opaque) {
            start = edge;
        }
        if (after_floor && opaque) {
            scan(c, depth + 1, start, edge);
        }
        after_wall = opaque;
        after_floor = !opaque;
    }
    if (after_floor) {
        scan(c, depth + 1, start, end);
    }
}

static void cast_shadows(const gw_env *env, int32_t agent, uint8_t *visible)
{
    const gw_perception_def *perception = &env->world->rules.perception;
    caster c = {.env = env,
                .visible = visible,
                .centre = env->agent_cell[agent],
                .width = perception->window_width,
                .height = perception->window_height};
    memset(visible, 0, (size_t)env->world->cell_count);
    visible[env->world->cell_count / 2] = 1;
    for (c.quadrant = 0; c.quadrant < 4; ++c.quadrant) {
        scan(&c, 1, (slope){-1, 1}, (slope){1, 1});
    }
}

static int32_t magnitude(int32_t value)
{
    return value < 0 ? -value : value;
}

// Within the cone: 45 degrees to each side of the facing are those where the cross product does not exceed the
// dot product, whatever the lengths.
static bool in_cone(int32_t facing, int32_t degrees, int32_t down, int32_t right)
{
    static const int32_t rows[GW_DIRECTION_COUNT] = {-1, 1, 0, 0, -1, -1, 1, 1};
    static const int32_t columns[GW_DIRECTION_COUNT] = {0, 0, -1, 1, -1, 1, -1, 1};
    int32_t dot = rows[facing] * down + columns[facing] * right;
    int32_t cross = magnitude(rows[facing] * right - columns[facing] * down);
    if (degrees >= 360 || (down == 0 && right == 0)) {
        return true;
    }
    if (degrees == 270) {
        return dot >= -cross;
    }
    return degrees == 180 ? dot >= 0 : dot >= cross;
}

static void narrow(const gw_env *env, int32_t agent, uint8_t *visible)
{
    const gw_perception_def *perception = &env->world->rules.perception;
    int32_t width = perception->window_width;
    int32_t range = perception->sight_range > 0 ? perception->sight_range : GW_MAX_WINDOW;
    for (int32_t i = 0; i < env->world->cell_count; ++i) {
        int32_t down = i / width - perception->window_height / 2;
        int32_t right = i % width - width / 2;
        bool near = magnitude(down) <= range && magnitude(right) <= range;
        if (!near || !in_cone(env->facing[agent], perception->cone_degrees, down, right)) {
            visible[i] = 0;
        }
    }
}

// What every agent sees now. Nothing to do in games where the whole window is visible.
void gw_sight_update(gw_env *env)
{
    const gw_world *world = env->world;
    for (int32_t agent = 0; world->has_sight && agent < world->rules.agent_count; ++agent) {
        uint8_t *visible = env->visible + (ptrdiff_t)agent * world->cell_count;
        if (world->rules.perception.line_of_sight) {
            cast_shadows(env, agent, visible);
        } else {
            memset(visible, 1, (size_t)world->cell_count);
        }
        narrow(env, agent, visible);
    }
}

static bool sees(const gw_env *env, int32_t agent, int32_t other)
{
    const gw_world *world = env->world;
    const gw_perception_def *perception = &world->rules.perception;
    int32_t stride = world->padded_width;
    int32_t down = env->agent_cell[other] / stride - env->agent_cell[agent] / stride;
    int32_t right = env->agent_cell[other] % stride - env->agent_cell[agent] % stride;
    int32_t row = down + perception->window_height / 2;
    int32_t column = right + perception->window_width / 2;
    if (row < 0 || row >= perception->window_height || column < 0 || column >= perception->window_width) {
        return false;
    }
    return !world->has_sight ||
           env->visible[(ptrdiff_t)agent * world->cell_count + row * perception->window_width + column];
}

// Stats of who sees whom, between roles: seeing one's own side counts for nothing.
void gw_sight_count(gw_env *env)
{
    const gw_rules_def *rules = &env->world->rules;
    const gw_stat_map *stat = &env->world->stat;
    if (!rules->perception.counts_sight) {
        return;
    }
    for (int32_t target = 0; target < rules->agent_count; ++target) {
        int32_t role = gw_role_of(rules, target);
        bool seen = false;
        for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
            if (gw_role_of(rules, agent) != role && sees(env, agent, target)) {
                gw_count(gw_stats_of(env, agent) + stat->sees_first + role, 1);
                seen = true;
            }
        }
        gw_count(gw_stats_of(env, target) + (seen ? stat->seen : stat->hidden), 1);
    }
}

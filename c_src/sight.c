// sight.c: which cells of its window an agent sees: range, cone, and line of sight by symmetric shadow casting
// (Albert Ford 2020, after Bjorn Bergstrom): two floor cells see one another or neither does. Integers only.
#include "internal.h"

// In a quadrant a cell lies at (depth, column), |column| <= depth, and the ray to its centre has the slope column /
// depth. An opaque cell casts its shadow over the slopes between (2 * column - 1) / (2 * depth) and (2 * column + 1) /
// (2 * depth), for everything deeper than itself. Up to depth 7 these ends cut -1..1 into 47 intervals that are lit or
// dark as a whole: a bit of a word for each. A floor is seen where its centre is lit, if only from one side; an opaque
// cell, where any ray to it is lit.
enum {
    SLOPE_ONE = 840, // slopes in units in which every centre and every end is whole
    HALF_CELL = 420, // half a cell at depth 1
    INTERVALS = 47,
};

static bool is_shadow_end(int32_t slope)
{
    for (int32_t depth = 1; depth <= GW_MAX_DEPTH; ++depth) {
        if (slope * depth % HALF_CELL == 0 && slope * depth / HALF_CELL % 2 != 0) {
            return true;
        }
    }
    return false;
}

// Which interval lies just above each slope; the one just below is that above the unit before.
typedef struct slopes {
    int32_t above[2 * SLOPE_ONE + 1]; // [slope + SLOPE_ONE]
} slopes;

static void number_intervals(slopes *of)
{
    of->above[0] = 0;
    for (int32_t at = 1; at <= 2 * SLOPE_ONE; ++at) {
        of->above[at] = of->above[at - 1] + is_shadow_end(at - SLOPE_ONE);
    }
    GW_ASSERT(of->above[2 * SLOPE_ONE] == INTERVALS - 1);
}

static uint64_t interval_bits(const slopes *of, int32_t low, int32_t high)
{
    uint64_t bits = 0;
    for (int32_t i = of->above[low + SLOPE_ONE]; i <= of->above[high - 1 + SLOPE_ONE]; ++i) {
        bits |= UINT64_C(1) << i;
    }
    return bits;
}

static gw_sight_cell sight_cell(const slopes *of, int32_t depth, int32_t column)
{
    int32_t low = (2 * column - 1) * HALF_CELL / depth;
    int32_t high = (2 * column + 1) * HALF_CELL / depth;
    int32_t centre = column * SLOPE_ONE / depth;
    low = low < -SLOPE_ONE ? -SLOPE_ONE : low;
    high = high > SLOPE_ONE ? SLOPE_ONE : high;
    gw_sight_cell cell = {.shadow = interval_bits(of, low, high)};
    cell.centre |= centre > -SLOPE_ONE ? interval_bits(of, centre - 1, centre) : 0;
    cell.centre |= centre < SLOPE_ONE ? interval_bits(of, centre, centre + 1) : 0;
    return cell;
}

static void compile_quadrant(gw_world *world, const slopes *of, int32_t quadrant, int32_t *count)
{
    int32_t width = world->rules.perception.window_width;
    int32_t height = world->rules.perception.window_height;
    bool is_vertical = quadrant < 2; // north, south, west, east
    int32_t deepest = (is_vertical ? height : width) / 2;
    int32_t widest = (is_vertical ? width : height) / 2;
    world->sight_rows[quadrant][0] = *count;
    for (int32_t depth = 1; depth <= GW_MAX_DEPTH; ++depth) {
        int32_t half = depth > deepest ? -1 : depth < widest ? depth : widest;
        for (int32_t column = -half; column <= half; ++column) {
            int32_t ahead = quadrant % 2 == 0 ? -depth : depth;
            int32_t down = is_vertical ? ahead : column;
            int32_t right = is_vertical ? column : ahead;
            gw_sight_cell cell = sight_cell(of, depth, column);
            cell.offset = down * world->padded_width + right;
            cell.at = (down + height / 2) * width + right + width / 2;
            world->sight_cells[(*count)++] = cell;
        }
        world->sight_rows[quadrant][depth] = *count;
    }
}

static void compile_shadows(gw_world *world)
{
    slopes of;
    number_intervals(&of);
    int32_t count = 0;
    for (int32_t quadrant = 0; quadrant < GW_QUADRANTS; ++quadrant) {
        compile_quadrant(world, &of, quadrant, &count);
    }
    const gw_rules_def *rules = &world->rules;
    world->opaque_code[GW_CODE_OUTSIDE] = UINT64_MAX;
    for (int32_t kind = 0; kind < rules->kind_count; ++kind) {
        world->opaque_code[GW_CODE_KIND + kind] = rules->kinds[kind].is_transparent ? 0 : UINT64_MAX;
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

static void compile_field(gw_world *world, int32_t facing)
{
    const gw_perception_def *perception = &world->rules.perception;
    int32_t width = perception->window_width;
    int32_t range = perception->sight_range > 0 ? perception->sight_range : GW_MAX_WINDOW;
    for (int32_t i = 0; i < world->cell_count; ++i) {
        int32_t down = i / width - perception->window_height / 2;
        int32_t right = i % width - width / 2;
        bool near = magnitude(down) <= range && magnitude(right) <= range;
        bool is_in = near && in_cone(facing, perception->cone_degrees, down, right);
        world->fields[facing][i] = is_in ? GW_VISIBLE : 0;
    }
}

// Everything about sight that follows from the rules and the width of the map.
void gw_sight_compile(gw_world *world)
{
    if (world->rules.perception.line_of_sight) {
        compile_shadows(world);
    }
    for (int32_t facing = 0; world->has_sight && facing < GW_DIRECTION_COUNT; ++facing) {
        compile_field(world, facing);
    }
}

// One row of a quadrant after the other, until nothing is lit.
static void cast_quadrant(const gw_world *world, const int32_t *rows, const uint8_t *kinds, uint8_t *restrict visible)
{
    const gw_sight_cell *cell = &world->sight_cells[rows[0]];
    uint64_t lit = (UINT64_C(1) << INTERVALS) - 1;
    for (int32_t depth = 1; depth <= GW_MAX_DEPTH && lit != 0; ++depth) {
        uint64_t shadow = 0;
        for (const gw_sight_cell *end = &world->sight_cells[rows[depth]]; cell < end; ++cell) {
            uint64_t opaque = world->opaque_code[kinds[cell->offset]];
            uint64_t rays = (cell->shadow & opaque) | (cell->centre & ~opaque);
            visible[cell->at] |= (rays & lit) != 0 ? GW_VISIBLE : 0; // on a diagonal either quadrant will do
            shadow |= cell->shadow & opaque;
        }
        lit &= ~shadow;
    }
}

static void cast_shadows(const gw_env *env, int32_t agent, uint8_t *lit)
{
    const gw_world *world = env->world;
    const uint8_t *kinds = env->planes[GW_PLANE_KIND] + env->agent_cell[agent];
    memset(lit, 0, (size_t)world->cell_count);
    lit[world->cell_count / 2] = GW_VISIBLE;
    for (int32_t quadrant = 0; quadrant < GW_QUADRANTS; ++quadrant) {
        cast_quadrant(world, world->sight_rows[quadrant], kinds, lit);
    }
}

static void narrow(const gw_env *env, int32_t agent, const uint8_t *lit)
{
    const uint8_t *field = env->world->fields[env->facing[agent]];
    uint8_t *restrict visible = gw_visible_of(env, agent);
    int32_t cell_count = env->world->cell_count;
    for (int32_t i = 0; i < cell_count; ++i) {
        visible[i] = lit[i] & field[i];
    }
}

// Shadows are cast anew where the agent has moved, and its field laid over them also where it only turned.
static void look(const gw_env *env, int32_t agent, bool has_moved)
{
    const gw_world *world = env->world;
    if (!world->rules.perception.line_of_sight) {
        memcpy(gw_visible_of(env, agent), world->fields[env->facing[agent]], (size_t)world->cell_count);
        return;
    }
    uint8_t *lit = env->lit + (ptrdiff_t)agent * world->cell_count;
    if (has_moved) {
        cast_shadows(env, agent, lit);
    }
    narrow(env, agent, lit);
}

// What hides has moved or gone: nobody's view holds any longer.
void gw_sight_forget(gw_env *env)
{
    if (env->world->has_sight) {
        memset(env->seen_from, 0xff, (size_t)env->world->rules.agent_count * sizeof *env->seen_from);
    }
}

// What every agent sees now (no agent stands on cell 0: it is border). Who stands and faces as before sees what it saw,
// unless what hides has changed.
void gw_sight_update(gw_env *env)
{
    const gw_world *world = env->world;
    for (int32_t agent = 0; world->has_sight && agent < world->rules.agent_count; ++agent) {
        int32_t before = env->seen_from[agent];
        int32_t now = env->agent_cell[agent] * GW_DIRECTION_COUNT + env->facing[agent];
        if (now != before) {
            env->seen_from[agent] = now;
            look(env, agent, now / GW_DIRECTION_COUNT != before / GW_DIRECTION_COUNT);
        }
    }
}

typedef struct spot {
    int16_t row, column;
} spot;

static inline bool sees(const gw_env *env, int32_t agent, spot from, spot to)
{
    const gw_perception_def *perception = &env->world->rules.perception;
    uint32_t row = (uint32_t)(to.row - from.row + perception->window_height / 2); // negative ones are large
    uint32_t column = (uint32_t)(to.column - from.column + perception->window_width / 2);
    if (row >= (uint32_t)perception->window_height || column >= (uint32_t)perception->window_width) {
        return false;
    }
    return !env->world->has_sight || gw_visible_of(env, agent)[row * (uint32_t)perception->window_width + column];
}

// Stats of who sees whom, between roles: seeing one's own side counts for nothing. Who is frozen watches nobody, and
// who is caught for good is out of the game.
void gw_sight_count(gw_env *env)
{
    const gw_rules_def *rules = &env->world->rules;
    const gw_stat_map *stat = &env->world->stat;
    int32_t stride = env->world->padded_width;
    spot spots[GW_MAX_AGENTS];
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        spots[agent].row = (int16_t)(env->agent_cell[agent] / stride);
        spots[agent].column = (int16_t)(env->agent_cell[agent] % stride);
    }
    for (int32_t target = 0; target < rules->agent_count; ++target) {
        if (env->frozen[target] == GW_FOREVER) {
            continue;
        }
        int32_t role = gw_role_of(rules, target);
        bool seen = false;
        for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
            if (env->frozen[agent] == 0 && gw_role_of(rules, agent) != role &&
                sees(env, agent, spots[agent], spots[target])) {
                gw_count(gw_stats_of(env, agent) + stat->sees_first + role, 1);
                seen = true;
            }
        }
        gw_count(gw_stats_of(env, target) + (seen ? stat->seen : stat->hidden), 1);
    }
}

// rules.c: check rule tables and a map, and compile them into an immutable world.
#include "internal.h"

#include <math.h>
#include <stdlib.h>

enum { GW_MAX_AMOUNT = 65535, GW_MAX_STEPS = 1000000000 };

#define GW_MAX_REWARD 1e20f

void gw_rules_default(gw_rules_def *rules)
{
    memset(rules, 0, sizeof *rules);
    rules->cookie = GW_RULES_COOKIE;
    rules->agent_count = 1;
    rules->group_count = 1;
    rules->window_width = 11;
    rules->window_height = 11;
    rules->plane_count = 1;
    rules->planes[0] = GW_PLANE_KIND;
    rules->action_count = 1;
    memcpy(rules->actions[0].name, "noop", sizeof "noop");
    rules->end.resource = GW_NONE;
    rules->end.amount = 1;
}

void gw_map_default(gw_map_def *map)
{
    memset(map, 0, sizeof *map);
    map->cookie = GW_MAP_COOKIE;
}

// ---- Validation: every sentence names the table, the entry and what is allowed.

static gw_status bad_rules(gw_error *error, const char *what, const char *name, const char *wants)
{
    char message[GW_MESSAGE_SIZE];
    snprintf(message, sizeof message, "%s%s%.31s%s %s", what, *name ? " '" : "", name, *name ? "'" : "", wants);
    return gw_fail(error, GW_INVALID_RULES, message);
}

static gw_status bad_map(gw_error *error, int32_t row, int32_t column, const char *message)
{
    gw_fail(error, GW_INVALID_MAP, message);
    if (error != NULL) {
        error->row = row;
        error->column = column;
    }
    return GW_INVALID_MAP;
}

static bool in_range(int32_t value, int32_t low, int32_t high)
{
    return low <= value && value <= high;
}

static bool is_lower(char c)
{
    return 'a' <= c && c <= 'z';
}

static bool is_name(const char *name, bool dots_allowed)
{
    if (!is_lower(name[0])) {
        return false;
    }
    for (int32_t i = 1; i < GW_NAME_SIZE; ++i) {
        char c = name[i];
        if (c == '\0') {
            return true;
        }
        if (!is_lower(c) && !('0' <= c && c <= '9') && c != '_' && !(dots_allowed && c == '.')) {
            return false;
        }
    }
    return false; // no closing zero
}

// Names sit at a fixed stride inside the entries of a table.
static gw_status check_names(const char *table, const char *first_name, size_t stride, int32_t count, bool dots_allowed,
                             gw_error *error)
{
    for (int32_t i = 0; i < count; ++i) {
        const char *name = first_name + (size_t)i * stride;
        if (!is_name(name, dots_allowed)) {
            return bad_rules(error, table, "", "needs names of a-z, 0-9 and _ that begin with a letter, 31 at most");
        }
        for (int32_t j = 0; j < i; ++j) {
            if (strncmp(name, first_name + (size_t)j * stride, GW_NAME_SIZE) == 0) {
                return bad_rules(error, table, name, "is there twice");
            }
        }
    }
    return GW_OK;
}

static gw_status check_sizes(const gw_rules_def *rules, gw_error *error)
{
    if (!in_range(rules->agent_count, 1, GW_MAX_AGENTS)) {
        return bad_rules(error, "agent_count", "", "must be 1 to 1024");
    }
    if (!in_range(rules->group_count, 1, GW_MAX_GROUPS)) {
        return bad_rules(error, "group_count", "", "must be 1 to 8");
    }
    if (!in_range(rules->max_steps, 0, GW_MAX_STEPS)) {
        return bad_rules(error, "max_steps", "", "must be 0 (never) to 1,000,000,000");
    }
    if (!in_range(rules->window_width, 1, GW_MAX_WINDOW) || rules->window_width % 2 == 0 ||
        !in_range(rules->window_height, 1, GW_MAX_WINDOW) || rules->window_height % 2 == 0) {
        return bad_rules(error, "window", "", "must be odd and 1 to 15 on each side");
    }
    if (!in_range(rules->resource_count, 0, GW_MAX_RESOURCES)) {
        return bad_rules(error, "resources", "", "can be 32 at most");
    }
    if (!in_range(rules->kind_count, 0, GW_MAX_KINDS)) {
        return bad_rules(error, "kinds", "", "can be 64 at most");
    }
    if (!in_range(rules->action_count, 1, GW_MAX_ACTIONS)) {
        return bad_rules(error, "actions", "", "must be 1 to 64");
    }
    if (!in_range(rules->term_count, 0, GW_MAX_TERMS)) {
        return bad_rules(error, "rewards", "", "can be 32 terms at most");
    }
    return GW_OK;
}

static gw_status check_planes(const gw_rules_def *rules, gw_error *error)
{
    if (!in_range(rules->plane_count, 1, GW_MAX_PLANES)) {
        return bad_rules(error, "planes", "", "must be 1 to 8");
    }
    uint32_t seen = 0;
    for (int32_t i = 0; i < rules->plane_count; ++i) {
        if (!in_range(rules->planes[i], 0, GW_PLANE_COUNT - 1)) {
            return bad_rules(error, "planes", "", "holds an unknown plane");
        }
        if ((seen >> rules->planes[i]) & 1u) {
            return bad_rules(error, "planes", "", "holds a plane twice");
        }
        seen |= 1u << rules->planes[i];
    }
    return GW_OK;
}

static gw_status check_resources(const gw_rules_def *rules, gw_error *error)
{
    for (int32_t i = 0; i < rules->resource_count; ++i) {
        const gw_resource_def *resource = &rules->resources[i];
        if (!in_range(resource->limit, 1, GW_MAX_AMOUNT)) {
            return bad_rules(error, "resource", resource->name, "needs a limit of 1 to 65535");
        }
        if (!in_range(resource->initial, 0, resource->limit)) {
            return bad_rules(error, "resource", resource->name, "starts above its limit or below 0");
        }
    }
    return GW_OK;
}

static gw_status check_kinds(const gw_rules_def *rules, gw_error *error)
{
    static const char *const taken[] = {"agent", "empty", "outside"};
    for (int32_t i = 0; i < rules->kind_count; ++i) {
        const gw_kind_def *kind = &rules->kinds[i];
        for (size_t j = 0; j < sizeof taken / sizeof *taken; ++j) {
            if (strcmp(kind->name, taken[j]) == 0) {
                return bad_rules(error, "kind", kind->name, "has a name that the engine keeps for itself");
            }
        }
        if (!in_range(kind->cooldown, 0, GW_MAX_AMOUNT) || !in_range(kind->max_uses, 0, GW_MAX_AMOUNT)) {
            return bad_rules(error, "kind", kind->name, "needs cooldown and max_uses of 0 to 65535");
        }
        for (int32_t r = 0; r < GW_MAX_RESOURCES; ++r) {
            bool in_table = r < rules->resource_count;
            int32_t high = in_table ? rules->resources[r].limit : 0;
            if (!in_range(kind->input[r], 0, high) || !in_range(kind->output[r], 0, high)) {
                return bad_rules(error, "kind", kind->name, "takes or gives more of a resource than its limit allows");
            }
            if (!kind->is_converter && (kind->input[r] != 0 || kind->output[r] != 0)) {
                return bad_rules(error, "kind", kind->name, "has inputs or outputs but is no converter");
            }
        }
        if (!kind->is_converter && (kind->use_on_bump || kind->cooldown != 0 || kind->max_uses != 0)) {
            return bad_rules(error, "kind", kind->name, "has bump, cooldown or max_uses but is no converter");
        }
    }
    return GW_OK;
}

static gw_status check_actions(const gw_rules_def *rules, gw_error *error)
{
    for (int32_t i = 0; i < rules->action_count; ++i) {
        const gw_action_def *action = &rules->actions[i];
        if (!in_range(action->verb, 0, GW_VERB_COUNT - 1)) {
            return bad_rules(error, "action", action->name, "has an unknown verb");
        }
        bool directed = action->verb == GW_VERB_MOVE || action->verb == GW_VERB_ROTATE;
        if (!in_range(action->argument, 0, directed ? GW_DIRECTION_COUNT - 1 : 0)) {
            return bad_rules(error, "action", action->name, "has an argument that its verb does not know");
        }
        if (!in_range(action->priority, 0, GW_PRIORITY_COUNT - 1)) {
            return bad_rules(error, "action", action->name, "needs a priority of 0 to 15");
        }
    }
    return GW_OK;
}

static gw_status check_terms(const gw_rules_def *rules, gw_error *error)
{
    int32_t stat_count = gw_stat_steps(rules) + 1;
    for (int32_t i = 0; i < rules->term_count; ++i) {
        const gw_term_def *term = &rules->terms[i];
        if (!in_range(term->kind, 0, GW_TERM_KIND_COUNT - 1)) {
            return bad_rules(error, "reward", term->name, "is neither an event nor a holding term");
        }
        int32_t source_count = term->kind == GW_TERM_EVENT ? stat_count : rules->resource_count;
        if (!in_range(term->source, 0, source_count - 1)) {
            return bad_rules(error, "reward", term->name, "counts something that this game does not have");
        }
        // Written so that a NaN fails. Larger ones could sum up to infinity within an episode.
        if (!(fabsf(term->weight) <= GW_MAX_REWARD) || !(0.0f <= term->cap && term->cap <= GW_MAX_REWARD)) {
            return bad_rules(error, "reward", term->name, "needs a weight of -1e20 to 1e20 and a cap of 0 to 1e20");
        }
    }
    return GW_OK;
}

static gw_status check_end(const gw_rules_def *rules, gw_error *error)
{
    if (rules->end.resource == GW_NONE) {
        return GW_OK;
    }
    if (!in_range(rules->end.resource, 0, rules->resource_count - 1)) {
        return bad_rules(error, "end", "", "names a resource that this game does not have");
    }
    const gw_resource_def *resource = &rules->resources[rules->end.resource];
    if (!in_range(rules->end.amount, 1, resource->limit)) {
        return bad_rules(error, "end", resource->name, "can never be held in that amount");
    }
    if (resource->initial >= rules->end.amount) {
        return bad_rules(error, "end", resource->name, "is reached before the first step");
    }
    return GW_OK;
}

gw_status gw_rules_validate(const gw_rules_def *rules, gw_error *error)
{
    if (rules->cookie != GW_RULES_COOKIE) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "the rules were not made by gw_rules_default");
    }
    gw_status status = check_sizes(rules, error);
    if (status == GW_OK)
        status = check_planes(rules, error);
    if (status == GW_OK)
        status = check_names("resources", rules->resources[0].name, sizeof *rules->resources, rules->resource_count,
                             false, error);
    if (status == GW_OK)
        status = check_names("kinds", rules->kinds[0].name, sizeof *rules->kinds, rules->kind_count, false, error);
    if (status == GW_OK)
        status =
            check_names("actions", rules->actions[0].name, sizeof *rules->actions, rules->action_count, false, error);
    if (status == GW_OK)
        status = check_names("rewards", rules->terms[0].name, sizeof *rules->terms, rules->term_count, true, error);
    if (status == GW_OK)
        status = check_resources(rules, error);
    if (status == GW_OK)
        status = check_kinds(rules, error);
    if (status == GW_OK)
        status = check_actions(rules, error);
    if (status == GW_OK)
        status = check_terms(rules, error);
    if (status == GW_OK)
        status = check_end(rules, error);
    return status;
}

// ---- Identity. Field by field: padding bytes and what follows a name's zero do not count.

static uint64_t hash_name(uint64_t key, const char *name)
{
    return gw_hash_bytes(key, name, strlen(name));
}

static uint64_t hash_float(uint64_t key, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return gw_combine(key, bits);
}

static uint64_t hash_tables(uint64_t key, const gw_rules_def *rules)
{
    for (int32_t i = 0; i < rules->resource_count; ++i) {
        const gw_resource_def *resource = &rules->resources[i];
        key = gw_combine(hash_name(key, resource->name), (uint64_t)resource->limit);
        key = gw_combine(key, (uint64_t)resource->initial);
    }
    for (int32_t i = 0; i < rules->kind_count; ++i) {
        const gw_kind_def *kind = &rules->kinds[i];
        key = gw_combine(hash_name(key, kind->name), (uint64_t)(kind->is_converter * 2 + kind->use_on_bump));
        key = gw_combine(gw_combine(key, (uint64_t)kind->cooldown), (uint64_t)kind->max_uses);
        key = gw_hash_bytes(key, kind->input, sizeof kind->input);
        key = gw_hash_bytes(key, kind->output, sizeof kind->output);
    }
    for (int32_t i = 0; i < rules->action_count; ++i) {
        const gw_action_def *action = &rules->actions[i];
        key = gw_combine(hash_name(key, action->name), (uint64_t)action->verb);
        key = gw_combine(gw_combine(key, (uint64_t)action->argument), (uint64_t)action->priority);
    }
    for (int32_t i = 0; i < rules->term_count; ++i) {
        const gw_term_def *term = &rules->terms[i];
        key = gw_combine(hash_name(key, term->name), (uint64_t)term->kind);
        key = hash_float(hash_float(gw_combine(key, (uint64_t)term->source), term->weight), term->cap);
    }
    return key;
}

uint64_t gw_rules_hash(const gw_rules_def *rules)
{
    const int32_t scalars[] = {
        rules->agent_count,   rules->group_count,  rules->max_steps,      rules->spawn_anywhere, rules->window_width,
        rules->window_height, rules->plane_count,  rules->resource_count, rules->kind_count,     rules->action_count,
        rules->term_count,    rules->end.resource, rules->end.amount,     rules->end.all_agents,
    };
    uint64_t key = gw_hash_bytes(GW_ENGINE_VERSION, scalars, sizeof scalars);
    key = gw_hash_bytes(key, rules->planes, (size_t)rules->plane_count * sizeof *rules->planes);
    return hash_tables(key, rules);
}

// ---- Names of stats

gw_status gw_stat_count(const gw_rules_def *rules, int32_t *count)
{
    if (rules == NULL || count == NULL || rules->cookie != GW_RULES_COOKIE ||
        !in_range(rules->resource_count, 0, GW_MAX_RESOURCES) || !in_range(rules->action_count, 1, GW_MAX_ACTIONS)) {
        return GW_INVALID_ARGUMENT;
    }
    *count = gw_stat_steps(rules) + 1;
    return GW_OK;
}

gw_status gw_stat_name(const gw_rules_def *rules, int32_t stat_index, char name[GW_STAT_NAME_SIZE])
{
    int32_t count = 0;
    if (gw_stat_count(rules, &count) != GW_OK || name == NULL || !in_range(stat_index, 0, count - 1)) {
        return GW_INVALID_ARGUMENT;
    }
    int32_t action_stat = stat_index - 2 * rules->resource_count;
    if (action_stat < 0) {
        const char *resource = rules->resources[stat_index / 2].name;
        snprintf(name, GW_STAT_NAME_SIZE, "%.31s.%s", resource, stat_index % 2 == 0 ? "gained" : "lost");
    } else if (stat_index < gw_stat_failed(rules)) {
        const char *action = rules->actions[action_stat / 2].name;
        snprintf(name, GW_STAT_NAME_SIZE, "action.%.31s.%s", action, action_stat % 2 == 0 ? "success" : "failed");
    } else {
        static const char *const last[] = {"action.failed", "action.invalid_index", "steps"};
        snprintf(name, GW_STAT_NAME_SIZE, "%s", last[stat_index - gw_stat_failed(rules)]);
    }
    return GW_OK;
}

// ---- Compiling

static gw_status check_cell(const gw_rules_def *rules, uint8_t cell, int32_t row, int32_t column, gw_error *error)
{
    if (cell < GW_CELL_KIND + rules->kind_count || cell == GW_CELL_SPAWN_ANY) {
        return GW_OK;
    }
    if (in_range(cell, GW_CELL_SPAWN_GROUP, GW_CELL_SPAWN_GROUP + GW_MAX_GROUPS - 1)) {
        bool has_group = cell - GW_CELL_SPAWN_GROUP < rules->group_count;
        return has_group ? GW_OK
                         : bad_map(error, row, column, "a spawn cell is for a group that this game does not have");
    }
    return bad_map(error, row, column, "a cell holds a code that this game does not know");
}

static gw_status check_map(const gw_rules_def *rules, const gw_map_def *map, gw_error *error)
{
    if (map->cookie != GW_MAP_COOKIE || map->cells == NULL) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "the map was not made by gw_map_default, or has no cells");
    }
    if (!in_range(map->width, 1, GW_MAX_SIDE) || !in_range(map->height, 1, GW_MAX_SIDE)) {
        return bad_map(error, GW_NONE, GW_NONE, "a map must be 1 to 1024 cells on each side");
    }
    for (int32_t row = 0; row < map->height; ++row) {
        for (int32_t column = 0; column < map->width; ++column) {
            gw_status status = check_cell(rules, map->cells[row * map->width + column], row, column, error);
            if (status != GW_OK) {
                return status;
            }
        }
    }
    return GW_OK;
}

static void compile_recipes(gw_world *world)
{
    const gw_rules_def *rules = &world->rules;
    for (int32_t k = 0; k < rules->kind_count; ++k) {
        gw_recipe *recipe = &world->recipes[k];
        for (int32_t r = 0; r < rules->resource_count; ++r) {
            if (rules->kinds[k].input[r] > 0) {
                recipe->inputs[recipe->input_count++] = (gw_amount){r, rules->kinds[k].input[r]};
            }
            if (rules->kinds[k].output[r] > 0) {
                recipe->outputs[recipe->output_count++] = (gw_amount){r, rules->kinds[k].output[r]};
            }
        }
    }
}

static void compile_priorities(gw_world *world)
{
    for (int32_t priority = GW_PRIORITY_COUNT - 1; priority >= 0; --priority) {
        for (int32_t a = 0; a < world->rules.action_count; ++a) {
            if (world->rules.actions[a].priority == priority) {
                world->priorities[world->priority_count++] = priority;
                break;
            }
        }
    }
}

static void compile_geometry(gw_world *world, const gw_map_def *map)
{
    const gw_rules_def *rules = &world->rules;
    int32_t side = rules->window_width > rules->window_height ? rules->window_width : rules->window_height;
    world->padding = side / 2 > 1 ? side / 2 : 1;
    world->padded_width = map->width + 2 * world->padding;
    world->padded_count = world->padded_width * (map->height + 2 * world->padding);

    static const int32_t rows[GW_DIRECTION_COUNT] = {-1, 1, 0, 0, -1, -1, 1, 1};
    static const int32_t columns[GW_DIRECTION_COUNT] = {0, 0, -1, 1, -1, 1, -1, 1};
    for (int32_t d = 0; d < GW_DIRECTION_COUNT; ++d) {
        world->direction_offset[d] = rows[d] * world->padded_width + columns[d];
    }
}

static void compile_spec(gw_world *world, const gw_map_def *map)
{
    const gw_rules_def *rules = &world->rules;
    int32_t self_count = GW_SELF_INVENTORY + rules->resource_count;
    world->spec = (gw_spec){
        .agent_count = rules->agent_count,
        .action_count = rules->action_count,
        .plane_count = rules->plane_count,
        .window_width = rules->window_width,
        .window_height = rules->window_height,
        .self_count = self_count,
        .observation_size = rules->plane_count * rules->window_width * rules->window_height + self_count,
        .term_count = rules->term_count,
        .stat_count = gw_stat_steps(rules) + 1,
        .resource_count = rules->resource_count,
        .kind_count = rules->kind_count,
        .map_width = map->width,
        .map_height = map->height,
        .rules_hash = gw_rules_hash(rules),
    };
    const int32_t sides[] = {map->width, map->height};
    world->map_hash = gw_hash_bytes(world->spec.rules_hash, sides, sizeof sides);
    world->map_hash = gw_hash_bytes(world->map_hash, map->cells, (size_t)map->width * (size_t)map->height);
}

static int32_t padded_cell(const gw_world *world, int32_t row, int32_t column)
{
    return (row + world->padding) * world->padded_width + column + world->padding;
}

static void compile_cells(gw_world *world, const gw_map_def *map)
{
    memset(world->object_at, 0xff, (size_t)world->padded_count * sizeof *world->object_at);
    for (int32_t row = 0; row < map->height; ++row) {
        for (int32_t column = 0; column < map->width; ++column) {
            int32_t code = map->cells[row * map->width + column];
            int32_t cell = padded_cell(world, row, column);
            if (code == GW_CELL_EMPTY || code >= GW_CELL_SPAWN_ANY) {
                world->kind_plane[cell] = GW_CODE_EMPTY;
                continue;
            }
            int32_t kind = code - GW_CELL_KIND;
            world->kind_plane[cell] = (uint8_t)(GW_CODE_KIND + kind);
            if (world->rules.kinds[kind].is_converter) {
                world->object_at[cell] = world->object_count;
                world->object_cell[world->object_count] = cell;
                world->object_kind[world->object_count] = (uint8_t)kind;
                world->object_count += 1;
            }
        }
    }
}

static int32_t list_cells(gw_world *world, const gw_map_def *map, int32_t wanted, int32_t at)
{
    int32_t count = 0;
    for (int32_t i = 0; i < map->width * map->height; ++i) {
        int32_t code = map->cells[i];
        bool floor = code == GW_CELL_EMPTY || code >= GW_CELL_SPAWN_ANY;
        if (wanted == GW_CELL_EMPTY ? floor : code == wanted) {
            world->spawn_cells[at + count++] = padded_cell(world, i / map->width, i % map->width);
        }
    }
    return count;
}

// Groups with spawn cells of their own use those; all others share the cells that are for anybody.
static gw_status compile_spawns(gw_world *world, const gw_map_def *map, gw_error *error)
{
    const gw_rules_def *rules = &world->rules;
    int32_t shared_code = rules->spawn_anywhere ? GW_CELL_EMPTY : GW_CELL_SPAWN_ANY;
    int32_t shared_count = list_cells(world, map, shared_code, 0);
    int32_t used = shared_count;
    int32_t shared_agents = 0;

    for (int32_t g = 0; g < rules->group_count; ++g) {
        int32_t agents = rules->agent_count / rules->group_count + (g < rules->agent_count % rules->group_count);
        int32_t own = rules->spawn_anywhere ? 0 : list_cells(world, map, GW_CELL_SPAWN_GROUP + g, used);
        world->spawn_first[g] = own > 0 ? used : 0;
        world->spawn_count[g] = own > 0 ? own : shared_count;
        used += own;
        shared_agents += own > 0 ? 0 : agents;
        if (own > 0 && own < agents) {
            char message[GW_MESSAGE_SIZE];
            snprintf(message, sizeof message, "group %d has %d agents but only %d spawn cells", g, agents, own);
            return bad_map(error, GW_NONE, GW_NONE, message);
        }
    }
    if (shared_count < shared_agents) {
        char message[GW_MESSAGE_SIZE];
        snprintf(message, sizeof message, "%d agents need spawn cells but there are only %d", shared_agents,
                 shared_count);
        return bad_map(error, GW_NONE, GW_NONE, message);
    }
    return GW_OK;
}

static bool allocate_cells(gw_world *world, const gw_map_def *map)
{
    size_t cell_count = (size_t)map->width * (size_t)map->height;
    size_t padded_count = (size_t)world->padded_count;
    world->object_cell = calloc(cell_count, sizeof *world->object_cell);
    world->object_kind = calloc(cell_count, sizeof *world->object_kind);
    world->object_at = calloc(padded_count, sizeof *world->object_at);
    world->kind_plane = calloc(padded_count, sizeof *world->kind_plane);
    world->spawn_cells = calloc(cell_count, sizeof *world->spawn_cells);
    return world->object_cell && world->object_kind && world->object_at && world->kind_plane && world->spawn_cells;
}

gw_status gw_world_create(const gw_rules_def *rules, const gw_map_def *map, gw_world **world_out, gw_error *error)
{
    if (rules == NULL || map == NULL || world_out == NULL) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "gw_world_create needs rules, a map and a place for the world");
    }
    gw_status status = gw_rules_validate(rules, error);
    if (status == GW_OK) {
        status = check_map(rules, map, error);
    }
    if (status != GW_OK) {
        return status;
    }

    gw_world *world = calloc(1, sizeof *world);
    if (world == NULL) {
        return gw_fail(error, GW_OUT_OF_MEMORY, "out of memory");
    }
    atomic_init(&world->references, 1);
    world->rules = *rules;
    compile_recipes(world);
    compile_priorities(world);
    compile_geometry(world, map);
    compile_spec(world, map);
    if (!allocate_cells(world, map)) {
        gw_world_destroy(world);
        return gw_fail(error, GW_OUT_OF_MEMORY, "out of memory");
    }
    compile_cells(world, map);
    status = compile_spawns(world, map, error);
    if (status != GW_OK) {
        gw_world_destroy(world);
        return status;
    }
    *world_out = world;
    return GW_OK;
}

void gw_world_destroy(gw_world *world)
{
    if (world == NULL || atomic_fetch_sub(&world->references, 1) != 1) {
        return;
    }
    free(world->object_cell);
    free(world->object_kind);
    free(world->object_at);
    free(world->kind_plane);
    free(world->spawn_cells);
    free(world);
}

gw_status gw_world_spec(const gw_world *world, gw_spec *spec)
{
    if (world == NULL || spec == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    *spec = world->spec;
    return GW_OK;
}

int32_t gw_version(void)
{
    return GW_ENGINE_VERSION;
}

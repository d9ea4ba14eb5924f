// stats.c: which stats a game has, and in which order. One narrative decides; names and indices both follow it.
#include "internal.h"

static int32_t take(gw_stat_map *map, bool present)
{
    return present ? map->count++ : GW_NONE;
}

static int32_t take_run(gw_stat_map *map, bool present, int32_t length)
{
    int32_t first = present ? map->count : GW_NONE;
    map->count += present ? length : 0;
    return first;
}

static bool has_stores(const gw_rules_def *rules)
{
    for (int32_t k = 0; k < rules->kind_count; ++k) {
        if (rules->kinds[k].style == GW_STYLE_PUT_GET || rules->kinds[k].style == GW_STYLE_CHEST) {
            return true;
        }
    }
    return false;
}

gw_stat_map gw_stat_map_of(const gw_rules_def *rules)
{
    bool attacks = gw_rules_have_verb(rules, GW_VERB_ATTACK);
    bool stores = has_stores(rules);
    bool tag = rules->tag.is_on;
    gw_stat_map map = {.put = GW_NONE, .get = GW_NONE, .stolen = GW_NONE};

    map.resource_stride = 2;
    if (stores) {
        map.put = map.resource_stride++;
        map.get = map.resource_stride++;
    }
    if (attacks) {
        map.stolen = map.resource_stride++;
    }
    map.count = rules->resource_count * map.resource_stride;
    map.action_first = take_run(&map, true, 2 * rules->action_count);
    map.failed = take(&map, true);
    map.invalid = take(&map, true);
    map.steps = take(&map, true);
    map.still = take(&map, true);
    map.hit = take(&map, attacks);
    map.hit_by = take(&map, attacks);
    map.blocked = take(&map, attacks);
    map.wasted = take(&map, attacks);
    map.destroyed = take(&map, attacks);
    map.frozen_ticks = take(&map, attacks || tag);
    map.shield_ticks = take(&map, gw_rules_have_verb(rules, GW_VERB_SHIELD));
    map.swaps = take(&map, gw_rules_have_verb(rules, GW_VERB_SWAP));
    map.tags = take(&map, tag);
    map.tagged = take(&map, tag);
    map.misses = take(&map, tag);
    map.caught_all = take(&map, tag);
    map.caught_none = take(&map, tag);
    map.survived = take(&map, tag);
    map.sees_first = take_run(&map, rules->perception.counts_sight, rules->role_count);
    map.seen = take(&map, rules->perception.counts_sight);
    map.hidden = take(&map, rules->perception.counts_sight);
    map.tokens_written = take(&map, rules->perception.encoding == GW_ENCODING_TOKENS);
    map.tokens_dropped = take(&map, rules->perception.encoding == GW_ENCODING_TOKENS);
    return map;
}

// Enough of the rules is sound for the tables to be walked.
static bool is_walkable(const gw_rules_def *rules)
{
    return rules != NULL && rules->cookie == GW_RULES_COOKIE && 0 <= rules->resource_count &&
           rules->resource_count <= GW_MAX_RESOURCES && 0 <= rules->kind_count && rules->kind_count <= GW_MAX_KINDS &&
           1 <= rules->action_count && rules->action_count <= GW_MAX_ACTIONS && 1 <= rules->role_count &&
           rules->role_count <= GW_MAX_ROLES;
}

gw_status gw_stat_count(const gw_rules_def *rules, int32_t *count)
{
    if (!is_walkable(rules) || count == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    *count = gw_stat_map_of(rules).count;
    return GW_OK;
}

static void name_resource_stat(const gw_stat_map *map, const gw_rules_def *rules, int32_t index, char *name)
{
    int32_t which = index % map->resource_stride;
    const char *change = which == 0          ? "gained"
                         : which == 1        ? "lost"
                         : which == map->put ? "put"
                         : which == map->get ? "get"
                                             : "stolen";
    snprintf(name, GW_STAT_NAME_SIZE, "%.31s.%s", rules->resources[index / map->resource_stride].name, change);
}

static const char *single_stat_name(const gw_stat_map *map, int32_t index)
{
    const struct {
        int32_t index;
        const char *name;
    } singles[] = {
        {map->failed, "action.failed"},
        {map->invalid, "action.invalid_index"},
        {map->steps, "steps"},
        {map->still, "status.max_steps_without_motion"},
        {map->hit, "action.attack.hit"},
        {map->hit_by, "action.attack.hit_by"},
        {map->blocked, "action.attack.blocked"},
        {map->wasted, "action.attack.wasted_on_frozen"},
        {map->destroyed, "object.destroyed"},
        {map->frozen_ticks, "status.frozen.ticks"},
        {map->shield_ticks, "status.shield.ticks"},
        {map->swaps, "actions.swap"},
        {map->tags, "tag.tags"},
        {map->tagged, "tag.tagged"},
        {map->misses, "tag.misses"},
        {map->caught_all, "tag.caught_all"},
        {map->caught_none, "tag.caught_none"},
        {map->survived, "tag.survived"},
        {map->seen, "seen"},
        {map->hidden, "hidden"},
        {map->tokens_written, "tokens_written"},
        {map->tokens_dropped, "tokens_dropped"},
    };
    for (size_t i = 0; i < sizeof singles / sizeof *singles; ++i) {
        if (singles[i].index == index) {
            return singles[i].name;
        }
    }
    return "";
}

gw_status gw_stat_name(const gw_rules_def *rules, int32_t stat_index, char name[GW_STAT_NAME_SIZE])
{
    if (!is_walkable(rules) || name == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    gw_stat_map map = gw_stat_map_of(rules);
    if (stat_index < 0 || stat_index >= map.count) {
        return GW_INVALID_ARGUMENT;
    }
    int32_t in_actions = stat_index - map.action_first;
    int32_t in_roles = map.sees_first == GW_NONE ? GW_NONE : stat_index - map.sees_first;
    if (in_actions < 0) {
        name_resource_stat(&map, rules, stat_index, name);
    } else if (in_actions < 2 * rules->action_count) {
        const char *action = rules->actions[in_actions / 2].name;
        snprintf(name, GW_STAT_NAME_SIZE, "action.%.31s.%s", action, in_actions % 2 == 0 ? "success" : "failed");
    } else if (0 <= in_roles && in_roles < rules->role_count) {
        snprintf(name, GW_STAT_NAME_SIZE, "sees.%.31s", rules->role_names[in_roles]);
    } else {
        snprintf(name, GW_STAT_NAME_SIZE, "%s", single_stat_name(&map, stat_index));
    }
    return GW_OK;
}

gw_status gw_feature_name(const gw_rules_def *rules, int32_t feature_index, char name[GW_STAT_NAME_SIZE])
{
    static const char *const fixed[GW_FEATURE_INVENTORY] = {
        "type_id",     "group",       "role",        "frozen", "orientation",
        "shield",      "glyph",       "hp",          "ready",  "episode_completion_pct",
        "last_action", "last_result", "last_reward",
    };
    if (!is_walkable(rules) || name == NULL || feature_index < 0 ||
        feature_index >= GW_FEATURE_INVENTORY + rules->resource_count) {
        return GW_INVALID_ARGUMENT;
    }
    if (feature_index < GW_FEATURE_INVENTORY) {
        snprintf(name, GW_STAT_NAME_SIZE, "%s", fixed[feature_index]);
    } else {
        snprintf(name, GW_STAT_NAME_SIZE, "inv:%.31s", rules->resources[feature_index - GW_FEATURE_INVENTORY].name);
    }
    return GW_OK;
}

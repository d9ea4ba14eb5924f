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
    rules->role_count = 1;
    rules->glyph_count = 1;
    rules->action_count = 1;
    memcpy(rules->role_names[0], "agent", sizeof "agent");
    memcpy(rules->actions[0].name, "noop", sizeof "noop");
    for (int32_t r = 0; r < GW_MAX_RESOURCES; ++r) {
        rules->resources[r].limit_group = GW_NONE;
    }
    for (int32_t t = 0; t < GW_MAX_TERMS; ++t) {
        rules->terms[t].role = GW_NONE;
    }
    rules->end = (gw_end_def){.resource = GW_NONE, .amount = 1};
    rules->combat = (gw_combat_def){.freeze_turns = 1, .armor = GW_NONE, .shield = GW_NONE, .drained = GW_NONE};
    rules->tag = (gw_tag_def){.chance_percent = 100, .freeze_turns = GW_FOREVER};
    rules->perception = (gw_perception_def){.window_width = 11,
                                            .window_height = 11,
                                            .plane_count = 1,
                                            .planes = {GW_PLANE_KIND},
                                            .token_count = 200,
                                            .cone_degrees = 360};
}

bool gw_rules_have_verb(const gw_rules_def *rules, gw_verb verb)
{
    for (int32_t a = 0; a < rules->action_count; ++a) {
        if (rules->actions[a].verb == (int32_t)verb) {
            return true;
        }
    }
    return false;
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
    const struct {
        const char *name;
        int32_t value, low, high;
        const char *wants;
    } sizes[] = {
        {"agent_count", rules->agent_count, 1, GW_MAX_AGENTS, "must be 1 to 1024"},
        {"group_count", rules->group_count, 1, GW_MAX_GROUPS, "must be 1 to 8"},
        {"role_count", rules->role_count, 1, GW_MAX_ROLES, "must be 1 to 8"},
        {"max_steps", rules->max_steps, 0, GW_MAX_STEPS, "must be 0 (never) to 1,000,000,000"},
        {"glyph_count", rules->glyph_count, 1, GW_MAX_GLYPHS, "must be 1 to 250"},
        {"resources", rules->resource_count, 0, GW_MAX_RESOURCES, "can be 32 at most"},
        {"limit_groups", rules->limit_group_count, 0, GW_MAX_LIMIT_GROUPS, "can be 8 at most"},
        {"kinds", rules->kind_count, 0, GW_MAX_KINDS, "can be 64 at most"},
        {"actions", rules->action_count, 1, GW_MAX_ACTIONS, "must be 1 to 64"},
        {"rewards", rules->term_count, 0, GW_MAX_TERMS, "can be 32 terms at most"},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        if (!in_range(sizes[i].value, sizes[i].low, sizes[i].high)) {
            return bad_rules(error, sizes[i].name, "", sizes[i].wants);
        }
    }
    return GW_OK;
}

static gw_status check_groups(const gw_rules_def *rules, gw_error *error)
{
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        if (rules->agent_group[agent] >= rules->group_count) {
            return bad_rules(error, "agent_group", "", "names a group that this game does not have");
        }
    }
    for (int32_t group = 0; group < rules->group_count; ++group) {
        if (!in_range(rules->group_role[group], 0, rules->role_count - 1)) {
            return bad_rules(error, "group_role", "", "names a role that this game does not have");
        }
        if (!in_range(rules->group_share_percent[group], 0, 100)) {
            return bad_rules(error, "group_share_percent", "", "must be 0 to 100");
        }
    }
    return GW_OK;
}

static bool is_cone(int32_t degrees)
{
    return degrees == 90 || degrees == 180 || degrees == 270 || degrees == 360;
}

static gw_status check_perception(const gw_rules_def *rules, gw_error *error)
{
    const gw_perception_def *perception = &rules->perception;
    if (!in_range(perception->encoding, 0, GW_ENCODING_COUNT - 1)) {
        return bad_rules(error, "encoding", "", "is neither planes nor tokens");
    }
    if (!in_range(perception->window_width, 1, GW_MAX_WINDOW) || perception->window_width % 2 == 0 ||
        !in_range(perception->window_height, 1, GW_MAX_WINDOW) || perception->window_height % 2 == 0) {
        return bad_rules(error, "window", "", "must be odd and 1 to 15 on each side");
    }
    if (!in_range(perception->token_count, 1, GW_MAX_TOKENS)) {
        return bad_rules(error, "token_count", "", "must be 1 to 1024");
    }
    if (!in_range(perception->sight_range, 0, GW_MAX_WINDOW)) {
        return bad_rules(error, "sight_range", "", "must be 0 (the whole window) to 15");
    }
    if (!is_cone(perception->cone_degrees)) {
        return bad_rules(error, "cone_degrees", "", "must be 90, 180, 270 or 360");
    }
    if (!in_range(perception->plane_count, 1, GW_MAX_PLANES)) {
        return bad_rules(error, "planes", "", "must be 1 to 12");
    }
    uint32_t seen = 0;
    for (int32_t i = 0; i < perception->plane_count; ++i) {
        int32_t plane = perception->planes[i];
        if (!in_range(plane, 0, GW_PLANE_COUNT - 1)) {
            return bad_rules(error, "planes", "", "holds an unknown plane");
        }
        if ((seen >> plane) & 1u) {
            return bad_rules(error, "planes", "", "holds a plane twice");
        }
        seen |= 1u << plane;
    }
    return GW_OK;
}

static gw_status check_resources(const gw_rules_def *rules, gw_error *error)
{
    int32_t initial[GW_MAX_LIMIT_GROUPS] = {0};
    for (int32_t i = 0; i < rules->resource_count; ++i) {
        const gw_resource_def *resource = &rules->resources[i];
        if (!in_range(resource->limit, 1, GW_MAX_AMOUNT)) {
            return bad_rules(error, "resource", resource->name, "needs a limit of 1 to 65535");
        }
        if (!in_range(resource->initial, 0, resource->limit)) {
            return bad_rules(error, "resource", resource->name, "starts above its limit or below 0");
        }
        if (!in_range(resource->limit_group, GW_NONE, rules->limit_group_count - 1)) {
            return bad_rules(error, "resource", resource->name, "names a limit group that is not there");
        }
        if (!in_range(resource->regen_amount, -GW_MAX_AMOUNT, GW_MAX_AMOUNT) ||
            !in_range(resource->regen_interval, 0, GW_MAX_AMOUNT)) {
            return bad_rules(error, "resource", resource->name,
                             "needs regeneration within 65535, every 0 to 65535 ticks");
        }
        if (resource->limit_group != GW_NONE) {
            initial[resource->limit_group] += resource->initial;
        }
    }
    for (int32_t g = 0; g < rules->limit_group_count; ++g) {
        const gw_limit_group_def *group = &rules->limit_groups[g];
        if (!in_range(group->limit, 1, GW_MAX_AMOUNT)) {
            return bad_rules(error, "limit group", group->name, "needs a limit of 1 to 65535");
        }
        if (initial[g] > group->limit) {
            return bad_rules(error, "limit group", group->name, "starts above its limit");
        }
    }
    return GW_OK;
}

// All amounts of a table, and nothing beyond the resources that there are.
static bool amounts_are_sound(const gw_rules_def *rules, const int32_t *amounts, bool within_limits)
{
    for (int32_t r = 0; r < GW_MAX_RESOURCES; ++r) {
        int32_t most = r >= rules->resource_count ? 0 : within_limits ? rules->resources[r].limit : GW_MAX_AMOUNT;
        if (!in_range(amounts[r], 0, most)) {
            return false;
        }
    }
    return true;
}

static bool is_empty(const int32_t *amounts)
{
    for (int32_t r = 0; r < GW_MAX_RESOURCES; ++r) {
        if (amounts[r] != 0) {
            return false;
        }
    }
    return true;
}

// Whether amounts can be held together, as far as limit groups go.
static bool fits_limit_groups(const gw_rules_def *rules, const int32_t *amounts)
{
    int32_t units[GW_MAX_LIMIT_GROUPS] = {0};
    for (int32_t r = 0; r < rules->resource_count; ++r) {
        int32_t group = rules->resources[r].limit_group;
        if (group != GW_NONE) {
            units[group] += amounts[r];
            if (units[group] > rules->limit_groups[group].limit) {
                return false;
            }
        }
    }
    return true;
}

// A conversion must come to an end: by time, or because it uses something up.
static bool converts_without_end(const gw_kind_def *kind)
{
    if (kind->style != GW_STYLE_PUT_GET || kind->conversion_ticks > 0 || kind->cooldown > 0) {
        return false;
    }
    for (int32_t r = 0; r < GW_MAX_RESOURCES; ++r) {
        if (kind->input[r] > kind->output[r]) {
            return false;
        }
    }
    return true;
}

static int32_t units_at_start(const gw_kind_def *kind)
{
    int32_t units = 0;
    for (int32_t r = 0; r < GW_MAX_RESOURCES; ++r) {
        units += kind->output[r] > 0 ? kind->initial_output : 0;
    }
    return units;
}

static gw_status check_style(const gw_kind_def *kind, gw_error *error)
{
    bool stores = kind->style == GW_STYLE_PUT_GET || kind->style == GW_STYLE_CHEST;
    bool converts = kind->style == GW_STYLE_PUT_GET;
    if (kind->style == GW_STYLE_SOLID && (kind->use_on_bump || kind->cooldown != 0 || kind->max_uses != 0 ||
                                          !is_empty(kind->input) || !is_empty(kind->output))) {
        return bad_rules(error, "kind", kind->name, "is solid but has inputs, outputs, bump, cooldown or max_uses");
    }
    if (!converts && kind->conversion_ticks != 0) {
        return bad_rules(error, "kind", kind->name, "has conversion_ticks but does not convert by put and get");
    }
    if (!stores && (kind->max_output != 0 || kind->initial_output != 0)) {
        return bad_rules(error, "kind", kind->name, "has max_output or initial_output but no store");
    }
    if (kind->style == GW_STYLE_CHEST && (kind->cooldown != 0 || kind->max_uses != 0)) {
        return bad_rules(error, "kind", kind->name, "is a chest, which has no cooldown and no max_uses");
    }
    if (kind->style == GW_STYLE_CHEST && kind->max_output > 0 && units_at_start(kind) > kind->max_output) {
        return bad_rules(error, "kind", kind->name, "starts with more than its max_output");
    }
    if (converts_without_end(kind)) {
        return bad_rules(error, "kind", kind->name,
                         "would convert without end in no time: it needs time, or to use something up");
    }
    return GW_OK;
}

static gw_status check_kind(const gw_rules_def *rules, const gw_kind_def *kind, gw_error *error)
{
    static const char *const taken[] = {"agent", "empty", "outside"};
    for (size_t j = 0; j < sizeof taken / sizeof *taken; ++j) {
        if (strcmp(kind->name, taken[j]) == 0) {
            return bad_rules(error, "kind", kind->name, "has a name that the engine keeps for itself");
        }
    }
    if (!in_range(kind->style, 0, GW_STYLE_COUNT - 1)) {
        return bad_rules(error, "kind", kind->name, "has an unknown style");
    }
    const int32_t amounts[] = {kind->cooldown, kind->max_uses,   kind->conversion_ticks,
                               kind->hp,       kind->max_output, kind->initial_output};
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; ++i) {
        if (!in_range(amounts[i], 0, GW_MAX_AMOUNT)) {
            return bad_rules(error, "kind", kind->name, "needs hp, cooldown, uses, ticks and outputs of 0 to 65535");
        }
    }
    bool within_limits = kind->style == GW_STYLE_USE;
    if (!amounts_are_sound(rules, kind->input, within_limits) ||
        !amounts_are_sound(rules, kind->output, within_limits)) {
        return bad_rules(error, "kind", kind->name, "takes or gives more of a resource than its limit allows");
    }
    if (within_limits && (!fits_limit_groups(rules, kind->input) || !fits_limit_groups(rules, kind->output))) {
        return bad_rules(error, "kind", kind->name, "takes or gives more at once than a limit group allows");
    }
    return check_style(kind, error);
}

static gw_status check_kinds(const gw_rules_def *rules, gw_error *error)
{
    for (int32_t i = 0; i < rules->kind_count; ++i) {
        gw_status status = check_kind(rules, &rules->kinds[i], error);
        if (status != GW_OK) {
            return status;
        }
    }
    return GW_OK;
}

static bool argument_is_known(const gw_rules_def *rules, const gw_action_def *action)
{
    switch (action->verb) {
    case GW_VERB_MOVE:
    case GW_VERB_ROTATE:
        return in_range(action->argument, 0, GW_DIRECTION_COUNT - 1);
    case GW_VERB_STEP:
        return in_range(action->argument, 0, 1);
    case GW_VERB_ATTACK:
        return rules->combat.pattern == GW_ATTACK_CELL ? in_range(action->argument, 1, 9)
                                                       : in_range(action->argument, 0, 8);
    case GW_VERB_GLYPH:
        return in_range(action->argument, 0, rules->glyph_count - 1);
    default:
        return action->argument == 0;
    }
}

static gw_status check_actions(const gw_rules_def *rules, gw_error *error)
{
    for (int32_t i = 0; i < rules->action_count; ++i) {
        const gw_action_def *action = &rules->actions[i];
        if (!in_range(action->verb, 0, GW_VERB_COUNT - 1)) {
            return bad_rules(error, "action", action->name, "has an unknown verb");
        }
        if (!argument_is_known(rules, action)) {
            return bad_rules(error, "action", action->name, "has an argument that its verb does not know");
        }
        if (!in_range(action->priority, 0, GW_PRIORITY_COUNT - 1)) {
            return bad_rules(error, "action", action->name, "needs a priority of 0 to 15");
        }
        if (!amounts_are_sound(rules, action->required, true) || !amounts_are_sound(rules, action->consumed, true)) {
            return bad_rules(error, "action", action->name, "costs more of a resource than can be held");
        }
        if (!fits_limit_groups(rules, action->required)) {
            return bad_rules(error, "action", action->name, "costs more at once than a limit group allows");
        }
        for (int32_t r = 0; r < rules->resource_count; ++r) {
            if (action->required[r] < action->consumed[r]) {
                return bad_rules(error, "action", action->name, "consumes more than it requires");
            }
        }
    }
    return GW_OK;
}

static bool is_resource_or_none(const gw_rules_def *rules, int32_t resource)
{
    return in_range(resource, GW_NONE, rules->resource_count - 1);
}

static gw_status check_combat(const gw_rules_def *rules, gw_error *error)
{
    const gw_combat_def *combat = &rules->combat;
    if (!in_range(combat->pattern, 0, GW_ATTACK_PATTERN_COUNT - 1)) {
        return bad_rules(error, "combat", "", "has an unknown pattern");
    }
    if (!in_range(combat->freeze_turns, 1, GW_FOREVER - 1)) {
        return bad_rules(error, "combat", "", "needs freeze_turns of 1 to 65534");
    }
    if (!is_resource_or_none(rules, combat->armor) || !is_resource_or_none(rules, combat->shield) ||
        !is_resource_or_none(rules, combat->drained)) {
        return bad_rules(error, "combat", "", "names a resource that this game does not have");
    }
    if (!in_range(combat->shield_upkeep, 0, GW_MAX_AMOUNT) || !in_range(combat->shield_absorb, 0, GW_MAX_AMOUNT)) {
        return bad_rules(error, "combat", "", "needs shield_upkeep and shield_absorb of 0 to 65535");
    }
    if (gw_rules_have_verb(rules, GW_VERB_SHIELD) && combat->shield == GW_NONE) {
        return bad_rules(error, "combat", "", "needs a shield resource, since an action raises the shield");
    }
    return GW_OK;
}

static bool has_agents(const gw_rules_def *rules, int32_t role)
{
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        if (gw_role_of(rules, agent) == role) {
            return true;
        }
    }
    return false;
}

static gw_status check_tag(const gw_rules_def *rules, gw_error *error)
{
    const gw_tag_def *tag = &rules->tag;
    if (!tag->is_on) {
        return tag->ends_when_all_caught ? bad_rules(error, "tag", "", "ends an episode but is off") : GW_OK;
    }
    if (!in_range(tag->tagger_role, 0, rules->role_count - 1) ||
        !in_range(tag->target_role, 0, rules->role_count - 1) || tag->tagger_role == tag->target_role) {
        return bad_rules(error, "tag", "", "needs two different roles of this game");
    }
    if (!has_agents(rules, tag->tagger_role) || !has_agents(rules, tag->target_role)) {
        return bad_rules(error, "tag", "", "needs agents of both roles");
    }
    if (!in_range(tag->range, 0, GW_TAG_RANGE_COUNT - 1) || !in_range(tag->chance_percent, 1, 100)) {
        return bad_rules(error, "tag", "", "needs a range of bump or adjacent, and a chance of 1 to 100 percent");
    }
    if (!in_range(tag->freeze_turns, 1, GW_FOREVER) || !in_range(tag->hide_ticks, 0, GW_FOREVER - 1)) {
        return bad_rules(error, "tag", "", "needs freeze_turns of 1 to 65535 and hide_ticks of 0 to 65534");
    }
    if (tag->ends_when_all_caught && tag->freeze_turns != GW_FOREVER) {
        return bad_rules(error, "tag", "", "can only end an episode if who is tagged stays caught");
    }
    return GW_OK;
}

static gw_status check_terms(const gw_rules_def *rules, gw_error *error)
{
    int32_t stat_count = gw_stat_map_of(rules).count;
    for (int32_t i = 0; i < rules->term_count; ++i) {
        const gw_term_def *term = &rules->terms[i];
        if (strcmp(term->name, "shared") == 0) {
            return bad_rules(error, "reward", term->name, "has a name that the ledger keeps for itself");
        }
        if (!in_range(term->kind, 0, GW_TERM_KIND_COUNT - 1)) {
            return bad_rules(error, "reward", term->name, "is neither an event nor a holding term");
        }
        int32_t source_count = term->kind == GW_TERM_EVENT ? stat_count : rules->resource_count;
        if (!in_range(term->source, 0, source_count - 1)) {
            return bad_rules(error, "reward", term->name, "counts something that this game does not have");
        }
        if (!in_range(term->scope, 0, GW_SCOPE_COUNT - 1) || !in_range(term->role, GW_NONE, rules->role_count - 1)) {
            return bad_rules(error, "reward", term->name, "has an unknown scope or role");
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
    int32_t group = resource->limit_group;
    int32_t most = group != GW_NONE && rules->limit_groups[group].limit < resource->limit
                       ? rules->limit_groups[group].limit
                       : resource->limit;
    if (!in_range(rules->end.amount, 1, most)) {
        return bad_rules(error, "end", resource->name, "can never be held in that amount");
    }
    if (resource->initial >= rules->end.amount) {
        return bad_rules(error, "end", resource->name, "is reached before the first step");
    }
    return GW_OK;
}

static gw_status check_all_names(const gw_rules_def *rules, gw_error *error)
{
    const struct {
        const char *table, *first;
        size_t stride;
        int32_t count;
        bool dots_allowed;
    } tables[] = {
        {"roles", rules->role_names[0], sizeof *rules->role_names, rules->role_count, false},
        {"resources", rules->resources[0].name, sizeof *rules->resources, rules->resource_count, false},
        {"limit_groups", rules->limit_groups[0].name, sizeof *rules->limit_groups, rules->limit_group_count, false},
        {"kinds", rules->kinds[0].name, sizeof *rules->kinds, rules->kind_count, false},
        {"actions", rules->actions[0].name, sizeof *rules->actions, rules->action_count, false},
        {"rewards", rules->terms[0].name, sizeof *rules->terms, rules->term_count, true},
    };
    gw_status status = GW_OK;
    for (size_t i = 0; status == GW_OK && i < sizeof tables / sizeof *tables; ++i) {
        status = check_names(tables[i].table, tables[i].first, tables[i].stride, tables[i].count,
                             tables[i].dots_allowed, error);
    }
    return status;
}

gw_status gw_rules_validate(const gw_rules_def *rules, gw_error *error)
{
    static gw_status (*const checks[])(const gw_rules_def *, gw_error *) = {
        check_sizes,  check_all_names, check_groups, check_perception, check_resources, check_kinds,
        check_combat, check_actions,   check_tag,    check_terms,      check_end,
    };
    if (rules->cookie != GW_RULES_COOKIE) {
        return gw_fail(error, GW_INVALID_ARGUMENT, "the rules were not made by gw_rules_default");
    }
    gw_status status = GW_OK;
    for (size_t i = 0; status == GW_OK && i < sizeof checks / sizeof *checks; ++i) {
        status = checks[i](rules, error);
    }
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

static uint64_t hash_kind(uint64_t key, const gw_kind_def *kind)
{
    const int32_t fields[] = {kind->style,    kind->use_on_bump,   kind->is_swappable,     kind->is_transparent,
                              kind->hp,       kind->cooldown,      kind->conversion_ticks, kind->max_output,
                              kind->max_uses, kind->initial_output};
    key = gw_hash_bytes(hash_name(key, kind->name), fields, sizeof fields);
    key = gw_hash_bytes(key, kind->input, sizeof kind->input);
    return gw_hash_bytes(key, kind->output, sizeof kind->output);
}

static uint64_t hash_action(uint64_t key, const gw_action_def *action)
{
    const int32_t fields[] = {action->verb, action->argument, action->priority, action->pays_always};
    key = gw_hash_bytes(hash_name(key, action->name), fields, sizeof fields);
    key = gw_hash_bytes(key, action->required, sizeof action->required);
    return gw_hash_bytes(key, action->consumed, sizeof action->consumed);
}

static uint64_t hash_term(uint64_t key, const gw_term_def *term)
{
    const int32_t fields[] = {term->kind, term->source, term->scope, term->role, term->at_end};
    key = gw_hash_bytes(hash_name(key, term->name), fields, sizeof fields);
    return hash_float(hash_float(key, term->weight), term->cap);
}

static uint64_t hash_tables(uint64_t key, const gw_rules_def *rules)
{
    for (int32_t i = 0; i < rules->role_count; ++i) {
        key = hash_name(key, rules->role_names[i]);
    }
    for (int32_t i = 0; i < rules->resource_count; ++i) {
        const gw_resource_def *resource = &rules->resources[i];
        const int32_t fields[] = {resource->limit,        resource->initial,        resource->limit_group,
                                  resource->regen_amount, resource->regen_interval, resource->is_loot};
        key = gw_hash_bytes(hash_name(key, resource->name), fields, sizeof fields);
    }
    for (int32_t i = 0; i < rules->limit_group_count; ++i) {
        key = gw_combine(hash_name(key, rules->limit_groups[i].name), (uint64_t)rules->limit_groups[i].limit);
    }
    for (int32_t i = 0; i < rules->kind_count; ++i) {
        key = hash_kind(key, &rules->kinds[i]);
    }
    for (int32_t i = 0; i < rules->action_count; ++i) {
        key = hash_action(key, &rules->actions[i]);
    }
    for (int32_t i = 0; i < rules->term_count; ++i) {
        key = hash_term(key, &rules->terms[i]);
    }
    return key;
}

uint64_t gw_rules_hash(const gw_rules_def *rules)
{
    const gw_end_def *end = &rules->end;
    const gw_combat_def *combat = &rules->combat;
    const gw_tag_def *tag = &rules->tag;
    const gw_perception_def *sees = &rules->perception;
    const int32_t scalars[] = {
        rules->agent_count,
        rules->group_count,
        rules->role_count,
        rules->max_steps,
        rules->glyph_count,
        rules->spawn_anywhere,
        rules->resource_count,
        rules->limit_group_count,
        rules->kind_count,
        rules->action_count,
        rules->term_count,
        end->resource,
        end->amount,
        end->all_agents,
        combat->pattern,
        combat->freeze_turns,
        combat->armor,
        combat->shield,
        combat->shield_upkeep,
        combat->shield_absorb,
        combat->drained,
        combat->surplus_is_lost,
        tag->is_on,
        tag->tagger_role,
        tag->target_role,
        tag->range,
        tag->chance_percent,
        tag->freeze_turns,
        tag->hide_ticks,
        tag->ends_when_all_caught,
        sees->encoding,
        sees->window_width,
        sees->window_height,
        sees->plane_count,
        sees->token_count,
        sees->line_of_sight,
        sees->sight_range,
        sees->cone_degrees,
        sees->counts_sight,
    };
    uint64_t key = gw_hash_bytes(GW_ENGINE_VERSION, scalars, sizeof scalars);
    key = gw_hash_bytes(key, sees->planes, (size_t)sees->plane_count * sizeof *sees->planes);
    key = gw_hash_bytes(key, rules->agent_group, (size_t)rules->agent_count);
    key = gw_hash_bytes(key, rules->group_role, (size_t)rules->group_count * sizeof *rules->group_role);
    key =
        gw_hash_bytes(key, rules->group_share_percent, (size_t)rules->group_count * sizeof *rules->group_share_percent);
    return hash_tables(key, rules);
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

static gw_amounts compile_amounts(const gw_rules_def *rules, const int32_t *units)
{
    gw_amounts amounts = {0};
    for (int32_t r = 0; r < rules->resource_count; ++r) {
        if (units[r] > 0) {
            amounts.items[amounts.count++] = (gw_amount){r, units[r]};
        }
    }
    return amounts;
}

static int32_t first_noop(const gw_rules_def *rules)
{
    for (int32_t a = 0; a < rules->action_count; ++a) {
        if (rules->actions[a].verb == GW_VERB_NOOP) {
            return a;
        }
    }
    return 0;
}

static void compile_tables(gw_world *world)
{
    const gw_rules_def *rules = &world->rules;
    for (int32_t k = 0; k < rules->kind_count; ++k) {
        const gw_kind_def *kind = &rules->kinds[k];
        world->inputs[k] = compile_amounts(rules, kind->input);
        world->outputs[k] = compile_amounts(rules, kind->output);
        world->objects_move = world->objects_move || kind->is_swappable || kind->hp > 0;
        world->has_stores = world->has_stores || kind->style == GW_STYLE_PUT_GET || kind->style == GW_STYLE_CHEST;
    }
    for (int32_t a = 0; a < rules->action_count; ++a) {
        world->required[a] = compile_amounts(rules, rules->actions[a].required);
        world->consumed[a] = compile_amounts(rules, rules->actions[a].consumed);
    }
    world->idle_action = first_noop(rules);
    for (int32_t r = 0; r < rules->resource_count; ++r) {
        if (rules->resources[r].regen_amount != 0 && rules->resources[r].regen_interval > 0) {
            world->regen[world->regen_count++] = r;
        }
    }
    for (int32_t g = 0; g < rules->group_count; ++g) {
        world->shares = world->shares || rules->group_share_percent[g] > 0;
    }
    const gw_perception_def *perception = &rules->perception;
    for (int32_t p = 0; p < perception->plane_count; ++p) {
        int32_t plane = perception->planes[p];
        bool of_objects = plane == GW_PLANE_READY || plane == GW_PLANE_HP || plane == GW_PLANE_STOCK;
        world->shows_agents = world->shows_agents || (plane != GW_PLANE_KIND && !of_objects);
    }
    world->has_sight = perception->line_of_sight || perception->sight_range > 0 || perception->cone_degrees < 360;
    world->has_turns =
        rules->tag.is_on || gw_rules_have_verb(rules, GW_VERB_ATTACK) || gw_rules_have_verb(rules, GW_VERB_SHIELD);
}

static int32_t distance_from_centre(const gw_perception_def *perception, int32_t cell)
{
    int32_t down = cell / perception->window_width - perception->window_height / 2;
    int32_t right = cell % perception->window_width - perception->window_width / 2;
    return (down < 0 ? -down : down) + (right < 0 ? -right : right);
}

// Window cells by Manhattan distance, then in reading order: a row's left cell before its right one.
static void compile_token_order(gw_world *world)
{
    const gw_perception_def *perception = &world->rules.perception;
    int32_t width = perception->window_width;
    int32_t placed = 0;
    for (int32_t distance = 0; placed < world->cell_count; ++distance) {
        for (int32_t cell = 0; cell < world->cell_count; ++cell) {
            if (distance_from_centre(perception, cell) != distance) {
                continue;
            }
            int32_t row = cell / width;
            int32_t column = cell % width;
            int32_t down = row - perception->window_height / 2;
            int32_t offset = down * world->padded_width + column - width / 2;
            world->token_rank[cell] = (uint8_t)placed;
            world->token_cells[placed++] = (gw_token_cell){offset, row * 16 + column};
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
    world->cell_count = world->rules.perception.window_width * world->rules.perception.window_height;
    const gw_rules_def *rules = &world->rules;
    const gw_perception_def *seen = &rules->perception;
    int32_t side = seen->window_width > seen->window_height ? seen->window_width : seen->window_height;
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
    const gw_perception_def *perception = &rules->perception;
    bool planes = perception->encoding == GW_ENCODING_PLANES;
    int32_t self_count = planes ? GW_SELF_INVENTORY + rules->resource_count : 0;
    world->spec = (gw_spec){
        .agent_count = rules->agent_count,
        .action_count = rules->action_count,
        .plane_count = planes ? perception->plane_count : 0,
        .token_count = planes ? 0 : perception->token_count,
        .window_width = perception->window_width,
        .window_height = perception->window_height,
        .self_count = self_count,
        .observation_size =
            planes ? perception->plane_count * world->cell_count + self_count : 3 * perception->token_count,
        .feature_count = GW_FEATURE_INVENTORY + rules->resource_count,
        .term_count = rules->term_count + world->shares,
        .stat_count = world->stat.count,
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

// Indestructible walls that stay put are marks on the kind plane and nothing else.
static bool has_state(const gw_kind_def *kind)
{
    return kind->style != GW_STYLE_SOLID || kind->is_swappable || kind->hp > 0;
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
            if (has_state(&world->rules.kinds[kind])) {
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
        int32_t agents = 0;
        for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
            agents += rules->agent_group[agent] == g;
        }
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
    world->stat = gw_stat_map_of(&world->rules);
    compile_tables(world);
    compile_priorities(world);
    compile_geometry(world, map);
    compile_token_order(world);
    gw_sight_compile(world);
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

// fuzz.c: see fuzz.h.
#include "fuzz.h"

enum { RESOURCES = 5, KINDS = 6, MAX_SIDE = 14 };

uint8_t read_byte(reader *r)
{
    if (r->size == 0) {
        return 0;
    }
    r->size -= 1;
    return *r->data++;
}

int32_t read_below(reader *r, int32_t limit)
{
    return read_byte(r) % limit;
}

int32_t read_any(reader *r)
{
    uint8_t shape = read_byte(r);
    int32_t small = read_byte(r);
    if (shape < 250) {
        return small % 8;
    }
    uint32_t wide = (uint32_t)small << 24 | (uint32_t)read_byte(r) << 16 | (uint32_t)read_byte(r) << 8 | read_byte(r);
    int32_t any;
    memcpy(&any, &wide, sizeof any);
    return any;
}

// A small amount, or none, or now and then nonsense.
static int32_t read_units(reader *r)
{
    return read_byte(r) % 3 == 0 ? read_any(r) : 0;
}

static bool read_bool(reader *r)
{
    return read_byte(r) % 2 != 0;
}

static void name(char target[GW_NAME_SIZE], const char *what, int32_t number)
{
    snprintf(target, GW_NAME_SIZE, "%s_%d", what, number);
}

static void draw_resources(reader *r, gw_rules_def *rules)
{
    rules->resource_count = read_below(r, RESOURCES + 1);
    rules->limit_group_count = read_below(r, 3);
    for (int32_t g = 0; g < rules->limit_group_count; ++g) {
        name(rules->limit_groups[g].name, "group", g);
        rules->limit_groups[g].limit = 1 + read_byte(r);
    }
    for (int32_t i = 0; i < rules->resource_count; ++i) {
        gw_resource_def *resource = &rules->resources[i];
        name(resource->name, "resource", i);
        resource->limit = 1 + read_byte(r);
        resource->initial = read_below(r, 3);
        resource->limit_group = read_bool(r) ? GW_NONE : read_below(r, 3) - 1;
        resource->regen_amount = read_below(r, 5) - 2;
        resource->regen_interval = read_units(r);
        resource->is_loot = read_bool(r);
    }
}

static void draw_kinds(reader *r, gw_rules_def *rules)
{
    rules->kind_count = 1 + read_below(r, KINDS);
    for (int32_t k = 0; k < rules->kind_count; ++k) {
        gw_kind_def *kind = &rules->kinds[k];
        name(kind->name, "kind", k);
        if (k == 0) {
            continue; // a plain wall, for the border
        }
        kind->style = read_below(r, GW_STYLE_COUNT);
        kind->is_swappable = read_bool(r);
        kind->is_transparent = read_bool(r);
        kind->hp = read_units(r);
        for (int32_t i = 0; i < rules->resource_count && kind->style != GW_STYLE_SOLID; ++i) {
            kind->input[i] = read_units(r);
            kind->output[i] = read_units(r);
        }
        if (kind->style != GW_STYLE_SOLID) {
            kind->use_on_bump = read_bool(r);
        }
        if (kind->style == GW_STYLE_USE || kind->style == GW_STYLE_PUT_GET) {
            kind->cooldown = read_units(r);
            kind->max_uses = read_units(r);
        }
        if (kind->style == GW_STYLE_PUT_GET || kind->style == GW_STYLE_CHEST) {
            kind->max_output = read_units(r);
            kind->initial_output = read_units(r);
        }
        if (kind->style == GW_STYLE_PUT_GET) {
            kind->conversion_ticks = read_units(r);
        }
    }
}

static int32_t argument_for(reader *r, int32_t verb)
{
    switch (verb) {
    case GW_VERB_MOVE:
    case GW_VERB_ROTATE:
        return read_below(r, GW_DIRECTION_COUNT);
    case GW_VERB_STEP:
        return read_below(r, 2);
    case GW_VERB_ATTACK:
        return 1 + read_below(r, 8);
    default:
        return read_units(r);
    }
}

static void draw_actions(reader *r, gw_rules_def *rules)
{
    rules->action_count = 4 + read_below(r, 16);
    for (int32_t a = 0; a < rules->action_count; ++a) {
        gw_action_def *action = &rules->actions[a];
        memset(action, 0, sizeof *action);
        name(action->name, "action", a);
        bool is_walk = a < 4; // so that something moves
        action->verb = is_walk ? GW_VERB_MOVE : read_below(r, GW_VERB_COUNT);
        action->argument = is_walk ? a : argument_for(r, action->verb);
        action->priority = read_below(r, 3);
        action->pays_always = read_bool(r);
        for (int32_t i = 0; i < rules->resource_count; ++i) {
            action->consumed[i] = read_below(r, 8) == 0;
            action->required[i] = action->consumed[i] + (read_below(r, 8) == 0);
        }
    }
}

static void draw_terms(reader *r, gw_rules_def *rules)
{
    int32_t stats = 0;
    if (gw_stat_count(rules, &stats) != GW_OK || stats <= 0) {
        return;
    }
    rules->term_count = read_below(r, 5);
    for (int32_t t = 0; t < rules->term_count; ++t) {
        gw_term_def *term = &rules->terms[t];
        name(term->name, "term", t);
        term->kind = read_below(r, GW_TERM_KIND_COUNT);
        int32_t sources = term->kind == GW_TERM_EVENT ? stats : rules->resource_count;
        term->source = sources > 0 ? (read_byte(r) << 8 | read_byte(r)) % sources : 0;
        term->scope = read_below(r, GW_SCOPE_COUNT);
        term->role = read_below(r, rules->role_count + 1) - 1;
        term->at_end = read_bool(r);
        term->weight = (float)(read_below(r, 9) - 4) / 4.0f;
        term->cap = (float)read_below(r, 3);
    }
}

static void draw_sides(reader *r, gw_rules_def *rules)
{
    rules->agent_count = 1 + read_below(r, 6);
    rules->group_count = 1 + read_below(r, 3);
    rules->role_count = 1 + read_below(r, 2);
    for (int32_t role = 0; role < rules->role_count; ++role) {
        name(rules->role_names[role], "role", role);
    }
    for (int32_t g = 0; g < rules->group_count; ++g) {
        rules->group_role[g] = read_below(r, rules->role_count);
        rules->group_share_percent[g] = read_bool(r) ? read_below(r, 101) : 0;
    }
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        rules->agent_group[agent] = (uint8_t)read_below(r, rules->group_count);
    }
    rules->max_steps = read_below(r, 40);
    rules->glyph_count = 1 + read_below(r, 4);
    rules->spawn_anywhere = read_bool(r);
}

static void draw_contact(reader *r, gw_rules_def *rules)
{
    gw_combat_def *combat = &rules->combat;
    combat->pattern = read_below(r, GW_ATTACK_PATTERN_COUNT);
    combat->freeze_turns = read_below(r, 8) > 0 ? 1 + read_below(r, 5) : read_any(r);
    combat->armor = read_below(r, rules->resource_count + 1) - 1;
    combat->shield = read_below(r, rules->resource_count + 1) - 1;
    combat->drained = read_below(r, rules->resource_count + 1) - 1;
    combat->shield_upkeep = read_units(r);
    combat->shield_absorb = read_units(r);
    combat->surplus_is_lost = read_bool(r);
    rules->tag.is_on = read_bool(r) && rules->role_count > 1;
    rules->tag.tagger_role = 0;
    rules->tag.target_role = 1;
    rules->tag.range = read_below(r, GW_TAG_RANGE_COUNT);
    rules->tag.chance_percent = 1 + read_below(r, 100);
    rules->tag.freeze_turns = read_bool(r) ? GW_FOREVER : 1 + read_below(r, 9);
    rules->tag.hide_ticks = read_units(r);
    rules->tag.ends_when_all_caught = rules->tag.freeze_turns == GW_FOREVER && read_bool(r);
}

static void draw_perception(reader *r, gw_rules_def *rules)
{
    static const int32_t cones[] = {90, 180, 270, 360};
    gw_perception_def *perception = &rules->perception;
    perception->encoding = read_below(r, GW_ENCODING_COUNT);
    perception->window_width = 1 + 2 * read_below(r, 8);
    perception->window_height = 1 + 2 * read_below(r, 8);
    perception->plane_count = 1 + read_below(r, GW_PLANE_COUNT);
    int32_t first = read_below(r, GW_PLANE_COUNT);
    for (int32_t p = 0; p < perception->plane_count; ++p) {
        perception->planes[p] = (first + p) % GW_PLANE_COUNT;
    }
    perception->token_count = 1 + read_byte(r);
    perception->line_of_sight = read_bool(r);
    perception->sight_range = read_below(r, 9);
    perception->cone_degrees = cones[read_below(r, 4)];
    perception->counts_sight = read_bool(r);
}

void draw_rules(reader *r, gw_rules_def *rules)
{
    gw_rules_default(rules);
    draw_sides(r, rules);
    draw_resources(r, rules);
    draw_kinds(r, rules);
    draw_actions(r, rules);
    draw_contact(r, rules);
    draw_perception(r, rules);
    draw_terms(r, rules);
    if (rules->resource_count > 0 && read_bool(r)) {
        rules->end.resource = read_below(r, rules->resource_count);
        rules->end.amount = 1 + read_below(r, 4);
        rules->end.all_agents = read_bool(r);
    }
}

static uint8_t draw_cell(reader *r, const gw_rules_def *rules)
{
    uint8_t drawn = read_byte(r);
    if (drawn < 120) {
        return GW_CELL_EMPTY;
    }
    if (drawn < 170) {
        return GW_CELL_SPAWN_ANY;
    }
    if (drawn < 190) {
        return (uint8_t)(GW_CELL_SPAWN_GROUP + drawn % rules->group_count);
    }
    return drawn == 255 ? read_byte(r) : (uint8_t)(GW_CELL_KIND + drawn % rules->kind_count);
}

gw_map_def draw_map(reader *r, const gw_rules_def *rules, uint8_t cells[], int32_t capacity)
{
    gw_map_def map;
    gw_map_default(&map);
    map.width = 3 + read_below(r, MAX_SIDE - 2);
    map.height = 3 + read_below(r, MAX_SIDE - 2);
    MUST(map.width * map.height <= capacity);
    for (int32_t i = 0; i < map.width * map.height; ++i) {
        int32_t row = i / map.width;
        int32_t column = i % map.width;
        bool is_border = row == 0 || column == 0 || row == map.height - 1 || column == map.width - 1;
        cells[i] = is_border ? GW_CELL_KIND : draw_cell(r, rules);
    }
    map.cells = cells;
    return map;
}

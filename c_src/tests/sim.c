// sim.c: see sim.h.
#include "sim.h"

enum { GUARD_SIZE = 64, GUARD_BYTE = 0xa5, DRAWING_SIZE = 4096 };

// ---- Games

static void put_resource(gw_rules_def *rules, const char *name, int32_t limit)
{
    gw_resource_def *resource = &rules->resources[rules->resource_count++];
    snprintf(resource->name, GW_NAME_SIZE, "%s", name);
    resource->limit = limit;
}

static gw_kind_def *put_kind(gw_rules_def *rules, const char *name, gw_style style)
{
    gw_kind_def *kind = &rules->kinds[rules->kind_count++];
    snprintf(kind->name, GW_NAME_SIZE, "%s", name);
    kind->style = (int32_t)style;
    return kind;
}

static void put_action(gw_rules_def *rules, const char *name, int32_t verb, int32_t argument)
{
    gw_action_def *action = &rules->actions[rules->action_count++];
    snprintf(action->name, GW_NAME_SIZE, "%s", name);
    action->verb = verb;
    action->argument = argument;
}

static void put_actions(gw_rules_def *rules)
{
    static const char *const names[] = {"north",     "south",     "west",      "east",
                                        "northwest", "northeast", "southwest", "southeast"};
    char name[GW_NAME_SIZE];
    rules->action_count = 0;
    put_action(rules, "noop", GW_VERB_NOOP, 0);
    for (int32_t direction = 0; direction < GW_DIRECTION_COUNT; ++direction) {
        snprintf(name, sizeof name, "move_%s", names[direction]);
        put_action(rules, name, GW_VERB_MOVE, direction);
    }
    for (int32_t direction = 0; direction < 4; ++direction) {
        snprintf(name, sizeof name, "rotate_%s", names[direction]);
        put_action(rules, name, GW_VERB_ROTATE, direction);
    }
    put_action(rules, "use", GW_VERB_USE, 0);
}

void set_groups(gw_rules_def *rules, int32_t group_count)
{
    rules->group_count = group_count;
    for (int32_t agent = 0; agent < rules->agent_count; ++agent) {
        rules->agent_group[agent] = (uint8_t)(agent % group_count);
    }
}

gw_rules_def test_rules(int32_t agent_count)
{
    gw_rules_def rules;
    gw_rules_default(&rules);
    rules.agent_count = agent_count;
    set_groups(&rules, agent_count < GW_MAX_GROUPS ? agent_count : GW_MAX_GROUPS);
    rules.perception.plane_count = GW_PLANE_COUNT;
    for (int32_t plane = 0; plane < GW_PLANE_COUNT; ++plane) {
        rules.perception.planes[plane] = plane;
    }
    put_resource(&rules, "ore", 5);
    put_resource(&rules, "battery", 4);
    put_resource(&rules, "heart", 10);
    put_kind(&rules, "wall", GW_STYLE_SOLID);
    gw_kind_def *mine = put_kind(&rules, "mine", GW_STYLE_USE);
    mine->cooldown = 3;
    mine->output[ORE] = 1;
    gw_kind_def *generator = put_kind(&rules, "generator", GW_STYLE_USE);
    generator->input[ORE] = 1;
    generator->output[BATTERY] = 2;
    gw_kind_def *altar = put_kind(&rules, "altar", GW_STYLE_USE);
    altar->max_uses = 2;
    altar->input[BATTERY] = 3;
    altar->output[HEART] = 1;
    gw_kind_def *goal = put_kind(&rules, "goal", GW_STYLE_USE);
    goal->use_on_bump = true;
    goal->output[HEART] = 1;
    put_actions(&rules);
    return rules;
}

static void put_full_kinds(gw_rules_def *rules)
{
    gw_kind_def *chest = put_kind(rules, "chest", GW_STYLE_CHEST);
    chest->input[ORE] = chest->output[ORE] = 2;
    chest->max_output = 5;
    chest->initial_output = 3;
    chest->use_on_bump = true;
    gw_kind_def *press = put_kind(rules, "press", GW_STYLE_PUT_GET);
    press->input[ORE] = 2;
    press->output[HEART] = 1;
    press->conversion_ticks = press->cooldown = 2;
    press->max_output = 2;
    press->hp = 1;
    gw_kind_def *block = put_kind(rules, "block", GW_STYLE_SOLID);
    block->is_swappable = true;
    block->hp = 2;
    put_kind(rules, "glass", GW_STYLE_SOLID)->is_transparent = true;
}

static void put_numbered(gw_rules_def *rules, const char *name, gw_verb verb, int32_t first, int32_t last)
{
    for (int32_t argument = first; argument <= last; ++argument) {
        char numbered[GW_NAME_SIZE];
        snprintf(numbered, sizeof numbered, "%s_%d", name, argument);
        put_action(rules, numbered, (int32_t)verb, argument);
    }
}

static void put_full_actions(gw_rules_def *rules)
{
    put_action(rules, "forward", GW_VERB_STEP, 0);
    put_action(rules, "backward", GW_VERB_STEP, 1);
    put_action(rules, "put", GW_VERB_PUT, 0);
    put_action(rules, "get", GW_VERB_GET, 0);
    put_numbered(rules, "attack", GW_VERB_ATTACK, 1, 9);
    put_action(rules, "shield", GW_VERB_SHIELD, 0);
    put_action(rules, "swap", GW_VERB_SWAP, 0);
    put_numbered(rules, "glyph", GW_VERB_GLYPH, 0, 2);
    for (int32_t a = ATTACK_1; a < SHIELD; ++a) {
        rules->actions[a].required[ENERGY] = rules->actions[a].consumed[ENERGY] = 1;
        rules->actions[a].pays_always = a % 2 == 0;
        rules->actions[a].priority = 1;
    }
}

gw_rules_def full_rules(int32_t agent_count)
{
    gw_rules_def rules = test_rules(agent_count);
    rules.group_count = rules.role_count = 2;
    rules.glyph_count = 3;
    for (int32_t agent = 0; agent < agent_count; ++agent) {
        rules.agent_group[agent] = agent % 3 != 0;
    }
    rules.group_role[1] = 1;
    rules.group_share_percent[1] = 50;
    strcpy(rules.role_names[0], "seeker");
    strcpy(rules.role_names[1], "hider");
    put_resource(&rules, "energy", 20);
    put_resource(&rules, "armor", 2);
    rules.resources[ENERGY].initial = 10;
    rules.resources[ENERGY].regen_amount = 1;
    rules.resources[ENERGY].regen_interval = 3;
    rules.resources[HEART].is_loot = rules.resources[ORE].is_loot = true;
    rules.limit_group_count = 1;
    rules.limit_groups[0] = (gw_limit_group_def){.name = "bag", .limit = 6};
    rules.resources[ORE].limit_group = rules.resources[BATTERY].limit_group = 0;
    rules.kinds[MINE].output[ARMOR] = 1;
    put_full_kinds(&rules);
    put_full_actions(&rules);
    rules.combat = (gw_combat_def){.pattern = GW_ATTACK_CELL,
                                   .freeze_turns = 3,
                                   .armor = ARMOR,
                                   .shield = ENERGY,
                                   .shield_upkeep = 1,
                                   .shield_absorb = 4,
                                   .drained = ENERGY};
    rules.tag = (gw_tag_def){.is_on = true,
                             .tagger_role = 0,
                             .target_role = 1,
                             .range = GW_TAG_ADJACENT,
                             .chance_percent = 50,
                             .freeze_turns = GW_FOREVER,
                             .hide_ticks = 2};
    rules.perception.line_of_sight = rules.perception.counts_sight = true;
    rules.perception.cone_degrees = 270;
    return rules;
}

int32_t stat_named(const gw_rules_def *rules, const char *name)
{
    int32_t count = 0;
    CHECK_INT(gw_stat_count(rules, &count), GW_OK);
    for (int32_t stat = 0; stat < count; ++stat) {
        char here[GW_STAT_NAME_SIZE];
        gw_stat_name(rules, stat, here);
        if (strcmp(here, name) == 0) {
            return stat;
        }
    }
    CHECK_TEXT("", name);
    return 0;
}

static int32_t add_term(gw_rules_def *rules, const char *name, gw_term_def term)
{
    snprintf(term.name, GW_NAME_SIZE, "%s", name);
    term.role = GW_NONE;
    rules->terms[rules->term_count] = term;
    return rules->term_count++;
}

int32_t add_event(gw_rules_def *rules, const char *name, int32_t stat, float weight, float cap)
{
    return add_term(rules, name, (gw_term_def){.kind = GW_TERM_EVENT, .source = stat, .weight = weight, .cap = cap});
}

int32_t add_holding(gw_rules_def *rules, const char *name, int32_t resource, float weight, float cap)
{
    return add_term(rules, name,
                    (gw_term_def){.kind = GW_TERM_HOLDING, .source = resource, .weight = weight, .cap = cap});
}

// ---- Maps

static uint8_t cell_of(char drawn)
{
    static const char kinds[] = "#mga*cpbx";
    const char *kind = strchr(kinds, drawn);
    if (kind != NULL) {
        return (uint8_t)(GW_CELL_KIND + (kind - kinds));
    }
    if ('1' <= drawn && drawn <= '9') {
        return (uint8_t)(GW_CELL_SPAWN_GROUP + drawn - '1');
    }
    return drawn == '@' ? GW_CELL_SPAWN_ANY : drawn == '.' ? GW_CELL_EMPTY : 255;
}

static gw_status compile(const gw_rules_def *rules, const char *drawing, gw_world **world, gw_error *error)
{
    uint8_t cells[DRAWING_SIZE];
    gw_map_def map;
    gw_map_default(&map);
    map.cells = cells;
    int32_t count = 0;
    for (const char *at = drawing; *at != '\0'; ++at) {
        if (*at == '\n') {
            map.height += 1;
        } else {
            cells[count++] = cell_of(*at);
        }
    }
    map.width = map.height > 0 ? count / map.height : 0;
    return gw_world_create(rules, &map, world, error);
}

gw_status world_status(const gw_rules_def *rules, const char *drawing, gw_error *error)
{
    gw_world *world = NULL;
    gw_status status = compile(rules, drawing, &world, error);
    gw_world_destroy(world);
    return status;
}

gw_world *world_from(const gw_rules_def *rules, const char *drawing)
{
    gw_world *world = NULL;
    gw_error error = {0};
    if (compile(rules, drawing, &world, &error) != GW_OK) {
        CHECK_TEXT(error.message, "");
    }
    return world;
}

// ---- Guarded arrays

void *guarded(size_t size)
{
    uint8_t *block = malloc(size + 2 * GUARD_SIZE);
    if (block == NULL) {
        abort();
    }
    memset(block, GUARD_BYTE, size + 2 * GUARD_SIZE);
    return block + GUARD_SIZE;
}

bool guards_hold(const void *block, size_t size)
{
    const uint8_t *bytes = block;
    for (size_t i = 0; i < GUARD_SIZE; ++i) {
        if (bytes[-1 - (ptrdiff_t)i] != GUARD_BYTE || bytes[size + i] != GUARD_BYTE) {
            return false;
        }
    }
    return true;
}

void guarded_free(void *block)
{
    free((uint8_t *)block - GUARD_SIZE);
}

// ---- Sims

sim sim_as_defined(const gw_batch_def *def)
{
    sim s = {.env_count = def->env_count};
    gw_error error = {0};
    if (gw_batch_create(def, &s.batch, &error) != GW_OK) {
        CHECK_TEXT(error.message, "");
        abort();
    }
    gw_world_spec(def->worlds[0], &s.spec);
    s.rows = def->env_count * s.spec.agent_count;
    size_t rows = (size_t)s.rows;
    size_t table = rows * (size_t)s.spec.observation_size;
    s.actions = guarded(rows * sizeof(int32_t));
    s.io = (gw_io){
        .observations = guarded(table),
        .actions = s.actions,
        .rewards = guarded(rows * sizeof(float)),
        .terminated = guarded(rows),
        .truncated = guarded(rows),
        .final_observations = guarded(table),
        .results = guarded(rows),
        .action_masks = guarded(rows * (size_t)s.spec.action_count),
    };
    CHECK_INT(gw_batch_reset(s.batch, def->seed, s.io.observations), GW_OK);
    return s;
}

sim sim_of(gw_world *world, int32_t env_count, int32_t thread_count, uint64_t seed)
{
    gw_batch_def def;
    gw_batch_default(&def);
    def.env_count = env_count;
    def.thread_count = thread_count;
    def.seed = seed;
    def.worlds = &world;
    return sim_as_defined(&def);
}

sim sim_from(const gw_rules_def *rules, const char *drawing)
{
    gw_world *world = world_from(rules, drawing);
    sim s = sim_of(world, 1, 1, 1);
    gw_world_destroy(world); // the batch keeps its own reference
    return s;
}

static void check_guards(const sim *s)
{
    size_t rows = (size_t)s->rows;
    size_t table = rows * (size_t)s->spec.observation_size;
    CHECK(guards_hold(s->actions, rows * sizeof(int32_t)));
    CHECK(guards_hold(s->io.observations, table));
    CHECK(guards_hold(s->io.rewards, rows * sizeof(float)));
    CHECK(guards_hold(s->io.terminated, rows));
    CHECK(guards_hold(s->io.truncated, rows));
    CHECK(guards_hold(s->io.final_observations, table));
    CHECK(guards_hold(s->io.results, rows));
    CHECK(guards_hold(s->io.action_masks, rows * (size_t)s->spec.action_count));
}

void sim_close(sim *s)
{
    check_guards(s);
    gw_batch_destroy(s->batch);
    guarded_free(s->actions);
    guarded_free(s->io.observations);
    guarded_free(s->io.rewards);
    guarded_free(s->io.terminated);
    guarded_free(s->io.truncated);
    guarded_free(s->io.final_observations);
    guarded_free(s->io.results);
    guarded_free(s->io.action_masks);
}

void sim_step(sim *s, const int32_t *actions, int32_t count)
{
    CHECK_INT(count, s->spec.agent_count);
    memset(s->actions, 0, (size_t)s->rows * sizeof *s->actions);
    memcpy(s->actions, actions, (size_t)count * sizeof *actions);
    CHECK_INT(gw_batch_step(s->batch, &s->io), GW_OK);
    check_guards(s);
}

void sim_step_random(sim *s, uint64_t key, int32_t tick)
{
    for (int32_t row = 0; row < s->rows; ++row) {
        uint64_t counter = (uint64_t)tick * (uint64_t)s->rows + (uint64_t)row;
        bool invalid = gw_draw_below(key, 2 * counter, 9) == 0;
        s->actions[row] = invalid ? s->spec.action_count : gw_draw_below(key, 2 * counter + 1, s->spec.action_count);
    }
    CHECK_INT(gw_batch_step(s->batch, &s->io), GW_OK);
    check_guards(s);
}

gw_agent_view sim_agent(sim *s, int32_t agent)
{
    gw_env_view view;
    gw_agent_view agents[GW_MAX_AGENTS];
    CHECK_INT(gw_env_look(s->batch, 0, &view, NULL, NULL, 0, agents), GW_OK);
    return agents[agent];
}

gw_env_view sim_view(sim *s, int32_t env)
{
    gw_env_view view = {0};
    CHECK_INT(gw_env_look(s->batch, env, &view, NULL, NULL, 0, NULL), GW_OK);
    return view;
}

int32_t sim_stat(sim *s, int32_t agent, int32_t stat)
{
    int32_t stats[64 * 128];
    CHECK(s->spec.agent_count * s->spec.stat_count <= 64 * 128);
    CHECK_INT(gw_env_ledger(s->batch, 0, NULL, NULL, stats), GW_OK);
    return stats[agent * s->spec.stat_count + stat];
}

uint64_t sim_hash(sim *s)
{
    uint64_t hash = 0;
    CHECK_INT(gw_batch_hash(s->batch, &hash), GW_OK);
    return hash;
}

const char *sim_drawn(sim *s)
{
    static char drawing[DRAWING_SIZE];
    uint8_t cells[DRAWING_SIZE];
    gw_env_view view;
    gw_agent_view agents[GW_MAX_AGENTS];
    CHECK_INT(gw_env_look(s->batch, 0, &view, cells, NULL, DRAWING_SIZE, agents), GW_OK);
    int32_t stride = view.map_width + 1;
    for (int32_t row = 0; row < view.map_height; ++row) {
        for (int32_t column = 0; column < view.map_width; ++column) {
            drawing[row * stride + column] = "?.A#mga*cpbx"[cells[row * view.map_width + column]];
        }
        drawing[row * stride + view.map_width] = '\n';
    }
    drawing[view.map_height * stride] = '\0';
    for (int32_t agent = 0; agent < s->spec.agent_count; ++agent) {
        char *at = &drawing[agents[agent].row * stride + agents[agent].column];
        CHECK(*at == 'A'); // every agent on a cell of its own, and that cell says so
        *at = "^v<>7913"[agents[agent].facing];
    }
    CHECK(strchr(drawing, 'A') == NULL);
    return drawing;
}

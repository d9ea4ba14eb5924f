// test_rules.c: what gw_world_create refuses in rule tables, in which words; names of stats; identity.
#include "sim.h"

#include <math.h>

static const char room[] = "@@\n";

static void check_refused(const gw_rules_def *rules, const char *message)
{
    gw_error error = {0};
    gw_world *world = NULL;
    gw_map_def map;
    gw_map_default(&map);
    const uint8_t cells[] = {GW_CELL_SPAWN_ANY};
    map.cells = cells;
    map.width = map.height = 1;

    CHECK_INT(gw_world_create(rules, &map, &world, &error), GW_INVALID_RULES);

    CHECK_INT(error.status, GW_INVALID_RULES);
    CHECK_INT(error.row, GW_NONE);
    CHECK_INT(error.column, GW_NONE);
    CHECK_TEXT(error.message, message);
    CHECK(world == NULL);
    CHECK_INT(gw_world_create(rules, &map, &world, NULL), GW_INVALID_RULES); // an error is nobody's duty
}

// Spoil good rules with one statement and see what is said.
#define REFUSED(message, spoil)                                                                                        \
    do {                                                                                                               \
        gw_rules_def rules = test_rules(1);                                                                            \
        add_event(&rules, "hearts", stat_named(&rules, "heart.gained"), 1.0f, 0.0f);                                   \
        spoil;                                                                                                         \
        check_refused(&rules, message);                                                                                \
    } while (0)

static void good_rules_are_taken(void)
{
    gw_rules_def rules = test_rules(1);

    CHECK_INT(world_status(&rules, room, NULL), GW_OK);
    gw_rules_default(&rules);
    CHECK_INT(world_status(&rules, room, NULL), GW_OK);
}

static void rules_without_default_are_refused(void)
{
    gw_rules_def rules = test_rules(1);
    rules.cookie = 0;
    gw_error error = {0};

    CHECK_INT(world_status(&rules, room, &error), GW_INVALID_ARGUMENT);

    CHECK_TEXT(error.message, "the rules were not made by gw_rules_default");
}

static void sizes_out_of_range_are_refused(void)
{
    REFUSED("agent_count must be 1 to 1024", rules.agent_count = 0);
    REFUSED("agent_count must be 1 to 1024", rules.agent_count = 1025);
    REFUSED("group_count must be 1 to 8", rules.group_count = 0);
    REFUSED("group_count must be 1 to 8", rules.group_count = 9);
    REFUSED("role_count must be 1 to 8", rules.role_count = 0);
    REFUSED("role_count must be 1 to 8", rules.role_count = 9);
    REFUSED("glyph_count must be 1 to 250", rules.glyph_count = 0);
    REFUSED("glyph_count must be 1 to 250", rules.glyph_count = 251);
    REFUSED("limit_groups can be 8 at most", rules.limit_group_count = 9);
    REFUSED("limit_groups can be 8 at most", rules.limit_group_count = -1);
    REFUSED("max_steps must be 0 (never) to 1,000,000,000", rules.max_steps = -1);
    REFUSED("max_steps must be 0 (never) to 1,000,000,000", rules.max_steps = 1000000001);
    REFUSED("resources can be 32 at most", rules.resource_count = 33);
    REFUSED("resources can be 32 at most", rules.resource_count = -1);
    REFUSED("kinds can be 64 at most", rules.kind_count = 65);
    REFUSED("kinds can be 64 at most", rules.kind_count = -1);
    REFUSED("actions must be 1 to 64", rules.action_count = 0);
    REFUSED("actions must be 1 to 64", rules.action_count = 65);
    REFUSED("rewards can be 32 terms at most", rules.term_count = 33);
    REFUSED("rewards can be 32 terms at most", rules.term_count = INT32_MIN);
}

static void windows_must_be_odd_and_small(void)
{
    static const int32_t bad[] = {-1, 0, 2, 14, 16, 17, INT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        REFUSED("window must be odd and 1 to 15 on each side", rules.perception.window_width = bad[i]);
        REFUSED("window must be odd and 1 to 15 on each side", rules.perception.window_height = bad[i]);
    }
}

static void planes_must_be_known_and_different(void)
{
    REFUSED("planes must be 1 to 12", rules.perception.plane_count = 0);
    REFUSED("planes must be 1 to 12", rules.perception.plane_count = 13);
    REFUSED("planes holds an unknown plane", rules.perception.planes[1] = GW_PLANE_COUNT);
    REFUSED("planes holds an unknown plane", rules.perception.planes[1] = -1);
    REFUSED("planes holds a plane twice", rules.perception.planes[1] = GW_PLANE_KIND);
}

static void bad_name(gw_rules_def *rules, char *name, const char *bad, const char *message)
{
    char good[GW_NAME_SIZE];
    memcpy(good, name, GW_NAME_SIZE);
    memset(name, 0, GW_NAME_SIZE);
    memcpy(name, bad, strlen(bad));
    check_refused(rules, message);
    memcpy(name, good, GW_NAME_SIZE);
}

static void names_must_be_plain(void)
{
    static const char without_end[] = "abcdefghijklmnopqrstuvwxyzabcdef"; // 32 letters, no room for the zero
    static const char *const bad[] = {"", "1a", "A", "a-b", "a b", "_a", "\xc3\xa4", "a\x1b[2J", without_end};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        gw_rules_def rules = test_rules(1);
        add_event(&rules, "hearts", stat_named(&rules, "heart.gained"), 1.0f, 0.0f);
#define WORDS " needs names of a-z, 0-9 and _ that begin with a letter, 31 at most"
        bad_name(&rules, rules.resources[1].name, bad[i], "resources" WORDS);
        bad_name(&rules, rules.kinds[1].name, bad[i], "kinds" WORDS);
        bad_name(&rules, rules.actions[1].name, bad[i], "actions" WORDS);
        bad_name(&rules, rules.terms[0].name, bad[i], "rewards" WORDS);
        bad_name(&rules, rules.resources[1].name, "a.b", "resources" WORDS);
#undef WORDS
    }
}

static void names_of_31_letters_and_dotted_rewards_are_taken(void)
{
    gw_rules_def rules = test_rules(1);
    add_event(&rules, "heart.gained", stat_named(&rules, "heart.gained"), 1.0f, 0.0f);
    memset(rules.resources[0].name, 'x', GW_NAME_SIZE - 1);

    CHECK_INT(world_status(&rules, room, NULL), GW_OK);
}

static void names_must_be_unique(void)
{
    REFUSED("resources 'ore' is there twice", strcpy(rules.resources[1].name, "ore"));
    REFUSED("kinds 'wall' is there twice", strcpy(rules.kinds[2].name, "wall"));
    REFUSED("actions 'noop' is there twice", strcpy(rules.actions[3].name, "noop"));
    REFUSED("rewards 'hearts' is there twice", add_event(&rules, "hearts", 0, 1.0f, 0.0f));
}

static void resources_must_fit_their_limits(void)
{
    REFUSED("resource 'ore' needs a limit of 1 to 65535", rules.resources[ORE].limit = 0);
    REFUSED("resource 'ore' needs a limit of 1 to 65535", rules.resources[ORE].limit = 65536);
    REFUSED("resource 'heart' starts above its limit or below 0", rules.resources[HEART].initial = -1);
    REFUSED("resource 'heart' starts above its limit or below 0", rules.resources[HEART].initial = 11);
}

static void kinds_must_make_sense(void)
{
    static const char numbers[] = "kind 'mine' needs hp, cooldown, uses, ticks and outputs of 0 to 65535";
    static const char amounts[] = "kind 'mine' takes or gives more of a resource than its limit allows";
    static const char solid[] = "kind 'wall' is solid but has inputs, outputs, bump, cooldown or max_uses";
    REFUSED("kind 'agent' has a name that the engine keeps for itself", strcpy(rules.kinds[0].name, "agent"));
    REFUSED("kind 'empty' has a name that the engine keeps for itself", strcpy(rules.kinds[0].name, "empty"));
    REFUSED("kind 'outside' has a name that the engine keeps for itself", strcpy(rules.kinds[0].name, "outside"));
    REFUSED("kind 'mine' has an unknown style", rules.kinds[MINE].style = GW_STYLE_COUNT);
    REFUSED("kind 'mine' has an unknown style", rules.kinds[MINE].style = -1);
    REFUSED(numbers, rules.kinds[MINE].cooldown = 65536);
    REFUSED(numbers, rules.kinds[MINE].cooldown = -1);
    REFUSED(numbers, rules.kinds[MINE].max_uses = -1);
    REFUSED(numbers, rules.kinds[MINE].max_uses = 65536);
    REFUSED(numbers, rules.kinds[MINE].hp = -1);
    REFUSED(numbers, rules.kinds[MINE].conversion_ticks = 65536);
    REFUSED(numbers, rules.kinds[MINE].max_output = -1);
    REFUSED(numbers, rules.kinds[MINE].initial_output = 65536);
    REFUSED(amounts, rules.kinds[MINE].output[ORE] = 6);
    REFUSED(amounts, rules.kinds[MINE].input[ORE] = -1);
    REFUSED(amounts, rules.kinds[MINE].output[TEST_RESOURCE_COUNT] = 1);
    REFUSED(solid, rules.kinds[WALL].output[ORE] = 1);
    REFUSED(solid, rules.kinds[WALL].input[ORE] = 1);
    REFUSED(solid, rules.kinds[WALL].use_on_bump = true);
    REFUSED(solid, rules.kinds[WALL].cooldown = 1);
    REFUSED(solid, rules.kinds[WALL].max_uses = 1);
    REFUSED("kind 'mine' has conversion_ticks but does not convert by put and get",
            rules.kinds[MINE].conversion_ticks = 1);
    REFUSED("kind 'mine' has max_output or initial_output but no store", rules.kinds[MINE].max_output = 1);
    REFUSED("kind 'mine' has max_output or initial_output but no store", rules.kinds[MINE].initial_output = 1);
}

// Spoil the full game instead.
#define FULL_REFUSED(message, spoil)                                                                                   \
    do {                                                                                                               \
        gw_rules_def rules = full_rules(2);                                                                            \
        spoil;                                                                                                         \
        check_refused(&rules, message);                                                                                \
    } while (0)

static void stores_must_make_sense(void)
{
    static const char endless[] =
        "kind 'press' would convert without end in no time: it needs time, or to use something up";
    gw_kind_def instant = {.name = "press", .style = GW_STYLE_PUT_GET, .input = {2}, .output = {2}};
    FULL_REFUSED("kind 'chest' is a chest, which has no cooldown and no max_uses", rules.kinds[CHEST].cooldown = 1);
    FULL_REFUSED("kind 'chest' is a chest, which has no cooldown and no max_uses", rules.kinds[CHEST].max_uses = 1);
    FULL_REFUSED("kind 'chest' starts with more than its max_output", rules.kinds[CHEST].max_output = 2);
    FULL_REFUSED(endless, rules.kinds[PRESS] = instant);
    FULL_REFUSED(endless, (rules.kinds[PRESS] = instant, rules.kinds[PRESS].input[ORE] = 0));
    FULL_REFUSED("kind 'press' takes or gives more of a resource than its limit allows",
                 rules.kinds[PRESS].output[ORE] = 65536);
}

static void limit_groups_must_make_sense(void)
{
    FULL_REFUSED("limit group 'bag' needs a limit of 1 to 65535", rules.limit_groups[0].limit = 0);
    FULL_REFUSED("limit group 'bag' needs a limit of 1 to 65535", rules.limit_groups[0].limit = 65536);
    FULL_REFUSED("limit group 'bag' starts above its limit",
                 (rules.resources[ORE].initial = 4, rules.resources[BATTERY].initial = 3));
    FULL_REFUSED("resource 'ore' names a limit group that is not there", rules.resources[ORE].limit_group = 1);
    FULL_REFUSED("resource 'ore' names a limit group that is not there", rules.resources[ORE].limit_group = -2);
    FULL_REFUSED("resource 'ore' needs regeneration within 65535, every 0 to 65535 ticks",
                 rules.resources[ORE].regen_amount = -65536);
    FULL_REFUSED("resource 'ore' needs regeneration within 65535, every 0 to 65535 ticks",
                 rules.resources[ORE].regen_interval = -1);
    FULL_REFUSED("kind 'generator' takes or gives more at once than a limit group allows",
                 (rules.kinds[GENERATOR].input[ORE] = 4, rules.kinds[GENERATOR].input[BATTERY] = 3));
    FULL_REFUSED("kind 'mine' takes or gives more at once than a limit group allows",
                 (rules.kinds[MINE].output[ORE] = 5, rules.kinds[MINE].output[BATTERY] = 2));
    FULL_REFUSED("action 'noop' costs more at once than a limit group allows",
                 (rules.actions[NOOP].required[ORE] = 4, rules.actions[NOOP].required[BATTERY] = 3));
    FULL_REFUSED("end 'ore' can never be held in that amount",
                 (rules.limit_groups[0].limit = 3, rules.end.resource = ORE, rules.end.amount = 4));
}

static void groups_and_roles_must_be_there(void)
{
    FULL_REFUSED("agent_group names a group that this game does not have", rules.agent_group[1] = 2);
    FULL_REFUSED("group_role names a role that this game does not have", rules.group_role[1] = 2);
    FULL_REFUSED("group_role names a role that this game does not have", rules.group_role[0] = -1);
    FULL_REFUSED("group_share_percent must be 0 to 100", rules.group_share_percent[0] = 101);
    FULL_REFUSED("group_share_percent must be 0 to 100", rules.group_share_percent[0] = -1);
    FULL_REFUSED("roles 'seeker' is there twice", strcpy(rules.role_names[1], "seeker"));
    FULL_REFUSED("limit_groups needs names of a-z, 0-9 and _ that begin with a letter, 31 at most",
                 rules.limit_groups[0].name[0] = 'B');
}

static void combat_must_make_sense(void)
{
    static const char unknown[] = "combat names a resource that this game does not have";
    static const char units[] = "combat needs shield_upkeep and shield_absorb of 0 to 65535";
    FULL_REFUSED("combat has an unknown pattern", rules.combat.pattern = GW_ATTACK_PATTERN_COUNT);
    FULL_REFUSED("combat needs freeze_turns of 1 to 65534", rules.combat.freeze_turns = 0);
    FULL_REFUSED("combat needs freeze_turns of 1 to 65534", rules.combat.freeze_turns = GW_FOREVER);
    FULL_REFUSED(unknown, rules.combat.armor = FULL_RESOURCE_COUNT);
    FULL_REFUSED(unknown, rules.combat.shield = -2);
    FULL_REFUSED(unknown, rules.combat.drained = FULL_RESOURCE_COUNT);
    FULL_REFUSED(units, rules.combat.shield_upkeep = -1);
    FULL_REFUSED(units, rules.combat.shield_absorb = 65536);
    FULL_REFUSED("combat needs a shield resource, since an action raises the shield", rules.combat.shield = GW_NONE);
}

static void tagging_must_make_sense(void)
{
    static const char turns[] = "tag needs freeze_turns of 1 to 65535 and hide_ticks of 0 to 65534";
    static const char reach[] = "tag needs a range of bump or adjacent, and a chance of 1 to 100 percent";
    FULL_REFUSED("tag needs two different roles of this game", rules.tag.target_role = 0);
    FULL_REFUSED("tag needs two different roles of this game", rules.tag.tagger_role = 2);
    FULL_REFUSED("tag needs two different roles of this game", rules.tag.target_role = -1);
    FULL_REFUSED("tag needs agents of both roles", rules.agent_group[0] = 1);
    FULL_REFUSED(reach, rules.tag.range = GW_TAG_RANGE_COUNT);
    FULL_REFUSED(reach, rules.tag.chance_percent = 0);
    FULL_REFUSED(reach, rules.tag.chance_percent = 101);
    FULL_REFUSED(turns, rules.tag.freeze_turns = 0);
    FULL_REFUSED(turns, rules.tag.freeze_turns = 65536);
    FULL_REFUSED(turns, rules.tag.hide_ticks = -1);
    FULL_REFUSED(turns, rules.tag.hide_ticks = GW_FOREVER);
    FULL_REFUSED("tag can only end an episode if who is tagged stays caught",
                 (rules.tag.ends_when_all_caught = true, rules.tag.freeze_turns = 5));
    FULL_REFUSED("tag ends an episode but is off", (rules.tag.is_on = false, rules.tag.ends_when_all_caught = true));
}

static void perception_must_make_sense(void)
{
    FULL_REFUSED("encoding is neither planes nor tokens", rules.perception.encoding = GW_ENCODING_COUNT);
    FULL_REFUSED("token_count must be 1 to 1024", rules.perception.token_count = 0);
    FULL_REFUSED("token_count must be 1 to 1024", rules.perception.token_count = 1025);
    FULL_REFUSED("sight_range must be 0 (the whole window) to 15", rules.perception.sight_range = 16);
    FULL_REFUSED("sight_range must be 0 (the whole window) to 15", rules.perception.sight_range = -1);
    FULL_REFUSED("cone_degrees must be 90, 180, 270 or 360", rules.perception.cone_degrees = 0);
    FULL_REFUSED("cone_degrees must be 90, 180, 270 or 360", rules.perception.cone_degrees = 450);
}

static void arguments_and_costs_must_make_sense(void)
{
    static const char argument[] = "action 'attack_1' has an argument that its verb does not know";
    static const char cost[] = "action 'noop' costs more of a resource than can be held";
    FULL_REFUSED(argument, rules.actions[ATTACK_1].argument = 0);
    FULL_REFUSED(argument, rules.actions[ATTACK_1].argument = 10);
    FULL_REFUSED("action 'attack_9' has an argument that its verb does not know",
                 rules.combat.pattern = GW_ATTACK_NTH_AGENT);
    FULL_REFUSED("action 'forward' has an argument that its verb does not know", rules.actions[FORWARD].argument = 2);
    FULL_REFUSED("action 'glyph_0' has an argument that its verb does not know", rules.actions[GLYPH_0].argument = 3);
    FULL_REFUSED("action 'swap' has an argument that its verb does not know", rules.actions[SWAP].argument = 1);
    FULL_REFUSED(cost, rules.actions[NOOP].required[ENERGY] = 21);
    FULL_REFUSED(cost, rules.actions[NOOP].required[FULL_RESOURCE_COUNT] = 1);
    FULL_REFUSED(cost, rules.actions[NOOP].consumed[ENERGY] = -1);
    FULL_REFUSED("action 'noop' consumes more than it requires", rules.actions[NOOP].consumed[ENERGY] = 1);
}

static void actions_must_make_sense(void)
{
    REFUSED("action 'use' has an unknown verb", rules.actions[USE].verb = GW_VERB_COUNT);
    REFUSED("action 'use' has an unknown verb", rules.actions[USE].verb = -1);
    REFUSED("action 'use' has an argument that its verb does not know", rules.actions[USE].argument = 1);
    REFUSED("action 'move_north' has an argument that its verb does not know",
            rules.actions[MOVE_N].argument = GW_DIRECTION_COUNT);
    REFUSED("action 'rotate_north' has an argument that its verb does not know", rules.actions[TURN_N].argument = -1);
    REFUSED("action 'noop' needs a priority of 0 to 15", rules.actions[NOOP].priority = 16);
    REFUSED("action 'noop' needs a priority of 0 to 15", rules.actions[NOOP].priority = -1);
}

static void terms_must_make_sense(void)
{
    static const char weight[] = "reward 'hearts' needs a weight of -1e20 to 1e20 and a cap of 0 to 1e20";
    REFUSED("reward 'hearts' is neither an event nor a holding term", rules.terms[0].kind = 2);
    REFUSED("reward 'hearts' is neither an event nor a holding term", rules.terms[0].kind = -1);
    REFUSED("reward 'hearts' counts something that this game does not have", rules.terms[0].source = -1);
    REFUSED("reward 'hearts' counts something that this game does not have",
            gw_stat_count(&rules, &rules.terms[0].source));
    REFUSED("reward 'hearts' has an unknown scope or role", rules.terms[0].scope = GW_SCOPE_COUNT);
    REFUSED("reward 'hearts' has an unknown scope or role", rules.terms[0].role = 1);
    REFUSED("reward 'hearts' has an unknown scope or role", rules.terms[0].role = -2);
    REFUSED("reward 'shared' has a name that the ledger keeps for itself", strcpy(rules.terms[0].name, "shared"));
    REFUSED("reward 'gold' counts something that this game does not have",
            add_holding(&rules, "gold", TEST_RESOURCE_COUNT, 1.0f, 0.0f));
    REFUSED(weight, rules.terms[0].weight = NAN);
    REFUSED(weight, rules.terms[0].weight = INFINITY);
    REFUSED(weight, rules.terms[0].weight = -2e20f);
    REFUSED(weight, rules.terms[0].cap = NAN);
    REFUSED(weight, rules.terms[0].cap = INFINITY);
    REFUSED(weight, rules.terms[0].cap = -1.0f);
}

static void the_end_must_be_reachable_and_ahead(void)
{
    REFUSED("end names a resource that this game does not have", rules.end.resource = TEST_RESOURCE_COUNT);
    REFUSED("end names a resource that this game does not have", rules.end.resource = -2);
    REFUSED("end 'heart' can never be held in that amount", (rules.end.resource = HEART, rules.end.amount = 11));
    REFUSED("end 'heart' can never be held in that amount", (rules.end.resource = HEART, rules.end.amount = 0));
    REFUSED("end 'heart' is reached before the first step",
            (rules.end.resource = HEART, rules.end.amount = 2, rules.resources[HEART].initial = 2));
}

static void stats_are_named_in_the_order_of_their_index(void)
{
    gw_rules_def rules = test_rules(1);
    int32_t count = 0;
    char name[GW_STAT_NAME_SIZE];
    CHECK_INT(gw_stat_count(&rules, &count), GW_OK);
    CHECK_INT(count, 2 * TEST_RESOURCE_COUNT + 2 * TEST_ACTION_COUNT + 4);

    static const struct {
        int32_t index;
        const char *name;
    } expected[] = {{0, "ore.gained"},
                    {1, "ore.lost"},
                    {5, "heart.lost"},
                    {6, "action.noop.success"},
                    {7, "action.noop.failed"},
                    {8, "action.move_north.success"},
                    {33, "action.use.failed"},
                    {34, "action.failed"},
                    {35, "action.invalid_index"},
                    {36, "steps"},
                    {37, "status.max_steps_without_motion"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; ++i) {
        CHECK_INT(gw_stat_name(&rules, expected[i].index, name), GW_OK);
        CHECK_TEXT(name, expected[i].name);
    }
}

static void stats_of_the_full_game_are_named_in_order(void)
{
    static const char *const last[] = {"action.failed",
                                       "action.invalid_index",
                                       "steps",
                                       "status.max_steps_without_motion",
                                       "action.attack.hit",
                                       "action.attack.hit_by",
                                       "action.attack.blocked",
                                       "action.attack.wasted_on_frozen",
                                       "object.destroyed",
                                       "status.frozen.ticks",
                                       "status.shield.ticks",
                                       "actions.swap",
                                       "tag.tags",
                                       "tag.tagged",
                                       "tag.misses",
                                       "tag.caught_all",
                                       "tag.caught_none",
                                       "tag.survived",
                                       "sees.seeker",
                                       "sees.hider",
                                       "seen",
                                       "hidden",
                                       "tokens_written",
                                       "tokens_dropped"};
    static const char *const first[] = {"ore.gained", "ore.lost", "ore.put", "ore.get", "ore.stolen", "battery.gained"};
    int32_t last_count = sizeof last / sizeof *last;
    gw_rules_def rules = full_rules(3);
    rules.perception.encoding = GW_ENCODING_TOKENS;
    int32_t count = 0;
    char name[GW_STAT_NAME_SIZE];
    CHECK_INT(gw_stat_count(&rules, &count), GW_OK);
    CHECK_INT(count, 5 * FULL_RESOURCE_COUNT + 2 * FULL_ACTION_COUNT + last_count);
    for (int32_t i = 0; i < last_count; ++i) {
        CHECK_INT(gw_stat_name(&rules, count - last_count + i, name), GW_OK);
        CHECK_TEXT(name, last[i]);
    }
    for (int32_t i = 0; i < 6; ++i) {
        CHECK_INT(gw_stat_name(&rules, i, name), GW_OK);
        CHECK_TEXT(name, first[i]);
    }
}

static void features_are_named_in_the_order_of_their_id(void)
{
    static const char *const expected[] = {
        "type_id",     "group",       "role",        "frozen",  "orientation",
        "shield",      "glyph",       "hp",          "ready",   "episode_completion_pct",
        "last_action", "last_result", "last_reward", "inv:ore", "inv:battery",
        "inv:heart"};
    gw_rules_def rules = test_rules(1);
    char name[GW_STAT_NAME_SIZE];
    int32_t count = sizeof expected / sizeof *expected;
    for (int32_t i = 0; i < count; ++i) {
        CHECK_INT(gw_feature_name(&rules, i, name), GW_OK);
        CHECK_TEXT(name, expected[i]);
    }
    CHECK_INT(gw_feature_name(&rules, count, name), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_feature_name(&rules, -1, name), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_feature_name(&rules, 0, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_feature_name(NULL, 0, name), GW_INVALID_ARGUMENT);
}

static void stats_of_nonsense_are_refused(void)
{
    gw_rules_def rules = test_rules(1);
    int32_t count = 0;
    char name[GW_STAT_NAME_SIZE];

    CHECK_INT(gw_stat_name(&rules, -1, name), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_stat_name(&rules, 38, name), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_stat_name(&rules, 0, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_stat_name(NULL, 0, name), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_stat_count(&rules, NULL), GW_INVALID_ARGUMENT);
    rules.action_count = 1000; // an index within it would lie outside the table
    CHECK_INT(gw_stat_count(&rules, &count), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_stat_name(&rules, 1900, name), GW_INVALID_ARGUMENT);
    rules.action_count = 1;
    rules.resource_count = -1;
    CHECK_INT(gw_stat_name(&rules, 0, name), GW_INVALID_ARGUMENT);
}

static void the_longest_stat_name_fits(void)
{
    gw_rules_def rules = test_rules(1);
    char name[GW_STAT_NAME_SIZE];
    memset(rules.actions[0].name, 'x', GW_NAME_SIZE - 1);

    CHECK_INT(gw_stat_name(&rules, 2 * TEST_RESOURCE_COUNT, name), GW_OK);

    CHECK_TEXT(name, "action.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.success");
}

static uint64_t hash_of(const gw_rules_def *rules)
{
    gw_spec spec = {0};
    gw_world *world = world_from(rules, room);
    CHECK_INT(gw_world_spec(world, &spec), GW_OK);
    gw_world_destroy(world);
    return spec.rules_hash;
}

static void what_follows_a_name_does_not_change_the_identity(void)
{
    gw_rules_def one = test_rules(1);
    gw_rules_def other = test_rules(1);
    other.resources[0].name[GW_NAME_SIZE - 1] = 'z';
    other.kinds[GW_MAX_KINDS - 1].cooldown = 7;

    CHECK(hash_of(&one) == hash_of(&other));
}

#define CHANGES_IDENTITY(change)                                                                                       \
    do {                                                                                                               \
        gw_rules_def rules = test_rules(1);                                                                            \
        add_event(&rules, "ores", stat_named(&rules, "ore.gained"), 1.0f, 0.0f);                                       \
        uint64_t before = hash_of(&rules);                                                                             \
        change;                                                                                                        \
        CHECK(hash_of(&rules) != before);                                                                              \
    } while (0)

static void every_table_changes_the_identity(void)
{
    CHANGES_IDENTITY(rules.max_steps = 5);
    CHANGES_IDENTITY(rules.spawn_anywhere = true);
    CHANGES_IDENTITY(rules.group_count = 2);
    CHANGES_IDENTITY(rules.perception.window_width = 9);
    CHANGES_IDENTITY((rules.perception.planes[0] = GW_PLANE_GROUP, rules.perception.planes[1] = GW_PLANE_KIND));
    CHANGES_IDENTITY(rules.resources[ORE].name[0] = 'e');
    CHANGES_IDENTITY(rules.resources[ORE].initial = 1);
    CHANGES_IDENTITY(rules.kinds[MINE].use_on_bump = true);
    CHANGES_IDENTITY(rules.kinds[MINE].output[ORE] = 2);
    CHANGES_IDENTITY(rules.kinds[MINE].cooldown = 4);
    CHANGES_IDENTITY(rules.actions[USE].priority = 1);
    CHANGES_IDENTITY(rules.terms[0].weight = 2.0f);
    CHANGES_IDENTITY(rules.terms[0].cap = 2.0f);
    CHANGES_IDENTITY(rules.end.resource = HEART);
}

#define CHANGES_FULL_IDENTITY(change)                                                                                  \
    do {                                                                                                               \
        gw_rules_def rules = full_rules(2);                                                                            \
        uint64_t before = hash_of(&rules);                                                                             \
        change;                                                                                                        \
        CHECK(hash_of(&rules) != before);                                                                              \
    } while (0)

static void every_field_of_the_full_game_changes_the_identity(void)
{
    CHANGES_FULL_IDENTITY(rules.glyph_count = 4);
    CHANGES_FULL_IDENTITY((rules.agent_group[1] = 0, rules.tag.is_on = false));
    CHANGES_FULL_IDENTITY((rules.group_role[1] = 0, rules.tag.is_on = false));
    CHANGES_FULL_IDENTITY(rules.group_share_percent[1] = 51);
    CHANGES_FULL_IDENTITY(rules.role_names[1][0] = 'r');
    CHANGES_FULL_IDENTITY(rules.limit_groups[0].limit = 7);
    CHANGES_FULL_IDENTITY(rules.limit_groups[0].name[0] = 's');
    CHANGES_FULL_IDENTITY(rules.resources[ORE].limit_group = GW_NONE);
    CHANGES_FULL_IDENTITY(rules.resources[ENERGY].regen_amount = 2);
    CHANGES_FULL_IDENTITY(rules.resources[ENERGY].regen_interval = 2);
    CHANGES_FULL_IDENTITY(rules.resources[ORE].is_loot = false);
    CHANGES_FULL_IDENTITY(rules.kinds[PRESS].conversion_ticks = 3);
    CHANGES_FULL_IDENTITY(rules.kinds[PRESS].max_output = 3);
    CHANGES_FULL_IDENTITY(rules.kinds[PRESS].initial_output = 1);
    CHANGES_FULL_IDENTITY(rules.kinds[PRESS].hp = 2);
    CHANGES_FULL_IDENTITY(rules.kinds[BLOCK].is_swappable = false);
    CHANGES_FULL_IDENTITY(rules.kinds[GLASS].is_transparent = false);
    CHANGES_FULL_IDENTITY(rules.actions[ATTACK_1].pays_always = !rules.actions[ATTACK_1].pays_always);
    CHANGES_FULL_IDENTITY(rules.actions[ATTACK_1].required[ENERGY] = 2);
    CHANGES_FULL_IDENTITY(rules.actions[ATTACK_1].consumed[ENERGY] = 0);
    CHANGES_FULL_IDENTITY(rules.combat.freeze_turns = 4);
    CHANGES_FULL_IDENTITY(rules.combat.armor = GW_NONE);
    CHANGES_FULL_IDENTITY(rules.combat.shield_upkeep = 2);
    CHANGES_FULL_IDENTITY(rules.combat.shield_absorb = 5);
    CHANGES_FULL_IDENTITY(rules.combat.drained = GW_NONE);
    CHANGES_FULL_IDENTITY(rules.combat.surplus_is_lost = true);
    CHANGES_FULL_IDENTITY(rules.tag.is_on = false);
    CHANGES_FULL_IDENTITY((rules.tag.tagger_role = 1, rules.tag.target_role = 0));
    CHANGES_FULL_IDENTITY(rules.tag.range = GW_TAG_BUMP);
    CHANGES_FULL_IDENTITY(rules.tag.chance_percent = 51);
    CHANGES_FULL_IDENTITY(rules.tag.freeze_turns = 9);
    CHANGES_FULL_IDENTITY(rules.tag.hide_ticks = 3);
    CHANGES_FULL_IDENTITY(rules.tag.ends_when_all_caught = true);
    CHANGES_FULL_IDENTITY(rules.perception.encoding = GW_ENCODING_TOKENS);
    CHANGES_FULL_IDENTITY(rules.perception.token_count = 9);
    CHANGES_FULL_IDENTITY(rules.perception.line_of_sight = false);
    CHANGES_FULL_IDENTITY(rules.perception.sight_range = 3);
    CHANGES_FULL_IDENTITY(rules.perception.cone_degrees = 90);
    CHANGES_FULL_IDENTITY(rules.perception.counts_sight = false);
}

static void every_field_of_a_term_changes_the_identity(void)
{
    CHANGES_IDENTITY(rules.terms[0].scope = GW_SCOPE_WORLD);
    CHANGES_IDENTITY(rules.terms[0].role = 0);
    CHANGES_IDENTITY(rules.terms[0].at_end = true);
    CHANGES_IDENTITY((rules.terms[0].kind = GW_TERM_HOLDING, rules.terms[0].source = ORE));
}

void suite_rules(void)
{
    RUN(good_rules_are_taken);
    RUN(rules_without_default_are_refused);
    RUN(sizes_out_of_range_are_refused);
    RUN(windows_must_be_odd_and_small);
    RUN(planes_must_be_known_and_different);
    RUN(names_must_be_plain);
    RUN(names_of_31_letters_and_dotted_rewards_are_taken);
    RUN(names_must_be_unique);
    RUN(resources_must_fit_their_limits);
    RUN(kinds_must_make_sense);
    RUN(stores_must_make_sense);
    RUN(limit_groups_must_make_sense);
    RUN(groups_and_roles_must_be_there);
    RUN(combat_must_make_sense);
    RUN(tagging_must_make_sense);
    RUN(perception_must_make_sense);
    RUN(arguments_and_costs_must_make_sense);
    RUN(actions_must_make_sense);
    RUN(terms_must_make_sense);
    RUN(the_end_must_be_reachable_and_ahead);
    RUN(stats_are_named_in_the_order_of_their_index);
    RUN(stats_of_the_full_game_are_named_in_order);
    RUN(features_are_named_in_the_order_of_their_id);
    RUN(stats_of_nonsense_are_refused);
    RUN(the_longest_stat_name_fits);
    RUN(what_follows_a_name_does_not_change_the_identity);
    RUN(every_table_changes_the_identity);
    RUN(every_field_of_the_full_game_changes_the_identity);
    RUN(every_field_of_a_term_changes_the_identity);
}

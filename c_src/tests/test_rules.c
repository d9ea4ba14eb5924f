// test_rules.c: what gw_world_create refuses in rule tables, in which words; names of stats; identity.
#include "sim.h"

#include <math.h>

static const char room[] = "@.\n";

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
        add_event(&rules, "hearts", gw_stat_gained(HEART), 1.0f, 0.0f);                                                \
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
        REFUSED("window must be odd and 1 to 15 on each side", rules.window_width = bad[i]);
        REFUSED("window must be odd and 1 to 15 on each side", rules.window_height = bad[i]);
    }
}

static void planes_must_be_known_and_different(void)
{
    REFUSED("planes must be 1 to 8", rules.plane_count = 0);
    REFUSED("planes must be 1 to 8", rules.plane_count = 9);
    REFUSED("planes holds an unknown plane", rules.planes[1] = GW_PLANE_COUNT);
    REFUSED("planes holds an unknown plane", rules.planes[1] = -1);
    REFUSED("planes holds a plane twice", rules.planes[1] = GW_PLANE_KIND);
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
        add_event(&rules, "hearts", gw_stat_gained(HEART), 1.0f, 0.0f);
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
    add_event(&rules, "heart.gained", gw_stat_gained(HEART), 1.0f, 0.0f);
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
    REFUSED("kind 'agent' has a name that the engine keeps for itself", strcpy(rules.kinds[0].name, "agent"));
    REFUSED("kind 'empty' has a name that the engine keeps for itself", strcpy(rules.kinds[0].name, "empty"));
    REFUSED("kind 'outside' has a name that the engine keeps for itself", strcpy(rules.kinds[0].name, "outside"));
    REFUSED("kind 'mine' needs cooldown and max_uses of 0 to 65535", rules.kinds[MINE].cooldown = 65536);
    REFUSED("kind 'mine' needs cooldown and max_uses of 0 to 65535", rules.kinds[MINE].cooldown = -1);
    REFUSED("kind 'mine' needs cooldown and max_uses of 0 to 65535", rules.kinds[MINE].max_uses = -1);
    REFUSED("kind 'mine' needs cooldown and max_uses of 0 to 65535", rules.kinds[MINE].max_uses = 65536);
    REFUSED("kind 'mine' takes or gives more of a resource than its limit allows", rules.kinds[MINE].output[ORE] = 6);
    REFUSED("kind 'mine' takes or gives more of a resource than its limit allows", rules.kinds[MINE].input[ORE] = -1);
    REFUSED("kind 'mine' takes or gives more of a resource than its limit allows",
            rules.kinds[MINE].output[TEST_RESOURCE_COUNT] = 1);
    REFUSED("kind 'wall' has inputs or outputs but is no converter", rules.kinds[WALL].output[ORE] = 1);
    REFUSED("kind 'wall' has inputs or outputs but is no converter", rules.kinds[WALL].input[ORE] = 1);
    REFUSED("kind 'wall' has bump, cooldown or max_uses but is no converter", rules.kinds[WALL].use_on_bump = true);
    REFUSED("kind 'wall' has bump, cooldown or max_uses but is no converter", rules.kinds[WALL].cooldown = 1);
    REFUSED("kind 'wall' has bump, cooldown or max_uses but is no converter", rules.kinds[WALL].max_uses = 1);
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
            rules.terms[0].source = gw_stat_steps(&rules) + 1);
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
    CHECK_INT(count, 2 * TEST_RESOURCE_COUNT + 2 * TEST_ACTION_COUNT + 3);

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
                    {36, "steps"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; ++i) {
        CHECK_INT(gw_stat_name(&rules, expected[i].index, name), GW_OK);
        CHECK_TEXT(name, expected[i].name);
    }
}

static void stats_of_nonsense_are_refused(void)
{
    gw_rules_def rules = test_rules(1);
    int32_t count = 0;
    char name[GW_STAT_NAME_SIZE];

    CHECK_INT(gw_stat_name(&rules, -1, name), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_stat_name(&rules, 37, name), GW_INVALID_ARGUMENT);
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

    CHECK_INT(gw_stat_name(&rules, gw_stat_action(&rules, 0, true), name), GW_OK);

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
        add_event(&rules, "ores", gw_stat_gained(ORE), 1.0f, 0.0f);                                                    \
        uint64_t before = hash_of(&rules);                                                                             \
        change;                                                                                                        \
        CHECK(hash_of(&rules) != before);                                                                              \
    } while (0)

static void every_table_changes_the_identity(void)
{
    CHANGES_IDENTITY(rules.max_steps = 5);
    CHANGES_IDENTITY(rules.spawn_anywhere = true);
    CHANGES_IDENTITY(rules.group_count = 2);
    CHANGES_IDENTITY(rules.window_width = 9);
    CHANGES_IDENTITY((rules.planes[0] = GW_PLANE_GROUP, rules.planes[1] = GW_PLANE_KIND));
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
    RUN(actions_must_make_sense);
    RUN(terms_must_make_sense);
    RUN(the_end_must_be_reachable_and_ahead);
    RUN(stats_are_named_in_the_order_of_their_index);
    RUN(stats_of_nonsense_are_refused);
    RUN(the_longest_stat_name_fits);
    RUN(what_follows_a_name_does_not_change_the_identity);
    RUN(every_table_changes_the_identity);
}

// test_observations.c: every byte of an observation, for every window, against what look() tells.
#include "sim.h"

static const char yard[] = "#m..g\n"
                           ".1.2.\n"
                           "a.*3#\n";

static const char full_yard[] = "#mc.g\n"
                                "pb@2x\n"
                                "a.b2#\n";

enum { TOLD_PLANE_COUNT = GW_PLANE_HP }; // planes that look() tells all about

static uint8_t byte_of_agent(int32_t plane, const gw_agent_view *agent)
{
    const int32_t bytes[TOLD_PLANE_COUNT] = {[GW_PLANE_GROUP] = agent->group + 1, [GW_PLANE_FACING] = agent->facing + 1,
                                             [GW_PLANE_ROLE] = agent->role + 1,   [GW_PLANE_FROZEN] = agent->frozen > 0,
                                             [GW_PLANE_SHIELD] = agent->shield,   [GW_PLANE_GLYPH] = agent->glyph + 1};
    return (uint8_t)bytes[plane];
}

// The byte that a plane should hold, told from the state alone.
static uint8_t expected_byte(int32_t plane, const gw_env_view *view, const uint8_t *cells, const uint8_t *ready,
                             const gw_agent_view *agents, int32_t agent_count, int32_t row, int32_t column)
{
    if (row < 0 || row >= view->map_height || column < 0 || column >= view->map_width) {
        return 0;
    }
    if (plane == GW_PLANE_KIND) {
        return cells[row * view->map_width + column];
    }
    if (plane == GW_PLANE_READY) {
        return ready[row * view->map_width + column];
    }
    for (int32_t agent = 0; agent < agent_count; ++agent) {
        if (agents[agent].row == row && agents[agent].column == column) {
            return byte_of_agent(plane, &agents[agent]);
        }
    }
    return 0;
}

static void check_self(const gw_env_view *view, int32_t max_steps, const gw_agent_view *agent, const uint8_t *self)
{
    CHECK_INT(self[GW_SELF_FACING], agent->facing);
    CHECK_INT(self[GW_SELF_LAST_ACTION], agent->last_action + 1);
    CHECK_INT(self[GW_SELF_LAST_RESULT], agent->last_result);
    CHECK_INT(self[GW_SELF_COMPLETION], max_steps > 0 ? 255 * view->tick / max_steps : 0);
    CHECK_INT(self[GW_SELF_GROUP], agent->group);
    CHECK_INT(self[GW_SELF_FROZEN], agent->frozen < 255 ? agent->frozen : 255);
    CHECK_INT(self[GW_SELF_SHIELD], agent->shield);
    CHECK_INT(self[GW_SELF_GLYPH], agent->glyph);
    for (int32_t r = 0; r < TEST_RESOURCE_COUNT; ++r) {
        CHECK_INT(self[GW_SELF_INVENTORY + r], agent->inventory[r] < 255 ? agent->inventory[r] : 255);
    }
}

// Compare all observations of env 0 with the state, cell by cell; returns the number of differences.
static int32_t differences(sim *s, const gw_rules_def *rules, const uint8_t *observations)
{
    uint8_t cells[64];
    uint8_t ready[64];
    gw_env_view view;
    gw_agent_view agents[8];
    CHECK_INT(gw_env_look(s->batch, 0, &view, cells, ready, 64, agents), GW_OK);
    int32_t count = 0;
    for (int32_t agent = 0; agent < s->spec.agent_count; ++agent) {
        const uint8_t *at = observations + (size_t)agent * (size_t)s->spec.observation_size;
        for (int32_t p = 0; p < rules->perception.plane_count; ++p) {
            for (int32_t y = 0; y < rules->perception.window_height; ++y) {
                for (int32_t x = 0; x < rules->perception.window_width; ++x) {
                    int32_t row = agents[agent].row + y - rules->perception.window_height / 2;
                    int32_t column = agents[agent].column + x - rules->perception.window_width / 2;
                    count += *at++ != expected_byte(rules->perception.planes[p], &view, cells, ready, agents,
                                                    s->spec.agent_count, row, column);
                }
            }
        }
        check_self(&view, rules->max_steps, &agents[agent], at);
    }
    return count;
}

static void every_window_shows_what_is_there_and_no_more(void)
{
    for (int32_t width = 1; width <= GW_MAX_WINDOW; width += 2) {
        for (int32_t height = 1; height <= GW_MAX_WINDOW; height += 2) {
            gw_rules_def rules = test_rules(3);
            rules.perception.plane_count = TOLD_PLANE_COUNT;
            rules.perception.window_width = width;
            rules.perception.window_height = height;
            rules.kinds[MINE].max_uses = 3;
            rules.max_steps = 30;
            sim s = sim_from(&rules, yard);
            CHECK_INT(differences(&s, &rules, s.io.observations), 0);
            for (int32_t tick = 0; tick < 45; ++tick) {
                sim_step_random(&s, 5, tick); // checks the guards of every array

                CHECK_INT(differences(&s, &rules, s.io.observations), 0);
            }
            sim_close(&s);
        }
    }
}

static void any_choice_of_planes_shows_what_is_there(void)
{
    // Every non-empty subset, and its reverse order.
    for (int32_t set = 1; set < 1 << TOLD_PLANE_COUNT; ++set) {
        for (int32_t reversed = 0; reversed < 2; ++reversed) {
            gw_rules_def rules = full_rules(3);
            rules.perception.line_of_sight = false; // where it shows all that there is
            rules.perception.cone_degrees = 360;
            rules.perception.plane_count = 0;
            for (int32_t i = 0; i < TOLD_PLANE_COUNT; ++i) {
                int32_t plane = reversed ? TOLD_PLANE_COUNT - 1 - i : i;
                if (set >> plane & 1) {
                    rules.perception.planes[rules.perception.plane_count++] = plane;
                }
            }
            sim s = sim_from(&rules, full_yard);
            for (int32_t tick = 0; tick < 15; ++tick) {
                sim_step_random(&s, 6, tick);

                CHECK_INT(differences(&s, &rules, s.io.observations), 0);
            }
            sim_close(&s);
        }
    }
}

static void observe_writes_what_the_step_wrote(void)
{
    gw_rules_def rules = test_rules(3);
    sim s = sim_from(&rules, yard);
    size_t size = (size_t)s.spec.agent_count * (size_t)s.spec.observation_size;
    uint8_t *seen = guarded(size);
    for (int32_t tick = 0; tick < 20; ++tick) {
        sim_step_random(&s, 7, tick);

        CHECK_INT(gw_env_observe(s.batch, 0, seen), GW_OK);

        CHECK(memcmp(seen, s.io.observations, size) == 0);
        CHECK(guards_hold(seen, size));
    }
    guarded_free(seen);
    sim_close(&s);
}

static bool is_no_token(const uint8_t *token)
{
    return token[0] == GW_NO_TOKEN && token[1] == GW_NO_TOKEN && token[2] == GW_NO_TOKEN;
}

// Tokens in front, none behind; each of the window, of a feature that there is.
static void check_tokens(const gw_rules_def *rules, const gw_spec *spec, const uint8_t *tokens)
{
    bool ended = false;
    for (int32_t i = 0; i < spec->token_count; ++i) {
        const uint8_t *token = tokens + (ptrdiff_t)3 * i;
        ended = ended || is_no_token(token);
        CHECK(ended == is_no_token(token));
        CHECK(ended || (token[0] / 16 < rules->perception.window_height &&
                        token[0] % 16 < rules->perception.window_width && token[1] < spec->feature_count));
    }
}

static void tokens_stay_within_their_budget_whatever_the_window(void)
{
    static const int32_t budgets[] = {1, 2, 3, 40, GW_MAX_TOKENS};
    for (int32_t side = 1; side <= GW_MAX_WINDOW; side += 2) {
        for (size_t b = 0; b < sizeof budgets / sizeof *budgets; ++b) {
            gw_rules_def rules = full_rules(3);
            rules.perception.encoding = GW_ENCODING_TOKENS;
            rules.perception.token_count = budgets[b];
            rules.perception.window_width = side;
            rules.perception.window_height = GW_MAX_WINDOW + 1 - side;
            sim s = sim_from(&rules, full_yard);
            CHECK_INT(s.spec.observation_size, 3 * budgets[b]);
            for (int32_t tick = 0; tick < 30; ++tick) {
                sim_step_random(&s, 8, tick); // checks the guards of every array
                for (int32_t row = 0; row < 3; ++row) {
                    check_tokens(&rules, &s.spec, s.io.observations + (ptrdiff_t)row * s.spec.observation_size);
                }
            }
            sim_close(&s);
        }
    }
}

static void a_feature_or_token_that_is_dropped_is_counted(void)
{
    gw_rules_def rules = full_rules(3);
    rules.perception.encoding = GW_ENCODING_TOKENS;
    rules.perception.token_count = GW_MAX_TOKENS;
    sim wide = sim_from(&rules, full_yard);
    rules.perception.token_count = 5;
    sim narrow = sim_from(&rules, full_yard);
    int32_t written = stat_named(&rules, "tokens_written");
    int32_t dropped = stat_named(&rules, "tokens_dropped");

    STEP(&wide, NOOP, NOOP, NOOP);
    STEP(&narrow, NOOP, NOOP, NOOP);

    for (int32_t agent = 0; agent < 3; ++agent) {
        const uint8_t *tokens = narrow.io.observations + (ptrdiff_t)agent * narrow.spec.observation_size;
        CHECK(memcmp(tokens, wide.io.observations + (ptrdiff_t)agent * wide.spec.observation_size, 15) == 0);
        CHECK_INT(sim_stat(&narrow, agent, written), 10); // of the first observation and of this one
        CHECK_INT(sim_stat(&wide, agent, dropped), 0);
        CHECK_INT(sim_stat(&narrow, agent, written) + sim_stat(&narrow, agent, dropped),
                  sim_stat(&wide, agent, written));
    }
    sim_close(&wide);
    sim_close(&narrow);
}

static gw_rules_def told_as_tokens(int32_t token_count)
{
    gw_rules_def rules = full_rules(3);
    rules.perception.encoding = GW_ENCODING_TOKENS;
    rules.perception.token_count = token_count;
    return rules;
}

static void all_tokens_are_those_of_a_budget_without_end(void)
{
    gw_rules_def of_all = told_as_tokens(GW_MAX_TOKENS);
    gw_rules_def of_few = told_as_tokens(5);
    sim wide = sim_from(&of_all, full_yard);
    sim narrow = sim_from(&of_few, full_yard);
    size_t size = 3 * (size_t)GW_MAX_TOKENS;
    uint8_t *tokens = guarded(size);
    for (int32_t tick = 0; tick < 20; ++tick) {
        sim_step_random(&wide, 8, tick);
        sim_step_random(&narrow, 8, tick);
        uint64_t before = sim_hash(&narrow);
        for (int32_t agent = 0; agent < 3; ++agent) {
            int32_t count = -7;

            CHECK_INT(gw_env_tokens(narrow.batch, 0, agent, tokens, GW_MAX_TOKENS, &count), GW_OK);

            CHECK(count > 5 && count < GW_MAX_TOKENS && !is_no_token(tokens + (ptrdiff_t)3 * (count - 1)));
            CHECK(memcmp(tokens, wide.io.observations + (ptrdiff_t)agent * wide.spec.observation_size, size) == 0);
            CHECK(guards_hold(tokens, size));
        }
        CHECK_HASH(sim_hash(&narrow), before); // to be asked is no observation, and counts no token
    }
    guarded_free(tokens);
    sim_close(&wide);
    sim_close(&narrow);
}

static void all_tokens_are_written_within_their_capacity(void)
{
    gw_rules_def rules = told_as_tokens(40);
    sim s = sim_from(&rules, full_yard);
    uint8_t *tokens = guarded(3 * 7);
    int32_t all = 0;
    int32_t count = 0;

    CHECK_INT(gw_env_tokens(s.batch, 0, 1, tokens, 0, &all), GW_OK);
    CHECK_INT(tokens[0], 0xa5);
    CHECK_INT(gw_env_tokens(s.batch, 0, 1, tokens, 7, &count), GW_OK);

    CHECK(all > 7);
    CHECK_INT(count, all);
    CHECK(guards_hold(tokens, 3 * 7));
    CHECK(memcmp(tokens, s.io.observations + s.spec.observation_size, 3 * 7) == 0);
    CHECK_INT(gw_env_tokens(s.batch, 0, 3, tokens, 7, &count), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_tokens(s.batch, 0, -1, tokens, 7, &count), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_tokens(s.batch, 0, 0, tokens, -1, &count), GW_INVALID_ARGUMENT);
    guarded_free(tokens);
    sim_close(&s);
}

static void planes_have_no_tokens(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "@\n");
    uint8_t tokens[3] = {7};
    int32_t count = -7;

    CHECK_INT(gw_env_tokens(s.batch, 0, 0, tokens, 1, &count), GW_INVALID_ARGUMENT);

    CHECK_INT(tokens[0], 7);
    CHECK_INT(count, -7);
    sim_close(&s);
}

// ---- What if

// What an env shows must be what a batch shows that knows nothing but its state.
static void check_as_loaded(sim *s, sim *fresh)
{
    int64_t size = 0;
    CHECK_INT(gw_batch_snapshot_size(s->batch, 1, &size), GW_OK);
    uint8_t *state = guarded((size_t)size);
    CHECK_INT(gw_batch_save(s->batch, 0, 1, state, size), GW_OK);
    CHECK_INT(gw_batch_load(fresh->batch, 0, 1, state, size, NULL), GW_OK);
    size_t observed = (size_t)s->spec.agent_count * (size_t)s->spec.observation_size;
    uint8_t *shown = guarded(observed);
    uint8_t *loaded = guarded(observed);
    CHECK_INT(gw_env_observe(s->batch, 0, shown), GW_OK);
    CHECK_INT(gw_env_observe(fresh->batch, 0, loaded), GW_OK);
    CHECK(memcmp(shown, loaded, observed) == 0);
    guarded_free(shown);
    guarded_free(loaded);
    guarded_free(state);
}

static const char roomy_yard[] = "#m..cg.\n"
                                 "p..b@.x\n"
                                 ".a.2.b.\n"
                                 "2..#...\n";

// Put each agent on each cell in turn, after a while of play; returns how often there was room.
static int32_t check_places(const gw_rules_def *rules, const char *drawing)
{
    sim s = sim_from(rules, drawing);
    sim fresh = sim_from(rules, drawing);
    int32_t placed = 0;
    for (int32_t tick = 0; tick < 12; ++tick) {
        sim_step_random(&s, 9, tick);
    }
    gw_env_view view = sim_view(&s, 0);
    for (int32_t at = 0; at < 3 * view.map_height * view.map_width; ++at) {
        uint8_t cells[64];
        int32_t cell = at / 3;
        int32_t agent = at % 3;
        CHECK_INT(gw_env_look(s.batch, 0, &view, cells, NULL, 64, NULL), GW_OK);
        gw_agent_view before = sim_agent(&s, agent);
        uint64_t hash = sim_hash(&s);
        bool is_own = before.row * view.map_width + before.column == cell;
        gw_status expected = is_own || cells[cell] == GW_CODE_EMPTY ? GW_OK : GW_NOT_FREE;

        CHECK_INT(gw_env_place(s.batch, 0, agent, cell / view.map_width, cell % view.map_width), expected);

        gw_agent_view after = sim_agent(&s, agent);
        if (expected == GW_OK) {
            before.row = cell / view.map_width;
            before.column = cell % view.map_width;
        }
        CHECK((is_own || expected != GW_OK) == (sim_hash(&s) == hash));
        CHECK(memcmp(&before, &after, sizeof before) == 0);
        check_as_loaded(&s, &fresh);
        placed += expected == GW_OK && !is_own;
    }
    sim_step_random(&s, 9, 12); // the env plays on from there
    check_as_loaded(&s, &fresh);
    sim_close(&s);
    sim_close(&fresh);
    return placed;
}

static void an_agent_is_put_on_free_cells_and_everything_follows(void)
{
    gw_rules_def rules = test_rules(3);
    gw_rules_def full = full_rules(3); // sight by cones and lines, objects that move
    gw_rules_def tokens = told_as_tokens(60);

    CHECK(check_places(&rules, yard) > 5);
    CHECK(check_places(&full, roomy_yard) > 5);
    CHECK(check_places(&tokens, roomy_yard) > 5);
}

static void nobody_is_put_outside_the_map(void)
{
    static const int32_t bad[][3] = {{0, -1, 0}, {0, 0, -1},        {0, 3, 0},         {0, 0, 6},        {-1, 1, 2},
                                     {3, 1, 2},  {0, INT32_MAX, 0}, {0, 0, INT32_MIN}, {INT32_MIN, 1, 2}};
    gw_rules_def rules = test_rules(3);
    sim s = sim_from(&rules, yard);
    uint64_t hash = sim_hash(&s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        CHECK_INT(gw_env_place(s.batch, 0, bad[i][0], bad[i][1], bad[i][2]), GW_INVALID_ARGUMENT);
    }
    CHECK_HASH(sim_hash(&s), hash);
    sim_close(&s);
}

static void large_holdings_are_shown_as_255(void)
{
    gw_rules_def rules = test_rules(1);
    rules.resources[ORE].limit = 65535;
    rules.resources[ORE].initial = 256;
    sim s = sim_from(&rules, "@\n");
    int32_t self = s.spec.observation_size - s.spec.self_count;

    CHECK_INT(s.io.observations[self + GW_SELF_INVENTORY + ORE], 255);
    CHECK_INT(sim_agent(&s, 0).inventory[ORE], 256);
    sim_close(&s);
}

static void look_writes_within_its_capacity_or_not_at_all(void)
{
    gw_rules_def rules = test_rules(3);
    sim s = sim_from(&rules, yard);
    uint8_t *cells = guarded(15);
    uint8_t *ready = guarded(15);
    gw_env_view view = {.tick = -7};

    CHECK_INT(gw_env_look(s.batch, 0, &view, cells, ready, 14, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_look(s.batch, 0, &view, NULL, ready, 14, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(view.tick, -7);
    CHECK_INT(cells[0], 0xa5);
    CHECK_INT(gw_env_look(s.batch, 0, &view, cells, ready, 15, NULL), GW_OK);
    CHECK(guards_hold(cells, 15));
    CHECK(guards_hold(ready, 15));
    guarded_free(cells);
    guarded_free(ready);
    sim_close(&s);
}

static void the_ledger_writes_its_tables_and_no_more(void)
{
    gw_rules_def rules = test_rules(3);
    add_event(&rules, "time", stat_named(&rules, "steps"), -1.0f, 0.0f);
    sim s = sim_from(&rules, yard);
    size_t stats_size = 3 * (size_t)s.spec.stat_count * sizeof(int32_t);
    float *step = guarded(3 * sizeof(float));
    float *episode = guarded(3 * sizeof(float));
    int32_t *stats = guarded(stats_size);

    CHECK_INT(gw_env_ledger(s.batch, 0, step, episode, stats), GW_OK);

    CHECK(guards_hold(step, 3 * sizeof(float)));
    CHECK(guards_hold(episode, 3 * sizeof(float)));
    CHECK(guards_hold(stats, stats_size));
    guarded_free(step);
    guarded_free(episode);
    guarded_free(stats);
    sim_close(&s);
}

void suite_observations(void)
{
    RUN(every_window_shows_what_is_there_and_no_more);
    RUN(any_choice_of_planes_shows_what_is_there);
    RUN(observe_writes_what_the_step_wrote);
    RUN(tokens_stay_within_their_budget_whatever_the_window);
    RUN(a_feature_or_token_that_is_dropped_is_counted);
    RUN(all_tokens_are_those_of_a_budget_without_end);
    RUN(all_tokens_are_written_within_their_capacity);
    RUN(planes_have_no_tokens);
    RUN(an_agent_is_put_on_free_cells_and_everything_follows);
    RUN(nobody_is_put_outside_the_map);
    RUN(large_holdings_are_shown_as_255);
    RUN(look_writes_within_its_capacity_or_not_at_all);
    RUN(the_ledger_writes_its_tables_and_no_more);
}

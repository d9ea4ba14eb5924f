// test_lifetimes.c: who owns what, what happens without memory, and that nothing is allocated after create.
#include "allocations.h"
#include "sim.h"

static void a_world_lives_as_long_as_its_last_batch(void)
{
    gw_rules_def rules = test_rules(1);
    gw_world *world = world_from(&rules, "@.\n");
    sim one = sim_of(world, 1, 1, 1);
    sim other = sim_of(world, 1, 1, 1);
    gw_world_destroy(world);

    sim_step_random(&one, 1, 0);
    sim_close(&one);
    sim_step_random(&other, 1, 0);
    sim_close(&other);
}

static void nothing_can_be_destroyed_as_well(void)
{
    gw_world_destroy(NULL);
    gw_batch_destroy(NULL);
}

static void everything_is_freed(void)
{
    int64_t before = allocations_live();
    gw_rules_def rules = test_rules(2);
    sim s = sim_from(&rules, "1m2\n");
    sim_step_random(&s, 1, 0);
    CHECK(allocations_live() > before);

    sim_close(&s);

    CHECK_INT(allocations_live(), before);
}

static void nothing_is_allocated_after_create(void)
{
    gw_rules_def rules = test_rules(2);
    rules.max_steps = 9;
    gw_world *world = world_from(&rules, "1m2\n.ga\n");
    sim s = sim_of(world, 5, 3, 1);
    static const uint32_t weights[] = {2};
    static uint8_t buffer[1 << 16];
    gw_episode episodes[64];
    gw_env_view view;
    gw_agent_view agents[2];
    int32_t count = 0;
    int64_t size = 0;
    uint64_t hash = 0;
    CHECK_INT(gw_batch_snapshot_size(s.batch, 5, &size), GW_OK);
    CHECK(size <= (int64_t)sizeof buffer);
    int64_t before = allocations_made();

    for (int32_t tick = 0; tick < 30; ++tick) {
        gw_batch_step(s.batch, &s.io);
    }
    gw_env_look(s.batch, 0, &view, buffer, NULL, sizeof buffer, agents);
    gw_env_ledger(s.batch, 0, NULL, NULL, NULL);
    gw_env_observe(s.batch, 0, buffer);
    gw_env_action_mask(s.batch, 0, buffer);
    gw_env_tokens(s.batch, 0, 0, buffer, 8, &count);
    gw_object_view object;
    gw_env_object(s.batch, 0, 0, 0, &object);
    gw_env_place(s.batch, 0, 0, 0, 0);
    gw_batch_save(s.batch, 0, 5, buffer, size);
    gw_batch_load(s.batch, 0, 5, buffer, size, NULL);
    gw_batch_hash(s.batch, &hash);
    gw_batch_action_masks(s.batch, s.io.action_masks);
    gw_batch_set_world_weights(s.batch, weights);
    gw_batch_retire_worlds(s.batch);
    gw_batch_drain_episodes(s.batch, 64, episodes, NULL, NULL, &count, NULL);
    gw_batch_reset(s.batch, 2, s.io.observations);

    CHECK_INT(allocations_made(), before);
    sim_close(&s);
    gw_world_destroy(world);
}

static void every_failed_allocation_of_a_world_is_answered(void)
{
    gw_rules_def rules = test_rules(1);
    int64_t live = allocations_live();
    gw_status status = GW_OUT_OF_MEMORY;
    int64_t count = 0;
    for (; status == GW_OUT_OF_MEMORY && count < 100; ++count) {
        gw_error error = {0};
        allocations_fail_after(count);
        status = world_status(&rules, "@m\n", &error);
        allocations_fail_after(-1);
        CHECK_TEXT(error.message, status == GW_OK ? "" : "out of memory");
        CHECK_INT(allocations_live(), live);
    }
    CHECK_INT(status, GW_OK);
    CHECK(count > 5);
}

static void every_failed_allocation_or_thread_of_a_batch_is_answered(void)
{
    gw_rules_def rules = test_rules(1);
    gw_world *world = world_from(&rules, "@m\n");
    gw_batch_def def;
    gw_batch_default(&def);
    def.worlds = &world;
    def.env_count = 3;
    def.thread_count = 3;
    int64_t live = allocations_live();
    gw_status status = GW_OUT_OF_MEMORY;
    int64_t count = 0;
    for (; status == GW_OUT_OF_MEMORY && count < 100; ++count) {
        gw_error error = {0};
        gw_batch *batch = NULL;
        allocations_fail_after(count);
        status = gw_batch_create(&def, &batch, &error);
        allocations_fail_after(-1);
        CHECK((status == GW_OK) == (error.message[0] == '\0'));
        CHECK((status == GW_OK) == (batch != NULL));
        gw_batch_destroy(batch);
        CHECK_INT(allocations_live(), live);
    }
    CHECK_INT(status, GW_OK);
    CHECK(count > 14); // 12 arrays and 2 threads at least
    gw_world_destroy(world);
}

static void check_batch_refused(const gw_batch_def *def, const char *message)
{
    gw_error error = {0};
    gw_batch *batch = NULL;

    CHECK_INT(gw_batch_create(def, &batch, &error), GW_INVALID_ARGUMENT);

    CHECK_TEXT(error.message, message);
    CHECK(batch == NULL);
}

static void batch_definitions_out_of_range_are_refused(void)
{
    gw_rules_def rules = test_rules(2);
    gw_world *worlds[] = {world_from(&rules, "12\n"), NULL};
    gw_batch_def good;
    gw_batch_default(&good);
    good.worlds = worlds;
#define BATCH_REFUSED(message, change)                                                                                 \
    do {                                                                                                               \
        gw_batch_def def = good;                                                                                       \
        change;                                                                                                        \
        check_batch_refused(&def, message);                                                                            \
    } while (0)
    BATCH_REFUSED("the definition was not made by gw_batch_default", def.cookie = 0);
    BATCH_REFUSED("a batch needs 1 to 4096 worlds", def.worlds = NULL);
    BATCH_REFUSED("a batch needs 1 to 4096 worlds", def.world_count = 0);
    BATCH_REFUSED("a batch needs 1 to 4096 worlds", def.world_count = 4097);
    BATCH_REFUSED("a world is missing", def.world_count = 2);
    BATCH_REFUSED("env_count must be at least 1, and the rows fit 31 bits", def.env_count = 0);
    BATCH_REFUSED("env_count must be at least 1, and the rows fit 31 bits", def.env_count = INT32_MAX);
    BATCH_REFUSED("first_env must be at least 0, and the numbers of the envs fit 31 bits", def.first_env = -1);
    BATCH_REFUSED("first_env must be at least 0, and the numbers of the envs fit 31 bits", def.first_env = INT32_MAX);
    BATCH_REFUSED("thread_count must be 1 to 64", def.thread_count = 0);
    BATCH_REFUSED("thread_count must be 1 to 64", def.thread_count = 65);
    BATCH_REFUSED("episode_capacity must hold at least the agents of one env", def.episode_capacity = 1);

    rules.max_steps = 8;
    worlds[1] = world_from(&rules, "12\n");
    BATCH_REFUSED("the worlds of one batch must be of the same game", def.world_count = 2);
#undef BATCH_REFUSED
    gw_batch *batch = NULL;
    CHECK_INT(gw_batch_create(NULL, &batch, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_create(&good, NULL, NULL), GW_INVALID_ARGUMENT);
    gw_world_destroy(worlds[0]);
    gw_world_destroy(worlds[1]);
}

static void a_null_where_something_is_needed_is_refused(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "@\n");
    gw_env_view view;
    gw_episode episode;
    gw_spec spec;
    int32_t count = 0;
    int64_t size = 0;
    uint64_t hash = 0;
    uint8_t bits[8];

    gw_io holes[] = {s.io, s.io, s.io, s.io, s.io};
    holes[0].observations = NULL;
    holes[1].actions = NULL;
    holes[2].rewards = NULL;
    holes[3].terminated = NULL;
    holes[4].truncated = NULL;
    for (int32_t i = 0; i < 5; ++i) {
        CHECK_INT(gw_batch_step(s.batch, &holes[i]), GW_INVALID_ARGUMENT);
    }
    CHECK_INT(gw_batch_step(s.batch, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_step(NULL, &s.io), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_reset(NULL, 1, bits), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_reset(s.batch, 1, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_drain_episodes(NULL, 1, &episode, NULL, NULL, &count, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_drain_episodes(s.batch, 1, NULL, NULL, NULL, &count, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_drain_episodes(s.batch, 1, &episode, NULL, NULL, NULL, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_drain_episodes(s.batch, -1, &episode, NULL, NULL, &count, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_look(NULL, 0, &view, NULL, NULL, 0, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_look(s.batch, 0, NULL, NULL, NULL, 0, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_observe(s.batch, 0, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_action_mask(s.batch, 0, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_tokens(NULL, 0, 0, bits, 1, &count), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_tokens(s.batch, 0, 0, NULL, 1, &count), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_tokens(s.batch, 0, 0, bits, 1, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_place(NULL, 0, 0, 0, 0), GW_INVALID_ARGUMENT);
    gw_object_view object;
    CHECK_INT(gw_env_object(NULL, 0, 0, 0, &object), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_object(s.batch, 0, 0, 0, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_object(s.batch, 0, -1, 0, &object), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_object(s.batch, 0, 0, 100000, &object), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_object(s.batch, -1, 0, 0, &object), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_action_masks(s.batch, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_action_masks(NULL, bits), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_retire_worlds(NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_env_ledger(NULL, 0, NULL, NULL, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_set_world_weights(NULL, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_snapshot_size(NULL, 1, &size), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_save(NULL, 0, 1, bits, 8), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_load(NULL, 0, 1, bits, 8, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_hash(s.batch, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_hash(NULL, &hash), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_world_spec(NULL, &spec), GW_INVALID_ARGUMENT);
    sim_close(&s);
}

static void an_env_out_of_range_is_refused(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "@\n");
    static const int32_t bad[] = {-1, 1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        gw_env_view view;
        uint8_t bits[8];
        CHECK_INT(gw_env_look(s.batch, bad[i], &view, NULL, NULL, 0, NULL), GW_INVALID_ARGUMENT);
        CHECK_INT(gw_env_ledger(s.batch, bad[i], NULL, NULL, NULL), GW_INVALID_ARGUMENT);
        CHECK_INT(gw_env_observe(s.batch, bad[i], s.io.observations), GW_INVALID_ARGUMENT);
        CHECK_INT(gw_env_action_mask(s.batch, bad[i], bits), GW_INVALID_ARGUMENT);
        CHECK_INT(gw_env_place(s.batch, bad[i], 0, 0, 0), GW_INVALID_ARGUMENT);
    }
    sim_close(&s);
}

void suite_lifetimes(void)
{
    RUN(a_world_lives_as_long_as_its_last_batch);
    RUN(nothing_can_be_destroyed_as_well);
    RUN(everything_is_freed);
    RUN(nothing_is_allocated_after_create);
    RUN(every_failed_allocation_of_a_world_is_answered);
    RUN(every_failed_allocation_or_thread_of_a_batch_is_answered);
    RUN(batch_definitions_out_of_range_are_refused);
    RUN(a_null_where_something_is_needed_is_refused);
    RUN(an_env_out_of_range_is_refused);
}

// test_threads.c: the same results for every thread count, and an answer for a second caller.
#include "sim.h"

#include <pthread.h>

static gw_world *crowd(void)
{
    gw_rules_def rules = test_rules(5);
    rules.spawn_anywhere = true;
    rules.max_steps = 37;
    rules.end.resource = HEART;
    rules.end.amount = 3;
    add_event(&rules, "hearts", stat_named(&rules, "heart.gained"), 1.0f, 0.0f);
    add_holding(&rules, "batteries", BATTERY, 0.1f, 0.3f);
    return world_from(&rules, "....m...\n"
                              ".#*.g.a.\n"
                              "....m...\n");
}

// Everything that a step lets out, mixed into one number.
static uint64_t played(gw_world *world, int32_t env_count, int32_t thread_count)
{
    sim s = sim_of(world, env_count, thread_count, 42);
    size_t rows = (size_t)s.rows;
    size_t table = rows * (size_t)s.spec.observation_size;
    uint64_t key = gw_hash_bytes(0, s.io.observations, table);
    for (int32_t tick = 0; tick < 120; ++tick) {
        sim_step_random(&s, 17, tick);
        key = gw_hash_bytes(key, s.io.observations, table);
        key = gw_hash_bytes(key, s.io.rewards, rows * sizeof(float));
        key = gw_hash_bytes(key, s.io.terminated, rows);
        key = gw_hash_bytes(key, s.io.truncated, rows);
        key = gw_hash_bytes(key, s.io.results, rows);
        key = gw_hash_bytes(key, s.io.action_masks, rows * (size_t)s.spec.action_count);
        key = gw_combine(key, sim_hash(&s));
    }
    gw_episode episodes[64];
    int32_t count = 0;
    do {
        CHECK_INT(gw_batch_drain_episodes(s.batch, 64, episodes, NULL, NULL, &count, NULL), GW_OK);
        key = gw_hash_bytes(key, episodes, (size_t)count * sizeof *episodes);
    } while (count > 0);
    sim_close(&s);
    return key;
}

static gw_world *full_crowd(void)
{
    gw_rules_def rules = full_rules(6);
    rules.spawn_anywhere = true;
    rules.max_steps = 37;
    rules.perception.encoding = GW_ENCODING_TOKENS;
    add_event(&rules, "tags", stat_named(&rules, "tag.tags"), 1.0f, 0.0f);
    add_event(&rules, "tagged", stat_named(&rules, "tag.tagged"), -1.0f, 0.0f);
    add_event(&rules, "hits", stat_named(&rules, "action.attack.hit"), 0.25f, 1.0f);
    return world_from(&rules, "...cm...\n"
                              ".#b.g.p.\n"
                              "...xm...\n");
}

static void check_thread_counts(gw_world *world)
{
    static const int32_t env_counts[] = {1, 2, 7, 16};
    static const int32_t thread_counts[] = {2, 3, 8};
    for (int32_t e = 0; e < 4; ++e) {
        uint64_t expected = played(world, env_counts[e], 1);
        for (int32_t t = 0; t < 3; ++t) {
            CHECK_HASH(played(world, env_counts[e], thread_counts[t]), expected);
        }
    }
    gw_world_destroy(world);
}

static void results_do_not_depend_on_the_thread_count(void)
{
    check_thread_counts(crowd());
    check_thread_counts(full_crowd());
}

static void an_env_plays_alike_in_a_small_and_a_large_batch(void)
{
    gw_world *world = crowd();
    sim small = sim_of(world, 1, 1, 42);
    sim large = sim_of(world, 9, 2, 42);
    size_t size = 5 * (size_t)small.spec.observation_size;
    for (int32_t tick = 0; tick < 100; ++tick) {
        for (int32_t row = 0; row < large.rows; ++row) {
            large.actions[row] = gw_draw_below(19, (uint64_t)(tick * 5 + row % 5), TEST_ACTION_COUNT);
        }
        memcpy(small.actions, large.actions, 5 * sizeof *small.actions);
        CHECK_INT(gw_batch_step(small.batch, &small.io), GW_OK);
        CHECK_INT(gw_batch_step(large.batch, &large.io), GW_OK);
        CHECK(memcmp(small.io.observations, large.io.observations, size) == 0);
    }
    sim_close(&small);
    sim_close(&large);
    gw_world_destroy(world);
}

static int32_t drained(sim *s, gw_episode *episodes, int32_t capacity)
{
    int32_t count = 0;
    CHECK_INT(gw_batch_drain_episodes(s->batch, capacity, episodes, NULL, NULL, &count, NULL), GW_OK);
    return count;
}

static void check_part(const sim *whole, const sim *part, int32_t first_row)
{
    size_t size = (size_t)whole->spec.observation_size;
    size_t rows = (size_t)part->rows;
    CHECK(memcmp(part->io.observations, whole->io.observations + (size_t)first_row * size, rows * size) == 0);
    CHECK(memcmp(part->io.rewards, whole->io.rewards + first_row, rows * sizeof(float)) == 0);
    CHECK(memcmp(part->io.truncated, whole->io.truncated + first_row, rows) == 0);
    CHECK(memcmp(part->io.terminated, whole->io.terminated + first_row, rows) == 0);
}

// The episodes of all parts are those of the whole, once in the order of their envs: drained after each step.
static void check_episodes(sim *whole, sim *parts)
{
    gw_episode expected[64];
    gw_episode actual[64];
    int32_t count = drained(whole, expected, 64);
    int32_t first = drained(&parts[0], actual, 64);
    int32_t second = drained(&parts[1], actual + first, 64 - first);
    CHECK_INT(first + second, count);
    CHECK(memcmp(actual, expected, (size_t)count * sizeof *actual) == 0);
}

static void parts_of_a_batch_play_what_the_whole_plays(void)
{
    gw_world *worlds[] = {crowd(), full_crowd()};
    for (int32_t w = 0; w < 2; ++w) {
        gw_batch_def def;
        gw_batch_default(&def);
        def.worlds = &worlds[w];
        def.seed = 42;
        def.env_count = 7;
        sim whole = sim_as_defined(&def);
        def.env_count = 3;
        sim parts[2] = {sim_as_defined(&def)};
        def.first_env = 3;
        def.env_count = 4;
        def.thread_count = 2;
        parts[1] = sim_as_defined(&def);
        int32_t second = parts[0].rows;
        for (int32_t tick = 0; tick < 100; ++tick) {
            sim_step_random(&whole, 23, tick);
            memcpy(parts[0].actions, whole.actions, (size_t)second * sizeof *whole.actions);
            memcpy(parts[1].actions, whole.actions + second, (size_t)parts[1].rows * sizeof *whole.actions);
            CHECK_INT(gw_batch_step(parts[0].batch, &parts[0].io), GW_OK);
            CHECK_INT(gw_batch_step(parts[1].batch, &parts[1].io), GW_OK);
            check_part(&whole, &parts[0], 0);
            check_part(&whole, &parts[1], second);
            check_episodes(&whole, parts);
        }
        sim_close(&whole);
        sim_close(&parts[0]);
        sim_close(&parts[1]);
        gw_world_destroy(worlds[w]);
    }
}

static void *call_everything(void *argument)
{
    sim *s = argument;
    static const uint32_t weights[] = {1};
    gw_env_view view = {.tick = -7};
    gw_episode episode;
    gw_error error = {0};
    int32_t count = -7;
    uint64_t hash = 7;
    int64_t size = 0;
    CHECK_INT(gw_batch_snapshot_size(s->batch, 1, &size), GW_OK); // depends on nothing that moves
    uint8_t *buffer = guarded((size_t)size);

    CHECK_INT(gw_batch_step(s->batch, &s->io), GW_BUSY);
    CHECK_INT(gw_batch_reset(s->batch, 1, s->io.observations), GW_BUSY);
    CHECK_INT(gw_batch_set_world_weights(s->batch, weights), GW_BUSY);
    CHECK_INT(gw_batch_retire_worlds(s->batch), GW_BUSY);
    CHECK_INT(gw_batch_action_masks(s->batch, s->io.action_masks), GW_BUSY);
    CHECK_INT(gw_batch_drain_episodes(s->batch, 1, &episode, NULL, NULL, &count, NULL), GW_BUSY);
    CHECK_INT(gw_env_look(s->batch, 0, &view, NULL, NULL, 0, NULL), GW_BUSY);
    CHECK_INT(gw_env_ledger(s->batch, 0, NULL, NULL, NULL), GW_BUSY);
    CHECK_INT(gw_env_observe(s->batch, 0, s->io.observations), GW_BUSY);
    CHECK_INT(gw_env_action_mask(s->batch, 0, buffer), GW_BUSY);
    CHECK_INT(gw_env_place(s->batch, 0, 0, 0, 0), GW_BUSY);
    gw_object_view object;
    CHECK_INT(gw_env_object(s->batch, 0, 0, 0, &object), GW_BUSY);
    CHECK_INT(gw_batch_save(s->batch, 0, 1, buffer, size), GW_BUSY);
    CHECK_INT(gw_batch_load(s->batch, 0, 1, buffer, size, &error), GW_BUSY);
    CHECK_TEXT(error.message, "another thread is inside this batch");
    CHECK_INT(gw_batch_hash(s->batch, &hash), GW_BUSY);
    CHECK_INT(view.tick, -7);
    CHECK_INT(count, -7);
    CHECK_INT((int64_t)hash, 7);
    guarded_free(buffer);
    return NULL;
}

static void a_second_caller_is_told_and_changes_nothing(void)
{
    gw_world *world = crowd();
    sim s = sim_of(world, 2, 2, 1);
    uint64_t before = sim_hash(&s);
    pthread_t thread;
    CHECK(gw_batch_enter(s.batch)); // as if a step were under way

    CHECK_INT(pthread_create(&thread, NULL, call_everything, &s), 0);
    pthread_join(thread, NULL);

    gw_batch_leave(s.batch);
    CHECK(sim_hash(&s) == before);
    sim_step_random(&s, 1, 0);
    sim_close(&s);
    gw_world_destroy(world);
}

typedef struct rival {
    sim *s;
    atomic_int *missing; // rivals that have not arrived
    int32_t stepped;
} rival;

static void *step_often(void *argument)
{
    rival *r = argument;
    atomic_fetch_sub(r->missing, 1);
    while (atomic_load(r->missing) > 0) {
        // both begin together
    }
    for (int32_t i = 0; i < 500; ++i) {
        gw_status status = gw_batch_step(r->s->batch, &r->s->io);
        CHECK(status == GW_OK || status == GW_BUSY);
        r->stepped += status == GW_OK;
    }
    return NULL;
}

static void rivals_take_turns_and_no_step_is_lost(void)
{
    gw_world *world = crowd();
    sim s = sim_of(world, 4, 2, 1);
    memset(s.actions, 0, (size_t)s.rows * sizeof *s.actions);
    atomic_int missing = 2;
    rival rivals[] = {{&s, &missing, 0}, {&s, &missing, 0}};
    pthread_t threads[2];
    for (int32_t i = 0; i < 2; ++i) {
        CHECK_INT(pthread_create(&threads[i], NULL, step_often, &rivals[i]), 0);
    }
    for (int32_t i = 0; i < 2; ++i) {
        pthread_join(threads[i], NULL);
    }
    gw_env_view view = sim_view(&s, 3);
    CHECK_INT(view.episode * 37 + view.tick, rivals[0].stepped + rivals[1].stepped);
    sim_close(&s);
    gw_world_destroy(world);
}

static void batches_on_one_world_play_side_by_side(void)
{
    gw_world *world = crowd();
    sim sims[] = {sim_of(world, 4, 2, 1), sim_of(world, 4, 1, 1)};
    atomic_int missing = 2;
    rival rivals[] = {{&sims[0], &missing, 0}, {&sims[1], &missing, 0}};
    pthread_t threads[2];
    for (int32_t i = 0; i < 2; ++i) {
        memset(sims[i].actions, 0, (size_t)sims[i].rows * sizeof *sims[i].actions);
        CHECK_INT(pthread_create(&threads[i], NULL, step_often, &rivals[i]), 0);
    }
    for (int32_t i = 0; i < 2; ++i) {
        pthread_join(threads[i], NULL);
        CHECK_INT(rivals[i].stepped, 500);
    }
    CHECK(sim_hash(&sims[0]) == sim_hash(&sims[1]));
    sim_close(&sims[0]);
    sim_close(&sims[1]);
    gw_world_destroy(world);
}

void suite_threads(void)
{
    RUN(results_do_not_depend_on_the_thread_count);
    RUN(an_env_plays_alike_in_a_small_and_a_large_batch);
    RUN(parts_of_a_batch_play_what_the_whole_plays);
    RUN(a_second_caller_is_told_and_changes_nothing);
    RUN(rivals_take_turns_and_no_step_is_lost);
    RUN(batches_on_one_world_play_side_by_side);
}

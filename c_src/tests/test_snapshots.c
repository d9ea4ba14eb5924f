// test_snapshots.c: save, load and hash; a snapshot that is damaged or forged is refused and changes nothing.
#include "sim.h"

#include <math.h>

enum { HEAD_SIZE = 32, CHECKSUM_AT = 24 }; // bytes of gw_snapshot_head, and of its last field

static gw_rules_def yard_rules(void)
{
    gw_rules_def rules = test_rules(3);
    rules.spawn_anywhere = true;
    rules.max_steps = 50;
    rules.kinds[MINE].max_uses = 9;
    add_event(&rules, "ores", stat_named(&rules, "ore.gained"), 0.5f, 0.0f);
    add_holding(&rules, "batteries", BATTERY, 0.25f, 1.0f);
    return rules;
}

static sim yard(int32_t env_count, int32_t thread_count, uint64_t seed)
{
    gw_rules_def rules = yard_rules();
    gw_world *world = world_from(&rules, "..m.g.\n.m..a.\n#.....\n");
    sim s = sim_of(world, env_count, thread_count, seed);
    gw_world_destroy(world);
    return s;
}

static void run(sim *s, int32_t first_tick, int32_t last_tick)
{
    for (int32_t tick = first_tick; tick < last_tick; ++tick) {
        sim_step_random(s, 11, tick);
    }
}

static uint8_t *save(sim *s, int32_t first, int32_t count, int64_t *size)
{
    CHECK_INT(gw_batch_snapshot_size(s->batch, count, size), GW_OK);
    uint8_t *buffer = guarded((size_t)*size);
    CHECK_INT(gw_batch_save(s->batch, first, count, buffer, *size), GW_OK);
    CHECK(guards_hold(buffer, (size_t)*size));
    return buffer;
}

static void a_loaded_batch_goes_on_as_the_saved_one(void)
{
    sim one = yard(4, 1, 1);
    sim other = yard(4, 3, 99);
    run(&one, 0, 70); // in mid-episode, some episodes in
    int64_t size = 0;
    uint8_t *snapshot = save(&one, 0, 4, &size);

    CHECK_INT(gw_batch_load(other.batch, 0, 4, snapshot, size, NULL), GW_OK);

    CHECK(sim_hash(&one) == sim_hash(&other));
    size_t table = (size_t)one.rows * (size_t)one.spec.observation_size;
    for (int32_t tick = 70; tick < 200; ++tick) {
        run(&one, tick, tick + 1);
        run(&other, tick, tick + 1);
        CHECK(memcmp(one.io.observations, other.io.observations, table) == 0);
        CHECK(memcmp(one.io.rewards, other.io.rewards, (size_t)one.rows * sizeof(float)) == 0);
    }
    CHECK(sim_hash(&one) == sim_hash(&other));
    guarded_free(snapshot);
    sim_close(&one);
    sim_close(&other);
}

static void a_state_may_move_to_another_env_and_takes_its_streams_along(void)
{
    sim s = yard(3, 1, 1);
    run(&s, 0, 20);
    int64_t size = 0;
    uint8_t *snapshot = save(&s, 0, 1, &size);

    CHECK_INT(gw_batch_load(s.batch, 2, 1, snapshot, size, NULL), GW_OK);

    size_t row = 3 * (size_t)s.spec.observation_size;
    for (int32_t tick = 0; tick < 120; ++tick) {
        for (int32_t i = 0; i < s.rows; ++i) {
            s.actions[i] = gw_draw_below(13, (uint64_t)(tick * 3 + i % 3), TEST_ACTION_COUNT); // alike in all envs
        }
        CHECK_INT(gw_batch_step(s.batch, &s.io), GW_OK);
        CHECK(memcmp(s.io.observations, s.io.observations + 2 * row, row) == 0);
    }
    CHECK(memcmp(s.io.observations, s.io.observations + row, row) != 0);
    guarded_free(snapshot);
    sim_close(&s);
}

static void saving_changes_nothing(void)
{
    sim s = yard(2, 1, 1);
    run(&s, 0, 20);
    uint64_t before = sim_hash(&s);
    int64_t size = 0;

    guarded_free(save(&s, 0, 2, &size));

    CHECK(sim_hash(&s) == before);
    sim_close(&s);
}

static void every_flipped_byte_is_refused(void)
{
    sim s = yard(2, 1, 1);
    run(&s, 0, 30);
    int64_t size = 0;
    uint8_t *snapshot = save(&s, 0, 2, &size);
    run(&s, 30, 40);
    uint64_t before = sim_hash(&s);
    for (int64_t at = 0; at < size; ++at) {
        gw_error error = {0};
        snapshot[at] ^= (uint8_t)(1u << (at % 8));

        CHECK_INT(gw_batch_load(s.batch, 0, 2, snapshot, size, &error), GW_INVALID_SNAPSHOT);

        CHECK(error.message[0] != '\0');
        CHECK(sim_hash(&s) == before);
        snapshot[at] ^= (uint8_t)(1u << (at % 8));
    }
    CHECK_INT(gw_batch_load(s.batch, 0, 2, snapshot, size, NULL), GW_OK);
    guarded_free(snapshot);
    sim_close(&s);
}

static void every_shorter_or_longer_snapshot_is_refused(void)
{
    sim s = yard(1, 1, 1);
    int64_t size = 0;
    uint8_t *snapshot = save(&s, 0, 1, &size);
    uint8_t *longer = guarded((size_t)size + 8);
    memcpy(longer, snapshot, (size_t)size);
    uint64_t before = sim_hash(&s);
    for (int64_t cut = -1; cut < size; ++cut) {
        CHECK_INT(gw_batch_load(s.batch, 0, 1, snapshot, cut, NULL), GW_INVALID_SNAPSHOT);
    }
    CHECK_INT(gw_batch_load(s.batch, 0, 1, longer, size + 8, NULL), GW_INVALID_SNAPSHOT);
    CHECK(sim_hash(&s) == before);
    guarded_free(longer);
    guarded_free(snapshot);
    sim_close(&s);
}

// The snapshot of one env, changed by hand and signed again: what only the checks of the state can refuse.
typedef struct forgery {
    sim s;
    int64_t size;
    uint8_t *snapshot;
    gw_env env; // pointers into the snapshot
} forgery;

static forgery forge(void)
{
    forgery f = {.s = yard(1, 1, 1)};
    run(&f.s, 0, 30);
    f.snapshot = save(&f.s, 0, 1, &f.size);
    f.env = gw_env_in_block(f.s.batch, f.snapshot + HEAD_SIZE);
    return f;
}

static gw_status load_signed(forgery *f, gw_error *error)
{
    uint64_t checksum = gw_hash_bytes(0, f->snapshot + HEAD_SIZE, (size_t)f->size - HEAD_SIZE);
    memcpy(f->snapshot + CHECKSUM_AT, &checksum, sizeof checksum);
    return gw_batch_load(f->s.batch, 0, 1, f->snapshot, f->size, error);
}

static void forgery_close(forgery *f)
{
    guarded_free(f->snapshot);
    sim_close(&f->s);
}

static void an_honest_signature_is_taken(void)
{
    forgery f = forge();

    CHECK_INT(load_signed(&f, NULL), GW_OK);

    forgery_close(&f);
}

#define FORGED(what, change)                                                                                           \
    do {                                                                                                               \
        forgery f = forge();                                                                                           \
        uint64_t before = sim_hash(&f.s);                                                                              \
        gw_error error = {0};                                                                                          \
        change;                                                                                                        \
        CHECK_INT(load_signed(&f, &error), GW_INVALID_SNAPSHOT);                                                       \
        CHECK_TEXT(error.message, "the snapshot " what);                                                               \
        CHECK(sim_hash(&f.s) == before);                                                                               \
        forgery_close(&f);                                                                                             \
    } while (0)

#define UNREACHABLE "describes a state that the rules cannot reach"

static void a_forged_head_is_refused(void)
{
    FORGED("names a world that this batch does not have", f.env.head->world = 1);
    FORGED("names a world that this batch does not have", f.env.head->world = -1);
    FORGED(UNREACHABLE, f.env.head->tick = -1);
    FORGED(UNREACHABLE, f.env.head->tick = 50); // an episode of 50 steps would have ended
    FORGED(UNREACHABLE, f.env.head->tick = INT32_MAX);
    FORGED(UNREACHABLE, f.env.head->episode = -1);
    FORGED(UNREACHABLE, f.env.head->episode = INT64_MAX);
    FORGED(UNREACHABLE, f.env.head->stream_env = -1);
}

static void forged_agents_are_refused(void)
{
    FORGED(UNREACHABLE, f.env.agent_cell[0] = -1);
    FORGED(UNREACHABLE, f.env.agent_cell[0] = f.env.world->padded_count);
    FORGED(UNREACHABLE, f.env.agent_cell[0] = INT32_MAX);
    FORGED(UNREACHABLE, f.env.agent_cell[0] = 0); // on the border
    FORGED(UNREACHABLE, f.env.agent_cell[0] = f.env.world->object_cell[0]);
    FORGED(UNREACHABLE, f.env.agent_cell[0] = f.env.agent_cell[2]); // two in one cell
    FORGED(UNREACHABLE, f.env.facing[1] = GW_DIRECTION_COUNT);
    FORGED(UNREACHABLE, f.env.last_action[1] = TEST_ACTION_COUNT);
    FORGED(UNREACHABLE, f.env.last_action[1] = -2);
    FORGED(UNREACHABLE, f.env.last_result[1] = GW_RESULT_COUNT);
    FORGED(UNREACHABLE, f.env.inventory[ORE] = 6);
    FORGED(UNREACHABLE, f.env.step_reward[0] = NAN);
    FORGED(UNREACHABLE, f.env.episode_return[2] = INFINITY);
}

static void forged_counts_are_refused(void)
{
    gw_rules_def rules = yard_rules();
    FORGED(UNREACHABLE, f.env.stats[stat_named(&rules, "ore.lost")] = -1);
    FORGED(UNREACHABLE, f.env.stats[stat_named(&rules, "steps")] = f.env.head->tick + 1);
    FORGED(UNREACHABLE, f.env.stats[stat_named(&rules, "action.failed")] = INT32_MAX);
    FORGED(UNREACHABLE, f.env.term_seen[0] = INT32_MIN); // the next difference would overflow
    FORGED(UNREACHABLE, f.env.ledger_step[0] = NAN);
    FORGED(UNREACHABLE, f.env.ledger_episode[1] = -INFINITY);
}

static void forged_objects_are_refused(void)
{
    FORGED(UNREACHABLE, f.env.object_uses[0] = -1);
    FORGED(UNREACHABLE, f.env.object_uses[0] = 10);              // of 9
    FORGED(UNREACHABLE, f.env.object_uses[1] = 1);               // the generator does not count
    FORGED(UNREACHABLE, f.env.object_ready_tick[0] = INT32_MAX); // longer than any cooldown
    FORGED(UNREACHABLE, f.env.object_ready_tick[0] = -1);
    FORGED(UNREACHABLE, f.env.object_ready_tick[0] = f.env.head->tick + 4); // of 3
}

// The full game in mid-episode, with someone frozen, someone shielded and a press at work.
static forgery forge_full(void)
{
    gw_rules_def rules = full_rules(3);
    rules.max_steps = 500;
    rules.resources[ORE].initial = 5;
    forgery f = {.s = sim_from(&rules, "x2.p@\n.b.c.\n.2.b#\n")};
    for (int32_t tick = 0; tick < 40; ++tick) {
        sim_step_random(&f.s, 31, tick);
    }
    f.snapshot = save(&f.s, 0, 1, &f.size);
    f.env = gw_env_in_block(f.s.batch, f.snapshot + HEAD_SIZE);
    return f;
}

#define FULL_FORGED(change)                                                                                            \
    do {                                                                                                               \
        forgery f = forge_full();                                                                                      \
        uint64_t before = sim_hash(&f.s);                                                                              \
        gw_error error = {0};                                                                                          \
        change;                                                                                                        \
        CHECK_INT(load_signed(&f, &error), GW_INVALID_SNAPSHOT);                                                       \
        CHECK_TEXT(error.message, "the snapshot " UNREACHABLE);                                                        \
        CHECK(sim_hash(&f.s) == before);                                                                               \
        forgery_close(&f);                                                                                             \
    } while (0)

// Objects of the map in forge_full, in reading order; glass has no state.
enum { PRESS_AT, BLOCK_AT, CHEST_AT, OTHER_BLOCK_AT };

static void an_honest_snapshot_of_the_full_game_is_taken(void)
{
    forgery f = forge_full();

    CHECK_INT(f.env.world->object_count, 4);
    CHECK_INT(load_signed(&f, NULL), GW_OK);
    for (int32_t tick = 40; tick < 80; ++tick) {
        sim_step_random(&f.s, 31, tick);
    }

    forgery_close(&f);
}

static void forged_agents_of_the_full_game_are_refused(void)
{
    gw_rules_def rules = full_rules(3);
    FULL_FORGED(f.env.glyph[1] = 3);
    FULL_FORGED(f.env.shield[1] = 2);
    FULL_FORGED(f.env.still[1] = -1);
    FULL_FORGED(f.env.still[1] = f.env.head->tick + 1);
    FULL_FORGED((f.env.inventory[ORE] = 4, f.env.inventory[BATTERY] = 3)); // of a bag of 6
    FULL_FORGED(f.env.inventory[ENERGY] = 21);
    FULL_FORGED(f.env.stats[stat_named(&rules, "status.max_steps_without_motion")] = f.env.head->tick + 1);
    FULL_FORGED(f.env.stats[stat_named(&rules, "tag.misses")] = -1);
    FULL_FORGED(f.env.agent_cell[0] = f.env.object_cell[BLOCK_AT]); // inside a block
    FULL_FORGED(f.env.agent_cell[0] = 0);
    FULL_FORGED(f.env.ledger_step[0] = NAN); // of the share
}

static void forged_objects_of_the_full_game_are_refused(void)
{
    FULL_FORGED(f.env.object_cell[CHEST_AT] += 1); // it cannot be moved
    FULL_FORGED(f.env.object_cell[BLOCK_AT] = -2);
    FULL_FORGED(f.env.object_cell[BLOCK_AT] = f.env.world->padded_count);
    FULL_FORGED(f.env.object_cell[BLOCK_AT] = f.env.object_cell[OTHER_BLOCK_AT]); // two in one cell
    FULL_FORGED(f.env.object_cell[BLOCK_AT] = f.env.agent_cell[2]);
    FULL_FORGED(f.env.object_cell[CHEST_AT] = GW_NONE); // it cannot be destroyed
    FULL_FORGED(f.env.object_hp[CHEST_AT] = 1);
    FULL_FORGED(f.env.object_hp[BLOCK_AT] = 3);
    FULL_FORGED(f.env.object_hp[BLOCK_AT] = 0); // but it stands
    FULL_FORGED(f.env.object_busy[CHEST_AT] = GW_COOLING);
    FULL_FORGED(f.env.object_busy[PRESS_AT] = GW_COOLING + 1);
    FULL_FORGED((f.env.object_busy[PRESS_AT] = GW_COOLING,
                 f.env.object_ready_tick[PRESS_AT] = f.env.head->tick)); // it would have ended
    FULL_FORGED((f.env.object_busy[PRESS_AT] = GW_CONVERTING,
                 f.env.object_ready_tick[PRESS_AT] = f.env.head->tick + 3));     // of 2
    FULL_FORGED(f.env.object_store[CHEST_AT * FULL_RESOURCE_COUNT + ORE] = 6);   // of 5
    FULL_FORGED(f.env.object_store[PRESS_AT * FULL_RESOURCE_COUNT + ARMOR] = 1); // which it does not take
    FULL_FORGED(f.env.object_store[BLOCK_AT * FULL_RESOURCE_COUNT + ORE] = 1);
}

static void nobody_is_frozen_in_a_game_without_freezing(void)
{
    FORGED(UNREACHABLE, f.env.frozen[0] = 1);
    FORGED(UNREACHABLE, f.env.shield[0] = 1);
    FORGED(UNREACHABLE, f.env.glyph[0] = 1);

    // Shields alone give agents turns with an upkeep, but no stat for frozen ones.
    gw_rules_def rules = test_rules(1);
    rules.actions[MOVE_SE].verb = GW_VERB_SHIELD;
    rules.actions[MOVE_SE].argument = 0;
    rules.combat.shield = ORE;
    forgery f = {.s = sim_from(&rules, "@\n")};
    f.snapshot = save(&f.s, 0, 1, &f.size);
    f.env = gw_env_in_block(f.s.batch, f.snapshot + HEAD_SIZE);
    f.env.frozen[0] = 1;
    CHECK_INT(load_signed(&f, NULL), GW_INVALID_SNAPSHOT);
    forgery_close(&f);
}

static void signed_noise_in_the_full_game_is_refused_or_playable(void)
{
    int32_t taken = 0;
    for (uint64_t trial = 0; trial < 2000; ++trial) {
        forgery f = forge_full();
        for (int32_t i = 0; i < 1 + (int32_t)(trial % 3); ++i) {
            int32_t at = gw_draw_below(trial, (uint64_t)(2 * i + 1), (int32_t)f.size - HEAD_SIZE);
            f.snapshot[HEAD_SIZE + at] = (uint8_t)gw_draw_below(trial, (uint64_t)(2 * i + 2), 256);
        }
        if (load_signed(&f, NULL) == GW_OK) {
            taken += 1;
            for (int32_t tick = 0; tick < 20; ++tick) {
                sim_step_random(&f.s, trial, tick);
            }
            CHECK(sim_drawn(&f.s)[0] != '\0');
        }
        forgery_close(&f);
    }
    CHECK(taken > 0);
}

static void any_signed_noise_is_refused_or_playable(void)
{
    int32_t taken = 0;
    for (uint64_t trial = 0; trial < 3000; ++trial) {
        forgery f = forge();
        int32_t flips = 1 + gw_draw_below(trial, 0, 3);
        for (int32_t i = 0; i < flips; ++i) {
            int32_t at = gw_draw_below(trial, (uint64_t)(2 * i + 1), (int32_t)f.size - HEAD_SIZE);
            f.snapshot[HEAD_SIZE + at] = (uint8_t)gw_draw_below(trial, (uint64_t)(2 * i + 2), 256);
        }
        if (load_signed(&f, NULL) == GW_OK) {
            taken += 1;
            run(&f.s, 30, 90);
            CHECK(sim_drawn(&f.s)[0] != '\0');
        }
        forgery_close(&f);
    }
    CHECK(taken > 0);
}

static void a_snapshot_of_another_game_map_or_version_is_refused(void)
{
    sim s = yard(2, 1, 1);
    gw_rules_def rules = yard_rules();
    sim other_map = sim_from(&rules, "..m.g.\n.m..a.\n......\n");
    rules.max_steps = 51;
    sim other_game = sim_from(&rules, "..m.g.\n.m..a.\n#.....\n");
    int64_t size = 0;
    uint8_t *snapshot = save(&s, 0, 1, &size);
    gw_error error = {0};

    CHECK_INT(gw_batch_load(other_map.batch, 0, 1, snapshot, size, &error), GW_INVALID_SNAPSHOT);
    CHECK_TEXT(error.message, "the snapshot is of another game or another map");
    CHECK_INT(gw_batch_load(other_game.batch, 0, 1, snapshot, size, &error), GW_INVALID_SNAPSHOT);
    CHECK_TEXT(error.message, "the snapshot is of another game or another map");
    CHECK_INT(gw_batch_load(s.batch, 0, 2, snapshot, size, &error), GW_INVALID_SNAPSHOT);
    CHECK_TEXT(error.message, "the snapshot holds another number of envs");
    snapshot[4] += 1;
    CHECK_INT(gw_batch_load(s.batch, 0, 1, snapshot, size, &error), GW_INVALID_SNAPSHOT);
    CHECK_TEXT(error.message, "the snapshot was made by another version of the engine");
    snapshot[0] += 1;
    CHECK_INT(gw_batch_load(s.batch, 0, 1, snapshot, size, &error), GW_INVALID_SNAPSHOT);
    CHECK_TEXT(error.message, "this is not a snapshot of the engine");
    guarded_free(snapshot);
    sim_close(&s);
    sim_close(&other_map);
    sim_close(&other_game);
}

static void ranges_and_buffers_are_checked(void)
{
    sim s = yard(3, 1, 1);
    int64_t size = 0;
    uint8_t *buffer = save(&s, 0, 3, &size);
    static const struct {
        int32_t first, count;
    } bad[] = {{-1, 1}, {0, 0}, {0, 4}, {3, 1}, {2, 2}, {INT32_MAX, 1}, {1, INT32_MAX}, {0, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        CHECK_INT(gw_batch_save(s.batch, bad[i].first, bad[i].count, buffer, size), GW_INVALID_ARGUMENT);
        CHECK_INT(gw_batch_load(s.batch, bad[i].first, bad[i].count, buffer, size, NULL), GW_INVALID_ARGUMENT);
    }
    CHECK_INT(gw_batch_save(s.batch, 0, 3, buffer, size - 1), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_save(s.batch, 0, 3, NULL, size), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_load(s.batch, 0, 3, NULL, size, NULL), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_load(s.batch, 0, 1, buffer + 4, size - 8, NULL), GW_INVALID_ARGUMENT); // not aligned
    CHECK_INT(gw_batch_snapshot_size(s.batch, 0, &size), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_batch_snapshot_size(s.batch, 4, &size), GW_INVALID_ARGUMENT);
    guarded_free(buffer);
    sim_close(&s);
}

static void the_longest_episode_is_cut_before_its_clock_overflows(void)
{
    gw_rules_def rules = test_rules(1);
    sim s = sim_from(&rules, "m@\n");
    int64_t size = 0;
    uint8_t *snapshot = save(&s, 0, 1, &size);
    forgery f = {.s = s, .size = size, .snapshot = snapshot};
    gw_env env = gw_env_in_block(s.batch, snapshot + HEAD_SIZE);
    env.head->tick = GW_LONGEST_EPISODE - 2;
    CHECK_INT(load_signed(&f, NULL), GW_OK);

    STEP(&f.s, TURN_W);
    CHECK_INT(f.s.io.truncated[0], 0);
    STEP(&f.s, USE);
    CHECK_INT(f.s.io.truncated[0], 1);
    CHECK_INT(sim_view(&f.s, 0).tick, 0);
    forgery_close(&f);
}

static void undrained_episodes_stay_through_a_load(void)
{
    sim s = yard(1, 1, 1);
    int64_t size = 0;
    uint8_t *snapshot = save(&s, 0, 1, &size);
    run(&s, 0, 50);

    CHECK_INT(gw_batch_load(s.batch, 0, 1, snapshot, size, NULL), GW_OK);

    gw_episode episodes[4];
    int32_t count = 0;
    CHECK_INT(gw_batch_drain_episodes(s.batch, 4, episodes, NULL, NULL, &count, NULL), GW_OK);
    CHECK_INT(count, 3);
    guarded_free(snapshot);
    sim_close(&s);
}

void suite_snapshots(void)
{
    RUN(a_loaded_batch_goes_on_as_the_saved_one);
    RUN(a_state_may_move_to_another_env_and_takes_its_streams_along);
    RUN(saving_changes_nothing);
    RUN(every_flipped_byte_is_refused);
    RUN(every_shorter_or_longer_snapshot_is_refused);
    RUN(an_honest_signature_is_taken);
    RUN(a_forged_head_is_refused);
    RUN(forged_agents_are_refused);
    RUN(forged_counts_are_refused);
    RUN(forged_objects_are_refused);
    RUN(an_honest_snapshot_of_the_full_game_is_taken);
    RUN(forged_agents_of_the_full_game_are_refused);
    RUN(forged_objects_of_the_full_game_are_refused);
    RUN(nobody_is_frozen_in_a_game_without_freezing);
    RUN(signed_noise_in_the_full_game_is_refused_or_playable);
    RUN(any_signed_noise_is_refused_or_playable);
    RUN(a_snapshot_of_another_game_map_or_version_is_refused);
    RUN(ranges_and_buffers_are_checked);
    RUN(the_longest_episode_is_cut_before_its_clock_overflows);
    RUN(undrained_episodes_stay_through_a_load);
}

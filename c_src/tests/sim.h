// sim.h: games, drawn maps and a batch with guarded arrays, so that a test reads like a rule.
#ifndef GW_TEST_SIM_H
#define GW_TEST_SIM_H

#include "test_macros.h"

// The test game: kinds and resources that show every rule.
//   #  wall       blocks
//   m  mine       gives 1 ore, cools down for 3 ticks
//   g  generator  1 ore -> 2 battery
//   a  altar      3 battery -> 1 heart, 2 uses an episode
//   *  goal       gives 1 heart when bumped into
//   @  spawn of anybody, 1..8 spawn of a group, . empty
// Actions: noop, move_{north..southeast}, rotate_{north,south,west,east}, use.
enum { WALL, MINE, GENERATOR, ALTAR, GOAL, TEST_KIND_COUNT };
enum { ORE, BATTERY, HEART, TEST_RESOURCE_COUNT };
enum {
    NOOP,
    MOVE_N,
    MOVE_S,
    MOVE_W,
    MOVE_E,
    MOVE_NW,
    MOVE_NE,
    MOVE_SW,
    MOVE_SE,
    TURN_N,
    TURN_S,
    TURN_W,
    TURN_E,
    USE,
    TEST_ACTION_COUNT
};

gw_rules_def test_rules(int32_t agent_count);

// The full game: the test game and everything else that rules can say. Two hiders in three agents are of group 1;
// ore and battery share a limit of 6; energy comes by itself and shields; the mine gives batteries their armor.
//   c  chest    takes and gives 2 ore, holds 5
//   p  press    put 2 ore, wait for 2 ticks, get 1 heart; cools down for 2 ticks; one hit destroys it
//   b  block    can change places, and stands two hits
//   x  glass    one can see past it
// Actions: those of the test game, forward, backward, put, get, attack_1..9, shield, swap, glyph_0..2.
enum { CHEST = TEST_KIND_COUNT, PRESS, BLOCK, GLASS, FULL_KIND_COUNT };
enum { ENERGY = TEST_RESOURCE_COUNT, ARMOR, FULL_RESOURCE_COUNT };
enum {
    FORWARD = TEST_ACTION_COUNT,
    BACKWARD,
    PUT,
    GET,
    ATTACK_1,
    SHIELD = ATTACK_1 + 9,
    SWAP,
    GLYPH_0,
    FULL_ACTION_COUNT = GLYPH_0 + 3
};

gw_rules_def full_rules(int32_t agent_count);

// Agent a is of group a % group_count.
void set_groups(gw_rules_def *rules, int32_t group_count);

// Index of a stat; the test fails if the game has none of that name.
int32_t stat_named(const gw_rules_def *rules, const char *name);

// Add a reward term; returns its index.
int32_t add_event(gw_rules_def *rules, const char *name, int32_t stat, float weight, float cap);
int32_t add_holding(gw_rules_def *rules, const char *name, int32_t resource, float weight, float cap);

// Compile a drawing, rows ended by '\n'. NULL if the engine refuses it.
gw_world *world_from(const gw_rules_def *rules, const char *drawing);
gw_status world_status(const gw_rules_def *rules, const char *drawing, gw_error *error);

// A batch and one array for everything that goes in or out, each with guard bytes on both sides.
typedef struct sim {
    gw_batch *batch;
    gw_spec spec;
    int32_t env_count;
    int32_t rows;
    gw_io io;
    int32_t *actions;
} sim;

sim sim_from(const gw_rules_def *rules, const char *drawing);
sim sim_of(gw_world *world, int32_t env_count, int32_t thread_count, uint64_t seed);
sim sim_as_defined(const gw_batch_def *def);
void sim_close(sim *s);

// Step with the actions of env 0 given in agent order; all other rows do nothing.
#define STEP(s, ...)                                                                                                   \
    sim_step(s, (const int32_t[]){__VA_ARGS__}, (int32_t)(sizeof(int32_t[]){__VA_ARGS__} / sizeof(int32_t)))
void sim_step(sim *s, const int32_t *actions, int32_t count);

// Step with random actions, one in nine of them invalid, that depend on (key, tick, row) alone.
void sim_step_random(sim *s, uint64_t key, int32_t tick);

gw_agent_view sim_agent(sim *s, int32_t agent);
gw_env_view sim_view(sim *s, int32_t env);
int32_t sim_stat(sim *s, int32_t agent, int32_t stat);
uint64_t sim_hash(sim *s);

// Env 0 as a drawing: agents are ^ v < > or, facing diagonally, 7 9 1 3 as on a number pad.
const char *sim_drawn(sim *s);

void *guarded(size_t size);
bool guards_hold(const void *block, size_t size);
void guarded_free(void *block);

#endif

// gridworld.h: a fast, exact, data-driven engine for multi-agent gridworlds. This header is the manual.
//
// A game is a set of tables (gw_rules_def); a map is a grid of cells (gw_map_def). Compiled together they
// are a gw_world: immutable, shared, validated here, whoever wrote the tables. A gw_batch steps many envs
// over one or more worlds. The caller owns every array that goes in or comes out; nothing is allocated
// after create; there is no global state. Row r of any per-agent array is env * agent_count + agent.
//
// One step, in order: rewards cleared and tick += 1; due events (conversions and cooldowns that end, then
// regeneration); all intents read; actions by priority (high first), within one priority in an order drawn
// anew each tick from the env's own stream; tagging by adjacency; sight; terminations and truncation; reward
// terms, then shares; same-step auto-reset of ended envs (their last observation goes to final_observations
// first); observations. So an observation always carries the truth of this step, last action and result
// included.
//
// One turn, in order: upkeep of the shield; a frozen agent loses the turn; the action's cost is set aside, or
// the action fails for want of it; the act; the cost comes back if the act failed, unless it pays always. An
// invalid action is no turn: it costs nothing and thaws nobody.
//
// Randomness is counter-based: stream = hash(seed, env, episode, purpose), so results depend neither on
// the thread count nor on the platform. Little-endian machines only (checked at build).
//
// Threads: a batch may be used by one caller at a time; a second one is answered GW_BUSY, never mixed in.
// A world may be shared freely.
#ifndef GRIDWORLD_H
#define GRIDWORLD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    GW_MAX_SIDE = 1024,      // cells per side of a map
    GW_MAX_AGENTS = 1024,    // agents per env
    GW_MAX_KINDS = 64,       // object kinds per game, the agent's not counted
    GW_MAX_RESOURCES = 32,   // resources per game
    GW_MAX_LIMIT_GROUPS = 8, // groups of resources that share a limit
    GW_MAX_ACTIONS = 64,     // entries of the action table
    GW_MAX_TERMS = 32,       // reward terms per game
    GW_MAX_GROUPS = 8,       // groups (teams) per game; as many as there are distinct colours on screen
    GW_MAX_ROLES = 8,        // roles per game, such as seeker and hider
    GW_MAX_PLANES = 12,      // planes of one observation
    GW_MAX_WINDOW = 15,      // cells per side of the observation window, odd
    GW_MAX_TOKENS = 1024,    // tokens of one observation
    GW_MAX_GLYPHS = 250,     // glyphs an agent may show
    GW_MAX_CODED = 4096,     // bytes of a row that a gw_onehot reads
    GW_MAX_THREADS = 64,     // workers of one batch, the caller included
    GW_MAX_WORLDS = 4096,    // worlds of one batch
    GW_NAME_SIZE = 32,       // bytes of a name, the closing zero included
    GW_MESSAGE_SIZE = 256,   // bytes of an error message, the closing zero included
    GW_STAT_NAME_SIZE = 64,  // bytes of a stat or feature name, the closing zero included
    GW_NONE = -1,            // "no agent", "no object", "no resource"
    GW_FOREVER = 65535,      // frozen turns that never end: caught for good
};

// What every call returns. On any status but GW_OK nothing has changed.
typedef enum gw_status {
    GW_OK = 0,
    GW_INVALID_ARGUMENT = 1, // a null pointer, an index out of range, an uninitialised definition
    GW_INVALID_RULES = 2,    // the rule tables contradict themselves or a limit
    GW_INVALID_MAP = 3,      // the map does not fit the rules; row and column say where
    GW_OUT_OF_MEMORY = 4,
    GW_BUSY = 5,             // another thread is inside this batch
    GW_INVALID_SNAPSHOT = 6, // not a snapshot of this batch's worlds, or damaged
    GW_NOT_FREE = 7,         // something stands in that cell
} gw_status;

// Filled on failure where a call takes one. The message is a sentence without a path or a stack.
typedef struct gw_error {
    int32_t status; // gw_status
    int32_t row;    // map row from 0, or GW_NONE
    int32_t column; // map column from 0, or GW_NONE
    char message[GW_MESSAGE_SIZE];
} gw_error;

// ---------------------------------------------------------------------------------------------------
// Rules

// Directions, also facings. The order is the order of ids everywhere.
typedef enum gw_direction {
    GW_NORTH = 0,
    GW_SOUTH = 1,
    GW_WEST = 2,
    GW_EAST = 3,
    GW_NORTHWEST = 4,
    GW_NORTHEAST = 5,
    GW_SOUTHWEST = 6,
    GW_SOUTHEAST = 7,
    GW_DIRECTION_COUNT = 8,
} gw_direction;

// Something an agent can hold.
typedef struct gw_resource_def {
    char name[GW_NAME_SIZE]; // [a-z][a-z0-9_]*, unique
    int32_t limit;           // most units one agent may hold, 1..65535
    int32_t initial;         // units held at the start of an episode, 0..limit
    int32_t limit_group;     // index into limit_groups, or GW_NONE
    int32_t regen_amount;    // units gained (lost, if negative) every regen_interval ticks, as far as there is room
    int32_t regen_interval;  // ticks, 0 = never
    bool is_loot;            // a hit takes it from the victim
} gw_resource_def;

// Resources whose units together may not exceed a limit.
typedef struct gw_limit_group_def {
    char name[GW_NAME_SIZE]; // [a-z][a-z0-9_]*, unique
    int32_t limit;           // units of all its resources together, 1..65535
} gw_limit_group_def;

typedef enum gw_style {
    GW_STYLE_SOLID = 0,   // only stands in the way
    GW_STYLE_USE = 1,     // converter of one act: a use takes all inputs and gives all outputs, or fails whole
    GW_STYLE_PUT_GET = 2, // converter with a store: put inputs, wait for the conversion, get outputs
    GW_STYLE_CHEST = 3,   // a store: put up to input units of a resource, get up to output units of it
    GW_STYLE_COUNT = 4,
} gw_style;

// A kind of object on the map. Every object blocks its cell.
//
// A put-get converter starts whenever it is idle, holds all its inputs, has fewer than max_output units of its
// outputs and max_uses is not reached: the inputs go at once, the outputs come after conversion_ticks, then it
// cools down for cooldown ticks. One without inputs starts by itself. A put moves up to the input units of each
// resource, a get all outputs that there is room for (out of a chest, up to the output units of each). No store
// holds more than 65535 units of a resource.
typedef struct gw_kind_def {
    char name[GW_NAME_SIZE];  // [a-z][a-z0-9_]*, unique; "agent", "empty" and "outside" are taken
    int32_t style;            // gw_style
    bool use_on_bump;         // a move into it uses it (use), or puts and, where nothing was put, gets (the others)
    bool is_swappable;        // may change places with an agent
    bool is_transparent;      // one can see past it
    int32_t hp;               // attacks it stands before it is gone, 0 = indestructible, ..65535
    int32_t cooldown;         // ticks from one use or conversion to the next chance, 0..65535; 0 = none
    int32_t conversion_ticks; // put-get only: ticks from inputs to outputs, 0..65535
    int32_t max_output;       // put-get: holds it so many units of outputs, it starts no conversion; chest: units
                              // of all that it holds at most; 0 = no limit
    int32_t max_uses;         // uses or conversions per episode, 0 = unlimited
    int32_t initial_output;   // put-get and chest: units of each output at the start of an episode
    int32_t input[GW_MAX_RESOURCES];  // units taken, by resource, 0..65535
    int32_t output[GW_MAX_RESOURCES]; // units given, by resource, 0..65535
} gw_kind_def;

typedef enum gw_verb {
    GW_VERB_NOOP = 0,
    GW_VERB_MOVE = 1,   // one cell toward argument (a gw_direction); the agent turns first
    GW_VERB_ROTATE = 2, // face argument (a gw_direction)
    GW_VERB_USE = 3,    // use the object ahead
    GW_VERB_STEP = 4,   // one cell along the facing: argument 0 forward, 1 backward (without turning)
    GW_VERB_PUT = 5,    // into the object ahead
    GW_VERB_GET = 6,    // out of the object ahead
    GW_VERB_ATTACK = 7, // argument: which target, see gw_attack_pattern
    GW_VERB_SHIELD = 8, // raise the shield, or lower it
    GW_VERB_SWAP = 9,   // change places with the swappable object or frozen agent ahead
    GW_VERB_GLYPH = 10, // show glyph argument, 0..glyph_count - 1
    GW_VERB_COUNT = 11,
} gw_verb;

// One entry of the action table: its index is the action id.
typedef struct gw_action_def {
    char name[GW_NAME_SIZE];            // [a-z][a-z0-9_]*, unique
    int32_t verb;                       // gw_verb
    int32_t argument;                   // see gw_verb
    int32_t priority;                   // higher goes first within a tick, 0..15
    bool pays_always;                   // true: consumed even if the action then fails; false: on success only
    int32_t required[GW_MAX_RESOURCES]; // units that must be held, by resource; at least consumed
    int32_t consumed[GW_MAX_RESOURCES]; // units that are spent
} gw_action_def;

typedef enum gw_attack_pattern {
    // Three rows ahead, in each the centre, the left, the right: the argument-th agent met (0..8), counting from
    // 0; the last one met if there are fewer.
    GW_ATTACK_NTH_AGENT = 0,
    // One cell by argument 1..9: 1 + (argument - 1) / 3 ahead; to the left, straight, to the right by (argument - 1)
    // mod 3. Hits an object too, if it has hp.
    GW_ATTACK_CELL = 1,
    GW_ATTACK_PATTERN_COUNT = 2,
} gw_attack_pattern;

// What a hit does. Only read where an action attacks or shields.
typedef struct gw_combat_def {
    int32_t pattern;       // gw_attack_pattern
    int32_t freeze_turns;  // own turns that a victim loses, 1..65534; no hit shortens a longer freeze
    int32_t armor;         // resource: one unit is spent in place of a hit, before a shield is; or GW_NONE
    int32_t shield;        // resource that a raised shield lives on, or GW_NONE: no shields
    int32_t shield_upkeep; // units of it per own turn; at none left the shield drops
    int32_t shield_absorb; // units of it that a hit costs; a shield that holds fewer breaks, and the hit goes through
    int32_t drained;       // resource of which the victim loses all, or GW_NONE
    bool surplus_is_lost;  // loot that the attacker has no room for is lost (true) or stays with the victim (false)
} gw_combat_def;

typedef enum gw_tag_range {
    GW_TAG_BUMP = 0,     // by a move into the target
    GW_TAG_ADJACENT = 1, // at the end of a tick, any target on one of the eight cells around
    GW_TAG_RANGE_COUNT = 2,
} gw_tag_range;

// Tagging, as in hide-and-seek. Off unless is_on. Who is frozen neither tags nor is tagged. By adjacency every
// tagger tries every target around it, taggers in the tick's order, directions by id. Each pair has one draw a tick.
typedef struct gw_tag_def {
    bool is_on;
    int32_t tagger_role;
    int32_t target_role;
    int32_t range;             // gw_tag_range
    int32_t chance_percent;    // of a try to succeed, 1..100
    int32_t freeze_turns;      // own turns a tagged target loses, or GW_FOREVER: caught for good
    int32_t hide_ticks;        // own turns that taggers lose at the start
    bool ends_when_all_caught; // the episode terminates once every target is caught for good
} gw_tag_def;

typedef enum gw_term_kind {
    GW_TERM_EVENT = 0,   // pays weight for each count of a stat: what was earned stays earned
    GW_TERM_HOLDING = 1, // pays weight for each unit held now: spending it takes the pay back
    GW_TERM_KIND_COUNT = 2,
} gw_term_kind;

typedef enum gw_scope {
    GW_SCOPE_AGENT = 0, // the agent's own count
    GW_SCOPE_GROUP = 1, // the sum over its group
    GW_SCOPE_WORLD = 2, // the sum over all agents
    GW_SCOPE_COUNT = 3,
} gw_scope;

// One reward term. An agent's contribution is min(weight * count, cap) (max for a negative weight); a
// step pays the change of it, in float32, terms summed in table order.
typedef struct gw_term_def {
    char name[GW_NAME_SIZE]; // unique; [a-z][a-z0-9_.]*; "shared" is taken
    int32_t kind;            // gw_term_kind
    int32_t source;          // stat index for an event term, resource index for a holding one
    int32_t scope;           // gw_scope
    int32_t role;            // only agents of this role are paid, or GW_NONE: all
    bool at_end;             // pays the whole contribution in the step that ends the episode, and nothing before
    float weight;            // reward per count, finite
    float cap;               // largest |contribution| an episode, > 0; 0 = none
} gw_term_def;

// The episode ends for its agents (terminated) as soon as the amount is reached.
typedef struct gw_end_def {
    int32_t resource; // resource index, or GW_NONE: never by holdings
    int32_t amount;   // units one agent must hold, >= 1
    bool all_agents;  // true: every agent must; false: one is enough
} gw_end_def;

// What one byte of a plane says about a cell.
typedef enum gw_plane {
    GW_PLANE_KIND = 0,   // 0 outside or not visible, 1 empty, 2 agent, 3 + kind index
    GW_PLANE_GROUP = 1,  // agent: group + 1, else 0
    GW_PLANE_FACING = 2, // agent: facing + 1, else 0
    GW_PLANE_READY = 3,  // converter: 1 can be used now, 2 cooling down or converting, 3 used up (and not
                         // converting for the last time); else 0
    GW_PLANE_ROLE = 4,   // agent: role + 1, else 0
    GW_PLANE_FROZEN = 5, // agent: 1 if frozen, else 0
    GW_PLANE_SHIELD = 6, // agent: 1 if its shield is up, else 0
    GW_PLANE_GLYPH = 7,  // agent: glyph + 1, else 0
    GW_PLANE_HP = 8,     // object: hp left, clamped to 255
    GW_PLANE_STOCK = 9,  // put-get converter: units of its outputs; chest: of all; clamped to 255
    GW_PLANE_COUNT = 10,
} gw_plane;

enum { GW_CODE_OUTSIDE = 0, GW_CODE_EMPTY = 1, GW_CODE_AGENT = 2, GW_CODE_KIND = 3 };

typedef enum gw_encoding {
    GW_ENCODING_PLANES = 0, // planes [plane_count][height][width], then the self vector
    GW_ENCODING_TOKENS = 1, // tokens [token_count][3]: location, feature, value; see gw_feature_name
    GW_ENCODING_COUNT = 2,
} gw_encoding;

// What an agent perceives.
typedef struct gw_perception_def {
    int32_t encoding;              // gw_encoding
    int32_t window_width;          // odd, 1..GW_MAX_WINDOW
    int32_t window_height;         // likewise
    int32_t plane_count;           // planes: 1..GW_MAX_PLANES
    int32_t planes[GW_MAX_PLANES]; // gw_plane, each at most once
    int32_t token_count;           // tokens: budget of one observation, 1..GW_MAX_TOKENS
    bool line_of_sight;            // opaque objects hide what is behind them (symmetric shadow casting)
    int32_t sight_range;           // cells (the larger of rows and columns), 0 = the whole window
    int32_t cone_degrees;          // 90, 180, 270 or 360: the part of the window around the facing
    bool counts_sight;             // keep the stats sees.<role>, seen and hidden
} gw_perception_def;

// The game: tables of data. Start from gw_rules_default().
typedef struct gw_rules_def {
    uint32_t cookie;     // set by gw_rules_default(); catches an uninitialised definition
    int32_t agent_count; // agents per env, 1..GW_MAX_AGENTS
    int32_t group_count; // 1..GW_MAX_GROUPS
    int32_t role_count;  // 1..GW_MAX_ROLES
    int32_t max_steps;   // steps until truncation, 0 = never, up to 1,000,000,000
    int32_t glyph_count; // 1..GW_MAX_GLYPHS; every agent starts with glyph 0
    bool spawn_anywhere; // true: on any empty cell; false: on spawn cells only
    int32_t resource_count;
    int32_t limit_group_count;
    int32_t kind_count;
    int32_t action_count; // at least 1
    int32_t term_count;
    uint8_t agent_group[GW_MAX_AGENTS];          // group of each agent, 0..group_count - 1
    int32_t group_role[GW_MAX_GROUPS];           // role of each group
    int32_t group_share_percent[GW_MAX_GROUPS];  // part of each member's reward that the group shares, 0..100
    char role_names[GW_MAX_ROLES][GW_NAME_SIZE]; // [a-z][a-z0-9_]*, unique
    gw_resource_def resources[GW_MAX_RESOURCES];
    gw_limit_group_def limit_groups[GW_MAX_LIMIT_GROUPS];
    gw_kind_def kinds[GW_MAX_KINDS];
    gw_action_def actions[GW_MAX_ACTIONS];
    gw_term_def terms[GW_MAX_TERMS];
    gw_end_def end;
    gw_combat_def combat;
    gw_tag_def tag;
    gw_perception_def perception;
} gw_rules_def;

// Fill with safe defaults: one agent, no objects, 11 x 11 window with the kind plane, no end.
void gw_rules_default(gw_rules_def *rules);

// Codes of map cells: 0 empty, 1 + kind index for an object, the ones below for spawn cells.
enum { GW_CELL_EMPTY = 0, GW_CELL_KIND = 1, GW_CELL_SPAWN_ANY = 128, GW_CELL_SPAWN_GROUP = 129 };

// The cells of one map. Start from gw_map_default().
typedef struct gw_map_def {
    uint32_t cookie;      // set by gw_map_default()
    int32_t width;        // columns, 1..GW_MAX_SIDE
    int32_t height;       // rows, 1..GW_MAX_SIDE
    const uint8_t *cells; // [height * width], row-major; borrowed during gw_world_create only
} gw_map_def;

void gw_map_default(gw_map_def *map);

// A game compiled with a map: immutable, may be shared between batches and threads.
typedef struct gw_world gw_world;

gw_status gw_world_create(const gw_rules_def *rules, const gw_map_def *map, gw_world **world, gw_error *error);

// Give up one reference; batches keep their own, so a world may be destroyed while batches use it.
void gw_world_destroy(gw_world *world);

// Sizes that follow from a game. Worlds of one batch must agree on all of them but the map's.
typedef struct gw_spec {
    int32_t agent_count;  // agents per env
    int32_t action_count; // actions are 0..action_count - 1
    int32_t plane_count;  // planes of an observation, 0 with tokens
    int32_t token_count;  // tokens of an observation, 0 with planes
    int32_t window_width;
    int32_t window_height;
    int32_t self_count;       // bytes of the self vector that follows the planes, 0 with tokens
    int32_t observation_size; // bytes of one row: plane_count * window_height * window_width + self_count, or
                              // 3 * token_count
    int32_t feature_count;    // token features
    int32_t term_count;       // terms of the ledger: those of the rules, then "shared" if any group shares
    int32_t stat_count;
    int32_t resource_count;
    int32_t kind_count;
    int32_t map_width;
    int32_t map_height;
    uint64_t rules_hash; // equal for equal rules
} gw_spec;

gw_status gw_world_spec(const gw_world *world, gw_spec *spec);

// Stats are counts by agent and episode. Which there are depends on the rules alone, so the calls take the rules:
// event terms need an index before a world exists. In this order, each only where the game has it:
//   <resource>.gained .lost (.put .get where something can be put or got; .stolen where agents attack)
//   action.<name>.success .failed; action.failed, action.invalid_index, steps, status.max_steps_without_motion
//   action.attack.hit .hit_by .blocked .wasted_on_frozen, object.destroyed (attack)
//   status.frozen.ticks (attack or tag), status.shield.ticks (shield), actions.swap (swap)
//   tag.tags .tagged .misses .caught_all .caught_none .survived (tag)
//   sees.<role> for each role, seen, hidden (counts_sight); tokens_written, tokens_dropped (tokens)
// sees.<role> counts the agents of another role that an agent sees, each tick anew; seen or hidden, the ticks in
// which some agent of another role saw it or none did. Who is frozen sees nobody in this sense, and who is caught for
// good (GW_FOREVER) is neither seen nor hidden. Tokens are counted of observations that can be acted upon:
// all but the final ones. A turn that leaves its agent where it was is one without motion; lost ones do not count.
// A count that reaches INT32_MAX stays there. Names are cut to GW_STAT_NAME_SIZE bytes.
gw_status gw_stat_count(const gw_rules_def *rules, int32_t *count);
gw_status gw_stat_name(const gw_rules_def *rules, int32_t stat_index, char name[GW_STAT_NAME_SIZE]);

// The self vector, by index. last_action is id + 1 (0 = none); completion is 255 * tick / max_steps rounded down
// (0 without max_steps); frozen is the turns left, clamped to 255; inv:<resource>, clamped to 255, follows for each.
enum {
    GW_SELF_FACING = 0,
    GW_SELF_LAST_ACTION = 1,
    GW_SELF_LAST_RESULT = 2,
    GW_SELF_COMPLETION = 3,
    GW_SELF_GROUP = 4,
    GW_SELF_FROZEN = 5,
    GW_SELF_SHIELD = 6,
    GW_SELF_GLYPH = 7,
    GW_SELF_INVENTORY = 8
};

// A token is three bytes: location (row * 16 + column in the window, each 0..14), feature, value; three times
// GW_NO_TOKEN where the budget is not used up. Tokens of the agent itself come first (episode_completion_pct,
// last_action, last_result, last_reward at the centre), then visible cells by their Manhattan distance from the
// agent, in it by rows, left before right; within a cell by the feature's id. Nothing is written of empty cells and
// those outside. An agent tells type_id, group, frozen, orientation, shield, its inventory, and where a game has
// more than one of them role and glyph; an object type_id, hp, ready and what is stored in it. Zero values are not
// written, but for last_reward and for group and frozen of agents. What does not fit the budget is dropped from the
// far end and counted.
enum { GW_NO_TOKEN = 255 };

// Features by id: type_id, group, role, frozen, orientation, shield, glyph, hp, ready, episode_completion_pct,
// last_action, last_result, last_reward, then inv:<resource> for each. last_reward is 100 times the reward + 128,
// rounded and clamped to a byte, 128 before the first step. type_id is a GW_PLANE_KIND code; orientation is that of
// GW_PLANE_FACING; the other values are those of the planes or of the self vector of that name.
gw_status gw_feature_name(const gw_rules_def *rules, int32_t feature_index, char name[GW_STAT_NAME_SIZE]);

// Why an action did what it did.
typedef enum gw_result {
    GW_RESULT_SUCCESS = 0,
    GW_RESULT_INVALID = 1,        // no such action
    GW_RESULT_BLOCKED_WALL = 2,   // an object that cannot be used stands there
    GW_RESULT_BLOCKED_AGENT = 3,  // another agent stands there
    GW_RESULT_OUTSIDE = 4,        // the map ends there
    GW_RESULT_NO_TARGET = 5,      // nothing there that the action could act on
    GW_RESULT_NO_RESOURCE = 6,    // an input or a cost is missing
    GW_RESULT_COOLING_DOWN = 7,   // it is converting or cooling down
    GW_RESULT_FULL = 8,           // no room for what would be gained
    GW_RESULT_USED_UP = 9,        // max_uses reached
    GW_RESULT_FROZEN = 10,        // the agent loses this turn
    GW_RESULT_NOTHING_MOVED = 11, // nothing to put that it takes, or nothing in it to get
    GW_RESULT_MISSED = 12,        // a try to tag that chance decided against
    GW_RESULT_COUNT = 13,
} gw_result;

// ---------------------------------------------------------------------------------------------------
// Batches

typedef struct gw_batch gw_batch;

typedef struct gw_batch_def {
    uint32_t cookie;          // set by gw_batch_default()
    int32_t env_count;        // >= 1
    int32_t first_env;        // number of the first env, >= 0: env i plays what env first_env + i of one large batch
                              // would, so that processes can share one; calls still take i
    int32_t thread_count;     // workers, the caller included, 1..GW_MAX_THREADS
    int32_t episode_capacity; // finished agent-episodes kept until drained, >= agent_count
    uint64_t seed;
    int32_t world_count;     // 1..GW_MAX_WORLDS
    gw_world *const *worlds; // [world_count], borrowed during create; the batch takes references
} gw_batch_def;

void gw_batch_default(gw_batch_def *def);

// Create a batch: all memory it will ever need, workers started. Call gw_batch_reset before stepping.
gw_status gw_batch_create(const gw_batch_def *def, gw_batch **batch, gw_error *error);

// Stop the workers and free everything. The caller makes sure that no call is under way.
void gw_batch_destroy(gw_batch *batch);

// How likely each world is drawn at a reset: weights [world_count], >= 0, some > 0. From the next reset on.
gw_status gw_batch_set_world_weights(gw_batch *batch, const uint32_t *weights);

// Leave the worlds of weight 0 at once: until weights are set again, an env that stands in such a world takes its next
// step as ever, and that step truncates the episode if the rules do not end it; at_end terms are paid. A snapshot
// holds no weights: whoever goes on from one calls gw_batch_set_world_weights and this again after loading, and then
// nothing differs, whether the step that leaves was taken before the save or not.
gw_status gw_batch_retire_worlds(gw_batch *batch);

// Caller-owned arrays of one step. A pointer may be NULL where marked; it must stay valid during the call.
typedef struct gw_io {
    uint8_t *observations;       // out [rows][observation_size]; at t + 1 in a rollout
    const int32_t *actions;      // in  [rows]
    float *rewards;              // out [rows]
    uint8_t *terminated;         // out [rows], 0 or 1
    uint8_t *truncated;          // out [rows], 0 or 1; never both: an end by the rules comes first
    uint8_t *final_observations; // out [rows][observation_size] or NULL; written only where an episode ended
    uint8_t *results;            // out [rows] gw_result, or NULL
    uint8_t *action_masks;       // out [rows][action_count] or NULL; see gw_batch_action_masks. Of `observations`:
                                 // where an episode ended, of the new one
} gw_io;

// Start a new episode in every env with this seed. Writes the first observations [rows][observation_size].
gw_status gw_batch_reset(gw_batch *batch, uint64_t seed, uint8_t *observations);

// Step every env once. Envs that end are reset in the same step: terminated or truncated tells, the
// observation is the new episode's first one, and final_observations holds the old one's last.
gw_status gw_batch_step(gw_batch *batch, const gw_io *io);

// Which actions would succeed in the next step, [rows][action_count]: 1 exactly where the action succeeds if nobody
// else acts, else 0. What the next tick begins with (conversions, cooldowns, regeneration, the shield's upkeep) counts
// as done, and a try to tag as a success, whatever chance will say. Where nothing would succeed, as for a frozen agent,
// one is 1 all the same: the first action that is a noop, or action 0 if none is. So no row is all 0.
gw_status gw_batch_action_masks(gw_batch *batch, uint8_t *masks);

// One agent's finished episode.
typedef struct gw_episode {
    int32_t env; // its number: first_env and its place in the batch
    int32_t agent;
    int32_t group;
    int32_t world;        // index into the batch's worlds
    int64_t episode;      // number of the episode within its env, from 0
    int32_t length;       // steps
    float episode_return; // sum of rewards, in step order
    uint8_t terminated;
    uint8_t truncated;
    uint8_t reserved[6]; // zero
} gw_episode;

// Move finished episodes out, oldest first, in an order that does not depend on the thread count.
// terms [capacity][term_count] and stats [capacity][stat_count] may be NULL. dropped counts those that were
// overwritten since the last drain because nobody came for them.
gw_status gw_batch_drain_episodes(gw_batch *batch, int32_t capacity, gw_episode *episodes, float *terms, int32_t *stats,
                                  int32_t *count, int64_t *dropped);

// ---------------------------------------------------------------------------------------------------
// Looking at one env

// One agent as it stands now.
typedef struct gw_agent_view {
    int32_t row;    // map row
    int32_t column; // map column
    int32_t group;
    int32_t facing;      // gw_direction
    int32_t last_action; // action id, or GW_NONE before the first step and after an invalid one
    int32_t last_result; // gw_result
    int32_t role;
    int32_t frozen; // own turns still to lose, or GW_FOREVER
    int32_t shield; // 1 while it is up
    int32_t glyph;
    float step_reward;    // reward of the last step, also when that step ended the episode
    float episode_return; // so far
    int32_t inventory[GW_MAX_RESOURCES];
} gw_agent_view;

typedef struct gw_env_view {
    int32_t world; // index of the present world
    int32_t map_width;
    int32_t map_height;
    int32_t tick; // steps since the reset
    int64_t episode;
} gw_env_view;

// cells [map_height * map_width] of GW_PLANE_KIND codes and ready [same] of GW_PLANE_READY codes, or NULL;
// cell_capacity is their size in bytes; agents [agent_count], or NULL.
gw_status gw_env_look(gw_batch *batch, int32_t env, gw_env_view *view, uint8_t *cells, uint8_t *ready,
                      int32_t cell_capacity, gw_agent_view *agents);

// One object as it stands now.
typedef struct gw_object_view {
    int32_t kind; // index into the rules' kinds; GW_NONE where no object with a state of its own stands
    int32_t hp;   // hits it still stands
    int32_t wait; // ticks until it is idle again; 0 if it is
    int32_t uses; // uses or conversions this episode, of kinds that have only so many
    int32_t store[GW_MAX_RESOURCES]; // units in it; 0 in games without stores
} gw_object_view;

// The object on a cell of the map. Agents, floor and walls that nothing can change are none.
gw_status gw_env_object(gw_batch *batch, int32_t env, int32_t row, int32_t column, gw_object_view *object);

// The ledger: what each term paid each agent. step and episode are [agent_count][term_count], or NULL.
// step is that of the last step, also when it ended the episode; stats is [agent_count][stat_count], or NULL.
gw_status gw_env_ledger(gw_batch *batch, int32_t env, float *step, float *episode, int32_t *stats);

// Observations [agent_count][observation_size] of one env as it stands now.
gw_status gw_env_observe(gw_batch *batch, int32_t env, uint8_t *observations);

// Every token of one agent's observation as it stands now, as if the budget were capacity: tokens [capacity][3] in the
// order in which they are written, GW_NO_TOKEN after the last. count is how many there are, more than capacity where it
// is too small, so those from the game's own token_count on are the ones that its observation drops. Only in games
// that are observed as tokens.
gw_status gw_env_tokens(gw_batch *batch, int32_t env, int32_t agent, uint8_t *tokens, int32_t capacity, int32_t *count);

// What gw_batch_action_masks says of one env, in bits [agent_count][(action_count + 7) / 8], least significant first.
gw_status gw_env_action_mask(gw_batch *batch, int32_t env, uint8_t *bits);

// What if: take an agent from where it stands and put it on a free cell (row, column) of the map, at no time and at no
// cost. All else stays as it is, what the agent holds and remembers of its last action included; planes and sight
// follow. It is no move of the game, so whoever only wonders does it in a batch of its own that has loaded the state.
// Its own cell is free. GW_INVALID_ARGUMENT outside the map, GW_NOT_FREE where an object or another agent stands.
gw_status gw_env_place(gw_batch *batch, int32_t env, int32_t agent, int32_t row, int32_t column);

// ---------------------------------------------------------------------------------------------------
// Exact state

// Bytes that gw_batch_save writes for env_count envs.
gw_status gw_batch_snapshot_size(const gw_batch *batch, int32_t env_count, int64_t *size);

// Write the exact state of envs first .. first + count - 1, random streams included: an env goes on in those of the
// number that it was saved under, wherever it is loaded, until the next gw_batch_reset.
gw_status gw_batch_save(gw_batch *batch, int32_t env_first, int32_t env_count, uint8_t *buffer, int64_t capacity);

// Restore it: into the same envs or others, of this batch or of another over the same worlds. The buffer
// is checked whole (identity, checksum, every index) before anything changes. Undrained episodes stay.
gw_status gw_batch_load(gw_batch *batch, int32_t env_first, int32_t env_count, const uint8_t *buffer, int64_t size,
                        gw_error *error);

// A 64-bit hash of the exact state of all envs: equal for every thread count and platform.
gw_status gw_batch_hash(gw_batch *batch, uint64_t *hash);

// ---------------------------------------------------------------------------------------------------
// The entry of a network
//
// A linear layer over one-hot bytes that are never built, and over bytes that are amounts. It has one weight row for
// each byte and code: all codes of a span's first byte, then those of the next, then the next span's; and one of a
// second matrix for each amount. Nothing is kept between calls; any thread.

// Bytes of an observation row that take the same codes.
typedef struct gw_span {
    int32_t start; // first byte in the row
    int32_t count; // bytes
    int32_t codes; // 1..256: a byte is 0 .. codes - 1, and a larger one counts as the largest
} gw_span;

// A byte that counts as much as it says.
typedef struct gw_scaled {
    int32_t byte; // in the row
    float scale;  // what one of it counts
} gw_scaled;

typedef struct gw_onehot {
    const gw_span *spans;     // [span_count]
    const gw_scaled *amounts; // [amount_count]
    int32_t span_count;
    int32_t amount_count;
    int32_t row_size; // bytes from one observation row to the next
    int32_t width;    // floats of a weight row
} gw_onehot;

// Write sums [row_count][width]: bias [width], the rows of weight [weight_rows][width] that an observation's bytes
// select, and its amounts times those of amount_weight [amount_count][width]. How they round depends on the first 64
// rows of the call.
gw_status gw_onehot_sum(const gw_onehot *layer, const uint8_t *observations, int64_t row_count, const float *weight,
                        int64_t weight_rows, const float *amount_weight, const float *bias, float *sums);

// Write weight_gradient [weight_rows][width] and amount_gradient [amount_count][width], from gradient
// [row_count][width] of the sums and its total [width] over the rows, which is also the gradient of the bias.
gw_status gw_onehot_gradient(const gw_onehot *layer, const uint8_t *observations, int64_t row_count,
                             const float *gradient, const float *total, float *weight_gradient, int64_t weight_rows,
                             float *amount_gradient);

// ---------------------------------------------------------------------------------------------------
// The end of a network
//
// What logits mean: one choice of an action, or several made at once, each by a head of its own. Logits of all heads
// stand side by side; a softmax of each head's gives the probabilities. A mask of 0 makes an action impossible; where
// a head has no legal action, all of its actions are. Nothing is kept between calls; any thread.

typedef struct gw_heads {
    const int32_t *sizes; // [count] actions of each head
    int32_t count;
    int64_t row_step;     // floats from one row of the logits to the next
    int64_t action_step;  // floats from one action's logit to the next
    const float *logits;  // of [row_count][sum of sizes], by these steps
    const uint8_t *masks; // [row_count][sum of sizes], or NULL: all are legal
    int64_t row_count;
} gw_heads;

// Write chosen and entropy [row_count]: the log-probability of actions [row_count][count], and the entropy in nats,
// each summed over the heads.
gw_status gw_heads_evaluate(const gw_heads *heads, const int32_t *actions, float *chosen, float *entropy);

// Write the gradient of the logits [sum of sizes][row_count], from those of chosen and entropy [row_count].
gw_status gw_heads_gradient(const gw_heads *heads, const int32_t *actions, const float *of_chosen,
                            const float *of_entropy, float *gradient);

// Draw actions [row_count][count] by uniforms [row_count][count] from 0 to below 1, and write their chosen [row_count].
// The draw never falls on an action whose probability is 0.
gw_status gw_heads_draw(const gw_heads *heads, const float *uniforms, int32_t *actions, float *chosen);

// Version of the engine: 10000 * major + 100 * minor + patch. Snapshots carry it.
int32_t gw_version(void);

#endif

// observe.c: what each agent perceives, as planes or as tokens, straight into the caller's memory.
#include "internal.h"

// ---- Planes

// Copy one window out of a plane. A row of at least 8 cells is one 16-byte move that may run into the
// next row of the target, which is written after it; the last row is copied to the byte.
static inline uint8_t *copy_window(uint8_t *target, const uint8_t *corner, int32_t stride, int32_t width,
                                   int32_t height)
{
    if (width >= GW_COPY_WIDTH / 2) {
        for (int32_t row = 0; row < height - 1; ++row) {
            memcpy(target, corner, GW_COPY_WIDTH);
            target += width;
            corner += stride;
        }
        memcpy(target, corner, (size_t)width);
        return target + width;
    }
    for (int32_t row = 0; row < height; ++row) {
        memcpy(target, corner, (size_t)width);
        target += width;
        corner += stride;
    }
    return target;
}

static inline void copy_visible_row(uint8_t *target, const uint8_t *cells, const uint8_t *visible)
{
    uint64_t row[GW_COPY_WIDTH / 8];
    uint64_t mask[GW_COPY_WIDTH / 8];
    memcpy(row, cells, GW_COPY_WIDTH);
    memcpy(mask, visible, GW_COPY_WIDTH);
    row[0] &= mask[0];
    row[1] &= mask[1];
    memcpy(target, row, GW_COPY_WIDTH);
}

// The same for a window of which not every cell is visible.
static inline uint8_t *copy_visible(uint8_t *target, const uint8_t *corner, const uint8_t *visible, int32_t stride,
                                    int32_t width, int32_t height)
{
    int32_t row = 0;
    for (; width >= GW_COPY_WIDTH / 2 && row < height - 1; ++row) {
        copy_visible_row(target + row * width, corner + row * stride, visible + row * width);
    }
    for (; row < height; ++row) {
        for (int32_t column = 0; column < width; ++column) {
            target[row * width + column] = corner[row * stride + column] & visible[row * width + column];
        }
    }
    return target + height * width;
}

static uint8_t completion(const gw_env *env)
{
    int32_t max_steps = env->world->rules.max_steps;
    return max_steps > 0 ? (uint8_t)((int64_t)255 * env->head->tick / max_steps) : 0;
}

static uint8_t as_byte(int32_t value)
{
    return (uint8_t)(value < 255 ? value : 255);
}

static void write_self(const gw_env *env, int32_t agent, uint8_t done, uint8_t *self)
{
    int32_t resource_count = env->world->rules.resource_count;
    const uint16_t *inventory = gw_inventory_of(env, agent);
    self[GW_SELF_FACING] = env->facing[agent];
    self[GW_SELF_LAST_ACTION] = (uint8_t)(env->last_action[agent] + 1);
    self[GW_SELF_LAST_RESULT] = env->last_result[agent];
    self[GW_SELF_COMPLETION] = done;
    self[GW_SELF_GROUP] = env->world->rules.agent_group[agent];
    self[GW_SELF_FROZEN] = as_byte(env->frozen[agent]);
    self[GW_SELF_SHIELD] = env->shield[agent];
    self[GW_SELF_GLYPH] = env->glyph[agent];
    for (int32_t r = 0; r < resource_count; ++r) {
        self[GW_SELF_INVENTORY + r] = as_byte(inventory[r]);
    }
}

static void write_planes(const gw_env *env, int32_t agent, uint8_t done, uint8_t *target)
{
    const gw_world *world = env->world;
    const gw_perception_def *perception = &world->rules.perception;
    int32_t stride = world->padded_width;
    int32_t width = perception->window_width;
    int32_t height = perception->window_height;
    int32_t corner = env->agent_cell[agent] - height / 2 * stride - width / 2;
    const uint8_t *visible = world->has_sight ? gw_visible_of(env, agent) : NULL;
    for (int32_t p = 0; p < perception->plane_count; ++p) {
        const uint8_t *plane = env->planes[perception->planes[p]] + corner;
        if (visible != NULL) {
            target = copy_visible(target, plane, visible, stride, width, height);
        } else if (width == 11) {
            target = copy_window(target, plane, stride, 11, height); // the usual window, unrolled
        } else {
            target = copy_window(target, plane, stride, width, height);
        }
    }
    write_self(env, agent, done, target);
}

// ---- Tokens

typedef struct token_writer {
    uint8_t *next;
    int32_t left; // tokens of the budget
    int32_t written;
    int32_t dropped;
} token_writer;

static inline void put_token(token_writer *w, int32_t location, int32_t feature, int32_t value)
{
    if (w->left == 0) {
        w->dropped += 1;
        return;
    }
    w->next[0] = (uint8_t)location;
    w->next[1] = (uint8_t)feature;
    w->next[2] = (uint8_t)value;
    w->next += 3;
    w->left -= 1;
    w->written += 1;
}

static inline void put_nonzero(token_writer *w, int32_t location, int32_t feature, int32_t value)
{
    if (value != 0) {
        put_token(w, location, feature, value);
    }
}

static void put_inventory(token_writer *w, int32_t location, const uint16_t *amounts, int32_t resource_count)
{
    for (int32_t r = 0; r < resource_count; ++r) {
        put_nonzero(w, location, GW_FEATURE_INVENTORY + r, as_byte(amounts[r]));
    }
}

static uint8_t reward_byte(float reward)
{
    float scaled = reward * 100.0f + 128.0f;
    return scaled <= 0.0f ? 0 : scaled >= 255.0f ? 255 : (uint8_t)(scaled + 0.5f);
}

static void put_self_tokens(token_writer *w, const gw_env *env, int32_t agent, uint8_t done, int32_t centre)
{
    put_nonzero(w, centre, GW_FEATURE_COMPLETION, done);
    put_nonzero(w, centre, GW_FEATURE_LAST_ACTION, env->last_action[agent] + 1);
    put_nonzero(w, centre, GW_FEATURE_LAST_RESULT, env->last_result[agent]);
    put_token(w, centre, GW_FEATURE_LAST_REWARD, reward_byte(env->head->tick > 0 ? env->step_reward[agent] : 0.0f));
}

static void put_agent_tokens(token_writer *w, const gw_env *env, int32_t agent, int32_t location)
{
    const gw_rules_def *rules = &env->world->rules;
    put_token(w, location, GW_FEATURE_TYPE, GW_CODE_AGENT);
    put_token(w, location, GW_FEATURE_GROUP, rules->agent_group[agent] + 1);
    put_nonzero(w, location, GW_FEATURE_ROLE, rules->role_count > 1 ? gw_role_of(rules, agent) + 1 : 0);
    put_token(w, location, GW_FEATURE_FROZEN, env->frozen[agent] > 0);
    put_token(w, location, GW_FEATURE_ORIENTATION, env->facing[agent] + 1);
    put_nonzero(w, location, GW_FEATURE_SHIELD, env->shield[agent]);
    put_nonzero(w, location, GW_FEATURE_GLYPH, rules->glyph_count > 1 ? env->glyph[agent] + 1 : 0);
    put_inventory(w, location, gw_inventory_of(env, agent), rules->resource_count);
}

static void put_object_tokens(token_writer *w, const gw_env *env, int32_t object, int32_t location)
{
    put_nonzero(w, location, GW_FEATURE_HP, as_byte(env->object_hp[object]));
    put_nonzero(w, location, GW_FEATURE_READY, gw_object_ready_code(env, object));
    if (env->world->has_stores) {
        put_inventory(w, location, gw_store_of(env, object), env->world->rules.resource_count);
    }
}

static void put_cell_tokens(token_writer *w, const gw_env *env, int32_t cell, int32_t location)
{
    int32_t code = env->planes[GW_PLANE_KIND][cell];
    if (code == GW_CODE_AGENT) {
        put_agent_tokens(w, env, env->agent_at[cell], location);
    } else if (code >= GW_CODE_KIND) {
        put_token(w, location, GW_FEATURE_TYPE, code);
        if (env->object_at[cell] != GW_NONE) {
            put_object_tokens(w, env, env->object_at[cell], location);
        }
    }
}

// Eight cells at once: a bit for each code above GW_CODE_EMPTY, all codes being below 128.
static uint64_t occupied_of_eight(const uint8_t *codes)
{
    uint64_t eight;
    memcpy(&eight, codes, sizeof eight);
    uint64_t ones = (eight + UINT64_C(0x7e7e7e7e7e7e7e7e)) >> 7 & UINT64_C(0x0101010101010101);
    return ones * UINT64_C(0x0102040810204080) >> 56;
}

// The cells of the window that have something to tell: a bit for each, in the order of tokens. Branches are few, since
// what stands where is anybody's guess.
static void find_occupied(const gw_env *env, int32_t agent, uint64_t occupied[GW_WINDOW_WORDS])
{
    const gw_world *world = env->world;
    const gw_perception_def *perception = &world->rules.perception;
    int32_t width = perception->window_width;
    int32_t height = perception->window_height;
    int32_t corner = env->agent_cell[agent] - height / 2 * world->padded_width - width / 2;
    const uint8_t *kinds = env->planes[GW_PLANE_KIND] + corner;
    uint8_t window[GW_WINDOW_WORDS * 64] = {0};
    if (world->has_sight) {
        copy_visible(window, kinds, gw_visible_of(env, agent), world->padded_width, width, height);
    } else {
        copy_window(window, kinds, world->padded_width, width, height);
    }
    memset(occupied, 0, GW_WINDOW_WORDS * sizeof *occupied);
    for (int32_t word = 0; word * 64 < world->cell_count; ++word) {
        uint64_t told = 0;
        for (int32_t at = 0; at < 64; at += 8) {
            told |= occupied_of_eight(window + word * 64 + at) << at;
        }
        for (; told != 0; told &= told - 1) {
            int32_t rank = world->token_rank[word * 64 + __builtin_ctzll(told)];
            occupied[rank / 64] |= UINT64_C(1) << rank % 64;
        }
    }
}

static token_writer write_tokens(const gw_env *env, int32_t agent, uint8_t done, uint8_t *target, int32_t budget)
{
    const gw_world *world = env->world;
    token_writer w = {.next = target, .left = budget};
    uint64_t occupied[GW_WINDOW_WORDS];
    find_occupied(env, agent, occupied);

    put_self_tokens(&w, env, agent, done, world->token_cells[0].location);
    for (int32_t word = 0; word < GW_WINDOW_WORDS; ++word) {
        for (uint64_t left = occupied[word]; left != 0; left &= left - 1) {
            const gw_token_cell *cell = &world->token_cells[word * 64 + __builtin_ctzll(left)];
            put_cell_tokens(&w, env, env->agent_cell[agent] + cell->offset, cell->location);
        }
    }
    memset(w.next, GW_NO_TOKEN, (size_t)w.left * 3);
    return w;
}

// Write [capacity][3] for one agent; returns how many tokens there are, those for which there is no room included.
int32_t gw_agent_write_tokens(const gw_env *env, int32_t agent, uint8_t *tokens, int32_t capacity)
{
    token_writer w = write_tokens(env, agent, completion(env), tokens, capacity);
    return w.written + w.dropped;
}

// Write [agents][observation_size] for one env. Token statistics belong to the step, not to a look.
void gw_env_write_observations(gw_env *env, uint8_t *observations, bool counts_tokens)
{
    const gw_world *world = env->world;
    uint8_t done = completion(env);
    for (int32_t agent = 0; agent < world->rules.agent_count; ++agent) {
        uint8_t *target = observations + (size_t)agent * (size_t)world->spec.observation_size;
        if (world->rules.perception.encoding == GW_ENCODING_PLANES) {
            write_planes(env, agent, done, target);
            continue;
        }
        token_writer w = write_tokens(env, agent, done, target, world->rules.perception.token_count);
        if (counts_tokens) {
            gw_count(gw_stats_of(env, agent) + world->stat.tokens_written, w.written);
            gw_count(gw_stats_of(env, agent) + world->stat.tokens_dropped, w.dropped);
        }
    }
}

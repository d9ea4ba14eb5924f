// test_heads.c: log-probabilities, entropies, gradients and draws against their definition, and nothing beside them.
#include "sim.h"

#include <math.h>

enum { HEADS = 3, WIDTH = 9 + 1 + 4, MOST_ROWS = 75 };

static const int32_t SIZES[HEADS] = {9, 1, 4};

typedef struct example {
    gw_heads heads;
    float *logits;  // [row_count][WIDTH] or the other way round
    uint8_t *masks; // [row_count][WIDTH]
    float *uniforms, *chosen, *entropy, *gradient;
    int32_t *actions;
} example;

static uint32_t drawn(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static example example_of(int64_t row_count, bool by_columns, bool is_masked)
{
    size_t rows = (size_t)row_count, cells = rows * WIDTH;
    example e = {.logits = guarded(cells * sizeof(float)), .masks = guarded(cells)};
    e.uniforms = guarded(rows * HEADS * sizeof(float));
    e.actions = guarded(rows * HEADS * sizeof(int32_t));
    e.chosen = guarded(rows * sizeof(float));
    e.entropy = guarded(rows * sizeof(float));
    e.gradient = guarded(cells * sizeof(float));
    uint32_t state = (uint32_t)row_count + 1;
    for (size_t i = 0; i < cells; ++i) {
        e.logits[i] = (float)(drawn(&state) % 2000) / 100.0f - 10.0f;
        e.masks[i] = drawn(&state) % 3 == 0;
    }
    for (size_t i = 0; i < rows * HEADS; ++i) {
        e.uniforms[i] = (float)(drawn(&state) % 1000) / 1000.0f;
        e.actions[i] = (int32_t)(drawn(&state) % (uint32_t)SIZES[i % HEADS]);
    }
    e.heads = (gw_heads){SIZES, HEADS, by_columns ? 1 : WIDTH, by_columns ? row_count : 1, e.logits, NULL, row_count};
    e.heads.masks = is_masked ? e.masks : NULL;
    return e;
}

static void example_free(example *e)
{
    size_t rows = (size_t)e->heads.row_count, cells = rows * WIDTH;
    CHECK(guards_hold(e->logits, cells * sizeof(float)) && guards_hold(e->masks, cells));
    CHECK(guards_hold(e->uniforms, rows * HEADS * sizeof(float)));
    CHECK(guards_hold(e->actions, rows * HEADS * sizeof(int32_t)));
    CHECK(guards_hold(e->chosen, rows * sizeof(float)) && guards_hold(e->entropy, rows * sizeof(float)));
    CHECK(guards_hold(e->gradient, cells * sizeof(float)));
    void *all[] = {e->logits, e->masks, e->uniforms, e->actions, e->chosen, e->entropy, e->gradient};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        guarded_free(all[i]);
    }
}

// Probabilities of one head of one row; 0 for what is illegal.
static void softmax(const example *e, int64_t row, int32_t start, int32_t size, double *probabilities)
{
    const gw_heads *heads = &e->heads;
    bool any = false;
    for (int32_t i = 0; i < size; ++i) {
        any |= heads->masks != NULL && heads->masks[row * WIDTH + start + i];
    }
    double total = 0;
    for (int32_t i = 0; i < size; ++i) {
        bool is_legal = !any || heads->masks[row * WIDTH + start + i];
        double logit = heads->logits[row * heads->row_step + (start + i) * heads->action_step];
        probabilities[i] = is_legal ? exp(logit) : 0;
        total += probabilities[i];
    }
    for (int32_t i = 0; i < size; ++i) {
        probabilities[i] /= total;
    }
}

static double entropy_of(const double *probabilities, int32_t size)
{
    double entropy = 0;
    for (int32_t i = 0; i < size; ++i) {
        entropy -= probabilities[i] > 0 ? probabilities[i] * log(probabilities[i]) : 0;
    }
    return entropy;
}

static bool near(double found, double expected)
{
    return fabs(found - expected) <= 1e-5 + 1e-5 * fabs(expected);
}

// The gradient of chosen + 2 entropy.
static void check_row(const example *e, int64_t row)
{
    double chosen = 0, entropy = 0;
    int32_t start = 0, wrong = 0;
    for (int32_t head = 0; head < HEADS; start += SIZES[head], ++head) {
        double probabilities[WIDTH];
        softmax(e, row, start, SIZES[head], probabilities);
        double own = entropy_of(probabilities, SIZES[head]);
        int32_t action = e->actions[row * HEADS + head];
        chosen += probabilities[action] > 0 ? log(probabilities[action]) : -1e9;
        entropy += own;
        for (int32_t i = 0; i < SIZES[head]; ++i) {
            double p = probabilities[i], expected = p > 0 ? (i == action) - p - 2 * p * (log(p) + own) : 0;
            wrong += !near(e->gradient[(start + i) * e->heads.row_count + row], expected);
        }
    }
    CHECK_INT(wrong, 0);
    CHECK(near(e->chosen[row], chosen));
    CHECK(near(e->entropy[row], entropy));
}

static void check_draws(const example *e)
{
    for (int64_t row = 0; row < e->heads.row_count; ++row) {
        int32_t start = 0;
        for (int32_t head = 0; head < HEADS; start += SIZES[head], ++head) {
            double probabilities[WIDTH], before = 0;
            softmax(e, row, start, SIZES[head], probabilities);
            int32_t action = e->actions[row * HEADS + head];
            for (int32_t i = 0; i < action; ++i) {
                before += probabilities[i];
            }
            double uniform = e->uniforms[row * HEADS + head];
            CHECK(probabilities[action] > 0);
            CHECK(before <= uniform + 1e-5 && uniform <= before + probabilities[action] + 1e-5);
        }
    }
}

static void they_are_what_they_are_defined_as(void)
{
    for (int64_t rows = 0; rows <= MOST_ROWS; ++rows) {
        for (int form = 0; form < 4; ++form) {
            example e = example_of(rows, form & 1, form & 2);
            float of_chosen[MOST_ROWS], of_entropy[MOST_ROWS];
            for (int64_t row = 0; row < rows; ++row) {
                of_chosen[row] = 1;
                of_entropy[row] = 2;
            }
            CHECK_INT(gw_heads_evaluate(&e.heads, e.actions, e.chosen, e.entropy), GW_OK);
            CHECK_INT(gw_heads_gradient(&e.heads, e.actions, of_chosen, of_entropy, e.gradient), GW_OK);
            for (int64_t row = 0; row < rows; ++row) {
                check_row(&e, row);
            }
            CHECK_INT(gw_heads_draw(&e.heads, e.uniforms, e.actions, e.chosen), GW_OK);
            check_draws(&e);
            example_free(&e);
        }
    }
}

static void what_does_not_fit_is_refused_and_nothing_is_written(void)
{
    static const int32_t no_action[] = {9, 0, 4}, too_many[] = {INT32_MAX, 1, 4};
    example e = example_of(3, false, true);
    float before = e.chosen[0];
    gw_heads wrong[6] = {e.heads, e.heads, e.heads, e.heads, e.heads, e.heads};
    wrong[0].sizes = no_action;
    wrong[1].sizes = too_many;
    wrong[2].count = 0;
    wrong[3].logits = NULL;
    wrong[4].row_count = -1;
    wrong[5].sizes = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
        CHECK_INT(gw_heads_evaluate(&wrong[i], e.actions, e.chosen, e.entropy), GW_INVALID_ARGUMENT);
        CHECK_INT(gw_heads_draw(&wrong[i], e.uniforms, e.actions, e.chosen), GW_INVALID_ARGUMENT);
    }
    CHECK_INT(gw_heads_evaluate(NULL, e.actions, e.chosen, e.entropy), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_heads_evaluate(&e.heads, NULL, e.chosen, e.entropy), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_heads_gradient(&e.heads, e.actions, NULL, e.entropy, e.gradient), GW_INVALID_ARGUMENT);
    CHECK_INT(gw_heads_draw(&e.heads, e.uniforms, NULL, e.chosen), GW_INVALID_ARGUMENT);
    for (int32_t action = -1; action <= 9; action += 10) {
        e.actions[2 * HEADS] = action;
        CHECK_INT(gw_heads_evaluate(&e.heads, e.actions, e.chosen, e.entropy), GW_INVALID_ARGUMENT);
        CHECK_INT(gw_heads_gradient(&e.heads, e.actions, e.chosen, e.entropy, e.gradient), GW_INVALID_ARGUMENT);
    }
    CHECK_FLOAT(e.chosen[0], before);
    example_free(&e);
}

void suite_heads(void)
{
    RUN(they_are_what_they_are_defined_as);
    RUN(what_does_not_fit_is_refused_and_nothing_is_written);
}

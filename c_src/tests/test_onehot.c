// test_onehot.c: the sums and gradients of one-hot bytes and amounts against their definition.
#include "sim.h"

enum { ROW_SIZE = 60, MOST_ROWS = 700, AMOUNTS = 3 };

// Two blocks and a bit, a gap, one byte alone, and the last bytes of the row.
static const gw_span SPANS[] = {{0, 35, 5}, {36, 1, 256}, {40, 20, 3}};
enum { WEIGHT_ROWS = 35 * 5 + 256 + 20 * 3 };

// One is a code as well, one nothing else, and one the last byte of the row.
static const gw_scaled COUNTED[AMOUNTS] = {{3, 2.0f}, {35, -1.0f}, {59, 0.5f}};

typedef struct example {
    gw_onehot layer;
    int64_t row_count;
    uint8_t *observations; // [row_count][ROW_SIZE]
    float *weight;         // [WEIGHT_ROWS][width]
    float *amount_weight;  // [AMOUNTS][width]
    float *bias;           // [width]
    float *sums;           // [row_count][width]
} example;

static uint32_t drawn(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

// Whole numbers, so that sums are exact in any order. Of 100 bytes `busy` are not 0; some are larger than their span
// allows.
static example example_of(int64_t row_count, int32_t width, uint32_t busy)
{
    size_t rows = (size_t)row_count, columns = (size_t)width;
    example e = {.layer = {SPANS, COUNTED, 3, AMOUNTS, ROW_SIZE, width}, .row_count = row_count};
    e.observations = guarded(rows * ROW_SIZE);
    e.weight = guarded(WEIGHT_ROWS * columns * sizeof(float));
    e.amount_weight = guarded(AMOUNTS * columns * sizeof(float));
    e.bias = guarded(columns * sizeof(float));
    e.sums = guarded(rows * columns * sizeof(float));
    uint32_t state = (uint32_t)row_count + busy;
    for (size_t i = 0; i < rows * ROW_SIZE; ++i) {
        e.observations[i] = drawn(&state) % 100 < busy ? (uint8_t)(drawn(&state) % 7) : 0;
    }
    for (size_t i = 0; i < WEIGHT_ROWS * columns; ++i) {
        e.weight[i] = (float)(drawn(&state) % 1000) - 500.0f;
    }
    for (size_t i = 0; i < AMOUNTS * columns; ++i) {
        e.amount_weight[i] = 2.0f * (float)(drawn(&state) % 1000); // even, as there are half amounts
    }
    for (size_t i = 0; i < columns; ++i) {
        e.bias[i] = (float)(drawn(&state) % 1000);
    }
    for (size_t i = 0; i < rows * columns; ++i) {
        e.sums[i] = (float)(drawn(&state) % 1000) - 500.0f;
    }
    return e;
}

static void example_free(example *e)
{
    size_t columns = (size_t)e->layer.width * sizeof(float);
    CHECK(guards_hold(e->observations, (size_t)e->row_count * ROW_SIZE));
    CHECK(guards_hold(e->weight, WEIGHT_ROWS * columns));
    CHECK(guards_hold(e->amount_weight, AMOUNTS * columns));
    CHECK(guards_hold(e->bias, columns));
    CHECK(guards_hold(e->sums, (size_t)e->row_count * columns));
    guarded_free(e->observations);
    guarded_free(e->weight);
    guarded_free(e->amount_weight);
    guarded_free(e->bias);
    guarded_free(e->sums);
}

// Weight row that a byte selects, by counting; GW_NONE for a byte of no span.
static int32_t selected(const uint8_t *row, int32_t byte)
{
    int32_t first = 0;
    for (int32_t i = 0; i < 3; ++i) {
        int32_t place = byte - SPANS[i].start;
        if (place >= 0 && place < SPANS[i].count) {
            int32_t code = row[byte] < SPANS[i].codes ? row[byte] : SPANS[i].codes - 1;
            return first + place * SPANS[i].codes + code;
        }
        first += SPANS[i].count * SPANS[i].codes;
    }
    return GW_NONE;
}

static gw_status sum_of(const example *e, const gw_onehot *layer, int64_t row_count, int64_t weight_rows)
{
    return gw_onehot_sum(layer, e->observations, row_count, e->weight, weight_rows, e->amount_weight, e->bias, e->sums);
}

static void check_sums(example *e)
{
    CHECK_INT(sum_of(e, &e->layer, e->row_count, WEIGHT_ROWS), GW_OK);
    int32_t width = e->layer.width, wrong = 0;
    for (int64_t row = 0; row < e->row_count; ++row) {
        for (int32_t column = 0; column < width; ++column) {
            float sum = e->bias[column];
            for (int32_t i = 0; i < AMOUNTS; ++i) {
                float amount = COUNTED[i].scale * e->observations[row * ROW_SIZE + COUNTED[i].byte];
                sum += amount * e->amount_weight[i * width + column];
            }
            for (int32_t byte = 0; byte < ROW_SIZE; ++byte) {
                int32_t chosen = selected(e->observations + row * ROW_SIZE, byte);
                sum += chosen == GW_NONE ? 0 : e->weight[chosen * width + column];
            }
            wrong += sum != e->sums[row * width + column];
        }
    }
    CHECK_INT(wrong, 0);
}

static gw_status gradient_of(const example *e, const float *total, int64_t weight_rows)
{
    return gw_onehot_gradient(&e->layer, e->observations, e->row_count, e->sums, total, e->weight, weight_rows,
                              e->amount_weight);
}

// As if the sums were their own gradient.
static void check_gradient(example *e)
{
    int32_t width = e->layer.width, wrong = 0;
    float *total = calloc((size_t)width, sizeof *total);
    float *expected = calloc((size_t)(WEIGHT_ROWS * width), sizeof *expected);
    float *of_amounts = calloc((size_t)(AMOUNTS * width), sizeof *of_amounts);
    for (int64_t row = 0; row < e->row_count; ++row) {
        for (int32_t column = 0; column < width; ++column) {
            float gradient = e->sums[row * width + column];
            total[column] += gradient;
            for (int32_t i = 0; i < AMOUNTS; ++i) {
                float amount = COUNTED[i].scale * e->observations[row * ROW_SIZE + COUNTED[i].byte];
                of_amounts[i * width + column] += amount * gradient;
            }
            for (int32_t byte = 0; byte < ROW_SIZE; ++byte) {
                int32_t chosen = selected(e->observations + row * ROW_SIZE, byte);
                if (chosen != GW_NONE) {
                    expected[chosen * width + column] += gradient;
                }
            }
        }
    }
    CHECK_INT(gradient_of(e, total, WEIGHT_ROWS), GW_OK);
    for (int32_t i = 0; i < WEIGHT_ROWS * width; ++i) {
        wrong += expected[i] != e->weight[i];
    }
    for (int32_t i = 0; i < AMOUNTS * width; ++i) {
        wrong += of_amounts[i] != e->amount_weight[i];
    }
    CHECK_INT(wrong, 0);
    free(total);
    free(expected);
    free(of_amounts);
}

static void they_are_what_they_are_defined_as(void)
{
    static const int32_t widths[] = {1, 8, 31, 64, 79, 136};
    static const int64_t row_counts[] = {0, 1, 2, 63, 64, 257, MOST_ROWS};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; ++w) {
        for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; ++r) {
            for (uint32_t busy = 0; busy <= 100; busy += 25) {
                example e = example_of(row_counts[r], widths[w], busy);
                check_gradient(&e);
                check_sums(&e);
                example_free(&e);
            }
        }
    }
}

static void what_does_not_fit_is_refused_and_nothing_is_written(void)
{
    static const gw_span refused[] = {{-1, 5, 5}, {0, 0, 5},  {0, 5, 0},          {0, 5, 257},
                                      {56, 5, 5}, {60, 1, 5}, {2147483647, 1, 5}, {1, 2147483647, 5}};
    example e = example_of(3, 8, 50);
    float before = e.sums[0];
    for (size_t i = 0; i < sizeof refused / sizeof *refused; ++i) {
        gw_onehot layer = {&refused[i], COUNTED, 1, AMOUNTS, ROW_SIZE, 8};
        CHECK_INT(sum_of(&e, &layer, 3, 25), GW_INVALID_ARGUMENT);
    }
    static const gw_scaled outside[] = {{-1, 1.0f}, {ROW_SIZE, 1.0f}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; ++i) {
        gw_onehot layer = {SPANS, &outside[i], 3, 1, ROW_SIZE, 8};
        CHECK_INT(sum_of(&e, &layer, 3, WEIGHT_ROWS), GW_INVALID_ARGUMENT);
    }
    gw_onehot narrow = {SPANS, COUNTED, 3, AMOUNTS, ROW_SIZE, 0};
    gw_onehot empty = {SPANS, COUNTED, 0, AMOUNTS, ROW_SIZE, 8};
    gw_onehot missing = {SPANS, NULL, 3, AMOUNTS, ROW_SIZE, 8};
    gw_onehot negative = {SPANS, COUNTED, 3, -1, ROW_SIZE, 8};
    CHECK_INT(sum_of(&e, &narrow, 3, WEIGHT_ROWS), GW_INVALID_ARGUMENT);
    CHECK_INT(sum_of(&e, &empty, 3, 0), GW_INVALID_ARGUMENT);
    CHECK_INT(sum_of(&e, &missing, 3, WEIGHT_ROWS), GW_INVALID_ARGUMENT);
    CHECK_INT(sum_of(&e, &negative, 3, WEIGHT_ROWS), GW_INVALID_ARGUMENT);
    CHECK_INT(sum_of(&e, NULL, 3, WEIGHT_ROWS), GW_INVALID_ARGUMENT);
    CHECK_INT(sum_of(&e, &e.layer, -1, WEIGHT_ROWS), GW_INVALID_ARGUMENT);
    CHECK_INT(sum_of(&e, &e.layer, 3, WEIGHT_ROWS - 1), GW_INVALID_ARGUMENT);
    CHECK_INT(gradient_of(&e, NULL, WEIGHT_ROWS), GW_INVALID_ARGUMENT);
    CHECK_INT(gradient_of(&e, e.sums, WEIGHT_ROWS + 1), GW_INVALID_ARGUMENT);
    CHECK_FLOAT(e.sums[0], before);
    example_free(&e);
}

static void a_row_of_too_many_bytes_is_refused(void)
{
    gw_span span = {0, GW_MAX_CODED + 1, 1};
    gw_onehot layer = {&span, NULL, 1, 0, GW_MAX_CODED + 1, 1};
    uint8_t *row = guarded(GW_MAX_CODED + 1);
    float *weight = guarded((GW_MAX_CODED + 1) * sizeof *weight);
    float sum = 0, bias = 0;
    CHECK_INT(gw_onehot_sum(&layer, row, 1, weight, GW_MAX_CODED + 1, weight, &bias, &sum), GW_INVALID_ARGUMENT);
    guarded_free(row);
    guarded_free(weight);
}

void suite_onehot(void)
{
    RUN(they_are_what_they_are_defined_as);
    RUN(what_does_not_fit_is_refused_and_nothing_is_written);
    RUN(a_row_of_too_many_bytes_is_refused);
}

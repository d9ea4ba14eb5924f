// onehot.c: the entry of a network, a linear layer over one-hot bytes; forward, and its weights' gradient.
//
// Bytes are worked on in blocks: a block's weight rows that matter stay in the first cache while many rows pass, and
// of each row 64 sums stay in registers. The order of additions is fixed: by byte for the sums, by row for the
// gradient; so neither the instructions at hand nor the blocks change a result.
#include "internal.h"

enum {
    GW_BLOCK_BYTES = 32,  // of a span; with 3 or so codes in use, their 64 columns take 24 kB
    GW_CHUNK_ROWS = 256,  // whose sums stay in the second cache while the blocks of bytes pass
    GW_LANE_COUNT = 8,    // floats that are added at once
    GW_STRIP_COLUMNS = 64 // eight registers of sums
};

// Unaligned, and two registers where there is no wide one.
typedef float gw_lanes __attribute__((vector_size(4 * GW_LANE_COUNT), aligned(4), may_alias));

// A few bytes of one span.
typedef struct gw_block {
    int32_t start;     // first byte in the observation row
    int32_t count;     // 1..GW_BLOCK_BYTES
    int32_t codes;     // of the span
    int64_t first_row; // weight row of the first byte's code 0
} gw_block;

// What one call works on, and where.
typedef struct gw_pass {
    const gw_onehot *layer;
    const uint8_t *observations;
    int64_t row_count;
    const float *in; // weight, or gradient of the sums
    float *out;      // sums, or gradient of the weight
} gw_pass;

#define GW_INLINE static inline __attribute__((always_inline))

// The block after this one; false after the last. The first is asked for with {0} and *span == 0.
GW_INLINE bool next_block(const gw_onehot *layer, int32_t *span, gw_block *block)
{
    const gw_span *at = &layer->spans[*span];
    if (block->count > 0) {
        block->first_row += (int64_t)block->count * block->codes;
        block->start += block->count;
        if (block->start == at->start + at->count) {
            *span += 1;
            if (*span == layer->span_count) {
                return false;
            }
            at += 1;
            block->start = at->start;
        }
    } else {
        block->start = at->start;
    }
    int32_t left = at->start + at->count - block->start;
    block->count = left < GW_BLOCK_BYTES ? left : GW_BLOCK_BYTES;
    block->codes = at->codes;
    return true;
}

// The weight row that each byte of the block selects, counted from the block's first; a code too large is the largest.
GW_INLINE void find_slots(const gw_block *block, const uint8_t *bytes, int32_t *slots)
{
    int32_t largest = block->codes - 1;
    for (int32_t i = 0; i < block->count; ++i) {
        int32_t code = bytes[i];
        slots[i] = i * block->codes + (code < largest ? code : largest);
    }
}

// Add the selected rows of the weight to 64 sums.
GW_INLINE void sum_strip(const int32_t *slots, int32_t count, const float *weight, int64_t width, float *sums)
{
    gw_lanes *out = (gw_lanes *)sums;
    gw_lanes a = out[0], b = out[1], c = out[2], d = out[3], e = out[4], f = out[5], g = out[6], h = out[7];
    for (int32_t i = 0; i < count; ++i) {
        const gw_lanes *row = (const gw_lanes *)(weight + slots[i] * width);
        a += row[0], b += row[1], c += row[2], d += row[3];
        e += row[4], f += row[5], g += row[6], h += row[7];
    }
    out[0] = a, out[1] = b, out[2] = c, out[3] = d;
    out[4] = e, out[5] = f, out[6] = g, out[7] = h;
}

GW_INLINE void sum_lanes(const int32_t *slots, int32_t count, const float *weight, int64_t width, float *sums)
{
    gw_lanes a = *(gw_lanes *)sums;
    for (int32_t i = 0; i < count; ++i) {
        a += *(const gw_lanes *)(weight + slots[i] * width);
    }
    *(gw_lanes *)sums = a;
}

GW_INLINE void sum_one(const int32_t *slots, int32_t count, const float *weight, int64_t width, float *sums)
{
    float a = *sums;
    for (int32_t i = 0; i < count; ++i) {
        a += weight[slots[i] * width];
    }
    *sums = a;
}

GW_INLINE void sum_row(const int32_t *slots, int32_t count, const float *weight, int32_t width, float *sums)
{
    int32_t column = 0;
    for (; column + GW_STRIP_COLUMNS <= width; column += GW_STRIP_COLUMNS) {
        sum_strip(slots, count, weight + column, width, sums + column);
    }
    for (; column + GW_LANE_COUNT <= width; column += GW_LANE_COUNT) {
        sum_lanes(slots, count, weight + column, width, sums + column);
    }
    for (; column < width; ++column) {
        sum_one(slots, count, weight + column, width, sums + column);
    }
}

GW_INLINE void sum_all(const gw_pass *pass)
{
    const gw_onehot *layer = pass->layer;
    int32_t slots[GW_BLOCK_BYTES];
    for (int64_t first = 0; first < pass->row_count; first += GW_CHUNK_ROWS) {
        int64_t stop = first + GW_CHUNK_ROWS < pass->row_count ? first + GW_CHUNK_ROWS : pass->row_count;
        memset(pass->out + first * layer->width, 0, (size_t)((stop - first) * layer->width) * sizeof *pass->out);
        gw_block block = {0};
        for (int32_t span = 0; next_block(layer, &span, &block);) {
            const float *weight = pass->in + block.first_row * layer->width;
            for (int64_t row = first; row < stop; ++row) {
                find_slots(&block, pass->observations + row * layer->row_size + block.start, slots);
                sum_row(slots, block.count, weight, layer->width, pass->out + row * layer->width);
            }
        }
    }
}

// Add one row of the gradient to the weight rows that were selected.
GW_INLINE void scatter_row(const int32_t *slots, int32_t count, const float *gradient, int32_t width, float *out)
{
    int32_t column = 0;
    for (; column + GW_STRIP_COLUMNS <= width; column += GW_STRIP_COLUMNS) {
        const gw_lanes *in = (const gw_lanes *)(gradient + column);
        gw_lanes a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];
        for (int32_t i = 0; i < count; ++i) {
            gw_lanes *row = (gw_lanes *)(out + column + (int64_t)slots[i] * width);
            row[0] += a, row[1] += b, row[2] += c, row[3] += d;
            row[4] += e, row[5] += f, row[6] += g, row[7] += h;
        }
    }
    for (; column + GW_LANE_COUNT <= width; column += GW_LANE_COUNT) {
        gw_lanes a = *(const gw_lanes *)(gradient + column);
        for (int32_t i = 0; i < count; ++i) {
            *(gw_lanes *)(out + column + (int64_t)slots[i] * width) += a;
        }
    }
    for (; column < width; ++column) {
        for (int32_t i = 0; i < count; ++i) {
            out[column + (int64_t)slots[i] * width] += gradient[column];
        }
    }
}

GW_INLINE void scatter_all(const gw_pass *pass)
{
    const gw_onehot *layer = pass->layer;
    int32_t slots[GW_BLOCK_BYTES];
    gw_block block = {0};
    for (int32_t span = 0; next_block(layer, &span, &block);) {
        float *out = pass->out + block.first_row * layer->width;
        memset(out, 0, (size_t)block.count * (size_t)block.codes * (size_t)layer->width * sizeof *out);
        for (int64_t row = 0; row < pass->row_count; ++row) {
            find_slots(&block, pass->observations + row * layer->row_size + block.start, slots);
            scatter_row(slots, block.count, pass->in + row * layer->width, layer->width, out);
        }
    }
}

#ifdef __x86_64__
// Twice the floats an instruction. Not target_clones: its resolver runs before sanitizers are ready.
__attribute__((target("avx2"))) static void sum_avx2(const gw_pass *pass)
{
    sum_all(pass);
}

__attribute__((target("avx2"))) static void scatter_avx2(const gw_pass *pass)
{
    scatter_all(pass);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
static bool has_avx2(void)
{
    return false;
}
#define sum_avx2 sum_all
#define scatter_avx2 scatter_all
#endif

// Whether every span lies within the row, and all of them select just the rows that the weight has.
static bool is_sound(const gw_pass *pass, int64_t weight_rows)
{
    const gw_onehot *layer = pass->layer;
    if (layer == NULL || layer->spans == NULL || layer->span_count < 1 || layer->row_size < 1 || layer->width < 1) {
        return false;
    }
    int64_t rows = 0;
    for (int32_t i = 0; i < layer->span_count; ++i) {
        const gw_span *span = &layer->spans[i];
        bool fits = span->start >= 0 && span->count >= 1 && span->count <= layer->row_size - span->start;
        if (!fits || span->codes < 1 || span->codes > 256) {
            return false;
        }
        rows += (int64_t)span->count * span->codes;
    }
    bool has_all = pass->observations != NULL && pass->in != NULL && pass->out != NULL;
    return has_all && pass->row_count >= 0 && rows == weight_rows;
}

gw_status gw_onehot_sum(const gw_onehot *layer, const uint8_t *observations, int64_t row_count, const float *weight,
                        int64_t weight_rows, float *sums)
{
    gw_pass pass = {layer, observations, row_count, weight, sums};
    if (!is_sound(&pass, weight_rows)) {
        return GW_INVALID_ARGUMENT;
    }
    if (has_avx2()) {
        sum_avx2(&pass);
    } else {
        sum_all(&pass);
    }
    return GW_OK;
}

gw_status gw_onehot_gradient(const gw_onehot *layer, const uint8_t *observations, int64_t row_count,
                             const float *gradient, float *weight_gradient, int64_t weight_rows)
{
    gw_pass pass = {layer, observations, row_count, gradient, weight_gradient};
    if (!is_sound(&pass, weight_rows)) {
        return GW_INVALID_ARGUMENT;
    }
    if (has_avx2()) {
        scatter_avx2(&pass);
    } else {
        scatter_all(&pass);
    }
    return GW_OK;
}

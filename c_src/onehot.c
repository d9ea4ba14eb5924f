// onehot.c: the entry of a network, a linear layer over one-hot bytes; forward, and its weights' gradient.
//
// Most bytes have the same code in most rows: an empty cell, a plane of zeros. That code is the byte's reference. The
// sum of all references is made once, and a row adds what differs from it; the gradient of a reference is that of all
// rows less those of the byte's other codes. What is common is read off the first rows: it decides the speed and how
// sums round, and equal calls give equal results.
//
// Bytes are worked on in blocks: a block's weight rows that matter stay in the first cache while many rows pass, and
// 64 sums of a row stay in registers. The order of additions is fixed, whatever instructions there are.
#include "internal.h"

enum {
    GW_BLOCK_BYTES = 32,   // of a span; with 3 or so codes in use, their 64 columns take 24 kB
    GW_CHUNK_ROWS = 256,   // whose sums stay in the second cache while the blocks of bytes pass
    GW_LANE_COUNT = 8,     // floats that are added at once
    GW_STRIP_COLUMNS = 64, // eight registers of sums
    GW_SAMPLE_ROWS = 64,   // looked at for what is common
    GW_SUMS_COMMON = 40,   // rows of the sample that make a reference: each of the others costs two additions for one
    GW_GRADIENT_COMMON = 8 // here they cost one, and the reference a few subtractions a call
};

// Unaligned, and two registers where there is no wide one.
typedef float gw_lanes __attribute__((vector_size(4 * GW_LANE_COUNT), aligned(4), may_alias));

// A few bytes of one span. A slot is a weight row, counted from the block's first.
typedef struct gw_block {
    int32_t start;                      // first byte in the observation row
    int32_t count;                      // 1..GW_BLOCK_BYTES
    int32_t codes;                      // of the span
    int32_t number;                     // of the first byte, among all of the spans
    int64_t first_row;                  // weight row of the first byte's code 0
    int32_t references[GW_BLOCK_BYTES]; // slot of each byte's reference, or GW_NONE
} gw_block;

// What one call works on, and where.
typedef struct gw_pass {
    const gw_onehot *layer;
    const uint8_t *observations;
    int64_t row_count;
    const float *in;                           // weight, or gradient of the sums
    float *out;                                // sums, or gradient of the weight
    int16_t references[GW_MAX_ONEHOT_BYTES];   // code of each byte of the spans, or GW_NONE
} gw_pass;

#define GW_INLINE static inline __attribute__((always_inline))

static int32_t smaller(int32_t one, int32_t other)
{
    return one < other ? one : other;
}

// Go to the next block; false after the last. To begin, the block is {0} and *span is GW_NONE.
static bool next_block(const gw_pass *pass, int32_t *span, gw_block *block)
{
    const gw_span *at = *span == GW_NONE ? NULL : &pass->layer->spans[*span];
    block->start += block->count;
    block->number += block->count;
    block->first_row += (int64_t)block->count * block->codes;
    if (at == NULL || block->start == at->start + at->count) {
        *span += 1;
        if (*span == pass->layer->span_count) {
            return false;
        }
        at = &pass->layer->spans[*span];
        block->start = at->start;
    }
    block->count = smaller(at->start + at->count - block->start, GW_BLOCK_BYTES);
    block->codes = at->codes;
    for (int32_t i = 0; i < block->count; ++i) {
        int32_t code = pass->references[block->number + i];
        block->references[i] = code == GW_NONE ? GW_NONE : i * block->codes + code;
    }
    return true;
}

static const uint8_t *bytes_of(const gw_pass *pass, const gw_block *block, int64_t row)
{
    return pass->observations + row * pass->layer->row_size + block->start;
}

static const float *row_of(const float *rows, const gw_pass *pass, int64_t row)
{
    return rows + row * pass->layer->width;
}

// Note each byte's commonest code, if at least so many rows of the sample have it; fewer where there are fewer rows.
static void find_references(gw_pass *pass, int32_t least)
{
    int32_t sample = pass->row_count < GW_SAMPLE_ROWS ? (int32_t)pass->row_count : GW_SAMPLE_ROWS;
    memset(pass->references, 0xff, sizeof pass->references); // GW_NONE, so that blocks can be asked for
    gw_block block = {0};
    for (int32_t span = GW_NONE; next_block(pass, &span, &block);) {
        uint8_t counts[GW_BLOCK_BYTES][256] = {{0}};
        for (int32_t row = 0; row < sample; ++row) {
            const uint8_t *bytes = bytes_of(pass, &block, row);
            for (int32_t i = 0; i < block.count; ++i) {
                counts[i][smaller(bytes[i], block.codes - 1)] += 1;
            }
        }
        for (int32_t i = 0; i < block.count; ++i) {
            int32_t best = 0;
            for (int32_t code = 1; code < block.codes; ++code) {
                best = counts[i][code] > counts[i][best] ? code : best;
            }
            bool is_common = counts[i][best] * GW_SAMPLE_ROWS >= least * sample;
            pass->references[block.number + i] = is_common ? (int16_t)best : GW_NONE;
        }
    }
}

// The slots that a row's bytes select beside the references, and the references that it does not have: `out[count ..]`
// of those that are not there. Returns how many slots; `*missing_count` of the references.
GW_INLINE int32_t find_slots(const gw_block *block, const uint8_t *bytes, int32_t *slots)
{
    int32_t count = 0;
    for (int32_t i = 0; i < block->count; ++i) {
        int32_t slot = i * block->codes + smaller(bytes[i], block->codes - 1);
        slots[count] = slot;
        count += slot != block->references[i];
    }
    return count;
}

// onehot.c: the entry of a network, a linear layer over one-hot bytes and amounts; forward, and its weights' gradient.
//
// Most bytes have the same code in most rows: an empty cell, a plane of zeros. That code is the byte's reference. The
// sum of all references is made once, and a row adds what differs from it; the gradient of a reference is that of all
// rows less those of the byte's other codes. What is common is read off the first rows: it decides the speed and how
// sums round, and equal calls give equal results.
//
// Bytes are worked on in blocks: a block's weight rows that matter stay in the first cache while many rows pass, and
// 64 sums of a row stay in registers. The order of additions is fixed, whatever instructions there are.
#include "internal.h"
#include "lanes.h"

enum {
    GW_BLOCK_BYTES = 32,   // of a span; with 3 or so codes in use, their 64 columns take 24 kB
    GW_CHUNK_ROWS = 256,   // whose sums stay in the second cache while the blocks of bytes pass
    GW_STRIP_COLUMNS = 64, // eight registers of sums
    GW_SAMPLE_ROWS = 64,   // looked at for what is common
    GW_SUMS_COMMON = 40,   // rows of the sample that make a reference: each of the others costs two additions for one
    GW_GRADIENT_COMMON = 8 // here they cost one, and the reference a few subtractions a call
};

// A few bytes of one span. A slot is a weight row, counted from the block's first.
typedef struct gw_block {
    int32_t start;                     // first byte in the observation row
    int32_t count;                     // 1..GW_BLOCK_BYTES
    int32_t codes;                     // of the span
    int32_t number;                    // of the first byte, among all of the spans
    int64_t first_row;                 // weight row of the first byte's code 0
    uint32_t referenced;               // a bit for each byte that has a reference
    uint8_t reference[GW_BLOCK_BYTES]; // code of each byte, where it has one
} gw_block;

// What one call works on, and where.
typedef struct gw_pass {
    const gw_onehot *layer;
    const uint8_t *observations;
    int64_t row_count;
    const float *in;                  // weight, or gradient of the sums
    const float *amount_weight;       // of the sums
    const float *bias;                // of the sums
    const float *total;               // of all rows of the gradient, or NULL
    float *out;                       // sums, or gradient of the weight
    float *amount_gradient;           // beside the gradient of the weight
    int16_t references[GW_MAX_CODED]; // code of each byte of the spans, or GW_NONE
} gw_pass;

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
    block->referenced = 0;
    for (int32_t i = 0; i < block->count; ++i) {
        int32_t code = pass->references[block->number + i];
        block->referenced |= (uint32_t)(code != GW_NONE) << i;
        block->reference[i] = (uint8_t)code;
    }
    return true;
}

static const uint8_t *bytes_of(const gw_pass *pass, const gw_block *block, int64_t row)
{
    return pass->observations + row * pass->layer->row_size + block->start;
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
            bool is_common = sample > 0 && counts[i][best] * GW_SAMPLE_ROWS >= least * sample;
            pass->references[block.number + i] = is_common ? (int16_t)best : GW_NONE;
        }
    }
}

// A bit for each of eight bytes that are not 0.
GW_INLINE uint32_t nonzero_bytes(uint64_t bytes)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7f;
    uint64_t tops = (((bytes & low) + low) | bytes) & ~low;
    return (uint32_t)((tops >> 7) * 0x0102040810204080 >> 56);
}

// A bit for each byte of the block that is not its reference, or has none.
GW_INLINE uint32_t differing(const gw_block *block, const uint8_t *bytes)
{
    uint32_t bits = ~block->referenced;
    int32_t i = 0;
    for (; i + 8 <= block->count; i += 8) {
        uint64_t here, there;
        memcpy(&here, bytes + i, sizeof here);
        memcpy(&there, block->reference + i, sizeof there);
        bits |= nonzero_bytes(here ^ there) << i;
    }
    for (; i < block->count; ++i) {
        bits |= (uint32_t)(bytes[i] != block->reference[i]) << i;
    }
    return bits & (0xffffffff >> (GW_BLOCK_BYTES - block->count));
}

// Take the lowest bit off: the number of its byte.
GW_INLINE int32_t next_byte(uint32_t *bits)
{
    int32_t i = __builtin_ctz(*bits);
    *bits &= *bits - 1;
    return i;
}

// The slot that byte i selects; a code too large counts as the largest.
GW_INLINE int64_t slot_of(const gw_block *block, const uint8_t *bytes, int32_t i)
{
    return i * block->codes + smaller(bytes[i], block->codes - 1);
}

// ---- Sums

// Add the weight rows that some bytes select, and take away the references of some: 64 columns, 8, or one.
GW_INLINE void sum_strip(const gw_block *block, const uint8_t *bytes, uint32_t added, uint32_t taken,
                         const float *weight, int64_t width, float *sums)
{
    gw_lanes *out = (gw_lanes *)sums;
    gw_lanes a = out[0], b = out[1], c = out[2], d = out[3], e = out[4], f = out[5], g = out[6], h = out[7];
    while (added != 0) {
        const gw_lanes *row = (const gw_lanes *)(weight + slot_of(block, bytes, next_byte(&added)) * width);
        a += row[0], b += row[1], c += row[2], d += row[3];
        e += row[4], f += row[5], g += row[6], h += row[7];
    }
    while (taken != 0) {
        const gw_lanes *row = (const gw_lanes *)(weight + slot_of(block, block->reference, next_byte(&taken)) * width);
        a -= row[0], b -= row[1], c -= row[2], d -= row[3];
        e -= row[4], f -= row[5], g -= row[6], h -= row[7];
    }
    out[0] = a, out[1] = b, out[2] = c, out[3] = d;
    out[4] = e, out[5] = f, out[6] = g, out[7] = h;
}

GW_INLINE void sum_lanes(const gw_block *block, const uint8_t *bytes, uint32_t added, uint32_t taken,
                         const float *weight, int64_t width, float *sums)
{
    gw_lanes sum = *(gw_lanes *)sums;
    while (added != 0) {
        const gw_lanes *row = (const gw_lanes *)(weight + slot_of(block, bytes, next_byte(&added)) * width);
        sum += *row;
    }
    while (taken != 0) {
        const gw_lanes *row = (const gw_lanes *)(weight + slot_of(block, block->reference, next_byte(&taken)) * width);
        sum -= *row;
    }
    *(gw_lanes *)sums = sum;
}

GW_INLINE void sum_one(const gw_block *block, const uint8_t *bytes, uint32_t added, uint32_t taken, const float *weight,
                       int64_t width, float *sums)
{
    float sum = *sums;
    while (added != 0) {
        const float *row = (const float *)(weight + slot_of(block, bytes, next_byte(&added)) * width);
        sum += *row;
    }
    while (taken != 0) {
        const float *row = (const float *)(weight + slot_of(block, block->reference, next_byte(&taken)) * width);
        sum -= *row;
    }
    *sums = sum;
}

GW_INLINE void sum_row(const gw_block *block, const uint8_t *bytes, uint32_t added, uint32_t taken, const float *weight,
                       int64_t width, float *sums)
{
    int64_t column = 0;
    for (; column + GW_STRIP_COLUMNS <= width; column += GW_STRIP_COLUMNS) {
        sum_strip(block, bytes, added, taken, weight + column, width, sums + column);
    }
    for (; column + GW_LANE_COUNT <= width; column += GW_LANE_COUNT) {
        sum_lanes(block, bytes, added, taken, weight + column, width, sums + column);
    }
    for (; column < width; ++column) {
        sum_one(block, bytes, added, taken, weight + column, width, sums + column);
    }
}

// Write the bias and the sum of all references.
GW_INLINE void sum_references(const gw_pass *pass, float *sums)
{
    int64_t width = pass->layer->width;
    memcpy(sums, pass->bias, (size_t)width * sizeof *sums);
    gw_block block = {0};
    for (int32_t span = GW_NONE; next_block(pass, &span, &block);) {
        sum_row(&block, block.reference, block.referenced, 0, pass->in + block.first_row * width, width, sums);
    }
}

// What the amount counts in a row.
GW_INLINE float amount_in(const gw_scaled *amount, const uint8_t *row)
{
    return amount->scale * row[amount->byte];
}

// Add so many times a weight row.
GW_INLINE void add_times(float times, const float *restrict weight, int64_t width, float *restrict sums)
{
    int64_t column = 0;
    for (; column + GW_LANE_COUNT <= width; column += GW_LANE_COUNT) {
        *(gw_lanes *)(sums + column) += times * *(const gw_lanes *)(weight + column);
    }
    for (; column < width; ++column) {
        sums[column] += times * weight[column];
    }
}

GW_INLINE void sum_amounts(const gw_pass *pass, int64_t first, int64_t stop)
{
    const gw_onehot *layer = pass->layer;
    for (int64_t row = first; row < stop; ++row) {
        for (int32_t i = 0; i < layer->amount_count; ++i) {
            float times = amount_in(&layer->amounts[i], pass->observations + row * layer->row_size);
            if (times != 0) {
                add_times(times, pass->amount_weight + (int64_t)i * layer->width, layer->width,
                          pass->out + row * layer->width);
            }
        }
    }
}

GW_INLINE void sum_all(const gw_pass *pass)
{
    int64_t width = pass->layer->width;
    for (int64_t first = 0; first < pass->row_count; first += GW_CHUNK_ROWS) {
        int64_t left = pass->row_count - first;
        int64_t stop = first + (left < GW_CHUNK_ROWS ? left : GW_CHUNK_ROWS);
        float *sums = pass->out + first * width;
        sum_references(pass, sums);
        for (int64_t row = first + 1; row < stop; ++row) {
            memcpy(pass->out + row * width, sums, (size_t)width * sizeof *sums);
        }
        gw_block block = {0};
        for (int32_t span = GW_NONE; next_block(pass, &span, &block);) {
            const float *weight = pass->in + block.first_row * width;
            for (int64_t row = first; row < stop; ++row) {
                const uint8_t *bytes = bytes_of(pass, &block, row);
                uint32_t added = differing(&block, bytes);
                sum_row(&block, bytes, added, added & block.referenced, weight, width, pass->out + row * width);
            }
        }
        sum_amounts(pass, first, stop);
    }
}

// ---- The gradient

// Add a row of the gradient to the slots of its differing bytes.
GW_INLINE void scatter_row(const gw_block *block, const uint8_t *bytes, uint32_t differing_bytes, const float *gradient,
                           int64_t width, float *out)
{
    int64_t column = 0;
    for (; column + GW_STRIP_COLUMNS <= width; column += GW_STRIP_COLUMNS) {
        const gw_lanes *in = (const gw_lanes *)(gradient + column);
        gw_lanes a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];
        for (uint32_t bits = differing_bytes; bits != 0;) {
            gw_lanes *row = (gw_lanes *)(out + column + slot_of(block, bytes, next_byte(&bits)) * width);
            row[0] += a, row[1] += b, row[2] += c, row[3] += d;
            row[4] += e, row[5] += f, row[6] += g, row[7] += h;
        }
    }
    for (; column + GW_LANE_COUNT <= width; column += GW_LANE_COUNT) {
        gw_lanes lanes = *(const gw_lanes *)(gradient + column);
        for (uint32_t bits = differing_bytes; bits != 0;) {
            *(gw_lanes *)(out + column + slot_of(block, bytes, next_byte(&bits)) * width) += lanes;
        }
    }
    for (; column < width; ++column) {
        for (uint32_t bits = differing_bytes; bits != 0;) {
            out[column + slot_of(block, bytes, next_byte(&bits)) * width] += gradient[column];
        }
    }
}

// The rows that have a byte's reference are all but those of its other codes.
GW_INLINE void subtract_others(const gw_pass *pass, const gw_block *block, float *out)
{
    int64_t width = pass->layer->width;
    for (uint32_t bits = block->referenced; bits != 0;) {
        int32_t i = next_byte(&bits);
        int64_t own = slot_of(block, block->reference, i);
        float *reference = out + own * width;
        memcpy(reference, pass->total, (size_t)width * sizeof *reference);
        for (int64_t slot = i * block->codes; slot < (i + 1) * block->codes; ++slot) {
            for (int64_t column = 0; slot != own && column < width; ++column) {
                reference[column] -= out[slot * width + column];
            }
        }
    }
}

GW_INLINE void scatter_amounts(const gw_pass *pass)
{
    const gw_onehot *layer = pass->layer;
    int64_t width = layer->width;
    memset(pass->amount_gradient, 0, (size_t)(layer->amount_count * width) * sizeof *pass->amount_gradient);
    for (int64_t row = 0; row < pass->row_count; ++row) {
        for (int32_t i = 0; i < layer->amount_count; ++i) {
            float times = amount_in(&layer->amounts[i], pass->observations + row * layer->row_size);
            if (times != 0) {
                add_times(times, pass->in + row * width, width, pass->amount_gradient + i * width);
            }
        }
    }
}

GW_INLINE void scatter_all(const gw_pass *pass)
{
    int64_t width = pass->layer->width;
    scatter_amounts(pass);
    gw_block block = {0};
    for (int32_t span = GW_NONE; next_block(pass, &span, &block);) {
        float *out = pass->out + block.first_row * width;
        memset(out, 0, (size_t)(block.count * block.codes * width) * sizeof *out);
        for (int64_t row = 0; row < pass->row_count; ++row) {
            const uint8_t *bytes = bytes_of(pass, &block, row);
            scatter_row(&block, bytes, differing(&block, bytes), pass->in + row * width, width, out);
        }
        subtract_others(pass, &block, out);
    }
}

// ---- Calls

GW_FOR_AVX2 static void sum_avx2(const gw_pass *pass)
{
    sum_all(pass);
}

GW_FOR_AVX2 static void scatter_avx2(const gw_pass *pass)
{
    scatter_all(pass);
}

// Whether every span and amount lies within the row, and the spans select just the rows that the weight has.
static bool is_sound(const gw_onehot *layer, int64_t row_count, int64_t weight_rows)
{
    if (layer == NULL || layer->spans == NULL || layer->row_size < 1 || layer->width < 1 || row_count < 0) {
        return false;
    }
    int64_t rows = 0;
    int32_t bytes = 0;
    if (layer->amount_count < 0 || (layer->amount_count > 0 && layer->amounts == NULL)) {
        return false;
    }
    for (int32_t i = 0; i < layer->amount_count; ++i) {
        if (layer->amounts[i].byte < 0 || layer->amounts[i].byte >= layer->row_size) {
            return false;
        }
    }
    for (int32_t i = 0; i < layer->span_count; ++i) {
        const gw_span *span = &layer->spans[i];
        bool fits = span->start >= 0 && span->count >= 1 && span->count <= layer->row_size - span->start;
        if (!fits || span->codes < 1 || span->codes > 256 || span->count > GW_MAX_CODED - bytes) {
            return false;
        }
        bytes += span->count;
        rows += (int64_t)span->count * span->codes;
    }
    return layer->span_count > 0 && rows == weight_rows;
}

gw_status gw_onehot_sum(const gw_onehot *layer, const uint8_t *observations, int64_t row_count, const float *weight,
                        int64_t weight_rows, const float *amount_weight, const float *bias, float *sums)
{
    bool has_all = observations != NULL && weight != NULL && amount_weight != NULL && bias != NULL && sums != NULL;
    if (!has_all || !is_sound(layer, row_count, weight_rows)) {
        return GW_INVALID_ARGUMENT;
    }
    gw_pass pass = {.layer = layer, .observations = observations, .row_count = row_count, .in = weight, .out = sums};
    pass.amount_weight = amount_weight;
    pass.bias = bias;
    find_references(&pass, GW_SUMS_COMMON);
    (has_avx2() ? sum_avx2 : sum_all)(&pass);
    return GW_OK;
}

gw_status gw_onehot_gradient(const gw_onehot *layer, const uint8_t *observations, int64_t row_count,
                             const float *gradient, const float *total, float *weight_gradient, int64_t weight_rows,
                             float *amount_gradient)
{
    bool has_input = observations != NULL && gradient != NULL && total != NULL;
    bool has_all = has_input && weight_gradient != NULL && amount_gradient != NULL;
    if (!has_all || !is_sound(layer, row_count, weight_rows)) {
        return GW_INVALID_ARGUMENT;
    }
    gw_pass pass = {.layer = layer, .observations = observations, .row_count = row_count, .in = gradient};
    pass.total = total;
    pass.out = weight_gradient;
    pass.amount_gradient = amount_gradient;
    find_references(&pass, GW_GRADIENT_COMMON);
    (has_avx2() ? scatter_avx2 : scatter_all)(&pass);
    return GW_OK;
}

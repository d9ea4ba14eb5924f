// heads.c: the end of a network, what logits mean: log-probabilities, entropies, their gradient, and draws.
//
// Eight rows at a time, one in each lane: rows have few actions, and would not fill the lanes. exp and log are our
// own, so that every machine rounds alike. What is impossible has a logit so low that its exp is exactly 0.
#include "internal.h"
#include "lanes.h"

static const float gw_illegal = -1e9f;
static const float gw_below_one = 0x1.fffffep-1f; // the largest float below 1

// Up to eight rows, and one head of theirs. The lanes of rows that are not there repeat the last.
typedef struct gw_octet {
    const gw_heads *heads;
    int64_t first;   // row
    int32_t count;   // rows
    int32_t width;   // actions of all heads
    int32_t start;   // of the head, its first action among all
    int32_t size;    // of the head
    gw_bits limited; // rows whose masks count, as the head has a legal action there
    gw_lanes top;    // largest logit
    gw_lanes total;  // sum of exp(logit - top)
    gw_lanes spread; // sum of exp(logit - top) * (logit - top)
} gw_octet;

GW_INLINE int64_t row_of(const gw_octet *octet, int32_t lane)
{
    return octet->first + (lane < octet->count ? lane : octet->count - 1);
}

// ---- Arithmetic

GW_INLINE void choose_lanes(const gw_bits *where, const gw_lanes *one, gw_lanes *other)
{
    *other = (gw_lanes)((*where & (gw_bits)*one) | (~*where & (gw_bits)*other));
}

// exp of numbers up to 0, within 2 units in the last place; exactly 0 below -86. After Cephes.
GW_INLINE void exp_lanes(gw_lanes *number)
{
    const float rounder = 0x1.8p23f; // added, it leaves the whole part in the lowest bits
    gw_lanes x = *number;
    gw_lanes shifted = x * 0x1.715476p0f + rounder;
    gw_lanes whole = shifted - rounder;
    gw_lanes rest = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    gw_lanes series = rest * 1.9875691500e-4f + 1.3981999507e-3f;
    series = series * rest + 8.3334519073e-3f;
    series = series * rest + 4.1665795894e-2f;
    series = series * rest + 1.6666665459e-1f;
    series = series * rest + 5.0000001201e-1f;
    gw_bits power = ((gw_bits)shifted + 127) << 23;
    gw_lanes result = (series * rest * rest + rest + 1) * (gw_lanes)power;
    *number = (gw_lanes)((gw_bits)result & ~(gw_bits)(x < -86.0f));
}

// log of numbers from 1, within 2 units in the last place. After Cephes. What is no number stays none.
GW_INLINE void log_lanes(gw_lanes *number)
{
    gw_lanes x = *number;
    gw_bits bits = (gw_bits)x;
    gw_lanes part = (gw_lanes)((bits & 0x007fffff) | 0x3f000000); // 0.5 .. 1
    gw_bits small = (gw_bits)(part < 0x1.6a09e6p-1f);             // below the root of a half
    gw_lanes power = __builtin_convertvector((gw_whole)(bits >> 23) - 126 + (gw_whole)small, gw_lanes);
    part = part + (gw_lanes)(small & (gw_bits)part) - 1;
    gw_lanes square = part * part;
    gw_lanes series = part * 7.0376836292e-2f - 1.1514610310e-1f;
    series = series * part + 1.1676998740e-1f;
    series = series * part - 1.2420140846e-1f;
    series = series * part + 1.4249322787e-1f;
    series = series * part - 1.6668057665e-1f;
    series = series * part + 2.0000714765e-1f;
    series = series * part - 2.4999993993e-1f;
    series = series * part + 3.3333331174e-1f;
    gw_lanes low = series * part * square - power * 2.12194440e-4f - square * 0.5f;
    *number = part + low + power * 0.693359375f + (x - x);
}

// ---- A head of eight rows

GW_INLINE void legal_lanes(const gw_octet *octet, int32_t action, gw_bits *legal)
{
    for (int32_t lane = 0; lane < GW_LANE_COUNT; ++lane) {
        (*legal)[lane] = octet->heads->masks[row_of(octet, lane) * octet->width + action] ? UINT32_MAX : 0;
    }
}

// The logits of one action as they are: one load where rows lie side by side.
GW_INLINE void stored_lanes(const gw_octet *octet, int32_t action, gw_lanes *logits)
{
    const gw_heads *heads = octet->heads;
    const float *at = heads->logits + action * heads->action_step;
    if (heads->row_step == 1 && octet->count == GW_LANE_COUNT) {
        *logits = *(const gw_lanes *)(at + octet->first);
        return;
    }
    for (int32_t lane = 0; lane < GW_LANE_COUNT; ++lane) {
        (*logits)[lane] = at[row_of(octet, lane) * heads->row_step];
    }
}

// The logits of one action, very low where it is illegal.
GW_INLINE void logit_lanes(const gw_octet *octet, int32_t action, gw_lanes *logits)
{
    stored_lanes(octet, action, logits);
    if (octet->heads->masks != NULL) {
        gw_bits legal;
        gw_lanes illegal = {0};
        illegal += gw_illegal;
        legal_lanes(octet, action, &legal);
        legal = ~legal & octet->limited;
        choose_lanes(&legal, &illegal, logits);
    }
}

// Go to a head: its first action, how many, and what its logits come to.
GW_INLINE void enter_head(gw_octet *octet, int32_t start, int32_t size)
{
    octet->start = start;
    octet->size = size;
    octet->limited = (gw_bits){0};
    for (int32_t action = start; octet->heads->masks != NULL && action < start + size; ++action) {
        gw_bits legal;
        legal_lanes(octet, action, &legal);
        octet->limited |= legal;
    }
    logit_lanes(octet, start, &octet->top);
    for (int32_t action = start + 1; action < start + size; ++action) {
        gw_lanes logits;
        logit_lanes(octet, action, &logits);
        gw_bits higher = (gw_bits)(logits > octet->top);
        choose_lanes(&higher, &logits, &octet->top);
    }
    octet->total = (gw_lanes){0};
    octet->spread = (gw_lanes){0};
    for (int32_t action = start; action < start + size; ++action) {
        gw_lanes below;
        logit_lanes(octet, action, &below);
        below -= octet->top;
        gw_lanes weight = below;
        exp_lanes(&weight);
        octet->total += weight;
        octet->spread += weight * below;
    }
}

// Add the log-probability of each row's action, one of the head's.
GW_INLINE void add_chosen(const gw_octet *octet, const gw_whole *actions, const gw_lanes *log_total, gw_lanes *chosen)
{
    gw_lanes logits = {0};
    for (int32_t lane = 0; lane < GW_LANE_COUNT; ++lane) {
        const gw_heads *heads = octet->heads;
        int64_t row = row_of(octet, lane), action = octet->start + (*actions)[lane];
        bool is_illegal = octet->limited[lane] && !heads->masks[row * octet->width + action];
        logits[lane] = is_illegal ? gw_illegal : heads->logits[row * heads->row_step + action * heads->action_step];
    }
    *chosen += logits - octet->top - *log_total;
}

GW_INLINE void read_actions(const gw_octet *octet, const int32_t *actions, int32_t head, gw_whole *own)
{
    for (int32_t lane = 0; lane < GW_LANE_COUNT; ++lane) {
        (*own)[lane] = actions[row_of(octet, lane) * octet->heads->count + head];
    }
}

GW_INLINE void write_lanes(const gw_octet *octet, const gw_lanes *lanes, float *out)
{
    if (octet->count == GW_LANE_COUNT) {
        *(gw_lanes *)out = *lanes;
        return;
    }
    for (int32_t lane = 0; lane < octet->count; ++lane) {
        out[lane] = (*lanes)[lane];
    }
}

// ---- All rows

typedef struct gw_outputs {
    const int32_t *actions; // given
    const float *uniforms;  // given
    const float *of_chosen, *of_entropy;
    float *chosen, *entropy, *gradient;
    int32_t *drawn;
} gw_outputs;

GW_INLINE void evaluate_octet(gw_octet *octet, const gw_outputs *outputs)
{
    gw_lanes chosen = {0}, entropy = {0};
    int32_t start = 0;
    for (int32_t head = 0; head < octet->heads->count; ++head) {
        enter_head(octet, start, octet->heads->sizes[head]);
        gw_lanes log_total = octet->total;
        log_lanes(&log_total);
        gw_whole actions = {0};
        read_actions(octet, outputs->actions, head, &actions);
        add_chosen(octet, &actions, &log_total, &chosen);
        entropy += log_total - octet->spread / octet->total;
        start += octet->size;
    }
    write_lanes(octet, &chosen, outputs->chosen + octet->first);
    write_lanes(octet, &entropy, outputs->entropy + octet->first);
}

// d chosen / d logit = [it is the action] - p;  d entropy / d logit = -p (log p + entropy).
GW_INLINE void gradient_octet(gw_octet *octet, const gw_outputs *outputs)
{
    gw_lanes of_chosen = {0}, of_entropy = {0};
    for (int32_t lane = 0; lane < GW_LANE_COUNT; ++lane) {
        of_chosen[lane] = outputs->of_chosen[row_of(octet, lane)];
        of_entropy[lane] = outputs->of_entropy[row_of(octet, lane)];
    }
    int32_t start = 0;
    for (int32_t head = 0; head < octet->heads->count; ++head) {
        enter_head(octet, start, octet->heads->sizes[head]);
        gw_lanes log_total = octet->total;
        log_lanes(&log_total);
        gw_lanes entropy = log_total - octet->spread / octet->total;
        gw_whole actions = {0};
        read_actions(octet, outputs->actions, head, &actions);
        for (int32_t action = start; action < start + octet->size; ++action) {
            gw_lanes below;
            logit_lanes(octet, action, &below);
            below -= octet->top;
            gw_lanes share = below;
            exp_lanes(&share);
            share /= octet->total;
            gw_bits is_chosen = (gw_bits)(actions == action - start), legal = ~octet->limited;
            gw_lanes gradient = (gw_lanes)(is_chosen & (gw_bits)of_chosen) - of_chosen * share;
            gradient -= of_entropy * share * (below - log_total + entropy);
            if (octet->heads->masks != NULL) {
                gw_bits own;
                legal_lanes(octet, action, &own);
                legal |= own;
                gradient = (gw_lanes)((gw_bits)gradient & legal);
            }
            write_lanes(octet, &gradient, outputs->gradient + action * octet->heads->row_count + octet->first);
        }
        start += octet->size;
    }
}

// The action is the first whose share, with those before it, passes the uniform number.
GW_INLINE void draw_octet(gw_octet *octet, const gw_outputs *outputs)
{
    gw_lanes chosen = {0};
    int32_t start = 0, heads = octet->heads->count;
    for (int32_t head = 0; head < heads; ++head) {
        enter_head(octet, start, octet->heads->sizes[head]);
        gw_lanes limit = {0}, passed = {0};
        for (int32_t lane = 0; lane < GW_LANE_COUNT; ++lane) {
            float uniform = outputs->uniforms[row_of(octet, lane) * heads + head];
            limit[lane] = (uniform < gw_below_one ? uniform : gw_below_one) * octet->total[lane];
        }
        gw_whole actions = {0};
        for (int32_t action = start; action < start + octet->size; ++action) {
            gw_lanes weight;
            logit_lanes(octet, action, &weight);
            weight -= octet->top;
            exp_lanes(&weight);
            passed += weight; // in the order of the total: at the last action they are equal, and above the limit
            actions -= passed <= limit;
        }
        gw_lanes log_total = octet->total;
        log_lanes(&log_total);
        add_chosen(octet, &actions, &log_total, &chosen);
        for (int32_t lane = 0; lane < octet->count; ++lane) {
            outputs->drawn[row_of(octet, lane) * heads + head] = actions[lane];
        }
        start += octet->size;
    }
    write_lanes(octet, &chosen, outputs->chosen + octet->first);
}

typedef enum gw_question { GW_EVALUATE, GW_GRADIENT, GW_DRAW } gw_question;

GW_INLINE void work_through(const gw_heads *heads, int32_t width, gw_question asked, const gw_outputs *outputs)
{
    for (int64_t first = 0; first < heads->row_count; first += GW_LANE_COUNT) {
        int64_t left = heads->row_count - first;
        gw_octet octet = {.heads = heads, .first = first, .width = width};
        octet.count = left < GW_LANE_COUNT ? (int32_t)left : GW_LANE_COUNT;
        if (asked == GW_EVALUATE) {
            evaluate_octet(&octet, outputs);
        } else if (asked == GW_GRADIENT) {
            gradient_octet(&octet, outputs);
        } else {
            draw_octet(&octet, outputs);
        }
    }
}

static void work_plain(const gw_heads *heads, int32_t width, gw_question asked, const gw_outputs *outputs)
{
    work_through(heads, width, asked, outputs);
}

GW_FOR_AVX2 static void work_avx2(const gw_heads *heads, int32_t width, gw_question asked, const gw_outputs *outputs)
{
    work_through(heads, width, asked, outputs);
}

// ---- Calls

// The actions of all heads together, or GW_NONE if the description is not one.
static int32_t width_of(const gw_heads *heads)
{
    if (heads == NULL || heads->sizes == NULL || heads->logits == NULL || heads->count < 1 || heads->row_count < 0) {
        return GW_NONE;
    }
    int32_t width = 0;
    for (int32_t head = 0; head < heads->count; ++head) {
        if (heads->sizes[head] < 1 || heads->sizes[head] > INT32_MAX - width) {
            return GW_NONE;
        }
        width += heads->sizes[head];
    }
    return width;
}

static bool are_known(const gw_heads *heads, const int32_t *actions)
{
    bool known = true;
    for (int64_t row = 0; row < heads->row_count; ++row) {
        for (int32_t head = 0; head < heads->count; ++head) {
            int32_t action = actions[row * heads->count + head];
            known &= action >= 0 && action < heads->sizes[head];
        }
    }
    return known;
}

static gw_status worked(const gw_heads *heads, gw_question asked, const gw_outputs *outputs)
{
    int32_t width = width_of(heads);
    if (width == GW_NONE || (outputs->actions != NULL && !are_known(heads, outputs->actions))) {
        return GW_INVALID_ARGUMENT;
    }
    (has_avx2() ? work_avx2 : work_plain)(heads, width, asked, outputs);
    return GW_OK;
}

gw_status gw_heads_evaluate(const gw_heads *heads, const int32_t *actions, float *chosen, float *entropy)
{
    if (actions == NULL || chosen == NULL || entropy == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    return worked(heads, GW_EVALUATE, &(gw_outputs){.actions = actions, .chosen = chosen, .entropy = entropy});
}

gw_status gw_heads_gradient(const gw_heads *heads, const int32_t *actions, const float *of_chosen,
                            const float *of_entropy, float *gradient)
{
    if (actions == NULL || of_chosen == NULL || of_entropy == NULL || gradient == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    gw_outputs outputs = {.actions = actions, .of_chosen = of_chosen, .of_entropy = of_entropy, .gradient = gradient};
    return worked(heads, GW_GRADIENT, &outputs);
}

gw_status gw_heads_draw(const gw_heads *heads, const float *uniforms, int32_t *actions, float *chosen)
{
    if (uniforms == NULL || actions == NULL || chosen == NULL) {
        return GW_INVALID_ARGUMENT;
    }
    return worked(heads, GW_DRAW, &(gw_outputs){.uniforms = uniforms, .drawn = actions, .chosen = chosen});
}

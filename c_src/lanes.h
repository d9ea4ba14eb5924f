// lanes.h: eight numbers at once, for the arithmetic of networks.
//
// Vectors are handed over by address: by value, their calling convention would depend on the instruction set. A file
// has its loops twice, for any processor and for AVX2, and asks `has_avx2` which it may run. Not target_clones: their
// resolver runs before a sanitizer is ready.
#ifndef GW_LANES_H
#define GW_LANES_H

#include <stdbool.h>
#include <stdint.h>

#define GW_INLINE static inline __attribute__((always_inline))

enum {
    GW_LANE_COUNT = 8,
};

// Unaligned, and two registers where there is no wide one.
typedef float gw_lanes __attribute__((vector_size(4 * GW_LANE_COUNT), aligned(4), may_alias));
typedef uint32_t gw_bits __attribute__((vector_size(4 * GW_LANE_COUNT), aligned(4), may_alias));
typedef int32_t gw_whole __attribute__((vector_size(4 * GW_LANE_COUNT), aligned(4), may_alias));

#ifdef __x86_64__
#define GW_FOR_AVX2 __attribute__((target("avx2")))

static inline bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
#define GW_FOR_AVX2

static inline bool has_avx2(void)
{
    return false;
}
#endif

#endif

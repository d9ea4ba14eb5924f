// rng.h: counter-based random numbers. A stream is a 64-bit key; draw k of it is a hash of (key, k), so
// nothing has to be advanced, saved or shared, and no result depends on who asked first.
#ifndef GW_RNG_H
#define GW_RNG_H

#include <stdint.h>

// Purposes of streams: each has its own key, so that using one never shifts another.
typedef enum gw_purpose {
    GW_PURPOSE_WORLD = 1,
    GW_PURPOSE_SPAWN = 2,
    GW_PURPOSE_ORDER = 3,
    GW_PURPOSE_EVENT = 4
} gw_purpose;

// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that mixes all 64 bits.
static inline uint64_t gw_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t gw_combine(uint64_t key, uint64_t value)
{
    return gw_mix(key + 0x9e3779b97f4a7c15u + gw_mix(value));
}

static inline uint64_t gw_stream_key(uint64_t seed, int64_t env, int64_t episode, gw_purpose purpose)
{
    uint64_t key = gw_combine(seed, (uint64_t)env);
    key = gw_combine(key, (uint64_t)episode);
    return gw_combine(key, (uint64_t)purpose);
}

static inline uint64_t gw_draw(uint64_t key, uint64_t counter)
{
    return gw_mix(key + (counter + 1) * 0x9e3779b97f4a7c15u);
}

// A draw from 0..n-1. The bias of multiply-and-shift is below n / 2^32: at most 1 in 4,000 for a full
// 1024 x 1024 map, and always the same on every platform.
static inline int32_t gw_draw_below(uint64_t key, uint64_t counter, int32_t n)
{
    return (int32_t)(((gw_draw(key, counter) >> 32) * (uint64_t)n) >> 32);
}

#endif

// fuzz.h: bytes of a fuzzer turned into games, maps and actions. Each target is one LLVMFuzzerTestOneInput, so that
// libFuzzer, the soak and the driver without a fuzzer (driver.c) run the same code.
#ifndef GW_FUZZ_H
#define GW_FUZZ_H

#include "../gridworld.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Takes bytes from the front; zeros once there are none left.
typedef struct reader {
    const uint8_t *data;
    size_t size;
} reader;

uint8_t read_byte(reader *r);
int32_t read_below(reader *r, int32_t limit); // 0..limit - 1
int32_t read_any(reader *r);                  // any 32 bits: mostly small, sometimes absurd

// A game whose tables are mostly valid: what contradicts itself the engine must refuse.
void draw_rules(reader *r, gw_rules_def *rules);

// A map for it: a wall around, and cells of every sort within.
gw_map_def draw_map(reader *r, const gw_rules_def *rules, uint8_t cells[], int32_t capacity);

// Whatever must hold, holds, or the process ends here and the fuzzer keeps the input.
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif

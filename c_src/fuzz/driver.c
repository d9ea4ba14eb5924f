// driver.c: runs a fuzz target where there is no libFuzzer: random inputs, all of which follow from the seed.
//
//     driver SECONDS SEED
#include "../rng.h"
#include "fuzz.h"

#include <time.h>

enum { MAX_INPUT = 2048 };

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s SECONDS SEED\n", argv[0]);
        return 2;
    }
    time_t end = time(NULL) + strtol(argv[1], NULL, 10);
    uint64_t seed = strtoull(argv[2], NULL, 10);
    int64_t runs = 0;
    for (; time(NULL) < end; ++runs) {
        uint8_t input[MAX_INPUT];
        uint64_t key = gw_mix(seed + (uint64_t)runs);
        size_t size = (size_t)gw_draw_below(key, 0, MAX_INPUT);
        for (size_t at = 0; at < size; ++at) {
            input[at] = (uint8_t)gw_draw(key, at + 1);
        }
        LLVMFuzzerTestOneInput(input, size);
    }
    printf("%lld inputs from seed %llu\n", (long long)runs, (unsigned long long)seed);
    return 0;
}

// allocations.h: the engine under test is compiled with its allocations sent here (-Dcalloc=test_calloc and so
// on), so that a test can count them and make any one of them fail.
#ifndef GW_TEST_ALLOCATIONS_H
#define GW_TEST_ALLOCATIONS_H

#include <stdint.h>

// Allocations and started threads since the program began.
int64_t allocations_made(void);

// Blocks that are not freed yet.
int64_t allocations_live(void);

// Let `count` more succeed and then fail one; a negative count lets all succeed.
void allocations_fail_after(int64_t count);

#endif

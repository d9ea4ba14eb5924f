// allocations.c: the real allocations, counted. Used by one thread at a time, as create and destroy are.
#undef calloc
#undef malloc
#undef realloc
#undef aligned_alloc
#undef free
#undef pthread_create

#include "allocations.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

void *test_calloc(size_t count, size_t size);
void *test_malloc(size_t size);
void *test_realloc(void *block, size_t size);
void *test_aligned_alloc(size_t alignment, size_t size);
void test_free(void *block);
int test_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

static int64_t made;
static int64_t live;
static int64_t until_failure = -1;

int64_t allocations_made(void)
{
    return made;
}

int64_t allocations_live(void)
{
    return live;
}

void allocations_fail_after(int64_t count)
{
    until_failure = count;
}

static bool may_succeed(void)
{
    made += 1;
    if (until_failure < 0) {
        return true;
    }
    return until_failure-- > 0;
}

static void *counted(void *block)
{
    live += block != NULL;
    return block;
}

void *test_calloc(size_t count, size_t size)
{
    return may_succeed() ? counted(calloc(count, size)) : NULL;
}

void *test_malloc(size_t size)
{
    return may_succeed() ? counted(malloc(size)) : NULL;
}

void *test_realloc(void *block, size_t size)
{
    live -= block != NULL;
    return may_succeed() ? counted(realloc(block, size)) : NULL;
}

void *test_aligned_alloc(size_t alignment, size_t size)
{
    return may_succeed() ? counted(aligned_alloc(alignment, size)) : NULL;
}

void test_free(void *block)
{
    live -= block != NULL;
    free(block);
}

int test_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    return may_succeed() ? pthread_create(thread, attributes, start, argument) : EAGAIN;
}

// test_macros.h: the whole test harness. A subject is a file with static tests and one suite function that
// runs them; a test that nobody runs is an unused function, which the compiler refuses.
//
//     tests                    run everything
//     tests rules              run one subject
//     tests rules damaged      ... and of that only tests whose name contains "damaged"
#ifndef GW_TEST_MACROS_H
#define GW_TEST_MACROS_H

#include "../internal.h"

#include <stdlib.h>

#define RUN(test) test_run(#test, test)
#define CHECK(condition) test_check(__FILE__, __LINE__, (condition), #condition)
#define CHECK_INT(actual, expected) test_check_int(__FILE__, __LINE__, (actual), (expected), #actual)
#define CHECK_FLOAT(actual, expected) test_check_float(__FILE__, __LINE__, (actual), (expected), #actual)
#define CHECK_TEXT(actual, expected) test_check_text(__FILE__, __LINE__, (actual), (expected), #actual)
#define CHECK_HASH(actual, expected) test_check_hash(__FILE__, __LINE__, (actual), (expected), #actual)

// A test goes on after a failed check; its name and the count are printed at the end.
void test_run(const char *name, void (*test)(void));
void test_check(const char *file, int line, bool passed, const char *what);
void test_check_int(const char *file, int line, int64_t actual, int64_t expected, const char *what);
void test_check_float(const char *file, int line, float actual, float expected, const char *what);
void test_check_text(const char *file, int line, const char *actual, const char *expected, const char *what);
void test_check_hash(const char *file, int line, uint64_t actual, uint64_t expected, const char *what);

// The subjects, each in the file of its name.
#define TEST_SUITES(X)                                                                                                 \
    X(rules)                                                                                                           \
    X(maps)                                                                                                            \
    X(moves)                                                                                                           \
    X(objects)                                                                                                         \
    X(rewards)                                                                                                         \
    X(masks)                                                                                                           \
    X(episodes)                                                                                                        \
    X(observations)                                                                                                    \
    X(onehot)                                                                                                          \
    X(heads)                                                                                                           \
    X(snapshots)                                                                                                       \
    X(threads)                                                                                                         \
    X(lifetimes)                                                                                                       \
    X(damage)                                                                                                          \
    X(goldens)

#define TEST_DECLARE_SUITE(name) void suite_##name(void);
TEST_SUITES(TEST_DECLARE_SUITE)

#endif

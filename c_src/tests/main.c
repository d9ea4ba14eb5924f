// main.c: runs the subjects and tests that the command line names.
#include "test_macros.h"

static const char *wanted_test = "";
static const char *present_test = "";
static int run_count;
static int failure_count;

void test_run(const char *name, void (*test)(void))
{
    if (strstr(name, wanted_test) == NULL) {
        return;
    }
    int before = failure_count;
    present_test = name;
    run_count += 1;
    test();
    if (failure_count != before) {
        printf("FAILED %s\n", name);
    }
}

static void fail(const char *file, int line)
{
    failure_count += 1;
    printf("%s:%d: %s: ", file, line, present_test);
}

void test_check(const char *file, int line, bool passed, const char *what)
{
    if (!passed) {
        fail(file, line);
        printf("not so: %s\n", what);
    }
}

void test_check_int(const char *file, int line, int64_t actual, int64_t expected, const char *what)
{
    if (actual != expected) {
        fail(file, line);
        printf("%s is %lld, expected %lld\n", what, (long long)actual, (long long)expected);
    }
}

// Exact: rewards are float32 sums in a fixed order.
void test_check_float(const char *file, int line, float actual, float expected, const char *what)
{
    if (!(actual == expected)) {
        fail(file, line);
        printf("%s is %.9g, expected %.9g\n", what, (double)actual, (double)expected);
    }
}

void test_check_text(const char *file, int line, const char *actual, const char *expected, const char *what)
{
    if (strcmp(actual, expected) != 0) {
        fail(file, line);
        printf("%s is\n%s\nexpected\n%s\n", what, actual, expected);
    }
}

void test_check_hash(const char *file, int line, uint64_t actual, uint64_t expected, const char *what)
{
    if (actual != expected) {
        fail(file, line);
        printf("%s is 0x%016llx, expected 0x%016llx\n", what, (unsigned long long)actual, (unsigned long long)expected);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } suites[] = {
#define TEST_SUITE_ENTRY(name) {#name, suite_##name},
        TEST_SUITES(TEST_SUITE_ENTRY)};

    setvbuf(stdout, NULL, _IOLBF, 0); // so that a sanitizer's abort loses no line
    wanted_test = argc > 2 ? argv[2] : "";
    for (size_t i = 0; i < sizeof suites / sizeof *suites; ++i) {
        if (argc < 2 || strcmp(argv[1], suites[i].name) == 0) {
            suites[i].run();
        }
    }
    printf("%d tests, %d failed checks\n", run_count, failure_count);
    return run_count == 0 || failure_count != 0;
}

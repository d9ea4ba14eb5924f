// pool.c: workers that wait for a job. The caller is worker 0; the others spin for a moment, because the
// next step usually comes within microseconds, and then sleep, because the cores are shared with a screen.
#include "internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum {
    GW_SPIN_LIMIT =
        2000, // 50 to 100 us by processor: a wake-up from sleep costs as much, a longer spin robs the learner
    // The caller waits longer before it sleeps. If both slept after the same time, each would wake the other
    // just after it went to sleep, step after step.
    GW_CALLER_SPIN_LIMIT = 10 * GW_SPIN_LIMIT,
    // Now and then a spinner gives its core away: the one it waits for may be queued up on the same core, and
    // two that can run, unlike two that sleep by turns, are soon put on different ones.
    GW_SPINS_PER_YIELD = 32,
};

typedef struct gw_worker {
    gw_pool *pool;
    pthread_t thread;
    int32_t index;
} gw_worker;

struct gw_pool {
    int32_t thread_count;
    int32_t started; // threads that run, worker 0 not counted
    gw_worker *workers;
    pthread_mutex_t mutex;
    pthread_cond_t job_posted;
    pthread_cond_t job_done;
    atomic_uint job;    // number of the present job; a change wakes the workers
    atomic_int pending; // workers that have not finished it
    atomic_bool stopping;
    gw_work *work; // written before `job` changes, read after
    void *context;
    int32_t count;
};

static inline void relax(int32_t spin)
{
    if (spin % GW_SPINS_PER_YIELD == GW_SPINS_PER_YIELD - 1) {
        sched_yield();
        return;
    }
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

static void run_slice(gw_pool *pool, int32_t worker)
{
    int32_t first = (int32_t)((int64_t)pool->count * worker / pool->thread_count);
    int32_t last = (int32_t)((int64_t)pool->count * (worker + 1) / pool->thread_count);
    if (first < last) {
        pool->work(pool->context, first, last);
    }
}

static void wait_for_job(gw_pool *pool, unsigned seen)
{
    for (int32_t spin = 0; spin < GW_SPIN_LIMIT; ++spin) {
        if (atomic_load_explicit(&pool->job, memory_order_acquire) != seen) {
            return;
        }
        relax(spin);
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->job) == seen) {
        pthread_cond_wait(&pool->job_posted, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

static void finish_job(gw_pool *pool)
{
    if (atomic_fetch_sub(&pool->pending, 1) == 1) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_signal(&pool->job_done);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void *worker_main(void *argument)
{
    gw_worker *worker = argument;
    gw_pool *pool = worker->pool;
    for (unsigned seen = 0;; ++seen) {
        wait_for_job(pool, seen);
        if (atomic_load(&pool->stopping)) {
            return NULL;
        }
        run_slice(pool, worker->index);
        finish_job(pool);
    }
}

static void post_job(gw_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add_explicit(&pool->job, 1, memory_order_release);
    pthread_cond_broadcast(&pool->job_posted);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_until_done(gw_pool *pool)
{
    for (int32_t spin = 0; spin < GW_CALLER_SPIN_LIMIT; ++spin) {
        if (atomic_load_explicit(&pool->pending, memory_order_acquire) == 0) {
            return;
        }
        relax(spin);
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->pending) != 0) {
        pthread_cond_wait(&pool->job_done, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

void gw_pool_run(gw_pool *pool, gw_work *work, void *context, int32_t count)
{
    if (pool->thread_count == 1 || count < 2) {
        work(context, 0, count);
        return;
    }
    pool->work = work;
    pool->context = context;
    pool->count = count;
    atomic_store(&pool->pending, pool->thread_count - 1);
    post_job(pool);
    run_slice(pool, 0);
    wait_until_done(pool);
}

gw_pool *gw_pool_create(int32_t thread_count)
{
    gw_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->thread_count = thread_count;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->job_posted, NULL);
    pthread_cond_init(&pool->job_done, NULL);
    pool->workers = calloc((size_t)thread_count, sizeof *pool->workers);
    for (int32_t i = 1; pool->workers != NULL && i < thread_count; ++i) {
        gw_worker *worker = &pool->workers[i];
        *worker = (gw_worker){.pool = pool, .index = i};
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
            break;
        }
        pool->started += 1;
    }
    if (pool->workers == NULL || pool->started != thread_count - 1) {
        gw_pool_destroy(pool);
        return NULL;
    }
    return pool;
}

void gw_pool_destroy(gw_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    atomic_store(&pool->stopping, true);
    post_job(pool);
    for (int32_t i = 1; i <= pool->started; ++i) {
        pthread_join(pool->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->job_done);
    pthread_cond_destroy(&pool->job_posted);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}

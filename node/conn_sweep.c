/* SPDX-License-Identifier: Apache-2.0 */
#include "node/conn_part.h"

/* ---- the minute's work, three jobs of the store thread ---- */

static enum err job_sweep(struct txn *t, void *arg)
{
    struct loop *l = arg;
    bool more = false;

    TRY(serve_keep(t, &l->sweep_env, l->sweep_now, &l->sweep_time));
    TRY(serve_tick(t, &l->sweep_env, l->sweep_now, &more));
    l->sweep_more |= more;
    return OK;
}

static enum err job_spread(struct txn *t, void *arg)
{
    struct loop *l = arg;
    bool more = false;

    TRY(serve_tell(t, &l->sweep_env, l->sweep_now, &more));
    l->sweep_more |= more;
    return OK;
}

static enum err job_tidy(struct txn *t, void *arg)
{
    struct loop *l = arg;
    bool more = false;

    TRY(serve_tick_drops(t, &l->sweep_env, l->sweep_now, &more));
    l->sweep_more |= more;
    return OK;
}

static void sweep_done(void *arg, enum err result, enum store_outcome outcome)
{
    struct loop *l = arg;

    (void)outcome;
    conn_tell(l, result, &l->sweep_told);
    if (result != OK)
        LOG(ERROR, EV_STORE_FAILED, F_ERR(result));
}

static void spread_done(void *arg, enum err result, enum store_outcome outcome)
{
    (void)arg;
    (void)outcome;
    if (result != OK)
        LOG(ERROR, EV_STORE_FAILED, F_ERR(result));
}

/* The last of the three: done in the order they were handed over. */
static void tidy_done(void *arg, enum err result, enum store_outcome outcome)
{
    struct loop *l = arg;

    (void)outcome;
    if (result != OK)
        LOG(ERROR, EV_STORE_FAILED, F_ERR(result));
    (void)pthread_mutex_lock(&l->mutex);
    l->sweeping = false;
    (void)pthread_mutex_unlock(&l->mutex);
    (void)uv_async_send(&l->woken); /* as in job_done */
}

/* False while a sweep runs. *out_more: the last one left something to do. */
static bool sweep_may(struct loop *l, bool *out_more)
{
    (void)pthread_mutex_lock(&l->mutex);
    bool busy = l->sweeping;
    *out_more = !busy && l->sweep_more;
    (void)pthread_mutex_unlock(&l->mutex);
    return !busy;
}

static void sweep_start(struct loop *l)
{
    loop_ask_kernel(l);
    l->sweep_now = loop_now(l);
    l->sweep_env = l->env;
    l->sweep_told = (struct told){ 0 };
    l->sweep_env.told = &l->sweep_told;
    l->sweep_time = l->time;
    l->sweep_more = false;
    l->sweeping = true;
    l->sweep = (struct store_job){ .fn = job_sweep, .done = sweep_done, .arg = l };
    l->spread = (struct store_job){ .fn = job_spread, .done = spread_done, .arg = l };
    l->tidy = (struct store_job){ .fn = job_tidy, .done = tidy_done, .arg = l };
    store_submit(l->store, &l->sweep);
    store_submit(l->store, &l->spread);
    store_submit(l->store, &l->tidy);
}

void sweep_over(struct loop *l, uint64_t now)
{
    bool more = false;

    if (!sweep_may(l, &more))
        return;
    bool minute = now >= l->sweep_at_ms;
    if (!minute && (!more || now < l->swept_ms + MORE_MS))
        return;
    if (minute) {
        l->sweep_at_ms = now + SWEEP_MS;
        store_tick(l->store);
    }
    l->swept_ms = now;
    sweep_start(l);
}

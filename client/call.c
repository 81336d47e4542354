/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "client/call_part.h"

enum { OUT_CAP = PEER_HANDSHAKE_OUT + 2 * PEER_FRAME_MAX };

static void on_deadline(uv_timer_t *timer)
{
    struct round *r = timer->data;
    for (size_t i = 0; i < r->n; i++) {
        struct talk *t = &r->talks[i];
        if (t->state == TALK_OVER)
            continue;
        /* Somebody who only says goodbye has all that was asked for. */
        if (t->state != TALK_LEAVING)
            t->call->err = t->call->stage == CALL_IDLE ? ERR_UNREACHABLE : ERR_TIMEOUT;
        talk_over(t);
    }
}

void round_leave(struct round *r, const struct call *over)
{
    if (--r->open == 0)
        uv_close((uv_handle_t *)&r->deadline, NULL);
    else if (over->alone && over->err == OK)
        MUST(uv_timer_start(&r->deadline, on_deadline, 0, 0) == 0);
}

static enum err talk_init(struct talk *t, struct call *c, struct round *r)
{
    c->err = ERR_UNREACHABLE;
    c->stage = CALL_IDLE;
    t->call = c;
    t->round = r;
    t->in = calloc(1, PEER_FRAME_MAX);
    t->out = (struct buf){ .p = calloc(1, OUT_CAP), .cap = OUT_CAP };
    return t->in != NULL && t->out.p != NULL ? OK : ERR_NOMEM;
}

static void talk_start(struct talk *t)
{
    MUST(uv_timer_init(&t->round->loop, &t->patience) == 0);
    t->patience.data = t;
    for (size_t i = 0; i < t->call->n_addresses; i++)
        dial_address(t, &t->call->addresses[i], i);
    dial_next(t);
}

static enum err round_init(struct round *r, struct call *calls, size_t n)
{
    r->talks = calloc(n, sizeof *r->talks);
    r->body = calloc(1, PEER_BODY_MAX);
    r->rep = calloc(1, msg_struct_max());
    if (r->talks == NULL || r->body == NULL || r->rep == NULL)
        return ERR_NOMEM;
    r->n = n;
    for (size_t i = 0; i < n; i++)
        TRY(talk_init(&r->talks[i], &calls[i], r));
    return OK;
}

static void round_done(struct round *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->talks[i].in);
        free(r->talks[i].out.p);
    }
    if (r->rep != NULL)
        secret_wipe(r->rep, msg_struct_max());
    free(r->talks);
    free(r->body);
    free(r->rep);
}

static enum err round_run(struct round *r)
{
    if (uv_loop_init(&r->loop) != 0)
        return ERR_NOMEM;
    MUST(uv_timer_init(&r->loop, &r->deadline) == 0);
    MUST(uv_timer_start(&r->deadline, on_deadline, r->deadline_ms, 0) == 0);
    r->deadline.data = r;
    r->open = r->n;
    for (size_t i = 0; i < r->n; i++)
        talk_start(&r->talks[i]);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT); /* returns when nothing is open */
    MUST(uv_loop_close(&r->loop) == 0);
    return OK;
}

enum err call_round(struct call *calls, size_t n, uint32_t deadline_ms,
                    const struct rng *rng)
{
    MUST(n <= CALL_MAX);
    if (n == 0)
        return OK;
    struct round r = { .deadline_ms = deadline_ms, .rng = rng };
    enum err e = round_init(&r, calls, n);
    if (e == OK)
        e = round_run(&r);
    round_done(&r);
    return e;
}

void call_addresses(struct call *c, const struct roster_address *addresses, size_t n)
{
    for (size_t i = 0; i < n && c->n_addresses < ADDRESSES_MAX; i++) {
        if (address_get(addresses[i].at, &c->addresses[c->n_addresses]) == OK)
            c->n_addresses++;
    }
}

static const char *version_text(enum call_older older)
{
    if (older == OLDER_HERE)
        return "speaks a later version of Kith than this program: update kith here.";
    if (older == OLDER_NODE)
        return "speaks an older version of Kith than this program: ask for it to be "
               "updated there.";
    return "speaks another version of Kith than this program: the older of the two has "
           "to "
           "be updated.";
}

void call_sentence(const struct call *c, const char *who, char *out, size_t cap)
{
    const char *text = "did not answer. Is it switched on and connected?";
    if (c->err == ERR_TIMEOUT)
        text = "took too long to answer.";
    else if (c->err == ERR_CLOSED)
        text = "ended the conversation before its answer. Nothing is done twice: run the "
               "same command again.";
    else if (c->err == ERR_FORMAT)
        text = "answered something that is not understood.";
    else if (c->err == ERR_REFUSED && c->stage <= CALL_MET)
        text = "is not what answers at this address, or speaks a very different version "
               "of Kith.";
    else if (c->err == ERR_VERSION)
        text = version_text(c->older);
    else if (c->err == ERR_REFUSED && c->stage == CALL_KNOWN)
        text =
            "did not let us in: the link was used, has expired or is for someone else.";
    else if (c->err != ERR_UNREACHABLE) {
        (void)snprintf(out, cap, "%s says: %s", who, err_text(c->err));
        return;
    }
    (void)snprintf(out, cap, "%s %s", who, text);
}

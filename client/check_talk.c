/* SPDX-License-Identifier: Apache-2.0 */
/* What is said in a check: one conversation with one node, and what catches it. */
#include "client/check_part.h"

enum {
    HEAD_TRIES = 3, /* times that another device may push in between */
    WAITS_MAX = 40, /* times that a busy node is waited for */
    WAIT_MOST_MS = 5000
};

void check_caught(struct check_work *w, enum check_fault f)
{
    struct check_place *p = w->place;
    if (p->fault == CHECK_FINE ||
        (check_fault_of_piece(f) && !check_fault_of_piece(p->fault)))
        p->fault = f;
}

static bool is_zero(const uint8_t hash[HASH_BYTES])
{
    static const uint8_t none[HASH_BYTES];
    return bytes_equal(bytes_of(hash, HASH_BYTES), BYTES_OF(none));
}

static void ask_head(struct check_work *w, struct call_send *out)
{
    w->heads++;
    *out = (struct call_send){ MSG_HEAD_GET, &w->get };
}

/* The next batch; with the first one the circle. */
static void ask_check(struct check_work *w, struct call_send *out)
{
    static const struct batch none;
    const struct batch *b = w->next < w->n_batches ? &w->batches[w->next] : &none;
    w->check = (struct req_check){ .epoch = w->asked_epoch || !w->kept ? 0 : w->epoch };
    memcpy(w->check.nonce, w->all->nonce, sizeof w->check.nonce);
    if (b->n > 0)
        w->check.ids = bytes_of(w->ids + b->first * VAULT_ID, b->n * VAULT_ID);
    *out = (struct call_send){ MSG_CHECK, &w->check };
}

/* A newer head than we know is another device's; an older one is none. */
static void took_head(struct check_work *w, const struct rep_head_get *rep)
{
    uint8_t hash[HASH_BYTES];
    memset(w->want_head, 0, HASH_BYTES);
    w->strange_n = 0;
    w->shown = rep->head.n > 0 ? rep->version : 0;
    if (w->shown < w->version) {
        check_caught(w, CHECK_BACK);
        return;
    }
    check_digest(w->all->nonce, &rep->head, 1, w->want_head);
    if (w->shown > w->version && rep->head.n <= sizeof w->strange) {
        memcpy(w->strange, rep->head.p, rep->head.n);
        w->strange_n = rep->head.n;
    }
    vault_head_hash(rep->head, hash);
    if (w->shown == w->version && !bytes_equal(BYTES_OF(hash), BYTES_OF(w->head)))
        check_caught(w, CHECK_BACK);
}

static void judge_epoch(struct check_work *w, const struct rep_check *rep)
{
    if (w->check.epoch == 0)
        return;
    w->asked_epoch = true;
    if (is_zero(rep->epoch))
        check_caught(w, CHECK_GONE);
    else if (!bytes_equal(BYTES_OF(rep->epoch), BYTES_OF(w->want_epoch)))
        check_caught(w, CHECK_PIECE);
    w->list_gone =
        w->has_list && !bytes_equal(BYTES_OF(rep->list), BYTES_OF(w->want_list));
}

/* What another device dropped since may be missing: then nothing is said of it. */
static void judge_objects(struct check_work *w, const struct rep_check *rep)
{
    if (w->next >= w->n_batches)
        return;
    const struct batch *b = &w->batches[w->next++];
    if (rep->missing.n > 0) {
        w->missing = true;
        if (w->shown <= w->version)
            check_caught(w, CHECK_LOST);
        return;
    }
    if (!bytes_equal(BYTES_OF(rep->objects), BYTES_OF(b->want)))
        check_caught(w, CHECK_VAULT);
    else
        w->place->objects += b->n;
}

/* Between head and digest another device may push: then it is asked again. */
static bool head_moved(struct check_work *w, const struct rep_check *rep)
{
    bool same = bytes_equal(BYTES_OF(rep->head), BYTES_OF(w->want_head));
    if (w->version == 0 || w->heads == 0 || same)
        return false;
    if (w->heads < HEAD_TRIES)
        return true;
    check_caught(w, CHECK_VAULT);
    return false;
}

static enum err took_check(struct check_work *w, const struct rep_check *rep,
                           struct call_send *out)
{
    w->place->time = rep->time;
    judge_epoch(w, rep);
    if (head_moved(w, rep)) {
        ask_head(w, out);
        return OK;
    }
    judge_objects(w, rep);
    if (w->next < w->n_batches)
        ask_check(w, out);
    return OK;
}

static void took_state(struct check_work *w, const struct rep_epoch_state *rep)
{
    for (uint32_t i = 0; i < rep->n_epochs; i++) {
        const struct epoch_line *line = &rep->epochs[i];
        bool held = line->state == EPOCH_ACTIVE || line->state == EPOCH_SUPERSEDED;
        bool same = bytes_equal(BYTES_OF(line->manifest_hash), BYTES_OF(w->newest));
        w->shows = w->shows || (held && same);
    }
}

static void took_ward(struct check_work *w, const struct call_reply *reply)
{
    const struct rep_wards *rep = reply->rep;
    w->heard = reply->err == OK;
    w->reset = w->heard ? rep->reset : 0;
}

/* What to send next; kind 0: that was all. */
static enum err next_step(struct check_work *w, const struct call_reply *reply,
                          struct call_send *out)
{
    if (reply == NULL) {
        *out = (struct call_send){ MSG_WARDS, &w->wards };
        return OK;
    }
    if (reply->kind == MSG_WARDS) {
        took_ward(w, reply);
        if (w->version > 0)
            ask_head(w, out);
        else
            ask_check(w, out);
        return OK;
    }
    TRY(reply->err);
    if (reply->kind == MSG_EPOCH_STATE) {
        took_state(w, reply->rep);
        return OK;
    }
    if (reply->kind == MSG_CHECK) {
        TRY(took_check(w, reply->rep, out));
        if (out->kind == 0 && w->behind)
            *out = (struct call_send){ MSG_EPOCH_STATE, &w->state };
        return OK;
    }
    took_head(w, reply->rep);
    ask_check(w, out);
    return OK;
}

enum err check_step(struct call *c, const struct call_reply *reply, struct call_send *out)
{
    struct check_work *w = c->ctx;
    if (reply != NULL && reply->err == ERR_BUSY && w->waits < WAITS_MAX) {
        w->waits++;
        c->wait_ms = reply->retry_ms < WAIT_MOST_MS ? reply->retry_ms + 1 : WAIT_MOST_MS;
        return OK;
    }
    if (reply == NULL && w->last.kind != 0) {
        *out = w->last;
        return OK;
    }
    enum err e = next_step(w, reply, out);
    w->last = *out;
    return e;
}

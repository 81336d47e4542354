/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tests/sim/world.h"

enum { ATTEMPTS = 6, ACT_2 = 48 };

/* What becomes of one message on its way. */
enum fate { ARRIVES, LOST, CUT_SHORT, ANSWER_LOST, ANSWER_LOST_NODE_DIES };

/* The raw answer, to compare with what comes when it is asked again. */
struct answer_raw {
    uint16_t kind;
    size_t n;
    uint8_t b[65536];
};

static void hang_up(struct line *l)
{
    talk_end(&l->talk);
    l->used = 0;
}

static bool is_same(const struct line *l, size_t h, const struct sim_login *who)
{
    return l->used != 0 && l->house == h && l->role == who->role &&
           bytes_equal(BYTES_OF(l->pub), BYTES_OF(who->pub)) && id_equal(l->id, who->id);
}

/* A free place, or the one silent for longest. */
static struct line *place(struct world *w)
{
    struct line *oldest = &w->lines[0];

    for (size_t i = 0; i < LINES; i++)
        if (w->lines[i].used < oldest->used)
            oldest = &w->lines[i];
    if (oldest->used != 0)
        hang_up(oldest);
    return oldest;
}

static void keep_said(struct line *l, struct bytes said)
{
    if (said.n > sizeof l->said - l->said_n)
        return;
    memcpy(l->said + l->said_n, said.p, said.n);
    l->said_n += said.n;
}

/* To the node and back; what the node says goes where the client reads. */
static enum err carry(struct line *l, struct bytes said)
{
    struct talk *t = &l->talk;
    struct buf back = { .p = t->in + t->in_n, .cap = sizeof t->in - t->in_n };

    keep_said(l, said);
    enum err e = talk_feed(&t->node, said, &back);
    t->in_n += back.n;
    return e == OK || back.n > 0 ? OK : ERR_CLOSED;
}

static void used(struct talk *t, size_t n)
{
    t->in_n -= n;
    memmove(t->in, t->in + n, t->in_n);
}

static enum err shake_hands(struct world *w, struct line *l, const struct sim_login *who)
{
    struct node_sim *n = &w->houses[l->house].n;
    struct talk *t = &l->talk;
    struct buf out = BUF_OF(t->out);
    struct peer_event ev = { 0 };
    struct peer_login login = { .node = n->env.id->node_pub,
                                .key = &who->key,
                                .pub = who->pub,
                                .psk = &who->psk,
                                .id = who->id,
                                .role = (uint8_t)who->role };

    t->in_n = 0;
    talk_accept(&t->node, n);
    TRY(peer_start(&t->peer, &login, &w->rng, &out));
    while (ev.what != PEER_READY) {
        size_t took = 0;

        if (out.n > 0)
            TRY(carry(l, buf_bytes(&out)));
        out.n = 0;
        TRY(peer_feed(&t->peer, (struct span){ t->in, t->in_n }, &took, &out, &ev));
        used(t, took);
        if (ev.what == PEER_NEED_MORE && out.n == 0)
            return ERR_CLOSED;
    }
    return out.n > 0 ? carry(l, buf_bytes(&out)) : OK;
}

static enum err line_to(struct world *w, size_t h, const struct sim_login *who,
                        struct line **out)
{
    struct line *l = NULL;

    if (w->houses[h].down || w->houses[h].cut)
        return ERR_UNREACHABLE;
    for (size_t i = 0; i < LINES; i++)
        if (is_same(&w->lines[i], h, who))
            l = &w->lines[i];
    if (l == NULL) {
        l = place(w);
        l->house = h;
        l->role = who->role;
        memcpy(l->pub, who->pub, PUB_BYTES);
        memcpy(l->id, who->id, ID_BYTES);
        l->said_n = 0;
        enum err e = shake_hands(w, l, who);
        if (e != OK) {
            hang_up(l);
            return e;
        }
    }
    l->used = ++w->asks;
    *out = l;
    return OK;
}

static enum fate fate_of(struct world *w, size_t h)
{
    if (w->calm || !world_chance(w, w->houses[h].loss, 256))
        return ARRIVES;
    return (enum fate)(1 + world_draw(w, 4));
}

/* Half a frame, then nothing: the node must forget it. */
static void cut_short(struct line *l, struct bytes frame)
{
    struct buf back = { .p = l->talk.in, .cap = sizeof l->talk.in };

    (void)talk_feed(&l->talk.node, bytes_of(frame.p, frame.n / 2), &back);
    hang_up(l);
}

/* One message over the line; its answer as it came. */
static enum err exchange(struct world *w, struct line *l, uint16_t kind,
                         struct bytes body, enum fate fate, struct answer_raw *out)
{
    struct talk *t = &l->talk;
    struct buf frame = BUF_OF(t->out);
    struct peer_event ev = { 0 };
    size_t took = 0;

    TRY(peer_send(&t->peer, kind, 1, body, &frame));
    if (fate == LOST || fate == CUT_SHORT) {
        if (fate == CUT_SHORT)
            cut_short(l, buf_bytes(&frame));
        else
            hang_up(l);
        return ERR_TIMEOUT;
    }
    (void)house_now(w, l->house);
    TRY(carry(l, buf_bytes(&frame)));
    TRY(peer_feed(&t->peer, (struct span){ t->in, t->in_n }, &took, &frame, &ev));
    if (ev.what != PEER_FRAME)
        return ERR_CLOSED;
    MUST(ev.body.n <= sizeof out->b);
    out->kind = ev.kind;
    out->n = ev.body.n;
    memcpy(out->b, ev.body.p, ev.body.n);
    used(t, took);
    return OK;
}

/* The answer never arrives; what the node did is done. */
static void lose(struct world *w, struct line *l, enum fate fate)
{
    size_t h = l->house;

    hang_up(l);
    if (fate != ANSWER_LOST_NODE_DIES)
        return;
    world_tell(w, "  node %zu dies before its answer arrives", h);
    house_power_cut(w, h, HOUSE_KNOWS_TIME);
}

/* Ask again until it is known; what was done once is not done twice. */
static enum err until_known(struct world *w, size_t h, const struct sim_login *who,
                            const struct msg_row *row, struct bytes body,
                            struct answer_raw *out)
{
    AUTO_FREE struct answer_raw *first = calloc(1, sizeof *first);
    struct line *l = NULL;

    MUST(first != NULL);
    for (int i = 0;; i++) {
        enum fate fate = i < ATTEMPTS ? fate_of(w, h) : ARRIVES;

        TRY(line_to(w, h, who, &l));
        enum err e = exchange(w, l, row->kind, body, fate, out);
        if (e == ERR_TIMEOUT)
            continue;
        if (e != OK) {
            hang_up(l);
            return e;
        }
        if (row->access == MSG_WRITE && row->kind != MSG_FETCH && first->n > 0 &&
            !bytes_equal(bytes_of(first->b, first->n), bytes_of(out->b, out->n)))
            world_broken(w, "one_op_one_answer", "%s at node %zu", row->name, h);
        if (fate == ARRIVES)
            return OK;
        if (out->kind != MSG_ERROR)
            *first = *out;
        lose(w, l, fate);
    }
}

enum err world_ask(struct world *w, size_t h, const struct sim_login *who, uint16_t kind,
                   const void *req, void *out_rep)
{
    const struct msg_row *row = msg_find(kind);
    AUTO_FREE uint8_t *mem = calloc(1, PEER_BODY_MAX);
    AUTO_FREE struct answer_raw *raw = calloc(1, sizeof *raw);
    struct buf body = { .p = mem, .cap = PEER_BODY_MAX };
    struct node_sim *n = &w->houses[h].n;
    struct rep_error error = { 0 };

    MUST(row != NULL && mem != NULL && raw != NULL);
    MUST(msg_put_req(row, req, &body) == OK);
    TRY(until_known(w, h, who, row, buf_bytes(&body), raw));
    if (raw->kind == MSG_ERROR) {
        MUST(wire_get(&rep_error_schema, bytes_of(raw->b, raw->n), &error) == OK);
        return err_from_wire(error.code);
    }
    if (out_rep == NULL)
        return OK;
    memcpy(n->reply, raw->b, raw->n);
    return msg_get_rep(row, bytes_of(n->reply, raw->n), out_rep);
}

/* ---- what is heard again ---- */

size_t world_replay(struct world *w, size_t h)
{
    struct line *l = &w->lines[world_draw(w, LINES)];
    AUTO_FREE struct talk_end *end = calloc(1, sizeof *end);
    AUTO_FREE uint8_t *back = calloc(1, PEER_FRAME_MAX);
    struct buf out = { .p = back, .cap = PEER_FRAME_MAX };

    MUST(end != NULL && back != NULL);
    if (l->used == 0 || l->house != h || w->houses[h].down)
        return 0;
    talk_accept(end, &w->houses[h].n);
    (void)talk_feed(end, bytes_of(l->said, l->said_n), &out);
    talk_close(end);
    return out.n > ACT_2 ? out.n - ACT_2 : 0;
}

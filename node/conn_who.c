/* SPDX-License-Identifier: Apache-2.0 */
#include "node/conn_part.h"

/* ---- who calls: a credential, or a spoken code ---- */

struct lookup {
    struct conn *conn;
    struct psk *psk;
};

static enum err read_credential(struct txn *t, void *arg)
{
    struct lookup *k = arg;
    struct conn *c = k->conn;

    return serve_credential(t, &c->loop->env, c->now, c->peer.role, c->peer.id,
                            c->peer.remote, &c->who, k->psk);
}

enum err conn_who(struct conn *c)
{
    AUTO_SECRET struct psk *psk = NULL;
    struct lookup k = { .conn = c };

    TRY(secret_new(&psk));
    k.psk = psk;
    c->now = loop_now(c->loop);
    bool found = store_read(c->loop->store, read_credential, &k) == OK;
    return peer_set_psk(&c->peer, found ? psk : NULL);
}

struct spoken {
    struct conn *conn;
    uint8_t gate[KEY_BYTES];
    uint8_t answer[SPOKEN_ANSWER];
};

static enum err read_spoken(struct txn *t, void *arg)
{
    struct spoken *s = arg;
    struct conn *c = s->conn;

    return serve_spoken(t, &c->loop->env, c->now, c->peer.id, s->gate, s->answer);
}

/* Only codes that exist have a bucket: guesses must not make room for each other. */
static bool spoken_rate(struct conn *c)
{
    const struct limits *lim = c->loop->env.limits;
    struct bucket *b = conn_rate(c->loop->spoken, SPOKEN_RATES, c->peer.id);

    return bucket_take(b, lim->spoken_rate, lim->spoken_burst, uv_now(&c->loop->uv));
}

void conn_spoken(struct conn *c)
{
    AUTO_SECRET struct spoken *s = NULL;
    struct buf out = BUF_OF(c->small_out);

    if (secret_new(&s) != OK) {
        conn_end(c);
        return;
    }
    s->conn = c;
    c->now = loop_now(c->loop);
    bool found = store_read(c->loop->store, read_spoken, s) == OK && spoken_rate(c);
    if (peer_answer(&c->peer, found ? s->gate : NULL, BYTES_OF(s->answer), &out) != OK) {
        conn_end(c);
        return;
    }
    c->last = true;
    conn_write(c, buf_bytes(&out));
}

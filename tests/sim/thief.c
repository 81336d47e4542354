/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/thief.h"

#include <stdio.h>
#include <stdlib.h>

enum { OBJECT = 300, FRAME = OBJECT + 4, OBJECTS = 16, NOTHING = 0 };

/* The thief at one seat, in one role. */
struct at {
    struct thief *t;
    struct people *p;
    const struct seat *s;
    const struct made *m;
    const struct sim_login *who;
    const struct sign_seed *sign;
    size_t seat;
};

/* ---- the vault ---- */

static struct bytes object_of(size_t mark, uint8_t out[OBJECT])
{
    for (size_t i = 0; i < OBJECT; i++)
        out[i] = (uint8_t)(mark * 31 + i * 7);
    return bytes_of(out, OBJECT);
}

static void ids_put(size_t first, size_t n, struct buf *out)
{
    uint8_t object[OBJECT];
    uint8_t id[VAULT_ID];

    for (size_t i = first; i < first + n; i++) {
        vault_object_id(object_of(i, object), id);
        buf_put(out, BYTES_OF(id));
    }
}

static struct bytes objects_of(size_t first, size_t n)
{
    static uint8_t mem[OBJECTS * FRAME];
    struct buf out = BUF_OF(mem);
    uint8_t object[OBJECT];

    for (size_t i = first; i < first + n; i++)
        vault_frame_put(object_of(i, object), &out);
    MUST(!out.over);
    return buf_bytes(&out);
}

/* Slices are good until the next call. */
static void head_req(struct people *p, size_t seat, const struct sim_login *who,
                     const struct sign_seed *sign, struct req_head_set *out)
{
    static uint8_t raw[VAULT_HEAD_MAX];
    static uint8_t body[SEAL_OVERHEAD + 32];
    struct buf b = BUF_OF(raw);
    struct vault_head head = { .version = 1, .body = BYTES_OF(body) };
    struct req_head_get get = { 0 };
    struct rep_head_get rep = { 0 };

    if (world_ask(&p->w, p->seats[seat].house, who, MSG_HEAD_GET, &get, &rep) == OK) {
        head.version = rep.version + 1;
        if (rep.head.n > 0)
            vault_head_hash(rep.head, head.before);
    }
    rng_fill(&p->w.rng, body, sizeof body);
    memcpy(head.ward, p->seats[seat].o.ward, ID_BYTES);
    crypt_sign_public(sign, head.signer);
    if (who->role == ROLE_DEVICE) /* as the owner let it in */
        vault_signer_make(&p->seats[seat].robbed.account, head.signer, head.let_in);
    vault_head_make(&head, sign, &b);
    *out = (struct req_head_set){ .head = buf_bytes(&b), .witness = BYTES_OF(body) };
    rng_fill(&p->w.rng, out->op, ID_BYTES);
}

enum err vault_head_push(struct people *p, size_t seat, const struct sim_login *who,
                         const struct sign_seed *sign, size_t n)
{
    struct req_head_set req;

    head_req(p, seat, who, sign, &req);
    req.objects = objects_of(0, n);
    return world_ask(&p->w, p->seats[seat].house, who, MSG_HEAD_SET, &req, NULL);
}

bool vault_gives(struct people *p, size_t seat, const struct sim_login *who,
                 uint64_t version, size_t n)
{
    uint8_t ids[OBJECTS * VAULT_ID];
    struct buf wanted = BUF_OF(ids);
    struct req_vault_get get = { 0 };
    struct rep_vault_get got = { 0 };
    struct req_head_get head = { .version = version };
    struct rep_head_get is = { 0 };
    struct vault_head h = { 0 };
    size_t house = p->seats[seat].house;

    ids_put(0, n, &wanted);
    get.ids = buf_bytes(&wanted);
    if (world_ask(&p->w, house, who, MSG_VAULT_GET, &get, &got) != OK ||
        !bytes_equal(got.objects, objects_of(0, n)))
        return false;
    return world_ask(&p->w, house, who, MSG_HEAD_GET, &head, &is) == OK &&
           vault_head_open(is.head, &h) == OK && h.version == version;
}

/* ---- what he says ---- */

static void say_nothing(struct at *a, void *req)
{
    (void)a;
    (void)req;
}

static void say_op(struct at *a, void *req)
{
    rng_fill(&a->p->w.rng, req, ID_BYTES);
}

static void say_hello(struct at *a, void *req)
{
    (void)a;
    ((struct req_hello *)req)->version = 1;
}

/* A machine of his own. */
static void say_cred_new(struct at *a, void *req)
{
    struct req_cred_new *r = req;
    struct sign_seed sign;

    say_op(a, r);
    r->type = CRED_DEVICE;
    rng_fill(&a->p->w.rng, r->id, ID_BYTES);
    rng_fill(&a->p->w.rng, r->psk, KEY_BYTES);
    rng_fill(&a->p->w.rng, r->stat, PUB_BYTES);
    rng_fill(&a->p->w.rng, sign.b, KEY_BYTES);
    crypt_sign_public(&sign, r->sign);
}

/* The owner's sheet opens nothing any more. */
static void say_cred_drop(struct at *a, void *req)
{
    struct req_cred_drop *r = req;

    say_op(a, r);
    memcpy(r->id, a->s->sheet.id, ID_BYTES);
}

static void say_next(struct at *a, void *req)
{
    struct req_epoch_next *r = req;

    say_op(a, r);
    r->epoch = a->m->c.m.epoch;
}

static void say_prepare(struct at *a, void *req)
{
    struct req_epoch_next next = { 0 };
    struct rep_epoch_next rep = { 0 };

    say_next(a, &next); /* its own again: what it says is signed into the descriptor */
    (void)world_ask(&a->p->w, a->s->house, a->who, MSG_EPOCH_NEXT, &next, &rep);
    people_prepare_req(a->p, a->m, a->seat, rep.ack, req);
}

static void say_commit(struct at *a, void *req)
{
    struct req_epoch_commit *r = req;

    say_op(a, r);
    r->epoch = a->m->c.m.epoch;
    memcpy(r->manifest_hash, a->m->c.hash, HASH_BYTES);
}

/* Guardians who live elsewhere: of what he made active. */
static void say_roster(struct at *a, void *req)
{
    struct req_roster_put *r = req;

    say_op(a, r);
    r->epoch = a->m->c.m.epoch;
    memcpy(r->manifest_hash, a->m->c.hash, HASH_BYTES);
    r->roster = bytes_text("nobody whom the owner knows");
}

static void say_state(struct at *a, void *req)
{
    (void)a;
    ((struct req_epoch_state *)req)->want = EPOCH_WANT_MOVE;
}

static void say_retire(struct at *a, void *req)
{
    (void)people_retire_req(a->p, a->m, a->seat, true, req);
}

static void say_abort(struct at *a, void *req)
{
    struct req_epoch_abort *r = req;

    say_op(a, r);
    r->epoch = a->m->c.m.epoch;
}

static void say_cert(struct at *a, void *req)
{
    struct req_cert_put *r = req;

    say_op(a, r);
    r->epoch = a->m->c.m.epoch;
    memcpy(r->manifest_hash, a->m->c.hash, HASH_BYTES);
    r->people = people_of(a->p, a->m, true);
}

static void say_check(struct at *a, void *req)
{
    struct req_check *r = req;

    r->epoch = a->p->made[0].c.m.epoch;
    rng_fill(&a->p->w.rng, r->nonce, sizeof r->nonce);
}

/* By people he made up, and by what was typed for the owner. */
static void say_end(struct at *a, void *req)
{
    struct req_ward_end *r = req;

    say_op(a, r);
    memcpy(r->ward, a->s->o.ward, ID_BYTES);
    r->people = a->t->heard == NULL
                    ? people_of(a->p, a->m, true)
                    : bytes_of(a->t->heard->people, a->t->heard->people_n);
}

static void say_requests(struct at *a, void *req)
{
    (void)a;
    ((struct req_requests *)req)->all = 1;
}

static void say_request(struct at *a, void *req)
{
    memcpy(((struct req_request *)req)->request, a->t->theirs->request, ID_BYTES);
}

/* Of the owner's request; the first bytes are the op id. */
static void say_of_theirs(struct at *a, void *req)
{
    struct req_stop *r = req;

    say_op(a, r);
    memcpy(r->request, a->t->theirs->request, ID_BYTES);
}

/* Asks the guardian to confirm his circle. */
static void say_open(struct at *a, void *req)
{
    struct req_open *r = req;
    struct dh_key key;

    say_op(a, r);
    r->kind = REQUEST_CONFIRM;
    r->purpose = PURPOSE_EPOCH;
    memcpy(r->subject, a->t->dealt == NULL ? a->m->c.hash : a->t->dealt->c.hash,
           HASH_BYTES);
    rng_fill(&a->p->w.rng, a->t->nonce, sizeof a->t->nonce);
    commitment_of(a->t->nonce, r->commitment);
    rng_fill(&a->p->w.rng, key.b, KEY_BYTES);
    crypt_dh_public(&key, r->stat);
    rng_fill(&a->p->w.rng, key.b, KEY_BYTES);
    crypt_dh_public(&key, r->seal);
    rng_fill(&a->p->w.rng, r->psk, KEY_BYTES);
    memcpy(r->sign, a->p->seats[0].robbed.account_pub, PUB_BYTES);
}

/* What the owner's requester opened: with the nonce of nobody. */
static void say_reveal(struct at *a, void *req)
{
    struct req_reveal *r = req;

    say_of_theirs(a, r);
    memcpy(r->nonce, a->t->nonce, sizeof r->nonce);
}

/*
 * His own root: by people of a circle that he dealt, where there is one; or by what
 * guardians typed for the owner's new root, in whose MOVE he is not.
 */
static void say_move(struct at *a, void *req)
{
    static struct new_root his;

    root_keys(a->p, &his);
    root_words(a->p, &his, a->t->dealt == NULL ? &a->p->made[0] : a->t->dealt, EVERYBODY,
               true);
    if (a->t->heard != NULL) {
        memcpy(his.people, a->t->heard->people, a->t->heard->people_n);
        his.people_n = a->t->heard->people_n;
    }
    root_move_req(a->p, &his, a->seat, req);
}

static void say_drop_create(struct at *a, void *req)
{
    struct req_drop_create *r = req;

    say_op(a, r);
    r->rule = DROP_RULE_HOLDER;
    r->keep = 86400;
    r->blobs = 4;
}

/* The ward's alerts, by name. */
static void alerts_of(struct at *a, uint8_t out[ID_BYTES])
{
    struct req_drop_list list = { .which = DROP_ALERTS };
    AUTO_FREE struct rep_drop_list *rep = calloc(1, sizeof *rep);

    MUST(rep != NULL);
    if (world_ask(&a->p->w, a->s->house, a->who, MSG_DROP_LIST, &list, rep) == OK)
        memcpy(out, rep->drop, ID_BYTES);
    else
        rng_fill(&a->p->w.rng, out, ID_BYTES);
}

static void say_drop_put(struct at *a, void *req)
{
    struct req_drop_put *r = req;

    say_op(a, r);
    alerts_of(a, r->drop);
    r->blob = bytes_text("nothing has happened");
}

static void say_drop_list(struct at *a, void *req)
{
    (void)a;
    ((struct req_drop_list *)req)->which = DROP_ALERTS;
}

static void say_drop_get(struct at *a, void *req)
{
    (void)a;
    ((struct req_drop_get *)req)->which = DROP_ALERTS;
    ((struct req_drop_get *)req)->seq = 1;
}

/* As if the alerts had been read. */
static void say_drop_ack(struct at *a, void *req)
{
    AUTO_FREE struct rep_drop_list *rep = calloc(1, sizeof *rep);
    struct req_drop_list list = { .which = DROP_ALERTS };
    struct req_drop_ack *r = req;

    MUST(rep != NULL);
    say_op(a, r);
    r->which = DROP_ALERTS;
    r->seq = 1;
    if (world_ask(&a->p->w, a->s->house, a->who, MSG_DROP_LIST, &list, rep) == OK &&
        rep->n_lines > 0)
        drop_chain(rep->head, rep->lines[0].seq, rep->lines[0].received,
                   rep->lines[0].hash, r->head);
}

static void say_drop_watch(struct at *a, void *req)
{
    (void)a;
    ((struct req_drop_watch *)req)->which = DROP_ALERTS;
}

static void say_drop_close(struct at *a, void *req)
{
    struct req_drop_close *r = req;

    say_op(a, r);
    alerts_of(a, r->drop);
}

static void say_drill(struct at *a, void *req)
{
    struct req_drill_ask *r = req;

    say_op(a, r);
    r->epoch = 1;
    rng_fill(&a->p->w.rng, r->challenge, sizeof r->challenge);
}

static void say_vault_have(struct at *a, void *req)
{
    (void)a;
    ((struct req_vault_have *)req)->list = 1;
}

static void say_vault_put(struct at *a, void *req)
{
    struct req_vault_put *r = req;

    say_op(a, r);
    r->objects = objects_of(OBJECTS, 1);
}

static void say_vault_get(struct at *a, void *req)
{
    static uint8_t ids[VAULT_ID];
    struct buf b = BUF_OF(ids);

    (void)a;
    ids_put(0, 1, &b);
    ((struct req_vault_get *)req)->ids = buf_bytes(&b);
}

/* Everything is to go. */
static void say_head_set(struct at *a, void *req)
{
    static uint8_t ids[OBJECTS * VAULT_ID];
    struct req_head_set *r = req;
    struct buf b = BUF_OF(ids);

    head_req(a->p, a->seat, a->who, a->sign, r);
    ids_put(0, OBJECTS, &b);
    r->dropped = buf_bytes(&b);
}

/* ---- the table ---- */

/* In the order a thief would: what he deals is brought before he wants the rest gone. */
struct row {
    uint16_t kind;
    void (*fill)(struct at *a, void *req);
    enum err account[2]; /* THIEF_FIRST, THIEF_LATE */
    enum err device[2];
};

#define SAME(x)                                                                          \
    {                                                                                    \
        x, x                                                                             \
    }
#define THEN(x, y)                                                                       \
    {                                                                                    \
        x, y                                                                             \
    }
#define NOT_ALLOWED                                                                      \
    {                                                                                    \
        ERR_REFUSED, ERR_REFUSED                                                         \
    }

static const struct row rows[] = {
    { MSG_HELLO, say_hello, SAME(OK), SAME(OK) },
    { MSG_SEAT_INFO, say_nothing, SAME(OK), NOT_ALLOWED },
    { MSG_CRED_LIST, say_nothing, SAME(OK), NOT_ALLOWED },
    { MSG_CRED_NEW, say_cred_new, THEN(OK, ERR_MOVED), NOT_ALLOWED },
    { MSG_CRED_DROP, say_cred_drop, THEN(OK, ERR_MOVED), NOT_ALLOWED },
    { MSG_WARDS, say_nothing, SAME(OK), SAME(OK) },
    { MSG_EPOCH_STATE, say_state, SAME(OK), SAME(OK) },
    { MSG_EPOCH_NEXT, say_next, THEN(OK, ERR_MOVED), NOT_ALLOWED },
    { MSG_EPOCH_PREPARE, say_prepare, THEN(OK, ERR_MOVED), NOT_ALLOWED },
    { MSG_EPOCH_COMMIT, say_commit, THEN(OK, ERR_MOVED), NOT_ALLOWED },
    { MSG_ROSTER_PUT, say_roster, THEN(OK, ERR_MOVED), NOT_ALLOWED },
    { MSG_EPOCH_ABORT, say_abort, THEN(ERR_STATE, ERR_MOVED), NOT_ALLOWED },
    { MSG_CERT_PUT, say_cert, THEN(ERR_CERT, ERR_MOVED), NOT_ALLOWED },
    { MSG_RETIRE, say_retire, THEN(ERR_CERT, ERR_MOVED), NOT_ALLOWED },
    { MSG_WARD_END, say_end, THEN(ERR_CERT, ERR_MOVED), NOT_ALLOWED },
    { MSG_MOVE, say_move, THEN(ERR_CERT, ERR_CERT), NOT_ALLOWED },
    { MSG_CHECK, say_check, SAME(OK), SAME(OK) },
    { MSG_REQUESTS, say_requests, SAME(OK), SAME(OK) },
    { MSG_REQUEST, say_request, SAME(OK), SAME(OK) },
    { MSG_OPEN, say_open, SAME(OK), NOT_ALLOWED },
    { MSG_REVEAL, say_reveal, SAME(ERR_UNKNOWN), NOT_ALLOWED },
    { MSG_FETCH, say_of_theirs, SAME(ERR_UNKNOWN), NOT_ALLOWED },
    { MSG_STOP, say_of_theirs, SAME(OK), SAME(OK) },
    { MSG_ALERT_TEST, say_op, SAME(OK), SAME(OK) },
    { MSG_DROP_CREATE, say_drop_create, SAME(OK), SAME(OK) },
    { MSG_DROP_PUT, say_drop_put, SAME(ERR_REFUSED), SAME(ERR_REFUSED) },
    { MSG_DROP_LIST, say_drop_list, SAME(OK), SAME(OK) },
    { MSG_DROP_GET, say_drop_get, SAME(OK), SAME(OK) },
    { MSG_DROP_ACK, say_drop_ack, SAME(ERR_REFUSED), SAME(ERR_REFUSED) },
    { MSG_DROP_WATCH, say_drop_watch, SAME(OK), SAME(OK) },
    { MSG_DROP_CLOSE, say_drop_close, SAME(ERR_UNKNOWN), SAME(ERR_UNKNOWN) },
    { MSG_DRILL_ASK, say_drill, SAME(OK), SAME(OK) },
    { MSG_DRILL_LIST, say_nothing, SAME(OK), SAME(OK) },
    { MSG_VAULT_HAVE, say_vault_have, SAME(OK), SAME(OK) },
    { MSG_VAULT_PUT, say_vault_put, THEN(OK, ERR_MOVED), THEN(OK, ERR_MOVED) },
    { MSG_VAULT_GET, say_vault_get, SAME(OK), SAME(OK) },
    { MSG_HEAD_GET, say_nothing, SAME(OK), SAME(OK) },
    { MSG_HEAD_SET, say_head_set, THEN(OK, ERR_MOVED), THEN(OK, ERR_MOVED) },
    { MSG_BYE, say_nothing, SAME(OK), SAME(OK) },
};

static const struct row *row_of(uint16_t kind)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].kind == kind)
            return &rows[i];
    return NULL;
}

bool thief_is_late(uint16_t kind)
{
    const struct row *row = row_of(kind);

    return row != NULL && row->account[THIEF_LATE] == ERR_MOVED;
}

bool thief_is_refused(uint16_t kind, enum role role)
{
    const struct row *row = row_of(kind);

    MUST(row != NULL);
    enum err e = role == ROLE_DEVICE ? row->device[0] : row->account[0];
    return e == ERR_CERT || e == ERR_REFUSED || e == ERR_UNKNOWN;
}

/* ---- saying it ---- */

static struct at at_seat(struct thief *t, size_t seat, enum role role)
{
    const struct seat *s = &t->p->seats[seat];
    bool device = role == ROLE_DEVICE;

    return (struct at){ .t = t,
                        .p = t->p,
                        .s = s,
                        .m = t->garbage,
                        .who = device ? &s->robbed_device : &s->robbed.login,
                        .sign = device ? &s->robbed_device_sign : &s->robbed.account,
                        .seat = seat };
}

static enum err say(struct at *a, const struct row *row)
{
    AUTO_FREE uint8_t *req = calloc(1, msg_struct_max());
    struct rep_stop stop = { 0 };
    bool stops = row->kind == MSG_STOP;

    MUST(req != NULL);
    row->fill(a, req);
    enum err e =
        world_ask(&a->p->w, a->s->house, a->who, row->kind, req, stops ? &stop : NULL);

    if (stops && e == OK)
        saw_stop(a->p, a->t->theirs, a->who->role == ROLE_OWNER, e, &stop);
    return e;
}

enum err thief_says(struct thief *t, size_t seat, enum role role, uint16_t kind)
{
    struct at a = at_seat(t, seat, role);
    const struct row *row = row_of(kind);

    MUST(row != NULL);
    return say(&a, row);
}

/* What a row says; over: nobody comes in, and whoever is in is shown out. */
static bool as_it_should(const struct row *row, enum role role, enum thief_when when,
                         enum err e)
{
    if (when == THIEF_OVER)
        return e == ERR_CLOSED || e == ERR_REFUSED;
    return e == (role == ROLE_DEVICE ? row->device[when] : row->account[when]);
}

static size_t missing(uint32_t roles)
{
    size_t n = 0;

    for (size_t i = 0; i < msg_count; i++) {
        if ((msg_rows[i].roles & roles) == 0 || row_of(msg_rows[i].kind) != NULL)
            continue;
        (void)fprintf(stderr, "no thief says %s\n", msg_rows[i].name);
        n++;
    }
    return n;
}

size_t thief_says_all(struct thief *t, size_t seat, enum role role, enum thief_when when)
{
    struct at a = at_seat(t, seat, role);
    size_t wrong = missing(MAY(ROLE_OWNER) | MAY(ROLE_DEVICE));

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum err e = say(&a, &rows[i]);

        t->done[when] += e == OK;
        t->refused[when] += e != OK;
        if (as_it_should(&rows[i], role, when, e))
            continue;
        (void)fprintf(stderr, "%s, %s, %u: %s\n", msg_find(rows[i].kind)->name,
                      role_name(role), (unsigned)when, err_name(e));
        wrong++;
    }
    world_hang_up(&t->p->w, a.s->house); /* he said BYE */
    return wrong;
}

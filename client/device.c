/* SPDX-License-Identifier: Apache-2.0 */
#include "client/device.h"

#include <strings.h>

/* ---- the entries ---- */

struct day_device *device_find(struct day *d, struct bytes name)
{
    for (size_t i = 0; i < d->n_devices; i++) {
        struct day_device *e = &d->devices[i];
        if (e->removed == 0 && e->name.n == name.n &&
            strncasecmp((const char *)e->name.p, (const char *)name.p, name.n) == 0)
            return e;
    }
    return NULL;
}

size_t device_left(const struct day_device *entry)
{
    size_t n = 0;
    for (uint32_t i = 0; i < entry->n_at; i++)
        n += entry->at[i].state != DEVICE_OUT;
    return n;
}

/* The node let the root after the old one in, and shut out all that came by that. */
static bool is_new_there(const struct day *d, const uint8_t seat[SEAT_BYTES])
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), bytes_of(seat, SEAT_BYTES)))
            return d->guardians[i].progress == GUARDIAN_READY;
    return false; /* nobody's who was asked */
}

void device_settle(struct day *d)
{
    for (size_t i = 0; i < d->n_devices; i++) {
        struct day_device *e = &d->devices[i];
        bool by_root = e->removed == 0 || e->removed == d->me.moved;
        if (!by_root || e->since > d->me.moved || d->me.moved == 0)
            continue;
        e->removed = d->me.moved;
        for (uint32_t k = 0; k < e->n_at; k++)
            if (is_new_there(d, e->at[k].seat))
                e->at[k].state = DEVICE_OUT;
    }
}

enum err device_room(struct day *d)
{
    if (d->n_devices < DAY_DEVICES)
        return OK;
    for (size_t i = 0; i < d->n_devices; i++) {
        if (d->devices[i].removed == 0 || device_left(&d->devices[i]) > 0)
            continue;
        d->n_devices--;
        memmove(&d->devices[i], &d->devices[i + 1],
                (d->n_devices - i) * sizeof d->devices[0]);
        return OK;
    }
    return ERR_FULL;
}

/* ---- a day box for another machine ---- */

static bool has_node(const struct day_guardian *g)
{
    return g->kind == PIECE_NODE && g->n_node == 1 && g->progress >= GUARDIAN_ENROLLED;
}

/* What belongs to this machine alone: conversations, marks, programs that are told. */
static void forget_mine(struct day *d)
{
    struct day_me *me = &d->me;
    d->n_formers = 0;
    d->n_seats = 0;
    d->n_invites = 0;
    d->n_wards = 0;
    me->owner_tested = me->guard_tested = me->owner_sent = me->guard_sent = 0;
    me->watched = me->failed = me->reset = 0;
    me->timer = 0;
    me->n_handlers = 0;
}

static void forget_talk(struct day_guardian *g)
{
    confirm_forget(g);
    memset(g->request, 0, ID_BYTES);
    memset(g->token, 0, TOKEN_BYTES);
    g->request_state = 0;
    g->requested = 0;
    if (g->n_node == 1)
        g->node[0].acked = 0; /* its own marks are signed with another key */
}

/* A helper learns nothing that opens a restore, nor plans a circle. */
static void forget_root(struct day *d)
{
    struct day_me *me = &d->me;
    memset(me->guard_sign, 0, PUB_BYTES);
    memset(me->guard_seal, 0, PUB_BYTES);
    me->n_next = 0;
    for (size_t i = 0; i < d->n_guardians; i++)
        secret_wipe(d->guardians[i].roster_token, sizeof d->guardians[i].roster_token);
}

static enum err entry_at(struct day_device *e, const struct day_guardian *g)
{
    struct day_device_at *at = &e->at[e->n_at];
    struct req_cred_new req = { 0 };
    TRY(guardian_device_req(g, &req));
    *at = (struct day_device_at){ .state = DEVICE_UNSURE };
    memcpy(at->seat, g->seat, SEAT_BYTES);
    memcpy(at->cred, req.id, ID_BYTES);
    memcpy(at->sign, req.sign, PUB_BYTES);
    secret_wipe(&req, sizeof req);
    e->n_at++;
    return OK;
}

/* An entry about the machine whose day box d is. */
static enum err entry_of(const struct day *d, struct day_device *out)
{
    memcpy(out->id, d->me.device, ID_BYTES);
    for (size_t i = 0; i < d->n_guardians; i++)
        if (has_node(&d->guardians[i]))
            TRY(entry_at(out, &d->guardians[i]));
    return OK;
}

/* The new machine knows of this one. */
static enum err tell_of_me(const struct day *d, struct day *made)
{
    struct bytes name = d->me.device_name;
    if (made->n_devices == DAY_DEVICES)
        return OK;
    struct day_device *e = &made->devices[made->n_devices];
    *e = (struct day_device){ .full = 1 };
    TRY(entry_of(d, e));
    for (uint32_t i = 0; i < e->n_at; i++)
        e->at[i].state = DEVICE_IN;
    e->name = day_keep(made, name.n > 0 ? name : bytes_text("the first machine"));
    made->n_devices++;
    return OK;
}

static enum err copy_day(const struct day *d, struct day **out)
{
    AUTO_BLOB struct home_blob b = { 0 };
    TRY(day_encode(d, &b));
    return day_decode(bytes_of(b.p, b.n), out);
}

/* Keys of its own for each guardian's node. */
static enum err new_keys(struct day *made, const struct root_key *root,
                         const struct rng *rng)
{
    for (size_t i = 0; i < made->n_guardians; i++) {
        struct day_guardian *g = &made->guardians[i];
        forget_talk(g);
        guardian_new_device(g, rng);
        if (has_node(g))
            TRY(guardian_let_in(g, root));
    }
    return OK;
}

static enum err made_day(const struct day *d, struct bytes name, enum device_kind kind,
                         const struct root_key *root, const struct params *p,
                         struct day **out)
{
    AUTO_DAY struct day *made = NULL;
    TRY(copy_day(d, &made));
    forget_mine(made);
    TRY(new_keys(made, root, p->rng));
    if (kind == DEVICE_HELPER)
        forget_root(made);
    made->me.helper = kind == DEVICE_HELPER;
    rng_fill(p->rng, made->me.device, ID_BYTES);
    made->me.device_name = day_keep(made, name);
    made->me.device_until = p->now() + DEVICE_FILE_S;
    TRY(tell_of_me(d, made));
    *out = made;
    made = NULL; /* the caller's now */
    return OK;
}

enum err device_new(struct day *d, struct bytes name, enum device_kind kind,
                    const struct root_key *root, const struct params *p,
                    struct day **out_day, struct day_device **out_entry)
{
    AUTO_DAY struct day *made = NULL;
    TRY(device_room(d));
    TRY(made_day(d, name, kind, root, p, &made));
    struct day_device *e = &d->devices[d->n_devices];
    *e = (struct day_device){ .full = kind == DEVICE_FULL, .since = p->now() };
    TRY(entry_of(made, e));
    e->name = day_keep(d, name);
    d->n_devices++;
    *out_entry = e;
    *out_day = made;
    made = NULL; /* the caller's now */
    return OK;
}

/* ---- at the nodes ---- */

/* What one conversation works with. */
struct visit {
    struct day_device_at *at;
    struct day_guardian *g;
    bool sent;
    struct req_cred_new in; /* its psk is secret: wiped with the round */
    struct req_cred_drop out;
    struct req_head_get head;
};

static struct day_device_at *at_seat(struct day_device *e, const uint8_t seat[SEAT_BYTES])
{
    for (uint32_t i = 0; i < e->n_at; i++)
        if (bytes_equal(BYTES_OF(e->at[i].seat), bytes_of(seat, SEAT_BYTES)))
            return &e->at[i];
    return NULL;
}

static enum err in_step(struct call *c, const struct call_reply *reply,
                        struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        v->sent = true;
        *out = (struct call_send){ MSG_CRED_NEW, &v->in };
        return OK;
    }
    v->sent = false;
    TRY(reply->err);
    v->at->state = DEVICE_IN;
    return OK;
}

/*
 * Later heads of the machine are not the owner's: it was out before them. Where the node
 * cannot say which is the newest, none is refused: it may be that machine's.
 */
static void out_now(struct day_device_at *at, const struct rep_head_get *rep)
{
    struct vault_head h = { 0 };
    bool is_head = rep != NULL && vault_head_open(rep->head, &h) == OK;
    bool is_none = rep != NULL && rep->head.n == 0;
    at->until = is_head ? h.version : is_none ? 0 : UINT64_MAX;
    at->state = DEVICE_OUT;
}

static enum err out_step(struct call *c, const struct call_reply *reply,
                         struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        v->sent = true;
        *out = (struct call_send){ MSG_CRED_DROP, &v->out };
        return OK;
    }
    v->sent = false;
    if (reply->kind == MSG_CRED_DROP) {
        if (reply->err != ERR_UNKNOWN)
            TRY(reply->err);
        *out = (struct call_send){ MSG_HEAD_GET, &v->head };
        return OK;
    }
    if (reply->err == ERR_BUSY)
        return reply->err; /* asked again, as if nothing was done yet */
    out_now(v->at, reply->err == OK ? reply->rep : NULL);
    return OK;
}

static enum err round_end(struct owner_round *r, const struct params *p,
                          struct device_told *out_told, size_t *out_n)
{
    if (r->n > 0)
        TRY(call_round(r->calls, r->n, p->round_ms, p->rng));
    for (size_t i = 0; i < r->n; i++) {
        const struct visit *v = r->calls[i].ctx;
        guardian_seen(v->g, &r->calls[i], p->now());
        out_told[i].g = v->g;
        /* What became of it is the talk's, and the entry's state. */
        (void)guardian_talk_end(v->g, &r->calls[i], v->sent, &out_told[i].talk);
    }
    *out_n = r->n;
    return OK;
}

enum err device_let_in(struct day *d, const struct day *made, struct day_device *entry,
                       const struct root_key *root, const struct params *p,
                       struct device_told *out_told, size_t *out_n)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    TRY(owner_round_new(&r, d->n_guardians, sizeof(struct visit)));
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct day_device_at *at = at_seat(entry, d->guardians[i].seat);
        struct visit *v = NULL;
        if (at == NULL || !has_node(&d->guardians[i]))
            continue;
        TRY(owner_round_add(&r, root, &d->guardians[i], in_step, (void **)&v));
        v->at = at;
        v->g = &d->guardians[i];
        /* The same guardians in the same order: made is a copy of d. */
        TRY(guardian_device_req(&made->guardians[i], &v->in));
    }
    return round_end(&r, p, out_told, out_n);
}

static enum err take_out_at(struct owner_round *r, struct day_guardian *g,
                            struct day_device *entry, const struct root_key *root,
                            const struct params *p)
{
    struct day_device_at *at = at_seat(entry, g->seat);
    struct visit *v = NULL;
    if (at == NULL || at->state == DEVICE_OUT || !has_node(g))
        return OK;
    TRY(owner_round_add(r, root, g, out_step, (void **)&v));
    v->at = at;
    v->g = g;
    rng_fill(p->rng, v->out.op, ID_BYTES);
    memcpy(v->out.id, at->cred, ID_BYTES);
    return OK;
}

enum err device_take_out(struct day *d, struct day_device *entry,
                         const struct root_key *root, const struct params *p,
                         struct device_told *out_told, size_t *out_n)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    TRY(owner_round_new(&r, d->n_guardians + d->n_formers, sizeof(struct visit)));
    for (size_t i = 0; i < d->n_guardians; i++)
        TRY(take_out_at(&r, &d->guardians[i], entry, root, p));
    for (size_t i = 0; i < d->n_formers; i++)
        TRY(take_out_at(&r, &d->formers[i], entry, root, p));
    return round_end(&r, p, out_told, out_n);
}

/* ---- the file ---- */

static enum err code_pass(const struct spoken_code *code, struct passphrase **out)
{
    AUTO_SECRET struct passphrase *pass = NULL;
    TRY(secret_new(&pass));
    memcpy(pass->b, code->b, SPOKEN_CODE);
    pass->n = SPOKEN_CODE;
    *out = pass;
    pass = NULL; /* the caller's now */
    return OK;
}

enum { BOX_ROOM = 2048 };

/* The root box, sealed by itself, so that it is opened into secret memory only. */
static enum err pack_root(const struct unlocked *u, const struct home_key *key,
                          const struct rng *rng, struct buf *out)
{
    AUTO_SECRET uint8_t *plain = NULL;
    if (u == NULL)
        return OK;
    TRY(secret_alloc(BOX_ROOM, (void **)&plain));
    struct buf b = { .p = plain, .cap = BOX_ROOM };
    wire_put(&root_box_schema, &u->box, &b);
    MUST(!b.over);
    crypt_seal(&key->key, LABEL_HOME_DEVICE_ROOT, (struct bytes){ 0 }, buf_bytes(&b), rng,
               out);
    return out->over ? ERR_TOO_BIG : OK;
}

enum err device_pack(const struct day *made, const struct unlocked *u,
                     const struct spoken_code *code, const struct params *p,
                     struct home_blob *out)
{
    AUTO_SECRET struct passphrase *pass = NULL;
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_BLOB struct home_blob day = { 0 };
    uint8_t root[BOX_ROOM + SEAL_OVERHEAD];
    struct buf r = BUF_OF(root);
    TRY(code_pass(code, &pass));
    TRY(home_key_new(pass, p->home_cost, p->rng, &key));
    TRY(pack_root(u, key, p->rng, &r));
    TRY(day_encode(made, &day));
    return home_image_make(key, buf_bytes(&r), bytes_of(day.p, day.n), p->rng, out);
}

void device_given_done(struct device_given *g)
{
    day_free(g->day);
    secret_free(g->box);
    *g = (struct device_given){ 0 };
}

static enum err unpack_root(struct bytes sealed, const struct home_key *key,
                            struct root_box **out)
{
    AUTO_SECRET uint8_t *plain = NULL;
    AUTO_SECRET struct root_box *box = NULL;
    size_t n = 0;
    if (sealed.n == 0)
        return OK;
    TRY(secret_alloc(BOX_ROOM, (void **)&plain));
    TRY(secret_new(&box));
    enum err e = crypt_open(&key->key, LABEL_HOME_DEVICE_ROOT, (struct bytes){ 0 },
                            sealed, (struct span){ plain, BOX_ROOM }, &n);
    if (e == OK)
        e = wire_get(&root_box_schema, bytes_of(plain, n), box);
    if (e != OK)
        return e == ERR_NOMEM ? e : ERR_CORRUPT;
    *out = box;
    box = NULL; /* the caller's now */
    return OK;
}

enum err device_unpack(struct bytes file, const struct spoken_code *code, uint64_t now,
                       struct device_given *out)
{
    AUTO_DAY struct day *given = NULL;
    AUTO_SECRET struct passphrase *pass = NULL;
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct root_box *box = NULL;
    AUTO_BLOB struct home_blob root = { 0 };
    AUTO_BLOB struct home_blob day = { 0 };
    TRY(code_pass(code, &pass));
    TRY(home_image_open(file, pass, &key, &root, &day));
    TRY(unpack_root(bytes_of(root.p, root.n), key, &box));
    TRY(day_decode(bytes_of(day.p, day.n), &given));
    if (now >= given->me.device_until)
        return ERR_EXPIRED;
    given->me.device_until = 0;
    out->day = given;
    given = NULL; /* the caller's now */
    out->box = box;
    box = NULL; /* the caller's now */
    return OK;
}

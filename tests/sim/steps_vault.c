/* SPDX-License-Identifier: Apache-2.0 */
/* An owner's devices push, and a thief with a day box does; what must be there then. */
#include "node/vault_part.h"
#include "tests/sim/steps.h"

enum { DAY = 86400, OBJECT = 300, FRAME = OBJECT + 4, BRINGS = 4 };

/* ---- objects ---- */

static struct bytes object_of(size_t mark, uint8_t out[OBJECT])
{
    for (size_t i = 0; i < OBJECT; i++)
        out[i] = (uint8_t)(mark + i * 7);
    return bytes_of(out, OBJECT);
}

static void id_of(size_t mark, uint8_t out[VAULT_ID])
{
    uint8_t object[OBJECT];

    vault_object_id(object_of(mark, object), out);
}

/* ---- a push ---- */

struct push {
    size_t seat;
    const struct sim_login *who;
    const struct sign_seed *sign;
    bool brings[VAULT_MARKS];
    bool drops[VAULT_MARKS];
    struct vault_head head;
    uint8_t body[SEAL_OVERHEAD + 32];
    uint8_t raw[VAULT_HEAD_MAX];
    uint8_t objects[BRINGS * FRAME];
    uint8_t ids[VAULT_MARKS * VAULT_ID];
    struct req_head_set req;
};

/* What follows the newest head there. Not OK: it was not said. */
static enum err look_first(struct people *p, struct push *x)
{
    const struct seat *s = &p->seats[x->seat];
    const struct vault_model *v = &p->vaults[x->seat];
    struct req_head_get req = { 0 };
    struct rep_head_get rep = { 0 };

    TRY(world_ask(&p->w, s->house, x->who, MSG_HEAD_GET, &req, &rep));
    if (rep.version < v->heads)
        world_broken(&p->w, "heads_stay", "%s's node has head %u, and said %u",
                     seat_name(x->seat), (unsigned)rep.version, (unsigned)v->heads);
    x->head.version = rep.version + 1;
    if (rep.head.n > 0)
        vault_head_hash(rep.head, x->head.before);
    return OK;
}

static void fill(struct people *p, struct push *x)
{
    const struct seat *s = &p->seats[x->seat];
    struct buf objects = BUF_OF(x->objects);
    struct buf ids = BUF_OF(x->ids);
    struct buf raw = BUF_OF(x->raw);
    uint8_t mem[OBJECT];
    uint8_t id[VAULT_ID];

    for (size_t i = 0; i < VAULT_MARKS; i++) {
        if (x->brings[i])
            vault_frame_put(object_of(i, mem), &objects);
        if (!x->drops[i])
            continue;
        id_of(i, id);
        buf_put(&ids, BYTES_OF(id));
    }
    rng_fill(&p->w.rng, x->body, sizeof x->body);
    rng_fill(&p->w.rng, x->req.op, ID_BYTES);
    memcpy(x->head.ward, s->o.ward, ID_BYTES);
    crypt_sign_public(x->sign, x->head.signer);
    vault_signer_make(x->who == &s->robbed_device ? &s->robbed.account : &s->o.account,
                      x->head.signer, x->head.let_in);
    x->head.body = BYTES_OF(x->body);
    vault_head_make(&x->head, x->sign, &raw);
    x->req.head = buf_bytes(&raw);
    x->req.witness = BYTES_OF(x->body);
    x->req.objects = buf_bytes(&objects);
    x->req.dropped = buf_bytes(&ids);
}

static void saw_push(struct people *p, const struct push *x, enum err e)
{
    struct vault_model *v = &p->vaults[x->seat];

    saw_change(p, x->seat, e, "a push");
    if (e != OK) {
        bool waits = p->wards[x->seat].moved != 0 && !p->seats[x->seat].follows;

        bool thief = x->who == &p->seats[x->seat].robbed_device;

        if (!thief && e != ERR_UNREACHABLE && e != ERR_FROZEN &&
            !(waits && e == ERR_MOVED))
            world_broken(&p->w, "pushes_are_taken", "%s's node: %s", seat_name(x->seat),
                         err_name(e));
        return;
    }
    v->heads = x->head.version;
    vault_head_hash(x->req.head, v->hash);
    for (size_t i = 0; i < VAULT_MARKS; i++) {
        /* What it brings and drops was never in any state. */
        if (x->drops[i] && v->wanted[i])
            v->dropped[i] = p->w.now;
        v->wanted[i] = (v->wanted[i] || x->brings[i]) && !x->drops[i];
    }
}

static void push(struct people *p, struct push *x, const char *who)
{
    enum err e = look_first(p, x);

    if (e == OK) {
        fill(p, x);
        e = world_ask(&p->w, p->seats[x->seat].house, x->who, MSG_HEAD_SET, &x->req,
                      NULL);
        saw_push(p, x, e);
        if (x->who == &p->seats[x->seat].robbed_device)
            saw_old_keys(p, x->seat, e, "a push");
    }
    world_tell(&p->w, "%s pushes head %u to %s: %s", who, (unsigned)x->head.version,
               seat_name(x->seat), err_name(e));
}

bool step_owner_pushes(struct people *p)
{
    size_t seat = world_draw(&p->w, (uint32_t)p->n);
    struct push x = { .seat = seat,
                      .who = &p->seats[seat].device,
                      .sign = &p->seats[seat].device_sign };

    for (int i = 0; i < BRINGS; i++)
        x.brings[world_draw(&p->w, VAULT_MARKS)] = true;
    x.drops[world_draw(&p->w, VAULT_MARKS)] = true;
    push(p, &x, "the owner");
    return true;
}

/* Everything goes, several times, so that nothing older is among the last. */
bool step_thief_pushes(struct people *p)
{
    size_t seat = world_draw(&p->w, (uint32_t)p->n);

    for (int i = 0; i < 4 && p->w.broken == NULL; i++) {
        struct push x = { .seat = seat,
                          .who = &p->seats[seat].robbed_device,
                          .sign = &p->seats[seat].robbed_device_sign };

        for (size_t m = 0; m < VAULT_MARKS; m++)
            x.drops[m] = true;
        push(p, &x, "a thief with a day box");
    }
    return true;
}

/* ---- what must be there ---- */

struct vault_job {
    struct people *p;
    size_t seat;
};

static bool is_there(struct call *c, const uint8_t ward[ID_BYTES], size_t mark)
{
    struct record_object o = { 0 };
    uint8_t id[VAULT_ID];

    id_of(mark, id);
    if (kept_find(c, ward, id, &o) != OK)
        return false;
    struct txn_key key = key_blob(ward, o.seq);

    return txn_has(c->txn, TAB_VAULT_BULK, key_bytes(&key)) == OK;
}

static enum err look(struct txn *t, void *arg)
{
    const struct vault_job *j = arg;
    struct people *p = j->p;
    const struct vault_model *v = &p->vaults[j->seat];
    const struct seat *s = &p->seats[j->seat];
    uint8_t mem[4096];
    struct call c = { .txn = t,
                      .env = &p->w.houses[s->house].n.env,
                      .mem = { .p = mem, .cap = sizeof mem } };
    struct record_vault now = { 0 };
    struct txn_key key = key_id(s->o.ward);

    for (size_t i = 0; i < VAULT_MARKS; i++) {
        bool must =
            v->wanted[i] || (v->dropped[i] != 0 && p->w.now < v->dropped[i] + 30 * DAY);

        if (must && !is_there(&c, s->o.ward, i))
            world_broken(&p->w, "vault_loses_nothing", "object %zu is not at %s's node",
                         i, seat_name(j->seat));
    }
    if (v->heads == 0)
        return OK;
    enum err e = record_get(&c, TAB_VAULT, &record_vault_schema, &key, &now);
    if (e != OK || now.newest != v->heads ||
        !bytes_equal(BYTES_OF(now.newest_hash), BYTES_OF(v->hash)))
        world_broken(&p->w, "heads_stay", "head %u is not the newest at %s's node",
                     (unsigned)v->heads, seat_name(j->seat));
    return OK;
}

void oracle_look_vault(struct people *p, size_t seat)
{
    struct vault_job job = { p, seat };
    struct house *h = &p->w.houses[p->seats[seat].house];

    if (!h->down)
        MUST(store_read(h->n.store, look, &job) == OK);
}

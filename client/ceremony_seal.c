/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_seal.h"

#include "proto/slip39.h"

/* ---- the journal: an open part of records, a sealed part of two keys ---- */

enum { FILE_HEAD = 1, FILE_SEAT = 2 };

static const struct wire_field group_fields[] = {
    W_UINT(manifest_group, t, 1, WIRE_MUST, 16),
    W_UINT(manifest_group, n, 2, WIRE_MUST, 16),
};
static const struct wire_schema group_schema = W_SCHEMA(manifest_group, group_fields);

static const struct wire_field head_fields[] = {
    W_UINT(seal_head, phase, 1, WIRE_MUST, SEAL_COMMIT),
    W_UINT(seal_head, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_UINT(seal_head, made, 3, WIRE_MUST, UINT64_MAX),
    W_UINT(seal_head, roster_number, 4, WIRE_MAY, UINT32_MAX),
    W_UINT(seal_head, group_threshold, 5, WIRE_MUST, GROUPS_MAX),
    W_LIST(seal_head, groups, 6, WIRE_MUST, 1, &group_schema),
    W_UINT(seal_head, hold, 7, WIRE_MAY, HOLD_MAX_S),
    W_UINT(seal_head, stop_hold, 8, WIRE_MAY, STOP_HOLD_MAX_S),
    W_UINT(seal_head, roster_mode, 9, WIRE_MAY, ROSTER_NEVER),
    W_FIX(seal_head, manifest_hash, 10, WIRE_MAY),
    W_BYTES(seal_head, manifest, 11, WIRE_MAY, 0, MANIFEST_MAX),
    W_BYTES(seal_head, manifest_sealed, 12, WIRE_MAY, 0, MANIFEST_MAX + SEAL_OVERHEAD),
    W_BYTES(seal_head, roster_sealed, 13, WIRE_MAY, 0, ROSTER_MAX + SEAL_OVERHEAD),
};
static const struct wire_schema head_schema = W_SCHEMA(seal_head, head_fields);

static const struct wire_field seat_fields[] = {
    W_FIX(seal_seat, seat, 1, WIRE_MUST),
    W_UINT(seal_seat, group, 2, WIRE_MAY, GROUPS_MAX - 1),
    W_UINT(seal_seat, index, 3, WIRE_MAY, CIRCLE_GROUP_MAX - 1),
    W_UINT(seal_seat, stage, 4, WIRE_MAY, SEAT_ACTIVE),
    W_FIX(seal_seat, op_cred, 5, WIRE_MUST),
    W_FIX(seal_seat, op_next, 6, WIRE_MUST),
    W_FIX(seal_seat, op_prepare, 7, WIRE_MUST),
    W_FIX(seal_seat, op_commit, 8, WIRE_MUST),
    W_FIX(seal_seat, ack_key, 9, WIRE_MAY),
    W_BYTES(seal_seat, box_piece, 10, WIRE_MAY, 0, BOX_MAX),
    W_BYTES(seal_seat, box_roster, 11, WIRE_MAY, 0, BOX_MAX),
    W_BYTES(seal_seat, descriptor, 12, WIRE_MAY, 0, DESCRIPTOR_MAX),
    W_BYTES(seal_seat, ack, 13, WIRE_MAY, 0, SIGNED_MAX),
};
static const struct wire_schema seat_schema = W_SCHEMA(seal_seat, seat_fields);

struct seal_memory {
    struct seal_memory *next;
    uint8_t b[];
};

static enum err keep(struct seal *s, struct bytes in, struct bytes *out)
{
    struct seal_memory *m = calloc(1, sizeof *m + in.n + 1);
    if (m == NULL)
        return ERR_NOMEM;
    if (in.n > 0)
        memcpy(m->b, in.p, in.n);
    m->next = s->memory;
    s->memory = m;
    *out = bytes_of(m->b, in.n);
    return OK;
}

void seal_free(struct seal *s)
{
    while (s != NULL && s->memory != NULL) {
        struct seal_memory *next = s->memory->next;
        free(s->memory);
        s->memory = next;
    }
    free(s);
}

static enum err save(const struct seal *s, const struct seal_work *w)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_SECRET struct home_key *key = NULL;
    TRY(blob_put(&open, FILE_HEAD, &head_schema, &s->head));
    for (size_t i = 0; i < s->n; i++)
        TRY(blob_put(&open, FILE_SEAT, &seat_schema, &s->seats[i]));
    TRY(home_journal_key(&w->unlocked->root, &key));
    return home_write(w->home, HOME_JOURNAL, key, bytes_of(open.p, open.n),
                      (struct bytes){ 0 }, w->params->rng);
}

static enum err decode(struct bytes in, struct seal *s)
{
    uint8_t kind = 0;
    struct bytes body = { 0 };
    TRY(blob_next(&in, &kind, &body));
    if (kind != FILE_HEAD)
        return ERR_CORRUPT;
    TRY(wire_get(&head_schema, body, &s->head));
    while (in.n > 0) {
        TRY(blob_next(&in, &kind, &body));
        if (kind != FILE_SEAT || s->n == DAY_GUARDIANS)
            return ERR_CORRUPT;
        TRY(wire_get(&seat_schema, body, &s->seats[s->n]));
        s->n++;
    }
    return OK;
}

enum err seal_load(struct home *h, const struct root_key *root, struct seal **out)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SEAL struct seal *s = NULL;
    struct bytes raw = { 0 };
    uint8_t none[1];
    size_t n = 0;
    TRY(home_read_open(h, HOME_JOURNAL, &open));
    TRY(home_journal_key(root, &key));
    /* The sealed part is empty; opening it proves that the open part is ours. */
    TRY(home_read_sealed(h, HOME_JOURNAL, key, SPAN_OF(none), &n));
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    TRY(keep(s, bytes_of(open.p, open.n), &raw));
    TRY(decode(raw, s) == OK ? OK : ERR_CORRUPT);
    *out = s;
    s = NULL; /* the caller's now */
    return OK;
}

enum err seal_peek(struct home *h, enum seal_phase *out)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_SEAL struct seal *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    TRY(home_read_open(h, HOME_JOURNAL, &open));
    if (decode(bytes_of(open.p, open.n), s) != OK)
        return ERR_CORRUPT;
    *out = (enum seal_phase)s->head.phase;
    return OK;
}

/* ---- beginning ---- */

enum err seal_begin(const struct day *d, const struct params *p, struct seal **out)
{
    struct seal *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    s->head = (struct seal_head){ .phase = SEAL_NEXT,
                                  .epoch = d->me.epoch + 1,
                                  .made = p->now(),
                                  .roster_number = d->me.next_roster,
                                  .group_threshold = d->me.group_threshold,
                                  .n_groups = d->me.n_groups,
                                  .hold = d->me.hold,
                                  .stop_hold = d->me.stop_hold,
                                  .roster_mode = d->me.roster_mode };
    memcpy(s->head.groups, d->me.groups, sizeof s->head.groups);
    s->n = d->n_guardians;
    for (size_t i = 0; i < s->n; i++) {
        struct seal_seat *seat = &s->seats[i];
        MUST(d->guardians[i].kind == PIECE_NODE);
        memcpy(seat->seat, d->guardians[i].seat, SEAT_BYTES);
        circle_place(&d->me, i, &seat->group, &seat->index);
        rng_fill(p->rng, seat->op_cred, ID_BYTES);
        rng_fill(p->rng, seat->op_next, ID_BYTES);
        rng_fill(p->rng, seat->op_prepare, ID_BYTES);
        rng_fill(p->rng, seat->op_commit, ID_BYTES);
    }
    *out = s;
    return OK;
}

static struct day_guardian *find(struct day *d, const struct seal_seat *seat)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), BYTES_OF(seat->seat)))
            return &d->guardians[i];
    }
    return NULL;
}

/* seal_run has looked before. */
static struct day_guardian *guardian_of(struct day *d, const struct seal_seat *seat)
{
    struct day_guardian *g = find(d, seat);
    MUST(g != NULL);
    return g;
}

/* ---- counting ---- */

void seal_count(const struct seal *s, enum seal_stage stage, struct circle_count *out)
{
    *out = (struct circle_count){ { 0 } };
    for (size_t i = 0; i < s->n; i++)
        out->of[s->seats[i].group] += s->seats[i].stage >= stage;
}

static bool all_at(const struct seal *s, enum seal_stage stage)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->seats[i].stage < stage)
            return false;
    }
    return true;
}

bool seal_enough(const struct seal *s, enum seal_stage stage)
{
    struct day_me plan = { .group_threshold = s->head.group_threshold,
                           .n_groups = s->head.n_groups };
    struct circle_count c;
    memcpy(plan.groups, s->head.groups, sizeof plan.groups);
    seal_count(s, stage, &c);
    return all_at(s, stage) || circle_spare(&plan, &c) >= 1;
}

/* ---- making the epoch ---- */

/* Everything secret of the making; secret memory. */
struct making {
    struct escrow_key escrow;
    struct sign_seed owner;
    struct box_content content;
    struct slip39_share shares[PIECES_MAX];
};

static enum err split(const struct seal *s, const struct params *p, struct making *m)
{
    AUTO_SECRET uint8_t *draw = NULL;
    struct slip39_plan plan = { .ext = 1,
                                .group_threshold = s->head.group_threshold,
                                .group_count = (uint8_t)s->head.n_groups };
    for (uint32_t g = 0; g < s->head.n_groups; g++) {
        plan.groups[g].t = s->head.groups[g].t;
        plan.groups[g].n = s->head.groups[g].n;
    }
    TRY(slip39_plan_check(&plan));
    MUST(slip39_plan_shares(&plan) == s->n && s->n <= PIECES_MAX);
    size_t n = slip39_draw_size(&plan, KEY_BYTES);
    TRY(secret_alloc(n, (void **)&draw));
    rng_fill(p->rng, draw, n);
    rng_fill(p->rng, m->escrow.b, KEY_BYTES);
    return slip39_split(BYTES_OF(m->escrow.b), (struct bytes){ 0 }, &plan,
                        bytes_of(draw, n), m->shares);
}

/* The i-th piece into place (PIECE_BYTES, secret memory). */
static void piece_of(const struct making *m, size_t i, uint8_t *out_piece)
{
    struct buf b = { .p = out_piece, .cap = PIECE_BYTES };
    slip39_piece_encode(&m->shares[i], &b);
    MUST(!b.over && b.n == PIECE_BYTES);
}

static enum err make_manifest(struct seal *s, const struct seal_work *w, struct making *m)
{
    AUTO_FREE struct manifest *mf = calloc(1, sizeof *mf);
    AUTO_FREE uint8_t *raw = calloc(1, MANIFEST_MAX);
    if (mf == NULL || raw == NULL)
        return ERR_NOMEM;
    *mf = (struct manifest){ .version = 1,
                             .epoch = s->head.epoch,
                             .group_threshold = s->head.group_threshold,
                             .n_groups = s->head.n_groups,
                             .n_pieces = (uint32_t)s->n,
                             .hold = s->head.hold,
                             .stop_hold = s->head.stop_hold,
                             .made = s->head.made };
    memcpy(mf->circle, w->day->me.circle, ID_BYTES);
    memcpy(mf->groups, s->head.groups, sizeof mf->groups);
    for (size_t i = 0; i < s->n; i++) {
        struct manifest_piece *piece = &mf->pieces[i];
        *piece = (struct manifest_piece){ .group = s->seats[i].group,
                                          .index = s->seats[i].index,
                                          .kind = PIECE_NODE };
        memcpy(piece->approval, guardian_of(w->day, &s->seats[i])->approval, PUB_BYTES);
        piece_of(m, i, m->content.piece);
        piece_public(m->content.piece, piece->piece_key);
    }
    struct buf out = { .p = raw, .cap = MANIFEST_MAX };
    TRY(manifest_make(mf, &w->unlocked->root, &m->escrow, w->params->rng, &out));
    manifest_hash(buf_bytes(&out), s->head.manifest_hash);
    return keep(s, buf_bytes(&out), &s->head.manifest);
}

/* Where the roster entry's texts and token come from. */
static enum err roster_entry_make(const struct seal *s, const struct seal_work *w,
                                  const struct day_guardian *g, struct roster_entry *out)
{
    AUTO_SECRET struct guardian_pass *pass = NULL;
    const struct day_node *node = &g->node[0];
    *out = (struct roster_entry){ .name = g->name,
                                  .reach = g->reach,
                                  .generation = g->generation,
                                  .n_addresses = node->n_addresses };
    memcpy(out->node_key, node->node_key, PUB_BYTES);
    memcpy(out->seat, g->seat, SEAT_BYTES);
    memcpy(out->sign_pub, g->sign_pub, PUB_BYTES);
    memcpy(out->seal_pub, g->seal_pub, PUB_BYTES);
    memcpy(out->addresses, node->addresses, sizeof out->addresses);
    TRY(secret_new(&pass));
    TRY(guardian_pass(&w->unlocked->root, g, STANDING_ROSTER, s->head.roster_number,
                      pass));
    memcpy(out->credential, pass->token, TOKEN_STANDING);
    return OK;
}

static enum err make_roster(struct seal *s, const struct seal_work *w,
                            const struct seal_key *key)
{
    AUTO_FREE struct roster *r = calloc(1, sizeof *r);
    AUTO_FREE uint8_t *raw = calloc(1, ROSTER_MAX + SEAL_OVERHEAD);
    enum err e = OK;
    if (r == NULL || raw == NULL)
        return ERR_NOMEM;
    r->epoch = s->head.epoch;
    r->n_entries = (uint32_t)s->n;
    memcpy(r->circle, w->day->me.circle, ID_BYTES);
    for (size_t i = 0; i < s->n && e == OK; i++)
        e = roster_entry_make(s, w, guardian_of(w->day, &s->seats[i]), &r->entries[i]);
    struct buf out = { .p = raw, .cap = ROSTER_MAX + SEAL_OVERHEAD };
    if (e == OK)
        e = roster_seal(r, key, s->head.manifest_hash, w->params->rng, &out);
    secret_wipe(r, sizeof *r);
    TRY(e);
    return keep(s, buf_bytes(&out), &s->head.roster_sealed);
}

static enum err make_boxes(struct seal *s, const struct seal_work *w, struct making *m,
                           const struct epoch_keys *keys, size_t i)
{
    struct seal_seat *seat = &s->seats[i];
    const struct day_guardian *g = guardian_of(w->day, seat);
    struct box_about about = { .epoch = s->head.epoch,
                               .group = seat->group,
                               .index = seat->index };
    uint8_t raw[BOX_MAX];
    struct buf out = BUF_OF(raw);
    memcpy(about.manifest_hash, s->head.manifest_hash, HASH_BYTES);
    memcpy(about.seat, seat->seat, SEAT_BYTES);
    memcpy(about.seal_pub, g->seal_pub, PUB_BYTES);
    memcpy(m->content.key, keys->manifest_key, KEY_BYTES);
    piece_of(m, i, m->content.piece);
    TRY(box_seal(BOX_OF_PIECE, &about, &m->content, &m->owner, w->params->rng, &out));
    TRY(keep(s, buf_bytes(&out), &seat->box_piece));
    out.n = 0;
    memcpy(m->content.key, keys->roster_key, KEY_BYTES);
    secret_wipe(m->content.piece, PIECE_BYTES);
    TRY(box_seal(BOX_OF_ROSTER, &about, &m->content, &m->owner, w->params->rng, &out));
    return keep(s, buf_bytes(&out), &seat->box_roster);
}

/* The place for this epoch's keys in the root box: an unsaved try's is used again. */
static struct epoch_keys *epoch_place(struct root_box *box, uint32_t epoch)
{
    uint32_t i = 0;
    while (i < box->n_epochs && box->epochs[i].epoch != epoch)
        i++;
    MUST(i < EPOCHS_MAX);
    if (i == box->n_epochs)
        box->n_epochs++;
    box->epochs[i].epoch = epoch;
    return &box->epochs[i];
}

static enum err make_sealed(struct seal *s, const struct seal_work *w,
                            struct epoch_keys *keys)
{
    AUTO_FREE uint8_t *raw = calloc(1, MANIFEST_MAX + SEAL_OVERHEAD);
    AUTO_SECRET struct seal_key *key = NULL;
    if (raw == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&key));
    rng_fill(w->params->rng, keys->manifest_key, KEY_BYTES);
    rng_fill(w->params->rng, keys->roster_key, KEY_BYTES);
    memcpy(keys->manifest_hash, s->head.manifest_hash, HASH_BYTES);
    memcpy(key->b, keys->manifest_key, KEY_BYTES);
    struct buf out = { .p = raw, .cap = MANIFEST_MAX + SEAL_OVERHEAD };
    manifest_seal(key, s->head.manifest, w->params->rng, &out);
    TRY(out.over ? ERR_TOO_BIG : OK);
    TRY(keep(s, buf_bytes(&out), &s->head.manifest_sealed));
    memcpy(key->b, keys->roster_key, KEY_BYTES);
    return make_roster(s, w, key);
}

/*
 * Draws, splits, seals to every guardian. The keys are in the root box before the
 * journal says PREPARE: a cut in between draws everything anew, and nothing was sent.
 */
static enum err make_epoch(struct seal *s, const struct seal_work *w)
{
    AUTO_SECRET struct making *m = NULL;
    struct epoch_keys *keys = epoch_place(&w->unlocked->box, s->head.epoch);
    TRY(secret_new(&m));
    TRY(ident_owner(&w->unlocked->root, &m->owner));
    m->content.name = w->day->me.name;
    m->content.about = w->day->me.about;
    memcpy(m->content.circle, w->day->me.circle, ID_BYTES);
    crypt_sign_public(&m->owner, m->content.owner);
    TRY(split(s, w->params, m));
    TRY(make_manifest(s, w, m));
    TRY(make_sealed(s, w, keys));
    for (size_t i = 0; i < s->n; i++)
        TRY(make_boxes(s, w, m, keys, i));
    TRY(home_root_save(w->home, w->unlocked, w->params->rng));
    s->head.phase = SEAL_PREPARE;
    return OK;
}

/*
 * The descriptor of a seat that has its acknowledgement key. One that is not yet known
 * stands as zero, which no signature verifies under.
 */
static enum err make_descriptor(struct seal *s, const struct seal_work *w,
                                const struct account_keys *account,
                                struct seal_seat *seat)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    AUTO_FREE uint8_t *raw = calloc(1, DESCRIPTOR_MAX);
    if (d == NULL || raw == NULL)
        return ERR_NOMEM;
    d->epoch = s->head.epoch;
    d->group_threshold = s->head.group_threshold;
    d->n_groups = s->head.n_groups;
    d->n_pieces = (uint32_t)s->n;
    memcpy(d->manifest_hash, s->head.manifest_hash, HASH_BYTES);
    memcpy(d->groups, s->head.groups, sizeof d->groups);
    for (size_t i = 0; i < s->n; i++) {
        d->pieces[i].group = s->seats[i].group;
        memcpy(d->pieces[i].ack, s->seats[i].ack_key, PUB_BYTES);
        memcpy(d->pieces[i].approval, guardian_of(w->day, &s->seats[i])->approval,
               PUB_BYTES);
    }
    struct buf out = { .p = raw, .cap = DESCRIPTOR_MAX };
    descriptor_make(d, &account->sign, &out);
    TRY(out.over ? ERR_TOO_BIG : OK);
    return keep(s, buf_bytes(&out), &seat->descriptor);
}

/* ---- conversations ---- */

/* One seat's part of a round. */
struct visit {
    struct seal *s;
    struct seal_seat *seat;
    struct day_guardian *g;
    const struct seal_work *w;
    const struct account_keys *account;
    struct req_cred_new cred;
    struct req_epoch_next next;
    struct req_epoch_prepare prepare;
    struct req_epoch_commit commit;
};

static void send_it(struct call_send *out, uint16_t kind, const void *req)
{
    *out = (struct call_send){ .kind = kind, .req = req };
}

/* The roster credential lets in whoever a guardian introduces. */
static enum err make_cred(struct visit *v)
{
    AUTO_SECRET struct guardian_pass *pass = NULL;
    TRY(secret_new(&pass));
    TRY(guardian_pass(&v->w->unlocked->root, v->g, STANDING_ROSTER,
                      v->s->head.roster_number, pass));
    guardian_pass_req(pass, STANDING_ROSTER, &v->cred);
    memcpy(v->cred.op, v->seat->op_cred, ID_BYTES);
    return OK;
}

static enum err next_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        TRY(make_cred(v));
        send_it(out, MSG_CRED_NEW, &v->cred);
        return OK;
    }
    TRY(reply->err);
    if (reply->kind == MSG_CRED_NEW) {
        v->next.epoch = v->s->head.epoch;
        memcpy(v->next.op, v->seat->op_next, ID_BYTES);
        send_it(out, MSG_EPOCH_NEXT, &v->next);
        return OK;
    }
    const struct rep_epoch_next *rep = reply->rep;
    TRY(ack_key_verify(v->g->node[0].node_sign, v->g->ward, v->s->head.epoch, rep->ack,
                       rep->sig));
    memcpy(v->seat->ack_key, rep->ack, PUB_BYTES);
    v->seat->stage = SEAT_KEYED;
    return OK;
}

/*
 * An acknowledgement counts only if this seat's key signed it, over this ward, this
 * manifest and exactly the bytes that were sent.
 */
static enum err take_ack(struct visit *v, const struct call *c, struct bytes raw,
                         enum epoch_state state)
{
    const struct seal_head *h = &v->s->head;
    struct ack ack = { 0 };
    uint8_t stored[HASH_BYTES];
    TRY(ack_open(raw, v->seat->ack_key, &ack));
    stored_hash(v->seat->box_piece, v->seat->box_roster, h->manifest_sealed,
                h->roster_sealed, v->seat->descriptor, stored);
    bool ours = bytes_equal(BYTES_OF(ack.ward), BYTES_OF(v->g->ward)) &&
                ack.epoch == h->epoch &&
                bytes_equal(BYTES_OF(ack.manifest_hash), BYTES_OF(h->manifest_hash)) &&
                bytes_equal(BYTES_OF(ack.stored), BYTES_OF(stored)) &&
                bytes_equal(BYTES_OF(ack.incarnation), BYTES_OF(c->hello.incarnation));
    /* Asked again after a cut, PREPARE is answered by what came of it since. */
    bool far = ack.state == state || ack.state == EPOCH_ACTIVE;
    if (!ours || !far)
        return ERR_CONFLICT;
    v->seat->stage = ack.state == EPOCH_ACTIVE ? SEAT_ACTIVE : SEAT_PREPARED;
    return keep(v->s, raw, &v->seat->ack);
}

static void make_prepare(struct visit *v)
{
    const struct seal_head *h = &v->s->head;
    v->prepare = (struct req_epoch_prepare){ .epoch = h->epoch,
                                             .group = v->seat->group,
                                             .index = v->seat->index,
                                             .box_piece = v->seat->box_piece,
                                             .box_roster = v->seat->box_roster,
                                             .manifest = h->manifest_sealed,
                                             .roster = h->roster_sealed,
                                             .descriptor = v->seat->descriptor,
                                             .hold = h->hold,
                                             .stop_hold = h->stop_hold,
                                             .roster_mode = h->roster_mode };
    memcpy(v->prepare.op, v->seat->op_prepare, ID_BYTES);
    memcpy(v->prepare.manifest_hash, h->manifest_hash, HASH_BYTES);
}

static enum err prepare_step(struct call *c, const struct call_reply *reply,
                             struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        make_prepare(v);
        send_it(out, MSG_EPOCH_PREPARE, &v->prepare);
        return OK;
    }
    TRY(reply->err);
    return take_ack(v, c, ((const struct rep_epoch_prepare *)reply->rep)->ack,
                    EPOCH_PREPARED);
}

static enum err commit_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct visit *v = c->ctx;
    if (reply == NULL) {
        v->commit.epoch = v->s->head.epoch;
        memcpy(v->commit.op, v->seat->op_commit, ID_BYTES);
        memcpy(v->commit.manifest_hash, v->s->head.manifest_hash, HASH_BYTES);
        send_it(out, MSG_EPOCH_COMMIT, &v->commit);
        return OK;
    }
    TRY(reply->err);
    return take_ack(v, c, ((const struct rep_epoch_commit *)reply->rep)->ack,
                    EPOCH_ACTIVE);
}

/* ---- a round ---- */

/* A step of the seats that are at one stage. */
struct turn {
    enum seal_stage from;
    call_step step;
};

/* Calls, visits and keys of a round; the keys in secret memory. */
struct round {
    struct call *calls;
    struct visit *visits;
    struct account_keys *keys;
    size_t n;
};

static void round_done(struct round *r)
{
    if (r->visits != NULL)
        secret_wipe(r->visits, DAY_GUARDIANS * sizeof *r->visits);
    free(r->calls);
    free(r->visits);
    secret_free(r->keys);
}

static enum err round_new(const struct seal *s, struct round *r)
{
    r->calls = calloc(DAY_GUARDIANS, sizeof *r->calls);
    r->visits = calloc(DAY_GUARDIANS, sizeof *r->visits);
    if (r->calls == NULL || r->visits == NULL)
        return ERR_NOMEM;
    return secret_alloc(s->n * sizeof *r->keys, (void **)&r->keys);
}

static enum err round_add(struct seal *s, const struct seal_work *w, struct round *r,
                          struct seal_seat *seat, const struct turn *turn)
{
    struct day_guardian *g = guardian_of(w->day, seat);
    struct visit *v = &r->visits[r->n];
    *v =
        (struct visit){ .s = s, .seat = seat, .g = g, .w = w, .account = &r->keys[r->n] };
    TRY(guardian_account(&w->unlocked->root, g, &r->keys[r->n]));
    guardian_call_owner(&r->calls[r->n], g, &r->keys[r->n]);
    r->calls[r->n].step = turn->step;
    r->calls[r->n].ctx = v;
    r->n++;
    return OK;
}

static void note(struct seal *s, const struct visit *v, const struct call *c)
{
    struct seal_note *out = &s->notes[v->seat - s->seats];
    char who[NAME_MAX_BYTES + 16];
    *out = (struct seal_note){ .err = c->err };
    if (c->err == OK)
        return;
    (void)snprintf(who, sizeof who, "%.*s's node", (int)v->g->name.n,
                   (const char *)v->g->name.p);
    if (c->err == ERR_SIGNATURE || c->err == ERR_CONFLICT)
        (void)snprintf(out->why, sizeof out->why,
                       "%s acknowledged something other than what was sent.", who);
    else
        call_sentence(c, who, out->why, sizeof out->why);
}

static enum err round_go(struct seal *s, const struct seal_work *w, struct round *r)
{
    TRY(call_round(r->calls, r->n, w->params->round_ms, w->params->rng));
    for (size_t i = 0; i < r->n; i++) {
        guardian_seen(r->visits[i].g, &r->calls[i], w->params->now());
        note(s, &r->visits[i], &r->calls[i]);
    }
    return save(s, w);
}

static enum err one_round(struct seal *s, const struct seal_work *w,
                          const struct turn *turn)
{
    __attribute__((cleanup(round_done))) struct round r = { 0 };
    TRY(round_new(s, &r));
    for (size_t i = 0; i < s->n; i++) {
        if (s->seats[i].stage == turn->from)
            TRY(round_add(s, w, &r, &s->seats[i], turn));
    }
    return r.n > 0 ? round_go(s, w, &r) : OK;
}

/* ---- the phases ---- */

static enum err make_descriptors(struct seal *s, const struct seal_work *w)
{
    AUTO_SECRET struct account_keys *keys = NULL;
    TRY(secret_new(&keys));
    for (size_t i = 0; i < s->n; i++) {
        struct seal_seat *seat = &s->seats[i];
        if (seat->stage != SEAT_KEYED || seat->descriptor.n > 0)
            continue;
        TRY(guardian_account(&w->unlocked->root, guardian_of(w->day, seat), keys));
        TRY(make_descriptor(s, w, keys, seat));
    }
    return save(s, w);
}

static enum err note_day(const struct seal *s, const struct seal_work *w)
{
    struct day *d = w->day;
    if (s->head.phase == SEAL_COMMIT && d->me.epoch != s->head.epoch) {
        d->me.epoch = s->head.epoch;
        d->me.sealed_at = w->params->now();
        d->me.manifest = day_keep(d, s->head.manifest);
        memcpy(d->me.manifest_hash, s->head.manifest_hash, HASH_BYTES);
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct seal_seat *seat = &s->seats[i];
        struct day_guardian *g = guardian_of(d, seat);
        if (seat->stage != SEAT_ACTIVE || g->epoch == s->head.epoch)
            continue;
        g->group = seat->group;
        g->index = seat->index;
        g->epoch = s->head.epoch;
        g->stored = w->params->now();
        g->ack = day_keep(d, seat->ack);
        memcpy(g->ack_key, seat->ack_key, PUB_BYTES);
    }
    return home_day_save(w->home, d, w->params->rng);
}

/* The credential's number is used up before anything carries it. */
static enum err start(struct seal *s, const struct seal_work *w)
{
    if (home_has(w->home, HOME_JOURNAL))
        return OK;
    w->day->me.next_roster = s->head.roster_number + 1;
    TRY(home_day_save(w->home, w->day, w->params->rng));
    return save(s, w);
}

static enum err prepare_all(struct seal *s, const struct seal_work *w)
{
    static const struct turn prepare = { SEAT_KEYED, prepare_step };
    TRY(make_descriptors(s, w));
    TRY(one_round(s, w, &prepare));
    if (s->head.phase == SEAL_COMMIT || !seal_enough(s, SEAT_PREPARED))
        return OK;
    s->head.phase = SEAL_COMMIT;
    return save(s, w);
}

enum err seal_run(struct seal *s, const struct seal_work *w)
{
    static const struct turn next = { SEAT_NEW, next_step };
    static const struct turn commit = { SEAT_PREPARED, commit_step };
    for (size_t i = 0; i < s->n; i++) {
        if (find(w->day, &s->seats[i]) == NULL)
            return ERR_UNKNOWN;
    }
    TRY(start(s, w));
    TRY(one_round(s, w, &next));
    if (s->head.phase == SEAL_NEXT && seal_enough(s, SEAT_KEYED))
        TRY(make_epoch(s, w));
    if (s->head.phase >= SEAL_PREPARE)
        TRY(prepare_all(s, w));
    if (s->head.phase == SEAL_COMMIT) {
        TRY(note_day(s, w));
        TRY(one_round(s, w, &commit));
    }
    TRY(note_day(s, w));
    return all_at(s, SEAT_ACTIVE) ? home_drop(w->home, HOME_JOURNAL) : OK;
}

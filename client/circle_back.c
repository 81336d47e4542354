/* SPDX-License-Identifier: Apache-2.0 */
#include "client/circle_back.h"

/* ---- the plan ---- */

/* The manifest of that hash, as some guardian gave it. */
static struct bytes manifest_named(const struct restore *r,
                                   const uint8_t named[HASH_BYTES])
{
    for (size_t i = 0; i < r->n; i++)
        for (uint32_t k = 0; k < r->entries[i].n_pieces; k++) {
            const struct restore_piece *p = &r->entries[i].pieces[k];
            uint8_t hash[HASH_BYTES];

            if (manifest_hash(p->manifest, hash) == OK &&
                bytes_equal(BYTES_OF(hash), bytes_of(named, HASH_BYTES)))
                return p->manifest;
        }
    return (struct bytes){ 0 };
}

static void take_plan(struct day *d, const struct restore *r, const struct manifest *m,
                      struct bytes raw, uint64_t now)
{
    struct day_me *me = &d->me;

    memcpy(me->circle, m->circle, ID_BYTES);
    me->planned = 1;
    me->group_threshold = m->group_threshold;
    me->n_groups = m->n_groups;
    memcpy(me->groups, m->groups, sizeof me->groups);
    me->hold = m->hold;
    me->stop_hold = m->stop_hold;
    me->epoch = m->epoch;
    me->sealed_at = m->made;
    memcpy(me->manifest_hash, r->head.manifest_hash, HASH_BYTES);
    me->manifest = day_keep(d, raw);
    memcpy(me->move, m->move, HASH_BYTES);
    /* Which numbers the lost machine used is not known; a time was none of them. */
    me->next_roster = (uint32_t)now;
    me->next_sheet = (uint32_t)now;
}

/* ---- earlier epochs, which the nodes gave beside it ---- */

static bool is_past(const struct day *d, uint32_t epoch)
{
    for (size_t i = 0; i < d->n_past; i++)
        if (d->past[i].epoch == epoch)
            return true;
    return false;
}

/* The MOVE of that hash, as some node showed it. */
static bool move_named(const struct restore *r, const uint8_t named[HASH_BYTES],
                       struct move *out)
{
    for (size_t i = 0; i < r->n_proofs; i++) {
        struct move_proof p = { 0 };
        uint8_t hash[HASH_BYTES];

        if (r->proofs[i].kind != EPOCH_WANT_MOVE ||
            move_proof_get(r->proofs[i].raw, &p) != OK)
            continue;
        move_hash(p.move, hash);
        if (bytes_equal(BYTES_OF(hash), bytes_of(named, HASH_BYTES)))
            return move_open(p.move, out) == OK;
    }
    return false;
}

/*
 * Whether the accepted root's own manifest vouches for that owner: the same, or one that
 * the MOVE it names replaced, and so on. Anybody can sign a manifest of a past epoch with
 * a key of their own.
 */
static bool is_ours(const struct restore *r, const uint8_t owner[PUB_BYTES])
{
    enum { CHAIN_MAX = 4 };

    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    struct bytes raw = manifest_named(r, r->head.manifest_hash);
    struct move move = { 0 };

    for (unsigned i = 0; m != NULL && i <= CHAIN_MAX; i++) {
        if (manifest_open(raw, m) != OK)
            return false;
        if (bytes_equal(BYTES_OF(m->owner), bytes_of(owner, PUB_BYTES)))
            return true;
        if (!move_named(r, m->move, &move))
            return false;
        if (bytes_equal(BYTES_OF(move.old_owner), bytes_of(owner, PUB_BYTES)))
            return true;
        raw = manifest_named(r, move.manifest_hash);
    }
    return false;
}

static void take_past(struct day *d, const struct restore *r, struct bytes raw)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);

    if (m == NULL || d->n_past == EPOCHS_MAX || manifest_open(raw, m) != OK ||
        m->epoch >= d->me.epoch || is_past(d, m->epoch) ||
        !bytes_equal(BYTES_OF(m->circle), BYTES_OF(d->me.circle)) ||
        !is_ours(r, m->owner))
        return;
    size_t at = d->n_past++;
    for (; at > 0 && d->past[at - 1].epoch > m->epoch; at--)
        d->past[at] = d->past[at - 1];
    d->past[at] = (struct day_past){ .epoch = m->epoch,
                                     .sealed_at = m->made,
                                     .manifest = day_keep(d, raw) };
}

/* Whether people of that past epoch say what the certificate is shown for. */
static enum err is_said(const struct day_past *past, const struct restore_proof *p,
                        bool *out)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    struct cert_rule rule = { .purpose = PURPOSE_EPOCH,
                              .epoch = p->epoch,
                              .by_manifest = true };
    struct cert_verdict v = { 0 };
    uint8_t hash[HASH_BYTES];

    if (m == NULL || d == NULL)
        return ERR_NOMEM;
    TRY(manifest_open(past->manifest, m));
    TRY(manifest_hash(past->manifest, hash));
    descriptor_of(m, hash, d);
    memcpy(rule.subject, p->manifest_hash, HASH_BYTES);
    TRY(cert_people(d, &rule, p->raw, &v));
    *out = v.enough;
    return OK;
}

/*
 * A node showed it, so it is looked at: where an epoch before it is known, people of that
 * one must say so; where none is, it changes nothing here and every node judges it.
 */
static bool is_good(const struct day *d, const struct restore_proof *p)
{
    bool good = d->n_past == 0;

    if (p->epoch == d->me.epoch &&
        !bytes_equal(BYTES_OF(p->manifest_hash), BYTES_OF(d->me.manifest_hash)))
        return false;
    for (size_t i = 0; i < d->n_past && !good; i++)
        if (d->past[i].epoch < p->epoch && is_said(&d->past[i], p, &good) != OK)
            good = false;
    return good;
}

static void take_certificate(struct day *d, const struct restore *r)
{
    for (size_t i = 0; i < r->n_proofs; i++) {
        const struct restore_proof *p = &r->proofs[i];

        if (p->kind != EPOCH_WANT_CERT || p->epoch <= d->me.cert_epoch ||
            p->epoch > d->me.epoch || !is_good(d, p))
            continue;
        d->me.cert_epoch = p->epoch;
        memcpy(d->me.cert_hash, p->manifest_hash, HASH_BYTES);
        d->me.cert = day_keep(d, p->raw);
    }
}

/* ---- guardians ---- */

/* What one guardian is made from. */
struct making {
    const struct restore *r;
    const struct params *p;
    const struct manifest *m;
    struct roster *roster; /* of this manifest; without entries where none came */
    struct day *d;
    size_t missing;
};

/* The entry whose guardian signed with that approval key. */
static const struct restore_entry *entry_by(const struct restore *r,
                                            const uint8_t approval[PUB_BYTES])
{
    struct statement s = { 0 };

    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].statement.n > 0 &&
            statement_open(r->entries[i].statement, approval, &s) == OK)
            return &r->entries[i];
    return NULL;
}

static const struct restore_entry *entry_at(const struct restore *r,
                                            const struct roster_entry *told)
{
    static const uint8_t none[SEAT_BYTES];

    for (size_t i = 0; i < r->n; i++)
        if (bytes_equal(BYTES_OF(r->entries[i].seat), BYTES_OF(told->seat)) &&
            !bytes_equal(BYTES_OF(told->seat), BYTES_OF(none)))
            return &r->entries[i];
    return NULL;
}

/* Of another epoch's list, whether every node here that is known stands in its place. */
static bool in_their_places(const struct making *k)
{
    uint32_t nth = 0;

    for (uint32_t i = 0; i < k->m->n_pieces; i++) {
        if (k->m->pieces[i].kind == PIECE_CARD)
            continue;
        const struct restore_entry *e = entry_by(k->r, k->m->pieces[i].approval);

        if (nth == k->roster->n_entries ||
            (e != NULL && e != entry_at(k->r, &k->roster->entries[nth])))
            return false;
        nth++;
    }
    return nth == k->roster->n_entries;
}

/*
 * The roster that came with this very manifest; else, as nodes give that of the newest
 * epoch they hold, one in which the same guardians stand in the same places. Whom it
 * names is asked to prove that before anything else (take_info).
 */
static enum err roster_of(struct making *k)
{
    for (int same = 1; same >= 0; same--) {
        for (size_t i = 0; i < k->r->n; i++) {
            const struct restore_entry *e = &k->r->entries[i];
            bool of_this =
                bytes_equal(BYTES_OF(e->roster_hash), BYTES_OF(k->r->head.manifest_hash));

            if (e->roster.n > 0 && e->verdict == VERDICT_GOOD && of_this == (same == 1) &&
                wire_get(&roster_schema, e->roster, k->roster) == OK &&
                (of_this || in_their_places(k)))
                return OK;
        }
    }
    *k->roster = (struct roster){ 0 };
    return OK;
}

static void take_addresses(struct day *d, struct day_node *n,
                           const struct roster_address *from, uint32_t count)
{
    for (uint32_t i = 0; i < count && n->n_addresses < ADDRESSES_MAX; i++) {
        bool known = false;
        for (uint32_t k = 0; k < n->n_addresses; k++)
            known = known || bytes_equal(n->addresses[k].at, from[i].at);
        if (!known)
            n->addresses[n->n_addresses++].at = day_keep(d, from[i].at);
    }
}

static void take_told(struct making *k, struct day_guardian *g,
                      const struct roster_entry *told)
{
    g->name = day_keep(k->d, told->name);
    g->reach = day_keep(k->d, told->reach);
    g->generation = told->generation;
    memcpy(g->seat, told->seat, SEAT_BYTES);
    memcpy(g->sign_pub, told->sign_pub, PUB_BYTES);
    memcpy(g->seal_pub, told->seal_pub, PUB_BYTES);
    memcpy(g->node[0].node_key, told->node_key, PUB_BYTES);
    /* Where the node was looked for: a newer list may have told. */
    const struct restore_entry *e = restore_told(k->r, told);
    if (e != NULL)
        take_addresses(k->d, &g->node[0], e->addresses, e->n_addresses);
    take_addresses(k->d, &g->node[0], told->addresses, told->n_addresses);
}

/* The guardian was spoken with in this restore, if the piece was good. */
static void take_entry(struct making *k, struct day_guardian *g,
                       const struct restore_entry *e)
{
    char node[ADDRESS_TEXT];
    struct view v = { 0 };

    memcpy(g->seat, e->seat, SEAT_BYTES);
    memcpy(g->sign_pub, e->guard_sign, PUB_BYTES);
    memcpy(g->seal_pub, e->guard_seal, PUB_BYTES);
    memcpy(g->node[0].node_key, e->node_key, PUB_BYTES);
    memcpy(g->node[0].node_sign, e->node_sign, PUB_BYTES);
    if (g->node[0].n_addresses == 0)
        take_addresses(k->d, &g->node[0], e->addresses, e->n_addresses);
    if (e->view.n > 0 && view_open(e->view, e->node_sign, &v) == OK)
        memcpy(g->ward, v.ward, ID_BYTES);
    /* Who took these pieces is known. */
    if (e->state == STATE_RELEASED)
        g->node[0].let_go_settled = k->p->now();
    if (e->verdict == VERDICT_GOOD) {
        g->confirmed = e->approved;
        g->stored = e->approved;
    }
    if (g->name.n > 0)
        return;
    guardian_node(g, node);
    g->name = day_keep(k->d, bytes_text(node));
}

/* The j-th piece at a node is the j-th guardian's in the roster: one hand made both. */
static void make_node(struct making *k, const struct manifest_piece *mp, size_t nth)
{
    const struct roster_entry *told =
        nth < k->roster->n_entries ? &k->roster->entries[nth] : NULL;
    const struct restore_entry *e = entry_by(k->r, mp->approval);
    struct day_guardian *g = &k->d->guardians[k->d->n_guardians];

    if (e == NULL && told != NULL)
        e = entry_at(k->r, told);
    if (e == NULL && told == NULL) {
        k->missing++;
        return;
    }
    *g = (struct day_guardian){ .kind = PIECE_NODE,
                                .progress = GUARDIAN_ENROLLED,
                                .n_node = 1,
                                .added = k->p->now(),
                                .epoch = k->m->epoch,
                                .stored = k->m->made,
                                .group = mp->group,
                                .index = mp->index };
    if (told != NULL)
        take_told(k, g, told);
    if (e != NULL)
        take_entry(k, g, e);
    ident_fingerprint(g->sign_pub, g->seal_pub, g->fp);
    memcpy(g->approval, mp->approval, PUB_BYTES);
    guardian_new_device(g, k->p->rng);
    k->d->n_guardians++;
}

static const struct restore_card *card_read_at(const struct restore *r,
                                               const struct manifest_piece *mp)
{
    for (size_t i = 0; i < r->n_cards; i++)
        if (r->cards[i].verdict == VERDICT_GOOD && r->cards[i].group == mp->group &&
            r->cards[i].index == mp->index)
            return &r->cards[i];
    return NULL;
}

static void make_card(struct making *k, const struct manifest_piece *mp)
{
    struct day_guardian *g = NULL;
    char name[NAME_MAX_BYTES];
    struct bytes reach = { 0 };

    (void)snprintf(name, sizeof name, "Card %u.%u", mp->group + 1U, mp->index + 1U);
    struct bytes who = bytes_text(name);
    for (uint32_t i = 0; i < k->roster->n_cards; i++) {
        const struct roster_card *c = &k->roster->cards[i];

        if (c->group != mp->group || c->index != mp->index)
            continue;
        who = c->name;
        reach = c->reach;
    }
    if (guardian_new_card(k->d, who, reach, k->p, &g) != OK)
        return;
    g->group = mp->group;
    g->index = mp->index;
    if (card_read_at(k->r, mp) == NULL)
        return;
    g->epoch = k->m->epoch;
    g->stored = g->confirmed = k->p->now();
}

static void make_guardians(struct making *k)
{
    size_t nth = 0;

    for (uint32_t i = 0; i < k->m->n_pieces; i++) {
        const struct manifest_piece *mp = &k->m->pieces[i];

        if (mp->kind == PIECE_CARD)
            make_card(k, mp);
        else
            make_node(k, mp, nth++);
    }
}

enum err circle_back(const struct restore *r, const struct params *p, struct day *d,
                     size_t *out_missing)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    AUTO_FREE struct roster *roster = calloc(1, sizeof *roster);
    struct making k = { .r = r, .p = p, .m = m, .roster = roster, .d = d };
    struct bytes raw = manifest_named(r, r->head.manifest_hash);

    if (m == NULL || roster == NULL)
        return ERR_NOMEM;
    if (d->me.epoch != 0 || d->n_guardians > 0)
        return ERR_STATE;
    if (raw.n == 0)
        return ERR_UNKNOWN;
    TRY(manifest_open(raw, m));
    take_plan(d, r, m, raw, p->now());
    for (size_t i = 0; i < r->n; i++)
        for (uint32_t n = 0; n < r->entries[i].n_pieces; n++)
            take_past(d, r, r->entries[i].pieces[n].manifest);
    take_certificate(d, r);
    TRY(roster_of(&k));
    make_guardians(&k);
    *out_missing = k.missing;
    return OK;
}

/* ---- the round ---- */

struct greeting {
    struct day *d;
    struct day_guardian *g;
    const struct params *p;
    struct req_seat_info info;
    struct req_cred_new device;
};

static bool is_known(const struct day_guardian *g)
{
    static const uint8_t none[SIG_BYTES];

    return g->progress == GUARDIAN_READY &&
           !bytes_equal(BYTES_OF(g->approval_sig), BYTES_OF(none));
}

static enum err take_info(struct greeting *v, const struct rep_seat_info *info)
{
    struct day_guardian *g = v->g;
    uint8_t fp[FP_BYTES];

    ident_fingerprint(info->sign_pub, info->seal_pub, fp);
    if (!bytes_equal(BYTES_OF(fp), BYTES_OF(g->fp)) ||
        !bytes_equal(BYTES_OF(g->seat), BYTES_OF(info->seat)) ||
        !bytes_equal(BYTES_OF(g->approval), BYTES_OF(info->approval)))
        return ERR_KEY;
    TRY(seat_keys_verify(info->sign_pub, g->node[0].node_key, g->seat, info->seal_pub,
                         info->keys_sig));
    TRY(approval_verify(info->sign_pub, g->seat, info->invite, info->approval,
                        info->approval_sig));
    memcpy(g->ward, info->ward, ID_BYTES);
    memcpy(g->invite, info->invite, INVITE_BYTES);
    memcpy(g->keys_sig, info->keys_sig, SIG_BYTES);
    memcpy(g->approval_sig, info->approval_sig, SIG_BYTES);
    g->unlocked = info->unlocked;
    return OK;
}

static enum err greet_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct greeting *v = c->ctx;

    if (reply == NULL) {
        *out = (struct call_send){ MSG_SEAT_INFO, &v->info };
        return OK;
    }
    TRY(reply->err);
    if (reply->kind == MSG_CRED_NEW) {
        v->g->progress = GUARDIAN_READY;
        return OK;
    }
    TRY(take_info(v, reply->rep));
    if (v->g->progress == GUARDIAN_READY)
        return OK;
    TRY(guardian_device_req(v->g, &v->device));
    *out = (struct call_send){ MSG_CRED_NEW, &v->device };
    return OK;
}

static bool is_strange(const struct day_guardian *g)
{
    return g->kind != PIECE_CARD && g->progress != GUARDIAN_NEW && !is_known(g);
}

size_t circle_strange(const struct day *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_guardians; i++)
        n += is_strange(&d->guardians[i]);
    return n;
}

bool circle_unheard(const struct day *d, char *out, size_t cap)
{
    size_t n = 0;

    out[0] = 0;
    for (size_t i = 0; i < d->n_guardians && n < cap; i++) {
        const struct day_guardian *g = &d->guardians[i];

        if (!is_strange(g) || g->epoch == 0)
            continue;
        (void)snprintf(out + n, cap - n, "%s%.*s", n > 0 ? ", " : "", (int)g->name.n,
                       (const char *)g->name.p);
        n += strlen(out + n);
    }
    return n > 0;
}

enum err circle_greet(struct day *d, const struct root_key *root, const struct params *p,
                      size_t *out_left)
{
    AUTO_OWNER_ROUND struct owner_round r = { 0 };
    size_t left = 0;

    TRY(owner_round_new(&r, d->n_guardians, sizeof(struct greeting)));
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct day_guardian *g = &d->guardians[i];
        void *visit = NULL;

        if (!is_strange(g))
            continue;
        TRY(guardian_let_in(g, root));
        TRY(owner_round_add(&r, root, g, greet_step, &visit));
        *(struct greeting *)visit = (struct greeting){ .d = d, .g = g, .p = p };
    }
    if (r.n > 0)
        TRY(call_round(r.calls, r.n, p->round_ms, p->rng));
    for (size_t i = 0; i < r.n; i++) {
        struct greeting *v = &((struct greeting *)r.visits)[i];

        guardian_seen(v->g, &r.calls[i], p->now());
        left += !is_known(v->g);
    }
    *out_left = left;
    return OK;
}

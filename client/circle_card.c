/* SPDX-License-Identifier: Apache-2.0 */
#include "client/circle_card.h"

/* ---- the file: epochs in the open, pieces sealed under the root's key ---- */

/* One epoch, and who has a piece of it here; no secrets. */
struct open_epoch {
    uint32_t epoch;
    struct bytes manifest;
    uint32_t n_seats;

    struct open_seat {
        uint8_t seat[SEAT_BYTES];
    } seats[CARDS_MAX];
};

/* What the open part says; on the heap, slices point into blob. */
struct open_part {
    struct home_blob blob;
    size_t n;
    struct open_epoch epochs[EPOCHS_MAX];
};

/* What the sealed part holds; secret memory. */
struct kept {
    uint32_t n_dealt;
    struct card_dealt dealt[CARDS_MAX];
};

enum { RECORD_EPOCH = 1, KEPT_TEXT = 5120 };

static const struct wire_field seat_fields[] = {
    W_FIX(open_seat, seat, 1, WIRE_MUST),
};
static const struct wire_schema seat_schema = W_SCHEMA(open_seat, seat_fields);

static const struct wire_field epoch_fields[] = {
    W_UINT(open_epoch, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_BYTES(open_epoch, manifest, 2, WIRE_MUST, 1, MANIFEST_MAX),
    W_LIST(open_epoch, seats, 3, WIRE_MUST, 1, &seat_schema),
};
static const struct wire_schema epoch_schema = W_SCHEMA(open_epoch, epoch_fields);

static const struct wire_field dealt_fields[] = {
    W_FIX(card_dealt, seat, 1, WIRE_MUST),
    W_UINT(card_dealt, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(card_dealt, piece, 3, WIRE_MUST),
};
static const struct wire_schema dealt_schema = W_SCHEMA(card_dealt, dealt_fields);

static const struct wire_field kept_fields[] = {
    W_LIST(kept, dealt, 1, WIRE_MUST, 1, &dealt_schema),
};
static const struct wire_schema kept_schema = W_SCHEMA(kept, kept_fields);

_Static_assert(KEPT_TEXT > CARDS_MAX * (SEAT_BYTES + PIECE_BYTES + 16) + 8, "all fit");

static void open_free(struct open_part **place)
{
    if (*place != NULL)
        home_blob_free(&(*place)->blob);
    free(*place);
}

#define AUTO_OPEN __attribute__((cleanup(open_free)))

static enum err open_decode(struct open_part *o)
{
    struct bytes in = bytes_of(o->blob.p, o->blob.n);
    uint8_t kind = 0;
    struct bytes body = { 0 };
    while (in.n > 0) {
        TRY(blob_next(&in, &kind, &body));
        if (kind != RECORD_EPOCH || o->n == EPOCHS_MAX)
            return ERR_CORRUPT;
        TRY(wire_get(&epoch_schema, body, &o->epochs[o->n]));
        o->n++;
    }
    return OK;
}

/* Nothing is in it where there is no file. */
static enum err open_load(struct home *h, struct open_part **out)
{
    AUTO_OPEN struct open_part *o = calloc(1, sizeof *o);
    if (o == NULL)
        return ERR_NOMEM;
    enum err e = home_read_open(h, HOME_CARDS, &o->blob);
    if (e != ERR_UNKNOWN)
        TRY(e);
    if (e == OK && open_decode(o) != OK)
        return ERR_CORRUPT;
    *out = o;
    o = NULL; /* the caller's now */
    return OK;
}

static struct open_epoch *open_find(struct open_part *o, uint32_t epoch)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->epochs[i].epoch == epoch)
            return &o->epochs[i];
    return NULL;
}

static bool open_has(const struct open_epoch *e, const uint8_t seat[SEAT_BYTES])
{
    for (uint32_t i = 0; e != NULL && i < e->n_seats; i++)
        if (bytes_equal(BYTES_OF(e->seats[i].seat), bytes_of(seat, SEAT_BYTES)))
            return true;
    return false;
}

static enum err key_of(const struct root_key *root, struct home_key **out)
{
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct level_key *level = NULL;
    TRY(secret_new(&key));
    TRY(secret_new(&level));
    crypt_level(root, LEVEL_OWNER, level);
    key->lock = LOCK_ROOT;
    crypt_keyed(level->b, LABEL_HOME_CARDS_KEY, PARTS({ 0 }),
                (struct span){ key->key.b, KEY_BYTES });
    *out = key;
    key = NULL; /* the caller's now */
    return OK;
}

static enum err kept_load(struct home *h, const struct root_key *root, struct kept **out)
{
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET uint8_t *plain = NULL;
    AUTO_SECRET struct kept *k = NULL;
    size_t n = 0;
    TRY(secret_new(&k));
    if (home_has(h, HOME_CARDS)) {
        TRY(key_of(root, &key));
        TRY(secret_alloc(KEPT_TEXT, (void **)&plain));
        TRY(home_read_sealed(h, HOME_CARDS, key, (struct span){ plain, KEPT_TEXT }, &n));
        if (wire_get(&kept_schema, bytes_of(plain, n), k) != OK)
            return ERR_CORRUPT;
    }
    *out = k;
    k = NULL; /* the caller's now */
    return OK;
}

static enum err write_all(struct home *h, const struct root_key *root,
                          const struct open_part *o, const struct kept *k,
                          const struct rng *rng)
{
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET uint8_t *plain = NULL;
    AUTO_BLOB struct home_blob open = { 0 };
    for (size_t i = 0; i < o->n; i++)
        TRY(blob_put(&open, RECORD_EPOCH, &epoch_schema, &o->epochs[i]));
    TRY(key_of(root, &key));
    TRY(secret_alloc(KEPT_TEXT, (void **)&plain));
    struct buf b = { .p = plain, .cap = KEPT_TEXT };
    wire_put(&kept_schema, k, &b);
    MUST(!b.over);
    return home_write(h, HOME_CARDS, key, bytes_of(open.p, open.n), buf_bytes(&b), rng);
}

/* The open part follows from the pieces that are there; with none the file goes. */
static enum err save(struct home *h, const struct root_key *root, struct open_part *o,
                     const struct kept *k, const struct rng *rng)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++) {
        struct open_epoch e = o->epochs[i];
        e.n_seats = 0;
        for (uint32_t j = 0; j < k->n_dealt; j++)
            if (k->dealt[j].epoch == e.epoch)
                memcpy(e.seats[e.n_seats++].seat, k->dealt[j].seat, SEAT_BYTES);
        if (e.n_seats > 0)
            o->epochs[n++] = e;
    }
    o->n = n;
    if (n == 0)
        return home_has(h, HOME_CARDS) ? home_drop(h, HOME_CARDS) : OK;
    return write_all(h, root, o, k, rng);
}

/* ---- dealing, settling ---- */

static void kept_remove(struct kept *k, uint32_t i)
{
    k->n_dealt--;
    memmove(&k->dealt[i], &k->dealt[i + 1], (k->n_dealt - i) * sizeof k->dealt[0]);
    secret_wipe(&k->dealt[k->n_dealt], sizeof k->dealt[0]);
}

static enum err open_add(struct open_part *o, uint32_t epoch, struct bytes manifest)
{
    struct open_epoch *e = open_find(o, epoch);
    if (e == NULL && o->n == EPOCHS_MAX)
        return ERR_FULL;
    if (e == NULL)
        e = &o->epochs[o->n++];
    e->epoch = epoch;
    e->manifest = manifest;
    return OK;
}

enum err cards_deal(struct home *h, const struct root_key *root, struct bytes manifest,
                    const struct card_dealt *dealt, size_t n, const struct rng *rng)
{
    AUTO_OPEN struct open_part *o = NULL;
    AUTO_SECRET struct kept *k = NULL;
    TRY(open_load(h, &o));
    TRY(kept_load(h, root, &k));
    for (uint32_t i = k->n_dealt; n > 0 && i-- > 0;)
        if (k->dealt[i].epoch == dealt[0].epoch)
            kept_remove(k, i);
    if (n == 0)
        return OK;
    TRY(open_add(o, dealt[0].epoch, manifest));
    for (size_t i = 0; i < n; i++) {
        if (k->n_dealt == CARDS_MAX)
            return ERR_FULL;
        k->dealt[k->n_dealt++] = dealt[i];
    }
    return save(h, root, o, k, rng);
}

enum err cards_drop(struct home *h, const struct root_key *root, uint32_t epoch,
                    const struct rng *rng)
{
    AUTO_OPEN struct open_part *o = NULL;
    AUTO_SECRET struct kept *k = NULL;
    if (!home_has(h, HOME_CARDS))
        return OK;
    TRY(open_load(h, &o));
    TRY(kept_load(h, root, &k));
    for (uint32_t i = k->n_dealt; i-- > 0;)
        if (k->dealt[i].epoch == epoch)
            kept_remove(k, i);
    return save(h, root, o, k, rng);
}

static bool is_settled(const struct day *d, const struct card_dealt *c)
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), BYTES_OF(c->seat)))
            return d->guardians[i].epoch == c->epoch || c->epoch < d->me.epoch;
    return true; /* the card is not in this home any more */
}

enum err cards_settle(struct home *h, const struct root_key *root, const struct day *d,
                      const struct rng *rng)
{
    AUTO_OPEN struct open_part *o = NULL;
    AUTO_SECRET struct kept *k = NULL;
    if (!home_has(h, HOME_CARDS))
        return OK;
    TRY(open_load(h, &o));
    TRY(kept_load(h, root, &k));
    uint32_t before = k->n_dealt;
    for (uint32_t i = k->n_dealt; i-- > 0;)
        if (is_settled(d, &k->dealt[i]))
            kept_remove(k, i);
    return k->n_dealt != before ? save(h, root, o, k, rng) : OK;
}

/* ---- how they stand ---- */

/* The epoch that is being sealed, if cards were dealt for it; 0. */
static uint32_t open_next(const struct open_part *o, const struct day *d)
{
    uint32_t next = 0;
    for (size_t i = 0; i < o->n; i++)
        if (o->epochs[i].epoch > d->me.epoch && o->epochs[i].epoch > next)
            next = o->epochs[i].epoch;
    return next;
}

static void line_of(const struct day *d, struct open_part *o, struct day_guardian *g,
                    struct card_line *out)
{
    uint32_t next = open_next(o, d);
    *out = (struct card_line){ .g = g, .epoch = g->epoch, .held = g->stored };
    if (g->epoch > d->me.epoch || (g->epoch != 0 && g->epoch == d->me.epoch))
        out->paper = PAPER_HELD;
    else if (g->epoch != 0)
        out->paper = PAPER_OLD;
    /* What is being sealed comes before what was. */
    bool being = g->epoch != next && open_has(open_find(o, next), g->seat);
    bool waits = g->epoch != d->me.epoch && open_has(open_find(o, d->me.epoch), g->seat);
    if (!being && !waits)
        return;
    out->paper = PAPER_DEALT;
    out->epoch = being ? next : d->me.epoch;
    out->held = 0;
}

enum err cards_list(struct home *h, struct day *d, struct card_line *out, size_t *out_n)
{
    AUTO_OPEN struct open_part *o = NULL;
    size_t n = 0;
    TRY(open_load(h, &o));
    for (size_t i = 0; i < d->n_guardians; i++)
        if (d->guardians[i].kind == PIECE_CARD)
            line_of(d, o, &d->guardians[i], &out[n++]);
    *out_n = n;
    return OK;
}

static bool is_missing(const struct day *d, const struct day_guardian *g)
{
    return g->kind == PIECE_CARD && (g->epoch == 0 || g->epoch < d->me.epoch);
}

struct day_guardian *cards_wait(struct day *d)
{
    for (size_t i = 0; i < circle_pieces(&d->me) && i < d->n_guardians; i++)
        if (is_missing(d, &d->guardians[i]))
            return &d->guardians[i];
    return NULL;
}

/* ---- one card ---- */

static const struct card_dealt *kept_find(const struct kept *k, const uint8_t *seat,
                                          uint32_t epoch)
{
    for (uint32_t i = 0; i < k->n_dealt; i++)
        if (k->dealt[i].epoch == epoch &&
            bytes_equal(BYTES_OF(k->dealt[i].seat), bytes_of(seat, SEAT_BYTES)))
            return &k->dealt[i];
    return NULL;
}

enum err card_piece(struct home *h, const struct unlocked *u, struct day *d,
                    struct bytes name, enum card_kind kind, struct card *out)
{
    AUTO_OPEN struct open_part *o = NULL;
    AUTO_SECRET struct kept *k = NULL;
    AUTO_SECRET struct card *c = NULL;
    struct card_line line;
    uint8_t key[PUB_BYTES];
    struct day_guardian *g = guardian_find(d, name);
    if (g == NULL)
        return ERR_UNKNOWN;
    if (g->kind != PIECE_CARD)
        return ERR_ARG;
    TRY(open_load(h, &o));
    line_of(d, o, g, &line);
    if (line.paper != PAPER_DEALT)
        return line.paper == PAPER_HELD ? ERR_USED : ERR_STATE;
    TRY(kept_load(h, &u->root, &k));
    const struct card_dealt *dealt = kept_find(k, g->seat, line.epoch);
    struct open_epoch *e = open_find(o, line.epoch);
    if (dealt == NULL || e == NULL)
        return ERR_CORRUPT;
    TRY(secret_new(&c));
    piece_public(dealt->piece, key);
    TRY(card_of(e->manifest, key, g->name, kind, c) == OK ? OK : ERR_CORRUPT);
    TRY(card_put_piece(c, dealt->piece));
    *out = *c;
    return OK;
}

/* The card of a manifest's with that key; its guardian by their place in the plan. */
static enum err find_in(struct day *d, struct bytes manifest, const uint8_t *key,
                        struct card *out, struct day_guardian **out_g)
{
    TRY(card_of(manifest, key, (struct bytes){ 0 }, CARD_LOCKED, out));
    if (!bytes_equal(BYTES_OF(out->owner), BYTES_OF(d->me.owner)) ||
        !bytes_equal(BYTES_OF(out->circle), BYTES_OF(d->me.circle)))
        return ERR_UNKNOWN;
    *out_g = circle_at(d, out->epoch, out->group, out->index);
    return *out_g != NULL && (*out_g)->kind == PIECE_CARD ? OK : ERR_UNKNOWN;
}

enum err card_find(struct home *h, struct day *d, const uint8_t piece_key[PUB_BYTES],
                   struct card *out, struct card_line *out_line)
{
    AUTO_OPEN struct open_part *o = NULL;
    struct day_guardian *g = NULL;
    enum err e = ERR_UNKNOWN;
    TRY(open_load(h, &o));
    /* What was dealt last first. */
    for (size_t i = o->n; i-- > 0 && e == ERR_UNKNOWN;)
        e = find_in(d, o->epochs[i].manifest, piece_key, out, &g);
    if (e == ERR_UNKNOWN && d->me.manifest.n > 0)
        e = find_in(d, d->me.manifest, piece_key, out, &g);
    TRY(e);
    line_of(d, o, g, out_line);
    /* It may have been dealt a newer piece than the one that was asked for. */
    if (out_line->paper == PAPER_DEALT && out_line->epoch != out->epoch)
        out_line->paper = g->epoch == out->epoch ? PAPER_OLD : PAPER_NONE;
    return OK;
}

static void note_held(struct day_guardian *g, const struct card *c, uint64_t now)
{
    if (g->epoch != 0 && g->epoch != c->epoch)
        g->before = g->epoch;
    g->group = c->group;
    g->index = c->index;
    g->epoch = c->epoch;
    g->stored = now;
    g->confirmed = now; /* there is nobody to speak with first */
}

enum err card_held(struct home *h, const struct unlocked *u, struct day *d,
                   const uint8_t piece[PIECE_BYTES], const struct params *p,
                   struct card_line *out_line)
{
    AUTO_FREE struct card *c = calloc(1, sizeof *c);
    uint8_t key[PUB_BYTES];
    struct card_line line;
    if (c == NULL)
        return ERR_NOMEM;
    piece_public(piece, key);
    TRY(card_find(h, d, key, c, &line));
    if (line.paper == PAPER_DEALT) {
        note_held(line.g, c, p->now());
        TRY(home_day_save(h, d, p->rng));
        line.paper = PAPER_HELD;
        line.held = line.g->stored;
    }
    TRY(cards_settle(h, &u->root, d, p->rng));
    *out_line = line;
    return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the lists of guardians name, and where they are: hints, tried one after another.
 */
#include "client/ceremony_restore_part.h"

/* What the roster of one guardian says of another. */
static enum err take_told(struct restore *r, const struct restore_entry *by,
                          const struct roster_entry *told, struct restore_entry *e)
{
    e->introduction = by->introduction;
    e->n_addresses = told->n_addresses;
    for (uint32_t a = 0; a < told->n_addresses; a++)
        TRY(restore_keep(r, told->addresses[a].at, &e->addresses[a].at));
    return restore_keep(r, BYTES_OF(told->credential), &e->token);
}

static bool has_address(const struct restore_entry *e, struct bytes at)
{
    for (uint32_t i = 0; i < e->n_addresses; i++)
        if (bytes_equal(e->addresses[i].at, at))
            return true;
    return false;
}

/*
 * The same guardian in a list that the same node keeps beside the first one: where the
 * node is now is tried beside where it was, as far as there is room. Both may be garbage:
 * so each list brings few, and the sealed one's first address always has its place.
 */
static enum err take_beside(struct restore *r, const struct roster_entry *told,
                            uint32_t most, struct restore_entry *e)
{
    struct roster_address was[ADDRESSES_MAX];
    uint32_t n = 0;

    for (uint32_t i = 0; i < told->n_addresses && n < most; i++) {
        if (has_address(e, told->addresses[i].at))
            continue;
        TRY(restore_keep(r, told->addresses[i].at, &was[n].at));
        n++;
    }
    for (uint32_t i = 0; i < e->n_addresses && n < ADDRESSES_MAX; i++)
        was[n++] = e->addresses[i];
    memcpy(e->addresses, was, n * sizeof was[0]);
    e->n_addresses = n;
    return OK;
}

/* Two rosters differ, and what was tried failed: whose word is true nobody knows. */
static bool try_other_word(const struct restore_entry *by, const struct restore_entry *e,
                           const struct roster_entry *told, const struct rng *rng)
{
    uint8_t coin = 0;
    bool same = bytes_equal(e->introduction, by->introduction) &&
                bytes_equal(e->token, BYTES_OF(told->credential)) &&
                e->n_addresses == told->n_addresses;

    for (uint32_t i = 0; same && i < told->n_addresses; i++)
        same = has_address(e, told->addresses[i].at);
    if (same || e->source != FROM_ROSTER || e->state != 0 || e->view.n > 0 ||
        (e->contact != CONTACT_AWAY && e->contact != CONTACT_REFUSED))
        return false;
    rng_fill(rng, &coin, 1);
    return (coin & 1) != 0;
}

/* One list while it is taken in. */
struct telling {
    struct restore *r;
    const struct restore_entry *by;
    size_t known;  /* entries that were there before this round's lists */
    uint32_t most; /* addresses of one guardian beside those of the sealed list */
    bool rest;     /* only what there still is room for */
    const struct rng *rng;
};

static bool is_new(const struct telling *t, const struct restore_entry *e)
{
    return (size_t)(e - t->r->entries) >= t->known &&
           bytes_equal(e->introduction, t->by->introduction);
}

static bool is_untried(const struct telling *t, const struct restore_entry *e)
{
    return e->source == FROM_ROSTER && e->state == 0 && e->view.n == 0 &&
           e->contact == CONTACT_NONE &&
           bytes_equal(e->introduction, t->by->introduction);
}

/* Of those that were tried already, the list that the coin chose comes whole and first:
 * else what stands beside it could push it out for ever. */
static enum err take_rest(struct restore *r, const struct roster_entry *told,
                          struct restore_entry *e)
{
    for (uint32_t i = 0; i < told->n_addresses && e->n_addresses < ADDRESSES_MAX; i++) {
        if (has_address(e, told->addresses[i].at))
            continue;
        TRY(restore_keep(r, told->addresses[i].at, &e->addresses[e->n_addresses].at));
        e->n_addresses++;
    }
    return OK;
}

static enum err learn_one(const struct telling *t, const struct roster_entry *told)
{
    struct restore_entry *e = NULL;
    uint8_t fp[FP_BYTES];

    ident_fingerprint(told->sign_pub, told->seal_pub, fp);
    e = entry_find(t->r, told->node_key, fp);
    if (t->rest)
        return e != NULL && is_untried(t, e) ? take_rest(t->r, told, e) : OK;
    if (e == NULL) {
        enum err full = entry_new(t->r, told->node_key, fp, FROM_ROSTER, t->rng, &e);

        return full == OK ? take_told(t->r, t->by, told, e) : OK;
    }
    if (is_new(t, e))
        return take_beside(t->r, told, t->most, e);
    if (!try_other_word(t->by, e, told, t->rng))
        return OK;
    entry_draw(e, t->rng); /* other words under an op id that was used are refused */
    e->contact = CONTACT_NONE;
    return take_told(t->r, t->by, told, e);
}

/* Takes those in whom one guardian's roster names; a roster is a hint, never proof. */
static enum err learn_from(const struct telling *t, struct bytes raw)
{
    AUTO_FREE struct roster *roster = calloc(1, sizeof *roster);

    if (roster == NULL)
        return ERR_NOMEM;
    if (raw.n == 0 || wire_get(&roster_schema, raw, roster) != OK)
        return OK;
    for (uint32_t i = 0; i < roster->n_entries; i++)
        TRY(learn_one(t, &roster->entries[i]));
    return OK;
}

/* The list the epoch was sealed with comes first: it is nobody's who stole a key since.
 */
static enum err learn_all(struct telling *t)
{
    for (size_t i = 0; i < t->r->n; i++) {
        t->by = &t->r->entries[i];
        t->most = 0;
        TRY(learn_from(t, t->by->roster));
        t->most = 1;
        TRY(learn_from(t, t->by->roster_former));
        t->most = ADDRESSES_MAX / 2;
        TRY(learn_from(t, t->by->roster_later));
    }
    return OK;
}

enum err restore_learn(struct restore *r, const struct rng *rng)
{
    struct telling t = { .r = r, .known = r->n, .rng = rng };

    TRY(learn_all(&t));
    t.rest = true;
    return learn_all(&t);
}

const struct restore_entry *restore_told(const struct restore *r,
                                         const struct roster_entry *told)
{
    uint8_t fp[FP_BYTES];

    ident_fingerprint(told->sign_pub, told->seal_pub, fp);
    return entry_find((struct restore *)(uintptr_t)r, told->node_key, fp);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two states into one, item by item. What is made depends on the two alone, in either
 * order, so that devices that join each other's states come to the same items.
 */
#include "client/vault_part.h"

/* ---- one item ---- */

enum { PRESENT_MAX = VAULT_ITEM_MAX / 2 };

/* All but the past. */
static struct bytes present_bytes(const struct vault_item *item, struct span mem)
{
    struct vault_item i = *item;
    struct buf b = { .p = mem.p, .cap = mem.n };
    i.n_past = 0;
    wire_put(&vault_item_schema, &i, &b);
    MUST(!b.over);
    return buf_bytes(&b);
}

/* Which of two forms of an item stays the present one: an order everybody has. */
static int form_order(const struct vault_item *a, const struct vault_item *b)
{
    uint8_t mem_a[PRESENT_MAX];
    uint8_t mem_b[PRESENT_MAX];
    if (a->changed != b->changed)
        return a->changed < b->changed ? -1 : 1;
    int order =
        bytes_order(present_bytes(a, SPAN_OF(mem_a)), present_bytes(b, SPAN_OF(mem_b)));
    secret_wipe(mem_a, sizeof mem_a);
    secret_wipe(mem_b, sizeof mem_b);
    return order;
}

/* Whether a content is among those of an item. */
static bool knows(const struct vault_item *i, const struct vault_ref *ref)
{
    if (i->n_now > 0 && vault_same_content(&i->now[0], ref))
        return true;
    for (uint32_t k = 0; k < i->n_past; k++) {
        if (vault_same_content(&i->past[k], ref))
            return true;
    }
    return false;
}

/* The winner, with every content of both. */
static enum err item_join(const struct vault_item *winner, const struct vault_item *loser,
                          struct entry **out)
{
    struct vault_item i = *winner;
    struct vault_ref refs[2 * VAULT_PAST + 1];
    size_t n = winner->n_past;
    memcpy(refs, winner->past, n * sizeof refs[0]);
    memcpy(refs + n, loser->past, loser->n_past * sizeof refs[0]);
    n += loser->n_past;
    if (loser->n_now > 0)
        refs[n++] = loser->now[0];
    i.n_past = vault_past_keep(refs, n, i.n_now > 0 ? &i.now[0] : NULL);
    memcpy(i.past, refs, i.n_past * sizeof refs[0]);
    return item_entry(&i, out);
}

/* ---- all items ---- */

struct joining {
    struct entries ours;  /* not owned */
    struct entries other; /* theirs */
    struct entries both;
    struct entries view; /* of those there, by name; not owned */
    struct vault_merge what;
};

static void joining_free(struct joining *j)
{
    entries_free(&j->other);
    entries_free(&j->both);
    free(j->view.p);
}

static enum err add_own(struct entries *list, struct entry *take_e)
{
    enum err e = entries_add(list, take_e);
    if (e != OK)
        entry_free(take_e);
    return e;
}

static enum err add_copy(struct joining *j, const struct entry *e)
{
    struct entry *copy = NULL;
    TRY(item_entry(&e->item, &copy));
    return add_own(&j->both, copy);
}

static bool is_same(const struct entry *a, const struct entry *b)
{
    return bytes_equal(bytes_of(a->raw, a->n), bytes_of(b->raw, b->n));
}

static void count_change(struct joining *j, const struct vault_item *a,
                         const struct vault_item *b, bool ours_wins)
{
    const struct vault_item *loser = ours_wins ? b : a;
    const struct vault_item *winner = ours_wins ? a : b;
    bool hidden = loser->n_now > 0 && !knows(winner, &loser->now[0]);
    if (hidden)
        j->what.both++;
    if (!ours_wins && a->removed == 0 && b->removed != 0)
        j->what.removed++;
    else if (!ours_wins && !hidden && form_order(a, b) != 0)
        j->what.changed++;
}

static enum err add_both(struct joining *j, const struct entry *a, const struct entry *b)
{
    struct entry *e = NULL;
    if (is_same(a, b))
        return add_copy(j, a);
    bool ours_wins = form_order(&a->item, &b->item) >= 0;
    count_change(j, &a->item, &b->item, ours_wins);
    TRY(ours_wins ? item_join(&a->item, &b->item, &e)
                  : item_join(&b->item, &a->item, &e));
    return add_own(&j->both, e);
}

/* Which of the two lists, both by id, has the next item: < 0 ours, 0 both. */
static int next_order(const struct joining *j, size_t a, size_t b)
{
    if (a == j->ours.n)
        return 1;
    if (b == j->other.n)
        return -1;
    return bytes_order(BYTES_OF(j->ours.p[a]->item.id), BYTES_OF(j->other.p[b]->item.id));
}

static enum err add_theirs(struct joining *j, const struct entry *e)
{
    j->what.added += e->item.removed == 0 ? 1 : 0;
    return add_copy(j, e);
}

static enum err join_items(struct joining *j)
{
    size_t a = 0;
    size_t b = 0;
    while (a < j->ours.n || b < j->other.n) {
        int order = next_order(j, a, b);
        if (order < 0)
            TRY(add_copy(j, j->ours.p[a++]));
        else if (order > 0)
            TRY(add_theirs(j, j->other.p[b++]));
        else
            TRY(add_both(j, j->ours.p[a++], j->other.p[b++]));
    }
    return j->both.n <= VAULT_ITEMS_MAX ? OK : ERR_TOO_BIG;
}

/* ---- one name, one item ---- */

static int name_order(const void *x, const void *y)
{
    const struct vault_item *a = &(*(struct entry *const *)x)->item;
    const struct vault_item *b = &(*(struct entry *const *)y)->item;
    int order = bytes_order(a->name, b->name);
    if (order != 0)
        return order;
    /* The elder keeps the name. */
    if (a->made != b->made)
        return a->made < b->made ? -1 : 1;
    return bytes_order(BYTES_OF(a->id), BYTES_OF(b->id));
}

static enum err names_make(struct joining *j)
{
    j->view.n = 0;
    for (size_t i = 0; i < j->both.n; i++) {
        if (j->both.p[i]->item.removed == 0)
            TRY(entries_add(&j->view, j->both.p[i]));
    }
    if (j->view.n > 0)
        qsort(j->view.p, j->view.n, sizeof(struct entry *), name_order);
    return OK;
}

/* "NAME (2)", cut so that it fits, never within a character. */
static struct bytes name_numbered(struct bytes name, unsigned number,
                                  char mem[VAULT_NAME_MAX + 1])
{
    char tail[16];
    (void)snprintf(tail, sizeof tail, " (%u)", number); /* fits */
    size_t n = name.n;
    if (n > VAULT_NAME_MAX - strlen(tail))
        n = VAULT_NAME_MAX - strlen(tail);
    while (n < name.n && n > 0 && (name.p[n] & 0xc0) == 0x80)
        n--;
    memcpy(mem, name.p, n);
    memcpy(mem + n, tail, strlen(tail) + 1);
    return bytes_text(mem);
}

static enum err rename_one(struct joining *j, struct entry *e)
{
    char mem[VAULT_NAME_MAX + 1];
    struct vault_item i = e->item;
    unsigned number = 2;
    do
        i.name = name_numbered(e->item.name, number++, mem);
    while (vault_named(&j->view, i.name) != NULL);
    /* A change, so that it stands against the form before; the same one everywhere. */
    i.changed += i.changed < VAULT_TIME_MAX ? 1 : 0;
    j->what.renamed++;
    return entry_set(e, &i);
}

static enum err join_names(struct joining *j)
{
    TRY(names_make(j));
    for (size_t k = 1; k < j->view.n; k++) {
        if (!bytes_equal(j->view.p[k - 1]->item.name, j->view.p[k]->item.name))
            continue;
        TRY(rename_one(j, j->view.p[k]));
        TRY(names_make(j));
        k = 0;
    }
    return OK;
}

/* ---- the outcome ---- */

static bool are_same(const struct entries *a, const struct entries *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!is_same(a->p[i], b->p[i]))
            return false;
    }
    return true;
}

/* Removed, or its present content is not even past: only a flood of others does that. */
static bool goes(const struct vault_item *ours, const struct vault_item *joined)
{
    return ours->removed == 0 && (joined->removed != 0 || !knows(joined, &ours->now[0]));
}

static size_t count_gone(const struct vault *v, const struct entries *both)
{
    size_t gone = 0;
    for (size_t a = 0, b = 0; a < v->all.n; a++) {
        while (
            !bytes_equal(BYTES_OF(both->p[b]->item.id), BYTES_OF(v->all.p[a]->item.id)))
            b++;
        gone += goes(&v->all.p[a]->item, &both->p[b]->item) ? 1 : 0;
    }
    return gone;
}

static uint64_t our_version(const struct vault *v)
{
    uint64_t version = v->took ? v->next.version : v->state.version;
    if (!v->changed)
        return version;
    return vault_version_after(version > v->parents_version ? version
                                                            : v->parents_version);
}

/* Of two states with the same items one is kept, the same one everywhere. */
static bool theirs_first(const struct vault *v, const struct vault_state *theirs)
{
    uint8_t ours[HASH_BYTES];
    uint8_t other[HASH_BYTES];
    uint64_t version = our_version(v);
    if (theirs->version != version)
        return theirs->version > version;
    vault_state_hash(v->took ? &v->next : &v->state, ours);
    vault_state_hash(theirs, other);
    return v->changed || bytes_order(BYTES_OF(other), BYTES_OF(ours)) > 0;
}

static void judge(const struct vault *v, const struct vault_state *theirs,
                  struct joining *j)
{
    bool ours = are_same(&j->both, &v->all);
    bool other = are_same(&j->both, &j->other);
    uint64_t version = our_version(v);
    j->what.took = other && (ours ? theirs_first(v, theirs) : theirs->version >= version);
    j->what.stale = ours && !j->what.took && version >= theirs->version;
    j->what.merged = !j->what.took && !j->what.stale;
}

static void add_parent(struct vault *v, const struct vault_state *s)
{
    if (v->n_parents < VAULT_PARENTS)
        vault_state_hash(s, v->parents[v->n_parents++].hash);
    if (s->version > v->parents_version)
        v->parents_version = s->version;
}

static void take(struct vault *v, const struct vault_state *theirs)
{
    struct buf b = BUF_OF(v->next_raw);
    wire_put(&vault_state_schema, theirs, &b);
    MUST(!b.over);
    MUST(wire_get(&vault_state_schema, buf_bytes(&b), &v->next) == OK);
    v->took = true;
    v->changed = false;
}

static enum err adopt(struct vault *v, const struct vault_state *theirs,
                      struct joining *j)
{
    AUTO_BLOB struct home_blob ids = { 0 };
    TRY(vault_walk_ids(v, theirs, WALK_ON, &ids));
    TRY(vault_ids_add(&v->foreign, ids.p, ids.n / VAULT_ID));
    entries_free(&v->all);
    v->all = j->both;
    j->both = (struct entries){ 0 }; /* the vault's now */
    if (j->what.took) {
        take(v, theirs);
        return vault_views(v);
    }
    if (v->took)
        add_parent(v, &v->next);
    v->took = false;
    add_parent(v, theirs);
    v->changed = true;
    return vault_views(v);
}

static enum err join(struct vault *v, const struct vault_state *theirs, bool shrink_ok,
                     struct joining *j, struct vault_merge *out_what)
{
    TRY(vault_entries_read(v, theirs, &j->other));
    j->ours = v->all;
    TRY(join_items(j));
    TRY(join_names(j));
    j->what.shrinks = 3 * count_gone(v, &j->both) > v->there.n;
    judge(v, theirs, j);
    if (j->what.shrinks && !shrink_ok) {
        *out_what = j->what;
        return ERR_STATE;
    }
    if (!j->what.stale)
        TRY(adopt(v, theirs, j));
    *out_what = j->what;
    return OK;
}

enum err vault_join(struct vault *v, const struct vault_state *theirs, bool shrink_ok,
                    struct vault_merge *out_what)
{
    struct joining j = { 0 };
    if (theirs->generation != v->generation)
        return ERR_VERSION;
    enum err e = join(v, theirs, shrink_ok, &j, out_what);
    joining_free(&j);
    return e;
}

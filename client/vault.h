/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault in the home: named items with their history, as the same sealed objects the
 * nodes keep (home/vault/, one file an object, named by its id). Works with the day
 * box's key: no passphrase. Every change makes a new state, synced before the call
 * returns; a cut leaves the state before it. Never sends, asks or prints. What will hurt
 * you: a content is in ordinary memory while it is used; VAULT_BLOB wipes it.
 */
#ifndef KITH_CLIENT_VAULT_H
#define KITH_CLIENT_VAULT_H

#include "client/home.h"
#include "proto/vault.h"

enum {
    VAULT_CONTENT_MAX = 64 * 1024 * 1024, /* bytes of one item */
    VAULT_ITEMS_MAX = 20000,              /* removed ones too: they are remembered */
    VAULT_WHAT = 512                      /* room for what is damaged, in words */
};

/* An opened vault; on the heap. Items belong to it, in the order of their names. */
struct vault;

/* How much must be whole. */
enum vault_opening {
    VAULT_WHOLE, /* state, index, pages */
    VAULT_BARE,  /* the state alone: there are no items before vault_load */
    VAULT_AFRESH /* nothing: a damaged state is as if it were not there */
};

/*
 * Opens the home's vault, an empty one where there is none. h must outlive it.
 * ERR_UNKNOWN: the home has no vault key yet (ctx_vault_keys); ERR_CORRUPT: a file is
 * damaged, out_what names it and what it belongs to; ERR_VERSION, ERR_IO, ERR_NOMEM.
 */
enum err vault_open(struct home *h, const struct day *d, enum vault_opening how,
                    char out_what[VAULT_WHAT], struct vault **out);
/* The items of a bare one, once its objects are here. ERR_CORRUPT: vault_what. */
enum err vault_load(struct vault *v);
/* What the last ERR_CORRUPT was about: object, item and whether missing or damaged. */
const char *vault_what(const struct vault *v);
/*
 * Where the day box got the key of another root (d->me.vault_before has the one before):
 * writes the vault anew under the present key and forgets the other; else nothing. Saves
 * the day box. A cut is completed when it is called again. ERR_CORRUPT: an object is
 * damaged, out_what; nothing changed.
 */
enum err vault_rekey(struct home *h, struct day *d, uint64_t now, const struct rng *rng,
                     char out_what[VAULT_WHAT]);
void vault_free(struct vault *v);
#define AUTO_VAULT __attribute__((cleanup(auto_vault_)))

static inline void auto_vault_(struct vault **place)
{
    vault_free(*place);
}

/* ---- looking ---- */

/* How the name of a root that a new one took the place of begins. */
#define VAULT_FORMER_ROOT "Root key until "
/* Whether it is there as such a root, by its name and type. */
bool vault_is_former(const struct vault_item *item);

/* Items that are there (not removed), sorted by name. */
size_t vault_count(const struct vault *v);
const struct vault_item *vault_at(const struct vault *v, size_t i);
/*
 * Whoever had the root before this one may have read it, and it can be changed; notes
 * open nothing, a former root nothing new.
 */
bool vault_was_read(const struct day *d, const struct vault_item *item);
/* By exact name, or a unique prefix of the id (>= 4 hex digits); NULL. */
const struct vault_item *vault_find(const struct vault *v, struct bytes name);
/* The removed ones, sorted by name; found alike (the newest of a name). */
size_t vault_gone_count(const struct vault *v);
const struct vault_item *vault_gone_at(const struct vault *v, size_t i);
const struct vault_item *vault_gone_find(const struct vault *v, struct bytes name);
/* The newest state; its hash. A vault without any item has version 0. */
const struct vault_state *vault_now(const struct vault *v);
/*
 * An item's content, whole and checked. back: 0 the present one, n the n-th before it
 * (item->past[n - 1], also of a removed item). ERR_UNKNOWN: no such content; ERR_CORRUPT:
 * an object is missing or damaged here (kith vault pull gets it again), vault_what.
 */
enum err vault_content(struct vault *v, const struct vault_item *item, unsigned back,
                       struct home_blob *out);

/* ---- changing ---- */

/* What an item becomes; slices are copied (those of the item itself are fine). */
struct vault_change {
    struct bytes name;
    enum vault_type type;
    struct bytes hint;
    struct bytes user;
    struct bytes url;
    const struct bytes *content; /* NULL: as it is */
};

/*
 * A new item. ERR_EXISTS: one of that name is there; ERR_TOO_BIG: content or number;
 * ERR_ARG: a text is not printable or too long, or no content. Objects are written at
 * once; they belong to nothing, and go again, unless vault_save follows.
 */
enum err vault_add(struct vault *v, const struct vault_change *what, uint64_t now,
                   const struct rng *rng);
/* The item's texts and content; the old content moves into its past. Errors as above. */
enum err vault_edit(struct vault *v, const struct vault_item *item,
                    const struct vault_change *what, uint64_t now);
/* Removes it; its last content moves into the past, so that it can be had again. */
enum err vault_remove(struct vault *v, const struct vault_item *item, uint64_t now);
/*
 * Makes an earlier content (back as above, >= 1) the present one, also of a removed item,
 * which is there again. ERR_UNKNOWN: no such content; ERR_EXISTS: its name is taken.
 */
enum err vault_revert(struct vault *v, const struct vault_item *item, unsigned back,
                      uint64_t now);
/*
 * Makes one new state of all changes since the last: objects, then the state, synced.
 * Fine without changes. ERR_DISK_FULL, ERR_IO: nothing changed on disk.
 */
enum err vault_save(struct vault *v, uint64_t now, const struct rng *rng);

/* ---- what rounds need (client/vault_round) ---- */

/* The ids of every object the newest state needs: index, pages, lists, chunks, past. */
enum err vault_needs(struct vault *v, struct home_blob *out_ids);
/* The same of another state, whose objects must be here. */
enum err vault_needs_of(struct vault *v, const struct vault_state *s,
                        struct home_blob *out_ids);
/*
 * Ids of objects that an earlier state needed and this one does not: what HEAD_SET names
 * as dropped. They stay on this list until every seat was told.
 */
enum err vault_unneeded(struct vault *v, struct home_blob *out_ids);
/* Takes ids off that list; kept by the next vault_save. */
enum err vault_told(struct vault *v, struct bytes ids);
/* An object's bytes as they go to a node. ERR_UNKNOWN, ERR_CORRUPT. */
enum err vault_object(struct vault *v, const uint8_t id[VAULT_ID], struct home_blob *out);
/* Whether it is here and has the bytes its id says. */
bool vault_has(struct vault *v, const uint8_t id[VAULT_ID]);
/* Keeps an object that came from a node. ERR_AUTH: its id is another. */
enum err vault_keep(struct vault *v, const uint8_t id[VAULT_ID], struct bytes object);

/*
 * What of a state is not here, or not whole, as far as it can be seen: what is in an
 * index, page or list is known once that is here. Get them, ask again, until none is
 * left. Also for our own state, to mend it.
 */
enum err vault_lacks(struct vault *v, const struct vault_state *theirs,
                     struct home_blob *out_ids);

/* What a merge did, for a person. */
struct vault_merge {
    bool took;        /* theirs is newer and contains ours: taken as it is */
    bool merged;      /* both had changes: one state of both, two parents */
    bool stale;       /* ours contains theirs: nothing to do */
    unsigned added;   /* items that were not here */
    unsigned changed; /* contents that are newer there */
    unsigned removed; /* items removed there */
    unsigned both;    /* items changed on both sides: the newer is the present one, the
                         other stands first in its past */
    unsigned renamed; /* two items of one name: one got " (2)" */
    bool shrinks;     /* more than a third of our items, or what is in them, would go */
};

/*
 * Joins a foreign state, whose index and pages are here, with ours; item by item, nothing
 * is lost: each content is present or past afterwards. Whoever joins the same two gets
 * the same items. shrink_ok: a person agreed that more than a third goes (else ERR_STATE
 * and nothing changes, out_what says so). ERR_CORRUPT: theirs cannot be read, vault_what;
 * ERR_TOO_BIG: too many items. Not saved.
 */
enum err vault_join(struct vault *v, const struct vault_state *theirs, bool shrink_ok,
                    struct vault_merge *out_what);

/* Reads every object the newest state needs; the first that fails is named. */
enum err vault_check(struct vault *v, size_t *out_objects, char out_what[VAULT_WHAT]);

/* Where a copy goes, part after part; an error of put ends it. */
struct vault_sink {
    void *ctx;
    enum err (*put)(void *ctx, struct bytes part);
};

/*
 * The newest state with every object it needs as the bytes of a copy file
 * (VAULT_COPY_MAGIC), which the root alone opens. ERR_UNKNOWN: nothing was saved yet;
 * ERR_CORRUPT: vault_what; errors of put.
 */
enum err vault_copy(struct vault *v, const struct rng *rng, const struct vault_sink *to);

#endif

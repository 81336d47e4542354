/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of client/vault share; nobody else includes it. */
#ifndef KITH_CLIENT_VAULT_PART_H
#define KITH_CLIENT_VAULT_PART_H

#include "client/vault.h"

/* An item on the heap; its slices point into raw, its encoding. */
struct entry {
    struct vault_item item;
    uint8_t *raw;
    size_t n;
};

struct entries {
    struct entry **p;
    size_t n;
    size_t cap;
};

struct vault {
    const struct home *home;
    int dir;                 /* home/vault; -1: not made yet */
    int objects;             /* home/vault/objects */
    struct vault_keys *keys; /* secret memory */
    struct vault_work *work;
    struct vault_store store;
    struct vault_io io;
    uint8_t circle[ID_BYTES];
    uint8_t device[ID_BYTES];
    char device_name[64];
    size_t device_name_n;
    uint32_t generation;
    /* what is on disk */
    struct vault_state state; /* slices into state_raw */
    uint8_t state_raw[VAULT_STATE_MAX];
    struct home_blob unneeded; /* ids */
    /* what it becomes */
    struct entries all;   /* by id */
    struct entries there; /* not removed, by name; not owned */
    struct entries gone;  /* removed, by name; not owned */
    bool changed;         /* items differ from the state's */
    bool took;            /* next is a foreign state, taken as it is */
    bool told;            /* the list of what is not needed differs */
    struct vault_state next;
    uint8_t next_raw[VAULT_STATE_MAX];
    uint32_t n_parents;
    struct vault_parent parents[VAULT_PARENTS];
    uint64_t parents_version; /* the greatest */
    struct home_blob foreign; /* ids that joined states needed */
    struct home_blob fresh;   /* ids of objects written since the last save */
    size_t loose;             /* how many files are not synced yet */
    struct bytes at_item;     /* name of the item at hand, for what */
    char what[VAULT_WHAT];
};

/* ---- vault_file.c: files ---- */

/* Opens home/vault and its objects where they are; makes them. */
enum err vault_dirs_open(struct vault *v);
enum err vault_dirs_make(struct vault *v);
/* Of struct vault_store; ctx is the vault. */
enum err vault_object_put(void *ctx, const uint8_t id[VAULT_ID], struct bytes object);
enum err vault_object_get(void *ctx, const uint8_t id[VAULT_ID], struct span mem,
                          size_t *out_n);
/* Everything written so far is on the disk when it returns. */
enum err vault_barrier(struct vault *v);
/* Removes files of objects; what fails stays, it is no harm. */
void vault_objects_drop(const struct vault *v, struct bytes ids);
/* Removes every object that is not among these. */
enum err vault_objects_sweep(const struct vault *v, const struct home_blob *needed);
/* The state file. ERR_UNKNOWN: there is none. */
enum err vault_state_read(struct vault *v, struct vault_state *out,
                          struct home_blob *ids);
enum err vault_state_write(struct vault *v, const struct vault_state *s, struct bytes ids,
                           const struct rng *rng);

/* n zeroed bytes, of which none counts yet. */
enum err vault_blob_new(struct home_blob *out, size_t n);

/* ---- vault_walk.c: ids and naming ---- */

enum err vault_ids_add(struct home_blob *ids, const uint8_t *id, size_t n);
/* Sorted, each once. */
void vault_ids_sort(struct home_blob *ids);
bool vault_ids_has(const struct home_blob *sorted, const uint8_t id[VAULT_ID]);

/*
 * Names every object a state needs, lists and pages before what is in them. WALK_ON: what
 * cannot be opened is left out; else it is an error, and vault_name_trouble names it.
 */
enum walk_how { WALK_STRICT, WALK_ON };

enum err vault_walk(struct vault *v, const struct vault_state *s, enum walk_how how,
                    const struct vault_seen *seen);
/* The ids of all of them, sorted. */
enum err vault_walk_ids(struct vault *v, const struct vault_state *s, enum walk_how how,
                        struct home_blob *out);
/* The items of a state. ERR_CORRUPT. */
enum err vault_entries_read(struct vault *v, const struct vault_state *s,
                            struct entries *out);
/* Turns an error about the object at hand into ERR_CORRUPT and words. */
enum err vault_name_trouble(struct vault *v, enum err e);

/* ---- vault.c ---- */

/* The key a vault is under. */
struct vault_under {
    uint32_t generation;
    const uint8_t *key; /* KEY_BYTES */
};

/* vault_open with a key of its own. */
enum err vault_open_as(struct home *h, const struct day *d, enum vault_opening how,
                       const struct vault_under *under, char out_what[VAULT_WHAT],
                       struct vault **out);

enum err item_entry(const struct vault_item *item, struct entry **out);
void entry_free(struct entry *e);
/* Makes the entry say what item says, which may point into it. */
enum err entry_set(struct entry *e, const struct vault_item *item);
/* Appends; the entries own take_e afterwards (unless they only view). */
enum err entries_add(struct entries *list, struct entry *e);
void entries_free(struct entries *list);
/* The views by name, made anew; one entry in and, as it still is, out. */
enum err vault_views(struct vault *v);
enum err vault_view_in(struct vault *v, struct entry *e);
void vault_view_out(struct vault *v, struct entry *e);
/* The first of that name in a view, or NULL. */
const struct vault_item *vault_named(const struct entries *list, struct bytes name);

/* ---- vault_edit.c ---- */

/*
 * The contents an item keeps of n earlier ones: each once, the newest of each device
 * first of all, then the newest; sorted, newest first. now: not among them. Returns how
 * many (at most VAULT_PAST); works in place.
 */
uint32_t vault_past_keep(struct vault_ref *refs, size_t n, const struct vault_ref *now);
/* Of the state after that one. The last there is stays: items, not numbers, are joined.
 */
uint64_t vault_version_after(uint64_t version);
bool vault_same_content(const struct vault_ref *a, const struct vault_ref *b);

#endif

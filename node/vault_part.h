/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vault as it is stored, for the files of node/vault only. Every function is part of
 * one call's transaction; a changed record_vault is written once, by the handler.
 */
#ifndef KITH_NODE_VAULT_PART_H
#define KITH_NODE_VAULT_PART_H

#include "node/vault.h"

/* TAB_VAULT: ward id. */
struct record_vault {
    uint8_t ward[ID_BYTES];
    uint64_t newest; /* version of the newest head; 0 none */
    uint8_t newest_hash[HASH_BYTES];
    uint64_t oldest; /* version of the oldest head kept */
    uint32_t heads;  /* kept */
    uint64_t used;   /* bytes of objects and heads */
    uint64_t live;   /* of these, of objects that no head dropped */
    struct owned objects;
    uint64_t seq;     /* of the newest object */
    uint64_t high;    /* most live bytes after a head of the last 30 days */
    uint64_t high_at; /* when that was */
    uint64_t told;    /* when it was last told that it shrank */
    uint64_t unsure;  /* version of the first head that came so; 0 none */
    uint64_t swept;   /* last look at what may go; 0: there is more to do */
};

/* TAB_VAULT_FIND: ward id, object id. */
struct record_object {
    uint64_t seq; /* TAB_VAULT_BULK: ward id, sequence -> bytes, under the data key */
    uint32_t size;
    uint64_t received; /* when it was last put */
    uint64_t base;     /* the newest head then: a later one covers it */
    uint64_t dropped;  /* by the head of this version; 0: it is wanted */
    uint64_t was;      /* dropped so before it was put again; counts until covered */
};

/* TAB_VAULT_MARK: ward id, version. */
struct record_mark {
    uint64_t received;
    uint32_t size;  /* of head and witness */
    uint8_t unsure; /* 1: it came while the clock stood still */
};

/* TAB_VAULT_HEAD: ward id, version; under the data key. */
struct record_head {
    struct bytes head;
    struct bytes witness;
};

extern const struct wire_schema record_vault_schema, record_object_schema,
    record_mark_schema, record_head_schema;

/* TAB_VAULT_STAGED: ward id, when, object id. TAB_VAULT_GONE: ward id, version, same. */
struct txn_key key_aged(const uint8_t ward[ID_BYTES], uint64_t at,
                        const uint8_t id[VAULT_ID]);
/* When or which version, and the object, of such a key. */
uint64_t key_age(const struct txn_key *key);
const uint8_t *key_object_id(const struct txn_key *key);

/*
 * The caller's ward and its vault, an empty one if it has none yet. ERR_LEFT;
 * ERR_CORRUPT: also when there should be one.
 */
enum err kept_load(struct call *c, struct record_ward *out_ward,
                   struct record_vault *out);
/* Writes it back; the first time the ward says that it has one. */
enum err kept_store(struct call *c, struct record_ward *ward,
                    const struct record_vault *v);

/* A head, and what came with it; slices in the call's memory. ERR_UNKNOWN, ERR_CORRUPT.
 */
enum err kept_head(struct call *c, const uint8_t ward[ID_BYTES], uint64_t version,
                   struct record_head *out);
enum err kept_head_put(struct call *c, const uint8_t ward[ID_BYTES], uint64_t version,
                       const struct record_head *h);

/* ---- objects ---- */

/* ERR_UNKNOWN, ERR_CORRUPT. */
enum err kept_find(struct call *c, const uint8_t ward[ID_BYTES],
                   const uint8_t id[VAULT_ID], struct record_object *out);
/* True if no head followed it so far. */
bool kept_staged(const struct record_vault *v, const struct record_object *o);
/* Its bytes, in the call's memory. ERR_UNKNOWN; ERR_CORRUPT: not what they were. */
enum err kept_bytes(struct call *c, const uint8_t ward[ID_BYTES],
                    const uint8_t id[VAULT_ID], const struct record_object *o,
                    struct bytes *out);

/* How an object came. */
enum vault_came { CAME_ALONE, CAME_WITH_HEAD };

/*
 * Stores those of the framed objects that are not there, when there is room for them and
 * for so many further bytes. ERR_FORMAT; ERR_FULL. *out_stored: how many were not there.
 */
enum err kept_take(struct call *c, struct record_vault *v, struct bytes objects,
                   enum vault_came came, uint64_t further, uint32_t *out_stored);
/* From the head of this version on it is not wanted. */
enum err kept_drop(struct call *c, struct record_vault *v, const uint8_t id[VAULT_ID],
                   uint64_t version, uint64_t *io_bytes);
/* Put again and then never covered by a head: it is dropped as it was. */
enum err kept_undo(struct call *c, struct record_vault *v, const uint8_t id[VAULT_ID],
                   struct record_object *o);
/* Erases an object, but for the keys that led here. */
enum err kept_erase(struct call *c, struct record_vault *v, const uint8_t id[VAULT_ID],
                    const struct record_object *o);

/* ---- keeping ---- */

/*
 * OK if so many bytes and objects may be added by the caller, after erasing what need
 * not be kept, oldest first. ERR_FULL.
 */
enum err kept_room(struct call *c, struct record_vault *v, uint64_t bytes,
                   uint64_t objects, enum vault_came came);
/* Erases one head. */
enum err kept_head_erase(struct call *c, struct record_vault *v, uint64_t version,
                         const struct record_mark *m);

#endif

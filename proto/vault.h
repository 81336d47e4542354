/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's formats: objects a node keeps without being able to read them, the state
 * they add up to, the head that names a state at one seat, the witness one seat keeps of
 * the others. A state is common to all seats; heads are sealed and signed for each seat,
 * so that seats cannot compare owners. An object's bytes follow from its content, so
 * that what is there already is not moved again. What will hurt you: content is wiped by
 * whoever holds it, it is too large for locked memory.
 */
#ifndef KITH_PROTO_VAULT_H
#define KITH_PROTO_VAULT_H

#include "proto/ident.h"
#include "proto/piece.h"
#include "proto/wire.h"

enum {
    VAULT_ID = HASH_BYTES,        /* of an object */
    VAULT_OBJECT_MAX = 48 * 1024, /* bytes of one object, as nodes keep it */
    VAULT_OBJECT_HEAD = 12,       /* in front of the content: length u32, salt u64 */
    VAULT_CHUNK = VAULT_OBJECT_MAX - SEAL_OVERHEAD - VAULT_OBJECT_HEAD,
    VAULT_OBJECT_MIN = SEAL_OVERHEAD + 256,
    VAULT_PAD_MIN = 256,                /* nothing is shorter */
    VAULT_FAN = VAULT_CHUNK / VAULT_ID, /* ids in one list */
    VAULT_HAVE_MAX = 1400,              /* ids in one VAULT_HAVE */
    VAULT_DROP_MAX = 1000,              /* ids in one HEAD_SET */
    VAULT_HEAD_OBJECTS = 16 * 1024,     /* bytes of objects in one HEAD_SET */
    VAULT_GET_MAX = 64,                 /* ids in one VAULT_GET */
    VAULT_BATCH_MAX = 56 * 1024,        /* bytes of objects in one message */
    VAULT_STATE_MAX = 1024,             /* bytes of an encoded state */
    VAULT_BODY_MAX = VAULT_STATE_MAX + SEAL_OVERHEAD,
    VAULT_HEAD_MAX = 1536,        /* bytes of a signed head */
    VAULT_WITNESS_MAX = 8 * 1024, /* sealed */
    VAULT_NAME_MAX = 200,         /* bytes of an item's name */
    VAULT_PAST = 16,              /* earlier contents an item keeps */
    VAULT_PARENTS = 4,            /* states one state was made from */
    VAULT_DEPTH_MAX = 2,          /* lists above the chunks of a content */
};

/* A later time (in the year 36812) is refused. */
#define VAULT_TIME_MAX ((uint64_t)1 << 40)

/* ---- keys ---- */

/* The vault key of one generation: what the day box holds. */
KEY_TYPE(vault_key);

/* What it gives; secret memory. */
struct vault_keys {
    struct seal_key object; /* seals objects */
    struct seal_key nonce;  /* makes their nonces */
    struct seal_key head;   /* seals states, witnesses, copies */
};

/* The key of a generation (1, 2 …) from the root. ERR_NOMEM. */
enum err vault_key_of(const struct root_key *root, uint32_t generation,
                      struct vault_key *out);
void vault_keys_of(const struct vault_key *key, struct vault_keys *out);

/* ---- objects ---- */

/* What is in an object; bound to it. */
enum vault_kind {
    VAULT_CONTENT = 1, /* a chunk of an item's content */
    VAULT_LIST = 2,    /* ids of chunks, or of lists */
    VAULT_INDEX = 3,   /* struct vault_index */
    VAULT_PAGE = 4     /* items, struct vault_item one after the other */
};

/* Padme (PURBs, section 4.5): n rounded up so that its size tells little; >= 256. */
uint64_t vault_pad(uint64_t n);
/* The id of an object: whoever has its bytes can make it. */
void vault_object_id(struct bytes object, uint8_t out[VAULT_ID]);
/*
 * Appends the object of content (at most VAULT_CHUNK), its plaintext padded with zeros
 * to padded bytes (content.n .. VAULT_CHUNK, MUST). The same arguments give the same
 * bytes. salt: 0, or what makes an object without content its own. mem: VAULT_CHUNK +
 * VAULT_OBJECT_HEAD bytes to work in, wiped.
 */
void vault_object_seal(const struct vault_keys *keys, enum vault_kind kind,
                       struct bytes content, size_t padded, uint64_t salt,
                       struct span mem, struct buf *out);
/*
 * The content of an object into out (VAULT_CHUNK + VAULT_OBJECT_HEAD bytes); *out_content
 * points into it. The caller wipes it. ERR_AUTH, ERR_FORMAT.
 */
enum err vault_object_open(const struct vault_keys *keys, enum vault_kind kind,
                           struct bytes object, struct span out,
                           struct bytes *out_content);

/* ---- what objects add up to ---- */

/* A content: when and where it came to be, and where its tree of objects begins. */
struct vault_ref {
    uint64_t changed; /* when it became the present one, Unix seconds */
    uint8_t device[ID_BYTES];
    uint64_t size;          /* bytes */
    uint8_t depth;          /* 0: root is the only chunk; else lists above chunks */
    uint8_t root[VAULT_ID]; /* object id */
};

/* Numbers are frozen. X(NAME, number, "name people type", "what it is") */
#define VAULT_TYPES(X)                                                                   \
    X(NOTE, 1, "note", "a text")                                                         \
    X(PASSWORD, 2, "password", "a password, with user and address if you like")          \
    X(TOTP, 3, "totp", "the secret of one-time codes (RFC 6238)")                        \
    X(CODES, 4, "codes", "recovery codes, one a line; each is used once")                \
    X(KEY, 5, "key", "a private key: age, SSH, GPG, LUKS")                               \
    X(FILE, 6, "file", "a document")

enum vault_type {

#define VAULT_TYPE_ENUM(name, number, text, what) VAULT_##name = (number),
    VAULT_TYPES(VAULT_TYPE_ENUM)
#undef VAULT_TYPE_ENUM
};

/* "totp"; NULL for a number that is none. */
const char *vault_type_name(unsigned type);
/* The number of a name, 0 for none. */
unsigned vault_type_find(const char *name);

/* One item in a page. Slices as wire_get leaves them. */
struct vault_item {
    uint8_t id[ID_BYTES]; /* random, stays the same through renaming */
    struct bytes name;    /* printable, unique among those not removed */
    uint8_t type;         /* enum vault_type */
    struct bytes hint;    /* how to use it after a restore; printable, at most 500 */
    struct bytes user;    /* printable, at most 200 */
    struct bytes url;     /* printable, at most 500 */
    uint64_t made;        /* Unix seconds */
    /* The newest change, also of the texts or of being removed; each is later than the
     * one before, whatever the clocks of devices say. */
    uint64_t changed;
    uint8_t device[ID_BYTES]; /* that made it */
    uint64_t removed;         /* when; 0: it is there */
    uint32_t n_now;           /* 1 where it is there, else 0 */
    struct vault_ref now[1];
    uint32_t n_past; /* newest first; of a removed one all its contents */
    struct vault_ref past[VAULT_PAST];
};

/* The pages: an item is in page (first `bits` bits of its id, most significant first). */
struct vault_index {
    uint8_t bits;       /* 0 .. 10 */
    uint32_t items;     /* in all pages, removed ones too */
    struct bytes pages; /* 2^bits ids; all zero: an empty page */
};

extern const struct wire_schema vault_item_schema, vault_index_schema;

/* ---- contents and pages as objects (vault_tree.c) ---- */

enum {
    VAULT_BITS_MAX = 10,
    VAULT_ITEM_MAX = 4096, /* bytes of an item's encoding */
    VAULT_PAGE_ITEMS = 24  /* at most, on average */
};

/* Where objects are kept. An id says what the bytes must be; both check nothing else. */
struct vault_store {
    void *ctx;
    enum err (*put)(void *ctx, const uint8_t id[VAULT_ID], struct bytes object);
    /* Into mem (VAULT_OBJECT_MAX bytes). ERR_UNKNOWN: not here. */
    enum err (*get)(void *ctx, const uint8_t id[VAULT_ID], struct span mem,
                    size_t *out_n);
};

/* Memory to work in: on the heap, wiped with secret_wipe before it is freed. */
struct vault_work {
    uint8_t at[VAULT_ID]; /* the object at hand: after an error, the one to name */
    uint8_t object[VAULT_OBJECT_MAX];
    uint8_t plain[VAULT_CHUNK + VAULT_OBJECT_HEAD];
    uint8_t list[VAULT_DEPTH_MAX][VAULT_CHUNK + VAULT_OBJECT_HEAD];
};

struct vault_io {
    const struct vault_keys *keys;
    const struct vault_store *store;
    struct vault_work *work;
};

/* How many chunks a content of that size has, and how many lists stand above them. */
uint64_t vault_chunks(uint64_t size);
uint8_t vault_depth(uint64_t size);

/* Puts one object (at most VAULT_CHUNK bytes of content, padded). Errors of the store. */
enum err vault_put(const struct vault_io *io, enum vault_kind kind, struct bytes content,
                   uint8_t out_id[VAULT_ID]);
/*
 * Gets one into out (VAULT_CHUNK + VAULT_OBJECT_HEAD bytes); *out_content points into it.
 * ERR_UNKNOWN: not there; ERR_AUTH: not what the id says; ERR_FORMAT.
 */
enum err vault_get(const struct vault_io *io, enum vault_kind kind,
                   const uint8_t id[VAULT_ID], struct span out,
                   struct bytes *out_content);
/* Puts a content; size, depth and root of *out_ref are set. Errors of the store. */
enum err vault_tree_put(const struct vault_io *io, struct bytes content,
                        struct vault_ref *out_ref);
/* Gets a content of ref->size bytes into out of exactly that size. As vault_get. */
enum err vault_tree_get(const struct vault_io *io, const struct vault_ref *ref,
                        struct span out);

/* Told of each object: lists before what is in them; at: the chunk's number. */
struct vault_seen {
    void *ctx;
    enum err (*see)(void *ctx, enum vault_kind kind, const uint8_t id[VAULT_ID],
                    uint64_t at);
};

/* Names every object of a content; opens its lists only. As vault_get, and see's. */
enum err vault_tree_walk(const struct vault_io *io, const struct vault_ref *ref,
                         const struct vault_seen *seen);

/* The bits of an index of so many items; more where a page would grow too great. */
uint8_t vault_bits(size_t items);
/* The number of an item's page. */
size_t vault_page_of(const uint8_t item[ID_BYTES], uint8_t bits);
/* Appends one item to a page. */
void vault_page_put(struct bytes encoded, struct buf *page);
/*
 * Takes the next item off a page: its encoding and what it says. before: the item
 * before it, NULL for the first. ERR_FORMAT: also when out of order, or in the wrong
 * page.
 */
enum err vault_page_next(struct bytes *io_page, size_t page, uint8_t bits,
                         const struct vault_item *before, struct bytes *out_encoded,
                         struct vault_item *out);
/* Puts an index of these pages (2^bits ids); gets one, whose pages point into mem. */
enum err vault_index_put(const struct vault_io *io, const struct vault_index *index,
                         uint8_t out_id[VAULT_ID]);
enum err vault_index_get(const struct vault_io *io, const uint8_t id[VAULT_ID],
                         struct span mem, struct vault_index *out);

/* ---- states, heads, witnesses ---- */

struct vault_parent {
    uint8_t hash[HASH_BYTES]; /* vault_state_hash */
};

/* What the vault is at one moment, the same at all seats. */
struct vault_state {
    uint32_t generation;
    uint64_t version; /* 1 + the greatest of its parents' */
    uint64_t made;    /* Unix seconds, by the device's clock */
    uint8_t circle[ID_BYTES];
    uint8_t device[ID_BYTES]; /* that made it */
    struct bytes device_name; /* printable, at most 64 */
    uint8_t index[VAULT_ID];  /* object of kind VAULT_INDEX; all zero: empty */
    uint32_t items;           /* that are there */
    uint64_t bytes;           /* of all their contents */
    uint32_t n_parents;       /* 0: the first */
    struct vault_parent parents[VAULT_PARENTS];
};

enum { VAULT_VERSION_MAX = 1 << 30 }; /* a state or head beyond it is refused */

extern const struct wire_schema vault_state_schema;

/* Names a state: the hash of its encoding. */
void vault_state_hash(const struct vault_state *s, uint8_t out[HASH_BYTES]);
/* Appends the sealed state for one ward (all zero: a copy in a file), padded. */
void vault_state_seal(const struct vault_keys *keys, const struct vault_state *s,
                      const uint8_t ward[ID_BYTES], const struct rng *rng,
                      struct buf *out);
/*
 * Opens it into mem (VAULT_STATE_MAX), where *out points to. ERR_AUTH: changed, of
 * another ward or generation; ERR_FORMAT.
 */
enum err vault_state_open(const struct vault_keys *keys, struct bytes sealed,
                          const uint8_t ward[ID_BYTES], struct span mem,
                          struct vault_state *out);

/* What one seat keeps as the newest. version counts the heads of that seat. */
struct vault_head {
    uint8_t ward[ID_BYTES];
    uint64_t version;           /* 1 + that of the head before at this seat */
    uint8_t before[HASH_BYTES]; /* vault_head_hash of that one; zero for the first */
    struct bytes body;          /* vault_state_seal */
    uint8_t signer[PUB_BYTES];  /* account_sign of the ward, or a device's sign key */
    uint8_t let_in[SIG_BYTES];  /* vault_signer_make of a device's; zero: the account */
};

extern const struct wire_schema vault_head_schema;

void vault_head_make(const struct vault_head *h, const struct sign_seed *signer,
                     struct buf *out);
/*
 * Checks the signature by the signer in it; who that is, vault_head_signer judges.
 * ERR_SIGNATURE, ERR_FORMAT.
 */
enum err vault_head_open(struct bytes raw, struct vault_head *out);
/* The root account's word that a device of the owner's signs heads at its seat. */
void vault_signer_make(const struct sign_seed *account, const uint8_t device[PUB_BYTES],
                       uint8_t out[SIG_BYTES]);
/* Whether the root account made h, or a device that it let in. ERR_SIGNATURE. */
enum err vault_head_signer(const struct vault_head *h, const uint8_t account[PUB_BYTES]);
void vault_head_hash(struct bytes raw, uint8_t out[HASH_BYTES]);

/* What one device saw at one seat. */
struct vault_sight {
    uint8_t ward[ID_BYTES];
    uint8_t seat[SEAT_BYTES];
    uint64_t version; /* of the seat's head */
    uint8_t state[HASH_BYTES];
    uint8_t incarnation[ID_BYTES];
    uint64_t seen;   /* Unix seconds, by the device's clock */
    uint64_t height; /* version of that state; 0: not known */
};

/* What a device knew when it set a head: kept at every seat, judges the others. */
struct vault_witness {
    uint8_t state[HASH_BYTES]; /* the newest, the one of the head beside it */
    uint64_t version;          /* of that state */
    uint64_t made;
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint32_t n_seats;
    struct vault_sight seats[PIECES_MAX]; /* acknowledged before; never a promise */
};

extern const struct wire_schema vault_witness_schema;

/* Appends the sealed witness (at most VAULT_WITNESS_MAX). */
void vault_witness_seal(const struct vault_keys *keys, const struct vault_witness *w,
                        const uint8_t ward[ID_BYTES], const struct rng *rng,
                        struct buf *out);
/* Opens it through mem (VAULT_WITNESS_MAX). ERR_AUTH, ERR_FORMAT. */
enum err vault_witness_open(const struct vault_keys *keys, struct bytes sealed,
                            const uint8_t ward[ID_BYTES], struct span mem,
                            struct vault_witness *out);

/*
 * A copy of a vault in a file, and objects in a message: each with its length as u32 in
 * front. The next one off *io_in, into it. ERR_FORMAT.
 */
void vault_frame_put(struct bytes object, struct buf *out);
enum err vault_frame_next(struct bytes *io_in, struct bytes *out_object);

/* A copy begins with this line, then a frame with the sealed state, then objects. */
#define VAULT_COPY_MAGIC "KITH-VAULT-1\n"

#endif

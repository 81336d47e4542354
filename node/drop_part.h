/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drop as it is stored, and the one path that appends to it and takes away what is
 * too old or too much: for alerts, logs, requests and what people made alike. Seen by
 * node/drop and node/drop_serve only.
 */
#ifndef KITH_NODE_DROP_PART_H
#define KITH_NODE_DROP_PART_H

#include "node/drop.h"

/*
 * Whose doing an entry is. Each cause but the first may hold only a share of a ward's
 * alerts and log, so that no key can push out or keep out what others cause.
 */
enum drop_cause {
    CAUSE_MUST,   /* guardian, node, links of the guardian; what ends or delays */
    CAUSE_OWNER,  /* changes by the owner's root account */
    CAUSE_DEVICE, /* tests, further stops */
    CAUSE_SHEET,  /* requests by credentials on paper */
    CAUSE_ROSTER, /* requests by the credential of the roster */
    CAUSES
};

/* TAB_DROP: drop id. */
struct record_drop {
    uint8_t drop[ID_BYTES];
    uint8_t kind;  /* enum drop_kind */
    uint64_t seq;  /* of the last blob; 0 none */
    uint64_t kept; /* blobs still there: seq - kept + 1 is the first */
    uint8_t head[HASH_BYTES];
    uint8_t holder[ID_BYTES]; /* ward or seat */
    uint32_t by[CAUSES];      /* kept of each cause; the first is not counted */
    uint64_t test_day;        /* day of the newest ALERT_TEST, */
    uint32_t tests;           /* and how many there were in it */

    /* KIND_MADE: */
    uint8_t rule; /* enum drop_rule */
    uint32_t n_keys;
    struct drop_key keys[DROP_KEYS];
    uint8_t token[ID_BYTES]; /* DROP_RULE_TOKEN: the depositor's credential */
    uint32_t keep;           /* seconds an entry stays */
    uint32_t most;           /* entries at once */
    uint64_t bytes;          /* of the blobs kept */
    uint64_t freed;          /* entries up to here may go */
    uint64_t used;           /* last put or freed, Unix seconds */
    uint8_t closed;          /* 1: nobody sees it any more */
};

/* TAB_BLOB: drop id, sequence as u64. */
struct record_blob {
    uint64_t received;
    uint8_t before[HASH_BYTES];
    uint8_t head[HASH_BYTES]; /* after it */
    struct bytes blob;
    uint8_t cause;            /* enum drop_cause */
    uint8_t source[ID_BYTES]; /* the call's */
};

extern const struct wire_schema record_drop_schema, record_blob_schema;

/* One drop. ERR_UNKNOWN, ERR_CORRUPT. */
enum err drop_load(struct call *c, const uint8_t drop[ID_BYTES], struct record_drop *out);
enum err drop_store(struct call *c, const struct record_drop *d);
/* An entry of it; the blob lies in the call's memory. ERR_UNKNOWN, ERR_CORRUPT. */
enum err drop_blob(struct call *c, const struct record_drop *d, uint64_t seq,
                   struct record_blob *out);
/* True if an entry need not be kept any longer. */
bool drop_old(const struct call *c, const struct record_drop *d, uint64_t seq,
              const struct record_blob *b);
/* Takes away up to max of the oldest entries that are old; *d is stored by the caller. */
enum err drop_sweep(struct call *c, struct record_drop *d, size_t max, size_t *out_n);
/* Appends at c->now; *d is stored by the caller. ERR_FULL, ERR_TOO_BIG. */
enum err drop_add(struct call *c, struct record_drop *d, struct bytes blob,
                  enum drop_cause cause);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What reading, marking and making drops share. */
#ifndef KITH_NODE_DROP_SERVE_PART_H
#define KITH_NODE_DROP_SERVE_PART_H

#include "node/drop_part.h"
#include "node/drop_serve.h"

/* The ward or seat a caller holds drops for; zero: none. */
const uint8_t *drop_holder(const struct call *c);
/* The drop a message means, if the caller may read it; all else is ERR_UNKNOWN. */
enum err drop_which(struct call *c, uint8_t which, const uint8_t id[ID_BYTES],
                    struct record_drop *out);
/* The receipt of now, in the call's memory. */
enum err drop_receipt_now(struct call *c, const struct record_drop *d, struct bytes *out);

/* ---- marks of readers ---- */

/* One per credential; sequence 0 of TAB_BLOB, all of a drop in one record. */
struct drop_mark {
    uint8_t cred[ID_BYTES];
    uint8_t key[PUB_BYTES];
    uint64_t seq;
    uint8_t head[HASH_BYTES];
    uint8_t sig[SIG_BYTES];
    uint64_t time;
};

struct drop_marks {
    uint32_t n_marks;
    struct drop_mark marks[DROP_READERS];
};

/* None where there is no record, or a damaged one. */
enum err drop_marks_get(struct call *c, const uint8_t drop[ID_BYTES],
                        struct drop_marks *out);
/* Keeps the caller's mark, signed by req->key. ERR_KEY, ERR_SIGNATURE. */
enum err drop_mark_keep(struct call *c, const struct record_drop *d,
                        const struct req_drop_ack *req);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/drop.h"

#include "proto/piece_part.h"

/* ---- events ---- */

struct event_row {
    uint8_t number;
    bool loud;
    const char *name;
    const char *what;
};

static const struct event_row event_rows[] = {
#define EVENT_ROW(name_, number_, loud_, what_)                                          \
    { .number = (number_), .loud = (loud_) != 0, .name = #name_, .what = (what_) },
    DROP_EVENTS(EVENT_ROW)
#undef EVENT_ROW
};

enum { EVENT_ROWS = sizeof event_rows / sizeof event_rows[0] };

static const struct event_row *event_find(unsigned event)
{
    for (size_t i = 0; i < EVENT_ROWS; i++)
        if (event_rows[i].number == event)
            return &event_rows[i];
    return NULL;
}

const char *drop_event_name(unsigned event)
{
    const struct event_row *row = event_find(event);

    return row == NULL ? "unknown" : row->name;
}

const char *drop_event_what(unsigned event)
{
    const struct event_row *row = event_find(event);

    return row == NULL ? "something this program does not know" : row->what;
}

bool drop_event_loud(unsigned event)
{
    const struct event_row *row = event_find(event);

    return row == NULL || row->loud;
}

static const struct wire_field drop_event_fields[] = {
    W_UINT(drop_event, event, 1, WIRE_MUST, 255),
    W_UINT(drop_event, time, 2, WIRE_MUST, UINT64_MAX),
    W_FIX(drop_event, ward, 3, WIRE_MUST),
    W_FIX(drop_event, request, 4, WIRE_MAY),
    W_UINT(drop_event, epoch, 5, WIRE_MAY, UINT32_MAX),
};
const struct wire_schema drop_event_schema = W_SCHEMA(drop_event, drop_event_fields);

/* ---- the chain ---- */

void drop_blob_hash(struct bytes blob, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_DROP_CHAIN, PARTS(blob), (struct span){ out, HASH_BYTES });
}

void drop_chain(const uint8_t before[HASH_BYTES], uint64_t seq, uint64_t received,
                const uint8_t blob_hash[HASH_BYTES], uint8_t out[HASH_BYTES])
{
    uint8_t numbers[16];

    store_u64(numbers, seq);
    store_u64(numbers + 8, received);
    crypt_hash(LABEL_DROP_CHAIN,
               PARTS(bytes_of(before, HASH_BYTES), BYTES_OF(numbers),
                     bytes_of(blob_hash, HASH_BYTES)),
               (struct span){ out, HASH_BYTES });
}

/* ---- what a node signs ---- */

static const struct wire_field drop_receipt_fields[] = {
    W_FIX(drop_receipt, drop, 1, WIRE_MUST),
    W_UINT(drop_receipt, seq, 2, WIRE_MUST, UINT64_MAX),
    W_FIX(drop_receipt, head, 3, WIRE_MUST),
    W_FIX(drop_receipt, incarnation, 4, WIRE_MUST),
    W_UINT(drop_receipt, time, 5, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema drop_receipt_schema =
    W_SCHEMA(drop_receipt, drop_receipt_fields);

void drop_receipt_make(const struct drop_receipt *r, const struct sign_seed *node,
                       struct buf *out)
{
    signed_put(&drop_receipt_schema, r, node, LABEL_DROP_RECEIPT, out);
}

enum err drop_receipt_open(struct bytes raw, const uint8_t node_sign[PUB_BYTES],
                           struct drop_receipt *out)
{
    return signed_get(&drop_receipt_schema, raw, node_sign, LABEL_DROP_RECEIPT, out);
}

/* ---- what readers and depositors sign ---- */

enum { MARK_BYTES = ID_BYTES + 8 + HASH_BYTES, BLOB_SIGNED = ID_BYTES + HASH_BYTES };

static void mark_bytes(const uint8_t drop[ID_BYTES], uint64_t seq,
                       const uint8_t head[HASH_BYTES], uint8_t out[MARK_BYTES])
{
    memcpy(out, drop, ID_BYTES);
    store_u64(out + ID_BYTES, seq);
    memcpy(out + ID_BYTES + 8, head, HASH_BYTES);
}

void drop_mark_sign(const struct sign_seed *reader, const uint8_t drop[ID_BYTES],
                    uint64_t seq, const uint8_t head[HASH_BYTES],
                    uint8_t out_sig[SIG_BYTES])
{
    uint8_t b[MARK_BYTES];

    mark_bytes(drop, seq, head, b);
    crypt_sign(reader, LABEL_DROP_MARK, BYTES_OF(b), out_sig);
}

enum err drop_mark_verify(const uint8_t reader[PUB_BYTES], const uint8_t drop[ID_BYTES],
                          uint64_t seq, const uint8_t head[HASH_BYTES],
                          const uint8_t sig[SIG_BYTES])
{
    uint8_t b[MARK_BYTES];

    mark_bytes(drop, seq, head, b);
    return crypt_verify(reader, LABEL_DROP_MARK, BYTES_OF(b), sig);
}

static void blob_bytes(const uint8_t drop[ID_BYTES], struct bytes blob,
                       uint8_t out[BLOB_SIGNED])
{
    memcpy(out, drop, ID_BYTES);
    drop_blob_hash(blob, out + ID_BYTES);
}

void drop_blob_sign(const struct sign_seed *by, const uint8_t drop[ID_BYTES],
                    struct bytes blob, uint8_t out_sig[SIG_BYTES])
{
    uint8_t b[BLOB_SIGNED];

    blob_bytes(drop, blob, b);
    crypt_sign(by, LABEL_DROP_BLOB, BYTES_OF(b), out_sig);
}

enum err drop_blob_verify(const uint8_t by[PUB_BYTES], const uint8_t drop[ID_BYTES],
                          struct bytes blob, const uint8_t sig[SIG_BYTES])
{
    uint8_t b[BLOB_SIGNED];

    blob_bytes(drop, blob, b);
    return crypt_verify(by, LABEL_DROP_BLOB, BYTES_OF(b), sig);
}

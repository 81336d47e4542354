/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_seal_part.h"

/* ---- the journal: an open part of records, a sealed part of two keys ---- */

enum { FILE_HEAD = 1, FILE_SEAT = 2 };

static const struct wire_field group_fields[] = {
    W_UINT(manifest_group, t, 1, WIRE_MUST, 16),
    W_UINT(manifest_group, n, 2, WIRE_MUST, 16),
};
static const struct wire_schema group_schema = W_SCHEMA(manifest_group, group_fields);

static const struct wire_field head_fields[] = {
    W_UINT(seal_head, phase, 1, WIRE_MUST, SEAL_COMMIT),
    W_UINT(seal_head, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_UINT(seal_head, made, 3, WIRE_MUST, UINT64_MAX),
    W_UINT(seal_head, roster_number, 4, WIRE_MAY, UINT32_MAX),
    W_UINT(seal_head, group_threshold, 5, WIRE_MUST, GROUPS_MAX),
    W_LIST(seal_head, groups, 6, WIRE_MUST, 1, &group_schema),
    W_UINT(seal_head, hold, 7, WIRE_MAY, HOLD_MAX_S),
    W_UINT(seal_head, stop_hold, 8, WIRE_MAY, STOP_HOLD_MAX_S),
    W_UINT(seal_head, roster_mode, 9, WIRE_MAY, ROSTER_NEVER),
    W_FIX(seal_head, manifest_hash, 10, WIRE_MAY),
    W_BYTES(seal_head, manifest, 11, WIRE_MAY, 0, MANIFEST_MAX),
    W_BYTES(seal_head, manifest_sealed, 12, WIRE_MAY, 0, MANIFEST_MAX + SEAL_OVERHEAD),
    W_BYTES(seal_head, roster_sealed, 13, WIRE_MAY, 0, ROSTER_MAX + SEAL_OVERHEAD),
    W_FIX(seal_head, previous, 14, WIRE_MAY),
    W_FIX(seal_head, move, 15, WIRE_MAY),
};
static const struct wire_schema head_schema = W_SCHEMA(seal_head, head_fields);

static const struct wire_field seat_fields[] = {
    W_FIX(seal_seat, seat, 1, WIRE_MUST),
    W_UINT(seal_seat, group, 2, WIRE_MAY, GROUPS_MAX - 1),
    W_UINT(seal_seat, index, 3, WIRE_MAY, CIRCLE_GROUP_MAX - 1),
    W_UINT(seal_seat, stage, 4, WIRE_MAY, SEAT_ACTIVE),
    W_FIX(seal_seat, op_next, 6, WIRE_MUST),
    W_FIX(seal_seat, op_prepare, 7, WIRE_MUST),
    W_FIX(seal_seat, op_commit, 8, WIRE_MUST),
    W_FIX(seal_seat, ack_key, 9, WIRE_MAY),
    W_BYTES(seal_seat, box_piece, 10, WIRE_MAY, 0, BOX_MAX),
    W_BYTES(seal_seat, box_roster, 11, WIRE_MAY, 0, BOX_MAX),
    W_BYTES(seal_seat, descriptor, 12, WIRE_MAY, 0, DESCRIPTOR_MAX),
    W_BYTES(seal_seat, ack, 13, WIRE_MAY, 0, SIGNED_MAX),
    W_UINT(seal_seat, kind, 14, WIRE_MUST, PIECE_CARD),
};
static const struct wire_schema seat_schema = W_SCHEMA(seal_seat, seat_fields);

struct seal_memory {
    struct seal_memory *next;
    uint8_t b[];
};

enum err seal_keep(struct seal *s, struct bytes in, struct bytes *out)
{
    struct seal_memory *m = calloc(1, sizeof *m + in.n + 1);
    if (m == NULL)
        return ERR_NOMEM;
    if (in.n > 0)
        memcpy(m->b, in.p, in.n);
    m->next = s->memory;
    s->memory = m;
    *out = bytes_of(m->b, in.n);
    return OK;
}

void seal_free(struct seal *s)
{
    while (s != NULL && s->memory != NULL) {
        struct seal_memory *next = s->memory->next;
        free(s->memory);
        s->memory = next;
    }
    free(s);
}

enum err seal_save(const struct seal *s, const struct seal_work *w)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_SECRET struct home_key *key = NULL;
    TRY(blob_put(&open, FILE_HEAD, &head_schema, &s->head));
    for (size_t i = 0; i < s->n; i++)
        TRY(blob_put(&open, FILE_SEAT, &seat_schema, &s->seats[i]));
    TRY(home_journal_key(&w->unlocked->root, &key));
    return home_write(w->home, HOME_JOURNAL, key, bytes_of(open.p, open.n),
                      (struct bytes){ 0 }, w->params->rng);
}

static enum err decode(struct bytes in, struct seal *s)
{
    uint8_t kind = 0;
    struct bytes body = { 0 };
    TRY(blob_next(&in, &kind, &body));
    if (kind != FILE_HEAD)
        return ERR_CORRUPT;
    TRY(wire_get(&head_schema, body, &s->head));
    while (in.n > 0) {
        TRY(blob_next(&in, &kind, &body));
        if (kind != FILE_SEAT || s->n == DAY_GUARDIANS)
            return ERR_CORRUPT;
        TRY(wire_get(&seat_schema, body, &s->seats[s->n]));
        s->n++;
    }
    return OK;
}

enum err seal_load(struct home *h, const struct root_key *root, struct seal **out)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SEAL struct seal *s = NULL;
    struct bytes raw = { 0 };
    uint8_t none[1];
    size_t n = 0;
    TRY(home_read_open(h, HOME_JOURNAL, &open));
    TRY(home_journal_key(root, &key));
    /* The sealed part is empty; opening it proves that the open part is ours. */
    TRY(home_read_sealed(h, HOME_JOURNAL, key, SPAN_OF(none), &n));
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    TRY(seal_keep(s, bytes_of(open.p, open.n), &raw));
    TRY(decode(raw, s) == OK ? OK : ERR_CORRUPT);
    s->going = true;
    *out = s;
    s = NULL; /* the caller's now */
    return OK;
}

/* The journal as anybody reads it; slices point into *blob. */
static enum err peek(struct home *h, struct home_blob *blob, struct seal **out)
{
    AUTO_SEAL struct seal *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NOMEM;
    TRY(home_read_open(h, HOME_JOURNAL, blob));
    if (decode(bytes_of(blob->p, blob->n), s) != OK)
        return ERR_CORRUPT;
    *out = s;
    s = NULL; /* the caller's now */
    return OK;
}

enum err seal_peek(struct home *h, enum seal_phase *out)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_SEAL struct seal *s = NULL;
    TRY(peek(h, &open, &s));
    *out = (enum seal_phase)s->head.phase;
    return OK;
}

bool seal_busy(struct home *h, const struct day *d)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_SEAL struct seal *s = NULL;
    enum err e = peek(h, &open, &s);
    if (e != OK)
        return e != ERR_UNKNOWN;
    return s->head.phase < SEAL_COMMIT || s->head.epoch != d->me.epoch ||
           !seal_enough(s, SEAT_ACTIVE);
}

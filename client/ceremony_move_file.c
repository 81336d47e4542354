/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_move_part.h"

/* ---- the journal: an open part for who has no passphrase, the rest sealed ---- */

enum { FILE_HEAD = 1, FILE_SEAT = 2, FILE_OPEN = 3 };

static const struct wire_field head_fields[] = {
    W_UINT(move_head, phase, 1, WIRE_MUST, MOVE_LATE),
    W_UINT(move_head, restored, 2, WIRE_MAY, 1),
    W_UINT(move_head, made, 3, WIRE_MUST, UINT64_MAX),
    W_UINT(move_head, epoch, 4, WIRE_MUST, UINT32_MAX),
    W_BYTES(move_head, by, 5, WIRE_MUST, SIG_BYTES, MANIFEST_MAX),
    W_UINT(move_head, aside, 6, WIRE_MAY, UINT64_MAX),
    W_TEXT(move_head, words, 7, WIRE_MUST, 1, WORDS_TEXT),
    W_FIX(move_head, old_root, 8, WIRE_MUST),
    W_FIX(move_head, new_root, 9, WIRE_MUST),
    W_FIX(move_head, requester, 10, WIRE_MUST),
    W_BYTES(move_head, move, 11, WIRE_MAY, 0, MOVE_MAX),
    W_BYTES(move_head, people, 12, WIRE_MAY, 0, CERT_PEOPLE_MAX),
};
static const struct wire_schema head_schema = W_SCHEMA(move_head, head_fields);

static const struct wire_field seat_fields[] = {
    W_FIX(move_seat, seat, 1, WIRE_MUST),
    W_FIX(move_seat, op_move, 2, WIRE_MUST),
    W_UINT(move_seat, told, 3, WIRE_MAY, TOLD_REFUSED),
    W_UINT(move_seat, due, 4, WIRE_MAY, UINT64_MAX),
    W_FIX(move_seat, op_open, 5, WIRE_MAY),
    W_FIX(move_seat, op_reveal, 6, WIRE_MAY),
    W_FIX(move_seat, stat, 7, WIRE_MAY),
    W_FIX(move_seat, psk, 8, WIRE_MAY),
    W_FIX(move_seat, seal, 9, WIRE_MAY),
    W_FIX(move_seat, nonce, 10, WIRE_MAY),
    W_BYTES(move_seat, view, 11, WIRE_MAY, 0, SIGNED_MAX),
    W_TEXT(move_seat, words, 12, WIRE_MAY, 0, WORDS_TEXT),
    W_UINT(move_seat, state, 13, WIRE_MAY, STATE_EXPIRED),
    W_UINT(move_seat, opens, 14, WIRE_MAY, UINT64_MAX),
    W_UINT(move_seat, repeats, 15, WIRE_MAY, UINT8_MAX),
    W_BYTES(move_seat, statement, 16, WIRE_MAY, 0, SIGNED_MAX),
    W_FIX(move_seat, request, 17, WIRE_MAY),
};
static const struct wire_schema seat_schema = W_SCHEMA(move_seat, seat_fields);

static const struct wire_field seen_fields[] = {
    W_FIX(move_seen, seat, 1, WIRE_MUST),
    W_UINT(move_seen, told, 2, WIRE_MAY, TOLD_REFUSED),
    W_UINT(move_seen, due, 3, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema seen_schema = W_SCHEMA(move_seen, seen_fields);

static const struct wire_field open_fields[] = {
    W_UINT(move_open, phase, 1, WIRE_MUST, MOVE_LATE),
    W_TEXT(move_open, words, 2, WIRE_MAY, 0, WORDS_TEXT),
    W_UINT(move_open, of, 3, WIRE_MAY, DAY_GUARDIANS),
    W_UINT(move_open, said, 4, WIRE_MAY, DAY_GUARDIANS),
    W_UINT(move_open, done, 5, WIRE_MAY, DAY_GUARDIANS),
    W_UINT(move_open, waits, 6, WIRE_MAY, DAY_GUARDIANS),
    W_UINT(move_open, refused, 7, WIRE_MAY, DAY_GUARDIANS),
    W_UINT(move_open, due, 8, WIRE_MAY, UINT64_MAX),
    W_UINT(move_open, made, 9, WIRE_MAY, UINT64_MAX),
    W_BYTES(move_open, requests, 11, WIRE_MAY, 0, DAY_GUARDIANS *ID_BYTES),
    W_LIST(move_open, seats, 13, WIRE_MAY, 0, &seen_schema),
};
static const struct wire_schema open_schema = W_SCHEMA(move_open, open_fields);

/* ---- memory: wiped, since some of it was secret on the way ---- */

struct move_memory {
    struct move_memory *next;
    size_t n;
    uint8_t b[];
};

static struct move_memory *memory_new(struct moving *m, size_t n)
{
    struct move_memory *new = calloc(1, sizeof *new + n);

    if (new == NULL)
        return NULL;
    new->n = n;
    new->next = m->memory;
    m->memory = new;
    return new;
}

enum err move_keep(struct moving *m, struct bytes in, struct bytes *out)
{
    struct move_memory *kept = NULL;

    *out = (struct bytes){ 0 };
    if (in.n == 0)
        return OK;
    kept = memory_new(m, in.n);
    if (kept == NULL)
        return ERR_NOMEM;
    memcpy(kept->b, in.p, in.n);
    *out = bytes_of(kept->b, kept->n);
    return OK;
}

void move_free(struct moving *m)
{
    if (m == NULL)
        return;
    while (m->memory != NULL) {
        struct move_memory *next = m->memory->next;

        secret_wipe(m->memory, sizeof *m->memory + m->memory->n);
        free(m->memory);
        m->memory = next;
    }
    secret_wipe(m, sizeof *m);
    free(m);
}

/* ---- load and save ---- */

/* Who looks without the passphrase knows by them what this home itself asks for. */
static struct bytes requests_of(const struct moving *m,
                                uint8_t out[DAY_GUARDIANS * ID_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++) {
        if (m->seats[i].state == 0)
            continue;
        memcpy(out + n, m->seats[i].request, ID_BYTES);
        n += ID_BYTES;
    }
    return bytes_of(out, n);
}

static struct move_open open_of(const struct moving *m)
{
    struct move_open o = { .phase = m->head.phase,
                           .made = m->head.made,
                           .of = (uint32_t)m->n,
                           .n_seats = (uint32_t)m->n };

    if (m->head.phase >= MOVE_TAKE)
        o.words = m->head.words;
    for (size_t i = 0; i < m->n; i++) {
        const struct move_seat *s = &m->seats[i];

        o.said += s->statement.n > 0;
        memcpy(o.seats[i].seat, s->seat, SEAT_BYTES);
        o.seats[i].told = s->told;
        o.seats[i].due = s->due;
        o.done += s->told == TOLD_DONE;
        o.waits += s->told == TOLD_WAITS;
        o.refused += s->told == TOLD_REFUSED || s->state == STATE_REFUSED;
        uint64_t due = s->told == TOLD_WAITS ? s->due : s->told != 0 ? 0 : s->opens;
        if (due > o.due)
            o.due = due;
    }
    return o;
}

enum err move_save(const struct moving *m, const struct move_work *w)
{
    AUTO_BLOB struct home_blob secret = { 0 };
    AUTO_BLOB struct home_blob open = { 0 };
    struct move_open o = open_of(m);
    uint8_t ids[DAY_GUARDIANS * ID_BYTES];

    o.requests = requests_of(m, ids);
    TRY(blob_put(&open, FILE_OPEN, &open_schema, &o));
    TRY(blob_put(&secret, FILE_HEAD, &head_schema, &m->head));
    for (size_t i = 0; i < m->n; i++)
        TRY(blob_put(&secret, FILE_SEAT, &seat_schema, &m->seats[i]));
    return home_write(w->home, HOME_MOVE, w->key, bytes_of(open.p, open.n),
                      bytes_of(secret.p, secret.n), w->params->rng);
}

static enum err decode(struct bytes in, struct moving *m)
{
    uint8_t kind = 0;
    struct bytes body = { 0 };

    TRY(blob_next(&in, &kind, &body));
    if (kind != FILE_HEAD)
        return ERR_CORRUPT;
    TRY(wire_get(&head_schema, body, &m->head));
    while (in.n > 0) {
        TRY(blob_next(&in, &kind, &body));
        if (kind != FILE_SEAT || m->n == DAY_GUARDIANS)
            return ERR_CORRUPT;
        TRY(wire_get(&seat_schema, body, &m->seats[m->n]));
        m->n++;
    }
    return OK;
}

enum err move_load(struct home *h, const struct home_key *key, struct moving **out)
{
    AUTO_MOVE struct moving *m = calloc(1, sizeof *m);
    struct move_memory *room = NULL;
    size_t n = 0;

    if (m == NULL || (room = memory_new(m, HOME_FILE_MAX / 2)) == NULL)
        return ERR_NOMEM;
    TRY(home_read_sealed(h, HOME_MOVE, key, (struct span){ room->b, room->n }, &n));
    TRY(decode(bytes_of(room->b, n), m) == OK ? OK : ERR_CORRUPT);
    *out = m;
    m = NULL; /* the caller's now */
    return OK;
}

enum err move_look(struct home *h, struct home_blob *out_text, struct move_open *out)
{
    uint8_t kind = 0;
    struct bytes body = { 0 };

    TRY(home_read_open(h, HOME_MOVE, out_text));
    struct bytes in = bytes_of(out_text->p, out_text->n);
    TRY(blob_next(&in, &kind, &body));
    if (kind != FILE_OPEN || in.n != 0)
        return ERR_CORRUPT;
    return wire_get(&open_schema, body, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_restore_part.h"
#include "proto/words.h"

/* ---- the file: records of these structs ---- */

enum { FILE_HEAD = 1, FILE_ENTRY = 2, FILE_OPEN = 3, FILE_CARD = 4, FILE_WRAPPED = 5 };

/* Of the entry before it, and of the circle. */
enum { FILE_PIECE = 6, FILE_PROOF = 7 };

static const struct wire_field address_fields[] = {
    W_BYTES(roster_address, at, 1, WIRE_MUST, 3, ADDRESS_MAX),
};
static const struct wire_schema address_schema = W_SCHEMA(roster_address, address_fields);

static const struct wire_field piece_fields[] = {
    W_UINT(restore_piece, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_FIX(restore_piece, manifest_hash, 2, WIRE_MUST),
    W_UINT(restore_piece, broken, 3, WIRE_MAY, 1),
    W_FIX(restore_piece, piece, 4, WIRE_MAY),
    W_BYTES(restore_piece, manifest, 5, WIRE_MAY, 0, MANIFEST_MAX),
    W_BYTES(restore_piece, receipt, 150, WIRE_MAY, 0, SIGNED_MAX),
};
static const struct wire_schema piece_schema = W_SCHEMA(restore_piece, piece_fields);

static const struct wire_field proof_fields[] = {
    W_UINT(restore_proof, kind, 1, WIRE_MUST, EPOCH_WANT_MOVE),
    W_UINT(restore_proof, epoch, 2, WIRE_MAY, UINT32_MAX),
    W_FIX(restore_proof, manifest_hash, 3, WIRE_MAY),
    W_BYTES(restore_proof, raw, 4, WIRE_MUST, 1, MOVE_PROOF_MAX),
};
static const struct wire_schema proof_schema = W_SCHEMA(restore_proof, proof_fields);

static const struct wire_field entry_fields[] = {
    W_UINT(restore_entry, source, 1, WIRE_MAY, FROM_ROSTER),
    W_FIX(restore_entry, node_key, 2, WIRE_MUST),
    W_FIX(restore_entry, fp, 3, WIRE_MUST),
    W_BYTES(restore_entry, token, 4, WIRE_MAY, TOKEN_BYTES, TOKEN_STANDING),
    W_LIST(restore_entry, addresses, 5, WIRE_MUST, 1, &address_schema),
    W_FIX(restore_entry, op_open, 6, WIRE_MUST),
    W_FIX(restore_entry, op_reveal, 7, WIRE_MUST),
    W_FIX(restore_entry, stat, 8, WIRE_MUST),
    W_FIX(restore_entry, psk, 9, WIRE_MUST),
    W_FIX(restore_entry, seal, 10, WIRE_MUST),
    W_FIX(restore_entry, nonce, 11, WIRE_MUST),
    W_BYTES(restore_entry, introduction, 12, WIRE_MAY, 0, SIGNED_MAX),
    W_FIX(restore_entry, seat, 13, WIRE_MAY),
    W_FIX(restore_entry, guard_sign, 14, WIRE_MAY),
    W_FIX(restore_entry, guard_seal, 15, WIRE_MAY),
    W_FIX(restore_entry, node_sign, 16, WIRE_MAY),
    W_BYTES(restore_entry, view, 17, WIRE_MAY, 0, SIGNED_MAX),
    W_TEXT(restore_entry, words, 18, WIRE_MAY, 0, WORDS_TEXT),
    W_UINT(restore_entry, state, 19, WIRE_MAY, STATE_EXPIRED),
    W_UINT(restore_entry, contact, 20, WIRE_MAY, CONTACT_REFUSED),
    W_UINT(restore_entry, approved, 21, WIRE_MAY, UINT64_MAX),
    W_UINT(restore_entry, opens, 22, WIRE_MAY, UINT64_MAX),
    W_UINT(restore_entry, expires, 23, WIRE_MAY, UINT64_MAX),
    W_BYTES(restore_entry, statement, 24, WIRE_MAY, 0, SIGNED_MAX),
    W_BYTES(restore_entry, roster, 25, WIRE_MAY, 0, ROSTER_MAX),
    W_FIX(restore_entry, roster_hash, 26, WIRE_MAY),
    W_UINT(restore_entry, verdict, 27, WIRE_MAY, VERDICT_DUPLICATE),
    W_LIST(restore_entry, pieces, 28, WIRE_MAY, 0, &piece_schema),
    W_UINT(restore_entry, repeats, 29, WIRE_MAY, UINT8_MAX),
    W_UINT(restore_entry, flags, 80, WIRE_MAY, REQUEST_FLAGS),
    W_BYTES(restore_entry, spoken, 100, WIRE_MAY, SPOKEN_KEPT, SPOKEN_KEPT),
    W_UINT(restore_entry, sheet, 101, WIRE_MAY, 1),
    W_UINT(restore_entry, refusal, 102, WIRE_MAY, UINT16_MAX),
    W_UINT(restore_entry, cert_epoch, 150, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_entry, proved, 151, WIRE_MAY, UINT8_MAX),
    W_BYTES(restore_entry, roster_later, 170, WIRE_MAY, 0, ROSTER_MAX),
    W_BYTES(restore_entry, roster_former, 171, WIRE_MAY, 0, ROSTER_MAX),
    W_UINT(restore_entry, asked_rosters, 172, WIRE_MAY, 1),
};
const struct wire_schema restore_entry_schema = W_SCHEMA(restore_entry, entry_fields);

static const struct wire_field head_fields[] = {
    W_UINT(restore_head, state, 1, WIRE_MUST, RESTORE_TWO_WORLDS),
    W_TEXT(restore_head, name, 2, WIRE_MAY, 0, NAME_MAX_BYTES),
    W_FIX(restore_head, req_sign, 3, WIRE_MUST),
    W_TEXT(restore_head, accepted, 4, WIRE_MAY, 0, WORDS_TEXT),
    W_UINT(restore_head, sources_differ, 5, WIRE_MAY, 1),
    W_TEXT(restore_head, fingerprint, 6, WIRE_MAY, 0, WORDS_TEXT),
    W_UINT(restore_head, epoch, 7, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_head, need, 8, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_head, have, 9, WIRE_MAY, UINT32_MAX),
    W_FIX(restore_head, owner, 10, WIRE_MAY),
    W_UINT(restore_head, locked, 12, WIRE_MAY, 1),
    W_FIX(restore_head, manifest_hash, 150, WIRE_MAY),
    W_UINT(restore_head, old_root, 152, WIRE_MAY, 1),
};
const struct wire_schema restore_head_schema = W_SCHEMA(restore_head, head_fields);

static const struct wire_field card_fields[] = {
    W_FIX(restore_card, piece, 1, WIRE_MUST),
    W_UINT(restore_card, known, 2, WIRE_MAY, 1),
    W_FIX(restore_card, circle, 3, WIRE_MAY),
    W_UINT(restore_card, epoch, 4, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_card, need, 5, WIRE_MAY, PIECES_MAX),
    W_UINT(restore_card, verdict, 6, WIRE_MAY, VERDICT_DUPLICATE),
    W_UINT(restore_card, group, 7, WIRE_MAY, GROUPS_MAX - 1),
    W_UINT(restore_card, index, 8, WIRE_MAY, GROUPS_MAX - 1),
};
static const struct wire_schema card_schema = W_SCHEMA(restore_card, card_fields);

static const struct wire_field wrapped_fields[] = {
    W_FIX(wrapped, circle, 1, WIRE_MUST),
    W_UINT(wrapped, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(wrapped, ad, 3, WIRE_MUST),
    W_FIX(wrapped, sealed, 4, WIRE_MUST),
};
static const struct wire_schema wrapped_schema = W_SCHEMA(wrapped, wrapped_fields);

static const struct wire_field card_line_fields[] = {
    W_TEXT(restore_card_line, name, 1, WIRE_MAY, 0, NAME_MAX_BYTES),
    W_TEXT(restore_card_line, reach, 2, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_UINT(restore_card_line, read, 3, WIRE_MAY, 1),
    W_UINT(restore_card_line, group, 4, WIRE_MAY, GROUPS_MAX - 1),
    W_UINT(restore_card_line, index, 5, WIRE_MAY, GROUPS_MAX - 1),
    W_UINT(restore_card_line, epoch, 6, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_card_line, verdict, 7, WIRE_MAY, VERDICT_DUPLICATE),
};
static const struct wire_schema paper_line_schema =
    W_SCHEMA(restore_card_line, card_line_fields);

static const struct wire_field line_fields[] = {
    W_TEXT(restore_line, name, 1, WIRE_MAY, 0, NAME_MAX_BYTES),
    W_TEXT(restore_line, reach, 2, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_TEXT(restore_line, node, 3, WIRE_MUST, 1, ADDRESS_TEXT),
    W_FIX(restore_line, request, 4, WIRE_MAY),
    W_UINT(restore_line, state, 5, WIRE_MAY, STATE_EXPIRED),
    W_UINT(restore_line, contact, 6, WIRE_MAY, CONTACT_REFUSED),
    W_TEXT(restore_line, words, 7, WIRE_MAY, 0, WORDS_TEXT),
    W_UINT(restore_line, opens, 8, WIRE_MAY, UINT64_MAX),
    W_UINT(restore_line, verdict, 9, WIRE_MAY, VERDICT_DUPLICATE),
    W_UINT(restore_line, flags, 80, WIRE_MAY, REQUEST_FLAGS),
    W_UINT(restore_line, spoken, 100, WIRE_MAY, 1),
    W_UINT(restore_line, refusal, 102, WIRE_MAY, UINT16_MAX),
};
static const struct wire_schema line_schema = W_SCHEMA(restore_line, line_fields);

static const struct wire_field open_fields[] = {
    W_UINT(restore_open, state, 1, WIRE_MUST, RESTORE_TWO_WORLDS),
    W_TEXT(restore_open, fingerprint, 2, WIRE_MAY, 0, WORDS_TEXT),
    W_UINT(restore_open, epoch, 3, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_open, need, 4, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_open, have, 5, WIRE_MAY, UINT32_MAX),
    W_LIST(restore_open, lines, 6, WIRE_MAY, 0, &line_schema),
    W_UINT(restore_open, locked, 8, WIRE_MAY, 1),
    W_LIST(restore_open, cards, 10, WIRE_MAY, 0, &paper_line_schema),
};
const struct wire_schema restore_open_schema = W_SCHEMA(restore_open, open_fields);

/* ---- memory: texts and bytes live as long as the restore ---- */

struct restore_memory {
    struct restore_memory *next;
    size_t n;
    uint8_t b[];
};

enum err restore_keep(struct restore *r, struct bytes in, struct bytes *out)
{
    struct restore_memory *m = NULL;

    if (in.n == 0) {
        *out = (struct bytes){ 0 };
        return OK;
    }
    m = calloc(1, sizeof *m + in.n);
    if (m == NULL)
        return ERR_NOMEM;
    memcpy(m->b, in.p, in.n);
    m->n = in.n;
    m->next = r->memory;
    r->memory = m;
    *out = bytes_of(m->b, m->n);
    return OK;
}

enum err restore_new(const struct rng *rng, struct restore **out)
{
    struct restore *r = calloc(1, sizeof *r);

    if (r == NULL)
        return ERR_NOMEM;
    r->head.state = RESTORE_WAITING;
    rng_fill(rng, r->head.req_sign, sizeof r->head.req_sign);
    *out = r;
    return OK;
}

void restore_free(struct restore *r)
{
    if (r == NULL)
        return;
    while (r->memory != NULL) {
        struct restore_memory *next = r->memory->next;

        secret_wipe(r->memory, sizeof *r->memory + r->memory->n);
        free(r->memory);
        r->memory = next;
    }
    secret_wipe(r, sizeof *r);
    free(r);
}

/* ---- load and save ---- */

/* Pieces have records of their own: of all epochs together they are too long for one. */
static enum err entry_encode(const struct restore_entry *e, struct home_blob *out)
{
    AUTO_FREE struct restore_entry *bare = calloc(1, sizeof *bare);

    if (bare == NULL)
        return ERR_NOMEM;
    *bare = *e;
    bare->n_pieces = 0;
    enum err err = blob_put(out, FILE_ENTRY, &restore_entry_schema, bare);
    secret_wipe(bare, sizeof *bare);
    for (uint32_t i = 0; i < e->n_pieces && err == OK; i++)
        err = blob_put(out, FILE_PIECE, &piece_schema, &e->pieces[i]);
    return err;
}

static enum err secret_encode(const struct restore *r, struct home_blob *out)
{
    TRY(blob_put(out, FILE_HEAD, &restore_head_schema, &r->head));
    for (size_t i = 0; i < r->n; i++)
        TRY(entry_encode(&r->entries[i], out));
    for (size_t i = 0; i < r->n_cards; i++)
        TRY(blob_put(out, FILE_CARD, &card_schema, &r->cards[i]));
    for (size_t i = 0; i < r->n_wrapped; i++)
        TRY(blob_put(out, FILE_WRAPPED, &wrapped_schema, &r->wrapped[i]));
    for (size_t i = 0; i < r->n_proofs; i++)
        TRY(blob_put(out, FILE_PROOF, &proof_schema, &r->proofs[i]));
    return OK;
}

enum err restore_save(struct home *h, const struct home_key *key, const struct restore *r,
                      const struct rng *rng)
{
    AUTO_BLOB struct home_blob secret = { 0 };
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_FREE struct restore_open *o = NULL;

    TRY(restore_lines(r, &o));
    TRY(blob_put(&open, FILE_OPEN, &restore_open_schema, o));
    TRY(secret_encode(r, &secret));
    return home_write(h, HOME_RESTORE, key, bytes_of(open.p, open.n),
                      bytes_of(secret.p, secret.n), rng);
}

static enum err piece_decode(struct bytes body, struct restore *r)
{
    struct restore_entry *e = r->n > 0 ? &r->entries[r->n - 1] : NULL;

    if (e == NULL || e->n_pieces == EPOCHS_MAX)
        return ERR_CORRUPT;
    return wire_get(&piece_schema, body, &e->pieces[e->n_pieces++]);
}

static enum err record_decode(uint8_t kind, struct bytes body, struct restore *r)
{
    if (kind == FILE_PIECE)
        return piece_decode(body, r);
    if (kind == FILE_PROOF && r->n_proofs < RESTORE_PROOFS)
        return wire_get(&proof_schema, body, &r->proofs[r->n_proofs++]);
    if (kind == FILE_CARD && r->n_cards < PAPER_CARDS)
        return wire_get(&card_schema, body, &r->cards[r->n_cards++]);
    if (kind == FILE_WRAPPED && r->n_wrapped < PAPER_WRAPPED)
        return wire_get(&wrapped_schema, body, &r->wrapped[r->n_wrapped++]);
    if (kind != FILE_ENTRY || r->n == RESTORE_ENTRIES)
        return ERR_CORRUPT;
    TRY(wire_get(&restore_entry_schema, body, &r->entries[r->n]));
    if (r->entries[r->n].token.n == 0 && r->entries[r->n].spoken.n == 0)
        return ERR_CORRUPT;
    r->n++;
    return OK;
}

static enum err secret_decode(struct bytes in, struct restore *r)
{
    uint8_t kind = 0;
    struct bytes body = { 0 };

    TRY(blob_next(&in, &kind, &body));
    if (kind != FILE_HEAD)
        return ERR_CORRUPT;
    TRY(wire_get(&restore_head_schema, body, &r->head));
    while (in.n > 0) {
        TRY(blob_next(&in, &kind, &body));
        TRY(record_decode(kind, body, r));
    }
    return OK;
}

enum err restore_load(struct home *h, const struct home_key *key, struct restore **out)
{
    AUTO_RESTORE struct restore *r = calloc(1, sizeof *r);
    struct restore_memory *m = calloc(1, sizeof *m + HOME_FILE_MAX);
    size_t n = 0;

    if (r == NULL || m == NULL) {
        free(m);
        return ERR_NOMEM;
    }
    /* The restore owns what its slices point into. */
    m->n = HOME_FILE_MAX;
    r->memory = m;
    TRY(home_read_sealed(h, HOME_RESTORE, key, (struct span){ m->b, HOME_FILE_MAX }, &n));
    TRY(secret_decode(bytes_of(m->b, n), r));
    *out = r;
    r = NULL;
    return OK;
}

enum err restore_requester(struct home *h, const struct home_key *key,
                           struct sign_seed **out)
{
    AUTO_RESTORE struct restore *r = NULL;

    *out = NULL;
    enum err e = home_has(h, HOME_RESTORE) ? restore_load(h, key, &r) : ERR_UNKNOWN;
    if (e == ERR_NOMEM)
        return e;
    if (e != OK || r->head.state != RESTORE_DONE)
        return OK; /* another's, or one that is not done: it lets nothing go sooner */
    TRY(secret_new(out));
    memcpy((*out)->b, r->head.req_sign, KEY_BYTES);
    return OK;
}

enum err restore_look(struct home *h, struct home_blob *out_text,
                      struct restore_open **out)
{
    AUTO_FREE struct restore_open *o = calloc(1, sizeof *o);
    uint8_t kind = 0;
    struct bytes in = { 0 };
    struct bytes body = { 0 };

    if (o == NULL)
        return ERR_NOMEM;
    TRY(home_read_open(h, HOME_RESTORE, out_text));
    in = bytes_of(out_text->p, out_text->n);
    TRY(blob_next(&in, &kind, &body));
    if (kind != FILE_OPEN || in.n != 0)
        return ERR_CORRUPT;
    TRY(wire_get(&restore_open_schema, body, o));
    *out = o;
    o = NULL;
    return OK;
}

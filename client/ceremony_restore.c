/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_restore.h"

#include "proto/words.h"

/* ---- the file: records of these structs ---- */

enum { FILE_HEAD = 1, FILE_ENTRY = 2, FILE_OPEN = 3 };

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
};
static const struct wire_schema piece_schema = W_SCHEMA(restore_piece, piece_fields);

static const struct wire_field entry_fields[] = {
    W_UINT(restore_entry, source, 1, WIRE_MAY, FROM_ROSTER),
    W_FIX(restore_entry, node_key, 2, WIRE_MUST),
    W_FIX(restore_entry, fp, 3, WIRE_MUST),
    W_BYTES(restore_entry, token, 4, WIRE_MUST, TOKEN_BYTES, TOKEN_STANDING),
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
};
const struct wire_schema restore_head_schema = W_SCHEMA(restore_head, head_fields);

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
};
static const struct wire_schema line_schema = W_SCHEMA(restore_line, line_fields);

static const struct wire_field open_fields[] = {
    W_UINT(restore_open, state, 1, WIRE_MUST, RESTORE_TWO_WORLDS),
    W_TEXT(restore_open, fingerprint, 2, WIRE_MAY, 0, WORDS_TEXT),
    W_UINT(restore_open, epoch, 3, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_open, need, 4, WIRE_MAY, UINT32_MAX),
    W_UINT(restore_open, have, 5, WIRE_MAY, UINT32_MAX),
    W_LIST(restore_open, lines, 6, WIRE_MAY, 0, &line_schema),
};
const struct wire_schema restore_open_schema = W_SCHEMA(restore_open, open_fields);

/* ---- memory: texts and bytes live as long as the restore ---- */

struct restore_memory {
    struct restore_memory *next;
    size_t n;
    uint8_t b[];
};

static enum err keep(struct restore *r, struct bytes in, struct bytes *out)
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

/* ---- entries ---- */

/* Keys of a request; a second view at one node needs new ones. */
static void entry_draw(struct restore_entry *e, const struct rng *rng)
{
    rng_fill(rng, e->op_open, sizeof e->op_open);
    rng_fill(rng, e->op_reveal, sizeof e->op_reveal);
    rng_fill(rng, e->psk, sizeof e->psk);
    rng_fill(rng, e->seal, sizeof e->seal);
    rng_fill(rng, e->nonce, sizeof e->nonce);
}

static struct restore_entry *entry_find(struct restore *r, const uint8_t *node_key,
                                        const uint8_t *fp)
{
    for (size_t i = 0; i < r->n; i++)
        if (bytes_equal(BYTES_OF(r->entries[i].node_key),
                        bytes_of(node_key, PUB_BYTES)) &&
            bytes_equal(BYTES_OF(r->entries[i].fp), bytes_of(fp, FP_BYTES)))
            return &r->entries[i];
    return NULL;
}

static enum err entry_new(struct restore *r, const uint8_t *node_key, const uint8_t *fp,
                          const struct rng *rng, struct restore_entry **out)
{
    if (r->n == RESTORE_ENTRIES)
        return ERR_TOO_BIG;
    struct restore_entry *e = &r->entries[r->n];

    *e = (struct restore_entry){ 0 };
    memcpy(e->node_key, node_key, PUB_BYTES);
    memcpy(e->fp, fp, FP_BYTES);
    rng_fill(rng, e->stat, sizeof e->stat);
    entry_draw(e, rng);
    *out = e;
    return OK;
}

enum err restore_add_link(struct restore *r, const struct link *link,
                          const struct rng *rng)
{
    struct restore_entry *e = NULL;
    uint8_t raw[ADDRESS_MAX];
    struct buf at = BUF_OF(raw);

    if (link->type != LINK_RESTORE)
        return ERR_ARG;
    e = entry_find(r, link->node_key, link->fp);
    /* One the roster told of becomes one the person gave; an open request stays. */
    if (e != NULL && e->source == FROM_LINK)
        return ERR_EXISTS;
    if (e != NULL) {
        e->source = FROM_LINK;
        return e->view.n > 0 ? OK : keep(r, BYTES_OF(link->token), &e->token);
    }
    TRY(entry_new(r, link->node_key, link->fp, rng, &e));
    address_put(&link->address, &at);
    TRY(keep(r, BYTES_OF(link->token), &e->token));
    TRY(keep(r, buf_bytes(&at), &e->addresses[0].at));
    e->n_addresses = 1;
    e->source = FROM_LINK;
    r->n++;
    return OK;
}

static enum err entry_view(const struct restore_entry *e, struct view *out)
{
    if (e->view.n == 0)
        return ERR_STATE;
    return view_open(e->view, e->node_sign, out);
}

/* T of this entry's request, as the guardian's client makes it. */
static enum err entry_transcript(const struct restore *r, const struct restore_entry *e,
                                 struct buf *out)
{
    AUTO_SECRET struct sign_seed *sign = NULL;
    AUTO_SECRET struct dh_key *key = NULL;
    struct transcript t = { .view = e->view };

    TRY(secret_new(&sign));
    TRY(secret_new(&key));
    memcpy(sign->b, r->head.req_sign, KEY_BYTES);
    crypt_sign_public(sign, t.req_sign);
    memcpy(key->b, e->stat, KEY_BYTES);
    crypt_dh_public(key, t.req_static);
    memcpy(key->b, e->seal, KEY_BYTES);
    crypt_dh_public(key, t.req_seal);
    memcpy(t.node_key, e->node_key, PUB_BYTES);
    memcpy(t.guard_sign, e->guard_sign, PUB_BYTES);
    memcpy(t.guard_seal, e->guard_seal, PUB_BYTES);
    transcript_put(&t, out);
    return out->over ? ERR_TOO_BIG : OK;
}

static enum err entry_words(struct restore *r, struct restore_entry *e, struct cost cost)
{
    uint8_t raw[SIGNED_MAX + 512];
    struct buf t = BUF_OF(raw);
    uint8_t out[WORDS_OUT];
    uint16_t words[WORDS_CALL];
    char text[WORDS_TEXT];

    TRY(entry_transcript(r, e, &t));
    TRY(words_call(buf_bytes(&t), e->nonce, cost, out));
    words_from_bytes(out, WORDS_CALL, words);
    words_format(words, WORDS_CALL, text, sizeof text);
    return keep(r, bytes_text(text), &e->words);
}

/* ---- one conversation: opening ---- */

enum step { STEP_INFO, STEP_OPEN, STEP_FETCH, STEP_PIECE };

/* What one conversation works with; heap, wiped. */
struct visit {
    struct restore *r;
    struct restore_entry *e;
    const struct params *p;
    enum step step;
    uint32_t at; /* index in the view's epochs */
    struct view view;
    struct req_seat_info info;
    struct req_open open;
    struct req_reveal reveal;
    struct req_fetch fetch;
    struct req_cancel cancel;
    struct dh_key stat;
    struct psk psk;
    uint8_t id[ID_BYTES];
};

static void send_it(struct call_send *out, uint16_t kind, const void *req)
{
    *out = (struct call_send){ .kind = kind, .req = req };
}

/* The seat must be the one the link or the roster named, by keys its guardian signed. */
static enum err got_info(struct visit *v, const struct rep_seat_info *info)
{
    struct restore_entry *e = v->e;
    uint8_t fp[FP_BYTES];
    uint8_t seat[SEAT_BYTES];

    ident_fingerprint(info->sign_pub, info->seal_pub, fp);
    ident_seat_id(e->node_key, e->fp, seat);
    if (!bytes_equal(BYTES_OF(fp), BYTES_OF(e->fp)) ||
        !bytes_equal(BYTES_OF(seat), BYTES_OF(info->seat)))
        return ERR_KEY;
    TRY(seat_keys_verify(info->sign_pub, e->node_key, seat, info->seal_pub,
                         info->keys_sig));
    memcpy(e->seat, seat, sizeof seat);
    memcpy(e->guard_sign, info->sign_pub, PUB_BYTES);
    memcpy(e->guard_seal, info->seal_pub, PUB_BYTES);
    return OK;
}

static enum err make_open(struct visit *v)
{
    AUTO_SECRET struct dh_key *key = NULL;
    AUTO_SECRET struct sign_seed *sign = NULL;
    struct req_open *o = &v->open;

    TRY(secret_new(&key));
    TRY(secret_new(&sign));
    *o = (struct req_open){ .kind = REQUEST_RESTORE,
                            .purpose = PURPOSE_RESTORE,
                            .claimed = v->r->head.name,
                            .introduction = v->e->introduction };
    memcpy(o->op, v->e->op_open, sizeof o->op);
    memcpy(o->psk, v->e->psk, sizeof o->psk);
    memcpy(key->b, v->e->stat, KEY_BYTES);
    crypt_dh_public(key, o->stat);
    memcpy(key->b, v->e->seal, KEY_BYTES);
    crypt_dh_public(key, o->seal);
    memcpy(sign->b, v->r->head.req_sign, KEY_BYTES);
    crypt_sign_public(sign, o->sign);
    commitment_of(v->e->nonce, o->commitment);
    return OK;
}

static enum err got_view(struct visit *v, const struct rep_open *rep)
{
    TRY(view_open(rep->view, v->e->node_sign, &v->view));
    if (v->view.kind != REQUEST_RESTORE || v->view.purpose != PURPOSE_RESTORE ||
        v->view.n_epochs == 0)
        return ERR_FORMAT;
    TRY(keep(v->r, rep->view, &v->e->view));
    v->e->state = STATE_OPENED;
    v->e->expires = v->view.expires;
    return OK;
}

/* A nonce that is over, or that may have been seen, is never offered a second view. */
static void begin_anew(struct restore_entry *e, const struct rng *rng)
{
    entry_draw(e, rng);
    e->view = (struct bytes){ 0 };
    e->words = (struct bytes){ 0 };
    e->state = 0;
}

static bool is_over(enum err e)
{
    return e == ERR_EXPIRED || e == ERR_STATE || e == ERR_UNKNOWN || e == ERR_USED;
}

/* Ends with the view: it is on the disk before the nonce is shown (reveal_step). */
static enum err open_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply == NULL) {
        memcpy(v->e->node_sign, c->hello.node_sign, PUB_BYTES);
        v->step = STEP_INFO;
        send_it(out, MSG_SEAT_INFO, &v->info);
        return OK;
    }
    if (v->step == STEP_INFO) {
        TRY(reply->err);
        TRY(got_info(v, reply->rep));
        TRY(make_open(v));
        v->step = STEP_OPEN;
        send_it(out, MSG_OPEN, &v->open);
        return OK;
    }
    if (is_over(reply->err))
        begin_anew(v->e, v->p->rng);
    TRY(reply->err);
    return got_view(v, reply->rep);
}

static enum err reveal_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply == NULL) {
        memcpy(v->reveal.op, v->e->op_reveal, sizeof v->reveal.op);
        memcpy(v->reveal.request, v->view.request, sizeof v->reveal.request);
        memcpy(v->reveal.nonce, v->e->nonce, sizeof v->reveal.nonce);
        send_it(out, MSG_REVEAL, &v->reveal);
        return OK;
    }
    if (is_over(reply->err))
        begin_anew(v->e, v->p->rng);
    TRY(reply->err);
    v->e->state = ((const struct rep_reveal *)reply->rep)->state;
    return OK; /* the conversation ends */
}

/* ---- one conversation: fetching ---- */

static enum err fetch_part(struct visit *v, uint32_t epoch, struct call_send *out)
{
    rng_fill(v->p->rng, v->fetch.op, sizeof v->fetch.op);
    memcpy(v->fetch.request, v->view.request, sizeof v->fetch.request);
    v->fetch.epoch = epoch;
    send_it(out, MSG_FETCH, &v->fetch);
    return OK;
}

static enum err seal_key_of(const struct restore_entry *e, struct dh_key **out)
{
    TRY(secret_new(out));
    memcpy((*out)->b, e->seal, KEY_BYTES);
    return OK;
}

/* A roster that does not open is the guardian's fault, and no reason to stop. */
static enum err take_roster(struct visit *v, const struct rep_fetch *f)
{
    AUTO_SECRET struct dh_key *seal = NULL;
    AUTO_SECRET struct seal_key *key = NULL;
    AUTO_FREE struct roster *roster = calloc(1, sizeof *roster);
    AUTO_FREE uint8_t *plain = calloc(1, ROSTER_MAX + 1);
    uint8_t raw[SIGNED_MAX + 512];
    struct buf t = BUF_OF(raw);
    size_t n = 0;

    if (roster == NULL || plain == NULL)
        return ERR_NOMEM;
    TRY(seal_key_of(v->e, &seal));
    TRY(secret_new(&key));
    TRY(entry_transcript(v->r, v->e, &t));
    if (release_roster_open(seal, buf_bytes(&t), f->roster_hash, f->roster_box, key) !=
        OK)
        return OK;
    if (crypt_open(key, LABEL_ROSTER_SEAL, BYTES_OF(f->roster_hash), f->roster,
                   (struct span){ plain, ROSTER_MAX }, &n) != OK ||
        wire_get(&roster_schema, bytes_of(plain, n), roster) != OK)
        return OK;
    memcpy(v->e->roster_hash, f->roster_hash, HASH_BYTES);
    TRY(keep(v->r, bytes_of(plain, n), &v->e->roster));
    return keep(v->r, f->introduction, &v->e->introduction);
}

static enum err got_state(struct visit *v, const struct rep_fetch *f)
{
    v->e->state = f->state;
    v->e->approved = f->approved;
    v->e->opens = f->opens;
    v->e->expires = f->expires;
    if (f->roster.n > 0 && f->roster_box.n > 0 && v->e->roster.n == 0)
        TRY(take_roster(v, f));
    if (f->statement.n > 0)
        TRY(keep(v->r, f->statement, &v->e->statement));
    return OK;
}

/* Into secret memory first, then into the restore's own (heap, wiped, sealed on disk). */
static enum err piece_open(struct visit *v, const struct rep_fetch *f,
                           struct restore_piece *p, struct span manifest, size_t *out_n)
{
    AUTO_SECRET struct dh_key *seal = NULL;
    AUTO_SECRET struct seal_key *key = NULL;
    AUTO_SECRET uint8_t *piece = NULL;
    uint8_t raw[SIGNED_MAX + 512];
    struct buf t = BUF_OF(raw);

    TRY(seal_key_of(v->e, &seal));
    TRY(secret_new(&key));
    TRY(secret_alloc(PIECE_BYTES, (void **)&piece));
    TRY(entry_transcript(v->r, v->e, &t));
    TRY(release_open(seal, buf_bytes(&t), p->manifest_hash, f->box, piece, key));
    TRY(manifest_unseal(key, p->manifest_hash, f->manifest, manifest, out_n));
    memcpy(p->piece, piece, PIECE_BYTES);
    return OK;
}

static enum err got_piece(struct visit *v, const struct rep_fetch *f)
{
    const struct view_epoch *ve = &v->view.epochs[v->at];
    AUTO_FREE uint8_t *manifest = calloc(1, MANIFEST_MAX + 1);
    struct restore_piece *p = &v->e->pieces[v->e->n_pieces];
    size_t n = 0;

    if (manifest == NULL)
        return ERR_NOMEM;
    *p = (struct restore_piece){ .epoch = ve->epoch };
    memcpy(p->manifest_hash, ve->manifest_hash, HASH_BYTES);
    enum err e = piece_open(v, f, p, (struct span){ manifest, MANIFEST_MAX }, &n);
    if (e == ERR_NOMEM)
        return e;
    p->broken = e != OK;
    TRY(keep(v->r, bytes_of(manifest, n), &p->manifest));
    v->e->n_pieces++;
    return OK;
}

static enum err next_piece(struct visit *v, struct call_send *out)
{
    v->step = STEP_PIECE;
    if (v->at >= v->view.n_epochs || v->e->n_pieces >= EPOCHS_MAX)
        return OK; /* the conversation ends */
    return fetch_part(v, v->view.epochs[v->at].epoch, out);
}

static enum err fetch_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply == NULL) {
        v->step = STEP_FETCH;
        return fetch_part(v, 0, out);
    }
    if (v->step == STEP_FETCH) {
        TRY(reply->err);
        TRY(got_state(v, reply->rep));
        if (v->e->state != STATE_RELEASED)
            return OK;
        v->e->n_pieces = 0;
        v->at = 0;
        return next_piece(v, out);
    }
    /* An epoch without a box was named as not opened in the statement. */
    if (reply->err == OK)
        TRY(got_piece(v, reply->rep));
    else if (reply->err != ERR_UNKNOWN)
        return reply->err;
    v->at++;
    return next_piece(v, out);
}

/* ---- a round ---- */

enum { REVEAL_WITHIN_S = 600 };

static bool is_final(unsigned state)
{
    return state == STATE_REFUSED || state == STATE_EXPIRED;
}

static bool wants_call(const struct restore_entry *e)
{
    if (is_final(e->state))
        return false;
    return e->state != STATE_RELEASED || e->n_pieces == 0;
}

static void call_prepare(struct restore *r, struct restore_entry *e,
                         const struct params *p, struct visit *v, struct call *c)
{
    struct credential cred = { 0 };

    *v = (struct visit){ .r = r, .e = e, .p = p };
    *c = (struct call){
        .node_key = e->node_key, .stat = &v->stat, .psk = &v->psk, .ctx = v
    };
    memcpy(v->stat.b, e->stat, KEY_BYTES);
    call_addresses(c, e->addresses, e->n_addresses);
    /* An opened request ends unless its nonce is shown within ten minutes. */
    if (e->state == STATE_OPENED && entry_view(e, &v->view) == OK &&
        p->now() >= v->view.opened + REVEAL_WITHIN_S)
        begin_anew(e, p->rng);
    if (e->state >= STATE_OPENED && entry_view(e, &v->view) == OK) {
        c->role = ROLE_REQUESTER;
        c->step = e->state == STATE_OPENED ? reveal_step : fetch_step;
        memcpy(v->psk.b, e->psk, KEY_BYTES);
        return;
    }
    ident_credential(e->token, &cred);
    c->role = ROLE_RESTORE;
    c->step = open_step;
    memcpy(v->id, cred.id, sizeof v->id);
    c->id = v->id;
    v->psk = cred.psk;
    secret_wipe(&cred, sizeof cred);
}

static void note_contact(struct restore_entry *e, const struct call *c)
{
    switch (c->stage) {
    case CALL_IDLE:
    case CALL_MET:
        e->contact = CONTACT_AWAY;
        return;
    case CALL_KNOWN:
        e->contact = CONTACT_REFUSED;
        return;
    case CALL_TALKING:
    case CALL_ENDED:
        e->contact = c->err == OK                                    ? CONTACT_FINE
                     : c->err == ERR_TIMEOUT || c->err == ERR_CLOSED ? CONTACT_AWAY
                                                                     : CONTACT_REFUSED;
    }
}

/* Whom a round asks. */
enum whom { ASK_ALL, ASK_OPENED };

/* Asks everybody from index first on who can be asked something. */
static enum err round_from(struct restore *r, size_t first, enum whom whom,
                           const struct params *p, uint32_t deadline_ms)
{
    AUTO_FREE struct call *calls = calloc(RESTORE_ENTRIES, sizeof *calls);
    AUTO_FREE struct visit *visits = calloc(RESTORE_ENTRIES, sizeof *visits);
    size_t n = 0;

    if (calls == NULL || visits == NULL)
        return ERR_NOMEM;
    for (size_t i = first; i < r->n; i++) {
        struct restore_entry *e = &r->entries[i];

        if (!wants_call(e) || (whom == ASK_OPENED && e->state != STATE_OPENED))
            continue;
        call_prepare(r, e, p, &visits[n], &calls[n]);
        n++;
    }
    enum err e = n > 0 ? call_round(calls, n, deadline_ms, p->rng) : OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        struct restore_entry *entry = visits[i].e;

        note_contact(entry, &calls[i]);
        if (entry->state >= STATE_LIVE && entry->words.n == 0)
            e = entry_words(r, entry, p->cost);
    }
    secret_wipe(visits, RESTORE_ENTRIES * sizeof *visits);
    return e;
}

/* Asks, keeps what was opened, and only then shows the nonces of it. */
static enum err ask_from(struct restore *r, size_t first, const struct restore_run *run)
{
    TRY(round_from(r, first, ASK_ALL, run->params, run->deadline_ms));
    TRY(run->keep(run->keep_ctx, r));
    return round_from(r, first, ASK_OPENED, run->params, run->deadline_ms);
}

/* Takes those in whom one guardian's roster names; a roster is a hint, never proof. */
static enum err learn_from(struct restore *r, const struct restore_entry *by,
                           const struct rng *rng)
{
    AUTO_FREE struct roster *roster = calloc(1, sizeof *roster);

    if (roster == NULL)
        return ERR_NOMEM;
    if (wire_get(&roster_schema, by->roster, roster) != OK)
        return OK;
    for (uint32_t i = 0; i < roster->n_entries && r->n < RESTORE_ENTRIES; i++) {
        const struct roster_entry *re = &roster->entries[i];
        struct restore_entry *e = NULL;
        uint8_t fp[FP_BYTES];

        ident_fingerprint(re->sign_pub, re->seal_pub, fp);
        if (entry_find(r, re->node_key, fp) != NULL)
            continue;
        TRY(entry_new(r, re->node_key, fp, rng, &e));
        e->source = FROM_ROSTER;
        e->introduction = by->introduction;
        TRY(keep(r, BYTES_OF(re->credential), &e->token));
        for (uint32_t a = 0; a < re->n_addresses; a++)
            TRY(keep(r, re->addresses[a].at, &e->addresses[a].at));
        e->n_addresses = re->n_addresses;
        r->n++;
    }
    return OK;
}

enum err restore_round(struct restore *r, const struct restore_run *run)
{
    size_t before = r->n;

    TRY(run->keep(run->keep_ctx, r));
    TRY(ask_from(r, 0, run));
    for (size_t i = 0; i < before; i++)
        if (r->entries[i].roster.n > 0)
            TRY(learn_from(r, &r->entries[i], run->params->rng));
    if (r->n > before) {
        TRY(run->keep(run->keep_ctx, r));
        TRY(ask_from(r, before, run));
    }
    return run->keep(run->keep_ctx, r);
}

static enum err cancel_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct visit *v = c->ctx;

    if (reply != NULL)
        return reply->err;
    rng_fill(v->p->rng, v->cancel.op, sizeof v->cancel.op);
    memcpy(v->cancel.request, v->view.request, sizeof v->cancel.request);
    send_it(out, MSG_CANCEL, &v->cancel);
    return OK;
}

enum err restore_cancel(struct restore *r, const struct params *p, size_t *out_left)
{
    AUTO_FREE struct call *calls = calloc(RESTORE_ENTRIES, sizeof *calls);
    AUTO_FREE struct visit *visits = calloc(RESTORE_ENTRIES, sizeof *visits);
    size_t n = 0;

    if (calls == NULL || visits == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n; i++) {
        unsigned state = r->entries[i].state;

        if (state <= STATE_OPENED || is_final(state) || state == STATE_RELEASED)
            continue;
        call_prepare(r, &r->entries[i], p, &visits[n], &calls[n]);
        calls[n++].step = cancel_step;
    }
    enum err e = n > 0 ? call_round(calls, n, p->round_ms, p->rng) : OK;
    *out_left = 0;
    for (size_t i = 0; i < n; i++) {
        if (calls[i].err == OK)
            visits[i].e->state = STATE_EXPIRED;
        else
            (*out_left)++;
    }
    secret_wipe(visits, RESTORE_ENTRIES * sizeof *visits);
    return e;
}

/* ---- judging ---- */

static enum answer_state answer_state_of(const struct restore_entry *e)
{
    if (is_final(e->state))
        return ANSWER_REFUSED;
    if (e->state == STATE_RELEASED && e->n_pieces > 0)
        return ANSWER_PIECE;
    return e->contact == CONTACT_AWAY ? ANSWER_SILENT : ANSWER_WAITING;
}

static enum err answer_of(const struct restore *r, const struct restore_entry *e,
                          struct answer *out)
{
    AUTO_SECRET struct sign_seed *sign = NULL;
    uint8_t raw[SIGNED_MAX + 512];
    struct buf t = BUF_OF(raw);
    struct view view = { 0 };

    *out = (struct answer){ .state = answer_state_of(e),
                            .source = (enum answer_source)e->source,
                            .address = e->addresses[0].at,
                            .statement = e->statement };
    memcpy(out->node_key, e->node_key, PUB_BYTES);
    memcpy(out->guardian_fp, e->fp, FP_BYTES);
    if (out->state != ANSWER_PIECE)
        return OK;
    TRY(secret_new(&sign));
    memcpy(sign->b, r->head.req_sign, KEY_BYTES);
    crypt_sign_public(sign, out->req_sign);
    TRY(entry_view(e, &view));
    memcpy(out->request, view.request, ID_BYTES);
    TRY(entry_transcript(r, e, &t));
    transcript_hash(buf_bytes(&t), out->t_hash);
    out->n_pieces = e->n_pieces;
    for (uint32_t i = 0; i < e->n_pieces; i++) {
        out->pieces[i].epoch = e->pieces[i].epoch;
        memcpy(out->pieces[i].manifest_hash, e->pieces[i].manifest_hash, HASH_BYTES);
        memcpy(out->pieces[i].piece, e->pieces[i].piece, PIECE_BYTES);
        out->pieces[i].manifest = e->pieces[i].manifest;
        out->pieces[i].broken = e->pieces[i].broken != 0;
    }
    return OK;
}

/* Whether these are the accepted words; *out_match is the owner they belong to. */
static enum err words_match(const struct restore *r, const struct params *p,
                            const struct recover_result *found, const uint8_t **out_match)
{
    uint16_t typed[WORDS_CALL];
    uint16_t right[WORDS_CALL];

    *out_match = NULL;
    if (r->head.accepted.n == 0 || words_parse(r->head.accepted, WORDS_CALL, typed) != OK)
        return OK;
    for (size_t i = 0; i < found->n_owners && *out_match == NULL; i++) {
        TRY(words_fingerprint(found->owners[i], p->cost, right));
        if (words_compare(typed, right, WORDS_CALL) == WORDS_RIGHT)
            *out_match = found->owners[i];
    }
    return OK;
}

static enum restore_state state_after(const struct recover_result *f)
{
    switch (f->state) {
    case RECOVER_WAITING:
        return RESTORE_WAITING;
    case RECOVER_IMPOSSIBLE:
        return RESTORE_IMPOSSIBLE;
    case RECOVER_BROKEN:
        return RESTORE_BROKEN;
    case RECOVER_TWO_WORLDS:
        return RESTORE_TWO_WORLDS;
    case RECOVER_FOUND:
        break;
    }
    return RESTORE_UNCONFIRMED;
}

static enum err judge(struct restore *r, const struct params *p,
                      const struct answer *answers, struct root_key *out_root,
                      bool *out_accepted)
{
    struct recover_result *f = &r->result;
    const uint8_t *match = NULL;
    uint8_t owner[PUB_BYTES];

    TRY(recover(answers, r->n, NULL, f, out_root));
    TRY(words_match(r, p, f, &match));
    if (match != NULL && f->state == RECOVER_TWO_WORLDS) {
        memcpy(owner, match, sizeof owner);
        TRY(recover(answers, r->n, owner, f, out_root));
    }
    r->head.state = (uint8_t)state_after(f);
    r->head.epoch = f->epoch;
    r->head.need = f->need;
    r->head.have = f->have;
    for (size_t i = 0; i < r->n; i++)
        r->entries[i].verdict = (uint8_t)f->verdicts[i];
    if (f->state != RECOVER_FOUND)
        return OK;
    memcpy(r->head.owner, f->owners[0], PUB_BYTES);
    /* Words typed and wrong are never outvoted by links that differ. */
    *out_accepted = match != NULL || (r->head.accepted.n == 0 && f->direct >= 2 &&
                                      r->head.sources_differ != 0);
    return OK;
}

enum err restore_judge(struct restore *r, const struct params *p,
                       struct root_key *out_root, bool *out_accepted)
{
    AUTO_FREE struct answer *answers = calloc(RESTORE_ENTRIES, sizeof *answers);
    enum err e = OK;

    if (answers == NULL)
        return ERR_NOMEM;
    *out_accepted = false;
    for (size_t i = 0; i < r->n && e == OK; i++)
        e = answer_of(r, &r->entries[i], &answers[i]);
    if (e == OK)
        e = judge(r, p, answers, out_root, out_accepted);
    secret_wipe(answers, RESTORE_ENTRIES * sizeof *answers);
    return e;
}

enum err restore_accept(struct restore *r, struct bytes words)
{
    uint16_t typed[WORDS_CALL];
    char text[WORDS_TEXT];

    TRY(words_parse(words, WORDS_CALL, typed));
    words_format(typed, WORDS_CALL, text, sizeof text);
    return keep(r, bytes_text(text), &r->head.accepted);
}

/* ---- what a person sees ---- */

/* Names come from a roster; one of a good piece's epoch is believed before others. */
static bool name_from(const struct restore_entry *by, const struct restore_entry *e,
                      struct roster *roster, struct restore_line *line)
{
    uint8_t fp[FP_BYTES];

    if (by->roster.n == 0 || wire_get(&roster_schema, by->roster, roster) != OK)
        return false;
    for (uint32_t i = 0; i < roster->n_entries; i++) {
        const struct roster_entry *re = &roster->entries[i];

        ident_fingerprint(re->sign_pub, re->seal_pub, fp);
        if (!bytes_equal(BYTES_OF(fp), BYTES_OF(e->fp)) ||
            !bytes_equal(BYTES_OF(re->node_key), BYTES_OF(e->node_key)))
            continue;
        line->name = re->name;
        line->reach = re->reach;
        return true;
    }
    return false;
}

static void line_name(const struct restore *r, const struct restore_entry *e,
                      struct roster *roster, struct restore_line *line)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].verdict == VERDICT_GOOD &&
            name_from(&r->entries[i], e, roster, line))
            return;
    for (size_t i = 0; i < r->n; i++)
        if (name_from(&r->entries[i], e, roster, line))
            return;
}

static enum err line_of(struct restore *r, const struct restore_entry *e,
                        struct roster *roster, struct restore_line *line)
{
    struct address at = { 0 };
    struct view view = { 0 };
    char text[ADDRESS_TEXT] = "?";

    *line = (struct restore_line){
        .state = e->state, .contact = e->contact, .opens = e->opens, .verdict = e->verdict
    };
    line_name(r, e, roster, line);
    if (address_get(e->addresses[0].at, &at) == OK)
        address_format(&at, text, sizeof text);
    TRY(keep(r, bytes_text(text), &line->node));
    if (entry_view(e, &view) == OK)
        memcpy(line->request, view.request, ID_BYTES);
    /* Words of a request that is over only confuse. */
    if (e->state >= STATE_LIVE && e->state < STATE_RELEASED)
        line->words = e->words;
    return OK;
}

enum err restore_lines(const struct restore *r_, struct restore_open **out)
{
    /* Only the memory list of the restore grows; what a caller sees stays. */
    struct restore *r = (struct restore *)(uintptr_t)r_;
    AUTO_FREE struct roster *roster = calloc(1, sizeof *roster);
    AUTO_FREE struct restore_open *o = calloc(1, sizeof *o);

    if (roster == NULL || o == NULL)
        return ERR_NOMEM;
    o->state = r->head.state;
    o->fingerprint = r->head.fingerprint;
    o->epoch = r->head.epoch;
    o->need = r->head.need;
    o->have = r->head.have;
    for (size_t i = 0; i < r->n; i++)
        TRY(line_of(r, &r->entries[i], roster, &o->lines[i]));
    o->n_lines = (uint32_t)r->n;
    *out = o;
    o = NULL;
    return OK;
}

/* ---- load and save ---- */

static enum err secret_encode(const struct restore *r, struct home_blob *out)
{
    TRY(blob_put(out, FILE_HEAD, &restore_head_schema, &r->head));
    for (size_t i = 0; i < r->n; i++)
        TRY(blob_put(out, FILE_ENTRY, &restore_entry_schema, &r->entries[i]));
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
        if (kind != FILE_ENTRY || r->n == RESTORE_ENTRIES)
            return ERR_CORRUPT;
        TRY(wire_get(&restore_entry_schema, body, &r->entries[r->n]));
        r->n++;
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_restore.h"

#include "client/ceremony_restore_part.h"
#include "proto/words.h"

/* ---- entries ---- */

/* Keys of a request; a second view at one node needs new ones. */
void entry_draw(struct restore_entry *e, const struct rng *rng)
{
    rng_fill(rng, e->op_open, sizeof e->op_open);
    rng_fill(rng, e->op_reveal, sizeof e->op_reveal);
    rng_fill(rng, e->psk, sizeof e->psk);
    rng_fill(rng, e->seal, sizeof e->seal);
    rng_fill(rng, e->nonce, sizeof e->nonce);
}

struct restore_entry *entry_find(struct restore *r, const uint8_t node_key[PUB_BYTES],
                                 const uint8_t fp[FP_BYTES])
{
    for (size_t i = 0; i < r->n; i++)
        if (bytes_equal(BYTES_OF(r->entries[i].node_key),
                        bytes_of(node_key, PUB_BYTES)) &&
            bytes_equal(BYTES_OF(r->entries[i].fp), bytes_of(fp, FP_BYTES)))
            return &r->entries[i];
    return NULL;
}

/* Their guardian said yes to it. */
static bool is_answered(const struct restore_entry *e)
{
    return e->state == STATE_APPROVED || e->state == STATE_CONTESTED ||
           e->state == STATE_RELEASED;
}

/* How much is lost with an entry that a roster told of, from 0 on. */
static unsigned loss(const struct restore_entry *e)
{
    if (e->state == 0 && e->view.n == 0)
        return e->contact == CONTACT_AWAY || e->contact == CONTACT_REFUSED ? 0 : 1;
    return !is_answered(e) ? 2 : e->verdict != VERDICT_GOOD ? 3 : 4;
}

static struct restore_entry *place_for(struct restore *r, enum answer_source source)
{
    unsigned most = source == FROM_LINK ? 3 : 0;

    if (r->n < RESTORE_ENTRIES)
        return &r->entries[r->n++];
    for (unsigned at = 0; at <= most; at++)
        for (size_t i = 0; i < r->n; i++)
            if (r->entries[i].source == FROM_ROSTER && loss(&r->entries[i]) == at)
                return &r->entries[i];
    return NULL;
}

enum err entry_new(struct restore *r, const uint8_t node_key[PUB_BYTES],
                   const uint8_t fp[FP_BYTES], enum answer_source source,
                   const struct rng *rng, struct restore_entry **out)
{
    struct restore_entry *e = place_for(r, source);

    if (e == NULL)
        return ERR_TOO_BIG;
    *e = (struct restore_entry){ .source = (uint8_t)source };
    memcpy(e->node_key, node_key, PUB_BYTES);
    memcpy(e->fp, fp, FP_BYTES);
    rng_fill(rng, e->stat, sizeof e->stat);
    entry_draw(e, rng);
    *out = e;
    return OK;
}

/* Of a request that is over nothing is used again but who the guardian is. */
static void begin_over(struct restore_entry *e, const struct rng *rng)
{
    e->view = e->words = e->statement = (struct bytes){ 0 };
    e->state = 0;
    e->approved = e->opens = e->expires = 0;
    e->flags = 0;
    secret_wipe(e->pieces, sizeof e->pieces);
    e->n_pieces = 0;
    e->repeats = 0;
    rng_fill(rng, e->stat, sizeof e->stat);
    entry_draw(e, rng);
}

/*
 * What the link says of where and how counts more than any roster's word, which may
 * have led to somebody else's account at that seat: what has no yes begins anew, and
 * what has one stays the roster's.
 */
static enum err take_link(struct restore *r, struct restore_entry *e,
                          const struct link *link, const struct rng *rng)
{
    uint8_t raw[ADDRESS_MAX];
    struct buf at = BUF_OF(raw);

    if (e->source == FROM_ROSTER && is_answered(e))
        return OK;
    address_put(&link->address, &at);
    e->source = FROM_LINK;
    e->sheet = 0;
    e->refusal = 0;
    begin_over(e, rng);
    TRY(restore_keep(r, buf_bytes(&at), &e->addresses[0].at));
    e->n_addresses = 1;
    return restore_keep(r, BYTES_OF(link->token), &e->token);
}

/* Another link, and the one before led nowhere or to what is over, or is not known. */
static bool wants_link(const struct restore_entry *e, const struct link *link)
{
    bool lost = e->contact == CONTACT_REFUSED && !is_answered(e);

    return !bytes_equal(e->token, BYTES_OF(link->token)) &&
           (e->view.n == 0 || entry_is_over(e) || lost);
}

enum err restore_add_link(struct restore *r, const struct link *link,
                          const struct rng *rng)
{
    struct restore_entry *e = NULL;

    if (link->type != LINK_RESTORE)
        return ERR_ARG;
    e = entry_find(r, link->node_key, link->fp);
    if (e != NULL && e->source == FROM_LINK && !wants_link(e, link))
        return ERR_EXISTS;
    if (e == NULL)
        TRY(entry_new(r, link->node_key, link->fp, FROM_LINK, rng, &e));
    return take_link(r, e, link, rng);
}

enum err restore_add_sheet(struct restore *r, const struct link *link,
                           const struct rng *rng)
{
    TRY(restore_add_link(r, link, rng));
    struct restore_entry *e = entry_find(r, link->node_key, link->fp);

    if (e != NULL && bytes_equal(e->token, BYTES_OF(link->token)))
        e->sheet = 1;
    return OK;
}

enum err entry_view(const struct restore_entry *e, struct view *out)
{
    if (e->view.n == 0)
        return ERR_STATE;
    return view_open(e->view, e->node_sign, out);
}

/* T of this entry's request, as the guardian's client makes it. */
enum err entry_transcript(const struct restore *r, const struct restore_entry *e,
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

enum err entry_words(struct restore *r, struct restore_entry *e, struct cost cost)
{
    uint8_t raw[TRANSCRIPT_MAX];
    struct buf t = BUF_OF(raw);
    uint8_t out[WORDS_OUT];
    uint16_t words[WORDS_CALL];
    char text[WORDS_TEXT];

    TRY(entry_transcript(r, e, &t));
    TRY(words_call(buf_bytes(&t), e->nonce, cost, out));
    words_from_bytes(out, WORDS_CALL, words);
    words_format(words, WORDS_CALL, text, sizeof text);
    return restore_keep(r, bytes_text(text), &e->words);
}

bool entry_is_over(const struct restore_entry *e)
{
    return e->state == STATE_REFUSED || e->state == STATE_EXPIRED;
}

/* ---- judging ---- */

static enum answer_state answer_state_of(const struct restore_entry *e)
{
    if (entry_is_over(e))
        return ANSWER_REFUSED;
    if (e->state == STATE_RELEASED && e->n_pieces > 0)
        return ANSWER_PIECE;
    return e->contact == CONTACT_AWAY ? ANSWER_SILENT : ANSWER_WAITING;
}

/* One piece of paper, whoever made it, is not several people. */
static enum answer_source source_of(const struct restore_entry *e)
{
    return e->sheet != 0 ? FROM_SHEET : (enum answer_source)e->source;
}

static enum err answer_of(const struct restore *r, const struct restore_entry *e,
                          struct answer *out)
{
    AUTO_SECRET struct sign_seed *sign = NULL;
    uint8_t raw[TRANSCRIPT_MAX];
    struct buf t = BUF_OF(raw);
    struct view view = { 0 };

    *out = (struct answer){ .state = answer_state_of(e),
                            .source = source_of(e),
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

/* What nodes showed of roots that were replaced. */
static size_t moves_of(const struct restore *r, struct bytes out[RESTORE_PROOFS])
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_proofs; i++)
        if (r->proofs[i].kind == EPOCH_WANT_MOVE)
            out[n++] = r->proofs[i].raw;
    return n;
}

/* What nodes showed of changes that people confirmed. */
static size_t certs_of(const struct restore *r, struct recover_cert out[RESTORE_PROOFS])
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_proofs; i++) {
        const struct restore_proof *p = &r->proofs[i];

        if (p->kind != EPOCH_WANT_CERT)
            continue;
        out[n] = (struct recover_cert){ .epoch = p->epoch, .people = p->raw };
        memcpy(out[n++].manifest_hash, p->manifest_hash, HASH_BYTES);
    }
    return n;
}

/* Whether these are the words of a root that another one took the place of. */
static enum err words_old(const struct restore *r, const struct params *p,
                          const struct recover_result *found,
                          uint8_t out_owner[PUB_BYTES], bool *out_old)
{
    uint16_t typed[WORDS_CALL];
    uint16_t right[WORDS_CALL];

    if (r->head.accepted.n == 0 || words_parse(r->head.accepted, WORDS_CALL, typed) != OK)
        return OK;
    for (size_t i = 0; i < found->n_replaced && !*out_old; i++) {
        TRY(words_fingerprint(found->replaced[i], p->cost, right));
        *out_old = words_compare(typed, right, WORDS_CALL) == WORDS_RIGHT;
        memcpy(out_owner, found->replaced[i], PUB_BYTES);
    }
    return OK;
}

static enum err judge(struct restore *r, const struct params *p,
                      const struct answer *answers, struct root_key *out_root,
                      bool *out_accepted)
{
    struct bytes moves[RESTORE_PROOFS];
    struct recover_cert certs[RESTORE_PROOFS];
    struct recover_in in = {
        .answers = answers, .n = r->n, .moves = moves, .certs = certs
    };
    AUTO_SECRET struct paper *paper = NULL;
    struct recover_result *f = &r->result;
    const uint8_t *match = NULL;
    uint8_t owner[PUB_BYTES];

    TRY(secret_new(&paper));
    paper_of(r, paper);
    in.paper = paper;
    in.n_moves = moves_of(r, moves);
    in.n_certs = certs_of(r, certs);
    TRY(recover_all(&in, f, out_root));
    TRY(words_match(r, p, f, &match));
    in.owner = owner;
    if (match != NULL && f->state == RECOVER_TWO_WORLDS) {
        memcpy(owner, match, sizeof owner);
        TRY(recover_all(&in, f, out_root));
    }
    r->old_words = false;
    TRY(words_old(r, p, f, owner, &r->old_words));
    if (r->old_words && r->head.old_root != 0) {
        TRY(recover_all(&in, f, out_root));
        match = f->state == RECOVER_FOUND ? owner : NULL;
    }
    r->head.state = (uint8_t)state_after(f);
    r->head.epoch = f->epoch;
    r->head.need = f->need;
    r->head.have = f->have;
    for (size_t i = 0; i < r->n; i++)
        r->entries[i].verdict = (uint8_t)f->verdicts[i];
    for (size_t i = 0; i < r->n_cards; i++)
        r->cards[i].verdict = (uint8_t)f->cards[i];
    r->head.locked = f->locked;
    if (f->state != RECOVER_FOUND)
        return OK;
    /* The newer root's pieces are still to come: who wants the old one says so. */
    if (f->late && r->head.old_root == 0) {
        r->head.state = RESTORE_WAITING;
        return OK;
    }
    memcpy(r->head.owner, f->owners[0], PUB_BYTES);
    memcpy(r->head.manifest_hash, f->manifest_hash, HASH_BYTES);
    /* Words typed and wrong are never outvoted by links that differ. */
    *out_accepted = match != NULL ||
                    (r->head.accepted.n == 0 && f->direct >= 2 && f->n_replaced == 0 &&
                     !f->disputed && r->head.sources_differ != 0);
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
    return restore_keep(r, bytes_text(text), &r->head.accepted);
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

    *line = (struct restore_line){ .state = e->state,
                                   .contact = e->contact,
                                   .opens = e->opens,
                                   .flags = e->flags,
                                   .verdict = e->verdict,
                                   .spoken = entry_is_spoken(e),
                                   .refusal = e->refusal };
    line_name(r, e, roster, line);
    if (address_get(e->addresses[0].at, &at) == OK)
        address_format(&at, text, sizeof text);
    TRY(restore_keep(r, bytes_text(text), &line->node));
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
    card_lines(r, roster, o);
    *out = o;
    o = NULL;
    return OK;
}

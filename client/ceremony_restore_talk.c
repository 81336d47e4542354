/* SPDX-License-Identifier: Apache-2.0 */
#include "client/ceremony_restore_part.h"

/* ---- one conversation: opening ---- */

enum step { STEP_INFO, STEP_OPEN, STEP_FETCH, STEP_ROSTER, STEP_PIECE, STEP_PROOF };

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
    struct req_epoch_state state;
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
                            .claimed = v->r->head.name };
    /* It goes with the credential that a roster told of, and with no link. */
    if (v->e->token.n == TOKEN_STANDING)
        o->introduction = v->e->introduction;
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
    TRY(restore_keep(v->r, rep->view, &v->e->view));
    v->e->state = STATE_OPENED;
    v->e->expires = v->view.expires;
    return OK;
}

/* A nonce that is over, or that may have been seen, is never offered a second view. */
static void begin_anew(struct restore_entry *e, const struct rng *rng)
{
    if (e->view.n > 0 && e->repeats < VIEWS_MAX)
        e->repeats++;
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

/* What was shown to the node does not become unshown, whatever it says. */
static enum err take_state(struct restore_entry *e, uint8_t state)
{
    if (state <= STATE_OPENED)
        return ERR_FORMAT;
    e->state = state;
    return OK;
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
    return take_state(v->e, ((const struct rep_reveal *)reply->rep)->state);
}

/* ---- one conversation: fetching ---- */

static enum err fetch_part(struct visit *v, uint32_t epoch, struct call_send *out)
{
    rng_fill(v->p->rng, v->fetch.op, sizeof v->fetch.op);
    memcpy(v->fetch.request, v->view.request, sizeof v->fetch.request);
    v->fetch.epoch = epoch;
    v->fetch.roster = ROSTER_SEALED;
    send_it(out, MSG_FETCH, &v->fetch);
    return OK;
}

static enum err seal_key_of(const struct restore_entry *e, struct dh_key **out)
{
    TRY(secret_new(out));
    memcpy((*out)->b, e->seal, KEY_BYTES);
    return OK;
}

/* Not looked for at other guardians: a list counts with the introduction of the one who
 * gave it, and a liar gives a true list with one that leads nowhere. */
static bool is_there(const struct restore_entry *e, struct bytes plain)
{
    return bytes_equal(e->roster, plain) || bytes_equal(e->roster_later, plain) ||
           bytes_equal(e->roster_former, plain);
}

/* One list; nothing where it does not open. */
static enum err one_roster(struct visit *v, const struct rep_fetch *f,
                           const struct seal_key *key, struct bytes *out)
{
    AUTO_FREE struct roster *roster = calloc(1, sizeof *roster);
    AUTO_FREE uint8_t *plain = calloc(1, ROSTER_MAX + 1);
    size_t n = 0;

    if (roster == NULL || plain == NULL)
        return ERR_NOMEM;
    if (crypt_open(key, LABEL_ROSTER_SEAL, BYTES_OF(f->roster_hash), f->roster,
                   (struct span){ plain, ROSTER_MAX }, &n) != OK ||
        wire_get(&roster_schema, bytes_of(plain, n), roster) != OK)
        return OK;
    if (out != &v->e->roster && is_there(v->e, bytes_of(plain, n)))
        return OK;
    return restore_keep(v->r, bytes_of(plain, n), out);
}

/* A roster that does not open is the guardian's fault, and no reason to stop. */
static enum err take_roster(struct visit *v, const struct rep_fetch *f, struct bytes *out)
{
    AUTO_SECRET struct dh_key *seal = NULL;
    AUTO_SECRET struct seal_key *key = NULL;
    uint8_t raw[TRANSCRIPT_MAX];
    struct buf t = BUF_OF(raw);

    if (f->roster.n == 0 || f->roster_box.n == 0)
        return OK;
    TRY(seal_key_of(v->e, &seal));
    TRY(secret_new(&key));
    TRY(entry_transcript(v->r, v->e, &t));
    if (release_roster_open(seal, buf_bytes(&t), f->roster_hash, f->roster_box, key) !=
        OK)
        return OK;
    TRY(one_roster(v, f, key, out));
    if (v->e->introduction.n > 0)
        return OK;
    memcpy(v->e->roster_hash, f->roster_hash, HASH_BYTES);
    return restore_keep(v->r, f->introduction, &v->e->introduction);
}

static enum err got_state(struct visit *v, const struct rep_fetch *f)
{
    TRY(take_state(v->e, f->state));
    v->e->approved = f->approved;
    v->e->opens = f->opens;
    v->e->expires = f->expires;
    v->e->flags = f->flags;
    if (v->e->roster.n == 0)
        TRY(take_roster(v, f, &v->e->roster));
    if (f->statement.n > 0)
        TRY(restore_keep(v->r, f->statement, &v->e->statement));
    return OK;
}

/* Into secret memory first, then into the restore's own (heap, wiped, sealed on disk). */
static enum err piece_open(struct visit *v, const struct rep_fetch *f,
                           struct restore_piece *p, struct span manifest, size_t *out_n)
{
    AUTO_SECRET struct dh_key *seal = NULL;
    AUTO_SECRET struct seal_key *key = NULL;
    AUTO_SECRET uint8_t *piece = NULL;
    uint8_t raw[TRANSCRIPT_MAX];
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

/* Where the piece of that epoch goes, also the second time. */
static struct restore_piece *piece_room(struct restore_entry *e, uint32_t epoch)
{
    for (uint32_t i = 0; i < e->n_pieces; i++)
        if (e->pieces[i].epoch == epoch)
            return &e->pieces[i];
    return e->n_pieces < EPOCHS_MAX ? &e->pieces[e->n_pieces++] : NULL;
}

static enum err got_piece(struct visit *v, const struct rep_fetch *f)
{
    const struct view_epoch *ve = &v->view.epochs[v->at];
    AUTO_FREE uint8_t *manifest = calloc(1, MANIFEST_MAX + 1);
    struct restore_piece *p = NULL;
    size_t n = 0;

    if (manifest == NULL || (p = piece_room(v->e, ve->epoch)) == NULL)
        return ERR_NOMEM;
    *p = (struct restore_piece){ .epoch = ve->epoch };
    memcpy(p->manifest_hash, ve->manifest_hash, HASH_BYTES);
    enum err e = piece_open(v, f, p, (struct span){ manifest, MANIFEST_MAX }, &n);
    if (e == ERR_NOMEM)
        return e;
    p->broken = e != OK;
    TRY(restore_keep(v->r, f->receipt, &p->receipt));
    return restore_keep(v->r, bytes_of(manifest, n), &p->manifest);
}

static enum err next_proof(struct visit *v, enum epoch_want want, struct call_send *out)
{
    v->step = STEP_PROOF;
    v->state = (struct req_epoch_state){ .want = (uint8_t)want };
    send_it(out, MSG_EPOCH_STATE, &v->state);
    return OK;
}

/* A node that keeps no proof, or knows of none, has let the piece go all the same. */
static enum err got_proof(struct visit *v, const struct call_reply *reply,
                          struct call_send *out)
{
    enum epoch_want want = (enum epoch_want)v->state.want;

    if (reply->err != OK)
        return OK;
    TRY(restore_take_proof(v->r, v->e, want, reply->rep));
    return want == EPOCH_WANT_CERT ? next_proof(v, EPOCH_WANT_MOVE, out) : OK;
}

static enum err next_piece(struct visit *v, struct call_send *out)
{
    v->step = STEP_PIECE;
    if (v->at >= v->view.n_epochs)
        return next_proof(v, EPOCH_WANT_CERT, out);
    return fetch_part(v, v->view.epochs[v->at].epoch, out);
}

/* Then what was put beside the list since. */
static enum err next_roster(struct visit *v, uint8_t which, struct call_send *out)
{
    v->step = STEP_ROSTER;
    TRY(fetch_part(v, 0, out));
    v->fetch.roster = which;
    return OK;
}

static enum err after_state(struct visit *v, struct call_send *out)
{
    if (v->e->state != STATE_RELEASED)
        return OK;
    v->at = 0;
    return next_piece(v, out);
}

static enum err got_roster(struct visit *v, const struct call_reply *reply,
                           struct call_send *out)
{
    const struct rep_fetch *f = reply->rep;
    bool later = v->fetch.roster == ROSTER_LATER;

    v->e->asked_rosters = 1;
    if (reply->err != OK)
        return after_state(v, out); /* a node that keeps none */
    TRY(take_roster(v, f, later ? &v->e->roster_later : &v->e->roster_former));
    if (later && f->roster.n > 0)
        return next_roster(v, ROSTER_FORMER, out);
    return after_state(v, out);
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
        if (v->e->roster.n > 0 && v->e->asked_rosters == 0)
            return next_roster(v, ROSTER_LATER, out);
        return after_state(v, out);
    }
    if (v->step == STEP_ROSTER)
        return got_roster(v, reply, out);
    if (v->step == STEP_PROOF)
        return got_proof(v, reply, out);
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

static bool wants_call(const struct restore_entry *e)
{
    if (entry_is_over(e) || e->repeats == VIEWS_MAX || entry_is_spoken(e))
        return false;
    /* A line may have broken between two pieces. */
    return e->state != STATE_RELEASED || e->n_pieces == 0 || e->contact != CONTACT_FINE;
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
    if (e->view.n > 0)
        begin_anew(e, p->rng);
    ident_credential(e->token, &cred);
    c->role = ROLE_RESTORE;
    c->step = open_step;
    memcpy(v->id, cred.id, sizeof v->id);
    c->id = v->id;
    v->psk = cred.psk;
    secret_wipe(&cred, sizeof cred);
}

/* What never came, or came garbled, is nobody's word. */
static bool is_line_fault(enum err e)
{
    return e == ERR_TIMEOUT || e == ERR_CLOSED || e == ERR_FORMAT || e == ERR_AUTH;
}

static void note_contact(struct restore_entry *e, const struct call *c)
{
    switch (c->stage) {
    case CALL_IDLE:
    case CALL_MET:
        e->contact = CONTACT_AWAY;
        return;
    case CALL_KNOWN: /* not let in, and not told why */
    case CALL_TALKING:
    case CALL_ENDED:
        e->contact = c->err == OK            ? CONTACT_FINE
                     : is_line_fault(c->err) ? CONTACT_AWAY
                                             : CONTACT_REFUSED;
        e->refusal = e->contact == CONTACT_REFUSED &&
                             (c->stage >= CALL_TALKING || c->err == ERR_VERSION)
                         ? err_wire(c->err)
                         : 0;
    }
}

/* Whom a round asks. */
enum whom { ASK_ALL, ASK_NEW, ASK_OPENED };

static bool is_asked(const struct restore_entry *e, enum whom whom)
{
    if (!wants_call(e))
        return false;
    switch (whom) {
    case ASK_ALL:
        return true;
    case ASK_NEW:
        return e->contact == CONTACT_NONE;
    case ASK_OPENED:
        break;
    }
    return e->state == STATE_OPENED;
}

/* Asks all of those who can be asked something. */
static enum err ask_once(struct restore *r, enum whom whom, const struct params *p,
                         uint32_t deadline_ms)
{
    AUTO_FREE struct call *calls = calloc(RESTORE_ENTRIES, sizeof *calls);
    AUTO_FREE struct visit *visits = calloc(RESTORE_ENTRIES, sizeof *visits);
    size_t n = 0;

    if (calls == NULL || visits == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n; i++) {
        struct restore_entry *e = &r->entries[i];

        if (!is_asked(e, whom))
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
static enum err ask(struct restore *r, enum whom whom, const struct restore_run *run)
{
    TRY(ask_once(r, whom, run->params, run->deadline_ms));
    TRY(run->keep(run->keep_ctx, r));
    return ask_once(r, ASK_OPENED, run->params, run->deadline_ms);
}

enum err restore_round(struct restore *r, const struct restore_run *run)
{
    TRY(run->keep(run->keep_ctx, r));
    TRY(restore_ask_spoken(r, run));
    TRY(ask(r, ASK_ALL, run));
    TRY(restore_learn(r, run->params->rng));
    TRY(run->keep(run->keep_ctx, r));
    TRY(ask(r, ASK_NEW, run));
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
        struct restore_entry *e = &r->entries[i];

        if (e->state <= STATE_OPENED || entry_is_over(e) || e->state == STATE_RELEASED)
            continue;
        call_prepare(r, e, p, &visits[n], &calls[n]);
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

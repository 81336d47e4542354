/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/plants.h"

#include "node/drop.h"
#include "node/move.h"
#include "node/proof.h"
#include "node/request_part.h"
#include "node/seat.h"
#include "node/vault_part.h"
#include "node/ward.h"
#include "proto/recover.h"
#include "proto/words.h"

/* X(name, "the fault", "promises that it breaks") */
#define PLANTS(X)                                                                        \
    X(early_release, "a piece goes one second early",                                    \
      "no_release_before_hold no_release_against_stop")                                  \
    X(lost_alert, "a request is shown without an alert", "alerted_before_approvable")    \
    X(swallowed_stop, "a stop is answered, alerted, and forgotten",                      \
      "states_as_drawn yes_is_kept no_release_against_stop guardian_is_heard")           \
    X(approval_lost, "a new epoch voids approvals", "yes_is_kept")                       \
    X(early_end, "a request ends when its hold has run, before it can open twice",       \
      "expires_after_it_opens yes_is_kept due_is_released owner_comes_back")             \
    X(reused_nonce, "what a requester used before is not looked up",                     \
      "nonce_serves_one_view")                                                           \
    X(thin_transcript, "words do not bind node, guardian and view: a swap passes",       \
      "swap_shows no_release_without_yes")                                               \
    X(introduction_lives, "a dead introduction is not looked up", "introduction_dies")   \
    X(slip_is_right, "one wrong word passes for right", "no_release_without_yes")        \
    X(yes_for_ever, "an approval cannot be taken back", "yes_can_be_taken_back")         \
    X(lost_write, "a request's change is said done and not written",                     \
      "states_as_drawn said_done_survives yes_is_kept expires_after_it_opens "           \
      "guardian_is_heard alerted_before_approvable due_is_released")                     \
    X(stops_for_ever, "every stop starts the hold again",                                \
      "stops_are_bounded owner_comes_back")                                              \
    X(no_freeze, "a freeze is forgotten, and a new root that waits",                     \
      "freeze_holds old_keys_are_dead")                                                  \
    X(thiefs_policy, "the newest epoch's policy rules, confirmed or not",                \
      "no_release_before_hold due_is_released expires_after_it_opens "                   \
      "yes_is_kept no_release_against_stop")                                             \
    X(withheld, "a node's newest alert is kept back from its readers", "back_is_seen")   \
    X(op_again, "a repeated write is done twice",                                        \
      "one_op_one_answer states_as_drawn guardian_is_heard links_have_room")             \
    X(emptied, "what a head drops is erased at once", "vault_loses_nothing")             \
    X(young_goes, "a head goes as soon as it is not among the last",                     \
      "vault_loses_nothing")                                                             \
    X(head_lost, "a head is said done and forgotten", "heads_stay")                      \
    X(unconfirmed_judges, "RETIRE is judged by the newest epoch, confirmed or not",      \
      "old_epochs_stay some_epoch_stays")                                                \
    X(move_by_unconfirmed, "MOVE is judged by the newest epoch, confirmed or not",       \
      "one_successor")                                                                   \
    X(move_refused, "MOVE is refused, whoever spoke for it", "new_root_is_taken")        \
    X(move_at_once, "a new root takes over without a hold", "new_root_waits")            \
    X(move_never, "a new root that waits stays where it is", "new_root_comes")           \
    X(old_keys_live, "old keys let in after MOVE", "old_keys_are_dead")                  \
    X(abort_forgotten, "ABORT is said done, and what is prepared stays",                 \
      "taken_back_is_gone")                                                              \
    X(abort_of_active, "ABORT is obeyed by a node that has it active",                   \
      "taken_back_is_gone old_epochs_stay some_epoch_stays")                             \
    X(check_of_memory, "a check answers with what was told, not with what is kept",      \
      "proofs_tell")                                                                     \
    X(drill_unbound, "a drill's answer is not over its challenge", "proofs_tell")        \
    X(reset_untold, "a guardian's new keys are told to nobody", "new_keys_count")        \
    X(reset_half, "new keys at a seat, and the old ones let in", "new_keys_count")       \
    X(removed_stays, "a machine that is shut out stays in", "removed_is_out")            \
    X(no_is_swallowed, "a guardian's no to a new root is answered, and forgotten",       \
      "no_to_a_root_stays")                                                              \
    X(new_root_idle, "a new root that took over deals no circle", "new_root_deals")      \
    X(moves_unseen, "a restore does not look at who replaced whom", "new_root_deals")

enum plant_id {

#define PLANT_ENUM(name, what, finds) PLANT_##name,
    PLANTS(PLANT_ENUM)
#undef PLANT_ENUM
        PLANT_COUNT
};

const struct plant plants[] = {
#define PLANT_ROW(name, what, finds) { #name, what, finds },
    PLANTS(PLANT_ROW)
#undef PLANT_ROW
};
const size_t plant_count = PLANT_COUNT;

static const struct plant *on;

void plant_set(const struct plant *p)
{
    on = p;
}

static bool is_on(enum plant_id id)
{
    return on == &plants[id];
}

/* Declares what the linker calls the true function. */
#define WRAPPED(type, fn, ...)                                                           \
    type __real_##fn(__VA_ARGS__);                                                       \
    type __wrap_##fn(__VA_ARGS__);                                                       \
    type __wrap_##fn(__VA_ARGS__)

WRAPPED(bool, request_due, const struct request *r, uint64_t now, enum clock_state clock)
{
    return __real_request_due(r, is_on(PLANT_early_release) ? now + 1 : now, clock);
}

WRAPPED(enum err, drop_tell, struct call *c, const struct record_ward *ward,
        enum record_event event, const uint8_t *request, uint32_t epoch)
{
    if (is_on(PLANT_lost_alert) && event == REC_REQUEST_LIVE)
        return OK;
    if (is_on(PLANT_reset_untold) && event == REC_SEAT_RESET)
        return OK;
    return __real_drop_tell(c, ward, event, request, epoch);
}

WRAPPED(bool, request_stop_at, struct request *r, uint64_t now, enum clock_state clock)
{
    struct request before = *r;

    if (is_on(PLANT_stops_for_ever))
        r->restarts = 0;
    bool counts = __real_request_stop_at(r, now, clock);

    if (is_on(PLANT_swallowed_stop))
        *r = before;
    return counts;
}

static enum err void_approvals(struct call *c)
{
    struct txn_key at = { 0 };
    struct request r = { 0 };

    while (request_next_of(c, c->who->ward, &at, &r) == OK) {
        if (r.state != STATE_APPROVED)
            continue;
        r.state = STATE_LIVE;
        r.approved = 0;
        TRY(request_put(c, &r));
    }
    return OK;
}

WRAPPED(enum err, ward_commit, struct call *c, const struct req_epoch_commit *req,
        struct rep_epoch_commit *rep)
{
    TRY(__real_ward_commit(c, req, rep));
    return is_on(PLANT_approval_lost) ? void_approvals(c) : OK;
}

WRAPPED(bool, request_settle, struct request *r, uint64_t now, enum clock_state clock)
{
    if (is_on(PLANT_early_end) && r->state != STATE_OPENED && r->kind == REQUEST_RESTORE)
        r->expires = r->hold_from + r->hold + r->stop_hold;
    return __real_request_settle(r, now, clock);
}

WRAPPED(enum err, txn_get, struct txn *t, enum store_table tab, struct bytes key,
        struct span out, size_t *out_n)
{
    if (is_on(PLANT_reused_nonce) && tab == TAB_OPEN_KEY)
        return ERR_UNKNOWN;
    return __real_txn_get(t, tab, key, out, out_n);
}

WRAPPED(enum err, txn_has, struct txn *t, enum store_table tab, struct bytes key)
{
    if (is_on(PLANT_introduction_lives) && tab == TAB_INTRO)
        return ERR_UNKNOWN;
    return __real_txn_has(t, tab, key);
}

/* One change in eight. */
WRAPPED(enum err, request_put, struct call *c, const struct request *r)
{
    static unsigned n;

    if (is_on(PLANT_lost_write) && r->live != 0 && n++ % 8 == 7)
        return OK;
    return __real_request_put(c, r);
}

WRAPPED(void, transcript_put, const struct transcript *t, struct buf *out)
{
    static const uint8_t none[SIG_BYTES];
    struct transcript thin = *t;

    if (is_on(PLANT_thin_transcript)) {
        thin.view = BYTES_OF(none);
        memset(thin.node_key, 0, PUB_BYTES);
        memset(thin.guard_sign, 0, PUB_BYTES);
        memset(thin.guard_seal, 0, PUB_BYTES);
    }
    __real_transcript_put(&thin, out);
}

WRAPPED(enum words_verdict, words_compare, const uint16_t *typed, const uint16_t *right,
        size_t n)
{
    enum words_verdict v = __real_words_compare(typed, right, n);

    return is_on(PLANT_slip_is_right) && v == WORDS_SLIP ? WORDS_RIGHT : v;
}

WRAPPED(enum err, request_refuse, struct call *c, const struct req_refuse *req,
        struct rep_refuse *rep)
{
    struct request r = { 0 };

    if (is_on(PLANT_yes_for_ever) && request_get(c, req->request, &r) == OK &&
        r.state == STATE_APPROVED)
        return ERR_STATE;
    return __real_request_refuse(c, req, rep);
}

WRAPPED(enum err, record_changeable, const struct record_ward *ward, uint64_t now)
{
    return is_on(PLANT_no_freeze) ? OK : __real_record_changeable(ward, now);
}

WRAPPED(enum err, ward_policy, struct call *c, const struct record_ward *ward,
        struct record_epoch *out)
{
    if (is_on(PLANT_thiefs_policy) && ward->active != 0)
        return ward_epoch(c, ward->ward, ward->active, out);
    return __real_ward_policy(c, ward, out);
}

/* A MOVE is being judged that names this epoch; 0: none is. */
static uint32_t moving;

WRAPPED(enum err, move_serve, struct call *c, const struct req_move *req,
        struct rep_move *rep)
{
    if (is_on(PLANT_move_refused))
        return ERR_CERT;
    struct move m = { 0 };

    if (move_open(req->move, &m) == OK)
        moving = m.epoch;
    enum err e = __real_move_serve(c, req, rep);

    moving = 0;
    return e;
}

WRAPPED(enum err, move_tick, struct call *c, bool *out_more)
{
    *out_more = false;
    return is_on(PLANT_move_never) ? OK : __real_move_tick(c, out_more);
}

/* As if it were only prepared. */
static enum err erase_active(struct call *c, uint32_t epoch)
{
    struct record_ward ward = { 0 };
    struct record_epoch e = { 0 };

    TRY(ward_get(c, c->who->ward, &ward));
    TRY(ward_epoch(c, ward.ward, epoch, &e));
    TRY(ward_epoch_erase(c, &ward, &e));
    return ward_put(c, &ward);
}

WRAPPED(enum err, ward_abort, struct call *c, const struct req_epoch_abort *req,
        struct rep_epoch_abort *rep)
{
    if (is_on(PLANT_abort_forgotten))
        return OK;
    enum err e = __real_ward_abort(c, req, rep);

    return is_on(PLANT_abort_of_active) && e == ERR_STATE ? erase_active(c, req->epoch)
                                                          : e;
}

/* What PREPARE told, by the place where it lies. */
struct heard {
    struct txn_key key;
    size_t n;
    uint8_t b[STORE_VALUE];
};

enum { HEARD = 256 };

static struct heard heard[HEARD];
static size_t n_heard;
static bool checking;

WRAPPED(enum err, data_put, struct txn *t, const struct data_id *id, enum store_table tab,
        struct bytes key, struct bytes value)
{
    if (is_on(PLANT_check_of_memory) && tab == TAB_OBJECT) {
        struct heard *x = &heard[n_heard++ % HEARD];

        memcpy(x->key.b, key.p, key.n);
        x->key.n = key.n;
        memcpy(x->b, value.p, value.n);
        x->n = value.n;
    }
    return __real_data_put(t, id, tab, key, value);
}

WRAPPED(enum err, ward_object, struct call *c, const uint8_t ward[ID_BYTES],
        uint32_t epoch, enum object which, struct bytes *out)
{
    struct txn_key key = key_object(ward, epoch, which);

    for (size_t i = n_heard; checking && i > 0 && i + HEARD > n_heard; i--) {
        const struct heard *x = &heard[(i - 1) % HEARD];

        if (!bytes_equal(key_bytes(&x->key), key_bytes(&key)))
            continue;
        *out = bytes_of(x->b, x->n);
        return OK;
    }
    return __real_ward_object(c, ward, epoch, which, out);
}

WRAPPED(enum err, proof_check, struct call *c, const struct req_check *req,
        struct rep_check *rep)
{
    checking = is_on(PLANT_check_of_memory);
    enum err e = __real_proof_check(c, req, rep);

    checking = false;
    return e;
}

static const struct drill *bare(const struct drill *d)
{
    static struct drill out;

    out = *d;
    if (is_on(PLANT_drill_unbound))
        memset(out.challenge, 0, sizeof out.challenge);
    return &out;
}

WRAPPED(void, drill_sign, const struct sign_seed *piece, const struct drill *d,
        uint8_t out_sig[SIG_BYTES])
{
    __real_drill_sign(piece, bare(d), out_sig);
}

WRAPPED(enum err, drill_verify, const uint8_t piece_key[PUB_BYTES], const struct drill *d,
        const uint8_t sig[SIG_BYTES])
{
    return __real_drill_verify(piece_key, bare(d), sig);
}

WRAPPED(enum err, cred_rekey, struct call *c, const uint8_t id[ID_BYTES],
        const uint8_t stat[PUB_BYTES], const uint8_t psk[KEY_BYTES])
{
    return is_on(PLANT_reset_half) ? OK : __real_cred_rekey(c, id, stat, psk);
}

WRAPPED(enum err, seat_cred_drop, struct call *c, const struct req_cred_drop *req,
        struct rep_cred_drop *rep)
{
    return is_on(PLANT_removed_stays) ? OK : __real_seat_cred_drop(c, req, rep);
}

WRAPPED(enum err, move_refuse, struct call *c, const struct req_refuse *req,
        struct rep_refuse *rep)
{
    struct request r = { 0 };

    rep->state = STATE_REFUSED;
    if (is_on(PLANT_no_is_swallowed) && request_get(c, req->request, &r) == ERR_UNKNOWN)
        return OK;
    return __real_move_refuse(c, req, rep);
}

WRAPPED(enum err, ward_next, struct call *c, const struct req_epoch_next *req,
        struct rep_epoch_next *rep)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, c->who->ward, &ward));
    return is_on(PLANT_new_root_idle) && ward.root_new != 0
               ? ERR_STATE
               : __real_ward_next(c, req, rep);
}

WRAPPED(enum err, recover_all, const struct recover_in *in, struct recover_result *out,
        struct root_key *out_root)
{
    struct recover_in blind = *in;

    if (is_on(PLANT_moves_unseen))
        blind.n_moves = 0;
    return __real_recover_all(&blind, out, out_root);
}

WRAPPED(enum err, request_released_to, struct call *c, const uint8_t ward[ID_BYTES],
        const uint8_t req_sign[PUB_BYTES], bool *out)
{
    TRY(__real_request_released_to(c, ward, req_sign, out));
    *out = *out || is_on(PLANT_move_at_once);
    return OK;
}

WRAPPED(enum err, cred_new_root, struct call *c, const struct record_ward *ward,
        const uint8_t cred[ID_BYTES], struct buf *out_gone)
{
    return is_on(PLANT_old_keys_live) ? OK
                                      : __real_cred_new_root(c, ward, cred, out_gone);
}

WRAPPED(enum err, ward_confirmed, struct call *c, const uint8_t ward[ID_BYTES],
        uint32_t before, struct record_epoch *out)
{
    struct record_epoch all[EPOCHS_MAX];
    size_t n = 0;

    if (!is_on(moving != 0 ? PLANT_move_by_unconfirmed : PLANT_unconfirmed_judges))
        return __real_ward_confirmed(c, ward, before, out);
    TRY(ward_epochs(c, ward, all, &n));
    for (size_t i = n; i-- > 0;) {
        if (!ward_epoch_held(&all[i]) || (before != 0 && all[i].epoch > before) ||
            (moving != 0 && all[i].epoch != moving))
            continue;
        *out = all[i];
        return OK;
    }
    return ERR_UNKNOWN;
}

WRAPPED(enum err, txn_op_seen, struct txn *t, const uint8_t cred[ID_BYTES],
        const uint8_t op[ID_BYTES], const uint8_t hash[HASH_BYTES], struct span out,
        size_t *out_n)
{
    if (is_on(PLANT_op_again))
        return ERR_UNKNOWN;
    return __real_txn_op_seen(t, cred, op, hash, out, out_n);
}

WRAPPED(enum err, drop_serve_list, struct call *c, const struct req_drop_list *req,
        struct rep_drop_list *rep)
{
    TRY(__real_drop_serve_list(c, req, rep));
    if (is_on(PLANT_withheld) && rep->n_lines > 0)
        rep->n_lines--;
    return OK;
}

WRAPPED(enum err, kept_drop, struct call *c, struct record_vault *v,
        const uint8_t id[VAULT_ID], uint64_t version, uint64_t *io_bytes)
{
    struct record_object o = { 0 };

    TRY(__real_kept_drop(c, v, id, version, io_bytes));
    if (!is_on(PLANT_emptied) || kept_find(c, v->ward, id, &o) != OK)
        return OK;
    return kept_erase(c, v, id, &o);
}

/* All but the last is taken for very old. */
WRAPPED(enum err, record_next, struct call *c, enum store_table tab,
        const struct wire_schema *s, struct bytes prefix, struct txn_key *io_key,
        void *out)
{
    TRY(__real_record_next(c, tab, s, prefix, io_key, out));
    if (is_on(PLANT_young_goes) && tab == TAB_VAULT_MARK)
        ((struct record_mark *)out)->received = 1;
    return OK;
}

WRAPPED(enum err, kept_store, struct call *c, struct record_ward *ward,
        const struct record_vault *v)
{
    return is_on(PLANT_head_lost) && v->newest % 3 == 2 ? OK
                                                        : __real_kept_store(c, ward, v);
}

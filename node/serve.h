/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table: message × role → permission, read or write, handler, and which key the
 * message needs. Decodes, asks the table, finds repeated op ids, calls the handler,
 * encodes. Never sees a socket; what is refused has written nothing.
 *
 * A handler is enum err fn(struct call *, const struct req_x *, struct rep_x *): the
 * reply is zeroed, its slices point into the call's memory or into the request.
 */
#ifndef KITH_NODE_SERVE_H
#define KITH_NODE_SERVE_H

#include "node/drop_serve.h"
#include "node/log.h"
#include "node/time.h"

/* What a person must have at hand to send a message that is accepted. */
enum serve_key {
    NEEDS_LINK,         /* a one-time link or standing credential */
    NEEDS_CONVERSATION, /* device key, guardian's conversation key: the day box */
    NEEDS_ACCOUNT,      /* root account key: the root box */
    NEEDS_GUARDIAN,     /* guardian's signing or approval key: the root box */
    NEEDS_REQUESTER     /* the keys of a restore file or of a confirm */
};

/*
 * X(MESSAGE, struct of bodies, handler, key, log event or EV_COUNT). A message of
 * msg_rows that is not here does not compile into a server.
 */
#define SERVE_TABLE(X)                                                                   \
    X(HELLO, hello, serve_hello, NEEDS_LINK, EV_COUNT)                                   \
    X(BYE, bye, serve_bye, NEEDS_LINK, EV_COUNT)                                         \
    X(SEAT_ENROL, seat_enrol, seat_enrol, NEEDS_GUARDIAN, EV_SEAT_ENROLLED)              \
    X(SEAT_INFO, seat_info, seat_info, NEEDS_LINK, EV_COUNT)                             \
    X(SEAT_RESET, seat_reset, seat_reset, NEEDS_CONVERSATION, EV_SEAT_ENROLLED)          \
    X(CRED_NEW, cred_new, seat_cred_new, NEEDS_CONVERSATION, EV_CRED_MADE)               \
    X(CRED_LIST, cred_list, seat_cred_list, NEEDS_CONVERSATION, EV_COUNT)                \
    X(CRED_DROP, cred_drop, seat_cred_drop, NEEDS_CONVERSATION, EV_CRED_DROPPED)         \
    X(WARD_ENROL, ward_enrol, ward_enrol, NEEDS_ACCOUNT, EV_WARD_ENROLLED)               \
    X(EPOCH_NEXT, epoch_next, ward_next, NEEDS_ACCOUNT, EV_COUNT)                        \
    X(EPOCH_PREPARE, epoch_prepare, ward_prepare, NEEDS_ACCOUNT, EV_EPOCH_PREPARED)      \
    X(EPOCH_COMMIT, epoch_commit, ward_commit, NEEDS_ACCOUNT, EV_EPOCH_COMMITTED)        \
    X(EPOCH_STATE, epoch_state, move_epoch_state, NEEDS_CONVERSATION, EV_COUNT)          \
    X(RETIRE, retire, change_retire, NEEDS_ACCOUNT, EV_EPOCH_ERASED)                     \
    X(EPOCH_ABORT, epoch_abort, ward_abort, NEEDS_ACCOUNT, EV_COUNT)                     \
    X(CERT_PUT, cert_put, ward_cert_put, NEEDS_REQUESTER, EV_COUNT)                      \
    X(ROSTER_PUT, roster_put, ward_roster_put, NEEDS_ACCOUNT, EV_COUNT)                  \
    X(WARDS, wards, serve_wards, NEEDS_CONVERSATION, EV_COUNT)                           \
    X(REQUESTS, requests, request_list, NEEDS_CONVERSATION, EV_COUNT)                    \
    X(REQUEST, request, request_show, NEEDS_CONVERSATION, EV_COUNT)                      \
    X(TRY, try, request_try, NEEDS_CONVERSATION, EV_REQUEST_TRIED)                       \
    X(BOX_GET, box_get, request_box_get, NEEDS_CONVERSATION, EV_COUNT)                   \
    X(APPROVE, approve, request_approve, NEEDS_GUARDIAN, EV_REQUEST_APPROVED)            \
    X(REFUSE, refuse, move_refuse, NEEDS_CONVERSATION, EV_REQUEST_REFUSED)               \
    X(UNLOCK, unlock, request_unlock, NEEDS_GUARDIAN, EV_COUNT)                          \
    X(OPEN, open, request_open, NEEDS_LINK, EV_REQUEST_OPENED)                           \
    X(REVEAL, reveal, request_reveal, NEEDS_REQUESTER, EV_REQUEST_LIVE)                  \
    X(FETCH, fetch, request_fetch, NEEDS_REQUESTER, EV_COUNT)                            \
    X(CANCEL, cancel, request_cancel, NEEDS_REQUESTER, EV_COUNT)                         \
    X(STOP, stop, request_stop, NEEDS_CONVERSATION, EV_REQUEST_STOPPED)                  \
    X(FREEZE, freeze, ward_freeze, NEEDS_CONVERSATION, EV_COUNT)                         \
    X(PAUSE, pause, seat_pause, NEEDS_CONVERSATION, EV_COUNT)                            \
    X(WARD_END, ward_end, change_ward_end, NEEDS_CONVERSATION, EV_WARD_DROPPED)          \
    X(CLOCK, clock, time_clock, NEEDS_CONVERSATION, EV_COUNT)                            \
    X(ALERT_TEST, alert_test, drop_test, NEEDS_CONVERSATION, EV_COUNT)                   \
    X(DROP_CREATE, drop_create, drop_serve_create, NEEDS_CONVERSATION, EV_COUNT)         \
    X(DROP_PUT, drop_put, drop_serve_put, NEEDS_LINK, EV_COUNT)                          \
    X(DROP_LIST, drop_list, drop_serve_list, NEEDS_CONVERSATION, EV_COUNT)               \
    X(DROP_GET, drop_get, drop_serve_get, NEEDS_CONVERSATION, EV_COUNT)                  \
    X(DROP_ACK, drop_ack, drop_serve_ack, NEEDS_CONVERSATION, EV_COUNT)                  \
    X(DROP_WATCH, drop_watch, drop_serve_watch, NEEDS_CONVERSATION, EV_COUNT)            \
    X(DROP_CLOSE, drop_close, drop_serve_close, NEEDS_CONVERSATION, EV_COUNT)            \
    X(MOVE, move, move_serve, NEEDS_REQUESTER, EV_ROOT_MOVED)                            \
    X(CHECK, check, proof_check, NEEDS_CONVERSATION, EV_COUNT)                           \
    X(DRILL_ASK, drill_ask, proof_drill_ask, NEEDS_CONVERSATION, EV_COUNT)               \
    X(DRILL_LIST, drill_list, proof_drill_list, NEEDS_CONVERSATION, EV_COUNT)            \
    X(DRILL_ANSWER, drill_answer, proof_drill_answer, NEEDS_GUARDIAN, EV_COUNT)          \
    X(VAULT_HAVE, vault_have, vault_serve_have, NEEDS_CONVERSATION, EV_COUNT)            \
    X(VAULT_PUT, vault_put, vault_serve_put, NEEDS_CONVERSATION, EV_COUNT)               \
    X(VAULT_GET, vault_get, vault_serve_get, NEEDS_CONVERSATION, EV_COUNT)               \
    X(HEAD_GET, head_get, vault_serve_head_get, NEEDS_CONVERSATION, EV_COUNT)            \
    X(HEAD_SET, head_set, vault_serve_head_set, NEEDS_CONVERSATION, EV_COUNT)

/*
 * Finds who calls: one-time and standing credentials by id, enrolled ones by role and
 * static key. Fills *out (but for handshake) and *out_psk (secret memory). Any failure
 * is one to the peer: go on with a random psk, so that it fails alike. ERR_UNKNOWN:
 * none, another key's, or revoked; ERR_EXPIRED; ERR_CORRUPT, ERR_IO.
 */
enum err serve_credential(struct txn *t, const struct node_env *env, uint64_t now,
                          enum role role, const uint8_t id[ID_BYTES],
                          const uint8_t stat[PUB_BYTES], struct session *out,
                          struct psk *out_psk);
/*
 * What a node answers to a spoken id, and the key its gate must be made with (secret).
 * ERR_UNKNOWN: none, or used; ERR_EXPIRED; ERR_CORRUPT, ERR_IO. All are one to the peer.
 */
enum err serve_spoken(struct txn *t, const struct node_env *env, uint64_t now,
                      const uint8_t spoken_id[ID_BYTES], uint8_t out_gate[KEY_BYTES],
                      uint8_t out_answer[SPOKEN_ANSWER]);
/*
 * After message 3 verified, when who->unbound: binds a one-time credential to the
 * caller's static key; erases the invite or link of a key that works. A write; doing it
 * again is fine. ERR_UNKNOWN: another key was faster.
 */
enum err serve_bound(struct txn *t, const struct session *who, const struct node_env *env,
                     uint64_t now);

/*
 * Serves one message in one transaction. The body of the reply or error is appended to
 * out, its kind to *out_kind. What it returns is what the store's job returns: unless
 * OK, nothing may be written. If the commit fails afterwards: empty out, serve_failed.
 */
enum err serve_handle(struct txn *t, const struct session *who,
                      const struct node_env *env, uint64_t now, uint16_t kind,
                      struct bytes body, struct buf *out, uint16_t *out_kind);
/* Appends the error body for a message whose commit failed, or that was never tried. */
void serve_failed(enum err why, enum msg_outcome outcome, struct buf *out,
                  uint16_t *out_kind);
/* MSG_READ, MSG_WRITE; ERR_UNKNOWN: no such message. Which thread may serve it. */
enum err serve_access(uint16_t kind, enum msg_access *out);
/* The key that message needs; ERR_UNKNOWN. */
enum err serve_needs(uint16_t kind, enum serve_key *out);
/* One line of the log for a message that is done; err: how it ended. */
void serve_log(const struct session *who, uint16_t kind, enum err result);

/*
 * What a DROP_WATCH of who waits for. OK and *out_ready false: hold it until
 * serve_watch_ready, or its time is over, and then serve it; else serve it now.
 */
enum err serve_watch(struct txn *t, const struct session *who, const struct node_env *env,
                     uint64_t now, struct bytes body, struct drop_watch *out,
                     bool *out_ready);
/* True if there is something to say to it. */
bool serve_watch_ready(struct txn *t, const struct node_env *env,
                       const struct drop_watch *w);
/* Now and then, as a write of its own: drop_serve_tick, vault_serve_tick; *out_more:
 * again. */
enum err serve_tick_drops(struct txn *t, const struct node_env *env, uint64_t now,
                          bool *out_more);

/* Each minute, as a write: request_tick; *out_more: call again. */
enum err serve_tick(struct txn *t, const struct node_env *env, uint64_t now,
                    bool *out_more);
/* Each minute, and when the clock froze, as a write: time_keep. */
enum err serve_keep(struct txn *t, const struct node_env *env, uint64_t now,
                    const struct timekeeper *k);
/* Then, as writes, until *out_more is false: time_tell. */
enum err serve_tell(struct txn *t, const struct node_env *env, uint64_t now,
                    bool *out_more);
/* On loading a backup, as writes until *out_more is false; *io_at is zero first. */
enum err serve_loaded(struct txn *t, const struct node_env *env, uint64_t now,
                      struct txn_key *io_at, bool *out_more);
/* Deposits the credential of an operator link; for main. */
enum err serve_operator_link(struct txn *t, const struct node_env *env, uint64_t now,
                             const struct credential *link);

#endif

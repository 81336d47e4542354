/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message table: number, name, roles, read or write, size limits, fields. Every
 * body is a canonical map (proto/wire); key 1 of a write is its op id, so that
 * asking again is always safe. Encoders, decoders, permission checks, fuzz seeds and
 * the tables of docs/PROTOCOL.md come from here.
 */
#ifndef KITH_PROTO_MSG_H
#define KITH_PROTO_MSG_H

#include "proto/bytes.h"
#include "proto/cert.h"
#include "proto/drop.h"
#include "proto/err.h"
#include "proto/piece.h"
#include "proto/vault.h"
#include "proto/wire.h"

/* Who speaks: the first byte of message 1's payload. */
enum role {
    ROLE_INVITE = 1,    /* one-time: enrols a ward */
    ROLE_OWNER = 2,     /* root account key */
    ROLE_DEVICE = 3,    /* an unlocked device of the owner */
    ROLE_GUARDIAN = 4,  /* a guardian's conversation key */
    ROLE_RESTORE = 5,   /* restore link or standing credential: may open */
    ROLE_REQUESTER = 6, /* who opened a request */
    ROLE_DEPOSITOR = 7, /* standing: may put into one drop */
    ROLE_OPERATOR = 8   /* one-time: operator or seat link, enrols a seat */
};

/* Bit of a role in a permission mask. */
#define MAY(role) (1U << (role))
#define MAY_ALL                                                                          \
    (MAY(ROLE_INVITE) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) |        \
     MAY(ROLE_RESTORE) | MAY(ROLE_REQUESTER) | MAY(ROLE_DEPOSITOR) | MAY(ROLE_OPERATOR))
#define MAY_READ_DROP                                                                    \
    (MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN) | MAY(ROLE_REQUESTER))
#define MAY_HOLD_DROP (MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_GUARDIAN))

/* Kinds of credentials: CRED_NEW's type. */
enum cred_type {
    CRED_INVITE = 1,
    CRED_RESTORE = 2,
    CRED_SEAT = 3,
    CRED_OPERATOR = 4, /* drawn by kithd only */
    CRED_OWNER = 5,    /* by WARD_ENROL only */
    CRED_DEVICE = 6,
    CRED_GUARDIAN = 7, /* by SEAT_ENROL only */
    CRED_ROSTER = 8,
    CRED_SHEET = 9,
    CRED_REQUESTER = 10, /* by OPEN only */
    CRED_DEPOSIT = 11    /* by DROP_CREATE only */
};

enum { SPOKEN_ANSWER_MAX = 256 };

enum msg_access { MSG_READ, MSG_WRITE };

enum msg_outcome { OUTCOME_DONE = 1, OUTCOME_NOT_DONE = 2, OUTCOME_UNKNOWN = 3 };

enum { MSG_REPLY = 0x8000, MSG_ERROR = 0x8000 };

/*
 * X(NUMBER, NAME, struct, roles, access, most bytes of request, of reply, "what it does")
 * The request is struct req_<struct>, the reply struct rep_<struct>.
 */
#define MSG_TABLE(X)                                                                     \
    X(1, HELLO, hello, MAY_ALL, READ, 64, 512, "versions, time, limits")                 \
    X(2, BYE, bye, MAY_ALL, READ, 16, 16, "ends a conversation")                         \
    X(10, SEAT_ENROL, seat_enrol, MAY(ROLE_OPERATOR) | MAY(ROLE_GUARDIAN), WRITE, 512,   \
      64, "a guardian takes a seat, or says anew how its keys are kept")                 \
    X(11, SEAT_INFO, seat_info, MAY(ROLE_INVITE) | MAY(ROLE_RESTORE) | MAY(ROLE_OWNER),  \
      READ, 16, 2048, "whose seat this is")                                              \
    X(12, CRED_NEW, cred_new, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER), WRITE, 768, 64,      \
      "deposits a credential")                                                           \
    X(13, CRED_LIST, cred_list, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER), READ, 64, 8192,    \
      "lists credentials")                                                               \
    X(14, CRED_DROP, cred_drop, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER), WRITE, 64, 16,     \
      "revokes a credential")                                                            \
    X(15, SEAT_RESET, seat_reset, MAY(ROLE_GUARDIAN), WRITE, 768, 64,                    \
      "new guardian keys after a forgotten passphrase")                                  \
    X(20, WARD_ENROL, ward_enrol, MAY(ROLE_INVITE), WRITE, 4096, 64,                     \
      "an owner becomes a ward")                                                         \
    X(30, EPOCH_NEXT, epoch_next, MAY(ROLE_OWNER), WRITE, 128, 256,                      \
      "a fresh acknowledgement key, and who the new list of guardians lets in")          \
    X(31, EPOCH_PREPARE, epoch_prepare, MAY(ROLE_OWNER), WRITE, 45056, 1024,             \
      "stores an epoch beside the active one")                                           \
    X(32, EPOCH_COMMIT, epoch_commit, MAY(ROLE_OWNER), WRITE, 128, 1024,                 \
      "makes the prepared epoch active")                                                 \
    X(33, EPOCH_STATE, epoch_state,                                                      \
      MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_REQUESTER) | MAY(ROLE_GUARDIAN),     \
      READ, 64, 40960, "which epochs are held, and what proves them")                    \
    X(34, RETIRE, retire, MAY(ROLE_OWNER), WRITE, 64512, 64,                             \
      "erases the epochs before a confirmed one, when its time has come")                \
    X(35, EPOCH_ABORT, epoch_abort, MAY(ROLE_OWNER), WRITE, 64, 16,                      \
      "takes a prepared epoch back")                                                     \
    X(36, CERT_PUT, cert_put, MAY(ROLE_OWNER) | MAY(ROLE_REQUESTER), WRITE, 40960, 64,   \
      "shows that the guardians confirmed an epoch")                                     \
    X(37, CHECK, check, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), READ, 4096, 512,             \
      "proves that all is still there")                                                  \
    X(38, WARD_END, ward_end, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER), WRITE, 40960, 512,   \
      "gives a ward up, or ends a circle here")                                          \
    X(39, ROSTER_PUT, roster_put, MAY(ROLE_OWNER), WRITE, 16640, 64,                     \
      "keeps a newer list of guardians beside the sealed one")                           \
    X(40, WARDS, wards, MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), READ,   \
      64, 49152, "wards of a seat, or one's own")                                        \
    X(41, REQUESTS, requests,                                                            \
      MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_REQUESTER),     \
      READ, 64, 16384, "requests, in short")                                             \
    X(42, REQUEST, request,                                                              \
      MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE) | MAY(ROLE_REQUESTER),     \
      READ, 64, 8192, "one request, whole")                                              \
    X(43, TRY, try, MAY(ROLE_GUARDIAN), WRITE, 64, 64,                                   \
      "counts a try before it is judged")                                                \
    X(44, BOX_GET, box_get, MAY(ROLE_GUARDIAN), READ, 64, 24576,                         \
      "the boxes of one epoch")                                                          \
    X(45, APPROVE, approve, MAY(ROLE_GUARDIAN), WRITE, 20480, 64,                        \
      "statement and re-sealed boxes")                                                   \
    X(46, REFUSE, refuse, MAY(ROLE_GUARDIAN), WRITE, 64, 16, "says no")                  \
    X(47, UNLOCK, unlock, MAY(ROLE_GUARDIAN), WRITE, 192, 64, "gives new tries")         \
    X(50, OPEN, open, MAY(ROLE_RESTORE) | MAY(ROLE_OWNER), WRITE, 4096, 2048,            \
      "begins a request")                                                                \
    X(51, REVEAL, reveal, MAY(ROLE_RESTORE) | MAY(ROLE_REQUESTER) | MAY(ROLE_OWNER),     \
      WRITE, 128, 64, "shows the nonce; the request becomes live")                       \
    X(52, FETCH, fetch, MAY(ROLE_REQUESTER) | MAY(ROLE_OWNER), WRITE, 64, 49152,         \
      "what is due")                                                                     \
    X(53, CANCEL, cancel, MAY(ROLE_REQUESTER), WRITE, 64, 16, "takes a request back")    \
    X(60, STOP, stop, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), WRITE, 64, 64,                 \
      "stops a request")                                                                 \
    X(62, PAUSE, pause, MAY(ROLE_GUARDIAN), WRITE, 64, 16, "the guardian is away")       \
    X(63, FREEZE, freeze, MAY(ROLE_GUARDIAN), WRITE, 64, 16,                             \
      "no change by the owner's keys for a while")                                       \
    X(64, MOVE, move, MAY(ROLE_OWNER) | MAY(ROLE_REQUESTER), WRITE, 36864, 64,           \
      "a new root for the circle, by the people who guard it")                           \
    X(65, CLOCK, clock, MAY(ROLE_GUARDIAN), WRITE, 64, 64,                               \
      "asks for or confirms the node's time")                                            \
    X(66, ALERT_TEST, alert_test, MAY_HOLD_DROP, WRITE, 32, 16, "puts a test alert")     \
    X(70, DROP_CREATE, drop_create, MAY_HOLD_DROP, WRITE, 768, 512, "makes a drop")      \
    X(71, DROP_PUT, drop_put, MAY_HOLD_DROP | MAY(ROLE_DEPOSITOR), WRITE, 16896, 512,    \
      "puts a blob into a drop")                                                         \
    X(72, DROP_LIST, drop_list, MAY_READ_DROP, READ, 64, 32768, "entries and heads")     \
    X(73, DROP_GET, drop_get, MAY_READ_DROP, READ, 64, 16640, "one entry, whole")        \
    X(74, DROP_ACK, drop_ack, MAY_READ_DROP, WRITE, 192, 16,                             \
      "a reader has seen it so far")                                                     \
    X(75, DROP_WATCH, drop_watch, MAY_READ_DROP, READ, 64, 64,                           \
      "answers when there is something new")                                             \
    X(76, DROP_CLOSE, drop_close, MAY_HOLD_DROP, WRITE, 64, 16, "ends a drop")           \
    X(80, DRILL_ASK, drill_ask, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), WRITE, 128, 64,      \
      "asks the guardian to open the piece once")                                        \
    X(81, DRILL_LIST, drill_list,                                                        \
      MAY(ROLE_GUARDIAN) | MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), READ, 64, 20480,          \
      "drills asked for and answered")                                                   \
    X(82, DRILL_ANSWER, drill_answer, MAY(ROLE_GUARDIAN), WRITE, 256, 64,                \
      "the piece key's signature over the challenge")                                    \
    X(90, VAULT_HAVE, vault_have, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), READ, 49152,       \
      49152, "which of these objects the node has, or which there are")                  \
    X(91, VAULT_PUT, vault_put, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), WRITE, 61440, 64,    \
      "stores objects")                                                                  \
    X(92, VAULT_GET, vault_get, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), READ, 4096, 61440,   \
      "objects, as many as fit")                                                         \
    X(93, HEAD_GET, head_get, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), READ, 64, 16384,       \
      "a head of the vault, and the witness beside it")                                  \
    X(94, HEAD_SET, head_set, MAY(ROLE_OWNER) | MAY(ROLE_DEVICE), WRITE, 64512, 64,      \
      "a new head, in place of the one it names")

enum msg_kind {

#define MSG_ENUM(num, name, st, roles, access, in, out, what) MSG_##name = (num),
    MSG_TABLE(MSG_ENUM)
#undef MSG_ENUM
};

/* ---- bodies; every field's bounds stand in msg.c's tables ---- */

struct rep_error {
    uint16_t code; /* err_wire */
    uint32_t retry_ms;
    uint8_t outcome; /* enum msg_outcome */
};

struct req_hello {
    uint8_t version; /* 1 */
};

struct rep_hello {
    uint8_t version;
    uint8_t node_sign[PUB_BYTES];
    uint8_t incarnation[ID_BYTES];
    uint8_t log_head[HASH_BYTES];
    uint64_t log_seq;
    uint64_t time;  /* Unix seconds */
    uint8_t frozen; /* 1: its clock waits for a person */
};

struct req_bye {
    uint8_t reserved;
};

struct rep_bye {
    uint8_t reserved;
};

struct req_seat_enrol {
    uint8_t op[ID_BYTES];
    uint8_t sign_pub[PUB_BYTES];
    uint8_t seal_pub[PUB_BYTES];
    uint8_t enrol_sig[SIG_BYTES]; /* seat_enrol_sign */
    uint8_t keys_sig[SIG_BYTES];  /* seat_keys_sign */
    uint8_t stat[PUB_BYTES];      /* the guardian's Noise static for this seat */
    uint8_t psk[KEY_BYTES];
    uint8_t unlocked; /* 1: no passphrase locks these keys in the guardian's home */
};

struct rep_seat_enrol {
    uint8_t seat[ID_BYTES];
};

struct req_seat_info {
    uint8_t reserved;
};

struct rep_seat_info {
    uint8_t seat[ID_BYTES];
    uint8_t sign_pub[PUB_BYTES];
    uint8_t seal_pub[PUB_BYTES];
    uint8_t keys_sig[SIG_BYTES];
    uint8_t ward[ID_BYTES];          /* zero for an invite not yet used */
    uint8_t invite[ID_BYTES];        /* the invite this ward came by */
    uint8_t approval[PUB_BYTES];     /* the guardian's key for this ward */
    uint8_t approval_sig[SIG_BYTES]; /* approval_sign */
    uint32_t n_addresses;
    struct roster_address addresses[ADDRESSES_MAX]; /* what the node advertises */
    uint8_t unlocked; /* 1: as in SEAT_ENROL, by the guardian's last word */
};

struct req_cred_new {
    uint8_t op[ID_BYTES];
    uint8_t type;           /* enum cred_type */
    uint8_t ward[ID_BYTES]; /* guardian: for RESTORE, whose; else absent */
    uint8_t id[ID_BYTES];
    uint8_t psk[KEY_BYTES];
    uint8_t stat[PUB_BYTES];         /* DEVICE: its Noise static */
    uint8_t sign[PUB_BYTES];         /* DEVICE: its Ed25519 key */
    uint8_t approval[PUB_BYTES];     /* INVITE */
    uint8_t approval_sig[SIG_BYTES]; /* INVITE */
    uint64_t expires;                /* Unix seconds; 0 never (standing ones) */
    uint8_t spoken_id[ID_BYTES];     /* RESTORE with a spoken form: what a caller shows */
    uint8_t spoken_gate[KEY_BYTES];  /* key of the gate of such a hello */
    struct bytes spoken_answer;      /* node key and credential, sealed */
};

struct rep_cred_new {
    uint8_t id[ID_BYTES];
};

struct req_cred_list {
    uint8_t after[ID_BYTES]; /* continue behind this id */
};

struct cred_line {
    uint8_t id[ID_BYTES];
    uint8_t type;
    uint8_t ward[ID_BYTES];
    uint64_t expires;
    uint8_t bound; /* 1: a key used it already */
};

struct rep_cred_list {
    uint32_t n_creds;
    struct cred_line creds[64];
    uint8_t more; /* 1: ask again behind the last */
};

struct req_cred_drop {
    uint8_t op[ID_BYTES];
    uint8_t id[ID_BYTES];
};

struct rep_cred_drop {
    uint8_t reserved;
};

struct req_ward_enrol {
    uint8_t op[ID_BYTES];
    uint8_t account_sign[PUB_BYTES]; /* Ed25519: signs descriptors */
    uint8_t stat[PUB_BYTES];         /* Noise static of the root account */
    uint8_t psk[KEY_BYTES];
    struct bytes note; /* note_seal */
};

struct rep_ward_enrol {
    uint8_t ward[ID_BYTES];
};

struct req_epoch_next {
    uint8_t op[ID_BYTES];
    uint32_t epoch;
    uint8_t roster_id[ID_BYTES];   /* as CRED_NEW of CRED_ROSTER would; zero: none */
    uint8_t roster_psk[KEY_BYTES]; /* secret */
};

struct rep_epoch_next {
    uint8_t ack[PUB_BYTES];
    uint8_t sig[SIG_BYTES]; /* ack_key_sign by the previous key, or the node's */
};

struct req_epoch_prepare {
    uint8_t op[ID_BYTES];
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t group;
    uint8_t index;
    struct bytes box_piece;
    struct bytes box_roster;
    struct bytes manifest; /* sealed */
    struct bytes roster;   /* sealed */
    struct bytes descriptor;
    uint32_t hold;
    uint32_t stop_hold;
    uint8_t roster_mode; /* enum roster_mode */
};

/* The signed ACK; it is also the op's stored result. */
struct rep_epoch_prepare {
    struct bytes ack;
};

struct req_epoch_commit {
    uint8_t op[ID_BYTES];
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
};

struct rep_epoch_commit {
    struct bytes ack;
};

/* Of EPOCH_STATE: what proves the newest confirmed epoch, or the newest root. */
enum epoch_want { EPOCH_WANT_CERT = 1, EPOCH_WANT_MOVE = 2 };

struct req_epoch_state {
    uint8_t want;           /* enum epoch_want; 0: no proof */
    uint8_t ward[ID_BYTES]; /* guardian: which; else absent */
};

struct epoch_line {
    uint32_t epoch;
    uint8_t state; /* enum epoch_state */
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t confirmed; /* 1: by the rule of confirmed epochs, as this node knows it */
    struct bytes ack;  /* signed now, under that epoch's acknowledgement key */
    uint8_t perhaps;   /* 1: the node came from a backup; perhaps this was retired */
};

struct rep_epoch_state {
    uint32_t n_epochs;
    struct epoch_line epochs[EPOCHS_MAX];
    uint32_t cert_epoch; /* newest epoch that a certificate was shown for; 0 none */
    uint8_t cert_hash[HASH_BYTES]; /* its manifest hash */
    struct bytes proof;  /* what was wanted: that certificate of people, or move_proof */
    uint32_t retire_to;  /* epochs before this one go, */
    uint64_t retire_due; /* Unix seconds, at the earliest; 0 nothing planned */
    uint64_t move_due;   /* when it takes over here; 0: it did, or there is none */
    uint64_t end_due;    /* all of it goes then; 0 not planned */
    uint32_t retired;    /* newest epoch that was erased by RETIRE; 0 none */
};

/* Of RETIRE, MOVE and WARD_END: now, or planned. */
enum plan_state { PLAN_DONE = 1, PLAN_WAITS = 2 };

struct req_retire {
    uint8_t op[ID_BYTES];
    uint32_t epoch; /* all before it go */
    uint8_t manifest_hash[HASH_BYTES];
    struct bytes machines; /* cert_machines: COMMITTED acknowledgements of that epoch */
    struct bytes people;   /* cert_people: confirmations of that epoch */
    uint8_t req_sign[PUB_BYTES]; /* of a restore this node released: then at once, */
    uint8_t sig[SIG_BYTES];      /* retire_sign; else absent */
};

struct rep_retire {
    uint8_t state; /* enum plan_state */
    uint64_t due;  /* Unix seconds; when it waits */
    uint8_t own;   /* 1: judged by this seat's own guardian and one more: 30 d */
};

struct req_epoch_abort {
    uint8_t op[ID_BYTES];
    uint32_t epoch;
};

struct rep_epoch_abort {
    uint8_t reserved;
};

struct req_cert_put {
    uint8_t op[ID_BYTES];
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    struct bytes people; /* cert_people, by the newest confirmed epoch's keys here */
};

struct rep_cert_put {
    uint8_t held; /* 1: the node has that epoch, and it is active and confirmed now */
};

/* The active epoch's; sealed under its roster key and bound to its manifest. */
struct req_roster_put {
    uint8_t op[ID_BYTES];
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    struct bytes roster; /* sealed */
};

struct rep_roster_put {
    uint8_t stored[HASH_BYTES]; /* roster_stored, over what was read back */
};

enum { CHECK_OBJECTS = 64 };

struct req_check {
    uint8_t nonce[32];
    uint32_t epoch;   /* 0: only the vault */
    struct bytes ids; /* of vault objects, up to CHECK_OBJECTS * VAULT_ID */
};

/* check_digest: keyed with the nonce over what is stored, read now. */
struct rep_check {
    uint8_t epoch[HASH_BYTES];   /* over the five objects of PREPARE */
    uint8_t head[HASH_BYTES];    /* over the newest vault head; of nothing where none */
    uint8_t objects[HASH_BYTES]; /* over the objects in the order asked */
    struct bytes missing;        /* bit i: it does not have the i-th; absent: none */
    uint64_t time;
    uint8_t
        list[HASH_BYTES]; /* over the newest list of guardians put since (ROSTER_PUT) */
};

struct req_wards {
    uint8_t after[ID_BYTES];
};

struct ward_line {
    uint8_t ward[ID_BYTES];
    uint8_t invite[ID_BYTES];
    struct bytes note;
    uint64_t enrolled;
    uint32_t epoch; /* active epoch; 0 none yet */
    uint32_t hold;
    uint32_t stop_hold;
    uint64_t confirmed;     /* when its guardian confirmed it; 0 never */
    uint32_t requests;      /* not final */
    uint64_t frozen;        /* until then; 0 not */
    uint32_t stops;         /* that count now */
    uint64_t stops_end;     /* requests run the stop hold until then; 0 not */
    uint64_t left;          /* when its guardian gave it up; 0 not */
    uint64_t move_due;      /* a new root takes over then; 0 none waits */
    uint8_t move[ID_BYTES]; /* names it, for REFUSE: the first bytes of its hash */
    uint64_t moved;         /* when a new root took over; 0 never */
    uint64_t end_due;       /* its owner ends the circle here then, and did so if it left;
                               0 not */
    uint64_t drill;         /* the owner asked for a drill then; 0 none waits */
    uint64_t newer; /* since then people are known to have confirmed a later epoch than
                       any that is held here; 0: none */
};

struct rep_wards {
    uint64_t paused;  /* the guardian is away until then; 0 not */
    uint64_t reset;   /* when the guardian got new keys; 0 never */
    uint8_t unlocked; /* 1: as in SEAT_ENROL, by the guardian's last word */
    uint32_t n_wards;
    struct ward_line wards[14]; /* with the longest notes they fit */
    uint8_t more;
};

struct req_requests {
    uint8_t all; /* 1: final ones of the last 90 days too */
    uint8_t after[ID_BYTES];
};

/* What is worth a word beside a request's state. */
enum request_flag {
    REQUEST_DESPITE = 1,    /* approved despite a stop */
    REQUEST_WENT_BACK = 2,  /* the node was loaded from a backup: the hold ran anew */
    REQUEST_INTRODUCED = 4, /* came through the list of guardians */
    REQUEST_AWAY = 8,       /* the guardian said to be away for a while */
    REQUEST_NOTED = 16,     /* a stop came that changed nothing any more */
    REQUEST_STOPS = 32,     /* a stop counts: stop hold, and only an explicit yes */
    REQUEST_SHEET = 64,     /* came by a circle sheet */
    REQUEST_FLAGS = 127
};

struct request_line {
    uint8_t request[ID_BYTES];
    uint8_t kind;
    uint8_t purpose;
    uint8_t ward[ID_BYTES];
    uint8_t state; /* enum request_state */
    uint64_t opened;
    uint64_t approved;
    uint64_t opens; /* before approval: the earliest possible */
    uint64_t expires;
    uint8_t tries_left;
    uint32_t stops;   /* all of them, also those that changed nothing */
    uint64_t stopped; /* when the last one came that counted; 0 never */
    uint64_t ended;   /* when it became final; 0 not */
    uint8_t flags;    /* REQUEST_… bits below */
};

struct rep_requests {
    uint32_t n_requests;
    struct request_line requests[32];
    uint8_t more;
};

struct req_request {
    uint8_t request[ID_BYTES];
};

struct rep_request {
    uint32_t n_line; /* always 1 */
    struct request_line line[1];
    struct bytes view; /* signed */
    uint8_t nonce[32];
    uint8_t commitment[HASH_BYTES];
    uint8_t req_static[PUB_BYTES];
    uint8_t req_seal[PUB_BYTES];
    uint8_t req_sign[PUB_BYTES];
    struct bytes claimed;          /* the requester's own words */
    struct bytes introduction;     /* came through the roster, by whom */
    uint8_t introducer[PUB_BYTES]; /* approval key that signed it */
    uint8_t invite[ID_BYTES];      /* of the ward: names the approval key */
};

struct req_try {
    uint8_t op[ID_BYTES];
    uint8_t request[ID_BYTES];
};

struct rep_try {
    uint8_t tries_left;
};

struct req_box_get {
    uint8_t request[ID_BYTES];
    uint32_t epoch;
};

struct rep_box_get {
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t group;
    uint8_t index;
    struct bytes box_piece;
    struct bytes box_roster;
    struct bytes manifest;   /* sealed */
    struct bytes descriptor; /* what the node judges certificates by */
};

struct approve_box {
    uint32_t epoch;
    struct bytes box; /* release_seal */
};

struct req_approve {
    uint8_t op[ID_BYTES];
    uint8_t request[ID_BYTES];
    uint8_t try_op[ID_BYTES]; /* the newest TRY */
    struct bytes statement;
    uint32_t n_boxes;
    struct approve_box boxes[EPOCHS_MAX];
    struct bytes roster_box;   /* release_roster_seal, newest epoch */
    struct bytes introduction; /* released with the roster */
    uint8_t despite; /* 1: the guardian knows of a stop and says yes all the same */
    uint32_t stops;  /* of this request, that the guardian was shown */
};

struct rep_approve {
    uint8_t state;
    uint64_t opens;
};

struct req_refuse {
    uint8_t op[ID_BYTES];
    uint8_t request[ID_BYTES];
};

struct rep_refuse {
    uint8_t state;
};

struct req_unlock {
    uint8_t op[ID_BYTES];
    uint8_t request[ID_BYTES];
    uint8_t sig[SIG_BYTES]; /* unlock_sign */
};

struct rep_unlock {
    uint8_t tries_left;
};

struct req_open {
    uint8_t op[ID_BYTES];
    uint8_t kind;
    uint8_t purpose;
    uint8_t subject[32];
    uint8_t stat[PUB_BYTES];
    uint8_t psk[KEY_BYTES];
    uint8_t seal[PUB_BYTES];
    uint8_t sign[PUB_BYTES];
    uint8_t commitment[HASH_BYTES];
    struct bytes claimed;
    struct bytes introduction;
};

struct rep_open {
    struct bytes view; /* signed */
};

struct req_reveal {
    uint8_t op[ID_BYTES];
    uint8_t request[ID_BYTES];
    uint8_t nonce[32];
};

struct rep_reveal {
    uint8_t state;
};

/* The list the epoch was sealed with; those that ROSTER_PUT put beside it since. */
enum roster_which { ROSTER_SEALED = 0, ROSTER_LATER = 1, ROSTER_FORMER = 2 };

struct req_fetch {
    uint8_t op[ID_BYTES];
    uint8_t request[ID_BYTES];
    uint32_t epoch; /* 0: state, statement, roster; else that epoch's box and manifest */
    uint8_t roster; /* enum roster_which; with epoch 0 */
};

struct rep_fetch {
    uint8_t state;
    uint64_t approved;
    uint64_t opens;
    uint64_t expires;
    uint8_t tries_left;
    uint8_t roster_hash[HASH_BYTES]; /* manifest hash the roster is bound to */
    struct bytes roster;             /* sealed; at the first approval or with the piece */
    struct bytes roster_box;
    struct bytes introduction;
    struct bytes statement;
    struct bytes receipt; /* release_receipt of the epoch asked for */
    struct bytes box;
    struct bytes manifest; /* sealed */
    uint8_t flags;         /* REQUEST_… bits below */
};

struct req_cancel {
    uint8_t op[ID_BYTES];
    uint8_t request[ID_BYTES];
};

struct rep_cancel {
    uint8_t state;
};

struct req_seat_reset {
    uint8_t op[ID_BYTES];
    uint8_t sign_pub[PUB_BYTES]; /* the new guardian keys, and signatures as SEAT_ENROL */
    uint8_t seal_pub[PUB_BYTES];
    uint8_t enrol_sig[SIG_BYTES];
    uint8_t keys_sig[SIG_BYTES];
    uint8_t stat[PUB_BYTES]; /* conversation keys at the new seat */
    uint8_t psk[KEY_BYTES];
    uint8_t old_stat[PUB_BYTES]; /* and at the old one */
    uint8_t old_psk[KEY_BYTES];
    uint8_t unlocked; /* 1: as in SEAT_ENROL, of the new keys */
};

struct rep_seat_reset {
    uint8_t seat[ID_BYTES]; /* the new one; the old one keeps its wards */
};

struct req_ward_end {
    uint8_t op[ID_BYTES];
    uint8_t ward[ID_BYTES];
    struct bytes people; /* owner: cert_people of purpose end; the guardian needs none */
    uint8_t cancel;      /* owner: 1: what was planned here is not to be; no people */
};

struct rep_ward_end {
    uint64_t left;        /* Unix seconds; 0: it waits */
    uint64_t due;         /* Unix seconds; when it waits, or was due by that order */
    struct bytes receipt; /* ended_receipt, once it is done */
};

struct req_move {
    uint8_t op[ID_BYTES];
    struct bytes move;   /* move_make */
    struct bytes people; /* cert_people: kind move, or restore with receipts */
    uint8_t account_sign[PUB_BYTES]; /* the new root's account at this seat */
    uint8_t stat[PUB_BYTES];
    uint8_t psk[KEY_BYTES];
    uint8_t sig[SIG_BYTES]; /* move_account_sign, by the key that signed the MOVE */
};

struct rep_move {
    uint8_t state; /* enum plan_state */
    uint64_t due;  /* Unix seconds; when it waits */
};

struct req_drill_ask {
    uint8_t op[ID_BYTES];
    uint32_t epoch;
    uint8_t challenge[32];
};

struct rep_drill_ask {
    uint64_t asked;
};

struct req_drill_list {
    uint8_t ward[ID_BYTES]; /* guardian: that one, with its box; absent: all */
};

struct drill_line {
    uint8_t ward[ID_BYTES];
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t challenge[32];
    uint64_t asked;
    uint64_t answered;      /* when the guardian did; 0 not yet */
    uint64_t time;          /* as signed */
    uint8_t sig[SIG_BYTES]; /* drill_sign */
    uint64_t reset;         /* rep_wards.reset as it was at the first answer; 0 none */
};

struct rep_drill_list {
    uint32_t n_lines;
    struct drill_line lines[32];
    uint8_t group;
    uint8_t index;
    struct bytes box_piece; /* guardian and one ward */
    struct bytes manifest;  /* sealed */
};

struct req_drill_answer {
    uint8_t op[ID_BYTES];
    uint8_t ward[ID_BYTES];
    uint8_t challenge[32];
    uint64_t time;
    uint8_t sig[SIG_BYTES];
};

struct rep_drill_answer {
    uint64_t answered;
};

struct req_stop {
    uint8_t op[ID_BYTES];
    uint8_t request[ID_BYTES];
};

struct rep_stop {
    uint8_t state;
    uint8_t counted; /* 1: the request starts again; 0: only recorded */
    uint32_t stops;
    uint64_t opens; /* the earliest possible now */
};

struct req_pause {
    uint8_t op[ID_BYTES];
    uint64_t until; /* Unix seconds; 0: back */
};

struct rep_pause {
    uint64_t until;
};

struct req_freeze {
    uint8_t op[ID_BYTES];
    uint8_t ward[ID_BYTES];
};

struct rep_freeze {
    uint64_t until;
};

struct req_clock {
    uint8_t op[ID_BYTES];
    uint64_t confirm; /* the time it is, Unix seconds; 0: only asks */
};

struct rep_clock {
    uint64_t time;  /* as the node counts it */
    uint64_t wall;  /* as its machine tells it */
    uint8_t frozen; /* 1: holds wait for a person */
    uint8_t why;    /* enum clock_why */
};

/* Why a node's holds stand still. Also stored: numbers are frozen. */
enum clock_why {
    CLOCK_FINE = 0,     /* they do not */
    CLOCK_UNSYNCED = 1, /* it started before its kernel knew the time */
    CLOCK_STEPPED = 2,  /* its clock jumped forward by more than an hour */
    CLOCK_LONG_OFF = 3, /* it was away for more than 30 days */
    CLOCK_BEHIND = 4    /* its clock shows an earlier time than it once did */
};

struct req_alert_test {
    uint8_t op[ID_BYTES];
};

struct rep_alert_test {
    uint64_t seq;
};

struct drop_key {
    uint8_t key[PUB_BYTES];
};

enum { DROP_KEYS = 8, DROP_READERS = 8, DROP_WATCH_S = 240 };

struct req_drop_create {
    uint8_t op[ID_BYTES];
    uint8_t rule; /* enum drop_rule */
    uint32_t n_keys;
    struct drop_key keys[DROP_KEYS]; /* DROP_RULE_KEYS */
    uint8_t id[ID_BYTES];            /* DROP_RULE_TOKEN: the depositor's credential */
    uint8_t psk[KEY_BYTES];
    uint32_t keep;  /* seconds an entry stays */
    uint32_t blobs; /* most entries */
};

struct rep_drop_create {
    uint8_t drop[ID_BYTES];
    struct bytes receipt; /* drop_receipt */
};

struct req_drop_put {
    uint8_t op[ID_BYTES];
    uint8_t drop[ID_BYTES];
    struct bytes blob;
    uint8_t key[PUB_BYTES]; /* DROP_RULE_KEYS: whose, */
    uint8_t sig[SIG_BYTES]; /* and drop_blob_sign */
};

struct rep_drop_put {
    struct bytes receipt; /* drop_receipt */
};

struct req_drop_list {
    uint8_t which;          /* enum drop_which */
    uint8_t drop[ID_BYTES]; /* DROP_BY_ID */
    uint64_t after;         /* entries behind this sequence */
};

struct drop_line {
    uint64_t seq;
    uint64_t received; /* Unix seconds */
    uint32_t size;
    uint8_t hash[HASH_BYTES]; /* drop_blob_hash */
    struct bytes blob;        /* if size is at most DROP_INLINE */
};

struct drop_reader {
    uint8_t key[PUB_BYTES];
    uint64_t seq;
    uint8_t head[HASH_BYTES];
    uint8_t sig[SIG_BYTES]; /* drop_mark_sign */
};

struct rep_drop_list {
    uint8_t drop[ID_BYTES];
    uint64_t first;           /* oldest sequence still kept; 0: empty */
    uint8_t head[HASH_BYTES]; /* before the first line */
    struct bytes receipt;     /* drop_receipt of now */
    uint32_t n_lines;
    struct drop_line lines[DROP_LINES];
    uint32_t n_readers;
    struct drop_reader readers[DROP_READERS];
    uint8_t more;
};

struct req_drop_get {
    uint8_t which;
    uint8_t drop[ID_BYTES];
    uint64_t seq;
};

struct rep_drop_get {
    uint64_t received;
    struct bytes blob;
};

struct req_drop_ack {
    uint8_t op[ID_BYTES];
    uint8_t which;
    uint8_t drop[ID_BYTES];
    uint64_t seq;
    uint8_t head[HASH_BYTES]; /* after seq */
    uint8_t key[PUB_BYTES];   /* the reader's; absent: only frees what it owns */
    uint8_t sig[SIG_BYTES];   /* drop_mark_sign */
};

struct rep_drop_ack {
    uint8_t reserved;
};

struct req_drop_watch {
    uint8_t which;
    uint8_t drop[ID_BYTES];
    uint64_t after;
    uint32_t wait; /* seconds, at most 240 */
};

struct rep_drop_watch {
    uint64_t seq;
    uint8_t head[HASH_BYTES];
};

struct req_drop_close {
    uint8_t op[ID_BYTES];
    uint8_t drop[ID_BYTES];
};

struct rep_drop_close {
    uint8_t reserved;
};

/* Asks about ids, or with list for ids: of what a head covered and none dropped. */
struct req_vault_have {
    struct bytes ids; /* up to VAULT_HAVE_MAX, one after the other */
    uint8_t list;
    uint8_t after[VAULT_ID]; /* goes on after that one */
};

struct rep_vault_have {
    struct bytes bits; /* bit i, least significant first: has the i-th id, not dropped */
    struct bytes ids;  /* up to VAULT_HAVE_MAX, in their order */
    struct bytes next; /* where to go on; absent: these were the last */
};

struct req_vault_put {
    uint8_t op[ID_BYTES];
    struct bytes objects; /* vault_frame_put, up to VAULT_BATCH_MAX */
};

struct rep_vault_put {
    uint32_t stored; /* that it did not have */
    uint64_t used;   /* bytes of the ward's vault */
};

struct req_vault_get {
    struct bytes ids; /* up to VAULT_GET_MAX */
};

/* As many as fit, in the order asked; an empty frame for one it does not have. */
struct rep_vault_get {
    struct bytes objects; /* vault_frame_put */
};

struct req_head_get {
    uint64_t version; /* the newest kept up to this one; 0: the newest of all */
};

struct rep_head_get {
    struct bytes head;    /* vault_head_make; absent: none */
    struct bytes witness; /* sealed, as it came with that head */
    uint64_t received;    /* Unix seconds */
    uint64_t version;     /* of the newest head; 0 none */
    uint64_t oldest;      /* of the oldest head kept */
    uint64_t used;        /* bytes of the ward's vault */
    uint64_t quota;       /* and how many there may be */
};

struct req_head_set {
    uint8_t op[ID_BYTES];
    struct bytes head;    /* version: that of the newest + 1, with its hash */
    struct bytes witness; /* sealed */
    struct bytes objects; /* that it still lacks, if so few: vault_frame_put */
    struct bytes dropped; /* ids the new state does not need, up to VAULT_DROP_MAX */
};

struct rep_head_set {
    uint64_t version;
    uint64_t used; /* bytes of the ward's vault */
};

struct msg_row {
    uint16_t kind;
    const char *name;
    const char *what;
    uint32_t roles; /* MAY bits */
    enum msg_access access;
    size_t req_max;
    size_t rep_max;
    const struct wire_schema *req;
    const struct wire_schema *rep;
};

/* All rows in ascending order of kind. */
extern const struct msg_row msg_rows[];
extern const size_t msg_count;
/* Body of kind 0x8000. */
extern const struct wire_schema rep_error_schema;

/* The row of a request's kind, or NULL. */
const struct msg_row *msg_find(uint16_t kind);
/* "owner"; NULL for a number that is no role. */
const char *role_name(unsigned role);
/* "invite", "roster" …; "unknown". */
const char *cred_type_name(unsigned type);

/* Largest C struct of a body, for callers that keep one for all kinds. */
size_t msg_struct_max(void);

/* Encodes a request or reply of that row; ERR_TOO_BIG beyond the row's limit. */
enum err msg_put_req(const struct msg_row *row, const void *req, struct buf *out);
enum err msg_put_rep(const struct msg_row *row, const void *rep, struct buf *out);
void msg_put_error(enum err e, uint32_t retry_ms, enum msg_outcome outcome,
                   struct buf *out);
/* Decodes; errors as wire_get, and ERR_TOO_BIG beyond the row's limit. */
enum err msg_get_req(const struct msg_row *row, struct bytes body, void *out_req);
enum err msg_get_rep(const struct msg_row *row, struct bytes body, void *out_rep);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's log: one line an event on standard error, "<6>seat.enrolled seat=0a1b2c3d",
 * where <n> is the level journald and syslog know. Events are a closed table. Never
 * logged: secrets, names, texts of people, addresses of peers; of an id the first four
 * bytes. What is not a loggable type does not compile.
 */
#ifndef KITH_NODE_LOG_H
#define KITH_NODE_LOG_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"

/* Levels as in syslog(3). */
enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTICE = 5, LOG_INFO = 6 };

/* X(NAME, "event.name", level, "what it means, for the operator") */
#define LOG_EVENTS(X)                                                                    \
    X(NODE_STARTED, "node.started", INFO, "The node listens.")                           \
    X(NODE_DRAINING, "node.draining", INFO, "A signal came: running work is finished.")  \
    X(NODE_STOPPED, "node.stopped", INFO, "The node ended in order.")                    \
    X(NODE_FIRST_START, "node.first-start", NOTICE,                                      \
      "A new node was made; its operator link lies in the state directory.")             \
    X(NODE_UNLOCKED, "node.unlocked-memory", WARN,                                       \
      "LockMemory = no: secrets may reach the swap space.")                              \
    X(NODE_UNCONFINED, "node.unconfined", WARN,                                          \
      "The kernel offers no sandbox: the node runs without this defence.")               \
    X(STORE_UNKNOWN, "store.unknown", ERROR,                                             \
      "A commit failed after writing began; clients ask again.")                         \
    X(STORE_FAILED, "store.failed", ERROR,                                               \
      "The store cannot write any more; look at the disk, start the node again.")        \
    X(STORE_DAMAGED, "store.damaged", ERROR,                                             \
      "A stored record does not open; look at the disk.")                                \
    X(STORE_DISK_LOW, "store.disk-low", WARN,                                            \
      "The disk is nearly full: only releases and deletions are still written.")         \
    X(STORE_SLOW, "store.slow", NOTICE, "A commit took longer than a second.")           \
    X(CONN_REFUSED, "conn.refused", INFO, "A connection was over a limit and dropped.")  \
    X(CONN_STRANGER, "conn.stranger", INFO,                                              \
      "A handshake failed: no credential, or a wrong one.")                              \
    X(CONN_OPENED, "conn.opened", INFO, "Somebody with a credential is connected.")      \
    X(CONN_ENDED, "conn.ended", INFO, "That connection ended.")                          \
    X(CALL_FAILED, "call.failed", INFO, "A message was answered with an error.")         \
    X(SEAT_ENROLLED, "seat.enrolled", NOTICE, "A guardian took a seat.")                 \
    X(WARD_ENROLLED, "ward.enrolled", NOTICE, "A ward was taken on at a seat.")          \
    X(WARD_DROPPED, "ward.dropped", NOTICE, "A ward was let go, or its end is planned.") \
    X(CRED_MADE, "cred.made", INFO, "A credential was deposited.")                       \
    X(CRED_DROPPED, "cred.dropped", INFO, "A credential was removed.")                   \
    X(EPOCH_PREPARED, "epoch.prepared", INFO, "Pieces of a new epoch were stored.")      \
    X(EPOCH_COMMITTED, "epoch.committed", NOTICE, "An epoch became the active one.")     \
    X(EPOCH_ERASED, "epoch.erased", NOTICE, "Old epochs were erased, or will be.")       \
    X(ROOT_MOVED, "root.moved", NOTICE, "A ward has a new root, or will have.")          \
    X(REQUEST_OPENED, "request.opened", INFO, "A request was opened, not yet listed.")   \
    X(REQUEST_LIVE, "request.live", NOTICE, "A request waits for its guardian.")         \
    X(REQUEST_TRIED, "request.tried", INFO, "A guardian typed words; the try counts.")   \
    X(REQUEST_LOCKED, "request.locked", WARN, "A request is locked by wrong words.")     \
    X(REQUEST_APPROVED, "request.approved", NOTICE, "A guardian approved a request.")    \
    X(REQUEST_REFUSED, "request.refused", NOTICE, "A guardian refused a request.")       \
    X(REQUEST_STOPPED, "request.stopped", WARN, "A request was stopped.")                \
    X(REQUEST_RELEASED, "request.released", NOTICE, "A piece was let go.")               \
    X(REQUEST_EXPIRED, "request.expired", INFO, "A request ended unused.")               \
    X(ALERT_FAILED, "alert.failed", WARN,                                                \
      "The program of [Alerts] failed or took too long; the alert waits in its drop.")   \
    X(ALERT_DROPPED, "alert.dropped", WARN,                                              \
      "The program of [Alerts] is too slow: it was not run for so many alerts.")         \
    X(CLOCK_FROZEN, "clock.frozen", WARN,                                                \
      "The clock jumped or is not synchronised: holds wait for a confirmation.")         \
    X(CLOCK_RUNS, "clock.runs", NOTICE, "The clock is synchronised: holds run.")         \
    X(CLOCK_CONFIRMED, "clock.confirmed", NOTICE, "A person confirmed the time.")

enum log_event {

#define LOG_ENUM(name, text, level, meaning) EV_##name,
    LOG_EVENTS(LOG_ENUM)
#undef LOG_ENUM
        EV_COUNT
};

enum log_event_level {

#define LOG_LEVEL(name, text, level, meaning) EV_##name##_LEVEL = LOG_##level,
    LOG_EVENTS(LOG_LEVEL)
#undef LOG_LEVEL
};

enum log_kind { LOG_END, LOG_ID, LOG_UINT, LOG_ERR, LOG_TEXT };

/* Made by the F_ macros only. */
struct log_field {
    enum log_kind kind;
    const char *key;
    const uint8_t *id;
    uint64_t number;
    const char *text;
};

/*
 * Fields. Keys are literals. F_ID takes an array of exactly 16 bytes, F_UINT an unsigned
 * integer, F_TEXT a literal; anything else does not compile.
 */
#define F_ID(k, array)                                                                   \
    ((struct log_field){ .kind = LOG_ID,                                                 \
                         .key = "" k,                                                    \
                         .id = _Generic(&(array), uint8_t(*)[ID_BYTES]                   \
                                        : *&(array), const uint8_t(*)[ID_BYTES]          \
                                        : *&(array)) })
#define F_UINT(k, v)                                                                     \
    ((struct log_field){ .kind = LOG_UINT,                                               \
                         .key = "" k,                                                    \
                         .number = _Generic((v), unsigned char                           \
                                            : (v), unsigned short                        \
                                            : (v), unsigned int                          \
                                            : (v), unsigned long                         \
                                            : (v), unsigned long long                    \
                                            : (v)) })
#define F_ERR(e)                                                                         \
    ((struct log_field){ .kind = LOG_ERR, .key = "error", .text = err_id(e) })
#define F_TEXT(k, literal)                                                               \
    ((struct log_field){ .kind = LOG_TEXT, .key = "" k, .text = "" literal })
#define F_END ((struct log_field){ .kind = LOG_END })

enum { LOG_LINE = 256 };

/* LOG(NOTICE, EV_SEAT_ENROLLED, F_ID("seat", seat->id)); the level is the table's. */
#define LOG(...) LOG_FIELDS(__VA_ARGS__, F_END)
#define LOG_FIELDS(level, event, ...)                                                    \
    do {                                                                                 \
        _Static_assert((int)LOG_##level == (int)event##_LEVEL, "level as in the table"); \
        log_event(event, (const struct log_field[]){ __VA_ARGS__ });                     \
    } while (0)

/* The event's name and meaning; static strings. Its level. */
const char *log_name(enum log_event e);
const char *log_meaning(enum log_event e);
enum log_level log_level(enum log_event e);
/* Writes one line to standard error, in one piece; fields end with F_END. */
void log_event(enum log_event e, const struct log_field *fields);
/* The line with its newline into out; longer lines are cut. Returns its length. */
size_t log_format(enum log_event e, const struct log_field *fields, char out[LOG_LINE]);

#endif

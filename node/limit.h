/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit of a node in one table: struct, defaults, bounds, configuration keys and
 * docs/LIMITS.md come from it. Token buckets and the door that counts connections have
 * no clock of their own: now is an argument, in milliseconds. An address is its /32
 * (IPv4) or /64 (IPv6); loopback is no address (Tor and relays come from there).
 */
#ifndef KITH_NODE_LIMIT_H
#define KITH_NODE_LIMIT_H

#include <sys/socket.h>

#include "proto/bytes.h"
#include "proto/err.h"

/* X(member, "ConfigKey", default, least, most, "unit", "what it bounds") */
#define LIMIT_TABLE(X)                                                                   \
    X(conns, "Connections", 256, 8, 1024, "connections", "open at once")                 \
    X(addr_conns, "ConnectionsPerAddress", 16, 1, 1024, "connections",                   \
      "open at once from one address")                                                   \
    X(cred_conns, "ConnectionsPerCredential", 16, 1, 1024, "connections",                \
      "open at once with one credential; the one silent for longest makes room")         \
    X(strangers, "Strangers", 64, 4, 1024, "connections",                                \
      "open at once that have not shown a credential")                                   \
    X(early_drop, "EarlyDrop", 32, 1, 1024, "connections",                               \
      "strangers from which on new ones are dropped at random")                          \
    X(addr_rate, "RatePerAddress", 60, 1, 6000, "connections/min",                       \
      "new connections of one address, in the long run")                                 \
    X(addr_burst, "BurstPerAddress", 32, 1, 1000, "connections",                         \
      "new connections of one address at once")                                          \
    X(cred_rate, "RatePerCredential", 600, 10, 60000, "messages/min",                    \
      "messages of one credential, in the long run")                                     \
    X(cred_burst, "BurstPerCredential", 256, 32, 10000, "messages",                      \
      "messages of one credential at once")                                              \
    X(vault_rate, "VaultRatePerCredential", 6000, 60, 600000, "messages/min",            \
      "that ask for, put and get objects of a vault, in the long run")                   \
    X(vault_burst, "VaultBurstPerCredential", 1024, 32, 10000, "messages",               \
      "the same at once")                                                                \
    X(spoken_rate, "RatePerSpokenCode", 6, 1, 600, "answers/min",                        \
      "answers to one spoken code, in the long run")                                     \
    X(spoken_burst, "BurstPerSpokenCode", 8, 1, 100, "answers",                          \
      "answers to one spoken code at once")                                              \
    X(step_ms, "HandshakeStep", 10000, 500, 60000, "ms", "for each step of a handshake") \
    X(frame_ms, "Frame", 30000, 1000, 300000, "ms",                                      \
      "from a frame's first byte to its last")                                           \
    X(idle_ms, "Idle", 120000, 1000, 900000, "ms", "without any frame")                  \
    X(age_ms, "Age", 900000, 10000, 900000, "ms", "life of a connection")                \
    X(watch_ms, "Watch", 240000, 1000, 240000, "ms", "a long poll waits")                \
    X(watches, "Watches", 128, 1, 1024, "connections", "that wait in a long poll")       \
    X(drain_ms, "Drain", 5000, 100, 60000, "ms", "to finish work after SIGTERM")         \
    X(alert_ms, "AlertRun", 30000, 100, 600000, "ms", "for one run of [Alerts] Exec")    \
    X(seats, "Seats", 16, 1, 256, "seats", "at this node")                               \
    X(wards, "WardsPerSeat", 64, 1, 1000, "wards", "at one seat")                        \
    X(creds, "CredentialsPerSeat", 512, 8, 10000, "credentials", "at one seat")          \
    X(requests, "RequestsPerWard", 32, 4, 256, "requests", "not final, of one ward")     \
    X(ward_bytes, "BytesPerWard", 67108864, 1048576, 17179869184, "bytes",               \
      "stored for one ward")                                                             \
    X(vault_bytes, "VaultBytesPerWard", 75497472, 1048576, 17179869184, "bytes",         \
      "of objects and heads in the vault of one ward")                                   \
    X(vault_objects, "VaultObjectsPerWard", 65536, 1024, 1048576, "objects",             \
      "in the vault of one ward")                                                        \
    X(vault_heads, "VaultHeadsPerWard", 4096, 64, 65536, "heads",                        \
      "of the vault of one ward")                                                        \
    X(drops, "DropsPerWard", 64, 8, 1024, "drops", "made by one ward or seat")           \
    X(blobs, "BlobsPerDrop", 1024, 64, 65536, "blobs", "in one drop")                    \
    X(drop_bytes, "BytesPerDrop", 1048576, 65536, 1073741824, "bytes",                   \
      "in one drop that was made")

struct limits {

#define LIMIT_MEMBER(member, key, def, least, most, unit, what) uint64_t member;
    LIMIT_TABLE(LIMIT_MEMBER)
#undef LIMIT_MEMBER
};

/* One row, for printing, configuration and documents. */
struct limit_row {
    const char *key;
    uint64_t def;
    uint64_t least;
    uint64_t most;
    const char *unit;
    const char *what;
    size_t off; /* of the value in struct limits */
};

/* The number of rows, and row i in the table's order. */
size_t limit_count(void);
const struct limit_row *limit_row(size_t i);
/* All values as the table has them. */
void limits_default(struct limits *out);
/* The row's value in l. */
uint64_t limit_value(const struct limits *l, const struct limit_row *row);
/* The row with this key, or NULL. */
const struct limit_row *limit_find(const char *key);
/* Sets the row's value. ERR_ARG: out of its bounds. */
enum err limit_set(struct limits *l, const struct limit_row *row, uint64_t value);
/*
 * Row i as a line of docs/LIMITS.md and of --print-limits, without newline:
 * "| Key | value | least | most | unit | what |". Returns its length; cut at cap - 1.
 */
size_t limit_print(const struct limits *l, size_t i, char *out, size_t cap);

/* A token bucket; { 0 } is a full one. */
struct bucket {
    uint64_t used;  /* thousandths of tokens taken and not yet refilled */
    uint64_t at_ms; /* when that was so */
};

/*
 * Takes one token at now if there is one. rate in tokens a minute, burst in tokens. A
 * now before the last one counts as the last one.
 */
bool bucket_take(struct bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ms);
/* What was taken was worth n more: later ones wait for that, too. */
void bucket_charge(struct bucket *b, uint64_t n);
/* How long until there is a token, in milliseconds; 0: now. */
uint64_t bucket_wait(const struct bucket *b, uint64_t rate, uint64_t burst,
                     uint64_t now_ms);

/* Where somebody comes from, as far as limits go. { 0 } is loopback: not counted. */
struct origin {
    uint8_t family; /* 0, 4 or 6 */
    uint8_t net[8]; /* 4 bytes of IPv4, or the first 8 of IPv6 */
};

/* The origin of a socket address; an IPv4 address in IPv6 form is IPv4. */
struct origin origin_of(const struct sockaddr *from);

enum { DOOR_ORIGINS = 2048 };

struct door_origin {
    struct origin origin;
    struct bucket bucket;
    uint32_t open;
};

/* Counts connections; { 0 } is an empty one. Room for DOOR_ORIGINS addresses. */
struct door {
    uint64_t open;      /* connections */
    uint64_t strangers; /* of these, without a credential so far */
    struct door_origin origins[DOOR_ORIGINS];
};

/*
 * Lets a connection in, which is a stranger until door_known, or ERR_BUSY: over a
 * limit, or dropped at random (early_drop to strangers: from 0 to 1). Each OK is
 * followed by exactly one door_leave.
 */
enum err door_enter(struct door *d, const struct limits *l, struct origin from,
                    uint64_t now_ms, const struct rng *rng);
/* A stranger has shown a credential; once a connection. */
void door_known(struct door *d);

enum door_who { DOOR_STRANGER, DOOR_KNOWN };

void door_leave(struct door *d, struct origin from, enum door_who who);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines between clients and nodes in one process, byte for byte as over sockets. Seen
 * from the client's side: knows nodes by their number and conversations as opaque. A
 * fault of a line is set by the test and played by the line.
 */
#ifndef KITH_TESTS_SIM_NET_H
#define KITH_TESTS_SIM_NET_H

#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/ident.h"

enum { NET_NODES = 16, NET_OUT = 3 * 65600 };

/* What a line does to a conversation. */
enum net_fault {
    NET_FINE,
    NET_SILENT,  /* nothing answers */
    NET_GARBAGE, /* the node's bytes are replaced */
    NET_FLIPPED, /* one bit of what the node says after the handshake is changed */
    NET_CUT      /* the connection ends in the middle of a reply */
};

struct net_line; /* one conversation */

/* Opens node number i (its directory, keys, clock) from a seed; all close at the end. */
void net_open(size_t n, uint64_t seed);
void net_close(void);
void net_key(size_t i, uint8_t out_pub[PUB_BYTES]);
/* Where it says it is: 127.0.0.1 and a port, at first everybody's the same. */
void net_address(size_t i, struct address *out);
void net_port(size_t i, uint16_t port);
/* An operator link's token at node i. */
void net_operator(size_t i, struct bytes token);
void net_fault(size_t i, enum net_fault fault);
/* The clock of all nodes and of the clients, Unix seconds. */
void net_time(uint64_t now);
uint64_t net_now(void);
/* The node process dies and starts again. */
void net_restart(size_t i);
/* What a node does each minute, at every node, until nothing is left to do. */
void net_tick(void);
/* The clients' chance: of the seed given to net_open. */
const struct rng *net_rng(void);
/* Their chance begins anew with that seed. */
void net_chance(uint64_t seed);
/* The directory of a node's store. */
const char *net_dir(size_t i);

/* ---- who dies, and in what order ---- */

/* What a test decides; each may be NULL. ctx is the test's. */
struct net_fate {
    void *ctx;
    bool (*client_gone)(void *ctx);                      /* its words reach nobody */
    bool (*node_dies)(void *ctx, size_t i, bool before); /* at a commit */
    bool (*node_away)(void *ctx, size_t i);              /* nobody answers, this time */
    /* Which of so many open conversations of a round goes on next. */
    size_t (*next)(void *ctx, size_t n);
};

/* From now on; NULL: nobody dies. A node that died starts again when it is called. */
void net_fate(const struct net_fate *fate);
size_t net_next(size_t n);
/* Nodes' stores as they lie on their disks, in a new directory; and back, with chance
 * that begins at a seed. */
void net_save(const char *dir);
void net_load(const char *dir, uint64_t seed);

/*
 * Called with all that passes: bytes of the line in both directions, and each frame's
 * body as its node has it before it is sealed or after it was opened. NULL: nobody.
 */
typedef void (*net_tap)(struct bytes seen);
void net_listen(net_tap tap);

/* ---- a hoster who changes the store ---- */

/* What a node says an epoch of a ward is; slices are the caller's. */
struct net_epoch {
    uint8_t hash[HASH_BYTES];
    struct bytes manifest; /* sealed; empty: stays as it is */
    struct bytes roster;   /* sealed; empty: stays */
    struct bytes box;      /* the piece's; empty: stays */
};

/* Writes them where PREPARE put the true ones. */
void net_forge(size_t i, const uint8_t ward[ID_BYTES], uint32_t epoch,
               const struct net_epoch *what);
/* Reads them into memory (cap at least 64 KiB) that the slices point into. */
void net_peek(size_t i, const uint8_t ward[ID_BYTES], uint32_t epoch, struct span mem,
              struct net_epoch *out);

/* An epoch of some ward that a node has. */
struct net_held {
    uint8_t ward[ID_BYTES];
    uint32_t epoch;
    uint8_t hash[HASH_BYTES];
    uint8_t group;
    uint8_t index;
    bool good; /* active, or superseded and not erased */
    bool prepared;
    bool confirmed;
};

/* All epochs of all wards at a node, ascending; how many. */
size_t net_held(size_t i, struct net_held *out, size_t max);

/* Takes the newest alert of a ward away, as if it had never been. */
void net_swallow(size_t i, const uint8_t ward[ID_BYTES]);

/* ERR_UNREACHABLE: no such node, or it is silent. */
enum err net_connect(const uint8_t node_key[PUB_BYTES], struct net_line **out);
/* Bytes to the node; its bytes are appended to out. Not OK: it has closed. */
enum err net_feed(struct net_line *l, struct bytes in, struct buf *out);
void net_hang_up(struct net_line *l);

#endif

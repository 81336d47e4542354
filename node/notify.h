/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells a person through the program of [Alerts] Exec: a process of its own, made before
 * any key is read and before the sandbox, runs it once an event, one at a time, with flat
 * JSON on standard input. It knows ids, times and the node's name, nothing else. Telling
 * never waits: what the queue does not take is counted and logged; the alert lies in its
 * drop all the same. The process ends with the node.
 */
#ifndef KITH_NODE_NOTIFY_H
#define KITH_NODE_NOTIFY_H

#include "proto/drop.h"

enum {
    NOTIFY_ARGS = 256,     /* most words of Exec */
    NOTIFY_JSON = 1024,    /* room for one event's JSON */
    NOTIFY_GRACE_MS = 3000 /* what is queued may still run after the node's end */
};

struct notify; /* used by one thread at a time */

/*
 * Forks the process: no other thread may run yet, SIGPIPE is ignored. exec: an absolute
 * path, arguments after spaces; node: the node's Name; run_ms: how long one run may take
 * before it is killed. ERR_ARG: no program, or longer than 512 characters; ERR_IO,
 * ERR_NOMEM.
 */
enum err notify_start(const char *exec, const char *node, uint64_t run_ms,
                      struct notify **out);
/* Queues one event; after its commit. Never waits. */
void notify_tell(struct notify *n, const struct drop_event *ev);
/* Counts events that could not even be handed over. */
void notify_lost(struct notify *n, uint64_t count);
/*
 * Lets what is queued run for NOTIFY_GRACE_MS, and frees n. NULL is fine. False: the
 * process did not end in time.
 */
bool notify_stop(struct notify *n);

/*
 * The event as one line of JSON (kith.alert/1 of docs/PROTOCOL.md) with its newline.
 * Returns its length; node: up to 64 printable characters.
 */
size_t notify_json(const struct drop_event *ev, const char *node, char out[NOTIFY_JSON]);

#endif

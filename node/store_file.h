/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's files beside LMDB: identity, anchor, data keys, lock, reserve. A file is
 * there whole and synced, or not there. Names are relative to an open directory. All
 * files are 0600. What is read here may be anything: every reader checks all of it.
 */
#ifndef KITH_NODE_STORE_FILE_H
#define KITH_NODE_STORE_FILE_H

#include "node/store.h"

/* ERR_DISK_FULL or ERR_IO, from errno and the room on dir's disk. */
enum err file_error(int dir);
/* OK if name exists in dir, ERR_UNKNOWN if not, ERR_IO. */
enum err file_exists(int dir, const char *name);
/* Reads a file of at most out.n bytes. ERR_UNKNOWN: none; ERR_TOO_BIG; ERR_IO. */
enum err file_read(int dir, const char *name, struct span out, size_t *out_n);
/* Writes the whole file, synced, in one step; replaces. ERR_DISK_FULL, ERR_IO. */
enum err file_write(int dir, const char *name, struct bytes content);
/* Overwrites with zeros, syncs, unlinks; OK when absent. Say what a disk may keep. */
enum err file_erase(int dir, const char *name);
/* Makes new and removed names durable. */
enum err file_sync_dir(int dir);
/* Bytes that may still be written on dir's disk. ERR_IO. */
enum err file_room(int dir, uint64_t *out);
/* Makes a file of n allocated bytes. ERR_DISK_FULL, ERR_IO. */
enum err file_reserve(int dir, const char *name, size_t n);
/* Locks the file name (made when absent) for this process. ERR_BUSY, ERR_IO. */
enum err file_lock(int dir, const char *name, int *out_fd);

enum { IDENTITY_FILE = 8 + 3 * KEY_BYTES + ID_BYTES + HASH_BYTES };

/* The identity file's bytes, into secret memory. */
void identity_encode(const struct store_identity *id, uint8_t out[IDENTITY_FILE]);
/* ERR_CORRUPT: not an identity file, or changed; ERR_VERSION: a later form. */
enum err identity_decode(struct bytes in, struct store_identity *out);

/* How far the store had come when the anchor was written. */
struct anchor {
    struct log_head log;
    uint64_t commits;
};

enum { ANCHOR_FILE = 8 + HASH_BYTES + 8 + SEAL_OVERHEAD };

enum err anchor_write(int dir, const struct store_identity *id, const struct rng *rng,
                      const struct anchor *a);
/* ERR_UNKNOWN: none; ERR_CORRUPT: changed, or another node's. */
enum err anchor_read(int dir, const struct store_identity *id, struct anchor *out);

/* Writes both copies of a data key, synced; then their directory, once. */
enum err keyfile_write(int keys, const struct store_identity *id, const struct rng *rng,
                       const uint8_t name[ID_BYTES], const struct seal_key *key);
/* From the copy that opens. ERR_UNKNOWN: neither is there; ERR_CORRUPT: neither opens. */
enum err keyfile_read(int keys, const struct store_identity *id,
                      const uint8_t name[ID_BYTES], struct seal_key *out);
/* Both copies; OK when there are none. */
enum err keyfile_erase(int keys, const uint8_t name[ID_BYTES]);

#endif

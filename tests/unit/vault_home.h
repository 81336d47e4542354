/* SPDX-License-Identifier: Apache-2.0 */
/* Homes with vaults for cmocka tests: devices of one owner, their files, a failing disk.
 */
#ifndef KITH_TESTS_VAULT_HOME_H
#define KITH_TESTS_VAULT_HOME_H

#include "client/vault.h"

#define NOW 1790000000u

/* One device: a home of its own, the owner's root. */
struct device {
    char path[160];
    struct home home;
    struct day *day;
    struct vault *vault; /* NULL while closed */
    char what[VAULT_WHAT];
};

/* The owner's root: secret memory, which the caller frees. */
void device_root(struct root_key **out);
/* A new empty home; number tells devices apart. */
void device_new(struct device *d, unsigned number);
/* Opens its vault. */
enum err device_open(struct device *d, enum vault_opening how);
/* Opens it, which must go well; closed before. */
void device_reopen(struct device *d);
void device_close(struct device *d);
void device_end(struct device *d);

/* Adds an item of a short content; saves. */
void device_add(struct device *d, const char *name, const char *content);
enum err device_try_add(struct device *d, const char *name, struct bytes content);
enum err device_try_edit(struct device *d, const char *name, const char *content);
void device_edit(struct device *d, const char *name, const char *content);
void device_remove(struct device *d, const char *name);
void device_save(struct device *d);
/* Whether the content at that place is this text. */
bool device_reads(struct device *d, const struct vault_item *item, unsigned back,
                  const char *content);
const struct vault_item *device_find(struct device *d, const char *name);

/* Gets what to lacks of from's state, and joins it; not saved. */
enum err device_pull(struct device *to, struct device *from, struct vault_merge *out);
/* All ids the device's state needs. */
struct home_blob device_needs(struct device *d);

/* The object files of a home: how many; the name of one; a whole one. */
size_t device_files(const struct device *d);
void device_file(const struct device *d, const uint8_t *id, char out[300]);
size_t file_read_all(const char *path, uint8_t *out, size_t cap);
void file_write_all(const char *path, struct bytes all);

/* ---- a disk that fails (linked with --wrap of what writes) ---- */

enum fault_kind {
    FAULT_NONE,
    FAULT_ONCE, /* this call fails, the next ones go */
    FAULT_CUT   /* nothing is written from this call on: the power went */
};

/* From the n-th writing call on (1 is the next). */
void fault_set(enum fault_kind kind, unsigned n, int code);
/* Ends it; whether it came to that call. */
bool fault_end(void);

/* Numbers that a seed gives. */
uint32_t dice(uint64_t *seed, uint32_t below);

#endif

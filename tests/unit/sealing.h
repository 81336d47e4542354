/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners, guardians and real nodes (kithd on loopback) for tests of sealing; the client
 * runs in child processes, which can be made to die at their n-th durable write. The
 * linker sends home_write, home_root_save, home_drop and ack_open here first.
 */
#ifndef KITH_TESTS_UNIT_SEALING_H
#define KITH_TESTS_UNIT_SEALING_H

#include <sys/types.h>

#include "client/ceremony_seal.h"

enum { NODES = 4, KILLED = 99 };

extern char work[64]; /* the directory of everything; the test makes it */

extern struct node {
    pid_t pid;
    char listen[32];
} nodes[NODES];

/* The durable write before or after which the next child dies; 0: never. */
extern unsigned die_at;

enum lie {
    NO_LIE,
    LIE_WARD,
    LIE_EPOCH,
    LIE_MANIFEST,
    LIE_STORED,
    LIE_INCARNATION,
    LIE_STATE,
    LIE_KEY,
    LIES
};

/* What acknowledgements are made to say. */
extern enum lie lie;

/* What the client works with here: cheap words, a short round. */
extern const struct params quick;

/* work/name/file, or work/name where file is "". */
void path_of(char out[160], const char *name, const char *file);
/* The bytes of a file and a final zero; 0 for none. */
size_t file_read(const char *path, char *out, size_t cap);

/* run(arg) in a child that dies as die_at says; its exit code. */
int child(int (*run)(void *arg), void *arg);
/* kith ARGUMENTS… in the home of who; the arguments end with NULL. */
int kith(const char *who, ...);
/* Fails, with what was said to the person. */
void want(int code, int got);
/* The last run's answer, whether it has that part, whether that was said. */
const char *answer(void);
bool answered(const char *part);
bool said(const char *part);

void node_start(size_t i);
void node_kill(size_t i);
void guardian_name(char out[8], size_t i);
/* A node, and a guardian at it. */
void node_new(size_t i);
/* A new owner with n guardians; the name of the home is out. */
void owner_new(char out[16], size_t n);

void open_home(const char *who, struct home *h, struct day **d, struct unlocked **u);
/* All n guardians hold their piece of epoch 1, and status says so. */
void check_sealed(const char *who, size_t n);
/* No file of that home has these bytes in it. */
void not_on_disk(const char *who, const uint8_t *what, size_t n);

/* The nodes of a whole test; group fixtures. */
int sealing_setup(void **state);
int sealing_teardown(void **state);

#endif

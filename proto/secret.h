/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for secrets: one locked arena of 48 KiB a process, between guard
 * pages, left out of core dumps, wiped on release, safe to use from several
 * threads. Each role of a key is a type of its own, so that the wrong key does
 * not compile. What will hurt you: secret_start must have run; a secret copied
 * to the stack is no longer a secret's memory.
 */
#ifndef KITH_PROTO_SECRET_H
#define KITH_PROTO_SECRET_H

#include "proto/bytes.h"
#include "proto/err.h"

enum { SECRET_ARENA = 48 * 1024, KEY_BYTES = 32 };

/* Whether to go on when the operating system refuses to lock memory. */
enum secret_lock { SECRET_LOCK_REQUIRED, SECRET_LOCK_WAIVED };

/*
 * Prepares libsodium and the arena; once a process, before anything else.
 * ERR_MLOCK: memory could not be locked and lock is SECRET_LOCK_REQUIRED.
 */
enum err secret_start(enum secret_lock lock);
/* Wipes and unmaps the arena; nothing may be in use (MUST). */
void secret_end(void);
/* Bytes of the arena in use; 0 when nothing leaks. */
size_t secret_in_use(void);

/*
 * n zeroed bytes of locked memory, caller's until secret_free. ERR_NOMEM when
 * the arena is full.
 */
enum err secret_alloc(size_t n, void **out);
/* Wipes and releases; NULL is fine. */
void secret_free(void *p);
/* Overwrites n bytes in a way no compiler removes; for buffers outside the arena. */
void secret_wipe(void *p, size_t n);
/* Constant-time equality of n bytes. */
bool secret_equal(const void *a, const void *b, size_t n);

/*
 * Says that n bytes made from secrets are public from here on (a verdict, a header).
 * Nothing happens in the programs; tests/ct then lets branches depend on them.
 */
#ifdef KITH_CT
#include <valgrind/memcheck.h>
#define secret_public(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED((p), (n)))
#else
#define secret_public(p, n) ((void)(p), (void)(n))
#endif

/* Allocates a typed secret: secret_new(&key) for a struct x_key *key. */
#define secret_new(place) secret_alloc(sizeof(**(place)), (void **)(place))

/* Releases at the end of the scope: AUTO_SECRET struct root_key *root = NULL; */
#define AUTO_SECRET __attribute__((cleanup(auto_secret_)))

static inline void auto_secret_(void *place)
{
    void **p = place;
    secret_free(*p);
}

/* A type of 32 secret bytes, alignment 1. */
#define KEY_TYPE(name)                                                                   \
    struct name {                                                                        \
        uint8_t b[KEY_BYTES];                                                            \
    }

KEY_TYPE(root_key);   /* R: everything derives from it */
KEY_TYPE(escrow_key); /* K_e: what the circle shares, one an epoch */
KEY_TYPE(level_key);  /* level 0: from the root, one a purpose */
KEY_TYPE(sign_seed);  /* Ed25519 seed */
KEY_TYPE(dh_key);     /* X25519 secret key */
KEY_TYPE(psk);        /* Noise pre-shared key */
KEY_TYPE(seal_key);   /* XChaCha20-Poly1305 key */

#endif

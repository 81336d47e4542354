/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for a secret's remains in this process's own writable memory. The
 * caller keeps only a masked copy, so that the search finds remains and not
 * itself. Any 16 bytes in a row count: freed blocks are partly overwritten.
 */
#ifndef KITH_TESTS_RESIDUE_H
#define KITH_TESTS_RESIDUE_H

#include <inttypes.h>
#include <stdio.h>

#include "proto/bytes.h"

/* A sanitizer's own memory is too much to scan. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { RESIDUE_MASK = 0xa5, RESIDUE_WINDOW = 16 };

/* masked[i] = secret[i] ^ RESIDUE_MASK, n bytes. */
static inline void residue_mask(const uint8_t *secret, size_t n, uint8_t *out_masked)
{
    for (size_t i = 0; i < n; i++)
        out_masked[i] = secret[i] ^ RESIDUE_MASK;
}

static inline bool residue_at(const volatile uint8_t *p, const uint8_t *masked)
{
    for (size_t i = 0; i < RESIDUE_WINDOW; i++)
        if ((p[i] ^ RESIDUE_MASK) != masked[i])
            return false;
    return true;
}

static inline size_t residue_in(const volatile uint8_t *p, size_t n, struct bytes masked)
{
    size_t hits = 0;

    for (size_t i = 0; i + RESIDUE_WINDOW <= n; i++)
        for (size_t w = 0; w + RESIDUE_WINDOW <= masked.n; w++)
            hits += residue_at(p + i, masked.p + w) ? 1 : 0;
    return hits;
}

/*
 * Returns how many windows of the masked secret (at least 16 bytes) stand
 * unmasked in readable and writable memory; SIZE_MAX when the maps cannot be read.
 */
static inline size_t residue_count(struct bytes masked)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    size_t hits = 0;

    if (maps == NULL)
        return SIZE_MAX;
    while (fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t from = 0;
        uintptr_t to = 0;
        char may[5] = "";
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, may) != 3)
            continue;
        if (may[0] == 'r' && may[1] == 'w')
            hits += residue_in((const volatile uint8_t *)from, to - from, masked);
    }
    (void)fclose(maps); /* only read */
    return hits;
}

#endif

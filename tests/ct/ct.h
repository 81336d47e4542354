/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant time as a test: bytes marked secret are undefined for valgrind, so each
 * branch and each address that depends on one is reported. Programs here are built
 * and run by tests/ct/run; each lists what it is built from in its first comment.
 */
#ifndef KITH_TESTS_CT_H
#define KITH_TESTS_CT_H

#include <stdio.h>
#include <valgrind/memcheck.h>

#include "proto/bytes.h"
#include "proto/err.h"

/* From here on n bytes at p may decide no branch and no address. */
static inline void ct_secret(const void *p, size_t n)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n);
}

/* The end of a mark, to look at a result. */
static inline void ct_public(const void *p, size_t n)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(p, n);
}

/* First line of a main: without valgrind nothing would be tested. */
static inline void ct_start(void)
{
    MUST(RUNNING_ON_VALGRIND);
}

#endif

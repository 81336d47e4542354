/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document made from a table equals that table. KITH_WRITE_DOCS=1 writes it anew.
 */
#ifndef KITH_TESTS_DOC_H
#define KITH_TESTS_DOC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compares the file KITH_SOURCE/name with want; fails the test where they differ. */
static inline void doc_equals(const char *name, const char *want)
{
    static char have[65536];
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", KITH_SOURCE, name); /* short names */
    if (getenv("KITH_WRITE_DOCS") != NULL) {
        FILE *w = fopen(path, "w");
        assert_non_null(w);
        assert_int_equal(fwrite(want, 1, strlen(want), w), strlen(want));
        assert_int_equal(fclose(w), 0);
    }
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t got = fread(have, 1, sizeof(have) - 1, f);
    assert_int_equal(fclose(f), 0);
    have[got] = '\0';
    assert_string_equal(have, want);
}

#endif

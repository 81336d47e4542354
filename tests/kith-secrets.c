/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the scan: what must be nowhere at a node, one "label<TAB>hex" a line. Reads the
 * restore file of a home without passphrase: each piece's value, the escrow key they
 * make, the requester's own keys.
 *
 *     kith-secrets HOME
 */
#include <stdio.h>

#include "client/ceremony_restore.h"
#include "proto/slip39.h"

static void print(const char *label, size_t i, struct bytes secret)
{
    char hex[2 * 64 + 1];

    hex_encode(secret, hex, sizeof hex);
    (void)printf("%s %zu\t%s\n", label, i, hex); /* a broken pipe shows in the scan */
}

static enum err print_all(const struct restore *r)
{
    AUTO_SECRET struct slip39_share *shares = NULL;
    AUTO_SECRET struct slip39_found *found = NULL;
    size_t n = 0;

    TRY(secret_alloc(RESTORE_ENTRIES * sizeof *shares, (void **)&shares));
    TRY(secret_new(&found));
    for (size_t i = 0; i < r->n; i++) {
        const struct restore_entry *e = &r->entries[i];

        print("request static key", i, BYTES_OF(e->stat));
        print("request sealing key", i, BYTES_OF(e->seal));
        if (e->n_pieces == 0)
            continue;
        /* Behind the header, which says only which piece it is. */
        print("piece", i, bytes_of(e->pieces[0].piece + 5, PIECE_BYTES - 5));
        TRY(slip39_piece_decode(BYTES_OF(e->pieces[0].piece), &shares[n++]));
    }
    print("request signing key", 0, BYTES_OF(r->head.req_sign));
    TRY(slip39_recover(shares, n, (struct bytes){ 0 }, 0, found));
    print("escrow key", 0, bytes_of(found->secret, found->secret_n));
    return OK;
}

static enum err look(const char *path)
{
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_RESTORE struct restore *r = NULL;
    struct home h = { .dir = -1, .lock = -1 };

    enum err e = home_open(path, HOME_READ, &h);
    if (e == OK)
        e = home_key_open(&h, HOME_RESTORE, NULL, &key);
    if (e == OK)
        e = restore_load(&h, key, &r);
    home_close(&h);
    return e == OK ? print_all(r) : e;
}

int main(int argc, char **argv)
{
    if (argc != 2 || secret_start(SECRET_LOCK_WAIVED) != OK)
        return 2;
    enum err e = look(argv[1]);

    secret_end();
    if (e != OK)
        (void)fprintf(stderr, "kith-secrets: %s\n", err_text(e));
    return e == OK ? 0 : 1;
}

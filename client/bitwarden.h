/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another password manager gave out, as items for the vault: the unencrypted JSON
 * export of Bitwarden (and of what writes the same form). All of the file or nothing;
 * whatever has no place of its own becomes a line of a note, so that nothing is lost.
 * Never says a word of the content. What will hurt you: all of it is in ordinary memory,
 * wiped when freed.
 */
#ifndef KITH_CLIENT_BITWARDEN_H
#define KITH_CLIENT_BITWARDEN_H

#include "client/home.h"
#include "proto/vault.h"

enum {
    IMPORT_FILE_MAX = 64 * 1024 * 1024, /* bytes of an export */
    IMPORT_ITEMS_MAX = 20000,           /* items it may become */
    IMPORT_USER_MAX = 200,              /* bytes; longer ones become lines of a note */
    IMPORT_URL_MAX = 500,
    IMPORT_NAME_ROOM = 24, /* bytes a name leaves for " (notes)" and " (2)" */
    IMPORT_WHY = 160
};

struct import_item {
    char name[VAULT_NAME_MAX + 1]; /* "Folder/Name", printable; may stand here twice */
    enum vault_type type;
    char user[IMPORT_USER_MAX + 1];
    char url[IMPORT_URL_MAX + 1];
    struct home_blob content;
};

struct import {
    struct import_item *items;
    size_t n;
    size_t cap;
    size_t entries; /* what the export had, trash left out */
    size_t trash;   /* entries that were left out */
    size_t unknown; /* kinds this program does not know, kept as notes in JSON */
};

/* jansson's memory is wiped when it is freed, from here on. */
void import_wipes_json(void);
/*
 * Reads an export. out_why: a sentence without a word of the content. ERR_FORMAT: not
 * such a file, damaged, encrypted (*out_encrypted), a key twice; ERR_TOO_BIG; ERR_NOMEM.
 */
enum err bitwarden_read(struct bytes text, struct import *out, bool *out_encrypted,
                        char out_why[IMPORT_WHY]);
void import_free(struct import *in);
#define AUTO_IMPORT __attribute__((cleanup(import_free)))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "client/bitwarden.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>

#include "client/otp.h"

/* ---- memory ---- */

static void free_wiped(void *p)
{
    if (p == NULL)
        return;
    secret_wipe(p, malloc_usable_size(p));
    free(p);
}

void import_wipes_json(void)
{
    json_set_alloc_funcs(malloc, free_wiped);
}

void import_free(struct import *in)
{
    for (size_t i = 0; i < in->n; i++) {
        home_blob_free(&in->items[i].content);
        secret_wipe(&in->items[i], sizeof in->items[i]);
    }
    free(in->items);
    *in = (struct import){ 0 };
}

/* One reading; the first fault stands. */
struct reader {
    const json_t *folders;
    struct import *out;
    size_t entry; /* from 1 */
    enum err err;
    char *why;
};

__attribute__((format(printf, 3, 4))) static void fault(struct reader *r, enum err e,
                                                        const char *fmt, ...)
{
    va_list args;

    if (r->err != OK)
        return;
    r->err = e;
    va_start(args, fmt);
    (void)vsnprintf(r->why, IMPORT_WHY, fmt, args);
    va_end(args);
}

static void put(struct reader *r, struct home_blob *b, struct bytes in)
{
    if (r->err != OK || in.n == 0)
        return;
    if (b->cap - b->n < in.n) {
        size_t cap = 2 * (b->n + in.n) + 256;
        uint8_t *p = calloc(cap, 1);
        if (p == NULL) {
            fault(r, ERR_NOMEM, "There is not enough memory.");
            return;
        }
        if (b->n > 0)
            memcpy(p, b->p, b->n);
        size_t n = b->n;
        home_blob_free(b);
        *b = (struct home_blob){ .p = p, .n = n, .cap = cap };
    }
    memcpy(b->p + b->n, in.p, in.n);
    b->n += in.n;
}

static void put_text(struct reader *r, struct home_blob *b, const char *text)
{
    put(r, b, bytes_text(text));
}

/* A new item, zero; NULL after a fault. It may move with the next one. */
static struct import_item *item_new(struct reader *r, enum vault_type type)
{
    struct import *out = r->out;

    if (r->err == OK && out->n == IMPORT_ITEMS_MAX)
        fault(r, ERR_TOO_BIG, "It would become more than %d items.", IMPORT_ITEMS_MAX);
    if (r->err == OK && out->n == out->cap) {
        size_t cap = out->cap == 0 ? 64 : 2 * out->cap;
        struct import_item *more = calloc(cap, sizeof *more);
        if (more == NULL) {
            fault(r, ERR_NOMEM, "There is not enough memory.");
            return NULL;
        }
        if (out->n > 0) {
            memcpy(more, out->items, out->n * sizeof *more);
            secret_wipe(out->items, out->n * sizeof *more);
        }
        free(out->items);
        out->items = more;
        out->cap = cap;
    }
    if (r->err != OK)
        return NULL;
    out->items[out->n] = (struct import_item){ .type = type };
    return &out->items[out->n++];
}

/* ---- values ---- */

/* A text; empty where it is null or absent; anything else is a fault. */
static struct bytes text_at(struct reader *r, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    if (v == NULL || json_is_null(v))
        return (struct bytes){ 0 };
    if (!json_is_string(v)) {
        fault(r, ERR_FORMAT, "In entry %zu, \"%s\" is no text.", r->entry, key);
        return (struct bytes){ 0 };
    }
    return bytes_of(json_string_value(v), json_string_length(v));
}

/* An object or a list; NULL where it is null or absent. */
static const json_t *part_at(struct reader *r, const json_t *o, const char *key,
                             json_type type)
{
    const json_t *v = json_object_get(o, key);

    if (v == NULL || json_is_null(v))
        return NULL;
    if (json_typeof(v) == type)
        return v;
    fault(r, ERR_FORMAT, "In entry %zu, \"%s\" has another form than expected.", r->entry,
          key);
    return NULL;
}

static size_t rune_bytes(uint8_t lead)
{
    if (lead >= 0xf0)
        return 4;
    if (lead >= 0xe0)
        return 3;
    return lead >= 0xc0 ? 2 : 1;
}

/* Appends what of text may be shown to at most max bytes; the rest becomes blanks. */
static void put_clean(char *to, size_t max, struct bytes text)
{
    size_t n = strlen(to);

    for (size_t i = 0; i < text.n;) {
        size_t len = rune_bytes(text.p[i]);
        if (len > text.n - i)
            break;
        bool good = wire_printable(bytes_of(text.p + i, len));
        if (n + (good ? len : 1) > max)
            break;
        if (good)
            memcpy(to + n, text.p + i, len);
        else
            to[n] = ' ';
        n += good ? len : 1;
        i += len;
    }
    while (n > 0 && to[n - 1] == ' ')
        n--;
    to[n] = 0;
}

static struct bytes folder_of(struct reader *r, const json_t *entry)
{
    struct bytes id = text_at(r, entry, "folderId");
    const json_t *folder = NULL;
    size_t i = 0;

    json_array_foreach(r->folders, i, folder)
    {
        if (id.n > 0 && bytes_equal(text_at(r, folder, "id"), id))
            return text_at(r, folder, "name");
    }
    return (struct bytes){ 0 };
}

/* "Folder/Name" with room for an ending. */
static void name_item(struct reader *r, const json_t *entry, const char *ending,
                      struct import_item *item)
{
    const size_t room = VAULT_NAME_MAX - IMPORT_NAME_ROOM;
    struct bytes folder = folder_of(r, entry);

    if (folder.n > 0) {
        put_clean(item->name, room / 2, folder);
        put_clean(item->name, room, bytes_text("/"));
    }
    size_t before = strlen(item->name);
    put_clean(item->name, room, text_at(r, entry, "name"));
    if (strlen(item->name) == before)
        put_clean(item->name, room, bytes_text("unnamed"));
    put_clean(item->name, VAULT_NAME_MAX, bytes_text(ending));
}

/* Whether text fits as it is into a field of max bytes; then it is put there. */
static bool fits(char *to, size_t max, struct bytes text)
{
    if (text.n > max || !wire_printable(text))
        return false;
    if (text.n > 0)
        memcpy(to, text.p, text.n);
    to[text.n] = 0;
    return true;
}

/* ---- lines of notes ---- */

static void put_line(struct reader *r, struct home_blob *b, struct bytes label,
                     struct bytes value)
{
    if (value.n == 0)
        return;
    put(r, b, label);
    put_text(r, b, label.n > 0 ? ": " : "");
    put(r, b, value);
    put_text(r, b, "\n");
}

/* "cardholderName" as "Cardholder name". */
static void words_of(const char *key, char *out, size_t cap)
{
    size_t n = 0;

    for (; *key != 0 && n + 3 < cap; key++) {
        bool big = *key >= 'A' && *key <= 'Z';
        if (big && n > 0)
            out[n++] = ' ';
        char c = *key;
        if (n == 0 && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        else if (big)
            c = (char)(c - 'A' + 'a');
        out[n++] = c;
    }
    out[n] = 0;
}

static void put_json(struct reader *r, struct home_blob *b, const char *label,
                     const json_t *v)
{
    char *text = json_dumps(v, JSON_INDENT(2) | JSON_ENCODE_ANY);

    if (text == NULL)
        fault(r, ERR_NOMEM, "There is not enough memory.");
    else
        put_line(r, b, bytes_text(label), bytes_text(text));
    free_wiped(text);
}

static bool is_among(const char *key, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, key) == 0)
            return true;
    }
    return false;
}

/* Every member of o that is not among those with a place of their own. */
static void put_members(struct reader *r, struct home_blob *b, const json_t *o,
                        const char *const *known)
{
    const char *key = NULL;
    json_t *v = NULL;

    /* jansson's macro takes the object without const and changes nothing. */
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        char label[64];
        words_of(key, label, sizeof label);
        bool empty = json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0);
        if (empty || is_among(key, known))
            continue;
        if (json_is_string(v))
            put_line(r, b, bytes_text(label), text_at(r, o, key));
        else
            put_json(r, b, label, v);
    }
}

static void put_fields(struct reader *r, struct home_blob *b, const json_t *entry)
{
    const json_t *field = NULL;
    size_t i = 0;

    json_array_foreach(part_at(r, entry, "fields", JSON_ARRAY), i, field)
    {
        struct bytes name = text_at(r, field, "name");
        put_line(r, b, name.n > 0 ? name : bytes_text("Field"),
                 text_at(r, field, "value"));
    }
}

static void put_earlier(struct reader *r, struct home_blob *b, const json_t *entry)
{
    const json_t *old = NULL;
    size_t i = 0;

    json_array_foreach(part_at(r, entry, "passwordHistory", JSON_ARRAY), i, old)
    {
        char label[96] = "Earlier password, until ";
        put_clean(label, sizeof label - 1, text_at(r, old, "lastUsedDate"));
        put_line(r, b, bytes_text(label), text_at(r, old, "password"));
    }
}

/* Notes as they are, then lines. */
static void put_notes(struct reader *r, struct home_blob *b, const json_t *entry)
{
    struct bytes notes = text_at(r, entry, "notes");
    struct home_blob lines = { 0 };

    put_fields(r, &lines, entry);
    put_earlier(r, &lines, entry);
    put(r, b, notes);
    if (notes.n > 0 && (lines.n > 0 || b->n > notes.n))
        put_text(r, b, notes.p[notes.n - 1] == '\n' ? "" : "\n");
    put(r, b, bytes_of(lines.p, lines.n));
    home_blob_free(&lines);
}

/* ---- entries ---- */

static void content_of(struct reader *r, struct import_item *item, struct bytes text)
{
    if (item != NULL)
        put(r, &item->content, text);
}

/* What has no place of its own, as a note beside the item or as the only one. */
static void note_beside(struct reader *r, const json_t *entry, const char *ending,
                        struct home_blob *take_text)
{
    struct import_item *item = take_text->n > 0 ? item_new(r, VAULT_NOTE) : NULL;

    if (item != NULL) {
        name_item(r, entry, ending, item);
        item->content = *take_text;
        *take_text = (struct home_blob){ 0 };
    }
    home_blob_free(take_text);
}

static void put_uris(struct reader *r, struct home_blob *b, const json_t *login,
                     char url[IMPORT_URL_MAX + 1])
{
    const json_t *uri = NULL;
    size_t i = 0;

    json_array_foreach(part_at(r, login, "uris", JSON_ARRAY), i, uri)
    {
        struct bytes text = text_at(r, uri, "uri");
        if (url[0] != 0 || !fits(url, IMPORT_URL_MAX, text))
            put_line(r, b, bytes_text("Address"), text);
    }
}

/* The secret of codes, where codes can be made from it; else empty. */
static struct bytes usable_totp(struct reader *r, const json_t *login)
{
    AUTO_SECRET struct otp *o = NULL;
    struct bytes text = text_at(r, login, "totp");
    const char *why = "";

    if (secret_new(&o) != OK || otp_parse(text, o, &why) != OK)
        return (struct bytes){ 0 };
    return text;
}

/* The password, the secret of codes, and a note for all the rest. */
static void read_login(struct reader *r, const json_t *entry)
{
    static const char *const known[] = { "username", "password", "totp", "uris", NULL };
    const json_t *login = part_at(r, entry, "login", JSON_OBJECT);
    struct bytes user = text_at(r, login, "username");
    struct bytes password = text_at(r, login, "password");
    struct bytes totp = usable_totp(r, login);
    struct import_item first = { .type = VAULT_PASSWORD };
    struct home_blob rest = { 0 };

    put_uris(r, &rest, login, first.url);
    if (!fits(first.user, IMPORT_USER_MAX, user) || (password.n == 0 && totp.n == 0))
        put_line(r, &rest, bytes_text("User"), user);
    if (password.n == 0 && totp.n == 0)
        put_line(r, &rest, bytes_text("Address"), bytes_text(first.url));
    if (totp.n == 0)
        put_line(r, &rest, bytes_text("Secret of codes"), text_at(r, login, "totp"));
    put_members(r, &rest, login, known);
    put_notes(r, &rest, entry);
    struct import_item *item = password.n > 0 ? item_new(r, VAULT_PASSWORD) : NULL;
    if (item != NULL) {
        *item = first;
        name_item(r, entry, "", item);
        content_of(r, item, password);
    }
    item = totp.n > 0 ? item_new(r, VAULT_TOTP) : NULL;
    if (item != NULL) {
        *item = first;
        item->type = VAULT_TOTP;
        name_item(r, entry, " (code)", item);
        content_of(r, item, totp);
    }
    if (r->err == OK && rest.n == 0 && password.n == 0 && totp.n == 0)
        put_text(r, &rest, "\n");
    note_beside(r, entry, password.n > 0 || totp.n > 0 ? " (notes)" : "", &rest);
}

static void read_ssh_key(struct reader *r, const json_t *entry)
{
    static const char *const known[] = { "privateKey", NULL };
    const json_t *key = part_at(r, entry, "sshKey", JSON_OBJECT);
    struct bytes content = text_at(r, key, "privateKey");
    struct home_blob rest = { 0 };

    put_members(r, &rest, key, known);
    put_notes(r, &rest, entry);
    struct import_item *item = content.n > 0 ? item_new(r, VAULT_KEY) : NULL;
    if (item != NULL) {
        name_item(r, entry, "", item);
        content_of(r, item, content);
    }
    note_beside(r, entry, content.n > 0 ? " (notes)" : "", &rest);
}

/* A note, a card, an identity: one note with all of it. */
static void read_text(struct reader *r, const json_t *entry, const char *part)
{
    static const char *const known[] = { NULL };
    struct home_blob text = { 0 };

    if (part != NULL)
        put_members(r, &text, part_at(r, entry, part, JSON_OBJECT), known);
    put_notes(r, &text, entry);
    if (r->err == OK && text.n == 0)
        put_text(r, &text, "\n");
    note_beside(r, entry, "", &text);
}

static void read_unknown(struct reader *r, const json_t *entry)
{
    struct home_blob text = { 0 };

    r->out->unknown++;
    put_json(r, &text, "", entry);
    note_beside(r, entry, "", &text);
}

enum { KIND_LOGIN = 1, KIND_NOTE = 2, KIND_CARD = 3, KIND_IDENTITY = 4, KIND_SSH = 5 };

static void read_entry(struct reader *r, const json_t *entry)
{
    const json_t *kind = json_object_get(entry, "type");

    if (!json_is_object(entry) || !json_is_integer(kind) ||
        !json_is_string(json_object_get(entry, "name"))) {
        fault(r, ERR_FORMAT, "Entry %zu has no name or no kind.", r->entry);
        return;
    }
    if (text_at(r, entry, "deletedDate").n > 0) {
        r->out->trash++;
        return;
    }
    r->out->entries++;
    json_int_t k = json_integer_value(kind);
    if (k == KIND_LOGIN)
        read_login(r, entry);
    else if (k == KIND_SSH)
        read_ssh_key(r, entry);
    else if (k == KIND_NOTE)
        read_text(r, entry, NULL);
    else if (k == KIND_CARD)
        read_text(r, entry, "card");
    else if (k == KIND_IDENTITY)
        read_text(r, entry, "identity");
    else
        read_unknown(r, entry);
}

/* ---- the file ---- */

static void read_root(struct reader *r, const json_t *root, bool *out_encrypted)
{
    const json_t *items = json_object_get(root, "items");

    *out_encrypted = json_is_true(json_object_get(root, "encrypted"));
    if (*out_encrypted)
        fault(r, ERR_FORMAT, "This export is encrypted; its key is not here.");
    if (!json_is_array(items))
        fault(r, ERR_FORMAT, "It has no list of items: no export of Bitwarden.");
    r->folders = json_object_get(root, "folders");
    if (!json_is_array(r->folders))
        r->folders = NULL;
    for (size_t i = 0; r->err == OK && i < json_array_size(items); i++) {
        r->entry = i + 1; /* people count from 1 */
        read_entry(r, json_array_get(items, i));
    }
}

enum err bitwarden_read(struct bytes text, struct import *out, bool *out_encrypted,
                        char out_why[IMPORT_WHY])
{
    AUTO_IMPORT struct import in = { 0 };
    struct reader r = { .out = &in, .why = out_why };
    json_error_t where;
    bool encrypted = false;

    if (text.n > IMPORT_FILE_MAX) {
        fault(&r, ERR_TOO_BIG, "It is longer than 64 MiB.");
        return r.err;
    }
    json_t *root =
        json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL)
        /* jansson's own sentence would quote what it stumbled over. */
        fault(&r, ERR_FORMAT, "It is no whole JSON document: line %d, column %d.",
              where.line, where.column);
    else
        read_root(&r, root, &encrypted);
    secret_wipe(&where, sizeof where);
    json_decref(root);
    *out_encrypted = encrypted;
    if (r.err != OK)
        return r.err;
    *out = in;
    in = (struct import){ 0 }; /* the caller's now */
    return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "client/vault_former.h"

#include <time.h>

enum { HEX = 2 * KEY_BYTES, FP_HEX = 2 * FP_BYTES };

/* Before the fingerprint, in the hint. */
#define GUARDIAN_KEYS "Guardian keys: "

/* By the second, and the same wherever a run that was cut goes on. */
static void name_of(uint64_t until, char out[NAME_MAX_BYTES])
{
    struct tm tm = { 0 };
    time_t when = (time_t)until;

    MUST(gmtime_r(&when, &tm) != NULL);
    MUST(strftime(out, NAME_MAX_BYTES, VAULT_FORMER_ROOT "%Y-%m-%d, %H:%M:%S UTC", &tm) >
         0);
}

/* Which of them it is can be told without opening it. */
static enum err hint_of(const uint8_t root[KEY_BYTES], char out[VAULT_WHAT])
{
    AUTO_SECRET struct root_key *key = NULL;
    uint8_t fp[FP_BYTES];
    char hex[FP_HEX + 1];

    TRY(secret_new(&key));
    memcpy(key->b, root, KEY_BYTES);
    TRY(ident_root_fingerprint(key, fp));
    hex_encode(BYTES_OF(fp), hex, sizeof hex);
    (void)snprintf(out, VAULT_WHAT,
                   "The root key before this one. It changes nothing any more; it opens "
                   "what was sealed to you before. " GUARDIAN_KEYS "%s",
                   hex);
    return OK;
}

enum err former_keep(struct vault *v, uint64_t until, const uint8_t root[KEY_BYTES],
                     uint64_t now, const struct rng *rng)
{
    char name[NAME_MAX_BYTES];
    char hint[VAULT_WHAT];
    char hex[HEX + 1];

    name_of(until, name);
    if (vault_find(v, bytes_text(name)) != NULL)
        return OK;
    TRY(hint_of(root, hint));
    hex_encode(bytes_of(root, KEY_BYTES), hex, sizeof hex);
    const struct bytes content = bytes_text(hex);
    const struct vault_change what = {
        .name = bytes_text(name),
        .type = VAULT_KEY,
        .hint = bytes_text(hint),
        .content = &content,
    };

    enum err e = vault_add(v, &what, now, rng);
    secret_wipe(hex, sizeof hex);
    TRY(e);
    return vault_save(v, now, rng);
}

uint64_t former_newest(const struct vault *v, uint64_t now)
{
    uint64_t newest = 0;

    for (size_t i = 0; i < vault_count(v); i++) {
        const struct vault_item *item = vault_at(v, i);

        if (vault_is_former(item) && item->now[0].changed > newest)
            newest = item->now[0].changed;
    }
    return newest < now ? newest : now;
}

static bool may_be_root(const struct vault_item *item)
{
    return item->type == VAULT_KEY && item->n_now == 1 && item->now[0].size == HEX;
}

static bool has_text(struct bytes in, const char *text)
{
    return in.n > 0 && memmem(in.p, in.n, text, strlen(text)) != NULL;
}

bool former_is_listed(struct vault *v, const uint8_t fp[FP_BYTES])
{
    char hex[FP_HEX + 1];
    bool found = false;

    hex_encode(bytes_of(fp, FP_BYTES), hex, sizeof hex);
    for (size_t i = 0; !found && i < vault_count(v); i++) {
        const struct vault_item *item = vault_at(v, i);
        bool named = has_text(item->hint, hex) || !has_text(item->hint, GUARDIAN_KEYS);

        found = may_be_root(item) && named && vault_has(v, item->now[0].root);
    }
    return found;
}

enum err former_next(struct vault *v, size_t *io_at, struct root_key *out)
{
    while (*io_at < vault_count(v)) {
        AUTO_BLOB struct home_blob b = { 0 };
        const struct vault_item *item = vault_at(v, (*io_at)++);

        if (!may_be_root(item))
            continue;
        enum err e = vault_content(v, item, 0, &b);
        if (e == ERR_NOMEM)
            return e;
        if (e == OK && hex_decode(bytes_of(b.p, b.n), SPAN_OF(out->b)) == OK)
            return OK;
    }
    return ERR_UNKNOWN;
}

enum err former_of_seat(struct vault *v, const uint8_t node_key[PUB_BYTES],
                        const uint8_t seat[SEAT_BYTES], struct root_key *out)
{
    AUTO_SECRET struct root_key *root = NULL;
    uint8_t fp[FP_BYTES];
    uint8_t id[SEAT_BYTES];
    size_t at = 0;

    TRY(secret_new(&root));
    for (;;) {
        TRY(former_next(v, &at, root));
        TRY(ident_root_fingerprint(root, fp));
        ident_seat_id(node_key, fp, id);
        if (!bytes_equal(BYTES_OF(id), bytes_of(seat, SEAT_BYTES)))
            continue;
        *out = *root;
        return OK;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SLIP-39 for checks from outside: one JSON object on standard input, one on
 * standard output. "split" and "combine"; see docs/TESTING.md. An "error" and exit 1
 * for whatever fails. Not installed: JSON holds secrets in ordinary memory.
 */
#include <stdio.h>

#include <jansson.h>

#include "proto/crypt.h"
#include "proto/secret.h"
#include "proto/slip39.h"

#define AUTO_JSON __attribute__((cleanup(auto_json_)))

static void auto_json_(json_t **j)
{
    json_decref(*j);
}

/* A whole number of the object, or the usual one if it is absent. */
static enum err get_u8(const json_t *in, const char *key, uint8_t usual, uint8_t *out)
{
    const json_t *v = json_object_get(in, key);

    if (v == NULL) {
        *out = usual;
        return OK;
    }
    if (!json_is_integer(v))
        return ERR_FORMAT;
    json_int_t n = json_integer_value(v);
    if (n < 0 || n > 255)
        return ERR_ARG;
    *out = (uint8_t)n;
    return OK;
}

static enum err get_text(const json_t *in, const char *key, struct bytes *out)
{
    const json_t *v = json_object_get(in, key);

    if (v != NULL && !json_is_string(v))
        return ERR_FORMAT;
    *out = v == NULL ? bytes_of(NULL, 0)
                     : bytes_of(json_string_value(v), json_string_length(v));
    return OK;
}

static enum err get_group(const json_t *pair, struct slip39_plan *plan)
{
    json_int_t t = json_integer_value(json_array_get(pair, 0));
    json_int_t n = json_integer_value(json_array_get(pair, 1));

    if (json_array_size(pair) != 2)
        return ERR_FORMAT;
    if (plan->group_count == SLIP39_GROUPS || t < 0 || t > 255 || n < 0 || n > 255)
        return ERR_ARG;
    plan->groups[plan->group_count].t = (uint8_t)t;
    plan->groups[plan->group_count].n = (uint8_t)n;
    plan->group_count++;
    return OK;
}

static enum err get_plan(const json_t *in, struct slip39_plan *plan)
{
    const json_t *groups = json_object_get(in, "groups");
    uint8_t max_e = 0;

    TRY(get_u8(in, "ext", 1, &plan->ext));
    TRY(get_u8(in, "e", 0, &plan->e));
    TRY(get_u8(in, "max_e", SLIP39_E_USUAL, &max_e));
    TRY(get_u8(in, "group_threshold", 1, &plan->group_threshold));
    if (!json_is_array(groups))
        return ERR_FORMAT;
    for (size_t i = 0; i < json_array_size(groups); i++)
        TRY(get_group(json_array_get(groups, i), plan));
    TRY(slip39_plan_check(plan));
    return plan->e > max_e ? ERR_TOO_BIG : OK;
}

static json_t *words_json(const struct slip39_share *share)
{
    uint8_t text[SLIP39_TEXT];
    struct buf out = BUF_OF(text);

    slip39_words_encode(share, &out);
    json_t *words = json_stringn((const char *)text, out.n);
    secret_wipe(text, sizeof text);
    return words;
}

static json_t *groups_json(const struct slip39_plan *plan,
                           const struct slip39_share *shares)
{
    json_t *groups = json_array();

    for (size_t g = 0; g < plan->group_count; g++) {
        json_t *group = json_array();

        for (size_t i = 0; i < plan->groups[g].n; i++)
            (void)json_array_append_new(group, words_json(shares++)); /* NULL is shown */
        (void)json_array_append_new(groups, group);
    }
    return json_pack("{s:o}", "groups", groups);
}

static enum err do_split(const json_t *in, json_t **out)
{
    struct slip39_plan plan = { 0 };
    struct bytes hex = { 0 };
    struct bytes passphrase = { 0 };
    AUTO_SECRET uint8_t *secret = NULL;
    AUTO_SECRET uint8_t *draw = NULL;
    AUTO_SECRET struct slip39_share *shares = NULL;

    TRY(get_text(in, "secret", &hex));
    TRY(get_text(in, "passphrase", &passphrase));
    TRY(get_plan(in, &plan));
    if (hex.n < (size_t)2 * SLIP39_SECRET_MIN || hex.n > (size_t)2 * SLIP39_SECRET_MAX)
        return ERR_ARG;
    size_t n = hex.n / 2;
    size_t draw_n = slip39_draw_size(&plan, n);
    TRY(secret_alloc(n, (void **)&secret));
    TRY(hex_decode(hex, (struct span){ secret, n }));
    TRY(secret_alloc(draw_n, (void **)&draw));
    TRY(secret_alloc(slip39_plan_shares(&plan) * sizeof *shares, (void **)&shares));
    rng_fill(&crypt_random, draw, draw_n);
    TRY(slip39_split(bytes_of(secret, n), passphrase, &plan, bytes_of(draw, draw_n),
                     shares));
    *out = groups_json(&plan, shares);
    return OK;
}

/* The readable shares of the list, where each stood, and why others could not be read. */
struct pile {
    struct slip39_share shares[SLIP39_SHARES];
    uint16_t position[SLIP39_SHARES];
    size_t n;
    enum err unread;
};

static enum err read_pile(const json_t *list, struct pile *pile)
{
    if (!json_is_array(list))
        return ERR_FORMAT;
    if (json_array_size(list) > SLIP39_SHARES)
        return ERR_SHARE_MANY;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);

        if (!json_is_string(v))
            return ERR_FORMAT;
        enum err e =
            slip39_words_decode(bytes_of(json_string_value(v), json_string_length(v)),
                                &pile->shares[pile->n]);
        if (e == ERR_NOMEM)
            return e;
        pile->unread = pile->unread == OK ? e : pile->unread;
        pile->position[pile->n] = (uint16_t)i;
        pile->n += e == OK ? 1 : 0;
    }
    return OK;
}

static json_t *found_json(const struct pile *pile, size_t listed,
                          const struct slip39_found *found)
{
    char hex[2 * SLIP39_SECRET_MAX + 1];
    json_t *bad = json_array();
    size_t k = 0;

    for (size_t i = 0; i < listed; i++) {
        bool read = k < pile->n && pile->position[k] == i;
        bool good = read && !found->bad[k];

        k += read ? 1 : 0;
        if (!good)
            (void)json_array_append_new(bad, json_integer((json_int_t)i));
    }
    hex_encode(bytes_of(found->secret, found->secret_n), hex, sizeof hex);
    json_t *out = json_pack("{s:s,s:o}", "secret", hex, "bad", bad);
    secret_wipe(hex, sizeof hex);
    return out;
}

static enum err do_combine(const json_t *in, json_t **out)
{
    const json_t *list = json_object_get(in, "mnemonics");
    struct bytes passphrase = { 0 };
    uint8_t max_e = 0;
    AUTO_SECRET struct pile *pile = NULL;
    AUTO_SECRET struct slip39_found *found = NULL;

    TRY(get_text(in, "passphrase", &passphrase));
    TRY(get_u8(in, "max_e", SLIP39_E_USUAL, &max_e));
    TRY(secret_new(&pile));
    TRY(secret_new(&found));
    TRY(read_pile(list, pile));
    enum err e = slip39_recover(pile->shares, pile->n, passphrase, max_e, found);
    if (e != OK)
        return pile->unread != OK ? pile->unread : e;
    *out = found_json(pile, json_array_size(list), found);
    return OK;
}

static enum err run(json_t **out)
{
    AUTO_JSON json_t *in = json_loadf(stdin, JSON_REJECT_DUPLICATES, NULL);
    struct bytes op = { 0 };

    if (!json_is_object(in))
        return ERR_FORMAT;
    TRY(get_text(in, "op", &op));
    if (bytes_equal(op, bytes_text("split")))
        return do_split(in, out);
    if (bytes_equal(op, bytes_text("combine")))
        return do_combine(in, out);
    return ERR_UNKNOWN;
}

int main(void)
{
    AUTO_JSON json_t *out = NULL;

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    enum err e = run(&out);
    secret_end();
    if (e != OK || out == NULL) {
        printf("{\"error\":\"%s\"}\n", err_name(e != OK ? e : ERR_NOMEM));
        return 1;
    }
    return json_dumpf(out, stdout, JSON_COMPACT) == 0 && puts("") >= 0 ? 0 : 1;
}

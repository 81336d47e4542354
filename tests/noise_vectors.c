/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/noise_vectors.h"

#include <stdio.h>

/* Sections 7.4, 7.5 and 18.1 of the specification; "known" are the pre-messages. */
static const struct {
    const char *name;
    const char *known; /* i: initiator's static key, r: responder's */
    const char *messages;
} patterns[] = {
    { "N", "r", "e,es" },
    { "K", "ir", "e,es,ss" },
    { "X", "r", "e,es,s,ss" },
    { "NN", "", "e|e,ee" },
    { "NK", "r", "e,es|e,ee" },
    { "NX", "", "e|e,ee,s,es" },
    { "KN", "i", "e|e,ee,se" },
    { "KK", "ir", "e,es,ss|e,ee,se" },
    { "KX", "i", "e|e,ee,se,s,es" },
    { "XN", "", "e|e,ee|s,se" },
    { "XK", "r", "e,es|e,ee|s,se" },
    { "XX", "", "e|e,ee,s,es|s,se" },
    { "IN", "", "e,s|e,ee,se" },
    { "IK", "r", "e,es,s,ss|e,ee,se" },
    { "IX", "", "e,s|e,ee,se,s,es" },
    { "NK1", "r", "e|e,ee,es" },
    { "NX1", "", "e|e,ee,s|es" },
    { "X1N", "", "e|e,ee|s|se" },
    { "X1K", "r", "e,es|e,ee|s|se" },
    { "XK1", "r", "e|e,ee,es|s,se" },
    { "X1K1", "r", "e|e,ee,es|s|se" },
    { "X1X", "", "e|e,ee,s,es|s|se" },
    { "XX1", "", "e|e,ee,s|es,s,se" },
    { "X1X1", "", "e|e,ee,s|es,s|se" },
    { "K1N", "i", "e|e,ee|se" },
    { "K1K", "ir", "e,es|e,ee|se" },
    { "KK1", "ir", "e|e,ee,se,es" },
    { "K1K1", "ir", "e|e,ee,es|se" },
    { "K1X", "i", "e|e,ee,s,es|se" },
    { "KX1", "i", "e|e,ee,se,s|es" },
    { "K1X1", "i", "e|e,ee,s|se,es" },
    { "I1N", "", "e,s|e,ee|se" },
    { "I1K", "r", "e,es,s|e,ee|se" },
    { "IK1", "r", "e,s|e,ee,se,es" },
    { "I1K1", "r", "e,s|e,ee,es|se" },
    { "I1X", "", "e,s|e,ee,s,es|se" },
    { "IX1", "", "e,s|e,ee,se,s|es" },
    { "I1X1", "", "e,s|e,ee,s|se,es" },
};

enum { PATTERNS = sizeof patterns / sizeof patterns[0], FIELD = 1536 };

static enum vector_result because(struct vector_why *out, enum vector_result r,
                                  const char *what, const char *which)
{
    (void)snprintf(out->text, sizeof out->text, "%s %s", what, which);
    return r;
}

const char *noise_pattern_name(size_t i)
{
    return i < PATTERNS ? patterns[i].name : NULL;
}

static enum noise_token token_named(const char *s, size_t n)
{
    static const char *const names[] = {
        [NOISE_E] = "e",   [NOISE_S] = "s",   [NOISE_EE] = "ee",
        [NOISE_ES] = "es", [NOISE_SE] = "se", [NOISE_SS] = "ss",
    };

    for (size_t i = NOISE_E; i <= NOISE_SS; i++)
        if (strlen(names[i]) == n && strncmp(names[i], s, n) == 0)
            return (enum noise_token)i;
    return NOISE_END;
}

static void fill_tokens(const char *text, struct noise_pattern *p)
{
    size_t token = 0;

    p->messages = 1;
    while (*text != '\0') {
        size_t n = strcspn(text, ",|");
        p->tokens[p->messages - 1][token++] = (uint8_t)token_named(text, n);
        if (text[n] == '|') {
            p->messages++;
            token = 0;
        }
        text += n + (text[n] != '\0');
    }
}

/* psk0 opens the first message, pskN closes message N. */
static bool add_psk(struct noise_pattern *p, unsigned where)
{
    size_t n = 0;

    if (where > p->messages)
        return false;
    uint8_t *row = p->tokens[where == 0 ? 0 : where - 1];
    while (row[n] != NOISE_END)
        n++;
    if (n + 1 == NOISE_TOKENS)
        return false;
    if (where == 0)
        memmove(row + 1, row, n);
    row[where == 0 ? 0 : n] = NOISE_PSK;
    p->psk = true;
    return true;
}

static bool add_modifiers(struct noise_pattern *p, const char *mods)
{
    while (*mods != '\0') {
        unsigned where = 0;
        int n = 0;
        if (sscanf(mods, "psk%1u%n", &where, &n) != 1 || !add_psk(p, where))
            return false;
        mods += n;
        if (*mods == '+')
            mods++;
    }
    return true;
}

static enum vector_result fill_pattern(const char *name, struct noise_pattern *p,
                                       struct vector_why *why)
{
    size_t base = strspn(name, "NKXI1");

    for (size_t i = 0; i < PATTERNS; i++) {
        if (strlen(patterns[i].name) != base ||
            strncmp(patterns[i].name, name, base) != 0)
            continue;
        p->init_known = strchr(patterns[i].known, 'i') != NULL;
        p->resp_known = strchr(patterns[i].known, 'r') != NULL;
        fill_tokens(patterns[i].messages, p);
        if (!add_modifiers(p, name + base))
            return because(why, VECTOR_SKIPPED, "modifier", name + base);
        return VECTOR_PASSED;
    }
    return because(why, VECTOR_SKIPPED, "pattern", name);
}

enum vector_result noise_named(const char *protocol, struct noise_pattern *out_pattern,
                               struct vector_why *out_why)
{
    struct noise_pattern p = { 0 };
    char noise[16] = "", name[32] = "", dh[16] = "", cipher[16] = "", hash[16] = "";

    if (sscanf(protocol, "%15[^_]_%31[^_]_%15[^_]_%15[^_]_%15[^_]", noise, name, dh,
               cipher, hash) != 5)
        return because(out_why, VECTOR_FAILED, "no protocol name:", protocol);
    if (strcmp(noise, "Noise") != 0)
        return because(out_why, VECTOR_SKIPPED, "framework", noise);
    if (strcmp(dh, "25519") != 0)
        return because(out_why, VECTOR_SKIPPED, "DH", dh);
    if (strcmp(cipher, "ChaChaPoly") != 0)
        return because(out_why, VECTOR_SKIPPED, "cipher", cipher);
    if (strcmp(hash, "BLAKE2b") != 0)
        return because(out_why, VECTOR_SKIPPED, "hash", hash);
    if (strlen(protocol) > NOISE_HASH)
        return because(out_why, VECTOR_SKIPPED, "long name", protocol);
    memcpy(p.protocol, protocol, strlen(protocol));

    enum vector_result r = fill_pattern(name, &p, out_why);
    if (r == VECTOR_PASSED)
        *out_pattern = p;
    return r;
}

/* A hex field as bytes; false if it is there but not as it should be. */
struct field {
    uint8_t p[FIELD];
    size_t n;
    bool there;
};

static bool read_hex(const json_t *value, struct field *out)
{
    const char *text = json_string_value(value);

    *out = (struct field){ 0 };
    if (value == NULL || json_is_null(value))
        return true;
    if (text == NULL || strlen(text) / 2 > FIELD)
        return false;
    out->n = strlen(text) / 2;
    out->there = true;
    return hex_decode(bytes_text(text), (struct span){ out->p, out->n }) == OK;
}

static bool read_field(const json_t *vector, const char *side, const char *name,
                       struct field *out)
{
    char key[32];

    (void)snprintf(key, sizeof key, "%s%s", side, name);
    return read_hex(json_object_get(vector, key), out);
}

/* A field of 32 bytes or none. */
static bool read_key(const json_t *vector, const char *side, const char *name,
                     struct field *out)
{
    return read_field(vector, side, name, out) && (!out->there || out->n == KEY_BYTES);
}

/* One side of a vector being played. */
struct player {
    struct noise noise;
    struct noise_cipher send;
    struct noise_cipher receive;
    struct dh_key s;
    uint8_t s_pub[PUB_BYTES];
    uint8_t e[KEY_BYTES];
    uint8_t hash[NOISE_HASH];
    const json_t *psks;
    size_t psk_at;
};

static void fill_fixed(void *ctx, uint8_t *out, size_t n)
{
    MUST(n == KEY_BYTES);
    memcpy(out, ctx, n);
}

/* Whether the pattern can be begun with the keys given. */
static bool keys_fit(const struct noise_pattern *p, enum noise_side side,
                     const struct noise_keys *keys)
{
    bool init = side == NOISE_INITIATOR;

    return (!p->init_known || (init ? keys->s != NULL : keys->rs != NULL)) &&
           (!p->resp_known || (init ? keys->rs != NULL : keys->s != NULL));
}

static bool begin(struct player *pl, const json_t *vector, const char *side_name,
                  const struct noise_pattern *p, enum noise_side side)
{
    struct field prologue, s, rs, e;
    char key[16];

    if (!read_field(vector, side_name, "prologue", &prologue) ||
        !read_key(vector, side_name, "static", &s) ||
        !read_key(vector, side_name, "remote_static", &rs) ||
        !read_key(vector, side_name, "ephemeral", &e))
        return false;
    memcpy(pl->e, e.p, KEY_BYTES);
    memcpy(pl->s.b, s.p, KEY_BYTES);
    crypt_dh_public(&pl->s, pl->s_pub);
    (void)snprintf(key, sizeof key, "%spsks", side_name);
    pl->psks = json_object_get(vector, key);

    struct noise_keys keys = { s.there ? &pl->s : NULL, pl->s_pub,
                               rs.there ? rs.p : NULL };
    if (!keys_fit(p, side, &keys))
        return false;
    noise_start(&pl->noise, p, side, bytes_of(prologue.p, prologue.n), &keys);
    return true;
}

/* The next psk of the vector's list; false if there is none. */
static bool give_psk(struct player *pl)
{
    struct field psk;
    struct psk key;

    if (!read_hex(json_array_get(pl->psks, pl->psk_at), &psk) || psk.n != KEY_BYTES)
        return false;
    memcpy(key.b, psk.p, KEY_BYTES);
    if (pl->noise.psks == NOISE_PSKS)
        return false;
    noise_give_psk(&pl->noise, &key);
    pl->psk_at++;
    return true;
}

static bool write_one(struct player *pl, struct bytes payload, struct buf *out)
{
    struct rng fixed = { fill_fixed, pl->e };
    const uint8_t *tokens = pl->noise.pattern->tokens[pl->noise.message];

    for (size_t i = 0; tokens[i] != NOISE_END; i++)
        if (tokens[i] == NOISE_PSK && !give_psk(pl))
            return false;
    return noise_write(&pl->noise, payload, &fixed, out) == OK;
}

/* Reads the way a node does: the psk is given only when it is asked for. */
static bool read_one(struct player *pl, struct bytes in, struct bytes payload)
{
    uint8_t got[FIELD];
    size_t got_n = 0;
    enum noise_read what = NOISE_READ_PSK;

    while (what == NOISE_READ_PSK) {
        if (noise_read(&pl->noise, in, SPAN_OF(got), &got_n, &what) != OK)
            return false;
        if (what == NOISE_READ_PSK && !give_psk(pl))
            return false;
    }
    return bytes_equal(bytes_of(got, got_n), payload);
}

static bool transport_one(struct player *from, struct player *to, struct bytes payload,
                          struct buf *out)
{
    uint8_t got[FIELD];

    if (noise_seal(&from->send, (struct bytes){ 0 }, payload, out->p) != OK)
        return false;
    out->n = payload.n + NOISE_TAG;
    return noise_open(&to->receive, (struct bytes){ 0 }, buf_bytes(out), got) == OK &&
           bytes_equal(bytes_of(got, payload.n), payload);
}

static bool split(struct player *pl)
{
    memcpy(pl->hash, noise_hash(&pl->noise), NOISE_HASH);
    return noise_split(&pl->noise, &pl->send, &pl->receive) == OK;
}

static bool play_one(struct player *from, struct player *to, const json_t *message)
{
    struct field payload, want;
    uint8_t made[FIELD];
    struct buf out = BUF_OF(made);

    if (!read_hex(json_object_get(message, "payload"), &payload) ||
        !read_hex(json_object_get(message, "ciphertext"), &want) || !want.there ||
        payload.n > FIELD - 256)
        return false;

    struct bytes plain = bytes_of(payload.p, payload.n);
    if (from->noise.pattern == NULL) {
        if (!transport_one(from, to, plain, &out))
            return false;
    } else if (!write_one(from, plain, &out) || !read_one(to, buf_bytes(&out), plain)) {
        return false;
    }
    if (!bytes_equal(buf_bytes(&out), bytes_of(want.p, want.n)))
        return false;
    return !noise_complete(&from->noise) || (split(from) && split(to));
}

static bool hash_right(const json_t *vector, const struct player *a,
                       const struct player *b)
{
    struct field hash;

    return a->noise.pattern == NULL && read_field(vector, "", "handshake_hash", &hash) &&
           bytes_equal(BYTES_OF(a->hash), BYTES_OF(b->hash)) &&
           (!hash.there || bytes_equal(BYTES_OF(a->hash), bytes_of(hash.p, hash.n)));
}

static enum vector_result play(const json_t *vector, const struct noise_pattern *p,
                               struct vector_why *why)
{
    AUTO_SECRET struct player *pl = NULL;
    const json_t *messages = json_object_get(vector, "messages");
    size_t n = json_array_size(messages);

    if (secret_alloc(2 * sizeof *pl, (void **)&pl) != OK)
        return because(why, VECTOR_FAILED, p->protocol, "no memory");
    if (!begin(&pl[0], vector, "init_", p, NOISE_INITIATOR) ||
        !begin(&pl[1], vector, "resp_", p, NOISE_RESPONDER))
        return because(why, VECTOR_FAILED, p->protocol, "keys");
    for (size_t i = 0; i < n; i++) {
        size_t from = p->messages == 1 ? 0 : i % 2;
        if (!play_one(&pl[from], &pl[1 - from], json_array_get(messages, i))) {
            char which[32];
            (void)snprintf(which, sizeof which, "message %zu", i + 1);
            return because(why, VECTOR_FAILED, p->protocol, which);
        }
    }
    if (!hash_right(vector, &pl[0], &pl[1]))
        return because(why, VECTOR_FAILED, p->protocol, "handshake hash");
    return VECTOR_PASSED;
}

enum vector_result noise_vector(const json_t *vector, struct vector_why *out_why)
{
    struct noise_pattern p;
    const char *name = json_string_value(json_object_get(vector, "protocol_name"));

    if (name == NULL)
        name = json_string_value(json_object_get(vector, "name"));
    if (name == NULL)
        return because(out_why, VECTOR_FAILED, "no name", "");

    enum vector_result r = noise_named(name, &p, out_why);
    return r == VECTOR_PASSED ? play(vector, &p, out_why) : r;
}

bool noise_vector_file(const char *path, struct vector_count *out_count)
{
    json_error_t error;
    json_t *file = json_load_file(path, 0, &error);
    json_t *vectors = json_object_get(file, "vectors");
    struct vector_count count = { 0 };
    json_t *v;
    size_t i;

    if (!json_is_array(vectors)) {
        fprintf(stderr, "%s: %s\n", path, file == NULL ? error.text : "no vectors in it");
        json_decref(file);
        return false;
    }
    json_array_foreach(vectors, i, v)
    {
        static const char *const word[] = { "passed", "FAILED", "skipped" };
        struct vector_why why;
        enum vector_result r = noise_vector(v, &why);
        count.of[r]++;
        if (r != VECTOR_PASSED)
            printf("%s: vector %zu: %s\n", word[r], i + 1, why.text);
    }
    json_decref(file);
    *out_count = count;
    return true;
}

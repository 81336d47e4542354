/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/words.h"

static const char *const list[] = {
#include "proto/words_list.inc"
};

_Static_assert(sizeof(list) / sizeof(list[0]) == WORDS_LIST, "the whole list");

const char *words_text(uint16_t index)
{
    MUST(index < WORDS_LIST);
    return list[index];
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* The letters typed if they begin the word, else 0; "yo-yo" is said without its hyphen.
 */
static size_t letters_shared(struct bytes typed, const char *word)
{
    size_t letters = 0;

    for (size_t i = 0; i < typed.n; i++) {
        if (typed.p[i] == '-')
            continue;
        if (*word == '-')
            word++;
        if (*word == '\0' || lower(typed.p[i]) != (uint8_t)*word)
            return 0;
        word++;
        letters++;
    }
    return letters;
}

enum err words_find(struct bytes typed, uint16_t *out_index)
{
    /* Longer than any word: only hyphens could be so many, and would cost time. */
    if (typed.n > WORDS_TEXT)
        return ERR_WORD;
    for (unsigned i = 0; i < WORDS_LIST; i++) {
        if (letters_shared(typed, list[i]) < 3)
            continue;
        *out_index = (uint16_t)i;
        return OK;
    }
    return ERR_WORD;
}

void words_from_bytes(const uint8_t in[8], size_t n, uint16_t *out_indices)
{
    MUST(n <= WORDS_MAX);
    uint64_t v = load_u64(in);

    /* The n lowest digits to base 1,296 are the value mod 1296^n. */
    for (size_t i = n; i > 0; i--) {
        out_indices[i - 1] = (uint16_t)(v % WORDS_LIST);
        v /= WORDS_LIST;
    }
}

enum err words_call(struct bytes t, const uint8_t nonce[WORDS_NONCE], struct cost cost,
                    uint8_t out[WORDS_OUT])
{
    uint8_t salt[SALT_BYTES];

    crypt_hash(LABEL_CALL_SALT, PARTS(bytes_of(nonce, WORDS_NONCE)), SPAN_OF(salt));
    return crypt_argon2id(t, salt, cost, (struct span){ out, WORDS_OUT });
}

enum err words_fingerprint(const uint8_t owner_pub[PUB_BYTES], struct cost cost,
                           uint16_t out_indices[WORDS_CALL])
{
    uint8_t salt[SALT_BYTES];
    uint8_t hash[WORDS_OUT];

    crypt_hash(LABEL_FINGERPRINT, NULL, 0, SPAN_OF(salt));
    TRY(crypt_argon2id(bytes_of(owner_pub, PUB_BYTES), salt, cost, SPAN_OF(hash)));
    words_from_bytes(hash, WORDS_CALL, out_indices);
    return OK;
}

void words_format(const uint16_t *indices, size_t n, char *out, size_t cap)
{
    struct buf b = { .p = (uint8_t *)out, .cap = cap };

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_put_u8(&b, ' ');
        buf_put(&b, bytes_text(words_text(indices[i])));
    }
    buf_put_u8(&b, '\0');
    MUST(!b.over);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes white space and then the letters up to the next; empty at the end. */
static struct bytes next_word(struct bytes *text)
{
    struct bytes word = { 0 };
    size_t lead = 0;
    size_t n = 0;

    while (lead < text->n && is_space(text->p[lead]))
        lead++;
    while (lead + n < text->n && !is_space(text->p[lead + n]))
        n++;
    MUST(bytes_take(text, lead, &word) == OK);
    MUST(bytes_take(text, n, &word) == OK);
    return word;
}

enum err words_parse(struct bytes text, size_t n, uint16_t *out_indices)
{
    uint16_t found[WORDS_MAX] = { 0 };

    MUST(n > 0 && n <= WORDS_MAX);
    for (size_t i = 0; i < n; i++)
        TRY(words_find(next_word(&text), &found[i]));
    if (next_word(&text).n > 0)
        return ERR_WORD;
    memcpy(out_indices, found, n * sizeof(found[0]));
    return OK;
}

enum words_verdict words_compare(const uint16_t *typed, const uint16_t *right, size_t n)
{
    uint32_t wrong = 0;

    MUST(n > 0 && n <= WORDS_MAX);
    for (size_t i = 0; i < n; i++) {
        uint32_t differ = (uint32_t)(typed[i] ^ right[i]);

        wrong += (0U - differ) >> 31;
    }
    /* Only the count leaves; each step is arithmetic on its borrow bit. */
    uint32_t none = (wrong - 1) >> 31;
    uint32_t one = ((wrong ^ 1) - 1) >> 31;
    uint32_t all = ((wrong ^ (uint32_t)n) - 1) >> 31;

    return (enum words_verdict)(none * WORDS_RIGHT + one * WORDS_SLIP +
                                (all & ~one & 1U) * WORDS_ALL_WRONG);
}

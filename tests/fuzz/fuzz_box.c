/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sealed to somebody: the first byte chooses which, the rest is it as it comes,
 * and a plain text that is sealed here, since no fuzzer finds a tag. A box's owner signs
 * here too.
 */
#include "tests/fuzz/fixed.h"

static struct fixed f;
static uint8_t plain[WIRE_MAX];
static _Alignas(16) uint8_t value[32768];

enum { PIECE, ROSTER_BOX, NOTE, ROSTER, RELEASE, RELEASE_ROSTER, KINDS };

static enum err get(unsigned k, struct bytes raw)
{
    struct bytes t = BYTES_OF(f.t);

    memset(value, 0, sizeof value);
    switch (k) {
    case PIECE:
        return box_open(BOX_OF_PIECE, &f.about, &f.dh, raw, SPAN_OF(plain),
                        (struct box_content *)(void *)value);
    case ROSTER_BOX:
        return box_open(BOX_OF_ROSTER, &f.about, &f.dh, raw, SPAN_OF(plain),
                        (struct box_content *)(void *)value);
    case NOTE:
        return note_open(&f.dh, f.seat, raw, SPAN_OF(plain),
                         (struct note *)(void *)value);
    case ROSTER:
        return roster_open(&f.key, f.hash, raw, SPAN_OF(plain),
                           (struct roster *)(void *)value);
    case RELEASE:
        return release_open(&f.dh, t, f.hash, raw, value,
                            (struct seal_key *)(void *)(value + PIECE_BYTES));
    default:
        return release_roster_open(&f.dh, t, f.hash, raw,
                                   (struct seal_key *)(void *)value);
    }
}

static void canonical(unsigned k, struct bytes in)
{
    static const struct wire_schema *const schemas[KINDS] = {
        [PIECE] = &box_content_schema,
        [ROSTER_BOX] = &box_content_schema,
        [NOTE] = &note_schema,
        [ROSTER] = &roster_schema,
    };

    if (schemas[k] != NULL)
        fixed_canonical(schemas[k], value, in);
    else
        MUST(in.n == (k == RELEASE ? PIECE_BYTES + KEY_BYTES : KEY_BYTES) &&
             secret_equal(in.p, value, in.n));
}

/* The owner's signature of what stands in a box. */
static void inner_sign(enum label label, struct bytes content, uint8_t sig[SIG_BYTES])
{
    uint8_t ad[128];
    uint8_t hash[HASH_BYTES];
    struct buf about = BUF_OF(ad);

    wire_put(&box_about_schema, &f.about, &about);
    crypt_hash(LABEL_BOX_INNER,
               PARTS(bytes_text(label_text(label)), buf_bytes(&about), content),
               SPAN_OF(hash));
    crypt_sign(&f.sign, LABEL_BOX_INNER, BYTES_OF(hash), sig);
}

static enum err seal(unsigned k, struct bytes in, struct buf *out)
{
    static const enum label labels[KINDS] = {
        LABEL_BOX_PIECE,   LABEL_BOX_ROSTER,  LABEL_BOX_NOTE,
        LABEL_ROSTER_SEAL, LABEL_BOX_RELEASE, LABEL_BOX_RELEASE_ROSTER,
    };

    static uint8_t mem[WIRE_MAX];
    uint8_t ad[2 * HASH_BYTES + 64];
    uint8_t extra[HASH_BYTES];
    struct buf b = BUF_OF(ad);
    struct buf text = BUF_OF(mem);

    buf_put(&text, in);
    if (k == ROSTER) {
        crypt_seal(&f.key, labels[k], BYTES_OF(f.hash), in, &f.rng, out);
        return OK;
    }
    if (k == PIECE || k == ROSTER_BOX) {
        uint8_t sig[SIG_BYTES];

        inner_sign(labels[k], in, sig);
        buf_put(&text, BYTES_OF(sig));
        wire_put(&box_about_schema, &f.about, &b);
    } else if (k == NOTE) {
        buf_put(&b, BYTES_OF(f.seat));
    } else {
        transcript_hash(BYTES_OF(f.t), extra);
        buf_put(&b, BYTES_OF(extra));
        buf_put(&b, BYTES_OF(f.hash));
    }
    MUST(!b.over);
    return crypt_box_seal(f.dh_pub, labels[k], buf_bytes(&b), buf_bytes(&text), &f.rng,
                          out);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK && sizeof(struct roster) <= sizeof value);
    fixed_init(&f);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mem[WIRE_MAX];
    struct buf out = BUF_OF(mem);

    if (size < 1 || size > ROSTER_MAX)
        return 0;
    unsigned k = data[0] % KINDS;
    struct bytes in = bytes_of(data + 1, size - 1);
    (void)get(k, in);
    enum err e = seal(k, in, &out);
    MUST(e == OK && !out.over);
    if (get(k, buf_bytes(&out)) == OK)
        canonical(k, in);
    MUST(secret_in_use() == 0);
    return 0;
}

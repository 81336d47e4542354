/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No branch and no address depends on the psk or on what comes of it: the last
 * handshake message, the split, transport messages. (The refusal of an all-zero
 * DH result and of a wrong tag are branches on purpose: their outcome is public.)
 */
#include "proto/noise.h"
#include "tests/ct/ct.h"

static void fill_counted(void *ctx, uint8_t *out, size_t n)
{
    uint8_t *next = ctx;

    for (size_t i = 0; i < n; i++)
        out[i] = (*next)++;
}

struct sides {
    struct noise i, r;
    struct noise_cipher send, receive;
    struct dh_key i_key, r_key;
    struct psk psk;
};

static void begin(struct sides *s, const struct rng *rng)
{
    uint8_t i_pub[PUB_BYTES], r_pub[PUB_BYTES];

    rng_fill(rng, s->i_key.b, KEY_BYTES);
    rng_fill(rng, s->r_key.b, KEY_BYTES);
    crypt_dh_public(&s->i_key, i_pub);
    crypt_dh_public(&s->r_key, r_pub);
    noise_start(&s->i, &noise_xkpsk3, NOISE_INITIATOR, (struct bytes){ 0 },
                &(struct noise_keys){ &s->i_key, i_pub, r_pub });
    noise_start(&s->r, &noise_xkpsk3, NOISE_RESPONDER, (struct bytes){ 0 },
                &(struct noise_keys){ &s->r_key, r_pub, NULL });
    rng_fill(rng, s->psk.b, KEY_BYTES);
    ct_secret(s->psk.b, KEY_BYTES);
    noise_give_psk(&s->i, &s->psk);
}

static void turn(struct noise *from, struct noise *to, const struct rng *rng)
{
    uint8_t wire[128], got[128];
    struct buf out = BUF_OF(wire);
    size_t n;
    enum noise_read what;

    MUST(noise_write(from, (struct bytes){ 0 }, rng, &out) == OK);
    MUST(noise_read(to, buf_bytes(&out), SPAN_OF(got), &n, &what) == OK);
}

int main(void)
{
    struct sides *s = NULL;
    uint8_t next = 0, wire[128];
    struct rng rng = { fill_counted, &next };
    struct buf out = BUF_OF(wire);

    ct_start();
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    MUST(secret_new(&s) == OK);
    begin(s, &rng);
    turn(&s->i, &s->r, &rng);
    turn(&s->r, &s->i, &rng);
    MUST(noise_write(&s->i, (struct bytes){ 0 }, &rng, &out) == OK);
    MUST(noise_split(&s->i, &s->send, &s->receive) == OK);
    MUST(noise_seal(&s->send, (struct bytes){ 0 }, bytes_text("kith"), wire) == OK);
    secret_free(s);
    secret_end();
    return 0;
}

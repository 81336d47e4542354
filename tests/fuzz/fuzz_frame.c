/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is the plaintext of frames, rightly sealed: what one who is let in can
 * send. A frame that is accepted is the one peer_send makes of its kind, tag, body.
 */
#include "proto/peer.h"

static const size_t sizes[] = { 256, 1024, 4096, 16384, 65519 };

/* An open side with keys all zero: both directions are alike. */
static void open_side(struct peer *p)
{
    *p = (struct peer){ .state = PEER_OPEN };
    MUST(secret_new(&p->keys) == OK);
}

/* Seals plain as the frame of the smallest size that holds it. */
static struct span seal(struct bytes plain, struct noise_cipher *c, uint8_t *frame)
{
    size_t i = 0;

    while (sizes[i] < plain.n)
        i++;
    memset(frame, 0, PEER_FRAME_MAX);
    memcpy(frame + 2, plain.p, plain.n);
    store_u16(frame, (uint16_t)(sizes[i] + NOISE_TAG));
    MUST(noise_seal(c, (struct bytes){ 0 }, bytes_of(frame + 2, sizes[i]), frame + 2) ==
         OK);
    return (struct span){ frame, 2 + sizes[i] + NOISE_TAG };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    static uint8_t frame[PEER_FRAME_MAX], sealed[PEER_FRAME_MAX], again[PEER_FRAME_MAX];
    AUTO_SECRET struct noise_cipher *c = NULL;
    struct buf none = { 0 }, out = BUF_OF(again);
    struct peer_event ev;
    struct peer p;
    size_t used = 0;

    if (!started)
        MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    started = true;
    if (size == 0 || size > sizes[4])
        return 0;
    MUST(secret_new(&c) == OK);
    open_side(&p);
    struct span in = seal(bytes_of(data, size), c, frame);
    memcpy(sealed, frame, in.n);
    enum err e = peer_feed(&p, in, &used, &none, &ev);
    MUST(none.n == 0);
    if (e == OK) {
        MUST(ev.what == PEER_FRAME && used == in.n);
        MUST(peer_send(&p, ev.kind, ev.tag, ev.body, &out) == OK);
        MUST(bytes_equal(buf_bytes(&out), bytes_of(sealed, in.n)));
    } else {
        MUST(e == ERR_FORMAT && p.state == PEER_OFF);
    }
    peer_end(&p);
    return 0;
}

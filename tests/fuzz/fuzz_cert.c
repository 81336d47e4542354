/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates: the first byte chooses one as it comes, or a body that is signed here by
 * the one guardian and machine of this descriptor. Nothing makes two of them, and two are
 * asked for: whatever comes is never enough.
 */
#include "proto/cert.h"
#include "tests/fuzz/fixed.h"

static struct fixed f;
static struct descriptor d;
static uint8_t signed_[SIGNED_MAX];
static uint8_t whole[WIRE_MAX];

/* ---- as it comes ---- */

static void try_people(struct bytes raw)
{
    struct cert_rule rules[] = { { .purpose = PURPOSE_EPOCH },
                                 { .purpose = PURPOSE_END },
                                 { .purpose = PURPOSE_MOVE },
                                 { .purpose = PURPOSE_MOVE, .by_manifest = true } };
    static struct cert c;

    c = (struct cert){ 0 };
    if (cert_get(raw, &c) == OK)
        fixed_canonical(&cert_schema, &c, raw);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct cert_verdict v = { .n = 9 };

        memcpy(rules[i].subject, f.hash, HASH_BYTES);
        memcpy(rules[i].req_sign, f.sign_pub, PUB_BYTES);
        if (cert_people(&d, &rules[i], raw, &v) == OK)
            MUST(v.n <= 1 && !v.enough && v.n == v.count.of[0]);
        else
            MUST(v.n == 9);
    }
}

static void try_machines(struct bytes raw)
{
    bool enough = false;

    if (cert_machines(&d, raw, &enough) == OK)
        MUST(!enough);
}

static void try_proof(struct bytes raw)
{
    struct move_proof p = { 0 };
    struct move m = { 0 };

    if (move_proof_get(raw, &p) != OK)
        return;
    fixed_canonical(&move_proof_schema, &p, raw);
    MUST(move_judge(&d, &p, 0, true, &m) != OK && m.epoch == 0);
}

/* ---- signed here ---- */

/* As long as it may be in what it is put into: longer ones are a caller's mistake. */
static struct bytes sign(struct bytes body, enum label label)
{
    struct buf out = { .p = signed_, .cap = label == LABEL_MOVE ? MOVE_MAX : SIGNED_MAX };
    uint8_t sig[SIG_BYTES];

    body.n = body.n < out.cap - SIG_BYTES ? body.n : out.cap - SIG_BYTES;
    crypt_sign(&f.sign, label, body, sig);
    buf_put(&out, body);
    buf_put(&out, BYTES_OF(sig));
    MUST(!out.over);
    return buf_bytes(&out);
}

/* One statement twice, beside a receipt that is the same bytes. */
static void try_statement(struct bytes body)
{
    static struct cert c;

    for (unsigned kind = 0; kind < 3; kind++) {
        struct bytes s = sign(body, (enum label)(LABEL_STATEMENT_RESTORE + kind));
        struct buf out = BUF_OF(whole);

        c = (struct cert){ .n_lines = 2, .lines = { { s, s }, { s, s } } };
        cert_put(&c, &out);
        if (!out.over)
            try_people(buf_bytes(&out));
    }
}

static void try_ack(struct bytes body)
{
    struct cert_acks c = { .n_acks = 2 };
    struct buf out = BUF_OF(whole);

    c.acks[0].ack = c.acks[1].ack = sign(body, LABEL_ACK);
    cert_acks_put(&c, &out);
    if (!out.over)
        try_machines(buf_bytes(&out));
}

static void try_move(struct bytes body)
{
    struct bytes raw = sign(body, LABEL_MOVE);
    struct move_proof p = { .move = raw, .people = raw };
    struct buf out = BUF_OF(whole);
    struct move m = { 0 };

    if (move_open(raw, &m) == OK)
        fixed_canonical(&move_schema, &m, bytes_of(raw.p, raw.n - SIG_BYTES));
    move_proof_put(&p, &out);
    if (!out.over)
        try_proof(buf_bytes(&out));
}

static void (*const ways[])(struct bytes raw) = { try_people,    try_machines, try_proof,
                                                  try_statement, try_ack,      try_move };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK);
    fixed_init(&f);
    d = (struct descriptor){ .epoch = 1,
                             .group_threshold = 1,
                             .n_groups = 1,
                             .groups = { { .t = 2, .n = 3 } },
                             .n_pieces = 3 };
    memcpy(d.manifest_hash, f.hash, HASH_BYTES);
    /* The same keys in two pieces: still one person and one machine. */
    for (size_t i = 0; i < 2; i++) {
        memcpy(d.pieces[i].approval, f.sign_pub, PUB_BYTES);
        memcpy(d.pieces[i].ack, f.sign_pub, PUB_BYTES);
    }
    memcpy(d.pieces[2].approval, f.dh_pub, PUB_BYTES);
    memcpy(d.pieces[2].ack, f.dh_pub, PUB_BYTES);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t way = data[0] % (sizeof ways / sizeof ways[0]);

    ways[way](bytes_of(data + 1, size - 1));
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vault consists of, holding anything: the first byte chooses what. Seals and
 * signatures are made here, since no fuzzer finds one, so that what lies behind them is
 * reached. What is accepted is canonical and within its bounds.
 */
#include "proto/vault.h"
#include "tests/fuzz/fixed.h"

static struct fixed f;
static struct vault_keys *keys;
static struct vault_work work;
static const uint8_t ward[ID_BYTES] = { 7 };

/* ---- one object that is there ---- */

static uint8_t shelf[VAULT_OBJECT_MAX];
static size_t shelf_n;
static uint8_t shelf_id[VAULT_ID];

static enum err shelf_put(void *ctx, const uint8_t id[VAULT_ID], struct bytes object)
{
    (void)ctx;
    MUST(object.n >= VAULT_OBJECT_MIN && object.n <= sizeof shelf);
    memcpy(shelf, object.p, object.n);
    memcpy(shelf_id, id, VAULT_ID);
    shelf_n = object.n;
    return OK;
}

static enum err shelf_get(void *ctx, const uint8_t id[VAULT_ID], struct span mem,
                          size_t *out_n)
{
    (void)ctx;
    if (!bytes_equal(bytes_of(id, VAULT_ID), BYTES_OF(shelf_id)))
        return ERR_UNKNOWN;
    MUST(shelf_n <= mem.n);
    memcpy(mem.p, shelf, shelf_n);
    *out_n = shelf_n;
    return OK;
}

static const struct vault_store store = { NULL, shelf_put, shelf_get };

static struct vault_io io_of(void)
{
    return (struct vault_io){ keys, &store, &work };
}

/* ---- what is looked at ---- */

static void object(struct bytes in)
{
    const uint8_t kind = VAULT_CONTENT;
    static uint8_t mem[VAULT_OBJECT_MAX];
    struct buf b = BUF_OF(mem);
    struct bytes got = { 0 };
    if (vault_object_open(keys, VAULT_CONTENT, in, SPAN_OF(work.plain), &got) == OK)
        MUST(got.n <= VAULT_CHUNK);
    crypt_seal_same(&keys->object, &keys->nonce, LABEL_VAULT_OBJECT, bytes_of(&kind, 1),
                    in, &b);
    if (b.over || vault_object_open(keys, VAULT_CONTENT, buf_bytes(&b),
                                    SPAN_OF(work.plain), &got) != OK)
        return;
    /* It is what sealing its content gives. */
    static uint8_t again[VAULT_OBJECT_MAX];
    static uint8_t content[VAULT_CHUNK];
    struct buf same = BUF_OF(again);
    memcpy(content, got.p, got.n);
    vault_object_seal(keys, VAULT_CONTENT, bytes_of(content, got.n),
                      in.n - VAULT_OBJECT_HEAD, load_u64(in.p + 4), SPAN_OF(work.plain),
                      &same);
    MUST(bytes_equal(buf_bytes(&same), buf_bytes(&b)));
}

/* Length as u16 and in, sealed as a state or a witness is. */
static struct bytes head_sealed(struct bytes in, enum label label, struct buf *b)
{
    static uint8_t plain[2 + VAULT_WITNESS_MAX];
    struct buf p = BUF_OF(plain);
    buf_put_u16(&p, (uint16_t)in.n);
    buf_put(&p, in);
    if (!p.over)
        crypt_seal(&keys->head, label, BYTES_OF(ward), buf_bytes(&p), &f.rng, b);
    return buf_bytes(b);
}

static void state(struct bytes in)
{
    static uint8_t sealed[VAULT_WITNESS_MAX];
    static uint8_t mem[VAULT_WITNESS_MAX];
    static struct vault_state s;
    struct buf b = BUF_OF(sealed);
    uint8_t hash[HASH_BYTES];
    memset(&s, 0, sizeof s);
    if (in.n > VAULT_STATE_MAX - 2)
        return;
    struct bytes raw = head_sealed(in, LABEL_VAULT_STATE, &b);
    if (vault_state_open(keys, raw, ward, SPAN_OF(mem), &s) != OK)
        return;
    MUST(s.version <= VAULT_VERSION_MAX && s.n_parents <= VAULT_PARENTS);
    fixed_canonical(&vault_state_schema, &s, in);
    vault_state_hash(&s, hash);
}

static void witness(struct bytes in)
{
    static uint8_t sealed[VAULT_WITNESS_MAX];
    static uint8_t mem[VAULT_WITNESS_MAX];
    static struct vault_witness w;
    struct buf b = BUF_OF(sealed);
    memset(&w, 0, sizeof w);
    struct bytes raw = head_sealed(in, LABEL_VAULT_WITNESS, &b);
    if (b.over || b.n == 0)
        return;
    if (vault_witness_open(keys, raw, ward, SPAN_OF(mem), &w) != OK)
        return;
    MUST(w.n_seats <= PIECES_MAX);
    fixed_canonical(&vault_witness_schema, &w, in);
}

static void head(struct bytes in)
{
    static uint8_t mem[2 * VAULT_HEAD_MAX];
    struct vault_head h = { 0 };
    struct buf b = BUF_OF(mem);
    uint8_t sig[SIG_BYTES];
    if (vault_head_open(in, &h) == OK)
        fixed_canonical(&vault_head_schema, &h, bytes_of(in.p, in.n - SIG_BYTES));
    buf_put(&b, in);
    crypt_sign(&f.sign, LABEL_VAULT_HEAD, in, sig);
    buf_put(&b, BYTES_OF(sig));
    if (b.over || vault_head_open(buf_bytes(&b), &h) != OK)
        return;
    MUST(bytes_equal(BYTES_OF(h.signer), BYTES_OF(f.sign_pub)));
    MUST(h.version <= VAULT_VERSION_MAX && h.body.n <= VAULT_BODY_MAX);
    fixed_canonical(&vault_head_schema, &h, in);
}

static void page(struct bytes in, uint8_t bits)
{
    struct vault_item item = { 0 };
    struct vault_item before = { 0 };
    struct bytes encoded = { 0 };
    bits %= VAULT_BITS_MAX + 1;
    const size_t number = bits == 0 ? 0 : bits - 1;
    for (size_t i = 0; in.n > 0; i++) {
        struct bytes rest = in;
        if (vault_page_next(&in, number, bits, i > 0 ? &before : NULL, &encoded, &item) !=
            OK) {
            MUST(in.n == rest.n);
            return;
        }
        MUST(in.n < rest.n && vault_page_of(item.id, bits) == number);
        MUST((item.removed == 0) == (item.n_now == 1));
        MUST(item.changed <= VAULT_TIME_MAX && item.n_past <= VAULT_PAST);
        fixed_canonical(&vault_item_schema, &item, encoded);
        before = item;
    }
}

static void index_of(struct bytes in)
{
    const struct vault_io io = io_of();
    struct vault_index index = { 0 };
    uint8_t id[VAULT_ID];
    if (in.n > VAULT_CHUNK || vault_put(&io, VAULT_INDEX, in, id) != OK)
        return;
    if (vault_index_get(&io, id, SPAN_OF(work.list[0]), &index) == OK)
        MUST(index.pages.n == (size_t)VAULT_ID << index.bits);
}

static enum err see(void *ctx, enum vault_kind kind, const uint8_t id[VAULT_ID],
                    uint64_t at)
{
    uint64_t *n = ctx;
    (void)id;
    MUST(kind == VAULT_CONTENT || kind == VAULT_LIST);
    MUST(at <= UINT32_MAX / VAULT_CHUNK + 1 && ++*n < 1u << 20);
    return OK;
}

/* A list that says anything, under a reference that says anything. */
static void tree(struct bytes in)
{
    const struct vault_io io = io_of();
    struct vault_ref ref = { 0 };
    uint64_t n = 0;
    const struct vault_seen seen = { &n, see };
    if (in.n < 9 || in.n > VAULT_CHUNK)
        return;
    ref.size = load_u64(in.p) >> (in.p[8] & 63);
    ref.depth = in.p[8] >> 6;
    struct bytes list = bytes_of(in.p + 9, in.n - 9);
    if (vault_put(&io, VAULT_LIST, list, ref.root) != OK)
        return;
    if (vault_tree_walk(&io, &ref, &seen) == OK)
        MUST(ref.depth == 0 || list.n == vault_chunks(ref.size) * VAULT_ID);
}

static void copy(struct bytes in)
{
    struct bytes object_ = { 0 };
    size_t before = in.n;
    while (vault_frame_next(&in, &object_) == OK) {
        MUST(in.n < before && object_.n == before - in.n - 4);
        before = in.n;
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct vault_key *key = NULL;
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    fixed_init(&f);
    MUST(secret_new(&key) == OK && secret_new(&keys) == OK);
    MUST(vault_key_of(&f.root, 1, key) == OK);
    vault_keys_of(key, keys);
    secret_free(key);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    size_t held = secret_in_use();
    switch (data[0] % 8) {
    case 0:
        object(in);
        break;
    case 1:
        state(in);
        break;
    case 2:
        witness(in);
        break;
    case 3:
        head(in);
        break;
    case 4:
        index_of(in);
        break;
    case 5:
        page(in, data[0] / 8);
        break;
    case 6:
        tree(in);
        break;
    default:
        copy(in);
        break;
    }
    MUST(secret_in_use() == held);
    return 0;
}

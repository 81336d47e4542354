/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the seeds of msg, manifest, box, statement, recover, vault and cert from the
 * real encoders:
 *   make_seeds tests/fuzz/corpus
 * Run it again whenever a table of fields changes.
 */
#include <ctype.h>
#include <stdio.h>

#include "proto/msg.h"
#include "proto/vault.h"
#include "tests/fuzz/fixed.h"

static struct fixed f;
static const char *folder;

static void save(const char *target, const char *name, struct bytes seed)
{
    char path[512];
    int n = snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
    MUST(n > 0 && (size_t)n < sizeof path);

    for (char *c = path + strlen(folder); *c != 0; c++)
        *c = (char)tolower((unsigned char)*c);
    FILE *out = fopen(path, "we");
    MUST(out != NULL && fwrite(seed.p, 1, seed.n, out) == seed.n && fclose(out) == 0);
}

/* ---- messages, filled as their tables allow ---- */

static void fill(const struct wire_schema *s, uint8_t *base)
{
    static const uint8_t text[64] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaa";

    for (size_t i = 0; i < s->count; i++) {
        const struct wire_field *w = &s->fields[i];
        struct bytes b = bytes_of(text, w->min > 4 ? w->min : 4);
        uint32_t n = w->min > 1 ? w->min : 1;

        switch (w->type) {
        case WIRE_UINT:
            base[w->off] = 1;
            break;
        case WIRE_FIX:
            memset(base + w->off, (int)i + 1, w->size);
            break;
        case WIRE_BYTES:
        case WIRE_TEXT:
            memcpy(base + w->off, &b, sizeof b);
            break;
        case WIRE_LIST:
            memcpy(base + w->off_n, &n, sizeof n);
            for (uint32_t k = 0; k < n; k++)
                fill(w->sub, base + w->off + (size_t)k * w->size);
            break;
        }
    }
}

static void message(uint8_t row, uint8_t direction)
{
    static _Alignas(16) uint8_t value[32768];
    static uint8_t mem[WIRE_MAX];
    struct buf out = BUF_OF(mem);
    const struct msg_row *r = &msg_rows[row];
    char name[64];

    memset(value, 0, sizeof value);
    fill(direction == 1 ? r->rep : r->req, value);
    buf_put_u8(&out, row);
    buf_put_u8(&out, direction);
    enum err e =
        direction == 1 ? msg_put_rep(r, value, &out) : msg_put_req(r, value, &out);
    MUST(e == OK);
    (void)snprintf(name, sizeof name, "%s_%s", r->name,
                   direction == 1 ? "reply" : "request");
    save("msg", name, buf_bytes(&out));
}

static void messages(void)
{
    static uint8_t mem[64];
    struct buf out = BUF_OF(mem);

    for (uint8_t i = 0; i < msg_count; i++) {
        message(i, 0);
        message(i, 1);
    }
    buf_put_u16(&out, 0);
    msg_put_error(ERR_BUSY, 1000, OUTCOME_NOT_DONE, &out);
    save("msg", "error", buf_bytes(&out));
}

/* ---- manifests: whole ones ---- */

static void manifest_of(const char *name, uint32_t groups, uint8_t n,
                        enum piece_kind last)
{
    static uint8_t mem[MANIFEST_MAX];
    static struct manifest m;
    struct buf out = BUF_OF(mem);

    m = (struct manifest){ .version = 1,
                           .epoch = 3,
                           .group_threshold = (uint8_t)groups,
                           .n_groups = groups,
                           .n_pieces = groups * n,
                           .hold = 259200,
                           .stop_hold = 777600,
                           .made = 1790000000 };
    memset(m.previous, groups > 1 ? 1 : 0, sizeof m.previous);
    for (uint32_t i = 0; i < m.n_pieces; i++) {
        struct manifest_piece *p = &m.pieces[i];

        m.groups[i / n] = (struct manifest_group){ 2, n };
        p->group = (uint8_t)(i / n);
        p->index = (uint8_t)(i % n);
        p->kind = i + 1 == m.n_pieces ? (uint8_t)last : PIECE_NODE;
        rng_fill(&f.rng, p->piece_key, PUB_BYTES);
        memset(p->approval, p->kind == PIECE_NODE, PUB_BYTES);
    }
    enum err e = manifest_make(&m, &f.root, &f.escrow, &f.rng, &out);
    MUST(e == OK);
    save("manifest", name, buf_bytes(&out));
}

/* ---- bodies that the fuzzers sign or seal ---- */

static void body(const char *target, const char *name, uint8_t kind,
                 const struct wire_schema *s)
{
    static _Alignas(16) uint8_t value[32768];
    static uint8_t mem[WIRE_MAX];
    struct buf out = BUF_OF(mem);

    memset(value, 0, sizeof value);
    fill(s, value);
    if (s == &statement_schema)
        ((struct statement *)(void *)value)->kind = kind;
    if (s == &box_content_schema)
        memcpy(((struct box_content *)(void *)value)->owner, f.sign_pub, PUB_BYTES);
    if (strcmp(name, "box_roster") == 0)
        memset(((struct box_content *)(void *)value)->piece, 0, PIECE_BYTES);
    if (s == &descriptor_schema)
        ((struct descriptor *)(void *)value)->pieces[0].group = 0;
    buf_put_u8(&out, kind);
    wire_put(s, value, &out);
    MUST(!out.over);
    save(target, name, buf_bytes(&out));
}

static void bodies(void)
{
    static uint8_t release[1 + PIECE_BYTES + KEY_BYTES] = { 4 };
    static uint8_t roster[1 + KEY_BYTES] = { 5 };

    body("statement", "view", 0, &view_schema);
    body("statement", "restore", 1, &statement_schema);
    body("statement", "confirm", 2, &statement_schema);
    body("statement", "move", 3, &statement_schema);
    body("statement", "introduction", 4, &introduction_schema);
    body("statement", "ack", 5, &ack_schema);
    body("statement", "descriptor", 6, &descriptor_schema);
    body("box", "box_piece", 0, &box_content_schema);
    body("box", "box_roster", 1, &box_content_schema);
    body("box", "note", 2, &note_schema);
    body("box", "roster", 3, &roster_schema);
    save("box", "release", BYTES_OF(release));
    save("box", "release_roster", BYTES_OF(roster));
}

/* Each change alone, two together, and a whole other circle. */
static void changes(void)
{
    static const uint8_t other_circle[] = { 0, 11, 0, 1, 11, 0, 2, 11, 0 };
    char name[32];

    save("recover", "honest", bytes_text("-"));
    save("recover", "other_circle", BYTES_OF(other_circle));
    for (uint8_t what = 0; what < 12; what++) {
        const uint8_t two[] = {
            what, what, 5, (uint8_t)(what + 1), (uint8_t)(what + 4), 9
        };

        (void)snprintf(name, sizeof name, "change%u", (unsigned)what);
        save("recover", name, bytes_of(two, 3));
        (void)snprintf(name, sizeof name, "two%u", (unsigned)what);
        save("recover", name, BYTES_OF(two));
    }
}

static void vault_item_seed(const char *name, bool removed)
{
    static uint8_t mem[2 * VAULT_ITEM_MAX];
    static uint8_t encoded[VAULT_ITEM_MAX];
    struct vault_item i = { 0 };
    struct buf item = BUF_OF(encoded);
    struct buf out = BUF_OF(mem);

    fill(&vault_item_schema, (uint8_t *)&i);
    i.removed = removed ? 1 : 0;
    i.n_now = removed ? 0 : 1;
    buf_put_u8(&out, 5);
    for (uint8_t k = 0; k < 3; k++) {
        i.id[0] = k;
        item.n = 0;
        wire_put(&vault_item_schema, &i, &item);
        vault_page_put(buf_bytes(&item), &out);
    }
    MUST(!out.over && !item.over);
    save("vault", name, buf_bytes(&out));
}

static void vaults(void)
{
    static uint8_t mem[VAULT_OBJECT_MAX];
    struct buf out = BUF_OF(mem);
    struct vault_head h = { .version = 1, .body = BYTES_OF(f.t) };
    static const uint8_t pages[2 * VAULT_ID] = { 1 };
    const struct vault_index index = { 1, 2, BYTES_OF(pages) };

    body("vault", "state", 1, &vault_state_schema);
    body("vault", "witness", 2, &vault_witness_schema);
    memcpy(h.signer, f.sign_pub, PUB_BYTES);
    buf_put_u8(&out, 3);
    wire_put(&vault_head_schema, &h, &out);
    save("vault", "head", buf_bytes(&out));
    out.n = 0;
    buf_put_u8(&out, 4);
    wire_put(&vault_index_schema, &index, &out);
    save("vault", "index", buf_bytes(&out));
    vault_item_seed("page", false);
    vault_item_seed("page_removed", true);
    /* Of 300,000 bytes: a list of seven chunks. */
    out.n = 0;
    buf_put_u8(&out, 6);
    buf_put_u64(&out, 300000);
    buf_put_u8(&out, 1 << 6);
    buf_put_zeros(&out, vault_chunks(300000) * VAULT_ID);
    save("vault", "tree", buf_bytes(&out));
    /* An object's plaintext: five bytes, no salt, zeros. */
    out.n = 0;
    buf_put_u8(&out, 0);
    buf_put_u32(&out, 5);
    buf_put_zeros(&out, 8);
    buf_put(&out, bytes_text("hello"));
    buf_put_zeros(&out, VAULT_PAD_MIN - 5);
    save("vault", "object", buf_bytes(&out));
    out.n = 0;
    buf_put_u8(&out, 7);
    vault_frame_put(bytes_text("one"), &out);
    vault_frame_put(bytes_text("two"), &out);
    save("vault", "copy", buf_bytes(&out));
}

/* ---- certificates ---- */

/* A statement of that kind and purpose about the epoch and key that fuzz_cert asks for.
 */
static void word(const char *name, enum request_kind kind, enum purpose purpose)
{
    static uint8_t mem[SIGNED_MAX + 1];
    struct statement s = { .kind = (uint8_t)kind,
                           .purpose = (uint8_t)purpose,
                           .n_epochs = 1,
                           .how = HOW_MET,
                           .time = 5 };
    struct buf out = BUF_OF(mem);

    memcpy(s.req_sign, f.sign_pub, PUB_BYTES);
    memcpy(s.epochs[0].manifest_hash, f.hash, HASH_BYTES);
    s.epochs[0].epoch = 1;
    s.epochs[0].opened = 1;
    if (purpose == PURPOSE_EPOCH || purpose == PURPOSE_MOVE)
        memcpy(s.subject, f.hash, HASH_BYTES);
    buf_put_u8(&out, 3);
    wire_put(&statement_schema, &s, &out);
    save("cert", name, buf_bytes(&out));
}

static void proof_of(struct bytes people)
{
    static uint8_t mem[MOVE_PROOF_MAX];
    uint8_t signed_[MOVE_MAX];
    struct move m = { .epoch = 1, .time = 5 };
    struct buf b = BUF_OF(signed_);
    struct buf out = BUF_OF(mem);

    memcpy(m.manifest_hash, f.hash, HASH_BYTES);
    memcpy(m.new_owner, f.hash, HASH_BYTES);
    memcpy(m.req_sign, f.sign_pub, PUB_BYTES);
    move_make(&m, &f.sign, &b);
    const struct move_proof p = { buf_bytes(&b), people };

    buf_put_u8(&out, 2);
    move_proof_put(&p, &out);
    save("cert", "proof", buf_bytes(&out));
    out.n = 0;
    buf_put_u8(&out, 5);
    wire_put(&move_schema, &m, &out);
    save("cert", "move_body", buf_bytes(&out));
}

static void certificates(void)
{
    static uint8_t mem[CERT_PEOPLE_MAX];
    static uint8_t one[SIGNED_MAX];
    static uint8_t two[SIGNED_MAX];
    struct buf a = BUF_OF(one);
    struct buf b = BUF_OF(two);
    struct buf out = BUF_OF(mem);
    struct statement s = { .kind = REQUEST_RESTORE, .purpose = PURPOSE_RESTORE };
    struct release_receipt r = { .epoch = 1 };
    struct ack ack = { .state = EPOCH_ACTIVE, .epoch = 1 };
    struct cert_acks acks = { .n_acks = 1 };

    word("confirm_epoch", REQUEST_CONFIRM, PURPOSE_EPOCH);
    word("confirm_end", REQUEST_CONFIRM, PURPOSE_END);
    word("move", REQUEST_MOVE, PURPOSE_MOVE);
    word("restore", REQUEST_RESTORE, PURPOSE_RESTORE);
    statement_make(&s, &f.sign, &a);
    release_receipt_make(&r, &f.sign, &b);
    const struct cert c = { 1, { { buf_bytes(&a), buf_bytes(&b) } } };
    buf_put_u8(&out, 0);
    cert_put(&c, &out);
    save("cert", "people", buf_bytes(&out));
    proof_of(bytes_of(mem + 1, out.n - 1));
    a.n = 0;
    ack_make(&ack, &f.sign, &a);
    acks.acks[0].ack = buf_bytes(&a);
    out.n = 0;
    buf_put_u8(&out, 1);
    cert_acks_put(&acks, &out);
    save("cert", "machines", buf_bytes(&out));
    out.n = 0;
    buf_put_u8(&out, 4);
    wire_put(&ack_schema, &ack, &out);
    save("cert", "ack_body", buf_bytes(&out));
}

int main(int argc, char **argv)
{
    if (argc != 2 || secret_start(SECRET_LOCK_WAIVED) != OK)
        return 2;
    folder = argv[1];
    fixed_init(&f);
    messages();
    manifest_of("plain", 1, 5, PIECE_NODE);
    manifest_of("card", 1, 3, PIECE_CARD);
    manifest_of("groups", 2, 3, PIECE_NODE);
    manifest_of("largest", 16, 4, PIECE_NODE);
    bodies();
    changes();
    vaults();
    certificates();
    secret_end();
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any message by anyone at a node that has seats, wards, an epoch and a live request:
 * [who, message, how, length, bytes]… How 0: the bytes are the body; else they are
 * {offset u16, change u8}… to a good body of that message. Every answer decodes, what a
 * role may not ask is refused, no secret memory leaks. Nothing is kept: each input's
 * transaction is given up, so that every input meets the same node.
 */
#include "node/seat.h"
#include "tests/sim/cast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WHO = 8, STEPS = 8, BODY = 48 * 1024 };

static struct node_sim node;
static struct sim_guardian guardian;
static struct sim_owner owner;
static struct sim_owner second;
static struct sim_epoch epoch;
static struct sim_epoch coming;
static struct session who[WHO];
static uint8_t ids[4][ID_BYTES]; /* ward, request, credential, seat */
static uint8_t body[BODY];
static uint8_t answer[65536];
static uint8_t decoded[65536];

/* ---- the node, made once ---- */

static void log_in(const struct sim_login *l, struct session *out)
{
    MUST(node_sim_login(&node, l, out) == OK);
}

static void make_device(struct session *out)
{
    struct sim_login l;
    struct req_cred_new req = { .type = CRED_DEVICE, .id = { 7 }, .sign = { 7 } };

    sim_login_new(&l, ROLE_DEVICE, &node.rng);
    sim_op(&node, req.op);
    memcpy(req.psk, l.psk.b, KEY_BYTES);
    memcpy(req.stat, l.pub, PUB_BYTES);
    MUST(node_sim_ask(&node, &owner.who, MSG_CRED_NEW, &req, NULL) == OK);
    log_in(&l, out);
}

static struct req_open good_open(const struct sim_login *asker)
{
    struct req_open req = { .kind = REQUEST_RESTORE,
                            .purpose = PURPOSE_RESTORE,
                            .sign = { 5 },
                            .claimed = bytes_text("Aunt, it is me") };
    uint8_t nonce[32] = { 9 };

    sim_op(&node, req.op);
    memcpy(req.stat, asker->pub, PUB_BYTES);
    memcpy(req.seal, asker->pub, PUB_BYTES);
    memcpy(req.psk, asker->psk.b, KEY_BYTES);
    commitment_of(nonce, req.commitment);
    return req;
}

/* A live restore request, and the sessions of who opened it. */
static void make_request(struct session *out_link, struct session *out_requester)
{
    struct sim_login l;
    struct req_cred_new cred = {
        .type = CRED_RESTORE, .id = { 6 }, .psk = { 6 }, .expires = node.now + CRED_LIFE_S
    };
    struct req_reveal reveal = { .nonce = { 9 } };
    struct rep_open rep = { 0 };
    struct view view = { 0 };

    sim_login_new(&l, ROLE_RESTORE, &node.rng);
    sim_op(&node, cred.op);
    memcpy(cred.ward, owner.ward, ID_BYTES);
    MUST(node_sim_ask(&node, &guardian.who, MSG_CRED_NEW, &cred, NULL) == OK);
    struct req_open open = good_open(&l);

    memcpy(l.id, cred.id, ID_BYTES);
    memcpy(l.psk.b, cred.psk, KEY_BYTES);
    log_in(&l, out_link);
    MUST(node_sim_ask(&node, out_link, MSG_OPEN, &open, &rep) == OK);
    MUST(view_open(rep.view, node.env.id->sign_pub, &view) == OK);
    memcpy(ids[1], view.request, ID_BYTES);
    memcpy(reveal.request, view.request, ID_BYTES);
    sim_op(&node, reveal.op);
    MUST(node_sim_ask(&node, out_link, MSG_REVEAL, &reveal, NULL) == OK);
    l.role = ROLE_REQUESTER;
    memcpy(l.psk.b, open.psk, KEY_BYTES);
    log_in(&l, out_requester);
}

static void take_down(void)
{
    node_sim_close(&node);
}

static void set_up(void)
{
    struct sim_owner invited;
    struct sim_guardian linked;
    struct req_cred_new invite;

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    node_sim_open(&node, 61);
    MUST(atexit(take_down) == 0);
    sim_seat(&node, &guardian);
    sim_ward(&node, &guardian, &owner);
    sim_ward(&node, &guardian, &second);
    sim_epoch(&node, &owner, 1, &epoch);
    sim_epoch_new(&node, &owner, 2, &coming);
    sim_owner_new(&node, &guardian, &invited, &invite);
    MUST(node_sim_ask(&node, &guardian.who, MSG_CRED_NEW, &invite, NULL) == OK);
    sim_guardian_new(&node, &linked);
    who[0] = guardian.who;
    who[1] = owner.who;
    log_in(&invited.link, &who[2]);
    log_in(&linked.link, &who[3]);
    make_device(&who[4]);
    make_request(&who[5], &who[6]);
    who[7] = second.who;
    memcpy(ids[0], owner.ward, ID_BYTES);
    memcpy(ids[2], owner.invite, ID_BYTES);
    memcpy(ids[3], guardian.seat, ID_BYTES);
}

/* ---- a good body of each message, as far as one exists beforehand ---- */

/* Every op fresh, every id of a thing that is there. */
static struct bytes good_body(const struct msg_row *row)
{
    static uint8_t mem[BODY];
    static uint8_t req[65536];
    struct buf b = BUF_OF(mem);
    struct req_hello *hello = (void *)req;
    struct req_epoch_next *next = (void *)req;
    struct req_cred_drop *drop = (void *)req;

    memset(req, 0, row->req->size);
    if (row->access == MSG_WRITE)
        sim_op(&node, req);
    switch (row->kind) {
    case MSG_HELLO:
        hello->version = 1;
        break;
    case MSG_EPOCH_NEXT:
        next->epoch = 2;
        break;
    case MSG_EPOCH_PREPARE:
        memcpy(req, &coming.req, sizeof coming.req);
        break;
    case MSG_CRED_DROP:
        memcpy(drop->id, ids[2], ID_BYTES);
        break;
    case MSG_REQUEST:
        memcpy(((struct req_request *)(void *)req)->request, ids[1], ID_BYTES);
        break;
    case MSG_TRY:
    case MSG_REFUSE:
    case MSG_CANCEL:
    case MSG_FETCH:
    case MSG_UNLOCK:
    case MSG_REVEAL:
        /* Op, then the request: they begin alike. */
        memcpy(((struct req_refuse *)(void *)req)->request, ids[1], ID_BYTES);
        break;
    case MSG_BOX_GET:
        memcpy(((struct req_box_get *)(void *)req)->request, ids[1], ID_BYTES);
        ((struct req_box_get *)(void *)req)->epoch = 1;
        break;
    case MSG_WARD_ENROL:
        memcpy(req, &(struct req_ward_enrol){ .note = BYTES_OF(epoch.boxes[0]) },
               sizeof(struct req_ward_enrol));
        memcpy(((struct req_ward_enrol *)(void *)req)->stat, who[2].stat, PUB_BYTES);
        break;
    case MSG_APPROVE:
        ((struct req_approve *)(void *)req)->statement = BYTES_OF(epoch.boxes[0]);
        memcpy(((struct req_approve *)(void *)req)->request, ids[1], ID_BYTES);
        break;
    case MSG_OPEN:
        ((struct req_open *)(void *)req)->kind = REQUEST_CONFIRM;
        ((struct req_open *)(void *)req)->purpose = PURPOSE_ENROL;
        memset(((struct req_open *)(void *)req)->stat, 1, 3 * PUB_BYTES);
        break;
    default:
        break;
    }
    MUST(msg_put_req(row, req, &b) == OK);
    return buf_bytes(&b);
}

/* ---- one message ---- */

struct step {
    const struct session *who;
    uint16_t kind;
    struct bytes body;
};

static struct bytes changed(const struct msg_row *row, struct bytes how)
{
    struct bytes good = good_body(row);

    memcpy(body, good.p, good.n);
    for (size_t i = 0; i + 3 <= how.n && good.n > 0; i += 3)
        body[load_u16(how.p + i) % good.n] ^= how.p[i + 2];
    return bytes_of(body, good.n);
}

static enum err next_step(struct bytes *in, struct step *out)
{
    struct bytes head = { 0 };
    struct bytes rest = { 0 };

    TRY(bytes_take(in, 4, &head));
    size_t n = head.p[3];

    TRY(bytes_take(in, n < in->n ? n : in->n, &rest));
    const struct msg_row *row = &msg_rows[head.p[1] % msg_count];

    out->who = &who[head.p[0] % WHO];
    out->kind = head.p[1] == 255 ? (uint16_t)(0x4000 | head.p[2]) : row->kind;
    out->body = head.p[2] == 0 ? rest : changed(row, rest);
    return OK;
}

static void check_answer(const struct step *s, enum err e, uint16_t kind,
                         struct bytes reply)
{
    const struct msg_row *row = msg_find(s->kind);
    struct rep_error error = { 0 };

    if (e == OK) {
        MUST(row != NULL && kind == (s->kind | MSG_REPLY));
        MUST(row->roles & MAY(s->who->role));
        MUST(msg_get_rep(row, reply, decoded) == OK);
        return;
    }
    MUST(kind == MSG_ERROR);
    MUST(wire_get(&rep_error_schema, reply, &error) == OK);
    MUST(error.code == err_wire(e) && error.outcome == OUTCOME_NOT_DONE);
}

/* Messages until the first that fails: its writes would be given up too. */
static enum err run(struct txn *t, void *arg)
{
    struct bytes in = *(struct bytes *)arg;
    struct step s = { 0 };
    enum err e = OK;

    for (int i = 0; i < STEPS && e == OK && next_step(&in, &s) == OK; i++) {
        struct buf out = BUF_OF(answer);
        uint16_t kind = 0;

        e = serve_handle(t, s.who, &node.env, node.now, s.kind, s.body, &out, &kind);
        check_answer(&s, e, kind, buf_bytes(&out));
    }
    return ERR_STATE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);

    if (node.store == NULL)
        set_up();
    size_t before = secret_in_use();

    MUST(store_write(node.store, run, &in) == ERR_STATE);
    MUST(secret_in_use() == before);
    return 0;
}

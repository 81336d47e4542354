/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any message by anyone at a node that has seats, wards, an epoch, a live request, drops
 * that were made and a vault:
 * [who, message, how, length, bytes]… How 0: the bytes are the body; else they are
 * {offset u16, change u8}… to a good body of that message. Every answer decodes, what a
 * role may not ask is refused, no secret memory leaks. Nothing is kept: each input's
 * transaction is given up, so that every input meets the same node.
 */
#include "node/seat.h"
#include "node/ward.h"
#include "tests/sim/vaults.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WHO = 9, STEPS = 8, BODY = 48 * 1024 };

static struct node_sim node;
static struct sim_guardian guardian;
static struct sim_owner owner;
static struct sim_owner second;
static struct sim_epoch epoch;
static struct sim_epoch coming;
static struct sim_owner invited;
static struct sim_guardian linked;
static struct session who[WHO];
static uint8_t live[ID_BYTES]; /* the request */
static uint8_t link_id[ID_BYTES];
static uint8_t drop[ID_BYTES]; /* the first owner's, with a token */
static struct sign_seed device_sign;
static struct sim_pusher account; /* the first owner's, who pushed */
static struct sim_head next_head;
static uint8_t vault_mem[2048];
static uint8_t vault_ids[4 * VAULT_ID]; /* covered, waiting, dropped, unknown */
static struct sign_seed people[2];      /* approval keys of two guardians of epoch 1 */
static struct req_move good_move;
static uint8_t certificate[4096];
static uint8_t body[BODY];
static uint8_t answer[65536];
static _Alignas(16) uint8_t decoded[65536];

/* ---- the node, made once ---- */

static void log_in(const struct sim_login *l, struct session *out)
{
    MUST(node_sim_login(&node, l, out) == OK);
}

static void make_device(struct session *out)
{
    struct sim_login l;
    struct req_cred_new req = { .type = CRED_DEVICE, .id = { 7 } };

    rng_fill(&node.rng, device_sign.b, sizeof device_sign.b);
    crypt_sign_public(&device_sign, req.sign);

    sim_login_new(&l, ROLE_DEVICE, &node.rng);
    sim_op(&node, req.op);
    memcpy(req.psk, l.psk.b, KEY_BYTES);
    memcpy(req.stat, l.pub, PUB_BYTES);
    MUST(node_sim_ask(&node, &owner.who, MSG_CRED_NEW, &req, NULL) == OK);
    log_in(&l, out);
}

/* A live restore request, and the sessions of who opened it. */
static void make_request(struct session *out_link, struct session *out_requester)
{
    struct sim_asker asker;

    sim_ask(&node, &owner, &asker);
    memcpy(live, asker.request, ID_BYTES);
    memcpy(link_id, asker.link.id, ID_BYTES);
    *out_link = asker.who;
    log_in(&asker.login, out_requester);
}

/* A drop with one blob in it, and who may put more. */
static void make_drop(struct session *out_depositor)
{
    struct sim_login l;
    struct req_drop_create req = { .rule = DROP_RULE_TOKEN, .id = { 9 } };
    struct rep_drop_create rep = { 0 };
    struct req_drop_put put = { .blob = bytes_text("a blob") };

    sim_login_new(&l, ROLE_DEPOSITOR, &node.rng);
    memcpy(l.id, req.id, ID_BYTES);
    memcpy(req.psk, l.psk.b, KEY_BYTES);
    sim_op(&node, req.op);
    MUST(node_sim_ask(&node, &owner.who, MSG_DROP_CREATE, &req, &rep) == OK);
    memcpy(drop, rep.drop, ID_BYTES);
    memcpy(put.drop, drop, ID_BYTES);
    sim_op(&node, put.op);
    MUST(node_sim_ask(&node, &owner.who, MSG_DROP_PUT, &put, NULL) == OK);
    log_in(&l, out_depositor);
}

/* Objects 0 and 2 with a head, 2 dropped by a second; 1 waits, 3 is not there. */
static void make_vault(void)
{
    struct buf objects = BUF_OF(vault_mem);
    struct buf ids = BUF_OF(vault_ids);
    const struct bytes none = { 0 };

    sim_account(&owner, &account);
    for (uint32_t i = 0; i < 4; i++)
        sim_object_id(i, 300, &ids);
    sim_object_put(0, 300, &objects);
    sim_object_put(2, 300, &objects);
    MUST(sim_push(&node, &account, buf_bytes(&objects), none, NULL) == OK);
    MUST(sim_push(&node, &account, none, bytes_of(vault_ids + 2 * VAULT_ID, VAULT_ID),
                  NULL) == OK);
    objects.n = 0;
    sim_object_put(1, 300, &objects);
    MUST(sim_vault_put(&node, &account, buf_bytes(&objects), NULL) == OK);
    objects.n = 0;
    sim_object_put(2, 300, &objects);
    sim_object_put(3, 300, &objects);
    MUST(objects.n == 2 * 304);
    sim_head_new(&node, &account, &next_head);
}

/* ---- a circle whose people can speak ---- */

/* Epoch 1 with keys of two guardians in its descriptor. */
static void make_epoch(void)
{
    struct req_epoch_commit commit = { .epoch = 1 };

    sim_epoch_new(&node, &owner, 1, &epoch);
    for (size_t i = 0; i < 2; i++) {
        rng_fill(&node.rng, people[i].b, sizeof people[i].b);
        crypt_sign_public(&people[i], epoch.d.pieces[2 * i].approval);
    }
    sim_epoch_name(&owner, &epoch);
    MUST(node_sim_ask(&node, &owner.who, MSG_EPOCH_PREPARE, &epoch.req, NULL) == OK);
    sim_op(&node, commit.op);
    memcpy(commit.manifest_hash, epoch.hash, HASH_BYTES);
    MUST(node_sim_ask(&node, &owner.who, MSG_EPOCH_COMMIT, &commit, NULL) == OK);
}

static enum err confirm(struct call *c, void *arg)
{
    struct record_ward ward = { 0 };

    (void)arg;
    TRY(ward_get(c, owner.ward, &ward));
    return ward_confirm(c, &ward);
}

/* What both guardians say of a new root. */
static void say(const struct move *m)
{
    static uint8_t mem[2][SIGNED_MAX];
    struct statement s = { .kind = REQUEST_MOVE,
                           .purpose = PURPOSE_MOVE,
                           .n_epochs = 1,
                           .how = HOW_MET,
                           .time = node.now };
    struct buf out = BUF_OF(certificate);
    struct cert c = { .n_lines = 2 };

    memcpy(s.subject, m->new_owner, PUB_BYTES);
    memcpy(s.req_sign, m->req_sign, PUB_BYTES);
    s.epochs[0] = (struct statement_epoch){ .epoch = 1, .opened = 1 };
    memcpy(s.epochs[0].manifest_hash, epoch.hash, HASH_BYTES);
    for (size_t i = 0; i < 2; i++) {
        struct buf b = BUF_OF(mem[i]);

        statement_make(&s, &people[i], &b);
        c.lines[i].statement = buf_bytes(&b);
    }
    cert_put(&c, &out);
    MUST(!out.over);
    good_move.people = buf_bytes(&out);
}

static void make_move(void)
{
    static uint8_t raw[MOVE_MAX];
    struct move m = { .epoch = 1, .old_owner = { 1 }, .new_owner = { 2 } };
    struct move_account a = { .account_sign = { 3 }, .stat = { 4 }, .psk = { 5 } };
    struct sign_seed requester;
    struct buf b = BUF_OF(raw);

    rng_fill(&node.rng, requester.b, sizeof requester.b);
    crypt_sign_public(&requester, m.req_sign);
    memcpy(m.manifest_hash, epoch.hash, HASH_BYTES);
    move_make(&m, &requester, &b);
    good_move.move = buf_bytes(&b);
    say(&m);
    memcpy(a.ward, owner.ward, ID_BYTES);
    move_hash(good_move.move, a.move);
    move_account_sign(&requester, &a, good_move.sig);
    memcpy(good_move.account_sign, a.account_sign, PUB_BYTES);
    memcpy(good_move.stat, a.stat, PUB_BYTES);
    memcpy(good_move.psk, a.psk, KEY_BYTES);
    MUST(node_sim_write(&node, &guardian.who, confirm, NULL) == OK);
}

static void take_down(void)
{
    node_sim_close(&node);
}

static void set_up(void)
{
    struct req_cred_new invite;

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    node_sim_open(&node, 61);
    MUST(atexit(take_down) == 0);
    sim_seat(&node, &guardian);
    sim_ward(&node, &guardian, &owner);
    sim_ward(&node, &guardian, &second);
    make_epoch();
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
    make_drop(&who[8]);
    make_vault();
    make_move();
}

/* ---- a good body of each message, as far as one exists beforehand ---- */

/* Bodies of which one is kept, and those made here. */
static void good_made(uint16_t kind, void *req)
{
    struct req_cred_new *cred = req;
    struct req_epoch_commit *commit = req;
    struct req_open *open = req;

    switch (kind) {
    case MSG_SEAT_ENROL:
        sim_seat_req(&node, &linked, who[3].handshake, req);
        break;
    case MSG_WARD_ENROL:
        sim_ward_req(&node, &invited, req);
        break;
    case MSG_CRED_NEW:
        *cred = (struct req_cred_new){ .type = CRED_ROSTER, .id = { 8 }, .psk = { 8 } };
        break;
    case MSG_EPOCH_PREPARE:
        memcpy(req, &coming.req, sizeof coming.req);
        break;
    case MSG_EPOCH_COMMIT:
        commit->epoch = 2;
        memcpy(commit->manifest_hash, coming.hash, HASH_BYTES);
        break;
    case MSG_OPEN:
        *open = (struct req_open){ .kind = REQUEST_CONFIRM,
                                   .purpose = PURPOSE_ENROL,
                                   .stat = { 3 },
                                   .psk = { 3 },
                                   .seal = { 3 },
                                   .sign = { 3 } };
        break;
    default:
        break;
    }
}

/* A device's mark of having seen its alerts when there were none. */
static void good_mark(struct req_drop_ack *req)
{
    struct req_drop_list list = { .which = DROP_ALERTS };

    MUST(node_sim_ask(&node, &owner.who, MSG_DROP_LIST, &list, decoded) == OK);
    req->which = DROP_ALERTS;
    crypt_sign_public(&device_sign, req->key);
    drop_mark_sign(&device_sign, ((struct rep_drop_list *)(void *)decoded)->drop, 0,
                   req->head, req->sig);
}

static void good_drop(uint16_t kind, void *req)
{
    switch (kind) {
    case MSG_DROP_CREATE:
        ((struct req_drop_create *)req)->rule = DROP_RULE_HOLDER;
        break;
    case MSG_DROP_PUT:
        memcpy(((struct req_drop_put *)req)->drop, drop, ID_BYTES);
        ((struct req_drop_put *)req)->blob = bytes_text("another blob");
        break;
    case MSG_DROP_GET:
        memcpy(((struct req_drop_get *)req)->drop, drop, ID_BYTES);
        ((struct req_drop_get *)req)->seq = 1;
        break;
    case MSG_DROP_LIST:
        ((struct req_drop_list *)req)->which = DROP_ALERTS;
        break;
    case MSG_DROP_WATCH:
        ((struct req_drop_watch *)req)->which = DROP_ALERTS;
        break;
    case MSG_DROP_ACK:
        good_mark(req);
        break;
    case MSG_DROP_CLOSE:
        memcpy(((struct req_drop_close *)req)->drop, drop, ID_BYTES);
        break;
    default:
        break;
    }
}

static void good_vault(uint16_t kind, void *req)
{
    const struct bytes objects = bytes_of(vault_mem, 2 * 304);

    switch (kind) {
    case MSG_VAULT_HAVE:
        ((struct req_vault_have *)req)->ids = BYTES_OF(vault_ids);
        break;
    case MSG_VAULT_PUT:
        ((struct req_vault_put *)req)->objects = objects;
        break;
    case MSG_VAULT_GET:
        ((struct req_vault_get *)req)->ids = BYTES_OF(vault_ids);
        break;
    case MSG_HEAD_SET:
        memcpy(req, &next_head.req, sizeof next_head.req);
        ((struct req_head_set *)req)->objects = objects;
        ((struct req_head_set *)req)->dropped = BYTES_OF(vault_ids);
        break;
    default:
        break;
    }
}

/* Of what changes, proves and ends a circle. */
static void good_change(uint16_t kind, void *req)
{
    static const uint8_t acks[] = { 0x81, 0x01, 0x90 }; /* of no machine */

    switch (kind) {
    case MSG_RETIRE:
        ((struct req_retire *)req)->epoch = 1;
        memcpy(((struct req_retire *)req)->manifest_hash, epoch.hash, HASH_BYTES);
        ((struct req_retire *)req)->machines = BYTES_OF(acks);
        ((struct req_retire *)req)->people = good_move.people;
        break;
    case MSG_EPOCH_ABORT:
        ((struct req_epoch_abort *)req)->epoch = 2;
        break;
    case MSG_ROSTER_PUT:
        ((struct req_roster_put *)req)->epoch = 1;
        memcpy(((struct req_roster_put *)req)->manifest_hash, epoch.hash, HASH_BYTES);
        ((struct req_roster_put *)req)->roster = bytes_text("a list");
        break;
    case MSG_CERT_PUT:
        ((struct req_cert_put *)req)->epoch = 2;
        memcpy(((struct req_cert_put *)req)->manifest_hash, coming.hash, HASH_BYTES);
        ((struct req_cert_put *)req)->people = good_move.people;
        break;
    case MSG_WARD_END:
        memcpy(((struct req_ward_end *)req)->ward, owner.ward, ID_BYTES);
        ((struct req_ward_end *)req)->people = good_move.people;
        break;
    case MSG_EPOCH_STATE:
        ((struct req_epoch_state *)req)->want = EPOCH_WANT_MOVE;
        break;
    case MSG_MOVE:
        memcpy(req, &good_move, sizeof good_move);
        break;
    default:
        break;
    }
}

static void good_proof(uint16_t kind, void *req)
{
    switch (kind) {
    case MSG_CHECK:
        ((struct req_check *)req)->epoch = 1;
        ((struct req_check *)req)->ids = BYTES_OF(vault_ids);
        break;
    case MSG_DRILL_ASK:
        ((struct req_drill_ask *)req)->epoch = 1;
        break;
    case MSG_DRILL_LIST:
        memcpy(((struct req_drill_list *)req)->ward, owner.ward, ID_BYTES);
        break;
    case MSG_DRILL_ANSWER:
        memcpy(((struct req_drill_answer *)req)->ward, owner.ward, ID_BYTES);
        break;
    default:
        break;
    }
}

/* Bodies that name a thing that is there. */
static void good_named(uint16_t kind, void *req)
{
    switch (kind) {
    case MSG_HELLO:
        ((struct req_hello *)req)->version = 1;
        break;
    case MSG_EPOCH_NEXT:
        ((struct req_epoch_next *)req)->epoch = 2;
        break;
    case MSG_CRED_DROP:
        memcpy(((struct req_cred_drop *)req)->id, link_id, ID_BYTES);
        break;
    case MSG_REQUEST:
        memcpy(((struct req_request *)req)->request, live, ID_BYTES);
        break;
    case MSG_BOX_GET:
        memcpy(((struct req_box_get *)req)->request, live, ID_BYTES);
        ((struct req_box_get *)req)->epoch = 1;
        break;
    case MSG_TRY:
    case MSG_APPROVE:
    case MSG_REFUSE:
    case MSG_CANCEL:
    case MSG_FETCH:
    case MSG_UNLOCK:
    case MSG_REVEAL:
        /* Op, then the request: they begin alike. */
        memcpy(((struct req_refuse *)req)->request, live, ID_BYTES);
        break;
    default:
        break;
    }
    if (kind == MSG_APPROVE)
        ((struct req_approve *)req)->statement = BYTES_OF(epoch.boxes[0]);
}

static struct bytes good_body(const struct msg_row *row)
{
    static uint8_t mem[BODY];
    static _Alignas(16) uint8_t req[65536];
    struct buf b = BUF_OF(mem);

    memset(req, 0, row->req->size);
    good_made(row->kind, req);
    good_named(row->kind, req);
    good_drop(row->kind, req);
    good_vault(row->kind, req);
    good_change(row->kind, req);
    good_proof(row->kind, req);
    if (row->access == MSG_WRITE)
        sim_op(&node, req);
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

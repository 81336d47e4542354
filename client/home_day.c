/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "client/home.h"
#include "proto/cert.h"
#include "proto/drop.h"
#include "proto/vault.h"

/*
 * The day box is a row of records. A kind or an even key that is not known makes the
 * whole file one of a later version; such a version never adds odd keys here, because
 * saving would lose them.
 */
enum record {
    RECORD_ME = 1,
    RECORD_GUARDIAN,
    RECORD_SEAT,
    RECORD_INVITE,
    RECORD_WARD,
    RECORD_FORMER = 12,
    RECORD_PAST,
    RECORD_DEVICE
};

/* Words of a fingerprint: four of at most ten letters. */
enum { WORDS_MAX_BYTES = 48, DEVICE_NAME_MAX = 64 };

static const struct wire_field address_fields[] = {
    W_BYTES(roster_address, at, 1, WIRE_MUST, 1, ADDRESS_MAX),
};
static const struct wire_schema address_schema = W_SCHEMA(roster_address, address_fields);

static const struct wire_field mark_fields[] = {
    W_FIX(day_mark, drop, 1, WIRE_MUST),
    W_UINT(day_mark, seq, 2, WIRE_MAY, UINT64_MAX),
    W_FIX(day_mark, head, 3, WIRE_MAY),
    W_FIX(day_mark, incarnation, 4, WIRE_MAY),
    W_UINT(day_mark, time, 5, WIRE_MAY, UINT64_MAX),
    W_BYTES(day_mark, receipt, 6, WIRE_MAY, 0, DROP_RECEIPT_MAX),
};
static const struct wire_schema mark_schema = W_SCHEMA(day_mark, mark_fields);

static const struct wire_field handler_fields[] = {
    W_BYTES(day_handler, exec, 1, WIRE_MUST, 2, DAY_HANDLER_MAX),
};
static const struct wire_schema handler_schema = W_SCHEMA(day_handler, handler_fields);

static const struct wire_field node_fields[] = {
    W_FIX(day_node, node_key, 1, WIRE_MUST),
    W_FIX(day_node, node_sign, 2, WIRE_MAY),
    W_FIX(day_node, incarnation, 3, WIRE_MAY),
    W_FIX(day_node, log_head, 4, WIRE_MAY),
    W_UINT(day_node, log_seq, 5, WIRE_MAY, UINT64_MAX),
    W_UINT(day_node, seen, 6, WIRE_MAY, UINT64_MAX),
    W_LIST(day_node, addresses, 7, WIRE_MAY, 0, &address_schema),
    W_UINT(day_node, fault, 60, WIRE_MAY, UINT8_MAX),
    W_UINT(day_node, faulted, 61, WIRE_MAY, UINT64_MAX),
    W_LIST(day_node, alerts, 62, WIRE_MAY, 0, &mark_schema),
    W_LIST(day_node, log, 63, WIRE_MAY, 0, &mark_schema),
    W_UINT(day_node, told_seq, 64, WIRE_MAY, UINT64_MAX),
    W_FIX(day_node, told_head, 65, WIRE_MAY),
    W_UINT(day_node, told_time, 66, WIRE_MAY, UINT64_MAX),
    W_UINT(day_node, acked, 67, WIRE_MAY, UINT64_MAX),
    W_UINT(day_node, fault_told, 68, WIRE_MAY, UINT8_MAX),
    W_UINT(day_node, let_go, 69, WIRE_MAY, UINT64_MAX),
    W_UINT(day_node, let_go_settled, 70, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema node_schema = W_SCHEMA(day_node, node_fields);

static const struct wire_field group_fields[] = {
    W_UINT(manifest_group, t, 1, WIRE_MUST, 16),
    W_UINT(manifest_group, n, 2, WIRE_MUST, 16),
};
static const struct wire_schema group_schema = W_SCHEMA(manifest_group, group_fields);

static const struct wire_field text_fields[] = {
    W_TEXT(day_text, text, 1, WIRE_MUST, 1, NAME_MAX_BYTES),
};
static const struct wire_schema text_schema = W_SCHEMA(day_text, text_fields);

static const struct wire_field plan_fields[] = {
    W_UINT(day_plan, group_threshold, 1, WIRE_MUST, GROUPS_MAX),
    W_LIST(day_plan, groups, 2, WIRE_MUST, 1, &group_schema),
    W_LIST(day_plan, group_names, 3, WIRE_MAY, 0, &text_schema),
    W_UINT(day_plan, hold, 4, WIRE_MAY, HOLD_MAX_S),
    W_UINT(day_plan, stop_hold, 5, WIRE_MAY, STOP_HOLD_MAX_S),
    W_UINT(day_plan, roster_mode, 6, WIRE_MAY, ROSTER_NEVER),
    W_BYTES(day_plan, seats, 7, WIRE_MUST, SEAT_BYTES, DAY_GUARDIANS *SEAT_BYTES),
};
static const struct wire_schema plan_schema = W_SCHEMA(day_plan, plan_fields);

static const struct wire_field past_fields[] = {
    W_UINT(day_past, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_UINT(day_past, sealed_at, 2, WIRE_MAY, UINT64_MAX),
    W_UINT(day_past, certified, 3, WIRE_MAY, 1),
    W_BYTES(day_past, manifest, 4, WIRE_MUST, 1, MANIFEST_MAX),
};
static const struct wire_schema past_schema = W_SCHEMA(day_past, past_fields);

static const struct wire_field me_fields[] = {
    W_TEXT(day_me, name, 1, WIRE_MAY, 0, NAME_MAX_BYTES),
    W_FIX(day_me, circle, 2, WIRE_MAY),
    W_FIX(day_me, owner, 3, WIRE_MAY),
    W_FIX(day_me, guard_sign, 4, WIRE_MAY),
    W_FIX(day_me, guard_seal, 5, WIRE_MAY),
    W_TEXT(day_me, fingerprint, 6, WIRE_MAY, 0, WORDS_MAX_BYTES),
    W_UINT(day_me, planned, 7, WIRE_MAY, 1),
    W_UINT(day_me, group_threshold, 8, WIRE_MAY, GROUPS_MAX),
    W_LIST(day_me, groups, 9, WIRE_MAY, 0, &group_schema),
    W_LIST(day_me, group_names, 10, WIRE_MAY, 0, &text_schema),
    W_UINT(day_me, hold, 11, WIRE_MAY, HOLD_MAX_S),
    W_UINT(day_me, stop_hold, 12, WIRE_MAY, STOP_HOLD_MAX_S),
    W_UINT(day_me, roster_mode, 13, WIRE_MAY, ROSTER_NEVER),
    W_TEXT(day_me, about, 14, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_UINT(day_me, next_roster, 15, WIRE_MAY, UINT32_MAX),
    W_UINT(day_me, epoch, 16, WIRE_MAY, UINT32_MAX),
    W_UINT(day_me, sealed_at, 17, WIRE_MAY, UINT64_MAX),
    W_FIX(day_me, manifest_hash, 18, WIRE_MAY),
    W_BYTES(day_me, manifest, 19, WIRE_MAY, 0, MANIFEST_MAX),
    W_UINT(day_me, owner_tested, 60, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, guard_tested, 61, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, watched, 62, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, timer, 63, WIRE_MAY, UINT32_MAX),
    W_UINT(day_me, failed, 64, WIRE_MAY, UINT64_MAX),
    W_LIST(day_me, handlers, 65, WIRE_MAY, 0, &handler_schema),
    W_UINT(day_me, owner_sent, 66, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, guard_sent, 67, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, reset, 80, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, next_sheet, 100, WIRE_MAY, UINT32_MAX),
    W_UINT(day_me, vault_generation, 110, WIRE_MAY, UINT32_MAX),
    W_FIX(day_me, vault_key, 111, WIRE_MAY),
    W_FIX(day_me, device, 112, WIRE_MAY),
    W_TEXT(day_me, device_name, 113, WIRE_MAY, 0, DEVICE_NAME_MAX),
    W_UINT(day_me, generation_before, 114, WIRE_MAY, UINT32_MAX),
    W_FIX(day_me, vault_before, 115, WIRE_MAY),
    W_LIST(day_me, next, 120, WIRE_MAY, 0, &plan_schema),
    W_UINT(day_me, cert_epoch, 122, WIRE_MAY, UINT32_MAX),
    W_FIX(day_me, cert_hash, 123, WIRE_MAY),
    W_BYTES(day_me, cert, 124, WIRE_MAY, 0, CERT_PEOPLE_MAX),
    W_UINT(day_me, check_next, 130, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, helper, 140, WIRE_MAY, 1),
    W_FIX(day_me, move, 150, WIRE_MAY),
    W_UINT(day_me, moved, 152, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, gone, 154, WIRE_MAY, GONE_STOLEN),
    W_UINT(day_me, end_wanted, 160, WIRE_MAY, UINT64_MAX),
    W_UINT(day_me, roster_number, 170, WIRE_MAY, UINT32_MAX),
    W_UINT(day_me, roster_epoch, 171, WIRE_MAY, UINT32_MAX),
    W_UINT(day_me, roster_at, 172, WIRE_MAY, UINT64_MAX),
    W_BYTES(day_me, roster_sealed, 173, WIRE_MAY, 0, ROSTER_MAX + SEAL_OVERHEAD),
    W_UINT(day_me, device_until, 174, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema me_schema = W_SCHEMA(day_me, me_fields);

static const struct wire_field proof_fields[] = {
    W_UINT(day_proof, checked, 1, WIRE_MAY, UINT64_MAX),
    W_UINT(day_proof, checked_epoch, 2, WIRE_MAY, UINT32_MAX),
    W_UINT(day_proof, fault, 3, WIRE_MAY, UINT8_MAX),
    W_UINT(day_proof, faulted, 4, WIRE_MAY, UINT64_MAX),
    W_UINT(day_proof, fault_told, 5, WIRE_MAY, UINT8_MAX),
    W_FIX(day_proof, pass, 6, WIRE_MAY),
    W_UINT(day_proof, at, 7, WIRE_MAY, UINT64_MAX),
    W_UINT(day_proof, opened, 8, WIRE_MAY, UINT64_MAX),
    W_UINT(day_proof, opened_epoch, 9, WIRE_MAY, UINT32_MAX),
    W_UINT(day_proof, drills, 10, WIRE_MAY, UINT32_MAX),
    W_UINT(day_proof, asked, 11, WIRE_MAY, UINT64_MAX),
    W_UINT(day_proof, asked_epoch, 12, WIRE_MAY, UINT32_MAX),
    W_FIX(day_proof, challenge, 13, WIRE_MAY),
    W_UINT(day_proof, failed, 14, WIRE_MAY, UINT64_MAX),
    W_UINT(day_proof, reminded, 15, WIRE_MAY, UINT64_MAX),
    W_UINT(day_proof, opened_reset, 16, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema proof_schema = W_SCHEMA(day_proof, proof_fields);

static const struct wire_field guardian_fields[] = {
    W_TEXT(day_guardian, name, 1, WIRE_MUST, 1, NAME_MAX_BYTES),
    W_UINT(day_guardian, kind, 2, WIRE_MUST, PIECE_CARD),
    W_UINT(day_guardian, progress, 3, WIRE_MUST, GUARDIAN_READY),
    W_TEXT(day_guardian, reach, 4, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_TEXT(day_guardian, contact, 5, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_FIX(day_guardian, token, 6, WIRE_MAY),
    W_FIX(day_guardian, fp, 7, WIRE_MAY),
    W_FIX(day_guardian, invite, 8, WIRE_MAY),
    W_FIX(day_guardian, op_enrol, 9, WIRE_MAY),
    W_FIX(day_guardian, op_device, 10, WIRE_MAY),
    W_LIST(day_guardian, node, 11, WIRE_MAY, 0, &node_schema),
    W_FIX(day_guardian, seat, 12, WIRE_MAY),
    W_UINT(day_guardian, generation, 13, WIRE_MAY, UINT32_MAX),
    W_FIX(day_guardian, ward, 14, WIRE_MAY),
    W_FIX(day_guardian, sign_pub, 15, WIRE_MAY),
    W_FIX(day_guardian, seal_pub, 16, WIRE_MAY),
    W_FIX(day_guardian, keys_sig, 17, WIRE_MAY),
    W_FIX(day_guardian, approval, 18, WIRE_MAY),
    W_FIX(day_guardian, approval_sig, 19, WIRE_MAY),
    W_FIX(day_guardian, dev_static, 20, WIRE_MAY),
    W_FIX(day_guardian, dev_psk, 21, WIRE_MAY),
    W_FIX(day_guardian, dev_sign, 22, WIRE_MAY),
    W_UINT(day_guardian, added, 23, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, confirmed, 24, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, group, 25, WIRE_MAY, GROUPS_MAX - 1),
    W_UINT(day_guardian, index, 26, WIRE_MAY, 15),
    W_UINT(day_guardian, epoch, 27, WIRE_MAY, UINT32_MAX),
    W_UINT(day_guardian, stored, 28, WIRE_MAY, UINT64_MAX),
    W_FIX(day_guardian, ack_key, 29, WIRE_MAY),
    W_BYTES(day_guardian, ack, 30, WIRE_MAY, 0, SIGNED_MAX),
    W_FIX(day_guardian, roster_token, 31, WIRE_MAY),
    W_FIX(day_guardian, request, 32, WIRE_MAY),
    W_UINT(day_guardian, request_state, 33, WIRE_MAY, STATE_EXPIRED),
    W_FIX(day_guardian, op_open, 34, WIRE_MAY),
    W_FIX(day_guardian, op_reveal, 35, WIRE_MAY),
    W_FIX(day_guardian, op_fetch, 36, WIRE_MAY),
    W_FIX(day_guardian, req_static, 37, WIRE_MAY),
    W_FIX(day_guardian, req_psk, 38, WIRE_MAY),
    W_FIX(day_guardian, req_seal, 39, WIRE_MAY),
    W_FIX(day_guardian, req_sign, 40, WIRE_MAY),
    W_FIX(day_guardian, nonce, 41, WIRE_MAY),
    W_BYTES(day_guardian, view, 42, WIRE_MAY, 0, SIGNED_MAX),
    W_UINT(day_guardian, answers, 43, WIRE_MAY, UINT8_MAX),
    W_UINT(day_guardian, requested, 44, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, ask_purpose, 120, WIRE_MAY, PURPOSE_MOVE),
    W_FIX(day_guardian, ask_subject, 121, WIRE_MAY),
    W_UINT(day_guardian, said_epoch, 122, WIRE_MAY, UINT32_MAX),
    W_BYTES(day_guardian, said, 123, WIRE_MAY, 0, SIGNED_MAX),
    W_UINT(day_guardian, said_at, 124, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, retired, 125, WIRE_MAY, UINT32_MAX),
    W_UINT(day_guardian, retire_due, 126, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, abort, 127, WIRE_MAY, UINT32_MAX),
    W_UINT(day_guardian, before, 128, WIRE_MAY, UINT32_MAX),
    W_FIX(day_guardian, next_ack, 129, WIRE_MAY),
    W_LIST(day_guardian, proof, 130, WIRE_MAY, 0, &proof_schema),
    W_BYTES(day_guardian, end_said, 160, WIRE_MAY, 0, SIGNED_MAX),
    W_UINT(day_guardian, end_due, 161, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, ended, 162, WIRE_MAY, UINT64_MAX),
    W_BYTES(day_guardian, end_receipt, 163, WIRE_MAY, 0, SIGNED_MAX),
    W_FIX(day_guardian, dev_let_in, 164, WIRE_MAY),
    W_FIX(day_guardian, account, 165, WIRE_MAY),
    W_UINT(day_guardian, roster_told, 170, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, torn, 171, WIRE_MAY, UINT32_MAX),
    W_UINT(day_guardian, parted, 172, WIRE_MAY, UINT32_MAX),
    W_UINT(day_guardian, unlocked, 173, WIRE_MAY, 1),
    W_UINT(day_guardian, reset, 174, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, left, 175, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, ending, 176, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, gone, 177, WIRE_MAY, UINT32_MAX),
    W_UINT(day_guardian, unjudged, 178, WIRE_MAY, UINT32_MAX),
    W_UINT(day_guardian, moving, 179, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, newer, 180, WIRE_MAY, UINT32_MAX),
    W_UINT(day_guardian, frozen, 181, WIRE_MAY, UINT64_MAX),
    W_UINT(day_guardian, clock, 182, WIRE_MAY, 1),
};
static const struct wire_schema guardian_schema = W_SCHEMA(day_guardian, guardian_fields);

static const struct wire_field seat_fields[] = {
    W_UINT(day_seat, progress, 1, WIRE_MUST, GUARDIAN_READY),
    W_FIX(day_seat, token, 2, WIRE_MAY),
    W_UINT(day_seat, operator_bit, 3, WIRE_MAY, 1),
    W_FIX(day_seat, op_enrol, 4, WIRE_MAY),
    W_LIST(day_seat, node, 5, WIRE_MUST, 1, &node_schema),
    W_FIX(day_seat, seat, 6, WIRE_MAY),
    W_FIX(day_seat, stat, 7, WIRE_MAY),
    W_FIX(day_seat, psk, 8, WIRE_MAY),
    W_UINT(day_seat, added, 9, WIRE_MAY, UINT64_MAX),
    W_FIX(day_seat, mark_sign, 60, WIRE_MAY),
    W_UINT(day_seat, lost, 181, WIRE_MAY, 1),
    W_FIX(day_seat, fp, 182, WIRE_MAY),
};
static const struct wire_schema seat_schema = W_SCHEMA(day_seat, seat_fields);

static const struct wire_field invite_fields[] = {
    W_FIX(day_invite, seat, 1, WIRE_MUST),
    W_FIX(day_invite, invite, 2, WIRE_MUST),
    W_UINT(day_invite, made, 3, WIRE_MAY, UINT64_MAX),
    W_UINT(day_invite, expires, 4, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema invite_schema = W_SCHEMA(day_invite, invite_fields);

static const struct wire_field ward_fields[] = {
    W_FIX(day_ward, seat, 1, WIRE_MUST),
    W_FIX(day_ward, ward, 2, WIRE_MUST),
    W_FIX(day_ward, invite, 3, WIRE_MAY),
    W_TEXT(day_ward, label, 4, WIRE_MAY, 0, NAME_MAX_BYTES),
    W_FIX(day_ward, circle, 5, WIRE_MAY),
    W_FIX(day_ward, owner, 6, WIRE_MAY),
    W_TEXT(day_ward, contact, 7, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_TEXT(day_ward, about, 8, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_TEXT(day_ward, fingerprint, 9, WIRE_MAY, 0, WORDS_MAX_BYTES),
    W_UINT(day_ward, confirmed, 10, WIRE_MAY, UINT64_MAX),
    W_FIX(day_ward, answered, 11, WIRE_MAY),
    W_FIX(day_ward, before, 80, WIRE_MAY),
    W_UINT(day_ward, moved, 81, WIRE_MAY, UINT64_MAX),
    W_BYTES(day_ward, judges, 180, WIRE_MAY, 0, DESCRIPTOR_MAX),
};
static const struct wire_schema ward_schema = W_SCHEMA(day_ward, ward_fields);

static const struct wire_field device_at_fields[] = {
    W_FIX(day_device_at, seat, 1, WIRE_MUST),
    W_FIX(day_device_at, cred, 2, WIRE_MUST),
    W_FIX(day_device_at, sign, 3, WIRE_MAY),
    W_UINT(day_device_at, state, 4, WIRE_MAY, DEVICE_OUT),
    W_UINT(day_device_at, until, 5, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema device_at_schema =
    W_SCHEMA(day_device_at, device_at_fields);

static const struct wire_field device_fields[] = {
    W_FIX(day_device, id, 1, WIRE_MUST),
    W_TEXT(day_device, name, 2, WIRE_MUST, 1, DEVICE_NAME_MAX),
    W_UINT(day_device, full, 3, WIRE_MAY, 1),
    W_UINT(day_device, since, 4, WIRE_MAY, UINT64_MAX),
    W_UINT(day_device, removed, 5, WIRE_MAY, UINT64_MAX),
    W_LIST(day_device, at, 6, WIRE_MAY, 0, &device_at_schema),
};
static const struct wire_schema device_schema = W_SCHEMA(day_device, device_fields);

/* Where records of each kind lie in a struct day. */
static const struct day_row {
    uint8_t kind;
    const struct wire_schema *schema;
    size_t off, off_n, max;
} day_rows[] = {
    { RECORD_GUARDIAN, &guardian_schema, offsetof(struct day, guardians),
      offsetof(struct day, n_guardians), DAY_GUARDIANS },
    { RECORD_FORMER, &guardian_schema, offsetof(struct day, formers),
      offsetof(struct day, n_formers), DAY_FORMERS },
    { RECORD_PAST, &past_schema, offsetof(struct day, past), offsetof(struct day, n_past),
      EPOCHS_MAX },
    { RECORD_SEAT, &seat_schema, offsetof(struct day, seats),
      offsetof(struct day, n_seats), DAY_SEATS },
    { RECORD_INVITE, &invite_schema, offsetof(struct day, invites),
      offsetof(struct day, n_invites), DAY_INVITES },
    { RECORD_WARD, &ward_schema, offsetof(struct day, wards),
      offsetof(struct day, n_wards), DAY_WARDS },
    { RECORD_DEVICE, &device_schema, offsetof(struct day, devices),
      offsetof(struct day, n_devices), DAY_DEVICES },
};

enum { DAY_ROWS = sizeof day_rows / sizeof day_rows[0] };

/* ---- memory ---- */

struct day_memory {
    struct day_memory *next;
    size_t n;
    uint8_t b[];
};

static enum err keep(struct day *d, struct bytes text, struct bytes *out)
{
    struct day_memory *m = calloc(1, sizeof *m + text.n);
    if (m == NULL)
        return ERR_NOMEM;
    if (text.n > 0)
        memcpy(m->b, text.p, text.n);
    m->n = text.n;
    m->next = d->memory;
    d->memory = m;
    *out = bytes_of(m->b, m->n);
    return OK;
}

struct bytes day_keep(struct day *d, struct bytes text)
{
    struct bytes kept = { 0 };
    if (text.n > 0)
        MUST(keep(d, text, &kept) == OK);
    return kept;
}

void day_free(struct day *d)
{
    if (d == NULL)
        return;
    while (d->memory != NULL) {
        struct day_memory *m = d->memory;
        d->memory = m->next;
        secret_wipe(m->b, m->n);
        free(m);
    }
    secret_wipe(d, sizeof *d);
    free(d);
}

/* ---- what is proven of a piece ---- */

struct day_proof *day_proof(struct day_guardian *g)
{
    if (g->n_proof == 0)
        g->proof[0] = (struct day_proof){ 0 };
    g->n_proof = 1;
    return &g->proof[0];
}

const struct day_proof *day_proven(const struct day_guardian *g)
{
    static const struct day_proof none;
    return g->n_proof == 1 ? &g->proof[0] : &none;
}

void day_opened(struct day_guardian *g, uint32_t epoch, uint64_t when)
{
    struct day_proof *p = day_proof(g);
    p->opened = when;
    p->opened_epoch = epoch;
    p->opened_reset = 0;
    p->drills += p->drills < UINT32_MAX;
    p->failed = 0;
}

/* ---- the vault's part ---- */

/* The machine's name, where it is one that a person can read. */
static struct bytes machine_name(char mem[DEVICE_NAME_MAX + 1])
{
    memset(mem, 0, DEVICE_NAME_MAX + 1);
    if (gethostname(mem, DEVICE_NAME_MAX) != 0 || !wire_printable(bytes_text(mem)))
        return (struct bytes){ 0 };
    return bytes_text(mem);
}

/* The oldest one counts: a vault is still under it, whatever came since. */
static void key_before(struct day_me *me)
{
    if (me->generation_before > 0)
        return;
    me->generation_before = me->vault_generation;
    memcpy(me->vault_before, me->vault_key, KEY_BYTES);
}

static enum err key_fill(struct day_me *me, const struct root_key *root,
                         struct vault_key *key)
{
    uint32_t generation = me->vault_generation > 0 ? me->vault_generation : 1;
    TRY(vault_key_of(root, generation, key));
    if (me->vault_generation > 0 && !secret_equal(key->b, me->vault_key, KEY_BYTES)) {
        key_before(me);
        generation = 1;
        TRY(vault_key_of(root, generation, key));
    }
    me->vault_generation = generation;
    memcpy(me->vault_key, key->b, KEY_BYTES);
    return OK;
}

enum err home_vault_keys(struct day *d, const struct root_key *root,
                         const struct rng *rng)
{
    AUTO_SECRET struct vault_key *key = NULL;
    struct day_me *me = &d->me;
    const uint8_t none[ID_BYTES] = { 0 };
    char name[DEVICE_NAME_MAX + 1];
    TRY(secret_new(&key));
    TRY(key_fill(me, root, key));
    if (bytes_equal(BYTES_OF(me->device), BYTES_OF(none)))
        rng_fill(rng, me->device, ID_BYTES);
    if (me->device_name.n == 0)
        me->device_name = day_keep(d, machine_name(name));
    return OK;
}

/* ---- encoding ---- */

enum err day_encode(const struct day *d, struct home_blob *out)
{
    AUTO_BLOB struct home_blob b = { 0 };
    TRY(blob_put(&b, RECORD_ME, &me_schema, &d->me));
    for (size_t r = 0; r < DAY_ROWS; r++) {
        const struct day_row *row = &day_rows[r];
        const uint8_t *base = (const uint8_t *)d;
        size_t n = 0;
        memcpy(&n, base + row->off_n, sizeof n);
        MUST(n <= row->max);
        for (size_t i = 0; i < n; i++)
            TRY(blob_put(&b, row->kind, row->schema,
                         base + row->off + i * row->schema->size));
    }
    *out = b;
    b = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

static const struct day_row *row_of(uint8_t kind)
{
    for (size_t r = 0; r < DAY_ROWS; r++) {
        if (day_rows[r].kind == kind)
            return &day_rows[r];
    }
    return NULL;
}

static enum err record_get(struct day *d, uint8_t kind, struct bytes body)
{
    const struct day_row *row = row_of(kind);
    if (row == NULL)
        return ERR_VERSION;
    uint8_t *base = (uint8_t *)d;
    size_t n = 0;
    memcpy(&n, base + row->off_n, sizeof n);
    if (n >= row->max)
        return ERR_CORRUPT;
    TRY(wire_get(row->schema, body, base + row->off + n * row->schema->size));
    n++;
    memcpy(base + row->off_n, &n, sizeof n);
    return OK;
}

static enum err records_get(struct day *d, struct bytes in)
{
    uint8_t kind = 0;
    struct bytes body = { 0 };
    TRY(blob_next(&in, &kind, &body));
    if (kind != RECORD_ME)
        return ERR_FORMAT;
    TRY(wire_get(&me_schema, body, &d->me));
    while (in.n > 0) {
        TRY(blob_next(&in, &kind, &body));
        TRY(record_get(d, kind, body));
    }
    return OK;
}

enum err day_decode(struct bytes in, struct day **out)
{
    AUTO_DAY struct day *d = calloc(1, sizeof *d);
    if (d == NULL)
        return ERR_NOMEM;
    struct bytes kept = { 0 };
    TRY(keep(d, in, &kept));
    enum err e = records_get(d, kept);
    if (e == ERR_FORMAT || e == ERR_TOO_BIG)
        return ERR_CORRUPT;
    TRY(e);
    *out = d;
    d = NULL; /* the caller's now */
    return OK;
}

enum err home_day_load(struct home *h, struct day **out)
{
    AUTO_BLOB struct home_blob open = { 0 };
    enum err e = home_read_open(h, HOME_DAY, &open);
    if (e == ERR_UNKNOWN) {
        struct day *d = calloc(1, sizeof *d);
        if (d == NULL)
            return ERR_NOMEM;
        *out = d;
        return OK;
    }
    TRY(e);
    return day_decode(bytes_of(open.p, open.n), out);
}

enum err home_day_save(struct home *h, const struct day *d, const struct rng *rng)
{
    AUTO_BLOB struct home_blob open = { 0 };
    TRY(day_encode(d, &open));
    return home_write(h, HOME_DAY, NULL, bytes_of(open.p, open.n), (struct bytes){ 0 },
                      rng);
}

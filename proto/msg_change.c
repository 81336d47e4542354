/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/msg_part.h"

/* ---- bodies of the messages that change, end and prove a circle ---- */

static const struct wire_field req_retire_fields[] = {
    W_FIX(req_retire, op, 1, WIRE_MUST),
    W_UINT(req_retire, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(req_retire, manifest_hash, 3, WIRE_MUST),
    W_BYTES(req_retire, machines, 4, WIRE_MUST, 1, CERT_MACHINES_MAX),
    W_BYTES(req_retire, people, 5, WIRE_MUST, 1, CERT_PEOPLE_MAX),
    W_FIX(req_retire, req_sign, 6, WIRE_MAY),
    W_FIX(req_retire, sig, 7, WIRE_MAY),
};
const struct wire_schema req_retire_schema = W_SCHEMA(req_retire, req_retire_fields);

static const struct wire_field rep_retire_fields[] = {
    W_UINT(rep_retire, state, 1, WIRE_MUST, 2),
    W_UINT(rep_retire, due, 2, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_retire, own, 3, WIRE_MAY, 1),
};
const struct wire_schema rep_retire_schema = W_SCHEMA(rep_retire, rep_retire_fields);

static const struct wire_field req_epoch_abort_fields[] = {
    W_FIX(req_epoch_abort, op, 1, WIRE_MUST),
    W_UINT(req_epoch_abort, epoch, 2, WIRE_MUST, UINT32_MAX),
};
const struct wire_schema req_epoch_abort_schema =
    W_SCHEMA(req_epoch_abort, req_epoch_abort_fields);

static const struct wire_field rep_epoch_abort_fields[] = {
    W_UINT(rep_epoch_abort, reserved, 1, WIRE_MAY, 255),
};
const struct wire_schema rep_epoch_abort_schema =
    W_SCHEMA(rep_epoch_abort, rep_epoch_abort_fields);

static const struct wire_field req_cert_put_fields[] = {
    W_FIX(req_cert_put, op, 1, WIRE_MUST),
    W_UINT(req_cert_put, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(req_cert_put, manifest_hash, 3, WIRE_MUST),
    W_BYTES(req_cert_put, people, 4, WIRE_MUST, 1, CERT_PEOPLE_MAX),
};
const struct wire_schema req_cert_put_schema =
    W_SCHEMA(req_cert_put, req_cert_put_fields);

static const struct wire_field rep_cert_put_fields[] = {
    W_UINT(rep_cert_put, held, 1, WIRE_MAY, 1),
};
const struct wire_schema rep_cert_put_schema =
    W_SCHEMA(rep_cert_put, rep_cert_put_fields);

static const struct wire_field req_roster_put_fields[] = {
    W_FIX(req_roster_put, op, 1, WIRE_MUST),
    W_UINT(req_roster_put, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(req_roster_put, manifest_hash, 3, WIRE_MUST),
    W_BYTES(req_roster_put, roster, 4, WIRE_MUST, 1, ROSTER_MAX + SEAL_OVERHEAD),
};
const struct wire_schema req_roster_put_schema =
    W_SCHEMA(req_roster_put, req_roster_put_fields);

static const struct wire_field rep_roster_put_fields[] = {
    W_FIX(rep_roster_put, stored, 1, WIRE_MUST),
};
const struct wire_schema rep_roster_put_schema =
    W_SCHEMA(rep_roster_put, rep_roster_put_fields);

static const struct wire_field req_check_fields[] = {
    W_FIX(req_check, nonce, 1, WIRE_MUST),
    W_UINT(req_check, epoch, 2, WIRE_MAY, UINT32_MAX),
    W_BYTES(req_check, ids, 3, WIRE_MAY, 0, CHECK_OBJECTS *VAULT_ID),
};
const struct wire_schema req_check_schema = W_SCHEMA(req_check, req_check_fields);

static const struct wire_field rep_check_fields[] = {
    W_FIX(rep_check, epoch, 1, WIRE_MAY),
    W_FIX(rep_check, head, 2, WIRE_MUST),
    W_FIX(rep_check, objects, 3, WIRE_MUST),
    W_BYTES(rep_check, missing, 5, WIRE_MAY, 0, CHECK_OBJECTS / 8),
    W_UINT(rep_check, time, 6, WIRE_MUST, UINT64_MAX),
    W_FIX(rep_check, list, 7, WIRE_MAY),
};
const struct wire_schema rep_check_schema = W_SCHEMA(rep_check, rep_check_fields);

static const struct wire_field req_ward_end_fields[] = {
    W_FIX(req_ward_end, op, 1, WIRE_MUST),
    W_FIX(req_ward_end, ward, 2, WIRE_MUST),
    W_BYTES(req_ward_end, people, 3, WIRE_MAY, 0, CERT_PEOPLE_MAX),
    W_UINT(req_ward_end, cancel, 5, WIRE_MAY, 1),
};
const struct wire_schema req_ward_end_schema =
    W_SCHEMA(req_ward_end, req_ward_end_fields);

static const struct wire_field rep_ward_end_fields[] = {
    W_UINT(rep_ward_end, left, 1, WIRE_MUST, UINT64_MAX),
    W_UINT(rep_ward_end, due, 3, WIRE_MAY, UINT64_MAX),
    W_BYTES(rep_ward_end, receipt, 5, WIRE_MAY, 0, 256),
};
const struct wire_schema rep_ward_end_schema =
    W_SCHEMA(rep_ward_end, rep_ward_end_fields);

static const struct wire_field req_move_fields[] = {
    W_FIX(req_move, op, 1, WIRE_MUST),
    W_BYTES(req_move, move, 2, WIRE_MUST, 1, MOVE_MAX),
    W_BYTES(req_move, people, 3, WIRE_MUST, 1, CERT_PEOPLE_MAX),
    W_FIX(req_move, account_sign, 4, WIRE_MUST),
    W_FIX(req_move, stat, 5, WIRE_MUST),
    W_FIX(req_move, psk, 6, WIRE_MUST),
    W_FIX(req_move, sig, 7, WIRE_MUST),
};
const struct wire_schema req_move_schema = W_SCHEMA(req_move, req_move_fields);

static const struct wire_field rep_move_fields[] = {
    W_UINT(rep_move, state, 1, WIRE_MUST, 2),
    W_UINT(rep_move, due, 2, WIRE_MAY, UINT64_MAX),
};
const struct wire_schema rep_move_schema = W_SCHEMA(rep_move, rep_move_fields);

static const struct wire_field req_drill_ask_fields[] = {
    W_FIX(req_drill_ask, op, 1, WIRE_MUST),
    W_UINT(req_drill_ask, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(req_drill_ask, challenge, 3, WIRE_MUST),
};
const struct wire_schema req_drill_ask_schema =
    W_SCHEMA(req_drill_ask, req_drill_ask_fields);

static const struct wire_field rep_drill_ask_fields[] = {
    W_UINT(rep_drill_ask, asked, 1, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema rep_drill_ask_schema =
    W_SCHEMA(rep_drill_ask, rep_drill_ask_fields);

static const struct wire_field req_drill_list_fields[] = {
    W_FIX(req_drill_list, ward, 1, WIRE_MAY),
};
const struct wire_schema req_drill_list_schema =
    W_SCHEMA(req_drill_list, req_drill_list_fields);

static const struct wire_field drill_line_fields[] = {
    W_FIX(drill_line, ward, 1, WIRE_MUST),
    W_UINT(drill_line, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(drill_line, manifest_hash, 3, WIRE_MUST),
    W_FIX(drill_line, challenge, 4, WIRE_MUST),
    W_UINT(drill_line, asked, 5, WIRE_MUST, UINT64_MAX),
    W_UINT(drill_line, answered, 6, WIRE_MAY, UINT64_MAX),
    W_UINT(drill_line, time, 7, WIRE_MAY, UINT64_MAX),
    W_FIX(drill_line, sig, 8, WIRE_MAY),
    W_UINT(drill_line, reset, 9, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema drill_line_schema =
    W_SCHEMA(drill_line, drill_line_fields);

static const struct wire_field rep_drill_list_fields[] = {
    W_LIST(rep_drill_list, lines, 1, WIRE_MAY, 0, &drill_line_schema),
    W_UINT(rep_drill_list, group, 2, WIRE_MAY, GROUPS_MAX),
    W_UINT(rep_drill_list, index, 3, WIRE_MAY, GROUPS_MAX),
    W_BYTES(rep_drill_list, box_piece, 4, WIRE_MAY, 0, BOX_MAX),
    W_BYTES(rep_drill_list, manifest, 5, WIRE_MAY, 0, MANIFEST_MAX + SEAL_OVERHEAD),
};
const struct wire_schema rep_drill_list_schema =
    W_SCHEMA(rep_drill_list, rep_drill_list_fields);

static const struct wire_field req_drill_answer_fields[] = {
    W_FIX(req_drill_answer, op, 1, WIRE_MUST),
    W_FIX(req_drill_answer, ward, 2, WIRE_MUST),
    W_FIX(req_drill_answer, challenge, 3, WIRE_MUST),
    W_UINT(req_drill_answer, time, 4, WIRE_MUST, UINT64_MAX),
    W_FIX(req_drill_answer, sig, 5, WIRE_MUST),
};
const struct wire_schema req_drill_answer_schema =
    W_SCHEMA(req_drill_answer, req_drill_answer_fields);

static const struct wire_field rep_drill_answer_fields[] = {
    W_UINT(rep_drill_answer, answered, 1, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema rep_drill_answer_schema =
    W_SCHEMA(rep_drill_answer, rep_drill_answer_fields);

/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/msg_part.h"

/* ---- fields, one table a body ---- */

static const struct wire_field rep_error_fields[] = {
    W_UINT(rep_error, code, 1, WIRE_MUST, UINT16_MAX),
    W_UINT(rep_error, retry_ms, 2, WIRE_MAY, UINT32_MAX),
    W_UINT(rep_error, outcome, 3, WIRE_MUST, 3),
};
const struct wire_schema rep_error_schema = W_SCHEMA(rep_error, rep_error_fields);

static const struct wire_field req_hello_fields[] = {
    W_UINT(req_hello, version, 1, WIRE_MUST, 255),
};
static const struct wire_schema req_hello_schema = W_SCHEMA(req_hello, req_hello_fields);

static const struct wire_field rep_hello_fields[] = {
    W_UINT(rep_hello, version, 1, WIRE_MUST, 255),
    W_FIX(rep_hello, node_sign, 2, WIRE_MUST),
    W_FIX(rep_hello, incarnation, 3, WIRE_MUST),
    W_FIX(rep_hello, log_head, 4, WIRE_MUST),
    W_UINT(rep_hello, log_seq, 5, WIRE_MUST, UINT64_MAX),
    W_UINT(rep_hello, time, 6, WIRE_MUST, UINT64_MAX),
    W_UINT(rep_hello, frozen, 7, WIRE_MAY, 1),
};
static const struct wire_schema rep_hello_schema = W_SCHEMA(rep_hello, rep_hello_fields);

static const struct wire_field req_bye_fields[] = {
    W_UINT(req_bye, reserved, 1, WIRE_MAY, 255),
};
static const struct wire_schema req_bye_schema = W_SCHEMA(req_bye, req_bye_fields);

static const struct wire_field rep_bye_fields[] = {
    W_UINT(rep_bye, reserved, 1, WIRE_MAY, 255),
};
static const struct wire_schema rep_bye_schema = W_SCHEMA(rep_bye, rep_bye_fields);

static const struct wire_field req_seat_enrol_fields[] = {
    W_FIX(req_seat_enrol, op, 1, WIRE_MUST),
    W_FIX(req_seat_enrol, sign_pub, 2, WIRE_MUST),
    W_FIX(req_seat_enrol, seal_pub, 3, WIRE_MUST),
    W_FIX(req_seat_enrol, enrol_sig, 4, WIRE_MUST),
    W_FIX(req_seat_enrol, keys_sig, 5, WIRE_MUST),
    W_FIX(req_seat_enrol, stat, 6, WIRE_MUST),
    W_FIX(req_seat_enrol, psk, 7, WIRE_MUST),
    W_UINT(req_seat_enrol, unlocked, 9, WIRE_MAY, 1),
};
static const struct wire_schema req_seat_enrol_schema =
    W_SCHEMA(req_seat_enrol, req_seat_enrol_fields);

static const struct wire_field rep_seat_enrol_fields[] = {
    W_FIX(rep_seat_enrol, seat, 1, WIRE_MUST),
};
static const struct wire_schema rep_seat_enrol_schema =
    W_SCHEMA(rep_seat_enrol, rep_seat_enrol_fields);

static const struct wire_field req_seat_info_fields[] = {
    W_UINT(req_seat_info, reserved, 1, WIRE_MAY, 255),
};
static const struct wire_schema req_seat_info_schema =
    W_SCHEMA(req_seat_info, req_seat_info_fields);

static const struct wire_field rep_seat_info_fields[] = {
    W_FIX(rep_seat_info, seat, 1, WIRE_MUST),
    W_FIX(rep_seat_info, sign_pub, 2, WIRE_MUST),
    W_FIX(rep_seat_info, seal_pub, 3, WIRE_MUST),
    W_FIX(rep_seat_info, keys_sig, 4, WIRE_MUST),
    W_FIX(rep_seat_info, ward, 5, WIRE_MAY),
    W_FIX(rep_seat_info, invite, 6, WIRE_MAY),
    W_FIX(rep_seat_info, approval, 7, WIRE_MAY),
    W_FIX(rep_seat_info, approval_sig, 8, WIRE_MAY),
    W_LIST(rep_seat_info, addresses, 9, WIRE_MAY, 0, &roster_address_schema),
    W_UINT(rep_seat_info, unlocked, 11, WIRE_MAY, 1),
};
static const struct wire_schema rep_seat_info_schema =
    W_SCHEMA(rep_seat_info, rep_seat_info_fields);

static const struct wire_field req_cred_new_fields[] = {
    W_FIX(req_cred_new, op, 1, WIRE_MUST),
    W_UINT(req_cred_new, type, 2, WIRE_MUST, 255),
    W_FIX(req_cred_new, ward, 3, WIRE_MAY),
    W_FIX(req_cred_new, id, 4, WIRE_MUST),
    W_FIX(req_cred_new, psk, 5, WIRE_MUST),
    W_FIX(req_cred_new, stat, 6, WIRE_MAY),
    W_FIX(req_cred_new, sign, 7, WIRE_MAY),
    W_FIX(req_cred_new, approval, 8, WIRE_MAY),
    W_FIX(req_cred_new, approval_sig, 9, WIRE_MAY),
    W_UINT(req_cred_new, expires, 10, WIRE_MAY, UINT64_MAX),
    W_FIX(req_cred_new, spoken_id, 11, WIRE_MAY),
    W_FIX(req_cred_new, spoken_gate, 12, WIRE_MAY),
    W_BYTES(req_cred_new, spoken_answer, 13, WIRE_MAY, 0, SPOKEN_ANSWER_MAX),
};
static const struct wire_schema req_cred_new_schema =
    W_SCHEMA(req_cred_new, req_cred_new_fields);

static const struct wire_field rep_cred_new_fields[] = {
    W_FIX(rep_cred_new, id, 1, WIRE_MUST),
};
static const struct wire_schema rep_cred_new_schema =
    W_SCHEMA(rep_cred_new, rep_cred_new_fields);

static const struct wire_field req_cred_list_fields[] = {
    W_FIX(req_cred_list, after, 1, WIRE_MAY),
};
static const struct wire_schema req_cred_list_schema =
    W_SCHEMA(req_cred_list, req_cred_list_fields);

static const struct wire_field cred_line_fields[] = {
    W_FIX(cred_line, id, 1, WIRE_MUST),
    W_UINT(cred_line, type, 2, WIRE_MUST, 255),
    W_FIX(cred_line, ward, 3, WIRE_MAY),
    W_UINT(cred_line, expires, 4, WIRE_MAY, UINT64_MAX),
    W_UINT(cred_line, bound, 5, WIRE_MAY, 1),
};
static const struct wire_schema cred_line_schema = W_SCHEMA(cred_line, cred_line_fields);

static const struct wire_field rep_cred_list_fields[] = {
    W_LIST(rep_cred_list, creds, 1, WIRE_MAY, 0, &cred_line_schema),
    W_UINT(rep_cred_list, more, 2, WIRE_MAY, 1),
};
static const struct wire_schema rep_cred_list_schema =
    W_SCHEMA(rep_cred_list, rep_cred_list_fields);

static const struct wire_field req_cred_drop_fields[] = {
    W_FIX(req_cred_drop, op, 1, WIRE_MUST),
    W_FIX(req_cred_drop, id, 2, WIRE_MUST),
};
static const struct wire_schema req_cred_drop_schema =
    W_SCHEMA(req_cred_drop, req_cred_drop_fields);

static const struct wire_field rep_cred_drop_fields[] = {
    W_UINT(rep_cred_drop, reserved, 1, WIRE_MAY, 255),
};
static const struct wire_schema rep_cred_drop_schema =
    W_SCHEMA(rep_cred_drop, rep_cred_drop_fields);

static const struct wire_field req_ward_enrol_fields[] = {
    W_FIX(req_ward_enrol, op, 1, WIRE_MUST),
    W_FIX(req_ward_enrol, account_sign, 2, WIRE_MUST),
    W_FIX(req_ward_enrol, stat, 3, WIRE_MUST),
    W_FIX(req_ward_enrol, psk, 4, WIRE_MUST),
    W_BYTES(req_ward_enrol, note, 5, WIRE_MUST, 48, 3072),
};
static const struct wire_schema req_ward_enrol_schema =
    W_SCHEMA(req_ward_enrol, req_ward_enrol_fields);

static const struct wire_field rep_ward_enrol_fields[] = {
    W_FIX(rep_ward_enrol, ward, 1, WIRE_MUST),
};
static const struct wire_schema rep_ward_enrol_schema =
    W_SCHEMA(rep_ward_enrol, rep_ward_enrol_fields);

static const struct wire_field req_epoch_next_fields[] = {
    W_FIX(req_epoch_next, op, 1, WIRE_MUST),
    W_UINT(req_epoch_next, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(req_epoch_next, roster_id, 4, WIRE_MAY),
    W_FIX(req_epoch_next, roster_psk, 6, WIRE_MAY),
};
static const struct wire_schema req_epoch_next_schema =
    W_SCHEMA(req_epoch_next, req_epoch_next_fields);

static const struct wire_field rep_epoch_next_fields[] = {
    W_FIX(rep_epoch_next, ack, 1, WIRE_MUST),
    W_FIX(rep_epoch_next, sig, 2, WIRE_MUST),
};
static const struct wire_schema rep_epoch_next_schema =
    W_SCHEMA(rep_epoch_next, rep_epoch_next_fields);

static const struct wire_field req_epoch_prepare_fields[] = {
    W_FIX(req_epoch_prepare, op, 1, WIRE_MUST),
    W_UINT(req_epoch_prepare, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(req_epoch_prepare, manifest_hash, 3, WIRE_MUST),
    W_UINT(req_epoch_prepare, group, 4, WIRE_MUST, 15),
    W_UINT(req_epoch_prepare, index, 5, WIRE_MUST, 15),
    W_BYTES(req_epoch_prepare, box_piece, 6, WIRE_MUST, 1, BOX_MAX),
    W_BYTES(req_epoch_prepare, box_roster, 7, WIRE_MUST, 1, BOX_MAX),
    W_BYTES(req_epoch_prepare, manifest, 8, WIRE_MUST, 1, MANIFEST_MAX + SEAL_OVERHEAD),
    W_BYTES(req_epoch_prepare, roster, 9, WIRE_MUST, 1, ROSTER_MAX + SEAL_OVERHEAD),
    W_BYTES(req_epoch_prepare, descriptor, 10, WIRE_MUST, 1, DESCRIPTOR_MAX),
    W_UINT(req_epoch_prepare, hold, 11, WIRE_MUST, HOLD_MAX_S),
    W_UINT(req_epoch_prepare, stop_hold, 12, WIRE_MUST, STOP_HOLD_MAX_S),
    W_UINT(req_epoch_prepare, roster_mode, 13, WIRE_MUST, 2),
};
static const struct wire_schema req_epoch_prepare_schema =
    W_SCHEMA(req_epoch_prepare, req_epoch_prepare_fields);

static const struct wire_field rep_epoch_prepare_fields[] = {
    W_BYTES(rep_epoch_prepare, ack, 1, WIRE_MUST, 1, 512),
};
static const struct wire_schema rep_epoch_prepare_schema =
    W_SCHEMA(rep_epoch_prepare, rep_epoch_prepare_fields);

static const struct wire_field req_epoch_commit_fields[] = {
    W_FIX(req_epoch_commit, op, 1, WIRE_MUST),
    W_UINT(req_epoch_commit, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_FIX(req_epoch_commit, manifest_hash, 3, WIRE_MUST),
};
static const struct wire_schema req_epoch_commit_schema =
    W_SCHEMA(req_epoch_commit, req_epoch_commit_fields);

static const struct wire_field rep_epoch_commit_fields[] = {
    W_BYTES(rep_epoch_commit, ack, 1, WIRE_MUST, 1, 512),
};
static const struct wire_schema rep_epoch_commit_schema =
    W_SCHEMA(rep_epoch_commit, rep_epoch_commit_fields);

static const struct wire_field req_epoch_state_fields[] = {
    W_UINT(req_epoch_state, want, 1, WIRE_MAY, 2),
    W_FIX(req_epoch_state, ward, 2, WIRE_MAY),
};
static const struct wire_schema req_epoch_state_schema =
    W_SCHEMA(req_epoch_state, req_epoch_state_fields);

static const struct wire_field epoch_line_fields[] = {
    W_UINT(epoch_line, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_UINT(epoch_line, state, 2, WIRE_MUST, 4),
    W_FIX(epoch_line, manifest_hash, 3, WIRE_MAY),
    W_UINT(epoch_line, confirmed, 4, WIRE_MAY, 1),
    W_BYTES(epoch_line, ack, 5, WIRE_MAY, 0, 512),
    W_UINT(epoch_line, perhaps, 7, WIRE_MAY, 1),
};
static const struct wire_schema epoch_line_schema =
    W_SCHEMA(epoch_line, epoch_line_fields);

static const struct wire_field rep_epoch_state_fields[] = {
    W_LIST(rep_epoch_state, epochs, 1, WIRE_MAY, 0, &epoch_line_schema),
    W_UINT(rep_epoch_state, cert_epoch, 2, WIRE_MAY, UINT32_MAX),
    W_FIX(rep_epoch_state, cert_hash, 3, WIRE_MAY),
    W_BYTES(rep_epoch_state, proof, 4, WIRE_MAY, 0, MOVE_PROOF_MAX),
    W_UINT(rep_epoch_state, retire_to, 5, WIRE_MAY, UINT32_MAX),
    W_UINT(rep_epoch_state, retire_due, 6, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_epoch_state, move_due, 7, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_epoch_state, end_due, 8, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_epoch_state, retired, 9, WIRE_MAY, UINT32_MAX),
};
static const struct wire_schema rep_epoch_state_schema =
    W_SCHEMA(rep_epoch_state, rep_epoch_state_fields);

static const struct wire_field req_wards_fields[] = {
    W_FIX(req_wards, after, 1, WIRE_MAY),
};
static const struct wire_schema req_wards_schema = W_SCHEMA(req_wards, req_wards_fields);

static const struct wire_field ward_line_fields[] = {
    W_FIX(ward_line, ward, 1, WIRE_MUST),
    W_FIX(ward_line, invite, 2, WIRE_MUST),
    W_BYTES(ward_line, note, 3, WIRE_MUST, 48, 3072),
    W_UINT(ward_line, enrolled, 4, WIRE_MUST, UINT64_MAX),
    W_UINT(ward_line, epoch, 5, WIRE_MAY, UINT32_MAX),
    W_UINT(ward_line, hold, 6, WIRE_MAY, UINT32_MAX),
    W_UINT(ward_line, stop_hold, 7, WIRE_MAY, UINT32_MAX),
    W_UINT(ward_line, confirmed, 8, WIRE_MAY, UINT64_MAX),
    W_UINT(ward_line, requests, 9, WIRE_MAY, UINT32_MAX),
    W_UINT(ward_line, frozen, 10, WIRE_MAY, UINT64_MAX),
    W_UINT(ward_line, stops, 11, WIRE_MAY, UINT32_MAX),
    W_UINT(ward_line, stops_end, 12, WIRE_MAY, UINT64_MAX),
    W_UINT(ward_line, left, 13, WIRE_MAY, UINT64_MAX),
    W_UINT(ward_line, move_due, 14, WIRE_MAY, UINT64_MAX),
    W_FIX(ward_line, move, 15, WIRE_MAY),
    W_UINT(ward_line, moved, 16, WIRE_MAY, UINT64_MAX),
    W_UINT(ward_line, end_due, 17, WIRE_MAY, UINT64_MAX),
    W_UINT(ward_line, drill, 18, WIRE_MAY, UINT64_MAX),
    W_UINT(ward_line, newer, 19, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema ward_line_schema = W_SCHEMA(ward_line, ward_line_fields);

static const struct wire_field rep_wards_fields[] = {
    W_LIST(rep_wards, wards, 1, WIRE_MAY, 0, &ward_line_schema),
    W_UINT(rep_wards, more, 2, WIRE_MAY, 1),
    W_UINT(rep_wards, paused, 3, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_wards, reset, 4, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_wards, unlocked, 5, WIRE_MAY, 1),
};
static const struct wire_schema rep_wards_schema = W_SCHEMA(rep_wards, rep_wards_fields);

static const struct wire_field req_requests_fields[] = {
    W_UINT(req_requests, all, 1, WIRE_MAY, 1),
    W_FIX(req_requests, after, 2, WIRE_MAY),
};
static const struct wire_schema req_requests_schema =
    W_SCHEMA(req_requests, req_requests_fields);

static const struct wire_field request_line_fields[] = {
    W_FIX(request_line, request, 1, WIRE_MUST),
    W_UINT(request_line, kind, 2, WIRE_MUST, 3),
    W_UINT(request_line, purpose, 3, WIRE_MUST, 5),
    W_FIX(request_line, ward, 4, WIRE_MUST),
    W_UINT(request_line, state, 5, WIRE_MUST, 8),
    W_UINT(request_line, opened, 6, WIRE_MUST, UINT64_MAX),
    W_UINT(request_line, approved, 7, WIRE_MAY, UINT64_MAX),
    W_UINT(request_line, opens, 8, WIRE_MAY, UINT64_MAX),
    W_UINT(request_line, expires, 9, WIRE_MUST, UINT64_MAX),
    W_UINT(request_line, tries_left, 10, WIRE_MAY, 255),
    W_UINT(request_line, stops, 11, WIRE_MAY, UINT32_MAX),
    W_UINT(request_line, stopped, 12, WIRE_MAY, UINT64_MAX),
    W_UINT(request_line, ended, 13, WIRE_MAY, UINT64_MAX),
    W_UINT(request_line, flags, 14, WIRE_MAY, REQUEST_FLAGS),
};
static const struct wire_schema request_line_schema =
    W_SCHEMA(request_line, request_line_fields);

static const struct wire_field rep_requests_fields[] = {
    W_LIST(rep_requests, requests, 1, WIRE_MAY, 0, &request_line_schema),
    W_UINT(rep_requests, more, 2, WIRE_MAY, 1),
};
static const struct wire_schema rep_requests_schema =
    W_SCHEMA(rep_requests, rep_requests_fields);

static const struct wire_field req_request_fields[] = {
    W_FIX(req_request, request, 1, WIRE_MUST),
};
static const struct wire_schema req_request_schema =
    W_SCHEMA(req_request, req_request_fields);

static const struct wire_field rep_request_fields[] = {
    W_LIST(rep_request, line, 1, WIRE_MUST, 1, &request_line_schema),
    W_BYTES(rep_request, view, 2, WIRE_MUST, 64, SIGNED_MAX),
    W_FIX(rep_request, nonce, 3, WIRE_MAY),
    W_FIX(rep_request, commitment, 4, WIRE_MUST),
    W_FIX(rep_request, req_static, 5, WIRE_MUST),
    W_FIX(rep_request, req_seal, 6, WIRE_MUST),
    W_FIX(rep_request, req_sign, 7, WIRE_MUST),
    W_TEXT(rep_request, claimed, 8, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_BYTES(rep_request, introduction, 9, WIRE_MAY, 0, SIGNED_MAX),
    W_FIX(rep_request, introducer, 10, WIRE_MAY),
    W_FIX(rep_request, invite, 11, WIRE_MUST),
};
static const struct wire_schema rep_request_schema =
    W_SCHEMA(rep_request, rep_request_fields);

static const struct wire_field req_try_fields[] = {
    W_FIX(req_try, op, 1, WIRE_MUST),
    W_FIX(req_try, request, 2, WIRE_MUST),
};
static const struct wire_schema req_try_schema = W_SCHEMA(req_try, req_try_fields);

static const struct wire_field rep_try_fields[] = {
    W_UINT(rep_try, tries_left, 1, WIRE_MUST, 255),
};
static const struct wire_schema rep_try_schema = W_SCHEMA(rep_try, rep_try_fields);

static const struct wire_field req_box_get_fields[] = {
    W_FIX(req_box_get, request, 1, WIRE_MUST),
    W_UINT(req_box_get, epoch, 2, WIRE_MUST, UINT32_MAX),
};
static const struct wire_schema req_box_get_schema =
    W_SCHEMA(req_box_get, req_box_get_fields);

static const struct wire_field rep_box_get_fields[] = {
    W_UINT(rep_box_get, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_FIX(rep_box_get, manifest_hash, 2, WIRE_MUST),
    W_UINT(rep_box_get, group, 3, WIRE_MUST, 15),
    W_UINT(rep_box_get, index, 4, WIRE_MUST, 15),
    W_BYTES(rep_box_get, box_piece, 5, WIRE_MUST, 1, BOX_MAX),
    W_BYTES(rep_box_get, box_roster, 6, WIRE_MUST, 1, BOX_MAX),
    W_BYTES(rep_box_get, manifest, 7, WIRE_MUST, 1, MANIFEST_MAX + SEAL_OVERHEAD),
    W_BYTES(rep_box_get, descriptor, 9, WIRE_MAY, 0, DESCRIPTOR_MAX),
};
static const struct wire_schema rep_box_get_schema =
    W_SCHEMA(rep_box_get, rep_box_get_fields);

static const struct wire_field approve_box_fields[] = {
    W_UINT(approve_box, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_BYTES(approve_box, box, 2, WIRE_MUST, 1, BOX_MAX),
};
static const struct wire_schema approve_box_schema =
    W_SCHEMA(approve_box, approve_box_fields);

static const struct wire_field req_approve_fields[] = {
    W_FIX(req_approve, op, 1, WIRE_MUST),
    W_FIX(req_approve, request, 2, WIRE_MUST),
    W_FIX(req_approve, try_op, 3, WIRE_MUST),
    W_BYTES(req_approve, statement, 4, WIRE_MUST, 64, SIGNED_MAX),
    W_LIST(req_approve, boxes, 5, WIRE_MAY, 0, &approve_box_schema),
    W_BYTES(req_approve, roster_box, 6, WIRE_MAY, 0, BOX_MAX),
    W_BYTES(req_approve, introduction, 7, WIRE_MAY, 0, SIGNED_MAX),
    W_UINT(req_approve, despite, 8, WIRE_MAY, 1),
    W_UINT(req_approve, stops, 9, WIRE_MAY, UINT32_MAX),
};
static const struct wire_schema req_approve_schema =
    W_SCHEMA(req_approve, req_approve_fields);

static const struct wire_field rep_approve_fields[] = {
    W_UINT(rep_approve, state, 1, WIRE_MUST, 8),
    W_UINT(rep_approve, opens, 2, WIRE_MUST, UINT64_MAX),
};
static const struct wire_schema rep_approve_schema =
    W_SCHEMA(rep_approve, rep_approve_fields);

static const struct wire_field req_refuse_fields[] = {
    W_FIX(req_refuse, op, 1, WIRE_MUST),
    W_FIX(req_refuse, request, 2, WIRE_MUST),
};
static const struct wire_schema req_refuse_schema =
    W_SCHEMA(req_refuse, req_refuse_fields);

static const struct wire_field rep_refuse_fields[] = {
    W_UINT(rep_refuse, state, 1, WIRE_MUST, 8),
};
static const struct wire_schema rep_refuse_schema =
    W_SCHEMA(rep_refuse, rep_refuse_fields);

static const struct wire_field req_unlock_fields[] = {
    W_FIX(req_unlock, op, 1, WIRE_MUST),
    W_FIX(req_unlock, request, 2, WIRE_MUST),
    W_FIX(req_unlock, sig, 3, WIRE_MUST),
};
static const struct wire_schema req_unlock_schema =
    W_SCHEMA(req_unlock, req_unlock_fields);

static const struct wire_field rep_unlock_fields[] = {
    W_UINT(rep_unlock, tries_left, 1, WIRE_MUST, 255),
};
static const struct wire_schema rep_unlock_schema =
    W_SCHEMA(rep_unlock, rep_unlock_fields);

static const struct wire_field req_open_fields[] = {
    W_FIX(req_open, op, 1, WIRE_MUST),
    W_UINT(req_open, kind, 2, WIRE_MUST, 3),
    W_UINT(req_open, purpose, 3, WIRE_MUST, 5),
    W_FIX(req_open, subject, 4, WIRE_MAY),
    W_FIX(req_open, stat, 5, WIRE_MUST),
    W_FIX(req_open, psk, 6, WIRE_MUST),
    W_FIX(req_open, seal, 7, WIRE_MUST),
    W_FIX(req_open, sign, 8, WIRE_MUST),
    W_FIX(req_open, commitment, 9, WIRE_MUST),
    W_TEXT(req_open, claimed, 10, WIRE_MAY, 0, TEXT_MAX_BYTES),
    W_BYTES(req_open, introduction, 11, WIRE_MAY, 0, SIGNED_MAX),
};
static const struct wire_schema req_open_schema = W_SCHEMA(req_open, req_open_fields);

static const struct wire_field rep_open_fields[] = {
    W_BYTES(rep_open, view, 1, WIRE_MUST, 64, 1024),
};
static const struct wire_schema rep_open_schema = W_SCHEMA(rep_open, rep_open_fields);

static const struct wire_field req_reveal_fields[] = {
    W_FIX(req_reveal, op, 1, WIRE_MUST),
    W_FIX(req_reveal, request, 2, WIRE_MUST),
    W_FIX(req_reveal, nonce, 3, WIRE_MUST),
};
static const struct wire_schema req_reveal_schema =
    W_SCHEMA(req_reveal, req_reveal_fields);

static const struct wire_field rep_reveal_fields[] = {
    W_UINT(rep_reveal, state, 1, WIRE_MUST, 8),
};
static const struct wire_schema rep_reveal_schema =
    W_SCHEMA(rep_reveal, rep_reveal_fields);

static const struct wire_field req_fetch_fields[] = {
    W_FIX(req_fetch, op, 1, WIRE_MUST),
    W_FIX(req_fetch, request, 2, WIRE_MUST),
    W_UINT(req_fetch, epoch, 3, WIRE_MAY, UINT32_MAX),
    W_UINT(req_fetch, roster, 5, WIRE_MAY, ROSTER_FORMER),
};
static const struct wire_schema req_fetch_schema = W_SCHEMA(req_fetch, req_fetch_fields);

static const struct wire_field rep_fetch_fields[] = {
    W_UINT(rep_fetch, state, 1, WIRE_MUST, 8),
    W_UINT(rep_fetch, approved, 2, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_fetch, opens, 3, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_fetch, expires, 4, WIRE_MUST, UINT64_MAX),
    W_UINT(rep_fetch, tries_left, 5, WIRE_MAY, 255),
    W_FIX(rep_fetch, roster_hash, 6, WIRE_MAY),
    W_BYTES(rep_fetch, roster, 7, WIRE_MAY, 0, ROSTER_MAX + SEAL_OVERHEAD),
    W_BYTES(rep_fetch, roster_box, 8, WIRE_MAY, 0, BOX_MAX),
    W_BYTES(rep_fetch, introduction, 9, WIRE_MAY, 0, SIGNED_MAX),
    W_BYTES(rep_fetch, statement, 10, WIRE_MAY, 0, SIGNED_MAX),
    W_BYTES(rep_fetch, receipt, 11, WIRE_MAY, 0, SIGNED_MAX),
    W_BYTES(rep_fetch, box, 12, WIRE_MAY, 0, BOX_MAX),
    W_BYTES(rep_fetch, manifest, 13, WIRE_MAY, 0, MANIFEST_MAX + SEAL_OVERHEAD),
    W_UINT(rep_fetch, flags, 14, WIRE_MAY, REQUEST_FLAGS),
};
static const struct wire_schema rep_fetch_schema = W_SCHEMA(rep_fetch, rep_fetch_fields);

static const struct wire_field req_cancel_fields[] = {
    W_FIX(req_cancel, op, 1, WIRE_MUST),
    W_FIX(req_cancel, request, 2, WIRE_MUST),
};
static const struct wire_schema req_cancel_schema =
    W_SCHEMA(req_cancel, req_cancel_fields);

static const struct wire_field rep_cancel_fields[] = {
    W_UINT(rep_cancel, state, 1, WIRE_MUST, 8),
};
static const struct wire_schema rep_cancel_schema =
    W_SCHEMA(rep_cancel, rep_cancel_fields);

static const struct wire_field req_seat_reset_fields[] = {
    W_FIX(req_seat_reset, op, 1, WIRE_MUST),
    W_FIX(req_seat_reset, sign_pub, 2, WIRE_MUST),
    W_FIX(req_seat_reset, seal_pub, 3, WIRE_MUST),
    W_FIX(req_seat_reset, enrol_sig, 4, WIRE_MUST),
    W_FIX(req_seat_reset, keys_sig, 5, WIRE_MUST),
    W_FIX(req_seat_reset, stat, 6, WIRE_MUST),
    W_FIX(req_seat_reset, psk, 7, WIRE_MUST),
    W_FIX(req_seat_reset, old_stat, 8, WIRE_MUST),
    W_FIX(req_seat_reset, old_psk, 9, WIRE_MUST),
    W_UINT(req_seat_reset, unlocked, 11, WIRE_MAY, 1),
};
static const struct wire_schema req_seat_reset_schema =
    W_SCHEMA(req_seat_reset, req_seat_reset_fields);

static const struct wire_field rep_seat_reset_fields[] = {
    W_FIX(rep_seat_reset, seat, 1, WIRE_MUST),
};
static const struct wire_schema rep_seat_reset_schema =
    W_SCHEMA(rep_seat_reset, rep_seat_reset_fields);

static const struct wire_field req_stop_fields[] = {
    W_FIX(req_stop, op, 1, WIRE_MUST),
    W_FIX(req_stop, request, 2, WIRE_MUST),
};
static const struct wire_schema req_stop_schema = W_SCHEMA(req_stop, req_stop_fields);

static const struct wire_field rep_stop_fields[] = {
    W_UINT(rep_stop, state, 1, WIRE_MUST, 8),
    W_UINT(rep_stop, counted, 2, WIRE_MAY, 1),
    W_UINT(rep_stop, stops, 3, WIRE_MAY, UINT32_MAX),
    W_UINT(rep_stop, opens, 4, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema rep_stop_schema = W_SCHEMA(rep_stop, rep_stop_fields);

static const struct wire_field req_pause_fields[] = {
    W_FIX(req_pause, op, 1, WIRE_MUST),
    W_UINT(req_pause, until, 2, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema req_pause_schema = W_SCHEMA(req_pause, req_pause_fields);

static const struct wire_field rep_pause_fields[] = {
    W_UINT(rep_pause, until, 1, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema rep_pause_schema = W_SCHEMA(rep_pause, rep_pause_fields);

static const struct wire_field req_freeze_fields[] = {
    W_FIX(req_freeze, op, 1, WIRE_MUST),
    W_FIX(req_freeze, ward, 2, WIRE_MUST),
};
static const struct wire_schema req_freeze_schema =
    W_SCHEMA(req_freeze, req_freeze_fields);

static const struct wire_field rep_freeze_fields[] = {
    W_UINT(rep_freeze, until, 1, WIRE_MUST, UINT64_MAX),
};
static const struct wire_schema rep_freeze_schema =
    W_SCHEMA(rep_freeze, rep_freeze_fields);

static const struct wire_field req_clock_fields[] = {
    W_FIX(req_clock, op, 1, WIRE_MUST),
    W_UINT(req_clock, confirm, 2, WIRE_MAY, UINT64_MAX),
};
static const struct wire_schema req_clock_schema = W_SCHEMA(req_clock, req_clock_fields);

static const struct wire_field rep_clock_fields[] = {
    W_UINT(rep_clock, time, 1, WIRE_MUST, UINT64_MAX),
    W_UINT(rep_clock, wall, 2, WIRE_MUST, UINT64_MAX),
    W_UINT(rep_clock, frozen, 3, WIRE_MAY, 1),
    W_UINT(rep_clock, why, 4, WIRE_MAY, 255),
};
static const struct wire_schema rep_clock_schema = W_SCHEMA(rep_clock, rep_clock_fields);

static const struct wire_field req_alert_test_fields[] = {
    W_FIX(req_alert_test, op, 1, WIRE_MUST),
};
static const struct wire_schema req_alert_test_schema =
    W_SCHEMA(req_alert_test, req_alert_test_fields);

static const struct wire_field rep_alert_test_fields[] = {
    W_UINT(rep_alert_test, seq, 1, WIRE_MUST, UINT64_MAX),
};
static const struct wire_schema rep_alert_test_schema =
    W_SCHEMA(rep_alert_test, rep_alert_test_fields);

/* ---- the table ---- */

const struct msg_row msg_rows[] = {
#define MSG_ROW(num, name_, st, roles_, access_, in, out, what_)                         \
    { .kind = (num),                                                                     \
      .name = #name_,                                                                    \
      .what = (what_),                                                                   \
      .roles = (roles_),                                                                 \
      .access = MSG_##access_,                                                           \
      .req_max = (in),                                                                   \
      .rep_max = (out),                                                                  \
      .req = &req_##st##_schema,                                                         \
      .rep = &rep_##st##_schema },
    MSG_TABLE(MSG_ROW)
};
const size_t msg_count = sizeof msg_rows / sizeof msg_rows[0];

const struct msg_row *msg_find(uint16_t kind)
{
    for (size_t i = 0; i < msg_count; i++)
        if (msg_rows[i].kind == kind)
            return &msg_rows[i];
    return NULL;
}

const char *role_name(unsigned role)
{
    static const char *const names[] = {
        [ROLE_INVITE] = "invite",       [ROLE_OWNER] = "owner",
        [ROLE_DEVICE] = "device",       [ROLE_GUARDIAN] = "guardian",
        [ROLE_RESTORE] = "restore",     [ROLE_REQUESTER] = "requester",
        [ROLE_DEPOSITOR] = "depositor", [ROLE_OPERATOR] = "operator",
    };

    return role < sizeof names / sizeof names[0] ? names[role] : NULL;
}

const char *cred_type_name(unsigned type)
{
    static const char *const names[] = {
        [CRED_INVITE] = "invite",     [CRED_RESTORE] = "restore",
        [CRED_SEAT] = "seat",         [CRED_OPERATOR] = "operator",
        [CRED_OWNER] = "owner",       [CRED_DEVICE] = "device",
        [CRED_GUARDIAN] = "guardian", [CRED_ROSTER] = "roster",
        [CRED_SHEET] = "sheet",       [CRED_REQUESTER] = "requester",
    };

    if (type >= sizeof names / sizeof names[0] || names[type] == NULL)
        return "unknown";
    return names[type];
}

size_t msg_struct_max(void)
{
    size_t most = 0;

    for (size_t i = 0; i < msg_count; i++) {
        most = msg_rows[i].req->size > most ? msg_rows[i].req->size : most;
        most = msg_rows[i].rep->size > most ? msg_rows[i].rep->size : most;
    }
    return most;
}

static enum err put(const struct wire_schema *s, size_t max, const void *value,
                    struct buf *out)
{
    size_t before = out->n;

    wire_put(s, value, out);
    if (out->over || out->n - before > max)
        return ERR_TOO_BIG;
    return OK;
}

enum err msg_put_req(const struct msg_row *row, const void *req, struct buf *out)
{
    return put(row->req, row->req_max, req, out);
}

enum err msg_put_rep(const struct msg_row *row, const void *rep, struct buf *out)
{
    return put(row->rep, row->rep_max, rep, out);
}

void msg_put_error(enum err e, uint32_t retry_ms, enum msg_outcome outcome,
                   struct buf *out)
{
    struct rep_error body = { .code = err_wire(e),
                              .retry_ms = retry_ms,
                              .outcome = (uint8_t)outcome };

    wire_put(&rep_error_schema, &body, out);
}

enum err msg_get_req(const struct msg_row *row, struct bytes body, void *out_req)
{
    if (body.n > row->req_max)
        return ERR_TOO_BIG;
    return wire_get(row->req, body, out_req);
}

enum err msg_get_rep(const struct msg_row *row, struct bytes body, void *out_rep)
{
    if (body.n > row->rep_max)
        return ERR_TOO_BIG;
    return wire_get(row->rep, body, out_rep);
}

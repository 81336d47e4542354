/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every request and reply: the first byte chooses the row, the second the direction, the
 * rest is the body. What is accepted is within its row's limit and canonical.
 */
#include "proto/msg.h"
#include "proto/secret.h"
#include "tests/fuzz/fixed.h"

static _Alignas(16) uint8_t value[32768];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK && msg_struct_max() <= sizeof value);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct msg_row *row = &msg_rows[data[0] % msg_count];
    bool is_reply = data[1] % 2 == 1;
    struct bytes in = bytes_of(data + 2, size - 2);
    struct rep_error error = { 0 };

    if (wire_get(&rep_error_schema, in, &error) == OK) {
        MUST(err_from_wire(error.code) != OK);
        fixed_canonical(&rep_error_schema, &error, in);
    }
    memset(value, 0, sizeof value);
    enum err e = is_reply ? msg_get_rep(row, in, value) : msg_get_req(row, in, value);
    if (e != OK)
        return 0;
    MUST(in.n <= (is_reply ? row->rep_max : row->req_max));
    fixed_canonical(is_reply ? row->rep : row->req, value, in);
    return 0;
}

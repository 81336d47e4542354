/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kith whose nodes do not hear that an end is taken back: each answers that it is planned
 * still, as one that lies would. Everything else is the real program.
 */
#include "proto/msg.h"

enum err real_msg_put_req(const struct msg_row *row, const void *req,
                          struct buf *out) __asm__("__real_msg_put_req");
enum err wrap_msg_put_req(const struct msg_row *row, const void *req,
                          struct buf *out) __asm__("__wrap_msg_put_req");

enum err wrap_msg_put_req(const struct msg_row *row, const void *req, struct buf *out)
{
    struct req_ward_end end = { 0 };

    if (row->kind != MSG_WARD_END)
        return real_msg_put_req(row, req, out);
    memcpy(&end, req, sizeof end);
    end.cancel = 0;
    return real_msg_put_req(row, &end, out);
}

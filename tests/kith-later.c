/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kith as a later version: it greets every node with that. For tests of what people are
 * told where two versions meet; everything else is the real program.
 */
#include "proto/msg.h"

enum err real_msg_put_req(const struct msg_row *row, const void *req,
                          struct buf *out) __asm__("__real_msg_put_req");
enum err wrap_msg_put_req(const struct msg_row *row, const void *req,
                          struct buf *out) __asm__("__wrap_msg_put_req");

enum err wrap_msg_put_req(const struct msg_row *row, const void *req, struct buf *out)
{
    static const struct req_hello later = { .version = 2 };

    return real_msg_put_req(row, row->kind == MSG_HELLO ? &later : req, out);
}

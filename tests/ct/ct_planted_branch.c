/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A branch on one bit of a secret, which tests/ct/run must flag.
 * ct-sources: proto/err.c proto/secret.c
 * ct-expect: flagged
 */
#include "tests/ct/ct.h"

static volatile uint8_t sink;

int main(void)
{
    uint8_t secret = 7;

    ct_start();
    ct_secret(&secret, sizeof secret);
    if ((secret & 1) != 0)
        sink = 1;
    return 0;
}

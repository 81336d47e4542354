/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table look-up with a secret index, which tests/ct/run must flag.
 * ct-sources: proto/err.c proto/secret.c
 * ct-expect: flagged
 */
#include "tests/ct/ct.h"

static volatile uint8_t table[256];
static volatile uint8_t sink;

int main(void)
{
    uint8_t secret = 7;

    ct_start();
    ct_secret(&secret, sizeof secret);
    sink = table[secret];
    return 0;
}

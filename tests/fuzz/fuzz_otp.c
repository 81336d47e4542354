/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of one-time codes, as base32 and as addresses. */
#include "client/otp.h"
#include "proto/secret.h"

/* libFuzzer's entry points. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct otp o = { 0 };
    const char *why = NULL;
    char code[OTP_CODE];

    if (otp_parse(bytes_of(data, size), &o, &why) != OK) {
        MUST(why != NULL && o.n == 0);
        MUST(secret_in_use() == 0);
        return 0;
    }
    MUST(o.n >= OTP_SECRET_MIN && o.n <= OTP_SECRET_MAX);
    MUST(o.digits >= 6 && o.digits <= 8 && o.period >= 1 && o.period <= OTP_PERIOD_MAX);
    otp_code(&o, size, code);
    MUST(strlen(code) == o.digits && strspn(code, "0123456789") == o.digits);
    MUST(otp_left(&o, size) >= 1 && otp_left(&o, size) <= o.period);
    MUST(secret_in_use() == 0);
    return 0;
}

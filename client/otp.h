/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-time codes by time (RFC 6238 over RFC 4226's truncation), from a secret in base32
 * (RFC 4648) or an otpauth:// address as QR codes hold it. Pure: the time is an
 * argument. Counters (hotp) and makers' own forms (steam://) are refused by name.
 */
#ifndef KITH_CLIENT_OTP_H
#define KITH_CLIENT_OTP_H

#include "proto/bytes.h"
#include "proto/err.h"

enum {
    OTP_SECRET_MIN = 5, /* bytes of a secret; shorter ones are typing errors */
    OTP_SECRET_MAX = 128,
    OTP_TEXT_MAX = 2048, /* bytes of what is parsed */
    OTP_PERIOD_MAX = 3600,
    OTP_CODE = 9 /* digits and the final zero */
};

enum otp_hash { OTP_SHA1, OTP_SHA256, OTP_SHA512 };

/* Secret memory. */
struct otp {
    enum otp_hash hash;
    unsigned digits; /* 6 to 8 */
    unsigned period; /* seconds */
    size_t n;
    uint8_t secret[OTP_SECRET_MAX];
};

/*
 * Reads base32 (any case; blanks, dashes and the padding do not matter) or
 * otpauth://totp/… . ERR_FORMAT, ERR_TOO_BIG, *out_why says what is wrong (a static
 * sentence, nothing of the text in it).
 */
enum err otp_parse(struct bytes text, struct otp *out, const char **out_why);
/* The code at a time (Unix seconds), with a final zero. */
void otp_code(const struct otp *o, uint64_t now, char out_code[OTP_CODE]);
/* Seconds for which that code stays the present one: 1 to period. */
unsigned otp_left(const struct otp *o, uint64_t now);

#endif

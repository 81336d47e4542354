/* SPDX-License-Identifier: Apache-2.0 */
/* One-time codes: what is no secret, then the vectors of RFC 4226 and RFC 6238. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/otp.h"
#include "proto/secret.h"

#define SEED20 "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
#define SEED32 "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA===="
#define SEED64                                                                           \
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGE" \
    "ZDG"                                                                                \
    "NBVGY3TQOJQGEZDGNA="

static void is_refused(const char *text, enum err want, const char *why)
{
    struct otp o = { .n = 77 };
    const char *said = NULL;

    assert_int_equal(otp_parse(bytes_text(text), &o, &said), want);
    assert_int_equal(o.n, 77);
    assert_non_null(said);
    if (strstr(said, why) == NULL)
        fail_msg("%s: %s", text, said);
}

static void what_is_no_secret(void **state)
{
    char longer[OTP_TEXT_MAX + 2];

    (void)state;
    is_refused("", ERR_FORMAT, "too short");
    is_refused(" \n", ERR_FORMAT, "too short");
    is_refused("====", ERR_FORMAT, "too short");
    is_refused("GEZDGNB", ERR_FORMAT, "too short");
    is_refused("123456", ERR_FORMAT, "letters A to Z");
    is_refused("GEZDGNBVGY3T=QOJQ", ERR_FORMAT, "letters A to Z");
    is_refused("GEZDGNBV\xc3\xa4GY3TQOJQ", ERR_FORMAT, "letters A to Z");
    memset(longer, 'A', sizeof longer);
    longer[sizeof longer - 1] = 0;
    is_refused(longer, ERR_TOO_BIG, "longer");
    longer[OTP_SECRET_MAX * 8 / 5 + 4] = 0;
    is_refused(longer, ERR_TOO_BIG, "longer");
}

static void a_secret_may_have_a_zero_byte_but_no_zero_in_its_text(void **state)
{
    struct otp o = { 0 };
    const char *why = NULL;

    (void)state;
    assert_int_equal(otp_parse(bytes_of("GEZDGNBV\0GY3TQOJQ", 17), &o, &why), ERR_FORMAT);
    assert_int_equal(otp_parse(bytes_text("AAAAAAAA"), &o, &why), OK);
    assert_int_equal(o.n, 5);
}

static void what_is_no_address_of_codes(void **state)
{
    (void)state;
    is_refused("steam://GEZDGNBVGY3TQOJQ", ERR_FORMAT, "begin with otpauth://totp");
    is_refused("https://example.org/", ERR_FORMAT, "begin with otpauth://totp");
    is_refused("otpauth://hotp/Ana?secret=" SEED20 "&counter=1", ERR_FORMAT, "hotp");
    is_refused("otpauth://", ERR_FORMAT, "hotp");
    is_refused("otpauth://totp", ERR_FORMAT, "hotp");
    is_refused("otpauth://totp/", ERR_FORMAT, "no secret");
    is_refused("otpauth://totp/Ana", ERR_FORMAT, "no secret");
    is_refused("otpauth://totp/Ana?secret", ERR_FORMAT, "too short");
    is_refused("otpauth://totp/Ana?secret=", ERR_FORMAT, "too short");
    is_refused("otpauth://totp/Ana?secret=GEZDGNBV1", ERR_FORMAT, "letters A to Z");
    is_refused("otpauth://totp/Ana?secret=GEZDGNBV%", ERR_FORMAT, "two digits");
    is_refused("otpauth://totp/Ana?secret=GEZDGNBV%3", ERR_FORMAT, "two digits");
    is_refused("otpauth://totp/Ana?secret=GEZDGNBV%zz", ERR_FORMAT, "two digits");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&secret=" SEED20, ERR_FORMAT,
               "twice");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&digits=6&digits=6", ERR_FORMAT,
               "twice");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&algorithm=MD5", ERR_FORMAT,
               "SHA1, SHA256");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&digits=5", ERR_FORMAT, "digits");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&digits=9", ERR_FORMAT, "digits");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&digits=", ERR_FORMAT, "digits");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&digits=-6", ERR_FORMAT, "digits");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&period=0", ERR_FORMAT, "period");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&period=3601", ERR_FORMAT, "period");
    is_refused("otpauth://totp/Ana?secret=" SEED20 "&period=99999999999", ERR_FORMAT,
               "period");
}

/* ---- what is one ---- */

static struct otp parsed(const char *text)
{
    struct otp o = { 0 };
    const char *why = "";

    if (otp_parse(bytes_text(text), &o, &why) != OK)
        fail_msg("%s: %s", text, why);
    return o;
}

static void is_seed20(const char *text)
{
    struct otp o = parsed(text);

    assert_int_equal(o.n, 20);
    assert_memory_equal(o.secret, "12345678901234567890", 20);
}

static void one_secret_in_many_ways(void **state)
{
    (void)state;
    is_seed20(SEED20);
    is_seed20("gezdgnbvgy3tqojqgezdgnbvgy3tqojq");
    is_seed20("  GEZD GNBV GY3T QOJQ GEZD-GNBV-GY3T-QOJQ ======\r\n");
    is_seed20("otpauth://totp/Example:ana@example.org?secret=" SEED20 "&issuer=Example");
    is_seed20("OTPAUTH://TOTP/?SECRET=" SEED20 "%3D%3d");
    is_seed20(
        "otpauth://totp?issuer=a%20b&image=https://example.org/?secret&secret=" SEED20);
    is_seed20("otpauth://totp/a?&&secret=" SEED20 "&\n");
    assert_int_equal(parsed(SEED32).n, 32);
    assert_int_equal(parsed(SEED64).n, 64);
}

static void what_an_address_says_of_its_codes(void **state)
{
    (void)state;
    struct otp o = parsed(SEED20);
    assert_int_equal(o.hash, OTP_SHA1);
    assert_int_equal(o.digits, 6);
    assert_int_equal(o.period, 30);
    o = parsed("otpauth://totp/a?secret=" SEED20 "&algorithm=SHA256&digits=8&period=60");
    assert_int_equal(o.hash, OTP_SHA256);
    assert_int_equal(o.digits, 8);
    assert_int_equal(o.period, 60);
    o = parsed("otpauth://totp/a?period=3600&algorithm=hmacsha512&secret=" SEED20
               "&digits=7");
    assert_int_equal(o.hash, OTP_SHA512);
    assert_int_equal(o.digits, 7);
    assert_int_equal(o.period, 3600);
}

static void counters_of_rfc_4226(void **state)
{
    static const char *const want[10] = { "755224", "287082", "359152", "969429",
                                          "338314", "254676", "287922", "162583",
                                          "399871", "520489" };
    struct otp o = parsed(SEED20);

    (void)state;
    o.period = 1;
    for (uint64_t i = 0; i < 10; i++) {
        char code[OTP_CODE];
        otp_code(&o, i, code);
        assert_string_equal(code, want[i]);
    }
}

static void times_of_rfc_6238(void **state)
{
    static const struct row {
        uint64_t now;
        const char *sha1, *sha256, *sha512;
    } rows[] = {
        { 59, "94287082", "46119246", "90693936" },
        { 1111111109, "07081804", "68084774", "25091201" },
        { 1111111111, "14050471", "67062674", "99943326" },
        { 1234567890, "89005924", "91819424", "93441116" },
        { 2000000000, "69279037", "90698825", "38618901" },
        { 20000000000, "65353130", "77737706", "47863826" },
    };
    struct otp sha1 = parsed("otpauth://totp/a?digits=8&secret=" SEED20);
    struct otp sha256 =
        parsed("otpauth://totp/a?digits=8&algorithm=SHA256&secret=" SEED32);
    struct otp sha512 =
        parsed("otpauth://totp/a?digits=8&algorithm=SHA512&secret=" SEED64);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char code[OTP_CODE];
        otp_code(&sha1, rows[i].now, code);
        assert_string_equal(code, rows[i].sha1);
        otp_code(&sha256, rows[i].now, code);
        assert_string_equal(code, rows[i].sha256);
        otp_code(&sha512, rows[i].now, code);
        assert_string_equal(code, rows[i].sha512);
    }
}

static void how_long_a_code_stays(void **state)
{
    struct otp o = parsed(SEED20);

    (void)state;
    assert_int_equal(otp_left(&o, 0), 30);
    assert_int_equal(otp_left(&o, 29), 1);
    assert_int_equal(otp_left(&o, 30), 30);
    assert_int_equal(otp_left(&o, 59), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_secret),
        cmocka_unit_test(a_secret_may_have_a_zero_byte_but_no_zero_in_its_text),
        cmocka_unit_test(what_is_no_address_of_codes),
        cmocka_unit_test(one_secret_in_many_ways),
        cmocka_unit_test(what_an_address_says_of_its_codes),
        cmocka_unit_test(counters_of_rfc_4226),
        cmocka_unit_test(times_of_rfc_6238),
        cmocka_unit_test(how_long_a_code_stays),
    };

    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}

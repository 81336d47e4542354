/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words a guardian's client computes are secret there, so that nobody can be led
 * to read them out: from the memory-hard output to the verdict nothing may depend on
 * them. Only the verdict itself is public.
 */
#include "proto/words.h"
#include "tests/ct/ct.h"

static enum words_verdict judge(const uint16_t *typed, const uint8_t out[WORDS_OUT],
                                size_t n)
{
    uint16_t right[WORDS_MAX] = { 0 };

    words_from_bytes(out, n, right);
    enum words_verdict verdict = words_compare(typed, right, n);
    ct_public(&verdict, sizeof(verdict));
    return verdict;
}

int main(void)
{
    static const uint8_t t[] = "transcript";
    static const uint8_t nonce[WORDS_NONCE] = { 1 };
    uint16_t typed[WORDS_MAX] = { 0 };
    uint8_t out[WORDS_OUT] = { 0 };

    ct_start();
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    MUST(words_call(BYTES_OF(t), nonce, cost_minimum, out) == OK);
    words_from_bytes(out, WORDS_CALL, typed);
    ct_secret(out, sizeof(out));
    MUST(judge(typed, out, WORDS_CALL) == WORDS_RIGHT);
    typed[2] ^= 1;
    MUST(judge(typed, out, WORDS_CALL) == WORDS_SLIP);
    typed[0] ^= 1;
    MUST(judge(typed, out, WORDS_CALL) == WORDS_WRONG);
    typed[1] ^= 1;
    typed[3] ^= 1;
    MUST(judge(typed, out, WORDS_CALL) == WORDS_ALL_WRONG);
    secret_end();
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Typed words: whatever parses is on the list and means the same written out. */
#include "proto/secret.h"
#include "proto/words.h"

/* libFuzzer's entry point. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t n = 1; n <= WORDS_MAX; n++) {
        uint16_t typed[WORDS_MAX] = { 0 };
        uint16_t again[WORDS_MAX] = { 0 };
        char line[WORDS_TEXT];

        if (words_parse(bytes_of(data, size), n, typed) != OK)
            continue;
        words_format(typed, n, line, sizeof(line));
        MUST(words_parse(bytes_text(line), n, again) == OK);
        MUST(words_compare(typed, again, n) == WORDS_RIGHT);
    }
    return 0;
}

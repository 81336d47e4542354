/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/bytes.h"

/* Hex of any case comes back as the same bytes in lower case; slices never grow. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t raw[64];
    char text[2 * sizeof(raw) + 1];
    uint8_t again[sizeof(raw)];
    struct bytes in = bytes_of(data, size);
    struct bytes head = { 0 };

    if (size > 0 && bytes_take(&in, data[0], &head) == OK)
        MUST(head.n + in.n == size);
    if (size > 2 * sizeof(raw) ||
        hex_decode(bytes_of(data, size), (struct span){ raw, size / 2 }) != OK)
        return 0;
    hex_encode(bytes_of(raw, size / 2), text, sizeof(text));
    MUST(hex_decode(bytes_text(text), (struct span){ again, size / 2 }) == OK);
    MUST(bytes_equal(bytes_of(raw, size / 2), bytes_of(again, size / 2)));
    return 0;
}

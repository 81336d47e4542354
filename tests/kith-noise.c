/* SPDX-License-Identifier: Apache-2.0 */
/* kith-noise FILE: plays Noise test vectors (cacophony or snow JSON) through proto/noise.
 */
#include <stdio.h>

#include "tests/noise_vectors.h"

int main(int argc, char **argv)
{
    struct vector_count n;

    if (argc != 2) {
        fprintf(stderr, "usage: kith-noise FILE\n");
        return 2;
    }
    if (secret_start(SECRET_LOCK_WAIVED) != OK) {
        fprintf(stderr, "kith-noise: no memory for secrets\n");
        return 2;
    }

    bool read = noise_vector_file(argv[1], &n);
    secret_end();
    if (!read)
        return 1;
    printf("%u passed, %u failed, %u skipped\n", n.of[VECTOR_PASSED], n.of[VECTOR_FAILED],
           n.of[VECTOR_SKIPPED]);
    return n.of[VECTOR_FAILED] > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test vectors of the Noise protocol framework in the JSON form of cacophony
 * and snow, played through proto/noise; and the tables of all patterns of
 * revision 34, of which the product needs one.
 */
#ifndef KITH_TESTS_NOISE_VECTORS_H
#define KITH_TESTS_NOISE_VECTORS_H

#include <jansson.h>

#include "proto/noise.h"

enum vector_result { VECTOR_PASSED, VECTOR_FAILED, VECTOR_SKIPPED };

/* Why a vector failed or was skipped. */
struct vector_why {
    char text[160];
};

/* How many vectors ended in each way; index: enum vector_result. */
struct vector_count {
    unsigned of[3];
};

/*
 * Builds the pattern of a full protocol name. VECTOR_SKIPPED names what this
 * implementation does not have (another hash, cipher, DH or modifier);
 * VECTOR_FAILED is a name that is no Noise protocol name.
 */
enum vector_result noise_named(const char *protocol, struct noise_pattern *out_pattern,
                               struct vector_why *out_why);

/* The name of each pattern without modifiers; NULL after the last. */
const char *noise_pattern_name(size_t i);

/* Plays one vector between two sides; out_why is written unless it passes. */
enum vector_result noise_vector(const json_t *vector, struct vector_why *out_why);

/*
 * Plays every vector of a file and prints those that do not pass. False if the
 * file is no such JSON; *out_count is then untouched.
 */
bool noise_vector_file(const char *path, struct vector_count *out_count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "client/cmd_guard_part.h"

/* ICAO names of what a code is made of: B, D, P and T sound alike on a telephone. */
static const char *name_of(char c)
{
    static const char names[] =
        "0zero 1one 2two 3three 4four 5five 6six 7seven 8eight 9nine AAlfa BBravo "
        "CCharlie DDelta EEcho FFoxtrot GGolf HHotel JJuliett KKilo MMike NNovember "
        "PPapa QQuebec RRomeo SSierra TTango VVictor WWhiskey XX-ray YYankee ZZulu ";
    const char *at = names;

    while (*at != c && (at = strchr(at, ' ')) != NULL && *++at != '\0')
        continue;
    MUST(at != NULL && *at == c);
    return at + 1;
}

/* "7DHD   seven Delta Hotel Delta" */
static void say_group(struct term *t, const char *group, size_t n)
{
    char line[64];
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        const char *name = name_of(group[i]);
        int len = (int)strcspn(name, " ");
        int put = snprintf(line + used, sizeof line - used, " %.*s", len, name);

        MUST(put > 0 && (size_t)put < sizeof line - used);
        used += (size_t)put;
    }
    term_say(t, "  %.*s  %s", (int)n, group, line);
}

void guard_say_code(struct term *t, const char *code)
{
    term_say(t,
             "Read the address and these groups aloud; zero and O are the same, and so "
             "are one, I and L:");
    for (const char *at = code; *at != '\0';) {
        size_t n = strcspn(at, "-");

        say_group(t, at, n);
        at += n + (at[n] == '-');
    }
}

enum err guard_speak(const struct params *p, const struct link *link,
                     struct guard_spoken *out)
{
    AUTO_SECRET struct spoken_keys *keys = NULL;

    TRY(secret_new(&keys));
    rng_fill(p->rng, out->code.b, sizeof out->code.b);
    TRY(spoken_keys(&out->code, p->cost, keys));
    TRY(spoken_seal(keys, link, p->rng, out->answer));
    memcpy(out->id, keys->id, sizeof out->id);
    memcpy(out->gate, keys->gate, sizeof out->gate);
    return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration is right as a whole, or an error with a sentence and nothing set. */
#include "node/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct conf conf;
    static struct conf untouched;
    struct conf_error error = { 0 };

    memset(&conf, 0x5a, sizeof(conf));
    memset(&untouched, 0x5a, sizeof(untouched));
    if (conf_parse(bytes_of(data, n), &conf, &error) != OK) {
        MUST(error.text[0] != '\0');
        MUST(memchr(error.text, 0, sizeof(error.text)) != NULL);
        MUST(bytes_equal(bytes_of(&conf, sizeof(conf)),
                         bytes_of(&untouched, sizeof(conf))));
        return 0;
    }
    MUST(conf.name[0] != '\0' && conf.state[0] == '/');
    MUST(conf.n_advertise <= CONF_ADVERTISE);
    for (size_t i = 0; i < limit_count(); i++) {
        uint64_t value = limit_value(&conf.limits, limit_row(i));
        MUST(value >= limit_row(i)->least && value <= limit_row(i)->most);
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a change share among themselves. */
#ifndef KITH_CLIENT_CEREMONY_CHANGE_PART_H
#define KITH_CLIENT_CEREMONY_CHANGE_PART_H

#include "client/ceremony_change.h"

/*
 * All words about the sealed epoch by people of the one that judges it, appended to out
 * as a certificate, and what it proves. ERR_UNKNOWN: there is no epoch before it;
 * ERR_TOO_BIG; ERR_NOMEM.
 */
enum err change_people(const struct day *d, struct buf *out, struct cert_verdict *v);
/* The same, whoever's words they are, not judged. ERR_TOO_BIG; ERR_NOMEM. */
enum err change_words(const struct day *d, struct buf *out);
/* Whether g's own word about the sealed epoch is kept here. */
bool change_has_said(const struct day *d, const struct day_guardian *g);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A home whose keys no node knows: a restore that was cut off, or a machine put out. */
#include "client/cmd_status_part.h"

/* One node may have lost what it had; all at once it is this home that is strange. */
void look_judge_unknown(struct look *l)
{
    unsigned refused = 0;
    unsigned known = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct node_look *n = &l->nodes[i];
        bool silent = n->unreached || l->day->guardians[i].kind == PIECE_CARD;
        refused += n->refused && n->between == BETWEEN_NOT;
        known += n->answered || (n->between != BETWEEN_NOT && !silent);
    }
    l->shut = refused > 1 && known == 0 && !l->alone && !l->moving;
}

bool look_unknown(const struct look *l)
{
    return l->cut || l->shut;
}

bool look_unknown_sentence(const struct look *l, char out[TERM_TEXT])
{
    if (l->cut)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: not known yet. Your root key is back, but "
                       "the restore was cut off before your guardians' nodes knew this "
                       "machine.");
    else if (l->shut)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: not known here. Your guardians' nodes let "
                       "this machine in no more: it was taken out of your devices, or "
                       "your root key was replaced from another machine.");
    return look_unknown(l);
}

void look_next_unknown(struct look *l)
{
    if (l->cut)
        look_add(l, "restore", "kith restore",
                 "Go on with it: it asks what became of the old machine, and gives your "
                 "circle new pieces.");
    else
        look_add(l, "shut-out", "",
                 "Of your circle nothing is known here. If that was you, look on the "
                 "machine you use now. If it was not you, call your guardians.");
}

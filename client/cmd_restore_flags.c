/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_restore_part.h"

void restore_say_flags(struct term *t, const struct restore_line *l)
{
    bool answered = l->state == STATE_APPROVED || l->state == STATE_RELEASED;

    if (l->state == STATE_CONTESTED)
        term_say(
            t, "  A device of yours said stop to it. Tell them whether that was you, or "
               "somebody has your device. They can say yes despite the stop.");
    if ((l->flags & REQUEST_AWAY) != 0 && !answered)
        term_say(t, "  They said that they are away for a while, and say yes to nothing "
                    "till then. Ask the others first.");
    if ((l->flags & REQUEST_WENT_BACK) != 0)
        term_say(t,
                 "  Their node was loaded from an older copy of itself: the wait there "
                 "began anew.");
}

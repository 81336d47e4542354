/* SPDX-License-Identifier: Apache-2.0 */
#include "client/rescue.h"

/* The file itself, as data: no generated source stands between it and the program. */
__asm__(".pushsection .rodata\n"
        "rescue_page_start: .incbin \"" KITH_RESCUE_PAGE "\"\n"
        "rescue_page_end: .byte 0\n"
        ".popsection\n");

extern const uint8_t rescue_page_start[], rescue_page_end[];

struct bytes rescue_page(void)
{
    return bytes_of(rescue_page_start, (size_t)(rescue_page_end - rescue_page_start));
}

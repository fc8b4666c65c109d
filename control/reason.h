/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a request failed, as the command shows it: an exit code (sysexits) and one sentence.
 */
#ifndef OCKAM_REASON_H
#define OCKAM_REASON_H

#include <stdint.h>

enum reason_exit {
	EXIT_OK = 0, EXIT_USAGE = 2, EXIT_DATA = 65, EXIT_NOT_FOUND = 66, EXIT_UNREACHABLE = 69, EXIT_INTERNAL = 70,
	EXIT_EXISTS = 73, EXIT_IO = 74, EXIT_IN_USE = 75, EXIT_REFUSED = 77, EXIT_CONFIG = 78,
};

struct reason {
	int exit;
	char text[320];
};

struct reason reason_make(int exit, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* From a RESET or an error message; hops_left says which hop answered (16 = the next one; 0xff: not told). */
struct reason reason_from_reset(uint8_t code, uint8_t hops_left, const char *text);

#endif

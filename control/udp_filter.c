// SPDX-License-Identifier: Apache-2.0
#include "udp_filter.h"

#include "wire.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

/* A filter sees the UDP header in front. */
enum { UDP = 8, FIRST = UDP, SUB = UDP + 1, LEN = UDP + 2, SEQ = UDP + 8 };

#define LOAD(size, at) BPF_STMT(BPF_LD | (size) | BPF_ABS, (at))
#define LENGTH BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0)
#define AND(k) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (k))
#define IF(op, k, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (yes), (no))
#define RETURN(k) BPF_STMT(BPF_RET | BPF_K, (k))

/* Jumps count from the next line; DROP is line 22, PASS line 23. */
static const struct sock_filter program[] = {
	/* 0 */ LENGTH,
	/* 1 */ IF(BPF_JGE, UDP + WIRE_HEADER, 0, 20),
	/* 2 */ BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, UDP),
	/* 3 */ BPF_STMT(BPF_MISC | BPF_TAX, 0),
	/* 4 */ LOAD(BPF_H, LEN),
	/* 5 */ BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 16, 0), /* the frame is cut off */
	/* 6 */ IF(BPF_JGE, WIRE_FRAME_MIN, 0, 15),
	/* 7 */ LOAD(BPF_B, FIRST),
	/* 8 */ IF(BPF_JGT, WIRE_VERSION << 4 | WIRE_LINK, 13, 0),
	/* 9 */ IF(BPF_JGT, WIRE_VERSION << 4, 0, 12),
	/* 10 */ IF(BPF_JEQ, WIRE_VERSION << 4 | WIRE_FINISH, 12, 0),
	/* 11 */ IF(BPF_JEQ, WIRE_VERSION << 4 | WIRE_DATA, 11, 0),
	/* 12: a tag is not 0 */ LOAD(BPF_W, SEQ),
	/* 13 */ IF(BPF_JEQ, 0, 0, 9),
	/* 14 */ LOAD(BPF_W, SEQ + 4),
	/* 15 */ IF(BPF_JEQ, 0, 0, 7),
	/* 16: HELLO of a dialler has none */ LOAD(BPF_B, FIRST),
	/* 17 */ IF(BPF_JEQ, WIRE_VERSION << 4 | WIRE_LINK, 0, 4),
	/* 18 */ LOAD(BPF_B, SUB),
	/* 19 */ IF(BPF_JEQ, LINK_HELLO, 0, 2),
	/* 20 */ LOAD(BPF_H, LEN),
	/* 21 */ IF(BPF_JGE, WIRE_UDP_HELLO_MIN, 1, 0),
	/* 22 */ RETURN(0),
	/* 23 */ RETURN(UINT32_MAX),
};

int udp_filter_attach(int fd)
{
	const struct sock_fprog prog = {
		.len = sizeof program / sizeof *program, .filter = (struct sock_filter *)(uintptr_t)program};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog) < 0 ? -errno : 0;
}

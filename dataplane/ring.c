// SPDX-License-Identifier: Apache-2.0
#include "ring.h"

#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int ring_mask_parse(const char *text, unsigned *mask)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {{"multishot", RING_MULTISHOT}, {"buf-ring", RING_BUF_RING},
		{"defer-taskrun", RING_DEFER}, {"splice", RING_SPLICE}};
	unsigned m = 0;
	while (*text) {
		size_t n = strcspn(text, ","), i = 0;
		while (i < sizeof names / sizeof *names &&
			(strlen(names[i].name) != n || memcmp(names[i].name, text, n) != 0))
			i++;
		if (i == sizeof names / sizeof *names)
			return -EINVAL;
		m |= names[i].bit;
		text += n + (text[n] == ',');
	}
	*mask = m;
	return 0;
}

/*
 * Everything that a worker may ask of its ring. Nothing can be registered any more: that is done
 * before. A new operation in worker.c needs its line here, or it completes with -EACCES.
 */
static const uint8_t ops_used[] = {IORING_OP_READ, IORING_OP_RECV, IORING_OP_RECVMSG,
	IORING_OP_SENDMSG, IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL};
enum { OPS_USED = sizeof ops_used / sizeof *ops_used, SQE_FLAGS_USED = IOSQE_BUFFER_SELECT };

/* liburing 2.3 declares these two calls and does not export them. */
static int ring_register(struct ring *r, unsigned what, void *arg, unsigned n)
{
	long rc = syscall(__NR_io_uring_register, r->u.ring_fd, what, arg, n);
	return rc < 0 ? -errno : 0;
}

static int restrict_ops(struct ring *r)
{
	struct io_uring_restriction rule[OPS_USED + 2] = {0};
	unsigned n = 0;
	for (; n < OPS_USED; n++)
		rule[n] = (struct io_uring_restriction){
			.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = ops_used[n]};
	rule[n++] = (struct io_uring_restriction){
		.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = SQE_FLAGS_USED};
	if (!(r->u.features & IORING_FEAT_EXT_ARG)) /* then liburing waits by one */
		rule[n++] = (struct io_uring_restriction){
			.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_TIMEOUT};
	return ring_register(r, IORING_REGISTER_RESTRICTIONS, rule, n);
}

static int queue_init(struct ring *r, unsigned mask, unsigned entries)
{
	const unsigned flags[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
					  IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0};
	int rc = -EINVAL;
	for (unsigned i = mask & RING_DEFER ? 1 : 0; i < 3 && rc == -EINVAL; i++) {
		struct io_uring_params p = {
			.flags = flags[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
				 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED,
			.cq_entries = 16 * entries,
		};
		if (i == 2)
			p.flags &= ~IORING_SETUP_SUBMIT_ALL;
		rc = io_uring_queue_init_params(entries, &r->u, &p);
		if (rc == 0 && i == 0)
			r->features |= RING_DEFER;
	}
	return rc;
}

/* Kernels from 6.14 on count the rings of all processes of a user against RLIMIT_MEMLOCK. */
static int queue_init_fitting(struct ring *r, unsigned mask, unsigned entries)
{
	int rc = -ENOMEM;
	for (r->entries = entries; r->entries >= RING_ENTRIES_MIN; r->entries /= 4) {
		rc = queue_init(r, mask, r->entries);
		if (rc != -ENOMEM)
			return rc;
	}
	return rc;
}

/* For links at rest, and for applications at rest, whose bytes are sealed where they lie. */
static void bufs_init(struct ring *r)
{
	const struct ring_bufs_shape links = {RING_GROUP, RING_BUFS, RING_BUF_SIZE, 0, 0};
	const struct ring_bufs_shape apps = {RING_APP_GROUP, RING_APP_BUFS, RING_BUF_SIZE,
		STREAM_HEADROOM, WIRE_TAG};
	if (ring_bufs_init(&r->bufs, &r->u, &links) == 0)
		r->features |= RING_BUF_RING | RING_MULTISHOT; /* until a recv is refused */
	if (r->features & RING_BUF_RING)
		ring_bufs_init(&r->app_bufs, &r->u, &apps);
}

int ring_init(struct ring *r, unsigned mask, unsigned entries)
{
	memset(r, 0, sizeof *r);
	int rc = queue_init_fitting(r, mask, entries);
	if (rc < 0)
		return rc;
	if (!(mask & RING_BUF_RING))
		bufs_init(r);
	if (mask & RING_MULTISHOT)
		r->features &= ~(unsigned)RING_MULTISHOT;
	if (!(mask & RING_SPLICE))
		r->features |= RING_SPLICE;
	r->restricted = restrict_ops(r) == 0;
	rc = ring_register(r, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (rc < 0)
		ring_fini(r);
	return rc;
}

void ring_fini(struct ring *r)
{
	io_uring_queue_exit(&r->u);
	ring_bufs_fini(&r->bufs);
	ring_bufs_fini(&r->app_bufs);
}

struct io_uring_sqe *ring_sqe(struct ring *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->u);
	while (!sqe) {
		io_uring_submit(&r->u);
		sqe = io_uring_get_sqe(&r->u);
	}
	return sqe;
}

void ring_wait(struct ring *r, uint64_t timeout_ms)
{
	struct io_uring_cqe *cqe;
	struct __kernel_timespec ts = {.tv_sec = (long long)(timeout_ms / 1000),
		.tv_nsec = (long long)(timeout_ms % 1000) * 1000000};
	io_uring_submit_and_wait_timeout(
		&r->u, &cqe, 1, timeout_ms == UINT64_MAX ? NULL : &ts, NULL);
}

void ring_submit(struct ring *r)
{
	io_uring_submit(&r->u);
}

/* The kernel says in a flag when completions wait for us to come in. */
bool ring_ready(struct ring *r)
{
	struct io_uring_cqe *cqe;
	return io_uring_peek_cqe(&r->u, &cqe) == 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_MS = 500, FRAME_MS = 100 };

static struct {
	const char *text; /* NULL: nothing is shown */
	int64_t since_ms;
	unsigned frame;
	bool drawn;
	int signal_fd;
	int signal;
} state = {.signal_fd = -1};

int64_t progress_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void progress_start(const struct cli *c, const char *text)
{
	progress_stop();
	if (!c->err_tty || c->quiet)
		return;
	state.text = text;
	state.since_ms = progress_now();
}

void progress_stop(void)
{
	if (state.drawn)
		fputs("\r\033[K", stderr);
	state.drawn = false;
	state.text = NULL;
}

static void draw(int64_t now)
{
	if (!state.text || now - state.since_ms < QUIET_MS)
		return;
	fprintf(stderr, "\r\033[K%c %s (%lld s)", "|/-\\"[state.frame++ % 4], state.text,
		(long long)(now - state.since_ms) / 1000);
	fflush(stderr);
	state.drawn = true;
}

static void take_signal(void)
{
	struct signalfd_siginfo info;
	if (read(state.signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		state.signal = (int)info.ssi_signo;
}

int progress_wait(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p[2] = {
		{.fd = fd, .events = events}, {.fd = state.signal_fd, .events = POLLIN}};
	for (;;) {
		int64_t now = progress_now();
		int64_t left = deadline_ms - now;
		if (left < 0)
			left = 0;
		if (state.signal)
			return -EINTR;
		draw(now);
		int64_t step = state.text && left > FRAME_MS ? FRAME_MS : left;
		int n = poll(p, 2, step > INT_MAX ? INT_MAX : (int)step);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && p[1].revents) {
			take_signal();
			continue;
		}
		if (n > 0)
			return 0;
		if (n == 0 && step == left)
			return -ETIMEDOUT;
	}
}

static void caught_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

int progress_catch_signals(void)
{
	sigset_t set;
	caught_set(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	state.signal = 0;
	state.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return state.signal_fd < 0 ? -errno : 0;
}

void progress_release_signals(void)
{
	sigset_t set;
	if (state.signal_fd < 0)
		return;
	close(state.signal_fd);
	state.signal_fd = -1;
	caught_set(&set);
	if (state.signal) {
		progress_stop();
		fflush(stdout);
		signal(state.signal, SIG_DFL);
		raise(state.signal);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int progress_signal(void)
{
	return state.signal;
}

void progress_take_signal(void)
{
	if (state.signal_fd >= 0)
		take_signal();
	state.signal = 0;
}

int progress_signal_fd(void)
{
	return state.signal_fd;
}

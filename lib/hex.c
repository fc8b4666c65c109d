// SPDX-License-Identifier: Apache-2.0
#include "hex.h"

#include <errno.h>

char *hex_encode(char *dst, const void *src, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *s = src;
	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digits[s[i] >> 4];
		dst[2 * i + 1] = digits[s[i] & 15];
	}
	dst[2 * n] = 0;
	return dst;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(void *dst, size_t cap, const char *src, size_t len)
{
	uint8_t *d = dst;
	if (len % 2 || len / 2 > cap)
		return -EINVAL;
	for (size_t i = 0; i < len / 2; i++)
		if (digit(src[2 * i]) < 0 || digit(src[2 * i + 1]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < len / 2; i++)
		d[i] = (uint8_t)(digit(src[2 * i]) << 4 | digit(src[2 * i + 1]));
	return (int)(len / 2);
}

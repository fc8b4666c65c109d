// SPDX-License-Identifier: Apache-2.0
#include "noise_pattern.h"

#include <errno.h>

#define E NOISE_E
#define S NOISE_S
#define EE NOISE_EE
#define ES NOISE_ES
#define SE NOISE_SE
#define SS NOISE_SS

/* clang-format off */
static const struct noise_pattern patterns[] = {
	/* one-way */
	{"N", false, true, 1, {{E, ES}}},
	{"K", true, true, 1, {{E, ES, SS}}},
	{"X", false, true, 1, {{E, ES, S, SS}}},
	/* interactive */
	{"NN", false, false, 2, {{E}, {E, EE}}},
	{"NK", false, true, 2, {{E, ES}, {E, EE}}},
	{"NX", false, false, 2, {{E}, {E, EE, S, ES}}},
	{"KN", true, false, 2, {{E}, {E, EE, SE}}},
	{"KK", true, true, 2, {{E, ES, SS}, {E, EE, SE}}},
	{"KX", true, false, 2, {{E}, {E, EE, SE, S, ES}}},
	{"XN", false, false, 3, {{E}, {E, EE}, {S, SE}}},
	{"XK", false, true, 3, {{E, ES}, {E, EE}, {S, SE}}},
	{"XX", false, false, 3, {{E}, {E, EE, S, ES}, {S, SE}}},
	{"IN", false, false, 2, {{E, S}, {E, EE, SE}}},
	{"IK", false, true, 2, {{E, ES, S, SS}, {E, EE, SE}}},
	{"IX", false, false, 2, {{E, S}, {E, EE, SE, S, ES}}},
};
/* clang-format on */

static const struct noise_pattern *pattern_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		if (strlen(patterns[i].name) == len && !memcmp(patterns[i].name, name, len))
			return &patterns[i];
	return NULL;
}

/* "psk0+psk2" → bits. -EOPNOTSUPP for another modifier or a message that the pattern does not have.
 */
static int modifiers_parse(const char *p, const char *end, unsigned messages_n, uint8_t *psks)
{
	uint8_t bits = 0;
	while (p < end) {
		if (end - p < 4 || memcmp(p, "psk", 3) || p[3] < '0' ||
			p[3] > '0' + (int)messages_n)
			return -EOPNOTSUPP;
		uint8_t bit = (uint8_t)(1u << (p[3] - '0'));
		if (bits & bit)
			return -EOPNOTSUPP;
		bits |= bit;
		p += 4;
		if (p < end && (*p++ != '+' || p == end))
			return -EOPNOTSUPP;
	}
	*psks = bits;
	return 0;
}

enum { PART_NOISE, PART_PATTERN, PART_DH, PART_CIPHER, PART_HASH, PARTS };

struct part {
	const char *p;
	size_t len;
};

/* Cuts at '_' into exactly PARTS parts. */
static bool name_split(const char *name, struct part part[static PARTS])
{
	if (strlen(name) > NOISE_NAME_LEN_MAX)
		return false;
	for (unsigned i = 0; i < PARTS; i++) {
		size_t len = strcspn(name, "_");
		part[i] = (struct part){name, len};
		if (!len || (name[len] == '\0') != (i == PARTS - 1))
			return false;
		name += len + 1;
	}
	return part[PART_NOISE].len == 5 && !memcmp(part[PART_NOISE].p, "Noise", 5);
}

int noise_protocol_parse(const char *name, struct noise_protocol *out, const char **why)
{
	const char *ignored;
	if (!why)
		why = &ignored;
	struct part part[PARTS];
	if (!name_split(name, part)) {
		*why = "not a Noise protocol name";
		return -EINVAL;
	}
	const char *base = part[PART_PATTERN].p, *end = base + part[PART_PATTERN].len;
	const char *modifiers = base;
	while (modifiers < end && *modifiers >= 'A' && *modifiers <= 'Z')
		modifiers++;
	struct noise_protocol p = {
		.pattern = pattern_find(base, (size_t)(modifiers - base)),
		.cipher = noise_cipher_find(part[PART_CIPHER].p, part[PART_CIPHER].len),
		.hash = noise_hash_find(part[PART_HASH].p, part[PART_HASH].len),
	};
	*why = NULL;
	if (!p.pattern)
		*why = "unknown pattern";
	else if (modifiers_parse(modifiers, end, p.pattern->messages_n, &p.psks))
		*why = "unknown pattern or modifier";
	else if (part[PART_DH].len != 5 || memcmp(part[PART_DH].p, "25519", 5))
		*why = "curve is not 25519";
	else if (!p.cipher)
		*why = "unknown cipher";
	else if (!p.hash)
		*why = "unknown hash";
	else if (noise_crypto_init() || !p.cipher->available())
		*why = "cipher needs instructions that this machine lacks";
	if (*why)
		return -EOPNOTSUPP;
	*out = p;
	return 0;
}

unsigned noise_protocol_psks(const struct noise_protocol *p)
{
	return (unsigned)__builtin_popcount(p->psks);
}

void noise_protocol_tokens(
	const struct noise_protocol *p, unsigned m, uint8_t tokens[static NOISE_TOKENS_MAX])
{
	unsigned n = 0;
	if (m == 0 && p->psks & 1)
		tokens[n++] = NOISE_PSK;
	for (const uint8_t *t = p->pattern->messages[m]; *t != NOISE_END; t++)
		tokens[n++] = *t;
	if (p->psks & 2u << m)
		tokens[n++] = NOISE_PSK;
	tokens[n] = NOISE_END;
}

bool noise_pattern_static(const struct noise_pattern *p, bool initiator)
{
	if (initiator ? p->initiator_known : p->responder_known)
		return true;
	for (unsigned m = initiator ? 0 : 1; m < p->messages_n; m += 2)
		for (const uint8_t *t = p->messages[m]; *t != NOISE_END; t++)
			if (*t == NOISE_S)
				return true;
	return false;
}

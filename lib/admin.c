// SPDX-License-Identifier: Apache-2.0
#include "admin.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

static_assert(ADMIN_A_END < 64, "attributes fit the mask");

const struct admin_attr_info admin_attrs[ADMIN_A_END] = {
#define X(name_, kind_, text_, unit_)                                                              \
	[ADMIN_A_##name_] = {.name = text_, .unit = unit_, .kind = ADMIN_##kind_},
	ADMIN_ATTRS(X)
#undef X
};

const struct admin_object_info admin_objects[ADMIN_OBJECTS_END] = {
#define X(name_, text_, keys_, set_, verbs_)                                                       \
	[ADMIN_##name_] = {.name = text_, .keys = keys_, .set = set_, .verbs = verbs_},
	ADMIN_OBJECTS(X)
#undef X
};

void admin_set(struct admin_msg *m, enum admin_attr a, uint64_t n)
{
	m->has |= ADMIN_HAS(a);
	m->v[a].n = n;
}

void admin_set_text(struct admin_msg *m, enum admin_attr a, const char *text)
{
	m->has |= ADMIN_HAS(a);
	m->v[a].text = text;
	m->v[a].n = strnlen(text, ADMIN_TEXT_MAX - 1);
}

static bool is_known(uint16_t type)
{
	return type >= ADMIN_TYPE_BASE && type < ADMIN_TYPE_BASE + 4 * ADMIN_OBJECTS_END;
}

/* --- to bytes --- */

static size_t kind_size(enum admin_kind k)
{
	return k == ADMIN_U32 ? 4 : k == ADMIN_U64 ? 8 : k == ADMIN_FLAG ? 1 : 0;
}

static bool put_attr(struct nlmsghdr *h, size_t cap, const struct admin_msg *m, unsigned a)
{
	char text[ADMIN_TEXT_MAX];
	const uint32_t u32 = (uint32_t)m->v[a].n;
	const uint64_t u64 = m->v[a].n;
	const uint8_t flag = m->v[a].n != 0;
	uint16_t type = (uint16_t)a;
	switch (admin_attrs[a].kind) {
	case ADMIN_U32:
		return mnl_attr_put_check(h, cap, type, sizeof u32, &u32);
	case ADMIN_U64:
		return mnl_attr_put_check(h, cap, type, sizeof u64, &u64);
	case ADMIN_FLAG:
		return mnl_attr_put_check(h, cap, type, sizeof flag, &flag);
	default:
		memcpy(text, m->v[a].text, m->v[a].n);
		text[m->v[a].n] = 0;
		return mnl_attr_put_check(h, cap, type, m->v[a].n + 1, text);
	}
}

static bool put_ack(struct nlmsghdr *h, size_t cap, const struct admin_msg *m)
{
	const struct nlmsgerr e = {.error = m->error, .msg = {.nlmsg_seq = m->seq}};
	const uint32_t at = m->wrong, missing = m->missing;
	if (h->nlmsg_len + MNL_ALIGN(sizeof e) > cap)
		return false;
	memcpy(mnl_nlmsg_put_extra_header(h, sizeof e), &e, sizeof e);
	h->nlmsg_flags |= NLM_F_CAPPED;
	if (!m->why)
		return true;
	h->nlmsg_flags |= NLM_F_ACK_TLVS;
	return mnl_attr_put_strz_check(h, cap, NLMSGERR_ATTR_MSG, m->why) &&
	       (!at || mnl_attr_put_check(h, cap, NLMSGERR_ATTR_OFFS, sizeof at, &at)) &&
	       (!missing || mnl_attr_put_check(
				    h, cap, NLMSGERR_ATTR_MISS_TYPE, sizeof missing, &missing));
}

static bool put_body(struct nlmsghdr *h, size_t cap, const struct admin_msg *m)
{
	const int32_t done = 0;
	if (m->type == ADMIN_ACK)
		return put_ack(h, cap, m);
	if (m->type == ADMIN_DONE) {
		if (h->nlmsg_len + MNL_ALIGN(sizeof done) > cap)
			return false;
		memcpy(mnl_nlmsg_put_extra_header(h, sizeof done), &done, sizeof done);
	}
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		if (m->has & ADMIN_HAS(a) && !put_attr(h, cap, m, a))
			return false;
	return true;
}

int admin_encode(const struct admin_msg *m, void *buf, size_t len, size_t cap)
{
	if (len > cap || cap - len < MNL_NLMSG_HDRLEN)
		return -EMSGSIZE;
	struct nlmsghdr *h = mnl_nlmsg_put_header((char *)buf + len);
	h->nlmsg_type = m->type;
	h->nlmsg_seq = m->seq;
	if (is_known(m->type) && admin_verb_of(m->type) != ADMIN_ROW)
		h->nlmsg_flags |=
			NLM_F_REQUEST | (m->dump ? NLM_F_DUMP : 0) | (m->want_ack ? NLM_F_ACK : 0);
	else
		h->nlmsg_flags |=
			(m->multi ? NLM_F_MULTI : 0) | (m->interrupted ? NLM_F_DUMP_INTR : 0);
	if (!put_body(h, cap - len, m))
		return -EMSGSIZE;
	return (int)(len + MNL_ALIGN(h->nlmsg_len));
}

/* --- from bytes --- */

enum { STRICT = 1 };

/* What is wrong with one attribute, or NULL. */
static const char *take(struct admin_msg *m, const struct nlattr *a)
{
	uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);
	const char *p = mnl_attr_get_payload(a);
	if (!type || type >= ADMIN_A_END)
		return "is not known here";
	if (m->has & ADMIN_HAS(type))
		return "is there twice";
	enum admin_kind k = admin_attrs[type].kind;
	if (k == ADMIN_TEXT) {
		if (!len || len > ADMIN_TEXT_MAX || memchr(p, 0, len) != p + len - 1)
			return "is no text of at most 127 bytes";
		m->v[type].text = p;
		m->v[type].n = len - 1u;
	} else if (len != kind_size(k)) {
		return "has a wrong length";
	} else if (k == ADMIN_U64) {
		memcpy(&m->v[type].n, p, sizeof m->v[type].n);
	} else if (k == ADMIN_U32) {
		uint32_t n;
		memcpy(&n, p, sizeof n);
		m->v[type].n = n;
	} else {
		m->v[type].n = *(const uint8_t *)p;
		if (m->v[type].n > 1)
			return "is neither 0 nor 1";
	}
	m->has |= ADMIN_HAS(type);
	return NULL;
}

static int fault_at(struct admin_fault *f, int error, size_t at, const char *fmt, const char *what,
	const char *why)
{
	f->error = error;
	f->at = (uint16_t)at;
	snprintf(f->why, sizeof f->why, fmt, what, why);
	return error;
}

static const char *attr_name(uint16_t type)
{
	return type && type < ADMIN_A_END ? admin_attrs[type].name : "attribute";
}

/* The attributes from `off` on. A fault is kept only when `f` is given. */
static int take_attrs(struct admin_msg *m, const char *buf, size_t off, size_t len, bool strict,
	struct admin_fault *f)
{
	while (off < len) {
		const struct nlattr *a = (const struct nlattr *)(const void *)(buf + off);
		if (!mnl_attr_ok(a, (int)(len - off)))
			return f ? fault_at(f, -EINVAL, off, "an %s %s", "attribute", "is cut off")
				 : -EBADMSG;
		uint16_t type = mnl_attr_get_type(a);
		bool skip = !strict && (!type || type >= ADMIN_A_END);
		const char *why = skip ? NULL : take(m, a);
		if (why)
			return f ? fault_at(f, type && type < ADMIN_A_END ? -EINVAL : -EOPNOTSUPP,
					   off, "%s %s", attr_name(type), why)
				 : -EBADMSG;
		size_t step = MNL_ALIGN(mnl_attr_get_len(a));
		off += step < len - off ? step : len - off;
	}
	return 0;
}

static bool header(struct admin_msg *m, const void *buf, size_t len, struct nlmsghdr *h)
{
	*m = (struct admin_msg){0};
	if (len < sizeof *h)
		return false;
	memcpy(h, buf, sizeof *h);
	if (h->nlmsg_len < sizeof *h || h->nlmsg_len > len)
		return false;
	m->type = h->nlmsg_type;
	m->seq = h->nlmsg_seq;
	return true;
}

/* Where the first attribute is that is none of those. */
static size_t stranger_at(const char *buf, size_t len, uint64_t allowed)
{
	size_t off = MNL_NLMSG_HDRLEN;
	while (off < len) {
		const struct nlattr *a = (const struct nlattr *)(const void *)(buf + off);
		if (!(allowed & ADMIN_HAS(mnl_attr_get_type(a))))
			break;
		off += MNL_ALIGN(mnl_attr_get_len(a));
	}
	return off;
}

/* Keys are all there but in a dump; nothing else but what is set. */
static int check_policy(struct admin_msg *m, const char *buf, size_t len, struct admin_fault *f)
{
	static const char *const verbs[] = {"", "deleted", "shown", "set"};
	const struct admin_object_info *o = &admin_objects[admin_object_of(m->type)];
	enum admin_verb v = admin_verb_of(m->type);
	bool is_event = admin_object_of(m->type) == ADMIN_EVENT;
	if (!(o->verbs & 1u << v))
		return fault_at(f, -EOPNOTSUPP, 0, "a %s cannot be %s", o->name, verbs[v]);
	uint64_t allowed = is_event ? ADMIN_H(NAME) : o->keys | (v == ADMIN_SET ? o->set : 0);
	if (m->has & ~allowed) {
		size_t at = stranger_at(buf, len, allowed);
		uint16_t type = mnl_attr_get_type((const struct nlattr *)(const void *)(buf + at));
		return fault_at(f, -EINVAL, at, "%s does not belong to a request for a %s",
			attr_name(type), o->name);
	}
	uint64_t need = is_event || m->dump ? 0 : o->keys;
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		if (need & ~m->has & ADMIN_HAS(a)) {
			f->missing = (uint16_t)a;
			return fault_at(f, -EINVAL, 0, "%s is missing, which says which %s",
				admin_attrs[a].name, o->name);
		}
	if (v == ADMIN_SET && !(m->has & o->set))
		return fault_at(f, -EINVAL, 0, "nothing of the %s is to be %s", o->name, "set");
	return 0;
}

int admin_decode_request(
	struct admin_msg *m, const void *buf, size_t len, struct admin_fault *fault)
{
	struct nlmsghdr h;
	*fault = (struct admin_fault){0};
	if (!header(m, buf, len, &h) || h.nlmsg_len != len)
		return -EBADMSG;
	m->want_ack = h.nlmsg_flags & NLM_F_ACK;
	m->dump = (h.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (!is_known(m->type) || admin_verb_of(m->type) == ADMIN_ROW)
		return fault_at(
			fault, -EOPNOTSUPP, 0, "%s is not known here%s", "this request", "");
	if (!(h.nlmsg_flags & NLM_F_REQUEST))
		return fault_at(fault, -EINVAL, 0, "%s is not marked as one%s", "the request", "");
	m->dump = m->dump && admin_verb_of(m->type) == ADMIN_GET;
	int rc = take_attrs(m, buf, MNL_NLMSG_HDRLEN, len, STRICT, fault);
	return rc < 0 ? rc : check_policy(m, buf, len, fault);
}

static int take_ack_attr(const struct nlattr *a, void *ctx)
{
	struct admin_msg *m = ctx;
	uint16_t len = mnl_attr_get_payload_len(a);
	const char *p = mnl_attr_get_payload(a);
	uint32_t n = 0;
	if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG && len && memchr(p, 0, len) == p + len - 1)
		m->why = p;
	if (len != sizeof n)
		return MNL_CB_OK;
	memcpy(&n, p, sizeof n);
	if (mnl_attr_get_type(a) == NLMSGERR_ATTR_OFFS)
		m->wrong = (uint16_t)n;
	if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MISS_TYPE)
		m->missing = n < ADMIN_A_END ? (uint16_t)n : 0;
	return MNL_CB_OK;
}

static int decode_ack(struct admin_msg *m, const char *buf, const struct nlmsghdr *h)
{
	struct nlmsgerr e;
	size_t at = sizeof *h + sizeof e;
	if (h->nlmsg_len < at)
		return -EBADMSG;
	memcpy(&e, buf + sizeof *h, sizeof e);
	m->error = e.error;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && h->nlmsg_len > at)
		mnl_attr_parse_payload(buf + at, h->nlmsg_len - at, take_ack_attr, m);
	return e.error <= 0 ? 0 : -EBADMSG;
}

int admin_decode_answer(struct admin_msg *m, const void *buf, size_t len)
{
	struct nlmsghdr h;
	if (!header(m, buf, len, &h))
		return -EBADMSG;
	size_t at = MNL_NLMSG_HDRLEN, step = MNL_ALIGN(h.nlmsg_len);
	m->multi = h.nlmsg_flags & NLM_F_MULTI;
	m->interrupted = h.nlmsg_flags & NLM_F_DUMP_INTR;
	int rc = -EBADMSG;
	if (m->type == ADMIN_ACK) {
		rc = decode_ack(m, buf, &h);
	} else if (m->type == ADMIN_DONE) {
		rc = h.nlmsg_len >= at + sizeof(int32_t) ? 0 : -EBADMSG;
	} else if (m->type == ADMIN_OVERRUN ||
		   (is_known(m->type) && admin_verb_of(m->type) == ADMIN_ROW)) {
		rc = take_attrs(m, buf, at, h.nlmsg_len, !STRICT, NULL);
		uint64_t need = m->type == ADMIN_OVERRUN
					? ADMIN_H(LOST)
					: admin_objects[admin_object_of(m->type)].keys;
		if (rc == 0 && (m->has & need) != need)
			rc = -EBADMSG;
	}
	return rc < 0 ? rc : (int)(step < len ? step : len);
}

struct admin_msg admin_ack(uint32_t seq, const struct admin_fault *fault)
{
	struct admin_msg m = {.type = ADMIN_ACK, .seq = seq};
	if (fault) {
		m.error = fault->error;
		m.why = fault->why[0] ? fault->why : NULL;
		m.wrong = fault->at;
		m.missing = fault->missing;
	}
	return m;
}

bool admin_matches(const struct admin_msg *row, const struct admin_msg *filter)
{
	for (unsigned a = 1; a < ADMIN_A_END; a++) {
		if (!(filter->has & ADMIN_HAS(a)))
			continue;
		if (!(row->has & ADMIN_HAS(a)) || row->v[a].n != filter->v[a].n)
			return false;
		if (admin_attrs[a].kind == ADMIN_TEXT &&
			memcmp(row->v[a].text, filter->v[a].text, row->v[a].n) != 0)
			return false;
	}
	return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "home_place.h"

#include "route.h"

static void nodes_are_stored_replaced_and_removed(void **state)
{
	struct place *p = *state;
	struct node_info a = {0}, b = {0};
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	assert_int_equal(node_store(h, "n1", "nobody", "{}"), -ENOENT);
	assert_sentence(h, "identity nobody");
	assert_int_equal(node_store(h, "-n", "default", "{}"), -EINVAL);
	assert_int_equal(node_store(h, "n1", "default", "{\"a\":1}"), 0);
	assert_int_equal(node_store(h, "n2", "default", "{}"), 0);
	assert_int_equal(node_get(h, NULL, &a), 0);
	assert_string_equal(a.name, "n1");
	assert_string_equal(a.config, "{\"a\":1}");
	assert_int_equal(identity_delete(h, "default"), -EBUSY);
	assert_sentence(h, "used by 2 nodes");

	assert_int_equal(node_object_put(h, "n1", "relay", "r", "{}"), 0);
	assert_int_equal(node_store(h, "n1", "default", "{}"), 0);
	assert_int_equal(node_object_del(h, "n1", "relay", "r"), -ENOENT);
	assert_int_equal(node_get(h, "n1", &b), 0);
	assert_memory_equal(a.static_key.b, b.static_key.b, 32);
	assert_true(b.is_default);
	assert_string_equal(b.config, "{}");
	node_info_fini(&a);
	node_info_fini(&b);
	assert_int_equal(node_get(h, "n2", &b), 0);
	assert_false(b.is_default);
	node_info_fini(&b);

	assert_int_equal(node_set_config(h, "n2", "{\"b\":2}"), 0);
	assert_int_equal(node_set_config(h, "n3", "{}"), -ENOENT);
	assert_int_equal(node_set_default(h, "n3"), -ENOENT);
	assert_int_equal(node_remove(h, "n3"), -ENOENT);
	assert_int_equal(node_remove(h, "n1"), 0);
	assert_int_equal(node_get(open_home(p, HOME_READ), NULL, &b), 0);
	assert_string_equal(b.name, "n2");
	assert_string_equal(b.config, "{\"b\":2}");
	node_info_fini(&b);
}

static int remove_each(void *ctx, const struct node_info *n)
{
	return node_remove(ctx, n->name);
}

static int stop_at_once(void *ctx, const struct node_info *n)
{
	return 7;
}

static void a_callback_may_write(void **state)
{
	struct place *p = *state;
	struct node_info n = {0};
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	for (char name[] = "a"; *name < 'd'; ++*name)
		assert_int_equal(node_store(h, name, "default", "{}"), 0);
	assert_int_equal(node_each(h, stop_at_once, NULL), 7);
	assert_int_equal(node_each(h, remove_each, h), 0);
	assert_int_equal(node_get(h, NULL, &n), -ENOENT);
}

static int append(void *ctx, const char *name, const char *json)
{
	strcat(ctx, name);
	strcat(ctx, json);
	return 0;
}

static void objects_keep_their_order(void **state)
{
	struct place *p = *state;
	char seen[64] = "";
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	assert_int_equal(node_store(h, "n", "default", "{}"), 0);
	assert_int_equal(node_object_put(h, "m", "relay", "z", "{}"), -ENOENT);
	assert_int_equal(node_object_put(h, "n", "relay", "z", "1"), 0);
	assert_int_equal(node_object_put(h, "n", "service", "s", "9"), 0);
	assert_int_equal(node_object_put(h, "n", "relay", "a", "2"), 0);
	assert_int_equal(node_object_put(h, "n", "relay", "unix:/a/long/name", "3"), 0);
	assert_int_equal(node_object_put(h, "n", "relay", "z", "4"), 0);
	assert_int_equal(node_object_each(h, "n", "relay", append, seen), 0);
	assert_string_equal(seen, "z4a2unix:/a/long/name3");
	assert_int_equal(node_object_del(h, "n", "relay", "a"), 0);
	assert_int_equal(node_object_del(h, "n", "relay", "a"), -ENOENT);
}

static void relay_names_are_reserved(void **state)
{
	struct place *p = *state;
	struct identifier me = {{1, 2}}, owner;
	uint64_t used;
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	assert_int_equal(relay_name_put(h, "n", "r", &me, 5), -ENOENT);
	assert_int_equal(node_store(h, "n", "default", "{}"), 0);
	assert_int_equal(relay_name_get(h, "n", "r", &owner, &used), -ENOENT);
	assert_int_equal(relay_name_put(h, "n", "r", &me, 5), 0);
	assert_int_equal(relay_name_put(h, "n", "r", &me, 6), 0);
	assert_int_equal(node_store(h, "n", "default", "{}"), 0);
	assert_int_equal(relay_name_get(open_home(p, HOME_WRITE), "n", "r", &owner, &used), 0);
	assert_true(identifier_equal(&me, &owner) && used == 6);
	assert_int_equal(relay_name_del(p->h, "n", "r"), 0);
	assert_int_equal(relay_name_del(p->h, "n", "r"), -ENOENT);
}

static int collect(void *ctx, const char *node, const char *route)
{
	strcat(ctx, node);
	strcat(ctx, route);
	return 0;
}

static void running_nodes_are_told_by_their_lock(void **state)
{
	struct place *p = *state;
	static const char *const routes[] = {"/ip4/127.0.0.1/tcp/4000", "/ip4/10.0.0.1/tcp/4000"};
	char dst[ROUTE_STRING_MAX], seen[256] = "";
	int pid = -1;
	open_home(p, HOME_WRITE);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_STOPPED);
	assert_int_equal(pid, 0);
	assert_int_equal(node_listener(p->dir, "n1", dst, sizeof dst), -ENOENT);
	assert_int_equal(node_listener(p->dir, "..", dst, sizeof dst), -ENOENT);
	assert_int_equal(node_listeners_each(p->dir, collect, seen), 0);
	assert_int_equal(node_publish_listeners(p->dir, "n1", routes, 2), 0);
	assert_int_equal(node_listener(p->dir, "n1", dst, sizeof dst), -ESRCH);

	int lock = node_lock(p->dir, "n1");
	assert_true(lock >= 0);
	assert_int_equal(node_lock(p->dir, "n1"), -EEXIST);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_RUNNING);
	assert_int_equal(pid, getpid());
	assert_int_equal(node_listener(p->dir, "n1", dst, sizeof dst), 0);
	assert_string_equal(dst, routes[0]);
	assert_int_equal(node_listener(p->dir, "n1", dst, 5), -ENAMETOOLONG);
	assert_int_equal(node_listeners_each(p->dir, collect, seen), 0);
	assert_string_equal(seen, "n1/ip4/127.0.0.1/tcp/4000n1/ip4/10.0.0.1/tcp/4000");
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_RUNNING);

	assert_int_equal(node_publish_listeners(p->dir, "n1", NULL, 0), 0);
	assert_int_equal(node_listener(p->dir, "n1", dst, sizeof dst), -ENODATA);
	close(lock);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_STOPPED);
	assert_int_equal(pid, 0);
	lock = node_lock(p->dir, "n1");
	assert_true(lock >= 0);
	close(lock);
}

static void a_data_plane_outlives_its_control(void **state)
{
	struct place *p = *state;
	char why[64];
	int pid = -1;
	open_home(p, HOME_WRITE);
	int control = node_lock(p->dir, "n1");
	int plane = node_dataplane_lock(p->dir, "n1");
	assert_true(control >= 0 && plane >= 0);
	assert_int_equal(node_dataplane_lock(p->dir, "n1"), -EEXIST);
	assert_int_equal(node_dataplane_publish(plane, 4711), 0);
	assert_int_equal(node_dataplane_pid(p->dir, "n1"), 4711);
	node_lock_ending(control);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_ENDING);
	assert_int_equal(pid, getpid());
	close(control);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_CONTROL_DOWN);
	assert_int_equal(pid, 0);
	assert_string_equal(node_status_word(NODE_CONTROL_DOWN), "control down");
	close(plane);
	assert_int_equal(node_dataplane_pid(p->dir, "n1"), 0);

	assert_int_equal(node_failed_reason(p->dir, "n1", why, sizeof why), -ENOENT);
	assert_int_equal(node_set_failed(p->dir, "n1", "it crashed"), 0);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_FAILED);
	assert_int_equal(node_failed_reason(p->dir, "n1", why, sizeof why), 0);
	assert_string_equal(why, "it crashed");
	control = node_lock(p->dir, "n1"); /* tried again */
	close(control);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_STOPPED);
}

static int lock_and_die(struct place *p, int i)
{
	int fd = node_lock(p->dir, "shared");
	if (fd < 0)
		return fd == -EEXIST ? 0 : 1;
	/* alone: make a mark that a second holder would find */
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/run/shared/mark", p->dir);
	int mark = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	if (mark < 0)
		return 2;
	usleep(20000);
	unlink(path);
	close(mark);
	return 0;
}

static void one_process_holds_a_node(void **state)
{
	struct place *p = *state;
	int pid;
	open_home(p, HOME_WRITE);
	in_parallel(p, lock_and_die);
	assert_int_equal(node_status(p->dir, "shared", &pid), NODE_STOPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nodes_are_stored_replaced_and_removed),
		TEST(a_callback_may_write),
		TEST(objects_keep_their_order),
		TEST(relay_names_are_reserved),
		TEST(running_nodes_are_told_by_their_lock),
		TEST(a_data_plane_outlives_its_control),
		TEST(one_process_holds_a_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

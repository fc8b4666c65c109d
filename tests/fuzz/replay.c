// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target once over each file of a corpus: the files and directories of the command
 * line. Fails when there was none, or when a file cannot be read.
 */
#include "fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

/* libFuzzer's is weak too. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (!f || fstat(fileno(f), &st) < 0) {
		perror(path);
		exit(1);
	}
	size_t n = (size_t)st.st_size;
	uint8_t *p = malloc(n ? n : 1);
	if (!p || fread(p, 1, n, f) != n) {
		perror(path);
		exit(1);
	}
	fclose(f);
	fprintf(stderr, "%s\n", path); /* the last one is the culprit */
	LLVMFuzzerTestOneInput(p, n);
	free(p);
}

static unsigned run(const char *path)
{
	DIR *dir = opendir(path);
	if (!dir) {
		run_file(path);
		return 1;
	}
	unsigned n = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		char below[PATH_MAX];
		if (e->d_name[0] == '.')
			continue;
		snprintf(below, sizeof below, "%s/%s", path, e->d_name);
		n += run(below);
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	unsigned n = 0;
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		n += run(argv[i]);
	printf("%u inputs\n", n);
	return n ? 0 : 1;
}

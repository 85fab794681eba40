/*
 * Says for each path on standard input which packages the metadata around the file and its path
 * tell: what proscribed finds, read as an inspector reads it. One line each: the path, then
 * "TYPE NAME VERSION TOLD" for each package, "refused" where metadata was; all between tabs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/evidence.h"
#include "agent/inspector/npm.h"
#include "agent/pool/metadata.h"
#include "policy/base/cleanup.h"

static void answer(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct facts f = { 0 };
	struct metadata_list list;
	struct stat st;

	printf("%s", path);
	if (fd < 0 || fstat(fd, &st) < 0) {
		printf("\tunreadable\n");
		return;
	}
	metadata_open(fd, path, &st, &list);
	evidence_read(&(struct inspect_request){ .fd = fd,
			      .metadata = list.kinds,
			      .metadata_fds = list.fds,
			      .n_metadata = list.n,
			      .path = path },
		&f);
	metadata_close(&list);
	if (!facts_valid(&f))
		abort();
	for (uint32_t i = 0; i < f.n_packages; i++)
		printf("\t%s %s %s %s",
			package_type_to_string((enum package_type) f.packages[i].type),
			f.packages[i].name, f.packages[i].version,
			metadata_to_string((enum metadata) f.packages[i].told));
	printf("%s\n", f.have & FACTS_METADATA_REFUSED ? "\trefused" : "");
}

int main(void)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t n;

	npm_prepare();
	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		answer(line);
	}
	return 0;
}

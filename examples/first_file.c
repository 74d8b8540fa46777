/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A first file: makes a file system in a container, a directory and a file in it, writes, reads back, lists.
 *
 *	cc -D_GNU_SOURCE first_file.c -o first_file $(pkg-config --cflags --libs dfs)
 *	DAOS_AGENT_DRPC_DIR=DIR/run ./first_file POOL CONTAINER
 *
 * The container is made when there is none; one that is there must hold a file system.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <daos.h>
#include <daos_fs.h>

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(rc));
	exit(1);
}

int
main(int argc, char **argv)
{
	static const char text[] = "Written through libdfs.\n";
	char back[64] = "";
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_size_t got = 0;
	struct dirent entries[8];
	dfs_obj_t *dir, *file;
	struct stat st;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	dfs_t *dfs;
	int rc;

	if (argc != 3) {
		fprintf(stderr, "usage: %s POOL CONTAINER\n", argv[0]);
		return 2;
	}
	rc = daos_init();
	if (rc != 0) {
		fprintf(stderr, "starting the library: %s (%s)\n", d_errdesc(rc), d_errstr(rc));
		return 1;
	}
	must(dfs_init(), "starting file systems");
	must(dfs_connect(argv[1], NULL, argv[2], O_RDWR | O_CREAT, NULL, &dfs), "connecting");

	must(dfs_open(dfs, NULL, "notes", S_IFDIR | 0755, O_CREAT | O_RDWR, 0, 0, NULL, &dir), "making a directory");
	must(dfs_open(dfs, dir, "first.txt", S_IFREG | 0644, O_CREAT | O_RDWR, 0, 0, NULL, &file), "making a file");
	d_iov_set(&iov, (void *)text, sizeof(text) - 1);
	must(dfs_write(dfs, file, &sgl, 0, NULL), "writing");
	d_iov_set(&iov, back, sizeof(back) - 1);
	must(dfs_read(dfs, file, &sgl, 0, &got, NULL), "reading");
	must(dfs_ostat(dfs, file, &st), "asking");
	printf("%llu bytes of %lld: %s", (unsigned long long)got, (long long)st.st_size, back);

	while (!daos_anchor_is_eof(&anchor)) {
		uint32_t nr = 8;

		must(dfs_readdir(dfs, dir, &anchor, &nr, entries), "listing");
		for (uint32_t i = 0; i < nr; i++)
			printf("notes/%s\n", entries[i].d_name);
	}
	must(dfs_release(file), "closing");
	must(dfs_release(dir), "closing");
	must(dfs_remove(dfs, NULL, "notes", true, NULL), "removing");
	must(dfs_disconnect(dfs), "disconnecting");
	must(dfs_fini(), "ending file systems");
	must(daos_fini() != 0, "ending the library");
	return strcmp(back, text) == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* umem on real files: what the simulator shows must hold there too. A child process is killed at work, again and again. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "model.h"
#include "bio/bio.h"
#include "env_real/env_real.h"
#include "ult/ult.h"

#define HEAP (16 * MIB)

struct shared { /* with the child, which tells what it knows before it dies */
	uint64_t durable;
	uint64_t last;
};

struct life {
	struct env *env;
	struct xs *xs;
	struct bio *bio;
	struct bio_blob *meta, *wal;
	struct umem *heap;
	const char *dir;
	bool create, done;
	struct shared *shared;
	void (*play)(struct life *life);
};

static void
life_up(struct life *life)
{
	struct bio_dev_config dev = { .path = life->dir };
	struct bio_blob_id meta = { .kind = BIO_META }, wal = { .kind = BIO_WAL };
	struct umem_config config = { .env = life->env, .xs = life->xs, .heap_size = HEAP, .name = "real",
				      .dram_budget = HEAP / 4 };

	ASSERT(bio_open(life->env, &dev, 1, life->create, &life->bio) == 0);
	if (life->create) {
		ASSERT(bio_blob_create(life->bio, &meta, umem_meta_size(HEAP)) == 0);
		ASSERT(bio_blob_create(life->bio, &wal, MIB) == 0);
	}
	ASSERT(bio_blob_open(life->bio, &meta, life->xs, &life->meta) == 0);
	ASSERT(bio_blob_open(life->bio, &wal, life->xs, &life->wal) == 0);
	config.meta = life->meta;
	config.wal = life->wal;
	if (life->create)
		ASSERT(umem_format(&config) == 0);
	ASSERT(umem_open(&config, &life->heap) == 0);
}

static void
life_down(struct life *life)
{
	umem_close(life->heap);
	bio_blob_close(life->meta);
	bio_blob_close(life->wal);
	bio_close(life->bio);
}

static void
life_ult(void *arg)
{
	struct life *life = arg;

	life_up(life);
	life->play(life);
	life_down(life);
	life->done = true;
}

static void
live(const char *dir, bool create, struct shared *shared, void (*play)(struct life *life))
{
	struct life life = { .dir = dir, .create = create, .shared = shared, .play = play };
	struct xs_config config = { .name = "real" };

	ASSERT(env_real_create(NULL, &life.env) == 0);
	config.env = life.env;
	ASSERT(xs_create(&config, &life.xs) == 0);
	ASSERT(ult_spawn(life.xs, ULT_IO, "life", life_ult, &life, NULL) == 0);
	ASSERT(xs_run_until(life.xs, &life.done, ENV_FOREVER) == 0);
	xs_stop(life.xs);
	xs_run(life.xs);
	xs_destroy(life.xs);
	env_real_destroy(life.env);
}

/* Every transaction writes its own LSN in several places, far apart. */
static int
body_stamp(struct umem *heap, void *arg)
{
	umem_off_t *root = umem_touch(heap, umem_root(heap), 64);
	uint64_t lsn = umem_lsn_next(heap);

	for (uint32_t i = 1; i < 4; i++) {
		if (root[i] != UMEM_NULL && (lsn + i) % 3 == 0) {
			umem_free(heap, root[i]);
			root[i] = UMEM_NULL;
		}
		if (root[i] == UMEM_NULL)
			root[i] = umem_alloc(heap, 100 + lsn * 37 % 9000);
		if (root[i] == UMEM_NULL)
			return -DER_NOSPACE;
		*(uint64_t *)umem_touch(heap, root[i], 8) = lsn;
	}
	root[0] = lsn;
	return 0;
}

static int
body_check(struct umem *heap, void *arg)
{
	const umem_off_t *root = umem_at(heap, umem_root(heap));

	for (uint32_t i = 1; i < 4 && root[0] != 0; i++)
		if (*(uint64_t *)umem_at(heap, root[i]) != root[0])
			return -DER_MISMATCH;
	*(uint64_t *)arg = root[0];
	return 0;
}

static void
verify(struct life *life)
{
	uint64_t seen = 0;

	ASSERT(umem_read(life->heap, body_check, &seen) == 0);
	ASSERT(seen == umem_lsn_last(life->heap));
	ASSERT(seen >= life->shared->durable && seen <= life->shared->last);
	ASSERT(umem_check(life->heap) == 0);
}

static void
play_endless(struct life *life)
{
	verify(life);
	for (;;) {
		uint64_t lsn;

		life->shared->last = umem_lsn_next(life->heap);
		ASSERT(umem_write(life->heap, 0, body_stamp, NULL, &lsn) == 0);
		if (lsn % 5 == 0) {
			ASSERT(umem_wait(life->heap, lsn) == 0);
			life->shared->durable = lsn;
		}
	}
}

static void
play_format(struct life *life)
{
	ASSERT(umem_lsn_last(life->heap) == 0);
}

static void
what_was_durable_survives_kill_on_real_files(void **state)
{
	struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char dir[] = "/tmp/umem-real-XXXXXX", command[100];

	assert_non_null(mkdtemp(dir));
	live(dir, true, shared, play_format);
	for (uint32_t i = 0; i < 8; i++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			live(dir, false, shared, play_endless);
			_exit(0);
		}
		usleep(30000 + i * 25000);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	live(dir, false, shared, verify);
	assert_true(shared->durable > 0);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	munmap(shared, 4096);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_durable_survives_kill_on_real_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

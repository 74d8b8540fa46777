/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of libdaos against a real engine in the same process. */
#include "calls.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include "inproc.h"
#include <daos_task.h>

#define SIGRTMAX_NR 64

static struct inproc store;

struct opened here;

static int
begin(void **state)
{
	int rc = inproc_start(&store);

	if (rc == 0)
		rc = calls_before_init();
	if (rc == 0)
		rc = daos_init();
	if (rc == 0)
		rc = daos_pool_connect(INPROC_POOL, NULL, DAOS_PC_RW, &here.poh, NULL, NULL);
	if (rc == 0)
		rc = daos_cont_create_with_label(here.poh, "box", NULL, NULL, NULL);
	if (rc == 0)
		rc = daos_cont_open(here.poh, "box", DAOS_COO_RW, &here.coh, NULL, NULL);
	if (rc != 0)
		fprintf(stderr, "begin: %s\n", d_errstr(rc));
	return rc;
}

int
calls_store_again(struct calls_ticket *ticket)
{
	char link[64], to[64];
	int rc = inproc_start(&store);

	if (rc != 0)
		return rc;
	snprintf(link, sizeof(link), "/tmp/lib-test-of-%d", (int)getpid());
	snprintf(to, sizeof(to), "%s", store.dir);
	if (symlink(to, link) != 0)
		return -DER_IO;
	if (store.member.addr_nr > ARRAY_SIZE(ticket->addrs) || store.attach.cred_len > sizeof(ticket->cred))
		return -DER_OVERFLOW;
	*ticket = (struct calls_ticket){.addr_nr = store.member.addr_nr, .cred_len = store.attach.cred_len};
	for (uint32_t i = 0; i < ticket->addr_nr; i++)
		snprintf(ticket->addrs[i], sizeof(ticket->addrs[i]), "%s", store.member.addrs[i]);
	memcpy(ticket->cred, store.attach.cred, ticket->cred_len);
	return 0;
}

void
calls_attach(const struct calls_ticket *ticket)
{
	static const char *addrs[ARRAY_SIZE(ticket->addrs)];

	for (uint32_t i = 0; i < ticket->addr_nr; i++)
		addrs[i] = ticket->addrs[i];
	store.member.addrs = addrs;
	store.member.addr_nr = ticket->addr_nr;
	inproc_attach(&store, ticket->cred, ticket->cred_len);
}

void
calls_store_remove(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command), "l=/tmp/lib-test-of-%d; rm -rf \"$(readlink $l)\" $l", (int)pid);
	if (system(command) != 0)
		fprintf(stderr, "left behind: the store of process %d\n", (int)pid);
}

static int
end(void **state)
{
	int rc = daos_cont_close(here.coh, NULL);

	if (rc == 0)
		rc = daos_pool_disconnect(here.poh, NULL);
	if (rc == 0)
		rc = daos_fini();
	inproc_stop(&store);
	return rc;
}

daos_obj_id_t
new_oid(enum daos_otype_t type)
{
	daos_obj_id_t oid = {0};

	assert_int_equal(daos_cont_alloc_oids(here.coh, 1, &oid.lo, NULL), 0);
	assert_int_equal(daos_obj_generate_oid(here.coh, &oid, type, OC_SX, 0, 0), 0);
	return oid;
}

daos_handle_t
new_kv(void)
{
	daos_handle_t oh;

	assert_int_equal(daos_kv_open(here.coh, new_oid(DAOS_OT_KV_HASHED), DAOS_OO_RW, &oh, NULL), 0);
	return oh;
}

static void
a_value_that_was_put_is_got(void **state)
{
	daos_handle_t oh = new_kv();
	char buf[16] = "";
	daos_size_t size = sizeof(buf);

	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "key", 6, "value", NULL), 0);
	assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, "key", &size, buf, NULL), 0);
	assert_int_equal(size, 6);
	assert_string_equal(buf, "value");
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, DAOS_COND_KEY_INSERT, "key", 6, "other", NULL), -DER_EXIST);
	assert_int_equal(daos_kv_remove(oh, DAOS_TX_NONE, 0, "key", NULL), 0);
	size = sizeof(buf);
	assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, "key", &size, buf, NULL), 0);
	assert_int_equal(size, 0);
	assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, DAOS_COND_KEY_GET, "key", &size, buf, NULL), -DER_NONEXIST);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
	assert_int_equal(daos_kv_close(oh, NULL), -DER_NO_HDL);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "key", 6, "value", NULL), -DER_NO_HDL);
}

static void
keys_are_listed_once_each(void **state)
{
	daos_handle_t oh = new_kv();
	daos_anchor_t anchor = {0};
	daos_key_desc_t kds[7];
	char buf[256], key[16], seen[100] = {0};
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, key, sizeof(i), &i, NULL), 0);
	}
	for (int round = 0; round < 200 && !daos_anchor_is_eof(&anchor); round++) {
		uint32_t nr = 7;
		char *at = buf;

		d_iov_set(&iov, buf, sizeof(buf));
		assert_int_equal(daos_kv_list(oh, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), 0);
		for (uint32_t i = 0; i < nr; at += kds[i++].kd_key_len) {
			snprintf(key, sizeof(key), "%.*s", (int)kds[i].kd_key_len, at);
			seen[atoi(key + 4)]++;
		}
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(daos_kv_destroy(oh, DAOS_TX_NONE, NULL), 0);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

static void
an_object_keeps_values_and_extents(void **state)
{
	daos_handle_t oh;
	daos_key_t dkey;
	char value[] = "single", array[1000], back[1000] = {0};
	daos_recx_t recx = {.rx_idx = 100, .rx_nr = 1000};
	d_iov_t iovs[2];
	d_sg_list_t sgls[2] = {{.sg_nr = 1, .sg_iovs = &iovs[0]}, {.sg_nr = 1, .sg_iovs = &iovs[1]}};
	daos_iod_t iods[2] = {{.iod_type = DAOS_IOD_SINGLE, .iod_size = sizeof(value), .iod_nr = 1},
			      {.iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1, .iod_recxs = &recx}};

	memset(array, 'x', sizeof(array));
	d_iov_set(&dkey, "dkey", 4);
	d_iov_set(&iods[0].iod_name, "one", 3);
	d_iov_set(&iods[1].iod_name, "many", 4);
	d_iov_set(&iovs[0], value, sizeof(value));
	d_iov_set(&iovs[1], array, sizeof(array));
	assert_int_equal(daos_obj_open(here.coh, new_oid(DAOS_OT_MULTI_HASHED), DAOS_OO_RW, &oh, NULL), 0);
	assert_int_equal(daos_obj_update(oh, DAOS_TX_NONE, 0, &dkey, 2, iods, sgls, NULL), 0);
	d_iov_set(&iovs[1], back, sizeof(back));
	assert_int_equal(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &dkey, 1, &iods[1], &sgls[1], NULL, NULL), 0);
	assert_memory_equal(array, back, sizeof(back));
	assert_int_equal(daos_obj_punch_dkeys(oh, DAOS_TX_NONE, 0, 1, &dkey, NULL), 0);
	iods[0].iod_size = DAOS_REC_ANY;
	assert_int_equal(daos_obj_fetch(oh, DAOS_TX_NONE, 0, &dkey, 1, iods, NULL, NULL, NULL), 0);
	assert_int_equal(iods[0].iod_size, 0);
	assert_int_equal(daos_obj_close(oh, NULL), 0);
}

static void
large_values_come_back_as_they_went(void **state)
{
	size_t size = 4 * MIB;
	char *data = malloc(size), *back = calloc(1, size);
	daos_handle_t oh = new_kv();
	daos_size_t got = size;

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 2654435761U >> 13);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "large", size, data, NULL), 0);
	assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, "large", &got, back, NULL), 0);
	assert_int_equal(got, size);
	assert_memory_equal(data, back, size);
	got = 10;
	assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, "large", &got, back, NULL), -DER_REC2BIG);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
	free(data);
	free(back);
}

/* Bytes that are no handle: cut short, of another magic, with cells that no memory holds or so many that their numbers overflow. */
static void
foreign_array_handles(d_iov_t glob)
{
	static const struct {
		size_t at;
		uint64_t value;
	} changes[] = {{0, 0}, {40, 0}, {40, 1ULL << 40}, {40, UINT64_MAX}, {48, 0}, {48, 1ULL << 62}};
	char bytes[64], *good = glob.iov_buf;
	daos_handle_t oh;

	assert_int_equal(glob.iov_buf_len, 56); /* magic, mode, container, object, cell, chunk */
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(bytes, good, 56);
		memcpy(bytes + changes[i].at, &changes[i].value, sizeof(uint64_t));
		glob.iov_buf = bytes;
		assert_int_equal(daos_array_global2local(here.coh, glob, DAOS_OO_RO, &oh), -DER_INVAL);
	}
	glob.iov_buf = good;
	glob.iov_len = glob.iov_buf_len = 55;
	assert_int_equal(daos_array_global2local(here.coh, glob, DAOS_OO_RO, &oh), -DER_INVAL);
	assert_int_equal(daos_array_open_with_attr(here.coh, new_oid(DAOS_OT_ARRAY_BYTE), DAOS_TX_NONE, DAOS_OO_RW, 1ULL << 40, 1, &oh, NULL), -DER_INVAL);
}

static void
arrays_keep_their_size_and_cells(void **state)
{
	daos_handle_t oh, again;
	daos_size_t size, cell, chunk;
	uint32_t cells[100], back[100] = {0};
	daos_range_t range = {.rg_idx = 50, .rg_len = 100};
	daos_array_iod_t iod = {.arr_nr = 1, .arr_rgs = &range};
	daos_obj_id_t oid = new_oid(DAOS_OT_ARRAY);
	d_iov_t iov, glob = {0};
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};

	for (uint32_t i = 0; i < 100; i++)
		cells[i] = i + 1;
	assert_int_equal(daos_array_create(here.coh, oid, DAOS_TX_NONE, sizeof(uint32_t), 16, &oh, NULL), 0);
	d_iov_set(&iov, cells, sizeof(cells));
	assert_int_equal(daos_array_write(oh, DAOS_TX_NONE, &iod, &sgl, NULL), 0);
	assert_int_equal(daos_array_get_size(oh, DAOS_TX_NONE, &size, NULL), 0);
	assert_int_equal(size, 150);
	assert_int_equal(daos_array_set_size(oh, DAOS_TX_NONE, 120, NULL), 0);
	assert_int_equal(daos_array_get_size(oh, DAOS_TX_NONE, &size, NULL), 0);
	assert_int_equal(size, 120);
	assert_int_equal(daos_array_local2global(oh, &glob), 0);
	glob.iov_buf = malloc(glob.iov_buf_len);
	assert_int_equal(daos_array_local2global(oh, &glob), 0);
	assert_int_equal(daos_array_close(oh, NULL), 0);
	assert_int_equal(daos_array_global2local(here.coh, glob, DAOS_OO_RO, &again), 0);
	assert_int_equal(daos_array_close(again, NULL), 0);
	foreign_array_handles(glob);
	free(glob.iov_buf);
	assert_int_equal(daos_array_open(here.coh, oid, DAOS_TX_NONE, DAOS_OO_RO, &cell, &chunk, &oh, NULL), 0);
	assert_int_equal(cell, sizeof(uint32_t));
	assert_int_equal(chunk, 16);
	d_iov_set(&iov, back, sizeof(back));
	assert_int_equal(daos_array_read(oh, DAOS_TX_NONE, &iod, &sgl, NULL), 0);
	assert_memory_equal(back, cells, 70 * sizeof(uint32_t));
	assert_int_equal(back[70], 0);
	assert_int_equal(daos_array_close(oh, NULL), 0);
}

static void
transactions_are_seen_whole_or_not_at_all(void **state)
{
	daos_handle_t oh = new_kv(), th;
	daos_size_t size = 8;
	char buf[8];

	assert_int_equal(daos_tx_open(here.coh, &th, 0, NULL), 0);
	assert_int_equal(daos_kv_put(oh, th, 0, "a", 2, "1", NULL), 0);
	assert_int_equal(daos_kv_put(oh, th, 0, "b", 2, "2", NULL), 0);
	assert_int_equal(daos_kv_get(oh, th, 0, "a", &size, buf, NULL), 0);
	assert_int_equal(size, 2);
	size = 8;
	assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, "a", &size, buf, NULL), 0);
	assert_int_equal(size, 0);
	assert_int_equal(daos_tx_commit(th, NULL), 0);
	assert_int_equal(daos_tx_close(th, NULL), 0);
	size = 8;
	assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, "b", &size, buf, NULL), 0);
	assert_int_equal(size, 2);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

static void
snapshots_do_not_change(void **state)
{
	daos_handle_t oh = new_kv(), th;
	daos_anchor_t anchor = {0};
	daos_epoch_t epoch, epochs[4];
	char name[DAOS_SNAPSHOT_MAX_LEN], *names[4] = {name, NULL, NULL, NULL}, buf[8];
	daos_size_t size = 8;
	int nr = 4;

	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 4, "old", NULL), 0);
	assert_int_equal(daos_cont_create_snap(here.coh, &epoch, "before", NULL), 0);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 4, "new", NULL), 0);
	assert_int_equal(daos_tx_open_snap(here.coh, epoch, &th, NULL), 0);
	assert_int_equal(daos_kv_get(oh, th, 0, "k", &size, buf, NULL), 0);
	assert_string_equal(buf, "old");
	assert_int_equal(daos_tx_close(th, NULL), 0);
	assert_int_equal(daos_cont_list_snap(here.coh, &nr, epochs, names, &anchor, NULL), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(epochs[0], epoch);
	assert_string_equal(name, "before");
	assert_true(daos_anchor_is_eof(&anchor));
	assert_int_equal(daos_cont_destroy_snap(here.coh, (daos_epoch_range_t){epoch, epoch}, NULL), 0);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

static void
pools_and_containers_tell_about_themselves(void **state)
{
	struct daos_pool_cont_info conts[4];
	daos_pool_info_t info = {.pi_bits = DPI_ALL};
	daos_target_info_t target;
	struct daos_sys_info *sys;
	daos_cont_info_t cinfo;
	daos_size_t nr = 4;
	daos_prop_t *props = daos_prop_alloc(1);
	d_rank_list_t *ranks;
	daos_mgmt_pool_info_t pools[2];

	assert_int_equal(daos_pool_query(here.poh, &ranks, &info, NULL, NULL), 0);
	assert_int_equal(info.pi_ntargets, INPROC_TARGETS);
	assert_int_equal(ranks->rl_nr, 1);
	assert_true(info.pi_space.ps_space.s_free[DAOS_MEDIA_SCM] > 0);
	d_rank_list_free(ranks);
	assert_int_equal(daos_pool_query_target(here.poh, 0, 0, &target, NULL), 0);
	assert_int_equal(target.ta_state, DAOS_TS_UP_IN);
	assert_int_equal(daos_pool_list_cont(here.poh, &nr, conts, NULL), 0);
	assert_int_equal(nr, 1);
	assert_string_equal(conts[0].pci_label, "box");
	props->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	assert_int_equal(daos_cont_query(here.coh, &cinfo, props, NULL), 0);
	assert_memory_equal(cinfo.ci_uuid, conts[0].pci_uuid, sizeof(uuid_t));
	assert_string_equal(props->dpp_entries[0].dpe_str, "box");
	daos_prop_free(props);
	assert_int_equal(daos_cont_get_acl(here.coh, &props, NULL), 0);
	assert_int_equal(daos_acl_validate(daos_prop_entry_get(props, DAOS_PROP_CO_ACL)->dpe_val_ptr), 0);
	daos_prop_free(props);
	assert_int_equal(daos_mgmt_get_sys_info(NULL, &sys), 0);
	assert_string_equal(sys->dsi_system_name, "test");
	assert_int_equal(sys->dsi_nr_ranks, 1);
	daos_mgmt_put_sys_info(sys);
	nr = 2;
	assert_int_equal(daos_mgmt_list_pools(NULL, &nr, pools, NULL), 0);
	assert_int_equal(nr, 1);
	assert_string_equal(pools[0].mgpi_label, INPROC_POOL);
	free(pools[0].mgpi_label);
	d_rank_list_free(pools[0].mgpi_svc);
}

static void
attributes_are_set_read_listed_deleted(void **state)
{
	const char *const names[] = {"colour", "size"};
	const void *const values[] = {"blue", "12"};
	const size_t sizes[] = {4, 2};
	char first[8] = "", list[64];
	void *const buffers[] = {first, NULL};
	size_t got[] = {8, 0}, len = sizeof(list);

	assert_int_equal(daos_cont_set_attr(here.coh, 2, names, values, sizes, NULL), 0);
	assert_int_equal(daos_cont_get_attr(here.coh, 2, names, buffers, got, NULL), 0);
	assert_int_equal(got[0], 4);
	assert_int_equal(got[1], 2);
	assert_memory_equal(first, "blue", 4);
	assert_int_equal(daos_cont_list_attr(here.coh, list, &len, NULL), 0);
	assert_int_equal(len, sizeof("colour") + sizeof("size"));
	assert_int_equal(daos_cont_del_attr(here.coh, 2, (const char *const[]){"colour", "taste"}, NULL), -DER_NONEXIST);
	assert_int_equal(daos_cont_list_attr(here.coh, NULL, &len, NULL), 0);
	assert_int_equal(len, sizeof("colour") + sizeof("size")); /* none of them went */
	assert_int_equal(daos_cont_del_attr(here.coh, 2, names, NULL), 0);
	assert_int_equal(daos_cont_del_attr(here.coh, 1, names, NULL), -DER_NONEXIST);
	assert_int_equal(daos_cont_list_attr(here.coh, NULL, &len, NULL), 0);
	assert_int_equal(len, 0);
	assert_int_equal(daos_pool_set_attr(here.poh, 1, names, values, sizes, NULL), 0);
	got[0] = 8;
	assert_int_equal(daos_pool_get_attr(here.poh, 1, names, buffers, got, NULL), 0);
	assert_int_equal(got[0], 4);
	assert_int_equal(daos_pool_del_attr(here.poh, 1, names, NULL), 0);
	assert_int_equal(daos_pool_del_attr(here.poh, 1, names, NULL), -DER_NONEXIST);
}

static void
what_is_fixed_when_a_container_is_made_cannot_be_set_later(void **state)
{
	static const struct {
		uint32_t type;
		uint64_t value;
		int rc;
	} cases[] = {
		{DAOS_PROP_CO_REDUN_LVL, DAOS_PROP_CO_REDUN_RANK, -DER_NO_PERM}, {DAOS_PROP_CO_EC_CELL_SZ, 65536, -DER_NO_PERM},
		{DAOS_PROP_CO_EC_PDA, 2, -DER_NO_PERM}, {DAOS_PROP_CO_RP_PDA, 2, -DER_NO_PERM},
		{DAOS_PROP_CO_PERF_DOMAIN, DAOS_PROP_PERF_DOMAIN_GROUP, -DER_NO_PERM}, {DAOS_PROP_CO_ALLOCED_OID, 5000, -DER_NO_PERM},
		{DAOS_PROP_CO_GLOBAL_VERSION, 3, -DER_INVAL}, {DAOS_PROP_CO_OBJ_VERSION, 2, -DER_INVAL},
		{DAOS_PROP_CO_SNAPSHOT_MAX, 7, 0},
	};
	daos_prop_t *before = daos_prop_alloc(0), *after = daos_prop_alloc(0);

	assert_int_equal(daos_cont_query(here.coh, NULL, before, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		daos_prop_t *props = daos_prop_alloc(1);

		props->dpp_entries[0].dpe_type = cases[i].type;
		props->dpp_entries[0].dpe_val = cases[i].value;
		assert_int_equal(daos_cont_set_prop(here.coh, props, NULL), cases[i].rc);
		daos_prop_free(props);
	}
	assert_int_equal(daos_cont_query(here.coh, NULL, after, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct daos_prop_entry *was = daos_prop_entry_get(before, cases[i].type), *is = daos_prop_entry_get(after, cases[i].type);

		assert_true((was == NULL) == (is == NULL));
		if (is != NULL)
			assert_int_equal(is->dpe_val, cases[i].rc == 0 ? cases[i].value : was->dpe_val);
	}
	daos_prop_free(before);
	daos_prop_free(after);
}

static void
handles_are_shared_by_bytes(void **state)
{
	d_iov_t pool = {0}, cont = {0};
	daos_handle_t poh, coh, oh;

	assert_int_equal(daos_pool_local2global(here.poh, &pool), 0);
	pool.iov_buf = malloc(pool.iov_buf_len);
	pool.iov_buf_len--;
	assert_int_equal(daos_pool_local2global(here.poh, &pool), -DER_TRUNC);
	assert_int_equal(daos_pool_local2global(here.poh, &pool), 0);
	assert_int_equal(daos_cont_local2global(here.coh, &cont), 0);
	cont.iov_buf = malloc(cont.iov_buf_len);
	assert_int_equal(daos_cont_local2global(here.coh, &cont), 0);
	assert_int_equal(daos_pool_global2local(pool, &poh), 0);
	assert_int_equal(daos_cont_global2local(poh, cont, &coh), 0);
	assert_int_equal(daos_kv_open(coh, new_oid(DAOS_OT_KV_HASHED), DAOS_OO_RW, &oh, NULL), 0);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "key", 2, "v", NULL), 0);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
	free(pool.iov_buf);
	free(cont.iov_buf);
	/* Closing these leaves the originals open. */
	assert_int_equal(daos_cont_close(coh, NULL), 0);
	assert_int_equal(daos_pool_disconnect(poh, NULL), 0);
	assert_int_equal(daos_kv_open(here.coh, new_oid(DAOS_OT_KV_HASHED), DAOS_OO_RW, &oh, NULL), 0);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "key", 2, "v", NULL), 0);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

/* ---- events ------------------------------------------------------------------------------------------------------------------ */
static int
count_up(void *arg, daos_event_t *ev, int ret)
{
	(*(int *)arg)++;
	return ret;
}

static void
events_complete_to_their_queue(void **state)
{
	enum { NR = 40 };
	daos_handle_t oh = new_kv(), eqh;
	daos_event_t events[NR], *done[NR];
	int values[NR], called = 0, nr = 0, got;
	char key[16];

	assert_int_equal(daos_eq_create(&eqh), 0);
	for (int i = 0; i < NR; i++) {
		values[i] = i;
		assert_int_equal(daos_event_init(&events[i], eqh, NULL), 0);
		assert_int_equal(daos_event_register_comp_cb(&events[i], count_up, &called), 0);
		snprintf(key, sizeof(key), "%d", i); /* may change right after the launch */
		assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, key, sizeof(int), &values[i], &events[i]), 0);
	}
	assert_int_equal(daos_event_fini(&events[NR - 1]), -DER_BUSY);
	assert_int_equal(daos_eq_destroy(eqh, 0), -DER_BUSY);
	assert_int_equal(daos_eq_query(eqh, DAOS_EQR_ALL, 0, NULL), NR);
	while (nr < NR) {
		got = daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 7, done);
		assert_true(got > 0 && got <= 7);
		for (int i = 0; i < got; i++)
			assert_int_equal(done[i]->ev_error, 0);
		nr += got;
	}
	assert_int_equal(called, NR);
	assert_int_equal(daos_eq_poll(eqh, 1, DAOS_EQ_WAIT, 1, done), 0);
	assert_int_equal(daos_eq_poll(eqh, 0, 1000, 1, done), 0);
	for (int i = 0; i < NR; i++) {
		daos_size_t size = sizeof(int);
		int back = -1;

		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, key, &size, &back, NULL), 0);
		assert_int_equal(back, i);
		assert_int_equal(daos_event_fini(&events[i]), 0);
	}
	assert_int_equal(daos_eq_destroy(eqh, 0), 0);
	assert_int_equal(daos_eq_poll(eqh, 1, DAOS_EQ_NOWAIT, 1, done), -DER_NO_HDL);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

static void
a_parent_completes_with_its_children(void **state)
{
	daos_handle_t oh = new_kv(), eqh;
	daos_event_t parent, children[3], *done;
	daos_size_t sizes[3] = {8, 8, 8};
	char bufs[3][8];
	bool flag = false;

	assert_int_equal(daos_eq_create(&eqh), 0);
	assert_int_equal(daos_event_init(&parent, eqh, NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(daos_event_init(&children[i], DAOS_HDL_INVAL, &parent), 0);
		assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, i == 1 ? DAOS_COND_KEY_GET : 0, "k", &sizes[i], bufs[i], &children[i]), 0);
	}
	assert_ptr_equal(daos_event_next(&parent, NULL), &children[0]);
	assert_int_equal(daos_event_test(&children[0], DAOS_EQ_NOWAIT, &flag), -DER_NO_PERM);
	assert_int_equal(daos_event_parent_barrier(&parent), 0);
	assert_int_equal(daos_eq_poll(eqh, 0, DAOS_EQ_WAIT, 1, &done), 1);
	assert_ptr_equal(done, &parent);
	assert_int_equal(parent.ev_error, -DER_NONEXIST);
	for (int i = 0; i < 3; i++)
		assert_int_equal(daos_event_fini(&children[i]), 0);
	assert_int_equal(daos_event_fini(&parent), 0);
	/* One without a queue. */
	assert_int_equal(daos_event_init(&parent, DAOS_HDL_INVAL, NULL), 0);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 2, "v", &parent), 0);
	assert_int_equal(daos_event_test(&parent, DAOS_EQ_WAIT, &flag), 0);
	assert_true(flag);
	assert_int_equal(parent.ev_error, 0);
	assert_int_equal(daos_event_fini(&parent), 0);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 2, "v", &parent), -DER_INVAL);
	/* A queue that is forced away waits for what is under way. */
	assert_int_equal(daos_event_init(&parent, eqh, NULL), 0);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 2, "w", &parent), 0);
	assert_int_equal(daos_eq_destroy(eqh, DAOS_EQ_DESTROY_FORCE), 0);
	assert_int_equal(daos_event_fini(&parent), 0);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

static void
tasks_run_in_the_order_of_their_dependencies(void **state)
{
	daos_handle_t oh = new_kv();
	tse_task_t *put, *get;
	daos_kv_put_t *put_args;
	daos_kv_get_t *get_args;
	tse_sched_t sched;
	daos_size_t size = 8;
	char buf[8] = "";
	bool empty = false;

	assert_int_equal(tse_sched_init(&sched, NULL, NULL), 0);
	assert_int_equal(daos_task_create(DAOS_OPC_KV_PUT, &sched, 0, NULL, &put), 0);
	assert_int_equal(daos_task_create(DAOS_OPC_KV_GET, &sched, 1, &put, &get), 0);
	put_args = daos_task_get_args(put);
	*put_args = (daos_kv_put_t){.oh = oh, .key = "k", .buf_size = 5, .buf = "task"};
	get_args = daos_task_get_args(get);
	*get_args = (daos_kv_get_t){.oh = oh, .key = "k", .buf_size = &size, .buf = buf};
	assert_int_equal(tse_task_schedule(get, false), 0);
	assert_int_equal(tse_task_schedule(put, false), 0);
	assert_int_equal(daos_progress(&sched, DAOS_EQ_WAIT, &empty), 0);
	assert_true(empty);
	assert_string_equal(buf, "task");
	tse_sched_fini(&sched);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

/* ---- threads, signals, children ------------------------------------------------------------------------------------------------- */
struct thread {
	pthread_t id;
	daos_handle_t oh;
	int number, rc;
};

static void *
put_and_get(void *arg)
{
	struct thread *thread = arg;
	char key[32];

	for (int i = 0; i < 200 && thread->rc == 0; i++) {
		daos_size_t size = sizeof(i);
		int value = thread->number * 1000 + i, back = -1;

		snprintf(key, sizeof(key), "%d-%d", thread->number, i % 16);
		if (i % 3 == 0) {
			daos_event_t ev;
			bool flag = false;

			thread->rc = daos_event_init(&ev, DAOS_HDL_INVAL, NULL);
			if (thread->rc == 0)
				thread->rc = daos_kv_put(thread->oh, DAOS_TX_NONE, 0, key, sizeof(value), &value, &ev);
			if (thread->rc == 0)
				thread->rc = daos_event_test(&ev, DAOS_EQ_WAIT, &flag);
			if (thread->rc == 0)
				thread->rc = flag ? ev.ev_error : -DER_MISC;
			(void)daos_event_fini(&ev);
		} else {
			thread->rc = daos_kv_put(thread->oh, DAOS_TX_NONE, 0, key, sizeof(value), &value, NULL);
		}
		if (thread->rc == 0)
			thread->rc = daos_kv_get(thread->oh, DAOS_TX_NONE, 0, key, &size, &back, NULL);
		if (thread->rc == 0 && back != value)
			thread->rc = -DER_MISMATCH;
	}
	return NULL;
}

static void
many_threads_call_at_once(void **state)
{
	struct thread threads[8] = {0};
	daos_handle_t oh = new_kv();

	for (int i = 0; i < 8; i++) {
		threads[i].oh = oh;
		threads[i].number = i;
		assert_int_equal(pthread_create(&threads[i].id, NULL, put_and_get, &threads[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i].id, NULL);
		assert_int_equal(threads[i].rc, 0);
	}
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

/* Handlers of the test framework. */
static bool
cmocka_own(int signo)
{
	return signo == SIGFPE || signo == SIGILL || signo == SIGSEGV || signo == SIGBUS || signo == SIGSYS;
}

/* As they were before the library was touched. */
static struct sigaction actions_before[SIGRTMAX_NR];
static sigset_t mask_before;

static void
remember_signals(void)
{
	for (int signo = 1; signo < SIGRTMAX_NR; signo++)
		(void)sigaction(signo, NULL, &actions_before[signo]);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
}

static void
signals_of_the_program_are_its_own(void **state)
{
	struct sigaction action;
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int signo = 1; signo < SIGRTMAX_NR; signo++) {
		if (sigaction(signo, NULL, &action) == 0 && !cmocka_own(signo))
			assert_true(action.sa_handler == actions_before[signo].sa_handler);
		assert_int_equal(sigismember(&mask, signo), sigismember(&mask_before, signo));
	}
}

static int
life_of_child(daos_handle_t oh)
{
	daos_size_t size = 8;
	char buf[8];
	daos_handle_t poh, coh;

	if (daos_kv_get(oh, DAOS_TX_NONE, 0, "k", &size, buf, NULL) != -DER_UNINIT || daos_fini() != -DER_UNINIT)
		return 1;
	if (daos_reinit() != 0)
		return 2;
	if (daos_kv_get(oh, DAOS_TX_NONE, 0, "k", &size, buf, NULL) != -DER_NO_HDL)
		return 3;
	if (daos_pool_connect(INPROC_POOL, NULL, DAOS_PC_RO, &poh, NULL, NULL) != 0)
		return 4;
	if (daos_cont_open(poh, "box", DAOS_COO_RO, &coh, NULL, NULL) != 0)
		return 5;
	return daos_cont_close(coh, NULL) == 0 && daos_pool_disconnect(poh, NULL) == 0 && daos_fini() == 0 ? 0 : 6;
}

static void
a_child_after_fork_begins_anew(void **state)
{
	daos_handle_t oh = new_kv();
	daos_size_t size = 8;
	char buf[8];
	int status = -1;
	pid_t pid;

	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 2, "v", NULL), 0);
	pid = fork();
	if (pid == 0)
		_exit(life_of_child(oh));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(daos_kv_get(oh, DAOS_TX_NONE, 0, "k", &size, buf, NULL), 0);
	assert_int_equal(size, 2);
	assert_int_equal(daos_kv_close(oh, NULL), 0);
}

static void
closing_a_container_closes_what_is_below(void **state)
{
	daos_handle_t coh, oh;

	assert_int_equal(daos_cont_create_with_label(here.poh, "short", NULL, NULL, NULL), 0);
	assert_int_equal(daos_cont_create_with_label(here.poh, "short", NULL, NULL, NULL), -DER_EXIST);
	assert_int_equal(daos_cont_open(here.poh, "short", DAOS_COO_RW, &coh, NULL, NULL), 0);
	assert_int_equal(daos_kv_open(coh, new_oid(DAOS_OT_KV_HASHED), DAOS_OO_RW, &oh, NULL), 0);
	assert_int_equal(daos_cont_destroy(here.poh, "short", 0, NULL), -DER_BUSY);
	assert_int_equal(daos_cont_close(coh, NULL), 0);
	assert_int_equal(daos_kv_put(oh, DAOS_TX_NONE, 0, "k", 2, "v", NULL), -DER_NO_HDL);
	assert_int_equal(daos_cont_destroy(here.poh, "short", 0, NULL), 0);
	assert_int_equal(daos_cont_open(here.poh, "short", DAOS_COO_RW, &coh, NULL, NULL), -DER_NONEXIST);
	assert_int_equal(daos_init(), 0);
	assert_int_equal(daos_fini(), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_that_was_put_is_got),
		cmocka_unit_test(keys_are_listed_once_each),
		cmocka_unit_test(an_object_keeps_values_and_extents),
		cmocka_unit_test(large_values_come_back_as_they_went),
		cmocka_unit_test(arrays_keep_their_size_and_cells),
		cmocka_unit_test(transactions_are_seen_whole_or_not_at_all),
		cmocka_unit_test(pools_and_containers_tell_about_themselves),
		cmocka_unit_test(attributes_are_set_read_listed_deleted),
		cmocka_unit_test(what_is_fixed_when_a_container_is_made_cannot_be_set_later),
		cmocka_unit_test(snapshots_do_not_change),
		cmocka_unit_test(closing_a_container_closes_what_is_below),
		cmocka_unit_test(events_complete_to_their_queue),
		cmocka_unit_test(a_parent_completes_with_its_children),
		cmocka_unit_test(tasks_run_in_the_order_of_their_dependencies),
		cmocka_unit_test(a_file_system_lives_in_a_container),
		cmocka_unit_test(files_are_reached_by_paths),
		cmocka_unit_test(mounts_and_files_are_handed_to_other_processes),
		cmocka_unit_test(classes_and_chunks_are_inherited),
		cmocka_unit_test(directories_are_read_through_filters),
		cmocka_unit_test(paths_of_other_file_systems_stand_for_containers),
		cmocka_unit_test(a_handle_serves_its_own_calls_alone_and_none_once_closed),
		cmocka_unit_test(a_queue_that_is_destroyed_by_force_ends_what_is_under_way),
		cmocka_unit_test(the_end_of_the_library_is_refused_while_operations_run_and_complete_after),
		cmocka_unit_test(signals_interrupt_no_wait),
		cmocka_unit_test(many_threads_call_at_once),
		cmocka_unit_test(signals_of_the_program_are_its_own),
		cmocka_unit_test(a_child_after_fork_begins_anew),
		cmocka_unit_test(handles_are_shared_by_bytes),
		cmocka_unit_test(an_engine_that_dies_takes_no_application_with_it),
	};

	if (argc == 4 && strcmp(argv[1], CALLS_DOOMED) == 0)
		return calls_doomed(atoi(argv[2]), atoi(argv[3]));
	remember_signals();
	return cmocka_run_group_tests(tests, begin, end);
}

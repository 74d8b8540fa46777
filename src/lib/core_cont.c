/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: daos_cont.h over client/cont. Each call is a function that runs in a ULT, where it may yield, and what launches it. */
#include "core.h"

#include <stdlib.h>
#include <daos_security.h>
#include <daos_task.h>

/* ---- create, destroy ------------------------------------------------------------------------------------------------------ */
static int
create_body(void *args)
{
	daos_cont_create_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	if (rc == 0 && uuid_is_null(in->uuid))
		uuid_generate_random(in->uuid);
	if (rc == 0)
		rc = cont_create(use.object, in->uuid, in->prop);
	if (rc == 0 && in->cuuid != NULL)
		memcpy(*in->cuuid, in->uuid, sizeof(uuid_t));
	return core__done(&use, rc);
}

static int
create_keep(void *args, struct arena *arena)
{
	daos_cont_create_t *in = args;

	return core__keep_props(&in->prop, arena);
}

int
daos_cont_create2(daos_handle_t poh, uuid_t *uuid, daos_prop_t *cont_prop, daos_event_t *ev)
{
	daos_cont_create_t args = {.poh = poh, .prop = cont_prop, .cuuid = uuid};

	return core__call(create_body, create_keep, &args, sizeof(args), ev);
}

int
daos_cont_create_with_label(daos_handle_t poh, const char *label, daos_prop_t *cont_prop, uuid_t *uuid, daos_event_t *ev)
{
	uint32_t given = cont_prop != NULL ? cont_prop->dpp_nr : 0;
	daos_prop_t list = {.dpp_nr = given + 1};
	daos_cont_create_t args = {.poh = poh, .prop = &list, .cuuid = uuid};
	int rc;

	if (label == NULL || given >= DAOS_PROP_ENTRIES_MAX_NR)
		return -DER_INVAL;
	for (uint32_t i = 0; i < given; i++)
		if (cont_prop->dpp_entries[i].dpe_type == DAOS_PROP_CO_LABEL)
			return -DER_INVAL;
	list.dpp_entries = calloc(list.dpp_nr, sizeof(list.dpp_entries[0]));
	if (list.dpp_entries == NULL)
		return -DER_NOMEM;
	if (given > 0)
		memcpy(list.dpp_entries, cont_prop->dpp_entries, sizeof(list.dpp_entries[0]) * given);
	list.dpp_entries[given].dpe_type = DAOS_PROP_CO_LABEL;
	list.dpp_entries[given].dpe_str = (char *)label;
	rc = core__call(create_body, create_keep, &args, sizeof(args), ev);
	free(list.dpp_entries);
	return rc;
}

static int
destroy_body(void *args)
{
	daos_cont_destroy_t *in = args;
	char uuid[DAOS_UUID_STR_SIZE];
	const char *name = in->cont;
	struct core_use use;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	if (name == NULL) {
		uuid_unparse_lower(in->uuid, uuid);
		name = uuid;
	}
	return core__done(&use, rc != 0 ? rc : cont_destroy(use.object, name, in->force != 0));
}

static int
destroy_keep(void *args, struct arena *arena)
{
	daos_cont_destroy_t *in = args;

	return core__keep_text(&in->cont, arena);
}

int
daos_cont_destroy2(daos_handle_t poh, const char *cont, int force, daos_event_t *ev)
{
	daos_cont_destroy_t args = {.poh = poh, .force = force, .cont = cont};

	return cont != NULL ? core__call(destroy_body, destroy_keep, &args, sizeof(args), ev) : -DER_INVAL;
}

/* ---- open, close -------------------------------------------------------------------------------------------------------------- */
static int
open_body(void *args)
{
	daos_cont_open_t *in = args;
	char uuid[DAOS_UUID_STR_SIZE];
	const char *name = in->cont;
	struct cont *cont = NULL;
	struct core_use use;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	if (rc == 0 && in->coh == NULL)
		rc = -DER_INVAL;
	if (name == NULL) {
		uuid_unparse_lower(in->uuid, uuid);
		name = uuid;
	}
	if (rc == 0)
		rc = cont_open(use.object, name, in->flags, &cont);
	if (rc == 0 && in->info != NULL) {
		rc = cont_query(cont, in->info);
		if (rc != 0 && cont_close(cont) != 0)
			cont_put(cont);
	}
	if (rc == 0)
		rc = core__handle(DAOS_HTYPE_CO, cont, in->coh);
	return core__done(&use, rc);
}

static int
open_keep(void *args, struct arena *arena)
{
	daos_cont_open_t *in = args;

	return core__keep_text(&in->cont, arena);
}

int
daos_cont_open2(daos_handle_t poh, const char *cont, unsigned int flags, daos_handle_t *coh, daos_cont_info_t *info, daos_event_t *ev)
{
	daos_cont_open_t args = {.poh = poh, .flags = flags, .coh = coh, .info = info, .cont = cont};

	return cont != NULL ? core__call(open_body, open_keep, &args, sizeof(args), ev) : -DER_INVAL;
}

int
core__close_cont(daos_handle_t coh)
{
	struct core_use use;
	int rc = core__use(&use, coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc != 0)
		return core__done(&use, rc);
	rc = cont_close(cont_get(use.object));
	if (rc != 0) {
		cont_put(use.object);
	} else {
		core__close_below(use.object);
		(void)core__handle_close(coh, DAOS_HTYPE_CO);
	}
	return core__done(&use, rc);
}

static int
close_body(void *args)
{
	daos_cont_close_t *in = args;

	return core__close_cont(in->coh);
}

int
daos_cont_close(daos_handle_t coh, daos_event_t *ev)
{
	daos_cont_close_t args = {.coh = coh};

	return core__call(close_body, NULL, &args, sizeof(args), ev);
}

/* Compiled programs and those that look symbols up know these calls by both names. */
#undef daos_cont_open
#undef daos_cont_destroy
#undef daos_cont_create
int daos_cont_open(daos_handle_t poh, const char *cont, unsigned int flags, daos_handle_t *coh, daos_cont_info_t *info, daos_event_t *ev)
	__attribute__((alias("daos_cont_open2"), visibility("default")));
int daos_cont_destroy(daos_handle_t poh, const char *cont, int force, daos_event_t *ev)
	__attribute__((alias("daos_cont_destroy2"), visibility("default")));
int daos_cont_create(daos_handle_t poh, uuid_t *uuid, daos_prop_t *cont_prop, daos_event_t *ev)
	__attribute__((alias("daos_cont_create2"), visibility("default")));

/* ---- sharing --------------------------------------------------------------------------------------------------------------------- */
struct share {
	daos_handle_t handle;
	d_iov_t *glob;
	daos_handle_t *result;
};

static int
cont_out(void *object, void *buf, size_t *size)
{
	return cont_export(object, buf, size);
}

static int
export_body(void *args)
{
	struct share *in = args;
	struct core_use use;
	int rc = core__use(&use, in->handle, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : core__export_give(cont_out, use.object, in->glob));
}

int
daos_cont_local2global(daos_handle_t coh, d_iov_t *glob)
{
	struct share args = {.handle = coh, .glob = glob};

	return glob != NULL ? core__call(export_body, NULL, &args, sizeof(args), NULL) : -DER_INVAL;
}

static int
import_body(void *args)
{
	struct share *in = args;
	struct core_use use;
	struct cont *cont;
	int rc = core__use(&use, in->handle, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	if (rc == 0)
		rc = cont_import(use.object, in->glob->iov_buf, in->glob->iov_len, &cont);
	if (rc == 0)
		rc = core__handle(DAOS_HTYPE_CO, cont, in->result);
	return core__done(&use, rc);
}

int
daos_cont_global2local(daos_handle_t poh, d_iov_t glob, daos_handle_t *coh)
{
	struct share args = {.handle = poh, .glob = &glob, .result = coh};

	if (glob.iov_len == 0)
		glob.iov_len = glob.iov_buf_len;
	if (coh == NULL || glob.iov_buf == NULL || glob.iov_buf_len < glob.iov_len)
		return -DER_INVAL;
	return core__call(import_body, NULL, &args, sizeof(args), NULL);
}

/* ---- properties --------------------------------------------------------------------------------------------------------------------- */
static int
give_props(struct cont *cont, daos_prop_t *props)
{
	daos_prop_t got = {.dpp_nr = props->dpp_nr};
	struct arena arena;
	int rc = 0;

	arena_init(&arena, core__mem());
	if (props->dpp_nr > 0) {
		got.dpp_entries = arena_dup(&arena, props->dpp_entries, sizeof(got.dpp_entries[0]) * got.dpp_nr);
		rc = got.dpp_entries != NULL ? 0 : -DER_NOMEM;
	}
	if (rc == 0)
		rc = cont_prop_query(cont, &arena, &got);
	if (rc == 0)
		rc = core__props_give(props, &got);
	arena_fini(&arena);
	return rc;
}

static int
query_body(void *args)
{
	daos_cont_query_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc == 0 && in->info != NULL)
		rc = cont_query(use.object, in->info);
	if (rc == 0 && in->prop != NULL)
		rc = give_props(use.object, in->prop);
	return core__done(&use, rc);
}

int
daos_cont_query(daos_handle_t coh, daos_cont_info_t *info, daos_prop_t *cont_prop, daos_event_t *ev)
{
	daos_cont_query_t args = {.coh = coh, .info = info, .prop = cont_prop};

	return core__call(query_body, NULL, &args, sizeof(args), ev);
}

static int
set_prop_body(void *args)
{
	daos_cont_set_prop_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : cont_prop_set(use.object, in->prop));
}

static int
set_prop_keep(void *args, struct arena *arena)
{
	daos_cont_set_prop_t *in = args;

	return core__keep_props(&in->prop, arena);
}

int
daos_cont_set_prop(daos_handle_t coh, daos_prop_t *prop, daos_event_t *ev)
{
	daos_cont_set_prop_t args = {.coh = coh, .prop = prop};

	if (prop == NULL || prop->dpp_nr == 0 || prop->dpp_entries == NULL)
		return -DER_INVAL;
	return core__call(set_prop_body, set_prop_keep, &args, sizeof(args), ev);
}

int
daos_cont_status_clear(daos_handle_t coh, daos_event_t *ev)
{
	struct daos_prop_entry entry = {.dpe_type = DAOS_PROP_CO_STATUS,
					.dpe_val = DAOS_PROP_CO_STATUS_VAL(DAOS_PROP_CO_HEALTHY, DAOS_PROP_CO_CLEAR, 0)};
	daos_prop_t list = {.dpp_nr = 1, .dpp_entries = &entry};

	return daos_cont_set_prop(coh, &list, ev);
}

/* ---- access control ------------------------------------------------------------------------------------------------------------------- */
struct get_acl {
	daos_handle_t coh;
	daos_prop_t **prop;
};

static int
read_acl(struct cont *cont, daos_prop_t **result)
{
	daos_prop_t *list = daos_prop_alloc(3);
	int rc;

	if (list == NULL)
		return -DER_NOMEM;
	list->dpp_entries[0].dpe_type = DAOS_PROP_CO_ACL;
	list->dpp_entries[1].dpe_type = DAOS_PROP_CO_OWNER;
	list->dpp_entries[2].dpe_type = DAOS_PROP_CO_OWNER_GROUP;
	rc = give_props(cont, list);
	if (rc != 0)
		daos_prop_free(list);
	else
		*result = list;
	return rc;
}

static int
get_acl_body(void *args)
{
	struct get_acl *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : read_acl(use.object, in->prop));
}

int
daos_cont_get_acl(daos_handle_t coh, daos_prop_t **acl_prop, daos_event_t *ev)
{
	struct get_acl args = {.coh = coh, .prop = acl_prop};

	return acl_prop != NULL ? core__call(get_acl_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
write_acl(struct cont *cont, struct daos_acl *acl)
{
	struct daos_prop_entry entry = {.dpe_type = DAOS_PROP_CO_ACL, .dpe_val_ptr = acl};
	daos_prop_t list = {.dpp_nr = 1, .dpp_entries = &entry};

	return cont_prop_set(cont, &list);
}

int
daos_cont_overwrite_acl(daos_handle_t coh, struct daos_acl *acl, daos_event_t *ev)
{
	struct daos_prop_entry entry = {.dpe_type = DAOS_PROP_CO_ACL, .dpe_val_ptr = acl};
	daos_prop_t list = {.dpp_nr = 1, .dpp_entries = &entry};

	return daos_acl_validate(acl) == 0 ? daos_cont_set_prop(coh, &list, ev) : -DER_INVAL;
}

/* The list as it is, changed and written back: two administrators who do so at once may lose one change. */
static int
update_acl_body(void *args)
{
	daos_cont_update_acl_t *in = args;
	struct daos_ace *ace = NULL;
	struct daos_acl *acl = NULL;
	daos_prop_t *list = NULL;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc == 0)
		rc = read_acl(use.object, &list);
	if (rc == 0) {
		acl = daos_acl_dup(list->dpp_entries[0].dpe_val_ptr);
		rc = acl != NULL ? 0 : -DER_NOMEM;
	}
	while (rc == 0 && (ace = daos_acl_get_next_ace(in->acl, ace)) != NULL)
		rc = daos_acl_add_ace(&acl, ace);
	if (rc == 0)
		rc = write_acl(use.object, acl);
	daos_acl_free(acl);
	if (list != NULL)
		daos_prop_free(list);
	return core__done(&use, rc);
}

static int
update_acl_keep(void *args, struct arena *arena)
{
	daos_cont_update_acl_t *in = args;

	in->acl = arena_dup(arena, in->acl, (size_t)daos_acl_get_size(in->acl));
	return in->acl != NULL ? 0 : -DER_NOMEM;
}

int
daos_cont_update_acl(daos_handle_t coh, struct daos_acl *acl, daos_event_t *ev)
{
	daos_cont_update_acl_t args = {.coh = coh, .acl = acl};

	return daos_acl_validate(acl) == 0 ? core__call(update_acl_body, update_acl_keep, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
delete_acl_body(void *args)
{
	daos_cont_delete_acl_t *in = args;
	struct daos_acl *acl = NULL;
	daos_prop_t *list = NULL;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc == 0)
		rc = read_acl(use.object, &list);
	if (rc == 0) {
		acl = daos_acl_dup(list->dpp_entries[0].dpe_val_ptr);
		rc = acl != NULL ? daos_acl_remove_ace(&acl, (enum daos_acl_principal_type)in->type, in->name) : -DER_NOMEM;
	}
	if (rc == 0)
		rc = write_acl(use.object, acl);
	daos_acl_free(acl);
	if (list != NULL)
		daos_prop_free(list);
	return core__done(&use, rc);
}

static int
delete_acl_keep(void *args, struct arena *arena)
{
	daos_cont_delete_acl_t *in = args;

	return core__keep_text((const char **)&in->name, arena);
}

int
daos_cont_delete_acl(daos_handle_t coh, enum daos_acl_principal_type type, d_string_t name, daos_event_t *ev)
{
	daos_cont_delete_acl_t args = {.coh = coh, .type = (uint8_t)type, .name = name};

	return core__call(delete_acl_body, delete_acl_keep, &args, sizeof(args), ev);
}

int
daos_cont_set_owner_no_check(daos_handle_t coh, d_string_t user, d_string_t group, daos_event_t *ev)
{
	struct daos_prop_entry entries[2] = {0};
	daos_prop_t list = {.dpp_entries = entries};

	if (user != NULL)
		entries[list.dpp_nr++] = (struct daos_prop_entry){.dpe_type = DAOS_PROP_CO_OWNER, .dpe_str = user};
	if (group != NULL)
		entries[list.dpp_nr++] = (struct daos_prop_entry){.dpe_type = DAOS_PROP_CO_OWNER_GROUP, .dpe_str = group};
	return daos_cont_set_prop(coh, &list, ev);
}

int
daos_cont_set_owner(daos_handle_t coh, d_string_t user, d_string_t group, daos_event_t *ev)
{
	uid_t uid;
	gid_t gid;
	int rc = 0;

	if (user != NULL)
		rc = daos_acl_principal_to_uid(user, &uid);
	if (rc == 0 && group != NULL)
		rc = daos_acl_principal_to_gid(group, &gid);
	return rc != 0 ? rc : daos_cont_set_owner_no_check(coh, user, group, ev);
}

/* ---- attributes -------------------------------------------------------------------------------------------------------------------------- */
static int
list_attr_body(void *args)
{
	daos_cont_list_attr_t *in = args;
	const char **names;
	struct core_use use;
	struct arena arena;
	uint32_t nr;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	arena_init(&arena, core__mem());
	if (rc == 0)
		rc = cont_attr_list(use.object, &arena, &names, &nr);
	if (rc == 0)
		core__names_give(names, nr, in->buf, in->size);
	arena_fini(&arena);
	return core__done(&use, rc);
}

int
daos_cont_list_attr(daos_handle_t coh, char *buffer, size_t *size, daos_event_t *ev)
{
	daos_cont_list_attr_t args = {.coh = coh, .buf = buffer, .size = size};

	return size != NULL ? core__call(list_attr_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
get_attr(void *object, struct arena *arena, struct attr *attrs, uint32_t nr)
{
	return cont_attr_get(object, arena, attrs, nr);
}

static int
set_attr(void *object, const struct attr *attrs, uint32_t nr)
{
	return cont_attr_set(object, attrs, nr);
}

static int
get_attr_body(void *args)
{
	daos_cont_get_attr_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : core__attrs_give(get_attr, use.object, in->n, in->names, in->values, in->sizes));
}

static int
get_attr_keep(void *args, struct arena *arena)
{
	daos_cont_get_attr_t *in = args;

	return core__keep_names(&in->names, in->n, arena);
}

int
daos_cont_get_attr(daos_handle_t coh, int n, const char *const names[], void *const buffers[], size_t sizes[], daos_event_t *ev)
{
	daos_cont_get_attr_t args = {.coh = coh, .n = n, .names = names, .values = buffers, .sizes = sizes};
	int rc = core__names_check(names, n);

	if (rc == 0 && sizes == NULL)
		rc = -DER_INVAL;
	return rc != 0 ? rc : core__call(get_attr_body, get_attr_keep, &args, sizeof(args), ev);
}

static int
set_attr_body(void *args)
{
	daos_cont_set_attr_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : core__attrs_take(set_attr, use.object, in->n, in->names, in->values, in->sizes));
}

static int
set_attr_keep(void *args, struct arena *arena)
{
	daos_cont_set_attr_t *in = args;
	int rc = core__keep_names(&in->names, in->n, arena);

	return rc != 0 ? rc : core__keep_values(&in->values, &in->sizes, in->n, arena);
}

int
daos_cont_set_attr(daos_handle_t coh, int n, const char *const names[], const void *const values[], const size_t sizes[], daos_event_t *ev)
{
	daos_cont_set_attr_t args = {.coh = coh, .n = n, .names = names, .values = values, .sizes = sizes};
	int rc = core__names_check(names, n);

	if (rc == 0 && (values == NULL || sizes == NULL))
		rc = -DER_INVAL;
	return rc != 0 ? rc : core__call(set_attr_body, set_attr_keep, &args, sizeof(args), ev);
}

static int
del_attr_body(void *args)
{
	daos_cont_del_attr_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : cont_attr_del(use.object, in->names, (uint32_t)in->n));
}

static int
del_attr_keep(void *args, struct arena *arena)
{
	daos_cont_del_attr_t *in = args;

	return core__keep_names(&in->names, in->n, arena);
}

int
daos_cont_del_attr(daos_handle_t coh, int n, const char *const names[], daos_event_t *ev)
{
	daos_cont_del_attr_t args = {.coh = coh, .n = n, .names = names};
	int rc = core__names_check(names, n);

	return rc != 0 ? rc : core__call(del_attr_body, del_attr_keep, &args, sizeof(args), ev);
}

/* ---- for tasks --------------------------------------------------------------------------------------------------------------------------- */
const struct core_task core__cont_tasks[] = {
	{DAOS_OPC_CONT_CREATE, create_body, sizeof(daos_cont_create_t)},
	{DAOS_OPC_CONT_OPEN, open_body, sizeof(daos_cont_open_t)},
	{DAOS_OPC_CONT_CLOSE, close_body, sizeof(daos_cont_close_t)},
	{DAOS_OPC_CONT_DESTROY, destroy_body, sizeof(daos_cont_destroy_t)},
	{DAOS_OPC_CONT_QUERY, query_body, sizeof(daos_cont_query_t)},
	{DAOS_OPC_CONT_SET_PROP, set_prop_body, sizeof(daos_cont_set_prop_t)},
	{DAOS_OPC_CONT_UPDATE_ACL, update_acl_body, sizeof(daos_cont_update_acl_t)},
	{DAOS_OPC_CONT_DELETE_ACL, delete_acl_body, sizeof(daos_cont_delete_acl_t)},
	{DAOS_OPC_CONT_LIST_ATTR, list_attr_body, sizeof(daos_cont_list_attr_t)},
	{DAOS_OPC_CONT_GET_ATTR, get_attr_body, sizeof(daos_cont_get_attr_t)},
	{DAOS_OPC_CONT_SET_ATTR, set_attr_body, sizeof(daos_cont_set_attr_t)},
	{DAOS_OPC_CONT_DEL_ATTR, del_attr_body, sizeof(daos_cont_del_attr_t)},
	{DAOS_OPC_INVALID, NULL, 0},
};

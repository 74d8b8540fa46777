/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos: names of object classes, over pure/oclass. Classes are a fixed table: a container has no others.
 */
#include "pure/oclass/oclass.h"

int
daos_oclass_name2id(const char *name)
{
	return name == NULL ? OC_UNKNOWN : (int)oclass_parse(name);
}

int
daos_oclass_id2name(daos_oclass_id_t oc_id, char *name)
{
	return oclass_print(oc_id, name) == 0 ? 0 : -1;
}

ssize_t
daos_oclass_names_list(size_t size, char *str)
{
	struct strbuf names;

	if (str == NULL || size == 0)
		return -DER_INVAL;
	strbuf_init_fixed(&names, str, size);
	oclass_print_all(&names);
	return names.rc == 0 ? (ssize_t)names.len : -DER_OVERFLOW;
}

int
daos_oclass_nr(int opts)
{
	unsigned int nr = 0;

	(void)opts;
	while (oclass_at(nr) != OC_UNKNOWN)
		nr++;
	return (int)nr + 1;
}

int
daos_obj_register_class(daos_handle_t coh, daos_oclass_id_t cid, struct daos_oclass_attr *attr, daos_event_t *ev)
{
	return -DER_NOSYS;
}

int
daos_obj_query_class(daos_handle_t coh, daos_oclass_id_t cid, struct daos_oclass_attr *attr, daos_event_t *ev)
{
	return -DER_NOSYS;
}

int
daos_obj_list_class(daos_handle_t coh, struct daos_oclass_list *list, daos_anchor_t *anchor, daos_event_t *ev)
{
	return -DER_NOSYS;
}

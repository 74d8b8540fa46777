/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/oclass: shapes, names, object ids. A class number is (ordinal << 24) | groups.
 *
 *   object id, hi:   63..56 type   55..48 ordinal   47..32 groups   31..0 the program's
 *              lo:   the program's
 *
 * Invariants
 *  I1  The table of shapes is the only place that knows what an ordinal means; every name and every attribute follows.
 *  I2  oclass_parse(oclass_print(id)) is id for every registered class.
 */
#include <stdio.h>
#include "pure/oclass/oclass.h"

static const struct {
	uint8_t ordinal, data, parity;
	bool ec;
} shapes[] = {
	{OR_RP_1, 1, 0, false},    {OR_RP_2, 1, 1, false},    {OR_RP_3, 1, 2, false},    {OR_RP_4, 1, 3, false},
	{OR_RP_5, 1, 4, false},    {OR_RP_6, 1, 5, false},    {OR_RP_8, 1, 7, false},    {OR_RP_12, 1, 11, false},
	{OR_RP_16, 1, 15, false},  {OR_RP_24, 1, 23, false},  {OR_RP_32, 1, 31, false},  {OR_RP_48, 1, 47, false},
	{OR_RP_64, 1, 63, false},  {OR_RP_128, 1, 127, false}, {OR_RS_2P1, 2, 1, true},  {OR_RS_2P2, 2, 2, true},
	{OR_RS_4P1, 4, 1, true},   {OR_RS_4P2, 4, 2, true},   {OR_RS_4P3, 4, 3, true},   {OR_RS_8P1, 8, 1, true},
	{OR_RS_8P2, 8, 2, true},   {OR_RS_8P3, 8, 3, true},   {OR_RS_16P1, 16, 1, true}, {OR_RS_16P2, 16, 2, true},
	{OR_RS_16P3, 16, 3, true},
};

int
oclass_get(daos_oclass_id_t id, struct oclass *oclass)
{
	uint32_t ordinal = id >> OC_REDUN_SHIFT, groups = id & ((1U << OC_REDUN_SHIFT) - 1);

	if (groups == 0 || groups > MAX_NUM_GROUPS)
		return -DER_INVAL;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (shapes[i].ordinal != ordinal)
			continue;
		*oclass = (struct oclass){
			.ordinal = shapes[i].ordinal,
			.ec = shapes[i].ec,
			.data = shapes[i].data,
			.parity = shapes[i].parity,
			.group_size = (uint16_t)(shapes[i].data + shapes[i].parity),
			.groups = groups,
		};
		return 0;
	}
	return -DER_INVAL;
}

int
oclass_of(daos_obj_id_t oid, struct oclass *oclass)
{
	return oclass_get(daos_obj_id2class(oid), oclass);
}

daos_oclass_id_t
oclass_id(uint16_t ordinal, uint32_t groups)
{
	return (daos_oclass_id_t)ordinal << OC_REDUN_SHIFT | groups;
}

int
oclass_attr(daos_oclass_id_t id, struct daos_oclass_attr *attr)
{
	struct oclass oclass;
	int rc = oclass_get(id, &oclass);

	if (rc != 0)
		return rc;
	*attr = (struct daos_oclass_attr){
		.ca_schema = oclass.groups == 1 ? DAOS_OS_SINGLE : DAOS_OS_STRIPED,
		.ca_resil = oclass.ec ? DAOS_RES_EC : DAOS_RES_REPL,
		.ca_resil_degree = oclass.parity,
		.ca_grp_nr = oclass.groups,
	};
	if (oclass.ec)
		attr->u.ec = (struct daos_ec_attr){.e_k = oclass.data, .e_p = oclass.parity, .e_len = 64 << 10};
	else
		attr->u.rp = (struct daos_rp_attr){.r_num = oclass.group_size};
	return 0;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* Numbers of groups that have names; the fourth only for replicas. */
static const uint32_t named_groups[] = {1, 2, 4, 6, 8, 12, 16, 32, MAX_NUM_GROUPS};

enum { GROUPS_NR = ARRAY_SIZE(named_groups), FAMILIES_NR = ARRAY_SIZE(shapes) };

static bool
is_registered(const struct oclass *oclass)
{
	if (oclass->ec)
		return oclass->groups != 6;
	return oclass->group_size <= 6 || (oclass->groups == 1 && oclass->ordinal != OR_RP_8);
}

daos_oclass_id_t
oclass_at(unsigned int i)
{
	struct oclass oclass;

	for (unsigned int family = 0; family < FAMILIES_NR; family++) {
		for (unsigned int group = 0; group < GROUPS_NR; group++) {
			daos_oclass_id_t id = oclass_id(shapes[family].ordinal, named_groups[group]);

			if (oclass_get(id, &oclass) == 0 && is_registered(&oclass) && i-- == 0)
				return id;
		}
	}
	return i == 0 ? OC_RP_XSF : OC_UNKNOWN;
}

int
oclass_print(daos_oclass_id_t id, char name[MAX_OBJ_CLASS_NAME_LEN + 1])
{
	const size_t size = MAX_OBJ_CLASS_NAME_LEN + 1;
	struct oclass oclass;
	char groups[8];

	if (id == OC_RP_XSF) {
		snprintf(name, size, "RP_XSF");
		return 0;
	}
	if (oclass_get(id, &oclass) != 0) {
		snprintf(name, size, "UNKNOWN");
		return -DER_INVAL;
	}
	if (oclass.groups == MAX_NUM_GROUPS)
		snprintf(groups, sizeof(groups), "X");
	else
		snprintf(groups, sizeof(groups), "%u", oclass.groups);
	if (oclass.ec)
		snprintf(name, size, "EC_%uP%uG%s", oclass.data, oclass.parity, groups);
	else if (oclass.group_size > 1)
		snprintf(name, size, "RP_%uG%s", oclass.group_size, groups);
	else
		snprintf(name, size, "S%s", groups);
	return 0;
}

/* A number without leading zeros at *at, over which it moves. */
static bool
take_number(const char **at, uint32_t *number)
{
	uint32_t sum = 0;
	int digits = 0;

	for (; **at >= '0' && **at <= '9' && digits < 5; (*at)++, digits++)
		sum = sum * 10 + (uint32_t)(**at - '0');
	*number = sum;
	return digits > 0 && (*at)[-digits] != '0';
}

static bool
take_text(const char **at, const char *text)
{
	bool there = strncmp(*at, text, strlen(text)) == 0;

	*at += there ? strlen(text) : 0;
	return there;
}

/* The shape part of a name, with the G behind it unless it is S. */
static bool
take_shape(const char **at, bool *ec, uint32_t *data, uint32_t *parity)
{
	uint32_t replicas = 1;

	*ec = false;
	*data = 1;
	if (take_text(at, "EC_")) {
		*ec = true;
		return take_number(at, data) && take_text(at, "P") && take_number(at, parity) && take_text(at, "G");
	}
	if (take_text(at, "RP_")) {
		if (!take_number(at, &replicas) || replicas < 2 || !take_text(at, "G"))
			return false;
	} else if (!take_text(at, "S")) {
		return false;
	}
	*parity = replicas - 1;
	return true;
}

daos_oclass_id_t
oclass_parse(const char *name)
{
	uint32_t data, parity, groups = MAX_NUM_GROUPS;
	struct oclass oclass;
	bool ec, named = false;

	if (strcmp(name, "RP_XSF") == 0)
		return OC_RP_XSF;
	if (!take_shape(&name, &ec, &data, &parity))
		return OC_UNKNOWN;
	/* "X" is the only spelling of all. */
	if (!take_text(&name, "X") && (!take_number(&name, &groups) || groups == MAX_NUM_GROUPS))
		return OC_UNKNOWN;
	if (*name != '\0')
		return OC_UNKNOWN;
	for (size_t i = 0; i < GROUPS_NR; i++)
		named |= named_groups[i] == groups;
	for (size_t i = 0; named && i < FAMILIES_NR; i++) {
		daos_oclass_id_t id = oclass_id(shapes[i].ordinal, groups);

		if (shapes[i].ec == ec && shapes[i].data == data && shapes[i].parity == parity &&
		    oclass_get(id, &oclass) == 0 && is_registered(&oclass))
			return id;
	}
	return OC_UNKNOWN;
}

void
oclass_print_all(struct strbuf *out)
{
	char name[MAX_OBJ_CLASS_NAME_LEN + 1];
	daos_oclass_id_t id;

	for (unsigned int i = 0; (id = oclass_at(i)) != OC_UNKNOWN; i++) {
		oclass_print(id, name);
		strbuf_addf(out, "%s%s", i > 0 ? ", " : "", name);
	}
}

/* ---- object ids ---------------------------------------------------------------------------------------------------- */

daos_obj_id_t
oclass_oid(daos_obj_id_t user, enum daos_otype_t type, daos_oclass_id_t id)
{
	daos_obj_id_t oid = {.lo = user.lo, .hi = user.hi & UINT32_MAX};

	oid.hi |= (uint64_t)type << OID_FMT_TYPE_SHIFT;
	oid.hi |= (uint64_t)(id >> OC_REDUN_SHIFT) << OID_FMT_CLASS_SHIFT;
	oid.hi |= (uint64_t)(id & MAX_NUM_GROUPS) << OID_FMT_META_SHIFT;
	return oid;
}

bool
oclass_oid_is_valid(daos_obj_id_t oid)
{
	struct oclass oclass;

	return daos_otype_t_is_valid(daos_obj_id2type(oid)) && oclass_of(oid, &oclass) == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/oclass: the choice of a class: what the redundancy factor of the container, the hints of the program and the size of
 * the pool make of it. The number of groups is settled here and kept in the object's id, so that an object does not
 * change its shape when the pool grows.
 */
#include "pure/oclass/oclass.h"

enum { RDD_HINTS = DAOS_OCH_RDD_NO | DAOS_OCH_RDD_RP | DAOS_OCH_RDD_EC };

/* The widest code with that many parity cells that the domains have room for, with a few to spare. */
static uint16_t
widest_code(uint32_t parity, uint32_t domains)
{
	static const uint16_t codes[4][3] = {
		/* data cells: 16, 8, 4 */
		[1] = {OR_RS_16P1, OR_RS_8P1, OR_RS_4P1},
		[2] = {OR_RS_16P2, OR_RS_8P2, OR_RS_4P2},
		[3] = {OR_RS_16P3, OR_RS_8P3, OR_RS_4P3},
	};
	/* Domains that data and parity cells take, and as many again as there are parity cells: 18, 10, 6 for one. */
	const uint32_t spare = 2 * parity;

	if (domains >= 16 + spare)
		return codes[parity][0];
	if (domains >= 8 + spare)
		return codes[parity][1];
	if (domains >= 4 + spare)
		return codes[parity][2];
	return parity == 1 ? OR_RS_2P1 : OR_RS_2P2;
}

/* Fewest domains for which a code is chosen rather than replicas, by redundancy factor. */
static const uint32_t code_least[] = {0, 3, 4, 10};
static const uint16_t replicas[] = {OR_RP_1, OR_RP_2, OR_RP_3, OR_RP_4, OR_RP_5};

static int
choose_shape(const struct oclass_want *want, uint16_t *ordinal)
{
	uint32_t factor = want->redun_fac;
	bool code = (want->hints & DAOS_OCH_RDD_EC) != 0;

	if (factor >= ARRAY_SIZE(replicas))
		return -DER_INVAL;
	if (factor == 0) {
		if (code)
			*ordinal = widest_code(1, want->domain_nr);
		else if ((want->hints & DAOS_OCH_RDD_RP) && want->domain_nr >= 2)
			*ordinal = OR_RP_2;
		else
			*ordinal = OR_RP_1;
		return 0;
	}
	/* Without a wish arrays are coded and everything else is replicated. */
	if ((want->hints & RDD_HINTS) == 0)
		code = daos_is_array_type(want->type);
	if (code && factor < ARRAY_SIZE(code_least) && want->domain_nr >= code_least[factor])
		*ordinal = widest_code(factor, want->domain_nr);
	else
		*ordinal = replicas[factor];
	return 0;
}

/* How many groups the hints ask for. */
static uint32_t
choose_groups(const struct oclass_want *want)
{
	uint32_t targets = want->target_nr;

	if (want->hints & DAOS_OCH_SHD_TINY)
		return 1;
	if (want->hints & DAOS_OCH_SHD_REG)
		return MAX(128U, targets / 4);
	if (want->hints & DAOS_OCH_SHD_HI)
		return MAX(256U, targets / 2);
	if (want->hints & DAOS_OCH_SHD_EXT)
		return MAX(1024U, (uint32_t)((uint64_t)targets * 7 / 10));
	if (want->hints & DAOS_OCH_SHD_MAX)
		return MAX_NUM_GROUPS;
	return daos_is_array_type(want->type) || daos_is_kv_type(want->type) ? MAX_NUM_GROUPS : 1;
}

/* Domains that wide objects leave free, so that a rebuild finds room. */
static uint32_t
spare_domains(uint32_t domains, uint32_t factor)
{
	if (domains < 16)
		return factor;
	if (domains < 32)
		return factor + 1;
	if (domains < 64)
		return factor + 2;
	if (domains < 128)
		return MAX(domains * 4 / 100, factor + 2);
	if (domains < 256)
		return MAX(domains * 6 / 100, factor + 2);
	return MAX((uint32_t)((uint64_t)domains * 8 / 100), factor + 2);
}

/* The most groups of this size that leave the spare targets free; at least one. */
static uint32_t
groups_limit(const struct oclass_want *want, uint32_t group_size)
{
	uint64_t spare = (uint64_t)want->reserve;

	if (want->reserve < 0)
		spare = (uint64_t)spare_domains(want->domain_nr, want->redun_fac) * want->target_nr / want->domain_nr;
	if (spare >= want->target_nr)
		return 1;
	return (uint32_t)MAX((want->target_nr - spare) / group_size, 1ULL);
}

/* The shape with the most replicas that the domains can hold. */
static uint16_t
most_replicas(uint32_t domains)
{
	static const uint16_t all[] = {OR_RP_128, OR_RP_64, OR_RP_48, OR_RP_32, OR_RP_24, OR_RP_16, OR_RP_12,
				       OR_RP_6,   OR_RP_5,  OR_RP_4,  OR_RP_3,  OR_RP_2};
	struct oclass oclass;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (oclass_get(oclass_id(all[i], 1), &oclass) == 0 && oclass.group_size <= domains)
			return all[i];
	return OR_RP_1;
}

int
oclass_choose(const struct oclass_want *want, daos_oclass_id_t *id)
{
	struct oclass oclass;
	uint16_t ordinal;
	int rc;

	if (want->domain_nr == 0 || want->target_nr == 0)
		return -DER_INVAL;
	if (want->id == OC_UNKNOWN) {
		rc = choose_shape(want, &ordinal);
		if (rc == 0)
			rc = oclass_get(oclass_id(ordinal, choose_groups(want)), &oclass);
	} else if (want->id == OC_RP_XSF) {
		rc = oclass_get(oclass_id(most_replicas(want->domain_nr), 1), &oclass);
	} else {
		rc = oclass_get(want->id, &oclass);
		/* A number that was asked for is kept or refused; only what is open is fitted in. */
		if (rc == 0 && oclass.groups != MAX_NUM_GROUPS &&
		    (uint64_t)oclass.groups * oclass.group_size > want->target_nr)
			rc = -DER_INVAL;
	}
	if (rc != 0)
		return rc;
	if (oclass.group_size > want->domain_nr || oclass.group_size > want->target_nr)
		return -DER_INVAL;
	if (want->id == OC_UNKNOWN || oclass.groups == MAX_NUM_GROUPS)
		oclass.groups = MIN(oclass.groups, MIN(groups_limit(want, oclass.group_size), (uint32_t)MAX_NUM_GROUPS - 1));
	*id = oclass_id(oclass.ordinal, oclass.groups);
	return 0;
}

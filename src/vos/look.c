/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/look: what exists at an epoch. An object, dkey or akey exists when its incarnation log holds a creation that is
 * newer than every punch of it and of what it lies in (the floor). A value is visible when its version is above the
 * floor.
 *
 *	look I1  Every stored version is covered by a creation in each log above it that is committed or made by the
 *	         same transaction, so that undoing another transaction never hides it.
 *	look I2  A prepared change of somebody else is never guessed about: where it would make a difference to a
 *	         reader, the answer is -DER_INPROGRESS and names it.
 *
 * Runs inside bodies; nothing yields.
 */
#include "inside.h"

struct look
vos__look_of(struct vos_cont *cont, struct vos_when *when)
{
	const struct dtx *self = when->self != NULL ? vos__dtx_by_id(cont, when->self) : NULL;

	when->conflict = (struct vos_conflict){0};
	return (struct look){.cont = cont, .epoch = when->epoch, .bound = when->bound, .minor = VOS_MINOR_MAX,
			     .local = self != NULL ? self->local : 0, .conflict = &when->conflict};
}

int
vos__visible(const struct look *look, uint32_t dtx)
{
	struct dtx *found;

	if (dtx == 0 || dtx == look->local)
		return VIS_YES;
	found = vos__dtx_by_local(look->cont, dtx);
	if (found == NULL) {
		log_error(look->cont->pool->vx->log, "a record names transaction %u, which is in no table", dtx);
		return -DER_DF_INVAL;
	}
	return found->state == VOS_DTX_REC_PREPARED   ? VIS_PENDING :
	       found->state == VOS_DTX_REC_COMMITTING ? VIS_YES :
							VIS_NO;
}

int
vos__in_the_way(const struct look *look, uint32_t dtx)
{
	struct dtx *found = vos__dtx_by_local(look->cont, dtx);

	ASSERT(found != NULL);
	if (look->conflict != NULL) {
		look->conflict->dtx = found->id;
		look->conflict->epoch = found->epoch;
	}
	return -DER_INPROGRESS;
}

/* One event of a log, in order of time. */
static int
see(const struct look *look, struct floor when, bool punch, uint32_t dtx, struct sight *sight)
{
	int vis = vos__visible(look, dtx);

	if (vis < 0 || vis == VIS_NO)
		return vis < 0 ? vis : 0;
	if (when.epoch > look->epoch || (when.epoch == look->epoch && when.minor > look->minor)) {
		if (when.epoch > look->epoch && when.epoch <= look->bound) {
			sight->uncertain = true;
			sight->uncertain_punch |= punch;
		}
		return 0;
	}
	if (!vos__above(when.epoch, when.minor, sight->floor))
		return 0;
	if (vis == VIS_PENDING && punch) {
		if (vos__above(when.epoch, when.minor, sight->doubt)) {
			sight->doubt = when;
			sight->doubt_dtx = dtx;
		}
	} else if (vis == VIS_PENDING) {
		sight->pending_create = dtx;
	} else if (punch) {
		sight->floor = when;
		sight->created = (struct floor){0};
		sight->exists = false;
		sight->pending_create = 0;
		if (!vos__above(sight->doubt.epoch, sight->doubt.minor, when)) {
			sight->doubt = (struct floor){0};
			sight->doubt_dtx = 0;
		}
	} else {
		sight->created = when;
		sight->exists = true;
	}
	return 0;
}

void
vos__sight_none(const struct sight *parent, struct sight *sight)
{
	*sight = (struct sight){0};
#ifdef PLANTED_vos_no_floor
	parent = NULL;
#endif
	if (parent != NULL) {
		sight->floor = parent->floor;
		sight->doubt = parent->doubt;
		sight->doubt_dtx = parent->doubt_dtx;
	}
}

int
vos__sight(const struct look *look, umem_off_t root, const struct sight *parent, struct sight *sight)
{
	struct ilog log = {.heap = look->cont->pool->heap, .root = root, .log = look->cont->pool->vx->log};
	const struct ilog_entry *entries;
	uint32_t nr;

	vos__sight_none(parent, sight);
	entries = ilog_entries(&log, &nr);
	if (entries == NULL)
		return -DER_DF_INVAL;
	for (uint32_t i = 0; i < nr; i++) {
		int rc = see(look, (struct floor){entries[i].epoch, entries[i].minor}, entries[i].punch != 0,
			     entries[i].dtx, sight);

		if (rc != 0)
			return rc;
	}
	return 0;
}

int
vos__sight_flat(const struct look *look, const struct vos_version *version, const struct sight *parent,
		struct sight *sight)
{
	vos__sight_none(parent, sight);
	return see(look, (struct floor){version->epoch, version->minor}, false, version->dtx, sight);
}

/* A prepared punch could end the incarnation by which it exists. */
static bool
doubted(const struct sight *sight)
{
	return sight->doubt_dtx != 0 && !vos__above(sight->created.epoch, sight->created.minor, sight->doubt);
}

int
vos__sight_exists(const struct look *look, const struct sight *sight)
{
	if (sight->uncertain)
		return -DER_TX_RESTART;
	if (sight->exists && doubted(sight))
		return vos__in_the_way(look, sight->doubt_dtx);
	if (!sight->exists && sight->pending_create != 0)
		return vos__in_the_way(look, sight->pending_create);
	return sight->exists;
}

int
vos__sight_pass(const struct look *look, const struct sight *sight)
{
	if (sight->uncertain_punch)
		return -DER_TX_RESTART;
	return sight->doubt_dtx != 0 ? vos__in_the_way(look, sight->doubt_dtx) : 0;
}

bool
vos__sight_needs_creation(const struct sight *sight)
{
	return !sight->exists || doubted(sight);
}

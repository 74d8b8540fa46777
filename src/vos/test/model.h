/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executable model of a container: a list of everything that was ever written, in order of arrival. A question is
 * answered by walking the list. Nothing is clever here.
 *
 * A view says which steps have happened (all, or a prefix after a crash) and what is assumed to become of prepared
 * transactions: what vos answers must be right whatever is assumed.
 */
#ifndef VOS_TEST_MODEL_H
#define VOS_TEST_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { M_OBJECTS = 5, M_DKEYS = 5, M_AKEYS = 4, M_RECORDS = 32 };
enum { M_SINGLE, M_EXTENT, M_PUNCH_OBJECT, M_PUNCH_DKEY, M_PUNCH_AKEY };
enum { M_PREPARED, M_COMMITTED, M_ABORTED };

struct m_event {
	uint64_t epoch;
	uint32_t minor;
	uint32_t step;
	uint32_t tx; /* 0: committed with its step; else number + 1 of a transaction */
	uint8_t kind;
	uint8_t object, dkey, akey;
	uint32_t lo, hi; /* records */
	uint32_t stamp;  /* which value: its bytes follow from it; 0: none (punched) */
	uint32_t size;   /* bytes of a single value */
	bool nothing;    /* a punch that perhaps found nothing */
};

struct m_tx {
	uint64_t epoch, hlc;
	uint32_t step, decided_step;
	int state;
};

struct model {
	struct m_event *events;
	uint32_t event_nr, event_max;
	struct m_tx *txs;
	uint32_t tx_nr, tx_max;
	uint32_t steps;
};

struct m_view {
	const struct model *model;
	uint32_t steps;  /* steps before this one have happened */
	uint32_t assume; /* bit i: the i-th prepared transaction commits */
	uint32_t self;   /* number + 1 of the reader's own transaction */
};

static inline void
model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
}

static inline void
model_fini(struct model *model)
{
	free(model->events);
	free(model->txs);
}

static inline struct m_event *
model_add(struct model *model)
{
	if (model->event_nr == model->event_max) {
		model->event_max = model->event_max == 0 ? 256 : model->event_max * 2;
		model->events = realloc(model->events, model->event_max * sizeof(*model->events));
	}
	memset(&model->events[model->event_nr], 0, sizeof(*model->events));
	model->events[model->event_nr].step = model->steps;
	return &model->events[model->event_nr++];
}

/* The same model with only what matters to one dkey: for who asks much about it. few: its events are freed by the caller. */
static inline void
model_narrow(const struct model *model, int object, int dkey, struct model *few)
{
	*few = *model;
	few->event_nr = 0;
	few->events = malloc((model->event_nr + 1) * sizeof(*few->events));
	for (uint32_t i = 0; i < model->event_nr; i++)
		if (model->events[i].object == object && (model->events[i].kind == M_PUNCH_OBJECT || model->events[i].dkey == dkey))
			few->events[few->event_nr++] = model->events[i];
}

static inline uint32_t
model_tx(struct model *model, uint64_t epoch, uint64_t hlc)
{
	if (model->tx_nr == model->tx_max) {
		model->tx_max = model->tx_max == 0 ? 64 : model->tx_max * 2;
		model->txs = realloc(model->txs, model->tx_max * sizeof(*model->txs));
	}
	model->txs[model->tx_nr] = (struct m_tx){.epoch = epoch, .hlc = hlc, .step = model->steps, .state = M_PREPARED};
	return model->tx_nr++;
}

static inline int
m_tx_state(const struct m_view *view, uint32_t tx)
{
	const struct m_tx *t = &view->model->txs[tx];

	return t->state != M_PREPARED && t->decided_step < view->steps ? t->state : M_PREPARED;
}

/* Prepared transactions of a view, in order; at most 31 count. */
static inline uint32_t
m_pending(const struct m_view *view, uint32_t *list, uint32_t max)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < view->model->tx_nr && nr < max; i++)
		if (view->model->txs[i].step < view->steps && m_tx_state(view, i) == M_PREPARED)
			list[nr++] = i;
	return nr;
}

static inline bool
m_sees(const struct m_view *view, const struct m_event *event)
{
	uint32_t pending[32], nr;
	int state;

	if (event->step >= view->steps)
		return false;
	if (event->tx == 0 || event->tx == view->self)
		return true;
	state = m_tx_state(view, event->tx - 1);
	if (state != M_PREPARED)
		return state == M_COMMITTED;
	nr = m_pending(view, pending, 32);
	for (uint32_t i = 0; i < nr; i++)
		if (pending[i] == event->tx - 1)
			return (view->assume >> i & 1) != 0;
	return false;
}

struct m_when {
	uint64_t epoch;
	uint32_t minor;
};

static inline bool
m_later(struct m_when a, struct m_when b)
{
	return a.epoch > b.epoch || (a.epoch == b.epoch && a.minor > b.minor);
}

static inline struct m_when
m_when_of(const struct m_event *event)
{
	return (struct m_when){event->epoch, event->minor};
}

/* Does the event punch this object (dkey < 0), dkey (akey < 0), or akey, or what it lies in? */
static inline bool
m_punches(const struct m_event *event, int object, int dkey, int akey)
{
	if (event->object != object)
		return false;
	return event->kind == M_PUNCH_OBJECT || (event->kind == M_PUNCH_DKEY && event->dkey == dkey) ||
	       (event->kind == M_PUNCH_AKEY && event->dkey == dkey && event->akey == akey);
}

static inline struct m_when
m_floor(const struct m_view *view, int object, int dkey, int akey, struct m_when at)
{
	struct m_when floor = {0, 0};

	for (uint32_t i = 0; i < view->model->event_nr; i++) {
		const struct m_event *event = &view->model->events[i];

		if (m_punches(event, object, dkey, akey) && !m_later(m_when_of(event), at) &&
		    m_later(m_when_of(event), floor) && m_sees(view, event))
			floor = m_when_of(event);
	}
	return floor;
}

static inline bool
m_writes(const struct m_event *event, int object, int dkey, int akey)
{
	return (event->kind == M_SINGLE || event->kind == M_EXTENT) && event->object == object &&
	       (dkey < 0 || event->dkey == dkey) && (akey < 0 || event->akey == akey);
}

/* Does the object (dkey < 0), dkey (akey < 0), or akey exist: was anything written below it after its last punch? */
static inline bool
m_exists(const struct m_view *view, int object, int dkey, int akey, struct m_when at)
{
	struct m_when floor = m_floor(view, object, dkey, akey, at);

	for (uint32_t i = 0; i < view->model->event_nr; i++) {
		const struct m_event *event = &view->model->events[i];

		if (m_writes(event, object, dkey, akey) && !m_later(m_when_of(event), at) &&
		    m_later(m_when_of(event), floor) && m_sees(view, event))
			return true;
	}
	return false;
}

/*
 * The newest visible single value, or what covers a record (record >= 0); NULL: nothing. Its stamp may be 0: punched.
 */
static inline const struct m_event *
m_value(const struct m_view *view, int object, int dkey, int akey, int64_t record, struct m_when at)
{
	struct m_when best = m_floor(view, object, dkey, akey, at);
	const struct m_event *found = NULL;

	for (uint32_t i = 0; i < view->model->event_nr; i++) {
		const struct m_event *event = &view->model->events[i];

		if (m_writes(event, object, dkey, akey) && (event->kind == M_EXTENT) == (record >= 0) &&
		    (record < 0 || (record >= event->lo && record <= event->hi)) && !m_later(m_when_of(event), at) &&
		    m_later(m_when_of(event), best) && m_sees(view, event)) {
			best = m_when_of(event);
			found = event;
		}
	}
	return found;
}

/*
 * Could a prepared transaction with an epoch up to this one, other than self, change what is seen of the dkey (< 0:
 * object)?
 */
static inline bool
m_disturbed(const struct m_view *view, int object, int dkey, uint64_t epoch)
{
	for (uint32_t i = 0; i < view->model->event_nr; i++) {
		const struct m_event *event = &view->model->events[i];

		if (event->step < view->steps && event->tx != 0 && event->tx != view->self &&
		    (object < 0 || event->object == object) &&
		    (dkey < 0 || event->kind == M_PUNCH_OBJECT || event->dkey == dkey) && event->epoch <= epoch &&
		    m_tx_state(view, event->tx - 1) == M_PREPARED)
			return true;
	}
	return false;
}

/* Did anything, decided or prepared, happen to the dkey (< 0: object) in (from, to]? */
static inline bool
m_happened(const struct m_view *view, int object, int dkey, uint64_t from, uint64_t to)
{
	for (uint32_t i = 0; i < view->model->event_nr; i++) {
		const struct m_event *event = &view->model->events[i];

		if (event->step < view->steps && (object < 0 || event->object == object) &&
		    (dkey < 0 || event->kind == M_PUNCH_OBJECT || event->dkey == dkey) && event->epoch > from &&
		    event->epoch <= to && (event->tx == 0 || m_tx_state(view, event->tx - 1) != M_ABORTED))
			return true;
	}
	return false;
}

/* Byte i of a value. */
static inline char
m_byte(uint32_t stamp, uint64_t i)
{
	return (char)(33 + (stamp * 31 + i * 7 + (i >> 8) * 13 + (stamp >> 8)) % 90);
}

/* Bytes [from, from + nr) of it, without a division for each. */
static inline void
m_bytes(uint32_t stamp, uint64_t from, uint64_t nr, char *buf)
{
	uint32_t at = 0;

	for (uint64_t i = from; i < from + nr; i++) {
		if (i == from || i % 256 == 0)
			at = (uint32_t)(m_byte(stamp, i) - 33);
		*buf++ = (char)(33 + at);
		at += 7;
		at -= at >= 90 ? 90 : 0;
	}
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse images made of 4 KiB pages that several images may share; a page is copied when one of them writes to it. */
#include "world.h"

void
sim__image_init(struct sim_image *image, uint64_t page_nr)
{
	image->page_nr = page_nr;
	image->pages = machine_alloc_zeroed(sizeof(*image->pages) * (size_t)page_nr);
}

static void
page_put(struct sim_page *page)
{
	if (page != NULL && --page->refs == 0)
		machine_free(page);
}

void
sim__image_fini(struct sim_image *image)
{
	for (uint64_t i = 0; i < image->page_nr; i++)
		page_put(image->pages[i]);
	machine_free(image->pages);
	image->pages = NULL;
}

const uint8_t *
sim__image_page(const struct sim_image *image, uint64_t page)
{
	return image->pages[page] != NULL ? image->pages[page]->data : NULL;
}

/** To be written to. */
uint8_t *
sim__image_own(struct sim_image *image, uint64_t index)
{
	struct sim_page *page = image->pages[index], *copy;

	if (page != NULL && page->refs == 1)
		return page->data;
	copy = machine_alloc(sizeof(*copy));
	copy->refs = 1;
	if (page != NULL)
		memcpy(copy->data, page->data, SIM_PAGE);
	else
		memset(copy->data, 0, SIM_PAGE);
	page_put(page);
	image->pages[index] = copy;
	return copy->data;
}

void
sim__image_share(struct sim_image *to, const struct sim_image *from, uint64_t index)
{
	struct sim_page *page = from->pages[index];

	if (to->pages[index] == page)
		return;
	if (page != NULL)
		page->refs++;
	page_put(to->pages[index]);
	to->pages[index] = page;
}

void
sim__image_read(const struct sim_image *image, uint64_t off, void *buf, size_t len)
{
	char *to = buf;

	while (len > 0) {
		size_t in = off % SIM_PAGE, nr = MIN(len, SIM_PAGE - in);
		const uint8_t *page = sim__image_page(image, off / SIM_PAGE);

		if (page != NULL)
			memcpy(to, page + in, nr);
		else
			memset(to, 0, nr);
		to += nr;
		off += nr;
		len -= nr;
	}
}

void
sim__image_write(struct sim_image *image, uint64_t off, const void *buf, size_t len)
{
	const char *from = buf;

	while (len > 0) {
		size_t in = off % SIM_PAGE, nr = MIN(len, SIM_PAGE - in);

		memcpy(sim__image_own(image, off / SIM_PAGE) + in, from, nr);
		from += nr;
		off += nr;
		len -= nr;
	}
}

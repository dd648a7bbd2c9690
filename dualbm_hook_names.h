/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is hooked, by the names that kernels give it, newest first. The module hooks the first
 * that is there, and "dualbmctl check" looks for it before that: both from here.
 */
#ifndef DUALBM_HOOK_NAMES_H
#define DUALBM_HOOK_NAMES_H

#define DUALBM_NAMES_ALLOC		"mm_page_alloc"
#define DUALBM_NAMES_FREE		"mm_page_free"
#define DUALBM_NAMES_ISOLATE		"__isolate_free_page"
#define DUALBM_NAMES_PUTBACK		"__putback_isolated_page"
#define DUALBM_NAMES_CHARGE		"__memcg_kmem_charge_page"
#define DUALBM_NAMES_DEPART		"compaction_free"
/* 6.10: "_noprof", as all that allocates. */
#define DUALBM_NAMES_BULK		"alloc_pages_bulk_noprof", "__alloc_pages_bulk"
#define DUALBM_NAMES_UNPOISON		"unpoison_memory"
#define DUALBM_NAMES_BAD_PAGE		"bad_page"
#define DUALBM_NAMES_SPLIT		"split_page_memcg"
/* 5.13: without "_nodemask"; 6.14: pages come from the second of two. */
#define DUALBM_NAMES_BOUNDARY_ALLOC	"__alloc_frozen_pages_noprof", "__alloc_pages_noprof", \
					"__alloc_pages", "__alloc_pages_nodemask"
/* 7.2: free_pages() leads to the first of them, and not through the other. */
#define DUALBM_NAMES_BOUNDARY_FREE	"___free_pages", "__free_pages"
#define DUALBM_NAMES_FRAG_FREE		"page_frag_free"
#define DUALBM_NAMES_FRAG_DRAIN		"__page_frag_cache_drain"
#define DUALBM_NAMES_LARGE_KFREE	"free_large_kmalloc"
/* 5.18: folios. */
#define DUALBM_NAMES_PUT		"__folio_put", "__put_page"

#endif /* DUALBM_HOOK_NAMES_H */

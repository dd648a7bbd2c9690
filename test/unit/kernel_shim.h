/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dualbm_bitmap.c takes from the kernel's headers, for userspace. Where the
 * kernel's operation is atomic and ordered, so is this one: the threaded tests
 * and ThreadSanitizer rely on it.
 */
#ifndef KERNEL_SHIM_H
#define KERNEL_SHIM_H

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

/* Another size comes from the build. */
#ifndef PAGE_SIZE
#define PAGE_SIZE	4096UL
#endif

#define BITS_PER_LONG	((unsigned long)__LONG_WIDTH__)
#define BIT(nr)		(1UL << (nr))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define BITS_PER_TYPE(type)	(sizeof(type) * 8)

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define noinline	__attribute__((noinline))
#ifndef __always_inline
#define __always_inline	inline __attribute__((always_inline))
#endif
/* Branches are counted once, and not once for each place that they are built into. */
#ifdef DUALBM_COVERAGE
#undef __always_inline
#define __always_inline	inline
#endif

/* Threads of a program are preempted anywhere; nobody stops them all. */
#define lockdep_assert_preemption_disabled()	do { } while (0)

#define min(a, b)				\
	({					\
		__auto_type __a = (a);		\
		__auto_type __b = (b);		\
						\
		__a < __b ? __a : __b;		\
	})

/* Another thread may need this one's CPU to get on. Counted by each thread. */
extern _Thread_local unsigned long relax_calls;

static inline void cpu_relax(void)
{
	relax_calls++;
	sched_yield();
}

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value)	__atomic_store_n(&(x), (value), __ATOMIC_RELAXED)
#define xchg(p, value)		__atomic_exchange_n(p, value, __ATOMIC_SEQ_CST)

typedef struct {
	long counter;
} atomic_long_t;

static inline unsigned long atomic_long_fetch_andnot(unsigned long bits,
						     atomic_long_t *v)
{
	return __atomic_fetch_and(&v->counter, (long)~bits, __ATOMIC_SEQ_CST);
}

static inline unsigned long atomic_long_fetch_or(unsigned long bits,
						 atomic_long_t *v)
{
	return __atomic_fetch_or(&v->counter, (long)bits, __ATOMIC_SEQ_CST);
}

static inline bool test_bit(unsigned long nr, const unsigned long *words)
{
	return READ_ONCE(words[nr / BITS_PER_LONG]) >> (nr % BITS_PER_LONG) & 1;
}

static inline bool test_and_set_bit(unsigned long nr, unsigned long *words)
{
	unsigned long bit = BIT(nr % BITS_PER_LONG);

	return __atomic_fetch_or(&words[nr / BITS_PER_LONG], bit,
				 __ATOMIC_SEQ_CST) & bit;
}

static inline bool test_and_clear_bit(unsigned long nr, unsigned long *words)
{
	unsigned long bit = BIT(nr % BITS_PER_LONG);

	return __atomic_fetch_and(&words[nr / BITS_PER_LONG], ~bit,
				  __ATOMIC_SEQ_CST) & bit;
}

#define __ffs(word)		((unsigned long)__builtin_ctzl(word))
#define __fls(word)		(BITS_PER_LONG - 1 - __builtin_clzl(word))
#define hweight_long(word)	((unsigned long)__builtin_popcountl(word))

#endif /* KERNEL_SHIM_H */

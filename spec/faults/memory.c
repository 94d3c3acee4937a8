// Memory that cannot be had: preloaded, it lets the n-th allocation of a process fail.
//
//   OPEN_DO_MEMORY_FAILS=N   the N-th (from 1), and none after it; 0 or absent: none
//   OPEN_DO_MEMORY_OF=main   only in main; "worker": only in workers

#include <errno.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static long left;

__attribute__((constructor)) static void read_plan(void)
{
    const char *fails = getenv("OPEN_DO_MEMORY_FAILS");
    const char *of = getenv("OPEN_DO_MEMORY_OF");
    const char *self = getenv("OPEN_DO_WORKER_LINK") != NULL ? "worker" : "main";
    if (fails != NULL && (of == NULL || strcmp(of, self) == 0))
        left = atol(fails);
}

static int fails(void)
{
    if (__atomic_load_n(&left, __ATOMIC_RELAXED) <= 0)
        return 0;
    if (__atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED) != 0)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : __libc_realloc(memory, size);
}

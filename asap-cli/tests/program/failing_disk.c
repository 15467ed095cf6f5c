/* A disk that fails. Preloaded into a program, it lets every call that changes a file under FAIL_UNDER through until
 * the FAIL_AT-th, which fails with the error FAIL_ERRNO. With FAIL_MODE=full, the call that fails, if it writes, first
 * writes half, and all calls after it fail too, as on a full disk; else only that one fails.
 * The first failure says "injected" on standard error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static int is_under(const char *path) {
    const char *folder = getenv("FAIL_UNDER");
    return folder && path && strstr(path, folder) != NULL;
}

static int is_open_under(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_under(path);
}

/* 0: goes through. 1: the first to fail. 2: fails after it. */
static int turn(void) {
    long at = number("FAIL_AT"), call = atomic_fetch_add(&calls, 1) + 1;
    const char *mode = getenv("FAIL_MODE");
    int fails = call == at ? 1 : call > at && mode && strcmp(mode, "full") == 0 ? 2 : 0;
    if (fails == 1) (void)!REAL(write)(2, "injected\n", 9);
    if (fails) errno = (int)number("FAIL_ERRNO");
    return fails;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (is_open_under(fd)) {
        const char *mode = getenv("FAIL_MODE");
        int fails = turn();
        if (fails == 1 && count > 1 && mode && strcmp(mode, "full") == 0) return REAL(write)(fd, bytes, count / 2);
        if (fails) return -1;
    }
    return REAL(write)(fd, bytes, count);
}

int fsync(int fd) { return is_open_under(fd) && turn() ? -1 : REAL(fsync)(fd); }

int ftruncate64(int fd, off64_t length) { return is_open_under(fd) && turn() ? -1 : REAL(ftruncate64)(fd, length); }

int rename(const char *from, const char *to) { return is_under(to) && turn() ? -1 : REAL(rename)(from, to); }

int mkdir(const char *path, mode_t mode) { return is_under(path) && turn() ? -1 : REAL(mkdir)(path, mode); }

int unlink(const char *path) { return is_under(path) && turn() ? -1 : REAL(unlink)(path); }

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    int changes = flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
    return changes && is_under(path) && turn() ? -1 : REAL(open64)(path, flags, mode);
}

/* Preloaded into a server, it makes the disk fail on command.
 *
 * In the folder that KINDLING_FAULTS names, a file `sync` makes fsync and fdatasync fail with EIO, and a file `write` makes writing
 * fail with ENOSPC: for every file whose path ends with what is written in it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(const char *fault, int fd)
{
    char name[4096], path[4096], end[256];
    const char *folder = getenv("KINDLING_FAULTS");
    int saved = errno, found = 0;
    if (folder != NULL && snprintf(name, sizeof name, "%s/%s", folder, fault) < (int)sizeof name) {
        int command = open(name, O_RDONLY | O_CLOEXEC);
        if (command >= 0) {
            ssize_t wanted = read(command, end, sizeof end);
            close(command);
            snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
            ssize_t length = readlink(name, path, sizeof path);
            found = wanted >= 0 && length >= wanted && path[0] == '/'
                && memcmp(path + length - wanted, end, (size_t)wanted) == 0;
        }
    }
    errno = saved;
    return found;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))
#define FAIL(fault, fd, code) \
    if (fails(fault, fd)) { \
        errno = code; \
        return -1; \
    }

int fsync(int fd)
{
    FAIL("sync", fd, EIO)
    return REAL(int, "fsync", int)(fd);
}

int fdatasync(int fd)
{
    FAIL("sync", fd, EIO)
    return REAL(int, "fdatasync", int)(fd);
}

ssize_t write(int fd, const void *from, size_t bytes)
{
    FAIL("write", fd, ENOSPC)
    return REAL(ssize_t, "write", int, const void *, size_t)(fd, from, bytes);
}

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at)
{
    FAIL("write", fd, ENOSPC)
    return REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, from, bytes, at);
}

ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t at)
{
    FAIL("write", fd, ENOSPC)
    return REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, from, bytes, at);
}

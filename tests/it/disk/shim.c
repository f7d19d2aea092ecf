/* Stands between a process and the disk, for the files whose paths begin with DISK_FILES. Loaded with LD_PRELOAD.
 *
 * DISK_LOG: where each change is recorded, in the order in which the disk is told of it. A record is 32 bytes, then data:
 *     nanoseconds since 1970 (8), operation (1), path's number (1), unused (6), offset or length (8), length of data (8).
 *   Operations: w a write, t a truncation, s a sync, u an unlink; path numbers by suffix: 0 none, 1 -wal, 2 -journal,
 *   3 the folder. A change is recorded before it is made, a sync after it has been: what a process says after a sync comes
 *   after its record.
 *
 * DISK_FAULTS: a file of four numbers, read before each operation: errno, and in percent how many operations fail with it,
 *   how many writes are torn (half is written, then the error), how many syncs fail without having synced.
 *
 * What Rust's rustix does goes straight to the kernel and is not seen: it opens and renames, and writes nothing here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* Which of the files a path is; -1 for another. */
static int file_of(const char *path) {
    static const char *suffixes[] = {"", "-wal", "-journal"};
    const char *files = getenv("DISK_FILES");
    size_t length = files ? strlen(files) : 0;
    if (!length) return -1;
    if (strncmp(path, files, length) == 0) {
        for (int i = 0; i < 3; i++)
            if (strcmp(path + length, suffixes[i]) == 0) return i;
        return -1;
    }
    const char *name = strrchr(files, '/');
    return name && strlen(path) == (size_t)(name - files) && strncmp(path, files, name - files) == 0 ? 3 : -1;
}

static int file_of_fd(int fd) {
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    return file_of(path);
}

static void record(char operation, int file, uint64_t where, const void *data, size_t length) {
    static int log = -1;
    const char *name = getenv("DISK_LOG");
    if (!name) return;
    pthread_mutex_lock(&one_at_a_time);
    if (log < 0) log = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char head[32] = {0};
    uint64_t at = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec, size = length;
    memcpy(head, &at, 8);
    head[8] = operation;
    head[9] = (char)file;
    memcpy(head + 16, &where, 8);
    memcpy(head + 24, &size, 8);
    /* A process that is killed between the two leaves half a record at the end. */
    if (REAL(write)(log, head, sizeof head) != sizeof head || REAL(write)(log, data, length) != (ssize_t)length) abort();
    pthread_mutex_unlock(&one_at_a_time);
}

struct faults { int error, failing, torn, unsynced; };

static struct faults faults(void) {
    struct faults now = {0};
    const char *name = getenv("DISK_FAULTS");
    FILE *file = name ? fopen(name, "re") : NULL;
    if (!file) return now;
    if (fscanf(file, "%d %d %d %d", &now.error, &now.failing, &now.torn, &now.unsynced) != 4) memset(&now, 0, sizeof now);
    fclose(file);
    return now;
}

static int happens(int percent) {
    static __thread unsigned state;
    if (!state) state = (unsigned)time(NULL) ^ (unsigned)(uintptr_t)&state;
    return percent && rand_r(&state) % 100 < percent;
}

static ssize_t writing(int fd, const void *data, size_t length, off_t at, int moves) {
    int file = file_of_fd(fd);
    struct faults now = faults();
    if (happens(now.failing)) { errno = now.error; return -1; }
    if (happens(now.torn)) {
        if (REAL(pwrite)(fd, data, length / 2, at) < 0) abort();
        errno = now.error;
        return -1;
    }
    record('w', file, (uint64_t)at, data, length);
    return moves ? REAL(write)(fd, data, length) : REAL(pwrite)(fd, data, length, at);
}

ssize_t write(int fd, const void *data, size_t length) {
    if (file_of_fd(fd) < 0) return REAL(write)(fd, data, length);
    return writing(fd, data, length, lseek(fd, 0, SEEK_CUR), 1);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at) {
    return file_of_fd(fd) < 0 ? REAL(pwrite)(fd, data, length, at) : writing(fd, data, length, at, 0);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { return pwrite(fd, data, length, at); }

static int fails_to_read(int fd) {
    struct faults now = faults();
    if (!now.failing || file_of_fd(fd) < 0 || !happens(now.failing)) return 0;
    errno = now.error;
    return 1;
}

ssize_t read(int fd, void *data, size_t length) {
    return getenv("DISK_FAULTS") && fails_to_read(fd) ? -1 : REAL(read)(fd, data, length);
}

ssize_t pread64(int fd, void *data, size_t length, off64_t at) {
    return getenv("DISK_FAULTS") && fails_to_read(fd) ? -1 : REAL(pread64)(fd, data, length, at);
}

int ftruncate(int fd, off_t length) {
    int file = file_of_fd(fd);
    if (file >= 0) {
        struct faults now = faults();
        if (happens(now.failing)) { errno = now.error; return -1; }
        record('t', file, (uint64_t)length, NULL, 0);
    }
    return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int syncing(int fd, int (*sync)(int)) {
    int file = file_of_fd(fd);
    if (file < 0) return sync(fd);
    struct faults now = faults();
    if (happens(now.failing) || happens(now.unsynced)) { errno = now.error; return -1; }
    int done = sync(fd);
    if (done == 0) record('s', file, 0, NULL, 0);
    return done;
}

int fsync(int fd) { return syncing(fd, REAL(fsync)); }
int fdatasync(int fd) { return syncing(fd, REAL(fdatasync)); }

int unlink(const char *path) {
    int file = file_of(path);
    if (file >= 0) record('u', file, 0, NULL, 0);
    return REAL(unlink)(path);
}

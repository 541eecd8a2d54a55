/*
 * A disk and a clock that misbehave as told: preloaded into one process (LD_PRELOAD), steered by its control file.
 *
 * The control file is an array of 64-bit words in the machine's order, mapped into this process; `shim.rs` has the same
 * list. Orders are written from outside, counts are written here. Only files below one folder are touched; the clock is
 * the process's own.
 *
 * The journal of what an unsynced disk would lose: before a watched file is written or cut, its old bytes go to a log
 * of that file, which begins anew once the file is synced. Not seen: writes through mmap (SQLite does so with -shm alone,
 * which it rebuilds), and that a file was made, renamed or removed (its folder counts as synced).
 */
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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum word {
    /* orders */
    ROOM = 0,        /* bytes that files may still grow by; -1: as many as they like */
    FAIL_SYNCS = 1,  /* how many of the next syncs fail with EIO */
    SYNC_DELAY = 2,  /* milliseconds that a sync takes longer */
    CLOCK = 3,       /* microseconds that the wall clock is ahead */
    RECORD = 4,      /* whether old bytes are kept */
    FAIL_OTHERS = 5, /* the same as FAIL_SYNCS, but not of files whose name ends in -wal */
    SKIP_COMMITS = 6, /* whether syncs of files whose name ends in -wal do nothing */
    /* counts */
    ATTACHED = 8, NO_ROOM = 9, FAILED_SYNCS = 10, DELAYED_SYNCS = 11, SHIFTED_CLOCKS = 12, RECORDS = 13, SYNCS = 14,
    WORDS = 32
};

enum kind { OLD_BYTES = 1, SYNCED = 2, SYNC_FAILED = 3 };

/* What stands in a log: for OLD_BYTES what was written where, the file's size before, and how many old bytes follow. */
struct header { uint64_t kind, offset, count, size, length; };

/* A file that was written. After a failed sync its pages count as clean though they are lost: from then on its log is
 * kept whole, and who reads it works out what a later sync can have saved. */
struct file { dev_t device; ino_t inode; int watched, is_wal, log, is_lossy; uint64_t logged; pthread_mutex_t lock; };

static int64_t none[WORDS] = { [ROOM] = -1 };
static volatile int64_t *words = none;
static char folder[PATH_MAX], logs[PATH_MAX];
static struct file files[256];
static int used;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

static void find(void) {
    if (real_clock_gettime) return;
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}

static void add(enum word word, int64_t count) { __atomic_add_fetch(&words[word], count, __ATOMIC_SEQ_CST); }

__attribute__((constructor)) static void attach(void) {
    find();
    const char *control = getenv("CHAT_FAULT_CONTROL"), *below = getenv("CHAT_FAULT_FOLDER");
    if (!control || !below || !realpath(below, folder)) return;
    snprintf(logs, sizeof logs, "%s.logs", control);
    int fd = open(control, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *map = mmap(NULL, WORDS * sizeof *words, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) return;
    words = map;
    add(ATTACHED, 1);
}

/* The path of an open file that lies below the folder. */
static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t above = strlen(folder);
    return above && !strncmp(path, folder, above) && path[above] == '/' && !strstr(path, " (deleted)");
}

/* What is known of an open file; NULL where it is none of ours. Told anew when it is not known yet. */
static struct file *file_of(int fd, struct stat *stat) {
    if (words == none || fstat(fd, stat) || !S_ISREG(stat->st_mode)) return NULL;
    struct file *file = NULL;
    pthread_mutex_lock(&table);
    for (int i = 0; i < used && !file; i++)
        if (files[i].inode == stat->st_ino && files[i].device == stat->st_dev) file = &files[i];
    if (!file && used < (int)(sizeof files / sizeof *files)) {
        char path[PATH_MAX];
        file = &files[used++];
        *file = (struct file){ stat->st_dev, stat->st_ino, path_of(fd, path), 0, -1, 0, 0, PTHREAD_MUTEX_INITIALIZER };
        file->is_wal = file->watched && strlen(path) > 4 && !strcmp(path + strlen(path) - 4, "-wal");
    }
    pthread_mutex_unlock(&table);
    return file && file->watched ? file : NULL;
}

static void append(struct file *file, struct header header, void *old) {
    struct iovec parts[] = { { &header, sizeof header }, { old, header.length } };
    if (writev(file->log, parts, 2) > 0) file->logged++;
}

/* Opens the log of a file, which begins with the file's path. */
static int has_log(struct file *file, int fd) {
    char path[PATH_MAX + 64] = { 0 };
    if (file->log < 0) {
        snprintf(path, sizeof path, "%s/%lu.log", logs, (unsigned long)file->inode);
        /* What a process before this one has left unsynced still is. */
        file->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        file->logged = file->log >= 0 && lseek(file->log, 0, SEEK_END) > 0;
        memset(path, 0, sizeof path);
    }
    if (file->logged) return 1;
    return file->log >= 0 && path_of(fd, path) && real_write(file->log, path, PATH_MAX) == PATH_MAX;
}

/* Keeps the bytes that are about to be written over or cut off. */
static void record(struct file *file, int fd, uint64_t size, uint64_t from, uint64_t to) {
    if (!words[RECORD] || !has_log(file, fd)) return;
    uint64_t kept = to < size ? to : size, length = kept > from ? kept - from : 0;
    char *old = malloc(length + 1);
    if (!old) return;
    ssize_t got = length ? pread(fd, old, length, from) : 0;
    append(file, (struct header){ OLD_BYTES, from, to - from, size, got < 0 ? 0 : got }, old);
    free(old);
    add(RECORDS, 1);
}

/* Whether the file may grow to this size. */
static int has_room(uint64_t size, uint64_t end) {
    if (words[ROOM] < 0 || end <= size) return 1;
    int64_t room = words[ROOM], growth = end - size;
    while (room >= growth)
        if (__atomic_compare_exchange_n(&words[ROOM], &room, room - growth, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return 1;
    add(NO_ROOM, 1);
    return 0;
}

/* What is cut off or removed can be had again. */
static void give_back(uint64_t bytes) {
    int64_t room = words[ROOM];
    while (room >= 0)
        if (__atomic_compare_exchange_n(&words[ROOM], &room, room + bytes, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return;
}

/* Before a write: keeps what is there, and says whether there is room. Leaves the file locked. */
static struct file *before(int fd, int64_t offset, size_t count, int *refused) {
    struct stat stat;
    *refused = 0;
    if (!words[RECORD] && words[ROOM] < 0) return NULL;
    struct file *file = file_of(fd, &stat);
    if (!file) return NULL;
    pthread_mutex_lock(&file->lock);
    fstat(fd, &stat);
    if (offset < 0) offset = fcntl(fd, F_GETFL) & O_APPEND ? stat.st_size : lseek(fd, 0, SEEK_CUR);
    *refused = !has_room(stat.st_size, offset + count);
    if (!*refused) record(file, fd, stat.st_size, offset, offset + count);
    return file;
}

static ssize_t after(struct file *file, ssize_t result) {
    int error = errno;
    if (file) pthread_mutex_unlock(&file->lock);
    errno = error;
    return result;
}

static ssize_t no_room(void) { errno = ENOSPC; return -1; }

ssize_t write(int fd, const void *bytes, size_t count) {
    int refused;
    find();
    struct file *file = before(fd, -1, count, &refused);
    return after(file, refused ? no_room() : real_write(fd, bytes, count));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    int refused;
    find();
    struct file *file = before(fd, offset, count, &refused);
    return after(file, refused ? no_room() : real_pwrite(fd, bytes, count, offset));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

int ftruncate64(int fd, off64_t length) {
    struct stat stat;
    find();
    struct file *file = words[RECORD] || words[ROOM] >= 0 ? file_of(fd, &stat) : NULL;
    if (!file) return real_ftruncate(fd, length);
    pthread_mutex_lock(&file->lock);
    fstat(fd, &stat);
    int refused = !has_room(stat.st_size, length), cuts = length < stat.st_size;
    if (!refused) record(file, fd, stat.st_size, cuts ? length : stat.st_size, cuts ? stat.st_size : length);
    int result = refused ? no_room() : real_ftruncate(fd, length);
    if (!result && cuts) give_back(stat.st_size - length);
    return after(file, result);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* Whether there was one left of those that are to happen so often. */
static int take(enum word word) {
    for (int64_t left = words[word]; left > 0;)
        if (__atomic_compare_exchange_n(&words[word], &left, left - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return 1;
    return 0;
}

static int sync_with(int (*real)(int), int fd) {
    struct stat stat;
    struct file *file = file_of(fd, &stat);
    if (!file) return real(fd);
    add(SYNCS, 1);
    if (words[SKIP_COMMITS] && file->is_wal) return 0;
    int64_t delay = words[SYNC_DELAY];
    if (delay > 0) {
        struct timespec pause = { delay / 1000, delay % 1000 * 1000000 };
        add(DELAYED_SYNCS, 1);
        nanosleep(&pause, NULL);
    }
    pthread_mutex_lock(&file->lock);
    int fails = take(FAIL_SYNCS) || (!file->is_wal && take(FAIL_OTHERS));
    int result = fails ? -1 : real(fd);
    if (fails && file->logged) file->is_lossy = 1;
    if (file->is_lossy)
        append(file, (struct header){ .kind = result ? SYNC_FAILED : SYNCED }, NULL);
    else if (!result && file->logged && !real_ftruncate(file->log, 0))
        file->logged = 0;
    if (fails) {
        add(FAILED_SYNCS, 1);
        errno = EIO;
    }
    return after(file, result);
}

int fsync(int fd) { find(); return sync_with(real_fsync, fd); }

int fdatasync(int fd) { find(); return sync_with(real_fdatasync, fd); }

/* A file that is gone has nothing to lose, and another may get its number. */
int unlink(const char *path) {
    struct stat stat;
    find();
    int known = words != none && !lstat(path, &stat);
    int result = real_unlink(path);
    if (result || !known) return result;
    pthread_mutex_lock(&table);
    for (int i = 0; i < used; i++) {
        if (files[i].inode != stat.st_ino || files[i].device != stat.st_dev) continue;
        files[i].inode = 0;
        if (files[i].watched) give_back(stat.st_size);
        if (files[i].log >= 0 && !real_ftruncate(files[i].log, 0)) files[i].logged = 0;
    }
    pthread_mutex_unlock(&table);
    return result;
}

static int64_t shift(void) {
    int64_t micros = words[CLOCK];
    if (micros) add(SHIFTED_CLOCKS, 1);
    return micros;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    find();
    int result = real_clock_gettime(clock, now);
    if (result || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
    int64_t nanos = now->tv_nsec + shift() * 1000;
    int64_t seconds = nanos / 1000000000, rest = nanos % 1000000000;
    if (rest < 0) { seconds--; rest += 1000000000; }
    now->tv_sec += seconds;
    now->tv_nsec = rest;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &exact);
    *now = (struct timeval){ exact.tv_sec, exact.tv_nsec / 1000 };
    return result;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}

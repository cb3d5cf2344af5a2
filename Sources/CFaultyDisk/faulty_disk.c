#include "faulty_disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- What the disk remembers ------------------------------------------------------------------------------------ */

/* One write or truncation that no sync has made durable yet, with what it takes to undo and to redo it. */
typedef struct change {
    struct change *older;
    struct change *newer;
    char *path;
    bool is_truncation;
    bool is_given_up;          /* a sync has failed: no later one makes it durable */
    sqlite3_int64 offset;      /* of a truncation: the new size */
    sqlite3_int64 size_before; /* of the file */
    int before_count;          /* bytes the change destroyed */
    int after_count;           /* bytes the change wrote */
    unsigned char *before;
    unsigned char *after;
} change;

typedef struct {
    int64_t at; /* counts down; 1 means the next one; 0 means never */
    int code;
    bool persistently;
} trap;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
#define GUARDED(statements) do { pthread_mutex_lock(&guard); statements; pthread_mutex_unlock(&guard); } while (0)
static change *oldest, *newest;
static trap write_trap, sync_trap, power_trap;
static uint64_t power_seed;
static bool is_off;
static int64_t writes, syncs, failures;
static int pause_microseconds;

/* Counts one operation down; answers whether the trap has gone off. */
static bool springs(trap *trap) {
    if (trap->at == 0) return false;
    if (trap->at > 1) {
        trap->at -= 1;
        return false;
    }
    if (!trap->persistently) trap->at = 0;
    return true;
}

static void forget(change *gone) {
    if (gone->older) gone->older->newer = gone->newer; else oldest = gone->newer;
    if (gone->newer) gone->newer->older = gone->older; else newest = gone->older;
    free(gone->path);
    free(gone->before);
    free(gone->after);
    free(gone);
}

/* Forgets the changes of one file, or of all when `path` is NULL. */
static void forget_changes(const char *path) {
    for (change *each = oldest, *next; each; each = next) {
        next = each->newer;
        if (!path || strcmp(each->path, path) == 0) forget(each);
    }
}

static bool covers(const change *newer, const change *older) {
    return strcmp(newer->path, older->path) == 0 && newer->offset <= older->offset
        && (newer->is_truncation || newer->offset + newer->after_count >= older->offset + older->after_count);
}

/* A sync makes durable what was written since the last one, and with that what was written over. */
static void make_durable(const char *path) {
    for (change *each = newest, *next; each; each = next) {
        next = each->older;
        if (each->is_given_up || strcmp(each->path, path) != 0) continue;
        for (change *older = each->older, *before; older; older = before) {
            before = older->older;
            if (older->is_given_up && covers(each, older)) {
                if (next == older) next = before;
                forget(older);
            }
        }
        forget(each);
    }
}

/* Linux takes pages for clean that it could not write. */
static void give_up(const char *path) {
    for (change *each = oldest; each; each = each->newer)
        if (strcmp(each->path, path) == 0) each->is_given_up = true;
}

/* How many syncs of a file have failed. */
typedef struct failed_syncs {
    struct failed_syncs *next;
    char *path;
    int64_t count;
} failed_syncs;

static failed_syncs *all_failed_syncs;

static int64_t *failed_syncs_of(const char *path) {
    for (failed_syncs *each = all_failed_syncs; each; each = each->next)
        if (strcmp(each->path, path) == 0) return &each->count;
    failed_syncs *new = calloc(1, sizeof *new);
    new->path = strdup(path);
    new->next = all_failed_syncs;
    all_failed_syncs = new;
    return &new->count;
}

static void forget_failed_syncs(void) {
    for (failed_syncs *each = all_failed_syncs, *next; each; each = next) {
        next = each->next;
        free(each->path);
        free(each);
    }
    all_failed_syncs = NULL;
}

/* ---- The power cut ---------------------------------------------------------------------------------------------- */

/* Past SQLite, straight to the file. Closing the descriptor drops SQLite's locks on it, which is what the death of the
   machine does too. */
static void put(const change *change, const unsigned char *bytes, int count, sqlite3_int64 offset, sqlite3_int64 cut_to) {
    int file = open(change->path, O_RDWR);
    if (file < 0) return;
    if (count > 0 && pwrite(file, bytes, (size_t)count, offset) != count) abort();
    if (cut_to >= 0 && lseek(file, 0, SEEK_END) > cut_to && ftruncate(file, cut_to) != 0) abort();
    close(file);
}

static bool survives(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (*seed >> 33) & 1;
}

static void cut_power(uint64_t seed) {
    is_off = true;
    for (change *each = newest; each; each = each->older)
        put(each, each->before, each->before_count, each->offset, each->size_before);
    for (change *each = oldest; seed && each; each = each->newer)
        if (survives(&seed)) put(each, each->after, each->after_count, each->offset, each->is_truncation ? each->offset : -1);
    forget_changes(NULL);
}

/* ---- One file --------------------------------------------------------------------------------------------------- */

typedef struct {
    sqlite3_file base;
    sqlite3_file *real;
    const char *path; /* NULL for a temporary file, which nobody misses after a power cut */
    int64_t failures_heard; /* of the failed syncs of this path */
} faulty_file;

static sqlite3_file *real_file(sqlite3_file *file) { return ((faulty_file *)file)->real; }

/* Keeps what a change of `count` bytes at `offset` is about to destroy. */
static void remember(faulty_file *file, const void *bytes, int count, sqlite3_int64 offset, bool is_truncation) {
    change *new = calloc(1, sizeof *new);
    sqlite3_int64 size = 0;
    file->real->pMethods->xFileSize(file->real, &size);
    sqlite3_int64 end = is_truncation || offset + count > size ? size : offset + count;
    new->path = strdup(file->path);
    new->is_truncation = is_truncation;
    new->offset = offset;
    new->size_before = size;
    new->before_count = end > offset ? (int)(end - offset) : 0;
    new->before = malloc((size_t)new->before_count + 1);
    if (new->before_count > 0) file->real->pMethods->xRead(file->real, new->before, new->before_count, offset);
    new->after_count = is_truncation ? 0 : count;
    new->after = malloc((size_t)count + 1);
    if (!is_truncation) memcpy(new->after, bytes, (size_t)count);
    new->older = newest;
    if (newest) newest->newer = new; else oldest = new;
    newest = new;
}

/* What an operation answers instead of being done; SQLITE_OK when it may be done. */
static int refusal(trap *own, int code_when_off) {
    if (!is_off && springs(&power_trap)) cut_power(power_seed);
    int code = is_off ? code_when_off : own && springs(own) ? own->code : SQLITE_OK;
    if (code != SQLITE_OK) failures += 1;
    return code;
}

static int faulty_close(sqlite3_file *file) {
    int code = real_file(file)->pMethods->xClose(real_file(file));
    free((void *)((faulty_file *)file)->path);
    return code;
}

static int faulty_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    pthread_mutex_lock(&guard);
    bool off = is_off;
    pthread_mutex_unlock(&guard);
    return off ? SQLITE_IOERR_READ : real_file(file)->pMethods->xRead(real_file(file), bytes, count, offset);
}

static bool is_log(const char *path) {
    size_t length = path ? strlen(path) : 0;
    return length > 4 && strcmp(path + length - 4, "-wal") == 0;
}

static int faulty_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    pthread_mutex_lock(&guard);
    int pause = is_log(((faulty_file *)file)->path) ? 0 : pause_microseconds;
    pthread_mutex_unlock(&guard);
    if (pause > 0) usleep((useconds_t)pause);
    pthread_mutex_lock(&guard);
    writes += 1;
    int code = refusal(&write_trap, SQLITE_IOERR_WRITE);
    if (code == SQLITE_OK) {
        if (((faulty_file *)file)->path) remember((faulty_file *)file, bytes, count, offset, false);
        code = real_file(file)->pMethods->xWrite(real_file(file), bytes, count, offset);
    }
    pthread_mutex_unlock(&guard);
    return code;
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size) {
    pthread_mutex_lock(&guard);
    int code = refusal(NULL, SQLITE_IOERR_TRUNCATE);
    if (code == SQLITE_OK) {
        if (((faulty_file *)file)->path) remember((faulty_file *)file, NULL, 0, size, true);
        code = real_file(file)->pMethods->xTruncate(real_file(file), size);
    }
    pthread_mutex_unlock(&guard);
    return code;
}

/* The real disk is not asked: what counts is what SQLite asks for, and thousands of stories would wait for it. */
static int faulty_sync(sqlite3_file *file, int flags) {
    (void)flags;
    pthread_mutex_lock(&guard);
    syncs += 1;
    int code = refusal(&sync_trap, SQLITE_IOERR_FSYNC);
    faulty_file *own = (faulty_file *)file;
    if (own->path) {
        int64_t *failed = failed_syncs_of(own->path);
        if (code == SQLITE_OK) {
            make_durable(own->path);
            /* Somebody else's failed, and took what this one wrote before: each who has the file open hears of it once. */
            if (own->failures_heard < *failed) code = SQLITE_IOERR_FSYNC;
        } else {
            give_up(own->path);
            *failed += 1;
        }
        own->failures_heard = *failed;
    }
    pthread_mutex_unlock(&guard);
    return code;
}

/* The rest is passed on as it is. */
#define REAL real_file(file)->pMethods
static int faulty_size(sqlite3_file *file, sqlite3_int64 *size) { return REAL->xFileSize(real_file(file), size); }
static int faulty_lock(sqlite3_file *file, int level) { return REAL->xLock(real_file(file), level); }
static int faulty_unlock(sqlite3_file *file, int level) { return REAL->xUnlock(real_file(file), level); }
static int faulty_check(sqlite3_file *file, int *held) { return REAL->xCheckReservedLock(real_file(file), held); }
static int faulty_control(sqlite3_file *file, int what, void *with) { return REAL->xFileControl(real_file(file), what, with); }
static int faulty_sector(sqlite3_file *file) { return REAL->xSectorSize(real_file(file)); }
static int faulty_traits(sqlite3_file *file) { return REAL->xDeviceCharacteristics(real_file(file)); }
static int faulty_map(sqlite3_file *file, int page, int size, int extend, void volatile **at) {
    return REAL->xShmMap(real_file(file), page, size, extend, at);
}
static int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return REAL->xShmLock(real_file(file), offset, count, flags);
}
static void faulty_barrier(sqlite3_file *file) { REAL->xShmBarrier(real_file(file)); }
static int faulty_unmap(sqlite3_file *file, int delete) { return REAL->xShmUnmap(real_file(file), delete); }

/* Version 2: with shared memory for the log's index, without memory-mapped reading, which would pass by this layer. */
static const sqlite3_io_methods methods = {
    .iVersion = 2, .xClose = faulty_close, .xRead = faulty_read, .xWrite = faulty_write, .xTruncate = faulty_truncate,
    .xSync = faulty_sync, .xFileSize = faulty_size, .xLock = faulty_lock, .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_check, .xFileControl = faulty_control, .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_traits, .xShmMap = faulty_map, .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_barrier, .xShmUnmap = faulty_unmap,
};

/* ---- The file layer --------------------------------------------------------------------------------------------- */

static sqlite3_vfs layer;

static sqlite3_vfs *system_layer(void) { return (sqlite3_vfs *)layer.pAppData; }

static int layer_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *opened, int flags, int *flags_out) {
    (void)vfs;
    faulty_file *file = (faulty_file *)opened;
    pthread_mutex_lock(&guard);
    bool off = is_off;
    pthread_mutex_unlock(&guard);
    file->base.pMethods = NULL; /* tells SQLite not to close a file that did not open */
    if (off) return SQLITE_CANTOPEN;
    file->real = (sqlite3_file *)&file[1];
    int code = system_layer()->xOpen(system_layer(), path, file->real, flags, flags_out);
    if (code != SQLITE_OK) return code;
    file->path = path ? strdup(path) : NULL;
    if (path) GUARDED(file->failures_heard = *failed_syncs_of(path));
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

static int layer_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    (void)vfs;
    pthread_mutex_lock(&guard);
    int code = is_off ? SQLITE_IOERR_DELETE : system_layer()->xDelete(system_layer(), path, sync_folder);
    if (code == SQLITE_OK) forget_changes(path);
    pthread_mutex_unlock(&guard);
    return code;
}

int faulty_disk_register(void) {
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    if (sqlite3_vfs_find(FAULTY_DISK_NAME)) return SQLITE_OK;
    if (!system) return SQLITE_ERROR;
    layer = *system;
    layer.pNext = NULL;
    layer.zName = FAULTY_DISK_NAME;
    layer.pAppData = system;
    layer.szOsFile = (int)sizeof(faulty_file) + system->szOsFile;
    layer.xOpen = layer_open;
    layer.xDelete = layer_delete;
    return sqlite3_vfs_register(&layer, 0);
}

/* ---- What tests ask for ----------------------------------------------------------------------------------------- */

void faulty_disk_reset(void) {
    GUARDED(forget_changes(NULL); forget_failed_syncs(); is_off = false; writes = syncs = failures = 0; pause_microseconds = 0;
            write_trap.at = 0; sync_trap.at = 0; power_trap.at = 0);
}

void faulty_disk_fail_write(int64_t n, int code, bool persistently) {
    GUARDED(write_trap.at = n; write_trap.code = code; write_trap.persistently = persistently);
}

void faulty_disk_fail_sync(int64_t n, int code, bool persistently) {
    GUARDED(sync_trap.at = n; sync_trap.code = code; sync_trap.persistently = persistently);
}

void faulty_disk_slow_file(int microseconds) { GUARDED(pause_microseconds = microseconds); }

void faulty_disk_cut_power_at(int64_t n, uint64_t seed) { GUARDED(power_trap.at = n; power_seed = seed); }

void faulty_disk_power_cut(uint64_t seed) { GUARDED(cut_power(seed)); }

static int64_t guarded(const int64_t *counter) {
    int64_t value;
    GUARDED(value = *counter);
    return value;
}

int64_t faulty_disk_writes(void) { return guarded(&writes); }
int64_t faulty_disk_syncs(void) { return guarded(&syncs); }
int64_t faulty_disk_failures(void) { return guarded(&failures); }

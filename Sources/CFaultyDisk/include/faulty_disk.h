#ifndef MEDICONNECT_FAULTY_DISK_H
#define MEDICONNECT_FAULTY_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* A disk that fails on demand: a layer between SQLite and the system's own file layer, for tests.

   There is one such disk in a process. Tests that use it run one after the other. */

/* Makes the disk known to SQLite under FAULTY_DISK_NAME. Safe to repeat. Returns a SQLite code. */
#define FAULTY_DISK_NAME "faulty-disk"
int faulty_disk_register(void);

/* Healthy again, counters at zero, nothing remembered. Call it when no file is open. */
void faulty_disk_reset(void);

/* The n-th write (sync) from now on, counted from 1, fails with `code`, a SQLite result code; with `persistently` every
   later one too. A failed write writes nothing. What a failed sync did not make durable no later one does: the system takes it for
   written, as Linux does; and whoever else has the file open is told by the next sync of their own, as Linux does since 4.13
   (fsync(2)). 0 means never. */
void faulty_disk_fail_write(int64_t n, int code, bool persistently);
void faulty_disk_fail_sync(int64_t n, int code, bool persistently);

/* Each write to the file itself, not its log, takes so long: others go on meanwhile. */
void faulty_disk_slow_file(int microseconds);

/* The power goes at the n-th operation from now on (writes, truncations and syncs count), which does not happen any more.
   See faulty_disk_power_cut. 0 means never. */
void faulty_disk_cut_power_at(int64_t n, uint64_t seed);

/* The power goes now: the files get back what they held at their last sync, and every later operation fails until
   faulty_disk_reset. A real disk may have kept some of the rest, in any order: a seed other than 0 decides which of the
   unsynced writes survive. The deletion of a file is taken as durable at once. */
void faulty_disk_power_cut(uint64_t seed);

/* Since the last reset. */
int64_t faulty_disk_writes(void);
int64_t faulty_disk_syncs(void);
/* How many operations were made to fail, those after a power cut included. */
int64_t faulty_disk_failures(void);

#endif

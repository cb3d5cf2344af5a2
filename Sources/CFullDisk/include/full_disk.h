#ifndef FULL_DISK_H
#define FULL_DISK_H

/* Loaded before a program's own libraries (LD_PRELOAD), this fills its disk: as long as the file named by
 * MEDICONNECT_FULL_DISK exists, no file in a folder called "base", where PostgreSQL keeps tables and temporary files, grows. What
 * is overwritten is overwritten, as on a real disk, and the log has a disk of its own. */

#endif

#ifndef MEDICONNECT_CSQLITE_SHIM_H
#define MEDICONNECT_CSQLITE_SHIM_H

#include <sqlite3.h>

/* Swift cannot call C functions with variable arguments; these stand in for the two calls that are needed. */

/* Without memory statistics an allocation inside SQLite does not take a lock shared by all connections. Must be called
   before the first connection is opened; later calls are refused and change nothing. */
static inline int csqlite_config_no_memory_statistics(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* Switches one of the SQLITE_DBCONFIG_… options on (1) or off (0). */
static inline int csqlite_set_option(sqlite3 *database, int option, int value) {
    return sqlite3_db_config(database, option, value, (int *)0);
}

/* Makes durable what has been written to the database file, not the log. Returns a SQLite code. */
static inline int csqlite_sync_file(sqlite3 *database) {
    sqlite3_file *file = 0;
    int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code != SQLITE_OK || file == 0 || file->pMethods == 0) return code;
    return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

#endif

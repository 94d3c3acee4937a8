// How long a new version of the script is waited for.
//
// Times are on the monotonic clock, so a spec can turn them.

#ifndef OD_MAIN_VERSIONS_LIMITS_H
#define OD_MAIN_VERSIONS_LIMITS_H

#define OD_WATCH_LOOK_MS 5   // From the first news of a directory to a look at its files.
#define OD_WATCH_QUIET_MS 30 // So long no file has changed: the save is over.
// For a worker to load it, after a dry run went well: it is killed.
#define OD_RELOAD_LOAD_MS_MAX 10000

#endif

// What the server allows, and for how long it waits, with a name each. Limits of its parts are in
// limits.h of their folders.
//
// Times are on the monotonic clock, so a spec can turn them.

#ifndef OD_MAIN_LIMITS_H
#define OD_MAIN_LIMITS_H

#define OD_STARTS_AWAITED_MAX 3   // After so many failed starts no request waits for a worker.
#define OD_JOIN_LINKS_MS_MAX 3000 // A node that joins waits so long for links with all others.

#define OD_SUCCESSOR_MS_MAX 15000 // A program that has not said by then whether it can take over.
#define OD_UPGRADE_DISK_MS_MAX 10000  // For the disk to take what was written, before an upgrade,
#define OD_UPGRADE_LEAVE_MS_MAX 20000 // and for the workers to go and what they wrote to be there.

#endif

// The limits of storage, each with a name. Those that a script can reach are checked by the
// bindings (key, value) or come back as an error (batch, list); the others keep one step of the
// committer short.

#ifndef OD_STORE_LIMITS_H
#define OD_STORE_LIMITS_H

#define OD_STORE_KEY_BYTES_MAX 2048u
#define OD_STORE_VALUE_BYTES_MAX ((2u << 20) + 64u) // 2 MiB and the format around them.
#define OD_STORE_NAMESPACE_BYTES_MAX 64u
#define OD_STORE_NAME_BYTES_MAX 4096u

#define OD_STORE_ALARM_NAME_BYTES_MAX 256u   // Of a schedule,
#define OD_STORE_ALARM_BODY_BYTES_MAX 32768u // and all of it but its times.

#define OD_STORE_PAGE_BYTES 4080u // Of a page of a database: what fits one of LMDB's.

// Key and value of a write that waits in a worker: with no more it takes a block of a slab.
#define OD_STORE_SMALL_BYTES 160u
#define OD_STORE_SPARE_BATCH_BYTES (64u << 10) // Of the memory that goes from batch to batch.

// What one object can write in one synchronous stretch, encoded.
#define OD_STORE_BATCH_BYTES_MAX (32u << 20)
// A worker's submission is closed once it is this long. With one more batch it still fits a message
// of a link.
#define OD_STORE_SUBMISSION_BYTES (4u << 20)
// What a worker may have on its way to the disk: above the first it runs no script until it is
// below the second. So a script that writes faster than the disk waits, and main does not grow.
#define OD_STORE_ON_WAY_BYTES_MAX (64u << 20)
#define OD_STORE_ON_WAY_BYTES_LOW (32u << 20)
// The committer takes no more into one group (but always one submission), so that no group holds up
// the next for long. After a crash the start plays one beside OD_STORE_UNAPPLIED_BYTES: both
// together, of the smallest values there are, are to take less than a second.
#define OD_STORE_GROUP_BYTES (3u << 20)
// What the journal has and LMDB has not gathers so long, or until it is so much, or until there are
// as many writes as the transaction before would have made in OD_STORE_APPLY_BUSY_US of the
// processor's time. The longer it is, the fewer pages are written for each; but who waits for what
// LMDB has (a worker in the place of another, an alarm) waits for a whole one.
#define OD_STORE_APPLY_US INT64_C(250000)
#define OD_STORE_APPLY_BUSY_US INT64_C(50000)
#define OD_STORE_APPLY_WRITES_MIN 64u
#define OD_STORE_GATHERING_BYTES (2u << 20)
// With more than that, one transaction and what has gathered meanwhile, the journal waits until
// there is less; from half of it on each group waits a moment, the longer the more it is.
#define OD_STORE_UNAPPLIED_BYTES (4u << 20)
#define OD_STORE_APPLY_DELAY_US_MAX INT64_C(20000)
#define OD_STORE_APPLY_RETRY_US INT64_C(100000) // When LMDB could not take it.
#define OD_STORE_APPLY_TRIES_MAX 3u             // Where that does not mean a full disk.
// Room on the disk that is set aside for LMDB: for each submission, at least, and beyond what is
// needed at once.
#define OD_STORE_RESERVE_EACH_BYTES (16u << 10)
#define OD_STORE_RESERVE_LEAST_BYTES (256u << 10)
#define OD_STORE_RESERVE_BYTES (4u << 20)

#define OD_STORE_JOURNAL_ID_BYTES 16u
#define OD_STORE_JOURNAL_SEGMENT_BYTES (16u << 20) // One with a larger group is larger.
#define OD_STORE_JOURNAL_SMALL_BYTES (256u << 10)  // On a disk without that room, and for specs.
#define OD_STORE_JOURNAL_KEPT_BYTES (1u << 20)     // Of the buffer, between groups.
#define OD_STORE_JOURNAL_AHEAD_BYTES (256u << 10) // Of a new segment, written with zeros at a time.

#define OD_STORE_CLOCK_BACK_MS 1000 // A clock set back by less is none that was set back.

#define OD_STORE_COPY_BYTES (128u << 10)      // At a time, of a backup: it stays in the cache.
#define OD_STORE_BEHIND_US 5000               // Between two looks at a file that grows.
#define OD_STORE_BASE_LEFT_BYTES (256u << 20) // Of the disk, beside a base that is made.

// The snapshot that one list() makes.
#define OD_STORE_LIST_BYTES_MAX (64u << 20)
#define OD_STORE_LIST_PIECE_BYTES (512u << 10) // At a time: it is copied while it is in the cache.
#define OD_STORE_LIST_PIECE_PAIRS 1024u
#define OD_STORE_LIST_PART_BYTES (4u << 20) // Then others have a go, or behind so many pieces.
#define OD_STORE_LIST_PART_PIECES 8u

#define OD_STORE_FORGET_ENTRIES 4096u // Of what lies over LMDB, in a turn, when LMDB has it.

#define OD_STORE_MARKS_MAX 32u // Of objects that are exported at a time.

// How much of the trash one transaction sweeps.
#define OD_STORE_SWEEP_ENTRIES 10000u
#define OD_STORE_SWEEP_BYTES (64u << 20)

// Address space for the data file; tried from the largest down to the smallest.
#define OD_STORE_MAP_BYTES_MAX (1ull << 40)
#define OD_STORE_MAP_BYTES_MIN (1ull << 30)

// How many pages of a tree are looked at before it is served; see file_check.h.
#define OD_STORE_CHECK_PAGES_MAX 4096u
// How much of the list of free pages is looked at before each transaction: more than the largest
// group fills.
#define OD_STORE_FREE_PAGES_LOOK 65536u

#define OD_STORE_READERS_MAX 1024u // Processes that read at once: workers, and those that died.
#define OD_STORE_GROUPS_PER_READER_CHECK 1000u

#endif

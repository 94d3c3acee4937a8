// The limits of the tools, each with a name.

#ifndef OD_BASE_LIMITS_H
#define OD_BASE_LIMITS_H

// What one process logs: so much at once, and so much a second. A script that logs without end
// fills no disk; a worker that logs each of ten thousand requests a second is far below it.
#define OD_LOG_BURST_BYTES (16u << 20)
#define OD_LOG_BYTES_PER_SECOND (4u << 20)
// What a pipe holds for whoever reads the log and is busy; more is dropped.
#define OD_LOG_PIPE_BYTES (1u << 20)
// Of the last lines, kept for whoever asks for them (open-do log).
#define OD_LOG_RECENT_BYTES (64u << 10)
#define OD_LOG_TELL_MS 1000 // How often it is told what was dropped.

#define OD_LOG_LAST_WORDS_MS 1000 // How long a process that dies waits for who reads its log.

#endif

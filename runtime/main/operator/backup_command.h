// `open-do backup` and `open-do restore`: what they say, and how far they are (store/backup.h,
// store/restore.h). They work on the directories themselves and ask no running program.

#ifndef OD_MAIN_OPERATOR_BACKUP_COMMAND_H
#define OD_MAIN_OPERATOR_BACKUP_COMMAND_H

#include "link/options.h"

enum od_exit od_backup_command_run(const struct od_options *options);
enum od_exit od_restore_command_run(const struct od_options *options);

#endif

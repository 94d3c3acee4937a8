// What a person is told to do about a data directory that is damaged.
//
// Where it has a history (base.h) nothing that was acknowledged is lost, and whoever begins with an
// empty one, or with a backup of yesterday, throws it away: so the folder is looked at before
// anything is recommended.
//
// Private to the layer. Thread: any.

#ifndef OD_STORE_ADVICE_H
#define OD_STORE_ADVICE_H

// To be put behind what is wrong.
const char *od_advice_damaged(const char *directory);

#endif

// Facts for an operator, as bytes: what is known of an object, or of a socket of it, each under a
// name, in the order in which it is to be read.
//
// Encoded: records, each (u8 kind, str name, value)* and a zero byte. A name that is an item occurs
// as often as its list has items.

#ifndef OD_LINK_FACTS_H
#define OD_LINK_FACTS_H

#include "base/bytes.h"

enum od_fact_kind {
    OD_FACT_END,
    OD_FACT_NUMBER, // u64
    OD_FACT_TEXT,   // str
    OD_FACT_ITEM,   // str, one of a list.
    OD_FACT_VALUE,  // str: bindings/value/value.h.
};

void od_facts_number(struct od_bytes *facts, const char *name, uint64_t number);
void od_facts_text(struct od_bytes *facts, const char *name, od_slice text);
void od_facts_item(struct od_bytes *facts, const char *name, od_slice item);
void od_facts_value(struct od_bytes *facts, const char *name, od_slice value);
void od_facts_end(struct od_bytes *facts); // Of a record.

#endif

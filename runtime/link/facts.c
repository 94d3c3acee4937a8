#include "link/facts.h"

static void begin(struct od_bytes *facts, enum od_fact_kind kind, const char *name)
{
    od_bytes_put_u8(facts, (uint8_t)kind);
    od_bytes_put_string(facts, od_slice_of(name));
}

static void put(struct od_bytes *facts, enum od_fact_kind kind, const char *name, od_slice value)
{
    begin(facts, kind, name);
    od_bytes_put_string(facts, value);
}

void od_facts_number(struct od_bytes *facts, const char *name, uint64_t number)
{
    begin(facts, OD_FACT_NUMBER, name);
    od_bytes_put_u64(facts, number);
}

void od_facts_text(struct od_bytes *facts, const char *name, od_slice text)
{
    put(facts, OD_FACT_TEXT, name, text);
}

void od_facts_item(struct od_bytes *facts, const char *name, od_slice item)
{
    put(facts, OD_FACT_ITEM, name, item);
}

void od_facts_value(struct od_bytes *facts, const char *name, od_slice value)
{
    put(facts, OD_FACT_VALUE, name, value);
}

void od_facts_end(struct od_bytes *facts)
{
    od_bytes_put_u8(facts, OD_FACT_END);
}

// How the status looks: for a person, and as JSON for machines. Both say the same.

#ifndef OD_MAIN_OPERATOR_STATUS_PAGE_H
#define OD_MAIN_OPERATOR_STATUS_PAGE_H

#include "main/operator/status.h"

// [reports] is what each worker has said (object/operator/report.h); empty: nothing.
void od_status_page_text(struct od_bytes *page, const struct od_status *status,
                         const struct od_bytes *reports);
void od_status_page_json(struct od_bytes *page, const struct od_status *status,
                         const struct od_bytes *reports, bool is_brief);

#endif

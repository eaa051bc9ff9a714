// What the sources that become dn_dataset_tensors add to it.
#ifndef DN_RUNTIME_ROWS_H
#define DN_RUNTIME_ROWS_H

#include "runtime/data/node.h"

// The report of a dataset made by dn_dataset_tensors, to be filled in while it is opened.
dn_report *dn_rows_report(dn_dataset *d);

#endif

// --report: what a program needs, told before it runs.
#ifndef DN_DRIVER_REPORT_H
#define DN_DRIVER_REPORT_H

#include "driver/options.h"

// --report=memory or --report=cost of every entry, to standard output.
dn_status dn_report_program(dn_compiler *compiler, const dn_options *options) DN_MUST_USE;

#endif

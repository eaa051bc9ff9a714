// What dnetc makes of a checked program: an executable, an object, or text to look at.
#ifndef DN_DRIVER_BUILD_H
#define DN_DRIVER_BUILD_H

#include "driver/options.h"

// --emit=kernel, llvm or asm, to standard output.
dn_status dn_build_emit(dn_compiler *compiler, const dn_options *options) DN_MUST_USE;
// -o, -c, -S: writes options->output.
dn_status dn_build_output(dn_compiler *compiler, const dn_options *options) DN_MUST_USE;

#endif

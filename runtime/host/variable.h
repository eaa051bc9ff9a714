// Values for a program's variables.
#ifndef DN_RUNTIME_VARIABLE_H
#define DN_RUNTIME_VARIABLE_H

#include "runtime/host/program.h"

// A stored tensor as the variable's value, a new one: a float may become another. DN_INVALID when
// it is of another type.
dn_status dn_variable_convert(const dn_variable *variable, const dn_tensor *stored,
                              dn_tensor **out) DN_MUST_USE;
// The first value of variable `index`, made by its entry.
dn_status dn_variable_first(const dn_program *program, int index, const dn_executor *executor,
                            uint64_t seed, dn_tensor **out) DN_MUST_USE;

#endif

// The host functions: `extern command` of stdlib/host.dnet.
#ifndef DN_RUNTIME_HOST_BUILTINS_H
#define DN_RUNTIME_HOST_BUILTINS_H

#include "runtime/host/run.h"

// A call of one: the arguments in the order of stdlib/host.dnet, none left out; they stay the
// caller's. *result is none until the function says otherwise.
typedef struct dn_call {
    dn_run *run;
    int builtin;
    const dn_value *args;
    dn_value *result;
} dn_call;

typedef dn_status dn_builtin_function(const dn_call *call);

#define BUILTIN(name, kind, parameters) dn_builtin_function dn_builtin_##name;
#include "runtime/host/builtins.def"
#undef BUILTIN

int dn_builtin_arity(int builtin);  // -1 if there is no such function
const char *dn_builtin_name(int builtin);
bool dn_builtin_is_dataset(int builtin);  // its result is a dataset, made from its arguments alone
bool dn_builtin_acts(int builtin);        // it may print, read or write, not only compute
dn_status dn_builtin_call(dn_run *run, int builtin, const dn_value *args,
                          dn_value *result) DN_MUST_USE;

// Argument i as what it should be; else DN_INVALID: "`size` of batch should be an int, not a
// string".
dn_status dn_arg_wrong(const dn_call *call, int i, const char *expected) DN_MUST_USE;
dn_status dn_arg_bool(const dn_call *call, int i, bool *out) DN_MUST_USE;
dn_status dn_arg_int(const dn_call *call, int i, int64_t low, int64_t high,
                     int64_t *out) DN_MUST_USE;
dn_status dn_arg_float(const dn_call *call, int i, double *out) DN_MUST_USE;
dn_status dn_arg_text(const dn_call *call, int i, const char **out) DN_MUST_USE;
dn_status dn_arg_text_or_none(const dn_call *call, int i,
                              const char **out) DN_MUST_USE;                         // none: NULL
dn_status dn_arg_dataset(const dn_call *call, int i, dn_dataset **out) DN_MUST_USE;  // borrowed
dn_status dn_arg_tensor(const dn_call *call, int i, dn_tensor **out) DN_MUST_USE;    // borrowed
dn_status dn_arg_list(const dn_call *call, int i, const dn_list **out) DN_MUST_USE;
// A list of ints (or of numbers): at most `room` of them.
dn_status dn_arg_ints(const dn_call *call, int i, int room, int64_t *out, int *count) DN_MUST_USE;
dn_status dn_arg_floats(const dn_call *call, int i, int room, double *out, int *count) DN_MUST_USE;

#endif

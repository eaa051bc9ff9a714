// Accumulators of a LOOP kernel's reductions.
//
// Some points' accumulators are slots: one for each reduction, two (value, index) for ARGMAX and
// ARGMIN. Each has a lane for each result, or several lanes of one.
#ifndef DN_CODEGEN_LLVM_ACCUMULATE_H
#define DN_CODEGEN_LLVM_ACCUMULATE_H

#include "codegen/llvm/emit.h"

int dn_slots(const dn_kernel *kernel);
void dn_slots_start(dn_emit *e, int lanes, LLVMValueRef *slots);
// Adds the body's values of the lanes that exist.
void dn_slots_add(dn_emit *e, const dn_point *at, LLVMValueRef const *values, LLVMValueRef *slots);
// slots = slots and then `more`.
void dn_slots_join(dn_emit *e, LLVMValueRef *slots, LLVMValueRef const *more);
void dn_slots_join_lanes(dn_emit *e, LLVMValueRef *slots);  // to scalars
// Sets the RESULT values.
void dn_slots_finish(dn_emit *e, LLVMValueRef const *slots, LLVMValueRef *values);

#endif

// Elements of a buffer, one for each lane: what loads and stores of points are made of.
#ifndef DN_CODEGEN_LLVM_MEMORY_H
#define DN_CODEGEN_LLVM_MEMORY_H

#include "codegen/llvm/emit.h"

// Lane l is element base + l * stride + rows[l] of the argument's buffer.
typedef struct dn_place {
    int arg;
    LLVMValueRef base;    // an e->index
    int64_t stride;       // 0: all lanes are one element, unless there are rows
    LLVMValueRef rows;    // <lanes x index>, or NULL
    LLVMValueRef inside;  // i1, or one a lane: the row exists; NULL: of course
    int align;            // elements: a power of two that divides base; 0: unknown
} dn_place;

// Adds row * scale, after a check that row (of a dtype, scalar or a vector) is in [0, rows). One
// outside is reported in e->fault and is row 0 from then on.
void dn_place_row(dn_emit *e, dn_place *place, LLVMValueRef row, dn_dtype dtype, int64_t scale,
                  int64_t rows, const dn_point *at);
// A scalar where all lanes are one element.
LLVMValueRef dn_place_load(dn_emit *e, const dn_place *place, const dn_point *at);
// Lanes that do not exist, or whose row is not inside, are not stored. `value` may be a scalar.
// add: adds to what is there; lanes that are one element are added in order.
void dn_place_store(dn_emit *e, const dn_place *place, const dn_point *at, LLVMValueRef value,
                    bool add);

#endif

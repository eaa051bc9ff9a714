// Elements of a buffer: vectors where they are neighbours, else one by one.
#include "codegen/llvm/memory.h"

#include <stddef.h>
#include <string.h>

#include "runtime/native/native.h"

static dn_dtype dtype_of(dn_emit *e, const dn_place *p) {
    return e->kernels->buffers[e->kernel->args[p->arg]].dtype;
}

static LLVMValueRef extract(dn_emit *e, LLVMValueRef vector, int lane) {
    if (dn_emit_lanes(vector) == 1) return vector;
    return LLVMBuildExtractElement(e->builder, vector, dn_emit_i64(e, lane), "");
}

// The address of a lane.
static LLVMValueRef address(dn_emit *e, const dn_place *p, int64_t lane) {
    LLVMValueRef offset = p->base;
    if (p->rows) offset = LLVMBuildNSWAdd(e->builder, offset, extract(e, p->rows, (int)lane), "");
    LLVMValueRef first = dn_emit_address(e, e->args[p->arg], dtype_of(e, p), offset);
    if (lane * p->stride == 0) return first;
    return dn_emit_address(e, first, dtype_of(e, p), dn_emit_i64(e, lane * p->stride));
}

// How many lanes are loaded and stored.
static int existing(const dn_point *at) { return at->exist ? at->exist : at->lanes; }

// Sets what is known of the address of a load or store: a multiple of `align` elements.
static LLVMValueRef aligned(LLVMValueRef access, dn_dtype dtype, int align) {
    LLVMSetAlignment(access, (unsigned)dn_dtype_size(dtype) * (unsigned)(align ? align : 1));
    return access;
}

static LLVMValueRef load(dn_emit *e, dn_dtype dtype, int lanes, LLVMValueRef from, int align) {
    LLVMTypeRef type = dn_emit_over(e, dn_emit_memory(e, dtype), lanes);
    return aligned(LLVMBuildLoad2(e->builder, type, from, ""), dtype, align);
}

static void store(dn_emit *e, dn_dtype dtype, LLVMValueRef value, LLVMValueRef to, int align) {
    aligned(LLVMBuildStore(e->builder, value, to), dtype, align);
}

// An intrinsic that is overloaded on the type of its elements and that of their address.
static LLVMValueRef masked(dn_emit *e, const char *name, LLVMTypeRef type, LLVMTypeRef pointer,
                           LLVMValueRef *operands, int count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMTypeRef types[] = {type, pointer};
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, types, 2);
    LLVMTypeRef signature = LLVMIntrinsicGetType(e->context, id, types, 2);
    return LLVMBuildCall2(e->builder, signature, function, operands, (unsigned)count, "");
}

// `count` lanes: lane first, the one `step` behind it and so on; those behind the last are 0.
static LLVMValueRef pick(dn_emit *e, LLVMValueRef vector, int first, int step, int count) {
    LLVMValueRef order[64];
    int lanes = dn_emit_lanes(vector);
    if (first == 0 && step == 1 && count == lanes) return vector;
    if (count == 1) return extract(e, vector, first);
    if (lanes == 1) {
        LLVMValueRef zeros = LLVMConstNull(dn_emit_over(e, LLVMTypeOf(vector), count));
        return LLVMBuildInsertElement(e->builder, zeros, vector, dn_emit_i64(e, 0), "");
    }
    for (int l = 0; l < count; l++)
        order[l] =
            LLVMConstInt(e->i32, (unsigned long long)(l < lanes ? first + l * step : lanes), false);
    return LLVMBuildShuffleVector(e->builder, vector, LLVMConstNull(LLVMTypeOf(vector)),
                                  LLVMConstVector(order, (unsigned)count), "");
}

// ---- loads ----

static LLVMValueRef load_masked(dn_emit *e, const dn_place *p, const dn_point *at) {
    dn_dtype dtype = dtype_of(e, p);
    LLVMTypeRef type = dn_emit_over(e, dn_emit_memory(e, dtype), at->lanes);
    LLVMValueRef align = LLVMConstInt(e->i32, dn_dtype_size(dtype), false), from;
    if (p->stride == 1 && !p->rows) {
        from = address(e, p, 0);
        LLVMValueRef operands[] = {from, align, at->mask, LLVMConstNull(type)};
        return masked(e, "llvm.masked.load", type, e->ptr, operands, 4);
    }
    LLVMValueRef offsets = dn_emit_splat(e, p->base, at->lanes), lanes[64];
    for (int l = 0; l < at->lanes; l++)
        lanes[l] = LLVMConstInt(e->index, (unsigned long long)(l * p->stride), true);
    offsets = LLVMBuildNSWAdd(e->builder, offsets, LLVMConstVector(lanes, (unsigned)at->lanes), "");
    if (p->rows) offsets = LLVMBuildNSWAdd(e->builder, offsets, p->rows, "");
    from = dn_emit_address(e, e->args[p->arg], dtype, offsets);
    LLVMValueRef operands[] = {from, align, at->mask, LLVMConstNull(type)};
    return masked(e, "llvm.masked.gather", type, LLVMTypeOf(from), operands, 4);
}

static LLVMValueRef load_lanes(dn_emit *e, const dn_place *p, const dn_point *at) {
    dn_dtype dtype = dtype_of(e, p);
    LLVMValueRef vector = LLVMConstNull(dn_emit_over(e, dn_emit_memory(e, dtype), at->lanes));
    for (int l = 0; l < existing(at); l++) {
        LLVMValueRef one = load(e, dtype, 1, address(e, p, l), 1);
        vector = LLVMBuildInsertElement(e->builder, vector, one, dn_emit_i64(e, l), "");
    }
    return vector;
}

// Neighbours, forwards or backwards.
static LLVMValueRef load_vector(dn_emit *e, const dn_place *p, const dn_point *at) {
    int count = existing(at), last = p->stride < 0 ? count - 1 : 0;
    int align = last ? 1 : p->align;
    LLVMValueRef loaded = load(e, dtype_of(e, p), count, address(e, p, last), align);
    if (p->stride < 0) loaded = pick(e, loaded, last, -1, count);
    return pick(e, loaded, 0, 1, at->lanes);
}

LLVMValueRef dn_place_load(dn_emit *e, const dn_place *p, const dn_point *at) {
    dn_dtype dtype = dtype_of(e, p);
    LLVMValueRef loaded;
    if (at->lanes == 1 || (p->stride == 0 && !p->rows))
        loaded = load(e, dtype, 1, address(e, p, 0), 1);
    else if (at->mask)
        loaded = load_masked(e, p, at);
    else if ((p->stride == 1 || p->stride == -1) && !p->rows)
        loaded = load_vector(e, p, at);
    else
        loaded = load_lanes(e, p, at);
    return dn_emit_to_code(e, dtype, loaded);
}

// ---- stores ----

static LLVMValueRef sum(dn_emit *e, dn_dtype dtype, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef in[] = {a, b};
    return dn_emit_op(e, DN_OP_ADD, dtype, dtype, in);
}

// Lane by lane, in order.
static void store_lanes(dn_emit *e, const dn_place *p, const dn_point *at, LLVMValueRef value,
                        bool add) {
    dn_dtype dtype = dtype_of(e, p);
    for (int l = 0; l < existing(at); l++) {
        LLVMValueRef exists = at->mask ? extract(e, at->mask, l) : NULL;
        LLVMValueRef inside = p->inside ? extract(e, p->inside, l) : NULL;
        if (exists && inside) inside = LLVMBuildAnd(e->builder, exists, inside, "");
        LLVMBasicBlockRef after = dn_emit_enter_if(e, inside ? inside : exists);
        LLVMValueRef to = address(e, p, l), one = extract(e, value, l);
        if (add) one = sum(e, dtype, load(e, dtype, 1, to, 1), one);
        store(e, dtype, one, to, 1);
        dn_emit_leave(e, after);
    }
}

// Neighbours.
static void store_vector(dn_emit *e, const dn_place *p, const dn_point *at, LLVMValueRef value,
                         bool add) {
    dn_dtype dtype = dtype_of(e, p);
    LLVMValueRef to = address(e, p, 0);
    LLVMBasicBlockRef after = dn_emit_enter_if(e, p->inside);
    if (dn_emit_lanes(value) != at->lanes) value = dn_emit_splat(e, value, at->lanes);
    if (!at->mask) value = pick(e, value, 0, 1, existing(at));
    if (add)
        value = sum(e, dtype,
                    at->mask ? load_masked(e, p, at) : load(e, dtype, existing(at), to, p->align),
                    value);
    if (at->mask) {
        LLVMValueRef align = LLVMConstInt(e->i32, dn_dtype_size(dtype), false);
        LLVMValueRef operands[] = {value, to, align, at->mask};
        masked(e, "llvm.masked.store", LLVMTypeOf(value), e->ptr, operands, 4);
    } else {
        store(e, dtype, value, to, p->align);
    }
    dn_emit_leave(e, after);
}

void dn_place_store(dn_emit *e, const dn_place *p, const dn_point *at, LLVMValueRef value,
                    bool add) {
    value = dn_emit_to_memory(e, dtype_of(e, p), value);
    if (at->lanes > 1 && p->stride == 1 && !p->rows)
        store_vector(e, p, at, value, add);
    else
        store_lanes(e, p, at, value, add);
}

// ---- rows ----

// The address of a field of the fault.
static LLVMValueRef field(dn_emit *e, size_t offset) {
    LLVMValueRef at = dn_emit_i64(e, (int64_t)offset);
    return LLVMBuildInBoundsGEP2(e->builder, e->i8, e->fault, &at, 1, "");
}

// Sets the fault to the first lane that is bad, unless there is a fault already.
static void report(dn_emit *e, LLVMValueRef row, LLVMValueRef bad, int64_t rows) {
    int lanes = dn_emit_lanes(bad);
    LLVMValueRef any = bad, first = extract(e, row, lanes - 1);
    if (lanes > 1) any = dn_emit_intrinsic(e, "llvm.vector.reduce.or", LLVMTypeOf(bad), &bad, 1);
    LLVMValueRef rarely[] = {any, LLVMConstNull(e->i1)};
    LLVMBasicBlockRef after =
        dn_emit_enter_if(e, dn_emit_intrinsic(e, "llvm.expect", e->i1, rarely, 2));
    for (int l = lanes - 2; l >= 0; l--)
        first = LLVMBuildSelect(e->builder, extract(e, bad, l), extract(e, row, l), first, "");
    LLVMValueRef to = field(e, offsetof(dn_native_fault, rows));
    LLVMValueRef swap =
        LLVMBuildAtomicCmpXchg(e->builder, to, dn_emit_i64(e, 0), dn_emit_i64(e, rows),
                               LLVMAtomicOrderingMonotonic, LLVMAtomicOrderingMonotonic, false);
    LLVMBasicBlockRef set = dn_emit_enter_if(e, LLVMBuildExtractValue(e->builder, swap, 1, ""));
    LLVMBuildStore(e->builder, first, field(e, offsetof(dn_native_fault, index)));
    if (e->launch) {
        LLVMValueRef launch = LLVMBuildIntCast2(e->builder, e->launch, e->i64, true, "");
        LLVMBuildStore(e->builder, launch, field(e, offsetof(dn_native_fault, launch)));
    }
    dn_emit_leave(e, set);
    dn_emit_leave(e, after);
}

void dn_place_row(dn_emit *e, dn_place *p, LLVMValueRef row, dn_dtype dtype, int64_t scale,
                  int64_t rows, const dn_point *at) {
    LLVMValueRef in[] = {row};
    int lanes = dn_emit_lanes(row);
    row = dn_emit_op(e, DN_OP_CAST, dtype, DN_I64, in);
    LLVMValueRef most = dn_emit_splat(e, dn_emit_i64(e, rows), lanes);
    p->inside = LLVMBuildICmp(e->builder, LLVMIntULT, row, most, "");
    if (e->fault) {
        LLVMValueRef bad = LLVMBuildNot(e->builder, p->inside, "");
        if (at->mask && lanes > 1) bad = LLVMBuildAnd(e->builder, bad, at->mask, "");
        if (at->exist && lanes > 1) bad = pick(e, bad, 0, 1, at->exist);
        report(e, row, bad, rows);
    }
    row = LLVMBuildSelect(e->builder, p->inside, row, LLVMConstNull(LLVMTypeOf(row)), "");
    row = LLVMBuildIntCast2(e->builder, row, dn_emit_over(e, e->index, lanes), true, "");
    LLVMValueRef step = LLVMConstInt(e->index, (unsigned long long)scale, true);
    row = LLVMBuildNSWMul(e->builder, row, dn_emit_splat(e, step, lanes), "");
    while (p->align > 1 && scale % p->align) p->align /= 2;
    if (lanes > 1)
        p->rows = row;
    else
        p->base = LLVMBuildNSWAdd(e->builder, p->base, row, "");
}

// Bytes as an object file, made without an assembler.
#include <stdlib.h>
#include <string.h>

#include "codegen/machine.h"

static void add_constant(dn_emit *e, const char *stem, const char *what, LLVMValueRef value,
                         unsigned alignment) {
    char *name = dn_printf("%s_%s", stem, what);
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetVisibility(global, LLVMHiddenVisibility);
    LLVMSetAlignment(global, alignment);
    free(name);
}

dn_status dn_data_object(const char *name, const char *bytes, size_t size, char **object,
                         size_t *object_size) {
    LLVMTargetMachineRef machine;
    LLVMMemoryBufferRef buffer;
    dn_emit e;
    DN_TRY(dn_machine_new(DN_ISA_AVX2, 0, &machine));
    dn_emit_open(&e, name);
    dn_machine_prepare(machine, e.module);
    add_constant(&e, name, "bytes", LLVMConstStringInContext2(e.context, bytes, size, true), 16);
    add_constant(&e, name, "size", dn_emit_i64(&e, (int64_t)size), 8);
    dn_status status = dn_machine_write(machine, e.module, DN_FORM_OBJECT, &buffer);
    dn_emit_close(&e);
    LLVMDisposeTargetMachine(machine);
    DN_TRY(status);
    *object_size = LLVMGetBufferSize(buffer);
    *object = dn_xmalloc(*object_size);
    memcpy(*object, LLVMGetBufferStart(buffer), *object_size);
    LLVMDisposeMemoryBuffer(buffer);
    return DN_SUCCESS;
}

// Line tables for -g, so that perf and gdb show .dnet lines.
#include <string.h>

#include "codegen/machine.h"

static void add_flag(dn_emit *e, const char *name, unsigned value) {
    LLVMMetadataRef number = LLVMValueAsMetadata(LLVMConstInt(e->i32, value, false));
    LLVMAddModuleFlag(e->module, LLVMModuleFlagBehaviorWarning, name, strlen(name), number);
}

static LLVMMetadataRef file_of(const dn_debug *debug, const char *path) {
    return LLVMDIBuilderCreateFile(debug->builder, path, strlen(path), "", 0);
}

void dn_debug_begin(dn_debug *debug, dn_emit *e, const dn_native_options *options) {
    static const char producer[] = "dnet";
    *debug = (dn_debug){.options = options};
    if (!options->lines || !options->place) return;
    debug->builder = LLVMCreateDIBuilder(e->module);
    // DWARF has no code for dnet; debuggers then take C's way to show names and numbers.
    debug->unit = LLVMDIBuilderCreateCompileUnit(
        debug->builder, LLVMDWARFSourceLanguageC11, file_of(debug, "dnet"), producer,
        strlen(producer), options->level > 0, "", 0, 0, "", 0, LLVMDWARFEmissionFull, 0, false,
        false, "", 0, "", 0);
    debug->type = LLVMDIBuilderCreateSubroutineType(debug->builder, file_of(debug, "dnet"), NULL, 0,
                                                    LLVMDIFlagZero);
    add_flag(e, "Debug Info Version", LLVMDebugMetadataVersion());
    add_flag(e, "Dwarf Version", 5);
}

LLVMMetadataRef dn_debug_enter(dn_debug *debug, dn_emit *e, const dn_kernel *kernel,
                               const char *symbol) {
    const dn_native_options *options = debug->options;
    const char *path;
    int line, column;
    if (!debug->builder || !kernel->span.file) return NULL;
    if (!options->place(options->place_context, kernel->span, &path, &line, &column)) return NULL;
    const char *name = kernel->name ? kernel->name : symbol;
    LLVMMetadataRef subprogram = LLVMDIBuilderCreateFunction(
        debug->builder, debug->unit, name, strlen(name), symbol, strlen(symbol),
        file_of(debug, path), (unsigned)line, debug->type, false, true, (unsigned)line,
        LLVMDIFlagZero, options->level > 0);
    LLVMMetadataRef location = LLVMDIBuilderCreateDebugLocation(e->context, (unsigned)line,
                                                                (unsigned)column, subprogram, NULL);
    LLVMSetCurrentDebugLocation2(e->builder, location);
    return subprogram;
}

void dn_debug_leave(dn_emit *e, LLVMMetadataRef subprogram, LLVMValueRef function) {
    LLVMSetCurrentDebugLocation2(e->builder, NULL);
    if (subprogram && function) LLVMSetSubprogram(function, subprogram);
}

void dn_debug_end(dn_debug *debug) {
    if (!debug->builder) return;
    LLVMDIBuilderFinalize(debug->builder);
    LLVMDisposeDIBuilder(debug->builder);
}

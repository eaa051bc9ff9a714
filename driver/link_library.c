// Libraries: shared ones export the library's functions only, static ones are one object in which
// everything else is local, so that two of them go into one program.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/toolchain.h"
#include "runtime/base/replace.h"

// ---- shared ----------------------------------------------------------------------------------

static dn_status write_version_script(dn_workplace *w, const dn_library *library) {
    dn_str text = {0};
    dn_str_puts(&text, "{\n  global:\n");
    for (int i = 0; library->symbols[i]; i++)
        dn_str_printf(&text, "    %s;\n", library->symbols[i]);
    dn_str_puts(&text, "  local: *;\n};\n");
    dn_status status = dn_workplace_write(w, "version", text.text, text.length);
    free(text.text);
    return status;
}

// What both kinds begin with: the compiler and all that goes in.
static dn_arguments common_arguments(const dn_workplace *w, const dn_link *link,
                                     const char *runtime) {
    dn_arguments a = {0};
    dn_argument_compiler(&a);
    dn_argument(&a, "-std=c99");
    dn_argument(&a, "-O2");
    dn_argument(&a, "-fPIC");
    dn_argument(&a, "-I%s", w->folder);
    dn_argument(&a, "%s/library.c", w->folder);
    dn_argument_inputs(&a, w);
    dn_argument(&a, "%s", runtime);
    dn_argument_archive(&a, DN_ARCHIVE_JSON);
    if (link->cuda) dn_argument_archive(&a, DN_ARCHIVE_Z);
    dn_argument(&a, "-Wl,--gc-sections");
    return a;
}

static dn_status link_shared(dn_workplace *w, const dn_link *link, const dn_library *library,
                             const char *runtime) {
    const char *slash = strrchr(link->output, '/');
    DN_TRY(write_version_script(w, library));
    dn_arguments a = common_arguments(w, link, runtime);
    dn_argument_sanitizers(&a);
    dn_argument(&a, "-shared");
    dn_argument(&a, "-o");
    dn_argument(&a, "%s", w->beside);
    dn_argument(&a, "-Wl,--version-script=%s/version", w->folder);
    dn_argument(&a, "-Wl,-soname,%s", slash ? slash + 1 : link->output);
    dn_argument(&a, "-lm");
    dn_argument(&a, "-pthread");
    if (!link->symbols) dn_argument(&a, "-s");
    return dn_run_tool(w, &a, link->output);
}

// ---- static ----------------------------------------------------------------------------------

static dn_status link_relocatable(dn_workplace *w, const dn_link *link, const dn_library *library,
                                  const char *runtime, const char *object) {
    dn_arguments a = common_arguments(w, link, runtime);
    dn_argument(&a, "-r");
    dn_argument(&a, "-nostdlib");
    dn_argument(&a, "-o");
    dn_argument(&a, "%s", object);
    for (int i = 0; library->symbols[i]; i++) dn_argument(&a, "-Wl,-u,%s", library->symbols[i]);
    return dn_run_tool(w, &a, link->output);
}

static dn_status make_local(dn_workplace *w, const dn_link *link, const dn_library *library,
                            const char *object) {
    dn_arguments a = {0};
    dn_argument(&a, "objcopy");
    for (int i = 0; library->symbols[i]; i++)
        dn_argument(&a, "--keep-global-symbol=%s", library->symbols[i]);
    if (!link->symbols) dn_argument(&a, "--strip-unneeded");
    dn_argument(&a, "%s", object);
    return dn_run_tool(w, &a, link->output);
}

static dn_status make_archive(dn_workplace *w, const dn_link *link, const char *object) {
    dn_arguments a = {0};
    unlink(w->beside);  // `ar` would add to it
    dn_argument(&a, "ar");
    dn_argument(&a, "rcsD");
    dn_argument(&a, "%s", w->beside);
    dn_argument(&a, "%s", object);
    return dn_run_tool(w, &a, link->output);
}

static dn_status link_static(dn_workplace *w, const dn_link *link, const dn_library *library,
                             const char *runtime) {
    char *name = dn_printf("%s.o", library->name);
    const char *object = dn_workplace_path(w, name);
    free(name);
    DN_TRY(link_relocatable(w, link, library, runtime, object));
    DN_TRY(make_local(w, link, library, object));
    return make_archive(w, link, object);
}

// ---- the whole -------------------------------------------------------------------------------

static dn_status write_beside(const dn_link *link, const char *name, const char *extension,
                              const char *text) {
    const char *slash = strrchr(link->output, '/');
    int folder = slash ? (int)(slash + 1 - link->output) : 0;
    char *path = dn_printf("%.*s%s.%s", folder, link->output, name, extension);
    dn_replace replace;
    dn_status status = dn_replace_open(&replace, path);
    if (!status) {
        if (fputs(text, replace.file) < 0) status = dn_fail_errno("cannot write %s", path);
        status = dn_replace_close(&replace, status, false);
    }
    free(path);
    return status;
}

static dn_status link_library(dn_workplace *w, const dn_link *link, const dn_library *library,
                              const char *runtime) {
    char *header = dn_printf("%s.h", library->name);
    dn_status status = dn_workplace_write(w, header, library->header, strlen(library->header));
    free(header);
    DN_TRY(status);
    DN_TRY(dn_workplace_write(w, "library.c", library->code, strlen(library->code)));
    DN_TRY(dn_workplace_add_program(w, link));
    DN_TRY((library->shared ? link_shared : link_static)(w, link, library, runtime));
    DN_TRY(write_beside(link, library->name, "h", library->header));
    DN_TRY(write_beside(link, library->name, "pc", library->pkg_config));
    return dn_workplace_deliver(w, link->output);
}

dn_status dn_link_library(const dn_link *link, const dn_library *library) {
    dn_workplace w;
    char *runtime = NULL;
    dn_status status = dn_workplace_open(&w, link->output);
    if (!status) status = dn_find_runtime(link, &runtime);
    if (!status) status = link_library(&w, link, library, runtime);
    dn_workplace_close(&w);
    free(runtime);
    return status;
}

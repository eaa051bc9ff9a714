#include "driver/link.h"

#include <stdlib.h>

#include "driver/toolchain.h"

static dn_status run_executable(dn_workplace *w, const dn_link *link, const char *runtime) {
    dn_arguments a = {0};
    dn_argument_compiler(&a);
    dn_argument_sanitizers(&a);
    dn_argument(&a, "-o");
    dn_argument(&a, "%s", w->beside);
    dn_argument_inputs(&a, w);
    dn_argument(&a, "%s", runtime);
    for (int i = 0; i < DN_ARCHIVES; i++) dn_argument_archive(&a, (dn_archive)i);
    dn_argument(&a, "-lm");
    dn_argument(&a, "-pthread");
    dn_argument(&a, "-Wl,--gc-sections");
    if (!link->symbols) dn_argument(&a, "-s");
    return dn_run_tool(w, &a, link->output);
}

static dn_status link_executable(dn_workplace *w, const dn_link *link) {
    char *runtime = NULL;
    dn_status status = dn_find_runtime(link, &runtime);
    if (!status) status = dn_workplace_add_program(w, link);
    if (!status) status = run_executable(w, link, runtime);
    if (!status) status = dn_workplace_deliver(w, link->output);
    free(runtime);
    return status;
}

static dn_status link_object(dn_workplace *w, const dn_link *link) {
    DN_TRY(dn_workplace_add_program(w, link));
    dn_arguments a = {0};
    dn_argument_compiler(&a);
    dn_argument(&a, "-r");
    dn_argument(&a, "-nostdlib");
    dn_argument(&a, "-o");
    dn_argument(&a, "%s", w->beside);
    dn_argument_inputs(&a, w);
    DN_TRY(dn_run_tool(w, &a, link->output));
    return dn_workplace_deliver(w, link->output);
}

dn_status dn_link_executable(const dn_link *link) {
    dn_workplace w;
    dn_status status = dn_workplace_open(&w, link->output);
    if (!status) status = link_executable(&w, link);
    dn_workplace_close(&w);
    return status;
}

dn_status dn_link_object(const dn_link *link) {
    dn_workplace w;
    dn_status status = dn_workplace_open(&w, link->output);
    if (!status) status = link_object(&w, link);
    dn_workplace_close(&w);
    return status;
}

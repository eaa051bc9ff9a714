// The graphs of the examples: their text parses back to a graph that is valid and has the same
// text, as built and after the passes.
#include <glob.h>
#include <stdlib.h>

#include "frontend/compiler.h"
#include "tests/check.h"

static int graphs;

static void check_graph(const dn_graph *graph, const char *path) {
    dn_str text = {0}, again = {0};
    dn_graph_print(graph, &text);
    dn_dims *dims = dn_dims_new();
    dn_graph *parsed = NULL;
    CHECK_OK(dn_graph_parse(dims, text.text, &parsed));
    if (parsed) {
        dn_graph_print(parsed, &again);
        CHECK(strcmp(text.text, again.text) == 0, "%s: %s\n%s", path, text.text, again.text);
        CHECK_OK(dn_graph_verify(parsed, true));
        graphs++;
    }
    dn_graph_free(parsed);
    dn_dims_free(dims);
    free(text.text);
    free(again.text);
}

static void check_program(const char *path, dn_dtype real, bool as_built) {
    dn_compiler *c = dn_compiler_new(real);
    c->keep_gradients = as_built;
    bool ok = dn_compiler_load(c, path, NULL) && dn_compiler_check(c);
    if (!ok && !strstr(path, "as_written")) {  // which shows what the compiler finds in it
        CHECK(ok, "%s has errors", path);
        dn_diags_flush(&c->diags, stderr);
    }
    for (int i = 0; i < c->n_units; i++) check_graph(c->units[i].graph, path);
    dn_compiler_free(c);
}

int main(void) {
    glob_t found = {0};
    CHECK(!glob(SOURCE_DIR "/examples/*/*.dnet", 0, NULL, &found));
    CHECK(!glob(SOURCE_DIR "/tests/golden/*.dnet", GLOB_APPEND, NULL, &found));
    for (size_t i = 0; i < found.gl_pathc; i++) {
        check_program(found.gl_pathv[i], DN_F32, false);
        check_program(found.gl_pathv[i], DN_F32, true);
        check_program(found.gl_pathv[i], DN_F64, false);
    }
    globfree(&found);
    CHECK(graphs > 500, "%d graphs", graphs);
    return CHECK_RESULT();
}

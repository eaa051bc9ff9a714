// A module: its header, variables and functions.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/ptx_parser.h"

// ---- functions ----

static ptx_variable *read_parameters(ptx_parser *parser, ptx_space space) {
    ptx_variable *first = NULL, **last = &first;
    ptx_expect(&parser->lexer, '(');
    if (ptx_take(&parser->lexer, ')')) return NULL;
    do {
        const char *directive = ptx_read_name(parser);
        if (strcmp(directive, ".param") != 0)
            ptx_fail(&parser->lexer, parser->lexer.line, "%s: parameters are .param", directive);
        *last = ptx_read_variable(parser, space, false);
        last = &(*last)->next;
    } while (ptx_take(&parser->lexer, ','));
    ptx_expect(&parser->lexer, ')');
    return first;
}

// .maxntid 128, 1, 1: their product
static int read_thread_count(ptx_parser *parser) {
    int count = 1;
    do count *= (int)ptx_read_integer(parser);
    while (ptx_take(&parser->lexer, ','));
    return count;
}

static void read_tuning(ptx_parser *parser, ptx_function *function) {
    ptx_lexer *lexer = &parser->lexer;
    while (lexer->token == PTX_WORD) {
        const char *directive = ptx_read_name(parser);
        if (strcmp(directive, ".maxntid") == 0 || strcmp(directive, ".reqntid") == 0) {
            function->most_threads = read_thread_count(parser);
        } else if (strcmp(directive, ".pragma") == 0) {
            ptx_skip_past(lexer, ';');
        } else {
            while (lexer->token == PTX_NUMBER || ptx_is(lexer, ',')) ptx_advance(lexer);
        }
    }
}

static ptx_function *declare_function(ptx_parser *parser, const char *name, bool kernel) {
    ptx_name *known = ptx_scope_find(parser, name);
    if (known && known->kind == PTX_NAME_FUNCTION) {
        if (!known->function->defined) return known->function;
        ptx_fail(&parser->lexer, parser->lexer.line, "%s is defined twice", name);
    }
    ptx_function *function = ptx_pool_take(parser->module->pool, sizeof *function);
    function->name = name;
    function->kernel = kernel;
    ptx_scope_add(parser, name, PTX_NAME_FUNCTION)->function = function;
    function->next = parser->module->functions;
    parser->module->functions = function;
    return function;
}

static void name_parameters(ptx_parser *parser, ptx_variable *variables) {
    for (ptx_variable *v = variables; v; v = v->next)
        ptx_scope_add(parser, v->name, PTX_NAME_VARIABLE)->variable = v;
}

static void read_function(ptx_parser *parser, bool kernel) {
    ptx_lexer *lexer = &parser->lexer;
    ptx_space space = kernel ? PTX_PARAM : PTX_FRAME;
    int line = lexer->line;
    ptx_variable *results = ptx_is(lexer, '(') ? read_parameters(parser, space) : NULL;
    ptx_function *function = declare_function(parser, ptx_read_name(parser), kernel);
    function->line = line;
    function->results = results;
    function->params = ptx_is(lexer, '(') ? read_parameters(parser, space) : NULL;
    read_tuning(parser, function);
    if (ptx_take(lexer, ';')) return;
    parser->function = function;
    function->defined = true;
    ptx_scope_open(parser);
    name_parameters(parser, function->results);
    name_parameters(parser, function->params);
    ptx_read_body(parser);
    ptx_scope_close(parser);
    parser->function = NULL;
}

// ---- the module ----

static void read_global(ptx_parser *parser, ptx_space space, bool external) {
    do {
        ptx_variable *variable = ptx_read_variable(parser, space, external);
        if (ptx_scope_find(parser, variable->name))
            ptx_fail(&parser->lexer, variable->line, "%s is declared twice", variable->name);
        ptx_scope_add(parser, variable->name, PTX_NAME_VARIABLE)->variable = variable;
        variable->next = parser->module->variables;
        parser->module->variables = variable;
    } while (ptx_take(&parser->lexer, ','));
    ptx_expect(&parser->lexer, ';');
}

static void skip_section(ptx_lexer *lexer) {
    ptx_skip_past(lexer, '{');
    ptx_skip_past(lexer, '}');
}

static void read_version(ptx_parser *parser) {
    double version;
    memcpy(&version, &parser->lexer.bits, sizeof version);
    if (parser->lexer.token != PTX_NUMBER || parser->lexer.kind != PTX_FLOAT64)
        ptx_fail(&parser->lexer, parser->lexer.line, "expected a version");
    parser->module->version = (int)(version * 10 + 0.5);
    ptx_advance(&parser->lexer);
}

static void read_target(ptx_parser *parser) {
    const char *name = ptx_read_name(parser);
    char *end = NULL;
    if (strncmp(name, "sm_", 3) == 0) parser->module->target = (int)strtol(name + 3, &end, 10);
    if (!end || end == name + 3)
        ptx_fail(&parser->lexer, parser->lexer.line, "%s is no target", name);
    parser->module->specific = *end == 'a';
    while (ptx_take(&parser->lexer, ',')) ptx_read_name(parser);
}

static void read_item(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    bool external = false;
    while (ptx_is_word(lexer, ".visible") || ptx_is_word(lexer, ".weak") ||
           ptx_is_word(lexer, ".common") || ptx_is_word(lexer, ".extern")) {
        external |= ptx_is_word(lexer, ".extern");
        ptx_advance(lexer);
    }
    if (ptx_is_word(lexer, ".file") || ptx_is_word(lexer, ".loc")) {
        ptx_skip_line(lexer);
        return;
    }
    const char *directive = ptx_read_name(parser);
    if (strcmp(directive, ".version") == 0) {
        read_version(parser);
    } else if (strcmp(directive, ".target") == 0) {
        read_target(parser);
    } else if (strcmp(directive, ".address_size") == 0) {
        if (ptx_read_integer(parser) != 64) ptx_fail(lexer, lexer->line, "addresses have 64 bits");
    } else if (strcmp(directive, ".entry") == 0 || strcmp(directive, ".func") == 0) {
        read_function(parser, directive[1] == 'e');
    } else if (strcmp(directive, ".section") == 0) {
        skip_section(lexer);
    } else if (strcmp(directive, ".pragma") == 0) {
        ptx_skip_past(lexer, ';');
    } else {
        ptx_space space = ptx_space_named(directive);
        if (space == PTX_GENERIC || space == PTX_PARAM)
            ptx_fail(lexer, lexer->line, "%s is no directive of modules", directive);
        read_global(parser, space, external);
    }
}

// The lines of a copy, each ended by a 0, without the space around them.
static void keep_lines(ptx_module *module, const char *text) {
    size_t length = strlen(text);
    module->text = ptx_pool_text(module->pool, text, length);
    module->n_lines = 1;
    for (const char *p = text; *p; p++) module->n_lines += *p == '\n';
    module->lines =
        ptx_pool_take(module->pool, ((size_t)module->n_lines + 2) * sizeof *module->lines);
    char *line = module->text;
    for (int i = 1; i <= module->n_lines; i++) {
        char *end = line + strcspn(line, "\n");
        char *next = *end ? end + 1 : end;
        while (end > line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
        *end = 0;
        module->lines[i] = line + strspn(line, " \t");
        line = next;
    }
}

ptx_module *ptx_parse(const char *text, char *log, size_t log_bytes) {
    ptx_pool *pool = ptx_pool_new();
    ptx_parser *parser = ptx_pool_take(pool, sizeof *parser);
    parser->module = ptx_pool_take(pool, sizeof *parser->module);
    parser->module->pool = pool;
    parser->lexer = (ptx_lexer){.next = text, .next_line = 1, .log = log, .log_bytes = log_bytes};
    keep_lines(parser->module, text);
    if (setjmp(parser->lexer.failed)) {
        ptx_pool_free(pool);
        return NULL;
    }
    ptx_scope_open(parser);
    ptx_advance(&parser->lexer);
    while (parser->lexer.token != PTX_END) read_item(parser);
    if (parser->module->target == 0) ptx_fail(&parser->lexer, 1, "there is no .target");
    return parser->module;
}

void ptx_module_free(ptx_module *module) {
    if (module) ptx_pool_free(module->pool);
}

#include <string.h>

#include "tests/cudasim/ptx_parser.h"

char *ptx_read_name(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    if (lexer->token != PTX_WORD)
        ptx_fail(lexer, lexer->line, "expected a name before '%.*s'", (int)lexer->length,
                 lexer->start);
    char *name = ptx_pool_text(parser->module->pool, lexer->start, lexer->length);
    ptx_advance(lexer);
    return name;
}

uint64_t ptx_read_integer(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    bool negative = ptx_take(lexer, '-');
    if (lexer->token != PTX_NUMBER || lexer->kind != PTX_INTEGER)
        ptx_fail(lexer, lexer->line, "expected an integer before '%.*s'", (int)lexer->length,
                 lexer->start);
    uint64_t value = lexer->bits;
    ptx_advance(lexer);
    return negative ? 0 - value : value;
}

ptx_space ptx_space_named(const char *directive) {
    static const struct {
        const char *name;
        ptx_space space;
    } spaces[] = {{".global", PTX_GLOBAL},
                  {".const", PTX_CONST},
                  {".shared", PTX_SHARED},
                  {".local", PTX_LOCAL},
                  {".param", PTX_PARAM}};
    for (int i = 0; i < (int)(sizeof spaces / sizeof *spaces); i++)
        if (strcmp(spaces[i].name, directive) == 0) return spaces[i].space;
    return PTX_GENERIC;
}

static ptx_type read_type(ptx_parser *parser) {
    char *word = ptx_read_name(parser);
    ptx_type type = word[0] == '.' ? ptx_type_named(word + 1) : PTX_NONE;
    if (type == PTX_NONE) ptx_fail(&parser->lexer, parser->lexer.line, "%s is no type", word);
    return type;
}

static void add_registers(ptx_parser *parser, ptx_type type, const char *name) {
    ptx_lexer *lexer = &parser->lexer;
    int count = 1;
    bool family = ptx_take(lexer, '<');
    if (family) {
        count = (int)ptx_read_integer(parser);
        ptx_expect(lexer, '>');
    }
    ptx_name *added = ptx_scope_add(parser, name, family ? PTX_NAME_FAMILY : PTX_NAME_REGISTER);
    added->count = count;
    added->registers =
        ptx_pool_take(parser->module->pool, (size_t)count * sizeof *added->registers);
    for (int i = 0; i < count; i++)
        added->registers[i] = (ptx_register){type, parser->function->n_registers++};
}

// .reg .b32 %a, %r<12>;
void ptx_read_registers(ptx_parser *parser) {
    ptx_type type = read_type(parser);
    do add_registers(parser, type, ptx_read_name(parser));
    while (ptx_take(&parser->lexer, ','));
    ptx_expect(&parser->lexer, ';');
}

static void add_initial(ptx_parser *parser, ptx_variable *variable, ptx_initial initial) {
    ptx_initial *added = ptx_pool_take(parser->module->pool, sizeof *added);
    *added = initial;
    added->next = variable->initial;
    variable->initial = added;
}

static uint64_t convert(const ptx_lexer *lexer, ptx_type type) {
    double value;
    if (lexer->kind != PTX_FLOAT64 || type != PTX_F32) return lexer->bits;
    memcpy(&value, &lexer->bits, sizeof value);
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return bits;
}

// A number, or the address of a variable: x, generic(x), each with + number.
static void read_initial_value(ptx_parser *parser, ptx_variable *variable, int64_t offset) {
    ptx_lexer *lexer = &parser->lexer;
    ptx_initial initial = {.offset = offset, .bytes = ptx_type_bytes(variable->type)};
    if (lexer->token == PTX_WORD) {
        const char *name = ptx_read_name(parser);
        if (strcmp(name, "generic") == 0) {
            ptx_expect(lexer, '(');
            name = ptx_read_name(parser);
            ptx_expect(lexer, ')');
        }
        initial.name = name;
        if (ptx_take(lexer, '+')) initial.bits = ptx_read_integer(parser);
    } else if (lexer->token == PTX_NUMBER && lexer->kind != PTX_INTEGER) {
        initial.bits = convert(lexer, variable->type);
        ptx_advance(lexer);
    } else {
        initial.bits = ptx_read_integer(parser);
    }
    add_initial(parser, variable, initial);
}

static int64_t read_initial(ptx_parser *parser, ptx_variable *variable, int64_t offset) {
    if (!ptx_take(&parser->lexer, '{')) {
        read_initial_value(parser, variable, offset);
        return offset + ptx_type_bytes(variable->type);
    }
    if (ptx_take(&parser->lexer, '}')) return offset;
    do offset = read_initial(parser, variable, offset);
    while (ptx_take(&parser->lexer, ','));
    ptx_expect(&parser->lexer, '}');
    return offset;
}

static int64_t read_dimensions(ptx_parser *parser, bool *open) {
    int64_t count = 1;
    while (ptx_take(&parser->lexer, '[')) {
        if (ptx_is(&parser->lexer, ']'))
            *open = true;
        else
            count *= (int64_t)ptx_read_integer(parser);
        ptx_expect(&parser->lexer, ']');
    }
    return *open ? 0 : count;
}

// What may stand between the space and the type of a variable; returns the factor of .v2 or .v4.
static int read_attributes(ptx_parser *parser, ptx_variable *variable) {
    ptx_lexer *lexer = &parser->lexer;
    int vector = 1;
    for (;;) {
        if (ptx_is_word(lexer, ".align")) {
            ptx_advance(lexer);
            variable->align = (int)ptx_read_integer(parser);
        } else if (ptx_is_word(lexer, ".v2") || ptx_is_word(lexer, ".v4")) {
            vector = lexer->start[2] - '0';
            ptx_advance(lexer);
        } else if (ptx_is_word(lexer, ".attribute")) {
            ptx_skip_past(lexer, ')');
        } else {
            return vector;
        }
    }
}

// Of a parameter that is a pointer: .ptr .global .align 16
static void skip_pointer(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    if (!ptx_is_word(lexer, ".ptr")) return;
    ptx_advance(lexer);
    while (lexer->token == PTX_WORD && *lexer->start == '.') {
        bool align = ptx_is_word(lexer, ".align");
        ptx_advance(lexer);
        if (align) ptx_read_integer(parser);
    }
}

// What follows the space, without the ';' or ','.
ptx_variable *ptx_read_variable(ptx_parser *parser, ptx_space space, bool external) {
    ptx_variable *variable = ptx_pool_take(parser->module->pool, sizeof *variable);
    variable->space = space;
    variable->external = external;
    variable->line = parser->lexer.line;
    int vector = read_attributes(parser, variable);
    variable->type = read_type(parser);
    int bytes = ptx_type_bytes(variable->type);
    if (bytes == 0) ptx_fail(&parser->lexer, variable->line, "predicates have no place in memory");
    skip_pointer(parser);
    variable->name = ptx_read_name(parser);
    bool open = false;
    variable->bytes = read_dimensions(parser, &open) * bytes * vector;
    if (variable->align == 0) variable->align = bytes * vector;
    if (ptx_take(&parser->lexer, '=')) {
        int64_t end = read_initial(parser, variable, 0);
        if (open) variable->bytes = end;
        if (end > variable->bytes)
            ptx_fail(&parser->lexer, variable->line, "%s has too many values", variable->name);
    }
    return variable;
}

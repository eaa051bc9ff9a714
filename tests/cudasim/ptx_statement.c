// Bodies of functions: declarations, labels and instructions, which are not understood here.
#include <string.h>

#include "tests/cudasim/ptx_parser.h"

static ptx_operand read_operand(ptx_parser *parser);

static ptx_operand *add_item(ptx_parser *parser, ptx_operand *list, const ptx_operand *item) {
    ptx_operand *items =
        ptx_pool_take(parser->module->pool, ((size_t)list->n_items + 1) * sizeof *items);
    if (list->n_items) memcpy(items, list->items, (size_t)list->n_items * sizeof *items);
    items[list->n_items++] = *item;
    list->items = items;
    return items;
}

static ptx_operand read_items(ptx_parser *parser, ptx_operand_kind kind, char close) {
    ptx_operand list = {.kind = kind};
    if (ptx_take(&parser->lexer, close)) return list;
    do {
        ptx_operand item = read_operand(parser);
        add_item(parser, &list, &item);
    } while (ptx_take(&parser->lexer, ','));
    ptx_expect(&parser->lexer, close);
    return list;
}

// [base + offset], [offset], [base, {coordinates}]
static ptx_operand read_address(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    ptx_operand address = {.kind = PTX_ADDRESS}, base = read_operand(parser);
    if (base.kind == PTX_INTEGER)
        address.offset = (int64_t)base.bits;
    else
        add_item(parser, &address, &base);
    if (ptx_take(lexer, '+'))
        address.offset += (int64_t)ptx_read_integer(parser);
    else if (ptx_is(lexer, '-'))
        address.offset += (int64_t)ptx_read_integer(parser);
    while (ptx_take(lexer, ',')) {
        ptx_operand coordinates = read_operand(parser);
        add_item(parser, &address, &coordinates);
    }
    ptx_expect(lexer, ']');
    return address;
}

static ptx_operand read_number(ptx_parser *parser, bool negative) {
    ptx_lexer *lexer = &parser->lexer;
    if (lexer->token != PTX_NUMBER)
        ptx_fail(lexer, lexer->line, "expected a number before '%.*s'", (int)lexer->length,
                 lexer->start);
    ptx_operand number = {.kind = lexer->kind, .bits = lexer->bits};
    if (negative && number.kind == PTX_INTEGER) number.bits = 0 - number.bits;
    if (negative && number.kind == PTX_FLOAT32) number.bits ^= 1u << 31;
    if (negative && number.kind == PTX_FLOAT64) number.bits ^= 1ull << 63;
    ptx_advance(lexer);
    return number;
}

static ptx_operand read_named(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    int line = lexer->line;
    const char *text = ptx_read_name(parser);
    if (strcmp(text, "_") == 0) return (ptx_operand){.kind = PTX_SINK, .name = text};
    ptx_operand operand = {.name = text};
    ptx_register *reg = ptx_scope_register(parser, text);
    ptx_name *name = reg ? NULL : ptx_scope_find(parser, text);
    if (reg) {
        operand.kind = PTX_REGISTER;
        operand.reg = reg;
    } else if (name && name->kind == PTX_NAME_VARIABLE) {
        operand.kind = PTX_VARIABLE;
        operand.variable = name->variable;
    } else if (name && name->kind == PTX_NAME_FUNCTION) {
        operand.kind = PTX_FUNCTION;
        operand.function = name->function;
    } else if (text[0] == '%' || strcmp(text, "WARP_SZ") == 0) {
        operand.kind = PTX_SPECIAL;
    } else {
        operand.kind = PTX_LABEL;
        operand.label = ptx_scope_label(parser, text);
        if (!operand.label) ptx_fail(lexer, line, "%s is no operand", text);
    }
    return operand;
}

static ptx_operand read_operand(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    if (ptx_take(lexer, '{')) return read_items(parser, PTX_VECTOR, '}');
    if (ptx_take(lexer, '(')) return read_items(parser, PTX_LIST, ')');
    if (ptx_take(lexer, '[')) return read_address(parser);
    if (ptx_take(lexer, '-')) return read_number(parser, true);
    if (lexer->token == PTX_NUMBER) return read_number(parser, false);
    if (ptx_take(lexer, '!')) {
        ptx_operand operand = read_operand(parser);
        operand.negated = true;
        return operand;
    }
    ptx_operand operand = read_named(parser);
    if (ptx_take(lexer, '|')) {
        ptx_operand pair = {.kind = PTX_PAIR}, second = read_named(parser);
        add_item(parser, &pair, &operand);
        add_item(parser, &pair, &second);
        return pair;
    }
    // mov takes variable + offset
    if (operand.kind == PTX_VARIABLE && ptx_take(lexer, '+'))
        operand.offset = (int64_t)ptx_read_integer(parser);
    return operand;
}

static ptx_statement *add_statement(ptx_parser *parser) {
    ptx_function *function = parser->function;
    if (function->n_statements == function->cap_statements) {
        int cap = function->cap_statements ? function->cap_statements * 2 : 64;
        ptx_statement *grown = ptx_pool_take(parser->module->pool, (size_t)cap * sizeof *grown);
        if (function->n_statements)
            memcpy(grown, function->statements, (size_t)function->n_statements * sizeof *grown);
        function->statements = grown;
        function->cap_statements = cap;
    }
    return &function->statements[function->n_statements++];
}

static void split_opcode(ptx_parser *parser, ptx_statement *statement, char *opcode) {
    for (char *part = opcode; part;) {
        char *dot = strchr(part, '.');
        if (dot) *dot = 0;
        if (statement->n_parts == PTX_PARTS)
            ptx_fail(&parser->lexer, statement->line, "too many modifiers");
        statement->parts[statement->n_parts++] = part;
        part = dot ? dot + 1 : NULL;
    }
}

static void read_guard(ptx_parser *parser, ptx_statement *statement) {
    if (!ptx_take(&parser->lexer, '@')) return;
    statement->guard_negated = ptx_take(&parser->lexer, '!');
    const char *text = ptx_read_name(parser);
    statement->guard = ptx_scope_register(parser, text);
    if (!statement->guard || statement->guard->type != PTX_PRED)
        ptx_fail(&parser->lexer, parser->lexer.line, "%s is no predicate", text);
}

static void read_instruction(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    ptx_statement statement = {0};
    read_guard(parser, &statement);
    statement.line = lexer->line;
    split_opcode(parser, &statement, ptx_read_name(parser));
    if (!ptx_is(lexer, ';')) {
        do {
            if (statement.n_operands == PTX_OPERANDS)
                ptx_fail(lexer, statement.line, "too many operands");
            statement.operands[statement.n_operands++] = read_operand(parser);
        } while (ptx_take(lexer, ','));
    }
    ptx_expect(lexer, ';');
    *add_statement(parser) = statement;
}

static void read_local(ptx_parser *parser, ptx_space space) {
    do {
        ptx_variable *variable =
            ptx_read_variable(parser, space == PTX_PARAM ? PTX_FRAME : space, false);
        ptx_scope_add(parser, variable->name, PTX_NAME_VARIABLE)->variable = variable;
        variable->next = parser->function->locals;
        parser->function->locals = variable;
    } while (ptx_take(&parser->lexer, ','));
    ptx_expect(&parser->lexer, ';');
}

// name: .branchtargets L0, L1;  name: .callprototype (..) _ (..);
static bool read_label_list(ptx_parser *parser, ptx_label *label) {
    ptx_lexer *lexer = &parser->lexer;
    if (ptx_is_word(lexer, ".callprototype")) {
        ptx_skip_past(lexer, ';');
        return true;
    }
    if (!ptx_is_word(lexer, ".branchtargets")) return false;
    ptx_advance(lexer);
    int cap = 0;
    do {
        if (label->n_targets == cap) {
            cap = cap ? 2 * cap : 16;
            ptx_label **grown = ptx_pool_take(parser->module->pool, (size_t)cap * sizeof *grown);
            if (label->n_targets)
                memcpy(grown, label->targets, (size_t)label->n_targets * sizeof *grown);
            label->targets = grown;
        }
        label->targets[label->n_targets++] = ptx_scope_label(parser, ptx_read_name(parser));
    } while (ptx_take(lexer, ','));
    ptx_expect(lexer, ';');
    return true;
}

// .reg, .shared, .pragma, .loc ..; false: it is an instruction.
static bool read_directive(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    if (lexer->token != PTX_WORD || *lexer->start != '.') return false;
    if (ptx_is_word(lexer, ".loc") || ptx_is_word(lexer, ".file")) {
        ptx_skip_line(lexer);
        return true;
    }
    const char *directive = ptx_read_name(parser);
    if (strcmp(directive, ".reg") == 0) {
        ptx_read_registers(parser);
    } else if (strcmp(directive, ".pragma") == 0) {
        ptx_skip_past(lexer, ';');
    } else {
        ptx_space space = ptx_space_named(directive);
        if (space == PTX_GENERIC)
            ptx_fail(lexer, lexer->line, "%s is no directive of functions", directive);
        read_local(parser, space);
    }
    return true;
}

// A word and a ':' behind it.
static bool at_label(const ptx_lexer *lexer) {
    if (lexer->token != PTX_WORD) return false;
    const char *p = lexer->next;
    while (*p == ' ' || *p == '\t') p++;
    return *p == ':';
}

static void read_label(ptx_parser *parser) {
    const char *text = ptx_read_name(parser);
    ptx_expect(&parser->lexer, ':');
    ptx_scope_define(parser, text, parser->function->n_statements);
    read_label_list(parser, ptx_scope_label(parser, text));
}

void ptx_read_body(ptx_parser *parser) {
    ptx_lexer *lexer = &parser->lexer;
    ptx_expect(lexer, '{');
    ptx_scope_open(parser);
    while (!ptx_is(lexer, '}')) {
        if (lexer->token == PTX_END) ptx_fail(lexer, lexer->line, "a body does not end");
        if (at_label(lexer))
            read_label(parser);
        else if (ptx_is(lexer, '{'))
            ptx_read_body(parser);
        else if (!read_directive(parser))
            read_instruction(parser);
    }
    ptx_scope_close(parser);
    ptx_advance(lexer);
}

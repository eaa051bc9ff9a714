#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/ptx_parser.h"

static unsigned hash(const char *text) {
    unsigned h = 2166136261u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 16777619u;
    return h % PTX_BUCKETS;
}

void ptx_scope_open(ptx_parser *parser) {
    ptx_scope *scope = ptx_pool_take(parser->module->pool, sizeof *scope);
    scope->parent = parser->scope;
    parser->scope = scope;
}

static ptx_name *find_in(const ptx_scope *scope, const char *text) {
    for (ptx_name *name = scope->buckets[hash(text)]; name; name = name->next)
        if (strcmp(name->text, text) == 0) return name;
    return NULL;
}

ptx_name *ptx_scope_find(ptx_parser *parser, const char *text) {
    for (ptx_scope *scope = parser->scope; scope; scope = scope->parent) {
        ptx_name *name = find_in(scope, text);
        if (name) return name;
    }
    return NULL;
}

ptx_name *ptx_scope_add(ptx_parser *parser, const char *text, ptx_name_kind kind) {
    ptx_name *name = ptx_pool_take(parser->module->pool, sizeof *name);
    ptx_name **bucket = &parser->scope->buckets[hash(text)];
    *name = (ptx_name){.text = text, .kind = kind, .next = *bucket};
    *bucket = name;
    return name;
}

static ptx_register *find_in_family(ptx_parser *parser, const char *text) {
    size_t length = strlen(text), stem = length;
    while (stem > 0 && text[stem - 1] >= '0' && text[stem - 1] <= '9') stem--;
    // The number has no leading zeros, so the stem may end in digits: %f1 of %f1<20>.
    for (size_t cut = stem; cut < length; cut++) {
        char *family = ptx_pool_text(parser->module->pool, text, cut);
        ptx_name *name = ptx_scope_find(parser, family);
        long number = strtol(text + cut, NULL, 10);
        if (name && name->kind == PTX_NAME_FAMILY && number < name->count &&
            (text[cut] != '0' || cut + 1 == length))
            return &name->registers[number];
    }
    return NULL;
}

ptx_register *ptx_scope_register(ptx_parser *parser, const char *text) {
    ptx_name *name = ptx_scope_find(parser, text);
    if (name) return name->kind == PTX_NAME_REGISTER ? name->registers : NULL;
    ptx_register *found = find_in_family(parser, text);
    if (found) {  // so that it is found at once from now on
        name = ptx_scope_add(parser, text, PTX_NAME_REGISTER);
        name->registers = found;
    }
    return found;
}

ptx_label *ptx_scope_label(ptx_parser *parser, const char *text) {
    ptx_name *name = ptx_scope_find(parser, text);
    if (name) return name->kind == PTX_NAME_LABEL ? name->label : NULL;
    name = ptx_scope_add(parser, text, PTX_NAME_LABEL);
    name->label = ptx_pool_take(parser->module->pool, sizeof *name->label);
    *name->label = (ptx_label){.name = text, .statement = -1, .line = parser->lexer.line};
    return name->label;
}

void ptx_scope_define(ptx_parser *parser, const char *text, int statement) {
    ptx_name *name = find_in(parser->scope, text);
    if (!name) {
        name = ptx_scope_add(parser, text, PTX_NAME_LABEL);
        name->label = ptx_pool_take(parser->module->pool, sizeof *name->label);
        *name->label = (ptx_label){.name = text, .statement = -1, .line = parser->lexer.line};
    }
    if (name->kind != PTX_NAME_LABEL || name->label->statement >= 0)
        ptx_fail(&parser->lexer, parser->lexer.line, "%s is declared twice", text);
    name->label->statement = statement;
}

static void hand_up(ptx_parser *parser, ptx_label *label) {
    if (label->statement >= 0 || label->same) return;
    if (!parser->scope || !parser->scope->parent)
        ptx_fail(&parser->lexer, label->line, "%s is not declared", label->name);
    label->same = ptx_scope_label(parser, label->name);
    if (label->line < label->same->line) label->same->line = label->line;
}

void ptx_scope_close(ptx_parser *parser) {
    ptx_scope *closed = parser->scope;
    parser->scope = closed->parent;
    for (int i = 0; i < PTX_BUCKETS; i++)
        for (ptx_name *name = closed->buckets[i]; name; name = name->next)
            if (name->kind == PTX_NAME_LABEL) hand_up(parser, name->label);
}

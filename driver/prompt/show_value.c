// The other kinds of values, and networks.
#include <stdlib.h>
#include <string.h>

#include "driver/prompt/show.h"

enum { ROWS_SHOWN = 20 };

static void put_type(const dn_style *style, const char *type, dn_str *out) {
    dn_style_puts(style, DN_COLOUR_TYPE, type, out);
}

static const char *type_name(dn_value_kind kind) {
    switch (kind) {
        case DN_VALUE_NONE: return "none";
        case DN_VALUE_BOOL: return "bool";
        case DN_VALUE_INT: return "int";
        case DN_VALUE_FLOAT: return "float";
        case DN_VALUE_STRING: return "string";
        case DN_VALUE_LIST: return "list";
        case DN_VALUE_RECORD: return "record";
        case DN_VALUE_RANGE: return "range";
        case DN_VALUE_PROGRESS: return "progress";
        default: return "";
    }
}

// As it would be typed.
static void put_string(const dn_string *string, dn_str *out) {
    dn_str_puts(out, "\"");
    for (size_t i = 0; i < string->length; i++) {
        char c = string->text[i];
        if (c == '\n' || c == '\t' || c == '\r')
            dn_str_printf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c == '"' || c == '\\')
            dn_str_printf(out, "\\%c", c);
        else
            dn_str_append(out, &c, 1);
    }
    dn_str_puts(out, "\"");
}

// A value in one line, its type first unless its text says it.
static void put_line(const dn_style *style, const dn_value *value, dn_str *out) {
    if (value->kind == DN_VALUE_TENSOR) {
        dn_show_tensor_line(style, value->tensor, out);
        return;
    }
    const char *type = type_name(value->kind);
    if (*type) put_type(style, type, out);
    if (value->kind == DN_VALUE_NONE) return;
    if (*type) dn_str_puts(out, " ");
    if (value->kind == DN_VALUE_STRING)
        put_string(value->string, out);
    else
        dn_value_print(value, out);
}

// ---- records and lists -----------------------------------------------------------------------

static void put_record(const dn_style *style, const dn_record *record, dn_str *out) {
    dn_table table = {.n_columns = 2};
    put_type(style, "record\n", out);
    for (int i = 0; i < record->count; i++) {
        dn_str line = {0};
        put_line(style, &record->values[i], &line);
        dn_table_printf(&table, "%s%s%s", dn_style_begin(style, DN_COLOUR_NAME), record->names[i],
                        dn_style_end(style));
        dn_table_add(&table, line.text);
        free(line.text);
    }
    dn_table_print(&table, style, false, out);
}

// Records with the same fields, whose values fit in a cell.
static bool is_table(const dn_list *list) {
    if (list->count < 2) return false;
    for (int i = 0; i < list->count; i++) {
        if (list->items[i].kind != DN_VALUE_RECORD) return false;
        const dn_record *a = list->items[0].record, *b = list->items[i].record;
        if (a->count != b->count) return false;
        for (int k = 0; k < a->count; k++)
            if (strcmp(a->names[k], b->names[k]) != 0) return false;
    }
    return true;
}

static void put_cell(const dn_value *value, dn_table *table) {
    dn_str text = {0};
    if (value->kind == DN_VALUE_TENSOR && value->tensor->shape.rank > 0)
        dn_value_describe(value, &text);
    else
        dn_value_print(value, &text);
    char *line_end = text.text ? strchr(text.text, '\n') : NULL;
    if (line_end) *line_end = 0;
    dn_table_add(table, text.text ? text.text : "");
    free(text.text);
}

static void put_row(const dn_list *list, int row, dn_table *table) {
    const dn_record *record = list->items[row].record;
    dn_table_printf(table, "%d", row);
    for (int k = 0; k < record->count; k++) put_cell(&record->values[k], table);
}

static void put_table(const dn_style *style, const dn_list *list, dn_str *out) {
    const dn_record *first = list->items[0].record;
    dn_str header = {0};
    dn_str_printf(&header, "list of %d records\n", list->count);
    put_type(style, header.text, out);
    free(header.text);
    char *right = dn_xmalloc((size_t)first->count + 2);
    memset(right, 'r', (size_t)first->count + 1);
    right[first->count + 1] = 0;
    dn_table table = {.n_columns = first->count + 1, .right = right};
    dn_table_add(&table, "");
    for (int k = 0; k < first->count; k++) dn_table_add(&table, first->names[k]);
    bool cut = list->count > ROWS_SHOWN;
    for (int i = 0; i < list->count; i++) {
        if (cut && i == ROWS_SHOWN / 2) {
            for (int k = 0; k <= first->count; k++) dn_table_add(&table, "...");
            i = list->count - ROWS_SHOWN / 2;
        }
        put_row(list, i, &table);
    }
    dn_table_print(&table, style, true, out);
    free(right);
}

static bool has_parts(const dn_list *list) {
    for (int i = 0; i < list->count; i++) {
        const dn_value *item = &list->items[i];
        if (item->kind == DN_VALUE_RECORD || item->kind == DN_VALUE_LIST ||
            (item->kind == DN_VALUE_TENSOR && item->tensor->shape.rank > 0))
            return true;
    }
    return false;
}

// A line for each item.
static void put_items(const dn_style *style, const dn_list *list, dn_str *out) {
    dn_str header = {0};
    dn_str_printf(&header, "list of %d\n", list->count);
    put_type(style, header.text, out);
    free(header.text);
    for (int i = 0; i < list->count; i++) {
        if (list->count > ROWS_SHOWN && i == ROWS_SHOWN / 2) {
            dn_str_puts(out, "  ...\n");
            i = list->count - ROWS_SHOWN / 2;
        }
        dn_str_puts(out, "  ");
        put_line(style, &list->items[i], out);
        dn_str_puts(out, "\n");
    }
}

static void put_list(const dn_style *style, const dn_value *value, dn_str *out) {
    if (is_table(value->list)) {
        put_table(style, value->list, out);
        return;
    }
    if (has_parts(value->list)) {
        put_items(style, value->list, out);
        return;
    }
    put_line(style, value, out);
    dn_str_puts(out, "\n");
}

void dn_show_value(const dn_style *style, const dn_value *value, dn_str *out) {
    switch (value->kind) {
        case DN_VALUE_NONE: break;
        case DN_VALUE_TENSOR: dn_show_tensor(style, value->tensor, out); break;
        case DN_VALUE_RECORD: put_record(style, value->record, out); break;
        case DN_VALUE_LIST: put_list(style, value, out); break;
        default: put_line(style, value, out); dn_str_puts(out, "\n");
    }
}

// ---- networks --------------------------------------------------------------------------------

static void add_count(dn_table *table, const dn_dims *dims, dn_dim count) {
    dn_str text = {0};
    if (count != 0) dn_dim_print(dims, count, &text);
    dn_table_add(table, text.text ? text.text : "");
    free(text.text);
}

static void add_layer(dn_table *table, const dn_style *style, const dn_dims *dims,
                      const dn_layer *layer) {
    dn_str type = {0};
    char flops[32], bytes[32];
    if (layer->has_type) dn_type_print(dims, &layer->type, &type);
    dn_count_text(layer->flops, flops);
    dn_bytes_text(layer->bytes, bytes);
    dn_table_printf(table, "%s%s%s", dn_style_begin(style, DN_COLOUR_NAME),
                    layer->scope ? layer->scope : layer->name, dn_style_end(style));
    dn_table_add(table, type.text ? type.text : "?");
    add_count(table, dims, layer->params);
    dn_table_add(table, flops);
    dn_table_add(table, bytes);
    free(type.text);
}

typedef struct totals {
    double params, states, flops, bytes;
} totals;

static totals sum_up(const dn_network *network) {
    totals t = {0};
    for (int i = 0; i < network->n; i++) {
        const dn_layer *layer = &network->layers[i];
        if (dn_dim_known(layer->params)) t.params += (double)layer->params;
        if (dn_dim_known(layer->states)) t.states += (double)layer->states;
        t.flops += layer->flops;
        t.bytes += layer->bytes;
    }
    return t;
}

void dn_show_network(const dn_style *style, const dn_dims *dims, const char *name,
                     const dn_network *network, dn_str *out) {
    dn_str type = {0};
    for (int i = 0; i < network->n_inputs; i++) {
        if (i) dn_str_puts(&type, ", ");
        dn_type_print(dims, &network->inputs[i], &type);
    }
    put_type(style, "model", out);
    dn_str_printf(out, " %s = %s(%s)\n", name, network->net, type.text ? type.text : "");
    free(type.text);
    dn_table table = {.n_columns = 5, .right = "llrrr"};
    static const char *const heading[] = {"layer", "output", "parameters", "FLOPs", "memory"};
    for (int i = 0; i < 5; i++) dn_table_add(&table, heading[i]);
    for (int i = 0; i < network->n; i++) add_layer(&table, style, dims, &network->layers[i]);
    dn_table_print(&table, style, true, out);
    totals t = sum_up(network);
    char params[32], bytes[32], flops[32], memory[32];
    dn_count_text(t.params, params);
    dn_bytes_text(4 * t.params, bytes);
    dn_count_text(t.flops, flops);
    dn_bytes_text(t.bytes, memory);
    dn_str_printf(out, "  in all %.0f parameters (%s)", t.params, bytes);
    if (t.states > 0) dn_str_printf(out, ", %.0f of running state", t.states);
    dn_str_printf(out, "; for one example %s FLOPs forward, %s of results\n", flops, memory);
}

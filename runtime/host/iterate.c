#include "runtime/host/iterate.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/host/operate.h"

void dn_host_progress_free(dn_host_progress *progress) {
    dn_value_release(progress->items);
    dn_value_release(progress->label);
    free(progress);
}

void dn_host_iterator_free(dn_host_iterator *iterator) {
    dn_host_iterator_end(iterator);
    dn_value_release(iterator->items);
    dn_value_release(iterator->label);
    free(iterator);
}

int64_t dn_host_size(const dn_value *items) {
    switch (items->kind) {
        case DN_VALUE_LIST: return items->list->count;
        case DN_VALUE_RANGE:
            return items->range->last < items->range->first
                       ? 0
                       : items->range->last - items->range->first + 1;
        case DN_VALUE_TENSOR: return items->tensor->shape.rank ? items->tensor->shape.dims[0] : -1;
        case DN_VALUE_DATASET: return dn_dataset_size(items->dataset->dataset);
        case DN_VALUE_PROGRESS: return dn_host_size(&items->progress->items);
        default: return -1;
    }
}

static dn_status not_iterable(const dn_value *items) {
    dn_str text = {0};
    dn_value_describe(items, &text);
    dn_status status =
        dn_with_hint(dn_fail(DN_INVALID, "there is nothing to go through in %s", text.text),
                     "a loop goes through a range, a list, a dataset or the rows of a tensor");
    free(text.text);
    return status;
}

dn_status dn_host_progress_new(dn_value items, dn_value label, dn_value *out) {
    dn_status status = DN_SUCCESS;
    if (items.kind == DN_VALUE_PROGRESS)
        status = dn_fail(DN_INVALID, "progress(...) of a progress");
    else if (dn_host_size(&items) < 0)
        status = not_iterable(&items);
    if (status) {
        dn_value_release(items);
        dn_value_release(label);
        return status;
    }
    dn_host_progress *progress = dn_xmalloc(sizeof *progress);
    *progress = (dn_host_progress){.references = 1, .items = items, .label = label};
    *out = (dn_value){.kind = DN_VALUE_PROGRESS, .progress = progress};
    return DN_SUCCESS;
}

dn_status dn_host_iterate(const dn_value *items, uint64_t epoch, dn_value *out) {
    if (dn_host_size(items) < 0) return not_iterable(items);
    bool shows = items->kind == DN_VALUE_PROGRESS;
    dn_host_iterator *iterator = dn_xmalloc(sizeof *iterator);
    *iterator = (dn_host_iterator){
        .references = 1,
        .items = dn_value_retain(shows ? items->progress->items : *items),
        .shows = shows,
        .label = shows ? dn_value_retain(items->progress->label) : dn_value_none(),
        .epoch = epoch,
    };
    *out = (dn_value){.kind = DN_VALUE_ITERATOR, .iterator = iterator};
    return DN_SUCCESS;
}

void dn_host_iterator_show(dn_host_iterator *iterator, FILE *out) {
    if (!iterator->shows || iterator->bar) return;
    // The element handed out last is still being worked on.
    int64_t finished = iterator->position > 0 ? iterator->position - 1 : 0;
    iterator->bar = dn_progress_new(out, iterator->label.string->text,
                                    dn_host_size(&iterator->items), finished);
}

// The loop's stream of elements: the dataset's idle one, or a new one.
static dn_status open_data(dn_host_iterator *iterator, const dn_run_options *options) {
    dn_host_dataset *dataset = iterator->items.dataset;
    if (!dataset->idle)
        return dn_iterator_new(dataset->dataset, options->seed, iterator->epoch, iterator->position,
                               options->workers, &iterator->data);
    dn_iterator *idle = dataset->idle;
    dataset->idle = NULL;
    dn_status status = dn_iterator_restart(idle, iterator->epoch, iterator->position);
    if (status) {
        dn_iterator_free(idle);
        return status;
    }
    iterator->data = idle;
    return DN_SUCCESS;
}

// A lone image, value or feature row is the element itself; more fields make a record.
static bool is_bare(const dn_field *fields, int count) {
    return count == 1 &&
           (strcmp(fields->name, "image") == 0 || strcmp(fields->name, "value") == 0 ||
            strcmp(fields->name, "features") == 0);
}

static dn_value make_element(dn_dataset *dataset, dn_tensor **tensors) {
    const dn_field *fields;
    int count = dn_dataset_fields(dataset, &fields);
    if (is_bare(fields, count)) return dn_value_tensor(dn_tensor_retain(tensors[0]));
    const char *names[DN_MAX_FIELDS];
    dn_value values[DN_MAX_FIELDS];
    DN_ASSERT(count <= DN_MAX_FIELDS, "%d fields", count);
    for (int i = 0; i < count; i++) {
        names[i] = fields[i].name;
        values[i] = dn_value_tensor(dn_tensor_retain(tensors[i]));
    }
    return dn_value_record(count, names, values);
}

static dn_status next_of_dataset(dn_host_iterator *iterator, const dn_run_options *options,
                                 dn_value *element, bool *done) {
    if (!iterator->data) DN_TRY(open_data(iterator, options));
    dn_tensor *tensors[DN_MAX_FIELDS];
    DN_TRY(dn_iterator_next(iterator->data, tensors, done));
    if (!*done) *element = make_element(iterator->items.dataset->dataset, tensors);
    return DN_SUCCESS;
}

static dn_status next_element(dn_host_iterator *iterator, const dn_run_options *options,
                              dn_value *element, bool *done) {
    const dn_value *items = &iterator->items;
    int64_t i = iterator->position;
    if (items->kind == DN_VALUE_DATASET) return next_of_dataset(iterator, options, element, done);
    *done = i >= dn_host_size(items);
    if (*done) return DN_SUCCESS;
    if (items->kind == DN_VALUE_TENSOR) return dn_host_row(items->tensor, i, element);
    *element = items->kind == DN_VALUE_RANGE ? dn_value_int(items->range->first + i)
                                             : dn_value_retain(items->list->items[i]);
    return DN_SUCCESS;
}

dn_status dn_host_next(dn_host_iterator *iterator, const dn_run_options *options, dn_value *element,
                       bool *done) {
    if (iterator->bar && iterator->position > 0) dn_progress_advance(iterator->bar, 1);
    DN_TRY(next_element(iterator, options, element, done));
    if (!*done) iterator->position++;
    return DN_SUCCESS;
}

void dn_host_iterator_end(dn_host_iterator *iterator) {
    if (iterator->bar) dn_progress_end(iterator->bar);
    iterator->bar = NULL;
    if (!iterator->data) return;
    dn_host_dataset *dataset = iterator->items.dataset;
    if (dataset->idle)
        dn_iterator_free(iterator->data);
    else
        dataset->idle = iterator->data;
    iterator->data = NULL;
}

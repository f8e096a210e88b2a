/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading the log: files of the folder in the order of their names, which is the order of time; a line is taken only
 * when its end has been written.
 */

#include "report/log.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_SIZE 256u

struct report_log {
    char *folder;
    char current[NAME_MAX_SIZE]; /* "": none yet */
    FILE *stream;
    char *line;
    size_t line_capacity;
    char *partial; /* a line whose end has not been written yet */
    size_t partial_size;
    char text[2048];
    json_t *root; /* of the last line; its texts are lent out */
    uint64_t unreadable;
};

static bool is_log_name(const char *name)
{
    size_t size = strlen(name);
    return name[0] != '.' && size > 6 && size < NAME_MAX_SIZE && strcmp(name + size - 6, ".jsonl") == 0;
}

/* The first file behind `after` by name, or the last one of all. False when there is none. */
static bool find_file(const char *folder, const char *after, bool last, char name_out[NAME_MAX_SIZE])
{
    DIR *directory = opendir(folder);
    if (!directory)
        return false;
    bool found = false;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (!is_log_name(entry->d_name) || strcmp(entry->d_name, after) <= 0)
            continue;
        int order = found ? strcmp(entry->d_name, name_out) : 0;
        if (!found || (last ? order > 0 : order < 0))
            snprintf(name_out, NAME_MAX_SIZE, "%s", entry->d_name);
        found = true;
    }
    closedir(directory);
    return found;
}

static bool open_file(struct report_log *log, const char *name)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/%s", log->folder, name) >= (int)sizeof(path))
        return false;
    FILE *stream = fopen(path, "re");
    if (!stream)
        return false;
    if (log->stream)
        fclose(log->stream);
    log->stream = stream;
    snprintf(log->current, sizeof(log->current), "%s", name);
    free(log->partial);
    log->partial = NULL;
    log->partial_size = 0;
    return true;
}

int report_log_open(const char *folder, bool from_end, struct diagnostics *diagnostics, struct report_log **log_out)
{
    DIR *directory = opendir(folder);
    if (!directory) {
        int error = errno;
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &(struct diagnostic_place){.file = folder},
                        "cannot be read: %s; name the folder that the reporter writes to", strerror(error));
        return -error;
    }
    closedir(directory);
    struct report_log *log = calloc(1, sizeof(*log));
    if (!log || !(log->folder = strdup(folder))) {
        free(log);
        return -ENOMEM;
    }
    char name[NAME_MAX_SIZE];
    if (from_end && find_file(folder, "", true, name) && open_file(log, name))
        fseek(log->stream, 0, SEEK_END);
    *log_out = log;
    return 0;
}

void report_log_close(struct report_log *log)
{
    if (!log)
        return;
    if (log->stream)
        fclose(log->stream);
    json_decref(log->root);
    free(log->partial);
    free(log->line);
    free(log->folder);
    free(log);
}

uint64_t report_log_unreadable(const struct report_log *log)
{
    return log->unreadable;
}

/* A whole line without its end in log->line, its size; -1: none now. */
static ssize_t read_line(struct report_log *log)
{
    clearerr(log->stream);
    ssize_t size = getline(&log->line, &log->line_capacity, log->stream);
    if (size <= 0)
        return -1;
    bool whole = log->line[size - 1] == '\n';
    if (whole && !log->partial)
        return size - 1;
    if (log->partial_size + (size_t)size > REPORT_LINE_MAX) {
        log->unreadable++;
        log->partial_size = 0;
        return -1;
    }
    char *joined = realloc(log->partial, log->partial_size + (size_t)size + 1);
    if (!joined)
        return -1;
    memcpy(joined + log->partial_size, log->line, (size_t)size + 1);
    log->partial = joined;
    log->partial_size += (size_t)size;
    if (!whole)
        return -1;
    free(log->line);
    size = (ssize_t)log->partial_size;
    log->line = log->partial;
    log->line_capacity = log->partial_size + 1;
    log->partial = NULL;
    log->partial_size = 0;
    return size - 1;
}

static struct span text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return (struct span){0};
    return span_of(json_string_value(value), json_string_length(value));
}

static const char *terminated(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : otherwise;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static enum severity severity_of(const char *name)
{
    for (int i = 0; i < SEVERITY_COUNT; i++)
        if (strcmp(name, severity_name((enum severity)i)) == 0)
            return (enum severity)i;
    return SEVERITY_INFO;
}

static enum verdict verdict_of(const char *name)
{
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (strcmp(name, verdict_name((enum verdict)i)) == 0)
            return (enum verdict)i;
    return VERDICT_ERROR;
}

/* Evidence as "name=value, name=value". */
static void evidence_text(const json_t *evidence, char *text, size_t size)
{
    size_t used = 0;
    const char *key;
    json_t *value;
    text[0] = 0;
    json_object_foreach((json_t *)(uintptr_t)evidence, key, value)
    {
        int added = snprintf(text + used, size - used, "%s%s=%s", used ? ", " : "", key,
                             json_is_string(value) ? json_string_value(value) : "-");
        if (added < 0 || (size_t)added >= size - used)
            break;
        used += (size_t)added;
    }
}

/* Control characters never reach a terminal. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void take_finding(struct report_log *log, struct report_entry *entry)
{
    const json_t *root = log->root;
    entry->finding = (struct tally_finding){
        .rule = text_of(root, "rule"),
        .title = text_of(root, "title"),
        .operation = text_of(root, "operation"),
        .host = text_of(root, "host"),
        .method = text_of(root, "method"),
        .path = text_of(root, "path"),
        .verdict = verdict_of(terminated(root, "verdict", "error")),
        .severity = severity_of(terminated(root, "severity", "info")),
    };
    /* Findings about the auditing itself carry no protocol. */
    if (json_is_null(json_object_get(root, "protocol")))
        entry->finding.operation = SPAN_LITERAL(TALLY_ITSELF);
    char evidence[768];
    evidence_text(json_object_get(root, "evidence"), evidence, sizeof(evidence));
    const json_t *status = json_object_get(root, "status");
    char status_text[32] = "-";
    if (json_is_integer(status))
        snprintf(status_text, sizeof(status_text), "%lld", (long long)json_integer_value(status));
    snprintf(log->text, sizeof(log->text), "%.19s %-8s %-7s %-8s %s %.60s %s: %s [%s]", terminated(root, "time", "-"),
             terminated(root, "severity", "-"), terminated(root, "verdict", "-"), terminated(root, "rule", "-"),
             terminated(root, "method", "-"), terminated(root, "path", "-"), status_text,
             terminated(root, "title", "-"), evidence);
    make_printable(log->text);
    entry->text = log->text;
}

static void take_sum(const json_t *object, const char *key, struct ledger_sum *sum)
{
    const json_t *value = json_object_get(object, key);
    sum->packets = number_of(value, "packets");
    sum->bytes = number_of(value, "bytes");
}

static void take_ledger(const json_t *root, struct report_entry *entry)
{
    struct ledger *ledger = &entry->ledger;
    *ledger = (struct ledger){0};
    entry->ledger_whole = json_is_null(json_object_get(root, "worker"));
    take_sum(root, "received", &ledger->received);
    take_sum(root, "pending", &ledger->pending);
    take_sum(root, "audited", &ledger->settled[LEDGER_AUDITED]);
    const json_t *excused = json_object_get(root, "excused");
    for (int i = LEDGER_AUDITED + 1; i < LEDGER_REASON_COUNT; i++)
        take_sum(excused, ledger_reason_name((enum ledger_reason)i), &ledger->settled[i]);
    const json_t *transactions = json_object_get(root, "transactions");
    ledger->transactions_seen = number_of(transactions, "seen");
    ledger->transactions_pending = number_of(transactions, "pending");
    ledger->transactions_settled[LEDGER_TRANSACTION_AUDITED] = number_of(transactions, "audited");
    excused = json_object_get(transactions, "excused");
    for (int i = LEDGER_TRANSACTION_AUDITED + 1; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        ledger->transactions_settled[i] =
            number_of(excused, ledger_transaction_reason_name((enum ledger_transaction_reason)i));
    const json_t *missing = json_object_get(root, "not_received");
    for (int i = 0; i < LEDGER_MISSING_COUNT; i++)
        ledger->missing[i] = number_of(missing, ledger_missing_name((enum ledger_missing)i));
}

static void take_service(const json_t *root, struct report_entry *entry)
{
    const json_t *transactions = json_object_get(root, "transactions");
    const json_t *excused = json_object_get(transactions, "excused");
    struct service_report *service = &entry->service;
    *service = (struct service_report){.host = text_of(root, "host"),
                                       .seconds = (uint32_t)number_of(root, "seconds"),
                                       .gaps = number_of(root, "gaps"),
                                       .gap_bytes = number_of(root, "gap_bytes")};
    service->transactions[LEDGER_TRANSACTION_AUDITED] = number_of(transactions, "audited");
    for (int i = LEDGER_TRANSACTION_AUDITED + 1; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        service->transactions[i] =
            number_of(excused, ledger_transaction_reason_name((enum ledger_transaction_reason)i));
    const json_t *tls = json_object_get(root, "tls");
    for (int i = 0; i < LEDGER_TLS_COUNT; i++)
        service->tls[i] = number_of(tls, ledger_tls_name((enum ledger_tls)i));
}

/* "2026-11-20T23:00:52.863080000Z"; 0 where it is something else. */
static int64_t seconds_of(const json_t *object, const char *key)
{
    struct tm parts = {0};
    const char *end = strptime(terminated(object, key, ""), "%Y-%m-%dT%H:%M:%S", &parts);
    return end ? (int64_t)timegm(&parts) : 0;
}

static void take_certificate(const json_t *root, struct report_entry *entry)
{
    entry->certificate = (struct certificate_report){
        .first_ns = (uint64_t)seconds_of(root, "first") * 1000000000u,
        .last_ns = (uint64_t)seconds_of(root, "last") * 1000000000u,
        .count = number_of(root, "count"),
        .not_before_s = seconds_of(root, "not_before"),
        .not_after_s = seconds_of(root, "not_after"),
        .server_port = (uint16_t)number_of(root, "dst_port"),
        .client = strcmp(terminated(root, "presented_by", ""), "client") == 0,
        .sha256 = text_of(root, "sha256"),
        .subject = text_of(root, "subject"),
        .issuer = text_of(root, "issuer"),
        .serial = text_of(root, "serial"),
        .names = text_of(root, "names"),
    };
    uint8_t ip_version;
    (void)(address_parse(terminated(root, "dst", ""), &entry->certificate.server, &ip_version) < 0);
}

static void take_reload(struct report_log *log, struct report_entry *entry)
{
    bool accepted = json_is_true(json_object_get(log->root, "accepted"));
    snprintf(log->text, sizeof(log->text), "%.19s reload %s, epoch %llu%s%s", terminated(log->root, "time", "-"),
             accepted ? "accepted" : "REFUSED", (unsigned long long)number_of(log->root, "epoch"), accepted ? "" : ": ",
             accepted ? "" : terminated(log->root, "error", ""));
    make_printable(log->text);
    entry->text = log->text;
}

static bool take_line(struct report_log *log, size_t size, struct report_entry *entry)
{
    json_decref(log->root);
    log->root = json_loadb(log->line, size, 0, NULL);
    const char *type = json_string_value(json_object_get(log->root, "type"));
    if (!type) {
        log->unreadable++;
        return false;
    }
    *entry = (struct report_entry){.kind = REPORT_LINE_OTHER};
    if (strcmp(type, "finding") == 0) {
        entry->kind = REPORT_LINE_FINDING;
        take_finding(log, entry);
    } else if (strcmp(type, "ledger") == 0) {
        entry->kind = REPORT_LINE_LEDGER;
        take_ledger(log->root, entry);
    } else if (strcmp(type, "reload") == 0) {
        entry->kind = REPORT_LINE_RELOAD;
        take_reload(log, entry);
    } else if (strcmp(type, "service") == 0) {
        entry->kind = REPORT_LINE_SERVICE;
        take_service(log->root, entry);
    } else if (strcmp(type, "certificate") == 0) {
        entry->kind = REPORT_LINE_CERTIFICATE;
        take_certificate(log->root, entry);
    }
    if (strcmp(type, "lifecycle") == 0 && strcmp(terminated(log->root, "event", ""), "start") == 0)
        entry->kind = REPORT_LINE_START;
    return true;
}

int report_log_next(struct report_log *log, struct report_entry *entry_out)
{
    *entry_out = (struct report_entry){.kind = REPORT_LINE_NONE};
    for (;;) {
        ssize_t size = log->stream ? read_line(log) : -1;
        if (size >= 0) {
            if (take_line(log, (size_t)size, entry_out))
                return 0;
            continue;
        }
        char name[NAME_MAX_SIZE];
        if (!find_file(log->folder, log->current, false, name) || !open_file(log, name))
            return 0;
    }
}

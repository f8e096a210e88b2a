/* SPDX-License-Identifier: Apache-2.0 */

/* Results of a replay: what is found of its coverage, the summary, the tables. */

#include <stdlib.h>

#include "coverage/coverage.h"
#include "event/json.h"
#include "replay_state.h"
#include "version.h"

#define TABLE_ROWS 40u

void replay_tell_finding(void *context, const struct finding *finding)
{
    struct replay *replay = context;
    replay_count_finding(replay, finding);
    if (!replay->findings)
        return;
    char *line = malloc(EVENT_JSON_MAX + 1);
    require(line);
    struct json_writer writer;
    json_writer_init(&writer, line, EVENT_JSON_MAX);
    event_json_finding(&writer, finding, NULL, false);
    require(!writer.overflow);
    line[writer.size] = '\n';
    replay->write_failed |= fwrite(line, 1, writer.size + 1, replay->findings) != writer.size + 1;
    free(line);
}

void replay_judge_coverage(struct replay *replay, const struct ledger *ledger, uint64_t last_ns)
{
    const struct epoch *epoch = replay->publication.current;
    struct coverage_judge judge = {
        .policy = epoch->policy,
        .epoch = epoch->number,
        .rules_digest = span_from_text(epoch->rules_digest),
        .registry_digest = span_from_text(epoch->registry_digest),
        .context = replay,
        .finding = replay_tell_finding,
    };
    coverage_judge_capture(&judge, ledger, last_ns);
    struct service_report report;
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++)
        if (service_table_entry(replay->service_table, i, &report)) {
            coverage_judge_service(NULL, &judge, &report, last_ns);
            require(services_add(replay->services, &report) == 0);
        }
}

void replay_summary_write(const struct replay *replay, const struct ledger *ledger, FILE *stream)
{
    size_t capacity = (size_t)1 << 25; /* 20,000 operations with long names, 1,000 certificates */
    char *buffer = malloc(capacity);
    require(buffer);
    struct json_writer writer;
    json_writer_init(&writer, buffer, capacity);
    json_write_object_begin(&writer);
    json_write_key(&writer, "type");
    json_write_text(&writer, "summary");
    json_write_key(&writer, "version");
    json_write_text(&writer, ASSAY_VERSION);
    json_write_key(&writer, "captures");
    json_write_array_begin(&writer);
    for (uint32_t i = 0; i < replay->options->capture_count; i++)
        json_write_text(&writer, replay->options->captures[i]);
    json_write_array_end(&writer);
    json_write_key(&writer, "rules_digest");
    json_write_text(&writer, replay->publication.current->rules_digest);
    json_write_key(&writer, "registry_digest");
    json_write_text(&writer, replay->publication.current->registry_digest);
    event_json_ledger(&writer, ledger);
    json_write_key(&writer, "findings");
    json_write_object_begin(&writer);
    tally_json(replay->tally, &writer);
    json_write_object_end(&writer);
    json_write_key(&writer, "services");
    services_json(replay->services, &writer);
    json_write_key(&writer, "certificates");
    certificates_json(replay->certificates, &writer);
    stages_json(replay->stage_cycles, &writer);
    json_write_object_end(&writer);
    require(!writer.overflow);
    fwrite(buffer, 1, writer.size, stream);
    fputc('\n', stream);
    free(buffer);
}

void replay_text_show(const struct replay *replay, const struct ledger *ledger)
{
    tally_print(replay->tally, TABLE_ROWS, stdout);
    fputc('\n', stdout);
    services_print(replay->services, TABLE_ROWS, stdout);
    fputc('\n', stdout);
    certificates_print(replay->certificates, TABLE_ROWS, stdout);
    fputc('\n', stdout);
    tally_print_ledger(ledger, stdout);
    stages_print(replay->stage_cycles, ledger->transactions_seen, stdout);
}

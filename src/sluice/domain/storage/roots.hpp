#pragma once
// The list of roots: every column of the ledger and every entry of a data folder, and whether a digest in it
// keeps an object from being swept. A new column or folder needs a line here, and if it holds digests, a
// sweep has to read it (sweep.cpp); a test compares the list with what there is.
#include <array>
#include <string_view>

namespace sluice::storage {

struct Root {
  std::string_view place;  ///< "TABLE.COLUMN" of the ledger, or the name of an entry of the data folder
  bool keeps_objects = false;
  std::string_view why;  ///< what it holds
};

inline constexpr auto roots_in_ledger = std::to_array<Root>({
    {"events.event", true, "inputs, code, arguments and outputs, by digest"},
    {"events.text", false, "which of the texts belongs into the event"},
    {"events.number", false, "a number"},
    {"events.principal", false, "a name"},
    {"events.run", false, "an id"},
    {"events.text_at", false, "a number"},
    {"events.workspace", false, "a name"},
    {"texts.digest", false, "of the text beside it, which is no object"},
    {"texts.workspace", false, "a name"},
    {"texts.principal", false, "a name"},
    {"texts.text", true, "a plan may name an artifact by its digest"},
    {"runs.plan", false, "the digest of a plan, which is no object"},
    {"runs.id", false, "an id"},
    {"runs.workspace", false, "a name"},
    {"runs.principal", false, "a name"},
    {"runs.name", false, "a name"},
    {"runs.status", false, "a word"},
    {"runs.created_ms", false, "a time"},
    {"runs.ended_ms", false, "a time"},
    {"runs.message", false, "a text for people; the event that has it is kept"},
    {"cache.outputs", true, "outputs, by digest; it is swept by last use"},
    {"cache.key", false, "the digest of what was done, which is no object"},
    {"cache.workspace", false, "a name"},
    {"cache.principal", false, "a name"},
    {"cache.run", false, "an id"},
    {"cache.path", false, "a path"},
    {"cache.at_ms", false, "a time"},
    {"cache.used_ms", false, "a time"},
    {"deployments.commit", false, "of a version, and every version of a repository is kept"},
    {"deployments.workspace", false, "a name"},
    {"deployments.endpoint", false, "a name"},
    {"deployments.principal", false, "a name"},
    {"deployments.model", false, "a name"},
    {"deployments.version", false, "a number"},
    {"deployments.at_ms", false, "a time"},
    {"deployments.effect_key", false, "a run and a path"},
    {"tokens.secret", false, "the digest of a secret, which is no object"},
    {"tokens.name", false, "a name"},
    {"tokens.workspace", false, "a name"},
    {"tokens.principal", false, "a name"},
    {"tokens.role", false, "a word"},
    {"tokens.created_ms", false, "a time"},
    {"tokens.expires_ms", false, "a time"},
    {"changes.subject", false, "a name for people; what it names is kept for other reasons, or not"},
    {"changes.number", false, "a number"},
    {"changes.at_ms", false, "a time"},
    {"changes.workspace", false, "a name"},
    {"changes.principal", false, "a name"},
    {"changes.what", false, "a word"},
    {"registered_models.id", false, "a number"},
    {"registered_models.workspace", false, "a name"},
    {"registered_models.principal", false, "a name"},
    {"registered_models.name", false, "a name"},
    {"registered_models.mark", false, "which state of the repository it is"},
    {"registered_models.updated_ms", false, "a time"},
    {"registered_models.is_prompt", false, "yes or no"},
    {"registered_models.content", false, "a copy of what is in the repository, which keeps it"},
    {"registered_model_tags.model", false, "a number"},
    {"registered_model_tags.key", false, "a name"},
    {"registered_model_tags.value", false, "a text for people"},
    {"registered_versions.id", false, "a number"},
    {"registered_versions.workspace", false, "a name"},
    {"registered_versions.principal", false, "a name"},
    {"registered_versions.model", false, "a number"},
    {"registered_versions.name", false, "a name"},
    {"registered_versions.version", false, "a number"},
    {"registered_versions.created_ms", false, "a time"},
    {"registered_versions.updated_ms", false, "a time"},
    {"registered_versions.run", false, "an id"},
    {"registered_versions.source", false, "an address"},
    {"registered_versions.content", false, "a copy of what is in the repository, which keeps it"},
    {"registered_version_tags.version", false, "a number"},
    {"registered_version_tags.key", false, "a name"},
    {"registered_version_tags.value", false, "a text for people"},
});

inline constexpr auto roots_in_folder = std::to_array<Root>({
    {"ledger.db", true, "its columns: above"},
    {"ledger.db-wal", true, "a part of the ledger"},
    {"ledger.db-shm", false, "an index of the ledger"},
    {"objects", true, "a directory's parts; what came within the last hour; uploads under way in `uploads`"},
    {"models", true, "large files, and what provenance names"},
    {"cache", false, "copies, which are made again; where fetched objects came from, which keeps none"},
    {"work", false, "attempts; what they were given is in their runs' journals"},
    {"logs", false, "output of tasks; it goes with its run"},
    {"lock", false, "the process that uses the folder"},
    {"server.json", false, "the address of the server"},
    {"sluice.sock", false, "the server's socket"},
    {"secrets", false, "texts that tasks are given"},
    {"deciding", false, "the id of a run"},
    {"to_tell", false, "ids of runs"},
    {"supervisor.lock", false, "the supervisor"},
    {"supervisor.log", false, "attempts, by fence"},
    {"supervisor.sock", false, "the supervisor"},
});

}  // namespace sluice::storage

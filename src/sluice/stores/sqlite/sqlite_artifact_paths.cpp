#include "sluice/stores/sqlite/sqlite_artifact_paths.hpp"

#include <algorithm>

#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/own_artifacts.hpp"

namespace sluice::stores {

using sqlite::Connection;

namespace {

// Of paths below "a": those from "a/" to before "a0", since "0" follows "/" in the order of bytes.
std::string begin_of(const std::string& folder) { return folder.empty() ? "" : folder + "/"; }
std::string end_of(const std::string& folder) { return folder.empty() ? "\xff" : folder + "0"; }

}  // namespace

Result<void> SqliteArtifactPaths::put(const Principal& principal, const ports::ArtifactFile& file, Time at) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(upsert, connection.prepare(R"sql(
      INSERT INTO artifacts(workspace, path, principal, digest, size, at_ms) VALUES(?,?,?,?,?,?)
      ON CONFLICT(workspace, path) DO UPDATE SET principal=excluded.principal, digest=excluded.digest,
        size=excluded.size, at_ms=excluded.at_ms)sql"));
    upsert.bind(principal.workspace).bind(file.path).bind(principal.name);
    upsert.bind_blob(sqlite::blob_of(file.digest)).bind(file.size).bind(sqlite::milliseconds(at));
    return upsert.run();
  });
}

Result<std::optional<ports::ArtifactFile>> SqliteArtifactPaths::find(const std::string& workspace,
                                                                     const std::string& path) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::ArtifactFile>> {
    SLUICE_TRY(select,
               connection.prepare("SELECT digest, size FROM artifacts WHERE workspace = ? AND path = ?"));
    SLUICE_TRY(has_row, select.bind(workspace).bind(path).step());
    if (!has_row) return std::nullopt;
    SLUICE_TRY(digest, sqlite::digest_of(select.text(0)));
    return ports::ArtifactFile{.path = path, .digest = digest, .size = select.integer(1)};
  });
}

Result<std::vector<ports::ArtifactEntry>> SqliteArtifactPaths::list(const std::string& workspace,
                                                                    const std::string& folder,
                                                                    const std::string& after,
                                                                    std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::ArtifactEntry>> {
    const auto begin = begin_of(folder);
    const auto end = end_of(folder);
    std::vector<ports::ArtifactEntry> entries;
    // From each entry straight to the next: what is in a folder is passed over.
    const auto end_of_entry = [&begin](const std::string& name) {
      return begin + name + (name.ends_with('/') ? "\xff" : "");
    };
    for (auto from = end_of_entry(after); entries.size() < limit;) {
      SLUICE_TRY(select,
                 connection.prepare("SELECT path, size FROM artifacts WHERE workspace = ? AND path > ? "
                                    "AND path < ? ORDER BY path LIMIT 1"));
      const auto place = from;
      SLUICE_TRY(has_row, select.bind(workspace).bind(place).bind(end).step());
      if (!has_row) break;
      auto name = select.text(0).substr(begin.size());
      const auto slash = name.find('/');
      name.resize(std::min(slash, name.size() - 1) + 1);
      from = end_of_entry(name);
      const bool is_folder = slash != std::string::npos;
      if (is_folder) name.pop_back();
      entries.push_back(
          {.name = std::move(name), .is_folder = is_folder, .size = is_folder ? 0 : select.integer(1)});
    }
    return entries;
  });
}

Result<std::int64_t> SqliteArtifactPaths::remove(const std::string& workspace, const std::string& path) {
  std::int64_t removed = 0;
  SLUICE_DO(file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(count, sqlite::remove_artifacts(connection, workspace, path));
    removed = count;
    return {};
  }));
  return removed;
}

}  // namespace sluice::stores

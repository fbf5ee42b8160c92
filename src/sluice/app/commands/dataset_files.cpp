#include "sluice/app/commands/dataset_files.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/app/commands/given_folder.hpp"
#include "sluice/base/findings.hpp"
#include "sluice/domain/datasets/examples.hpp"
#include "sluice/domain/datasets/label_table.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* artifact_kind = "any";
constexpr std::size_t path_bytes_max = 4096;  // a text may be longer than any path

bool is_file(const fs::path& path) {
  std::error_code failed;
  return fs::is_regular_file(path, failed);
}

/// Whether it may name a file below the table's folder: nothing else of the machine is to be stored.
bool stays_below(const fs::path& path) {
  return !path.is_absolute() && std::ranges::none_of(path, [](const fs::path& part) { return part == ".."; });
}

Result<Artifact> send_table(ArtifactSender& sender, const fs::path& table) {
  SLUICE_TRY(text, os::read_file(table, datasets::table_bytes_max));
  SLUICE_TRY(read, datasets::read_label_table(text, table.string()));
  const auto folder = table.parent_path();
  Findings missing;
  std::vector<ArtifactSender::File> files;
  for (const auto& row : read.rows) {
    const fs::path file(row.example);
    if (row.example.size() < path_bytes_max && stays_below(file) && is_file(folder / file))
      files.push_back({.path = file.lexically_normal().string(), .from = folder / file});
    else
      missing.add(fmt::format("{}:{}: there is no file `{}` below {}", table.string(), row.line,
                              row.example.substr(0, 200), folder.empty() ? "." : folder.string()));
  }
  if (files.empty() && !read.names_files)  // then these are texts
    return sender.send_files({{.path = std::string(datasets::texts_file), .from = table}}, artifact_kind);
  if (!missing.empty()) return Fail(std::move(missing).error(Code::not_found));
  files.push_back({.path = std::string(datasets::labels_file), .from = table});
  return sender.send_files(files, artifact_kind);
}

}  // namespace

Result<Artifact> send_dataset(ArtifactSender& sender, const fs::path& path) {
  if (is_file(path) && path.extension() == ".csv") return send_table(sender, path);
  SLUICE_TRY(sent, sender.send(path, artifact_kind, select_input));
  if (sent.artifact.form == Form::file)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("{} is neither a folder nor a table (.csv) of examples and labels", path.string())));
  return std::move(sent.artifact);
}

}  // namespace sluice::app

#include "sluice/app/predict/results_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include "sluice/base/csv.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

const std::vector<std::string> columns{"file",  "label",    "probability", "rejected",
                                       "error", "endpoint", "version"};
constexpr std::size_t label_column = 1;
constexpr std::size_t error_column = 4;
constexpr std::size_t endpoint_column = 5;
constexpr std::size_t bytes_max = std::size_t{1} << 30;
constexpr auto byte_order_mark = "\xef\xbb\xbf"sv;  ///< spreadsheets begin files with one

Fail refused(const fs::path& path, std::string_view why) {
  return Fail(user_error(Code::failed_precondition,
                         fmt::format("--out {}: {}; name another file", os::printable(path), why)));
}

/// What of an existing file is kept.
struct Kept {
  std::string rows;
  std::unordered_set<std::string> files;
};

Result<Kept> read_kept(const std::string& text, const fs::path& path, const std::string& endpoint) {
  Kept kept;
  if (text.empty()) return kept;
  std::string_view rest = text;
  if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
  if (take_csv_row(rest) != columns)
    return refused(path, "the file was not written by `sluice predict --out`");
  for (auto before = rest; const auto row = take_csv_row(rest); before = rest) {
    if (row->size() != columns.size()) return refused(path, "a row of the file does not have its columns");
    if ((*row)[endpoint_column] != endpoint)
      return refused(path, fmt::format("the file has the answers of endpoint `{}`", (*row)[endpoint_column]));
    if ((*row)[label_column].empty() || !(*row)[error_column].empty()) continue;
    if (kept.files.insert(row->front()).second) kept.rows += before.substr(0, before.size() - rest.size());
  }
  return kept;
}

/// Opens the file at its end, for this process alone.
Result<os::UniqueFd> open_alone(const fs::path& path) {
  SLUICE_TRY(fd, os::open_file(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY));
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return refused(path, "another process writes the file");
    return Fail(system_error("lock " + path.string(), errno));
  }
  return fd;
}

}  // namespace

Result<ResultsFile> ResultsFile::open(const fs::path& path, const std::string& endpoint) {
  auto fd = open_alone(path);
  if (!fd) {
    fd.error().blame = Blame::user;
    return Fail(std::move(fd).error());
  }
  SLUICE_TRY(text, os::read_file(path, bytes_max));
  SLUICE_TRY(kept, read_kept(text, path, endpoint));
  const auto whole = csv_row(columns) + kept.rows;
  if (whole != text) {
    SLUICE_DO(os::write_file_atomically(path, whole, os::Sync::no));
    SLUICE_TRY(replaced, open_alone(path));
    *fd = std::move(replaced);
  }
  ResultsFile file(std::move(*fd), endpoint);
  file.files_ = std::move(kept.files);
  return file;
}

Result<void> ResultsFile::add(const std::vector<Answer>& answers) {
  std::string rows;
  for (const auto& answer : answers) {
    if (answer.error) {
      rows += csv_row({answer.file, "", "", "", answer.error->message, endpoint_, ""});
      continue;
    }
    rows += csv_row({answer.file, answer.label, fmt::format("{:.6f}", answer.probability()),
                     answer.rejected ? "true" : "false", "", endpoint_, answer.version});
    files_.insert(answer.file);
  }
  return os::write_fd(fd_.get(), rows);
}

}  // namespace sluice::app

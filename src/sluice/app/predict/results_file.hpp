#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sluice/app/predict/classifier.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {

/// The answers of an endpoint as CSV (base/csv.hpp), one row per file: file, label, probability, rejected,
/// error, endpoint, version. A process that ends at any moment leaves whole rows, and at most a part of one
/// behind them. One process at a time writes it. Used by one thread.
class ResultsFile {
 public:
  /// Creates the file, or continues it: predictions are kept; rows with an error, and a row that was cut off,
  /// are removed, so that their files are asked about again. Refuses a file that is something else or has the
  /// answers of another endpoint, and one that another process writes.
  static Result<ResultsFile> open(const std::filesystem::path& path, const std::string& endpoint);

  /// Whether it has a prediction for the file.
  [[nodiscard]] bool has(const std::string& file) const { return files_.contains(file); }
  [[nodiscard]] std::size_t predictions() const { return files_.size(); }

  Result<void> add(const std::vector<Answer>& answers);

 private:
  ResultsFile(os::UniqueFd fd, std::string endpoint) : fd_(std::move(fd)), endpoint_(std::move(endpoint)) {}

  os::UniqueFd fd_;  ///< locked, at the end of the file
  std::string endpoint_;
  std::unordered_set<std::string> files_;
};

}  // namespace sluice::app

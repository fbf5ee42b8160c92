#pragma once
#include <filesystem>
#include <stop_token>

#include "sluice/domain/serving/hosts.hpp"

namespace sluice::ai {

/// The files of one learning of a head.
struct LearningFolders {
  std::filesystem::path features;  ///< a folder with features.npy and index.json
  std::filesystem::path split;     ///< split.json
  std::filesystem::path out;  ///< an empty folder; receives model/, predictions.json and, if `params` ask for
                              ///< it, appraisal.json
};

/// Has a host learn: sends it the files piece by piece, and writes what it has made. `params` are those of
/// `learn_head`, but for the key. Returns the summary. Blocks. Code::unavailable if the host died.
Result<Value> learn_on(serving::HostLease& host, const LearningFolders& folders, Struct params,
                       const std::stop_token& cancel, const ports::ReportProgress& report);

}  // namespace sluice::ai

#pragma once
#include <string>

#include "sluice/app/command_line.hpp"
#include "sluice/domain/storage/sweep.hpp"

namespace sluice::app {

/// The options of `sluice gc` and `sluice up` that say what is kept; "": not given.
struct KeepOptions {
  std::string keep_runs;          ///< "30d"
  std::string keep_last;          ///< "100"
  std::string keep_removed = {};  ///< "30d"
  std::string cache_bytes;        ///< "20GB"
};

/// Declares the options; `cache_default` is for the help.
void add_keep(Command& command, KeepOptions& into, const std::string& cache_default);

/// Refuses what cannot be read, naming the option.
Result<storage::Policy> policy_of(const KeepOptions& options);
/// A size such as "20GB"; `option` is for messages.
Result<std::int64_t> bytes_option(const std::string& option, const std::string& value);

}  // namespace sluice::app

#pragma once
#include <filesystem>
#include <memory>
#include <optional>

#include "sluice/base/result.hpp"
#include "sluice/ports/decision_note.hpp"

namespace sluice::app {

/// The file `deciding` of a data folder, mapped into memory: which run the driver is deciding, and how many
/// processes in a row died in that. It survives the death of any process; after a power cut its content is
/// either right or ignored. Used by the holder of the folder's lock only.
class DecidingFile final : public ports::DecisionNote {
 public:
  /// Counts the death of the process that had the folder before, if it died while it decided.
  static Result<std::unique_ptr<DecidingFile>> open(const std::filesystem::path& file);
  ~DecidingFile() override;
  DecidingFile(const DecidingFile&) = delete;
  DecidingFile& operator=(const DecidingFile&) = delete;

  /// The run that the last two processes were deciding when they died; nullopt if there is none. It is set
  /// aside by the caller: its deaths are counted from zero again.
  std::optional<RunId> take_culprit();

  void begin(const RunId& run) override;
  void end() override;

 private:
  struct Record;
  explicit DecidingFile(Record* record) : record_(record) {}

  Record* record_;  ///< mapped
};

}  // namespace sluice::app

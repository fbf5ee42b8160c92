#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "sluice/base/result.hpp"

namespace sluice::app {

/// The paths inside a data folder (see "A folder of data on disk" in ARCHITECTURE.md).
struct DataFolder {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path ledger() const { return root / "ledger.db"; }
  [[nodiscard]] std::filesystem::path objects() const { return root / "objects"; }
  [[nodiscard]] std::filesystem::path models() const { return root / "models"; }
  [[nodiscard]] std::filesystem::path logs() const { return root / "logs"; }
  /// What the tasks of a run share.
  [[nodiscard]] std::filesystem::path folders() const { return root / "folders"; }
  [[nodiscard]] std::filesystem::path work() const { return root / "work"; }
  [[nodiscard]] std::filesystem::path cache() const { return root / "cache"; }
  [[nodiscard]] std::filesystem::path environments() const { return cache() / "environments"; }
  /// Where fetched files came from.
  [[nodiscard]] std::filesystem::path fetched() const { return cache() / "fetched"; }
  /// What is being written; what a killed process left there is removed a day later, at the next start.
  [[nodiscard]] std::filesystem::path unfinished() const { return cache() / "tmp"; }
  [[nodiscard]] std::filesystem::path secrets() const { return root / "secrets"; }
  /// What signs the tokens of tasks.
  [[nodiscard]] std::filesystem::path task_key() const { return root / "task_key"; }
  [[nodiscard]] std::filesystem::path deciding() const { return root / "deciding"; }
  /// The runs whose end is to be told.
  [[nodiscard]] std::filesystem::path to_tell() const { return root / "to_tell"; }
  [[nodiscard]] std::filesystem::path lock() const { return root / "lock"; }
  [[nodiscard]] std::filesystem::path server() const { return root / "server.json"; }
  [[nodiscard]] std::filesystem::path socket() const { return root / "sluice.sock"; }
};

/// `given`, else $SLUICE_DATA, else ~/.local/share/sluice; absolute. Fails if none of them is
/// set.
Result<DataFolder> find_data_folder(const std::string& given);

/// The server that holds a data folder.
struct RunningServer {
  std::string url;
  std::string token;             ///< "": none is required
  std::filesystem::path socket;  ///< by which the server's user is known, whatever the kernel says
};
/// Writes server.json, by which commands of the same user find the server (mode 0600).
Result<void> announce(const DataFolder& data, const RunningServer& server);
/// The server that holds the folder; nullopt if no process holds it; an error if the holder is a command that
/// does not serve others.
Result<std::optional<RunningServer>> running_server(const DataFolder& data);

}  // namespace sluice::app

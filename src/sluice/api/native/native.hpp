#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "sluice/domain/runs/runs.hpp"
#include "sluice/domain/serving/serving.hpp"
#include "sluice/ports/http.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::api {

/// What the native API stands on. All of it outlives the server.
struct NativeApi {
  runs::Runs& runs;
  ports::ObjectStore& objects;
  ports::ModelRepository& models;
  serving::Serving& serving;
  const Clock& clock;
  std::string version;
  std::filesystem::path data;
  /// Where the output of an attempt is, given the kind of its operation; empty: that kind writes none.
  std::function<std::filesystem::path(std::string_view kind, const RunId&, const std::string& path,
                                      int attempt)>
      log_of;
  Milliseconds heartbeat = std::chrono::seconds(15);  ///< a stream of events is never silent for longer
};

/// The protocol under /v1 (README.md).
ports::Protocol native_protocol(const NativeApi& api);

}  // namespace sluice::api

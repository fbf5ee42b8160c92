#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/ports/moving.hpp"
#include "sluice/ports/outbound.hpp"

namespace sluice::tracking {

/// A server of MLflow, of any kind of store, by its REST API (2.9 or later), page by page. Artifacts come
/// through it, wherever it keeps them.
class MlflowServer final : public ports::TrackingSource, public ports::ArtifactSource {
 public:
  struct Address {
    bool tls = true;
    std::string host;
    std::uint16_t port = 443;
    std::string path;                                               ///< "", or "/behind/a/prefix"
    std::vector<std::pair<std::string, std::string>> headers = {};  ///< who asks
    std::string shown;                                              ///< in messages
  };
  /// Asks it for its experiments. The port must outlive it. Code::failed_precondition if it is no such
  /// server.
  static Result<std::unique_ptr<MlflowServer>> open(ports::Outbound& outbound, Address address);

  Result<void> experiments(const ports::Take<const ports::Experiment&>& take) override;
  Result<void> runs(const ports::Experiment& experiment,
                    const ports::Take<const ports::TrackedRun&>& take) override;
  Result<void> histories(const ports::TrackedRun& run,
                         const ports::Take<ports::MetricHistory>& take) override;
  Result<void> models(const ports::Experiment& experiment,
                      const ports::Take<const ports::LoggedModel&>& take) override;
  Result<void> traces(const ports::Experiment& experiment,
                      const ports::Take<const ports::WholeTrace&>& take) override;
  Result<void> registered(const ports::Take<const ports::RegisteredContent&>& take) override;
  Result<std::vector<std::string>> others() override;

  Result<void> list(const std::string& uri, const ports::Take<const File&>& take) override;
  Result<void> read(const std::string& uri, const std::string& path,
                    const ports::Take<std::string_view>& take) override;
  /// Compares sizes.
  Result<bool> is_still(const std::string& uri, const File& file, const ports::ArtifactFile& moved) override;

 private:
  MlflowServer(ports::Outbound& outbound, Address address)
      : outbound_(outbound), address_(std::move(address)) {}
  /// nullopt: it has no such operation.
  Result<std::optional<Value>> ask(const std::string& method, const std::string& target, const Value& body);
  /// All pages: `page` is passed each response.
  Result<void> pages(const std::string& path, Struct body, const ports::Take<const Value&>& page);
  /// All pages of a search that is asked by its address, which ends with a parameter.
  Result<void> found_by(const std::string& target, const ports::Take<const Value&>& page);
  Result<ports::RegisteredContent> registered_in(const Value& model, bool is_prompt);
  Result<void> list_served(const std::string& root, const std::string& folder,
                           const ports::Take<const File&>& take);
  Result<void> list_folder(const std::string& uri, const std::string& folder,
                           const ports::Take<const File&>& take);

  ports::Outbound& outbound_;
  Address address_;
  bool has_no_traces_ = false;
};

}  // namespace sluice::tracking

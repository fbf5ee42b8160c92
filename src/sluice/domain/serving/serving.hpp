#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/domain/serving/hosts.hpp"
#include "sluice/ports/ledger.hpp"
#include "sluice/ports/model_repository.hpp"

namespace sluice::serving {

/// A model's prediction for one picture.
struct Prediction {
  std::string label;
  std::vector<double> probabilities;  ///< one per class, in the model's order
  bool rejected = false;              ///< too unlike the training pictures
};

/// The result of one prediction request.
struct PredictResult {
  std::string model;
  std::int64_t version = 0;
  std::vector<std::string> classes;
  std::vector<Result<Prediction>> predictions;  ///< one per picture; an error if it cannot be read
};
using PredictDone = std::move_only_function<void(Result<PredictResult>)>;

/// An endpoint's deployment and current state.
struct Endpoint {
  ports::Deployment deployment;
  Hosts::Status host;          ///< cold: its next request starts a host
  std::uint64_t requests = 0;  ///< since this process started
  std::size_t open = 0;
};

/// Metadata of an endpoint for clients.
struct Description {
  std::string endpoint;
  std::string model;
  std::int64_t version = 0;            ///< the requested one, else the deployed one
  std::vector<std::int64_t> versions;  ///< all that can be requested, ascending
  std::vector<std::string> classes;
};

/// What is wrong with the name; nullopt: nothing. Valid are 1 to 63 of a-z, 0-9 and `-`, not beginning or
/// ending with `-`: a name that also works as a DNS label.
std::optional<std::string> endpoint_name_problem(std::string_view name);

/// Endpoints: deploy, undeploy, list, describe, predict. Thread-safe. May block for as long as it takes to
/// read a model's files; predictions do not block while a host starts or works.
class Serving {
 public:
  struct Options {
    std::size_t open_max = 64;       ///< requests in flight per endpoint; further ones get Code::exhausted
    std::size_t pictures_max = 256;  ///< per request
  };

  /// All arguments must outlive it. Predictions in flight may finish after it, at the latest when `hosts` is
  /// destroyed.
  Serving(ports::ModelRepository& models, ports::Deployments& deployments, Hosts& hosts, const Clock& clock,
          Options options);
  Serving(ports::ModelRepository& models, ports::Deployments& deployments, Hosts& hosts, const Clock& clock)
      : Serving(models, deployments, hosts, clock, Options()) {}
  ~Serving();

  /// The deployment is recorded and synced before this returns. Returns the existing deployment if it is
  /// equal or has the same effect key. `version` is as for ModelRepository::resolve. Refuses a version that
  /// cannot be served.
  Result<ports::Deployment> deploy(const Principal& principal, const std::string& endpoint,
                                   const std::string& model, const std::string& version,
                                   const std::string& effect_key = "");
  Result<void> undeploy(const std::string& workspace, const std::string& endpoint);
  /// The model was removed, renamed, or lost a version: endpoints look for theirs again. One whose version is
  /// gone, or is another one now, fails until it is deployed again.
  void forget_model(const std::string& workspace, const std::string& model);
  /// Reads all deployments into memory. For servers, before requests arrive; from then on, no question about
  /// an endpoint waits for the ledger.
  Result<void> load();
  [[nodiscard]] Result<std::vector<Endpoint>> list(const std::string& workspace,
                                                   const ports::NamePage& page) const;
  /// Whether requests to the endpoint, and to this version of its model, are served: from memory alone, and
  /// without waiting. A version that is not the deployed one is ready once it was asked for: before,
  /// Code::unavailable. Code::not_found if there is no such endpoint.
  [[nodiscard]] Result<void> ready(const std::string& workspace, const std::string& endpoint,
                                   std::optional<std::int64_t> version) const;
  /// Code::not_found, with the nearest name as a hint, if there is no such endpoint.
  [[nodiscard]] Result<Endpoint> find(const std::string& workspace, const std::string& endpoint) const;
  [[nodiscard]] Result<Description> describe(const std::string& workspace, const std::string& endpoint,
                                             std::optional<std::int64_t> version = {}) const;

  /// `version`: any version of the endpoint's model; nullopt for the deployed one. `pictures`: encoded files.
  /// `done` runs once, on this thread or on a thread of a host, where it must not block.
  void predict(const std::string& workspace, const std::string& endpoint, std::optional<std::int64_t> version,
               std::vector<std::string> pictures, PredictDone done);
  /// Whether the endpoint's metadata is cached and its host is warm and idle, so that `predict` would start
  /// at once. Does not block.
  [[nodiscard]] bool is_idle(const std::string& workspace, const std::string& endpoint,
                             std::optional<std::int64_t> version) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace sluice::serving

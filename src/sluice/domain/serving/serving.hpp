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

/// What a model says about one picture.
struct Prediction {
  std::string label;
  std::vector<double> probabilities;  ///< one a class, in the model's order
  bool rejected = false;              ///< too unlike what it has learned from
};

struct Answered {
  std::string model;
  std::int64_t version = 0;
  std::vector<std::string> classes;
  std::vector<Result<Prediction>> predictions;  ///< one a picture; an error where that picture cannot be read
};
using PredictDone = std::move_only_function<void(Result<Answered>)>;

/// An endpoint as lists show it.
struct Endpoint {
  ports::Deployment deployment;
  Hosts::Status host;          ///< cold: its next request starts a host
  std::uint64_t requests = 0;  ///< since this process began
  std::size_t open = 0;
};

/// What clients want to know before they send pictures.
struct Description {
  std::string endpoint;
  std::string model;
  std::int64_t version = 0;            ///< the one that was asked for, else the deployed one
  std::vector<std::int64_t> versions;  ///< all that can be asked for, ascending
  std::vector<std::string> classes;
};

/// 1 to 63 of a-z, 0-9 and `-`, neither first nor last a `-`: a name that also works as a DNS label.
Result<void> check_endpoint_name(std::string_view name);

/// Endpoints over ports. Thread-safe. May block for as long as it takes to read a model's files; predictions
/// do not block while a host starts or works.
class Serving {
 public:
  struct Options {
    std::size_t open_max = 64;       ///< requests of one endpoint at once; further ones get Code::exhausted
    std::size_t pictures_max = 256;  ///< in one request
  };

  /// All outlive it, but for its open predictions: those may end after it, with `hosts`.
  Serving(ports::ModelRepository& models, ports::Deployments& deployments, Hosts& hosts, const Clock& clock,
          Options options);
  Serving(ports::ModelRepository& models, ports::Deployments& deployments, Hosts& hosts, const Clock& clock)
      : Serving(models, deployments, hosts, clock, Options()) {}
  ~Serving();

  /// Recorded and synced before it returns; answers what is there where that is equal, or made under the same
  /// effect key. `version` as ModelRepository::resolve takes it. Refuses a version that cannot be served.
  Result<ports::Deployment> deploy(const Principal& principal, const std::string& endpoint,
                                   const std::string& model, const std::string& version,
                                   const std::string& effect_key = "");
  Result<void> undeploy(const std::string& workspace, const std::string& endpoint);
  [[nodiscard]] Result<std::vector<Endpoint>> list(const std::string& workspace) const;
  /// Code::not_found, with the nearest name, where there is none.
  [[nodiscard]] Result<Endpoint> find(const std::string& workspace, const std::string& endpoint) const;
  [[nodiscard]] Result<Description> describe(const std::string& workspace, const std::string& endpoint,
                                             std::optional<std::int64_t> version = {}) const;

  /// `version`: any of the endpoint's model, else the deployed one. `pictures`: encoded files. `done` runs
  /// once, here or on a host's thread (be quick there).
  void predict(const std::string& workspace, const std::string& endpoint, std::optional<std::int64_t> version,
               std::vector<std::string> pictures, PredictDone done);
  /// Whether `predict` would find all it needs in memory and a warm host that has nothing else to do: then it
  /// waits for nothing. Does not block itself.
  [[nodiscard]] bool is_at_leisure(const std::string& workspace, const std::string& endpoint,
                                   std::optional<std::int64_t> version) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace sluice::serving

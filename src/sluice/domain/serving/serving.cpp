#include "sluice/domain/serving/serving.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "sluice/base/words.hpp"
#include "sluice/domain/serving/resolver.hpp"

namespace sluice::serving {
namespace {

/// A hint is not worth comparing a name with all of many.
constexpr std::size_t suggested_max = 1000;
constexpr std::size_t payload_max = std::size_t{256} << 20;  ///< of a frame of ipc/host

Error malformed_response(const std::string& endpoint) {
  return internal_error(Code::internal,
                        "the host of endpoint `" + endpoint + "` returned a malformed response");
}

/// Parses the part of a host's response that belongs to one picture.
Result<Prediction> prediction_from(const Value& json, std::size_t classes, const std::string& endpoint) {
  if (const auto* error = json.find("error"); error && error->is_struct())
    return Fail(user_error(code_named(error->text_at("code")), error->text_at("message")));
  const auto* probabilities = json.find("probabilities");
  if (!probabilities || !probabilities->is_list() || probabilities->if_list()->size() != classes)
    return Fail(malformed_response(endpoint));
  Prediction prediction{.label = json.text_at("label"), .rejected = json.boolean_at("rejected")};
  for (const auto& value : *probabilities->if_list()) {
    const auto number = value.as_double();
    if (!number) return Fail(malformed_response(endpoint));
    prediction.probabilities.push_back(*number);
  }
  return prediction;
}

struct Load {
  std::uint64_t requests = 0;
  std::size_t open = 0;
};

}  // namespace

std::optional<std::string> endpoint_name_problem(std::string_view name) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (!name.empty() && name.size() <= 63 && std::ranges::all_of(name, is_plain) && !name.starts_with('-') &&
      !name.ends_with('-'))
    return std::nullopt;
  return "`" + std::string(name) +
         "` is not a valid endpoint name; use 1 to 63 of a-z, 0-9 and `-`, not beginning or ending with `-`";
}

struct Serving::Impl {
  ports::ModelRepository& models;
  ports::Deployments& deployments;
  Hosts& hosts;
  const Clock& clock;
  const Options options;
  Resolver resolver{models};

  using Name = std::pair<std::string, std::string>;  ///< workspace, endpoint

  std::mutex deploying;      ///< makes read-then-write of a deployment atomic; locked before `mutex`
  mutable std::mutex mutex;  ///< guards the members below
  std::map<Name, Load> loads;
  /// The ledger's deployments, which change only through this class: all of them once `loaded`, else those
  /// that were asked for.
  std::map<Name, std::shared_ptr<const ports::Deployment>> deployed;
  bool loaded = false;

  /// One call of `predict` in flight. Kept alive by the callbacks that continue it.
  struct Request {
    std::shared_ptr<Impl> impl;
    Name name;
    std::shared_ptr<const Resolved> resolved;
    std::vector<std::string> pictures;
    PredictDone done;
    int deaths = 0;

    void end(Result<PredictResult> result) {
      {
        const std::lock_guard lock(impl->mutex);
        --impl->loads[name].open;
      }
      done(std::move(result));
    }
  };
  using RequestPtr = std::shared_ptr<Request>;

  /// The cached deployment; null if it has not been looked up yet.
  std::shared_ptr<const ports::Deployment> known(const std::string& workspace,
                                                 const std::string& endpoint) const {
    const std::lock_guard lock(mutex);
    const auto found = deployed.find({workspace, endpoint});
    return found == deployed.end() ? nullptr : found->second;
  }

  Error unknown(const std::string& workspace, const std::string& endpoint) const {
    std::vector<std::string> names;
    {
      const std::lock_guard lock(mutex);
      for (auto it = deployed.lower_bound({workspace, ""});
           it != deployed.end() && it->first.first == workspace && names.size() < suggested_max; ++it)
        names.push_back(it->first.second);
    }
    const auto hint = did_you_mean(endpoint, names);
    return user_error(Code::not_found,
                      "no endpoint `" + endpoint + "`" +
                          (hint.empty() ? "; `sluice endpoints` lists all endpoints" : hint));
  }

  [[nodiscard]] bool is_loaded() const {
    const std::lock_guard lock(mutex);
    return loaded;
  }

  Result<void> load() {
    const std::lock_guard lock(deploying);
    SLUICE_TRY(all, deployments.all());
    for (auto& deployment : all) keep(std::move(deployment));
    const std::lock_guard set(mutex);
    loaded = true;
    return {};
  }

  Result<std::shared_ptr<const ports::Deployment>> find(const std::string& workspace,
                                                        const std::string& endpoint) {
    if (auto found = known(workspace, endpoint)) return found;
    if (is_loaded()) return Fail(unknown(workspace, endpoint));
    const std::lock_guard lock(deploying);
    return find_recorded(workspace, endpoint);
  }

  /// `deploying` is held.
  Result<std::shared_ptr<const ports::Deployment>> find_recorded(const std::string& workspace,
                                                                 const std::string& endpoint) {
    SLUICE_TRY(found, deployments.find(workspace, endpoint));
    if (found) return keep(std::move(*found));
    if (const auto others = deployments.list(workspace, {.limit = suggested_max}))
      for (const auto& other : *others) keep(other);
    return Fail(unknown(workspace, endpoint));
  }

  /// `deploying` is held.
  Result<void> record(const ports::Deployment& deployment) {
    SLUICE_DO(deployments.put(deployment));
    keep(deployment);
    return {};
  }

  std::shared_ptr<const ports::Deployment> keep(ports::Deployment deployment) {
    auto kept = std::make_shared<const ports::Deployment>(std::move(deployment));
    const std::lock_guard lock(mutex);
    deployed.insert_or_assign({kept->principal.workspace, kept->endpoint}, kept);
    return kept;
  }

  /// `version`: nullopt for the deployed one.
  Result<std::shared_ptr<const Resolved>> resolve(const ports::Deployment& deployment,
                                                  std::optional<std::int64_t> version) {
    SLUICE_TRY(resolved, resolver.resolve(deployment.principal.workspace, deployment.model,
                                          std::to_string(version.value_or(deployment.version))));
    if (resolved->version.number == deployment.version && resolved->version.commit != deployment.commit)
      return Fail(user_error(Code::failed_precondition,
                             "version " + std::to_string(deployment.version) + " of `" + deployment.model +
                                 "` is another one than the endpoint `" + deployment.endpoint +
                                 "` was deployed with: that model was removed; deploy it again"));
    return resolved;
  }

  /// `deploying` is held.
  Result<void> forget(const std::string& workspace, const std::string& endpoint) {
    SLUICE_DO(deployments.remove(workspace, endpoint));
    const std::lock_guard lock(mutex);
    deployed.erase({workspace, endpoint});
    return {};
  }

  Endpoint shown(ports::Deployment deployment) const {
    Endpoint endpoint;
    if (const auto resolved =
            resolver.known(deployment.principal.workspace, deployment.model, deployment.version))
      endpoint.host = hosts.status(*resolved->base.digest, resolved->head.digest);
    const std::lock_guard lock(mutex);
    if (const auto load = loads.find({deployment.principal.workspace, deployment.endpoint});
        load != loads.end()) {
      endpoint.requests = load->second.requests;
      endpoint.open = load->second.open;
    }
    endpoint.deployment = std::move(deployment);
    return endpoint;
  }

  Result<void> check_pictures(const std::vector<std::string>& pictures) const {
    if (pictures.empty()) return Fail(user_error(Code::invalid_argument, "the request contains no pictures"));
    if (pictures.size() > options.pictures_max)
      return Fail(user_error(Code::too_large, "the request contains " + std::to_string(pictures.size()) +
                                                  " pictures; send up to " +
                                                  std::to_string(options.pictures_max) + " at once"));
    std::size_t bytes = 0;
    for (const auto& picture : pictures) bytes += picture.size();
    if (bytes <= payload_max) return {};
    return Fail(user_error(Code::too_large, "the pictures are larger than " + human_bytes(payload_max) +
                                                " together; send fewer at once"));
  }

  Result<void> admit(const Name& name) {
    const std::lock_guard lock(mutex);
    auto& load = loads[name];
    if (load.open >= options.open_max)
      return Fail(user_error(Code::exhausted, "endpoint `" + name.second + "` already has " +
                                                  std::to_string(load.open) +
                                                  " requests in flight; retry when one has finished"));
    ++load.open;
    ++load.requests;
    return {};
  }

  /// Acquires a host and sends the request to it. Retried if the host dies.
  static void attempt(const RequestPtr& request) {
    request->impl->hosts.acquire({.base = request->resolved->base, .head = request->resolved->head},
                                 [request](Result<HostLease> lease) {
                                   if (!lease && lease.error().code == Code::unavailable)
                                     return died(request, lease.error());
                                   if (!lease) return request->end(Fail(std::move(lease).error()));
                                   send(request, std::make_shared<HostLease>(std::move(*lease)));
                                 });
  }

  static void send(const RequestPtr& request, const std::shared_ptr<HostLease>& host) {
    List sizes;
    std::string payload;
    for (const auto& picture : request->pictures) {
      sizes.emplace_back(static_cast<std::int64_t>(picture.size()));
      payload += picture;
    }
    Struct params;
    params.set("head", request->resolved->head.digest->hex());
    params.set("sizes", std::move(sizes));
    host->call("predict", std::move(params), std::move(payload),
               [request, host](Result<ports::HostResponse> reply) {
                 if (!reply && reply.error().code == Code::unavailable && host->died())
                   return died(request, reply.error());
                 if (!reply) return request->end(Fail(std::move(reply).error()));
                 request->end(parse_response(*request, reply->result));
               });
  }

  static void died(const RequestPtr& request, const Error& error) {
    if (++request->deaths < deaths_max) return attempt(request);
    request->end(Fail(
        environment_error(
            Code::unavailable,
            "the host of endpoint `" + request->name.second +
                "` died twice during this request; if it holds several pictures, send them one by one to "
                "find the one that causes it")
            .with_note(error.message)));
  }

  static Result<PredictResult> parse_response(const Request& request, const Value& json) {
    const auto* predictions = json.find("predictions");
    if (!predictions || !predictions->is_list() || predictions->if_list()->size() != request.pictures.size())
      return Fail(malformed_response(request.name.second));
    PredictResult out{.model = request.resolved->version.model,
                      .version = request.resolved->version.number,
                      .classes = request.resolved->classes,
                      .predictions = {}};
    for (const auto& prediction : *predictions->if_list())
      out.predictions.push_back(prediction_from(prediction, out.classes.size(), request.name.second));
    return out;
  }
};

Serving::Serving(ports::ModelRepository& models, ports::Deployments& deployments, Hosts& hosts,
                 const Clock& clock, Options options)
    : impl_(new Impl{
          .models = models, .deployments = deployments, .hosts = hosts, .clock = clock, .options = options}) {
}

Serving::~Serving() = default;

Result<ports::Deployment> Serving::deploy(const Principal& principal, const std::string& endpoint,
                                          const std::string& model, const std::string& version,
                                          const std::string& effect_key) {
  if (auto problem = endpoint_name_problem(endpoint))
    return Fail(user_error(Code::invalid_argument, std::move(*problem)));
  SLUICE_TRY(resolved, impl_->resolver.resolve(principal.workspace, model, version));
  const std::lock_guard lock(impl_->deploying);
  SLUICE_TRY(present, impl_->deployments.find(principal.workspace, endpoint));
  if (present && !effect_key.empty() && present->effect_key == effect_key) return std::move(*present);
  if (present && present->model == resolved->version.model && present->version == resolved->version.number)
    return std::move(*present);
  ports::Deployment deployment{.endpoint = endpoint,
                               .principal = principal,
                               .model = resolved->version.model,
                               .version = resolved->version.number,
                               .commit = resolved->version.commit,
                               .at = impl_->clock.now(),
                               .effect_key = effect_key};
  SLUICE_DO(impl_->record(deployment));
  return deployment;
}

Result<void> Serving::undeploy(const std::string& workspace, const std::string& endpoint) {
  const std::lock_guard lock(impl_->deploying);
  SLUICE_TRY(present, impl_->find_recorded(workspace, endpoint));
  return impl_->forget(workspace, present->endpoint);
}

void Serving::forget_model(const std::string& workspace, const std::string& model) {
  impl_->resolver.forget(workspace, model);
}

Result<void> Serving::load() { return impl_->load(); }

Result<void> Serving::ready(const std::string& workspace, const std::string& endpoint,
                            std::optional<std::int64_t> version) const {
  const auto deployment = impl_->known(workspace, endpoint);
  if (!deployment) return Fail(impl_->unknown(workspace, endpoint));
  if (!version || *version == deployment->version) return {};
  if (impl_->resolver.known(workspace, deployment->model, *version)) return {};
  return Fail(environment_error(
      Code::unavailable,
      "version " + std::to_string(*version) + " of endpoint `" + endpoint +
          "` was not asked for yet; the first request for it, or for its metadata, loads it"));
}

Result<std::vector<Endpoint>> Serving::list(const std::string& workspace, const ports::NamePage& page) const {
  SLUICE_TRY(deployments, impl_->deployments.list(workspace, page));
  std::vector<Endpoint> out;
  for (auto& deployment : deployments) out.push_back(impl_->shown(std::move(deployment)));
  return out;
}

Result<Endpoint> Serving::find(const std::string& workspace, const std::string& endpoint) const {
  SLUICE_TRY(deployment, impl_->find(workspace, endpoint));
  return impl_->shown(*deployment);
}

Result<Description> Serving::describe(const std::string& workspace, const std::string& endpoint,
                                      std::optional<std::int64_t> version) const {
  SLUICE_TRY(deployment, impl_->find(workspace, endpoint));
  SLUICE_TRY(resolved, impl_->resolve(*deployment, version));
  SLUICE_TRY(numbers, impl_->models.numbers(workspace, deployment->model));
  Description out{.endpoint = endpoint,
                  .model = deployment->model,
                  .version = resolved->version.number,
                  .versions = std::move(numbers),
                  .classes = resolved->classes};
  std::ranges::sort(out.versions);
  return out;
}

bool Serving::is_idle(const std::string& workspace, const std::string& endpoint,
                      std::optional<std::int64_t> version) const {
  const auto deployment = impl_->known(workspace, endpoint);
  if (!deployment) return false;
  const auto resolved =
      impl_->resolver.known(workspace, deployment->model, version.value_or(deployment->version));
  if (!resolved) return false;
  const auto host = impl_->hosts.status(*resolved->base.digest, resolved->head.digest);
  return host.state == Hosts::State::warm && host.leases == 0;
}

void Serving::predict(const std::string& workspace, const std::string& endpoint,
                      std::optional<std::int64_t> version, std::vector<std::string> pictures,
                      PredictDone done) {
  const auto prepare = [&]() -> Result<std::shared_ptr<const Resolved>> {
    SLUICE_DO(impl_->check_pictures(pictures));
    SLUICE_TRY(deployment, impl_->find(workspace, endpoint));
    SLUICE_TRY(resolved, impl_->resolve(*deployment, version));
    SLUICE_DO(impl_->admit({workspace, endpoint}));
    return resolved;
  };
  auto resolved = prepare();
  if (!resolved) return done(Fail(std::move(resolved).error()));
  Impl::attempt(std::make_shared<Impl::Request>(Impl::Request{.impl = impl_,
                                                              .name = {workspace, endpoint},
                                                              .resolved = std::move(*resolved),
                                                              .pictures = std::move(pictures),
                                                              .done = std::move(done)}));
}

}  // namespace sluice::serving

#include "sluice/host/server.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/base/processor.hpp"
#include "sluice/base/words.hpp"
#include "sluice/host/embed_pictures.hpp"
#include "sluice/host/learning/learn_head.hpp"
#include "sluice/os/files.hpp"

namespace sluice::host {
namespace {

constexpr std::size_t pictures_per_request_max = 1024;
constexpr std::size_t pictures_waiting_max = 4096;
constexpr std::chrono::nanoseconds report_interval = std::chrono::milliseconds(200);
constexpr std::string_view default_tap = "features";

Result<std::string> text_param(const Value& params, std::string_view name) {
  auto text = params.text_at(name);
  if (text.empty())
    return Fail(user_error(Code::invalid_argument, fmt::format("param `{}` must be a string", name)));
  return text;
}

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

Value to_value(const Prediction& prediction, const HeadDescription& description) {
  List probabilities;
  for (const float p : prediction.probabilities) probabilities.emplace_back(static_cast<double>(p));
  Struct out;
  out.set("label", description.classes[prediction.label]);
  out.set("probabilities", std::move(probabilities));
  out.set("rejected", prediction.rejected);
  return out;
}

}  // namespace

/// One `predict` request in progress. Several threads fill it, each its own elements.
struct Server::PendingPrediction {
  std::int64_t id = 0;
  std::string payload;
  std::shared_ptr<Head> head;
  std::vector<Result<std::vector<float>>> rows;
  std::atomic<std::size_t> missing = 0;
};

Server::Server(protocol::Channel& channel, const Clock& clock) : channel_(channel), clock_(clock) {}
Server::~Server() = default;

void Server::serve() {
  for (;;) {
    auto frame = channel_.read();
    if (!frame) {
      if (frame.error().code != Code::unavailable)
        log::error(fmt::format("closing the connection: {}", frame.error().message));
      return;
    }
    auto request = protocol::request_from(frame->json);
    if (!request) {
      log::error(fmt::format("closing the connection: {}", request.error().message));
      return;
    }
    dispatch(std::move(*request), std::move(frame->payload));
  }
}

void Server::dispatch(protocol::Request request, std::string payload) {
  using Method = Result<Value> (Server::*)(std::int64_t, const Value&);
  struct Entry {
    std::string name;
    Method method;
    TaskQueue& queue;
  };
  if (request.method == "hello") return respond(request.id, hello());
  if (request.method == "predict") {
    if (auto started = predict(request.id, request.params, std::move(payload)); !started)
      respond(request.id, Fail(std::move(started).error()));
    return;
  }
  const std::array entries = {
      Entry{"load_base", &Server::load_base, loading_}, Entry{"load_head", &Server::load_head, loading_},
      Entry{"unload_head", &Server::unload_head, loading_}, Entry{"embed_pictures", &Server::embed, working_},
      Entry{"learn_head", &Server::learn, working_}};
  std::vector<std::string> known = {"hello", "predict"};
  for (const auto& entry : entries) {
    known.push_back(entry.name);
    if (entry.name != request.method) continue;
    entry.queue.submit([this, method = entry.method, id = request.id, params = std::move(request.params)] {
      respond(id, (this->*method)(id, params));
    });
    return;
  }
  respond(request.id, Fail(user_error(Code::not_found, fmt::format("unknown method `{}`{}", request.method,
                                                                   did_you_mean(request.method, known)))));
}

void Server::respond(std::int64_t id, Result<Value> outcome) {
  const auto written =
      channel_.write(protocol::to_value(protocol::Response{.id = id, .outcome = std::move(outcome)}));
  // The reader notices the end of the connection too, and the process exits; only a response that is too long
  // must be reported.
  if (!written && written.error().code == Code::too_large)
    std::ignore =
        channel_.write(protocol::to_value(protocol::Response{.id = id, .outcome = Fail(written.error())}));
}

void Server::report(const protocol::Progress& progress) {
  const auto now = clock_.steady().count();
  auto last = reported_.load();
  if (now - last < report_interval.count() || !reported_.compare_exchange_strong(last, now)) return;
  std::ignore = channel_.write(protocol::to_value(progress));  // if it fails, the reader notices
}

Result<Value> Server::hello() const {
  Struct out;
  out.set("pid", static_cast<std::int64_t>(::getpid()));
  out.set("version", 1);
  out.set("runtime", "openvino " + runtimes::OpenVino::version());
  out.set("instruction_set", instruction_set());
  return out;
}

Result<std::shared_ptr<Embedder>> Server::loaded_base(const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = bases_.find(digest);
  if (found == bases_.end())
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("base {} is not loaded in this host; call load_base first", digest)));
  return found->second;
}

Result<Value> Server::load_base(std::int64_t, const Value& params) {
  const auto start = clock_.steady();
  SLUICE_TRY(digest, text_param(params, "base"));
  auto base = loaded_base(digest);
  if (!base) {
    SLUICE_TRY(folder, text_param(params, "folder"));
    const std::filesystem::path cache = params.text_at("cache");
    if (!cache.empty()) SLUICE_DO(os::make_directories(cache));
    SLUICE_TRY(model, load_base_model(runtime_, digest, folder, cache, params.text_at("tap", default_tap)));
    base = std::make_shared<Embedder>(std::move(model));
    const std::lock_guard lock(mutex_);
    bases_.emplace(digest, *base);
  }
  Struct out;
  out.set("base", digest);
  out.set("features", static_cast<std::int64_t>((*base)->base().network->output_elements()));
  out.set("load_ms", 1000 * seconds(clock_.steady() - start));
  return out;
}

Result<Value> Server::load_head(std::int64_t, const Value& params) {
  SLUICE_TRY(digest, text_param(params, "head"));
  SLUICE_TRY(base_digest, text_param(params, "base"));
  std::shared_ptr<Head> head;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = heads_.find(digest); found != heads_.end()) head = found->second.head;
  }
  if (!head) {
    SLUICE_TRY(folder, text_param(params, "folder"));
    SLUICE_TRY(base, loaded_base(base_digest));
    SLUICE_TRY(loaded, Head::load_folder(runtime_, folder, base->base()));
    head = loaded;
    const std::lock_guard lock(mutex_);
    heads_.emplace(digest, LoadedHead{.head = loaded, .base = base});
  }
  Struct out;
  out.set("head", digest);
  out.set("classes", List(head->description().classes.begin(), head->description().classes.end()));
  return out;
}

Result<Value> Server::unload_head(std::int64_t, const Value& params) {
  SLUICE_TRY(digest, text_param(params, "head"));
  LoadedHead unloaded;  // released after the lock
  const std::lock_guard lock(mutex_);
  if (const auto found = heads_.find(digest); found != heads_.end()) {
    unloaded = std::move(found->second);
    heads_.erase(found);
  }
  return Struct{};
}

Result<Value> Server::embed(std::int64_t id, const Value& params) {
  const auto start = clock_.steady();
  SLUICE_TRY(digest, text_param(params, "base"));
  SLUICE_TRY(list, text_param(params, "list"));
  SLUICE_TRY(folder, text_param(params, "out"));
  SLUICE_TRY(cache_folder, text_param(params, "cache"));
  SLUICE_TRY(base, loaded_base(digest));
  SLUICE_TRY(pictures, read_given_pictures(list));
  auto cache = FeatureCache::open(cache_folder, base->base().network->output_elements());
  if (!cache) log::warning(cache.error().message + "; pictures are embedded without it");
  const auto [features, problems] =
      embed_pictures(*base, pictures, cache ? &*cache : nullptr, [&](std::size_t done, std::size_t total) {
        report({.id = id,
                .done = static_cast<std::int64_t>(done),
                .total = static_cast<std::int64_t>(total),
                .unit = "pictures"});
      });
  Struct out;
  if (!problems.empty()) {
    constexpr std::size_t problems_max = 101;  // a message and a hundred notes
    const auto listed = static_cast<std::ptrdiff_t>(std::min(problems.size(), problems_max));
    out.set("problems", List(problems.begin(), problems.begin() + listed));
    out.set("unreadable", static_cast<std::int64_t>(problems.size()));
    return out;
  }
  SLUICE_DO(os::make_directories(folder));
  SLUICE_DO(write_features(features, folder));
  out.set("pictures", static_cast<std::int64_t>(features.paths.size()));
  out.set("features", static_cast<std::int64_t>(features.columns));
  out.set("seconds", seconds(clock_.steady() - start));
  return out;
}

Result<Value> Server::learn(std::int64_t id, const Value& params) {
  LearnOptions options{.seed = params.integer_at("seed"), .keep = params.number_at("keep", 0.9)};
  SLUICE_TRY(features, text_param(params, "features"));
  SLUICE_TRY(split, text_param(params, "split"));
  SLUICE_TRY(out, text_param(params, "out"));
  const Value nothing;
  const auto param = [&](std::string_view name) -> const Value& {
    const auto* found = params.find(name);
    return found != nullptr ? *found : nothing;
  };
  SLUICE_TRY(base, base_reference_from(param("base"), "param `base`"));
  SLUICE_TRY(preprocessing,
             media::Preprocessing::from_value(param("preprocessing"), "param `preprocessing`"));
  options.features = features;
  options.split = split;
  options.out = out;
  options.base = base;
  options.preprocessing = preprocessing;
  options.fitted = [&](std::size_t done, std::size_t total) {
    report({.id = id,
            .done = static_cast<std::int64_t>(done),
            .total = static_cast<std::int64_t>(total),
            .unit = "classifiers"});
  };
  return learn_head(runtime_, options);
}

Result<void> Server::predict(std::int64_t id, const Value& params, std::string payload) {
  SLUICE_TRY(digest, text_param(params, "head"));
  LoadedHead loaded;
  {
    const std::lock_guard lock(mutex_);
    const auto found = heads_.find(digest);
    if (found == heads_.end())
      return Fail(
          user_error(Code::failed_precondition,
                     fmt::format("head {} is not loaded in this host; call load_head first", digest)));
    loaded = found->second;
  }
  const auto* sizes = params.find("sizes");
  if (sizes == nullptr || !sizes->is_list() || sizes->if_list()->empty())
    return Fail(user_error(Code::invalid_argument,
                           "param `sizes` must be a list of the sizes of the pictures in bytes"));
  const auto count = sizes->if_list()->size();
  if (count > pictures_per_request_max)
    return Fail(
        user_error(Code::too_large,
                   fmt::format("{} pictures in one request exceed the limit of {}; send several requests",
                               count, pictures_per_request_max)));
  const auto pending = std::make_shared<PendingPrediction>();
  pending->id = id;
  pending->payload = std::move(payload);
  pending->head = loaded.head;
  pending->missing = count;
  std::string_view rest = pending->payload;
  std::vector<std::string_view> pictures;
  for (const auto& entry : *sizes->if_list()) {
    const auto* size = entry.if_integer();
    if (size == nullptr || *size < 0 || static_cast<std::uint64_t>(*size) > rest.size())
      return Fail(user_error(Code::invalid_argument, "param `sizes` does not match the payload"));
    pictures.push_back(rest.substr(0, static_cast<std::size_t>(*size)));
    rest.remove_prefix(static_cast<std::size_t>(*size));
    pending->rows.emplace_back();
  }
  if (!rest.empty())
    return Fail(user_error(Code::invalid_argument, "param `sizes` does not match the payload"));
  if (pictures_waiting_.fetch_add(count) + count > pictures_waiting_max) {
    pictures_waiting_ -= count;
    return Fail(environment_error(
        Code::exhausted,
        fmt::format("{} pictures are already waiting for this model; retry shortly", pictures_waiting_max)));
  }
  for (std::size_t i = 0; i < count; ++i) {
    loaded.base->submit([picture = pictures[i]] { return media::decode_picture(picture); },
                        [this, pending, i](Result<std::vector<float>> row) {
                          pending->rows[i] = std::move(row);
                          --pictures_waiting_;
                          const auto total = pending->rows.size();
                          const auto left = --pending->missing;
                          if (left == 0) return finish(*pending);
                          report({.id = pending->id,
                                  .done = static_cast<std::int64_t>(total - left),
                                  .total = static_cast<std::int64_t>(total),
                                  .unit = "pictures"});
                        });
  }
  return {};
}

void Server::finish(PendingPrediction& pending) {
  std::vector<float> rows;
  std::size_t count = 0;
  for (const auto& row : pending.rows) {
    if (!row) continue;
    rows.insert(rows.end(), row->begin(), row->end());
    ++count;
  }
  std::vector<Prediction> predictions;
  if (count > 0) {
    auto predicted = pending.head->predict(rows, count);
    if (!predicted) return respond(pending.id, Fail(std::move(predicted).error()));
    predictions = std::move(*predicted);
  }
  List out;
  std::size_t next = 0;
  for (const auto& row : pending.rows) {
    if (row) {
      out.push_back(to_value(predictions[next++], pending.head->description()));
    } else {
      Struct failed;
      failed.set("error", protocol::error_to_value(row.error()));
      out.emplace_back(std::move(failed));
    }
  }
  Struct result;
  result.set("predictions", std::move(out));
  respond(pending.id, std::move(result));
}

}  // namespace sluice::host

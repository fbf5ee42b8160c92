#include "sluice/host/server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <thread>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/base/processor.hpp"
#include "sluice/base/words.hpp"
#include "sluice/host/media/libheif.hpp"
#include "sluice/host/media/picture.hpp"

namespace sluice::host {
namespace {

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

Value to_value(const Error& error) {
  Struct failed;
  failed.set("error", protocol::error_to_value(error));
  return failed;
}

/// Loads the libraries that are otherwise loaded when the first picture or head wants them: by then, no file
/// can be opened any more. Many a host never uses them, so this runs beside the loading of the base.
void load_libraries(runtimes::OpenVino& runtime) {
  std::ignore = runtime.prepare_batches();
  std::ignore = media::libheif();  // where it is missing, each HEIC says so
}

}  // namespace

Server::Server(protocol::Channel& channel, const Clock& clock, HostFolders folders, Confinement confinement)
    : channel_(channel), clock_(clock), folders_(std::move(folders)), confinement_(confinement) {}
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
  using Method = Result<Reply> (Server::*)(std::int64_t, const Value&, const std::string&);
  struct Entry {
    std::string name;
    Method method;
    TaskQueue& queue;
  };
  // Those that are quick are carried out at once.
  if (request.method == "hello") return respond(request.id, hello());
  if (request.method == "begin_learning") return respond(request.id, begin_learning(request.params));
  if (request.method == "add_input") return respond(request.id, add_input(request.params, payload));
  if (request.method == "read_output") return respond(request.id, read_output(request.params));
  if (request.method == "end_learning") return respond(request.id, end_learning(request.params));
  if (request.method == "predict" || request.method == "embed_pictures") {
    const auto started = request.method == "predict" ? predict(request.id, request.params, std::move(payload))
                                                     : embed(request.id, request.params, std::move(payload));
    if (!started) respond(request.id, Fail(started.error()));
    return;
  }
  const std::array entries = {
      Entry{"load_base", &Server::load_base, loading_}, Entry{"load_head", &Server::load_head, loading_},
      Entry{"unload_head", &Server::unload_head, loading_}, Entry{"try_head", &Server::try_head, loading_},
      Entry{"learn_head", &Server::learn, working_}};
  std::vector<std::string> known = {"hello",        "begin_learning", "add_input",     "read_output",
                                    "end_learning", "predict",        "embed_pictures"};
  for (const auto& entry : entries) {
    known.push_back(entry.name);
    if (entry.name != request.method) continue;
    entry.queue.submit([this, method = entry.method, id = request.id, params = std::move(request.params),
                        given = std::move(payload)] { respond(id, (this->*method)(id, params, given)); });
    return;
  }
  respond(request.id, Fail(user_error(Code::not_found, fmt::format("unknown method `{}`{}", request.method,
                                                                   did_you_mean(request.method, known)))));
}

void Server::respond(std::int64_t id, Result<Reply> outcome) {
  const auto written =
      outcome ? channel_.write(
                    protocol::to_value(protocol::Response{.id = id, .outcome = std::move(outcome->result)}),
                    outcome->payload)
              : channel_.write(
                    protocol::to_value(protocol::Response{.id = id, .outcome = Fail(outcome.error())}));
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

Result<Server::Reply> Server::hello() const {
  Struct out;
  out.set("pid", static_cast<std::int64_t>(::getpid()));
  out.set("version", 1);
  out.set("runtime", "openvino " + runtimes::OpenVino::version());
  out.set("instruction_set", instruction_set());
  const std::lock_guard lock(mutex_);
  out.set("confinement", confinement_.to_value());
  return Reply{.result = std::move(out)};
}

Result<std::shared_ptr<Embedder>> Server::loaded_base(const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = bases_.find(digest);
  if (found == bases_.end())
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("base {} is not loaded in this host; call load_base first", digest)));
  return found->second;
}

Result<Server::LoadedHead> Server::loaded_head(const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = heads_.find(digest);
  if (found == heads_.end())
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("head {} is not loaded in this host; call load_head first", digest)));
  return found->second;
}

Result<Server::Reply> Server::load_base(std::int64_t, const Value& params, const std::string&) {
  const auto start = clock_.steady();
  SLUICE_TRY(digest, text_param(params, "base"));
  auto base = loaded_base(digest);
  std::string compiled;
  if (!base) {
    std::jthread libraries([this] { load_libraries(runtime_); });
    SLUICE_TRY(model, load_base_model(runtime_, digest, folders_, params.text_at("tap", default_tap)));
    compiled = model->network->kept();
    base = std::make_shared<Embedder>(std::move(model));
    libraries.join();
    const std::lock_guard lock(mutex_);
    SLUICE_DO(confinement_.open_no_more());
    bases_.emplace(digest, *base);
  }
  Struct out;
  out.set("base", digest);
  out.set("features", static_cast<std::int64_t>((*base)->base().network->output_elements()));
  out.set("load_ms", 1000 * seconds(clock_.steady() - start));
  if (!compiled.empty()) out.set("compiled", compiled);
  return Reply{.result = std::move(out)};
}

Result<Server::Reply> Server::load_head(std::int64_t, const Value& params, const std::string& payload) {
  SLUICE_TRY(digest, text_param(params, "head"));
  SLUICE_TRY(base_digest, text_param(params, "base"));
  auto known = loaded_head(digest);
  if (!known) {
    const auto description_bytes = static_cast<std::uint64_t>(params.integer_at("description_bytes"));
    if (description_bytes > payload.size())
      return Fail(user_error(Code::invalid_argument, "param `description_bytes` does not match the payload"));
    SLUICE_TRY(base, loaded_base(base_digest));
    SLUICE_TRY(loaded,
               Head::load_for(base->base(), runtime_, std::string_view(payload).substr(0, description_bytes),
                              payload.substr(description_bytes)));
    const std::lock_guard lock(mutex_);
    known = heads_.emplace(digest, LoadedHead{.head = loaded, .base = base}).first->second;
  }
  const auto& classes = known->head->description().classes;
  Struct out;
  out.set("head", digest);
  out.set("classes", List(classes.begin(), classes.end()));
  return Reply{.result = std::move(out)};
}

Result<Server::Reply> Server::unload_head(std::int64_t, const Value& params, const std::string&) {
  SLUICE_TRY(digest, text_param(params, "head"));
  LoadedHead unloaded;  // released after the lock
  const std::lock_guard lock(mutex_);
  if (const auto found = heads_.find(digest); found != heads_.end()) {
    unloaded = std::move(found->second);
    heads_.erase(found);
  }
  return Reply{};
}

Result<Server::Reply> Server::try_head(std::int64_t, const Value& params, const std::string&) {
  SLUICE_TRY(digest, text_param(params, "head"));
  SLUICE_TRY(loaded, loaded_head(digest));
  // One picture, then several: what a runtime prepares depends on their number.
  const auto features = loaded.base->base().network->output_elements();
  for (const std::size_t rows : {1, 3}) {
    std::vector<float> pictures(rows * features);
    for (std::size_t i = 0; i < rows; ++i) pictures[i * features + i % features] = 1;
    SLUICE_DO(loaded.head->predict(pictures, rows));
  }
  return Reply{};
}

Result<Server::Reply> Server::begin_learning(const Value& params) {
  SLUICE_TRY(key, text_param(params, "learning"));
  std::array<std::uint64_t, 3> sizes{};
  const std::array<std::string_view, 3> names = {"features.npy", "index.json", "split.json"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto size = params.integer_at(names[i], -1);
    if (size < 0)
      return Fail(invalid_argument(fmt::format("param `{}`", names[i]), "must be its size in bytes"));
    sizes[i] = static_cast<std::uint64_t>(size);
  }
  SLUICE_DO(learning_.begin(key, {.table = sizes[0], .index = sizes[1], .split = sizes[2]}));
  return Reply{};
}

Result<Server::Reply> Server::add_input(const Value& params, const std::string& payload) {
  SLUICE_TRY(key, text_param(params, "learning"));
  SLUICE_TRY(name, text_param(params, "name"));
  SLUICE_DO(learning_.add(key, name, payload));
  return Reply{};
}

Result<Server::Reply> Server::learn(std::int64_t id, const Value& params, const std::string&) {
  LearnOptions options{.seed = params.integer_at("seed"),
                       .keep = params.number_at("keep", 0.9),
                       .appraise = params.boolean_at("appraise")};
  SLUICE_TRY(key, text_param(params, "learning"));
  const Value nothing;
  const auto param = [&](std::string_view name) -> const Value& {
    const auto* found = params.find(name);
    return found != nullptr ? *found : nothing;
  };
  SLUICE_TRY(base, base_reference_from(param("base"), "param `base`"));
  SLUICE_TRY(preprocessing,
             media::Preprocessing::from_value(param("preprocessing"), "param `preprocessing`"));
  options.base = base;
  options.preprocessing = preprocessing;
  const auto reporting = [this, id](const std::string& unit) {
    return [this, id, unit](std::size_t done, std::size_t total) {
      report({.id = id,
              .done = static_cast<std::int64_t>(done),
              .total = static_cast<std::int64_t>(total),
              .unit = unit});
    };
  };
  options.fitted = reporting("classifiers");
  options.appraised = reporting("checks");
  SLUICE_TRY(inputs, learning_.take(key));
  SLUICE_TRY(learned, learn_head(runtime_, std::move(inputs), options));
  Struct out;
  out.set("summary", learned.summary);
  out.set("model.json", static_cast<std::int64_t>(learned.model_json.size()));
  out.set("head.onnx", static_cast<std::int64_t>(learned.head_onnx.size()));
  out.set("predictions.json", static_cast<std::int64_t>(learned.predictions_json.size()));
  if (!learned.appraisal_json.empty())
    out.set("appraisal.json", static_cast<std::int64_t>(learned.appraisal_json.size()));
  learning_.put(key, std::move(learned));
  return Reply{.result = std::move(out)};
}

Result<Server::Reply> Server::read_output(const Value& params) const {
  SLUICE_TRY(key, text_param(params, "learning"));
  SLUICE_TRY(name, text_param(params, "name"));
  SLUICE_TRY(piece, learning_.read(key, name, static_cast<std::size_t>(params.integer_at("offset"))));
  return Reply{.payload = std::move(piece)};
}

Result<Server::Reply> Server::end_learning(const Value& params) {
  SLUICE_TRY(key, text_param(params, "learning"));
  learning_.remove(key);
  return Reply{};
}

Result<void> Server::predict(std::int64_t id, const Value& params, std::string payload) {
  SLUICE_TRY(digest, text_param(params, "head"));
  SLUICE_TRY(loaded, loaded_head(digest));
  SLUICE_TRY(request, PictureRequest::from(id, params, std::move(payload)));
  const auto finish = [head = loaded.head](const PictureRequest& done) -> Result<Reply> {
    const auto rows = done.readable_rows();
    const auto readable = std::ranges::count_if(done.rows, [](const auto& row) { return row.has_value(); });
    std::vector<Prediction> predictions;
    if (readable > 0) {
      SLUICE_TRY(predicted, head->predict(rows, static_cast<std::size_t>(readable)));
      predictions = std::move(predicted);
    }
    List out;
    std::size_t next = 0;
    for (const auto& row : done.rows)
      out.push_back(row ? to_value(predictions[next++], head->description()) : to_value(row.error()));
    Struct result;
    result.set("predictions", std::move(out));
    return Reply{.result = std::move(result)};
  };
  if (pictures_waiting_ + request->pictures.size() > pictures_waiting_max)
    return Fail(environment_error(
        Code::exhausted,
        fmt::format("{} pictures are already waiting for this model; retry shortly", pictures_waiting_max)));
  submit(request, *loaded.base, finish);
  return {};
}

Result<void> Server::embed(std::int64_t id, const Value& params, std::string payload) {
  SLUICE_TRY(digest, text_param(params, "base"));
  SLUICE_TRY(base, loaded_base(digest));
  SLUICE_TRY(request, PictureRequest::from(id, params, std::move(payload)));
  const auto finish = [](const PictureRequest& done) -> Result<Reply> {
    List pictures;
    for (const auto& row : done.rows) pictures.push_back(row ? Value(Struct{}) : to_value(row.error()));
    Struct result;
    result.set("pictures", std::move(pictures));
    const auto rows = done.readable_rows();
    const auto bytes = std::as_bytes(std::span(rows));
    return Reply{.result = std::move(result),
                 .payload = {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  };
  submit(request, *base, finish);
  return {};
}

void Server::submit(const std::shared_ptr<PictureRequest>& request, Embedder& base,
                    std::function<Result<Reply>(const PictureRequest&)> finish) {
  const auto count = request->pictures.size();
  pictures_waiting_ += count;
  const auto shared = std::make_shared<decltype(finish)>(std::move(finish));
  for (std::size_t i = 0; i < count; ++i) {
    base.submit([picture = request->pictures[i]] { return media::decode_picture(picture); },
                [this, request, shared, i](Result<std::vector<float>> row) {
                  request->rows[i] = std::move(row);
                  --pictures_waiting_;
                  const auto total = request->rows.size();
                  const auto left = --request->missing;
                  if (left == 0) return respond(request->id, (*shared)(*request));
                  report({.id = request->id,
                          .done = static_cast<std::int64_t>(total - left),
                          .total = static_cast<std::int64_t>(total),
                          .unit = "pictures"});
                });
  }
}

}  // namespace sluice::host

// Speaks ipc/host on descriptor 3, like sluice-host, and follows instructions in its input. A base's
// folder may contain the files `die`, `refuse` or `gate` (with a path: it loads once that exists); a picture
// may be `die`, `die once PATH`, `wait PATH` (until that file exists), `bad`, or anything else, whose label
// is the class of that name, if there is one. `look` looks at one picture without a head.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <unistd.h>

#include "sluice/base/json.hpp"
#include "sluice/ipc/host/channel.hpp"
#include "sluice/ipc/host/message.hpp"
#include "sluice/os/files.hpp"

namespace {

using namespace sluice;
namespace protocol = host::protocol;
namespace fs = std::filesystem;

constexpr int death = 9;

struct Host {
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> heads;

  Result<Value> load_base(const Value& params) {
    const fs::path folder = params.text_at("folder");
    if (fs::exists(folder / "die")) ::_exit(death);
    if (fs::exists(folder / "refuse"))
      return Fail(user_error(Code::failed_precondition, "base: this base refuses to load"));
    if (fs::exists(folder / "gate")) {
      SLUICE_TRY(path, os::read_file(folder / "gate"));
      while (!fs::exists(path)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (!fs::is_directory(params.text_at("cache")))
      return Fail(user_error(Code::internal, "no cache folder"));
    Struct result;
    result.set("base", params.text_at("base"));
    return result;
  }

  Result<Value> load_head(const Value& params) {
    SLUICE_TRY(text, os::read_file(fs::path(params.text_at("folder")) / "model.json"));
    SLUICE_TRY(json, parse_json(text));
    std::vector<std::string> classes;
    for (const auto& name : *json.find("classes")->if_list()) classes.push_back(*name.if_string());
    const std::lock_guard lock(mutex);
    heads[params.text_at("head")] = std::move(classes);
    return Value(Struct{});
  }

  Result<Value> unload_head(const Value& params) {
    const std::lock_guard lock(mutex);
    if (heads.erase(params.text_at("head")) == 0) return Fail(user_error(Code::not_found, "no such head"));
    return Value(Struct{});
  }

  Value look_at(const std::string& picture, const std::vector<std::string>& classes) {
    if (picture == "die") ::_exit(death);
    if (picture.starts_with("die once ") && !fs::exists(picture.substr(9))) {
      std::ofstream(picture.substr(9)) << "died";
      ::_exit(death);
    }
    if (picture.starts_with("wait "))
      while (!fs::exists(picture.substr(5))) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    Struct prediction;
    if (picture == "bad") {
      prediction.set("error",
                     protocol::error_to_value(user_error(Code::invalid_argument, "this is not a picture")));
      return prediction;
    }
    prediction.set("label", classes.front());
    List probabilities;
    for (const auto& name : classes) {
      probabilities.emplace_back(name == picture ? 0.75 : 0.25);
      if (name == picture) prediction.set("label", name);
    }
    prediction.set("probabilities", std::move(probabilities));
    prediction.set("rejected", picture == "strange");
    return prediction;
  }

  Result<Value> predict(const Value& params, const std::string& payload) {
    std::vector<std::string> classes;
    {
      const std::lock_guard lock(mutex);
      const auto head = heads.find(params.text_at("head"));
      if (head == heads.end()) return Fail(user_error(Code::not_found, "no such head is loaded"));
      classes = head->second;
    }
    List predictions;
    std::size_t at = 0;
    for (const auto& size : *params.find("sizes")->if_list()) {
      predictions.push_back(
          look_at(payload.substr(at, static_cast<std::size_t>(*size.if_integer())), classes));
      at += static_cast<std::size_t>(*size.if_integer());
    }
    Struct result;
    result.set("predictions", std::move(predictions));
    return result;
  }

  Result<Value> answer(const protocol::Request& request, const std::string& payload) {
    if (request.method == "load_base") return load_base(request.params);
    if (request.method == "load_head") return load_head(request.params);
    if (request.method == "unload_head") return unload_head(request.params);
    if (request.method == "predict") return predict(request.params, payload);
    if (request.method == "look") return look_at(request.params.text_at("picture"), {"cat"});
    if (request.method == "hello") return Value(Struct{});
    return Fail(user_error(Code::not_found, "no method `" + request.method + "`"));
  }
};

}  // namespace

int main() {
  static Host host;
  static protocol::Channel channel{os::UniqueFd(3)};
  for (;;) {
    auto frame = channel.read();
    if (!frame) ::_exit(0);
    auto request = protocol::request_from(frame->json);
    if (!request) ::_exit(1);
    std::thread([request = std::move(*request), payload = std::move(frame->payload)] {
      const auto written = channel.write(
          protocol::to_value(protocol::Response{.id = request.id, .outcome = host.answer(request, payload)}));
      if (!written) ::_exit(2);
    }).detach();
  }
}

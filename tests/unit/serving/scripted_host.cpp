// Speaks ipc/host on descriptor 3, like sluice-host, and follows instructions in its input. A base's
// folder may contain the files `die`, `refuse` or `gate` (with a path: it loads once that exists); a picture
// may be `die`, `die once PATH`, `die if again PATH`, `wait PATH` (until that file exists), `bad`, or
// anything else, whose label is the class of that name, if there is one. `look` looks at one picture without
// a head; `try_head` looks at the name of the head's first class as if it were a picture. `print` prints a
// text on standard error.
#include <chrono>
#include <cstdio>
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
  std::map<std::string, fs::path> folders;  ///< from the command line
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> heads;

  Result<Value> load_base(const Value& params) {
    const auto folder = folders["--base"];
    if (fs::exists(folder / "die")) ::_exit(death);
    if (fs::exists(folder / "refuse"))
      return Fail(user_error(Code::failed_precondition, "base: this base refuses to load"));
    if (fs::exists(folder / "gate")) {
      SLUICE_TRY(path, os::read_file(folder / "gate"));
      while (!fs::exists(path)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    for (const auto* name : {"--compiled", "--scratch"})
      if (!fs::is_directory(folders[name]))
        return Fail(user_error(Code::internal, "no folder " + std::string(name)));
    Struct result;
    result.set("base", params.text_at("base"));
    return result;
  }

  Result<Value> load_head(const Value& params, const std::string& payload) {
    SLUICE_TRY(json, parse_json(payload.substr(
                         0, static_cast<std::size_t>(params.integer_at("description_bytes")))));
    std::vector<std::string> classes;
    for (const auto& name : *json.find("classes")->if_list()) classes.push_back(*name.if_string());
    const std::lock_guard lock(mutex);
    heads[params.text_at("head")] = std::move(classes);
    return Value(Struct{});
  }

  Result<Value> try_head(const Value& params) {
    std::vector<std::string> classes;
    {
      const std::lock_guard lock(mutex);
      classes = heads[params.text_at("head")];
    }
    return look_at(classes.front(), classes);
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
    if (picture.starts_with("die if again ")) {
      if (fs::exists(picture.substr(13))) ::_exit(death);
      std::ofstream(picture.substr(13)) << "once";
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
    if (request.method == "load_head") return load_head(request.params, payload);
    if (request.method == "unload_head") return unload_head(request.params);
    if (request.method == "try_head") return try_head(request.params);
    if (request.method == "predict") return predict(request.params, payload);
    if (request.method == "look") return look_at(request.params.text_at("picture"), {"cat"});
    if (request.method == "print") {
      std::fputs(payload.c_str(), stderr);
      return Value(Struct{});
    }
    if (request.method == "hello") return Value(Struct{});
    return Fail(user_error(Code::not_found, "no method `" + request.method + "`"));
  }
};

}  // namespace

int main(int argc, char** argv) {
  static Host host;
  for (int i = 1; i + 1 < argc; i += 2) host.folders[argv[i]] = argv[i + 1];
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

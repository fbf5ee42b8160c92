#include "sluice/app/predict/classifier.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

using namespace std::chrono_literals;

// One part keeps a host busy for about half a second; the server takes four times as much.
constexpr std::size_t part_pictures_max = 64;
constexpr std::size_t part_bytes_max = std::size_t{16} << 20;
constexpr std::size_t picture_bytes_max = (std::size_t{64} << 20) - (std::size_t{64} << 10);
constexpr int failures_in_a_row_max = 16;
constexpr auto busy_timeout = 120s;  ///< for a server that has too much to do
constexpr auto busy_interval_max = 5s;

constexpr int status_too_large = 413;
constexpr int status_exhausted = 429;

/// Of the next file; 0 if it is not known: reading it says why.
std::size_t size_of(const std::string& file) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  return failed ? 0 : size;
}

void append_length(std::string& out, std::size_t length) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(length >> shift & 0xffU));
}

/// The data of an output of the response; null if it is missing or does not have `size` elements.
const List* data_of(const Value& response, std::string_view name, std::size_t size) {
  const auto* outputs = response.find("outputs");
  if (!outputs || !outputs->is_list()) return nullptr;
  for (const auto& output : *outputs->if_list()) {
    if (output.text_at("name") != name) continue;
    const auto* data = output.find("data");
    return data && data->is_list() && data->if_list()->size() == size ? data->if_list() : nullptr;
  }
  return nullptr;
}

}  // namespace

/// A picture that was read, and where its answer belongs.
struct Classifier::Question {
  std::size_t index = 0;
  std::string picture;
};

double Answer::probability() const { return probabilities.empty() ? 0 : std::ranges::max(probabilities); }

Result<Classifier> Classifier::make(Backend& backend, const std::string& endpoint) {
  const auto path = "/v2/models/" + percent_encode(endpoint);
  SLUICE_TRY(description, call(backend, "GET", path));
  std::vector<std::string> classes;
  if (const auto* parameters = description.find("parameters"))
    if (const auto* names = parameters->find("classes"); names && names->is_list())
      for (const auto& name : *names->if_list())
        if (const auto* text = name.if_string()) classes.push_back(*text);
  return Classifier(backend, path + "/infer", std::move(classes));
}

Result<std::vector<Answer>> Classifier::ask(std::span<const std::string>& files) {
  std::vector<Answer> answers;
  std::vector<Question> questions;
  std::size_t bytes = 0;
  while (!files.empty() && answers.size() < part_pictures_max) {
    if (!questions.empty() && bytes + size_of(files.front()) > part_bytes_max) break;
    answers.push_back({.file = files.front()});
    if (auto picture = read_given_file(files.front(), picture_bytes_max)) {
      bytes += picture->size();
      questions.push_back({.index = answers.size() - 1, .picture = std::move(*picture)});
    } else {
      answers.back().error = std::move(picture).error();
    }
    files = files.subspan(1);
  }
  if (!questions.empty()) SLUICE_DO(ask(questions, answers));
  return answers;
}

Result<void> Classifier::ask(std::span<Question> questions, std::vector<Answer>& answers) {
  SLUICE_TRY(response, send(questions));
  const bool may_be_one_picture = response.status >= 500 || response.status == status_too_large;
  if (may_be_one_picture && questions.size() > 1) {
    const auto half = questions.size() / 2;
    SLUICE_DO(ask(questions.first(half), answers));
    return ask(questions.subspan(half), answers);
  }
  if (response.status >= 400) {
    auto error = error_of(response);
    if (!may_be_one_picture || ++failures_in_a_row_ == failures_in_a_row_max) return Fail(std::move(error));
    auto& answer = answers[questions.front().index];
    answer.error = std::move(error).at(os::printable(answer.file));
    return {};
  }
  failures_in_a_row_ = 0;
  SLUICE_TRY(json,
             parse_json(response.body, "response", {.depth_max = 10, .bytes_max = std::size_t{1} << 30}));
  const auto count = questions.size();
  const auto* labels = data_of(json, "label", count);
  const auto* probabilities = data_of(json, "probability", count * classes_.size());
  const auto* rejected = data_of(json, "rejected", count);
  const auto* errors = data_of(json, "error", count);
  if (!labels || !probabilities || !rejected || !errors)
    return Fail(environment_error(Code::unavailable,
                                  "the response of the endpoint does not fit the request; if its model was "
                                  "changed meanwhile, run this again"));
  const auto text_of = [](const Value& value) {
    return value.if_string() ? *value.if_string() : std::string();
  };
  for (std::size_t i = 0; i < count; ++i) {
    auto& answer = answers[questions[i].index];
    if (auto why = text_of((*errors)[i]); !why.empty()) {
      answer.error = invalid_argument(os::printable(answer.file), why);
      continue;
    }
    answer.label = text_of((*labels)[i]);
    answer.rejected = (*rejected)[i] == Value(true);
    answer.version = json.text_at("model_version");
    for (std::size_t c = 0; c < classes_.size(); ++c)
      answer.probabilities.push_back((*probabilities)[i * classes_.size() + c].as_double().value_or(0));
  }
  return {};
}

/// Waits, but not for ever, while the endpoint has too many requests.
Result<ports::Response> Classifier::send(std::span<const Question> questions) {
  std::size_t bytes = 0;
  for (const auto& question : questions) bytes += question.picture.size() + 4;
  BackendRequest request{
      .method = "POST",
      .target = target_,
      .headers = {{"content-type", "application/octet-stream"}},
      .body = fmt::format(
          R"({{"inputs":[{{"name":"image","datatype":"BYTES","shape":[{}],"parameters":{{"binary_data_size":{}}}}}],)"
          R"("outputs":[{{"name":"label"}},{{"name":"probability"}},{{"name":"rejected"}},{{"name":"error"}}]}})",
          questions.size(), bytes)};
  request.headers.emplace_back("inference-header-content-length", std::to_string(request.body.size()));
  request.body.reserve(request.body.size() + bytes);
  for (const auto& question : questions) {
    append_length(request.body, question.picture.size());
    request.body += question.picture;
  }
  std::chrono::milliseconds waited = 0ms;
  for (std::chrono::milliseconds interval = 200ms;;
       interval = std::min<std::chrono::milliseconds>(2 * interval, busy_interval_max)) {
    SLUICE_TRY(response, backend_.request(request));
    if (response.status != status_exhausted || waited >= busy_timeout) return response;
    std::this_thread::sleep_for(interval);
    waited += interval;
  }
}

}  // namespace sluice::app

#include <cstdio>
#include <unordered_set>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/predict/asked_pictures.hpp"
#include "sluice/app/predict/classifier.hpp"
#include "sluice/app/predict/results_file.hpp"
#include "sluice/app/terminal/live_tree.hpp"
#include "sluice/app/terminal/progress_line.hpp"
#include "sluice/base/clock.hpp"
#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

struct PredictOptions {
  SessionOptions common;
  std::string endpoint;
  std::vector<std::string> files;
  std::string out;
};

void print_answer(const Answer& answer) {
  print_text(stdout, "{}  {}  {:.3f}{}\n", printable(answer.file), answer.label, answer.probability(),
             answer.rejected ? "  rejected: unlike the training pictures" : "");
}

/// One line, so that any number can be read one by one.
void print_json_line(const Answer& answer, const std::vector<std::string>& classes) {
  Struct line;
  line.set("file", os::printable(answer.file));
  if (answer.error) {
    line.set("error", answer.error->message);
  } else {
    Struct probabilities;
    for (std::size_t i = 0; i < classes.size(); ++i) probabilities.set(classes[i], answer.probabilities[i]);
    line.set("label", answer.label);
    line.set("probability", answer.probability());
    line.set("probabilities", std::move(probabilities));
    line.set("rejected", answer.rejected);
    line.set("version", answer.version);
  }
  fmt::print("{}\n", to_json(std::move(line)));
}

/// Receives the answers of the command, and remembers how it ends.
class Output {
 public:
  Output(const PredictOptions& options, const std::vector<std::string>& classes,
         std::optional<ResultsFile>& results)
      : options_(options), classes_(classes), results_(results) {}

  Result<void> add(const std::vector<Answer>& answers) {
    for (const auto& answer : answers) {
      if (options_.common.json)
        print_json_line(answer, classes_);
      else if (!results_ && !answer.error)
        print_answer(answer);
      if (answer.error) count_problem(*answer.error);
    }
    if (!options_.common.json && !results_) std::fflush(stdout);
    return results_ ? results_->add(answers) : Result<void>();
  }

  [[nodiscard]] std::size_t problems() const { return problems_; }
  [[nodiscard]] Exit exit() const { return exit_; }

 private:
  /// Reports it, unless the answers that are written say it.
  void count_problem(const Error& error) {
    ++problems_;
    const bool is_written = results_ || options_.common.json;
    const auto exit = is_written ? exit_status_of(error) : report(error);
    if (exit_ != Exit::machine) exit_ = exit;
  }

  const PredictOptions& options_;
  const std::vector<std::string>& classes_;
  std::optional<ResultsFile>& results_;
  std::size_t problems_ = 0;
  Exit exit_ = Exit::ok;
};

std::string counted(std::size_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

Result<Exit> predict(Session& session, const PredictOptions& options) {
  SLUICE_TRY(classifier, Classifier::make(*session.backend, options.endpoint));
  SLUICE_TRY(asked, find_asked_pictures(options.files));
  if (asked.files.empty() && asked.unusable.empty())
    return Fail(user_error(Code::not_found, fmt::format("there is no picture in {}", options.files.front())));
  std::optional<ResultsFile> results;
  if (!options.out.empty()) {
    SLUICE_TRY(opened, ResultsFile::open(options.out, options.endpoint));
    results = std::move(opened);
    std::unordered_set<std::string> seen;
    std::erase_if(asked.files,
                  [&](const std::string& file) { return results->has(file) || !seen.insert(file).second; });
  }
  const bool is_listed = !results || options.common.json;
  ProgressLine line(can_redraw() && !(is_listed && ::isatty(STDOUT_FILENO) != 0));
  const SystemClock clock;
  const ports::ProgressReport begun{
      .total = static_cast<std::int64_t>(asked.files.size()), .unit = "pictures", .at = clock.now()};
  Output output(options, classifier.classes(), results);
  SLUICE_DO(output.add(asked.unusable));
  line.draw(ports::progress_of(begun, begun));
  for (std::span<const std::string> left = asked.files; !left.empty();) {
    auto answers = classifier.ask(left);
    line.clear();
    auto added = answers ? output.add(*answers) : Result<void>(Fail(std::move(answers).error()));
    if (!added && results)
      return Fail(
          std::move(added).error().with_note("run the same command again to continue " + options.out));
    if (!added) return Fail(std::move(added).error());
    auto latest = begun;
    latest.done = begun.total - static_cast<std::int64_t>(left.size());
    latest.at = clock.now();
    line.draw(ports::progress_of(begun, latest));
  }
  line.clear();
  if (asked.others > 0)
    print_text(stderr, "passed over {}: no picture by content or name\n", counted(asked.others, "file"));
  if (results && !options.common.json)
    print_text(
        stdout, "{}: {}{}\n", options.out, counted(results->predictions(), "prediction"),
        output.problems() > 0 ? fmt::format(", {} without one", counted(output.problems(), "file")) : "");
  return output.exit();
}

}  // namespace

void add_predict(CommandLine& program) {
  auto options = std::make_shared<PredictOptions>();
  auto& command = program.add("predict", "classify pictures with an endpoint");
  add_session(command, options->common,
              "sluice predict stamps cat.png dog.jpg\n  sluice predict stamps pictures/ --out results.csv");
  command.argument("ENDPOINT", options->endpoint);
  command.argument("FILE", options->files, "picture files, and folders of them");
  command.option("--out", options->out,
                 "write the answers into this CSV file; continues one that was begun by the same command",
                 {.name = "FILE"});
  command.when_called([options] {
    return with_session(options->common, "predict",
                        [&](Session& session) { return predict(session, *options); });
  });
}

}  // namespace sluice::app

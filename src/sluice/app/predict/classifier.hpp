#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sluice/app/backend.hpp"

namespace sluice::app {

/// What an endpoint says of one file.
struct Answer {
  std::string file;
  std::optional<Error> error;  ///< why there is no prediction; the following is empty then
  std::string label;
  std::vector<double> probabilities;  ///< by class, in the order of `Classifier::classes`
  bool rejected = false;              ///< too unlike the training pictures
  std::string version;                ///< of the model

  /// Of the label.
  [[nodiscard]] double probability() const;
};

/// Asks one endpoint about any number of files, a bounded part of them in each request. Used by one thread.
class Classifier {
 public:
  /// Code::not_found if there is no such endpoint. The backend must outlive it.
  static Result<Classifier> make(Backend& backend, const std::string& endpoint);

  [[nodiscard]] const std::vector<std::string>& classes() const { return classes_; }

  /// Takes the next part off `files` (not empty), and returns its answers in the same order. A file that
  /// cannot be read, or that the endpoint cannot take, costs the others nothing but time: its answer is an
  /// error. Fails if no file would get an answer: the server cannot be reached, the endpoint is gone, its
  /// model cannot be loaded.
  Result<std::vector<Answer>> ask(std::span<const std::string>& files);

 private:
  struct Question;
  Classifier(Backend& backend, std::string target, std::vector<std::string> classes)
      : backend_(backend), target_(std::move(target)), classes_(std::move(classes)) {}
  Result<void> ask(std::span<Question> questions, std::vector<Answer>& answers);
  Result<ports::Response> send(std::span<const Question> questions);

  Backend& backend_;
  const std::string target_;
  const std::vector<std::string> classes_;
  int failures_in_a_row_ = 0;  ///< requests about one file that the server could not answer
};

}  // namespace sluice::app

#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "sluice/ports/containers.hpp"

namespace sluice::executors {

/// podman or docker, through its command line. What plans say reaches it as single arguments, never as text
/// that a shell or it splits.
class ContainerEngine final : public ports::Containers {
 public:
  /// What whoever operates the server has set.
  struct Settings {
    /// The program and options before any command. Empty: podman, or else docker, if PATH has it.
    std::vector<std::string> engine;
    std::vector<std::string> run_options;  ///< of `run`, besides those of Sluice
    std::vector<std::string> environment;  ///< "NAME=value": what the engine itself is given
  };
  /// SLUICE_CONTAINER_ENGINE and SLUICE_CONTAINER_RUN_OPTIONS, words between spaces; and the variables that
  /// engines read.
  static Settings settings_of(const char* const* environment);

  /// How long the engine may take for a command, and for getting an image.
  struct Limits {
    std::chrono::milliseconds command = std::chrono::minutes(1);
    std::chrono::milliseconds pull = std::chrono::minutes(30);
  };
  explicit ContainerEngine(Settings settings) : ContainerEngine(std::move(settings), Limits()) {}
  ContainerEngine(Settings settings, Limits limits);

  /// The engine's name and version, "podman 4.3.1", if it works. The same errors as `resolve`.
  Result<std::string> version();

  Result<std::string> resolve(const std::string& image) override;
  Result<Command> command(const Container& container) override;
  Result<void> remove(const std::string& fence) override;
  Result<void> remove_all(const std::string& task) override;
  [[nodiscard]] std::optional<std::string> problem(int status, std::string_view output) const override;

 private:
  struct Answer {
    std::string engine;  ///< "podman", for messages
    bool succeeded = false;
    bool timed_out = false;
    std::string out;
    std::string problem;  ///< if it did not succeed
  };
  /// The program, looked for each time: an engine that is installed later is found.
  [[nodiscard]] Result<std::string> program() const;
  [[nodiscard]] Result<Answer> ask(const std::vector<std::string>& words,
                                   std::chrono::milliseconds limit) const;
  [[nodiscard]] Result<Answer> ask(const std::vector<std::string>& words) const {
    return ask(words, limits_.command);
  }
  [[nodiscard]] Result<std::optional<std::string>> find_image(const std::string& image) const;
  [[nodiscard]] Result<void> remove_containers(std::vector<std::string> names) const;

  const Settings settings_;
  const Limits limits_;
};

}  // namespace sluice::executors
